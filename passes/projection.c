/* projection: matrix products of one value with constant matrices, such as Q, K and V, become one product.
 *
 *      MatMul(x, A), MatMul(x, B), ...            Split(MatMul(x, Concat(A, B, ...)))
 *      MatMul(x, A) + a, MatMul(x, B) + b, ...    Split(MatMul(x, Concat(A, B, ...)) + Concat(a, b, ...))
 *
 *   needs:   static shapes, folded constants; before fuse
 *   leaves:  groups of neighbours merged; the parts are views of the wider result
 *   keeps:   every result exactly: each column is the sum that it was
 *
 * Merged are products near each other whose results go to something that takes views, Reshape, Transpose or Attention.
 * A product that elementwise nodes follow is better off storing what those make of it (fuse), and one that is used much
 * later would keep its memory until then. */
#include <stdlib.h>
#include <string.h>

#include "../ir/sdc.h"
#include "../runtime/runtime.h"
#include "decompose.h"
#include "match.h"

enum { NEAR = 48, MOST = 16 };      /* nodes between the first and the last of a group; products in a group */

typedef struct {
    Node *product;
    Value *result;                  /* the product's, or that of the Add behind it */
    Value *bias;                    /* NULL: none */
} Member;

typedef struct { Member member[MOST]; int count; bool biased; } Family;

static bool goes_to_views(const Value *v)
{
    bool all = v->n_uses && !v->graph_output;
    for (int k = 0; k < v->n_uses; k++) {
        const Node *n = v->uses[k];
        all &= is_reshape(n) || n->op == OP_Transpose || n->op == OP_Attention;
    }
    return all;
}

/* The products of x from n on that may become one. */
static Family family_of(Node *n)
{
    Family f = {0};
    int distance = 0;
    for (Node *m = n; m && distance < NEAR && f.count < MOST; m = m->next, distance++) {
        if (!is_projection(m) || m->in[0] != n->in[0] || m->in[1]->dtype != n->in[1]->dtype)
            continue;
        Member member = {.product = m, .result = m->out[0]};
        member.bias = bias_behind(&member.result);
        if (!goes_to_views(member.result))
            continue;
        f.biased |= member.bias != NULL;
        f.member[f.count++] = member;
        distance = 0;
    }
    return f;
}

static Value *zeros(Node *at, DType dtype, int64_t count)
{
    return make_expand(at, make_scalar(at, dtype, 0), 1, &count);
}

static Value *joined(Node *at, const Family *f, bool biases)
{
    Value *part[MOST];
    for (int k = 0; k < f->count; k++) {
        Value *b = f->member[k].product->in[1];
        part[k] = !biases ? b : f->member[k].bias ? f->member[k].bias : zeros(at, b->dtype, b->shape.dim[1]);
    }
    Node *n = begun(at, OP_Concat, f->count, part);
    attr_set_i(n, "axis", biases ? 0 : 1);
    return finished(n);
}

static void merge(const Family *f)
{
    Node *at = f->member[0].product;
    int64_t width[MOST];
    for (int k = 0; k < f->count; k++)
        width[k] = f->member[k].product->in[1]->shape.dim[1];
    Value *all = make2(at, OP_MatMul, at->in[0], joined(at, f, false));
    if (f->biased)
        all = make2(at, OP_Add, all, joined(at, f, true));
    Node *split = node_new(at->graph, at, OP_Split, 2, (Value *[]){all, value_ints(at->graph, width, f->count)}, f->count);
    attr_set_i(split, "axis", -1);
    infer_node(split);
    split->name = at->name;
    candidate_became(split, "projection", "%d products of %s as one of %lld columns", f->count,
                     shape_text(&at->in[0]->shape), (long long)all->shape.dim[all->shape.rank - 1]);
    for (int k = 0; k < f->count; k++)
        value_replace(f->member[k].result, split->out[k]);
}

/* Constants that are still nodes go to the front, so that a product may use a later one's matrix. */
static void recipes_first(Graph *g)
{
    Graph *front = graph_new(g->model, g, "recipes");
    for (Node *n = g->first, *next; n; n = next) {
        next = n->next;
        if (n->n_out && n->out[0] && n->out[0]->constant)
            node_move(n, front);
    }
    if (g->first)
        graph_splice(g->first, front);
    for (int k = 0; k < g->n_outputs; k++)              /* which splicing takes from a branch's results */
        g->outputs[k]->graph_output = true;
}

static void merge_from(Node *n)
{
    if (!is_projection(n) || !dtype_is_float(n->out[0]->dtype) || !n->out[0]->n_uses)
        return;
    Family f = family_of(n);
    if (f.count > 1)
        merge(&f);
}

void pass_projection(Graph *g)
{
    if (!fuses(g, FUSION_projection))
        return;
    recipes_first(g);
    graph_rewrite(g, merge_from);
}
