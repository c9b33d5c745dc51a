/* DDIM: denoising diffusion implicit models (Song et al., arXiv 2010.02502, formulas 12 and 16), and its inverse, which
 * takes the same steps without noise the other way, from the picture (section 4.3).
 *
 * eta 0 is deterministic, eta 1 as noisy as DDPM.
 * history: [0] x0, [1] epsilon */
#include <math.h>

#include "scheduler_family.h"

static int check(Scheduler *s)
{
    return scheduler_make_betas(s, false);
}

static int set_timesteps(Scheduler *s, int64_t steps)
{
    if (steps > s->config.num_train_timesteps)
        return scheduler_fail(s, SDC_USAGE, "%lld steps are more than the %lld of training", (long long)steps,
                              (long long)s->config.num_train_timesteps);
    s->evaluations = scheduler_space(s, steps, s->config.num_train_timesteps, TIMESTEPS_INTEGERS);
    return scheduler_check_timesteps(s);
}

/* alphas_cumprod at the timestep of s->index, and at the one that a step of DDIM from there leads to. */
static float alpha_here(const Scheduler *s)
{
    return scheduler_alpha(s, (int64_t)s->timesteps[s->index]);
}

static float alpha_below(const Scheduler *s)
{
    return scheduler_alpha(s, (int64_t)s->timesteps[s->index] - s->config.num_train_timesteps / s->steps);
}

/* From the level of noise of alpha to that of alpha_next. */
static int move(Scheduler *s, float alpha, float alpha_next, float eta, const float *model_output, float *sample)
{
    float root_alpha = sqrtf(alpha), root_beta = sqrtf(1 - alpha);
    float variance = (1 - alpha_next) / (1 - alpha) * (1 - alpha / alpha_next);
    float deviation = eta == 0 ? 0 : eta * sqrtf(variance);    /* from a clean picture the variance is infinite */
    float *x0 = s->history[0], *epsilon = s->history[1];
    scheduler_x0(s, root_alpha, root_beta, model_output, sample, x0);
    scheduler_epsilon(s, root_alpha, root_beta, model_output, sample, epsilon);
    int code = scheduler_limit_x0(s, x0);
    if (!code && eta > 0)
        code = scheduler_draw(s);
    if (code)
        return code;
    float from_x0 = sqrtf(alpha_next), from_epsilon = sqrtf(1 - alpha_next - deviation * deviation);
    for (int64_t i = 0; i < s->count; i++) {
        float e = s->options.use_clipped_model_output ? (sample[i] - root_alpha * x0[i]) / root_beta : epsilon[i];
        float next = from_x0 * x0[i] + from_epsilon * e;
        sample[i] = eta > 0 ? next + deviation * s->noise[i] : next;
    }
    return SDC_OK;
}

static int step(Scheduler *s, const float *model_output, float *sample)
{
    return move(s, alpha_here(s), alpha_below(s), (float)s->options.eta, model_output, sample);
}

/* ---- the inverse ------------------------------------------------------------------------------------------------- */

static int inverse_check(Scheduler *s)
{
    if (s->config.timestep_spacing == SPACING_LINSPACE)
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s: timestep_spacing \"linspace\" is not supported", s->class->name);
    return check(s);
}

static int inverse_timesteps(Scheduler *s, int64_t steps)
{
    int code = set_timesteps(s, steps);
    scheduler_reverse_timesteps(s, s->evaluations);
    return code;
}

/* The network sees the timestep that the step leads to. */
static int inverse_step(Scheduler *s, const float *model_output, float *sample)
{
    return move(s, alpha_below(s), alpha_here(s), 0, model_output, sample);
}

static NoiseLevel inverse_noise(const Scheduler *s)
{
    float alpha = alpha_below(s);
    return (NoiseLevel){ sqrtf(alpha), sqrtf(1 - alpha) };
}

const SchedulerFamily family_ddim = {
    .check = check, .set_timesteps = set_timesteps, .step = step, .noise_level = scheduler_alpha_noise, .history = 2,
};

const SchedulerFamily family_ddim_inverse = {
    .check = inverse_check, .set_timesteps = inverse_timesteps, .step = inverse_step, .noise_level = inverse_noise,
    .history = 2,
};
