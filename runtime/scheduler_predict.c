/* scheduler_predict: what the network's output says about the clean picture x0 and the noise epsilon.
 *
 * v-prediction: Salimans and Ho, arXiv 2202.00512, appendix D; dynamic thresholding: Saharia et al., arXiv 2205.11487,
 * section 2.3; preconditioned networks: Karras et al., arXiv 2206.00364, table 1, and consistency models, Song et al.,
 * arXiv 2303.01469, appendix C. */
#include <math.h>
#include <stdlib.h>

#include "scheduler_family.h"

void scheduler_x0(const Scheduler *s, float alpha, float sigma, const float *model_output, const float *sample,
                  float *x0)
{
    int prediction = s->config.prediction_type;
    for (int64_t i = 0; i < s->count; i++) {
        float m = model_output[i];
        x0[i] = prediction == PREDICT_EPSILON ? (sample[i] - sigma * m) / alpha
            : prediction == PREDICT_V ? alpha * sample[i] - sigma * m
            : prediction == PREDICT_FLOW ? sample[i] - sigma * m
            : m;
    }
}

void scheduler_epsilon(const Scheduler *s, float alpha, float sigma, const float *model_output, const float *sample,
                       float *epsilon)
{
    int prediction = s->config.prediction_type;
    for (int64_t i = 0; i < s->count; i++) {
        float m = model_output[i];
        epsilon[i] = prediction == PREDICT_EPSILON ? m
            : prediction == PREDICT_V ? alpha * m + sigma * sample[i]
            : (sample[i] - alpha * m) / sigma;
    }
}

/* Mixed of sample and output; a consistency model's is the sample alone at sigma_min. */
static float preconditioned(const Scheduler *s, float sigma, float model_output, float sample)
{
    const SchedulerConfig *c = &s->config;
    float data = (float)c->sigma_data, sign = c->prediction_type == PREDICT_V ? -1 : 1;
    float above = s->class->training == TRAINED_CONSISTENCY ? sigma - (float)c->sigma_min : sigma;
    float skip = data * data / (above * above + data * data);
    return skip * sample + sign * above * data / sqrtf(sigma * sigma + data * data) * model_output;
}

float scheduler_k_x0(const Scheduler *s, float sigma, float model_output, float sample)
{
    int prediction = s->config.prediction_type;
    if (s->class->training == TRAINED_EDM || s->class->training == TRAINED_CONSISTENCY)
        return preconditioned(s, sigma, model_output, sample);
    if (prediction == PREDICT_EPSILON)
        return sample - sigma * model_output;
    if (prediction == PREDICT_V)
        return model_output * (-sigma / sqrtf(sigma * sigma + 1)) + sample / (sigma * sigma + 1);
    return model_output;
}

void scheduler_level(const Scheduler *s, float *keep, float *add)
{
    NoiseLevel level = s->class->family->noise_level(s);
    *keep = level.keep;
    *add = level.add;
}

void scheduler_predict(const Scheduler *s, const float *model_output, const float *sample, float *x0)
{
    NoiseLevel level = s->class->family->noise_level(s);
    if (s->class->family->divisor)
        for (int64_t i = 0; i < s->count; i++)
            x0[i] = scheduler_k_x0(s, level.add, model_output[i], sample[i]);
    else
        scheduler_x0(s, level.keep, level.add, model_output, sample, x0);
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Quantile q of the n magnitudes, linear between neighbours; sorted is scratch of n floats. */
static float magnitude_quantile(const float *x, int64_t n, float q, float *sorted)
{
    for (int64_t i = 0; i < n; i++)
        sorted[i] = fabsf(x[i]);
    qsort(sorted, (size_t)n, sizeof *sorted, compare);
    float rank = q * (float)(n - 1);
    int64_t below = (int64_t)rank, above = below + 1 < n ? below + 1 : n - 1;
    float weight = rank - (float)below, difference = sorted[above] - sorted[below];
    return weight < 0.5f ? sorted[below] + weight * difference : sorted[above] - difference * (1 - weight);
}

static int threshold(Scheduler *s, float *x0)
{
    const SchedulerConfig *c = &s->config;
    for (int64_t b = 0; b < s->batch; b++) {
        float *x = x0 + b * s->size;
        float limit = magnitude_quantile(x, s->size, (float)c->dynamic_thresholding_ratio, s->noise);
        limit = fminf(fmaxf(limit, 1), (float)c->sample_max_value);
        for (int64_t i = 0; i < s->size; i++)
            x[i] = fminf(fmaxf(x[i], -limit), limit) / limit;
    }
    return SDC_OK;
}

int scheduler_limit_x0(Scheduler *s, float *x0)
{
    if (s->config.thresholding)
        return threshold(s, x0);
    if (!s->config.clip_sample)
        return SDC_OK;
    float range = (float)s->config.clip_sample_range;
    for (int64_t i = 0; i < s->count; i++)
        x0[i] = fminf(fmaxf(x0[i], -range), range);
    return SDC_OK;
}
