/* SA-Solver: stochastic Adams methods as predictor and corrector, orders 1 to 4 (Xue et al., arXiv 2309.05019,
 * algorithm 1).
 *
 * Each evaluation first corrects the step that led to it, with the noise of that step, then predicts the next one.
 * tau is the share of the diffusion's noise that a step renews: 0 is the ordinary differential equation.
 * history: [0..3] converted outputs, newest first; [4] the sample that the last step started from, [5] its noise */
#include <math.h>
#include <string.h>

#include "scheduler_family.h"

enum { DEPTH = 4, BEFORE = 4, NOISE = 5 };

/* next = sample * x + sum of output[k] * m_k + noise * z. */
typedef struct { float sample, output[DEPTH], noise; } Weights;

static int check(Scheduler *s)
{
    const SchedulerConfig *c = &s->config;
    bool data = c->algorithm_type == ALGORITHM_DATA;
    if (c->predictor_order < 1 || c->predictor_order > DEPTH || c->corrector_order < 1 || c->corrector_order > DEPTH)
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s does not have predictor_order %lld with corrector_order %lld",
                              s->class->name, (long long)c->predictor_order, (long long)c->corrector_order);
    if (!data && (c->thresholding || c->prediction_type == PREDICT_FLOW))
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s: algorithm_type \"noise_prediction\" has no %s", s->class->name,
                              c->thresholding ? "thresholding" : "flow_prediction");
    return scheduler_make_betas(s, false);
}

static int set_timesteps(Scheduler *s, int64_t steps)
{
    return scheduler_dpm_schedule(s, steps, FINAL_SIGMA_MIN, true, scheduler_dpm_flow);
}

/* Diffusers' own function, or the one number that the configuration gives. */
static double tau_at(const Scheduler *s, int64_t i)
{
    double t = s->timesteps[i];
    return isnan(s->config.tau_func) ? t >= 200 && t <= 800 : s->config.tau_func;
}

/* Integrals of exp(rate u) u^k over u from -h to 0. */
static void integrate(double rate, double h, double integral[DEPTH])
{
    double at_end = 0, at_start = 0, power = 1;
    for (int k = 0; k < DEPTH; k++) {    /* by parts */
        at_end = ((k == 0) - k * at_end) / rate;
        at_start = (power - k * at_start) / rate;
        integral[k] = at_end - exp(-rate * h) * at_start;
        power *= -h;
    }
}

/* The same integral of the Lagrange polynomial that is 1 at node k and 0 at the others. */
static double weight(const double *node, int order, int k, const double integral[DEPTH])
{
    double power[DEPTH] = { 1 }, sum = 0;
    int degree = 0;
    for (int j = 0; j < order; j++) {
        if (j == k)
            continue;
        double scale = 1 / (node[k] - node[j]);
        for (int p = ++degree; p > 0; p--)
            power[p] = (power[p - 1] - node[j] * power[p]) * scale;
        power[0] *= -node[j] * scale;
    }
    for (int p = 0; p <= degree; p++)
        sum += power[p] * integral[p];
    return sum;
}

/* The step from sigmas[from] to the next one by the outputs at sigmas[newest] and the order - 1 before it.  In float64,
 * and with the step's end as origin: of many steps the differences of integrals lose four digits in float32. */
static Weights weights(const Scheduler *s, int64_t from, int64_t newest, int order)
{
    DpmLevel start = scheduler_dpm_level(s, from), end = scheduler_dpm_level(s, from + 1);
    bool data = s->config.algorithm_type == ALGORITHM_DATA;
    double tau = tau_at(s, from), tau2 = tau * tau, speed = 1 + tau2, h = (double)end.lambda - (double)start.lambda;
    double node[DEPTH] = { 0 }, integral[DEPTH], alpha = (double)end.alpha, sigma = (double)end.sigma;
    Weights w = {
        .sample = (float)(data ? exp(-tau2 * h) * sigma / (double)start.sigma : alpha / (double)start.alpha),
        .noise = (float)(data ? sigma * sqrt(1 - exp(-2 * tau2 * h)) : tau * sigma * sqrt(exp(2 * h) - 1)),
    };
    for (int k = 0; k < order; k++)
        node[k] = (double)scheduler_dpm_level(s, newest - k).lambda - (double)end.lambda;
    integrate(data ? speed : -1, h, integral);
    double change = 0;
    if (data && order == 2)    /* the paper's own for few steps, of the order of h^3 */
        change = (h * h / 2 - (h * speed - 1 + exp(-speed * h)) / (speed * speed)) / (node[0] - node[1]);
    for (int k = 0; k < order; k++) {
        double sum = weight(node, order, k, integral) + (k ? -change : change);
        w.output[k] = (float)(speed * (data ? alpha : -sigma) * sum);
    }
    return w;
}

static void move(const Scheduler *s, const Weights *w, int order, const float *from, const float *noise, float *to)
{
    for (int64_t i = 0; i < s->count; i++) {
        float sum = w->sample * from[i];
        for (int k = 0; k < order; k++)
            sum += w->output[k] * s->history[k][i];
        to[i] = sum + w->noise * noise[i];
    }
}

/* An order that there are outputs for, and steps left where it shall fall at the end. */
static int order_of_step(const Scheduler *s, int64_t order, int64_t left)
{
    if (s->config.lower_order_final && left < order)
        order = left;
    return (int)(s->filled < order ? s->filled : order);
}

static int step(Scheduler *s, const float *model_output, float *sample)
{
    const SchedulerConfig *c = &s->config;
    int64_t left = s->evaluations - s->index;
    size_t bytes = (size_t)s->count * sizeof *sample;
    int code = scheduler_dpm_convert(s, model_output, sample, scheduler_push(s, DEPTH));
    if (!code)
        code = scheduler_draw(s);
    if (code)
        return code;
    s->filled += s->filled < DEPTH;
    if (s->counter > 0 && s->index > 0) {
        int order = order_of_step(s, c->corrector_order, left + 2);
        Weights w = weights(s, s->index - 1, s->index, order);
        move(s, &w, order, s->history[BEFORE], s->history[NOISE], sample);
    }
    memcpy(s->history[BEFORE], sample, bytes);
    memcpy(s->history[NOISE], s->noise, bytes);
    int order = order_of_step(s, c->predictor_order, left);
    Weights w = weights(s, s->index, s->index, order);
    move(s, &w, order, sample, s->noise, sample);
    return SDC_OK;
}

const SchedulerFamily family_sa = {
    .check = check, .set_timesteps = set_timesteps, .step = step, .noise_level = scheduler_alpha_noise,
    .history = NOISE + 1, .timestep_names_step = true,
};
