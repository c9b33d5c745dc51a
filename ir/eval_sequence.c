/* eval_sequence.c: the oracle for RotaryEmbedding, SwiGLU, LinearAttention and CausalConvWithState. */
#include "attention.h"
#include "index.h"
#include "op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"

/* ---- RotaryEmbedding and SwiGLU ---------------------------------------------------------------------------------- */

/* One head of one position: pairs (i, i + half), or (2i, 2i + 1) when interleaved, turn by the cached angle. */
static void rotate_head(const double *x, double *y, int64_t size, int64_t half, bool interleaved, const double *cosine,
                        const double *sine)
{
    for (int64_t d = 2 * half; d < size; d++)
        y[d] = x[d];
    for (int64_t d = 0; d < half; d++) {
        int64_t p = interleaved ? 2 * d : d, q = interleaved ? 2 * d + 1 : d + half;
        y[p] = cosine[d] * x[p] - sine[d] * x[q];
        y[q] = sine[d] * x[p] + cosine[d] * x[q];
    }
}

void eval_rotary(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape, *cache = &in[1]->shape;
    const Array *positions = n->n_in > 3 ? in[3] : NULL;
    bool packed = x->rank == 3, interleaved = attr_i(n, "interleaved") != 0;
    int64_t heads = packed ? attr_i(n, "num_heads") : x->dim[1], size = packed ? x->dim[2] / heads : x->dim[3];
    int64_t length = packed ? x->dim[1] : x->dim[2], half = cache->dim[cache->rank - 1];
    for (int64_t b = 0; b < x->dim[0]; b++)
        for (int64_t t = 0; t < length; t++)
            for (int64_t h = 0; h < heads; h++) {
                int64_t row = b * length + t, at = packed ? row * heads + h : (b * heads + h) * length + t;
                if (positions)
                    row = index_wrap(positions->i[row], cache->dim[0]);
                if (row < 0)
                    fail_node(SDC_BAD_INPUT, n, "position %lld lies outside a cache of %lld",
                              (long long)positions->i[b * length + t], (long long)cache->dim[0]);
                rotate_head(in[0]->f + at * size, out[0]->f + at * size, size, half, interleaved, in[1]->f + row * half,
                            in[2]->f + row * half);
            }
}

void eval_swiglu(const Node *n, const Array *const *in, Array *const *out)
{
    double alpha = attr_f(n, "alpha");
    for (int64_t k = 0; k < in[0]->count; k++)
        out[0]->f[k] = in[0]->f[k] / (1 + exp(-alpha * in[0]->f[k])) * in[1]->f[k];
}

/* ---- LinearAttention --------------------------------------------------------------------------------------------- */

/* One head at one time; decay and beta are NULL when not used. */
typedef struct { const double *key, *value, *decay, *beta; } Step;

/* S = exp(decay) S + key (x) change, where change = value, or beta (value - S^T key) for the delta rules. */
static void update_state(const LinearExtents *e, const Step *s, double *state)
{
    for (int64_t k = 0; s->decay && k < e->k_size; k++)
        for (int64_t v = 0; v < e->v_size; v++)
            state[k * e->v_size + v] *= exp(s->decay[e->decay_per_key ? k : 0]);
    for (int64_t v = 0; v < e->v_size; v++) {
        double change = s->value[v];
        if (s->beta) {
            for (int64_t k = 0; k < e->k_size; k++)
                change -= state[k * e->v_size + v] * s->key[k];
            change *= *s->beta;
        }
        for (int64_t k = 0; k < e->k_size; k++)
            state[k * e->v_size + v] += s->key[k] * change;
    }
}

static void read_state(const LinearExtents *e, const double *state, const double *query, double *y)
{
    for (int64_t v = 0; v < e->v_size; v++) {
        double sum = 0;
        for (int64_t k = 0; k < e->k_size; k++)
            sum += query[k] * state[k * e->v_size + v];
        y[v] = sum * e->scale;
    }
}

void eval_linear_attention(const Node *n, const Array *const *in, Array *const *out)
{
    LinearExtents e = linear_extents(n);
    int64_t group = e.q_heads / e.kv_heads, cells = e.k_size * e.v_size;
    int64_t decay_size = e.decay_per_key ? e.k_size : 1, beta_heads = e.beta_shared ? 1 : e.kv_heads;
    double *state = malloc((size_t)cells * sizeof *state + 1), *unused = malloc((size_t)e.v_size * sizeof *unused + 1);
    if (!state || !unused)
        fail_node(SDC_NO_SPACE, n, "out of memory");
    for (int64_t head = 0; head < e.batch * e.kv_heads; head++) {
        int64_t b = head / e.kv_heads, h = head % e.kv_heads;
        for (int64_t k = 0; k < cells; k++)
            state[k] = n->n_in > 3 && in[3] ? in[3]->f[head * cells + k] : 0;
        for (int64_t t = 0; t < e.length; t++) {
            int64_t at = (b * e.length + t) * e.kv_heads + h;
            Step s = {in[1]->f + at * e.k_size, in[2]->f + at * e.v_size, e.gated ? in[4]->f + at * decay_size : NULL,
                      e.delta ? in[5]->f + (b * e.length + t) * beta_heads + (e.beta_shared ? 0 : h) : NULL};
            update_state(&e, &s, state);
            for (int64_t g = 0; g < group; g++) {
                int64_t q = (b * e.length + t) * e.q_heads + h * group + g;
                read_state(&e, state, in[0]->f + q * e.k_size, out[0] ? out[0]->f + q * e.v_size : unused);
            }
        }
        if (n->n_out > 1 && out[1] && cells)
            memcpy(out[1]->f + head * cells, state, (size_t)cells * sizeof *state);
    }
    free(state);
    free(unused);
}

/* ---- CausalConvWithState ----------------------------------------------------------------------------------------- */

/* Position p of channel row r of [past, data]. */
static double padded_at(const Array *x, const Array *past, int64_t history, int64_t r, int64_t p)
{
    int64_t length = x->shape.dim[2];
    if (p >= history)
        return x->f[r * length + p - history];
    return past ? past->f[r * history + p] : 0;
}

void eval_causal_conv(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *x = in[0], *w = in[1], *bias = n->n_in > 2 ? in[2] : NULL, *past = n->n_in > 3 ? in[3] : NULL;
    int64_t channels = x->shape.dim[1], length = x->shape.dim[2], taps = w->shape.dim[2];
    bool silu = strcmp(attr_s(n, "activation"), "none") != 0;
    for (int64_t r = 0; r < x->shape.dim[0] * channels; r++) {
        for (int64_t t = 0; out[0] && t < length; t++) {
            double sum = bias ? bias->f[r % channels] : 0;
            for (int64_t k = 0; k < taps; k++)
                sum += w->f[r % channels * taps + k] * padded_at(x, past, taps - 1, r, t + k);
            out[0]->f[r * length + t] = silu ? sum / (1 + exp(-sum)) : sum;
        }
        for (int64_t k = 0; n->n_out > 1 && out[1] && k < taps - 1; k++)
            out[1]->f[r * (taps - 1) + k] = padded_at(x, past, taps - 1, r, length + k);
    }
}
