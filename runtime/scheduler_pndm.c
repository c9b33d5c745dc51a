/* PNDM: pseudo numerical methods (Liu et al., arXiv 2202.09778, formulas 9, 12 and 13), and IPNDM, the multistep one
 * from the first step on, for networks that predict v by the angle of signal and noise (k-diffusion's, for sound).
 *
 * Either the first three steps are Runge-Kutta ones of four evaluations each (prk), or, with skip_prk_steps, the
 * second timestep is evaluated twice and the multistep method (plms) grows from there.
 * history: [0..3] epsilons, newest first; [4] the sum of a Runge-Kutta step; [5] the sample that a step started from
 * extra (IPNDM): [0] signal and [1] noise of step k, and of the end */
#include <math.h>
#include <string.h>

#include "scheduler_family.h"

enum { DEPTH = 4, SUM = 4, START = 5, PRK_EVALUATIONS = 12, SIGNAL = 0, NOISE = 1 };

static int check(Scheduler *s)
{
    return scheduler_make_betas(s, false);
}

static int64_t stride(const Scheduler *s)
{
    return s->config.num_train_timesteps / s->steps;
}

/* t0, t1, t1, t2, ... */
static void repeat_second(Scheduler *s, int64_t n)
{
    if (n > 1) {
        memmove(s->timesteps + 2, s->timesteps + 1, (size_t)(n - 1) * sizeof *s->timesteps);
        n++;
    }
    s->evaluations = n;
}

/* Each of the first three intervals is walked as: its start, its middle twice, its end; the end opens the next one. */
static int insert_runge_kutta(Scheduler *s, int64_t n)
{
    if (n < DEPTH)
        return scheduler_fail(s, SDC_USAGE, "PNDMScheduler needs at least %d steps", DEPTH);
    double t[DEPTH], half = (double)(stride(s) / 2);
    memcpy(t, s->timesteps, sizeof t);
    memmove(s->timesteps + PRK_EVALUATIONS, s->timesteps + DEPTH - 1, (size_t)(n - DEPTH + 1) * sizeof *s->timesteps);
    for (int i = 0; i < DEPTH - 1; i++) {
        double middle = t[i + 1] + half;
        double walk[] = { t[i], middle, middle, t[i + 1] };
        memcpy(s->timesteps + 4 * i, walk, sizeof walk);
    }
    s->evaluations = n - (DEPTH - 1) + PRK_EVALUATIONS;
    return SDC_OK;
}

static int set_timesteps(Scheduler *s, int64_t steps)
{
    if (steps > s->config.num_train_timesteps)
        return scheduler_fail(s, SDC_USAGE, "%lld steps are more than the %lld of training", (long long)steps,
                              (long long)s->config.num_train_timesteps);
    int64_t n = scheduler_space(s, steps, s->config.num_train_timesteps, TIMESTEPS_INTEGERS);
    int code = SDC_OK;
    if (s->config.skip_prk_steps)
        repeat_second(s, n);
    else
        code = insert_runge_kutta(s, n);
    return code ? code : scheduler_check_timesteps(s);
}

/* next = the sample moved from timestep t to t_next along the output (formula 9); next may be sample. */
static int move(Scheduler *s, float *next, const float *sample, int64_t t, int64_t t_next, const float *output)
{
    if (t < 0 || t >= s->config.num_train_timesteps || t_next >= s->config.num_train_timesteps)
        return scheduler_fail(s, SDC_UNSUPPORTED, "PNDMScheduler: timestep %lld is outside training", (long long)t);
    float alpha = scheduler_alpha(s, t), alpha_next = scheduler_alpha(s, t_next), beta = 1 - alpha;
    float from_sample = sqrtf(alpha_next / alpha), difference = alpha_next - alpha;
    float denominator = alpha * sqrtf(1 - alpha_next) + sqrtf(alpha * beta * alpha_next);
    float root_alpha = sqrtf(alpha), root_beta = sqrtf(beta);
    bool velocity = s->config.prediction_type == PREDICT_V;
    for (int64_t i = 0; i < s->count; i++) {
        float e = velocity ? root_alpha * output[i] + root_beta * sample[i] : output[i];
        next[i] = from_sample * sample[i] - difference * e / denominator;
    }
    return SDC_OK;
}

static void remember(Scheduler *s, const float *epsilon)
{
    memcpy(scheduler_push(s, DEPTH), epsilon, (size_t)s->count * sizeof *epsilon);
    s->filled += s->filled < DEPTH;
}

static int step_prk(Scheduler *s, const float *model_output, float *sample)
{
    static const double weights[] = { 1. / 6, 1. / 3, 1. / 3, 1. / 6 };
    int phase = (int)(s->counter % 4);
    int64_t t = (int64_t)s->timesteps[s->counter - phase], half = stride(s) / 2;
    int64_t t_next = (int64_t)s->timesteps[s->index] - (s->counter % 2 ? 0 : half);
    float *sum = s->history[SUM], weight = (float)weights[phase];
    if (phase == 0) {
        remember(s, model_output);
        memcpy(s->history[START], sample, (size_t)s->count * sizeof *sample);
        memset(sum, 0, (size_t)s->count * sizeof *sum);
    }
    for (int64_t i = 0; i < s->count; i++)
        sum[i] += weight * model_output[i];
    return move(s, sample, s->history[START], t, t_next, phase == 3 ? sum : model_output);
}

/* The Adams-Bashforth combination of the epsilons that are there, into out. */
static void combine(const Scheduler *s, float *out)
{
    float *const *e = s->history;
    for (int64_t i = 0; i < s->count; i++)
        out[i] = s->filled == 1 ? e[0][i]
            : s->filled == 2 ? (3 * e[0][i] - e[1][i]) / 2
            : s->filled == 3 ? (23 * e[0][i] - 16 * e[1][i] + 5 * e[2][i]) / 12
            : (float)(1. / 24) * (55 * e[0][i] - 59 * e[1][i] + 37 * e[2][i] - 9 * e[3][i]);
}

/* With skip_prk_steps: the second evaluation goes back to the sample that the first one started from and repeats the
 * step with the mean of both. */
static int step_again(Scheduler *s, const float *model_output, float *sample)
{
    float *mean = s->history[SUM];
    for (int64_t i = 0; i < s->count; i++)
        mean[i] = (model_output[i] + s->history[0][i]) / 2;
    int64_t t = (int64_t)s->timesteps[s->index];
    return move(s, sample, s->history[START], t + stride(s), t, mean);
}

static int step_plms(Scheduler *s, const float *model_output, float *sample)
{
    if (s->counter == 1 && s->filled == 1)
        return step_again(s, model_output, sample);
    remember(s, model_output);
    combine(s, s->history[SUM]);
    if (s->filled == 1)
        memcpy(s->history[START], sample, (size_t)s->count * sizeof *sample);
    int64_t t = (int64_t)s->timesteps[s->index];
    return move(s, sample, sample, t, t - stride(s), s->history[SUM]);
}

static int step(Scheduler *s, const float *model_output, float *sample)
{
    if (!s->config.skip_prk_steps && s->counter < PRK_EVALUATIONS)
        return step_prk(s, model_output, sample);
    return step_plms(s, model_output, sample);
}

const SchedulerFamily family_pndm = {
    .check = check, .set_timesteps = set_timesteps, .step = step, .noise_level = scheduler_alpha_noise, .history = 6,
};

/* ---- IPNDM ------------------------------------------------------------------------------------------------------- */

static int ipndm_check(Scheduler *s)
{
    if (s->config.trained_betas.count > 0)
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s: trained_betas are not supported", s->class->name);
    s->config.prediction_type = PREDICT_V;
    return SDC_OK;
}

/* Noise falls as sin^2 over a quarter of a turn; the timestep is the angle as a share of it. */
static int ipndm_timesteps(Scheduler *s, int64_t steps)
{
    for (int64_t i = 0; i <= steps; i++) {
        float sine = sinf((float)scheduler_linspace(1, 0, steps + 1, i) * (float)M_PI / 2), noise = sine * sine;
        float signal = sqrtf(1 - noise * noise);
        s->extra[SIGNAL][i] = signal;
        s->extra[NOISE][i] = noise;
        s->timesteps[i] = (double)(atan2f(noise, signal) / (float)M_PI * 2);
    }
    s->evaluations = steps;
    return SDC_OK;
}

static int ipndm_step(Scheduler *s, const float *model_output, float *sample)
{
    const float *signal = s->extra[SIGNAL] + s->index, *noise = s->extra[NOISE] + s->index;
    float *epsilon = s->history[SUM];
    scheduler_epsilon(s, signal[0], noise[0], model_output, sample, epsilon);
    remember(s, epsilon);
    combine(s, epsilon);
    for (int64_t i = 0; i < s->count; i++) {
        float x0 = (sample[i] - noise[0] * epsilon[i]) / fmaxf(signal[0], 1e-8f);
        sample[i] = signal[1] * x0 + noise[1] * epsilon[i];
    }
    return SDC_OK;
}

static NoiseLevel ipndm_noise(const Scheduler *s)
{
    return (NoiseLevel){ s->extra[SIGNAL][s->index], s->extra[NOISE][s->index] };
}

const SchedulerFamily family_ipndm = {
    .check = ipndm_check, .set_timesteps = ipndm_timesteps, .step = ipndm_step, .noise_level = ipndm_noise,
    .history = SUM + 1, .timestep_names_step = true,
};
