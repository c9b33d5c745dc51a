/* eval_random.c: evaluators of operators that draw random numbers, from the runtime's own generator, so that the oracle
 * and the executable draw the same ones. */
#include <stdlib.h>

#include "../runtime/runtime.h"
#include "made.h"
#include "op.h"

static uint64_t seed_or_number(const Node *n, double seed)
{
    return attr_has(n, "seed") ? (uint64_t)(int64_t)seed : (uint64_t)n->id;
}

Draw random_draw(const Node *n)
{
    bool normal = n->op == OP_RandomNormal || n->op == OP_RandomNormalLike;
    Draw d = {.normal = normal, .seed = seed_or_number(n, attr_has(n, "seed") ? attr_f(n, "seed") : 0)};
    d.shift = attr_f(n, normal ? "mean" : "low");
    d.scale = normal ? attr_f(n, "scale") : attr_f(n, "high") - d.shift;
    return d;
}

uint64_t dropout_seed(const Node *n)
{
    return attr_has(n, "seed") ? (uint64_t)attr_i(n, "seed") : (uint64_t)n->id;
}

void eval_random(const Node *n, const Array *const *in, Array *const *out)
{
    (void)in;
    Draw d = random_draw(n);
    SdcRandom generator;
    float *drawn = malloc((size_t)out[0]->count * sizeof *drawn + 1);
    if (!drawn)
        fail(SDC_NO_SPACE, "out of memory");
    sdc_random_seed(&generator, d.seed);
    (d.normal ? sdc_random_normal : sdc_random_uniform)(&generator, drawn, out[0]->count);
    for (int64_t k = 0; k < out[0]->count; k++)
        out[0]->f[k] = d.shift + d.scale * (double)drawn[k];
    free(drawn);
}

/* In training each element is kept with probability 1 - ratio and scaled by 1 / (1 - ratio); numpy's stream of doubles.
 * */
void eval_dropout(const Node *n, const Array *const *in, Array *const *out)
{
    double ratio = n->n_in > 1 && in[1] ? array_get(in[1], 0) : 0.5;
    bool training = n->n_in > 2 && in[2] && array_get(in[2], 0) != 0 && ratio != 0;
    SdcRandom generator;
    sdc_random_seed(&generator, dropout_seed(n));
    for (int64_t k = 0; k < in[0]->count; k++) {
        bool keep = true;
        if (training) {
            uint32_t high = sdc_random_u32(&generator) >> 5, low = sdc_random_u32(&generator) >> 6;
            keep = ((double)high * 0x1p26 + (double)low) * 0x1p-53 >= ratio;
        }
        if (out[0])
            out[0]->f[k] = !keep ? 0 : training ? in[0]->f[k] / (1 - ratio) : in[0]->f[k];
        if (n->n_out > 1 && out[1])
            out[1]->i[k] = keep;
    }
}
