/* vlm.c: a folder with a vision language model as one executable (models/vlm.h tells what it does).
 *
 *      vision_encoder/ or image/        the picture: its output is the decoder's rows, or goes through resampler/;
 *                                       with an input position_ids it takes patches, of views of any shape
 *      embed_tokens/                    one token
 *      decoder_model_with_past/         or decoder_with_past_model/, decoder_model_merged/; twice: for a chunk of new tokens
 *                                       and for one
 *      config.json, generation_config.json, preprocessor_config.json, tokenizer.json
 *
 *      prefill/                         where there is one: picture and prompt, read both ways
 *
 * Each is NAME/model.onnx, or NAME.onnx here or in onnx/.  Keys and values are as vlm_cache.h has them.  A chunk needs no
 * logits: the prompt's last token is a step.  Of prefill's graph, which gives logits, the operands of the text's
 * attentions become the outputs. */
#include "vlm.h"

#include <stdlib.h>
#include <string.h>

#include "../models/pipeline.h"
#include "../runtime/tokenizer.h"
#include "components.h"
#include "fit.h"
#include "image_processor.h"
#include "json_file.h"
#include "vlm_cache.h"

enum { CHUNK = 64, PROMPT = 128, LENGTH = 2048, MAX_LENGTH = 1 << 20, MAX_BINDINGS = 256 };

typedef struct {
    const char *folder, *type;
    const Options *options;
    const Isa *isa;
    json_t *config, *generation, *preprocessor;     /* the latter two: NULL when absent */
    const char *preprocessor_path;
    int64_t length;
    int64_t sides;                  /* of a tower that takes patches: places along a side; else 0 */
    void *tokenizer;
    int64_t tokenizer_bytes;
    Graph *graphs[8];
    const char *names[8];
    int n;
} Folder;

/* ---- configuration ---------------------------------------------------------------------------------------------- */

/* A field of config.json, or of its text_config. */
static const json_t *text_field(const Folder *f, const char *key)
{
    const json_t *v = json_object_get(json_object_get(f->config, "text_config"), key);
    if (!v || json_is_null(v))
        v = json_object_get(f->config, key);
    return json_is_null(v) ? NULL : v;
}

static bool has(const Folder *f, const char *component)
{
    return graph_file(f->folder, component) != NULL;
}

/* Its file, or where it is expected. */
static const char *component_path(const Folder *f, const char *component)
{
    const char *file = graph_file(f->folder, component);
    return file ? file : text_format("%s/%s/model.onnx", f->folder, component);
}

/* Patches along a side of the picture that config.json has positions for; what its vision_config leaves out is as
 * SiglipVisionConfig has it: PaliGemma's published one has no image_size. */
static int64_t image_sides(const Folder *f)
{
    const json_t *vision = json_object_get(f->config, "vision_config");
    if (!vision)
        fail(SDC_BAD_INPUT, "%s/config.json: no vision_config, which has image_size and patch_size", f->folder);
    const char *path = text_format("%s/config.json: vision_config", f->folder);
    const int64_t size = json_whole(vision, path, "image_size", 224, 1, 1 << 14);
    const int64_t patch = json_whole(vision, path, "patch_size", 16, 1, size);
    return size / patch;
}

static int64_t image_tokens(const Folder *f) { return image_sides(f) * image_sides(f); }

/* "eos=1,107" out of a number or a list. */
static char *eos_setting(const Folder *f)
{
    const json_t *eos = json_object_get(f->generation, "eos_token_id");
    char *text = "";
    if (!eos || json_is_null(eos))
        eos = text_field(f, "eos_token_id");
    if (json_is_integer(eos))
        text = text_format("%lld", (long long)json_integer_value(eos));
    for (size_t k = 0; k < json_array_size(eos); k++)
        text = text_format("%s%s%lld", text, k ? "," : "", (long long)json_integer_value(json_array_get(eos, k)));
    static const char *const names[] = {"<|im_end|>", "<|endoftext|>", "<eos>"};
    TokenizerBpe t;
    for (int k = 0; !eos && k < 3 && !tokenizer_bpe_open(&t, f->tokenizer, f->tokenizer_bytes); k++)
        if (tokenizer_bpe_added(&t, names[k]) >= 0)
            text = text_format("%s%s%lld", text, *text ? "," : "", (long long)tokenizer_bpe_added(&t, names[k]));
    return text_format("eos=%s\n", text);
}

/* "image.mean=0.5,0.5,0.5" out of a list or one number of preprocessor_config.json, under one of two names. */
static char *numbers_setting(const Folder *f, const char *setting, const char *key, const char *other)
{
    const json_t *v = json_object_get(f->preprocessor, key);
    char *text = "";
    if (!v && other)
        v = json_object_get(f->preprocessor, other);
    if (json_is_true(v) || json_is_false(v))
        text = json_is_true(v) ? "1" : "0";
    if (json_is_number(v))
        text = text_format("%.17g", json_number_value(v));
    for (size_t k = 0; k < json_array_size(v); k++)
        text = text_format("%s%s%.17g", text, k ? "," : "", json_number_value(json_array_get(v, k)));
    return *text ? text_format("%s=%s\n", setting, text) : text;
}

static char *all_settings(const Folder *f)
{
    static const struct { const char *setting, *key, *other; } rows[] = {
        {"image.mean", "image_mean", "norm_mean"},     {"image.std", "image_std", "norm_std"},
        {"image.rescale", "rescale_factor", NULL},     {"image.resample", "resample", NULL},
        {"slice.max", "max_slice_nums", NULL},         {"slice.side", "scale_resolution", NULL},
        {"slice.patch", "patch_size", NULL},           {"slice.image_id", "use_image_id", NULL},
    };
    char *text = text_format("class=%s\n%s", f->type, eos_setting(f));
    if (has(f, "prefill")) {
        const json_t *token = json_object_get(f->config, "image_token_index");
        if (!token)
            token = json_object_get(f->config, "image_token_id");
        if (!json_is_integer(token))
            fail(SDC_BAD_INPUT, "%s/config.json: no image_token_index", f->folder);
        text = text_format("%simage.token=%lld\nimage.tokens=%lld\n", text, (long long)json_integer_value(token),
                           (long long)image_tokens(f));
    }
    if (f->sides)
        text = text_format("%simage.sides=%lld\n", text, (long long)f->sides);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        text = text_format("%s%s", text, numbers_setting(f, rows[k].setting, rows[k].key, rows[k].other));
    return text;
}

/* ---- graphs ----------------------------------------------------------------------------------------------------- */

/* What free axes of an input are: -1 where the graph must say it. */
typedef struct { const char *input; int64_t axes[4]; } Axes;

static void bind_axes(const Graph *g, const Axes *axes, int n, ShapeBinding *shapes, int *count)
{
    for (int j = 0; j < g->n_inputs && *count < MAX_BINDINGS; j++)
        for (int k = 0; k < n; k++) {
            const Value *v = g->inputs[j];
            if (strncmp(v->name, axes[k].input, strlen(axes[k].input)) || v->shape.rank > 4 || v->shape.rank < 1)
                continue;
            ShapeBinding b = {.name = v->name, .shape = v->shape};
            for (int d = 0; d < v->shape.rank; d++)
                if (axes[k].axes[d] >= 0)
                    b.shape.dim[d] = axes[k].axes[d];
            shapes[(*count)++] = b;
        }
}

/* Up to the strips: what all programs have in memory is known then. */
static Graph *prepare_model(Folder *f, Model *m, const char *name, const Axes *axes, int n, void (*change)(Graph *),
                            PassWatcher *watch)
{
    const Options *o = f->options;
    ShapeBinding shapes[MAX_BINDINGS];
    int count = 0;
    m->in_folder = true;
    if (change)
        change(m->graph);
    bind_axes(m->graph, axes, n, shapes, &count);
    const Bindings bindings = {.shapes = shapes, .n_shapes = count, .no_fuse = o->no_fuse, .dtype = o->dtype,
                               .exact = o->exact, .weights = o->weights, .choices = o->choices,
                               .pack_winograd = o->pack_winograd};
    watch_passes(m->graph, &bindings, "strips", watch, f);
    f->graphs[f->n] = m->graph;
    f->names[f->n++] = name;
    return m->graph;
}

static void prepare(Folder *f, const char *component, const char *name, const Axes *axes, int n,
                    void (*change)(Graph *), PassWatcher *watch)
{
    prepare_model(f, onnx_load(component_path(f, component)), name, axes, n, change, watch);
}

/* ---- the decoder ------------------------------------------------------------------------------------------------- */

/* The first that is there. */
static const char *decoder_of(const Folder *f)
{
    static const char *const names[] = {"decoder_model_with_past", "decoder_with_past_model", "decoder_model_merged"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (has(f, names[k]))
            return names[k];
    return names[0];
}

static void prepare_decoder(Folder *f, int64_t fresh)
{
    const Axes axes[] = {{"inputs_embeds", {1, fresh, -1, -1}},
                         {"attention_mask", {1, f->length + fresh, -1, -1}},
                         {"position_ids", {1, fresh, -1, -1}},
                         {"past_key_values.", {1, -1, f->length, -1}}};
    prepare(f, decoder_of(f), text_format("decoder@%lld", (long long)fresh), axes, 4,
            fresh == 1 ? keep_cache_and_logits : keep_cache, NULL);
}

/* ---- picture and prompt, read both ways ------------------------------------------------------------------------- */

static void add_present(Graph *g, Value *v, int layer, const char *part)
{
    if (v->shape.rank != 4 || v->graph_output)
        fail(SDC_UNSUPPORTED, "%s: keys and values of layer %d are not of heads, tokens and features", g->model->path,
             layer);
    graph_output(g, v);
    g->output_names[g->n_outputs - 1] = text_format("present.%d.%s", layer, part);
}

/* Attentions with a mask are the text's: those of the tower have none. */
static void give_cache(Graph *g, const char *pass, void *folder)
{
    Folder *f = folder;
    if (strcmp(pass, "rotary"))
        return;
    graph_drop_outputs(g);
    int layers = 0;
    for (const Node *n = g->first; n; n = n->next)
        if (n->op == OP_Attention && n->n_in > 3 && n->in[3]) {
            add_present(g, n->in[1], layers, "key");
            add_present(g, n->in[2], layers++, "value");
        }
    if (layers != json_integer_value(text_field(f, "num_hidden_layers")))
        fail(SDC_UNSUPPORTED, "%s: %d attentions with a mask, and %lld layers in config.json", g->model->path, layers,
             (long long)json_integer_value(text_field(f, "num_hidden_layers")));
}

static void prepare_prefix(Folder *f)
{
    int64_t tokens = image_tokens(f) + PROMPT;
    tokens = tokens < f->length ? tokens : f->length;
    const Axes axes[] = {{"pixel_values", {1, -1, -1, -1}}, {"input_ids", {1, tokens, -1, -1}},
                         {"attention_mask", {1, tokens, -1, -1}}, {"token_type_ids", {1, tokens, -1, -1}}};
    prepare(f, "prefill", "prefill", axes, 4, NULL, give_cache);
}

static int64_t slicing_field(const Folder *f, const char *key, int64_t otherwise, int64_t least)
{
    const json_t *v = json_object_get(f->preprocessor, key);
    const int64_t value = json_is_integer(v) ? json_integer_value(v) : otherwise;
    if (value < least || value > 1 << 14)
        fail(SDC_BAD_INPUT, "%s: %s is %lld", f->preprocessor_path, key, (long long)value);
    return value;
}

/* A tower of patches has room for a view of scale_resolution squared and two more rows: sides are rounded to patches, so
 * views that are not square may have some patches more. */
static Graph *prepare_patches(Folder *f, Model *tower)
{
    const Graph *g = tower->graph;
    const int64_t patch = slicing_field(f, "patch_size", 14, 1);
    const int64_t side = slicing_field(f, "scale_resolution", 448, patch) / patch, room = side * side + 2 * side;
    const int mask = graph_find_input(g, "patch_attention_mask");
    const bool flat = mask >= 0 && g->inputs[mask]->shape.rank == 2;
    const Axes axes[] = {{"pixel_values", {1, -1, patch, patch * room}}, {"position_ids", {1, room, -1, -1}},
                         {"patch_attention_mask", {1, flat ? room : 1, room, -1}}};
    if (mask < 0)
        fail(SDC_UNSUPPORTED, "%s: has position_ids, but no patch_attention_mask", tower->path);
    f->sides = image_sides(f);
    return prepare_model(f, tower, "vision_encoder", axes, 3, NULL, NULL);
}

static void prepare_tower(Folder *f)
{
    static const Axes pixels[] = {{"pixel_values", {1, -1, -1, -1}}};
    const bool resampled = has(f, "vision_encoder") && has(f, "resampler");
    const char *tower = has(f, "vision_encoder") && (resampled || !has(f, "image")) ? "vision_encoder" : "image";
    Model *m = onnx_load(component_path(f, tower));
    const Graph *g = graph_find_input(m->graph, "position_ids") >= 0
                         ? prepare_patches(f, m) : prepare_model(f, m, "vision_encoder", pixels, 1, NULL, NULL);
    if (g->n_outputs < 1 || g->outputs[0]->shape.rank != 3)
        fail(SDC_UNSUPPORTED, "%s: its output is not [batch, features, width]", component_path(f, tower));
    int64_t patches = g->outputs[0]->shape.dim[1];
    const Axes axes[] = {{"image_feature", {1, patches, -1, -1}}, {"pos_embed", {patches, 1, -1, -1}},
                         {"key_padding_mask", {1, patches, -1, -1}}};
    if (resampled)
        prepare(f, "resampler", "resampler", axes, 3, NULL, NULL);
}

static void prepare_components(Folder *f)
{
    static const Axes ids[] = {{"input_ids", {1, 1, -1, -1}}};
    if (has(f, "prefill"))
        prepare_prefix(f);
    else
        prepare_tower(f);
    prepare(f, "embed_tokens", "embed_tokens", ids, 1, NULL, NULL);
    if (!has(f, "prefill"))
        prepare_decoder(f, f->length < CHUNK ? f->length : CHUNK);
    prepare_decoder(f, 1);
}

/* ---- the executable --------------------------------------------------------------------------------------------- */

/* --length, else as many as the model has positions for, up to LENGTH. */
static int64_t cache_length(const Folder *f)
{
    int64_t most = json_integer_value(text_field(f, "max_position_embeddings"));
    if (most < 2 || most > MAX_LENGTH)
        most = MAX_LENGTH;
    if (f->options->length > most)
        fail(SDC_USAGE, "--length %lld: the model has positions for %lld", (long long)f->options->length,
             (long long)most);
    return f->options->length ? f->options->length : most < LENGTH ? most : LENGTH;
}

static Program *finish_graph(const Folder *f, int k)
{
    Budget b = {.limit = f->options->max_memory, .graphs = f->graphs, .n_graphs = f->n, .quiet = f->options->quiet,
                .code = f->tokenizer_bytes};
    fit_graph(f->graphs[k], f->names[k], f->isa, &b);
    Program *p = lower_graph(f->graphs[k], f->names[k], f->isa);
    plan_program(p);
    return p;
}

Program **vlm_programs(const char *folder, const char *class, const Options *o, const Isa *isa, int *count,
                       Section *sections, int *n_sections)
{
    Folder f = {.folder = folder, .type = class, .options = o, .isa = isa};
    if (o->int8 || o->calibrate.count)
        fail(SDC_USAGE, "--dtype int8 and --calibrate are for single models and for denoisers; a %s takes "
             "--weights int8", class);
    f.config = read_json(text_format("%s/config.json", folder));
    f.generation = read_json_if(text_format("%s/generation_config.json", folder));
    f.preprocessor = read_processor_config(folder, &f.preprocessor_path);
    int code = tokenizer_bpe_pack(folder, &f.tokenizer, &f.tokenizer_bytes);
    if (code)
        exit(code);
    f.length = cache_length(&f);
    prepare_components(&f);
    Program **programs = alloc_array(f.n, sizeof *programs);
    for (int k = 0; k < f.n; k++)
        programs[k] = finish_graph(&f, k);
    const char *settings = all_settings(&f);
    sections[0] = (Section){"tokenizer", f.tokenizer, f.tokenizer_bytes};
    sections[1] = (Section){"pipeline", settings, (int64_t)strlen(settings)};
    *n_sections = 2;
    *count = f.n;
    json_decref(f.config);
    json_decref(f.generation);
    json_decref(f.preprocessor);
    return programs;
}
