/* eval_elementwise.c: the EW rows of op.def in the oracle: libm's doubles, and 64-bit integers.
 *
 * Each row's two meanings become functions: on doubles, on int64_t, and on uint64_t for u64, whose division, order and
 * right shift differ.  Narrower integers are exact in int64_t; eval_node wraps the result to its type.  The bindings
 * here are independent of the kernels' (codegen/kernels/c/ew_names.h). */
#include <math.h>

#include "../runtime/runtime.h"
#include "elementwise.h"
#include "index.h"
#include "op.h"

/* A row may be constant, or ignore operands and attributes, or compare an unsigned operand with 0. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"

#define NONE 0
#define K(c) ((double)(c))
#define SELECT(condition, a, b) ((condition) ? (a) : (b))
#define ABS fabs
#define SQRT sqrt
#define EXP exp
#define EXPM1 expm1
#define LOG log
#define LOG1P log1p
#define SIN sin
#define COS cos
#define TAN tan
#define ASIN asin
#define ACOS acos
#define ATAN atan
#define SINH sinh
#define COSH cosh
#define ASINH asinh
#define ACOSH acosh
#define ATANH atanh
#define TANH tanh
#define ERF erf
#define SIGMOID(x) (1 / (1 + exp(-(x))))
#define FLOOR floor
#define CEIL ceil
#define ROUND_EVEN rint
#define POW pow
#define FMOD fmod
#define FLOORMOD floor_mod
#define ISNAN(x) (isnan(x) != 0)
#define ISINF(x) (isinf(x) != 0)
#define MAX(x, y) (isnan(x) || isnan(y) ? NAN : fmax(x, y))
#define MIN(x, y) (isnan(x) || isnan(y) ? NAN : fmin(x, y))
#define NANMAX MAX
#define NANMIN MIN

static double floor_mod(double x, double y)
{
    double r = fmod(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

#define IADD(x, y) ((uint64_t)(x) + (uint64_t)(y))
#define ISUB(x, y) ((uint64_t)(x) - (uint64_t)(y))
#define IMUL(x, y) ((uint64_t)(x) * (uint64_t)(y))
#define INEG(x) (0 - (uint64_t)(x))
#define IABS(x) ((x) < 0 ? 0 - (uint64_t)(x) : (uint64_t)(x))
#define SHIFT_LEFT(x, y) ((uint64_t)(y) > 63 ? 0 : (uint64_t)(x) << (y))
#define SHIFT_RIGHT(x, y) ((uint64_t)(y) > 63 ? 0 : (x) >> (y))

/* A divisor of 0 gives 0; the smallest integer divided by -1 wraps. */
static int64_t divide_signed(int64_t x, int64_t y) { return y == 0 ? 0 : y == -1 ? (int64_t)INEG(x) : x / y; }
static uint64_t divide_unsigned(uint64_t x, uint64_t y) { return y == 0 ? 0 : x / y; }
static int64_t remainder_signed(int64_t x, int64_t y) { return y == 0 || y == -1 ? 0 : x % y; }
static uint64_t remainder_unsigned(uint64_t x, uint64_t y) { return y == 0 ? 0 : x % y; }

static int64_t modulo_signed(int64_t x, int64_t y)
{
    int64_t r = remainder_signed(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

static uint64_t power_unsigned(uint64_t x, uint64_t y)
{
    uint64_t result = 1;
    for (; y; y /= 2, x *= x)
        result *= y % 2 ? x : 1;
    return result;
}

static int64_t power_signed(int64_t x, int64_t y)
{
    if (y < 0)
        return x == 1 ? 1 : x == -1 ? (y % 2 ? -1 : 1) : 0;
    return (int64_t)power_unsigned((uint64_t)x, (uint64_t)y);
}

/* Saturating, NaN gives 0. */
static int64_t truncate_signed(double v)
{
    int64_t cell;
    dtype_store_f(DT_I64, &cell, v);
    return cell;
}

static uint64_t truncate_unsigned(double v)
{
    uint64_t cell;
    dtype_store_f(DT_U64, &cell, v);
    return cell;
}

typedef double OnDoubles(double x, double y, double z, double p, double q);
typedef int64_t OnSigned(int64_t x, int64_t y, int64_t z, double p, double q);
typedef uint64_t OnUnsigned(uint64_t x, uint64_t y, uint64_t z, double p, double q);

#define OP(...)
#define EW(Name, inputs, result, attrs, on_float, on_int) \
    static double doubles_##Name(double x, double y, double z, double p, double q) { return on_float; }
#include "op.def"
#undef EW

#define IDIV divide_signed
#define IREM remainder_signed
#define IMOD modulo_signed
#define IPOW power_signed
#define TRUNCATE truncate_signed
#define EW(Name, inputs, result, attrs, on_float, on_int) \
    static int64_t signed_##Name(int64_t x, int64_t y, int64_t z, double p, double q) { return (int64_t)(on_int); }
#include "op.def"
#undef EW
#undef IDIV
#undef IREM
#undef IMOD
#undef IPOW
#undef TRUNCATE

#define IDIV divide_unsigned
#define IREM remainder_unsigned
#define IMOD remainder_unsigned
#define IPOW power_unsigned
#define TRUNCATE truncate_unsigned
#define EW(Name, inputs, result, attrs, on_float, on_int) \
    static uint64_t unsigned_##Name(uint64_t x, uint64_t y, uint64_t z, double p, double q) \
    {                                                                                       \
        return (uint64_t)(on_int);                                                          \
    }
#include "op.def"
#undef EW

typedef struct { OnDoubles *doubles; OnSigned *signed_; OnUnsigned *unsigned_; } Meaning;

static const Meaning meanings[OP_COUNT] = {
#define EW(Name, ...) [OP_##Name] = {doubles_##Name, signed_##Name, unsigned_##Name},
#include "op.def"
#undef EW
#undef OP
};

/* Operands at one index; the arithmetic is chosen by `real` and `is_unsigned` for all elements alike. */
typedef struct { const Array *in[3]; int64_t offset[3]; } Operands;

static double real_operand(const Operands *o, int k)
{
    const Array *a = o->in[k];
    if (!a)
        return 0;
    if (a->f)
        return a->f[o->offset[k]];
    int64_t v = a->i[o->offset[k]];
    return a->dtype == DT_U64 ? (double)(uint64_t)v : (double)v;
}

static int64_t integer_operand(const Operands *o, int k)
{
    return o->in[k] ? o->in[k]->i[o->offset[k]] : 0;
}

static void one_element(const Node *n, const Operands *o, bool real, bool is_unsigned, const double *p, Array *out,
                        int64_t k)
{
    const Meaning *m = &meanings[n->op];
    if (real) {
        double v = m->doubles(real_operand(o, 0), real_operand(o, 1), real_operand(o, 2), p[0], p[1]);
        if (out->f) {
            out->f[k] = v;
        } else {
            int64_t cell;
            dtype_store_f(out->dtype, &cell, v);
            out->i[k] = dtype_load_i(out->dtype, &cell);
        }
        return;
    }
    int64_t x = integer_operand(o, 0), y = integer_operand(o, 1), z = integer_operand(o, 2);
    out->i[k] = is_unsigned ? (int64_t)m->unsigned_((uint64_t)x, (uint64_t)y, (uint64_t)z, p[0], p[1])
                            : m->signed_(x, y, z, p[0], p[1]);
}

void eval_elementwise(const Node *n, const Array *const *in, Array *const *out)
{
    const Shape *y = &out[0]->shape;
    Operands o = {0};
    int64_t stride[3][MAX_RANK] = {{0}}, at[MAX_RANK] = {0};
    bool real = false, is_unsigned = false;
    for (int k = 0; k < n->n_in; k++) {
        int64_t own[MAX_RANK];
        const Shape *x = &in[k]->shape;
        shape_strides(x, own);
        for (int a = 0; a < x->rank; a++)
            stride[k][y->rank - x->rank + a] = x->dim[a] == 1 ? 0 : own[a];
        o.in[k] = in[k];
        real |= in[k]->f != NULL;
        is_unsigned |= in[k]->dtype == DT_U64;
    }
    double p[2];
    elementwise_attributes(n, p);
    for (int64_t k = 0; k < out[0]->count; k++) {
        for (int j = 0; j < n->n_in; j++)
            o.offset[j] = index_offset(y->rank, at, stride[j]);
        one_element(n, &o, real, is_unsigned, p, out[0], k);
        index_next(y->rank, y->dim, at);
    }
}
