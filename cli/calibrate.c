/* calibrate.c: --dtype int8: how large is what products and convolutions multiply?
 *
 * The model is built in f32, with each such operand as one more output, and run on every sample.  Of each operand a part of
 * the elements is kept, and the factor to its codes is the one of least mean squared error, for which the largest elements
 * may be cut off. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../passes/integers.h"
#include "verify.h"

enum { KEPT = 1 << 16, LARGEST_CODE = 127 };        /* elements of an operand, of all samples together */

typedef struct {
    Value *value;
    const char *name;                               /* of the output */
    float *kept;                                    /* [KEPT] */
    int count;
    double largest;
} Operand8;

typedef struct { Operand8 *list; int count; } Operands;

/* What the products multiply, each once, as outputs of the graph; product k multiplies operand which[k]. */
static Operands add_outputs(Graph *g, const IntegerProduct *products, int count, int *which)
{
    Operands o = {.list = alloc_array(count + 1, sizeof *o.list)};
    for (int k = 0; k < count; k++) {
        Value *v = products[k].node->in[0];
        which[k] = 0;
        while (which[k] < o.count && o.list[which[k]].value != v)
            which[k]++;
        if (which[k] < o.count)
            continue;
        Operand8 *operand = &o.list[o.count];
        *operand = (Operand8){.value = v, .name = text_format("sdc operand %d", o.count), .kept = alloc_array(KEPT, sizeof(float))};
        v->name = operand->name;
        graph_output(g, v);
        o.count++;
    }
    return o;
}

/* Every so many elements, at an odd distance, so that all channels have their turn. */
static void keep(Operand8 *o, const SdcArray *a, int room)
{
    const float *x = a->data;
    const int64_t step = (a->count + room - 1) / room | 1;
    for (int64_t k = 0; k < a->count; k++)
        o->largest = fmax(o->largest, fabs((double)x[k]));
    for (int64_t k = 0; k < a->count && o->count < KEPT; k += step)
        o->kept[o->count++] = x[k];
}

/* Sum of squared differences between the kept elements and what their codes stand for. */
static double error_of(const Operand8 *o, double largest)
{
    const float factor = (float)(LARGEST_CODE / largest);
    double sum = 0;
    for (int k = 0; k < o->count; k++) {
        const double code = fmax(fmin(nearbyint((double)(o->kept[k] * factor)), LARGEST_CODE), -LARGEST_CODE);
        const double difference = (double)o->kept[k] - code / (double)factor;
        sum += difference * difference;
    }
    return sum;
}

static double best_factor(const Operand8 *o)
{
    enum { STEPS = 40 };
    double best = o->largest, least = INFINITY;
    for (int k = STEPS; k > STEPS / 8; k--) {
        const double largest = o->largest * k / STEPS, error = error_of(o, largest);
        if (error < least) {
            least = error;
            best = largest;
        }
    }
    return best > 0 && isfinite(best) ? (double)(float)(LARGEST_CODE / best) : 1;
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */

static void check_sample(const Graph *g, const char *path, const Input *sample, const Input *first)
{
    for (int k = 0; k < g->n_inputs; k++) {
        const SdcArray *a = &sample[k].array, *b = &first[k].array;
        const Shape s = shape_of(a->rank, a->dim), wanted = shape_of(b->rank, b->dim);
        const int bytes = dtype_info(a->dtype)->bytes;
        if (a->dtype != g->inputs[k]->dtype)
            fail(SDC_BAD_INPUT, "--calibrate %s: '%s' is %s, the model's input %s", path, g->inputs[k]->name,
                 dtype_info(a->dtype)->name, dtype_info(g->inputs[k]->dtype)->name);
        if (!shape_equal(&s, &wanted))
            fail(SDC_BAD_INPUT, "--calibrate %s: '%s' has the shape %s, in the first sample %s", path, g->inputs[k]->name,
                 shape_text(&s), shape_text(&wanted));
        for (int64_t j = 0; dtype_is_float(a->dtype) && j < a->count; j++)
            if (!isfinite(dtype_load_f(a->dtype, (const char *)a->data + j * bytes)))
                fail(SDC_BAD_INPUT, "--calibrate %s: '%s' has values that are not finite", path, g->inputs[k]->name);
    }
}

static void run_sample(const char *executable, const char *folder, const Graph *g, Operands *o, const char *sample, int room)
{
    const char *results = text_format("%s/operands.npz", folder);
    char **arguments = alloc_array(2 * (g->n_inputs + o->count) + 2, sizeof *arguments);
    int count = 0;
    arguments[count++] = text_copy(executable);
    for (int k = 0; k < g->n_inputs; k++) {
        arguments[count++] = text_copy("--input");
        arguments[count++] = text_format("%s=%s", g->inputs[k]->name, sample);
    }
    for (int k = 0; k < o->count; k++) {
        arguments[count++] = text_copy("--output");
        arguments[count++] = text_format("%s=%s", o->list[k].name, results);
    }
    remove_at_exit(results);
    run_executable(arguments, NULL);
    for (int k = 0; k < o->count; k++) {
        SdcArray a;
        int code = sdc_array_read(&a, results, o->list[k].name);
        if (code)
            exit(code);
        keep(&o->list[k], &a, room);
        sdc_array_free(&a);
    }
}

static Calibration *measured(const char *path, const Options *o, const Bindings *given)
{
    Graph *g = onnx_load(path)->graph;
    const Texts *samples = &o->calibrate;
    Input **inputs = alloc_array(samples->count, sizeof *inputs);
    for (int k = 0; k < samples->count; k++) {
        inputs[k] = recorded_inputs(g, samples->list[k]);
        check_sample(g, samples->list[k], inputs[k], inputs[0]);
    }
    Bindings b = {.values = given->values, .n_values = given->n_values, .no_fuse = given->no_fuse, .exact = given->exact};
    bind_to_data(g, inputs[0], alloc_array(g->n_inputs + 1, sizeof(bool)), &b);
    run_passes(g, &b, "integers");
    IntegerProduct *products;
    const int count = integer_products(g, &products);
    int *which = alloc_array(count + 1, sizeof *which);
    Operands operands = add_outputs(g, products, count, which);
    run_passes_from(g, "quantise");
    const Options build = {.jobs = o->jobs, .no_cache = o->no_cache};
    const char *folder = temporary_folder("sdc-calibrate"), *executable = build_executable(g, folder, &build);
    for (int k = 0; k < samples->count && count; k++)
        run_sample(executable, folder, g, &operands, samples->list[k], KEPT / samples->count);
    ActivationFactor *list = alloc_array(count + 1, sizeof *list);
    for (int k = 0; k < count; k++)
        list[k] = (ActivationFactor){products[k].weight, products[k].turn, best_factor(&operands.list[which[k]])};
    Calibration *c = alloc(sizeof *c);
    *c = (Calibration){list, count};
    return c;
}

const Calibration *calibrate(const char *path, const Options *o, const Bindings *b)
{
    static const char *known;
    static Calibration *last;
    if (!o->int8 && o->calibrate.count)
        fail(SDC_USAGE, "--calibrate is for --dtype int8");
    if (!o->int8)
        return NULL;
    if (!o->calibrate.count)
        fail(SDC_USAGE, "--dtype int8 needs samples of the inputs: --calibrate FILE.npz");
    if (!known || strcmp(known, path))
        last = measured(path, o, b);
    known = path;
    return last;
}
