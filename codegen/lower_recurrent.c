/* lower_recurrent.c: RNN, GRU and LSTM: one matrix product of all inputs with W a direction, then recurrent.h. */
#include <math.h>

#include "../ir/recurrent.h"
#include "../runtime/runtime.h"
#include "matmul.h"

/* Operand k in the computing type, row-major; no buffer when it is absent. */
static View operand(Lowering *l, Node *n, int k, DType type)
{
    Value *v = input_of(n, k);
    return v ? view_cast(l, n, view_dense(l, v), type) : (View){.dtype = type};
}

/* gates [D][T][B][gates * H] = X W^T + Wb; the axes of x are [T,B,I] or [B,T,I]. */
static View input_products(Lowering *l, Node *n, const Recurrent *r, DType type, View bias)
{
    int64_t width = r->gates * r->hidden;
    View x = view_cast(l, n, view_dense(l, n->in[0]), type);
    View all = temporary(l, type, 4, (int64_t[]){r->directions, r->steps, r->batch, width});
    if (r->batch_first)
        x = view_permute(x, 3, (int[]){1, 0, 2});
    for (int64_t d = 0; d < r->directions; d++) {
        Product p = {.y = view_permute(all, 3, (int[]){1, 2, 3}), .a = x, .bias = bias};
        p.y.offset = d * all.stride[0];
        p.b = product_operand(l, n->in[1], &p.constant);
        if (!p.constant)
            p.b = operand(l, n, 1, type);
        int64_t step = p.b.stride[0];
        p.b = view_permute(p.b, 2, (int[]){2, 1});
        p.b.offset += d * step;
        p.bias.rank = 1;
        p.bias.dim[0] = width;
        p.bias.stride[0] = 1;
        p.bias.offset += d * 2 * width;
        lower_product(l, n, p);
    }
    return all;
}

static const char *activations_text(const Recurrent *r)
{
    char *text = "0.0";
    for (int64_t d = 0; d < r->directions; d++)
        for (int k = 0; k < r->activations; k++) {
            const ActivationUse *u = &r->use[d][k];
            text = text_format("(d) == %lld && (k) == %d ? sdc_activation_%s(x, %.17g, %.17g) : %s", (long long)d, k,
                               activation_name(u->kind), u->alpha, u->beta, text);
        }
    return text_format("(%s)", text);
}

static void cell_parameters(Call *c, const Recurrent *r, DType type)
{
    RecurrentStrides y = recurrent_y(r), state = recurrent_state(r);
    int64_t backward[2] = {r->backward[0], r->backward[1]};
    call_type(c, "T", type);
    call_text(c, "CELL", r->gates == 1 ? "SDC_CELL_RNN" : r->gates == 3 ? "SDC_CELL_GRU" : "SDC_CELL_LSTM");
    call_int(c, "STEPS", r->steps);
    call_int(c, "BATCH", r->batch);
    call_int(c, "HIDDEN", r->hidden);
    call_int(c, "DIRECTIONS", r->directions);
    call_dims(c, "BACKWARD", (int)r->directions, backward);
    call_int(c, "Y_STEP", y.step);
    call_int(c, "Y_DIRECTION", y.direction);
    call_int(c, "Y_BATCH", y.batch);
    call_int(c, "S_DIRECTION", state.direction);
    call_int(c, "S_BATCH", state.batch);
    call_text(c, "ACTIVATE(d, k, x)", activations_text(r));
    call_float(c, "CLIP", r->clip);
    call_int(c, "LINEAR_BEFORE_RESET", r->linear_before_reset);
    call_int(c, "INPUT_FORGET", r->input_forget);
}

/* The operand or result if there is one, and the parameter that says so. */
static void optional(Call *c, const View *v, OperandMode mode, const char *flag)
{
    if (mode == OPERAND_WRITE)
        call_write(c, *v);
    else
        call_read(c, *v);
    call_int(c, flag, v->buffer != NULL);
}

void lower_recurrent(Lowering *l, Node *n)
{
    static const char *const with[] = {"WITH_Y", "WITH_H", "WITH_C"};
    Recurrent r = recurrent_of(n);
    DType type = n->in[0]->dtype == DT_F64 ? DT_F64 : DT_F32;
    View wanted[3] = {{0}, {0}, {0}}, out[3] = {{.dtype = type}, {.dtype = type}, {.dtype = type}};
    for (int k = 0; k < 3; k++)
        if (output_of(n, k)) {
            wanted[k] = result_dense(l, n->out[k]);
            out[k] = wanted[k].dtype == type ? wanted[k] : temporary(l, type, wanted[k].rank, wanted[k].dim);
        }
    if (r.batch == 0)
        return;
    View bias = operand(l, n, 3, type), gates = input_products(l, n, &r, type, bias);
    View recurrence = operand(l, n, 2, type), lengths = operand(l, n, 4, DT_I32);
    View h = operand(l, n, 5, type), c_state = operand(l, n, 6, type), peephole = operand(l, n, 7, type);
    View work = scratch(l, type, r.directions * r.batch * 8 * r.hidden);
    Call *c = call_kernel(l, n, "recurrent");
    for (int k = 0; k < 3; k++)
        optional(c, &out[k], OPERAND_WRITE, with[k]);
    call_read(c, gates);
    call_read(c, recurrence);
    optional(c, &bias, OPERAND_READ, "HAS_BIAS");
    optional(c, &lengths, OPERAND_READ, "HAS_LENGTHS");
    optional(c, &h, OPERAND_READ, "HAS_H");
    optional(c, &c_state, OPERAND_READ, "HAS_C");
    optional(c, &peephole, OPERAND_READ, "HAS_PEEPHOLE");
    call_update(c, work);
    cell_parameters(c, &r, type);
    c->flops = 2 * r.directions * r.steps * r.batch * r.gates * r.hidden * r.hidden;
    call_note(c, "%s %s, hidden %lld", op_info(n->op)->name, shape_text(&n->in[0]->shape), (long long)r.hidden);
    for (int k = 0; k < 3; k++)
        if (wanted[k].buffer && wanted[k].dtype != type)
            lower_copy_view(l, n, wanted[k], out[k]);
}
