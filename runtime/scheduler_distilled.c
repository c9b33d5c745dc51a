/* LCM, TCD and consistency models: samplers of networks distilled to few steps (Luo et al., arXiv 2310.04378,
 * algorithm 3; Zheng et al., arXiv 2402.19159, algorithm 4; Song et al., arXiv 2303.01469, algorithm 1).
 *
 * LCM, TCD: the timesteps are chosen among those of the distillation, every (num_train_timesteps /
 * original_inference_steps)th.  Consistency models: likewise among num_train_timesteps Karras sigmas.
 * history: [0] x0, [1] epsilon (TCD) */
#include <math.h>

#include "scheduler_family.h"

static int check(Scheduler *s)
{
    int64_t original = s->config.original_inference_steps;
    if (original < 1 || original > s->config.num_train_timesteps)
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s: original_inference_steps %lld is not between 1 and %lld",
                              s->class->name, (long long)original, (long long)s->config.num_train_timesteps);
    return scheduler_make_betas(s, false);
}

static int set_timesteps(Scheduler *s, int64_t steps)
{
    int64_t original = s->config.original_inference_steps, stride = s->config.num_train_timesteps / original;
    original = (int64_t)((double)original * s->options.strength);
    if (steps > original)
        return scheduler_fail(s, SDC_USAGE, "%s: %lld steps are more than the %lld of its distillation that are left",
                              s->class->name, (long long)steps, (long long)original);
    for (int64_t i = 0; i < steps; i++) {
        int64_t skipped = (int64_t)floor((double)i * ((double)original / (double)steps));
        s->timesteps[i] = (double)((original - skipped) * stride - 1);
    }
    s->evaluations = steps;
    return scheduler_check_timesteps(s);
}

/* The timestep after this one; `last` behind the end. */
static int64_t next_timestep(const Scheduler *s, int64_t last)
{
    return s->index + 1 < s->evaluations ? (int64_t)s->timesteps[s->index + 1] : last;
}

static int lcm_step(Scheduler *s, const float *model_output, float *sample)
{
    const float sigma_data = 0.5f;
    int64_t t = (int64_t)s->timesteps[s->index];
    float alpha = scheduler_alpha(s, t), alpha_next = scheduler_alpha(s, next_timestep(s, t));
    float scaled = (float)t * (float)s->config.timestep_scaling, sum = scaled * scaled + sigma_data * sigma_data;
    float skip = sigma_data * sigma_data / sum, out = scaled / sqrtf(sum);
    bool noisy = s->index + 1 < s->evaluations;

    float *x0 = s->history[0];
    scheduler_x0(s, sqrtf(alpha), sqrtf(1 - alpha), model_output, sample, x0);
    int code = scheduler_limit_x0(s, x0);
    if (!code && noisy)
        code = scheduler_draw(s);
    if (code)
        return code;
    float keep = sqrtf(alpha_next), add = sqrtf(1 - alpha_next);
    for (int64_t i = 0; i < s->count; i++) {
        float denoised = out * x0[i] + skip * sample[i];
        sample[i] = noisy ? keep * denoised + add * s->noise[i] : denoised;
    }
    return SDC_OK;
}

static int tcd_step(Scheduler *s, const float *model_output, float *sample)
{
    float eta = (float)s->options.eta;
    if (!(eta >= 0 && eta <= 1))
        return scheduler_fail(s, SDC_USAGE, "%s: eta %g is not between 0 and 1", s->class->name, s->options.eta);
    int64_t next = next_timestep(s, 0), between = (int64_t)floorf((float)(1 - s->options.eta) * (float)next);
    float alpha = scheduler_alpha(s, (int64_t)s->timesteps[s->index]);
    float alpha_next = scheduler_alpha(s, next), alpha_between = scheduler_alpha(s, between);
    float ratio = alpha_next / alpha_between;
    bool noisy = eta > 0 && s->index + 1 < s->evaluations;

    float *x0 = s->history[0], *epsilon = s->history[1];
    scheduler_x0(s, sqrtf(alpha), sqrtf(1 - alpha), model_output, sample, x0);
    scheduler_epsilon(s, sqrtf(alpha), sqrtf(1 - alpha), model_output, sample, epsilon);
    int code = noisy ? scheduler_draw(s) : SDC_OK;
    if (code)
        return code;
    float from_x0 = sqrtf(alpha_between), from_epsilon = sqrtf(1 - alpha_between);
    for (int64_t i = 0; i < s->count; i++) {
        float x = from_x0 * x0[i] + from_epsilon * epsilon[i];
        sample[i] = noisy ? sqrtf(ratio) * x + sqrtf(1 - ratio) * s->noise[i] : x;
    }
    return SDC_OK;
}

const SchedulerFamily family_lcm = {
    .check = check, .set_timesteps = set_timesteps, .step = lcm_step, .noise_level = scheduler_alpha_noise,
    .history = 1, .timestep_names_step = true,
};

const SchedulerFamily family_tcd = {
    .check = check, .set_timesteps = set_timesteps, .step = tcd_step, .noise_level = scheduler_alpha_noise,
    .history = 2, .timestep_names_step = true,
};

/* ---- consistency models ------------------------------------------------------------------------------------------ */

static int consistency_timesteps(Scheduler *s, int64_t steps)
{
    const SchedulerConfig *c = &s->config;
    int64_t train = c->num_train_timesteps, stride = train / steps;
    if (steps > train)
        return scheduler_fail(s, SDC_USAGE, "%lld steps are more than the %lld of training", (long long)steps,
                              (long long)train);
    for (int64_t i = 0; i < steps; i++) {
        double share = (double)(i * stride) / (double)(train - 1);
        s->work[i] = scheduler_karras_sigma(c->sigma_max, c->sigma_min, c->rho, share);
        s->timesteps[i] = 250 * log(s->work[i] + 1e-44);
    }
    s->evaluations = steps;
    scheduler_store_sigmas(s, steps, (float)c->sigma_min);
    s->init_noise_sigma = (float)c->sigma_max;
    return SDC_OK;
}

/* To the picture, and back to the next sigma with fresh noise, of which the least is in the network's sigma_min. */
static int consistency_step(Scheduler *s, const float *model_output, float *sample)
{
    const SchedulerConfig *c = &s->config;
    float least = (float)c->sigma_min, next = fminf(fmaxf(s->sigmas[s->index + 1], least), (float)c->sigma_max);
    float added = (float)c->s_noise * sqrtf(fmaxf(next * next - least * least, 0));
    bool noisy = s->evaluations > 1;
    int code = noisy ? scheduler_draw(s) : SDC_OK;
    if (code)
        return code;
    for (int64_t i = 0; i < s->count; i++) {
        float x0 = scheduler_k_x0(s, s->sigmas[s->index], model_output[i], sample[i]);
        if (c->clip_denoised)
            x0 = fminf(fmaxf(x0, -1), 1);
        sample[i] = noisy ? x0 + added * s->noise[i] : x0;
    }
    return SDC_OK;
}

const SchedulerFamily family_consistency = {
    .set_timesteps = consistency_timesteps, .step = consistency_step, .noise_level = scheduler_k_noise,
    .divisor = scheduler_k_divisor, .timestep_names_step = true,
};
