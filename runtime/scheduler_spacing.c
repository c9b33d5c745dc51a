/* scheduler_spacing: where on the training schedule the steps of a run lie.
 *
 * Timesteps by diffusers' three spacings (Lin et al., arXiv 2305.08891, table 2), sigmas by Karras et al. (arXiv
 * 2206.00364, equation 5), exponentially, or by a beta distribution (arXiv 2407.12173).  All in float64 as numpy
 * does it; rounding is to the nearest even. */
#include <math.h>

#include "scheduler_family.h"

double scheduler_linspace(double from, double to, int64_t n, int64_t i)
{
    if (n < 2)
        return from;
    return i == n - 1 ? to : from + (double)i * ((to - from) / (double)(n - 1));
}

/* ---- timesteps --------------------------------------------------------------------------------------------------- */

static int64_t space_linearly(Scheduler *s, int64_t steps, int64_t last, int kind)
{
    int64_t n = kind == TIMESTEPS_BELOW ? steps + 1 : steps;
    for (int64_t i = 0; i < steps; i++) {
        double t = scheduler_linspace(0, (double)(last - 1), n, n - 1 - i);
        s->timesteps[i] = kind == TIMESTEPS_FLOATS ? (double)(float)t : rint(t);
    }
    return steps;
}

static int64_t space_leading(Scheduler *s, int64_t steps, int64_t last, int kind)
{
    int64_t n = kind == TIMESTEPS_BELOW ? steps + 1 : steps;
    for (int64_t i = 0; i < steps; i++)
        s->timesteps[i] = (double)((n - 1 - i) * (last / n) + s->config.steps_offset);
    return steps;
}

static int64_t space_trailing(Scheduler *s, int64_t steps, int64_t last, int kind)
{
    (void)kind;
    double from = (double)last, ratio = (double)s->config.num_train_timesteps / (double)steps;
    double delta = (from - ratio) - from;    /* numpy.arange takes its step from its first two values */
    int64_t n = (int64_t)fmin(ceil(from / ratio), (double)steps);    /* by rounding it may have one more, at -1 */
    for (int64_t i = 0; i < n; i++)
        s->timesteps[i] = rint(from + (double)i * delta) - 1;
    return n;
}

typedef int64_t Spacing(Scheduler *s, int64_t steps, int64_t last, int kind);
static Spacing *const spacings[] = {
    [SPACING_LINSPACE] = space_linearly, [SPACING_LEADING] = space_leading, [SPACING_TRAILING] = space_trailing,
};

int64_t scheduler_space(Scheduler *s, int64_t steps, int64_t last, int kind)
{
    return spacings[s->config.timestep_spacing](s, steps, last, kind);
}

void scheduler_reverse_timesteps(Scheduler *s, int64_t n)
{
    for (int64_t low = 0, high = n - 1; low < high; low++, high--) {
        double swap = s->timesteps[low];
        s->timesteps[low] = s->timesteps[high];
        s->timesteps[high] = swap;
    }
}

/* ---- sigmas ------------------------------------------------------------------------------------------------------ */

double scheduler_interpolate(const Scheduler *s, double timestep)
{
    int64_t last = s->config.num_train_timesteps - 1;
    if (timestep <= 0)
        return (double)s->train_sigmas[0];
    if (timestep >= (double)last)
        return (double)s->train_sigmas[last];
    int64_t low = (int64_t)timestep;
    double a = (double)s->train_sigmas[low], b = (double)s->train_sigmas[low + 1];
    return a + (b - a) * (timestep - (double)low);
}

double scheduler_log_sigma(double sigma)
{
    return log(fmax(sigma, 1e-10));
}

double scheduler_sigma_to_timestep(const Scheduler *s, double log_sigma)
{
    int64_t low = s->config.num_train_timesteps - 2;
    while (low > 0 && log_sigma < (double)s->log_sigmas[low])
        low--;
    double a = (double)s->log_sigmas[low];
    double weight = (a - log_sigma) / (double)(s->log_sigmas[low] - s->log_sigmas[low + 1]);
    weight = fmin(fmax(weight, 0), 1);
    return (1 - weight) * (double)low + weight * (double)(low + 1);
}

/* The beta distribution's distribution function by its continued fraction (NIST DLMF 8.17.22), evaluated by Lentz's
 * method; x at most 1/2 with both parameters 0.6, where it converges fast. */
static double beta_distribution(double x, double p)
{
    double c = 1, d = 1 / (1 - 2 * p * x / (p + 1)), fraction = d;
    for (int m = 1; m < 200; m++) {
        double m2 = 2 * m;
        double even = m * (p - m) * x / ((p + m2 - 1) * (p + m2));
        double odd = -(p + m) * (2 * p + m) * x / ((p + m2) * (p + m2 + 1));
        d = 1 / (1 + even * d);
        c = 1 + even / c;
        fraction *= d * c;
        d = 1 / (1 + odd * d);
        c = 1 + odd / c;
        fraction *= d * c;
        if (fabs(d * c - 1) < 1e-16)
            break;
    }
    return exp(p * (log(x) + log1p(-x)) + lgamma(2 * p) - 2 * lgamma(p)) / p * fraction;
}

/* Its inverse, the share of the range at quantile q, by bisection; symmetric about 1/2. */
static double beta_quantile(double q, double p)
{
    if (q > 0.5)
        return 1 - beta_quantile(1 - q, p);
    double low = 0, high = 0.5;
    if (q <= 0)
        return 0;
    for (int i = 0; i < 1100 && low < high; i++) {    /* enough halvings for a subnormal */
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high)
            break;
        if (beta_distribution(middle, p) < q)
            low = middle;
        else
            high = middle;
    }
    return high;
}

double scheduler_karras_sigma(double maximum, double minimum, double rho, double share)
{
    double from = pow(maximum, 1 / rho), to = pow(minimum, 1 / rho);
    return pow(from + share * (to - from), rho);
}

static double karras_sigma(double maximum, double minimum, int64_t n, int64_t i)
{
    return scheduler_karras_sigma(maximum, minimum, 7, scheduler_linspace(0, 1, n, i));
}

static double exponential_sigma(double maximum, double minimum, int64_t n, int64_t i)
{
    return exp(scheduler_linspace(log(maximum), log(minimum), n, i));
}

static double beta_sigma(double maximum, double minimum, int64_t n, int64_t i)
{
    return minimum + beta_quantile(1 - scheduler_linspace(0, 1, n, i), 0.6) * (maximum - minimum);
}

bool scheduler_convert_sigmas(const Scheduler *s, double *sigmas, int64_t n, double maximum, double minimum)
{
    const SchedulerConfig *c = &s->config;
    double (*sigma)(double, double, int64_t, int64_t) = c->use_karras_sigmas ? karras_sigma
        : c->use_exponential_sigmas ? exponential_sigma : c->use_beta_sigmas ? beta_sigma : NULL;
    if (!sigma)
        return false;
    if (!isnan(c->sigma_min))
        minimum = c->sigma_min;
    if (!isnan(c->sigma_max))
        maximum = c->sigma_max;
    for (int64_t i = 0; i < n; i++)
        sigmas[i] = sigma(maximum, minimum, n, i);
    return true;
}

void scheduler_store_sigmas(Scheduler *s, int64_t n, float final)
{
    for (int64_t i = 0; i < n; i++)
        s->sigmas[i] = (float)s->work[i];
    s->sigmas[n] = final;
    s->n_sigmas = n + 1;
}

/* ---- the k-diffusion classes ------------------------------------------------------------------------------------- */

/* One sigma more than steps, evenly in the logarithm over the whole training schedule. */
static int64_t log_linear_sigmas(Scheduler *s, int64_t steps)
{
    int64_t n = steps + 1;
    float high = s->log_sigmas[s->config.num_train_timesteps - 1], low = s->log_sigmas[0];
    for (int64_t i = 0; i < n; i++)
        s->work[i] = (double)expf((float)scheduler_linspace((double)high, (double)low, n, i));
    return n;
}

int64_t scheduler_k_schedule(Scheduler *s, int64_t steps, bool round_karras)
{
    const SchedulerConfig *c = &s->config;
    int64_t n = scheduler_space(s, steps, c->num_train_timesteps, TIMESTEPS_FLOATS);
    s->evaluations = n;
    for (int64_t i = 0; i < n; i++)
        s->work[i] = scheduler_interpolate(s, s->timesteps[i]);
    if (c->interpolation_type == INTERPOLATE_LOG_LINEAR)
        n = log_linear_sigmas(s, steps);
    if (!scheduler_convert_sigmas(s, s->work, steps, s->work[0], s->work[n - 1]))
        return n;
    for (int64_t i = 0; i < steps; i++) {
        double t = scheduler_sigma_to_timestep(s, scheduler_log_sigma(s->work[i]));
        s->timesteps[i] = round_karras && c->use_karras_sigmas ? rint(t) : t;
    }
    s->evaluations = steps;
    return steps;
}

void scheduler_k_init_noise(Scheduler *s)
{
    float maximum = 0;
    for (int64_t i = 0; i < s->n_sigmas; i++)
        maximum = fmaxf(maximum, s->sigmas[i]);
    s->init_noise_sigma = s->config.timestep_spacing == SPACING_LEADING ? sqrtf(maximum * maximum + 1) : maximum;
}

void scheduler_edm_schedule(Scheduler *s, int64_t steps)
{
    const SchedulerConfig *c = &s->config;
    for (int64_t i = 0; i < steps; i++) {
        s->work[i] = c->sigma_schedule == SIGMAS_KARRAS
            ? scheduler_karras_sigma(c->sigma_max, c->sigma_min, c->rho, scheduler_linspace(0, 1, steps, i))
            : exponential_sigma(c->sigma_min, c->sigma_max, steps, steps - 1 - i);    /* one alone is the smallest */
        s->timesteps[i] = (double)(0.25f * logf((float)s->work[i]));
    }
    s->evaluations = steps;
    s->init_noise_sigma = (float)sqrt(c->sigma_max * c->sigma_max + 1);
}

float scheduler_k_divisor(const Scheduler *s)
{
    float sigma = s->sigmas[s->index], data = s->config.sigma_data > 0 ? (float)s->config.sigma_data : 1;
    return sqrtf(sigma * sigma + data * data);
}

NoiseLevel scheduler_k_noise(const Scheduler *s)
{
    return (NoiseLevel){ 1, s->sigmas[s->index] };
}
