/* window.c: sliding windows from attributes, as the ONNX pages of Conv, ConvTranspose and the pools define them. */
#include "window.h"

#include <string.h>

#include "../runtime/runtime.h"

enum { EXTENT_LIMIT = 1 << 30 };    /* keeps every product of two of these numbers inside int64 */

/* One list attribute into `into`; `otherwise` where it is absent. */
static void window_list(const Node *n, const char *name, int count, int64_t low, int64_t otherwise, int64_t *into)
{
    int64_t given[2 * MAX_RANK];
    int length = attr_find(n, name) ? attr_ints(n, name, given, 2 * MAX_RANK) : 0;
    if (length && length != count)
        fail_node(SDC_BAD_INPUT, n, "attribute '%s' has %d entries, not %d", name, length, count);
    for (int k = 0; k < count; k++) {
        into[k] = length ? given[k] : otherwise;
        if (into[k] < low || into[k] > EXTENT_LIMIT)
            fail_node(SDC_BAD_INPUT, n, "attribute '%s' holds %lld", name, (long long)into[k]);
    }
}

int64_t window_span(const Window *w, int axis)
{
    return (w->kernel[axis] - 1) * w->dilation[axis] + 1;
}

int64_t window_taps(const Window *w)
{
    int64_t taps = 1;
    for (int k = 0; k < w->rank; k++)
        if (mul_overflow(taps, w->kernel[k], &taps))
            fail(SDC_BAD_INPUT, "a window of more than 2^63 elements");
    return taps;
}

Window window_attributes(const Node *n, int rank, const int64_t *kernel)
{
    Window w = {.rank = rank};
    if (rank < 1)
        fail_node(SDC_BAD_INPUT, n, "the data has no spatial axis");
    if (attr_find(n, "kernel_shape") || !kernel)
        window_list(n, "kernel_shape", rank, 1, 0, w.kernel);
    for (int k = 0; k < rank && kernel; k++) {
        if (attr_find(n, "kernel_shape") && w.kernel[k] != kernel[k])
            fail_node(SDC_BAD_INPUT, n, "attribute 'kernel_shape' disagrees with the weights' shape");
        w.kernel[k] = kernel[k];
        if (kernel[k] < 1 || kernel[k] > EXTENT_LIMIT)
            fail_node(SDC_BAD_INPUT, n, "a kernel extent of %lld", (long long)kernel[k]);
    }
    int64_t pads[2 * MAX_RANK];
    window_list(n, "strides", rank, 1, 1, w.stride);
    window_list(n, "dilations", rank, 1, 1, w.dilation);
    window_list(n, "pads", 2 * rank, 0, 0, pads);
    for (int k = 0; k < rank; k++) {
        w.before[k] = pads[k];
        w.after[k] = pads[rank + k];
    }
    return w;
}

typedef enum { PADS_GIVEN, PADS_VALID, PADS_SAME_UPPER, PADS_SAME_LOWER } PadRule;

static PadRule pad_rule(const Node *n)
{
    static const char *const names[] = {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"};
    const char *given = attr_s(n, "auto_pad");
    for (int k = 0; k < 4; k++)
        if (!strcmp(given, names[k]))
            return (PadRule)k;
    fail_node(SDC_BAD_INPUT, n, "attribute 'auto_pad' is '%s'", given);
}

/* The odd element goes to the end under SAME_UPPER, to the beginning otherwise. */
static void split_padding(Window *w, int axis, int64_t total, bool upper)
{
    total = total < 0 ? 0 : total;
    w->before[axis] = upper ? total / 2 : total - total / 2;
    w->after[axis] = total - w->before[axis];
}

/* Padding and out extents of a window sliding over `in`. */
static void slide(const Node *n, Window *w, bool ceiling)
{
    PadRule rule = pad_rule(n);
    for (int k = 0; k < w->rank; k++) {
        int64_t span = window_span(w, k), in = w->in[k], stride = w->stride[k];
        if (rule == PADS_VALID)
            w->before[k] = w->after[k] = 0;
        if (rule == PADS_SAME_UPPER || rule == PADS_SAME_LOWER) {
            w->out[k] = in / stride + (in % stride != 0);
            split_padding(w, k, (w->out[k] - 1) * stride + span - in, rule == PADS_SAME_UPPER);
            continue;
        }
        int64_t room = in + w->before[k] + w->after[k] - span;
        bool partial = room < 0 ? room > -stride : room % stride != 0;  /* one more would reach beyond the padding */
        w->out[k] = room < 0 ? 0 : room / stride + 1;
        /* In ceil mode that one counts when it starts inside the data or the leading padding. */
        if (ceiling && partial && w->out[k] * stride < in + w->before[k])
            w->out[k]++;
        if (w->out[k] < 1)
            fail_node(SDC_BAD_INPUT, n, "the window spans %lld elements of axis %d, which has %lld with padding",
                      (long long)span, k + 2, (long long)(room + span));
    }
}

static void take_extents(const Node *n, Window *w, const Shape *x)
{
    for (int k = 0; k < w->rank; k++) {
        w->in[k] = x->dim[k + 2];
        if (w->in[k] > EXTENT_LIMIT)
            fail_node(SDC_BAD_INPUT, n, "axis %d has %lld elements", k + 2, (long long)w->in[k]);
    }
}

Window window_conv(const Node *n, const Shape *x, const Shape *w)
{
    if (x->rank < 3 || x->rank != w->rank)
        fail_node(SDC_BAD_INPUT, n, "data of shape %s and weights of shape %s", shape_text(x), shape_text(w));
    int64_t group = attr_i(n, "group");
    if (group < 1 || x->dim[1] % group || x->dim[1] / group != w->dim[1] || w->dim[0] % group)
        fail_node(SDC_BAD_INPUT, n, "data of shape %s and weights of shape %s do not fit %lld groups", shape_text(x),
                  shape_text(w), (long long)group);
    Window window = window_attributes(n, x->rank - 2, w->dim + 2);
    take_extents(n, &window, x);
    slide(n, &window, false);
    return window;
}

Window window_pool(const Node *n, const Shape *x)
{
    if (x->rank < 3)
        fail_node(SDC_BAD_INPUT, n, "data of shape %s; at least three axes are needed", shape_text(x));
    Window window = window_attributes(n, x->rank - 2, NULL);
    take_extents(n, &window, x);
    slide(n, &window, attr_i(n, "ceil_mode") != 0);
    return window;
}

/* ConvTranspose with `output_shape`: the padding follows from it. */
static void pad_to_output_shape(const Node *n, Window *w, const int64_t *full, PadRule rule)
{
    int64_t want[MAX_RANK];
    window_list(n, "output_shape", w->rank, 0, 0, want);
    for (int k = 0; k < w->rank; k++) {
        split_padding(w, k, full[k] - want[k], rule == PADS_SAME_UPPER);
        w->out[k] = want[k];
    }
}

Window window_transposed(const Node *n, const Shape *x, const Shape *w)
{
    int64_t group = attr_i(n, "group");
    if (x->rank < 3 || x->rank != w->rank || group < 1 || x->dim[1] != w->dim[0] || x->dim[1] % group)
        fail_node(SDC_BAD_INPUT, n, "data of shape %s and weights of shape %s do not fit %lld groups", shape_text(x),
                  shape_text(w), (long long)group);
    Window window = window_attributes(n, x->rank - 2, w->dim + 2);
    int64_t extra[MAX_RANK], full[MAX_RANK];
    take_extents(n, &window, x);
    window_list(n, "output_padding", window.rank, 0, 0, extra);
    PadRule rule = pad_rule(n);
    for (int k = 0; k < window.rank; k++)
        full[k] = (window.in[k] - 1) * window.stride[k] + extra[k] + window_span(&window, k);
    if (attr_find(n, "output_shape")) {
        pad_to_output_shape(n, &window, full, rule);
        return window;
    }
    for (int k = 0; k < window.rank; k++) {
        if (rule == PADS_VALID)
            window.before[k] = window.after[k] = 0;
        if (rule == PADS_SAME_UPPER || rule == PADS_SAME_LOWER)
            split_padding(&window, k, full[k] - window.in[k] * window.stride[k], rule == PADS_SAME_UPPER);
        window.out[k] = full[k] - window.before[k] - window.after[k];
        if (rule == PADS_SAME_UPPER || rule == PADS_SAME_LOWER)
            window.out[k] = window.in[k] * window.stride[k];
        if (window.out[k] < 0)
            fail_node(SDC_BAD_INPUT, n, "the padding is larger than the result along axis %d", k + 2);
    }
    return window;
}
