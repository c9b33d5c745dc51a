/* sd_denoise.c: the loop from starting latents to final ones, as diffusers' pipelines.
 *
 * Pictures of one run share each step, because a sampler draws its noise for all of them at once.  The network's rows
 * (picture 0 negative, picture 0 prompt, picture 1 negative ...) go through it as many at a time as it was compiled
 * for.  A program may overwrite its inputs, so all of them are set before every run, but those that count as the prompt,
 * which are set when it changes. */
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "sd.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

typedef struct {
    SdcContext context;
    const SdcTensor *sample, *timestep, *out;
    const SdcTensor *conditions[SD_CONDITIONS];
    float *scaled;                  /* [count][size]: the latents as the network wants them */
    float *predicted;               /* [rows][size] */
    int64_t *shown;                 /* [batch]: the prompt in each row of the arena that prompt() has seen, -1: none */
    PipelineTables tables;
} Denoiser;

/* The prompts of rows [row, row + batch), unless the network has just seen the same. */
static int show_prompts(Sd *sd, Denoiser *u, int64_t row)
{
    int64_t prompts = sd_prompts(sd), last = prompts * sd->options->count - 1, batch = u->sample->dim[0];
    bool same = true;
    for (int64_t k = 0; k < batch; k++)
        same &= u->shown[k] == smaller(row + k, last) % prompts;
    if (same && sd->denoiser->prompt)               /* without it the text is an input like any other, and used up by a run */
        return SDC_OK;
    if (!same)
        u->tables.first = -1;
    for (int64_t k = 0; k < batch; k++) {
        u->shown[k] = smaller(row + k, last) % prompts;
        for (int i = 0; i < sd->n_conditions; i++) {
            const SdCondition *c = &sd->conditions[i];
            tensor_put(&u->context, u->conditions[i], k * c->row, c->values + u->shown[k] * c->row, c->row);
        }
    }
    return pipeline_prompt(&u->context, sd->denoiser);
}

/* Latents, and what the class puts behind them, as row k of the network's sample. */
static void put_sample(const Sd *sd, Denoiser *u, int64_t k, const float *latents)
{
    int64_t row = sd->size + sd->extra_size;
    tensor_put(&u->context, u->sample, k * row, latents, sd->size);
    if (sd->extra_size)
        tensor_put(&u->context, u->sample, k * row + sd->size, sd->extra, sd->extra_size);
}

/* All rows through the network for evaluation `at` of the drawing; predicted[rows]. */
static int run_network(Sd *sd, Denoiser *u, int64_t at)
{
    int64_t prompts = sd_prompts(sd), rows = prompts * sd->options->count, batch = u->sample->dim[0];
    for (int64_t row = 0; row < rows; row += batch) {
        int code = show_prompts(sd, u, row);
        if (!code)
            code = pipeline_timestep(&u->context, sd->denoiser, &u->tables, sd->timesteps, sd->evaluations, at);
        for (int64_t k = 0; k < batch; k++)
            put_sample(sd, u, k, u->scaled + smaller(row + k, rows - 1) / prompts * sd->size);
        tensor_fill(&u->context, u->timestep, sd->timesteps[at]);
        if (code || (code = pipeline_step(&u->context, sd->denoiser)))
            return code;
        tensor_get(&u->context, u->out, 0, u->predicted + row * sd->size, smaller(batch, rows - row) * sd->size);
    }
    return SDC_OK;
}

/* predicted [count][negative, prompt][size] to [count][size], in place. */
static void guide(const Sd *sd, float *predicted)
{
    float scale = (float)sd->options->guidance;
    for (int64_t k = 0; k < sd->options->count; k++) {
        const float *negative = predicted + 2 * k * sd->size, *prompt = negative + sd->size;
        for (int64_t i = 0; i < sd->size; i++)
            predicted[k * sd->size + i] = negative[i] + scale * (prompt[i] - negative[i]);
    }
}

static int denoise(Sd *sd, Denoiser *u)
{
    Scheduler *s = sd->scheduler;
    int64_t n = sd->options->count * sd->size, first = s->index;
    SdcProgress progress;
    sd->evaluations = s->evaluations - first;
    sd->timesteps = s->timesteps + first;
    sdc_progress_begin(&progress, "drawing", sd->evaluations, sd->options->quiet || sd->options->bench);
    int code = SDC_OK;
    while (!code && s->index < s->evaluations) {
        if (sd->trace)
            memcpy(sd->trace + (s->index - first) * n, sd->latents, (size_t)n * sizeof *sd->latents);
        scheduler_scale_model_input(s, u->scaled, sd->latents);
        if (sd->samples)
            memcpy(sd->samples + (s->index - first) * n, u->scaled, (size_t)n * sizeof *u->scaled);
        if ((code = run_network(sd, u, s->index - first)))
            break;
        if (sd->guided)
            guide(sd, u->predicted);
        if (sd->options->preview_every && !sd->options->bench && (s->index - first + 1) % sd->options->preview_every == 0 &&
            (code = sd_preview(sd, u->scaled, u->predicted, sd->timesteps[s->index - first])))
            break;
        if ((code = scheduler_step(s, u->predicted, sd->latents, scheduler_draw_random, &sd->random)))
            sdc_error(code, "%s", s->message);
        sdc_progress_step(&progress, s->index - first);
        if (sd->warming)
            break;
    }
    if (sd->trace)
        memcpy(sd->trace + sd->evaluations * n, sd->latents, (size_t)n * sizeof *sd->latents);
    sdc_progress_end(&progress);
    sd->table_seconds = u->tables.seconds;
    return code;
}

static int forget_prompts(Denoiser *u)
{
    int64_t batch = u->sample->dim[0];
    u->shown = malloc((size_t)batch * sizeof *u->shown);
    u->tables = (PipelineTables){.first = -1};
    for (int64_t k = 0; u->shown && k < batch; k++)
        u->shown[k] = -1;
    return u->shown ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
}

/* The network's tensors by name, and that it wants nothing else. */
static int find_tensors(const Sd *sd, Denoiser *u)
{
    const SdcProgram *p = sd->denoiser;
    int code;
    if ((code = pipeline_input(p, sd->family->sample, 4, &u->sample)) ||
        (code = pipeline_input(p, "timestep", -1, &u->timestep)) ||
        (code = pipeline_output(p, sd->family->prediction, 4, &u->out)))
        return code;
    for (int k = 0; k < sd->n_conditions; k++) {
        if ((code = pipeline_input(p, sd->conditions[k].input, -1, &u->conditions[k])))
            return code;
        if (u->conditions[k]->dim[0] != u->sample->dim[0] || tensor_row(u->conditions[k]) != sd->conditions[k].row)
            return sdc_error(SDC_UNSUPPORTED, "%s: input '%s' is not %lld values for each of %lld rows", p->name,
                             sd->conditions[k].input, (long long)sd->conditions[k].row, (long long)u->sample->dim[0]);
    }
    if (p->n_inputs == sd->n_conditions + 2)
        return SDC_OK;
    for (int i = 0; i < p->n_inputs; i++) {
        const SdcTensor *t = &p->inputs[i];
        bool known = t == u->sample || t == u->timestep;
        for (int k = 0; k < sd->n_conditions; k++)
            known |= t == u->conditions[k];
        if (!known)
            return sdc_error(SDC_UNSUPPORTED, "%s: input '%s' is not one of a %s", p->name, t->name, sd->family->class);
    }
    return sdc_error(SDC_BUG, "%s: an input is given twice", p->name);
}

int sd_denoise(Sd *sd)
{
    Denoiser u = {0};
    int64_t count = sd->options->count;
    int code;
    if (!(code = find_tensors(sd, &u)) && !(code = pipeline_floats(&u.scaled, count * sd->size)) &&
        !(code = pipeline_floats(&u.predicted, count * 2 * sd->size)) && !(code = forget_prompts(&u)) &&
        !(code = sdc_instance_open(&u.context, sd->denoiser, sd->pool)))
        code = denoise(sd, &u);
    sd_close_network(sd, &u.context);
    free(u.scaled);
    free(u.predicted);
    free(u.shown);
    return code;
}
