/* eval_reduce.c: the oracle for reductions, ArgMax, ArgMin, CumSum and CumProd.  Floats accumulate in double, integers
 * wrap in 64 bits; square roots and logarithms of integers are taken in double and truncated, as numpy's astype
 * does. */
#include "index.h"
#include "op.h"
#include "reduce.h"

#include <math.h>
#include <stdlib.h>

#include "../runtime/runtime.h"

int array_compare(const Array *a, int64_t x, const Array *b, int64_t y)
{
    if (a->f) {
        double p = a->f[x], q = b->f[y];
        if (isnan(p) || isnan(q))
            return isnan(p) - isnan(q);
        return (p > q) - (p < q);
    }
    if (a->dtype == DT_U64)
        return ((uint64_t)a->i[x] > (uint64_t)b->i[y]) - ((uint64_t)a->i[x] < (uint64_t)b->i[y]);
    return (a->i[x] > b->i[y]) - (a->i[x] < b->i[y]);
}

/* What a reduction does with a float term, with an integer term, and at the end. */
typedef struct {
    Op op;
    double start;
    double (*step)(double sum, double x);
    uint64_t start_int;
    uint64_t (*step_int)(uint64_t sum, uint64_t x);     /* NULL: integers are reduced as doubles */
    double (*finish)(double sum);                       /* NULL: as it is */
} Reduction;

static double add(double sum, double x) { return sum + x; }
static double add_absolute(double sum, double x) { return sum + fabs(x); }
static double add_square(double sum, double x) { return sum + x * x; }
static double multiply(double sum, double x) { return sum * x; }
static double larger(double sum, double x) { return isnan(sum) || sum > x ? sum : x; }
static double smaller(double sum, double x) { return isnan(sum) || sum < x ? sum : x; }
static uint64_t add_int(uint64_t sum, uint64_t x) { return sum + x; }
static uint64_t add_absolute_int(uint64_t sum, uint64_t x) { return sum + ((int64_t)x < 0 ? 0 - x : x); }
static uint64_t add_square_int(uint64_t sum, uint64_t x) { return sum + x * x; }
static uint64_t multiply_int(uint64_t sum, uint64_t x) { return sum * x; }

static const Reduction table[] = {
    {OP_ReduceSum, 0, add, 0, add_int, NULL},
    {OP_ReduceMean, 0, add, 0, add_int, NULL},
    {OP_ReduceMax, -INFINITY, larger, 0, NULL, NULL},
    {OP_ReduceMin, INFINITY, smaller, 0, NULL, NULL},
    {OP_ReduceProd, 1, multiply, 1, multiply_int, NULL},
    {OP_ReduceL1, 0, add_absolute, 0, add_absolute_int, NULL},
    {OP_ReduceL2, 0, add_square, 0, NULL, sqrt},
    {OP_ReduceSumSquare, 0, add_square, 0, add_square_int, NULL},
    {OP_ReduceLogSum, 0, add, 0, NULL, log},
    {OP_ReduceLogSumExp, 0, add, 0, NULL, log},
};

static const Reduction *reduction_of(Op op)
{
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (table[k].op == op)
            return &table[k];
    bug("%s is not a reduction", op_info(op)->name);
}

/* For every element of x, in row-major order: where its term goes in y.  The list is malloc'd. */
static int64_t *targets(const Node *n, const Array *x)
{
    bool reduced[MAX_RANK];
    int64_t stride[MAX_RANK], at[MAX_RANK] = {0};
    reduce_axes(n, reduced);
    reduce_strides(n, reduced, stride);
    int64_t *to = malloc((size_t)x->count * sizeof *to + 1);
    if (!to)
        fail_node(SDC_NO_SPACE, n, "out of memory");
    for (int64_t k = 0; k < x->count; k++) {
        to[k] = index_offset(x->shape.rank, at, stride);
        index_next(x->shape.rank, x->shape.dim, at);
    }
    return to;
}

/* Extreme integers: an empty reduction gives the type's own limit. */
static void reduce_extreme_int(Op op, const Array *x, const int64_t *to, Array *y)
{
    const DTypeInfo *type = dtype_info(x->dtype);
    bool max = op == OP_ReduceMax;
    uint64_t top = type->class == 'b' ? 1 : UINT64_MAX >> (64 - type->bits + (type->class == 'i'));
    int64_t start = max ? (type->class == 'i' ? -(int64_t)top - 1 : 0) : (int64_t)top;
    for (int64_t k = 0; k < y->count; k++)
        y->i[k] = start;
    for (int64_t k = 0; k < x->count; k++) {
        int order = array_compare(x, k, y, to[k]);
        if (max ? order > 0 : order < 0)
            y->i[to[k]] = x->i[k];
    }
}

static void reduce_int(const Node *n, const Reduction *r, const Array *x, const int64_t *to, Array *y)
{
    int64_t count = y->count ? x->count / y->count : 0;
    for (int64_t k = 0; k < y->count; k++)
        y->i[k] = (int64_t)r->start_int;
    for (int64_t k = 0; k < x->count; k++)
        y->i[to[k]] = (int64_t)r->step_int((uint64_t)y->i[to[k]], (uint64_t)x->i[k]);
    if (n->op != OP_ReduceMean)
        return;
    for (int64_t k = 0; k < y->count; k++) {
        bool is_unsigned = dtype_info(y->dtype)->class != 'i';
        if (is_unsigned)
            y->i[k] = count ? (int64_t)((uint64_t)y->i[k] / (uint64_t)count) : 0;
        else
            y->i[k] = count ? y->i[k] / count : 0;
    }
}

/* into[k] = the sum for result k; log-sum-exp is taken relative to the largest finite term. */
static void reduce_double(const Node *n, const Reduction *r, const Array *x, const int64_t *to, double *into,
                          int64_t outputs)
{
    bool exponential = n->op == OP_ReduceLogSumExp;
    double *shift = calloc((size_t)outputs + 1, sizeof *shift);
    if (!shift)
        fail_node(SDC_NO_SPACE, n, "out of memory");
    for (int64_t k = 0; exponential && k < outputs; k++)
        shift[k] = -INFINITY;
    for (int64_t k = 0; exponential && k < x->count; k++)
        shift[to[k]] = larger(shift[to[k]], array_get(x, k));
    for (int64_t k = 0; k < outputs; k++) {
        into[k] = r->start;
        if (!isfinite(shift[k]))
            shift[k] = 0;
    }
    for (int64_t k = 0; k < x->count; k++) {
        double v = array_get(x, k);
        into[to[k]] = r->step(into[to[k]], exponential ? exp(v - shift[to[k]]) : v);
    }
    for (int64_t k = 0; k < outputs; k++) {
        if (r->finish)
            into[k] = r->finish(into[k]) + shift[k];
        if (n->op == OP_ReduceMean)
            into[k] /= (double)(outputs ? x->count / outputs : 0);
    }
    free(shift);
}

void eval_reduce(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *x = in[0];
    Array *y = out[0];
    const Reduction *r = reduction_of(n->op);
    int64_t *to = targets(n, x);
    if (y->f) {
        reduce_double(n, r, x, to, y->f, y->count);
    } else if (n->op == OP_ReduceMax || n->op == OP_ReduceMin) {
        reduce_extreme_int(n->op, x, to, y);
    } else if (r->step_int) {
        reduce_int(n, r, x, to, y);
    } else {
        double *sum = calloc((size_t)y->count + 1, sizeof *sum);
        if (!sum)
            fail_node(SDC_NO_SPACE, n, "out of memory");
        reduce_double(n, r, x, to, sum, y->count);
        for (int64_t k = 0; k < y->count; k++)
            dtype_store_f(DT_I64, &y->i[k], sum[k]);
        free(sum);
    }
    free(to);
}

void eval_arg_reduce(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *x = in[0];
    int axis = (int)axis_of(n, attr_i(n, "axis"), x->shape.rank);
    int64_t extent = x->shape.dim[axis], inner = index_span(x->shape.dim, axis + 1, x->shape.rank);
    int sign = n->op == OP_ArgMax ? 1 : -1;
    bool last = attr_i(n, "select_last_index") != 0;
    for (int64_t k = 0; k < out[0]->count; k++) {
        int64_t base = k / inner * extent * inner + k % inner, best = 0;
        for (int64_t e = 1; e < extent; e++) {
            int order = sign * array_compare(x, base + e * inner, x, base + best * inner);
            if (x->f && isnan(x->f[base + e * inner]))      /* NaN wins both contests, as in numpy */
                order = isnan(x->f[base + best * inner]) ? 0 : 1;
            else if (x->f && isnan(x->f[base + best * inner]))
                order = -1;
            if (order > 0 || (last && !order))
                best = e;
        }
        out[0]->i[k] = best;
    }
}

void eval_cumulative(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *x = in[0];
    Array *y = out[0];
    int64_t axis_given = in[1]->f ? (int64_t)in[1]->f[0] : in[1]->i[0];
    int axis = (int)axis_of(n, axis_given, x->shape.rank);
    int64_t extent = x->shape.dim[axis], inner = index_span(x->shape.dim, axis + 1, x->shape.rank);
    bool exclusive = attr_i(n, "exclusive") != 0, reverse = attr_i(n, "reverse") != 0, product = n->op == OP_CumProd;
    for (int64_t line = 0; extent && line < x->count / extent; line++) {
        double sum = product;
        uint64_t sum_int = product;
        for (int64_t e = 0; e < extent; e++) {
            int64_t k = line / inner * extent * inner + line % inner + (reverse ? extent - 1 - e : e) * inner;
            double before = sum;
            uint64_t before_int = sum_int;
            if (x->f) {
                sum = product ? sum * x->f[k] : sum + x->f[k];
                y->f[k] = exclusive ? before : sum;
            } else {
                sum_int = product ? sum_int * (uint64_t)x->i[k] : sum_int + (uint64_t)x->i[k];
                y->i[k] = (int64_t)(exclusive ? before_int : sum_int);
            }
        }
    }
}
