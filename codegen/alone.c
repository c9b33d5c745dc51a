/* alone.c: one call of a program as a program of its own, to be timed.
 *
 * What the call reads, packed weights too, becomes an input that is filled from outside; results and scratch memory are
 * arena.  Where few FLOPs follow from each weight, the call is repeated on weights that lie elsewhere, so that they come
 * from as far as they do in a network. */
#include <string.h>

#include "choice.h"

enum {
    COLD_BYTES = 32 << 20,          /* of weights, that all repetitions read */
    MOST_COPIES = 8,
    REUSE = 256                     /* FLOPs on a byte of weights, from which on it does not matter where they come from */
};

static Buffer *buffer_alone(Program *p, int64_t bytes)
{
    Buffer *b = alloc(sizeof *b);
    *b = (Buffer){.id = p->n_buffers, .kind = BUFFER_ARENA, .bytes = bytes, .offset = -1, .first = -1, .last = -1};
    p->buffers[p->n_buffers++] = b;
    return b;
}

static View whole(Buffer *b, DType dtype)
{
    return (View){.buffer = b, .dtype = dtype, .rank = 1, .dim = {b->bytes / dtype_info(dtype)->bytes}, .stride = {1}};
}

static void add_tensor(Program *p, const Operand *o, Buffer *b)
{
    Graph *g = p->graph;
    const View v = whole(b, o->view.dtype);
    const Shape shape = shape_of(1, v.dim);
    if (o->mode == OPERAND_WRITE) {
        p->outputs[g->n_outputs] = v;
        Value *y = value_new(g, text_format("y%d", g->n_outputs));
        y->dtype = v.dtype;
        y->shape = shape;
        graph_output(g, y);
    } else if (o->mode == OPERAND_READ) {
        p->inputs[g->n_inputs] = v;
        value_input(g, text_format("x%d", g->n_inputs), v.dtype, shape);
    }
}

/* c's operands in buffers of p's own; `same` holds those of the repetition before, whose weights alone are others. */
static void add_copy(Program *p, const Call *c, Buffer **same, bool first)
{
    Call *copy = alloc(sizeof *copy);
    *copy = *c;
    copy->next = NULL;
    copy->operands = alloc_array(c->n_operands + 1, sizeof *copy->operands);
    for (int k = 0; k < c->n_operands; k++) {
        Operand *o = &copy->operands[k];
        *o = c->operands[k];
        Buffer *b = o->view.buffer;
        o->view.index = NULL;
        for (int j = 0; b && j < k; j++)
            if (c->operands[j].view.buffer == b)
                same[k] = same[j];
        bool fresh = b && (first || b->kind == BUFFER_WEIGHTS);
        for (int j = 0; fresh && j < k; j++)
            fresh = c->operands[j].view.buffer != b;
        if (fresh) {
            same[k] = buffer_alone(p, b->bytes);
            add_tensor(p, o, same[k]);
        }
        o->view.buffer = b ? same[k] : NULL;
    }
    *(p->body.last ? &p->body.last->next : &p->body.first) = copy;
    p->body.last = copy;
    p->n_calls++;
}

static int copies_of(const Call *c)
{
    int64_t bytes = 0;
    for (int k = 0; k < c->n_operands; k++)
        if (c->operands[k].view.buffer && c->operands[k].view.buffer->kind == BUFFER_WEIGHTS)
            bytes += c->operands[k].view.buffer->bytes;
    if (!bytes || c->flops / bytes >= REUSE)
        return 1;
    const int64_t copies = COLD_BYTES / bytes;
    return copies < 1 ? 1 : copies > MOST_COPIES ? MOST_COPIES : (int)copies;
}

Program *call_alone(const Call *c, const char *name)
{
    const int copies = copies_of(c), room = copies * c->n_operands + 1;
    Program *p = alloc(sizeof *p);
    *p = (Program){.name = text_copy(name), .graph = model_new(name)->graph};
    p->buffers = alloc_array(room, sizeof *p->buffers);
    p->inputs = alloc_array(room, sizeof *p->inputs);
    p->outputs = alloc_array(room, sizeof *p->outputs);
    Buffer **same = alloc_array(room, sizeof *same);
    for (int k = 0; k < copies; k++)
        add_copy(p, c, same, k == 0);
    p->last[PACE_STEP] = p->body.last;
    plan_program(p);
    return p;
}
