/* run.c: a graph evaluated by the oracle, and by an executable built for it. */
#include <stdlib.h>
#include <string.h>

#include "verify.h"

static const char *given_path(const Options *o, const char *name)
{
    size_t length = strlen(name);
    for (int j = 0; j < o->inputs.count; j++)
        if (!strncmp(o->inputs.list[j], name, length) && o->inputs.list[j][length] == '=')
            return o->inputs.list[j] + length + 1;
    return NULL;
}

static void fill_random(SdcArray *a, SdcRandom *r)
{
    int bytes = dtype_info(a->dtype)->bytes;
    float *noise = malloc((size_t)(a->count + 1) * sizeof *noise);
    if (!noise)
        fail(SDC_NO_SPACE, "out of memory");
    sdc_random_normal(r, noise, a->count);
    for (int64_t e = 0; e < a->count; e++) {
        char *p = (char *)a->data + e * bytes;
        if (dtype_is_float(a->dtype))
            dtype_store_f(a->dtype, p, (double)noise[e]);
        else
            dtype_store_i(a->dtype, p, noise[e] > 0);
    }
    free(noise);
}

Input *random_inputs(const Graph *g, const Options *o)
{
    Input *list = alloc_array(g->n_inputs + 1, sizeof *list);
    SdcRandom r;
    sdc_random_seed(&r, (uint64_t)o->seed);
    for (int k = 0; k < g->n_inputs; k++) {
        const Value *v = g->inputs[k];
        SdcArray *a = &list[k].array;
        list[k].path = given_path(o, v->name);
        int code = list[k].path ? sdc_array_read(a, list[k].path, v->name) : sdc_array_alloc(a, v->dtype, v->shape.rank, v->shape.dim);
        if (code)
            exit(code);
        if (!list[k].path)
            fill_random(a, &r);
    }
    return list;
}

void run_oracle(Graph *g, const Input *inputs, Array **outputs, bool wide, EvalObserver *observe, void *context)
{
    const Array **in = alloc_array(g->n_inputs + 1, sizeof *in);
    for (int k = 0; k < g->n_inputs; k++)
        in[k] = array_of(&inputs[k].array);
    eval_graph(g, in, outputs, wide, observe, context);
    for (int k = 0; k < g->n_inputs; k++)
        array_free((Array *)(uintptr_t)in[k]);
}

const char *build_executable(Graph *g, const char *folder, const Options *o)
{
    Options quiet = *o;
    quiet.quiet = true;
    const Isa *isa = read_isa(o);
    const char *exe = text_format("%s/model", folder);
    remove_at_exit(exe);
    BuildOptions b = build_options(&quiet, exe, isa);
    Program *p = lower_graph(g, "model", isa);
    plan_program(p);
    build(&p, 1, &b);
    return exe;
}

void run_compiled(Graph *g, const Input *inputs, Array **outputs, const Options *o)
{
    char *folder = temporary_folder("sdc-verify");
    char **arguments = alloc_array(2 * (g->n_inputs + g->n_outputs) + 5, sizeof *arguments);
    int count = 0;
    if (o->emulator)
        arguments[count++] = text_copy(o->emulator);
    arguments[count++] = text_copy(build_executable(g, folder, o));
    for (int k = 0; k < g->n_inputs; k++) {
        const char *path = inputs[k].path;
        if (!path) {
            path = text_format("%s/in_%d.npy", folder, k);
            remove_at_exit(path);
            int code = sdc_npy_write(path, &inputs[k].array);
            if (code)
                exit(code);
        }
        arguments[count++] = text_copy("--input");
        arguments[count++] = text_format("%s=%s", g->inputs[k]->name, path);
    }
    for (int k = 0; k < g->n_outputs; k++) {
        const char *path = text_format("%s/out_%d.npy", folder, k);
        remove_at_exit(path);
        arguments[count++] = text_copy("--output");
        arguments[count++] = text_format("%s=%s", g->output_names[k], path);
    }
    if (o->threads)
        arguments[count++] = text_format("--threads=%lld", (long long)o->threads);
    run_executable(arguments, NULL);
    for (int k = 0; k < g->n_outputs; k++) {
        SdcArray a;
        int code = sdc_array_read(&a, text_format("%s/out_%d.npy", folder, k), g->output_names[k]);
        if (code)
            exit(code);
        outputs[k] = array_of(&a);
        sdc_array_free(&a);
    }
}
