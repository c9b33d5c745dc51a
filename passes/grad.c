/* grad: reverse-mode differentiation.
 *
 *   --grad LOSS:INPUT   the graph gets one more output, INPUT.grad = d LOSS / d INPUT
 *   needs:   inferred shapes, norms and activations recognised; the loss is an output of one number
 *   leaves:  the forward graph as it was, but for composite operators on the way, which are decomposed; behind it the
 *            backward graph, of plain operators, inferred and folded: later passes treat both alike
 *   refuses: an operator on the way from the input to the loss that has no row below
 *
 * Nodes are visited from the loss upwards.  A node whose result has a gradient gives each operand that depends on the
 * input its part, by the operator's rule (grad.h); only these are built, so that no gradient of a weight is.  Results
 * that are no floats (comparisons, indices) end a way: nothing is ever given to them. */
#include "grad.h"

#include <string.h>

#include "../runtime/runtime.h"

static const struct { BackwardRule *rule; Derivative *slope; } rows[OP_COUNT] = {
    [OP_Abs] = {.slope = slope_abs}, [OP_Neg] = {.slope = slope_neg}, [OP_Reciprocal] = {.slope = slope_reciprocal},
    [OP_Sqrt] = {.slope = slope_sqrt}, [OP_Exp] = {.slope = slope_exp}, [OP_Log] = {.slope = slope_log},
    [OP_Sin] = {.slope = slope_sin}, [OP_Cos] = {.slope = slope_cos}, [OP_Tan] = {.slope = slope_tan},
    [OP_Asin] = {.slope = slope_asin}, [OP_Acos] = {.slope = slope_acos}, [OP_Atan] = {.slope = slope_atan},
    [OP_Sinh] = {.slope = slope_sinh}, [OP_Cosh] = {.slope = slope_cosh}, [OP_Asinh] = {.slope = slope_asinh},
    [OP_Acosh] = {.slope = slope_acosh}, [OP_Atanh] = {.slope = slope_atanh}, [OP_Tanh] = {.slope = slope_tanh},
    [OP_Erf] = {.slope = slope_erf}, [OP_Sigmoid] = {.slope = slope_sigmoid}, [OP_Relu] = {.slope = slope_relu},
    [OP_LeakyRelu] = {.slope = slope_leaky_relu}, [OP_ThresholdedRelu] = {.slope = slope_thresholded_relu},
    [OP_Elu] = {.slope = slope_elu}, [OP_Celu] = {.slope = slope_celu}, [OP_Selu] = {.slope = slope_selu},
    [OP_HardSigmoid] = {.slope = slope_hard_sigmoid}, [OP_HardSwish] = {.slope = slope_hard_swish},
    [OP_Softplus] = {.slope = slope_softplus}, [OP_Softsign] = {.slope = slope_softsign},
    [OP_Mish] = {.slope = slope_mish}, [OP_Swish] = {.slope = slope_swish}, [OP_Gelu] = {.slope = slope_gelu},
    [OP_GeluTanh] = {.slope = slope_gelu_tanh},
    [OP_Floor] = {.rule = grad_flat}, [OP_Ceil] = {.rule = grad_flat}, [OP_Round] = {.rule = grad_flat},
    [OP_Sign] = {.rule = grad_flat},

    [OP_Add] = {.rule = grad_add}, [OP_Sub] = {.rule = grad_sub}, [OP_Mul] = {.rule = grad_mul},
    [OP_Div] = {.rule = grad_div}, [OP_Pow] = {.rule = grad_pow}, [OP_Max] = {.rule = grad_extremum},
    [OP_Min] = {.rule = grad_extremum}, [OP_PRelu] = {.rule = grad_prelu}, [OP_Where] = {.rule = grad_where},
    [OP_Clip] = {.rule = grad_clip},

    [OP_Identity] = {.rule = grad_reshape}, [OP_Reshape] = {.rule = grad_reshape},
    [OP_Flatten] = {.rule = grad_reshape}, [OP_Squeeze] = {.rule = grad_reshape},
    [OP_Unsqueeze] = {.rule = grad_reshape}, [OP_Cast] = {.rule = grad_cast}, [OP_CastLike] = {.rule = grad_cast},
    [OP_Transpose] = {.rule = grad_transpose}, [OP_Expand] = {.rule = grad_expand},
    [OP_Concat] = {.rule = grad_concat}, [OP_Split] = {.rule = grad_split}, [OP_Slice] = {.rule = grad_slice},
    [OP_Pad] = {.rule = grad_pad}, [OP_Tile] = {.rule = grad_tile}, [OP_Trilu] = {.rule = grad_trilu},
    [OP_DepthToSpace] = {.rule = grad_depth_to_space}, [OP_SpaceToDepth] = {.rule = grad_space_to_depth},
    [OP_Gather] = {.rule = grad_gather}, [OP_GatherElements] = {.rule = grad_gather_elements},
    [OP_GatherND] = {.rule = grad_gather_nd}, [OP_CumSum] = {.rule = grad_cumsum},

    [OP_MatMul] = {.rule = grad_matmul}, [OP_Gemm] = {.rule = grad_gemm}, [OP_Einsum] = {.rule = grad_einsum},
    [OP_Conv] = {.rule = grad_conv}, [OP_ConvTranspose] = {.rule = grad_conv_transpose},
    [OP_AveragePool] = {.rule = grad_average_pool}, [OP_GlobalAveragePool] = {.rule = grad_global_average},
    [OP_Resize] = {.rule = grad_resize},

    [OP_ReduceSum] = {.rule = grad_reduce_sum}, [OP_ReduceMean] = {.rule = grad_reduce_mean},
    [OP_ReduceMax] = {.rule = grad_reduce_extremum}, [OP_ReduceMin] = {.rule = grad_reduce_extremum},
    [OP_ReduceL1] = {.rule = grad_reduce_l1}, [OP_ReduceL2] = {.rule = grad_reduce_l2},
    [OP_ReduceSumSquare] = {.rule = grad_reduce_square}, [OP_ReduceLogSum] = {.rule = grad_reduce_log_sum},
    [OP_Softmax] = {.rule = grad_softmax}, [OP_LogSoftmax] = {.rule = grad_log_softmax},
    [OP_LayerNormalization] = {.rule = grad_layer_norm}, [OP_RMSNormalization] = {.rule = grad_rms_norm},
    [OP_InstanceNormalization] = {.rule = grad_channel_norm}, [OP_GroupNormalization] = {.rule = grad_channel_norm},
    [OP_BatchNormalization] = {.rule = grad_batch_norm},
};

/* ---- what depends on the input ---------------------------------------------------------------------------------- */

/* Does a node of the graph, which n holds, read what depends on the input? */
static bool captures(const Graph *g, const bool *depends)
{
    for (const Node *n = g->first; n; n = n->next) {
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] && depends[n->in[k]->id])
                return true;
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph && captures(n->attrs[a].graph, depends))
                return true;
    }
    return false;
}

static bool depends_now(const Node *n, const bool *depends)
{
    bool any = false;
    for (int k = 0; k < n->n_in; k++)
        any |= n->in[k] && depends[n->in[k]->id];
    for (int a = 0; a < n->n_attrs; a++)
        any |= n->attrs[a].graph && captures(n->attrs[a].graph, depends);
    return any;
}

/* By value id; the first dependent node that is a combination of simpler ones, or NULL. */
static Node *find_dependent(const Graph *g, const Value *input, bool *depends)
{
    Node *composite = NULL;
    depends[input->id] = true;
    for (Node *n = g->first; n; n = n->next) {
        if (!depends_now(n, depends))
            continue;
        if (!composite && is_composite(n))
            composite = n;
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k])
                depends[n->out[k]->id] = true;
    }
    return composite;
}

/* With every composite node on the way decomposed: the rules know simple ones. */
static bool *dependent_values(const Graph *g, const Value *input)
{
    for (;;) {
        bool *depends = alloc_array(g->model->next_value, sizeof *depends);
        Node *composite = find_dependent(g, input, depends);
        if (!composite)
            return depends;
        decompose_node(composite);
    }
}

/* ---- gradients of values ---------------------------------------------------------------------------------------- */

bool wants(const Backward *b, const Node *n, int k)
{
    const Value *v = input_of(n, k);
    return v && b->depends[v->id] && dtype_is_float(v->dtype);
}

Value *gradient_of(const Backward *b, const Value *v)
{
    return v ? b->gradient[v->id] : NULL;
}

/* v, broadcast from shape s perhaps, as a sum for each element of that; or repeated where s is the larger. */
static Value *summed_to(Backward *b, Value *v, const Shape *s)
{
    int64_t axes[MAX_RANK];
    int count = 0, ahead = v->shape.rank - s->rank;
    for (int k = 0; k < v->shape.rank; k++)
        if (k < ahead || (v->shape.dim[k] != 1 && s->dim[k - ahead] == 1))
            axes[count++] = k;
    if (count)
        v = reduced(b, OP_ReduceSum, v, axes, count);
    if (ahead > 0)
        v = make_reshape(b->at, v, s->rank, v->shape.dim + ahead);
    return shape_equal(&v->shape, s) ? v : make_expand(b->at, v, s->rank, s->dim);
}

void give(Backward *b, Node *n, int k, Value *v)
{
    if (!wants(b, n, k))
        return;
    const Value *operand = n->in[k];
    v = make_cast(b->at, summed_to(b, v, &operand->shape), operand->dtype);
    Value **sum = &b->gradient[operand->id];
    *sum = *sum ? plus(b, *sum, v) : v;
}

void no_gradient(const Node *n, const char *what)
{
    fail_node(SDC_UNSUPPORTED, n, "--grad: the gradient of %s is not known", what);
}

static void visit(Backward *b, Node *n)
{
    Value *dy = gradient_of(b, output_of(n, 0));
    bool any = dy;
    for (int k = 1; k < n->n_out; k++)
        if (gradient_of(b, n->out[k])) {
            any = true;
            if (n->op != OP_Split)
                no_gradient(n, text_format("its result %d", k));
        }
    if (!any || (dy && !shape_count(&dy->shape)))
        return;
    b->at->name = n->name;
    if (rows[n->op].slope)
        give(b, n, 0, times(b, dy, rows[n->op].slope(b, n)));
    else if (rows[n->op].rule)
        rows[n->op].rule(b, n, dy);
    else
        no_gradient(n, "this operator");
}

/* ---- the pass --------------------------------------------------------------------------------------------------- */

static Value *backward(Graph *g, Value *loss, Value *input)
{
    Backward b = {.depends = dependent_values(g, input)};
    if (!b.depends[loss->id])
        return NULL;
    Node *last = g->last;
    b.gradient = alloc_array(g->model->next_value, sizeof *b.gradient);
    b.at = node_new(g, NULL, OP_Identity, 1, &loss, 1);
    b.gradient[loss->id] = make_expand(b.at, number(&b, loss, 1), loss->shape.rank, loss->shape.dim);
    for (Node *n = last; n; n = n->prev)
        visit(&b, n);
    Value *result = b.gradient[input->id];
    if (result && (!result->def || result->graph_output))
        result = make1(b.at, OP_Identity, result);
    node_remove(b.at);
    return result;
}

static char *names(Value *const *values, int count)
{
    char *list = "";
    for (int k = 0; k < count; k++)
        list = text_format("%s%s'%s'", list, k ? ", " : "", values[k]->name ? values[k]->name : "");
    return list;
}

/* The output and the input whose names `text` joins with a colon, of which names may hold some themselves. */
static void find_ends(const Graph *g, const char *text, Value **loss, Value **input)
{
    for (const char *colon = text; (colon = strchr(colon, ':')); colon++)
        for (int i = 0; i < g->n_outputs; i++)
            for (int k = 0; k < g->n_inputs; k++)
                if (strlen(g->output_names[i]) == (size_t)(colon - text) &&
                    !strncmp(g->output_names[i], text, (size_t)(colon - text)) && !strcmp(g->inputs[k]->name, colon + 1)) {
                    *loss = g->outputs[i];
                    *input = g->inputs[k];
                    return;
                }
    fail(SDC_USAGE, "%s: --grad %s: expected LOSS:INPUT, an output of %s and an input of %s", g->model->path, text,
         names(g->outputs, g->n_outputs), names(g->inputs, g->n_inputs));
}

static void add_gradient(Graph *g, const char *text)
{
    Value *loss, *input;
    find_ends(g, text, &loss, &input);
    if (!dtype_is_float(loss->dtype) || shape_count(&loss->shape) != 1)
        fail(SDC_USAGE, "%s: --grad %s: the loss is %s %s, and must be one number", g->model->path, text,
             dtype_info(loss->dtype)->name, shape_text(&loss->shape));
    const char *name = text_format("%s.grad", input->name);
    if (graph_find_output(g, name) >= 0)
        fail(SDC_USAGE, "%s: --grad %s: there is an output '%s' already", g->model->path, text, name);
    Value *gradient = dtype_is_float(input->dtype) ? backward(g, loss, input) : NULL;
    if (!gradient)
        fail(SDC_USAGE, "%s: --grad %s: the loss does not depend on this input in a way that has a gradient", g->model->path,
             text);
    gradient->name = name;
    graph_output(g, gradient);
    graph_sweep(g);
}

void pass_grad(Graph *g)
{
    for (int k = 0; k < g->model->n_gradients; k++)
        add_gradient(g, g->model->gradients[k]);
}

/* ---- building --------------------------------------------------------------------------------------------------- */

Value *plus(Backward *b, Value *x, Value *y) { return make2(b->at, OP_Add, x, y); }
Value *minus(Backward *b, Value *x, Value *y) { return make2(b->at, OP_Sub, x, y); }
Value *times(Backward *b, Value *x, Value *y) { return make2(b->at, OP_Mul, x, y); }
Value *over(Backward *b, Value *x, Value *y) { return make2(b->at, OP_Div, x, y); }
Value *number(Backward *b, const Value *like, double v) { return make_scalar(b->at, like->dtype, v); }
Value *shifted(Backward *b, Value *x, double v) { return plus(b, x, number(b, x, v)); }
Value *scaled(Backward *b, Value *x, double v) { return times(b, x, number(b, x, v)); }
Value *apply(Backward *b, Op op, Value *x) { return make1(b->at, op, x); }
Value *shaped(Backward *b, Value *x, const Shape *s) { return make_reshape(b->at, x, s->rank, s->dim); }

Value *where(Backward *b, Value *condition, Value *x, Value *y)
{
    return make3(b->at, OP_Where, condition, x, y);
}

Value *reduced(Backward *b, Op op, Value *x, const int64_t *axes, int count)
{
    return make2(b->at, op, x, value_ints(b->at->graph, axes, count));
}

Value *flipped_axis(Backward *b, Value *x, int64_t axis)
{
    return make_slice(b->at, x, axis, -1, INT64_MIN, -1);
}

Value *padded(Backward *b, Value *x, const int64_t *before, const int64_t *after)
{
    int64_t pads[2 * MAX_RANK];
    const int rank = x->shape.rank;
    bool any = false;
    for (int k = 0; k < rank; k++) {
        pads[k] = before[k];
        pads[rank + k] = after[k];
        any |= before[k] || after[k];
    }
    return any ? make2(b->at, OP_Pad, x, value_ints(b->at->graph, pads, 2 * rank)) : x;
}

Value *transposed_last(Backward *b, Value *x)
{
    int64_t perm[MAX_RANK];
    const int rank = x->shape.rank;
    for (int k = 0; k < rank; k++)
        perm[k] = k;
    perm[rank - 1] = rank - 2;
    perm[rank - 2] = rank - 1;
    return make_transpose(b->at, x, rank, perm);
}
