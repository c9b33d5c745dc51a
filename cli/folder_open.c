/* folder_open.c: what a folder and the options say, before a component is read: the class, the sizes of pictures, the
 * tokenizers, whether the schedulers are known; and the same of --refiner's folder.  See folder_pipeline.h.
 *
 * Ends the program with a line that names file and field where these say something that cannot be. */
#include "folder_pipeline.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../runtime/tokenizer.h"
#include "autoencoder_config.h"
#include "components.h"
#include "json_file.h"
#include "statistics.h"

/* ---- class and sizes --------------------------------------------------------------------------------------------- */

const PipelineRule *folder_rule(const char *folder, json_t **index)
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
        if (!class && k == 0)
            fail(SDC_BAD_INPUT, "%s: no _class_name, which says what pipeline this is", path);
        if (rule)
            return rule;
        seen = seen ? seen : class;
        seen_in = seen_in ? seen_in : names[k].file;
    }
    if (!seen_in)
        fail(SDC_BAD_INPUT, "%s: is a folder without model_index.json or config.json; name a model.onnx in it, or a "
             "pipeline's folder", folder);
    if (!seen)
        fail(SDC_BAD_INPUT, "%s/%s: neither _class_name nor model_type", folder, seen_in);
    fail(SDC_UNSUPPORTED,
         "%s: pipelines of class %s are not supported; there are %s; single components can be compiled alone",
         folder, seen, pipeline_classes());
}

static int64_t latent_scale(const char *folder, const char *decoder)
{
    if (!decoder)
        return 1;
    const char *path = text_format("%s/%s/config.json", folder, decoder);
    json_t *config = read_json(path);
    int64_t scale = check_autoencoder(config, path);
    json_decref(config);
    return scale;
}

/* As the denoiser's configuration has it, or the folder's own. */
static Size usual_size(Pipeline *p)
{
    p->patch = 1;
    if (!p->rule->denoiser)
        return (Size){p->facts.width, p->facts.height};
    const char *path = text_format("%s/%s/config.json", p->folder, p->rule->denoiser);
    json_t *config = read_json(path);
    int64_t side = json_whole(config, path, "sample_size", 64, 1, (1 << 16) / p->scale);
    p->patch = json_whole(config, path, "patch_size", 1, 1, 64);
    json_whole(config, path, "num_class_embeds", 0, 1, 1 << 24);        /* read by the drivers, which take any text */
    json_whole(p->index, text_format("%s/model_index.json", p->folder), "max_noise_level", 0, 0, 1 << 24);
    json_decref(config);
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

/* ---- tokenizers -------------------------------------------------------------------------------------------------- */

/* "text_encoder_2" of "tokenizer_2", "prior_text_encoder" of "prior_tokenizer". */
static const char *encoder_of(const SectionRule *rule)
{
    static const char tokenizer[] = "tokenizer";
    const char *at = strstr(rule->folder, tokenizer);
    return at ? text_format("%.*stext_encoder%s", (int)(at - rule->folder), rule->folder, at + strlen(tokenizer)) : "text_encoder";
}

/* Is there a tokenizer of this row?  The first is needed, unless text is optional; one without its encoder counts as
 * none there. */
static bool has_tokenizer(const Pipeline *p, const SectionRule *rule)
{
    const char *path = text_format("%s/%s", p->folder, rule->folder);
    if (p->rule->may_be_wordless)
        return tokenizer_is_there(path);
    if (!p->rule->text_is_optional)
        return !p->n_tokenizers || !access(path, F_OK);
    return !access(path, F_OK) && graph_file(p->folder, encoder_of(rule));
}

enum { MAX_TOKENS = 4096 };

int64_t folder_tokens(const void *tokenizer, int64_t bytes, const json_t *config, const char *path, int64_t usual)
{
    const json_t *given = json_object_get(config, "max_position_embeddings");
    if (given && !json_is_null(given) && !json_is_integer(given))
        fail(SDC_BAD_INPUT, "%s: max_position_embeddings is not a whole number", path);
    int64_t positions = json_int(config, "max_position_embeddings", usual);
    if (positions < 2)
        fail(SDC_BAD_INPUT, "%s: a max_position_embeddings of %lld", path, (long long)positions);
    positions = positions < MAX_TOKENS ? positions : MAX_TOKENS;
    int64_t length = tokenizer_max_length(tokenizer, bytes);
    return length < 2 || length > positions ? positions : length;
}

/* CLIP's encoders have 77 positions where config.json does not tell; T5's are relative, and the class has a limit. */
static int64_t tokens_of(const Pipeline *p, const SectionRule *rule, const Section *tokenizer)
{
    const char *path = text_format("%s/%s/config.json", p->folder, encoder_of(rule));
    json_t *config = read_json_if(path);
    int64_t most = p->rule->max_tokens;
    int64_t usual = most && !tokenizer_is_clip(tokenizer->data, tokenizer->bytes) ? most : CLIP_POSITIONS;
    int64_t tokens = folder_tokens(tokenizer->data, tokenizer->bytes, config, path, usual);
    json_decref(config);
    return most && tokens > most ? most : tokens;
}

static void read_tokenizers(Pipeline *p)
{
    for (const SectionRule *rule = p->rule->tokenizers; rule->section; rule++) {
        const char *path = text_format("%s/%s", p->folder, rule->folder);
        int64_t *tokens = &p->tokens[rule - p->rule->tokenizers];
        *tokens = CLIP_POSITIONS;
        if (!has_tokenizer(p, rule))
            continue;
        Section *s = &p->tokenizers[p->n_tokenizers];
        void *blob;
        int code = tokenizer_pack(path, &blob, &s->bytes);
        if (code)
            exit(code);
        s->name = rule->section;
        s->data = blob;
        *tokens = tokens_of(p, rule, s);
        p->n_tokenizers++;
    }
    if (p->facts.tokens)
        p->tokens[0] = p->facts.tokens;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

/* The folder of --refiner, whose pictures are of the base's sizes. */
static void open_refiner(Pipeline *p, const char *folder)
{
    Pipeline *r = alloc(sizeof *r);
    if (!p->rule->refiner)
        fail(SDC_USAGE, "--refiner: a %s takes none", p->rule->class);
    *r = *p;
    r->folder = folder;
    r->n_tokenizers = 0;
    if (strcmp(folder_rule(folder, &r->index)->class, p->rule->refiner->class))
        fail(SDC_UNSUPPORTED, "--refiner %s: is not a %s", folder, p->rule->refiner->class);
    r->rule = p->rule->refiner;
    read_tokenizers(r);
    check_schedulers(folder, r->rule, &(Options){0});
    memcpy(p->tokenizers + p->n_tokenizers, r->tokenizers, (size_t)r->n_tokenizers * sizeof *p->tokenizers);
    p->n_tokenizers += r->n_tokenizers;
    p->refiner = r;
}

Pipeline *folder_open(const char *folder, const Options *o, const Isa *isa)
{
    if (o->dims.count || o->shapes.count || o->binds.count || o->gradients.count)
        fail(SDC_USAGE, "--dim, --shape, --bind and --grad are for single models; a pipeline takes --size and --batch");
    Pipeline *p = alloc(sizeof *p);
    *p = (Pipeline){.folder = folder, .batch = o->batch ? o->batch : 1, .isa = isa, .no_fuse = o->no_fuse,
                    .dtype = o->dtype, .exact = o->exact, .weights = o->weights, .pack_winograd = o->pack_winograd,
                    .choices = o->choices, .options = o, .chunks = o->prompt_chunks ? o->prompt_chunks : 1,
                    .clip_skip = o->clip_skip, .max_memory = o->max_memory, .quiet = o->quiet};
    p->rule = folder_rule(folder, &p->index);
    if (p->rule->describe)
        p->rule->describe(folder, p->index, &p->facts);
    if (p->facts.folder)
        p->folder = p->facts.folder;
    for (int k = 0; k < o->defaults.count; k++)
        if (p->rule->check_default(o->defaults.list[k], p->rule->class))
            exit(SDC_USAGE);
    if (p->chunks > 1 && (!p->rule->tokenizers[0].section || p->rule->tokenizers[2].section))
        fail(SDC_UNSUPPORTED, "--prompt-chunks: is for classes whose text encoders are CLIP's, not for a %s", p->rule->class);
    p->scale = p->facts.scale ? p->facts.scale : latent_scale(folder, p->rule->decoder);
    if (!p->rule->denoiser && !p->rule->sized && o->sizes.count)
        fail(SDC_USAGE, "%s: a %s has no --size", folder, p->rule->class);
    read_sizes(p, o);
    read_tokenizers(p);
    check_schedulers(p->folder, p->rule, o);
    for (const StatisticsRule *rule = p->rule->statistics; rule->section; rule++)
        p->statistics[p->n_statistics++] = statistics_section(p->folder, rule);
    if (o->refiner)
        open_refiner(p, o->refiner);
    if (o->text_length && !p->rule->tokenizers[2].section)
        fail(SDC_USAGE, "%s: a %s has no --text-length", folder, p->rule->class);
    if (o->text_length)
        p->tokens[2] = o->text_length;
    return p;
}

void folder_close(Pipeline *p)
{
    for (int k = 0; k < p->n_tokenizers; k++)
        free((void *)(uintptr_t)p->tokenizers[k].data);
    free((void *)(uintptr_t)p->clip_tokenizer.data);
    json_decref(p->index);
    if (p->refiner)
        json_decref(p->refiner->index);
}
