/* eval_cast.c: evaluators of the type changes.
 *
 * Between floats nothing is done here: eval_node rounds to the result's type.  What that rounding cannot know is done
 * here: float to integer saturates, anything to bool is `!= 0`, and the 8-bit floats' saturate=0 and round_mode. */
#include "../runtime/dtype_bits.h"
#include "../runtime/runtime.h"
#include "op.h"

typedef uint8_t Unsaturated(float x);

static Unsaturated *const unsaturated[DT_LIMIT] = {
    [DT_F8E4M3] = dt_f8e4m3_from_f_nosat, [DT_F8E4M3Z] = dt_f8e4m3z_from_f_nosat,
    [DT_F8E5M2] = dt_f8e5m2_from_f_nosat, [DT_F8E5M2Z] = dt_f8e5m2z_from_f_nosat,
};

typedef struct { DType to; int mode; bool saturate; } Rounding;

static Rounding rounding_of(const Node *n, DType to)
{
    const char *mode = attr_s(n, "round_mode");
    int direction = *mode == 'u' ? DT_ROUND_UP : *mode == 'd' ? DT_ROUND_DOWN : DT_ROUND_NEAREST;
    return (Rounding){to, direction, attr_i(n, "saturate") != 0};
}

static double to_small_float(const Rounding *r, double v)
{
    uint8_t byte;
    if (r->to == DT_F8E8M0)
        byte = dt_f8e8m0_round(dt_round_to_odd(v), r->mode, r->saturate);
    else if (unsaturated[r->to] && !r->saturate)
        byte = unsaturated[r->to](dt_round_to_odd(v));
    else
        return v;
    return dtype_load_f(r->to, &byte);
}

static int64_t to_integer(DType type, double v)
{
    int64_t cell;
    dtype_store_f(type, &cell, v);
    return dtype_load_i(type, &cell);
}

void eval_cast(const Node *n, const Array *const *in, Array *const *out)
{
    const Array *x = in[0];
    Array *y = out[0];
    Rounding r = rounding_of(n, y->dtype);
    for (int64_t k = 0; k < y->count; k++) {
        double v = x->f ? x->f[k] : x->dtype == DT_U64 ? (double)(uint64_t)x->i[k] : (double)x->i[k];
        if (y->f)
            y->f[k] = to_small_float(&r, v);
        else if (y->dtype == DT_BOOL)
            y->i[k] = v != 0;
        else
            y->i[k] = x->f ? to_integer(y->dtype, v) : x->i[k];
    }
}

void eval_bitcast(const Node *n, const Array *const *in, Array *const *out)
{
    (void)n;
    const Array *x = in[0];
    Array *y = out[0];
    for (int64_t k = 0; k < y->count; k++) {
        int64_t cell = 0;
        if (x->f)
            dtype_store_f(x->dtype, &cell, x->f[k]);
        else
            dtype_store_i(x->dtype, &cell, x->i[k]);
        if (y->f)
            y->f[k] = dtype_load_f(y->dtype, &cell);
        else
            y->i[k] = dtype_load_i(y->dtype, &cell);
    }
}
