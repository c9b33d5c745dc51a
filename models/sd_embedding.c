/* sd_embedding.c: textual inversion: words of a prompt that stand for vectors from a file.
 *
 * A vector takes the place of a row of the text encoder's table that no word of these prompts uses, in pages of this
 * process's own; so the network needs no input for it, and the file stays as it is.  Rows are taken below the largest
 * id in use, that of the end, which some encoders look for as the largest. */
#define _GNU_SOURCE 1
#include <stdlib.h>
#include <string.h>

#include "../runtime/origin_table.h"
#include "../runtime/safetensors.h"
#include "pipeline.h"
#include "sd.h"
#include "sd_prompt.h"

/* The encoder's table of tokens: as many rows as it knows ids; NULL: it is not recorded. */
static const SdcOrigin *table_of(const SdcOriginTable *t, const SdEncoder *e)
{
    const SdcTensor *ids;
    if (pipeline_input(e->program, "input_ids", 2, &ids))
        return NULL;
    for (int64_t k = 0; k < t->header.origins; k++) {
        const SdcOrigin *o = &t->origins[k];
        if (o->table && o->dim[0] == ids->bound && !strcmp(t->text + o->component, e->component))
            return o;
    }
    return NULL;
}

/* The tensor of a file that is for this encoder: named so, or of its width; NULL: there is none. */
static const SdcSafetensor *tensor_for(const SdcSafetensors *s, const SdEncoder *e, int64_t width)
{
    const char *name = !strcmp(e->component, "text_encoder_2") ? "clip_g" : "clip_l";
    const SdcSafetensor *named = sdc_safetensors_find(s, name);
    for (int64_t k = 0; !named && k < s->n; k++)
        if (s->list[k].rank >= 1 && s->list[k].dim[s->list[k].rank - 1] == width)
            named = &s->list[k];
    const bool fits = named && named->rank >= 1 && named->rank <= 2 && named->count > 0 &&
                      named->dim[named->rank - 1] == width;
    return fits ? named : NULL;
}

/* The word: given, or what diffusers calls the tensor, or the file's name. */
static char *token_for(const char *text, size_t path, const char *key)
{
    static const char *const usual[] = {"emb_params", "clip_l", "clip_g"};
    bool named = true;
    for (size_t k = 0; k < sizeof usual / sizeof *usual; k++)
        named &= strcmp(key, usual[k]) != 0;
    if (text[path])
        return strdup(text + path + 1);
    if (named)
        return strdup(key);
    const char *slash = memrchr(text, '/', path), *name = slash ? slash + 1 : text;
    const char *dot = memrchr(name, '.', (size_t)(text + path - name));
    return strndup(name, (size_t)((dot && dot > name ? dot : text + path) - name));
}

/* FILE or FILE:TOKEN. */
static int read_embedding(SdEmbedding *into, const char *text, const SdEncoder *e, const SdcOrigin *table)
{
    const char *colon = strrchr(text, ':');
    const size_t path = colon && colon > text && colon[1] && !strchr(colon, '/')
                      ? (size_t)(colon - text) : strlen(text);
    char *name = strndup(text, path);
    SdcSafetensors s = {0};
    int code = name ? sdc_safetensors_open(&s, name) : sdc_error(SDC_NO_SPACE, "out of memory");
    const SdcSafetensor *t = code ? NULL : tensor_for(&s, e, table->dim[1]);
    if (!code && !t)
        code = sdc_error(SDC_BAD_INPUT, "%s: no tensor is an embedding for the %s, whose words have %lld values", name,
                         e->component, (long long)table->dim[1]);
    if (!code)
        code = sdc_safetensor_floats(&s, t, &into->values);
    if (!code) {
        into->token = token_for(text, path, t->name);
        into->width = table->dim[1];
        into->vectors = t->count / into->width;
        sdc_weights_change(into->vectors * (into->width * (int64_t)sizeof(float) + 2 * 4096));
        if (!into->token)
            code = sdc_error(SDC_NO_SPACE, "out of memory");
        else if (!*into->token)
            code = sdc_error(SDC_USAGE, "--embedding %s: names no word", text);
    }
    sdc_safetensors_close(&s);
    free(name);
    return code;
}

int sd_embeddings_open(const Sd *sd, SdEncoder *e)
{
    const SdOptions *o = sd->options;
    SdcOriginTable table;
    if (!o->n_words)
        return SDC_OK;
    int code = sdc_origin_table_open(&table);
    const SdcOrigin *rows = code ? NULL : table_of(&table, e);
    if (!code && !rows)
        code = sdc_error(SDC_UNSUPPORTED, "--embedding: the table of words of the %s is not to be found", e->component);
    e->embeddings = code ? NULL : calloc(SD_EMBEDDINGS, sizeof *e->embeddings);
    if (!code && !e->embeddings)
        code = sdc_error(SDC_NO_SPACE, "out of memory");
    for (int k = 0; !code && k < o->n_words; k++) {
        e->n_embeddings++;
        code = read_embedding(&e->embeddings[k], o->words[k], e, rows);
    }
    return code;
}

void sd_embeddings_close(SdEncoder *e)
{
    for (int k = 0; e->embeddings && k < e->n_embeddings; k++) {
        free(e->embeddings[k].token);
        free(e->embeddings[k].values);
    }
    free(e->embeddings);
}

/* Is id among the n ids? */
static bool used(const int64_t *ids, int64_t n, int64_t id)
{
    bool found = false;
    for (int64_t k = 0; k < n; k++)
        found |= ids[k] == id;
    return found;
}

int sd_embeddings_place(const Sd *sd, SdEncoder *e)
{
    const int64_t n = sd_prompts(sd) * sd->chunks * e->length;
    int64_t number = 0, row = -1;
    SdcOriginTable table;
    int code = e->n_embeddings ? sdc_origin_table_open(&table) : SDC_OK;
    for (int64_t k = 0; k < n; k++)
        row = e->ids[k] > row ? e->ids[k] : row;
    for (int k = 0; !code && k < e->n_embeddings; k++)
        for (int64_t v = 0; !code && v < e->embeddings[k].vectors; v++, number++) {
            if (!used(e->ids, n, -1 - number))
                continue;
            for (row--; row >= 0 && used(e->ids, n, row); row--)
                ;
            if (row < 0)
                return sdc_error(SDC_UNSUPPORTED, "--embedding: more vectors than the %s has words to spare",
                                 e->component);
            code = sdc_origin_set_row(&table, table_of(&table, e), row,
                                      e->embeddings[k].values + v * e->embeddings[k].width);
            for (int64_t i = 0; i < n; i++)
                e->ids[i] = e->ids[i] == -1 - number ? row : e->ids[i];
        }
    return code;
}
