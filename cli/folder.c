/* folder.c: a diffusers/optimum model folder as one executable.
 *
 * model_index.json or config.json names the class; one row of pipelines.c says which components it has, which of their
 * axes follow from the picture's size, the batch and the tokenizer's length, and which driver runs them.  Each component
 * is compiled once for every batch and size that the driver may ask for; equal weights are stored once. */
#include "clip.h"
#include "clip_skip.h"
#include "components.h"
#include "fit.h"
#include "folder.h"
#include "json_file.h"
#include "patches.h"
#include "pipelines.h"
#include "statistics.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../runtime/certificate.h"
#include "../runtime/tokenizer.h"

enum { MAX_PROGRAMS = 64, MAX_SIZES = 16 };
enum { BLOCK = 16 };                /* timesteps in a table: enough to make reading the weights cheap, and whatever --steps */

/* ---- what to compile --------------------------------------------------------------------------------------------- */

typedef struct { int64_t width, height; } Size;
typedef struct { const char *name; bool doubled; } Unit;       /* doubled: guidance in one go, for which there is another way */

typedef struct Pipeline {
    const char *folder;
    const PipelineRule *rule;
    struct Pipeline *refiner;       /* of --refiner, with components and tokenizers of its own; NULL */
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
    FolderFacts facts;
    Section tokenizers[2 * MAX_TOKENIZERS];         /* packed; the refiner's come last */
    int64_t tokens[MAX_TOKENIZERS];                 /* by the rule's rows: model_max_length */
    int64_t patch;                  /* the denoiser's patch_size, 1 without */
    int n_tokenizers;
    Section clip_tokenizer;         /* of --clip */
    Section statistics;             /* of the rule; no data: it has none */
} Pipeline;

/* The row of a folder, and in *index the file that names its class. */
static const PipelineRule *find_rule(const char *folder, json_t **index)
{
    static const struct { const char *file, *key; } names[] = {
        {"model_index.json", "_class_name"}, {"config.json", "_class_name"}, {"config.json", "model_type"},
        {"vae_decoder/config.json", "_class_name"}};
    const char *seen = NULL, *seen_in = NULL;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        const char *path = text_format("%s/%s", folder, names[k].file);
        bool inner = strchr(names[k].file, '/');        /* of a part, which tells the class of a folder that does not */
        if (access(path, F_OK) || (inner && seen))
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

/* As the denoiser's configuration has it, or the folder's own. */
static Size usual_size(Pipeline *p)
{
    p->patch = 1;
    if (!p->rule->denoiser)
        return (Size){p->facts.width, p->facts.height};
    const char *path = text_format("%s/%s/config.json", p->folder, p->rule->denoiser);
    json_t *config = read_json(path);
    const json_t *given = json_object_get(config, "sample_size");
    if (given && !json_is_null(given) && !json_is_integer(given))
        fail(SDC_BAD_INPUT, "%s: sample_size is not a whole number", path);
    int64_t side = json_int(config, "sample_size", 64);
    p->patch = json_int(config, "patch_size", 1);
    json_decref(config);
    if (p->patch < 1 || p->patch > 64)
        fail(SDC_BAD_INPUT, "%s: a patch_size of %lld", path, (long long)p->patch);
    if (side < 1 || side > (1 << 16) / p->scale)
        fail(SDC_BAD_INPUT, "%s: a sample_size of %lld", path, (long long)side);
    return (Size){side * p->scale, side * p->scale};
}

static void read_sizes(Pipeline *p, const Options *o)
{
    p->sizes[0] = usual_size(p);
    p->n_sizes = 1;
    if (o->sizes.count > MAX_SIZES)
        fail(SDC_USAGE, "at most %d sizes fit one executable", MAX_SIZES);
    for (int k = 0; k < o->sizes.count; k++) {
        long long w, h;
        char rest;
        if (sscanf(o->sizes.list[k], "%lldx%lld%c", &w, &h, &rest) != 2 || w < 1 || h < 1 || w > 1 << 16 || h > 1 << 16)
            fail(SDC_USAGE, "--size %s: expected WxH, such as 512x512", o->sizes.list[k]);
        const int64_t multiple = p->scale * p->patch;
        if (w % multiple || h % multiple)
            fail(SDC_USAGE, "--size %s: both must be multiples of %lld", o->sizes.list[k], (long long)multiple);
        p->sizes[k] = (Size){w, h};
        p->n_sizes = k + 1;
    }
}

static int64_t extent(const Pipeline *p, int axis, int64_t batch, Size s, int64_t chunks)
{
    const int64_t values[AXES] = {[BATCH] = batch, [LATENT_HEIGHT] = s.height / p->scale,
                                  [LATENT_WIDTH] = s.width / p->scale, [HEIGHT] = s.height, [WIDTH] = s.width,
                                  [TOKENS] = p->tokens[0] * chunks, [TOKENS_2] = p->tokens[1], [TOKENS_3] = p->tokens[2],
                                  [CONTEXT] = p->tokens[0] + p->tokens[2], [ONE] = 1,
                                  [PIXEL_HEIGHT] = p->facts.pixel_height, [PIXEL_WIDTH] = p->facts.pixel_width,
                                  [PATCHES] = p->patch ? s.height / p->scale / p->patch * (s.width / p->scale / p->patch) : 0};
    return values[axis];
}

static bool is_denoiser(const Pipeline *p, const ComponentRule *c)
{
    return c->guided && p->rule->denoiser && !strcmp(c->folder ? c->folder : c->name, p->rule->denoiser);
}

static bool is_input(const InputRule *rule, const char *name)
{
    size_t n = strlen(rule->input);
    return rule->input[n - 1] == '*' ? !strncmp(rule->input, name, n - 1) : !strcmp(rule->input, name);
}

static Bindings pass_options(const Pipeline *p)
{
    return (Bindings){.no_fuse = p->no_fuse, .block = BLOCK, .dtype = p->dtype, .exact = p->exact, .weights = p->weights,
                      .choices = p->choices, .pack_winograd = p->pack_winograd};
}

static void add_layers(Graph *g, const char *pass, void *pipeline)
{
    const Pipeline *p = pipeline;
    if (p && p->clip_skip > 1 && !strcmp(pass, "norm"))
        clip_skip_outputs(g, p->clip_skip);
}

/* Up to the strips: what all components have in memory beside their arenas is known then. */
static void add_unit(Pipeline *p, Graph *g, const Bindings *b, Unit unit)
{
    watch_passes(g, b, "strips", add_layers, strncmp(unit.name, "text_encoder", 12) ? NULL : p);
    if (p->n_units == MAX_PROGRAMS)
        fail(SDC_UNSUPPORTED, "more than %d programs in one executable", MAX_PROGRAMS);
    p->graphs[p->n_units] = g;
    p->units[p->n_units++] = unit;
}

static void prepare_component(Pipeline *p, const ComponentRule *c, const char *path, int64_t batch, Size s,
                              int64_t chunks)
{
    Model *m = onnx_load(path);
    if (c->patches)
        cut_patches(m->graph, c->inputs[0].input);
    ShapeBinding *shapes = alloc_array(m->graph->n_inputs + 1, sizeof *shapes);
    int count = 0;
    for (int k = 0; k < MAX_INPUTS && c->inputs[k].input; k++) {
        const InputRule *rule = &c->inputs[k];
        for (int j = 0; j < m->graph->n_inputs; j++) {
            const Value *v = m->graph->inputs[j];
            if (!is_input(rule, v->name))
                continue;
            m->graph->inputs[j]->rate = rule->rate;
            if (v->shape.rank != rule->rank)
                continue;
            ShapeBinding b = {.name = v->name, .shape = v->shape};
            for (int d = 0; d < rule->rank; d++)
                if (rule->axes[d] >= 0)
                    b.shape.dim[d] = extent(p, rule->axes[d], batch, s, chunks);
            for (int d = 0; d < rule->rank; d++)
                if (v->shape.dim[d] >= 0 && v->shape.dim[d] != b.shape.dim[d])
                    fail(SDC_BAD_INPUT,
                         "%s: input '%s': axis %d is fixed at %lld; the folder's configuration asks for %lld", path, v->name, d, (long long)v->shape.dim[d], (long long)b.shape.dim[d]);
            shapes[count++] = b;
        }
    }
    Bindings b = pass_options(p);
    b.shapes = shapes;
    b.n_shapes = count;
    b.calibration = is_denoiser(p, c) ? p->calibration : NULL;
    const char *name = text_format("%s@b%lld", c->name, (long long)batch);
    if (chunks > 1)
        name = text_format("%s-c%lld", name, (long long)chunks);
    if (c->per_size)
        name = text_format("%s-%lldx%lld", name, (long long)s.width, (long long)s.height);
    add_unit(p, m->graph, &b, (Unit){name, batch > p->batch});
}

/* What leads the denoiser by CLIP, for every size; and CLIP's tokenizer. */
static void prepare_clip(Pipeline *p, const char *folder)
{
    if (!p->rule->clip)
        fail(SDC_USAGE, "--clip leads pipelines whose samples are pictures; a %s's are not", p->rule->class);
    json_t *config = read_json(text_format("%s/%s/config.json", p->folder, p->rule->denoiser));
    const int64_t channels = json_int(config, "in_channels", 3);
    json_decref(config);
    if (channels != 1 && channels != 3)
        fail(SDC_UNSUPPORTED, "--clip: pictures of %lld channels; CLIP looks at 1 or 3", (long long)channels);
    void *blob;
    int code = tokenizer_pack(folder, &blob, &p->clip_tokenizer.bytes);
    if (code)
        exit(code);
    p->clip_tokenizer.name = "clip_tokenizer";
    p->clip_tokenizer.data = blob;
    const int64_t length = tokenizer_max_length(blob, p->clip_tokenizer.bytes);
    Bindings b = pass_options(p);
    add_unit(p, clip_text_graph(folder, length < 2 || length > 4096 ? 77 : length), &b, (Unit){"clip_text@b1", false});
    b.gradients = (const char *const[]){"loss:sample"};
    b.n_gradients = 1;
    for (int k = 0; k < (p->once ? 1 : p->n_sizes); k++) {
        const Size s = p->sizes[k];
        const char *name = text_format("clip_guide@b1-%lldx%lld", (long long)s.width, (long long)s.height);
        add_unit(p, clip_guide_graph(folder, channels, s.height, s.width), &b, (Unit){name, false});
    }
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
        if (b.limit && sdc_certificate_beside(name) >= 0)
            fail(SDC_UNSUPPORTED, "--max-memory: %s is open with another network, for which there is no plan", name);
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
    if (!p->n_programs)
        fail(SDC_BAD_INPUT, "%s: has none of the networks of a %s, such as %s/model.onnx", p->folder, p->rule->class,
             p->rule->components[0].name);
}

static bool needs_patches(const Pipeline *p, const ComponentRule *c)
{
    const char *path = text_format("%s/controlnet/model.onnx", p->folder);
    return !access(path, R_OK) && takes_patches(onnx_load(path)->graph, c->inputs[0].input);
}

/* Of its folder, up to the strips. */
static void prepare_components(Pipeline *p)
{
    for (const ComponentRule *c = p->rule->components; c->name; c++) {
        const char *path = c->patches && !needs_patches(p, c) ? NULL : component_file(p->folder, c);
        if (!path)
            continue;
        if (is_denoiser(p, c))
            p->calibration = calibrate_denoiser(path, c->folder ? "refiner_" : "", p->options);
        for (int k = 0; k < (c->per_size && !p->once ? p->n_sizes : 1); k++) {
            for (int64_t chunks = 1; chunks <= (c->guided && !p->once ? p->chunks : 1); chunks++) {
                if (c->guided)
                    prepare_component(p, c, path, 2 * p->batch, p->sizes[k], chunks);
                if (!c->guided || !p->once)
                    prepare_component(p, c, path, p->batch, p->sizes[k], chunks);
            }
        }
    }
}

static void compile_components(Pipeline *p)
{
    prepare_components(p);
    if (p->refiner) {
        Pipeline *r = p->refiner;
        r->once = p->once;
        prepare_components(r);
        if (p->n_units + r->n_units > MAX_PROGRAMS)
            fail(SDC_UNSUPPORTED, "more than %d programs in one executable", MAX_PROGRAMS);
        memcpy(p->graphs + p->n_units, r->graphs, (size_t)r->n_units * sizeof *p->graphs);
        memcpy(p->units + p->n_units, r->units, (size_t)r->n_units * sizeof *p->units);
        p->n_units += r->n_units;
    }
    if (p->options->clip)
        prepare_clip(p, p->options->clip);
    compile_units(p);
}

static Section text_section(const char *name, const char *text)
{
    return (Section){name, text, (int64_t)strlen(text)};
}

/* Does a folder that may do without hold a tokenizer? */
static bool has_words(const char *folder)
{
    static const char *const files[] = {"tokenizer.json", "vocab.json", "spiece.model", "tokenizer.model"};
    for (size_t k = 0; k < sizeof files / sizeof *files; k++)
        if (!access(text_format("%s/%s", folder, files[k]), F_OK))
            return true;
    return false;
}

/* Is there a tokenizer of this row?  The first is needed, unless text is optional; one without its encoder counts as
 * none there. */
static bool has_tokenizer(const Pipeline *p, const SectionRule *rule)
{
    const char *suffix = rule->folder + strcspn(rule->folder, "_"), *path = text_format("%s/%s", p->folder, rule->folder);
    if (p->rule->may_be_wordless)
        return has_words(path);
    if (!p->rule->text_is_optional)
        return !p->n_tokenizers || !access(path, F_OK);
    return !access(path, F_OK) && !access(text_format("%s/text_encoder%s/model.onnx", p->folder, suffix), F_OK);
}

static void read_tokenizers(Pipeline *p)
{
    for (const SectionRule *rule = p->rule->tokenizers; rule->section; rule++) {
        const char *path = text_format("%s/%s", p->folder, rule->folder);
        int64_t *tokens = &p->tokens[rule - p->rule->tokenizers];
        *tokens = 77;
        if (!has_tokenizer(p, rule))
            continue;
        Section *s = &p->tokenizers[p->n_tokenizers];
        void *blob;
        int code = tokenizer_pack(path, &blob, &s->bytes);
        if (code)
            exit(code);
        s->name = rule->section;
        s->data = blob;
        int64_t length = tokenizer_max_length(blob, s->bytes);
        length = length < 1 || length > 4096 ? 77 : length;
        *tokens = p->rule->max_tokens && length > p->rule->max_tokens ? p->rule->max_tokens : length;
        p->n_tokenizers++;
    }
    if (p->facts.tokens)
        p->tokens[0] = p->facts.tokens;
}

/* The folder of --refiner, whose pictures are of the base's sizes. */
static void open_refiner(Pipeline *p, const char *folder)
{
    Pipeline *r = alloc(sizeof *r);
    if (!p->rule->refiner)
        fail(SDC_USAGE, "--refiner: a %s takes none", p->rule->class);
    *r = *p;
    r->folder = folder;
    r->n_tokenizers = 0;
    if (strcmp(find_rule(folder, &r->index)->class, p->rule->refiner->class))
        fail(SDC_UNSUPPORTED, "--refiner %s: is not a %s", folder, p->rule->refiner->class);
    r->rule = p->rule->refiner;
    read_tokenizers(r);
    check_schedulers(folder, r->rule, &(Options){0});
    memcpy(p->tokenizers + p->n_tokenizers, r->tokenizers, (size_t)r->n_tokenizers * sizeof *p->tokenizers);
    p->n_tokenizers += r->n_tokenizers;
    p->refiner = r;
}

/* What the folder and the options say; no component is compiled yet. */
static Pipeline *open_pipeline(const char *folder, const Options *o, const Isa *isa)
{
    if (o->dims.count || o->shapes.count || o->binds.count || o->gradients.count)
        fail(SDC_USAGE, "--dim, --shape, --bind and --grad are for single models; a pipeline takes --size and --batch");
    Pipeline *p = alloc(sizeof *p);
    *p = (Pipeline){.folder = folder, .batch = o->batch ? o->batch : 1, .isa = isa, .no_fuse = o->no_fuse,
                    .dtype = o->dtype, .exact = o->exact, .weights = o->weights, .pack_winograd = o->pack_winograd,
                    .choices = o->choices, .options = o, .chunks = o->prompt_chunks ? o->prompt_chunks : 1,
                    .clip_skip = o->clip_skip, .max_memory = o->max_memory, .quiet = o->quiet};
    p->rule = find_rule(folder, &p->index);
    if (p->rule->describe)
        p->rule->describe(folder, p->index, &p->facts);
    if (p->facts.folder)
        p->folder = p->facts.folder;
    for (int k = 0; k < o->defaults.count; k++)
        if (p->rule->check_default(o->defaults.list[k]))
            exit(SDC_USAGE);
    if (p->chunks > 1 && (!p->rule->tokenizers[0].section || p->rule->tokenizers[1].section))
        fail(SDC_UNSUPPORTED, "--prompt-chunks: is for classes with one text encoder, not for a %s", p->rule->class);
    p->scale = p->facts.scale ? p->facts.scale : latent_scale(folder, p->rule->decoder);
    if (!p->rule->denoiser && !p->rule->sized && o->sizes.count)
        fail(SDC_USAGE, "%s: a %s has no --size", folder, p->rule->class);
    read_sizes(p, o);
    read_tokenizers(p);
    check_schedulers(p->folder, p->rule, o);
    if (p->rule->statistics.section)
        p->statistics = statistics_section(p->folder, &p->rule->statistics);
    if (o->refiner)
        open_refiner(p, o->refiner);
    if (o->text_length && !p->rule->tokenizers[2].section)
        fail(SDC_USAGE, "%s: a %s has no --text-length", folder, p->rule->class);
    if (o->text_length)
        p->tokens[2] = o->text_length;
    return p;
}

static void close_pipeline(Pipeline *p)
{
    for (int k = 0; k < p->n_tokenizers; k++)
        free((void *)(uintptr_t)p->tokenizers[k].data);
    free((void *)(uintptr_t)p->clip_tokenizer.data);
    json_decref(p->index);
    if (p->refiner)
        json_decref(p->refiner->index);
}

/* ---- classes that make their programs themselves ----------------------------------------------------------------- */

/* The row of a folder when it is such a class; NULL when not. */
static const PipelineRule *own_rule(const char *folder, const Options *o)
{
    json_t *index = NULL;
    const PipelineRule *rule = find_rule(folder, &index);
    json_decref(index);
    if (!rule->make && o->length)
        fail(SDC_USAGE, "%s: a %s has no --length", folder, rule->class);
    if (!rule->make)
        return NULL;
    if (o->sizes.count || o->batch || o->dims.count || o->shapes.count || o->binds.count)
        fail(SDC_USAGE, "--size, --batch, --dim, --shape and --bind are not for a %s; it takes --length", rule->class);
    for (int k = 0; k < o->defaults.count; k++)
        if (rule->check_default(o->defaults.list[k]))
            exit(SDC_USAGE);
    return rule;
}

static void compile_own(const PipelineRule *rule, const char *folder, const Options *o, const BuildOptions *given)
{
    Section sections[MAX_OWN];
    BuildOptions b = *given;
    int count;
    Program **programs = rule->make(folder, rule->class, o, given->isa, &count, sections, &b.n_sections);
    b.driver = rule->driver;
    b.sections = sections;
    build(programs, count, &b);
}

/* ---- either ------------------------------------------------------------------------------------------------------ */

Program **folder_programs(const char *folder, const Options *o, const Isa *isa, bool once, int *count)
{
    const PipelineRule *own = own_rule(folder, o);
    if (own)
        return own->make(folder, own->class, o, isa, count, (Section[MAX_OWN]){0}, &(int){0});
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
    if (p->refiner)
        text = json_settings(p->refiner->index, "refiner.index.", text);
    return p->facts.settings ? text_format("%s%s", text, p->facts.settings) : text;
}

/* The sections of a folder's schedulers from sections[n] on; returns n behind them. */
static int add_schedulers(const Pipeline *p, Section *sections, int n)
{
    for (const SectionRule *rule = p->rule->schedulers; rule->section; rule++) {
        json_t *scheduler = read_json(text_format("%s/%s/scheduler_config.json", p->folder, rule->folder));
        sections[n++] = text_section(rule->section, json_settings(scheduler, "", ""));
        json_decref(scheduler);
    }
    return n;
}

void compile_folder(const char *folder, const Options *o, const BuildOptions *given)
{
    const PipelineRule *own = own_rule(folder, o);
    if (own) {
        compile_own(own, folder, o, given);
        return;
    }
    Pipeline *p = open_pipeline(folder, o, given->isa);
    compile_components(p);
    Section sections[2 * (MAX_TOKENIZERS + MAX_SCHEDULERS) + 3];
    int n = 0;
    for (int k = 0; k < p->n_tokenizers; k++)
        sections[n++] = p->tokenizers[k];
    if (p->clip_tokenizer.data)
        sections[n++] = p->clip_tokenizer;
    n = add_schedulers(p, sections, n);
    if (p->refiner)
        n = add_schedulers(p->refiner, sections, n);
    if (p->statistics.data)
        sections[n++] = p->statistics;
    sections[n++] = text_section("pipeline", pipeline_section(p));
    BuildOptions b = *given;
    b.driver = p->rule->driver;
    b.sections = sections;
    b.n_sections = n;
    build(p->programs, p->n_programs, &b);
    close_pipeline(p);
}
