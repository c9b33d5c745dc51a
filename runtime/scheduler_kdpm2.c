/* KDPM2, its ancestral form and DPM-Solver SDE: a step through the logarithmic midpoint of two sigmas (Karras et al.,
 * arXiv 2206.00364, algorithm 2; k-diffusion's sample_dpm_2, sample_dpm_2_ancestral and sample_dpmpp_sde).
 *
 * Two evaluations a step, the last step has one.  sigmas[] repeats every sigma but the first, as diffusers' does, so
 * evaluation 2k is at sigma k and evaluation 2k + 1 at the midpoint between sigma k and the next one.
 * extra: [0] the midpoint of step k; ancestral: [1] noise to add and [2] sigma to step down to in step k
 * history: [0] the sample that a step started from; SDE: [1] the noise of its first half */
#include <math.h>
#include <string.h>

#include "scheduler_family.h"

enum { MIDPOINT, UP, DOWN };

static int check(Scheduler *s)
{
    return scheduler_make_betas(s, false);
}

static int64_t step_of(const Scheduler *s)
{
    return s->index / 2;
}

/* From n sigmas in s->work, their timesteps and the midpoints in extra[]: both interleaved. */
static void interleave(Scheduler *s, int64_t n)
{
    for (int64_t i = n - 1; i > 0; i--) {
        double log_middle = scheduler_log_sigma((double)s->extra[MIDPOINT][i - 1]);
        s->timesteps[2 * i] = s->timesteps[i];
        s->timesteps[2 * i - 1] = scheduler_sigma_to_timestep(s, log_middle);
        if (!s->config.use_karras_sigmas && !s->config.use_exponential_sigmas && !s->config.use_beta_sigmas)
            s->timesteps[2 * i - 1] = (double)(float)s->timesteps[2 * i - 1];
        s->work[2 * i] = s->work[2 * i - 1] = s->work[i];
    }
    s->evaluations = 2 * n - 1;
    scheduler_store_sigmas(s, s->evaluations, 0);
    s->sigmas[s->n_sigmas] = s->sigmas[s->n_sigmas + 1] = 0;
    s->n_sigmas += 2;
    scheduler_k_init_noise(s);
}

static int sde_timesteps(Scheduler *s, int64_t steps)
{
    int64_t n = scheduler_k_schedule(s, steps, false);
    for (int64_t i = 0; i < n; i++)
        s->extra[MIDPOINT][i] = i + 1 < n ? (float)sqrt(s->work[i] * s->work[i + 1]) : 0;
    interleave(s, n);
    s->n_sigmas -= 2;
    return SDC_OK;
}

static float logarithmic_mean(float a, float b)
{
    return expf(logf(b) - (logf(b) - logf(a)) * 0.5f);
}

static int set_timesteps(Scheduler *s, int64_t steps)
{
    int64_t n = scheduler_k_schedule(s, steps, true);
    for (int64_t i = 0; i < n; i++)
        s->extra[MIDPOINT][i] = i + 1 < n ? logarithmic_mean((float)s->work[i + 1], (float)s->work[i]) : 0;
    interleave(s, n);
    return SDC_OK;
}

static int ancestral_timesteps(Scheduler *s, int64_t steps)
{
    int64_t n = scheduler_k_schedule(s, steps, true);
    for (int64_t i = 0; i < n; i++) {
        float from = (float)s->work[i], to = i + 1 < n ? (float)s->work[i + 1] : 0;
        float up = sqrtf(to * to * (from * from - to * to) / (from * from)), down = sqrtf(to * to - up * up);
        s->extra[UP][i] = up;
        s->extra[DOWN][i] = down;
        s->extra[MIDPOINT][i] = i + 1 < n ? logarithmic_mean(from, down) : 0;
    }
    interleave(s, n);
    return SDC_OK;
}

static float sigma_now(const Scheduler *s)
{
    return s->second ? s->extra[MIDPOINT][step_of(s)] : s->sigmas[s->index];
}

static float divisor(const Scheduler *s)
{
    float sigma = sigma_now(s);
    return sqrtf(sigma * sigma + 1);
}

/* The first evaluation goes to the midpoint; the second starts over with the slope found there and goes to `end`. */
static void half_step(Scheduler *s, const float *model_output, float *sample, float end)
{
    float *start = s->history[0], sigma = sigma_now(s);
    float from = s->second ? s->sigmas[s->index - 1] : sigma;
    float dt = (s->second ? end : s->extra[MIDPOINT][step_of(s)]) - from;
    if (!s->second)
        memcpy(start, sample, (size_t)s->count * sizeof *sample);
    for (int64_t i = 0; i < s->count; i++) {
        float slope = (sample[i] - scheduler_k_x0(s, sigma, model_output[i], sample[i])) / sigma;
        sample[i] = start[i] + slope * dt;
    }
}

static int step(Scheduler *s, const float *model_output, float *sample)
{
    half_step(s, model_output, sample, s->second ? s->sigmas[s->index] : 0);
    s->second = !s->second;
    return SDC_OK;
}

static int ancestral_step(Scheduler *s, const float *model_output, float *sample)
{
    int64_t k = step_of(s);
    half_step(s, model_output, sample, s->extra[DOWN][k]);
    if (s->second) {
        int code = scheduler_draw(s);
        if (code)
            return code;
        for (int64_t i = 0; i < s->count; i++)
            sample[i] += s->noise[i] * s->extra[UP][k];
    }
    s->second = !s->second;
    return SDC_OK;
}

const SchedulerFamily family_kdpm2 = {
    .check = check, .set_timesteps = set_timesteps, .step = step, .noise_level = scheduler_k_noise, .divisor = divisor,
    .history = 1, .timestep_names_step = true,
};

const SchedulerFamily family_kdpm2_ancestral = {
    .check = check, .set_timesteps = ancestral_timesteps, .step = ancestral_step, .noise_level = scheduler_k_noise,
    .divisor = divisor, .history = 1, .timestep_names_step = true,
};

/* The noise of a step is one path's: what it does from sigma to next is what it did to the midpoint, and the rest. */
static int draw_path(Scheduler *s, float sigma, float middle, float next)
{
    float *first = s->history[1];
    int code = scheduler_draw(s);
    if (code)
        return code;
    if (!s->second) {
        memcpy(first, s->noise, (size_t)s->count * sizeof *first);
        return SDC_OK;
    }
    float before = sqrtf((sigma - middle) / (sigma - next)), behind = sqrtf((middle - next) / (sigma - next));
    for (int64_t i = 0; i < s->count; i++)
        s->noise[i] = before * first[i] + behind * s->noise[i];
    return SDC_OK;
}

static int sde_step(Scheduler *s, const float *model_output, float *sample)
{
    float sigma = s->sigmas[s->index - s->second], next = s->sigmas[s->index + !s->second], seen = sigma_now(s);
    float middle = s->extra[MIDPOINT][step_of(s)], to = s->second ? next : middle, *start = s->history[0];
    if (next == 0) {
        for (int64_t i = 0; i < s->count; i++)
            sample[i] = scheduler_k_x0(s, sigma, model_output[i], sample[i]);
        return SDC_OK;
    }
    int code = draw_path(s, sigma, middle, next);
    if (code)
        return code;
    float up = fminf(to, sqrtf(to * to * (sigma * sigma - to * to) / (sigma * sigma)));
    float keep = sqrtf(to * to - up * up) / sigma;
    if (!s->second)
        memcpy(start, sample, (size_t)s->count * sizeof *sample);
    for (int64_t i = 0; i < s->count; i++) {
        float x0 = scheduler_k_x0(s, seen, model_output[i], sample[i]);
        sample[i] = keep * start[i] + (1 - keep) * x0 + s->noise[i] * up;
    }
    s->second = !s->second;
    return SDC_OK;
}

const SchedulerFamily family_dpm_sde = {
    .check = check, .set_timesteps = sde_timesteps, .step = sde_step, .noise_level = scheduler_k_noise,
    .divisor = divisor, .history = 2, .timestep_names_step = true,
};
