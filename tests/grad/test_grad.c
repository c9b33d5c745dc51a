/* test_grad.c: do gradients equal finite differences?
 *
 *      test_grad SOURCE_FOLDER [FIRST_SEED COUNT]
 *
 * Each seed is a random graph, one in three by the fuzzer, the others of parts that together have every operator with a
 * rule (rules.c).  The loss is a weighted sum of its results.  In double precision, the slope of the loss along a random
 * direction of each float input must be what the gradient says, to 1e-3 of it, and again after all passes (3e-2 with
 * constants in half precision, which these round).  The step of the differences is the best of four: too short a one rounds, too long a one bends.  Graphs with masks like -3.4e38 are
 * left out: beside them a difference is lost, in double precision as well, of which the gradient knows nothing.
 *
 * Last, the recorded loss of a CLIP image encoder and its gradient, by PyTorch, and the loss of CLIP guidance, by
 * differences. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../cli/clip.h"
#include "../../cli/verify.h"
#include "harness.h"
#include "rules.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

enum { WRONG = 40, UNJUDGED = 41, SECONDS = 60, DIRECTIONS = 2 };

static int failed, unjudged, without_rule, judged;

/* ---- a graph and its loss --------------------------------------------------------------------------------------- */

static Graph *graph_of_rules(uint64_t seed)
{
    Model *model = model_new("grad");
    Maker *m = alloc(sizeof *m);
    *m = (Maker){.state = seed * 0x2545f4914f6cdd1du + 1, .type = DT_F32, .top = graph_new(model, NULL, "g")};
    model->graph = m->g = m->top;
    fresh(m, 3, (int64_t[]){2, 3, 4});
    make_rule(m, (int)(seed % (uint64_t)rule_count()));
    for (int k = below(m, 3); k > 0; k--)
        make_rule(m, below(m, rule_count()));
    for (int k = 0; k < m->count; k++)
        if (m->pool[k]->def && !m->pool[k]->n_uses && m->pool[k]->dtype == DT_F32)
            graph_output(m->g, m->pool[k]);
    return m->g;
}

/* The sum of all float outputs, each times numbers of its own; it becomes the only output. */
static bool add_loss(Graph *g, uint64_t seed)
{
    Maker m = {.state = seed, .top = g, .g = g};
    Value *loss = NULL;
    for (int k = 0; k < g->n_outputs; k++) {
        Value *y = g->outputs[k];
        y->graph_output = false;
        if (!dtype_is_single(y->dtype) || !elements(y))
            continue;
        m.type = y->dtype;
        Value *part = op2(&m, OP_Mul, y, tensor_of(&m, y->dtype, y->shape.rank, y->shape.dim, -1, 1));
        Node *sum = begin(&m, OP_ReduceSum, 1, &part);
        attr_set_i(sum, "keepdims", 0);
        part = cast(&m, end(sum), DT_F32);
        loss = loss ? op2(&m, OP_Add, loss, part) : part;
    }
    g->n_outputs = 0;
    if (!loss)
        return false;
    loss->name = "loss";
    graph_output(g, loss);
    return true;
}

/* Along floats, from the loss upwards; not through what is flat all around, or only gives a type. */
static bool *reached(const Graph *g)
{
    bool *is = alloc_array(g->model->next_value, sizeof *is);
    is[g->outputs[0]->id] = true;
    for (const Node *n = g->last; n; n = n->prev) {
        bool flat = n->op == OP_Floor || n->op == OP_Ceil || n->op == OP_Round || n->op == OP_Sign, any = false;
        for (int k = 0; k < n->n_out; k++)
            any |= n->out[k] && is[n->out[k]->id];
        for (int k = 0; any && !flat && k < (n->op == OP_CastLike ? 1 : n->n_in); k++)
            if (n->in[k] && dtype_is_float(n->in[k]->dtype))
                is[n->in[k]->id] = true;
    }
    return is;
}

/* "--grad" of every float input that the loss depends on. */
static Bindings all_gradients(const Graph *g)
{
    const bool *is = reached(g);
    const char **list = alloc_array(g->n_inputs + 1, sizeof *list);
    Bindings b = {.gradients = list};
    for (int k = 0; k < g->n_inputs; k++)
        if (g->inputs[k]->dtype == DT_F32 && elements(g->inputs[k]) && is[g->inputs[k]->id])
            list[b.n_gradients++] = text_format("loss:%s", g->inputs[k]->name);
    return b;
}

/* ---- slopes ----------------------------------------------------------------------------------------------------- */

static double uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53;
}

static Array **random_arrays(const Graph *g, uint64_t seed)
{
    Array **in = alloc_array(g->n_inputs + 1, sizeof *in);
    for (int k = 0; k < g->n_inputs; k++) {
        in[k] = array_new(g->inputs[k]->dtype, &g->inputs[k]->shape);
        for (int64_t e = 0; e < in[k]->count; e++) {
            double u = uniform(&seed);
            if (in[k]->f)
                in[k]->f[e] = 3 * u - 1.5;
            else
                in[k]->i[e] = u < 0.5;
        }
    }
    return in;
}

static double loss_at(Graph *g, Array *const *in)
{
    Array **out = alloc_array(g->n_outputs + 1, sizeof *out);
    eval_graph(g, (const Array *const *)in, out, true, NULL, NULL);
    double loss = out[0]->f[0];
    for (int k = 0; k < g->n_outputs; k++)
        array_free(out[k]);
    return loss;
}

static double slope_along(Graph *g, Array *const *in, Array *x, const double *direction, double step)
{
    double loss[2];
    for (int side = 0; side < 2; side++) {
        double far = side ? step : -step;
        for (int64_t e = 0; e < x->count; e++)
            x->f[e] += far * direction[e];
        loss[side] = loss_at(g, in);
        for (int64_t e = 0; e < x->count; e++)
            x->f[e] -= far * direction[e];
    }
    return (loss[1] - loss[0]) / (2 * step);
}

/* Relative difference of what the gradient says from the nearest of the finite differences; NaN: none is finite.  The
 * bound of the slope's rounding, `floor`, counts as size. */
static double miss(Graph *plain, Array *const *in, Array *x, const Array *gradient, double floor, uint64_t *state,
                   double *slope)
{
    static const double steps[] = {1e-4, 1e-5, 1e-6, 1e-7};
    double *direction = alloc_array(x->count, sizeof *direction), best = NAN, size = floor;
    *slope = 0;
    for (int64_t e = 0; e < x->count; e++) {
        direction[e] = 2 * uniform(state) - 1;
        *slope += direction[e] * gradient->f[e];
        size += fabs(direction[e] * gradient->f[e]);
    }
    for (int k = 0; k < COUNT(steps); k++) {
        double wanted = slope_along(plain, in, x, direction, steps[k]);
        best = isfinite(wanted) ? fmin(best, isfinite(*slope) ? fabs(wanted - *slope) / size : INFINITY) : best;
    }
    return best;
}

/* Is the seed's graph made of parts, not by the fuzzer? */
static bool of_rules(uint64_t seed) { return seed % 3 != 0; }

static int judge(Graph *plain, Graph *g, const Bindings *b, uint64_t seed, double limit, const char *when)
{
    const uint64_t seed_of_graph = seed;
    Array **in = random_arrays(g, seed), **out = alloc_array(g->n_outputs + 1, sizeof *out);
    eval_graph(g, (const Array *const *)in, out, true, NULL, NULL);
    if (!isfinite(out[0]->f[0]))
        return UNJUDGED;
    for (int k = 0; k < b->n_gradients; k++) {
        int input = 0;
        while (strcmp(b->gradients[k] + strlen("loss:"), g->inputs[input]->name))
            input++;
        for (int d = 0; d < DIRECTIONS; d++) {
            double slope, off = miss(plain, in, in[input], out[k + 1], 0.1 * fmax(1, fabs(out[0]->f[0])), &seed, &slope);
            if (isnan(off) || (!isfinite(slope) && !of_rules(seed_of_graph)))      /* the root of 0, somewhere in it */
                return UNJUDGED;
            if (!(off < limit)) {
                printf("%s: slope of %s is %g, off by %g\n", when, b->gradients[k], slope, off);
                return WRONG;
            }
        }
    }
    return 0;
}

static bool has_masks(const Graph *g)
{
    for (const Node *n = g->first; n; n = n->next)
        for (int k = 0; k < n->n_in; k++) {
            const Tensor *t = n->in[k] ? n->in[k]->tensor : NULL;
            for (int64_t e = 0; t && t->dtype == DT_F32 && e < t->count; e++) {
                const float v = ((const float *)t->data)[e];
                if (isfinite(v) && fabsf(v) > 1e30f)
                    return true;
            }
        }
    return false;
}

static bool has_half(const Graph *g)
{
    bool any = false;
    for (const Node *n = g->first; n; n = n->next)
        for (int k = 0; k < n->n_out; k++)
            any |= n->out[k] && dtype_is_half(n->out[k]->dtype);
    return any;
}

static Graph *make(uint64_t seed)
{
    Graph *g = of_rules(seed) ? graph_of_rules(seed / 3 * 2 + seed % 3 - 1) : make_graph(seed);
    return add_loss(g, seed) ? g : NULL;
}

static int run_seed(int seed, void *context)
{
    (void)context;
    Graph *plain = make((uint64_t)seed);
    if (!plain || has_masks(plain))
        return UNJUDGED;
    Bindings b = all_gradients(plain);
    if (!b.n_gradients)
        return UNJUDGED;
    Graph *g = make((uint64_t)seed);
    run_passes(plain, &(Bindings){0}, "fold");
    run_passes(g, &b, "grad");
    int code = judge(plain, g, &b, (uint64_t)seed, 1e-3, "grad");
    g = make((uint64_t)seed);
    run_passes(g, &b, NULL);
    return code ? code : judge(plain, g, &b, (uint64_t)seed, has_half(plain) ? 3e-2 : 1e-3, "all passes");
}

static void report(int seed, int code, const char *text, void *context)
{
    (void)context;
    if (code == SDC_UNSUPPORTED && strstr(text, "--grad:"))
        without_rule++;
    else if (code == UNJUDGED)
        unjudged++;
    else if (code)
        printf("FAILED: seed %d (code %d): %s%s", seed, code, text, *text ? "" : "\n");
    failed += code && code != UNJUDGED && !(code == SDC_UNSUPPORTED && strstr(text, "--grad:"));
    judged += !code;
}

/* ---- the recorded case ------------------------------------------------------------------------------------------ */

static int output_of_name(const Graph *g, const char *name)
{
    int k = 0;
    while (k < g->n_outputs && strcmp(g->output_names[k], name))
        k++;
    return k;
}

static int run_recorded(const char *folder, const char *set)
{
    static const char *const wanted[][2] = {{"loss", "loss"}, {"image.grad", "image_grad"}};
    Graph *g = onnx_load(text_format("%s/model.onnx", folder))->graph;
    const char *data = text_format("%s/%s", folder, set);
    Input *inputs = recorded_inputs(g, data);
    Array **recorded = recorded_outputs(g, data);
    const Graph before = *g;
    run_passes(g, &(Bindings){.gradients = (const char *const[]){"loss:image"}, .n_gradients = 1}, NULL);
    Array **got = alloc_array(g->n_outputs + 1, sizeof *got);
    run_oracle(g, inputs, got, false, NULL, NULL);
    for (int k = 0; k < 2; k++) {
        const SdcArray a = array_view(got[output_of_name(g, wanted[k][0])]);
        const SdcArray b = array_view(recorded[output_of_name(&before, wanted[k][1])]);
        Difference d = compare(&a, &b, 0, 0);
        printf("%s, %s: relative rms %.3g\n", set, wanted[k][0], d.rms);
        if (!d.same_shape || !(d.rms <= 1e-5))
            return 1;
    }
    return 0;
}

/* Pictures that are cropped and resized, in colour and grey. */
static int run_guidance(const char *folder)
{
    const Bindings b = {.gradients = (const char *const[]){"loss:sample"}, .n_gradients = 1};
    for (int channels = 1; channels <= 3; channels += 2) {
        Graph *plain = clip_guide_graph(folder, channels, 40, 48), *g = clip_guide_graph(folder, channels, 40, 48);
        run_passes(plain, &(Bindings){0}, "fold");
        run_passes(g, &b, NULL);
        if (judge(plain, g, &b, 7, 1e-3, "CLIP guidance"))
            return 1;
    }
    printf("CLIP guidance: the gradient is right\n");
    return 0;
}

int main(int argc, char **argv)
{
    enum { SEEDS = 600, MOST = 100000 };
    static int list[MOST];
    const int first = argc > 2 ? atoi(argv[2]) : 0, wanted = argc > 3 ? atoi(argv[3]) : SEEDS;
    const int count = wanted > MOST ? MOST : wanted;
    for (int k = 0; k < count; k++)
        list[k] = first + k;
    run_parallel(cpus(), list, count, SECONDS, run_seed, report, NULL);
    printf("%d gradients are right, %d wrong; %d graphs have an operator without a rule, %d are not judged\n", judged, failed,
           without_rule, unjudged);
    const char *models = text_format("%s/../shared/data/models", argc > 1 ? argv[1] : ".");
    int recorded = 0;
    if (access(models, R_OK)) {
        printf("2 gradients of CLIP skipped: %s is not there\n", models);
    } else {
        const char *folder = text_format("%s/tiny-clip-guidance", models);
        recorded = run_recorded(folder, "test_data_set_0") | run_recorded(folder, "test_data_set_1");
        recorded |= run_guidance(text_format("%s/tiny-clip", models));
    }
    return failed || recorded || !judged;
}
