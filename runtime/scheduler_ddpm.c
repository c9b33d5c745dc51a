/* DDPM: ancestral sampling of the diffusion process (Ho et al., arXiv 2006.11239, algorithm 2; formulas 6, 7, 15), and
 * unCLIP's (Ramesh et al., arXiv 2204.06125), whose timesteps go from the last of training to 0.  Learned variances:
 * Nichol and Dhariwal, arXiv 2102.09672, formula 15.
 *
 * history: [0] x0 */
#include <math.h>

#include "scheduler_family.h"

/* fixed_large_log is left out: diffusers takes the root of log(beta), which is below zero. */
static int check(Scheduler *s)
{
    if (s->config.variance_type == VARIANCE_NONE || s->config.variance_type == VARIANCE_FIXED_LARGE_LOG)
        return scheduler_fail(s, SDC_UNSUPPORTED, "DDPMScheduler: variance_type \"%s\" is not supported",
                              scheduler_choice(&s->config, "variance_type"));
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

static int unclip_check(Scheduler *s)
{
    int variance = s->config.variance_type;
    if (variance != VARIANCE_FIXED_SMALL_LOG && variance != VARIANCE_LEARNED_RANGE)
        return scheduler_fail(s, SDC_UNSUPPORTED, "UnCLIPScheduler: variance_type \"%s\" is not supported",
                              scheduler_choice(&s->config, "variance_type"));
    return scheduler_make_betas(s, false);
}

static int unclip_timesteps(Scheduler *s, int64_t steps)
{
    if (steps < 2)
        return scheduler_fail(s, SDC_USAGE, "UnCLIPScheduler needs at least 2 steps");
    double stride = (double)(s->config.num_train_timesteps - 1) / (double)(steps - 1);
    for (int64_t i = 0; i < steps; i++)
        s->timesteps[i] = rint((double)(steps - 1 - i) * stride);
    s->evaluations = steps;
    return SDC_OK;
}

/* Standard deviation of the noise of one step between its bounds, of which beta is the upper one; predicted: the
 * network's of an element, where it is learned. */
static float deviation(int variance_type, float lower, float beta, float predicted)
{
    float share = (predicted + 1) / 2;
    return variance_type == VARIANCE_FIXED_SMALL_LOG ? expf(0.5f * logf(lower))
        : variance_type == VARIANCE_FIXED_LARGE ? sqrtf(beta)
        : variance_type == VARIANCE_LEARNED ? sqrtf(predicted)
        : variance_type == VARIANCE_LEARNED_RANGE ? expf(0.5f * (share * logf(beta) + (1 - share) * logf(lower)))
        : sqrtf(lower);
}

/* sample[count] += the noise of one step. */
static void add_noise(const Scheduler *s, float lower, float beta, float *sample)
{
    int variance_type = s->config.variance_type;
    bool learned = scheduler_learns_variance(&s->config);
    float same = learned ? 0 : deviation(variance_type, lower, beta, 0);
    for (int64_t i = 0; i < s->count; i++)
        sample[i] += (learned ? deviation(variance_type, lower, beta, s->predicted_variance[i]) : same) * s->noise[i];
}

static int step(Scheduler *s, const float *model_output, float *sample)
{
    int64_t t = (int64_t)s->timesteps[s->index], next = -1;
    float alpha = scheduler_alpha(s, t), alpha_before = 1;
    if (s->index + 1 < s->evaluations) {
        next = (int64_t)s->timesteps[s->index + 1];
        alpha_before = scheduler_alpha(s, next);
    }
    float step_alpha = alpha / alpha_before, step_beta = 1 - step_alpha;
    if (s->class->family == &family_unclip) {    /* the same but for rounding, which counts where alpha is near 0 */
        if (next == t - 1)
            step_beta = scheduler_beta(s, t);
        step_alpha = 1 - step_beta;
    }

    if (scheduler_learns_variance(&s->config) && !s->predicted_variance)
        return scheduler_fail(s, SDC_USAGE, "%s: variance_type \"%s\" needs a network that predicts variances",
                              s->class->name, scheduler_choice(&s->config, "variance_type"));
    float *x0 = s->history[0];
    scheduler_x0(s, sqrtf(alpha), sqrtf(1 - alpha), model_output, sample, x0);
    int code = scheduler_limit_x0(s, x0);
    if (!code && t > 0)
        code = scheduler_draw(s);
    if (code)
        return code;
    float from_x0 = sqrtf(alpha_before) * step_beta / (1 - alpha);
    float from_sample = sqrtf(step_alpha) * (1 - alpha_before) / (1 - alpha);
    for (int64_t i = 0; i < s->count; i++)
        sample[i] = from_x0 * x0[i] + from_sample * sample[i];
    if (t > 0)
        add_noise(s, fmaxf((1 - alpha_before) / (1 - alpha) * step_beta, 1e-20f), step_beta, sample);
    return SDC_OK;
}

const SchedulerFamily family_ddpm = {
    .check = check, .set_timesteps = set_timesteps, .step = step, .noise_level = scheduler_alpha_noise, .history = 1,
};

const SchedulerFamily family_unclip = {
    .check = unclip_check, .set_timesteps = unclip_timesteps, .step = step, .noise_level = scheduler_alpha_noise,
    .history = 1,
};
