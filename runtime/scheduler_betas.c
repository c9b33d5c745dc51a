/* scheduler_betas: the noise schedule that the network was trained with.
 *
 * betas in float32 as torch makes them; alphas_cumprod is their running product, held in double and rounded at every
 * element as torch.cumprod does.  Cosine: Nichol and Dhariwal, arXiv 2102.09672; zero terminal SNR: Lin et al.,
 * arXiv 2305.08891, algorithm 1. */
#include <math.h>
#include <stdlib.h>

#include "scheduler_family.h"

/* torch.linspace in float32: from both ends towards the middle. */
static float linspace(float from, float to, int64_t n, int64_t i)
{
    float step = (to - from) / (float)(n - 1);
    return i < n / 2 ? from + step * (float)i : to - step * (float)(n - 1 - i);
}

static double cosine_alpha_bar(double t)
{
    double c = cos((t + 0.008) / 1.008 * M_PI / 2);
    return c * c;
}

static double laplace_alpha_bar(double t)
{
    double lambda = -0.5 * copysign(1, 0.5 - t) * log(1 - 2 * fabs(0.5 - t) + 1e-6);
    double snr = exp(lambda);
    return sqrt(snr / (1 + snr));
}

static double exp_alpha_bar(double t)
{
    return exp(-12 * t);
}

static float beta_of_alpha_bar(double (*alpha_bar)(double), int64_t n, int64_t i)
{
    double beta = 1 - alpha_bar((double)(i + 1) / (double)n) / alpha_bar((double)i / (double)n);
    return (float)fmin(beta, 0.999);
}

typedef float BetaFunction(const SchedulerConfig *c, int64_t i);

static float linear(const SchedulerConfig *c, int64_t i)
{
    return linspace((float)c->beta_start, (float)c->beta_end, c->num_train_timesteps, i);
}

static float scaled_linear(const SchedulerConfig *c, int64_t i)
{
    float root = linspace((float)sqrt(c->beta_start), (float)sqrt(c->beta_end), c->num_train_timesteps, i);
    return root * root;
}

static float cosine(const SchedulerConfig *c, int64_t i)
{
    return beta_of_alpha_bar(cosine_alpha_bar, c->num_train_timesteps, i);
}

static float laplace(const SchedulerConfig *c, int64_t i)
{
    return beta_of_alpha_bar(laplace_alpha_bar, c->num_train_timesteps, i);
}

static float exponential(const SchedulerConfig *c, int64_t i)
{
    return beta_of_alpha_bar(exp_alpha_bar, c->num_train_timesteps, i);
}

static float sigmoid(const SchedulerConfig *c, int64_t i)
{
    float x = linspace(-6, 6, c->num_train_timesteps, i);
    return 1 / (1 + expf(-x)) * (float)(c->beta_end - c->beta_start) + (float)c->beta_start;
}

static float trained(const SchedulerConfig *c, int64_t i)
{
    return (float)c->trained_betas.values[i];
}

static BetaFunction *const beta_functions[] = {
    [BETAS_LINEAR] = linear, [BETAS_SCALED_LINEAR] = scaled_linear, [BETAS_COSINE] = cosine,
    [BETAS_LAPLACE] = laplace, [BETAS_SIGMOID] = sigmoid, [BETAS_EXP] = exponential,
};

/* alphas[n] to their running products. */
static void cumulate(float *alphas, int64_t n)
{
    double product = 1;
    for (int64_t i = 0; i < n; i++) {
        product *= (double)alphas[i];
        alphas[i] = (float)product;
    }
}

/* Shift and scale the square roots of alphas_cumprod[n] so that the last is zero and the first is kept. */
static void rescale_zero_snr(float *a, int64_t n)
{
    float first = sqrtf(a[0]), last = sqrtf(a[n - 1]), scale = first / (first - last), before = 1;
    for (int64_t i = 0; i < n; i++) {
        float root = (sqrtf(a[i]) - last) * scale;
        float alpha_bar = root * root;
        float beta = 1 - alpha_bar / before;    /* back to betas, as diffusers does, for the same rounding */
        before = alpha_bar;
        a[i] = 1 - beta;
    }
    cumulate(a, n);
}

float scheduler_beta(const Scheduler *s, int64_t t)
{
    const SchedulerConfig *c = &s->config;
    return (c->trained_betas.count > 0 ? trained : beta_functions[c->beta_schedule])(c, t);
}

int scheduler_make_betas(Scheduler *s, bool tiny_last)
{
    const SchedulerConfig *c = &s->config;
    int64_t n = c->num_train_timesteps;
    if (c->trained_betas.count > 0 && c->trained_betas.count != n)
        return scheduler_fail(s, SDC_BAD_INPUT, "trained_betas has %lld values for %lld timesteps",
                              (long long)c->trained_betas.count, (long long)n);
    s->alphas_cumprod = malloc((size_t)n * sizeof(float));
    s->train_sigmas = malloc((size_t)n * sizeof(float));
    s->log_sigmas = malloc((size_t)n * sizeof(float));
    if (!s->alphas_cumprod || !s->train_sigmas || !s->log_sigmas)
        return scheduler_fail(s, SDC_NO_SPACE, "out of memory");
    float *a = s->alphas_cumprod;
    for (int64_t i = 0; i < n; i++)
        a[i] = 1 - scheduler_beta(s, i);
    cumulate(a, n);
    if (c->rescale_betas_zero_snr) {
        rescale_zero_snr(a, n);
        if (tiny_last)
            a[n - 1] = 0x1p-24f;
    }
    for (int64_t i = 0; i < n; i++) {
        s->train_sigmas[i] = sqrtf((1 - a[i]) / a[i]);
        s->log_sigmas[i] = logf(s->train_sigmas[i]);
    }
    s->final_alpha_cumprod = c->set_alpha_to_one ? 1 : a[0];
    return SDC_OK;
}

float scheduler_alpha(const Scheduler *s, int64_t t)
{
    return t < 0 ? s->final_alpha_cumprod : s->alphas_cumprod[t];
}

int scheduler_check_timesteps(Scheduler *s)
{
    for (int64_t i = 0; i < s->evaluations; i++)
        if (!(s->timesteps[i] >= 0 && s->timesteps[i] < (double)s->config.num_train_timesteps))
            return scheduler_fail(s, SDC_UNSUPPORTED, "%s: timestep %g of %lld steps is outside the %lld of training",
                                  s->class->name, s->timesteps[i], (long long)s->steps,
                                  (long long)s->config.num_train_timesteps);
    return SDC_OK;
}

NoiseLevel scheduler_alpha_noise(const Scheduler *s)
{
    float alpha = scheduler_alpha(s, (int64_t)s->timesteps[s->index]);
    return (NoiseLevel){ sqrtf(alpha), sqrtf(1 - alpha) };
}
