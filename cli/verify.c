/* verify: is a model computed right?
 *
 *   --data DIR|NPZ      against the outputs recorded in an ONNX test_data_set folder or an .npz, by the oracle
 *   --compiled          by an executable instead; without --data against the oracle on random inputs
 *   --bisect            every node's result against the oracle's: names the first that differs
 *   --weights, int8     besides, what integers change of each layer's result
 *   --check-passes      the graph after each pass against the graph before, on random inputs
 *
 * With --dtype and --weights the reference is what it is without, in f32; an executable must also agree with the oracle of
 * the graph that it was made from. */
#include "fit.h"
#include "verify.h"

OPTION_TEXT(keep_source) OPTION_TEXT(emulator)
OPTION_LIST(data) OPTION_LIST(inputs)
OPTION_FLAG(help) OPTION_FLAG(compiled) OPTION_FLAG(bisect) OPTION_FLAG(bind_integers) OPTION_FLAG(wide)
OPTION_FLAG(is_static) OPTION_FLAG(check_passes)

static int option_rtol(void *into, const char *value) { return parse_float(value, &((Options *)into)->rtol); }
static int option_atol(void *into, const char *value) { return parse_float(value, &((Options *)into)->atol); }
static int option_rms(void *into, const char *value) { return parse_float(value, &((Options *)into)->rms); }

static const SdcOption table[] = {
    {"data", 'd', "DIR|NPZ", "recorded inputs and outputs: a folder of input_0.pb ..., output_0.pb ..., or an .npz; fixes all "
                               "axes", option_data},
    {"input", 0, "NAME=FILE", "an input (.npy, .npz, .pb); the others are random (repeat)", option_inputs},
    {"compiled", 0, NULL, "run an executable instead of the oracle", option_compiled},
    {"bisect", 0, NULL, "name the first node whose result differs from the oracle's", option_bisect},
    {"check-passes", 0, NULL, "evaluate the graph after each pass: does every pass keep the results?", option_check_passes},
    {"wide", 0, NULL, "let the oracle keep double precision between nodes", option_wide},
    {"rtol", 0, "X", "largest relative difference (0.001)", option_rtol},
    {"atol", 0, "X", "largest absolute difference (1e-7)", option_atol},
    {"rms", 0, "X", "judge by relative root-mean-square difference instead (with --dtype or int8 weights 2e-2, f16 3e-3, int8 "
                       "5e-2, int4 weights 2e-1)", option_rms},
    AXIS_ROWS,
    {"bind-integers", 0, NULL, "make constants of the data's integer inputs (shapes, axes, indices)", option_bind_integers},
    RUN_ROWS,
    BUILD_ROWS,
    {"static", 0, NULL, "link the executable fully statically", option_is_static},
    {"keep-source", 0, "FOLDER", "keep the executable's source there", option_keep_source},
    {"emulator", 0, "PROGRAM", "run the executable by it, as qemu-aarch64 does with another machine's", option_emulator},
    MAX_MEMORY_ROW,
    PASS_ROWS,
    {"help", 'h', NULL, "this text", option_help},
    {0},
};

static const char examples[] =
    "  sdc verify model.onnx --data test_data_set_0\n"
    "  sdc verify model.onnx --data test_data_set_0 --compiled --rms 1e-5\n"
    "  sdc verify unet.onnx --compiled --bisect --shape sample=1x4x8x8 --shape timestep=scalar --shape encoder_hidden_states=1x77x32\n";

static bool is_rounded(const Options *o) { return dtype_is_half(o->dtype) || o->weights.bits; }

/* What the oracle needs: no pass that could be wrong, but the one that makes gradients. */
static const char *plain_passes(const Options *o) { return o->gradients.count ? "grad" : "simplify"; }

/* The limit where none is given for a narrow graph; its type may be wider than what was asked for. */
static Options with_limit(const Options *o, const Graph *g)
{
    Options own = *o;
    if (is_rounded(o) && o->rms == 0)
        own.rms = o->weights.bits == 4 ? 2e-1 : o->int8 ? 5e-2 : g->model->dtype == DT_F16 && !o->weights.bits ? 3e-3 : 2e-2;
    return own;
}

/* Of an executable against the oracle with the same weights. */
static Options with_own_limit(const Options *o, const Graph *g)
{
    Options own = *o;
    own.weights.bits = 0;
    if (!dtype_is_half(o->dtype))
        own.rms = 5e-5;
    return with_limit(&own, g);
}

static bool judge(const Options *o, const char *name, const Array *got, const Array *wanted)
{
    double rtol = o->rtol > 0 ? o->rtol : 1e-3, atol = o->atol > 0 ? o->atol : 1e-7;
    const SdcArray a = array_view(got), b = array_view(wanted);
    Difference d = compare(&a, &b, rtol, atol);
    bool good = d.same_shape && (o->rms > 0 ? d.rms <= o->rms : d.outside == 0);
    if (!d.same_shape)
        printf("%-24s shape %s, expected %s  FAILED\n", name, shape_text(&got->shape), shape_text(&wanted->shape));
    else
        printf("%-24s %-16s relative rms %.3g, largest difference %.3g%s\n", name, shape_text(&got->shape), d.rms, d.worst, good ? "" : "  FAILED");
    return good;
}

/* ---- the command ----------------------------------------------------------------------------------------------------------- */

static int report(const Options *given, const Graph *g, Array *const *got, Array *const *wanted)
{
    Options own = with_limit(given, g), *o = &own;
    int failed = 0, compared = 0;
    for (int k = 0; k < g->n_outputs; k++) {
        compared += wanted[k] != NULL;
        failed += wanted[k] && !judge(o, g->output_names[k], got[k], wanted[k]);
    }
    printf("%d of %d outputs agree\n", compared - failed, compared);
    return failed ? SDC_BAD_INPUT : SDC_OK;
}

/* All passes. */
static void prepare(Graph *g, const Bindings *b, const Options *o)
{
    run_passes(g, b, "strips");
    fit_graph(g, "model", read_isa(o), &(Budget){.limit = o->max_memory, .quiet = true});
}

/* What an executable of narrow types or weights gave against the oracle of its own graph, which rounds as well. */
static int agrees_with_own(const Options *given, Graph *g, const Input *inputs, Array *const *got)
{
    Options limited = with_own_limit(given, g), *o = &limited;
    const char *type = given->dtype ? dtype_info(g->model->dtype)->name : "f32";
    if (given->weights.bits)
        type = text_format("%s, int%d weights", type, given->weights.bits);
    int failed = 0;
    Array **own = alloc_array(g->n_outputs + 1, sizeof *own);
    run_oracle(g, inputs, own, false, NULL, NULL);
    for (int k = 0; k < g->n_outputs; k++)
        failed += !judge(o, text_format("%s, oracle in %s", g->output_names[k], type), got[k], own[k]);
    return failed ? SDC_BAD_INPUT : SDC_OK;
}

/* The model on recorded data, after the passes: all of them, or those that the oracle needs. */
static Graph *load_for(const char *path, const char *data, const Options *o, bool all, Input **inputs)
{
    Graph *g = onnx_load(path)->graph;
    Bindings b = bindings_for(path, o);
    *inputs = recorded_inputs(g, data);
    const Value **before = alloc_array(g->n_inputs + 1, sizeof *before);
    bool *as_constant = alloc_array(g->n_inputs + 1, sizeof *as_constant);
    for (int k = 0; k < g->n_inputs; k++) {
        before[k] = g->inputs[k];
        as_constant[k] = o->bind_integers && !dtype_is_float((*inputs)[k].array.dtype);
    }
    bind_to_data(g, *inputs, as_constant, &b);
    if (all)
        prepare(g, &b, o);
    else
        run_passes(g, &b, is_rounded(o) ? "precision" : plain_passes(o));
    *inputs = still_inputs(g, *inputs, before);
    return g;
}

static int verify_data(const char *path, const char *data, const Options *o)
{
    Input *inputs;
    Graph *g = load_for(path, data, o, o->compiled || o->bisect, &inputs);
    if (o->bisect)
        return bisect(g, inputs, o);
    Array **wanted = recorded_outputs(g, data), **got = alloc_array(g->n_outputs + 1, sizeof *got);
    if (o->compiled)
        run_compiled(g, inputs, got, o);
    else
        run_oracle(g, inputs, got, o->wide, NULL, NULL);
    int code = o->compiled && is_rounded(o) ? agrees_with_own(o, g, inputs, got) : SDC_OK;
    code = code ? code : report(o, g, got, wanted);
    if (o->weights.bits || o->int8)
        print_layers(o->compiled ? load_for(path, data, o, false, &inputs) : g, inputs);
    return code;
}

static int verify_oracle(const char *path, const Options *o)
{
    Graph *g = onnx_load(path)->graph;
    Bindings b = bindings_for(path, o);
    if (o->check_passes)
        return check_passes(g, &b, o);
    prepare(g, &b, o);
    Input *inputs = random_inputs(g, o);
    if (o->bisect)
        return bisect(g, inputs, o);
    Array **wanted = alloc_array(g->n_outputs + 1, sizeof *wanted), **got = alloc_array(g->n_outputs + 1, sizeof *got);
    Graph *plain = onnx_load(path)->graph;      /* before any pass that could be wrong */
    run_passes(plain, &b, plain_passes(o));
    run_oracle(plain, inputs, wanted, true, NULL, NULL);
    run_compiled(g, inputs, got, o);
    int own = is_rounded(o) ? agrees_with_own(o, g, inputs, got) : SDC_OK;
    return own ? own : report(o, g, got, wanted);
}

int command_verify(int argc, char **argv)
{
    Options o = {0};
    int n, code = SDC_OK;
    char **positional = parse_options(table, &o, argc, argv, &n, "sdc verify MODEL.onnx [--data DIR|NPZ] [--compiled] [options]", examples);
    if (n != 1)
        return sdc_error(SDC_USAGE, "verify takes one model; see sdc verify --help");
    for (int k = 0; k < o.data.count; k++) {
        int one = verify_data(positional[0], o.data.list[k], &o);
        code = one > code ? one : code;
    }
    return o.data.count ? code : verify_oracle(positional[0], &o);
}
