/* upgrade_compose.c: operators that are built from several others because op.def has no row for their older meaning. No
 * shape and often no type is known yet, so these use shape operators, which folding removes once shapes are bound. */
#include <string.h>

#include "upgrade.h"

/* ---- Softmax, LogSoftmax, Hardmax < 13: over all axes from `axis` on ---- */

void read_flattened(Call *c)
{
    int64_t axis = call_i(c, "axis", 1);
    call_arity(c, 1, 1);
    call_set(c, (Attr){.name = "axis", .type = ATTR_INT, .i = -1});
    if (axis == -1) {                    /* the last axis alone: as today */
        read_plain(c);
        return;
    }
    Value *x = c->in[0];
    Value *shape = emit(c, OP_Shape, x);
    c->in[0] = emit(c, OP_Flatten, x);
    attr_set_i(c->in[0]->def, "axis", axis);
    read_plain(c);
    c->out[0] = emit(c, OP_Reshape, c->out[0], shape);
    attr_set_i(c->out[0]->def, "allowzero", 1);
}

/* ---- Max, Min, Sum, Mean of any number ---- */

void read_variadic(Call *c)
{
    static const struct { const char *name; Op op; } rows[] = {
        {"Max", OP_Max}, {"Min", OP_Min}, {"Sum", OP_Add}, {"Mean", OP_Add},
    };
    size_t row = 0;
    while (strcmp(rows[row].name, c->name))
        row++;
    call_arity(c, 1, -1);
    Value *sum = c->in[0];
    for (int k = 1; k < c->n_in; k++) {
        if (!c->in[k])
            call_fail(c, "input %d is missing", k);
        sum = emit(c, rows[row].op, sum, c->in[k]);
    }
    if (c->n_in == 1)
        sum = emit(c, OP_Identity, sum);
    else if (!strcmp(c->name, "Mean"))
        sum = emit(c, OP_Div, sum, constant_like(c, c->n_in, c->in[0]));
    c->out[0] = sum;
}

/* ---- normalisation ---- */

void read_batch_norm(Call *c)            /* < 14: the outputs behind the first serve training */
{
    if (call_i(c, "spatial", 1) != 1) {
        call_unsupported(c, "BatchNormalization with spatial = 0");
        return;
    }
    call_drop(c, "spatial");
    int asked = c->n_out;
    c->n_out = 1;
    read_plain(c);
    for (int k = 1; k < asked; k++)
        c->out[k] = c->at->import->uncomputed;
    c->n_out = asked;
}

void read_group_norm(Call *c)            /* 18..20: scale and bias are a value a group, not a channel */
{
    int64_t groups = call_i(c, "num_groups", 0);
    call_arity(c, 3, 3);
    if (groups < 1)
        call_fail(c, "num_groups is %lld", (long long)groups);
    Value *channels = emit(c, OP_Shape, c->in[0]);
    attr_set_i(channels->def, "start", 1);
    attr_set_i(channels->def, "end", 2);
    Value *width = emit(c, OP_Div, channels, emit_int(c, groups));
    Value *wide = emit(c, OP_Concat, emit_int(c, groups), width);
    attr_set_i(wide->def, "axis", 0);
    for (int k = 1; k < 3; k++) {
        Value *column = emit(c, OP_Reshape, c->in[k], emit_ints(c, (int64_t[]){groups, 1}, 2));
        c->in[k] = emit(c, OP_Reshape, emit(c, OP_Expand, column, wide), emit_int(c, -1));
    }
    read_plain(c);
}

/* ---- Dropout < 12: never trains; the mask is of the data's type before 10 ---- */

void read_dropout(Call *c)
{
    call_arity(c, 1, 1);
    call_drop(c, "ratio");
    read_plain(c);
    if (c->n_out > 1 && c->out[1] && c->at->opset < 10)
        c->out[1] = emit(c, OP_CastLike, c->out[1], c->in[0]);
}

/* ---- Bernoulli: 1 where a uniform number is below the probability ---- */

void read_bernoulli(Call *c)
{
    call_arity(c, 1, 1);
    Value *x = c->in[0], *uniform = emit(c, OP_RandomUniformLike, x);
    if (call_has(c, "seed"))
        attr_set_f(uniform->def, "seed", call_f(c, "seed", 0));
    Value *hit = emit(c, OP_Less, uniform, x);
    if (call_has(c, "dtype")) {
        c->out[0] = emit(c, OP_Cast, hit);
        attr_set_i(c->out[0]->def, "to", call_i(c, "dtype", DT_F32));
    } else
        c->out[0] = emit(c, OP_CastLike, hit, x);
}

/* ---- Scan-8: a batch axis in front of everything; read when the batch is 1 ---- */

void read_batched_scan(Call *c)
{
    const Attr *directions = call_list(c, "directions", ATTR_INTS);
    call_arity(c, 0, -1);
    bool fits = c->n_in > 1 && !c->in[0];
    for (int k = 1; k < c->n_in; k++)
        fits = fits && c->in[k] && c->in[k]->shape.rank > 0 && c->in[k]->shape.dim[0] == 1;
    if (!fits) {
        call_unsupported(c, "Scan of opset 8 with sequence lengths or a batch other than 1");
        return;
    }
    if (directions) {
        Attr renamed = *directions;
        call_drop(c, "directions");
        renamed.name = "scan_input_directions";
        call_set(c, renamed);
    }
    for (int k = 1; k < c->n_in; k++)
        c->in[k - 1] = emit(c, OP_Squeeze, c->in[k], emit_int(c, 0));
    c->n_in--;
    read_plain(c);
    for (int k = 0; k < c->n_out; k++)
        if (c->out[k])
            c->out[k] = emit(c, OP_Unsqueeze, c->out[k], emit_int(c, 0));
}

/* ---- Constant: a value, not a node ---- */

static const Tensor *listed(const Attr *a)
{
    bool floats = a->type == ATTR_FLOAT || a->type == ATTR_FLOATS, one = a->type == ATTR_FLOAT || a->type == ATTR_INT;
    Tensor *t = alloc(sizeof *t);
    t->dtype = floats ? DT_F32 : DT_I64;
    t->count = one ? 1 : a->count;
    t->shape = shape_of(one ? 0 : 1, &t->count);
    char *data = alloc_array(t->count + 1, 8);
    for (int64_t k = 0; k < t->count; k++)
        if (floats)
            dtype_store_f(DT_F32, data + 4 * k, one ? a->f : a->floats[k]);
        else
            dtype_store_i(DT_I64, data + 8 * k, one ? a->i : a->ints[k]);
    t->data = data;
    return t;
}

void read_constant(Call *c)
{
    static const struct { const char *name; AttrType type; } spellings[] = {
        {"value", ATTR_TENSOR},        {"sparse_value", ATTR_TENSOR}, {"value_float", ATTR_FLOAT},
        {"value_floats", ATTR_FLOATS}, {"value_int", ATTR_INT},       {"value_ints", ATTR_INTS},
        {"value_string", ATTR_STRING}, {"value_strings", ATTR_STRINGS},
    };
    call_arity(c, 0, 0);
    if (c->n_attrs != 1)
        call_fail(c, "has %d values", c->n_attrs);
    const Attr *a = &c->attrs[0];
    size_t row = 0, rows = sizeof spellings / sizeof *spellings;
    while (row < rows && strcmp(spellings[row].name, a->name))
        row++;
    if (row == rows || spellings[row].type != a->type)
        call_fail(c, "attribute '%s' is unknown or of the wrong type", a->name);
    if (a->type == ATTR_STRING || a->type == ATTR_STRINGS)
        call_unsupported(c, text_format("type string in attribute '%s' of Constant", a->name));
    else if (c->n_out)
        c->out[0] = value_tensor(c->at->graph, NULL, a->type == ATTR_TENSOR ? a->tensor : listed(a));
}
