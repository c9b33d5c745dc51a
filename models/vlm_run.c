/* vlm_run.c: the decoder and its cache; see vlm.h. */
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "vlm.h"

enum { MAX_NAME = 96 };

/* ---- opening ---------------------------------------------------------------------------------------------------- */

/* The program of "decoder" for the most new tokens, or for one. */
static const SdcProgram *find_decoder(bool one)
{
    const SdcProgram *best = NULL, *p;
    int64_t most = 0;
    const SdcTensor *t;
    for (int k = 0; (p = pipeline_nth("decoder", k)); k++)
        if (!pipeline_input(p, "inputs_embeds", 3, &t) && (one ? t->dim[1] == 1 : t->dim[1] > most)) {
            best = p;
            most = t->dim[1];
        }
    return best;
}

static int choose_programs(Vlm *v)
{
    const SdcTensor *embeds, *mask, *logits;
    int code;
    v->embed = pipeline_nth("embed_tokens", 0);
    v->step = find_decoder(true);
    v->chunk = find_decoder(false);
    v->prefix = pipeline_nth("prefill", 0);
    if (!v->embed || !v->step || (!v->chunk && !v->prefix))
        return sdc_error(SDC_UNSUPPORTED, "the decoder or the embeddings are missing from this file");
    if ((code = pipeline_input(v->step, "inputs_embeds", 3, &embeds)) ||
        (code = pipeline_input(v->step, "attention_mask", 2, &mask)) ||
        (code = pipeline_output(v->step, "logits", 3, &logits)))
        return code;
    v->hidden = embeds->dim[2];
    v->vocabulary = logits->dim[2];
    v->length = mask->dim[1] - 1;
    return SDC_OK;
}

int vlm_open(Vlm *v, const VlmOptions *options)
{
    *v = (Vlm){.options = options};
    SdcSection tokenizer = sdc_section("tokenizer");
    if (tokenizer_bpe_open(&v->tokenizer, tokenizer.data, tokenizer.bytes))
        return sdc_error(SDC_BAD_INPUT, "the tokenizer is missing from this file or damaged");
    char model[MAX_NAME] = "";
    pipeline_setting("class", model, sizeof model);
    v->template = vlm_template(model);
    if (!v->template)
        return sdc_error(SDC_UNSUPPORTED, "there is no prompt template for model_type '%s'", model);
    v->first_position = v->template->first_position;
    int code = choose_programs(v);
    if (code || (code = pipeline_floats(&v->logits, v->vocabulary)))
        return code;
    v->tokens = calloc((size_t)v->length + 1, sizeof *v->tokens);
    if (!v->tokens)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    if (options->trace && (code = pipeline_floats(&v->trace, (v->length + 1) * v->vocabulary)))
        return code;
    sdc_random_seed(&v->random, options->seed);
    if ((code = driver_pool(&options->common, &v->pool)))
        return code;
    code = sdc_instance_open(&v->embed_context, v->embed, v->pool);
    return code ? code : sdc_instance_open(&v->step_context, v->step, v->pool);
}

void vlm_close(Vlm *v)
{
    sdc_instance_close(&v->embed_context);
    sdc_instance_close(&v->step_context);
    sdc_pool_destroy(v->pool);
    free(v->embeddings);
    free(v->pixels);
    free(v->ids);
    free(v->logits);
    free(v->tokens);
    free(v->trace);
}

/* ---- the prompt's rows ------------------------------------------------------------------------------------------ */

static int reserve(Vlm *v, int64_t n)
{
    if (v->count + n > v->length)
        return sdc_error(SDC_BAD_INPUT, "the prompt has more than the %lld tokens that this executable holds; compile "
                         "with a larger --length", (long long)v->length);
    if (v->count + n <= v->room)
        return SDC_OK;
    int64_t room = 2 * v->room + n + 64;
    float *embeddings = realloc(v->embeddings, (size_t)(room * v->hidden) * sizeof *embeddings);
    if (embeddings)
        v->embeddings = embeddings;
    int64_t *ids = realloc(v->ids, (size_t)room * sizeof *ids);
    if (ids)
        v->ids = ids;
    if (!embeddings || !ids)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    v->room = room;
    return SDC_OK;
}

static int embed(Vlm *v, int64_t id, float *row)
{
    const SdcTensor *in, *out;
    int code;
    if ((code = pipeline_input(v->embed, "input_ids", 2, &in)) ||
        (code = pipeline_output(v->embed, "inputs_embeds", 3, &out)))
        return code;
    if (id < 0 || (in->bound > 0 && id >= in->bound))
        return sdc_error(SDC_BAD_INPUT, "there is no token of id %lld; the model knows %lld", (long long)id,
                         (long long)in->bound);
    tensor_put_ids(&v->embed_context, in, 0, &id, 1);
    if ((code = pipeline_run(&v->embed_context, v->embed)))
        return code;
    tensor_get(&v->embed_context, out, 0, row, v->hidden);
    return SDC_OK;
}

int vlm_add_id(Vlm *v, int64_t id)
{
    int code = reserve(v, 1);
    if (code || (code = embed(v, id, v->embeddings + v->count * v->hidden)))
        return code;
    v->ids[v->count++] = id;
    return SDC_OK;
}

int vlm_add_features(Vlm *v, const float *features, int64_t n)
{
    int code = reserve(v, n);
    if (code)
        return code;
    memcpy(v->embeddings + v->count * v->hidden, features, (size_t)(n * v->hidden) * sizeof *features);
    for (int64_t i = 0; i < n; i++)
        v->ids[v->count++] = -1;
    return SDC_OK;
}

/* ---- the cache -------------------------------------------------------------------------------------------------- */

/* "present.0.key" -> the input "past_key_values.0.key"; false for other outputs. */
static bool is_present(const SdcTensor *out, char name[MAX_NAME])
{
    static const char present[] = "present.";
    if (strncmp(out->name, present, sizeof present - 1))
        return false;
    snprintf(name, MAX_NAME, "past_key_values.%s", out->name + sizeof present - 1);
    return true;
}

/* The first n new keys and values of a run of `from` to the places behind v->filled of `to`, which may be the same. */
static int keep(const Vlm *v, const SdcProgram *from, const SdcContext *a, const SdcProgram *to, const SdcContext *b,
                int64_t n)
{
    char name[MAX_NAME];
    for (int k = 0; k < from->n_outputs; k++) {
        const SdcTensor *fresh = &from->outputs[k], *past;
        if (!is_present(fresh, name))
            continue;
        int code = pipeline_input(to, name, 4, &past);
        if (code)
            return code;
        if (past->dtype != fresh->dtype || past->dim[1] != fresh->dim[1] || past->dim[3] != fresh->dim[3] ||
            fresh->dim[2] < n || past->dim[2] < v->filled + n)
            return sdc_error(SDC_UNSUPPORTED, "%s: %s does not fit %s", to->name, fresh->name, name);
        int64_t row = past->dim[3] * dtype_info(past->dtype)->bytes;
        for (int64_t head = 0; head < past->dim[1]; head++)
            memcpy(b->arena + past->offset + (head * past->dim[2] + v->filled) * row,
                   a->arena + fresh->offset + head * fresh->dim[2] * row, (size_t)(n * row));
    }
    return SDC_OK;
}

/* n new tokens through a program whose cache has v->filled. */
static int run(Vlm *v, const SdcProgram *p, SdcContext *c, const float *embeddings, int64_t n)
{
    const SdcTensor *in, *mask, *positions;
    int code;
    if ((code = pipeline_input(p, "inputs_embeds", 3, &in)) || (code = pipeline_input(p, "attention_mask", 2, &mask)) ||
        (code = pipeline_input(p, "position_ids", 2, &positions)))
        return code;
    int64_t room = in->dim[1], past = mask->dim[1] - room;
    if (past != v->length)
        return sdc_error(SDC_UNSUPPORTED, "%s: its cache holds %lld tokens, not %lld", p->name, (long long)past,
                         (long long)v->length);
    tensor_fill(c, in, 0);
    tensor_put(c, in, 0, embeddings, n * v->hidden);
    tensor_fill(c, mask, 0);
    for (int64_t i = 0, one = 1; i < v->filled + n; i++)
        tensor_put_ids(c, mask, i < v->filled ? i : past + i - v->filled, &one, 1);
    for (int64_t i = 0; i < room; i++) {
        int64_t at = v->first_position + v->filled + i;
        tensor_put_ids(c, positions, i, &at, 1);
    }
    return pipeline_run(c, p);
}

/* One token, whose logits are wanted. */
static int step(Vlm *v, const float *embedding)
{
    const SdcTensor *logits;
    int code = run(v, v->step, &v->step_context, embedding, 1);
    if (code || (code = pipeline_output(v->step, "logits", 3, &logits)))
        return code;
    tensor_get(&v->step_context, logits, 0, v->logits, v->vocabulary);
    code = keep(v, v->step, &v->step_context, v->step, &v->step_context, 1);
    v->filled++;
    return code;
}

/* All but the last token in chunks, each into both programs' caches. */
static int read_chunks(Vlm *v, SdcContext *c)
{
    const SdcTensor *in;
    int code = pipeline_input(v->chunk, "inputs_embeds", 3, &in);
    if (!code)
        code = sdc_instance_open(c, v->chunk, v->pool);
    SdcProgress bar;
    sdc_progress_begin(&bar, "reading", v->count, v->options->common.quiet);
    while (!code && v->filled < v->count - 1) {
        int64_t rest = v->count - 1 - v->filled, n = rest < in->dim[1] ? rest : in->dim[1];
        if ((code = run(v, v->chunk, c, v->embeddings + v->filled * v->hidden, n)) ||
            (code = keep(v, v->chunk, c, v->chunk, c, n)) ||
            (code = keep(v, v->chunk, c, v->step, &v->step_context, n)))
            break;
        v->filled += n;
        sdc_progress_step(&bar, v->filled);
    }
    sdc_progress_end(&bar);
    return code;
}

/* Keys and values of all tokens, each of which saw all others; those of the last one are not kept. */
static int read_both_ways(Vlm *v, SdcContext *c)
{
    const SdcTensor *ids, *pixels, *mask, *types;
    int64_t image = (int64_t)pipeline_number("image.token", -1), one = 1;
    int code;
    if ((code = pipeline_input(v->prefix, "input_ids", 2, &ids)) ||
        (code = pipeline_input(v->prefix, "pixel_values", 4, &pixels)) ||
        (code = pipeline_input(v->prefix, "attention_mask", 2, &mask)) ||
        (code = pipeline_input(v->prefix, "token_type_ids", 2, &types)))
        return code;
    if (v->count > ids->dim[1])
        return sdc_error(SDC_BAD_INPUT, "picture and prompt have %lld tokens; this executable reads %lld at once",
                         (long long)v->count, (long long)ids->dim[1]);
    if (!v->pixels)
        return sdc_error(SDC_USAGE, "the model needs a picture: --image FILE, and 'image' in --ids");
    if ((code = sdc_instance_open(c, v->prefix, v->pool)))
        return code;
    tensor_fill(c, ids, 0);
    tensor_fill(c, mask, 0);
    tensor_fill(c, types, 0);
    for (int64_t i = 0; i < v->count; i++) {
        tensor_put_ids(c, ids, i, v->ids[i] < 0 ? &image : &v->ids[i], 1);
        tensor_put_ids(c, mask, i, &one, 1);
    }
    tensor_put(c, pixels, 0, v->pixels, tensor_count(pixels));
    if ((code = pipeline_run(c, v->prefix)))
        return code;
    code = keep(v, v->prefix, c, v->step, &v->step_context, v->count - 1);
    v->filled = v->count - 1;
    return code;
}

int vlm_prefill(Vlm *v)
{
    double start = sdc_now();
    SdcContext c = {0};
    int code = v->count < 1 ? sdc_error(SDC_USAGE, "the prompt is empty") : SDC_OK;
    v->filled = 0;
    if (!code && v->count > 1)
        code = v->prefix ? read_both_ways(v, &c) : read_chunks(v, &c);
    sdc_instance_close(&c);
    if (!code)
        code = step(v, v->embeddings + (v->count - 1) * v->hidden);
    v->prefill_seconds = sdc_now() - start;
    return code;
}

/* ---- the answer ------------------------------------------------------------------------------------------------- */

/* Is it one of the numbers of the setting "eos"? */
static bool ends(int64_t token)
{
    char list[256], *at = list;
    if (!pipeline_setting("eos", list, sizeof list))
        return false;
    for (char *end; *at; at = *end ? end + 1 : end) {
        long long id = strtoll(at, &end, 10);
        if (end == at)
            return false;
        if (id == token)
            return true;
    }
    return false;
}

int vlm_answer(Vlm *v, void (*said)(Vlm *v))
{
    double start = sdc_now();
    float *row = NULL;
    int code = pipeline_floats(&row, v->hidden);
    v->produced = 0;
    v->ended = false;
    while (!code && v->produced < v->options->max_tokens) {
        int64_t token;
        if ((code = vlm_sample(v, &token)))
            break;
        if (v->trace)
            memcpy(v->trace + v->produced * v->vocabulary, v->logits, (size_t)v->vocabulary * sizeof *v->logits);
        v->tokens[v->produced++] = token;
        v->ended = ends(token);
        said(v);
        if (v->ended || v->filled == v->length)
            break;
        if (v->produced < v->options->max_tokens && !(code = embed(v, token, row)))
            code = step(v, row);
    }
    free(row);
    v->decode_seconds = sdc_now() - start;
    return code;
}
