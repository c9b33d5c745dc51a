/* calibrate.c: --dtype int8: how large is what products and convolutions multiply?
 *
 * Samples are a model's inputs, or what a pipeline's --trace wrote, of which its denoiser gets some evaluations.
 * The model is built in f32, with each such operand as one more output, and run on every sample.  Of each operand a part of
 * the elements is kept, and the factor to its codes is the one of least mean squared error, for which the largest elements
 * may be cut off.  Where even that is far from them the operand stays as it is. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../passes/integers.h"
#include "verify.h"

enum { KEPT = 1 << 16, LARGEST_CODE = 127 };        /* elements of an operand, of all samples together */
#define LARGEST_ERROR 3e-2                          /* relative RMS, for which an operand is made codes */

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
        *operand = (Operand8){.value = v, .name = text_format("sdc operand %d", o.count),
                              .kept = alloc_array(KEPT, sizeof(float))};
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

/* 0: the codes would be too far from the elements, which are of too different sizes. */
static double best_factor(const Operand8 *o)
{
    enum { STEPS = 40 };
    double best = o->largest, least = INFINITY, squares = 0;
    for (int k = 0; k < o->count; k++)
        squares += (double)o->kept[k] * (double)o->kept[k];
    for (int k = STEPS; k > STEPS / 8; k--) {
        const double largest = o->largest * k / STEPS, error = error_of(o, largest);
        if (error < least) {
            least = error;
            best = largest;
        }
    }
    if (!(least <= LARGEST_ERROR * LARGEST_ERROR * squares))
        return 0;
    return best > 0 ? (double)(float)(LARGEST_CODE / best) : 1;
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

/* The file that holds an input: the sample's own, or one that is written. */
static const char *input_file(const char *folder, int k, const Input *given)
{
    if (given->path)
        return given->path;
    const char *path = text_format("%s/in_%d.npy", folder, k);
    remove_at_exit(path);
    int code = sdc_npy_write(path, &given->array);
    if (code)
        exit(code);
    return path;
}

static void run_sample(const char *executable, const char *folder, const Graph *g, Operands *o, const Input *sample, int room)
{
    const char *results = text_format("%s/operands.npz", folder);
    char **arguments = alloc_array(2 * (g->n_inputs + o->count) + 2, sizeof *arguments);
    int count = 0;
    arguments[count++] = text_copy(executable);
    for (int k = 0; k < g->n_inputs; k++) {
        arguments[count++] = text_copy("--input");
        arguments[count++] = text_format("%s=%s", g->inputs[k]->name, input_file(folder, k, &sample[k]));
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

static Calibration *calibration_of(const IntegerProduct *products, int count, const Operands *operands, const int *which)
{
    ActivationFactor *list = alloc_array(count + 1, sizeof *list);
    for (int k = 0; k < count; k++)
        list[k] = (ActivationFactor){products[k].weight, products[k].turn, best_factor(&operands->list[which[k]])};
    Calibration *c = alloc(sizeof *c);
    *c = (Calibration){list, count};
    return c;
}

static const Calibration *measured(Graph *g, Input *const *samples, int n_samples, const Options *o, const Bindings *given)
{
    Bindings b = {.values = given->values, .n_values = given->n_values, .no_fuse = given->no_fuse, .exact = given->exact};
    bind_to_data(g, samples[0], alloc_array(g->n_inputs + 1, sizeof(bool)), &b);
    run_passes(g, &b, "integers");
    IntegerProduct *products;
    const int count = integer_products(g, &products);
    int *which = alloc_array(count + 1, sizeof *which);
    Operands operands = add_outputs(g, products, count, which);
    if (count) {
        const Options build = {.jobs = o->jobs, .no_cache = o->no_cache};
        const char *folder = temporary_folder("sdc-calibrate");
        run_passes_from(g, "quantise");
        const char *executable = build_executable(g, folder, &build);
        for (int k = 0; k < n_samples; k++)
            run_sample(executable, folder, g, &operands, samples[k], KEPT / n_samples);
    }
    return calibration_of(products, count, &operands, which);
}

static bool asks_for_it(const Options *o)
{
    if (!o->int8 && o->calibrate.count)
        fail(SDC_USAGE, "--calibrate is for --dtype int8");
    if (o->int8 && !o->calibrate.count)
        fail(SDC_USAGE, "--dtype int8 needs samples of the inputs: --calibrate FILE.npz");
    return o->int8;
}

/* What was measured last: --tune and the build behind it ask for the same. */
static struct { const char *path; const Calibration *calibration; } known;

/* Nothing is to be measured: it is not asked for, or known. */
static bool is_answered(const char *path, const Options *o, const Calibration **answer)
{
    const bool asked = asks_for_it(o), before = known.path && !strcmp(known.path, path);
    *answer = asked && before ? known.calibration : NULL;
    return !asked || before;
}

static const Calibration *keep_known(const char *path, const Calibration *c)
{
    known.path = path;
    return known.calibration = c;
}

const Calibration *calibrate(const char *path, const Options *o, const Bindings *b)
{
    const Texts *files = &o->calibrate;
    const Calibration *answer;
    if (is_answered(path, o, &answer))
        return answer;
    Graph *g = onnx_load(path)->graph;
    Input **samples = alloc_array(files->count, sizeof *samples);
    for (int k = 0; k < files->count; k++) {
        samples[k] = recorded_inputs(g, files->list[k]);
        check_sample(g, files->list[k], samples[k], samples[0]);
    }
    return keep_known(path, measured(g, samples, files->count, o, b));
}

/* ---- traces of a pipeline ---------------------------------------------------------------------------------------- */

enum { TRACED_STEPS = 8 };              /* of each trace, at most */

static SdcArray member(const char *path, const char *name, int rank)
{
    SdcArray a;
    int code = sdc_array_read(&a, path, name);
    if (code)
        exit(code);
    if (a.rank != rank || !dtype_is_float(a.dtype) || !a.count)
        fail(SDC_BAD_INPUT, "--calibrate %s: '%s' is not what --trace writes", path, name);
    return a;
}

/* Rows [row, row + rows) of `from`, `times` times in turn each, for the input v, whose shape may have no rows: one number. */
static Input rows_for(const Value *v, const SdcArray *from, int64_t row, int64_t rows, int64_t times, bool whole)
{
    Input in = {{0}, NULL};
    const int64_t each = from->count / from->dim[0];
    SdcArray *a = &in.array;
    int64_t dim[MAX_RANK] = {rows * times};
    for (int d = 1; d < from->rank; d++)
        dim[d] = from->dim[d];
    int code = sdc_array_alloc(a, v->dtype, v->shape.rank, dim);
    if (code)
        exit(code);
    for (int64_t k = 0; k < a->count; k++) {
        const int64_t at = (row + (whole ? k / each % rows : k / each / times)) * each + k % each;
        const double x = dtype_load_f(from->dtype, (const char *)from->data + at * dtype_info(from->dtype)->bytes);
        char *to = (char *)a->data + k * dtype_info(a->dtype)->bytes;
        if (dtype_is_float(a->dtype))
            dtype_store_f(a->dtype, to, x);
        else
            dtype_store_i(a->dtype, to, (int64_t)x);
    }
    return in;
}

/* What a ControlNet gives is made anew at each evaluation, and no trace has it. */
static void refuse_residuals(const Graph *g, const char *path)
{
    static const char *const begins[] = {"down_block", "mid_block", "block_controlnet"};
    for (int k = 0; k < g->n_inputs; k++)
        for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
            if (!strncmp(g->inputs[k]->name, begins[i], strlen(begins[i])))
                fail(SDC_UNSUPPORTED, "%s: input '%s' takes what a ControlNet gives, which --dtype int8 can not calibrate; "
                     "use --dtype bf16, or --weights int8", path, g->inputs[k]->name);
}

/* A trace's samples [steps][pictures][channels][height][width] with the channels behind each that a mask or another picture
 * makes, where the denoiser g takes more than latents. */
static SdcArray traced_samples(const Graph *g, const char *path, const char *prefix)
{
    SdcArray sample = member(path, text_format("%ssample", prefix), 5), all;
    const int input = graph_find_input(g, "sample");
    if (input < 0 || g->inputs[input]->shape.rank != 4 || g->inputs[input]->shape.dim[1] <= sample.dim[2])
        return sample;
    SdcArray extra = member(path, text_format("%ssample_extra", prefix), 3);
    const int64_t rows = sample.dim[0] * sample.dim[1], own = sample.count / rows, row = own + extra.count;
    const int64_t dim[] = {sample.dim[0], sample.dim[1], sample.dim[2] + extra.dim[0], sample.dim[3], sample.dim[4]};
    if (extra.dtype != DT_F32 || sample.dtype != DT_F32 || extra.dim[1] != dim[3] || extra.dim[2] != dim[4])
        fail(SDC_BAD_INPUT, "--calibrate %s: '%ssample_extra' is not what --trace writes", path, prefix);
    int code = sdc_array_alloc(&all, DT_F32, 5, dim);
    if (code)
        exit(code);
    for (int64_t k = 0; k < rows; k++) {
        memcpy((float *)all.data + k * row, (const float *)sample.data + k * own, (size_t)own * sizeof(float));
        memcpy((float *)all.data + k * row + own, extra.data, (size_t)extra.count * sizeof(float));
    }
    sdc_array_free(&extra);
    sdc_array_free(&sample);
    return all;
}

/* What the denoiser g got at evaluation `step` of a trace: a row for each prompt of each picture, the prompts
 * innermost.  Conditions are called as the inputs, behind the prefix. */
static Input *traced_inputs(const Graph *g, const char *path, const char *prefix, int64_t step, SdcArray sample,
                            const SdcArray *times)
{
    Input *in = alloc_array(g->n_inputs + 1, sizeof *in);
    SdcArray text = member(path, text_format("%sencoder_hidden_states", prefix), 3);
    const int64_t pictures = sample.dim[1], prompts = text.dim[0];
    sample.rank = 4;
    memmove(sample.dim, sample.dim + 1, 4 * sizeof *sample.dim);
    sample.dim[0] *= times->dim[0];
    for (int k = 0; k < g->n_inputs; k++) {
        const Value *v = g->inputs[k];
        bool latents = !strcmp(v->name, "sample") || !strcmp(v->name, "hidden_states");
        if (latents && v->shape.rank == 4)
            in[k] = rows_for(v, &sample, step * pictures, pictures, prompts, false);
        else if (!strcmp(v->name, "timestep") && v->shape.rank <= 1)
            in[k] = rows_for(v, times, step, 1, pictures * prompts, false);
        else {
            SdcArray condition = member(path, text_format("%s%s", prefix, v->name), v->shape.rank);
            if (condition.dim[0] != prompts)
                fail(SDC_BAD_INPUT, "--calibrate %s: '%s%s' is not what --trace writes", path, prefix, v->name);
            in[k] = rows_for(v, &condition, 0, prompts, pictures, true);
            sdc_array_free(&condition);
        }
    }
    sdc_array_free(&text);
    return in;
}

const Calibration *calibrate_denoiser(const char *path, const char *prefix, const Options *o)
{
    const Texts *files = &o->calibrate;
    const Calibration *answer;
    if (is_answered(path, o, &answer))
        return answer;
    Graph *g = onnx_load(path)->graph;
    refuse_residuals(g, path);
    Input **samples = alloc_array(files->count * TRACED_STEPS, sizeof *samples);
    int count = 0;
    for (int k = 0; k < files->count; k++) {
        const char *file = files->list[k];
        SdcArray sample = traced_samples(g, file, prefix);
        SdcArray times = member(file, text_format("%stimesteps", prefix), 1);
        if (sample.dim[0] != times.dim[0])
            fail(SDC_BAD_INPUT, "--calibrate %s: is not what --trace writes", file);
        const int64_t all = times.dim[0], steps = all < TRACED_STEPS ? all : TRACED_STEPS;
        for (int64_t s = 0; s < steps; s++, count++) {
            samples[count] = traced_inputs(g, file, prefix, (2 * s + 1) * all / (2 * steps), sample, &times);
            check_sample(g, file, samples[count], samples[0]);
        }
        sdc_array_free(&sample);
        sdc_array_free(&times);
    }
    return keep_known(path, measured(g, samples, count, o, &(Bindings){.no_fuse = o->no_fuse, .exact = o->exact}));
}
