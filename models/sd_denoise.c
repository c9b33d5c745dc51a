/* sd_denoise.c: the loop from starting latents to final ones, as diffusers' pipelines.
 *
 * Pictures of one run share each step, because a sampler draws its noise for all of them at once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sd_network.h"

typedef struct {
    SdNetwork network;
    SdSkip skip;
    SdControl control;
    const SdcTensor *out;
    float *scaled;                  /* [count][size]: the latents as the network wants them */
    float *predicted;               /* [rows][size] */
} Denoiser;

/* All rows through the network for evaluation `at` of the drawing; predicted[rows]. */
static int run_network(Sd *sd, Denoiser *u, int64_t at)
{
    SdNetwork *n = &u->network;
    int64_t rows = sd_network_rows(sd, n);
    for (int64_t row = 0; row < rows; row += n->batch) {
        int code = sd_network_put(sd, n, u->scaled, row, at);
        if (!code)
            code = sd_control_put(sd, &u->control, n, u->scaled, row, at);
        if (code || (code = pipeline_step(&n->context, n->program)))
            return code;
        tensor_get(&n->context, u->out, 0, u->predicted + row * sd->size, smaller(n->batch, rows - row) * sd->size);
    }
    return SDC_OK;
}

/* Standard deviation, as torch.std. */
static double spread(const float *x, int64_t n)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i];
    for (int64_t i = 0; i < n; i++)
        squares += ((double)x[i] - sum / (double)n) * ((double)x[i] - sum / (double)n);
    return sqrt(squares / (double)(n > 1 ? n - 1 : 1));
}

/* predicted [count][negative, prompt][size] to [count][size], in place; --guidance-rescale as rescale_noise_cfg() of
 * diffusers: guided[size] goes that far towards the spread that the prompt's prediction has. */
static void guide(const Sd *sd, float *predicted)
{
    float scale = (float)sd->options->guidance, share = (float)sd->options->rescale;
    for (int64_t k = 0; k < sd->options->count; k++) {
        const float *negative = predicted + 2 * k * sd->size, *prompt = negative + sd->size;
        float *guided = predicted + k * sd->size;
        double wanted = share > 0 ? spread(prompt, sd->size) : 0;
        pipeline_guide(guided, negative, prompt, scale, sd->size);
        float factor = share > 0 ? share * (float)(wanted / spread(guided, sd->size)) + (1 - share) : 1;
        for (int64_t i = 0; factor != 1 && i < sd->size; i++)
            guided[i] *= factor;
    }
}

/* What the prompt alone gave is gone once the guided prediction lies over it. */
static int guide_evaluation(Sd *sd, Denoiser *u, int64_t at)
{
    if (!sd_skip_wanted(sd, at)) {
        guide(sd, u->predicted);
        return SDC_OK;
    }
    int64_t n = sd->options->count * sd->size;
    float *prompt = NULL;
    int code = pipeline_floats(&prompt, n);
    for (int64_t k = 0; !code && k < sd->options->count; k++)
        memcpy(prompt + k * sd->size, u->predicted + (2 * k + 1) * sd->size, (size_t)sd->size * sizeof *prompt);
    if (!code) {
        guide(sd, u->predicted);
        code = sd_skip_guide(sd, &u->skip, u->scaled, at, prompt, u->predicted);
    }
    free(prompt);
    return code;
}

static int denoise(Sd *sd, Denoiser *u)
{
    Scheduler *s = sd->scheduler;
    int64_t n = sd->options->count * sd->size, first = s->index, end = sd->end ? sd->end : s->evaluations;
    SdcProgress progress;
    sdc_progress_begin(&progress, "drawing", sd->evaluations, sd->options->common.quiet || sd->options->bench);
    int code = SDC_OK;
    while (!code && s->index < end) {
        if (sd->trace)
            memcpy(sd->trace + (s->index - first) * n, sd->latents, (size_t)n * sizeof *sd->latents);
        scheduler_scale_model_input(s, u->scaled, sd->latents);
        if (sd->samples)
            memcpy(sd->samples + (s->index - first) * n, u->scaled, (size_t)n * sizeof *u->scaled);
        if ((code = run_network(sd, u, s->index - first)))
            break;
        if (sd->guided && (code = guide_evaluation(sd, u, s->index - first)))
            break;
        if (sd->options->preview_every && !sd->options->bench &&
            (s->index - first + 1) % sd->options->preview_every == 0 &&
            (code = sd_preview(sd, u->predicted)))
            break;
        if ((code = scheduler_step(s, u->predicted, sd->latents, scheduler_draw_random, &sd->random)))
            sdc_error(code, "%s", s->message);
        if (!code && sd->family->after_step)
            code = sd->family->after_step(sd);
        sdc_progress_step(&progress, s->index - first);
        if (sd->warming)
            break;
    }
    if (sd->trace)
        memcpy(sd->trace + sd->evaluations * n, sd->latents, (size_t)n * sizeof *sd->latents);
    sdc_progress_end(&progress);
    sd->table_seconds = u->network.tables.seconds;
    return code;
}

/* The network takes nothing else than what it is given. */
static int check_inputs(const Sd *sd, const Denoiser *u)
{
    const SdNetwork *n = &u->network;
    if (n->program->n_inputs == n->n_conditions + 2 + u->control.n)
        return SDC_OK;
    for (int i = 0; i < n->program->n_inputs; i++) {
        const SdcTensor *t = &n->program->inputs[i];
        bool known = t == n->sample || t == n->timestep;
        for (int k = 0; k < n->n_conditions; k++)
            known |= t == n->inputs[k];
        for (int k = 0; k < u->control.n; k++)
            known |= t == u->control.to[k];
        if (!known)
            return sdc_error(SDC_UNSUPPORTED, "%s: input '%s' is not one of a %s", n->program->name, t->name,
                             sd->family->class);
    }
    return sdc_error(SDC_BUG, "%s: an input is given twice", n->program->name);
}

static int open_networks(Sd *sd, Denoiser *u)
{
    int code;
    if ((code = sd_network_open(sd, &u->network, sd->denoiser, 0, sd_prompts(sd))) ||
        (code = pipeline_output(sd->denoiser, sd->family->prediction, 4, &u->out)) ||
        (code = sd_control_open(sd, &u->control)) || (code = check_inputs(sd, u)))
        return code;
    return sd_skip_open(sd, &u->skip);
}

int sd_denoise(Sd *sd)
{
    Denoiser u = {0};
    int64_t count = sd->options->count;
    int code;
    sd->evaluations = (sd->end ? sd->end : sd->scheduler->evaluations) - sd->scheduler->index;
    sd->timesteps = sd->scheduler->timesteps + sd->scheduler->index;
    if (!(code = pipeline_floats(&u.scaled, count * sd->size)) &&
        !(code = pipeline_floats(&u.predicted, count * 2 * sd->size)) && !(code = open_networks(sd, &u)))
        code = denoise(sd, &u);
    sd_skip_close(sd, &u.skip);
    sd_control_close(sd, &u.control);
    sd_network_close(sd, &u.network);
    free(u.scaled);
    free(u.predicted);
    return code;
}
