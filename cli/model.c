/* model.c: from options to bindings, and from a model file to a planned program. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "fit.h"

/* NAME=VALUE, split at the first '='. */
static const char *split(const char *text, const char *option, char **name)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1])
        fail(SDC_USAGE, "--%s %s: expected NAME=VALUE", option, text);
    *name = text_format("%.*s", (int)(equals - text), text);
    return equals + 1;
}

static DimBinding read_dim(const char *text)
{
    char *name;
    const char *value = split(text, "dim", &name);
    DimBinding b = {.name = name};
    if (parse_int(value, 0, (int64_t)1 << 40, &b.value))
        exit(SDC_USAGE);
    return b;
}

static ShapeBinding read_shape(const char *text)
{
    char *name;
    const char *p = split(text, "shape", &name);
    ShapeBinding b = {.name = name};
    if (!strcmp(p, "scalar"))
        return b;
    for (;;) {
        char *end;
        long long v = strtoll(p, &end, 10);
        if (end == p || v < 0 || b.shape.rank == MAX_RANK || (*end && *end != 'x'))
            fail(SDC_USAGE, "--shape %s: expected extents such as 1x3x224x224 (at most %d), or 'scalar'", text,
                 MAX_RANK);
        b.shape.dim[b.shape.rank++] = v;
        if (!*end)
            return b;
        p = end + 1;
    }
}

Tensor *tensor_of_array(const SdcArray *a)
{
    Tensor *t = alloc(sizeof *t);
    *t = (Tensor){.dtype = a->dtype, .shape = shape_of(a->rank, a->dim), .count = a->count, .data = a->data};
    return t;
}

static ValueBinding read_value(const char *text)
{
    char *name;
    const char *path = split(text, "bind", &name);
    SdcArray a;
    int code = sdc_array_read(&a, path, name);
    if (code)
        exit(code);
    free(a.name);
    return (ValueBinding){name, tensor_of_array(&a)};
}

static RateBinding read_rate(const char *text)
{
    char *name;
    const char *value = split(text, "rate", &name);
    RateBinding b = {name, rate_by_name(value)};
    if (!b.rate)
        fail(SDC_USAGE, "--rate %s: expected INPUT=prompt, INPUT=timestep or INPUT=sample", text);
    return b;
}

Bindings read_bindings(const Options *o)
{
    DimBinding *dims = alloc_array(o->dims.count, sizeof *dims);
    ShapeBinding *shapes = alloc_array(o->shapes.count, sizeof *shapes);
    ValueBinding *values = alloc_array(o->binds.count, sizeof *values);
    RateBinding *rates = alloc_array(o->rates.count, sizeof *rates);
    for (int k = 0; k < o->dims.count; k++)
        dims[k] = read_dim(o->dims.list[k]);
    for (int k = 0; k < o->shapes.count; k++)
        shapes[k] = read_shape(o->shapes.list[k]);
    for (int k = 0; k < o->binds.count; k++)
        values[k] = read_value(o->binds.list[k]);
    for (int k = 0; k < o->rates.count; k++)
        rates[k] = read_rate(o->rates.list[k]);
    return (Bindings){dims, o->dims.count, shapes, o->shapes.count, values, o->binds.count, rates, o->rates.count,
                      o->no_fuse, 0, o->dtype, o->exact, o->weights, o->pack_winograd, o->choices, NULL,
                      o->gradients.list, o->gradients.count};
}

Bindings bindings_for(const char *path, const Options *o)
{
    Bindings b = read_bindings(o);
    b.calibration = calibrate(path, o, &b);
    return b;
}

/* The best for this CPU, or what every CPU of the compiler's machine has. */
static const Isa *default_isa(const char *machine)
{
    const Isa *isa = isa_by_name("native");
    if (!isa->machine || !strcmp(isa->machine, machine))
        return isa;
    isa = isa_by_name(machine);
    return isa ? isa : isa_by_name("generic");
}

const Isa *read_isa(const Options *o)
{
    const char *name = o->isa ? o->isa : "native", *machine = cc_machine(o->cc ? o->cc : "cc");
    const Isa *isa = o->isa && strcmp(name, "native") ? isa_by_name(name) : default_isa(machine);
    if (isa && isa->machine && strcmp(isa->machine, machine))
        fail(SDC_USAGE,
             "--isa %s: the C compiler makes code for %s; name its instruction set, or another compiler with --cc",
             name, machine);
    if (isa)
        return isa;
    int count;
    const Isa *table = isa_table(&count);
    char *list = "native";
    for (int k = 0; k < count; k++)
        list = text_format("%s, %s", list, table[k].name);
    fail(SDC_USAGE, "--isa %s: no such instruction set; there are %s", name, list);
}

/* A name that a Makefile takes as one word. */
static const char *make_name(const char *name)
{
    char *plain = text_copy(name);
    for (char *p = plain; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
            *p = '_';
    return plain;
}

BuildOptions build_options(const Options *o, const char *output, const Isa *isa)
{
    static const struct { const char *name; EmitKind kind; } kinds[] = {
        {"exe", EMIT_EXECUTABLE}, {"lib", EMIT_LIBRARY}, {"source", EMIT_SOURCE}};
    const char *slash = strrchr(output, '/');
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    BuildOptions b = {.output = output, .name = slash ? slash + 1 : output, .isa = isa, .cc = o->cc ? o->cc : "cc",
                      .cflags = o->cflags.list, .prefix = o->prefix, .defaults = o->defaults.list,
                      .keep_source = o->keep_source, .max_memory = o->max_memory, .is_static = o->is_static, .quiet = o->quiet,
                      .verbose = o->verbose, .no_cache = o->no_cache, .takes_lora = true,
                      .jobs = o->jobs ? (int)o->jobs : cpus > 0 ? (int)cpus : 1};
    const char *wanted = o->emit ? o->emit : "exe";
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (!strcmp(wanted, kinds[k].name)) {
            b.kind = kinds[k].kind;
            if (b.kind == EMIT_SOURCE)
                b.name = make_name(b.name);
            return b;
        }
    fail(SDC_USAGE, "--emit %s: expected exe, lib or source", wanted);
}

Program *compile_within(const char *path, const Bindings *b, const char *name, const Isa *isa, int64_t limit, bool quiet)
{
    Model *m = onnx_load(path);
    run_passes(m->graph, b, "strips");
    fit_graph(m->graph, name, isa, &(Budget){.limit = limit, .quiet = quiet});
    Program *p = lower_graph(m->graph, name, isa);
    plan_program(p);
    return p;
}

Program *compile_model(const char *path, const Bindings *b, const char *name, const Isa *isa)
{
    return compile_within(path, b, name, isa, 0, true);
}
