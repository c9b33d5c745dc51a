/* sequence.c: sequences and optionals that can be taken apart while the file is read.
 *
 * There are no such values in the graph.  A sequence that is built from tensors and read at constant places is a list
 * kept here; its name stands for a placeholder.  A split whose number of parts is not known yet keeps what it cuts, and
 * each part that is asked for becomes a Slice.  Anything else (sequences as inputs, in loops, at run-time places) is
 * reported as unsupported.  An optional is the tensor itself, or nothing. */
#include <string.h>

#include "upgrade.h"

struct Sequence {
    struct Sequence *next;
    const Value *placeholder;
    int64_t count;
    Value **items;
    Value *whole;              /* cut into parts of `step` along `axis`; NULL: the items are listed */
    int64_t axis, step;
    bool squeeze;
};

Sequence *sequence_of(const Import *im, const Value *placeholder)
{
    if (placeholder->def || placeholder->tensor)
        return NULL;
    Sequence *s = im->sequences;
    while (s && s->placeholder != placeholder)
        s = s->next;
    return s;
}

/* A sequence of count items, all NULL, as result of the call. */
static Sequence *sequence_new(Call *c, int64_t count)
{
    Import *im = c->at->import;
    Sequence *s = alloc(sizeof *s);
    s->next = im->sequences;
    im->sequences = s;
    s->count = count;
    s->items = alloc_array(count, sizeof *s->items);
    s->placeholder = c->out[0] = value_new(c->at->graph, NULL);
    return s;
}

/* Input 0 as a sequence; NULL after call_unsupported(). */
static Sequence *sequence_in(Call *c, int low, int high)
{
    call_arity(c, low, high);
    Sequence *s = sequence_of(c->at->import, c->in[0]);
    if (!s)
        call_unsupported(c, text_format("operator %s on a sequence that is not built here", c->name));
    return s;
}

/* The constant place that input k names among `count`; -1 after call_unsupported(). */
static int64_t place_in(Call *c, int k, int64_t count, int64_t absent)
{
    int64_t place = absent;
    if (call_in(c, k) && known_ints(c->in[k], &place, 1) != 1) {
        call_unsupported(c, text_format("operator %s at a run-time place", c->name));
        return -1;
    }
    place = place < 0 ? place + count : place;
    if (place < 0 || place >= count)
        call_fail(c, "place %lld lies outside a sequence of %lld", (long long)place, (long long)count);
    return place;
}

/* ---- building ---- */

void read_sequence_construct(Call *c)        /* and SequenceEmpty */
{
    call_arity(c, c->n_in, -1);
    Sequence *s = sequence_new(c, c->n_in);
    for (int k = 0; k < c->n_in; k++)
        s->items[k] = c->in[k];
}

void read_sequence_insert(Call *c)
{
    Sequence *from = sequence_in(c, 2, 3);
    int64_t place = from && !from->whole ? place_in(c, 2, from->count + 1, from->count) : -1;
    if (place < 0) {
        if (from && from->whole)
            call_unsupported(c, "operator SequenceInsert into a split");
        return;
    }
    Sequence *to = sequence_new(c, from->count + 1);
    for (int64_t k = 0; k < to->count; k++)
        to->items[k] = k < place ? from->items[k] : k > place ? from->items[k - 1] : c->in[1];
}

void read_sequence_erase(Call *c)
{
    Sequence *from = sequence_in(c, 1, 2);
    int64_t place = from && !from->whole ? place_in(c, 1, from->count, from->count - 1) : -1;
    if (place < 0) {
        if (from && from->whole)
            call_unsupported(c, "operator SequenceErase from a split");
        return;
    }
    Sequence *to = sequence_new(c, from->count - 1);
    for (int64_t k = 0; k < to->count; k++)
        to->items[k] = from->items[k < place ? k : k + 1];
}

void read_split_to_sequence(Call *c)
{
    enum { MOST_PARTS = 4096 };
    int64_t sizes[MOST_PARTS], axis = call_i(c, "axis", 0), keep = call_i(c, "keepdims", 1);
    call_arity(c, 1, 2);
    int64_t count = call_in(c, 1) ? known_ints(c->in[1], sizes, MOST_PARTS) : 0;
    if (count < 0) {
        call_unsupported(c, "operator SplitToSequence at run-time places");
        return;
    }
    bool listed = call_in(c, 1) && c->in[1]->tensor->shape.rank == 1;
    Sequence *s = sequence_new(c, listed ? count : 0);
    if (!listed) {
        s->whole = c->in[0];
        s->axis = axis;
        s->step = count ? sizes[0] : 1;
        s->squeeze = !count && !keep;
        if (s->step < 1)
            call_fail(c, "the parts are %lld long", (long long)s->step);
        return;
    }
    Node *n = node_new(c->at->graph, NULL, OP_Split, 2, c->in, (int)count);
    attr_set_i(n, "axis", axis);
    for (int64_t k = 0; k < count; k++)
        s->items[k] = n->out[k];
}

/* ---- reading ---- */

static Value *part_of(Call *c, const Sequence *s, int64_t place)
{
    Value *axis = emit_int(c, s->axis);
    Value *from = emit_int(c, place * s->step), *to = emit_int(c, place == -1 ? INT64_MAX : (place + 1) * s->step);
    Value *part = emit(c, OP_Slice, s->whole, from, to, axis);
    return s->squeeze ? emit(c, OP_Squeeze, part, axis) : part;
}

void read_sequence_at(Call *c)
{
    Sequence *s = sequence_in(c, 2, 2);
    int64_t place = 0;
    if (!s)
        return;
    if (!s->whole) {
        place = place_in(c, 1, s->count, 0);
        if (place >= 0)
            c->out[0] = emit(c, OP_Identity, s->items[place]);
        return;
    }
    bool known = known_ints(c->in[1], &place, 1) == 1 && place < INT32_MAX && s->step < INT32_MAX;
    if (known && (place >= 0 || (s->step == 1 && place > -INT32_MAX)))
        c->out[0] = part_of(c, s, place);
    else
        call_unsupported(c, "operator SequenceAt at a run-time place");
}

void read_sequence_length(Call *c)
{
    const Sequence *s = sequence_in(c, 1, 1);
    if (s && s->whole)
        call_unsupported(c, "operator SequenceLength of a split");
    else if (s)
        c->out[0] = value_int(c->at->graph, s->count);
}

void read_concat_from_sequence(Call *c)
{
    const Sequence *s = sequence_in(c, 1, 1);
    int64_t axis = call_i(c, "axis", 0);
    bool stack = call_i(c, "new_axis", 0) != 0;
    if (!s)
        return;
    if (s->whole || !s->count || s->count > INT32_MAX) {
        call_unsupported(c, "operator ConcatFromSequence of a split or of nothing");
        return;
    }
    Value **parts = alloc_array(s->count, sizeof *parts);
    for (int64_t k = 0; k < s->count; k++)
        parts[k] = stack ? emit(c, OP_Unsqueeze, s->items[k], emit_int(c, axis)) : s->items[k];
    c->out[0] = emit_list(c, OP_Concat, (int)s->count, parts);
    attr_set_i(c->out[0]->def, "axis", axis);
}

/* ---- optionals ---- */

void read_optional(Call *c)
{
    call_arity(c, 0, 1);
    c->out[0] = call_in(c, 0);
}

void read_optional_get(Call *c)
{
    call_arity(c, 1, 1);
    c->out[0] = c->in[0];
}

void read_optional_has(Call *c)
{
    call_arity(c, 0, 1);
    c->out[0] = value_float(c->at->graph, DT_BOOL, call_in(c, 0) != NULL);
}
