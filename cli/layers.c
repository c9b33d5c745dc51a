/* layers.c: what the rounding of weights, and of what they multiply, costs each layer by itself.
 *
 * The graph is evaluated with the weights that the model has, and beside each product whose weights are stored in integers
 * stands its copy that multiplies by these, and the codes of what is read where --dtype int8 has made such: so both read the
 * same, and layers behind them what the model's own weights give.  Nothing else is rounded. */
#include <stdlib.h>
#include <string.h>

#include "../passes/decompose.h"
#include "verify.h"

typedef struct {
    const Node *exact, *rounded;            /* with the model's weights, and with the stored ones */
    Array *result;                          /* of the former */
    double weight, output;                  /* relative RMS */
} Layer;

typedef struct { Layer *list; int count; } Layers;

static double distance(const Array *got, const Array *wanted)
{
    const SdcArray a = array_view(got), b = array_view(wanted);
    return compare(&a, &b, 0, 0).rms;
}

static Array *copy_of(const Array *a)
{
    Array *copy = array_new(a->dtype, &a->shape);
    memcpy(copy->f, a->f, (size_t)a->count * sizeof *a->f);
    return copy;
}

/* n, whose weights are divided by the factor of what it multiplies, again as in the model. */
static void undo_codes(Node *n)
{
    const Node *code = n->in[0]->def;
    if (code && code->op == OP_Resize)
        code = code->in[0]->def;
    if (!code || code->op != OP_ActivationCode)
        return;
    Value *plain = code->in[0], *factor = make_scalar(n, DT_F32, attr_f(code, "factor"));
    if (code->out[0] == n->in[0])
        node_set_input(n, 0, plain);
    else {
        Node *again = node_copy(n->in[0]->def, n);
        node_set_input(again, 0, plain);
        node_set_input(n, 0, again->out[0]);
    }
    node_set_input(n, 1, make2(n, OP_Mul, make_cast(n, n->in[1], DT_F32), factor));
}

static Layers split_layers(Graph *g)
{
    Layers l = {.list = alloc_array(g->model->next_node, sizeof *l.list)};
    for (Node *n = g->first; n; n = n->next) {
        const Node *stored = n->n_in > 1 && n->in[1] ? quantized_weight(n->in[1]) : NULL;
        if (!stored)
            continue;
        Node *rounded = node_copy(n, n->next);
        node_set_input(n, 1, make_reshape(n, stored->in[0], n->in[1]->shape.rank, n->in[1]->shape.dim));
        undo_codes(n);
        l.list[l.count++] = (Layer){.exact = n, .rounded = rounded};
        n = rounded;
    }
    return l;
}

/* `rounded` comes right behind `exact`, and the weight before both. */
static void observe(const Node *n, const Array *const *out, void *context)
{
    Layers *l = context;
    if (n->op == OP_QuantizedWeight) {
        Array *before = array_from_tensor(constant_tensor(n->in[0]));
        constant_release(n->in[0]);
        const double error = distance(out[0], before);
        array_free(before);
        for (int k = 0; k < l->count; k++)
            if (quantized_weight(l->list[k].rounded->in[1]) == n)
                l->list[k].weight = error;
    }
    for (int k = 0; k < l->count; k++) {
        Layer *layer = &l->list[k];
        if (layer->exact == n)
            layer->result = copy_of(out[0]);
        if (layer->rounded == n) {
            layer->output = distance(out[0], layer->result);
            array_free(layer->result);
        }
    }
}

static int by_output(const void *a, const void *b)
{
    const double x = ((const Layer *)a)->output, y = ((const Layer *)b)->output;
    return (x < y) - (x > y);
}

void print_layers(Graph *g, const Input *inputs)
{
    Layers l = split_layers(g);
    Array **outputs = alloc_array(g->n_outputs + 1, sizeof *outputs);
    run_oracle(g, inputs, outputs, true, observe, &l);
    qsort(l.list, (size_t)l.count, sizeof *l.list, by_output);
    printf("%-10s %-10s %-16s %s\n", "result", "weight", "of shape", "layer: relative rms of what integers change");
    for (int k = 0; k < l.count; k++) {
        const Node *n = l.list[k].exact;
        printf("%-10.3g %-10.3g %-16s n%d %s '%s'\n", l.list[k].output, l.list[k].weight, shape_text(&n->in[1]->shape), n->id,
               op_info(n->op)->name, n->name ? n->name : "");
    }
}
