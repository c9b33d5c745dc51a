/* make.c: see make.h. */
#include <math.h>
#include <string.h>

#include "make.h"

enum { LARGEST = 6000 };            /* elements of a value that others read */

/* ---- random numbers ---------------------------------------------------------------------------------------------- */

/* splitmix64 */
static uint64_t next(Maker *m)
{
    uint64_t z = m->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int below(Maker *m, int n) { return (int)(next(m) % (uint64_t)n); }
bool chance(Maker *m, int percent) { return below(m, 100) < percent; }

double number_in(Maker *m, double low, double high)
{
    return round((low + (high - low) * below(m, 10000) / 1e4) * 1e3) / 1e3;
}

int64_t extent(Maker *m)
{
    static const int64_t usual[] = {1, 1, 2, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9, 12, 16, 17, 33};
    return m->zero && chance(m, 15) ? 0 : usual[below(m, sizeof usual / sizeof *usual)];
}

int64_t elements(const Value *v) { return shape_count(&v->shape); }

/* ---- constants and inputs ---------------------------------------------------------------------------------------- */

Value *tensor_of(Maker *m, DType type, int rank, const int64_t *dim, double low, double high)
{
    Tensor *t = alloc(sizeof *t);
    const int bytes = dtype_info(type)->bytes;
    *t = (Tensor){.dtype = type, .shape = shape_of(rank, dim)};
    t->count = shape_count(&t->shape);
    char *data = alloc_array(t->count + 1, (size_t)bytes);
    for (int64_t k = 0; k < t->count; k++)
        if (dtype_is_float(type))
            dtype_store_f(type, data + k * bytes, number_in(m, low, high));
        else
            dtype_store_i(type, data + k * bytes, below(m, (int)(high - low)) + (int)low);
    t->data = data;
    return value_tensor(m->g, NULL, t);
}

Value *full(Maker *m, int rank, const int64_t *dim, double v) { return tensor_of(m, m->type, rank, dim, v, v); }

Value *scalar(Maker *m, double v)
{
    Value *x = value_float(m->g, m->type, v);
    if (chance(m, 80))
        return x;
    Tensor *t = alloc(sizeof *t);
    *t = *x->tensor;
    t->shape = shape_of(1, (int64_t[]){1});
    return value_tensor(m->g, NULL, t);
}

Value *ints(Maker *m, int count, const int64_t *v) { return value_ints(m->g, v, count); }

static Value *input(Maker *m, DType type, int rank, const int64_t *dim)
{
    Value *v = value_input(m->top, text_format("in%d", m->top->n_inputs), type, shape_of(rank, dim));
    return keep(m, v);
}

Value *fresh(Maker *m, int rank, const int64_t *dim) { return input(m, m->type, rank, dim); }

/* A constant that is computed: transposed, converted, scaled, joined of two. */
static Value *computed(Maker *m, int rank, const int64_t *dim)
{
    int64_t d[MAX_RANK];
    memcpy(d, dim, (size_t)rank * sizeof *d);
    switch (below(m, 4)) {
    case 0:
        if (rank < 2)
            break;
        d[rank - 1] = dim[rank - 2];
        d[rank - 2] = dim[rank - 1];
        return swap_last(m, tensor_of(m, m->type, rank, d, -1, 1));
    case 1: return cast(m, tensor_of(m, m->type == DT_F32 ? DT_F16 : DT_F32, rank, dim, -1, 1), m->type);
    case 2: return op2(m, OP_Mul, tensor_of(m, m->type, rank, dim, -1, 1), scalar(m, number_in(m, .5, 2)));
    default:
        if (!rank || dim[0] < 2)
            break;
        d[0] = 1;
        Value *a = tensor_of(m, m->type, rank, d, -1, 1);
        d[0] = dim[0] - 1;
        Node *n = begin(m, OP_Concat, 2, (Value *[]){a, tensor_of(m, m->type, rank, d, -1, 1)});
        attr_set_i(n, "axis", 0);
        return end(n);
    }
    return tensor_of(m, m->type, rank, dim, -1, 1);
}

Value *weight(Maker *m, int rank, const int64_t *dim)
{
    int how = below(m, 100);
    return how < 12 ? fresh(m, rank, dim) : how < 30 ? computed(m, rank, dim) : tensor_of(m, m->type, rank, dim, -1, 1);
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

Node *begin(Maker *m, Op op, int n_in, Value *const *in)
{
    m->nodes++;
    return node_new(m->g, NULL, op, n_in, in, 1);
}

Value *end(Node *n)
{
    infer_node(n);
    return n->out[0];
}

Value *op1(Maker *m, Op op, Value *x) { return end(begin(m, op, 1, &x)); }
Value *op2(Maker *m, Op op, Value *x, Value *y) { return end(begin(m, op, 2, (Value *[]){x, y})); }
Value *op3(Maker *m, Op op, Value *x, Value *y, Value *z) { return end(begin(m, op, 3, (Value *[]){x, y, z})); }
Value *either(Maker *m, Op op, Value *x, Value *y) { return chance(m, 70) ? op2(m, op, x, y) : op2(m, op, y, x); }

Value *cast(Maker *m, Value *x, DType type)
{
    Node *n = begin(m, OP_Cast, 1, &x);
    attr_set_i(n, "to", type);
    return end(n);
}

Value *reshape(Maker *m, Value *x, int rank, const int64_t *dim)
{
    return op2(m, OP_Reshape, x, ints(m, rank, dim));
}

Value *transpose(Maker *m, Value *x, const int64_t *perm)
{
    Node *n = begin(m, OP_Transpose, 1, &x);
    attr_set_ints(n, "perm", perm, x->shape.rank);
    return end(n);
}

Value *swap_last(Maker *m, Value *x)
{
    int64_t perm[MAX_RANK];
    const int rank = x->shape.rank;
    for (int k = 0; k < rank; k++)
        perm[k] = k;
    perm[rank - 1] = rank - 2;
    perm[rank - 2] = rank - 1;
    return transpose(m, x, perm);
}

Value *reduce(Maker *m, Op op, Value *x, int first, int n_axes)
{
    int64_t axes[MAX_RANK];
    const bool negative = chance(m, 40);
    for (int k = 0; k < n_axes; k++)
        axes[k] = first + k - (negative ? x->shape.rank : 0);
    return op2(m, op, x, ints(m, n_axes, axes));
}

/* ---- the pool ---------------------------------------------------------------------------------------------------- */

Value *keep(Maker *m, Value *v)
{
    if (m->count < (int)(sizeof m->pool / sizeof *m->pool) && elements(v) <= LARGEST)
        m->pool[m->count++] = v;
    return v;
}

Value *inner(Maker *m, Value *v) { return chance(m, 4) ? keep(m, v) : v; }

void forget_inner(Maker *m, int before)
{
    int count = before;
    for (int k = before; k < m->count; k++)
        if (m->pool[k]->graph == m->top)
            m->pool[count++] = m->pool[k];
    m->count = count;
}

/* One of the pool that fits, later ones more often; NULL: none was found. */
static Value *find(Maker *m, bool (*fits)(const Maker *, const Value *, const Shape *), const Shape *s)
{
    for (int tries = 0; tries < 24 && m->count; tries++) {
        int back = below(m, m->count);
        back = chance(m, 60) ? back / 4 : back;
        Value *v = m->pool[m->count - 1 - back];
        if (fits(m, v, s))
            return v;
    }
    return NULL;
}

static bool is_float(const Maker *m, const Value *v, const Shape *s)
{
    (void)s;
    return v->dtype == m->type;
}

static bool has_rank(const Maker *m, const Value *v, const Shape *s)
{
    return v->dtype == m->type && v->shape.rank >= s->dim[0] && v->shape.rank <= s->dim[1] && elements(v);
}

static bool fits_into(const Value *v, const Shape *s)
{
    const int shift = s->rank - v->shape.rank;
    bool fits = shift >= 0;
    for (int k = 0; fits && k < v->shape.rank; k++)
        fits = v->shape.dim[k] == 1 || v->shape.dim[k] == s->dim[k + shift];
    return fits;
}

static bool broadcasts(const Maker *m, const Value *v, const Shape *s)
{
    return v->dtype == m->type && fits_into(v, s);
}

static bool is_condition(const Maker *m, const Value *v, const Shape *s)
{
    (void)m;
    return v->dtype == DT_BOOL && fits_into(v, s);
}

Value *some(Maker *m)
{
    Value *v = chance(m, 92) ? find(m, is_float, NULL) : NULL;
    int64_t dim[4];
    int rank = 1 + below(m, 4);
    for (int k = 0; k < rank; k++)
        dim[k] = extent(m);
    return v ? v : fresh(m, rank, dim);
}

Value *some_of_rank(Maker *m, int low, int high)
{
    Shape range = {.rank = 2, .dim = {low, high}};
    Value *v = chance(m, 85) ? find(m, has_rank, &range) : NULL;
    if (v)
        return v;
    int64_t dim[MAX_RANK];
    int rank = low + below(m, high - low + 1);
    for (int k = 0; k < rank; k++)
        dim[k] = k ? 1 + below(m, chance(m, 20) ? chance(m, 20) ? 70 : 17 : 8) : 1 + below(m, 2);
    Shape s = shape_of(rank, dim);
    for (int k = 0; shape_count(&s) > LARGEST / 2; k = (k + 1) % rank)
        s.dim[k] = (s.dim[k] + 1) / 2;
    return fresh(m, rank, s.dim);
}

/* A shape that broadcasts to s: some axes 1, leading ones left off. */
static Shape narrowed(Maker *m, const Shape *s)
{
    Shape t = *s;
    int drop = chance(m, 40) && s->rank ? below(m, s->rank + 1) : 0;
    for (int k = drop; k < s->rank; k++)
        t.dim[k - drop] = chance(m, 40) ? 1 : s->dim[k];
    t.rank = s->rank - drop;
    return chance(m, 25) ? *s : t;
}

Value *some_bool(Maker *m, const Shape *s)
{
    Value *v = chance(m, 70) ? find(m, is_condition, s) : NULL;
    Shape t = narrowed(m, s);
    if (v)
        return v;
    return chance(m, 60) ? input(m, DT_BOOL, t.rank, t.dim) : tensor_of(m, DT_BOOL, t.rank, t.dim, 0, 2);
}

Value *like(Maker *m, const Shape *s)
{
    int how = below(m, 100);
    Value *v = how < 50 ? find(m, broadcasts, s) : NULL;
    if (v)
        return v;
    Shape t = narrowed(m, s);
    if (how < 62)
        return scalar(m, number_in(m, -2, 2));
    return how < 80 ? weight(m, t.rank, t.dim) : fresh(m, t.rank, t.dim);
}

/* ---- the graph --------------------------------------------------------------------------------------------------- */

static const struct { Template *make; int weight; } templates[] = {
    {group_norm, 8}, {row_norm, 8}, {plain_norm, 6}, {activations, 8}, {attention_spelled, 8}, {attention_node, 3},
    {projections, 6}, {elementwise, 14}, {chain, 8}, {comparison, 6}, {convolution, 16}, {product, 12}, {movement, 20},
    {joining, 10}, {reduction, 6}, {image_resize, 4}, {island, 10}, {branch, 3}, {recipe, 3}, {integers, 2},
    {resnet_block, 8}, {transformer_block, 6}, {joined_images, 6}, {upsampled, 5}, {shortcut, 5}, {modulations, 5},
    {joint_attention, 5}, {repeated, 3},
};
enum { TEMPLATES = sizeof templates / sizeof *templates };

static void make_one(Maker *m)
{
    int sum = 0, at;
    for (int k = 0; k < TEMPLATES; k++)
        sum += templates[k].weight;
    at = below(m, sum);
    for (int k = 0; k < TEMPLATES; k++)
        if ((at -= templates[k].weight) < 0) {
            templates[k].make(m);
            return;
        }
}

/* Values that nobody reads, and a few that somebody does; now and then an input or a constant. */
static void make_outputs(Maker *m)
{
    int wanted = 1 + below(m, 8);
    for (int k = m->count - 1; k >= 0 && m->g->n_outputs < wanted; k--) {
        Value *v = m->pool[k];
        bool unread = v->def && !v->n_uses;
        if (v->graph_output || !(unread ? chance(m, 90) : chance(m, v->def ? 12 : 1)))
            continue;
        if (!v->name)
            v->name = text_format("out%d", m->g->n_outputs);
        graph_output(m->g, v);
    }
    if (!m->g->n_outputs) {
        Value *v = op1(m, OP_Identity, some(m));
        v->name = "out";
        graph_output(m->g, v);
    }
}

/* Inputs that nobody reads any more. */
static void drop_inputs(Graph *g)
{
    int count = 0;
    for (int k = 0; k < g->n_inputs; k++)
        if (value_is_read(g->inputs[k]))
            g->inputs[count++] = g->inputs[k];
    g->n_inputs = count;
}

Graph *make_graph(uint64_t seed)
{
    Model *model = model_new("fuzz");
    Maker *m = alloc(sizeof *m);
    *m = (Maker){.state = seed * 0x2545f4914f6cdd1du + 1, .type = DT_F32, .top = graph_new(model, NULL, "g")};
    model->graph = m->g = m->top;
    m->zero = chance(m, 6);
    m->smooth = chance(m, 25);
    if (m->smooth && chance(m, 25))
        m->type = chance(m, 60) ? DT_F16 : DT_BF16;
    int size = 5 + below(m, chance(m, 60) ? 25 : 56);
    while (m->nodes < size)
        make_one(m);
    make_outputs(m);
    graph_sweep(m->g);
    drop_inputs(m->g);
    return m->g;
}
