/* folder_units.c: the programs of a folder's components.  See folder_pipeline.h.
 *
 * Each component becomes a graph for every batch, size and number of chunks that the driver may ask for, taken through
 * the passes up to the strips: what all of them have in memory beside their arenas is known then, so that --max-memory
 * can be kept.  Then one after the other is lowered and planned. */
#include "folder_pipeline.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../runtime/certificate.h"
#include "../runtime/tokenizer.h"
#include "clip.h"
#include "clip_skip.h"
#include "components.h"
#include "fit.h"
#include "json_file.h"
#include "patches.h"

enum { BLOCK = 16 };    /* timesteps in a table: enough to make reading the weights cheap, and whatever --steps */

/* ---- graphs ------------------------------------------------------------------------------------------------------ */

/* What a program is for; control: the ControlNet for the same, whose outputs a denoiser takes; NULL: there is none. */
typedef struct { int64_t batch; Size size; int64_t chunks; const Graph *control; int residuals; } Use;

static int64_t extent(const Pipeline *p, int axis, const Use *u)
{
    const int64_t height = u->size.height / p->scale, width = u->size.width / p->scale;     /* of the latents */
    const int64_t values[AXES] = {
        [BATCH] = u->batch, [LATENT_HEIGHT] = height, [LATENT_WIDTH] = width, [HEIGHT] = u->size.height,
        [WIDTH] = u->size.width, [TOKENS] = p->tokens[0] * u->chunks, [TOKENS_2] = p->tokens[1], [TOKENS_3] = p->tokens[2],
        [CONTEXT] = p->tokens[0] + p->tokens[2], [ONE] = 1,
        [PIXEL_HEIGHT] = p->facts.pixel_height, [PIXEL_WIDTH] = p->facts.pixel_width,
        [PATCHES] = p->patch ? height / p->patch * (width / p->patch) : 0};
    return values[axis];
}

static bool is_denoiser(const Pipeline *p, const ComponentRule *c)
{
    return p->rule->denoiser && !strcmp(c->name, p->rule->denoiser);
}

static bool is_input(const InputRule *rule, const char *name)
{
    size_t n = strlen(rule->input);
    return rule->input[n - 1] == '*' ? !strncmp(rule->input, name, n - 1) : !strcmp(rule->input, name);
}

static Bindings pass_options(const Pipeline *p)
{
    return (Bindings){.no_fuse = p->no_fuse, .block = BLOCK, .dtype = p->dtype, .exact = p->exact,
                      .weights = p->weights, .choices = p->choices, .pack_winograd = p->pack_winograd};
}

static void add_layers(Graph *g, const char *pass, void *pipeline)
{
    const Pipeline *p = pipeline;
    if (p && p->clip_skip > 1 && !strcmp(pass, "norm") && graph_find_output(g, "hidden_states.0") < 0)
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

/* The shape of the ControlNet's next output, for the input v of the denoiser at `path`. */
static Shape residual_shape(const Pipeline *p, const Value *v, const char *path, Use *u)
{
    const int k = u->residuals++, n = u->control ? u->control->n_outputs : 0;
    if (!u->control)
        fail(SDC_BAD_INPUT, "%s: input '%s' is for what a ControlNet gives, but %s/controlnet/model.onnx is missing", path,
             v->name, p->folder);
    if (k >= n || u->control->outputs[k]->shape.rank != v->shape.rank)
        fail(SDC_BAD_INPUT, "%s: input '%s' is for number %d of what a ControlNet gives; %s/controlnet gives %d", path,
             v->name, k + 1, p->folder, n);
    return u->control->outputs[k]->shape;
}

/* The shape of an input with the rule's axes filled in, which must not contradict those that the graph fixes. */
static ShapeBinding bind_shape(const Pipeline *p, const InputRule *rule, const Value *v, const char *path, Use *u)
{
    const bool residual = rule->axes[rule->rank - 1] == RESIDUAL;
    ShapeBinding b = {.name = v->name, .shape = residual ? residual_shape(p, v, path, u) : v->shape};
    for (int d = 0; d < rule->rank && !residual; d++)
        if (rule->axes[d] >= 0)
            b.shape.dim[d] = extent(p, rule->axes[d], u);
    for (int d = 0; d < rule->rank; d++)
        if (v->shape.dim[d] >= 0 && v->shape.dim[d] != b.shape.dim[d])
            fail(SDC_BAD_INPUT, "%s: input '%s': axis %d is fixed at %lld; the folder's configuration asks for %lld",
                 path, v->name, d, (long long)v->shape.dim[d], (long long)b.shape.dim[d]);
    return b;
}

static const char *unit_name(const ComponentRule *c, const Use *u)
{
    const char *name = text_format("%s@b%lld", c->name, (long long)u->batch);
    if (u->chunks > 1)
        name = text_format("%s-c%lld", name, (long long)u->chunks);
    if (c->per_size)
        name = text_format("%s-%lldx%lld", name, (long long)u->size.width, (long long)u->size.height);
    return name;
}

/* Does an autoencoder's configuration say that f16 is too narrow for it?  Diffusers computes it in f32 then.  It is the
 * part's own, or that of a folder which is an autoencoder itself. */
static bool wants_f32(const Pipeline *p, const ComponentRule *c)
{
    if (strncmp(c->name, "vae_", 4))
        return false;
    json_t *config = read_json_if(text_format("%s/%s/config.json", p->folder, c->name));
    const json_t *own = json_object_get(config, "force_upcast");
    const bool wants = json_is_true(own ? own : json_object_get(p->index, "force_upcast"));
    json_decref(config);
    return wants;
}

/* A component's graph, and in *b what binds its free axes. */
static Graph *open_graph(const Pipeline *p, const ComponentRule *c, const char *path, Use *u, Bindings *b)
{
    Model *m = onnx_load(path);
    m->in_folder = true;
    if (c->patches)
        cut_patches(m->graph, c->inputs[0].input);
    ShapeBinding *shapes = alloc_array(m->graph->n_inputs + 1, sizeof *shapes);
    int count = 0;
    for (int k = 0; k < MAX_INPUTS && c->inputs[k].input; k++) {
        const InputRule *rule = &c->inputs[k];
        for (int j = 0; j < m->graph->n_inputs; j++) {
            Value *v = m->graph->inputs[j];
            if (!is_input(rule, v->name))
                continue;
            v->rate = rule->rate;
            if (v->shape.rank == rule->rank)
                shapes[count++] = bind_shape(p, rule, v, path, u);
        }
    }
    *b = pass_options(p);
    b->shapes = shapes;
    b->n_shapes = count;
    return m->graph;
}

/* The ControlNet that steers a denoiser of this use, with its outputs' shapes; NULL: the folder has none. */
static const Graph *control_graph(const Pipeline *p, const Use *u)
{
    const ComponentRule *c = p->rule->components;
    while (c->name && strcmp(c->name, "controlnet"))
        c++;
    const char *path = c->name ? component_file(p->folder, c) : NULL;
    if (!path)
        return NULL;
    Bindings b;
    Graph *g = open_graph(p, c, path, &(Use){u->batch, u->size, u->chunks, NULL, 0}, &b);
    run_passes(g, &b, "infer");
    return g;
}

/* Has it inputs whose shapes are those of a ControlNet's outputs? */
static bool takes_residuals(const ComponentRule *c)
{
    const InputRule *rule = c->inputs;
    while (rule->input && rule->axes[rule->rank - 1] != RESIDUAL)
        rule++;
    return rule->input != NULL;
}

static void prepare_component(Pipeline *p, const ComponentRule *c, const char *path, int64_t batch, Size s,
                              int64_t chunks)
{
    Bindings b;
    Use u = {batch, s, chunks, NULL, 0};
    u.control = takes_residuals(c) ? control_graph(p, &u) : NULL;
    Graph *g = open_graph(p, c, path, &u, &b);
    b.calibration = is_denoiser(p, c) ? p->calibration : NULL;
    b.dtype = b.dtype == DT_NONE && wants_f32(p, c) ? DT_F32 : b.dtype;
    add_unit(p, g, &b, (Unit){unit_name(c, &u), batch > p->batch});
}

/* What leads the denoiser by CLIP, for every size; and CLIP's tokenizer. */
static void prepare_clip(Pipeline *p, const char *folder)
{
    if (!p->rule->clip)
        fail(SDC_USAGE, "--clip leads pipelines whose samples are pictures; a %s's are not", p->rule->class);
    const char *path = text_format("%s/%s/config.json", p->folder, p->rule->denoiser);
    json_t *config = read_json(path);
    const int64_t channels = json_whole(config, path, "in_channels", 3, 1, 1 << 16);
    json_decref(config);
    if (channels != 1 && channels != 3)
        fail(SDC_UNSUPPORTED, "--clip: pictures of %lld channels; CLIP looks at 1 or 3", (long long)channels);
    void *blob;
    int code = tokenizer_pack(folder, &blob, &p->clip_tokenizer.bytes);
    if (code)
        exit(code);
    p->clip_tokenizer.name = "clip_tokenizer";
    p->clip_tokenizer.data = blob;
    path = text_format("%s/config.json", folder);
    config = read_json_if(path);
    const json_t *text = json_object_get(config, "text_config");
    const int64_t tokens = folder_tokens(blob, p->clip_tokenizer.bytes, text, path, CLIP_POSITIONS);
    json_decref(config);
    Bindings b = pass_options(p);
    add_unit(p, clip_text_graph(folder, tokens), &b, (Unit){"clip_text@b1", false});
    b.gradients = (const char *const[]){"loss:sample"};
    b.n_gradients = 1;
    for (int k = 0; k < (p->once ? 1 : p->n_sizes); k++) {
        const Size s = p->sizes[k];
        const char *name = text_format("clip_guide@b1-%lldx%lld", (long long)s.width, (long long)s.height);
        add_unit(p, clip_guide_graph(folder, channels, s.height, s.width), &b, (Unit){name, false});
    }
}

static bool needs_patches(const Pipeline *p, const ComponentRule *c)
{
    const char *path = text_format("%s/controlnet/model.onnx", p->folder);
    return !access(path, R_OK) && takes_patches(onnx_load(path)->graph, c->inputs[0].input);
}

/* Is there a classifier-free guidance, for which networks take twice the rows?  Not for one that takes guidance as a
 * number. */
static bool guides(const Pipeline *p)
{
    for (const ComponentRule *c = p->rule->components; c->name; c++) {
        const char *path = c->guided && is_denoiser(p, c) ? component_file(p->folder, c) : NULL;
        if (path)
            return graph_find_input(onnx_load(path)->graph, "timestep_cond") < 0;
    }
    return true;
}

/* Of its folder, up to the strips. */
static void prepare_components(Pipeline *p)
{
    const bool doubles = guides(p);
    for (const ComponentRule *c = p->rule->components; c->name; c++) {
        const char *path = c->patches && !needs_patches(p, c) ? NULL : component_file(p->folder, c);
        if (!path)
            continue;
        if (is_denoiser(p, c))
            p->calibration = calibrate_denoiser(path, c->folder ? "refiner_" : "", p->options);
        const bool doubled = c->guided && doubles;
        for (int k = 0; k < (c->per_size && !p->once ? p->n_sizes : 1); k++) {
            for (int64_t chunks = 1; chunks <= (c->guided && !p->once ? p->chunks : 1); chunks++) {
                if (doubled)
                    prepare_component(p, c, path, 2 * p->batch, p->sizes[k], chunks);
                if (!doubled || !p->once)
                    prepare_component(p, c, path, p->batch, p->sizes[k], chunks);
            }
        }
    }
}

static void take_units(Pipeline *p, const Pipeline *from)
{
    if (p->n_units + from->n_units > MAX_PROGRAMS)
        fail(SDC_UNSUPPORTED, "more than %d programs in one executable", MAX_PROGRAMS);
    memcpy(p->graphs + p->n_units, from->graphs, (size_t)from->n_units * sizeof *p->graphs);
    memcpy(p->units + p->n_units, from->units, (size_t)from->n_units * sizeof *p->units);
    p->n_units += from->n_units;
}

/* ---- programs ---------------------------------------------------------------------------------------------------- */

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
                printf("%s: --max-memory: left out; guidance goes through the network of batch %lld in two halves\n",
                       name, (long long)p->batch);
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

void folder_compile(Pipeline *p)
{
    prepare_components(p);
    if (p->refiner) {
        p->refiner->once = p->once;
        prepare_components(p->refiner);
        take_units(p, p->refiner);
    }
    if (p->options->clip)
        prepare_clip(p, p->options->clip);
    compile_units(p);
}
