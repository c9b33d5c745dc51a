/* lower_matmul.c: MatMul, and the matrix products inside other operators.
 *
 * Single precision and half types, which the kernel widens, go to gemm.h, large ones in f32 to gemm_strassen.h: a constant B is packed
 * at compile time in its own type, a run-time one by the kernel as f32.  Batch axes that no kernel form covers, and all other types, go to matmul_any.h. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "axes.h"
#include "conv_pack.h"
#include "int8.h"
#include "kernel_choice.h"
#include "matmul.h"
#include "matmul_pack.h"
#include "steps.h"
#include "strassen_plan.h"

/* ---- views ------------------------------------------------------------------------------------------------------- */

View view_insert(View v, int axis)
{
    View r = v;
    r.rank = v.rank + 1;
    for (int k = v.rank; k > axis; k--) {
        r.dim[k] = v.dim[k - 1];
        r.stride[k] = v.stride[k - 1];
    }
    r.dim[axis] = 1;
    r.stride[axis] = 0;
    return r;
}

View product_operand(Lowering *l, Value *v, Value **constant)
{
    *constant = is_constant(v) ? v : NULL;
    if (!*constant)
        return view_of(l, v);
    View shape = {.dtype = v->dtype, .rank = v->shape.rank};
    memcpy(shape.dim, v->shape.dim, sizeof shape.dim);
    shape_strides(&v->shape, shape.stride);
    return shape;
}

static void pack_list(void *dst, const Tensor *t, const int64_t *p)
{
    (void)p;
    float *copy;
    memcpy(dst, constant_floats(t, &copy), (size_t)t->count * sizeof *copy);
    free(copy);
}

View view_f32_list(Lowering *l, Node *n, Value *v)
{
    if (!is_constant(v) || v->dtype == DT_F32)
        return view_cast(l, n, view_dense(l, v), DT_F32);
    View list = weights_packed(l, v, pack_list, "as f32", NULL, 0, DT_F32, shape_count(&v->shape));
    list.rank = v->shape.rank;
    memcpy(list.dim, v->shape.dim, sizeof list.dim);
    shape_strides(&v->shape, list.stride);
    return list;
}

/* ---- gemm.h ------------------------------------------------------------------------------------------------------ */

/* slice: depths of a tile of B, 0: another form; elements of A that lie where one is counted. */
typedef enum { GEMM, GEMM_BF16, GEMM_INT8, GEMM_STRASSEN } GemmKernel;
static const struct { const char *name; int slice, elements; } gemm_kernels[] = {
    {"gemm", 0, 1}, {"gemm_bf16", 32, 1}, {"gemm_int8", 64, 2}, {"gemm_strassen", 0, 1}};

/* The two batch levels and the row extent that gemm.h knows, with the strides of y, a and b along each. */
typedef struct { int64_t rows, y_row, a_row, outer, inner, outer_step[3], inner_step[3]; } Nest;

/* False when more than two levels of batch remain.  Rows of matrices that share one b count as rows of one matrix. */
static bool nest_of(const Product *p, Nest *nest)
{
    int m = p->y.rank - 2;
    View batch[3] = {p->y, p->a, p->b};
    for (int o = 0; o < 3; o++)
        batch[o].rank = m;
    Axes a = axes_of_views(3, batch);
    axes_simplify(&a);
    *nest = (Nest){.rows = p->y.dim[m], .y_row = p->y.stride[m], .a_row = p->a.stride[m], .outer = 1, .inner = 1};
    int last = a.rank - 1;
    bool follow = a.stride[0][last] == nest->rows * nest->y_row && a.stride[1][last] == nest->rows * nest->a_row;
    if (a.dim[last] > 1 && a.stride[2][last] == 0 && (follow || nest->rows == 1)) {
        if (nest->rows == 1) {
            nest->y_row = a.stride[0][last];
            nest->a_row = a.stride[1][last];
        }
        nest->rows *= a.dim[last];
        a.rank--;
    }
    if (a.rank > 2)
        return false;
    for (int o = 0; o < 3; o++) {
        nest->inner_step[o] = a.rank > 0 && a.dim[a.rank - 1] > 1 ? a.stride[o][a.rank - 1] : 0;
        nest->outer_step[o] = a.rank > 1 ? a.stride[o][0] : 0;
    }
    nest->inner = a.rank > 0 ? a.dim[a.rank - 1] : 1;
    nest->outer = a.rank > 1 ? a.dim[0] : 1;
    return true;
}

/* elements: of A that the kernel counts as one. */
static void gemm_extents(Call *c, const Product *p, const Nest *x, int elements)
{
    int m = p->y.rank - 2;
    call_int(c, "ROWS", x->rows);
    call_int(c, "COLUMNS", p->y.dim[m + 1]);
    call_int(c, "DEPTH", p->a.dim[m + 1] / elements);
    call_int(c, "OUTER", x->outer);
    call_int(c, "INNER", x->inner);
    call_int(c, "Y_ROW", x->y_row);
    call_int(c, "Y_OUTER", x->outer_step[0]);
    call_int(c, "Y_INNER", x->inner_step[0]);
    call_int(c, "A_ROW", x->a_row / elements);
    call_int(c, "A_OUTER", x->outer_step[1] / elements);
    call_int(c, "A_INNER", x->inner_step[1] / elements);
    call_int(c, "B_OUTER", x->outer_step[2]);
    call_int(c, "B_INNER", x->inner_step[2]);
    call_int(c, "HAS_BIAS", p->bias.buffer != NULL);
    c->flops = 2 * x->outer * x->inner * x->rows * p->y.dim[m + 1] * p->a.dim[m + 1];
}

static void note_product(Call *c, const Product *p)
{
    Shape y = shape_of(p->y.rank, p->y.dim);
    call_note(c, "matmul %s, depth %lld%s%s", shape_text(&y), (long long)p->a.dim[p->y.rank - 1],
              p->constant ? ", constant b" : "", p->bias.buffer ? ", + bias" : "");
}

/* The axes of the product's y in the order that gemm.h counts rows: batch axes as nest_of() sorts them, M, N. */
static void row_order(const Product *p, int *order)
{
    int m = p->y.rank - 2;
    for (int k = 0; k < m; k++) {
        int place = k;
        for (; place > 0 && llabs(p->y.stride[order[place - 1]]) < llabs(p->y.stride[k]); place--)
            order[place] = order[place - 1];
        order[place] = k;
    }
    order[m] = m;
    order[m + 1] = m + 1;
}

static bool runs_along(const View *v, int axis)
{
    return v->dim[axis] <= 1 || v->stride[axis] == 1;
}

/* MatMul's b.  A large constant that is some other one transposed is packed from that one, without making it first. */
static View matmul_operand(Lowering *l, Value *v, Value **constant)
{
    const Node *n = v->def;
    int64_t order[MAX_RANK];
    int rank = v->shape.rank, perm[MAX_RANK];
    if (!is_constant(v) || v->tensor || n->op != OP_Transpose || !n->in[0]->tensor || rank < 2 ||
        attr_ints(n, "perm", order, MAX_RANK) != rank)
        return product_operand(l, v, constant);
    for (int k = 0; k < rank; k++)
        perm[k] = (int)order[k];
    View turned = view_permute(product_operand(l, n->in[0], constant), rank, perm);
    bool packs = runs_along(&turned, rank - 1) || runs_along(&turned, rank - 2);
    return packs ? turned : product_operand(l, v, constant);
}

/* Are both stored alike: as floats, or in integers of one kind? */
static bool same_codes(const Value *a, const Value *b)
{
    const Node *x = quantized_weight(a), *y = quantized_weight(b);
    return (!x && !y) || (x && y && attr_i(x, "bits") == attr_i(y, "bits") && attr_i(x, "group") == attr_i(y, "group"));
}

/* b of the product that the same kernel is to do (Finish.other), as it must be for that: like p's in all but its elements. */
static bool other_operand(Lowering *l, const Product *p, Value **constant)
{
    View b = matmul_operand(l, l->finish->other->in[1], constant);
    const int last = b.rank - 1;
    return *constant && p->constant && (*constant)->dtype == p->constant->dtype
           && same_codes(*constant, p->constant) && b.offset == p->b.offset && b.rank == 2
           && b.stride[0] == p->b.stride[p->b.rank - 2] && b.stride[last] == p->b.stride[p->b.rank - 1];
}

static Finish *product_finish(Lowering *l, Node *n, const Product *p, const int *order, Value **other)
{
    int logical[MAX_RANK];
    for (int k = 0; p->axes && k < p->y.rank; k++)
        logical[k] = p->axes[order[k]];
    const bool mine = l->finish && l->finish->anchor == n, paired = mine && l->finish->other;
    if (!p->axes || (paired && !other_operand(l, p, other)))
        return NULL;
    return finish_of(l, n, logical, 1);
}

/* A constant like p's b in the packed form of `kernel`. */
static View packed_b(Lowering *l, const Product *p, const Nest *x, Value *constant, GemmKernel kernel)
{
    const int m = p->y.rank - 2;
    Matrices b = {.offset = p->b.offset, .depth = p->a.dim[m + 1], .columns = p->y.dim[m + 1],
                  .outer = x->outer_step[2] ? x->outer : 1, .outer_step = x->outer_step[2],
                  .inner = x->inner_step[2] ? x->inner : 1, .inner_step = x->inner_step[2]};
    b.transposed = p->b.stride[m + 1] != 1 && b.columns > 1;
    b.row = b.transposed ? p->b.stride[m + 1] : b.depth > 1 ? p->b.stride[m] : b.columns;
    if (kernel == GEMM_STRASSEN) {                      /* the halves of its columns */
        b.columns /= 2;
        b.outer = 2;
        b.outer_step = b.columns * (b.transposed ? b.row : 1);
    }
    return packed_matrices(l, constant, &b, gemm_kernels[kernel].slice);
}

enum {
    BF16_DEPTH = 16384,             /* gemm_bf16.h keeps a tile of rows on the stack: half a megabyte of them */
    CODE_DEPTH = 12288,             /* and panels of weights that are stored in integers: three quarters of one */
    FEW_ROWS = 4                    /* that gemm.h multiplies by codes as it loads them, without widening them first */
};

static GemmKernel kernel_of(const Lowering *l, const Product *p, const Nest *x, bool paired)
{
    const bool codes = p->constant && quantized_weight(p->constant);
    if (p->a.dtype == DT_I8)
        return GEMM_INT8;
    const bool bf16 = l->isa->bf16_rate && p->constant && p->constant->dtype == DT_BF16 && p->a.dtype == DT_BF16 &&
           p->a.dim[p->a.rank - 1] <= (codes ? CODE_DEPTH / (paired + 1) : BF16_DEPTH) && !(codes && x->rows <= FEW_ROWS);
    return bf16 ? GEMM_BF16 : GEMM;
}

static void strassen_parameters(Call *c, const StrassenPlan *p)
{
    call_int(c, "HALF_ROWS", p->half_rows);
    call_int(c, "DEPTH_STEP", p->depth_step);
    call_int(c, "ROUND_BLOCKS", p->round_blocks);
    call_int(c, "ROUND_STEPS", p->round_steps);
    c->note = text_format("%s, Strassen", c->note);
}

/* half_rows 0: not by gemm_strassen.h.  All of an image's rows are to be in one matrix. */
static StrassenPlan strassen_of(const Lowering *l, const Node *n, const Product *p, const Nest *x)
{
    const int m = p->y.rank - 2;
    const bool single = p->a.dtype == DT_F32 && p->constant && p->constant->dtype == DT_F32 && !quantized_weight(p->constant);
    if (n->graph->model->exact || !single || m < 1 || x->outer_step[2] || x->inner_step[2])
        return (StrassenPlan){0};
    return strassen_plan(p->y.dim[m], view_count(&p->y) / p->y.dim[m] / p->y.dim[m + 1], p->y.dim[m + 1], p->a.dim[m + 1],
                         l->isa->vector_floats);
}

/* Where a b that is no constant is packed, or factors are formed. */
static View gemm_room(Lowering *l, const Product *p, const Nest *x, const StrassenPlan *plan)
{
    const int m = p->y.rank - 2;
    const int64_t matrices = (x->outer_step[2] ? x->outer : 1) * (x->inner_step[2] ? x->inner : 1);
    if (p->constant)
        return plan->half_rows ? scratch(l, DT_F32, plan->scratch) : (View){.dtype = DT_F32};
    return scratch(l, DT_F32, matrices * pack_gemm_bytes(p->a.dim[m + 1], p->y.dim[m + 1], l->isa->vector_floats, 1));
}

static void gemm_call(Lowering *l, Node *n, const Product *p, const Nest *x)
{
    int order[MAX_RANK];
    row_order(p, order);
    Value *other = NULL;
    Finish *finish = product_finish(l, n, p, order, &other);
    const int m = p->y.rank - 2;
    const int64_t depth = p->a.dim[m + 1], columns = p->y.dim[m + 1];
    const bool transposed = p->b.stride[m + 1] != 1 && columns > 1;
    const StrassenPlan plan = other ? (StrassenPlan){0} : strassen_of(l, n, p, x);
    const GemmKernel kernel = plan.half_rows ? GEMM_STRASSEN : kernel_of(l, p, x, other != NULL);
    View b = p->constant ? packed_b(l, p, x, p->constant, kernel) : p->b, bias = p->bias;
    const View room = gemm_room(l, p, x, &plan);
    bias.dtype = DT_F32;
    Call *c = call_kernel(l, n, gemm_kernels[kernel].name);
    call_write(c, p->y);
    call_read(c, p->a);
    call_read(c, b);
    call_read(c, bias);
    if (kernel == GEMM || kernel == GEMM_STRASSEN)
        call_update(c, room);
    call_stored(c, "TY", &p->y);
    if (kernel == GEMM) {
        call_stored(c, "TA", &p->a);
        call_stored(c, "TB", &b);
    }
    if (kernel != GEMM_INT8)
        code_parameters(c, p->constant, "CODE_BITS", "GROUP");
    gemm_extents(c, p, x, gemm_kernels[kernel].elements);
    if (kernel == GEMM)
        call_text(c, "B_FORM", p->constant ? "SDC_B_PACKED" : transposed ? "SDC_B_COLUMNS" : "SDC_B_ROWS");
    if (!p->constant)
        call_int(c, "B_ROW", transposed ? p->b.stride[m + 1] : depth > 1 ? p->b.stride[m] : columns);
    note_product(c, p);
    if (plan.half_rows)
        strassen_parameters(c, &plan);
    else
        choose_product(l, c);
    if (finish && finish->other) {
        call_read(c, packed_b(l, p, x, other, kernel));
        call_text(c, "PAIR(X)", "X(other)");
        c->flops *= 2;
        c->note = text_format("%s, and the like of v%d", c->note, finish->other->out[0]->id);
    }
    call_finish(c, finish, view_permute(p->y, p->y.rank, order));
}

/* ---- matmul_any.h ------------------------------------------------------------------------------------------------ */

static void any_call(Lowering *l, Node *n, Product *p)
{
    static const char *const lists[] = {"SY", "SA", "SB"};
    static const char *const names[][2] = {{"Y_ROW", "Y_COLUMN"}, {"A_ROW", "A_COLUMN"}, {"B_ROW", "B_COLUMN"}};
    int m = p->y.rank - 2;
    if (p->constant)
        p->b.buffer = view_cast(l, n, view_of(l, p->constant), p->y.dtype).buffer;
    View bias = p->bias;
    bias.dtype = p->y.dtype;
    View all[3] = {p->y, p->a, p->b}, batch[3] = {p->y, p->a, p->b};
    for (int o = 0; o < 3; o++)
        batch[o].rank = m;
    Axes a = axes_of_views(3, batch);
    axes_simplify(&a);
    Call *c = call_kernel(l, n, "matmul_any");
    call_write(c, p->y);
    call_read(c, p->a);
    call_read(c, p->b);
    call_read(c, bias);
    call_type(c, "T", p->y.dtype);
    call_text(c, "SUM", dtype_is_float(p->y.dtype) ? "double" : "uint64_t");
    call_int(c, "M", p->y.dim[m]);
    call_int(c, "N", p->y.dim[m + 1]);
    call_int(c, "K", p->a.dim[m + 1]);
    axes_parameters(c, &a, a.rank, lists);
    for (int o = 0; o < 3; o++)
        for (int k = 0; k < 2; k++)
            call_int(c, names[o][k], all[o].stride[m + k]);
    call_int(c, "HAS_BIAS", p->bias.buffer != NULL);
    c->flops = 2 * view_count(&p->y) * p->a.dim[m + 1];
    note_product(c, p);
}

/* ---- choice ------------------------------------------------------------------------------------------------------ */

/* The same product in single precision, where gemm.h does not fit. */
static void product_in_f32(Lowering *l, Node *n, Product p)
{
    View y = p.y;
    p.y = y.dtype == DT_F32 ? y : temporary(l, DT_F32, y.rank, y.dim);
    p.a = view_cast(l, n, p.a, DT_F32);
    if (p.constant)
        p.b.dtype = DT_F32;
    else
        p.b = view_cast(l, n, p.b, DT_F32);
    if (p.bias.buffer)
        p.bias = view_cast(l, n, p.bias, DT_F32);
    lower_product(l, n, p);
    if (y.dtype != DT_F32)
        lower_copy_view(l, n, y, p.y);
}

/* a and b in orders that gemm.h reads; false: a constant b in neither order, or no depth. */
static bool gemm_operands(Lowering *l, Node *n, Product *p)
{
    const bool reads = dtype_is_single(p->a.dtype) || multiplies_codes(l, p);
    const bool stores = dtype_is_single(p->y.dtype) || p->y.dtype == DT_I8;
    if (!reads || !stores || !dtype_is_single(p->b.dtype) ||
        p->a.dim[p->a.rank - 1] == 0 || !runs_along(&p->y, p->y.rank - 1))
        return false;
    if (!runs_along(&p->a, p->a.rank - 1))
        p->a = view_to_dense(l, n, p->a);
    if (runs_along(&p->b, p->b.rank - 1) || runs_along(&p->b, p->b.rank - 2))
        return true;
    if (!p->constant)
        p->b = view_to_dense(l, n, p->b);
    return !p->constant;
}

/* a or b with the batch axes of y in front of its own two. */
static View with_batch_of(const View *y, View v)
{
    int64_t dim[MAX_RANK];
    memcpy(dim, y->dim, sizeof dim);
    dim[y->rank - 2] = v.dim[v.rank - 2];
    dim[y->rank - 1] = v.dim[v.rank - 1];
    View r = view_broadcast(v, y->rank, dim);
    /* an extent of 1 keeps its stride: it is told from a broadcast one */
    for (int k = 1; k <= 2; k++)
        r.stride[y->rank - k] = v.stride[v.rank - k];
    return r;
}

void lower_product(Lowering *l, Node *n, Product p)
{
    Nest nest;
    if (view_count(&p.y) == 0)
        return;
    if (p.a.dtype == DT_I8 && dtype_is_single(p.y.dtype) && !multiplies_codes(l, &p))
        p.a = view_cast(l, n, p.a, p.b.dtype);
    Product q = p;
    bool fast = gemm_operands(l, n, &q);
    q.a = with_batch_of(&q.y, q.a);
    q.b = with_batch_of(&q.y, q.b);
    fast = fast && nest_of(&q, &nest);
    if (fast && q.bias.buffer)
        q.bias = view_cast(l, n, q.bias, DT_F32);
    if (fast)
        gemm_call(l, n, &q, &nest);
    else if (dtype_is_half(p.y.dtype) || dtype_is_half(p.a.dtype) || dtype_is_half(p.b.dtype))
        product_in_f32(l, n, p);
    else
        any_call(l, n, &q);
}

/* ---- MatMul ------------------------------------------------------------------------------------------------------ */

View room_for_reader(Lowering *l, Value *y, DType dtype)
{
    View part = concat_room(l, y, dtype, false);
    if (part.buffer && part.stride[part.rank - 1] == 1)
        return part;
    const Node *reader = y->n_uses == 1 && !y->graph_output ? y->uses[0] : NULL;
    int64_t perm[MAX_RANK];
    int rank = y->shape.rank;
    if (!reader || reader->op != OP_Transpose || rank < 3 || attr_ints(reader, "perm", perm, MAX_RANK) != rank ||
        perm[rank - 1] != rank - 1)
        return room_dense(l, y, dtype);
    View order = {.rank = rank};
    int64_t step = 1;
    for (int k = rank; k-- > 0; step *= y->shape.dim[perm[k]]) {
        order.dim[perm[k]] = y->shape.dim[perm[k]];
        order.stride[perm[k]] = step;
    }
    return room_like(l, y, dtype, &order);
}

Node *other_product(const Node *anchor, const Node *last)
{
    if (anchor->op != OP_MatMul || !is_constant(anchor->in[1]) || anchor->in[1]->shape.rank != 2)
        return NULL;
    for (const Node *n = anchor == last ? NULL : anchor->next; n; n = n == last ? NULL : n->next)
        for (int k = 0; k < n->n_in; k++) {
            const Value *v = n->in[k];
            Node *m = v ? v->def : NULL;
            if (m && m->graph != n->graph && m->op == OP_MatMul && m->in[0] == anchor->in[0] && v->n_uses == 1 && !v->graph_output
                && is_constant(m->in[1]) && shape_equal(&m->in[1]->shape, &anchor->in[1]->shape)
                && m->in[1]->dtype == anchor->in[1]->dtype)
                return m;
        }
    return NULL;
}

/* Is n the other product of the fused node that reads it? */
static bool is_other(const Node *n)
{
    const Node *reader = n->out[0]->n_uses == 1 ? n->out[0]->uses[0] : NULL;
    return reader && reader->graph != n->graph && reader->graph->fused
           && other_product(reader->graph->first, reader->graph->last) == n;
}

void lower_matmul(Lowering *l, Node *n)
{
    if (!is_other(n))
        lower_matmul_alone(l, n);
}

/* Is n's kernel gemm.h or one of its kind, and does the steps behind n? */
static bool surely_finishes(Lowering *l, const Node *n)
{
    Product p = {.y = {0}};
    Value *other;
    p.b = matmul_operand(l, n->in[1], &p.constant);
    return p.constant && p.b.rank == 2 && n->in[0]->shape.rank > 1 && n->in[0]->shape.rank <= 4 &&
           (!l->finish->other || other_operand(l, &p, &other));
}

void lower_matmul_alone(Lowering *l, Node *n)
{
    const bool mine = l->finish && l->finish->anchor == n;
    View result = room_for_reader(l, stored_value(l, n), stored_type(l, n, mine && surely_finishes(l, n)));
    Product p = {.y = result};
    p.a = view_of(l, n->in[0]);
    p.b = matmul_operand(l, n->in[1], &p.constant);
    if (p.a.rank > 1 && p.b.rank > 1)
        p.axes = in_order;
    if (p.b.rank == 1) {
        p.b = view_insert(p.b, 1);
        p.y = view_insert(p.y, p.y.rank);
    }
    if (p.a.rank == 1) {
        p.a = view_insert(p.a, 0);
        p.y = view_insert(p.y, p.y.rank - 1);
    }
    lower_product(l, n, p);
    result_ready(l, n, result);
}
