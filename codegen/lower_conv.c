/* lower_conv.c: Conv.  With constant weights and one or two spatial axes: channels last in f32 or half types through
 * conv.h, conv_winograd.h, conv_bf16.h, conv_depthwise.h, or gemm.h for 1x1 kernels; everything else through conv_any.h, which takes any strides. */
#include <stdlib.h>
#include <string.h>

#include "../ir/resize.h"
#include "../ir/window.h"
#include "../runtime/runtime.h"
#include "bf16_pack.h"
#include "int8.h"
#include "kernel_choice.h"
#include "matmul.h"
#include "matmul_pack.h"
#include "spatial.h"
#include "steps.h"

/* ---- packed weights ---------------------------------------------------------------------------------------------- */

enum { SHAPE_FIELDS = sizeof(ConvShape) / sizeof(int64_t) };

static void pack_weights(void *dst, const Tensor *t, const int64_t *p)
{
    ConvShape s;
    memcpy(&s, p, sizeof s);
    pack_conv(dst, t->data, &s, (int)p[SHAPE_FIELDS], dtype_info(t->dtype)->bytes);
}

static Bf16Matrix bf16_matrix(const ConvShape *s)
{
    const int64_t taps = s->kernel_h * s->kernel_w;
    return (Bf16Matrix){.columns = s->out_c, .depth = s->in_c, .lines = s->kernel_h, .taps = s->kernel_w,
                        .column_step = s->in_c * taps, .depth_step = taps, .tap_step = 1};
}

static void pack_weights_bf16(void *dst, const Tensor *t, const int64_t *p)
{
    ConvShape s;
    memcpy(&s, p, sizeof s);
    const Bf16Matrix m = bf16_matrix(&s);
    pack_bf16(dst, t->data, &m);
}

/* ---- the fast kernels -------------------------------------------------------------------------------------------- */

static ConvShape conv_shape(const Node *n, const Window *w)
{
    const Shape *x = &n->in[0]->shape, *y = &n->out[0]->shape;
    int last = w->rank - 1;
    ConvShape s = {.batch = x->dim[0], .in_h = 1, .in_c = x->dim[1], .out_h = 1, .out_c = y->dim[1], .kernel_h = 1,
                   .stride_h = 1, .dilation_h = 1, .in_w = w->in[last], .out_w = w->out[last],
                   .kernel_w = w->kernel[last], .stride_w = w->stride[last], .pad_left = w->before[last],
                   .dilation_w = w->dilation[last], .groups = attr_i(n, "group")};
    if (w->rank == 2) {
        s.in_h = w->in[0];
        s.out_h = w->out[0];
        s.kernel_h = w->kernel[0];
        s.stride_h = w->stride[0];
        s.pad_top = w->before[0];
        s.dilation_h = w->dilation[0];
    }
    s.codes = weights_in_codes(n->in[1]) && conv_takes_codes(&s);
    return s;
}

/* "conv 3x3 [2,64,64,4] -> [2,64,64,320], stride 2, + bias" */
static void note_conv(Call *c, const Node *n, const Window *w)
{
    const char *kernel = "", *stride = "";
    for (int k = 0; k < w->rank; k++) {
        kernel = text_format("%s%s%lld", kernel, k ? "x" : "", (long long)w->kernel[k]);
        if (w->stride[k] != 1 && !*stride)
            stride = text_format(", stride %lld", (long long)w->stride[k]);
    }
    int64_t group = attr_i(n, "group");
    call_note(c, "conv %s %s -> %s%s%s%s", kernel, shape_text(&n->in[0]->shape), shape_text(&n->out[0]->shape), stride,
              group > 1 ? text_format(", %lld groups", (long long)group) : "", input_of(n, 2) ? ", + bias" : "");
    c->flops = 2 * shape_count(&n->out[0]->shape) * n->in[1]->shape.dim[1] * window_taps(w);
}

static void conv_parameters(Call *c, const ConvShape *s)
{
    const struct { const char *name; int64_t value; } list[] = {
        {"BATCH", s->batch}, {"IN_H", s->in_h}, {"IN_W", s->in_w}, {"OUT_H", s->out_h}, {"OUT_W", s->out_w},
        {"KERNEL_H", s->kernel_h}, {"KERNEL_W", s->kernel_w}, {"STRIDE_H", s->stride_h}, {"STRIDE_W", s->stride_w},
        {"PAD_TOP", s->pad_top}, {"PAD_LEFT", s->pad_left}, {"DILATION_H", s->dilation_h},
        {"DILATION_W", s->dilation_w},
    };
    for (size_t k = 0; k < sizeof list / sizeof *list; k++)
        call_int(c, list[k].name, list[k].value);
}

/* The steps behind n for a kernel that counts pixels as rows. */
static Finish *image_finish(Lowering *l, Node *n)
{
    int order[MAX_RANK], rank = n->out[0]->shape.rank;
    channels_last_axes(rank, order);
    return finish_of(l, n, order, 1);
}

static const Prologue *prologue_of(const Lowering *l, const Node *n)
{
    return l->prologue && l->prologue->conv == n ? l->prologue : NULL;
}

/* One that every convolution has. */
static int64_t parameter(const Call *c, const char *name)
{
    const int64_t value = call_parameter(c, name, -1);
    if (value < 0)
        bug("%s has no parameter %s", c->kernel, name);
    return value;
}

static bool is_conv(const Call *c)
{
    return c->kind == CALL_KERNEL
           && (!strcmp(c->kernel, "conv") || !strcmp(c->kernel, "conv_winograd") || !strcmp(c->kernel, "conv_bf16")
               || !strcmp(c->kernel, "conv_int8"));
}

/* Is a all of b, in the same order?  Not when b is a concatenation of which a is a part. */
static bool same_image(const View *a, const View *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) && stored_alike(a, b);
}

/* The call in the current block that stores x, if it is one of conv.h, conv_winograd.h or conv_bf16.h. */
static Call *conv_storing(const Lowering *l, const View *x)
{
    for (Call *c = l->block->first; c; c = c->next)
        if (is_conv(c) && c->operands[0].view.buffer == x->buffer)
            return same_image(&c->operands[0].view, x) ? c : NULL;
    return NULL;
}

bool conv_measures(Lowering *l, const View *x, Measured *m)
{
    Call *c = conv_storing(l, x);
    if (!c)
        return false;
    *m = (Measured){.height = parameter(c, "OUT_H"), .width = parameter(c, "OUT_W"), .block_h = parameter(c, "BLOCK_H"),
                    .block_w = parameter(c, "BLOCK_W")};
    const int64_t blocks = ((m->height + m->block_h - 1) / m->block_h) * ((m->width + m->block_w - 1) / m->block_w);
    if (c->operands[c->n_operands - 1].mode == OPERAND_WRITE) {         /* for another norm already */
        m->slots = c->operands[c->n_operands - 1].view;
        return true;
    }
    m->slots = scratch(l, DT_F64, parameter(c, "BATCH") * blocks * 2 * parameter(c, "OUT_C"));
    call_write(c, m->slots);
    call_text(c, "SLOTS(X)", "X(slots)");
    c->note = text_format("%s, measured", c->note);
    return true;
}

/* x is what `resize` makes larger. */
static void call_upsampling(Call *c, const Node *resize)
{
    int64_t factor[MAX_RANK];
    resize_repeats(resize, factor);
    bool flat = resize->out[0]->shape.rank == 4;
    call_int(c, "UP_H", flat ? factor[0] : 1);
    call_int(c, "UP_W", factor[flat]);
    c->note = text_format("resize nearest %s, %s", shape_text(&resize->in[0]->shape), c->note);
}

/* Which kernel does a convolution, and how. */
typedef struct {
    ConvShape shape;
    WinogradPlan winograd;          /* outputs 0: not that */
    Bf16Plan bf16;                  /* block_h 0: not that */
    ConvPlan direct;                /* otherwise; and what it has in common with Winograd's */
    const char *site;               /* of the choices that were made; NULL: none */
    bool int8;                      /* bf16 is the plan of conv_int8.h */
    bool depthwise, transformed;    /* transformed: Winograd's weights are stored so */
} Way;

static View packed_weights(Lowering *l, const Node *n, const ConvShape *s, bool bf16)
{
    const int vl = l->isa->vector_floats;
    const Bf16Matrix m = bf16_matrix(s);
    const ConvShape format = conv_format(s);
    int64_t parameters[SHAPE_FIELDS + 1];
    memcpy(parameters, &format, sizeof format);
    parameters[SHAPE_FIELDS] = vl;
    if (s->codes)
        return coded_weights(l, n->in[1], s);
    if (bf16)
        return weights_packed(l, n->in[1], pack_weights_bf16, "conv bf16", parameters, SHAPE_FIELDS, DT_BF16, pack_bf16_bytes(&m) / 2);
    return weights_packed(l, n->in[1], pack_weights, conv_is_depthwise(s) ? "depthwise" : "conv", parameters,
                          SHAPE_FIELDS + 1, n->in[1]->dtype, pack_conv_bytes(s, vl, 1));
}

/* The 1x1 convolution whose products n's kernel adds; NULL: none. */
static const Node *shortcut_of(const Lowering *l, const Node *n)
{
    return l->finish && l->finish->anchor == n ? l->finish->shortcut : NULL;
}

/* What n's kernel adds to each pixel: its bias, the shortcut's, or the sum of both. */
static Value *both_biases(Node *n, const Node *shortcut)
{
    Value *own = input_of(n, 2), *other = shortcut ? input_of(shortcut, 2) : NULL;
    if (!own || !other)
        return own ? own : other;
    Value *sum = node1(n->graph, n, OP_Add, 2, (Value *[]){own, other});
    infer_node(sum->def);
    fold_node(sum->def);
    if (sum->tensor) {              /* so that the graph lowers to the same calls once more */
        node_detach(sum->def);
        sum->def = NULL;
    }
    return sum;
}

static void call_shortcut(Lowering *l, Call *c, const Node *shortcut, const Images *image, bool bf16)
{
    Window w = window_conv(shortcut, &shortcut->in[0]->shape, &shortcut->in[1]->shape);
    ConvShape s = conv_shape(shortcut, &w);
    View weights = packed_weights(l, shortcut, &s, bf16);
    call_read(c, image->first);
    call_read(c, weights);
    if (image->beside.buffer)
        call_read(c, image->beside);
    call_text(c, "MORE(X)", "X(more, more_weights)");
    call_int(c, "MORE_C", s.in_c);
    if (!bf16) {
        call_stored(c, "TM", &image->first);
        call_stored(c, "TMW", &weights);
        code_parameters(c, shortcut->in[1], "MORE_CODE_BITS", "MORE_GROUP");
    }
    c->flops += 2 * shape_count(&shortcut->out[0]->shape) * s.in_c;
    c->note = text_format("%s, + conv 1x1 of %s", c->note, shape_text(&shortcut->in[0]->shape));
    call_beside(c, image, "MORE_BESIDE(X)", "X(more_beside)", "MORE_FIRST_C");
}

enum { BF16_CHANNELS = 16384 };     /* conv_bf16.h keeps a pixel on the stack */

/* Does conv_bf16.h take this image and these weights? */
static bool is_bf16(const Node *n, DType image)
{
    return image == DT_BF16 && n->in[1]->dtype == DT_BF16 && n->in[0]->shape.dim[1] <= BF16_CHANNELS;
}

/* Without `chooses` the way is the cost model's: what else the compiler does must not follow from a lock file. */
static Way way_of(const Lowering *l, const Node *n, const Window *w, const ConvKind *kind, const Node *shortcut, bool chooses)
{
    Way way = {.shape = conv_shape(n, w)};
    const ConvShape *s = &way.shape;
    const bool tiles = l->isa->bf16_rate && s->groups == 1 && s->pad_top >= 0 && s->pad_left >= 0 && s->in_c <= BF16_CHANNELS &&
                       (!shortcut || is_bf16(shortcut, kind->more));
    const bool bf16 = tiles && !s->codes && is_bf16(n, kind->image);
    way.depthwise = conv_is_depthwise(s);
    if (way.depthwise)
        return way;
    way.int8 = tiles && convolves_codes(n, kind->image);
    way.direct = conv_plan(s, l->isa->vector_floats, kind->normalises);
    if (way.int8) {
        way.bf16 = conv_int8_plan(s, kind->more_c);
        return way;
    }
    way.site = chooses ? conv_site(s, kind) : NULL;
    if (!n->graph->model->exact)
        way.winograd = choose_winograd(l, way.site, s, kind->more_c, bf16 ? l->isa->bf16_rate : 1);
    way.transformed = n->graph->model->pack_winograd && !s->codes && winograd_stores(s, &way.winograd);
    if (bf16 && !way.winograd.outputs)
        way.bf16 = conv_bf16_plan(s, kind->more_c);
    if (way.site && way.bf16.block_h)
        choose_panels_bf16(l, way.site, s, &way.bf16);
    else if (way.site && !way.winograd.outputs)
        choose_panels(l, way.site, s, &way.direct);
    return way;
}

/* The cut of conv.h, conv_winograd.h or conv_bf16.h. */
static void cut_parameters(Call *c, const Way *way)
{
    const WinogradPlan *w = &way->winograd;
    const Bf16Plan *b = &way->bf16;
    call_int(c, "IN_C", way->shape.in_c);
    call_int(c, "OUT_C", way->shape.out_c);
    if (!b->block_h)
        call_int(c, "CHUNK", way->direct.chunk);
    call_int(c, "BLOCK_H", w->outputs ? w->block_h : b->block_h ? b->block_h : way->direct.block_h);
    call_int(c, "BLOCK_W", w->outputs ? w->block_w : b->block_h ? b->block_w : way->direct.block_w);
    if (w->outputs) {
        call_int(c, "OUTPUTS", w->outputs);
        if (way->transformed)
            call_int(c, "TRANSFORMED", 1);
        call_int(c, "UNIT_BLOCKS", w->unit_blocks);
        call_int(c, "ROUND_BLOCKS", w->round_blocks);
    } else if (b->block_h) {
        call_int(c, "FLAT", b->flat);
        call_int(c, "ROUND_H", b->round_h);
        call_int(c, "ROUND_N", b->round_n);
        call_int(c, "UNIT_PANELS", b->unit_panels);
    } else {
        call_int(c, "GROUPS", way->shape.groups);
        call_int(c, "UNIT_PANELS", way->direct.unit_panels);
    }
}

/* What conv_winograd.h and conv_bf16.h work in. */
static View room_of(Lowering *l, const Way *way)
{
    return way->winograd.outputs ? scratch(l, DT_F32, way->winograd.scratch)
           : way->bf16.block_h   ? scratch(l, DT_BF16, way->bf16.room)
                                 : (View){.dtype = DT_F32};
}

static const char *kernel_of(const Way *way)
{
    const char *direct = way->int8 ? "conv_int8" : way->bf16.block_h ? "conv_bf16" : "conv";
    return way->depthwise ? "conv_depthwise" : way->winograd.outputs ? "conv_winograd" : direct;
}

/* y and x are [N,spatial...,C] of f32, half types or codes, stored as their kernel wants them. */
static void conv_call(Lowering *l, Node *n, const Window *w, View y, const Images *x)
{
    const Prologue *p = prologue_of(l, n);
    const Node *shortcut = shortcut_of(l, n), *norm = p ? p->norm : NULL;
    Images more = shortcut ? images_of(l, shortcut->in[0]) : (Images){{0}, {0}};
    const ConvKind kind = {.image = x->first.dtype, .weights = n->in[1]->dtype, .more = more.first.dtype, .normalises = norm != NULL,
                           .more_c = shortcut ? shortcut->in[0]->shape.dim[1] : 0};
    const Way way = way_of(l, n, w, &kind, shortcut, true);
    const bool bf16 = way.bf16.block_h != 0;
    Value *bias_value = both_biases(n, shortcut);
    View weights = way.int8          ? packed_conv_codes(l, n, &way.shape)
                   : way.transformed ? transformed_weights(l, n->in[1], &way.shape, way.winograd.outputs)
                                     : packed_weights(l, n, &way.shape, bf16);
    View bias = bias_value ? view_f32_list(l, n, bias_value) : (View){.dtype = DT_F32};
    View lines = norm ? norm_lines(l, p->norm, x) : (View){.dtype = DT_F32};
    Finish *finish = image_finish(l, n);
    View room = room_of(l, &way);
    Call *c = call_kernel(l, n, kernel_of(&way));
    c->site = way.site;
    call_write(c, y);
    call_images(c, x);
    call_read(c, weights);
    call_read(c, bias);
    if (room.buffer)
        call_update(c, room);
    call_stored(c, "TY", &y);
    if (way.int8)
        call_type(c, "TX", x->first.dtype);
    if (!bf16) {
        call_stored(c, "TX", &x->first);
        call_stored(c, "TW", &weights);
        code_parameters(c, way.shape.codes ? n->in[1] : NULL, "CODE_BITS", "GROUP");
    }
    conv_parameters(c, &way.shape);
    if (y.stride[y.rank - 2] != way.shape.out_c)
        call_int(c, "Y_PIXEL", y.stride[y.rank - 2]);
    if (way.depthwise)
        call_int(c, "CHANNELS", way.shape.out_c);
    else
        cut_parameters(c, &way);
    call_int(c, "HAS_BIAS", bias_value != NULL);
    note_conv(c, n, w);
    if (way.winograd.outputs)
        c->note = text_format("%s, Winograd %lldx%lld", c->note, (long long)way.winograd.outputs, (long long)way.winograd.outputs);
    call_beside(c, x, "BESIDE(X)", "X(beside)", "FIRST_C");
    if (p && p->resize)
        call_upsampling(c, p->resize);
    if (norm)
        call_prologue(c, p, lines);
    if (shortcut)
        call_shortcut(l, c, shortcut, &more, bf16);
    call_finish(c, finish, y);
}

/* A 1x1 kernel at every pixel is a matrix product of the pixels' channels. */
static bool is_pointwise(const Node *n, const Window *w)
{
    bool point = attr_i(n, "group") == 1;
    for (int k = 0; k < w->rank; k++)
        point &= w->kernel[k] == 1 && w->stride[k] == 1 && w->before[k] == 0 && w->after[k] == 0;
    return point;
}

static void pointwise_call(Lowering *l, Node *n, View y, View x)
{
    static const int turned[] = {1, 0};
    int order[MAX_RANK];
    channels_last_axes(n->out[0]->shape.rank, order);
    Product p = {.y = y, .a = x, .axes = order};
    p.b = product_operand(l, n->in[1], &p.constant);
    p.b.rank = 2;                                   /* [K,C,1,1] as [C,K] */
    p.b.stride[0] = p.b.dim[1];
    p.b.stride[1] = 1;
    p.b = view_permute(p.b, 2, turned);
    if (input_of(n, 2))
        p.bias = view_f32_list(l, n, n->in[2]);
    lower_product(l, n, p);
}

/* A place whose pixels follow each other at one distance. */
static View image_room(Lowering *l, Node *n)
{
    Value *stored = stored_value(l, n);
    View v = concat_room(l, stored, kept_type(stored), true), y = channels_to_last(v);
    bool even = v.buffer && v.rank > 2 && y.stride[y.rank - 1] == 1;
    for (int k = y.rank - 2; even && k-- > 0;)
        even = y.dim[k] == 1 || y.stride[k] == y.stride[k + 1] * y.dim[k + 1];
    return even ? v : room_channels_last(l, n->out[0], kept_type(stored));
}

static void fast_conv(Lowering *l, Node *n, const Window *w)
{
    const Prologue *p = prologue_of(l, n);
    Value *source = (p && p->norm ? p->norm : p ? p->resize : n)->in[0];
    Images x = images_of(l, source);
    const ConvKind codes = {.image = DT_I8, .more = DT_BF16};
    if (x.first.dtype == DT_I8 && !is_pointwise(n, w) && !way_of(l, n, w, &codes, shortcut_of(l, n), false).int8)
        x.first = view_cast(l, n, x.first, n->in[1]->dtype);
    View result = image_room(l, n), y = channels_to_last(result);
    if (is_pointwise(n, w) && !p)       /* it has no shortcut: conv_takes_shortcut() */
        pointwise_call(l, n, y, x.first);
    else
        conv_call(l, n, w, y, &x);
    result_ready(l, n, result);
}

/* ---- any other type, rank or source of weights ------------------------------------------------------------------- */

static void any_conv(Lowering *l, Node *n, const Window *w)
{
    View x = view_of(l, n->in[0]), y = result_like(l, n->out[0], &x);
    x = view_cast(l, n, x, y.dtype);
    View weights = view_cast(l, n, view_of(l, n->in[1]), y.dtype);
    View bias = input_of(n, 2) ? view_cast(l, n, view_dense(l, n->in[2]), y.dtype) : (View){.dtype = y.dtype};
    int64_t groups = attr_i(n, "group");
    Call *c = call_kernel(l, n, "conv_any");
    call_write(c, y);
    call_read(c, x);
    call_read(c, weights);
    call_read(c, bias);
    call_type(c, "T", y.dtype);
    call_int(c, "BATCH", x.dim[0]);
    call_int(c, "GROUPS", groups);
    call_int(c, "IN_C", weights.dim[1]);
    call_int(c, "OUT_C", weights.dim[0] / groups);
    call_int(c, "HAS_BIAS", input_of(n, 2) != NULL);
    window_parameters(c, w);
    call_dims(c, "X_STRIDES", x.rank, x.stride);
    call_dims(c, "W_STRIDES", weights.rank, weights.stride);
    call_dims(c, "Y_STRIDES", y.rank, y.stride);
    note_conv(c, n, w);
}

enum { STACK_LIMIT = 1 << 20 };     /* conv.h keeps its patch on the thread's stack: an extreme window would not fit */

static bool is_fast(const Lowering *l, const Node *n, const Window *w)
{
    if (!dtype_is_single(n->out[0]->dtype) || w->rank > 2 || !is_constant(n->in[1]) || n->in[1]->shape.dim[1] == 0)
        return false;
    ConvShape s = conv_shape(n, w);
    return conv_is_depthwise(&s) || conv_plan(&s, l->isa->vector_floats, false).stack_bytes <= STACK_LIMIT;
}

/* Each patch is normalised anew, for its halo and once a unit of panels: at most a tenth of the products' time, for
 * which the normalised image is never stored.  Counted in FLOPs, on one core of a Sapphire Rapids SiLU takes 60 a float
 * where it is gathered and as many in a pass of its own; columns are computed 16 at a time.  Measured there, both in
 * one against group_norm and conv:
 *      3x3, SiLU:  320 at 64x64   AVX-512 0.95   AVX2 1.03        640 at 32x32   AVX-512 0.98   AVX2 1.03
 *      1x1:        320 at 64x64   AVX-512 0.87   AVX2 0.99        640 at 32x32   AVX-512 0.97   AVX2 1.05
 * A 1x1 kernel has gemm.h instead, so the gain is small: only where a patch serves all panels. */
static bool is_worthwhile(const ConvShape *s, int64_t loads, const Node *resize, bool pointwise)
{
    double pixels = (double)(s->batch * s->out_h * s->out_w), columns = (double)((s->out_c + 15) / 16 * 16);
    double products = 2 * pixels * columns * (double)(s->in_c / s->groups * s->kernel_h * s->kernel_w);
    int64_t source = resize ? shape_count(&resize->in[0]->shape) : s->batch * s->in_h * s->in_w * s->in_c;
    double again = (double)(loads - source);
    return 60 * again <= products / (pointwise ? 64 : 10);
}

bool conv_takes_upsampling(const Lowering *l, const Node *n)
{
    Window w = window_conv(n, &n->in[0]->shape, &n->in[1]->shape);
    if (shape_count(&n->out[0]->shape) == 0 || shape_count(&n->in[0]->shape) == 0 || !is_fast(l, n, &w))
        return false;
    ConvShape s = conv_shape(n, &w);
    return !conv_is_depthwise(&s);
}

bool conv_takes_shortcut(const Lowering *l, const Node *n, const Node *shortcut)
{
    Window w = window_conv(n, &n->in[0]->shape, &n->in[1]->shape);
    Window point = window_conv(shortcut, &shortcut->in[0]->shape, &shortcut->in[1]->shape);
    const ConvShape s = conv_shape(n, &w);
    return conv_takes_upsampling(l, n) && !is_pointwise(n, &w) && is_fast(l, shortcut, &point) && conv_reads_codes(l, shortcut, &s);
}

bool conv_takes_two(const Lowering *l, const Node *n)
{
    const Node *before = n->graph->fused ? n->prev : NULL;
    if (before && before->op == OP_Conv)
        return conv_takes_shortcut(l, before, n);
    Window w = window_conv(n, &n->in[0]->shape, &n->in[1]->shape);
    return conv_takes_upsampling(l, n) && !is_pointwise(n, &w);
}

const char *conv_parts_prologue(const Lowering *l, const Node *n, const Node *resize)
{
    Window w = window_conv(n, &n->in[0]->shape, &n->in[1]->shape);
    if (!conv_takes_upsampling(l, n))
        return "the convolution's kernel does not load patches";
    const Way way = way_of(l, n, &w, &(ConvKind){.image = kept_type(n->graph->first->in[0]), .normalises = true}, NULL, false);
    if (!conv_reads_codes(l, n, &way.shape))
        return "its weights in integers are read by another kernel";
    if (way.shape.in_c > STACK_CHANNELS || way.direct.stack_bytes > STACK_LIMIT)
        return "a normalised patch is too large for a thread's stack";
    if (way.bf16.block_h)               /* packs an image once, and then it costs nothing to normalise it */
        return NULL;
    const int64_t loads = way.winograd.outputs ? way.winograd.loads : way.direct.loads;
    return is_worthwhile(&way.shape, loads, resize, is_pointwise(n, &w)) ? NULL :
           "normalising each patch anew would cost more than it saves";
}

void lower_conv(Lowering *l, Node *n)
{
    Window w = window_conv(n, &n->in[0]->shape, &n->in[1]->shape);
    if (shape_count(&n->out[0]->shape) == 0) {
        result_dense(l, n->out[0]);
        return;
    }
    if (is_fast(l, n, &w))
        fast_conv(l, n, &w);
    else
        any_conv(l, n, &w);
}
