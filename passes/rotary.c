/* rotary: a rotary position embedding turns its halves in place of joining turned ones.
 *
 *      y = x c + Concat(-x1, x0) s;  x0, x1 = halves of x along the last axis
 *      becomes   y = Concat(x0 c0 - x1 s0, x1 c1 + x0 s1)                    c0, c1 and s0, s1 likewise
 *
 *   needs:   static shapes, folded constants
 *   leaves:  two chains of elementwise nodes whose stores are the Concat's, instead of a negated half, two copies and a
 *            chain that reads x twice
 *   keeps:   every result exactly: a - b s is a + (-b) s                                                              */
#include "../ir/sdc.h"
#include "decompose.h"
#include "match.h"

typedef struct { Value *x, *cosine, *sine; } Rotation;

/* v is the half of *x that begins at `first`; *x is found where it is still NULL. */
static bool is_half(const Value *v, Value **x, int64_t first)
{
    const Node *n = v->def;
    if (!n || (n->op != OP_Slice && n->op != OP_Split) || (*x && *x != n->in[0]))
        return false;
    int64_t width = v->shape.dim[v->shape.rank - 1];
    *x = n->in[0];
    if ((*x)->shape.dim[v->shape.rank - 1] != 2 * width)
        return false;
    return piece_begin(v) == first * width;
}

/* x when v is Concat(-x1, x0), read by one node alone. */
static Value *turned(const Value *v)
{
    Value *x = NULL;
    const Node *join = maker_of(v, OP_Concat), *negative = join ? maker_of(join->in[0], OP_Neg) : NULL;
    bool fits = negative && join->n_in == 2 && only_reader(v) && v->shape.rank > 0 &&
                axis_of(join, attr_i(join, "axis"), v->shape.rank) == v->shape.rank - 1 &&
                is_half(negative->in[0], &x, 1) && is_half(join->in[1], &x, 0);
    return fits ? x : NULL;
}

/* One of the sum's products is of the turned x; the other must be of x itself. */
static bool match_rotation(const Node *sum, Rotation *r)
{
    for (int k = 0; k < 2; k++) {
        const Node *sine = maker_of(sum->in[k], OP_Mul), *cosine = maker_of(sum->in[1 - k], OP_Mul);
        for (int j = 0; sine && cosine && j < 2; j++) {
            r->x = turned(sine->in[j]);
            r->sine = sine->in[1 - j];
            r->cosine = r->x ? other_operand(cosine, r->x) : NULL;
            if (r->cosine && shape_equal(&sum->out[0]->shape, &r->x->shape))
                return only_reader(sum->in[0]) && only_reader(sum->in[1]);
        }
    }
    return false;
}

/* Of a value as wide as the pairs, the half; of one that is the same for all, itself. */
static Value *half_of(Node *at, Value *v, int64_t width, int half)
{
    int last = v->shape.rank - 1;
    return last < 0 || v->shape.dim[last] == 1 ? v : make_slice(at, v, last, half * width, (half + 1) * width, 1);
}

static void rotate(Node *n)
{
    Rotation r;
    if (n->op != OP_Add || !match_rotation(n, &r))
        return;
    int last = r.x->shape.rank - 1;
    int64_t width = r.x->shape.dim[last] / 2;
    Value *half[2], *part[2];
    for (int k = 0; k < 2; k++)
        half[k] = half_of(n, r.x, width, k);
    for (int k = 0; k < 2; k++) {
        Value *straight = make2(n, OP_Mul, half[k], half_of(n, r.cosine, width, k));
        Value *crossed = make2(n, OP_Mul, half[1 - k], half_of(n, r.sine, width, k));
        part[k] = make2(n, k ? OP_Add : OP_Sub, straight, crossed);
    }
    candidate_became(n, "RoPE", "two chains of %lld columns", (long long)width);
    value_replace(n->out[0], make_concat(n, part[0], part[1], last));
}

void pass_rotary(Graph *g)
{
    if (fuses(g, FUSION_chain))
        graph_rewrite(g, rotate);
}
