/* origins.c: see origins.h.  A buffer's constant is followed down through the nodes that it is made by, merged Q, K and V,
 * halves, transposes and casts, to the initializers that are modules' weights. */
#include "origins.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../ir/movement.h"
#include "../runtime/origins.h"
#include "../runtime/runtime.h"

/* A box of a value that is part of the constant: constant[base + (x - first) * stride ...] = factor * value[x]. */
typedef struct { int rank; int64_t first[MAX_RANK], count[MAX_RANK], stride[MAX_RANK], base; double factor; } Box;

typedef struct {
    SdcOrigin *list;
    int64_t count, room;
} Rows;

struct Origins {
    Layouts *layouts;
    Rows rows, found;               /* found: of the buffer that is being packed */
    char *text;
    int64_t text_bytes, text_room;
    const char *component;
};

Origins *origins_new(void)
{
    Origins *o = alloc(sizeof *o);
    o->layouts = layouts_new();
    o->text_bytes = 1;              /* 0: no text */
    o->text_room = 64;
    o->text = alloc(64);
    return o;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static int32_t text_of(Origins *o, const char *s)
{
    const int64_t bytes = (int64_t)strlen(s) + 1;
    for (int64_t at = 1; at < o->text_bytes; at += (int64_t)strlen(o->text + at) + 1)
        if (!strcmp(o->text + at, s))
            return (int32_t)at;
    while (o->text_bytes + bytes > o->text_room)
        o->text = alloc_more(o->text, o->text_bytes, o->text_room *= 2, 1);
    memcpy(o->text + o->text_bytes, s, (size_t)bytes);
    o->text_bytes += bytes;
    return (int32_t)(o->text_bytes - bytes);
}

static SdcOrigin *add_row(Rows *r)
{
    if (r->count == r->room) {
        r->room = r->room ? 2 * r->room : 16;
        r->list = alloc_more(r->list, r->count, r->room, sizeof *r->list);
    }
    return &r->list[r->count++];
}

/* ---- from a constant to weights ---------------------------------------------------------------------------------- */

/* The weight as PyTorch has it; a product's has its outputs first. */
static void found_weight(Origins *o, const Value *v, const Box *b, const char *reason)
{
    SdcOrigin *row = add_row(&o->found);
    memset(row, 0, sizeof *row);
    *row = (SdcOrigin){.component = text_of(o, o->component), .module = text_of(o, v->module->path),
                       .reason = reason ? text_of(o, reason) : 0, .table = v->module->table, .base = b->base,
                       .factor = b->factor};
    for (int k = 0; k < SDC_ORIGIN_AXES; k++)
        row->dim[k] = row->count[k] = 1;
    for (int k = 0; k < v->shape.rank; k++) {
        const int axis = v->module->outputs == 1 && k < 2 ? 1 - k : k;
        row->dim[axis] = v->shape.dim[k];
        row->first[axis] = b->first[k];
        row->count[axis] = b->count[k];
        row->stride[axis] = b->stride[k];
    }
}

static void blocked(Origins *o, const Value *v, const char *reason)
{
    const Node *n = v->def ? v->def : v->folded;
    const Box none = {0};
    if (v->module)
        found_weight(o, v, &none, reason);
    for (int k = 0; n && !v->module && k < n->n_in; k++)
        if (n->in[k] && n->in[k]->constant)
            blocked(o, n->in[k], reason);
}

static bool is_whole(const Box *b, const Shape *s)
{
    bool whole = true;
    for (int k = 0; k < s->rank; k++)
        whole &= b->first[k] == 0 && b->count[k] == s->dim[k];
    return whole;
}

/* The box in a reshaped value: axes of one element come and go, and what is row-major as a whole stays so. */
static bool reshape_box(Box *b, const Shape *from, const Shape *to)
{
    Box r = {.rank = to->rank, .base = b->base, .factor = b->factor};
    int k = 0, j = 0;
    for (;; k++, j++) {
        while (k < from->rank && from->dim[k] == 1)
            k++;
        for (; j < to->rank && to->dim[j] == 1; j++)
            r.count[j] = 1;
        if (k == from->rank || j == to->rank || from->dim[k] != to->dim[j])
            break;
        r.first[j] = b->first[k];
        r.count[j] = b->count[k];
        r.stride[j] = b->stride[k];
    }
    if (k < from->rank || j < to->rank) {
        int64_t dense[MAX_RANK];
        shape_strides(from, dense);
        for (int a = 0; a < from->rank; a++)
            if (from->dim[a] != 1 && b->stride[a] != dense[a])
                return false;
        if (!is_whole(b, from))
            return false;
        shape_strides(to, r.stride);
        memset(r.first, 0, sizeof r.first);
        memcpy(r.count, to->dim, sizeof r.count);
    }
    *b = r;
    return true;
}

/* What of the box lies in [begin, begin + extent) along an axis; there, counted from `begin`.  false: nothing. */
static bool cut_box(Box *b, int axis, int64_t begin, int64_t extent)
{
    const int64_t first = b->first[axis] > begin ? b->first[axis] : begin;
    int64_t end = b->first[axis] + b->count[axis];
    end = end < begin + extent ? end : begin + extent;
    b->base += (first - b->first[axis]) * b->stride[axis];
    b->first[axis] = first - begin;
    b->count[axis] = end - first;
    return end > first;
}

static void follow(Origins *o, const Value *v, Box b);

static void follow_concat(Origins *o, const Node *n, const Box *b)
{
    const int axis = (int)axis_of(n, attr_i(n, "axis"), n->out[0]->shape.rank);
    int64_t begin = 0;
    for (int k = 0; k < n->n_in; k++) {
        Box part = *b;
        const int64_t extent = n->in[k]->shape.dim[axis];
        if (cut_box(&part, axis, begin, extent))
            follow(o, n->in[k], part);
        begin += extent;
    }
}

/* The box moved to where a Slice or Split takes it from; false: steps other than 1. */
static bool move_box(const Node *n, const Value *v, Box *b)
{
    if (n->op == OP_Slice) {
        const Range r = slice_range(n);
        for (int k = 0; k < r.rank; k++) {
            if (r.step[k] != 1)
                return false;
            b->first[k] += r.start[k];
        }
        return true;
    }
    int64_t size[n->n_out];
    const int axis = split_sizes(n, size);
    for (int k = 0; k < n->n_out && n->out[k] != v; k++)
        b->first[axis] += size[k];
    return true;
}

/* The operand of a product by one constant number, which joins the box's factor; -1: it is no such product. */
static int follow_factor(const Node *n, Box *b)
{
    for (int k = 0; n->op == OP_Mul && k < 2; k++) {
        const Tensor *t = n->in[k]->tensor;
        if (!t || t->count != 1 || n->in[1 - k]->shape.rank != n->out[0]->shape.rank)
            continue;
        b->factor *= dtype_load_f(t->dtype, t->data);
        return 1 - k;
    }
    return -1;
}

static void follow(Origins *o, const Value *v, Box b)
{
    const Node *n = v->def ? v->def : v->folded;
    int64_t perm[MAX_RANK];
    Box from = b;
    bool good = n != NULL;
    int operand = 0;
    if (v->module) {
        found_weight(o, v, &b, NULL);
        return;
    }
    if (!n)
        return;
    if (n->op == OP_Concat) {
        follow_concat(o, n, &b);
        return;
    }
    if (n->op == OP_Transpose) {
        transpose_perm(n, perm);
        for (int k = 0; k < b.rank; k++) {
            from.first[perm[k]] = b.first[k];
            from.count[perm[k]] = b.count[k];
            from.stride[perm[k]] = b.stride[k];
        }
    } else if (n->op == OP_Reshape || n->op == OP_Flatten || n->op == OP_Squeeze || n->op == OP_Unsqueeze) {
        good = reshape_box(&from, &v->shape, &n->in[0]->shape);
    } else if (n->op == OP_Slice || n->op == OP_Split) {
        good = move_box(n, v, &from);
    } else if (n->op == OP_Mul) {
        operand = follow_factor(n, &from);
        good = operand >= 0 && from.factor != 0;
    } else {                        /* QuantizedWeight: floats that were rounded, where no kernel reads codes */
        good = n->op == OP_Cast || n->op == OP_Identity || n->op == OP_QuantizedWeight;
    }
    if (good)
        follow(o, n->in[operand], from);
    else
        blocked(o, v, text_format("%s makes another constant of it", op_info(n->op)->name));
}

/* ---- one buffer after the other ---------------------------------------------------------------------------------- */

uint64_t origins_find(Origins *o, const Program *p, const Buffer *b)
{
    Box whole = {.rank = b->value->shape.rank, .factor = 1};
    memcpy(whole.count, b->value->shape.dim, sizeof whole.count);
    shape_strides(&b->value->shape, whole.stride);
    o->component = text_format("%.*s", (int)strcspn(p->name, "@"), p->name);
    o->found.count = 0;
    follow(o, b->value, whole);
    if (!o->found.count)
        return 0;
    uint64_t hash = XXH64(o->found.list, (size_t)o->found.count * sizeof *o->found.list, 1);
    hash = XXH64(b->pack_parameters, sizeof b->pack_parameters, hash);
    hash = XXH64(b->pack_name, b->pack_name ? strlen(b->pack_name) : 0, hash);
    return hash ? hash : 1;
}

static bool known_row(const Rows *rows, const SdcOrigin *row)
{
    for (int64_t k = 0; k < rows->count; k++)
        if (!memcmp(&rows->list[k], row, sizeof *row))
            return true;
    return false;
}

void origins_add(Origins *o, const Buffer *b, const Tensor *source, const void *packed)
{
    const char *reason;
    const int layout = layout_of(o->layouts, b, source, packed, &reason);
    for (int64_t k = 0; k < o->found.count; k++) {
        SdcOrigin *row = &o->found.list[k];
        row->dtype = (int32_t)source->dtype;
        row->layout = layout < 0 ? 0 : layout;
        row->offset = b->offset;
        row->bytes = b->bytes;
        if (layout < 0 && !row->reason)
            row->reason = text_of(o, reason);
        if (!known_row(&o->rows, row))
            *add_row(&o->rows) = *row;
    }
}

Section origins_section(const Origins *o)
{
    int64_t n_layouts, n_nests;
    const SdcLayout *layouts = layouts_list(o->layouts, &n_layouts);
    const SdcNest *nests = layouts_nests(o->layouts, &n_nests);
    const SdcOriginsHeader header = {o->rows.count, n_layouts, n_nests, o->text_bytes};
    const struct { const void *data; int64_t bytes; } parts[] = {
        {&header, sizeof header}, {o->rows.list, o->rows.count * (int64_t)sizeof *o->rows.list},
        {layouts, n_layouts * (int64_t)sizeof *layouts}, {nests, n_nests * (int64_t)sizeof *nests},
        {o->text, o->text_bytes}};
    Section s = {.name = "origins"};
    if (!o->rows.count)
        return s;
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
        s.bytes += parts[k].bytes;
    char *to = alloc((size_t)s.bytes);
    s.data = to;
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        if (parts[k].bytes)
            memcpy(to, parts[k].data, (size_t)parts[k].bytes);
        to += parts[k].bytes;
    }
    return s;
}
