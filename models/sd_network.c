/* sd_network.c: what a network of the loop is given; see sd_network.h.
 *
 * A program may overwrite its inputs, so all of them are set before every run, but those that count as the prompt,
 * which are set when it changes. */
#include "sd_network.h"

#include <stdlib.h>
#include <string.h>

int64_t sd_network_rows(const Sd *sd, const SdNetwork *u)
{
    return u->prompts * sd->options->count;
}

/* The prompts of rows [row, row + batch), unless the network has just seen the same. */
static int show_prompts(Sd *sd, SdNetwork *u, int64_t row)
{
    int64_t last = sd_network_rows(sd, u) - 1;
    bool same = true;
    for (int64_t k = 0; k < u->batch; k++)
        same &= u->shown[k] == smaller(row + k, last) % u->prompts;
    if (same && u->program->prompt)     /* without it the text is an input like any other, and used up by a run */
        return SDC_OK;
    if (!same)
        u->tables.first = -1;
    for (int64_t k = 0; k < u->batch; k++) {
        u->shown[k] = smaller(row + k, last) % u->prompts;
        for (int i = 0; i < u->n_conditions; i++) {
            const SdCondition *c = &u->conditions[i];
            tensor_put(&u->context, u->inputs[i], k * c->row, c->values + (u->first + u->shown[k]) * c->row, c->row);
        }
    }
    return pipeline_prompt(&u->context, u->program);
}

/* Latents, and what the class puts behind them, as row k of the network's sample. */
static void put_sample(const Sd *sd, SdNetwork *u, int64_t k, const float *latents)
{
    int64_t row = sd->size + u->extra;
    tensor_put(&u->context, u->sample, k * row, latents, sd->size);
    if (u->extra)
        tensor_put(&u->context, u->sample, k * row + sd->size, sd->extra, u->extra);
}

int sd_network_put(Sd *sd, SdNetwork *u, const float *latents, int64_t row, int64_t at)
{
    int64_t last = sd_network_rows(sd, u) - 1;
    int code = show_prompts(sd, u, row);
    if (!code)
        code = pipeline_timestep(&u->context, u->program, &u->tables, sd->timesteps, sd->evaluations, at);
    for (int64_t k = 0; !code && !u->tokens && k < u->batch; k++)
        put_sample(sd, u, k, latents + smaller(row + k, last) / u->prompts * sd->size);
    tensor_fill(&u->context, u->timestep, sd->timesteps[at]);
    return code;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

int sd_network_begin(Sd *sd, SdNetwork *u, const SdcProgram *p, int64_t first, int64_t prompts)
{
    *u = (SdNetwork){.program = p, .first = first, .prompts = prompts, .tables = {.first = -1}};
    int code = pipeline_input(p, sd->family->sample, -1, &u->sample);
    if (!code)
        code = pipeline_input(p, "timestep", -1, &u->timestep);
    if (!code)
        code = driver_fits(sd->scheduler, u->timestep);
    if (code)
        return code;
    u->tokens = u->sample->rank == 3;
    u->extra = tensor_row(u->sample) - sd->size;
    if (!u->tokens && u->extra && u->extra != sd->extra_size)
        return sdc_error(SDC_UNSUPPORTED, "%s: does not take latents of %lld x %lld x %lld", p->name,
                         (long long)sd->channels, (long long)sd->height, (long long)sd->width);
    u->batch = u->sample->dim[0];
    u->shown = malloc((size_t)u->batch * sizeof *u->shown);
    for (int64_t k = 0; u->shown && k < u->batch; k++)
        u->shown[k] = -1;
    return u->shown ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
}

int sd_network_add(SdNetwork *u, const SdCondition *c)
{
    const SdcTensor **input = &u->inputs[u->n_conditions];
    int code = pipeline_input(u->program, c->input, -1, input);
    if (code)
        return code;
    if ((*input)->dim[0] != u->batch || tensor_row(*input) != c->row)
        return sdc_error(SDC_UNSUPPORTED, "%s: input '%s' is not %lld values for each of %lld rows", u->program->name,
                         c->input, (long long)c->row, (long long)u->batch);
    u->conditions[u->n_conditions++] = *c;
    return SDC_OK;
}

int sd_network_start(Sd *sd, SdNetwork *u)
{
    return sdc_instance_open(&u->context, u->program, sd->pool);
}

int sd_network_open(Sd *sd, SdNetwork *u, const SdcProgram *p, int64_t first, int64_t prompts)
{
    int code = sd_network_begin(sd, u, p, first, prompts);
    for (int k = 0; !code && k < sd->n_conditions; k++)
        code = sd_network_add(u, &sd->conditions[k]);
    return code ? code : sd_network_start(sd, u);
}

void sd_network_close(Sd *sd, SdNetwork *u)
{
    sd_close_network(sd, &u->context);
    free(u->shown);
    u->shown = NULL;
}
