/* DDIM: denoising diffusion implicit models (Song et al., arXiv 2010.02502, formulas 12 and 16).
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

static int step(Scheduler *s, const float *model_output, float *sample)
{
    int64_t t = (int64_t)s->timesteps[s->index];
    float alpha = scheduler_alpha(s, t);
    float alpha_before = scheduler_alpha(s, t - s->config.num_train_timesteps / s->steps);
    float root_alpha = sqrtf(alpha), root_beta = sqrtf(1 - alpha), eta = (float)s->options.eta;
    float variance = (1 - alpha_before) / (1 - alpha) * (1 - alpha / alpha_before);
    float deviation = eta * sqrtf(variance);

    float *x0 = s->history[0], *epsilon = s->history[1];
    scheduler_x0(s, root_alpha, root_beta, model_output, sample, x0);
    scheduler_epsilon(s, root_alpha, root_beta, model_output, sample, epsilon);
    int code = scheduler_limit_x0(s, x0);
    if (!code && eta > 0)
        code = scheduler_draw(s);
    if (code)
        return code;
    float from_x0 = sqrtf(alpha_before), from_epsilon = sqrtf(1 - alpha_before - deviation * deviation);
    for (int64_t i = 0; i < s->count; i++) {
        float e = s->options.use_clipped_model_output ? (sample[i] - root_alpha * x0[i]) / root_beta : epsilon[i];
        float next = from_x0 * x0[i] + from_epsilon * e;
        sample[i] = eta > 0 ? next + deviation * s->noise[i] : next;
    }
    return SDC_OK;
}

const SchedulerFamily family_ddim = {
    .check = check, .set_timesteps = set_timesteps, .step = step, .noise_level = scheduler_alpha_noise, .history = 2,
};
