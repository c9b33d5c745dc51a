/* LMS: linear multistep over sigma (k-diffusion's sample_lms).
 *
 * The last derivatives are interpolated by a polynomial, which is integrated exactly over the step; diffusers
 * integrates numerically to the same value.
 * history: [0..3] derivatives, newest first */
#include <math.h>
#include <string.h>

#include "scheduler_family.h"

enum { DEPTH = 4 };

static int check(Scheduler *s)
{
    return scheduler_make_betas(s, false);
}

static int set_timesteps(Scheduler *s, int64_t steps)
{
    if (s->options.order < 1 || s->options.order > DEPTH)
        return scheduler_fail(s, SDC_USAGE, "LMSDiscreteScheduler: order %d is not 1 to %d", s->options.order, DEPTH);
    scheduler_store_sigmas(s, scheduler_k_schedule(s, steps, false), 0);
    for (int64_t i = 0; i < s->evaluations; i++)
        s->timesteps[i] = (double)(float)s->timesteps[i];
    scheduler_k_init_noise(s);
    return SDC_OK;
}

/* The Lagrange polynomial that is 1 at `sigma` k steps back and 0 at the others, at tau. */
static double basis(const float *sigma, int order, int k, double tau)
{
    double product = 1;
    for (int j = 0; j < order; j++)
        if (j != k)
            product *= (tau - (double)sigma[-j]) / ((double)sigma[-k] - (double)sigma[-j]);
    return product;
}

/* Its integral over the step, by Gauss-Legendre with two points: exact up to the third degree. */
static double coefficient(const float *sigma, int order, int k)
{
    double half = ((double)sigma[1] - (double)sigma[0]) / 2, middle = ((double)sigma[1] + (double)sigma[0]) / 2;
    double offset = half / sqrt(3);
    return half * (basis(sigma, order, k, middle - offset) + basis(sigma, order, k, middle + offset));
}

static int step(Scheduler *s, const float *model_output, float *sample)
{
    const float *sigma = s->sigmas + s->index;
    float *derivative = scheduler_push(s, DEPTH);
    for (int64_t i = 0; i < s->count; i++)
        derivative[i] = (sample[i] - scheduler_k_x0(s, sigma[0], model_output[i], sample[i])) / sigma[0];
    s->filled += s->filled < s->options.order;

    /* After the start of image to image there are fewer derivatives than the order; diffusers leaves them out. */
    int order = s->index + 1 < s->options.order ? (int)s->index + 1 : s->options.order;
    float c[DEPTH];
    for (int k = 0; k < order; k++)
        c[k] = k < s->filled ? (float)coefficient(sigma, order, k) : 0;
    for (int64_t i = 0; i < s->count; i++) {
        float sum = 0;
        for (int k = 0; k < order; k++)
            sum += c[k] * s->history[k][i];
        sample[i] += sum;
    }
    return SDC_OK;
}

const SchedulerFamily family_lms = {
    .check = check, .set_timesteps = set_timesteps, .step = step, .noise_level = scheduler_k_noise,
    .divisor = scheduler_k_divisor, .history = DEPTH, .timestep_names_step = true,
};
