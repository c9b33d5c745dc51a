/* unit.c: one recorded case.  See conformance.h.
 *
 * An operand that must be constant (a shape, axes, an index) may be bound to its recorded value, floating-point inputs
 * never.  Attempt 0 binds nothing; the following ones bind the integer inputs' subsets, small ones first, so that a
 * case is counted with as few bound inputs as it needs. */
#include <stdlib.h>
#include <string.h>

#include "conformance.h"

enum { MOST_INTEGERS = 6 };

/* The subset of `bits` bits with number k in order of size; false when there are not so many. */
static bool subset_at(int bits, int k, unsigned *subset)
{
    for (int size = 0; size <= bits; size++)
        for (unsigned s = 0; s < 1u << bits; s++)
            if (__builtin_popcount(s) == size && k-- == 0) {
                *subset = s;
                return true;
            }
    return false;
}

typedef struct { Graph *graph; Input *inputs; Array **wanted; const char *const *wanted_types; } Loaded;

/* Read model and data, bind; exits NOTHING_LEFT_TO_BIND when the attempt's subset does not exist. */
static Loaded load(const Unit *u, int attempt, const char *until)
{
    Loaded l = {.graph = onnx_load(u->model)->graph};
    Graph *g = l.graph;
    Input *given = recorded_inputs(g, u->data);
    const Value **before = alloc_array(g->n_inputs + 1, sizeof *before);
    bool *as_constant = alloc_array(g->n_inputs + 1, sizeof *as_constant);
    int integers[MOST_INTEGERS], count = 0;
    unsigned subset;
    for (int k = 0; k < g->n_inputs; k++) {
        before[k] = g->inputs[k];
        if (count < MOST_INTEGERS && !dtype_is_float(given[k].array.dtype))
            integers[count++] = k;
    }
    if (!subset_at(count, attempt, &subset))
        exit(NOTHING_LEFT_TO_BIND);
    for (int k = 0; k < count; k++)
        as_constant[integers[k]] = subset >> k & 1;
    Bindings b = {0};
    bind_to_data(g, given, as_constant, &b);
    l.wanted = recorded_outputs(g, u->data);
    run_passes(g, &b, until);
    l.inputs = still_inputs(g, given, before);
    return l;
}

/* A case whose results do not depend on any input that is left. */
static bool all_folded(const Graph *g)
{
    for (int k = 0; k < g->n_outputs; k++)
        if (!g->outputs[k]->constant)
            return false;
    return true;
}

int work_oracle(int k, void *context)
{
    const Unit *u = &((Suite *)context)->units[k];
    Loaded l = load(u, u->oracle.attempt, "simplify");
    const Graph *g = l.graph;
    Array **got = alloc_array(g->n_outputs + 1, sizeof *got);
    run_oracle(l.graph, l.inputs, got, false, NULL, NULL);
    for (int j = 0; j < g->n_outputs; j++) {
        if (!l.wanted[j])
            continue;
        const SdcArray a = array_view(got[j]), b = array_view(l.wanted[j]);
        Difference d = compare(&a, &b, RTOL, ATOL);
        if (got[j]->dtype != l.wanted[j]->dtype || !d.same_shape || d.outside) {
            printf("output %d: got %s%s, expected %s%s; %lld elements differ, at most by %g\n", j,
                   dtype_info(got[j]->dtype)->name, shape_text(&got[j]->shape), dtype_info(l.wanted[j]->dtype)->name,
                   shape_text(&l.wanted[j]->shape), (long long)d.outside, d.worst);
            return DIFFERS;
        }
    }
    return all_folded(g) ? FOLDED : SDC_OK;
}

Program *unit_program(const Unit *u, const char *name, Input **inputs)
{
    Loaded l = load(u, u->compiled.attempt, NULL);
    Program *p = lower_graph(l.graph, name, isa_by_name("native"));
    plan_program(p);
    *inputs = l.inputs;
    return p;
}

int work_lower(int k, void *context)
{
    const Unit *u = &((Suite *)context)->units[k];
    Input *inputs;
    const Program *p = unit_program(u, u->name, &inputs);
    return all_folded(p->graph) ? FOLDED : SDC_OK;
}
