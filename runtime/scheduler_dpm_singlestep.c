/* DPM-Solver singlestep, orders 1 to 3 (Lu et al., arXiv 2206.00927, algorithms 1 to 3; arXiv 2211.01095, algorithm 1).
 *
 * Steps come in groups of the solver's order: every step of a group starts from the group's first sample and uses the
 * outputs found since.
 * history: [0..2] converted model outputs, newest first; [3] the sample that the group started from */
#include <string.h>

#include "scheduler_family.h"

enum { DEPTH = 3, START = 3 };

static int check(Scheduler *s)
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
    if (c->solver_order < 1 || c->solver_order > DEPTH)
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s does not have solver_order %lld", s->class->name,
                              (long long)c->solver_order);
    return scheduler_make_betas(s, false);
}

static int set_timesteps(Scheduler *s, int64_t steps)
{
    return scheduler_dpm_schedule(s, steps, s->config.final_sigmas_type, false, scheduler_dpm_flow);
}

/* The order of step i: 1, 2, 3, 1, 2, 3, ..., where the last group is shortened so that the run ends with order 1. */
static int64_t planned_order(const Scheduler *s, int64_t i)
{
    const SchedulerConfig *c = &s->config;
    int64_t n = s->evaluations, order = c->solver_order, left = n - i, planned = i % order + 1;
    bool lower = c->lower_order_final || n % order != 0 || c->final_sigmas_type == FINAL_SIGMA_ZERO;
    if (lower && n % order == 0 && order > 1 && left == 1)
        planned = 1;
    if (c->final_sigmas_type == FINAL_SIGMA_ZERO && left == 1)
        planned = 1;
    return planned;
}

static void update(Scheduler *s, int order, float *sample)
{
    bool heun = s->config.solver_type == SOLVER_HEUN;
    DpmLevel to = scheduler_dpm_level(s, s->index + 1), from = scheduler_dpm_level(s, s->index - (order - 1));
    const float *m0 = s->history[0], *m1 = s->history[1], *m2 = s->history[2], *start = s->history[START];
    DpmCoefficients c = scheduler_dpm_coefficients(s, to, from, order == 3 || heun);
    float h = to.lambda - from.lambda, r0 = 1, r1 = 1;
    if (order > 1)
        r0 = (scheduler_dpm_level(s, s->index).lambda - from.lambda) / h;
    if (order > 2)
        r1 = (scheduler_dpm_level(s, s->index - 1).lambda - from.lambda) / h;
    const float *base = s->history[order - 1];
    for (int64_t i = 0; i < s->count; i++) {
        float x = c.sample * start[i] + c.d0 * base[i];
        if (order == 2)
            x += c.d1 * (1 / r0 * (m0[i] - m1[i]));
        if (order == 3) {
            float near = 1 / r1 * (m1[i] - m2[i]), far = 1 / r0 * (m0[i] - m2[i]);
            x += c.d1 * (heun ? (r0 * near - r1 * far) / (r0 - r1) : far);
            if (heun)
                x += c.d2 * (2 * (far - near) / (r0 - r1));
        }
        sample[i] = c.noise > 0 ? x + c.noise * s->noise[i] : x;
    }
}

static int step(Scheduler *s, const float *model_output, float *sample)
{
    int code = scheduler_dpm_convert(s, model_output, sample, scheduler_push(s, DEPTH));
    if (!code && s->config.algorithm_type == ALGORITHM_SDE_DPMPP)
        code = scheduler_draw(s);
    if (code)
        return code;
    s->filled += s->filled < s->config.solver_order;
    int64_t order = planned_order(s, s->index);
    if (order > s->filled)    /* image to image may start inside a group */
        order = s->filled;
    if (order == 1)
        memcpy(s->history[START], sample, (size_t)s->count * sizeof *sample);
    update(s, (int)order, sample);
    return SDC_OK;
}

const SchedulerFamily family_dpm_singlestep = {
    .check = check, .set_timesteps = set_timesteps, .step = step, .noise_level = scheduler_dpm_noise, .history = 4,
    .timestep_names_step = true,
};
