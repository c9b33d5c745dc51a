/* Heun: Euler's step corrected by the slope at its end (Karras et al., arXiv 2206.00364, algorithm 1).
 *
 * Two evaluations a step, the last step has one; sigmas[] holds one for each evaluation.
 * history: [0] the step's first derivative, [1] the sample that it started from */
#include <math.h>

#include "scheduler_family.h"

static int check(Scheduler *s)
{
    return scheduler_make_betas(s, false);
}

static int set_timesteps(Scheduler *s, int64_t steps)
{
    int64_t n = scheduler_k_schedule(s, steps, false);
    for (int64_t i = n - 1; i > 0; i--) {    /* each twice except the first */
        s->timesteps[2 * i] = s->timesteps[2 * i - 1] = (double)(float)s->timesteps[i];
        s->work[2 * i] = s->work[2 * i - 1] = s->work[i];
    }
    s->evaluations = 2 * n - 1;
    scheduler_store_sigmas(s, s->evaluations, 0);
    scheduler_k_init_noise(s);
    return SDC_OK;
}

static float x0_at(const Scheduler *s, float sigma, float model_output, float sample)
{
    float x0 = scheduler_k_x0(s, sigma, model_output, sample), range = (float)s->config.clip_sample_range;
    return s->config.clip_sample ? fminf(fmaxf(x0, -range), range) : x0;
}

static int step(Scheduler *s, const float *model_output, float *sample)
{
    float *first = s->history[0], *start = s->history[1], sigma = s->sigmas[s->index];
    for (int64_t i = 0; i < s->count; i++) {
        float slope = (sample[i] - x0_at(s, sigma, model_output[i], sample[i])) / sigma;
        if (s->second) {
            float dt = sigma - s->sigmas[s->index - 1];
            sample[i] = start[i] + (first[i] + slope) / 2 * dt;
        } else {
            float dt = s->sigmas[s->index + 1] - sigma;
            first[i] = slope;
            start[i] = sample[i];
            sample[i] += slope * dt;
        }
    }
    s->second = !s->second;
    return SDC_OK;
}

const SchedulerFamily family_heun = {
    .check = check, .set_timesteps = set_timesteps, .step = step, .noise_level = scheduler_k_noise,
    .divisor = scheduler_k_divisor, .history = 2, .timestep_names_step = true,
};
