/* Euler, also for networks of EDM, and Euler ancestral (Karras et al., arXiv 2206.00364, algorithms 1 and 2;
 * k-diffusion's sample_euler and sample_euler_ancestral).
 *
 * The state is x0 + sigma epsilon; the network sees it divided by sqrt(sigma^2 + 1). */
#include <math.h>

#include "scheduler_family.h"

static int check(Scheduler *s)
{
    return scheduler_make_betas(s, true);
}

static int euler_timesteps(Scheduler *s, int64_t steps)
{
    const SchedulerConfig *c = &s->config;
    int64_t n = scheduler_k_schedule(s, steps, false);
    scheduler_store_sigmas(s, n, c->final_sigmas_type == FINAL_SIGMA_MIN ? s->train_sigmas[0] : 0);
    for (int64_t i = 0; i < s->evaluations; i++)
        s->timesteps[i] = (double)(float)s->timesteps[i];
    if (c->timestep_type == TIMESTEP_CONTINUOUS && c->prediction_type == PREDICT_V) {
        s->evaluations = n;
        for (int64_t i = 0; i < n; i++)
            s->timesteps[i] = (double)(0.25f * logf(s->sigmas[i]));
    }
    scheduler_k_init_noise(s);
    return SDC_OK;
}

static int edm_timesteps(Scheduler *s, int64_t steps)
{
    scheduler_edm_schedule(s, steps);
    scheduler_store_sigmas(s, steps, s->config.final_sigmas_type == FINAL_SIGMA_MIN ? (float)s->work[steps - 1] : 0);
    return SDC_OK;
}

static int euler_step(Scheduler *s, const float *model_output, float *sample)
{
    const SchedulerOptions *o = &s->options;
    float sigma = s->sigmas[s->index];
    double gamma = fmin(o->s_churn / (double)(s->n_sigmas - 1), M_SQRT2 - 1);
    if ((double)sigma < o->s_tmin || (double)sigma > o->s_tmax)
        gamma = 0;
    float sigma_hat = sigma * (float)(gamma + 1), dt = s->sigmas[s->index + 1] - sigma_hat;
    if (gamma > 0) {
        int code = scheduler_draw(s);
        if (code)
            return code;
        float added = sqrtf(sigma_hat * sigma_hat - sigma * sigma);
        for (int64_t i = 0; i < s->count; i++)
            sample[i] += s->noise[i] * (float)o->s_noise * added;
    }
    bool raised = s->config.prediction_type == PREDICT_EPSILON || s->class->training == TRAINED_EDM;
    for (int64_t i = 0; i < s->count; i++) {
        float x0 = scheduler_k_x0(s, raised ? sigma_hat : sigma, model_output[i], sample[i]);
        sample[i] += (sample[i] - x0) / sigma_hat * dt;
    }
    return SDC_OK;
}

static int ancestral_timesteps(Scheduler *s, int64_t steps)
{
    scheduler_store_sigmas(s, scheduler_k_schedule(s, steps, false), 0);
    scheduler_k_init_noise(s);
    return SDC_OK;
}

static int ancestral_step(Scheduler *s, const float *model_output, float *sample)
{
    int code = scheduler_draw(s);
    if (code)
        return code;
    float from = s->sigmas[s->index], to = s->sigmas[s->index + 1];
    float up = sqrtf(to * to * (from * from - to * to) / (from * from));
    float dt = sqrtf(to * to - up * up) - from;
    for (int64_t i = 0; i < s->count; i++) {
        float x0 = scheduler_k_x0(s, from, model_output[i], sample[i]);
        sample[i] = sample[i] + (sample[i] - x0) / from * dt + s->noise[i] * up;
    }
    return SDC_OK;
}

const SchedulerFamily family_euler = {
    .check = check, .set_timesteps = euler_timesteps, .step = euler_step, .noise_level = scheduler_k_noise,
    .divisor = scheduler_k_divisor, .timestep_names_step = true,
};

const SchedulerFamily family_edm_euler = {
    .set_timesteps = edm_timesteps, .step = euler_step, .noise_level = scheduler_k_noise,
    .divisor = scheduler_k_divisor, .timestep_names_step = true,
};

const SchedulerFamily family_euler_ancestral = {
    .check = check, .set_timesteps = ancestral_timesteps, .step = ancestral_step, .noise_level = scheduler_k_noise,
    .divisor = scheduler_k_divisor, .timestep_names_step = true,
};
