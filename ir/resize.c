/* resize.c: the tables of Resize, from the text of the ONNX page (opset 19) and, where that is silent, its reference
 * implementation: fractional extents take part in the coordinates when `scales` is given. */
#include "resize.h"

#include <math.h>
#include <string.h>

#include "../runtime/runtime.h"

enum { EXTENT_LIMIT = 1 << 30, TERMS_LIMIT = 1 << 26 };

typedef enum { MODE_NEAREST, MODE_LINEAR, MODE_CUBIC } Mode;
typedef enum { HALF_PIXEL, HALF_PIXEL_SYMMETRIC, PYTORCH_HALF_PIXEL, ALIGN_CORNERS, ASYMMETRIC, CROP } Coordinates;
typedef enum { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, ROUND_FLOOR, ROUND_CEIL } Rounding;

typedef struct {
    Mode mode;
    Coordinates coordinates;
    Rounding rounding;
    bool antialias, exclude_outside;
    double cubic;
    double scale, begin, end;       /* of the axis in hand; begin and end of its region of interest */
    int64_t in, out;
} Sampler;

static int choice(const Node *n, const char *attribute, const char *const *names, int count)
{
    const char *given = attr_s(n, attribute);
    for (int k = 0; k < count; k++)
        if (!strcmp(given, names[k]))
            return k;
    fail_node(SDC_UNSUPPORTED, n, "attribute '%s' is '%s'", attribute, given);
}

static Sampler sampler_of(const Node *n)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const coordinates[] = {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",
                                              "align_corners", "asymmetric", "tf_crop_and_resize"};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    return (Sampler){.mode = (Mode)choice(n, "mode", modes, 3),
                     .coordinates = (Coordinates)choice(n, "coordinate_transformation_mode", coordinates, 6),
                     .rounding = (Rounding)choice(n, "nearest_mode", roundings, 4),
                     .antialias = attr_i(n, "antialias") != 0,
                     .exclude_outside = attr_i(n, "exclude_outside") != 0,
                     .cubic = attr_f(n, "cubic_coeff_a")};
}

/* ---- extents ----------------------------------------------------------------------------------------------------- */

/* Input k as numbers; 0 when it is absent or empty. */
static int floats_of(const Node *n, int k, const char *what, double *into, int room)
{
    Value *v = input_of(n, k);
    if (!v || (v->shape.rank == 1 && v->shape.dim[0] == 0))
        return 0;
    if (!is_constant(v))
        fail_node(SDC_UNSUPPORTED, n, "input %d (%s) depends on run-time data; %s", k, what, bind_advice(n, v->name));
    const Tensor *t = constant_tensor(v);
    if (t->count > room)
        fail_node(SDC_BAD_INPUT, n, "input %d (%s) has %lld entries", k, what, (long long)t->count);
    int bytes = dtype_info(t->dtype)->bytes, count = (int)t->count;
    for (int e = 0; e < count; e++) {
        const char *p = (const char *)t->data + e * bytes;
        into[e] = dtype_is_float(t->dtype) ? dtype_load_f(t->dtype, p) : (double)dtype_load_i(t->dtype, p);
    }
    constant_release(v);
    return count;
}

static int axes_of(const Node *n, int rank, int64_t *axes)
{
    if (!attr_find(n, "axes")) {
        for (int k = 0; k < rank; k++)
            axes[k] = k;
        return rank;
    }
    int count = attr_ints(n, "axes", axes, MAX_RANK);
    for (int k = 0; k < count; k++) {
        axes[k] = axis_of(n, axes[k], rank);
        for (int j = 0; j < k; j++)
            if (axes[j] == axes[k])
                fail_node(SDC_BAD_INPUT, n, "axis %lld appears twice", (long long)axes[k]);
    }
    return count;
}

/* Scales from `sizes`, under the policy for the aspect ratio. */
static void fit_sizes(const Node *n, const Shape *x, const int64_t *axes, int count, const double *sizes,
                      double *scale, int64_t *out)
{
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
    int policy = choice(n, "keep_aspect_ratio_policy", policies, 3);
    double common = 0;
    for (int k = 0; k < count; k++) {
        scale[k] = sizes[k] / (double)x->dim[axes[k]];
        if (!k || (policy == 1 ? scale[k] < common : scale[k] > common))
            common = scale[k];
        if (!(sizes[k] >= 0 && sizes[k] <= EXTENT_LIMIT) || (!x->dim[axes[k]] && sizes[k] != 0))
            fail_node(SDC_BAD_INPUT, n, "a size of %g for axis %lld", sizes[k], (long long)axes[k]);
    }
    for (int k = 0; k < count; k++) {
        if (policy)
            scale[k] = common;
        out[k] = (int64_t)(policy ? floor(common * (double)x->dim[axes[k]] + 0.5) : sizes[k]);
    }
}

/* Scale and result extent of each listed axis. */
static void extents(const Node *n, const int64_t *axes, int count, double *scale, int64_t *out)
{
    double scales[MAX_RANK], sizes[MAX_RANK];
    const Shape *x = &n->in[0]->shape;
    int n_scales = floats_of(n, 2, "scales", scales, MAX_RANK), n_sizes = floats_of(n, 3, "sizes", sizes, MAX_RANK);
    if ((n_scales != 0) == (n_sizes != 0) && count)
        fail_node(SDC_BAD_INPUT, n, "exactly one of scales and sizes must be given");
    if (n_scales + n_sizes != count)
        fail_node(SDC_BAD_INPUT, n, "%d %s for %d axes", n_scales + n_sizes, n_scales ? "scales" : "sizes", count);
    if (n_sizes) {
        fit_sizes(n, x, axes, count, sizes, scale, out);
        return;
    }
    for (int k = 0; k < count; k++) {
        double extent = floor(scales[k] * (double)x->dim[axes[k]]);
        if (!(scales[k] > 0) || !(extent <= EXTENT_LIMIT))
            fail_node(SDC_BAD_INPUT, n, "a scale of %g for axis %lld", scales[k], (long long)axes[k]);
        scale[k] = scales[k];
        out[k] = (int64_t)extent;
    }
}

/* ---- one axis ---------------------------------------------------------------------------------------------------- */

/* Where element k of the result lies among the data's; *outside only for cropping. */
static double coordinate(const Sampler *s, double k, bool *outside)
{
    double in = (double)s->in, length = s->scale * in;
    *outside = false;
    if (s->coordinates == ALIGN_CORNERS)
        return length == 1 ? 0 : k * (in - 1) / (length - 1);
    if (s->coordinates == ASYMMETRIC)
        return k / s->scale;
    if (s->coordinates == PYTORCH_HALF_PIXEL && length == 1)
        return 0;
    if (s->coordinates == CROP) {
        double span = (s->end - s->begin) * (in - 1);
        double p = s->begin * (in - 1) + (length == 1 ? span / 2 : k * span / (length - 1));
        *outside = !(p >= 0 && p <= in - 1);
        return p;
    }
    double shift = s->coordinates == HALF_PIXEL_SYMMETRIC ? in / 2 * (1 - (double)s->out / length) : 0;
    return shift + (k + 0.5) / s->scale - 0.5;
}

static int64_t nearest(const Sampler *s, double p)
{
    double to = s->rounding == ROUND_PREFER_FLOOR ? ceil(p - 0.5) : s->rounding == ROUND_PREFER_CEIL ? floor(p + 0.5) :
                s->rounding == ROUND_FLOOR ? floor(p) : ceil(p);
    return to <= 0 ? 0 : to >= (double)(s->in - 1) ? s->in - 1 : (int64_t)to;
}

/* The filter at distance x: a triangle, or Keys' cubic convolution. */
static double filter(const Sampler *s, double x)
{
    double a = s->cubic;
    x = fabs(x);
    if (s->mode == MODE_LINEAR)
        return x < 1 ? 1 - x : 0;
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* Filter terms around p: taps elements from floor(p) + first; an antialiasing filter is stretched when shrinking. */
static void filter_terms(const Sampler *s, double p, double stretch, int64_t first, int64_t taps, int64_t *index,
                         double *weight)
{
    int64_t base = (int64_t)fmin(fmax(floor(p), -EXTENT_LIMIT), EXTENT_LIMIT);
    double sum = 0;
    for (int64_t t = 0; t < taps; t++) {
        int64_t at = base + first + t;
        bool there = at >= 0 && at < s->in;
        weight[t] = s->exclude_outside && !there ? 0 : filter(s, ((double)at - p) * stretch);
        index[t] = there ? at : at < 0 ? 0 : s->in - 1;
        sum += weight[t];
    }
    for (int64_t t = 0; t < taps && (s->antialias || s->exclude_outside) && sum != 0; t++)
        weight[t] /= sum;
}

static void make_table(const Node *n, const Sampler *s, ResizeAxis *axis)
{
    double stretch = s->antialias && s->scale < 1 ? s->scale : 1, reach = s->mode == MODE_CUBIC ? 2 : 1;
    int64_t first = (int64_t)fmax(floor(-reach / stretch), -EXTENT_LIMIT) + 1, terms;
    axis->taps = s->mode == MODE_NEAREST ? 1 : 2 - 2 * first;
    if (mul_overflow(axis->taps, axis->out, &terms) || terms > TERMS_LIMIT)
        fail_node(SDC_UNSUPPORTED, n, "%lld x %lld interpolation terms", (long long)axis->out, (long long)axis->taps);
    axis->index = alloc_array(terms, sizeof *axis->index);
    axis->weight = alloc_array(terms, sizeof *axis->weight);
    for (int64_t k = 0; k < axis->out; k++) {
        int64_t *index = axis->index + k * axis->taps;
        double *weight = axis->weight + k * axis->taps;
        bool outside;
        double p = coordinate(s, (double)k, &outside);
        if (s->mode == MODE_NEAREST) {
            index[0] = nearest(s, p);
            weight[0] = 1;
        } else
            filter_terms(s, p, stretch, first, axis->taps, index, weight);
        if (outside)
            index[0] = -1;
    }
}

/* ---- all axes ---------------------------------------------------------------------------------------------------- */

static Resize take_apart(const Node *n, bool tables)
{
    const Shape *x = &n->in[0]->shape;
    Resize r = {.rank = x->rank, .extrapolation = attr_f(n, "extrapolation_value")};
    Sampler s = sampler_of(n);
    int64_t axes[MAX_RANK], out[MAX_RANK];
    double scale[MAX_RANK], region[2 * MAX_RANK];
    int count = axes_of(n, x->rank, axes), n_region = 0;
    extents(n, axes, count, scale, out);
    if (s.coordinates == CROP)
        n_region = floats_of(n, 1, "roi", region, 2 * MAX_RANK);
    if (s.coordinates == CROP && n_region != 2 * count)
        fail_node(SDC_BAD_INPUT, n, "a region of %d numbers for %d axes", n_region, count);
    for (int k = 0; k < r.rank; k++)
        r.axis[k] = (ResizeAxis){.in = x->dim[k], .out = x->dim[k], .identity = true};
    for (int k = 0; k < count; k++) {
        ResizeAxis *axis = &r.axis[axes[k]];
        axis->out = s.out = out[k];
        s.in = axis->in;
        s.scale = scale[k];
        s.begin = n_region ? region[k] : 0;
        s.end = n_region ? region[count + k] : 1;
        axis->identity = axis->in == axis->out && fabs(s.scale - 1) < 1e-9 && s.begin == 0 && s.end == 1;
        if (tables && !axis->identity)
            make_table(n, &s, axis);
    }
    return r;
}

Resize resize_extents(const Node *n)
{
    return take_apart(n, false);
}

Resize resize_tables(const Node *n)
{
    return take_apart(n, true);
}

bool resize_repeats(const Node *n, int64_t *factor)
{
    if (n->op != OP_Resize || n->in[0]->shape.rank < 3 || strcmp(attr_s(n, "mode"), "nearest"))
        return false;
    Resize r = resize_tables(n);
    bool repeats = r.axis[0].identity && r.axis[1].identity;
    for (int k = 2; repeats && k < r.rank; k++) {
        const ResizeAxis *a = &r.axis[k];
        factor[k - 2] = a->identity || a->in == 0 ? 1 : a->out / a->in;
        repeats = a->out == a->in * factor[k - 2];
        for (int64_t j = 0; repeats && !a->identity && j < a->out; j++)
            repeats = a->index[j] == j / factor[k - 2];
    }
    return repeats;
}
