/* DEIS: exponential integrator with polynomials in log rho, orders 1 to 3 (Zhang and Chen, arXiv 2204.13902, section
 * 3.3; rho = sigma / alpha).
 *
 * history: [0..2] epsilons, newest first */
#include <math.h>

#include "scheduler_family.h"

enum { DEPTH = 3, FEW_STEPS = 15 };

static int check(Scheduler *s)
{
    SchedulerConfig *c = &s->config;
    if (c->solver_order < 1 || c->solver_order > DEPTH)
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s does not have solver_order %lld", s->class->name,
                              (long long)c->solver_order);
    c->algorithm_type = ALGORITHM_DPM;
    return scheduler_make_betas(s, false);
}

static int set_timesteps(Scheduler *s, int64_t steps)
{
    return scheduler_dpm_schedule(s, steps, FINAL_SIGMA_MIN, true, scheduler_dpm_flow);
}

/* The integral over t of the linear Lagrange basis in log t that is 1 at b and 0 at c. */
static double integral_2(double t, double b, double c)
{
    return t * (-log(c) + log(t) - 1) / (log(b) - log(c));
}

/* Likewise the quadratic one that is 1 at b, 0 at c and d. */
static double integral_3(double t, double b, double c, double d)
{
    double x = log(t), lc = log(c), ld = log(d), lb = log(b);
    return t * (lc * (ld - x + 1) - ld * x + ld + x * x - 2 * x + 2) / ((lb - lc) * (lb - ld));
}

static int order_of_step(const Scheduler *s)
{
    const SchedulerConfig *c = &s->config;
    int64_t order = s->filled < c->solver_order ? s->filled : c->solver_order;
    int64_t left = s->evaluations - s->index;
    if (c->lower_order_final && s->evaluations < FEW_STEPS && left < order)
        order = left;
    return (int)order;
}

static double rho(const Scheduler *s, int64_t i)
{
    DpmLevel l = scheduler_dpm_level(s, i);
    return (double)l.sigma / (double)l.alpha;
}

static void weights(const Scheduler *s, int order, float c[DEPTH])
{
    double to = rho(s, s->index + 1), a = rho(s, s->index), b = rho(s, s->index - 1);
    if (order == 2) {
        c[0] = (float)(integral_2(to, a, b) - integral_2(a, a, b));
        c[1] = (float)(integral_2(to, b, a) - integral_2(a, b, a));
        return;
    }
    double d = rho(s, s->index - 2);
    c[0] = (float)(integral_3(to, a, b, d) - integral_3(a, a, b, d));
    c[1] = (float)(integral_3(to, b, d, a) - integral_3(a, b, d, a));
    c[2] = (float)(integral_3(to, d, a, b) - integral_3(a, d, a, b));
}

static int step(Scheduler *s, const float *model_output, float *sample)
{
    DpmLevel from = scheduler_dpm_level(s, s->index), to = scheduler_dpm_level(s, s->index + 1);
    float *epsilon = scheduler_push(s, DEPTH), w[DEPTH] = { 0 };
    scheduler_x0(s, from.alpha, from.sigma, model_output, sample, epsilon);
    int code = scheduler_limit_x0(s, epsilon);
    if (code)
        return code;
    for (int64_t i = 0; i < s->count; i++)
        epsilon[i] = (sample[i] - from.alpha * epsilon[i]) / from.sigma;
    s->filled += s->filled < DEPTH;

    int order = order_of_step(s);
    DpmCoefficients first = scheduler_dpm_coefficients(s, to, from, false);
    if (order > 1)
        weights(s, order, w);
    for (int64_t i = 0; i < s->count; i++) {
        if (order == 1) {
            sample[i] = first.sample * sample[i] + first.d0 * epsilon[i];
            continue;
        }
        float sum = sample[i] / from.alpha;
        for (int k = 0; k < order; k++)
            sum += w[k] * s->history[k][i];
        sample[i] = to.alpha * sum;
    }
    return SDC_OK;
}

const SchedulerFamily family_deis = {
    .check = check, .set_timesteps = set_timesteps, .step = step, .noise_level = scheduler_dpm_noise, .history = DEPTH,
    .timestep_names_step = true,
};
