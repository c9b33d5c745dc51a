/* Flow matching: Euler, Heun and LCM on the straight path from noise to picture (Lipman et al., arXiv 2210.02747; shifted
 * as in Esser et al., arXiv 2403.03206, section 5.3.2).
 *
 * The sample is (1 - sigma) x0 + sigma noise, the network predicts noise - x0 and sees sigma * num_train_timesteps.
 * history (Heun): [0] the step's first derivative, [1] the sample that it started from */
#include <math.h>

#include "scheduler_family.h"

double scheduler_mu(const SchedulerConfig *c, int64_t tokens)
{
    double slope = (c->max_shift - c->base_shift) / (double)(c->max_image_seq_len - c->base_image_seq_len);
    return (double)tokens * slope + c->base_shift - slope * (double)c->base_image_seq_len;
}

static double shift(double shift, double sigma)
{
    return shift * sigma / (1 + (shift - 1) * sigma);
}

/* Share of the range at step i: even between the class's largest and smallest sigma, which are shifted already. */
static double even_sigma(const Scheduler *s, int64_t steps, int64_t i)
{
    double train = (double)s->config.num_train_timesteps;
    double smallest = s->config.use_dynamic_shifting ? 1 / train : shift(s->config.shift, (double)(float)(1 / train));
    return scheduler_linspace(train, (double)(float)smallest * train, steps, i) / train;
}

static double shifted(const Scheduler *s, double sigma)
{
    if (!s->config.use_dynamic_shifting)
        return shift(s->config.shift, sigma);
    double mu = s->config.time_shift_type == TIME_SHIFT_LINEAR ? s->options.mu : exp(s->options.mu);
    return mu / (mu + (1 / sigma - 1));
}

/* steps sigmas into s->work. */
static void flow_sigmas(Scheduler *s, int64_t steps)
{
    const SchedulerConfig *c = &s->config;
    for (int64_t i = 0; i < steps; i++)
        s->work[i] = shifted(s, s->options.sigmas ? (double)(float)s->options.sigmas[i] : even_sigma(s, steps, i));
    if (!isnan(c->shift_terminal) && c->shift_terminal != 0) {
        double scale = (1 - s->work[steps - 1]) / (1 - c->shift_terminal);
        for (int64_t i = 0; i < steps; i++)
            s->work[i] = 1 - (1 - s->work[i]) / scale;
    }
    scheduler_convert_sigmas(s, s->work, steps, s->work[0], s->work[steps - 1]);
}

static int euler_timesteps(Scheduler *s, int64_t steps)
{
    const SchedulerConfig *c = &s->config;
    if (c->use_dynamic_shifting && isnan(s->options.mu))
        return scheduler_fail(s, SDC_USAGE, "%s: dynamic shifting needs mu", s->class->name);
    flow_sigmas(s, steps);
    scheduler_store_sigmas(s, steps, c->invert_sigmas ? 1 : 0);
    for (int64_t i = 0; i < steps; i++) {
        if (c->invert_sigmas)
            s->sigmas[i] = 1 - s->sigmas[i];
        s->timesteps[i] = (double)(s->sigmas[i] * (float)c->num_train_timesteps);
    }
    s->evaluations = steps;
    return SDC_OK;
}

/* To the picture that the output stands for, and back to the next sigma with fresh noise. */
static int lcm_step(Scheduler *s, const float *model_output, float *sample)
{
    float sigma = s->sigmas[s->index], next = s->sigmas[s->index + 1];
    int code = scheduler_draw(s);
    if (code)
        return code;
    for (int64_t i = 0; i < s->count; i++)
        sample[i] = (1 - next) * (sample[i] - sigma * model_output[i]) + next * s->noise[i];
    return SDC_OK;
}

static int lcm_check(Scheduler *s)
{
    if (s->config.scale_factors.count > 0)
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s: scale_factors are not supported", s->class->name);
    return SDC_OK;
}

static int euler_step(Scheduler *s, const float *model_output, float *sample)
{
    float dt = s->sigmas[s->index + 1] - s->sigmas[s->index];
    if (s->config.stochastic_sampling)
        return lcm_step(s, model_output, sample);
    for (int64_t i = 0; i < s->count; i++)
        sample[i] += dt * model_output[i];
    return SDC_OK;
}

static int heun_timesteps(Scheduler *s, int64_t steps)
{
    flow_sigmas(s, steps);
    for (int64_t i = steps - 1; i > 0; i--)    /* each twice except the first */
        s->work[2 * i] = s->work[2 * i - 1] = s->work[i];
    s->evaluations = 2 * steps - 1;
    scheduler_store_sigmas(s, s->evaluations, 0);
    for (int64_t i = 0; i < s->evaluations; i++)
        s->timesteps[i] = (double)(s->sigmas[i] * (float)s->config.num_train_timesteps);
    return SDC_OK;
}

static int heun_step(Scheduler *s, const float *model_output, float *sample)
{
    float *first = s->history[0], *start = s->history[1], sigma = s->sigmas[s->index];
    for (int64_t i = 0; i < s->count; i++) {
        float slope = (sample[i] - (sample[i] - model_output[i] * sigma)) / sigma;
        if (s->second) {
            sample[i] = start[i] + 0.5f * (first[i] + slope) * (sigma - s->sigmas[s->index - 1]);
        } else {
            first[i] = slope;
            start[i] = sample[i];
            sample[i] += slope * (s->sigmas[s->index + 1] - sigma);
        }
    }
    s->second = !s->second;
    return SDC_OK;
}

static NoiseLevel noise_level(const Scheduler *s)
{
    float sigma = s->sigmas[s->index];
    return (NoiseLevel){ 1 - sigma, sigma };
}

const SchedulerFamily family_flow_euler = {
    .set_timesteps = euler_timesteps, .step = euler_step, .noise_level = noise_level, .timestep_names_step = true,
};

const SchedulerFamily family_flow_lcm = {
    .check = lcm_check, .set_timesteps = euler_timesteps, .step = lcm_step, .noise_level = noise_level,
    .timestep_names_step = true,
};

const SchedulerFamily family_flow_heun = {
    .set_timesteps = heun_timesteps, .step = heun_step, .noise_level = noise_level, .history = 2,
    .timestep_names_step = true,
};
