/* movement.c: slices, pads, splits and tiles as start, step and count of each axis. */
#include "movement.h"

#include <string.h>

#include "../runtime/runtime.h"

enum { HUGE_EXTENT = 1 << 30 };     /* longest pad or repeat that makes sense: beyond it sums could overflow */

/* Operand k as one axis an entry, 0, 1, .. when it is absent; each at most once. */
static void axes_operand(const Node *n, int k, int count, int64_t *axes)
{
    int rank = n->in[0]->shape.rank;
    int given = count;
    unsigned seen = 0;
    if (input_of(n, k))
        given = ints_of(n, k, "axes", axes, MAX_RANK);
    else
        for (int j = 0; j < count; j++)
            axes[j] = j;
    if (given != count)
        fail_node(SDC_BAD_INPUT, n, "axes has %d entries where %d are needed", given, count);
    for (int j = 0; j < count; j++) {
        axes[j] = axis_of(n, axes[j], rank);
        if (seen & 1u << axes[j])
            fail_node(SDC_BAD_INPUT, n, "axis %lld is named twice", (long long)axes[j]);
        seen |= 1u << axes[j];
    }
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* Negative positions count from the end; then a start is clamped to an element, or for positive steps to the end, and
 * an end to one beyond the elements on its side. */
static void slice_axis(Range *r, int axis, int64_t extent, int64_t start, int64_t end, int64_t step)
{
    bool forward = step > 0;
    start = clamp(start < 0 ? start + extent : start, 0, forward ? extent : extent - 1);
    end = clamp(end < 0 ? end + extent : end, forward ? 0 : -1, forward ? extent : extent - 1);
    step = clamp(step, -extent - 1, extent + 1);            /* a longer step takes one element as well */
    int64_t span = forward ? end - start : start - end, stride = forward ? step : -step;
    bool empty = span <= 0 || extent == 0;
    r->start[axis] = empty ? 0 : start;
    r->step[axis] = step;
    r->count[axis] = empty ? 0 : (span + stride - 1) / stride;
}

Range slice_range(const Node *n)
{
    const Shape *x = &n->in[0]->shape;
    Range r = {.rank = x->rank};
    int64_t start[MAX_RANK], end[MAX_RANK], step[MAX_RANK], axes[MAX_RANK];
    for (int k = 0; k < x->rank; k++) {
        r.step[k] = 1;
        r.count[k] = x->dim[k];
    }
    int count = ints_of(n, 1, "starts", start, MAX_RANK), ends = ints_of(n, 2, "ends", end, MAX_RANK);
    int steps = input_of(n, 4) ? ints_of(n, 4, "steps", step, MAX_RANK) : 0;
    if (ends != count || (input_of(n, 4) && steps != count) || count > x->rank)
        fail_node(SDC_BAD_INPUT, n, "starts, ends and steps have %d, %d and %d entries for rank %d", count, ends,
                  steps, x->rank);
    axes_operand(n, 3, count, axes);
    for (int k = 0; k < count; k++) {
        if (steps && step[k] == 0)
            fail_node(SDC_BAD_INPUT, n, "a step of 0");
        slice_axis(&r, (int)axes[k], x->dim[axes[k]], start[k], end[k], steps ? step[k] : 1);
    }
    return r;
}

static PadMode pad_mode(const Node *n)
{
    static const char *const names[] = {"constant", "reflect", "edge", "wrap"};
    const char *mode = attr_s(n, "mode");
    for (int k = 0; k < 4; k++)
        if (!strcmp(mode, names[k]))
            return (PadMode)k;
    fail_node(SDC_BAD_INPUT, n, "mode '%s' is none of constant, reflect, edge, wrap", mode);
}

static Padding no_padding(const Shape *x, PadMode mode)
{
    Padding p = {.mode = mode, .rank = x->rank};
    for (int k = 0; k < x->rank; k++)
        p.count[k] = x->dim[k];
    return p;
}

static void pad_axis(const Node *n, Padding *p, int axis, int64_t before, int64_t after)
{
    if (before < -HUGE_EXTENT || before > HUGE_EXTENT || after < -HUGE_EXTENT || after > HUGE_EXTENT)
        fail_node(SDC_BAD_INPUT, n, "pads of %lld and %lld on axis %d", (long long)before, (long long)after, axis);
    p->before[axis] = before > 0 ? before : 0;
    p->after[axis] = after > 0 ? after : 0;
    p->start[axis] = before < 0 ? -before : 0;
    p->count[axis] -= p->start[axis] + (after < 0 ? -after : 0);
    if (p->count[axis] < 0)
        fail_node(SDC_BAD_INPUT, n, "negative pads take more from axis %d than it has", axis);
    if (p->mode != PAD_CONSTANT && p->count[axis] == 0 && p->before[axis] + p->after[axis] > 0)
        fail_node(SDC_BAD_INPUT, n, "axis %d is empty: there is nothing to repeat", axis);
}

Padding pad_padding(const Node *n)
{
    Padding p = no_padding(&n->in[0]->shape, pad_mode(n));
    int64_t pads[2 * MAX_RANK], axes[MAX_RANK];
    int count = ints_of(n, 1, "pads", pads, 2 * MAX_RANK);
    if (count % 2 || count / 2 > p.rank || (!input_of(n, 3) && count != 2 * p.rank))
        fail_node(SDC_BAD_INPUT, n, "pads has %d entries for rank %d", count, p.rank);
    axes_operand(n, 3, count / 2, axes);
    for (int k = 0; k < count / 2; k++)
        pad_axis(n, &p, (int)axes[k], pads[k], pads[k + count / 2]);
    return p;
}

Padding center_padding(const Node *n)
{
    Padding p = no_padding(&n->in[0]->shape, PAD_CONSTANT);
    int64_t target[MAX_RANK], axes[MAX_RANK];
    int count = ints_of(n, 1, "shape", target, MAX_RANK), given = attr_ints(n, "axes", axes, MAX_RANK);
    if (!attr_has(n, "axes"))
        for (given = 0; given < p.rank; given++)
            axes[given] = given;
    if (given != count)
        fail_node(SDC_BAD_INPUT, n, "shape has %d entries for %d axes", count, given);
    for (int k = 0; k < count; k++) {
        int axis = (int)axis_of(n, axes[k], p.rank);
        int64_t extent = n->in[0]->shape.dim[axis], excess = extent - target[k];
        if (target[k] < 0)
            fail_node(SDC_BAD_INPUT, n, "a target extent of %lld", (long long)target[k]);
        p.start[axis] = excess > 0 ? excess / 2 : 0;
        p.count[axis] = excess > 0 ? target[k] : extent;
        p.before[axis] = excess < 0 ? -excess / 2 : 0;
        p.after[axis] = excess < 0 ? -excess - p.before[axis] : 0;
    }
    return p;
}

int64_t pad_source(PadMode mode, int64_t at, int64_t count)
{
    if (at >= 0 && at < count)
        return at;
    if (mode == PAD_CONSTANT)
        return -1;
    if (mode == PAD_EDGE || count == 1)
        return at < 0 ? 0 : count - 1;
    int64_t period = mode == PAD_WRAP ? count : 2 * (count - 1);
    at %= period;
    at += at < 0 ? period : 0;
    return at < count ? at : period - at;
}

int split_sizes(const Node *n, int64_t *size)
{
    const Shape *x = &n->in[0]->shape;
    int axis = (int)axis_of(n, attr_i(n, "axis"), x->rank);
    int64_t extent = x->dim[axis], sum = 0;
    if (attr_has(n, "num_outputs") && (input_of(n, 1) || attr_i(n, "num_outputs") != n->n_out))
        fail_node(SDC_BAD_INPUT, n, "num_outputs is %lld for %d outputs%s", (long long)attr_i(n, "num_outputs"),
                  n->n_out,
                  input_of(n, 1) ? ", and the sizes are given too" : "");
    if (input_of(n, 1)) {
        int count = ints_of(n, 1, "split", size, n->n_out);
        if (count != n->n_out)
            fail_node(SDC_BAD_INPUT, n, "split has %d entries for %d outputs", count, n->n_out);
    } else {
        int64_t piece = (extent + n->n_out - 1) / n->n_out;
        for (int k = 0; k < n->n_out; k++)
            size[k] = clamp(extent - k * piece, 0, piece);
    }
    for (int k = 0; k < n->n_out; k++) {
        if (size[k] < 0 || size[k] > extent)
            fail_node(SDC_BAD_INPUT, n, "a piece of %lld from an axis of %lld", (long long)size[k], (long long)extent);
        sum += size[k];
    }
    if (sum != extent)
        fail_node(SDC_BAD_INPUT, n, "the pieces sum to %lld, the axis has %lld", (long long)sum, (long long)extent);
    return axis;
}

void tile_repeats(const Node *n, int64_t *repeats)
{
    int rank = n->in[0]->shape.rank, count = ints_of(n, 1, "repeats", repeats, MAX_RANK);
    if (count != rank)
        fail_node(SDC_BAD_INPUT, n, "repeats has %d entries for rank %d", count, rank);
    for (int k = 0; k < rank; k++)
        if (repeats[k] < 0 || repeats[k] > HUGE_EXTENT)
            fail_node(SDC_BAD_INPUT, n, "%lld repeats of axis %d", (long long)repeats[k], k);
}
