/* sd_long.c: prompts of several chunks, each of which goes through the text encoder by itself; the denoiser is given
 * them one behind the other, by a program that was compiled for so many (`sdc compile --prompt-chunks`). */
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "sd.h"
#include "sd_prompt.h"

/* Does the tokenizer put a token in front and one behind, as CLIP's does?  Others' prompts have neither weights nor
 * chunks. */
static bool has_ends(const SdEncoder *e)
{
    Tokens t;
    const bool ends = !tokenizer_encode(&e->tokenizer, "", 0, 0, false, &t) && t.length == 2;
    tokens_free(&t);
    return ends;
}

static int read_one(const Sd *sd, const SdEncoder *e, const char *text, SdChunks *c)
{
    const SdReading r = {&e->tokenizer, e->length, sd->options->weighting, sd->options->long_prompts,
                         e->embeddings, e->n_embeddings};
    return sd_chunks_read(c, &r, text);
}

static const char *prompt_text(const Sd *sd, const SdEncoder *e, int k)
{
    return sd_text(sd, e, sd->guided && k == 0);
}

/* The program like the chosen one that takes so many tokens of text; NULL: there is none. */
static const SdcProgram *denoiser_for(const Sd *sd, int64_t tokens)
{
    const SdcTensor *sample, *other, *text;
    const SdcProgram *p;
    if (pipeline_input(sd->denoiser, sd->family->sample, -1, &sample))
        return NULL;
    for (int k = 0; (p = pipeline_nth(sd->family->denoiser, k)); k++)
        if (!pipeline_input(p, sd->family->sample, -1, &other) && !memcmp(other->dim, sample->dim, sizeof sample->dim)
            && !pipeline_input(p, "encoder_hidden_states", 3, &text) && text->dim[1] == tokens)
            return p;
    return NULL;
}

int sd_plan_chunks(Sd *sd, SdEncoder *e)
{
    int64_t most = sd->chunks > 1 ? sd->chunks : 1;
    int code = has_ends(e) ? sd_embeddings_open(sd, e) : SDC_OK;
    if (code)
        return code;
    if (!sd->options->long_prompts || !has_ends(e)) {
        sd->chunks = most;
        return SDC_OK;
    }
    for (int k = 0; k < sd_prompts(sd); k++) {
        SdChunks c;
        code = read_one(sd, e, prompt_text(sd, e, k), &c);
        most = c.n > most ? c.n : most;
        sd_chunks_free(&c);
        if (code)
            return code;
    }
    if (sd->n_encoders > 1 && most > sd->chunks)
        return sdc_error(SDC_UNSUPPORTED, "the prompt takes %lld chunks of %s and %lld of %s", (long long)most, e->component,
                         (long long)sd->chunks, sd->encoders[0].component);
    sd->chunks = most;
    if (most > 1 && sd->family->takes & SD_ONE_CHUNK)
        return sdc_error(SDC_UNSUPPORTED, "the prompt takes %lld chunks of %lld tokens, and a %s reads one; shorten it",
                         (long long)most, (long long)e->length, sd->family->class);
    const SdcProgram *p = most > 1 ? denoiser_for(sd, most * e->length) : sd->denoiser;
    if (!p)
        return sdc_error(SDC_UNSUPPORTED, "the prompt takes %lld chunks of %lld tokens, for which this executable was "
                         "not compiled; compile with --prompt-chunks %lld", (long long)most, (long long)e->length,
                         (long long)most);
    sd->denoiser = p;
    return SDC_OK;
}

/* ids, and weights where there are any, of prompt k: its chunks, and as many empty ones behind them as the other prompt
 * has more. */
static int lay_out(const Sd *sd, SdEncoder *e, int k, const SdChunks *c, const SdChunks *empty)
{
    const int64_t length = e->length;
    if (c->weighs && !e->weights) {
        int code = pipeline_floats(&e->weights, 2 * sd->chunks * length);
        if (code)
            return code;
        for (int64_t i = 0; i < 2 * sd->chunks * length; i++)
            e->weights[i] = 1;
    }
    for (int64_t i = 0; i < sd->chunks; i++) {
        const SdChunks *from = i < c->n ? c : empty;
        const int64_t first = i < c->n ? i * length : 0, to = (k * sd->chunks + i) * length;
        memcpy(e->ids + to, from->ids + first, (size_t)length * sizeof *e->ids);
        if (e->weights)
            memcpy(e->weights + to, from->weights + first, (size_t)length * sizeof *e->weights);
    }
    return SDC_OK;
}

static bool is_marked(const Sd *sd, const char *text)
{
    return sd->options->weighting && strpbrk(text, "\\()[]");
}

/* Is there anything in the prompts that a tokenizer alone does not read? */
static bool says_more(const Sd *sd, const SdEncoder *e)
{
    bool more = sd->options->long_prompts || sd->options->n_words;
    for (int k = 0; k < sd_prompts(sd); k++)
        more |= is_marked(sd, prompt_text(sd, e, k));
    return more;
}

int sd_read_chunks(Sd *sd, SdEncoder *e, bool *done)
{
    SdChunks empty;
    *done = says_more(sd, e) && has_ends(e) && e->length > 2;
    if (!*done)
        return SDC_OK;
    free(e->weights);
    e->weights = NULL;
    int code = read_one(sd, e, "", &empty);
    for (int k = 0; !code && k < sd_prompts(sd); k++) {
        SdChunks c;
        code = read_one(sd, e, prompt_text(sd, e, k), &c);
        if (!code && c.left)
            sdc_error(0, "warning: the %sprompt has %lld tokens more than the %lld that are read; see --long-prompts",
                      sd->guided && !k ? "negative " : "", (long long)c.left, (long long)e->length);
        if (!code)
            code = lay_out(sd, e, k, &c, &empty);
        sd_chunks_free(&c);
    }
    sd_chunks_free(&empty);
    return code ? code : sd_embeddings_place(sd, e);
}

int sd_plain_text(const Sd *sd, const char *text, char **plain)
{
    const bool marked = is_marked(sd, text);
    SdPieces pieces = {0};
    size_t used = 0;
    int code = marked ? sd_pieces_parse(&pieces, text) : SDC_OK;
    *plain = code ? NULL : malloc(strlen(text) + 1);
    if (!code && !*plain)
        code = sdc_error(SDC_NO_SPACE, "out of memory");
    for (int64_t k = 0; !code && k < pieces.n; used += strlen(pieces.list[k++].text))
        strcpy(*plain + used, pieces.list[k].text);
    if (!code && !marked)
        strcpy(*plain, text);
    sd_pieces_free(&pieces);
    return code;
}
