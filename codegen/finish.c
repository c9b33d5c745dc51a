/* finish.c: fused nodes: an anchor (convolution, product, norm) and the elementwise nodes behind it, or these alone;
 * before a convolution a prologue, the norm and the elementwise nodes of its input, and its up-sampling.
 *
 * The anchor's own rule lowers it.  It asks finish_of() whether its kernel has steps to do before it stores; a kernel
 * that can not do them, or not in the order of the operands at hand, stores its plain result, and the steps become a
 * call of their own.  A convolution that has no kernel for a prologue reads what those nodes store. */
#include <string.h>

#include "../ir/control.h"
#include "../runtime/runtime.h"
#include "steps.h"

const int in_order[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};

/* The last `columns` axes as one: false when v does not store them one inside the other. */
static bool join_columns(View *v, int columns)
{
    int rank = v->rank - columns + 1;
    int64_t dim[MAX_RANK];
    memcpy(dim, v->dim, sizeof dim);
    for (int k = rank; k < v->rank; k++)
        dim[rank - 1] *= v->dim[k];
    return columns == 1 || view_reshape(v, rank, dim);
}

Finish *finish_of(Lowering *l, const Node *n, const int *order, int columns)
{
    Finish *f = l->finish;
    if (!f || f->anchor != n)
        return NULL;
    const Shape *s = &f->result->shape;
    for (int k = 0; k < f->steps.count; k++) {
        View v = view_broadcast(view_of(l, f->steps.operand[k]), s->rank, s->dim);
        f->operand[k] = view_permute(v, s->rank, order);
        if (!join_columns(&f->operand[k], columns))
            return NULL;
    }
    f->columns = columns;
    f->used = true;
    return f;
}

const char *row_text(const View *v)
{
    char *text = "";
    int64_t inside = 1;
    for (int k = v->rank - 1; k-- > 0;) {
        int64_t dim = v->dim[k], stride = v->stride[k], begin = inside;
        for (; k > 0 && stride && v->stride[k - 1] == stride * dim; k--)     /* one run */
            dim *= v->dim[k - 1];
        for (; k > 0 && !stride && !v->stride[k - 1]; k--)
            dim *= v->dim[k - 1];
        inside *= dim;
        if (!stride || dim == 1)
            continue;
        const char *number = begin > 1 ? text_format("(row) / %lld", (long long)begin) : "(row)";
        if (k > 0)
            number = text_format("%s %% %lld", number, (long long)dim);
        text = text_format("%s%s%s * %lld", text, *text ? " + " : "", number, (long long)stride);
    }
    return *text ? text : "0";
}

bool stored_alike(const View *y, const View *v)
{
    return v->dtype == y->dtype && v->offset == y->offset && view_same_order(y, v);
}

/* May the result lie where operand `at` does?  Not where another operand looks at the same memory in another way. */
static bool may_take_place(const Call *c, const Finish *f, const View *y, int at)
{
    const Buffer *place = c->operands[at].view.buffer;
    int extras = c->n_operands - f->steps.count;
    for (int j = 1; j < c->n_operands; j++) {
        bool alike = j == at || (j >= extras && stored_alike(y, &f->operand[j - extras]));
        if (c->operands[j].view.buffer == place && !alike)
            return false;
    }
    return place && place->kind == BUFFER_ARENA;
}

void call_finish(Call *c, Finish *f, View y)
{
    if (!f || !*f->steps.steps)
        return;
    char *list = "";
    int extras = c->n_operands;
    for (int k = 0; k < f->steps.count; k++) {
        View *v = &f->operand[k];
        call_read(c, *v);
        list = text_format("%s%sX(%d, %s, %lld, %s)", list, k ? " " : "", k, dtype_info(v->dtype)->name,
                           (long long)v->stride[v->rank - 1], row_text(v));
    }
    bool joined = join_columns(&y, f->columns);
    if (c->reuse_of >= 0 && !may_take_place(c, f, &y, c->reuse_of))
        c->reuse_of = c->reuse_by = -1;
    for (int k = 0; joined && k < f->steps.count && c->reuse_of < 0; k++)
        if (stored_alike(&y, &f->operand[k]) && may_take_place(c, f, &y, extras + k))
            call_reuse(c, 0, extras + k);
    call_text(c, "EXTRAS(X)", list);
    call_text(c, "STEPS", f->steps.steps);
    call_text(c, "RESULT", f->steps.result);
    c->note = text_format("%s, then %s", c->note, f->steps.note);
}

Value *stored_value(const Lowering *l, const Node *n)
{
    return l->finish && l->finish->anchor == n ? l->finish->result : n->out[0];
}

DType stored_type(const Lowering *l, const Node *n, bool finishes)
{
    const DType type = kept_type(stored_value(l, n));
    return type == DT_BOOL || (type == DT_I8 && !finishes) ? kept_type(n->out[0]) : type;
}

void result_ready(Lowering *l, Node *n, View y)
{
    const Finish *f = l->finish;
    Value *v = !f || f->anchor != n ? n->out[0] : f->used ? f->result : f->plain;
    if (y.dtype != kept_type(v)) {
        View to = room_like(l, v, kept_type(v), &y);
        lower_copy_view(l, n, to, y);
        y = to;
    }
    if (y.buffer->value == n->out[0])
        y.buffer->value = v;
    result_is(l, v, y);
}

/* ---- fused nodes ------------------------------------------------------------------------------------------------- */

void call_prologue(Call *c, const Prologue *p, View lines)
{
    call_read(c, lines);
    call_text(c, "LINES(X)", "X(lines)");
    call_text(c, "LOAD_STEPS", p->steps.steps);
    call_text(c, "LOADED", p->steps.result);
    c->note = text_format("%s%s%s, %s", op_info(p->norm->op)->name, *p->steps.note ? ", " : "", p->steps.note, c->note);
}

/* The nodes from `first`, perhaps an anchor, to `last`; their result is that of n. */
static void lower_group(Lowering *l, Node *n, Node *first, Node *last)
{
    if (float_meaning(first)) {
        lower_chain(l, n, first, last);
        return;
    }
    Node *behind = first == last ? NULL : first->next;
    Finish f = {.anchor = first, .plain = first->out[0], .result = n->out[0]};
    if (behind && behind->op == OP_Conv) {          /* a shortcut, then the sum of both */
        Node *shortcut = behind, *sum = shortcut->next;
        behind = sum;
        if (conv_takes_shortcut(l, first, shortcut)) {
            f.shortcut = shortcut;
            f.plain = sum->out[0];
            behind = sum == last ? NULL : sum->next;
        } else {
            candidate_parted(sum, "shortcut", "no kernel adds these two convolutions up");
            op_info(shortcut->op)->lower(l, shortcut);
        }
    }
    f.other = other_product(first, last);
    f.steps = steps_of(behind, last, f.plain, f.other ? f.other->out[0] : NULL, DT_F32);
    Finish *outer = l->finish;
    l->finish = &f;
    op_info(first->op)->lower(l, first);
    l->finish = outer;
    if (f.other && !f.used)
        lower_matmul_alone(l, f.other);
    if (!f.used && behind)
        lower_chain(l, n, behind, last);
    else if (!f.used)
        result_is(l, n->out[0], view_of(l, f.plain));
}

/* The convolution that a prologue stands before, if one does. */
static Node *conv_behind(const Graph *body)
{
    Node *n = body->first->op == OP_Conv ? NULL : body->first->next;
    while (n && (float_meaning(n) || n->op == OP_Resize))
        n = n->next;
    return n;
}

/* The norm is stored after all, with what is between it and the convolution: one pass over memory. */
static void record_parted(const Node *norm, const Node *last, const Node *conv, const char *why)
{
    const char *names = op_info(norm->op)->name;
    for (const Node *n = norm->next; n != last->next; n = n->next)
        names = text_format("%s, %s", names, op_info(n->op)->name);
    candidate_instead(conv, "prologue", "norm", text_format("%s in one pass: %s", names, why));
}

/* The nodes from `first` to the convolution: p, or calls where its kernel can not do them. */
static void lower_before(Lowering *l, Node *first, Prologue *p)
{
    Node *resize = p->conv->prev->op == OP_Resize ? p->conv->prev : NULL, *last = resize ? resize->prev : p->conv->prev;
    const char *parted = last ? conv_parts_prologue(l, p->conv, resize) : NULL;
    if (last && !parted) {
        p->norm = first;
        p->steps = steps_of(first == last ? NULL : first->next, last, first->out[0], NULL, DT_F32);
    } else if (last) {
        record_parted(first, last, p->conv, parted);
        lower_group(l, last, first, last);
    }
    if (resize && conv_takes_upsampling(l, p->conv))
        p->resize = resize;
    else if (resize) {
        candidate_parted(p->conv, "upsample", "the convolution's kernel does not load patches");
        op_info(resize->op)->lower(l, resize);
    }
}

void lower_fused(Lowering *l, Node *n)
{
    Graph *body = subgraph_of(n, "body");
    Node *first = body->first, *conv = conv_behind(body);
    Prologue p = {.conv = conv}, *outer = l->prologue;
    if (conv)
        lower_before(l, first, &p);
    l->prologue = p.norm || p.resize ? &p : outer;
    lower_group(l, n, conv ? conv : first, body->last);
    l->prologue = outer;
}
