/* vlm_sample.c: logits to the next token.  Only the order of the likeliest matters, so no more than those are sorted. */
#include <math.h>
#include <stdlib.h>

#include "vlm.h"

typedef struct { float logit; int32_t id; } Candidate;

static int likelier(const void *a, const void *b)
{
    const Candidate *x = a, *y = b;
    return x->logit != y->logit ? (x->logit < y->logit) - (x->logit > y->logit) : (x->id > y->id) - (x->id < y->id);
}

static int64_t likeliest(const float *logits, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

/* The candidates that make up top_p of the sum of their weights; weights[n] fall. */
static int64_t cut(const double *weights, int64_t n, double top_p, double *sum)
{
    double all = 0, so_far = 0;
    for (int64_t i = 0; i < n; i++)
        all += weights[i];
    int64_t kept = 0;
    while (kept < n && (kept == 0 || so_far < top_p * all))
        so_far += weights[kept++];
    *sum = so_far;
    return kept;
}

static int64_t draw(Vlm *v, Candidate *list, double *weights)
{
    const VlmOptions *o = v->options;
    int64_t n = v->vocabulary;
    for (int64_t i = 0; i < n; i++)
        list[i] = (Candidate){v->logits[i], (int32_t)i};
    qsort(list, (size_t)n, sizeof *list, likelier);
    if (o->top_k && o->top_k < n)
        n = o->top_k;
    for (int64_t i = 0; i < n; i++)
        weights[i] = exp(((double)list[i].logit - (double)list[0].logit) / o->temperature);
    double sum;
    n = cut(weights, n, o->top_p, &sum);
    float uniform;
    sdc_random_uniform(&v->random, &uniform, 1);
    double at = (double)uniform * sum;
    int64_t k = 0;
    while (k < n - 1 && at >= weights[k])
        at -= weights[k++];
    return list[k].id;
}

int vlm_sample(Vlm *v, int64_t *token)
{
    if (v->options->temperature == 0) {
        *token = likeliest(v->logits, v->vocabulary);
        return SDC_OK;
    }
    Candidate *list = malloc((size_t)v->vocabulary * sizeof *list);
    double *weights = malloc((size_t)v->vocabulary * sizeof *weights);
    int code = list && weights ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
    if (!code)
        *token = draw(v, list, weights);
    free(list);
    free(weights);
    return code;
}
