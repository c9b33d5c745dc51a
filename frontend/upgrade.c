/* upgrade.c: operators whose older spelling only puts things elsewhere: attributes that became inputs, names that
 * changed, one operator that became two.  Source of the spellings: ONNX's operator changelog. */
#include <string.h>

#include "upgrade.h"

static Attr text_attr(const char *name, const char *s)
{
    return (Attr){.name = name, .type = ATTR_STRING, .s = s};
}

/* ---- lists that became inputs ---- */

void read_axes_attribute(Call *c)        /* Squeeze, Unsqueeze < 13, Reduce* < 18 */
{
    call_arity(c, 1, 1);
    if (!strcmp(c->name, "Unsqueeze") && !call_has(c, "axes"))
        call_fail(c, "attribute 'axes' is missing");
    call_list_to_input(c, "axes", 1);
    read_plain(c);
}

void read_split(Call *c)                 /* 13..17: equal parts, as many as there are outputs */
{
    if (!call_in(c, 1))
        call_set(c, (Attr){.name = "num_outputs", .type = ATTR_INT, .i = c->n_out});
    read_plain(c);
}

void read_split_attribute(Call *c)       /* < 13 */
{
    call_arity(c, 1, 1);
    call_list_to_input(c, "split", 1);
    read_split(c);
}

void read_slice_attributes(Call *c)      /* < 10 */
{
    call_arity(c, 1, 1);
    if (!call_has(c, "starts") || !call_has(c, "ends"))
        call_fail(c, "attribute 'starts' or 'ends' is missing");
    call_list_to_input(c, "starts", 1);
    call_list_to_input(c, "ends", 2);
    call_list_to_input(c, "axes", 3);
    read_plain(c);
}

void read_pad_attributes(Call *c)        /* < 11 */
{
    call_arity(c, 1, 1);
    if (!call_has(c, "pads"))
        call_fail(c, "attribute 'pads' is missing");
    call_list_to_input(c, "pads", 1);
    if (call_has(c, "value"))
        call_set_in(c, 2, constant_like(c, call_f(c, "value", 0), c->in[0]));
    call_drop(c, "value");
    read_plain(c);
}

void read_topk_attribute(Call *c)        /* < 10 */
{
    call_arity(c, 1, 1);
    if (!call_has(c, "k"))
        call_fail(c, "attribute 'k' is missing");
    call_set_in(c, 1, emit_int(c, call_i(c, "k", 0)));
    call_drop(c, "k");
    read_plain(c);
}

void read_dft_attribute(Call *c)         /* 17..19: the axis, 1 unless given */
{
    call_arity(c, 1, 2);
    call_set_in(c, 2, value_int(c->at->graph, call_i(c, "axis", 1)));
    call_drop(c, "axis");
    read_plain(c);
}

/* ---- Clip: bounds that may be absent ---- */

static void clip_between(Call *c, Value *low, Value *high)
{
    Value *x = c->in[0];
    if (low && high)
        c->out[0] = emit(c, OP_Clip, x, low, high);
    else if (low || high)
        c->out[0] = emit(c, low ? OP_Max : OP_Min, x, low ? low : high);
    else
        c->out[0] = emit(c, OP_Identity, x);
}

void read_clip(Call *c)                  /* since 11 */
{
    call_arity(c, 1, 3);
    clip_between(c, call_in(c, 1), call_in(c, 2));
}

void read_clip_attributes(Call *c)       /* < 11 */
{
    call_arity(c, 1, 1);
    Value *low = call_has(c, "min") ? constant_like(c, call_f(c, "min", 0), c->in[0]) : NULL;
    Value *high = call_has(c, "max") ? constant_like(c, call_f(c, "max", 0), c->in[0]) : NULL;
    clip_between(c, low, high);
}

/* ---- other names ---- */

void read_scatter(Call *c)
{
    read_as(c, OP_ScatterElements);
}

void read_mod(Call *c)
{
    bool fmod = call_i(c, "fmod", 0) != 0;
    call_drop(c, "fmod");
    read_as(c, fmod ? OP_Fmod : OP_Mod);
}

void read_bit_shift(Call *c)
{
    const char *direction = call_s(c, "direction", "");
    bool left = !strcmp(direction, "LEFT");
    if (!left && strcmp(direction, "RIGHT"))
        call_fail(c, "direction '%s' is neither LEFT nor RIGHT", direction);
    call_drop(c, "direction");
    read_as(c, left ? OP_ShiftLeft : OP_ShiftRight);
}

void read_gelu(Call *c)
{
    const char *approximate = call_s(c, "approximate", "none");
    bool by_tanh = !strcmp(approximate, "tanh");
    if (!by_tanh && strcmp(approximate, "none"))
        call_fail(c, "approximate '%s' is neither none nor tanh", approximate);
    call_drop(c, "approximate");
    read_as(c, by_tanh ? OP_GeluTanh : OP_Gelu);
}

void read_roi_align(Call *c)             /* < 16: no shift by half a pixel */
{
    call_set(c, text_attr("coordinate_transformation_mode", "output_half_pixel"));
    read_plain(c);
}

/* ---- Resize and Upsample ---- */

/* Inputs data, roi (absent), scales: pixel corners lie on the grid, coordinates are rounded down. */
static void read_scales(Call *c)
{
    call_set(c, text_attr("coordinate_transformation_mode", "asymmetric"));
    call_set(c, text_attr("nearest_mode", "floor"));
    read_as(c, OP_Resize);
}

void read_upsample(Call *c)              /* Upsample since 9, Resize-10 */
{
    call_arity(c, 2, 2);
    call_set_in(c, 2, c->in[1]);
    call_set_in(c, 1, NULL);
    read_scales(c);
}

void read_upsample_attribute(Call *c)    /* Upsample 7, 8 */
{
    const Attr *scales = call_list(c, "scales", ATTR_FLOATS);
    call_arity(c, 1, 1);
    if (!scales)
        call_fail(c, "attribute 'scales' is missing");
    float *values = alloc_array(scales->count, sizeof *values);
    for (int k = 0; k < scales->count; k++)
        values[k] = (float)scales->floats[k];
    Tensor *t = alloc(sizeof *t);
    *t = (Tensor){.dtype = DT_F32, .count = scales->count, .data = values};
    t->shape = shape_of(1, &t->count);
    call_set_in(c, 2, value_tensor(c->at->graph, NULL, t));
    call_drop(c, "scales");
    read_scales(c);
}

void read_resize(Call *c)                /* since 11: an empty tensor means absent */
{
    for (int k = 1; k < c->n_in; k++)
        if (c->in[k] && c->in[k]->tensor && c->in[k]->tensor->count == 0)
            c->in[k] = NULL;
    while (c->n_in > 0 && !c->in[c->n_in - 1])
        c->n_in--;
    read_plain(c);
}

/* ---- Loop: absent bounds ---- */

void read_loop(Call *c)
{
    if (!call_in(c, 0))
        call_set_in(c, 0, value_int(c->at->graph, INT64_MAX));
    if (!call_in(c, 1))
        call_set_in(c, 1, value_float(c->at->graph, DT_BOOL, 1));
    read_plain(c);
}
