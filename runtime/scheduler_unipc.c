/* UniPC: a unified predictor and corrector of orders 1 to 3 (Zhao et al., arXiv 2302.04867, algorithms 1 and 2).
 *
 * Each evaluation first corrects the step that led to it, then predicts the next one.
 * history: [0..2] converted model outputs, newest first; [3] the sample that the last step started from; [4] output */
#include <math.h>
#include <string.h>

#include "scheduler_family.h"

enum { DEPTH = 3, BEFORE = 3, OUTPUT = 4 };

/* The weights of one step: next = sample * x + m0 * m_0 + scale * sum of rho[k] * D_k. */
typedef struct {
    float sample, m0, scale;
    float ratio[DEPTH];         /* (lambda of output k - lambda of the start) / h, k = 1.. at [k - 1]; 1 at the end */
    float rho[DEPTH];
} Weights;

static int check(Scheduler *s)
{
    SchedulerConfig *c = &s->config;
    if (c->solver_type != SOLVER_BH1)
        c->solver_type = SOLVER_BH2;
    if (c->solver_order < 1 || c->solver_order > DEPTH)
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s does not have solver_order %lld", s->class->name,
                              (long long)c->solver_order);
    if (!c->predict_x0 && c->prediction_type == PREDICT_FLOW)
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s: flow_prediction needs predict_x0", s->class->name);
    if (!isnan(c->shift_terminal) && !c->use_flow_sigmas)
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s: shift_terminal needs use_flow_sigmas", s->class->name);
    return scheduler_make_betas(s, true);
}

/* ---- the schedule ------------------------------------------------------------------------------------------------ */

static double shifted(const Scheduler *s, double sigma)
{
    const SchedulerConfig *c = &s->config;
    if (!c->use_dynamic_shifting)
        return c->flow_shift * sigma / (1 + (c->flow_shift - 1) * sigma);
    double mu = c->time_shift_type == TIME_SHIFT_LINEAR ? s->options.mu : exp(s->options.mu);
    return mu / (mu + (1 / sigma - 1));
}

static int flow_sigmas(Scheduler *s, int64_t steps)
{
    const SchedulerConfig *c = &s->config;
    double train = (double)c->num_train_timesteps;
    for (int64_t i = 0; i < steps; i++)
        s->work[i] = shifted(s, s->options.sigmas ? s->options.sigmas[i]
                                                  : scheduler_linspace(1, 1 / train, steps + 1, i));
    if (!isnan(c->shift_terminal) && c->shift_terminal != 0) {
        double scale = (1 - s->work[steps - 1]) / (1 - c->shift_terminal);
        for (int64_t i = 0; i < steps; i++)
            s->work[i] = 1 - (1 - s->work[i]) / scale;
    }
    if (fabs(s->work[0] - 1) < 1e-6)    /* log(1 - sigma) must be finite */
        s->work[0] -= 1e-6;
    for (int64_t i = 0; i < steps; i++)
        s->timesteps[i] = s->work[i] * train;
    return SDC_OK;
}

static int set_timesteps(Scheduler *s, int64_t steps)
{
    const SchedulerConfig *c = &s->config;
    if (c->use_dynamic_shifting && isnan(s->options.mu))
        return scheduler_fail(s, SDC_USAGE, "%s: dynamic shifting needs mu", s->class->name);
    int code = scheduler_dpm_schedule(s, steps, c->final_sigmas_type, true, flow_sigmas);
    if (code || !c->use_karras_sigmas || !c->use_flow_sigmas)
        return code;
    for (int64_t i = 0; i < steps; i++) {    /* Karras sigmas of a variance-preserving schedule, as flow sigmas */
        s->work[i] /= s->work[i] + 1;
        s->timesteps[i] = trunc(s->work[i] * (double)c->num_train_timesteps);
    }
    scheduler_store_sigmas(s, steps, c->final_sigmas_type == FINAL_SIGMA_ZERO ? 0 : (float)s->work[steps - 1]);
    return SDC_OK;
}

/* ---- weights of a step ------------------------------------------------------------------------------------------- */

/* Solve a[n][n] x = b in place by elimination with row pivoting; x overwrites b. */
static void solve(float a[DEPTH][DEPTH], float b[DEPTH], int n)
{
    for (int k = 0; k < n; k++) {
        int pivot = k;
        for (int i = k + 1; i < n; i++)
            if (fabsf(a[i][k]) > fabsf(a[pivot][k]))
                pivot = i;
        for (int j = 0; j < n; j++) {
            float swap = a[k][j];
            a[k][j] = a[pivot][j];
            a[pivot][j] = swap;
        }
        float swap = b[k];
        b[k] = b[pivot];
        b[pivot] = swap;
        for (int i = k + 1; i < n; i++) {
            float factor = a[i][k] / a[k][k];
            for (int j = k; j < n; j++)
                a[i][j] -= factor * a[k][j];
            b[i] -= factor * b[k];
        }
    }
    for (int k = n - 1; k >= 0; k--) {
        for (int j = k + 1; j < n; j++)
            b[k] -= a[k][j] * b[j];
        b[k] /= a[k][k];
    }
}

/* rho from the order conditions R rho = b over the first n outputs (formula 9).  hh is the signed step. */
static void order_conditions(Weights *w, int n, float hh, float scale)
{
    float matrix[DEPTH][DEPTH], power[DEPTH], phi = expm1f(hh) / hh - 1, factorial = 1;
    for (int k = 0; k < n; k++)
        power[k] = 1;
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < n; k++) {
            matrix[i][k] = power[k];
            power[k] *= w->ratio[k];
        }
        w->rho[i] = phi * factorial / scale;
        factorial *= (float)(i + 2);
        phi = phi / hh - 1 / factorial;
    }
    solve(matrix, w->rho, n);
}

/* The weights of the step of this order from sigmas[from] to sigmas[from + 1].  newest: the history holds the output
 * at the step's end too (corrector), so older ones start one later. */
static Weights weights(const Scheduler *s, int64_t from, int order, bool corrector)
{
    DpmLevel end = scheduler_dpm_level(s, from + 1), start = scheduler_dpm_level(s, from);
    bool data = s->config.predict_x0;
    float h = end.lambda - start.lambda, hh = data ? -h : h;
    float keep = data ? end.alpha : end.sigma, phi = expm1f(hh);
    float scale = s->config.solver_type == SOLVER_BH1 ? hh : phi;
    Weights w = {
        .sample = data ? end.sigma / start.sigma : end.alpha / start.alpha, .m0 = -(keep * phi),
        .scale = -(keep * scale),
    };
    for (int k = 1; k < order; k++)
        w.ratio[k - 1] = (scheduler_dpm_level(s, from - k).lambda - start.lambda) / h;
    w.ratio[order - 1] = 1;
    if (corrector)
        order_conditions(&w, order, hh, scale);
    else if (order > 2)
        order_conditions(&w, order - 1, hh, scale);
    if (order == (corrector ? 1 : 2))    /* the papers' simplification */
        w.rho[0] = 0.5f;
    return w;
}

/* ---- a step ------------------------------------------------------------------------------------------------------ */

/* Weighted differences of the older outputs to the newest one in history, for element i. */
static float residual(const Scheduler *s, const Weights *w, int order, int64_t i)
{
    float sum = 0, m0 = s->history[0][i];
    for (int k = 1; k < order; k++)
        sum += w->rho[k - 1] * ((s->history[k][i] - m0) / w->ratio[k - 1]);
    return sum;
}

/* Repeat the last step of the same order, now with the output found at its end. */
static void correct(Scheduler *s, int order, float *sample)
{
    Weights w = weights(s, s->index - 1, order, true);
    const float *before = s->history[BEFORE], *output = s->history[OUTPUT];
    for (int64_t i = 0; i < s->count; i++) {
        float m0 = s->history[0][i];
        float sum = residual(s, &w, order, i) + w.rho[order - 1] * (output[i] - m0);
        sample[i] = w.sample * before[i] + w.m0 * m0 + w.scale * sum;
    }
}

static void predict(Scheduler *s, int order, float *sample)
{
    Weights w = weights(s, s->index, order, false);
    for (int64_t i = 0; i < s->count; i++) {
        float next = w.sample * sample[i] + w.m0 * s->history[0][i];
        sample[i] = order > 1 ? next + w.scale * residual(s, &w, order, i) : next;
    }
}

static bool corrected(const Scheduler *s)
{
    const SchedulerList *off = &s->config.disable_corrector;
    for (int64_t i = 0; i < off->count; i++)
        if (off->values[i] == (double)(s->index - 1))
            return false;
    return s->counter > 0;
}

/* The order of the step from evaluation `index` when `filled` outputs are there. */
static int order_of_step(const Scheduler *s, int64_t index, int64_t filled)
{
    int64_t order = s->config.solver_order, left = s->evaluations - index;
    if (s->config.lower_order_final && left < order)
        order = left;
    return (int)(filled < order ? filled : order);
}

static int step(Scheduler *s, const float *model_output, float *sample)
{
    DpmLevel l = scheduler_dpm_level(s, s->index);
    float *output = s->history[OUTPUT];
    int code = SDC_OK;
    if (s->config.predict_x0) {
        scheduler_x0(s, l.alpha, l.sigma, model_output, sample, output);
        code = scheduler_limit_x0(s, output);
    } else {
        scheduler_epsilon(s, l.alpha, l.sigma, model_output, sample, output);
    }
    if (code)
        return code;
    if (corrected(s))
        correct(s, order_of_step(s, s->index - 1, s->filled), sample);
    memcpy(scheduler_push(s, DEPTH), output, (size_t)s->count * sizeof *output);
    s->filled += s->filled < DEPTH;
    memcpy(s->history[BEFORE], sample, (size_t)s->count * sizeof *sample);
    predict(s, order_of_step(s, s->index, s->filled), sample);
    return SDC_OK;
}

const SchedulerFamily family_unipc = {
    .check = check, .set_timesteps = set_timesteps, .step = step, .noise_level = scheduler_dpm_noise, .history = 5,
    .timestep_names_step = true,
};
