/* scheduler_dpm: what DPM-Solver, DPM-Solver++, UniPC and DEIS share: levels of noise by lambda = log(alpha / sigma),
 * the schedule of a run, and the exponential integrators' coefficients (Lu et al., arXiv 2206.00927 and 2211.01095). */
#include <math.h>

#include "scheduler_family.h"

DpmLevel scheduler_dpm_level(const Scheduler *s, int64_t i)
{
    float sigma = s->sigmas[i];
    DpmLevel l = { 1 - sigma, sigma, 0 };
    if (s->class->training == TRAINED_EDM) {
        l.alpha = 1;
    } else if (!s->config.use_flow_sigmas) {
        l.alpha = 1 / sqrtf(sigma * sigma + 1);
        l.sigma = sigma * l.alpha;
    }
    l.lambda = logf(l.alpha) - logf(l.sigma);
    return l;
}

NoiseLevel scheduler_dpm_noise(const Scheduler *s)
{
    DpmLevel l = scheduler_dpm_level(s, s->index);
    return (NoiseLevel){ l.alpha, l.sigma };
}

/* ---- the schedule of a run --------------------------------------------------------------------------------------- */

/* One above the first timestep: those with lambda below lambda_min_clipped are left out. */
static int64_t last_timestep(const Scheduler *s)
{
    int64_t last = s->config.num_train_timesteps;
    for (; last > 1; last--) {
        float alpha = s->alphas_cumprod[last - 1];
        if (!((double)(logf(sqrtf(alpha)) - logf(sqrtf(1 - alpha))) < s->config.lambda_min_clipped))
            break;
    }
    return last;
}

int scheduler_dpm_flow(Scheduler *s, int64_t steps)
{
    if (s->config.use_dynamic_shifting && s->config.time_shift_type != TIME_SHIFT_EXPONENTIAL)
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s: time_shift_type \"linear\" is not supported", s->class->name);
    double shift = s->config.flow_shift, train = (double)s->config.num_train_timesteps;
    if (s->config.use_dynamic_shifting && !isnan(s->options.mu))
        shift = exp(s->options.mu);
    for (int64_t i = 0; i < steps; i++) {
        double sigma = 1 - scheduler_linspace(1, 1 / train, steps + 1, steps - i);
        s->work[i] = shift * sigma / (1 + (shift - 1) * sigma);
        s->timesteps[i] = s->work[i] * train;
    }
    return SDC_OK;
}

/* Even steps in log sigma, which is Lu et al.'s lambda but for the sign (2206.00927, section 3.4). */
static void lu_sigmas(Scheduler *s, int64_t steps)
{
    double high = (double)s->log_sigmas[s->config.num_train_timesteps - 1], low = (double)s->log_sigmas[0];
    for (int64_t i = 0; i < steps; i++)
        s->work[i] = exp(high + scheduler_linspace(0, 1, steps, i) * (low - high));
}

/* Timesteps of converted sigmas.  Those of Karras and Lu are rounded, but for the multistep solver not on the cosine
 * schedule. */
static void timesteps_of_sigmas(Scheduler *s, int64_t steps)
{
    const SchedulerConfig *c = &s->config;
    bool cosine = c->beta_schedule == BETAS_COSINE && s->class->family == &family_dpm_multistep;
    bool round = (c->use_karras_sigmas || c->use_lu_lambdas) && !cosine;
    for (int64_t i = 0; i < steps; i++) {
        double t = scheduler_sigma_to_timestep(s, scheduler_log_sigma(s->work[i]));
        s->timesteps[i] = round ? rint(t) : t;
    }
}

/* Timesteps below the noisiest one; inverse classes: from the bottom up. */
static int64_t space(Scheduler *s, int64_t steps, int64_t last)
{
    if (!s->class->inverse)
        return scheduler_space(s, steps, last, TIMESTEPS_BELOW);
    int64_t above = s->config.timestep_spacing == SPACING_TRAILING ? 0 : 1;    /* laid out too, and left out */
    int64_t n = scheduler_space(s, steps + above, last, TIMESTEPS_INTEGERS);
    scheduler_reverse_timesteps(s, n);
    return n - above;
}

int scheduler_dpm_schedule(Scheduler *s, int64_t steps, int final_sigmas_type, bool repeat_last, DpmFlow *flow)
{
    const SchedulerConfig *c = &s->config;
    int64_t n = steps, last = last_timestep(s);
    double noisiest = (double)s->train_sigmas[c->num_train_timesteps - 1], cleanest = (double)s->train_sigmas[0];
    bool converted = scheduler_convert_sigmas(s, s->work, steps, s->class->inverse ? cleanest : noisiest,
                                              s->class->inverse ? noisiest : cleanest);
    if (!converted && c->use_lu_lambdas) {
        lu_sigmas(s, steps);
        converted = true;
    }
    if (converted) {
        timesteps_of_sigmas(s, steps);
    } else if (c->use_flow_sigmas) {
        int code = flow(s, steps);
        if (code)
            return code;
    } else {
        n = space(s, steps, last);
        for (int64_t i = 0; i < n; i++)
            s->work[i] = scheduler_interpolate(s, s->timesteps[i]);
        repeat_last = false;
    }
    for (int64_t i = 0; i < n; i++)
        s->timesteps[i] = trunc(s->timesteps[i]);    /* diffusers keeps them as int64 */
    float end = repeat_last ? (float)s->work[n - 1] : s->train_sigmas[s->class->inverse ? last - 1 : 0];
    scheduler_store_sigmas(s, n, final_sigmas_type == FINAL_SIGMA_ZERO ? 0 : end);
    s->steps = s->evaluations = n;
    return SDC_OK;
}

/* ---- DPM-Solver -------------------------------------------------------------------------------------------------- */

int scheduler_dpm_convert(Scheduler *s, const float *model_output, const float *sample, float *out)
{
    DpmLevel l = scheduler_dpm_level(s, s->index);
    int algorithm = s->config.algorithm_type;
    if (s->class->training == TRAINED_EDM) {
        for (int64_t i = 0; i < s->count; i++)
            out[i] = scheduler_k_x0(s, l.sigma, model_output[i], sample[i]);
        return scheduler_limit_x0(s, out);
    }
    if (algorithm == ALGORITHM_DPMPP || algorithm == ALGORITHM_SDE_DPMPP || algorithm == ALGORITHM_DATA) {
        scheduler_x0(s, l.alpha, l.sigma, model_output, sample, out);
        return scheduler_limit_x0(s, out);
    }
    scheduler_epsilon(s, l.alpha, l.sigma, model_output, sample, out);
    if (!s->config.thresholding)
        return SDC_OK;
    for (int64_t i = 0; i < s->count; i++)
        out[i] = (sample[i] - l.sigma * out[i]) / l.alpha;
    int code = scheduler_limit_x0(s, out);
    for (int64_t i = 0; i < s->count; i++)
        out[i] = (sample[i] - l.alpha * out[i]) / l.sigma;
    return code;
}

static DpmCoefficients dpmpp(DpmLevel to, DpmLevel from, float h, bool exact)
{
    float e = expf(-h) - 1;
    return (DpmCoefficients){
        .sample = to.sigma / from.sigma,
        .d0 = -(to.alpha * e),
        .d1 = exact ? to.alpha * (e / h + 1) : -0.5f * (to.alpha * e),
        .d2 = -(to.alpha * ((e + h) / (h * h) - 0.5f)),
    };
}

static DpmCoefficients dpm(DpmLevel to, DpmLevel from, float h, bool exact)
{
    float e = expf(h) - 1;
    return (DpmCoefficients){
        .sample = to.alpha / from.alpha,
        .d0 = -(to.sigma * e),
        .d1 = exact ? -(to.sigma * (e / h - 1)) : -0.5f * (to.sigma * e),
        .d2 = -(to.sigma * ((e - h) / (h * h) - 0.5f)),
    };
}

static DpmCoefficients sde_dpmpp(DpmLevel to, DpmLevel from, float h, bool exact)
{
    float e = 1 - expf(-2 * h), h2 = 2 * h;
    return (DpmCoefficients){
        .sample = to.sigma / from.sigma * expf(-h),
        .d0 = to.alpha * e,
        .d1 = exact ? to.alpha * (e / -h2 + 1) : 0.5f * (to.alpha * e),
        .d2 = to.alpha * ((e - h2) / (h2 * h2) - 0.5f),
        .noise = to.sigma * sqrtf(1 - expf(-2 * h)),
    };
}

static DpmCoefficients sde_dpm(DpmLevel to, DpmLevel from, float h, bool exact)
{
    float e = expf(h) - 1;
    return (DpmCoefficients){
        .sample = to.alpha / from.alpha,
        .d0 = -2 * (to.sigma * e),
        .d1 = exact ? -2 * (to.sigma * (e / h - 1)) : -(to.sigma * e),
        .noise = to.sigma * sqrtf(expf(2 * h) - 1),
    };
}

DpmCoefficients scheduler_dpm_coefficients(const Scheduler *s, DpmLevel to, DpmLevel from, bool exact)
{
    typedef DpmCoefficients Algorithm(DpmLevel to, DpmLevel from, float h, bool exact);
    static Algorithm *const algorithms[] = {
        [ALGORITHM_DPMPP] = dpmpp, [ALGORITHM_DPM] = dpm, [ALGORITHM_SDE_DPMPP] = sde_dpmpp,
        [ALGORITHM_SDE_DPM] = sde_dpm,
    };
    return algorithms[s->config.algorithm_type](to, from, to.lambda - from.lambda, exact);
}
