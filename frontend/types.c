/* types.c: the declared types of inputs and outputs.
 *
 * A dimension is a number, a name (dim_param: free text, the same name is the same symbol) or nothing (a fresh symbol,
 * named INPUT:AXIS after where it stands). */
#include <string.h>

#include "onnx.h"

static const int64_t MOST_EXTENT = (int64_t)1 << 40, MOST_ELEMENTS = (int64_t)1 << 56;
enum { MOST_SYMBOLS = 4096 };

const char *foreign_type(int64_t onnx_type)
{
    static const char *const names[] = {
        [8] = "string", [14] = "complex64", [15] = "complex128", [27] = "f6e2m3", [28] = "f6e3m2",
    };
    if (onnx_type >= 0 && onnx_type < DT_LIMIT && dtype_info((DType)onnx_type)->name)
        return NULL;
    if (onnx_type >= 0 && onnx_type < (int64_t)(sizeof names / sizeof *names) && names[onnx_type])
        return names[onnx_type];
    return text_format("number %lld", (long long)onnx_type);
}

static int symbol_find(const Graph *g, const char *name)
{
    for (int k = 0; k < g->n_symbols; k++)
        if (!strcmp(g->symbols[k], name))
            return k;
    return -1;
}

static int symbol_add(Graph *g, const char *name)
{
    if (g->n_symbols == MOST_SYMBOLS)
        fail(SDC_BAD_INPUT, "%s: more than %d free axes", g->model->path, MOST_SYMBOLS);
    g->symbols = alloc_more(g->symbols, g->n_symbols, g->n_symbols + 1, sizeof *g->symbols);
    g->symbols[g->n_symbols] = text_copy(name);
    return g->n_symbols++;
}

/* The dimension's coding in Shape.dim. */
static int64_t dimension(Import *im, const Onnx__TensorShapeProto__Dimension *d, const char *input, size_t axis)
{
    Graph *top = im->model->graph;
    if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE) {
        if (d->dim_value < 0 || d->dim_value > MOST_EXTENT)
            refuse(im, "'%s': dimension %zu is %lld", input, axis, (long long)d->dim_value);
        return d->dim_value;
    }
    const char *name = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM ? d->dim_param : "";
    if (*name) {
        int known = symbol_find(top, name);
        return -1 - (int64_t)(known >= 0 ? known : symbol_add(top, name));
    }
    name = text_format("%s:%zu", input, axis);
    while (symbol_find(top, name) >= 0)
        name = text_format("%s'", name);
    return -1 - (int64_t)symbol_add(top, name);
}

static bool is_free(const Onnx__TensorShapeProto__Dimension *d)
{
    return d->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
}

bool type_supported(Import *im, const Onnx__ValueInfoProto *info)
{
    const char *where = text_format("'%s'", info->name), *what = NULL;
    const Onnx__TypeProto *type = info->type;
    if (!type)
        return true;
    const struct { const void *set; const char *name; } others[] = {
        {type->sequence_type, "sequence"}, {type->map_type, "map"}, {type->opaque_type, "opaque"},
        {type->sparse_tensor_type, "sparse tensor"}, {type->optional_type, "optional"},
    };
    for (size_t k = 0; k < sizeof others / sizeof *others; k++)
        if (others[k].set)
            what = text_format("type %s", others[k].name);
    const Onnx__TypeProto__Tensor *t = type->tensor_type;
    const char *foreign = t && t->elem_type ? foreign_type(t->elem_type) : NULL;
    if (foreign)
        what = text_format("type %s", foreign);
    else if (t && t->shape && t->shape->n_dim > MAX_RANK)
        what = text_format("rank above %d", MAX_RANK);
    if (what)
        unsupported_add(&im->unsupported, what, where);
    return !what;
}

static void check_elements(const Import *im, const char *name, const Shape *shape)
{
    int64_t count = 1;
    for (int k = 0; k < shape->rank; k++)
        if (shape->dim[k] >= 0 && (mul_overflow(count, shape->dim[k], &count) || count > MOST_ELEMENTS))
            refuse(im, "'%s': the dimensions multiply to more than 2^56", name);
}

bool type_import(Import *im, const Onnx__ValueInfoProto *info, bool top, DType *dtype, Shape *shape)
{
    *dtype = DT_NONE;
    shape->rank = NO_SHAPE;
    if (!type_supported(im, info))
        return false;
    const Onnx__TypeProto__Tensor *t = info->type ? info->type->tensor_type : NULL;
    *dtype = t ? (DType)t->elem_type : DT_NONE;
    if (!t || !t->shape)
        return true;
    for (size_t k = 0; !top && k < t->shape->n_dim; k++)
        if (is_free(t->shape->dim[k]))
            return true;
    int64_t dims[MAX_RANK] = {0};
    for (size_t k = 0; k < t->shape->n_dim; k++)
        dims[k] = dimension(im, t->shape->dim[k], info->name, k);
    *shape = shape_of((int)t->shape->n_dim, dims);
    check_elements(im, info->name, shape);
    return true;
}
