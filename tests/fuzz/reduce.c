/* reduce.c: see fuzz.h.
 *
 * Tried one after the other, from the end of the graph, while the same check fails: leave out an output; make a node's
 * result an input; make it one of the operands of its shape; take an operand as the output in place of its result. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../cli/verify.h"
#include "fuzz.h"
#include "harness.h"

char *failed_check(const char *failure) { return format("%.*s", (int)strcspn(failure, ":"), failure); }

static void drop_output(Graph *g, int k)
{
    Value *v = g->outputs[k];
    bool again = false;
    g->n_outputs--;
    memmove(g->outputs + k, g->outputs + k + 1, (size_t)(g->n_outputs - k) * sizeof *g->outputs);
    memmove(g->output_names + k, g->output_names + k + 1, (size_t)(g->n_outputs - k) * sizeof *g->output_names);
    for (int j = 0; j < g->n_outputs; j++)
        again |= g->outputs[j] == v;
    v->graph_output = again;
}

static void drop_unread_inputs(Graph *g)
{
    int count = 0;
    for (int k = 0; k < g->n_inputs; k++)
        if (value_is_read(g->inputs[k]))
            g->inputs[count++] = g->inputs[k];
    g->n_inputs = count;
}

/* Step `number` of those that the graph allows; 1: done, 0: it changes nothing, -1: there is no such step. */
static int apply(Graph *g, int number)
{
    if (number < g->n_outputs) {
        if (g->n_outputs == 1)
            return 0;
        drop_output(g, number);
        return 1;
    }
    number -= g->n_outputs;
    for (Node *n = g->last; n; n = n->prev)
        for (int k = 0; k < n->n_out; k++) {
            Value *v = n->out[k];
            if (!v || number-- == 0) {
                if (!v)
                    continue;
                value_replace(v, value_input(g, text_format("r%d", v->id), v->dtype, v->shape));
                return 1;
            }
            for (int j = 0; j < n->n_in; j++) {
                Value *x = n->in[j];
                if (number-- != 0)
                    continue;
                if (!x || x->constant || (v->graph_output && (x->graph_output || !x->def)))
                    return 0;
                if (x->dtype == v->dtype && shape_equal(&x->shape, &v->shape))
                    value_replace(v, x);
                else if (v->graph_output && !v->n_uses)
                    for (int o = 0; o < g->n_outputs; o++) {
                        if (g->outputs[o] != v)
                            continue;
                        drop_output(g, o);
                        graph_output(g, x);
                        g->output_names[g->n_outputs - 1] = "reduced";
                    }
                else
                    return 0;
                return 1;
            }
        }
    return -1;
}

/* The graph after one step, as text; NULL when the step changes nothing, *end when there are no more. */
static char *step(const char *text, int number, bool *end)
{
    Graph *g = graph_parse(model_new("reduce"), text, "reduce");
    char *changed = NULL;
    size_t bytes;
    int done = apply(g, number);
    *end = done < 0;
    if (done <= 0)
        return NULL;
    graph_sweep(g);
    drop_unread_inputs(g);
    FILE *out = open_memstream(&changed, &bytes);
    graph_print(out, g);
    fclose(out);
    return changed;
}

void reduce_case(const Fuzz *f, Case *c, int seconds)
{
    const char *path = format("%s.txt", c->name);
    char *check = failed_check(c->failure), *text = read_text(path, NULL);
    const time_t until = time(NULL) + seconds;
    bool end = false, smaller = true;
    while (smaller) {
        smaller = false;
        for (int number = 0; time(NULL) < until;) {
            char *candidate = step(text, number, &end);
            if (end)
                break;
            Case trial = {.name = format("%s-try", c->name), .seed = c->seed};
            if (candidate) {
                write_text(format("%s.txt", trial.name), candidate);
                check_cases(f, &trial, 1);
            }
            if (trial.failure && !strcmp(failed_check(trial.failure), check)) {
                text = candidate;
                c->failure = trial.failure;
                smaller = true;
            } else {
                number++;
            }
        }
    }
    write_text(path, text);
}
