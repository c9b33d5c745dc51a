/* attention: softmax(scale Q K^T + mask) V, spelled with products and elementwise nodes, becomes one Attention.
 *
 *      MatMul(Q, K^T) [* scale] [+ masks] -> Softmax [NaN to 0] -> MatMul(., V), or MatMul(V^T, .^T)
 *
 *   needs:   inferred shapes, folded constants, simplified
 *   leaves:  Attention of rank 4 where the scores and weights are read inside alone; the scale may stand at Q, at K or
 *            behind the product; Casts and Reshapes of the batch axes may stand anywhere between; a constant triangular
 *            mask is is_causal or right_window_size; keys repeated for groups of query heads are not repeated
 *   differs: a row that masks every key with -infinity is 0, which Softmax would make NaN
 *   records: what became of each Softmax of a product */
#include "decompose.h"

#include <math.h>
#include <string.h>


enum { MASKS = 4, LARGEST_HEAD = 512, LARGEST_TRIANGLE = 1 << 23 };   /* elements; larger masks are not looked into */

/* Something added to scores of shape `level`.  With a condition: `value` where it does not hold, 0 elsewhere, or the
 * other way round (`hides`). */
typedef struct { Value *added, *condition; bool hides; double value; Shape level; } Mask;

typedef struct {
    Node *softmax, *scores, *product;
    bool turned;                    /* the product is that of V^T and the turned weights */
    double scale;
    Mask mask[MASKS];
    int n_masks;
} Match;

/* An operand [batch, heads, length, size] beneath Reshapes of its batch axes; `group` query heads read each head. */
typedef struct { Value *x; int64_t batch, heads, group; } Heads;

static bool missed(const Match *m, const Node *n, const char *how)
{
    candidate_missed(m->softmax, "attention", "%s n%d %s", op_info(n->op)->name, n->id, how);
    return false;
}

/* ---- nodes in between -------------------------------------------------------------------------------------------- */

static bool read_once(const Value *v)
{
    return v->n_uses == 1 && !v->graph_output;
}

/* Another arrangement of the same matrices. */
static bool keeps_matrices(const Node *n)
{
    if (n->op != OP_Reshape && n->op != OP_Squeeze && n->op != OP_Unsqueeze && n->op != OP_Flatten)
        return false;
    const Shape *x = &n->in[0]->shape, *y = &n->out[0]->shape;
    return x->rank >= 2 && y->rank >= 2 && x->dim[x->rank - 1] == y->dim[y->rank - 1] &&
           x->dim[x->rank - 2] == y->dim[y->rank - 2];
}

static bool casts_floats(const Node *n)
{
    return n->op == OP_Cast && dtype_is_float(n->in[0]->dtype) && dtype_is_float(n->out[0]->dtype);
}

static bool is_number(const Value *v)
{
    return is_constant(v) && dtype_is_float(v->dtype) && shape_count(&v->shape) == 1;
}

/* What n multiplies by one number, which goes into *scale; NULL when it does something else. */
static Value *unscaled(const Node *n, double *scale)
{
    if (n->op != OP_Mul && n->op != OP_Div)
        return NULL;
    int number = n->op == OP_Mul && is_number(n->in[0]) ? 0 : 1;
    Value *x = n->in[1 - number];
    if (!is_number(n->in[number]) || !dtype_is_float(x->dtype) || x->shape.rank != n->out[0]->shape.rank)
        return NULL;
    double c = float_of(n, number, "scale");
    *scale *= n->op == OP_Mul ? c : 1 / c;
    return x;
}

/* Does v come from a product through elementwise nodes and Reshapes? */
static bool from_product(const Value *v, int depth)
{
    const Node *n = v->def;
    if (!n || v->constant || !depth)
        return false;
    if (n->op == OP_MatMul)
        return true;
    if (!op_info(n->op)->elementwise && n->op != OP_Cast && !keeps_matrices(n))
        return false;
    for (int k = 0; k < n->n_in; k++)
        if (n->in[k] && from_product(n->in[k], depth - 1))
            return true;
    return false;
}

/* ---- from Softmax back to the first product ---------------------------------------------------------------------- */

static Value *without_added(Match *m, const Node *n)
{
    int mask = from_product(n->in[0], 8) && shape_equal(&n->in[0]->shape, &n->out[0]->shape) ? 1 : 0;
    Value *x = n->in[1 - mask];
    if (m->n_masks == MASKS || !shape_equal(&x->shape, &n->out[0]->shape))
        return NULL;
    m->mask[m->n_masks++] = (Mask){.added = n->in[mask], .level = n->out[0]->shape};
    return x;
}

/* Where(condition, scores, lowest) or the other way round.  What is no lower than scores get is no mask: a row full of
 * it would not come out as even. */
static Value *without_condition(Match *m, const Node *n)
{
    int lowest = is_number(n->in[2]) ? 2 : 1;
    Value *x = n->in[3 - lowest];
    if (m->n_masks == MASKS || !is_number(n->in[lowest]) || !shape_equal(&x->shape, &n->out[0]->shape))
        return NULL;
    double value = float_of(n, lowest, "mask");
    if (!(value <= -1e30))
        return NULL;
    m->mask[m->n_masks++] = (Mask){.condition = n->in[0], .hides = lowest == 1, .value = value,
                                   .level = n->out[0]->shape};
    return x;
}

static bool find_scores(Match *m)
{
    Value *x = m->softmax->in[0];
    for (bool scaled = false;;) {
        Node *n = x->def;
        if (!n || n->graph != m->softmax->graph)
            return missed(m, m->softmax, "reads no product");
        if (!read_once(x))
            return missed(m, n, "is read by others too");
        if (n->op == OP_MatMul) {
            m->scores = n;
            return true;
        }
        Value *y = unscaled(n, &m->scale);
        scaled |= y != NULL;
        if (!y && (casts_floats(n) || keeps_matrices(n)))
            y = n->in[0];
        if (!y && n->op == OP_Add && !scaled)
            y = without_added(m, n);
        if (!y && n->op == OP_Where && !scaled)
            y = without_condition(m, n);
        if (!y)
            return missed(m, n, n->op == OP_Add && scaled ? "adds before the scale" : "stands before Softmax");
        x = y;
    }
}

/* ---- from Softmax on to the second product ----------------------------------------------------------------------- */

/* Where(IsNaN(p), 0, p): its result, else NULL. */
static Value *guarded(const Value *p)
{
    for (int k = 0; k < 2 && p->n_uses == 2 && !p->graph_output; k++) {
        const Node *test = p->uses[k], *choice = p->uses[1 - k];
        if (test->op == OP_IsNaN && choice->op == OP_Where && choice->in[0] == test->out[0] && choice->in[2] == p &&
            read_once(test->out[0]) && is_number(choice->in[1]) && float_of(choice, 1, "guard") == 0)
            return choice->out[0];
    }
    return NULL;
}

/* The product V^T P^T that reads P turned, else NULL. */
static Node *turned_product(const Node *transpose)
{
    int64_t perm[MAX_RANK];
    if (transpose->op != OP_Transpose || !read_once(transpose->out[0]))
        return NULL;
    int rank = transpose_perm(transpose, perm);
    bool swaps = rank >= 2 && perm[rank - 1] == rank - 2 && perm[rank - 2] == rank - 1;
    for (int k = 0; k + 2 < rank; k++)
        swaps &= perm[k] == k;
    Node *n = transpose->out[0]->uses[0];
    return swaps && n->op == OP_MatMul && n->in[1] == transpose->out[0] && n->graph == transpose->graph ? n : NULL;
}

static bool find_product(Match *m)
{
    Value *p = m->softmax->out[0];
    for (;;) {
        Value *sound = guarded(p);
        if (sound) {
            p = sound;
            continue;
        }
        if (!read_once(p))
            return missed(m, p->def, p->n_uses || p->graph_output ? "is read by others too" : "is not read");
        Node *n = p->uses[0];
        if (n->op == OP_MatMul && n->in[0] == p && n->in[1] != p && n->graph == m->softmax->graph) {
            m->product = n;
            return true;
        }
        m->product = turned_product(n);
        m->turned = m->product != NULL;
        if (m->turned)
            return true;
        if (!casts_floats(n) && !keeps_matrices(n))
            return missed(m, n, "reads the weights");
        p = n->out[0];
    }
}

/* ---- operands ---------------------------------------------------------------------------------------------------- */

static int64_t matrices_of(const Value *v)
{
    int64_t count = 1;
    for (int k = 0; k + 2 < v->shape.rank; k++)
        count *= v->shape.dim[k];
    return count;
}

static int64_t length_of(const Value *v) { return v->shape.dim[v->shape.rank - 2]; }
static int64_t size_of(const Value *v) { return v->shape.dim[v->shape.rank - 1]; }

/* How often n repeats each head: [B, H, 1, N, D] to [B, H, group, N, D], or [B, 1, N, D] to [B, group, N, D]. */
static int64_t repeats(const Node *n)
{
    const Shape *x = &n->in[0]->shape, *y = &n->out[0]->shape;
    if ((n->op != OP_Expand && n->op != OP_Tile) || x->rank != y->rank || y->rank < 4 || y->rank > 5)
        return 1;
    int axis = y->rank - 3;
    for (int k = 0; k < y->rank; k++)
        if (k == axis ? x->dim[k] != 1 : x->dim[k] != y->dim[k])
            return 1;
    return y->dim[axis];
}

/* What is beneath Reshapes, one repetition of heads, and (unless scale is NULL) factors. */
static Heads heads_beneath(Value *v, double *scale, bool grouped)
{
    Heads h = {.x = v, .batch = 1, .heads = matrices_of(v), .group = 1};
    for (bool known = false;; ) {
        const Shape *s = &h.x->shape;
        if (!known && s->rank == 4) {
            h.batch = s->dim[0];
            h.heads = s->dim[1];
            known = true;
        }
        Node *n = h.x->def;
        if (!n)
            return h;
        int64_t group = grouped && h.group == 1 ? repeats(n) : 1;
        Value *y = group > 1 || keeps_matrices(n) ? n->in[0] : scale ? unscaled(n, scale) : NULL;
        if (!y)
            return h;
        if (group > 1) {
            h.batch = y->shape.dim[0];
            h.heads = y->shape.rank == 5 ? y->shape.dim[1] : 1;
            h.group = group;
            known = true;
        }
        h.x = y;
    }
}

/* v with its last two axes the other way round, beneath what heads_beneath() looks through: K from K^T. */
static Value *turned_back(Node *at, Value *v, double *scale)
{
    int64_t perm[MAX_RANK];
    for (Value *y = v; y; v = y ? y : v) {
        Node *n = v->def;
        y = !n ? NULL : keeps_matrices(n) ? n->in[0] : scale ? unscaled(n, scale) : NULL;
    }
    Node *n = v->def;
    int rank = v->shape.rank;
    bool transposed = n && n->op == OP_Transpose;
    if (transposed)
        transpose_perm(n, perm);
    for (int k = 0; k < rank && !transposed; k++)
        perm[k] = k;
    int64_t last = perm[rank - 1];
    perm[rank - 1] = perm[rank - 2];
    perm[rank - 2] = last;
    bool same = true;
    for (int k = 0; k < rank; k++)
        same &= perm[k] == k;
    Value *x = transposed ? n->in[0] : v;
    return same ? x : make_transpose(at, x, rank, perm);
}

static Value *split(Node *at, Value *x, int64_t batch, int64_t heads)
{
    Shape s = shape_of(4, (int64_t[]){batch, heads, length_of(x), size_of(x)});
    return shape_equal(&s, &x->shape) ? x : make_reshape(at, x, 4, s.dim);
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

/* The mask, which broadcasts to its level, as one that broadcasts to [batch, heads, M, N]. */
static Value *mask_value(Node *at, const Mask *m, int64_t batch, int64_t heads, DType type)
{
    const Shape *level = &m->level;
    Value *v = m->added;
    if (m->condition) {
        Value *hidden = make_scalar(at, type, m->value), *seen = make_scalar(at, type, 0);
        v = make3(at, OP_Where, m->condition, m->hides ? hidden : seen, m->hides ? seen : hidden);
    }
    v = make_cast(at, v, type);
    int64_t dim[MAX_RANK], count = v->shape.rank > 2 ? matrices_of(v) : 1;
    if (v->shape.rank < 2 || size_of(v) != level->dim[level->rank - 1]) {       /* a short mask would hide the rest */
        int64_t one[] = {1, level->dim[level->rank - 1]};
        v = make_expand(at, v, 2, one);
    }
    if (v->shape.rank == 2 || (level->rank == 4 && level->dim[0] == batch && level->dim[1] == heads))
        return v;
    if (count == 1)
        return make_reshape(at, v, 2, (int64_t[]){length_of(v), size_of(v)});
    memcpy(dim, level->dim, sizeof dim);
    dim[level->rank - 2] = length_of(v);
    return split(at, make_expand(at, v, level->rank, dim), batch, heads);
}

/* Keys beyond which every matrix of a constant mask hides all, by `hidden` at most, and no other: query i sees the
 * first i + 1 + *ahead. */
static bool is_triangle(Value *mask, int64_t rows, double hidden, int64_t *ahead)
{
    const Shape *s = &mask->shape;
    int64_t keys = s->dim[s->rank - 1], lines = s->dim[s->rank - 2];
    if (!is_constant(mask) || shape_count(s) > LARGEST_TRIANGLE || (lines != rows && lines != 1))
        return false;
    Array *a = array_from_tensor(constant_tensor(mask));
    int64_t first = 0;
    while (first < keys && a->f[first] == 0)
        first++;
    bool whole = first == keys, fits = first > 0 && (whole || lines == rows);
    for (int64_t k = 0; k < a->count && fits; k++) {
        bool seen = whole || k % keys < k / keys % rows + first;
        fits = seen ? a->f[k] == 0 : a->f[k] <= hidden;
    }
    array_free(a);
    constant_release(mask);
    *ahead = first - 1;
    return fits;
}

/* Does a condition write a finite number over what the scores were? */
static bool overwrites(const Mask *m)
{
    return m->condition && m->value != -INFINITY;
}

/* The masks inside and the value of mask m around them.  What a finite number is written over is even afterwards,
 * whatever the masks inside say of it. */
static Value *around(Node *at, const Mask *m, Value *inside, Value *v)
{
    if (!inside)
        return v;
    if (!overwrites(m))
        return make2(at, OP_Add, inside, v);
    return make3(at, OP_Where, make2(at, OP_Equal, v, make_scalar(at, v->dtype, 0)), inside, v);
}

/* What a triangle must hide by to become a causal mask, which hides for good: a row that all masks together hide must
 * not be of finite numbers then. */
static double hidden_for_good(const Match *m)
{
    bool overwritten = false;
    for (int k = 0; k < m->n_masks; k++)
        overwritten |= overwrites(&m->mask[k]);
    return m->n_masks == 1 ? -1e30 : overwritten ? NAN : -INFINITY;
}

/* All masks as one; NULL: none.  A triangle alone becomes *ahead, else that is -1. */
static Value *joined_mask(Node *at, const Match *m, int64_t batch, int64_t heads, DType type, int64_t *ahead)
{
    const Shape *scores = &m->scores->out[0]->shape;
    int64_t rows = scores->dim[scores->rank - 2], keys = scores->dim[scores->rank - 1];
    const double hidden = hidden_for_good(m);
    Value *all = NULL;
    *ahead = -1;
    for (int k = m->n_masks - 1; k >= 0; k--) {                     /* from the innermost */
        Value *v = mask_value(at, &m->mask[k], batch, heads, type);
        int64_t sight;
        bool triangle = is_triangle(v, rows, hidden, &sight);
        if (triangle && sight >= keys - 1)
            continue;
        if (triangle && *ahead < 0)
            *ahead = sight;
        else
            all = around(at, &m->mask[k], all, v);
    }
    return all;
}

/* ---- the node ---------------------------------------------------------------------------------------------------- */

/* Products of matrices with one matrix for each: no operand is repeated by broadcasting. */
static bool batches_match(const Node *n)
{
    int64_t count = matrices_of(n->out[0]);
    return n->in[0]->shape.rank >= 2 && n->in[1]->shape.rank >= 2 && matrices_of(n->in[0]) == count &&
           matrices_of(n->in[1]) == count;
}

static bool has_fitting_types(const Match *m)
{
    const Value *q = m->scores->in[0], *v = m->product->in[m->turned ? 0 : 1];
    int64_t v_size = m->turned ? length_of(v) : size_of(v);
    if (!batches_match(m->scores) || !batches_match(m->product))
        return missed(m, batches_match(m->scores) ? m->product : m->scores, "repeats an operand");
    if (!dtype_is_single(q->dtype) || !dtype_is_single(v->dtype))
        return missed(m, m->scores, "is not in a type that the kernel computes in");
    if (size_of(q) > LARGEST_HEAD || v_size > LARGEST_HEAD || !shape_count(&m->product->out[0]->shape) ||
        !shape_count(&m->scores->out[0]->shape) || !size_of(q))
        return missed(m, m->scores, "has heads of no numbers or too many");
    return true;
}

/* The widest type among operands and masks: a mask's lowest number must not become an infinity. */
static DType common_type(const Match *m)
{
    DType type = m->scores->in[0]->dtype;
    if (m->product->in[1]->dtype != type)
        type = DT_F32;
    for (int k = 0; k < m->n_masks; k++)
        if (m->mask[k].added ? m->mask[k].added->dtype != type : type != DT_F32 && m->mask[k].value != -INFINITY)
            type = DT_F32;
    return type;
}

static Value *attention(Node *at, Match *m)
{
    double scale = m->scale;
    DType type = common_type(m);
    Value *keys = turned_back(at, m->scores->in[1], &scale);
    Value *values = m->turned ? turned_back(at, m->product->in[0], NULL) : m->product->in[1];
    double of_keys = 1;
    Heads k = heads_beneath(keys, &of_keys, true), v = heads_beneath(values, NULL, true);
    if (k.group != v.group) {
        of_keys = 1;
        k = heads_beneath(keys, &of_keys, false);
        v = heads_beneath(values, NULL, false);
    }
    Heads q = heads_beneath(m->scores->in[0], &scale, false);
    if (k.group > 1 || q.batch == 1) {
        q.batch = k.batch;
        q.heads = k.heads * k.group;
    }
    Value *in[4] = {split(at, make_cast(at, q.x, type), q.batch, q.heads),
                    split(at, make_cast(at, k.x, type), q.batch, q.heads / k.group),
                    split(at, make_cast(at, v.x, type), q.batch, q.heads / k.group)};
    int64_t ahead;
    in[3] = joined_mask(at, m, q.batch, q.heads, type, &ahead);
    Node *n = begun(at, OP_Attention, in[3] ? 4 : 3, in);
    attr_set_f(n, "scale", scale * of_keys);
    if (ahead == 0)
        attr_set_i(n, "is_causal", 1);
    else if (ahead > 0)
        attr_set_i(n, "right_window_size", ahead);
    Value *y = make_cast(at, finished(n), at->out[0]->dtype);
    if (m->turned)
        y = make_transpose(at, y, 4, (int64_t[]){0, 1, 3, 2});
    const Shape *s = &at->out[0]->shape;
    candidate_became(m->softmax, "attention", "[%lld,%lld,%lld,%lld] x %lld keys%s%s%s", (long long)q.batch,
                     (long long)q.heads, (long long)length_of(in[0]), (long long)size_of(in[0]),
                     (long long)length_of(in[1]), k.group > 1 ? ", grouped" : "", in[3] ? ", masked" : "",
                     ahead >= 0 ? ", causal" : "");
    return shape_equal(s, &y->shape) ? y : make_reshape(at, y, s->rank, s->dim);
}

static void recognise(Node *softmax)
{
    Match m = {.softmax = softmax, .scale = 1};
    if (softmax->op != OP_Softmax || !value_is_read(softmax->out[0]) || softmax->out[0]->constant ||
        !from_product(softmax->in[0], 8))
        return;
    int rank = softmax->in[0]->shape.rank;
    if (rank < 2 || axis_of(softmax, attr_i(softmax, "axis"), rank) != rank - 1) {
        missed(&m, softmax, "is not along the last axis");
        return;
    }
    if (find_scores(&m) && find_product(&m) && has_fitting_types(&m))
        value_replace(m.product->out[0], attention(m.product, &m));
}

void pass_attention(Graph *g)
{
    if (fuses(g, FUSION_attention))
        graph_rewrite(g, recognise);
}
