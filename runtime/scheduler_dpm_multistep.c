/* DPM-Solver multistep, orders 1 to 3: DPM-Solver++ 2M and 3M and their SDE forms (Lu et al., arXiv 2211.01095,
 * algorithm 2 and appendix; DPM-Solver: arXiv 2206.00927).  Its inverse goes the other way, from the picture to noise;
 * EDM's has sigmas of its own.
 *
 * history: [0..2] converted model outputs, newest first */
#include "scheduler_family.h"

enum { DEPTH = 3, FEW_STEPS = 15 };

static int settle(Scheduler *s)
{
    SchedulerConfig *c = &s->config;
    if (c->algorithm_type == ALGORITHM_DEIS)
        c->algorithm_type = ALGORITHM_DPMPP;
    if (c->solver_type != SOLVER_HEUN)
        c->solver_type = SOLVER_MIDPOINT;
    bool data = c->algorithm_type == ALGORITHM_DPMPP || c->algorithm_type == ALGORITHM_SDE_DPMPP;
    if (!data && c->final_sigmas_type == FINAL_SIGMA_ZERO)
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s: algorithm_type \"%s\" needs final_sigmas_type \"sigma_min\"",
                              s->class->name, scheduler_choice(c, "algorithm_type"));
    if (!data && c->prediction_type == PREDICT_FLOW)
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s: algorithm_type \"%s\" has no flow_prediction", s->class->name,
                              scheduler_choice(c, "algorithm_type"));
    bool edm = s->class->training == TRAINED_EDM;
    bool lower = c->algorithm_type == ALGORITHM_SDE_DPM || (edm && c->algorithm_type == ALGORITHM_SDE_DPMPP);
    if (c->solver_order < 1 || c->solver_order > (lower ? DEPTH - 1 : DEPTH))
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s: algorithm_type \"%s\" has no solver_order %lld", s->class->name,
                              scheduler_choice(c, "algorithm_type"), (long long)c->solver_order);
    return SDC_OK;
}

static int check(Scheduler *s)
{
    int code = settle(s);
    return code ? code : scheduler_make_betas(s, true);
}

static int set_timesteps(Scheduler *s, int64_t steps)
{
    return scheduler_dpm_schedule(s, steps, s->config.final_sigmas_type, false, scheduler_dpm_flow);
}

static int inverse_check(Scheduler *s)
{
    s->config.final_sigmas_type = FINAL_SIGMA_MIN;
    return check(s);
}

/* Whole timesteps that repeat are left out; the sigmas stay, as in diffusers, and are steps of no length if equal. */
static int inverse_timesteps(Scheduler *s, int64_t steps)
{
    const SchedulerConfig *c = &s->config;
    int code = scheduler_dpm_schedule(s, steps, c->final_sigmas_type, true, scheduler_dpm_flow);
    if (code || c->use_exponential_sigmas || c->use_beta_sigmas || c->use_flow_sigmas)
        return code;
    int64_t n = 1;
    for (int64_t i = 1; i < s->evaluations; i++)
        if (s->timesteps[i] != s->timesteps[n - 1])
            s->timesteps[n++] = s->timesteps[i];
    if (n < s->evaluations && !c->use_karras_sigmas)
        return scheduler_fail(s, SDC_USAGE, "%s: of %lld steps timesteps repeat; take fewer", s->class->name,
                              (long long)steps);
    s->steps = s->evaluations = n;
    return SDC_OK;
}

static int edm_timesteps(Scheduler *s, int64_t steps)
{
    const SchedulerConfig *c = &s->config;
    scheduler_edm_schedule(s, steps);
    scheduler_store_sigmas(s, steps, c->final_sigmas_type == FINAL_SIGMA_MIN ? (float)c->sigma_min : 0);
    return SDC_OK;
}

/* The order of the step at s->index: it grows from 1, and falls at the end where the solver would be unstable. */
static int order_of_step(const Scheduler *s)
{
    const SchedulerConfig *c = &s->config;
    int64_t left = s->evaluations - s->index, order = s->filled < c->solver_order ? s->filled : c->solver_order;
    bool lower = c->lower_order_final && s->evaluations < FEW_STEPS;
    if (left == 1 && (c->euler_at_final || lower || c->final_sigmas_type == FINAL_SIGMA_ZERO))
        order = 1;
    if (left == 2 && lower && order > 2)
        order = 2;
    return (int)order;
}

/* The step from level `from` to level `to` with the derivatives that the outputs give. */
static void update(Scheduler *s, int order, float *sample)
{
    DpmLevel to = scheduler_dpm_level(s, s->index + 1), from = scheduler_dpm_level(s, s->index);
    const float *m0 = s->history[0], *m1 = s->history[1], *m2 = s->history[2];
    DpmCoefficients c = scheduler_dpm_coefficients(s, to, from, order == 3 || s->config.solver_type == SOLVER_HEUN);
    float h = to.lambda - from.lambda, r0 = 1, r1 = 1;
    if (order > 1)
        r0 = (from.lambda - scheduler_dpm_level(s, s->index - 1).lambda) / h;
    if (order > 2)
        r1 = (scheduler_dpm_level(s, s->index - 1).lambda - scheduler_dpm_level(s, s->index - 2).lambda) / h;
    for (int64_t i = 0; i < s->count; i++) {
        float d1 = 0, d2 = 0;
        if (order > 1)
            d1 = 1 / r0 * (m0[i] - m1[i]);
        if (order > 2) {
            float difference = d1 - 1 / r1 * (m1[i] - m2[i]);
            d1 += r0 / (r0 + r1) * difference;
            d2 = 1 / (r0 + r1) * difference;
        }
        float x = c.sample * sample[i] + c.d0 * m0[i];
        if (order > 1)
            x += c.d1 * d1;
        if (order > 2)
            x += c.d2 * d2;
        sample[i] = c.noise > 0 ? x + c.noise * s->noise[i] : x;
    }
}

static int step(Scheduler *s, const float *model_output, float *sample)
{
    int algorithm = s->config.algorithm_type;
    int code = scheduler_dpm_convert(s, model_output, sample, scheduler_push(s, DEPTH));
    if (!code && (algorithm == ALGORITHM_SDE_DPMPP || algorithm == ALGORITHM_SDE_DPM))
        code = scheduler_draw(s);
    if (code)
        return code;
    s->filled += s->filled < DEPTH;
    update(s, order_of_step(s), sample);
    return SDC_OK;
}

const SchedulerFamily family_dpm_multistep = {
    .check = check, .set_timesteps = set_timesteps, .step = step, .noise_level = scheduler_dpm_noise, .history = DEPTH,
    .timestep_names_step = true,
};

const SchedulerFamily family_dpm_multistep_inverse = {
    .check = inverse_check, .set_timesteps = inverse_timesteps, .step = step, .noise_level = scheduler_dpm_noise,
    .history = DEPTH, .timestep_names_step = true,
};

const SchedulerFamily family_edm_dpm_multistep = {
    .check = settle, .set_timesteps = edm_timesteps, .step = step, .noise_level = scheduler_k_noise,
    .divisor = scheduler_k_divisor, .history = DEPTH, .timestep_names_step = true,
};
