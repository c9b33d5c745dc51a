/* eval_pool.c: evaluators of the pools and of MaxUnpool. */
#include <math.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "index.h"
#include "op.h"
#include "window.h"

typedef struct {
    double sum;                     /* of the elements, or of their magnitudes to the power p */
    double best;
    int64_t best_at;                /* index of the largest element in its plane; -1: the window holds none */
    int64_t inside, padded;         /* positions over the data, and those over data or padding */
} Pooled;

/* Everything that any pool wants to know of the window at position `at` of the plane that starts at `base`. */
static Pooled look(const Window *w, const Array *x, int64_t base, const int64_t *at, double power)
{
    Pooled r = {.best_at = -1};
    int64_t tap[MAX_RANK] = {0};
    do {
        int64_t from = 0;
        bool inside = true, padded = true;
        for (int d = 0; d < w->rank; d++) {
            int64_t p = at[d] * w->stride[d] + tap[d] * w->dilation[d] - w->before[d];
            inside &= p >= 0 && p < w->in[d];
            padded &= p < w->in[d] + w->after[d];
            from = from * w->in[d] + p;
        }
        r.inside += inside;
        r.padded += padded;
        if (!inside)
            continue;
        double v = array_get(x, base + from);
        r.sum += power == 0 ? v : power == 1 ? fabs(v) : power == 2 ? v * v : pow(fabs(v), power);
        if (r.best_at < 0 || v > r.best) {
            r.best = v;
            r.best_at = from;
        }
    } while (index_next(w->rank, w->kernel, tap));
    return r;
}

/* The index of MaxPool's second output in column-major order: the first spatial axis runs fastest. */
static int64_t column_major(const Window *w, int64_t index)
{
    int64_t at[MAX_RANK], turned = 0;
    for (int d = w->rank; d-- > 0; index /= w->in[d])
        at[d] = index % w->in[d];
    for (int d = w->rank; d-- > 0;)
        turned = turned * w->in[d] + at[d];
    return turned;
}

static double root(double sum, double power)
{
    return power == 1 ? sum : power == 2 ? sqrt(sum) : pow(sum, 1 / power);
}

typedef enum { POOL_MAX, POOL_AVERAGE, POOL_NORM } PoolKind;

static void pool_all(const Node *n, const Window *w, PoolKind kind, const Array *x, Array *y, Array *index)
{
    double power = kind == POOL_NORM ? (double)attr_i(n, "p") : 0;
    bool whole = n->op == OP_AveragePool && attr_i(n, "count_include_pad");
    bool columns = n->op == OP_MaxPool && attr_i(n, "storage_order");
    int64_t area = index_span(w->in, 0, w->rank), results = index_span(w->out, 0, w->rank), at[MAX_RANK] = {0};
    for (int64_t e = 0; e < y->count; e++, index_next(w->rank, w->out, at)) {
        int64_t base = e / results * area;
        Pooled r = look(w, x, base, at, power);
        int64_t count = whole ? r.padded : r.inside;
        double average = count ? r.sum / (double)count : 0;
        double v = kind == POOL_MAX ? r.best : kind == POOL_AVERAGE ? average : root(r.sum, power);
        if (y->f)
            y->f[e] = v;
        else
            y->i[e] = (int64_t)v;
        if (index)
            index->i[e] = r.best_at < 0 ? -1 : base + (columns ? column_major(w, r.best_at) : r.best_at);
    }
}

void eval_pool(const Node *n, const Array *const *in, Array *const *out)
{
    Window w = window_pool(n, &in[0]->shape);
    PoolKind kind = n->op == OP_MaxPool ? POOL_MAX : n->op == OP_AveragePool ? POOL_AVERAGE : POOL_NORM;
    pool_all(n, &w, kind, in[0], out[0], n->n_out > 1 ? out[1] : NULL);
}

void eval_global_pool(const Node *n, const Array *const *in, Array *const *out)
{
    Window w = {.rank = in[0]->shape.rank - 2};
    PoolKind kind = n->op == OP_GlobalMaxPool ? POOL_MAX : n->op == OP_GlobalAveragePool ? POOL_AVERAGE : POOL_NORM;
    for (int k = 0; k < w.rank; k++) {
        w.in[k] = w.kernel[k] = in[0]->shape.dim[k + 2];
        w.stride[k] = w.dilation[k] = w.out[k] = 1;
    }
    if (in[0]->count)
        pool_all(n, &w, kind, in[0], out[0], NULL);
}

void eval_max_unpool(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *x = &in[0]->shape;
    Window w = window_attributes(n, x->rank - 2, NULL);
    Shape full = *x;                    /* what the indices count in; the result may be larger */
    for (int k = 0; k < w.rank; k++)
        full.dim[k + 2] = (x->dim[k + 2] - 1) * w.stride[k] - w.before[k] - w.after[k] + w.kernel[k];
    int64_t stride[MAX_RANK], count = shape_count(&full);
    shape_strides(&out[0]->shape, stride);
    for (int64_t e = 0; e < in[0]->count; e++) {
        int64_t index = in[1]->i[e], to = 0;
        if (index < 0 || index >= count)
            fail_node(SDC_BAD_INPUT, n, "index %lld is outside %s", (long long)index, shape_text(&full));
        for (int k = full.rank; k-- > 0; index /= full.dim[k])
            to += index % full.dim[k] * stride[k];
        if (out[0]->f)
            out[0]->f[to] = in[0]->f[e];
        else
            out[0]->i[to] = in[0]->i[e];
    }
}
