/* eval_attention.c: the oracle for Attention and FlexAttention, head by head:
 *
 *      scores = scale * Q K^T;  softcap;  + bias;  softmax over the keys (a row without any key is 0);  times V */
#include "attention.h"
#include "index.h"
#include "op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"

/* Element d of position t of head h, in either layout of an operand with `heads` heads. */
static double at_head(const Array *x, bool packed, int64_t heads, int64_t length, int64_t size, int64_t b, int64_t h,
                      int64_t t, int64_t d)
{
    return packed ? x->f[((b * length + t) * heads + h) * size + d] : x->f[((b * heads + h) * length + t) * size + d];
}

/* Keys or values with the cache in front: [batch, kv_heads, total, size]. */
static double *with_past(const AttentionExtents *e, const Array *x, const Array *past, int64_t size)
{
    double *all = malloc((size_t)(e->batch * e->kv_heads * e->total * size + 1) * sizeof *all), *p = all;
    if (!all)
        fail(SDC_NO_SPACE, "out of memory");
    for (int64_t b = 0; b < e->batch; b++)
        for (int64_t h = 0; h < e->kv_heads; h++)
            for (int64_t t = 0; t < e->total; t++)
                for (int64_t d = 0; d < size; d++)
                    *p++ = t < e->past ? past->f[((b * e->kv_heads + h) * e->past + t) * size + d]
                                       : at_head(x, e->packed, e->kv_heads, e->kv_length, size, b, h, t - e->past, d);
    return all;
}

/* What the mask adds for one (batch, head, query, key); keys beyond its last axis are masked. */
static double mask_at(const Array *mask, const int64_t at[4])
{
    const Shape *s = &mask->shape;
    int64_t offset = 0;
    if (at[3] >= s->dim[s->rank - 1])
        return -INFINITY;
    for (int k = 0; k < s->rank; k++)
        offset = offset * s->dim[k] + (s->dim[k] == 1 ? 0 : at[4 - s->rank + k]);
    return mask->f ? mask->f[offset] : mask->i[offset] ? 0 : -INFINITY;
}

typedef struct {
    const Array *mask, *valid;
    bool causal;
    int64_t left, right;
} Bias;

static double bias_at(const Bias *bias, const AttentionExtents *e, const int64_t at[4])
{
    int64_t valid = bias->valid ? bias->valid->i[at[0]] : e->total;
    int64_t position = at[2] + (bias->valid ? valid - e->q_length : e->past), key = at[3];
    bool hidden = (bias->causal && key > position) || (bias->left >= 0 && key < position - bias->left) ||
                  (bias->right >= 0 && key > position + bias->right) || key >= valid;
    return (hidden ? -INFINITY : 0) + (bias->mask ? mask_at(bias->mask, at) : 0);
}

/* Softmax of one row; a row whose bias masks every key becomes 0. */
static void softmax_row(double *row, int64_t count, bool masked)
{
    double top = -INFINITY, sum = 0;
    for (int64_t k = 0; k < count; k++)
        top = row[k] > top || isnan(row[k]) ? row[k] : top;
    for (int64_t k = 0; k < count; k++)
        sum += row[k] = masked || top == -INFINITY ? 0 : exp(row[k] - top);
    for (int64_t k = 0; k < count && sum != 0; k++)
        row[k] /= sum;
}

/* One query's scores to probabilities; what output 3 asks for is left in `shown`. */
static void weigh_keys(const Node *n, const Bias *bias, const AttentionExtents *e, int64_t at[4], double *row,
                       double *shown)
{
    double cap = attr_f(n, "softcap"), highest = -INFINITY;
    int64_t mode = attr_i(n, "qk_matmul_output_mode");
    for (int64_t j = 0; j < e->total; j++) {
        at[3] = j;
        shown[j] = row[j];
        if (cap > 0)
            row[j] = cap * tanh(row[j] / cap);
        if (mode == 1)
            shown[j] = row[j];
        double b = bias_at(bias, e, at);
        highest = b > highest || isnan(b) ? b : highest;
        row[j] += b;
        if (mode == 2)
            shown[j] = row[j];
    }
    softmax_row(row, e->total, highest == -INFINITY);
    if (mode == 3)
        memcpy(shown, row, (size_t)e->total * sizeof *row);
}

static void query_scores(const AttentionExtents *e, const Array *q, const double *keys, int64_t b, int64_t h, int64_t t,
                         double *row)
{
    const double *k = keys + (b * e->kv_heads + h / (e->q_heads / e->kv_heads)) * e->total * e->size;
    for (int64_t j = 0; j < e->total; j++) {
        double sum = 0;
        for (int64_t d = 0; d < e->size; d++)
            sum += at_head(q, e->packed, e->q_heads, e->q_length, e->size, b, h, t, d) * k[j * e->size + d];
        row[j] = sum * e->scale;
    }
}

static void weighted_values(const AttentionExtents *e, const double *values, const double *row, int64_t b, int64_t h,
                            int64_t t, Array *y)
{
    const double *v = values + (b * e->kv_heads + h / (e->q_heads / e->kv_heads)) * e->total * e->v_size;
    for (int64_t d = 0; d < e->v_size; d++) {
        double sum = 0;
        for (int64_t j = 0; j < e->total; j++)
            sum += row[j] * v[j * e->v_size + d];
        int64_t to = e->packed ? ((b * e->q_length + t) * e->q_heads + h) * e->v_size + d
                               : ((b * e->q_heads + h) * e->q_length + t) * e->v_size + d;
        y->f[to] = sum;
    }
}

static const Array *operand(const Node *n, const Array *const *in, int k)
{
    return k < n->n_in ? in[k] : NULL;
}

void eval_attention(const Node *n, const Array *const *in, Array *const *out)
{
    AttentionExtents e = attention_extents(n);
    Bias bias = {operand(n, in, 3), operand(n, in, 6), attr_i(n, "is_causal") != 0, attr_i(n, "left_window_size"),
                 attr_i(n, "right_window_size")};
    double *keys = with_past(&e, in[1], operand(n, in, 4), e.size);
    double *values = with_past(&e, in[2], operand(n, in, 5), e.v_size);
    double *row = calloc((size_t)e.total * 2 + 1, sizeof *row), *shown = row + e.total;
    if (!row)
        fail_node(SDC_NO_SPACE, n, "out of memory");
    Array *scores = n->n_out > 3 ? out[3] : NULL;
    int64_t query = 0;
    for (int64_t b = 0; b < e.batch; b++)
        for (int64_t h = 0; h < e.q_heads; h++)
            for (int64_t t = 0; t < e.q_length; t++, query++) {
                query_scores(&e, in[0], keys, b, h, t, row);
                weigh_keys(n, &bias, &e, (int64_t[]){b, h, t, 0}, row, shown);
                if (scores && e.total)
                    memcpy(scores->f + query * e.total, shown, (size_t)e.total * sizeof *row);
                if (out[0])
                    weighted_values(&e, values, row, b, h, t, out[0]);
            }
    if (n->n_out > 1 && out[1] && out[1]->count)
        memcpy(out[1]->f, keys, (size_t)out[1]->count * sizeof *keys);
    if (n->n_out > 2 && out[2] && out[2]->count)
        memcpy(out[2]->f, values, (size_t)out[2]->count * sizeof *values);
    free(row);
    free(keys);
    free(values);
}

/* Runs a modifier graph over all scores, in place. */
static void modify(const Node *n, const char *name, Array **scores)
{
    const Attr *a = attr_find(n, name);
    if (!a)
        return;
    Array *changed;
    eval_subgraph(a->graph, (const Array *const *)scores, &changed);
    array_free(*scores);
    *scores = changed;
}

void eval_flex_attention(const Node *n, const Array *const *in, Array *const *out)
{
    AttentionExtents e = attention_extents(n);
    double *keys = with_past(&e, in[1], NULL, e.size), *values = with_past(&e, in[2], NULL, e.v_size);
    int64_t asked = attr_i(n, "softmax_precision");
    DType type = asked ? (DType)asked : in[0]->dtype == DT_F64 ? DT_F64 : DT_F32;
    Shape shape = shape_of(4, (int64_t[]){e.batch, e.q_heads, e.q_length, e.total});
    Array *scores = array_new(type, &shape);
    int64_t rows = e.batch * e.q_heads * e.q_length, per_head = e.q_length ? e.q_length : 1;
    for (int64_t r = 0; r < rows; r++)
        query_scores(&e, in[0], keys, r / per_head / e.q_heads, r / per_head % e.q_heads, r % per_head,
                     scores->f + r * e.total);
    modify(n, "score_mod", &scores);
    for (int64_t r = 0; r < rows; r++)
        softmax_row(scores->f + r * e.total, e.total, false);
    modify(n, "prob_mod", &scores);
    for (int64_t r = 0; r < rows; r++)
        weighted_values(&e, values, scores->f + r * e.total, r / per_head / e.q_heads, r / per_head % e.q_heads,
                        r % per_head, out[0]);
    array_free(scores);
    free(keys);
    free(values);
}
