/* folder.c: a diffusers/optimum model folder as one executable.
 *
 * model_index.json names the pipeline's class; one row of `pipelines` says which components it has, which of their axes
 * follow from the picture's size, the batch and the tokenizer's length, and which driver runs them.  Each component is
 * compiled once for every batch and size that the driver may ask for; equal weights are stored once. */
#include "fit.h"
#include "folder.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../models/pipeline.h"
#include "../runtime/tokenizer.h"

enum { MAX_PROGRAMS = 64, MAX_SIZES = 16 };
enum { BLOCK = 16 };                /* timesteps in a table: enough to make reading the weights cheap, and whatever --steps */

/* What a free axis of an input stands for. */
typedef enum { BATCH, LATENT_HEIGHT, LATENT_WIDTH, HEIGHT, WIDTH, TOKENS, AXES } Axis;

/* axes: -1 where fixed by the graph; rate: RATE_ bits, 0: the sample. */
typedef struct { const char *input; int rank; int axes[4]; unsigned rate; } InputRule;

typedef struct {
    const char *name;               /* folder and program */
    bool required, guided;          /* guided: also compiled with twice the batch, for guidance */
    bool per_size;                  /* depends on the picture's size */
    InputRule inputs[4];
} ComponentRule;

typedef struct {
    const char *class, *driver;
    int (*check_default)(const char *text);     /* of the driver: may "steps=20" be a default? */
    ComponentRule components[8];
} PipelineRule;

static const PipelineRule pipelines[] = {
    {"StableDiffusionPipeline", "sdc_sd_main", sdc_sd_default, {
        {"text_encoder", true, false, false, {{"input_ids", 2, {BATCH, TOKENS}, 0}}},
        {"unet", true, true, true, {{"sample", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0},
                                    {"timestep", 1, {BATCH}, RATE_TIMESTEP},
                                    {"encoder_hidden_states", 3, {BATCH, TOKENS, -1}, RATE_PROMPT}}},
        {"vae_decoder", true, false, true, {{"latent_sample", 4, {BATCH, -1, LATENT_HEIGHT, LATENT_WIDTH}, 0}}},
        {"vae_encoder", false, false, true, {{"sample", 4, {BATCH, -1, HEIGHT, WIDTH}, 0}}}}},
};

/* ---- configuration files ----------------------------------------------------------------------------------------- */

/* Python writes infinities and NaN as bare words, which JSON does not know: they become strings. */
static char *quote_constants(const char *text, size_t bytes)
{
    static const struct { const char *word, *text; } words[] = {
        {"-Infinity", "\"-inf\""}, {"Infinity", "\"inf\""}, {"NaN", "\"nan\""}};
    char *quoted = alloc(2 * bytes + 1), *out = quoted;
    bool inside = false;
    for (const char *p = text, *end = text + bytes; p < end; p++) {
        inside ^= *p == '"';
        if (inside && *p == '\\' && p + 1 < end)
            *out++ = *p++;
        size_t k = 0, length = 0;
        for (; !inside && k < sizeof words / sizeof *words; k++) {
            length = strlen(words[k].word);
            if (length <= (size_t)(end - p) && !memcmp(p, words[k].word, length))
                break;
        }
        if (inside || k == sizeof words / sizeof *words) {
            *out++ = *p;
            continue;
        }
        out = stpcpy(out, words[k].text);
        p += length - 1;
    }
    return quoted;
}

static json_t *read_json(const char *path)
{
    json_error_t error;
    Mapping file = map_file(path);
    char *text = quote_constants(file.data, (size_t)file.bytes);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        fail(SDC_BAD_INPUT, "%s: line %d: %s", path, error.line, error.text);
    if (!json_is_object(root))
        fail(SDC_BAD_INPUT, "%s: is not a JSON object", path);
    return root;
}

static int64_t json_int(const json_t *root, const char *key, int64_t otherwise)
{
    json_t *v = json_object_get(root, key);
    return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

/* "key=value" lines of a flat object, as the drivers read them; nested values are written as JSON. */
static char *settings(const json_t *root, const char *prefix, char *text)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)root, key, value) {
        char *v = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
        const char *plain = json_is_string(value) ? json_string_value(value) : v;
        if (!strchr(plain, '\n') && !strchr(key, '=') && !strchr(key, '\n'))
            text = text_format("%s%s%s=%s\n", text, prefix, key, plain);
        free(v);
    }
    return text;
}

bool is_pipeline(const char *folder)
{
    return !access(text_format("%s/model_index.json", folder), F_OK);
}

/* ---- what to compile --------------------------------------------------------------------------------------------- */

typedef struct { int64_t width, height; } Size;
typedef struct { const char *name; bool doubled; } Unit;       /* doubled: guidance in one go, for which there is another way */

typedef struct {
    const char *folder;
    const PipelineRule *rule;
    int64_t scale;                  /* pixels a latent */
    int64_t tokens, batch;
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
    void *tokenizer;                /* packed */
    int64_t tokenizer_bytes;
} Pipeline;

static const PipelineRule *find_rule(const char *folder, const json_t *index)
{
    const char *class = json_string_value(json_object_get(index, "_class_name"));
    if (!class)
        fail(SDC_BAD_INPUT, "%s/model_index.json: no _class_name", folder);
    char *list = "";
    for (size_t k = 0; k < sizeof pipelines / sizeof *pipelines; k++) {
        if (!strcmp(pipelines[k].class, class))
            return &pipelines[k];
        list = text_format("%s%s%s", list, k ? ", " : "", pipelines[k].class);
    }
    fail(SDC_UNSUPPORTED,
         "%s: pipelines of class %s are not supported; there are %s; single components can be compiled alone",
         folder, class, list);
}

/* The VAE's downsampling: its config's block_out_channels, one halving between two. */
static int64_t latent_scale(const char *folder)
{
    json_t *config = read_json(text_format("%s/vae_decoder/config.json", folder));
    size_t blocks = json_array_size(json_object_get(config, "block_out_channels"));
    json_decref(config);
    if (blocks > 16)
        fail(SDC_BAD_INPUT, "%s/vae_decoder/config.json: %zu block_out_channels", folder, blocks);
    return blocks ? (int64_t)1 << (blocks - 1) : 8;
}

static void read_sizes(Pipeline *p, const Options *o)
{
    json_t *config = read_json(text_format("%s/unet/config.json", p->folder));
    int64_t side = json_int(config, "sample_size", 64);
    json_decref(config);
    if (side < 1 || side > (1 << 16) / p->scale)
        fail(SDC_BAD_INPUT, "%s/unet/config.json: a sample_size of %lld", p->folder, (long long)side);
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

static int64_t extent(const Pipeline *p, int axis, int64_t batch, Size s)
{
    const int64_t values[AXES] = {[BATCH] = batch, [LATENT_HEIGHT] = s.height / p->scale,
                                  [LATENT_WIDTH] = s.width / p->scale, [HEIGHT] = s.height, [WIDTH] = s.width,
                                  [TOKENS] = p->tokens};
    return values[axis];
}

/* Up to the strips: what all components have in memory beside their arenas is known then. */
static void prepare_component(Pipeline *p, const ComponentRule *c, const char *path, int64_t batch, Size s)
{
    Model *m = onnx_load(path);
    ShapeBinding shapes[4];
    int count = 0;
    for (int k = 0; k < 4 && c->inputs[k].input; k++) {
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
                    b.shape.dim[d] = extent(p, rule->axes[d], batch, s);
            shapes[count++] = b;
        }
    }
    run_passes(m->graph, &(Bindings){.shapes = shapes, .n_shapes = count, .no_fuse = p->no_fuse, .block = BLOCK,
                                     .dtype = p->dtype, .exact = p->exact, .weights = p->weights, .choices = p->choices,
                                     .pack_winograd = p->pack_winograd,
                                     .calibration = c->guided ? p->calibration : NULL}, "strips");
    if (p->n_units == MAX_PROGRAMS)
        fail(SDC_UNSUPPORTED, "more than %d programs in one executable", MAX_PROGRAMS);
    const char *name = text_format("%s@b%lld", c->name, (long long)batch);
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
                .code = p->tokenizer_bytes + (int64_t)p->n_units * OTHER_CODE};
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
        const char *path = text_format("%s/%s/model.onnx", p->folder, c->name);
        if (access(path, R_OK)) {
            if (c->required)
                fail(SDC_BAD_INPUT, "%s: is missing; the pipeline needs it", path);
            continue;
        }
        if (c->guided)
            p->calibration = calibrate_denoiser(path, p->options);
        for (int k = 0; k < (c->per_size && !p->once ? p->n_sizes : 1); k++) {
            if (c->guided)
                prepare_component(p, c, path, 2 * p->batch, p->sizes[k]);
            if (!c->guided || !p->once)
                prepare_component(p, c, path, p->batch, p->sizes[k]);
        }
    }
    compile_units(p);
}

static Section text_section(const char *name, const char *text)
{
    return (Section){name, text, (int64_t)strlen(text)};
}

/* What the folder and the options say; no component is compiled yet. */
static Pipeline *open_pipeline(const char *folder, const Options *o, const Isa *isa)
{
    if (!is_pipeline(folder))
        fail(SDC_BAD_INPUT, "%s: is a folder without model_index.json; name a model.onnx in it, or a pipeline's folder",
             folder);
    if (o->dims.count || o->shapes.count || o->binds.count)
        fail(SDC_USAGE, "--dim, --shape and --bind are for single models; a pipeline takes --size and --batch");
    json_t *index = read_json(text_format("%s/model_index.json", folder));
    Pipeline *p = alloc(sizeof *p);
    *p = (Pipeline){.folder = folder, .rule = find_rule(folder, index), .batch = o->batch ? o->batch : 1,
                    .isa = isa, .no_fuse = o->no_fuse, .dtype = o->dtype, .exact = o->exact, .weights = o->weights,
                    .pack_winograd = o->pack_winograd, .choices = o->choices, .options = o,
                    .max_memory = o->max_memory, .quiet = o->quiet};
    json_decref(index);
    for (int k = 0; k < o->defaults.count; k++)
        if (p->rule->check_default(o->defaults.list[k]))
            exit(SDC_USAGE);
    p->scale = latent_scale(folder);
    read_sizes(p, o);
    int code = tokenizer_clip_pack(text_format("%s/tokenizer", folder), &p->tokenizer, &p->tokenizer_bytes);
    if (code)
        exit(code);
    p->tokens = ((const ClipHeader *)p->tokenizer)->max_length;
    if (p->tokens < 1 || p->tokens > 4096)
        p->tokens = 77;
    return p;
}

Program **folder_programs(const char *folder, const Options *o, const Isa *isa, bool once, int *count)
{
    Pipeline *p = open_pipeline(folder, o, isa);
    p->once = once;
    compile_components(p);
    free(p->tokenizer);
    *count = p->n_programs;
    return p->programs;
}

void compile_folder(const char *folder, const Options *o, const BuildOptions *given)
{
    Pipeline *p = open_pipeline(folder, o, given->isa);
    compile_components(p);
    json_t *vae = read_json(text_format("%s/vae_decoder/config.json", folder));
    json_t *scheduler = read_json(text_format("%s/scheduler/scheduler_config.json", folder));
    char *pipeline = text_format("class=%s\ntokenizer.max_length=%lld\n", p->rule->class, (long long)p->tokens);
    Section sections[] = {{"tokenizer", p->tokenizer, p->tokenizer_bytes},
                          text_section("scheduler", settings(scheduler, "", "")),
                          text_section("pipeline", settings(vae, "vae.", pipeline))};
    BuildOptions b = *given;
    b.driver = p->rule->driver;
    b.sections = sections;
    b.n_sections = 3;
    build(p->programs, p->n_programs, &b);
    json_decref(vae);
    json_decref(scheduler);
    free(p->tokenizer);
}
