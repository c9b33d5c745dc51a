/* folder.c: a diffusers/optimum model folder as one executable.
 *
 * model_index.json or config.json names the class; one row of pipelines.c says which components it has, which of their
 * axes follow from the picture's size, the batch and the tokenizer's length, and which driver runs them.  Each component
 * is compiled once for every batch and size that the driver may ask for; equal weights are stored once. */
#include "clip_skip.h"
#include "fit.h"
#include "folder.h"
#include "json_file.h"
#include "pipelines.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../runtime/tokenizer.h"

enum { MAX_PROGRAMS = 64, MAX_SIZES = 16 };
enum { BLOCK = 16 };                /* timesteps in a table: enough to make reading the weights cheap, and whatever --steps */

/* ---- what to compile --------------------------------------------------------------------------------------------- */

typedef struct { int64_t width, height; } Size;
typedef struct { const char *name; bool doubled; } Unit;       /* doubled: guidance in one go, for which there is another way */

typedef struct {
    const char *folder;
    const PipelineRule *rule;
    int64_t scale;                  /* pixels a latent */
    int64_t batch;
    int64_t chunks, clip_skip;      /* of a prompt, and layers of the text encoder: up to so many */
    Size sizes[MAX_SIZES];
    int n_sizes;
    Graph *graphs[MAX_PROGRAMS];
    Unit units[MAX_PROGRAMS];       /* whose graphs they are */
    int n_units;
    Program *programs[MAX_PROGRAMS];
    int n_programs;
    const Isa *isa;
    unsigned no_fuse;
    int64_t max_memory;             /* 0: any */
    bool quiet, exact, pack_winograd;
    DType dtype;
    WeightType weights;
    struct Choices *choices;
    const Options *options;         /* of the calibration */
    const Calibration *calibration; /* of the denoiser, once it is known; NULL without --dtype int8 */
    bool once;                      /* each component for the first size alone, with guidance where it may be guided */
    json_t *index;                  /* the file that names the class */
    Section tokenizers[MAX_TOKENIZERS];             /* packed */
    int64_t tokens[MAX_TOKENIZERS];                 /* model_max_length */
    int n_tokenizers;
} Pipeline;

/* The row of a folder, and in *index the file that names its class. */
static const PipelineRule *find_rule(const char *folder, json_t **index)
{
    static const struct { const char *file, *key; } names[] = {
        {"model_index.json", "_class_name"}, {"config.json", "_class_name"}, {"config.json", "model_type"}};
    const char *seen = NULL, *seen_in = NULL;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        const char *path = text_format("%s/%s", folder, names[k].file);
        if (access(path, F_OK))
            continue;
        *index = read_json(path);
        const char *class = json_string_value(json_object_get(*index, names[k].key));
        const PipelineRule *rule = class ? pipeline_rule(class) : NULL;
        if (rule)
            return rule;
        seen = seen ? seen : class;
        seen_in = seen_in ? seen_in : names[k].file;
    }
    if (!seen_in)
        fail(SDC_BAD_INPUT, "%s: is a folder without model_index.json or config.json; name a model.onnx in it, or a pipeline's folder",
             folder);
    if (!seen)
        fail(SDC_BAD_INPUT, "%s/%s: no _class_name", folder, seen_in);
    fail(SDC_UNSUPPORTED,
         "%s: pipelines of class %s are not supported; there are %s; single components can be compiled alone",
         folder, seen, pipeline_classes());
}

/* The VAE's downsampling: its config's block_out_channels, one halving between two. */
static int64_t latent_scale(const char *folder, const char *decoder)
{
    if (!decoder)
        return 1;
    json_t *config = read_json(text_format("%s/%s/config.json", folder, decoder));
    size_t blocks = json_array_size(json_object_get(config, "block_out_channels"));
    json_decref(config);
    if (blocks > 16)
        fail(SDC_BAD_INPUT, "%s/%s/config.json: %zu block_out_channels", folder, decoder, blocks);
    return blocks ? (int64_t)1 << (blocks - 1) : 8;
}

static void read_sizes(Pipeline *p, const Options *o)
{
    const char *path = text_format("%s/%s/config.json", p->folder, p->rule->denoiser);
    json_t *config = read_json(path);
    int64_t side = json_int(config, "sample_size", 64);
    json_decref(config);
    if (side < 1 || side > (1 << 16) / p->scale)
        fail(SDC_BAD_INPUT, "%s: a sample_size of %lld", path, (long long)side);
    side *= p->scale;
    p->sizes[0] = (Size){side, side};
    p->n_sizes = 1;
    if (o->sizes.count > MAX_SIZES)
        fail(SDC_USAGE, "at most %d sizes fit one executable", MAX_SIZES);
    for (int k = 0; k < o->sizes.count; k++) {
        long long w, h;
        char rest;
        if (sscanf(o->sizes.list[k], "%lldx%lld%c", &w, &h, &rest) != 2 || w < 1 || h < 1 || w > 1 << 16 || h > 1 << 16)
            fail(SDC_USAGE, "--size %s: expected WxH, such as 512x512", o->sizes.list[k]);
        if (w % p->scale || h % p->scale)
            fail(SDC_USAGE, "--size %s: both must be multiples of %lld", o->sizes.list[k], (long long)p->scale);
        p->sizes[k] = (Size){w, h};
        p->n_sizes = k + 1;
    }
}

static int64_t extent(const Pipeline *p, int axis, int64_t batch, Size s, int64_t chunks)
{
    const int64_t values[AXES] = {[BATCH] = batch, [LATENT_HEIGHT] = s.height / p->scale,
                                  [LATENT_WIDTH] = s.width / p->scale, [HEIGHT] = s.height, [WIDTH] = s.width,
                                  [TOKENS] = p->tokens[0] * chunks};
    return values[axis];
}

static void add_layers(Graph *g, const char *pass, void *pipeline)
{
    const Pipeline *p = pipeline;
    if (p && p->clip_skip > 1 && !strcmp(pass, "norm"))
        clip_skip_outputs(g, p->clip_skip);
}

/* Up to the strips: what all components have in memory beside their arenas is known then. */
static void prepare_component(Pipeline *p, const ComponentRule *c, const char *path, int64_t batch, Size s, int64_t chunks)
{
    Model *m = onnx_load(path);
    ShapeBinding shapes[MAX_INPUTS];
    int count = 0;
    for (int k = 0; k < MAX_INPUTS && c->inputs[k].input; k++) {
        const InputRule *rule = &c->inputs[k];
        for (int j = 0; j < m->graph->n_inputs; j++) {
            const Value *v = m->graph->inputs[j];
            if (strcmp(v->name, rule->input))
                continue;
            m->graph->inputs[j]->rate = rule->rate;
            if (v->shape.rank != rule->rank)
                continue;
            ShapeBinding b = {.name = v->name, .shape = v->shape};
            for (int d = 0; d < rule->rank; d++)
                if (rule->axes[d] >= 0)
                    b.shape.dim[d] = extent(p, rule->axes[d], batch, s, chunks);
            shapes[count++] = b;
        }
    }
    watch_passes(m->graph, &(Bindings){.shapes = shapes, .n_shapes = count, .no_fuse = p->no_fuse, .block = BLOCK,
                                     .dtype = p->dtype, .exact = p->exact, .weights = p->weights, .choices = p->choices,
                                     .pack_winograd = p->pack_winograd,
                                     .calibration = c->guided ? p->calibration : NULL}, "strips",
                 add_layers, strncmp(c->name, "text_encoder", 12) ? NULL : p);
    if (p->n_units == MAX_PROGRAMS)
        fail(SDC_UNSUPPORTED, "more than %d programs in one executable", MAX_PROGRAMS);
    const char *name = text_format("%s@b%lld", c->name, (long long)batch);
    if (chunks > 1)
        name = text_format("%s-c%lld", name, (long long)chunks);
    if (c->per_size)
        name = text_format("%s-%lldx%lld", name, (long long)s.width, (long long)s.height);
    p->graphs[p->n_units] = m->graph;
    p->units[p->n_units++] = (Unit){name, batch > p->batch};
}

/* Code of programs that are not lowered yet counts as OTHER_CODE. */
static void compile_units(Pipeline *p)
{
    enum { OTHER_CODE = 1 << 20 };
    Budget b = {.limit = p->max_memory, .graphs = p->graphs, .n_graphs = p->n_units, .quiet = p->quiet,
                .code = (int64_t)p->n_units * OTHER_CODE};
    for (int k = 0; k < p->n_tokenizers; k++)
        b.code += p->tokenizers[k].bytes;
    for (int k = 0; k < p->n_units; k++) {
        Graph *g = p->graphs[k];
        const char *name = p->units[k].name;
        b.code -= OTHER_CODE;
        if (p->units[k].doubled && !fits_whole(g, name, p->isa, &b)) {
            if (!p->quiet)
                printf("%s: --max-memory: left out; guidance goes through the network of batch %lld in two halves\n", name,
                       (long long)p->batch);
            continue;
        }
        fit_graph(g, name, p->isa, &b);
        Program *program = lower_graph(g, name, p->isa);
        plan_program(program);
        if (b.limit)
            b.code += code_bytes(program);
        p->programs[p->n_programs++] = program;
    }
}

static void compile_components(Pipeline *p)
{
    for (const ComponentRule *c = p->rule->components; c->name; c++) {
        const char *path = c->flat ? text_format("%s/model.onnx", p->folder)
                                   : text_format("%s/%s/model.onnx", p->folder, c->name);
        if (access(path, R_OK)) {
            if (c->required)
                fail(SDC_BAD_INPUT, "%s: is missing; the pipeline needs it", path);
            continue;
        }
        if (c->guided)
            p->calibration = calibrate_denoiser(path, p->options);
        for (int k = 0; k < (c->per_size && !p->once ? p->n_sizes : 1); k++) {
            for (int64_t chunks = 1; chunks <= (c->guided && !p->once ? p->chunks : 1); chunks++) {
                if (c->guided)
                    prepare_component(p, c, path, 2 * p->batch, p->sizes[k], chunks);
                if (!c->guided || !p->once)
                    prepare_component(p, c, path, p->batch, p->sizes[k], chunks);
            }
        }
    }
    compile_units(p);
}

static Section text_section(const char *name, const char *text)
{
    return (Section){name, text, (int64_t)strlen(text)};
}

/* The first tokenizer is needed, the others where they lie in the folder. */
static void read_tokenizers(Pipeline *p)
{
    for (const SectionRule *rule = p->rule->tokenizers; rule->section; rule++) {
        const char *path = text_format("%s/%s", p->folder, rule->folder);
        if (p->n_tokenizers && access(path, F_OK))
            continue;
        Section *s = &p->tokenizers[p->n_tokenizers];
        void *blob;
        int code = tokenizer_pack(path, &blob, &s->bytes);
        if (code)
            exit(code);
        s->name = rule->section;
        s->data = blob;
        int64_t length = tokenizer_max_length(blob, s->bytes);
        p->tokens[p->n_tokenizers++] = length < 1 || length > 4096 ? 77 : length;
    }
}

/* What the folder and the options say; no component is compiled yet. */
static Pipeline *open_pipeline(const char *folder, const Options *o, const Isa *isa)
{
    if (o->dims.count || o->shapes.count || o->binds.count)
        fail(SDC_USAGE, "--dim, --shape and --bind are for single models; a pipeline takes --size and --batch");
    Pipeline *p = alloc(sizeof *p);
    *p = (Pipeline){.folder = folder, .batch = o->batch ? o->batch : 1, .isa = isa, .no_fuse = o->no_fuse,
                    .dtype = o->dtype, .exact = o->exact, .weights = o->weights, .pack_winograd = o->pack_winograd,
                    .choices = o->choices, .options = o, .chunks = o->prompt_chunks ? o->prompt_chunks : 1,
                    .clip_skip = o->clip_skip, .max_memory = o->max_memory, .quiet = o->quiet};
    p->rule = find_rule(folder, &p->index);
    for (int k = 0; k < o->defaults.count; k++)
        if (p->rule->check_default(o->defaults.list[k]))
            exit(SDC_USAGE);
    p->scale = latent_scale(folder, p->rule->decoder);
    p->n_sizes = 1;
    if (p->rule->denoiser)
        read_sizes(p, o);
    else if (o->sizes.count)
        fail(SDC_USAGE, "%s: a %s has no --size", folder, p->rule->class);
    read_tokenizers(p);
    return p;
}

static void close_pipeline(Pipeline *p)
{
    for (int k = 0; k < p->n_tokenizers; k++)
        free((void *)(uintptr_t)p->tokenizers[k].data);
    json_decref(p->index);
}

Program **folder_programs(const char *folder, const Options *o, const Isa *isa, bool once, int *count)
{
    Pipeline *p = open_pipeline(folder, o, isa);
    p->once = once;
    compile_components(p);
    close_pipeline(p);
    *count = p->n_programs;
    return p->programs;
}

/* The section "pipeline": the class, what the file that names it says, and the components' configurations. */
static char *pipeline_section(const Pipeline *p)
{
    char *text = text_format("class=%s\n", p->rule->class);
    if (p->n_tokenizers)
        text = text_format("%stokenizer.max_length=%lld\n", text, (long long)p->tokens[0]);
    text = json_settings(p->index, "index.", text);
    for (const SectionRule *rule = p->rule->configs; rule->section; rule++) {
        const char *path = text_format("%s/%s/config.json", p->folder, rule->folder);
        if (access(path, F_OK))
            continue;
        json_t *config = read_json(path);
        text = json_settings(config, rule->section, text);
        json_decref(config);
    }
    return text;
}

void compile_folder(const char *folder, const Options *o, const BuildOptions *given)
{
    Pipeline *p = open_pipeline(folder, o, given->isa);
    compile_components(p);
    Section sections[MAX_TOKENIZERS + MAX_SCHEDULERS + 1];
    int n = 0;
    for (int k = 0; k < p->n_tokenizers; k++)
        sections[n++] = p->tokenizers[k];
    for (const SectionRule *rule = p->rule->schedulers; rule->section; rule++) {
        json_t *scheduler = read_json(text_format("%s/%s/scheduler_config.json", folder, rule->folder));
        sections[n++] = text_section(rule->section, json_settings(scheduler, "", ""));
        json_decref(scheduler);
    }
    sections[n++] = text_section("pipeline", pipeline_section(p));
    BuildOptions b = *given;
    b.driver = p->rule->driver;
    b.sections = sections;
    b.n_sections = n;
    build(p->programs, p->n_programs, &b);
    close_pipeline(p);
}
