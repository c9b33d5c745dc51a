/* sd_text.c: from prompts to what the denoiser is given for them. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/array_io.h"
#include "pipeline.h"
#include "sd.h"
#include "sd_prompt.h"

int sd_prompts(const Sd *sd)
{
    return sd->guided ? 2 : 1;
}

/* ---- laying out -------------------------------------------------------------------------------------------------- */

const char *sd_text(const Sd *sd, const SdEncoder *e, bool negative)
{
    const SdOptions *o = sd->options;
    const char *const texts[2][SD_ENCODERS] = {{o->prompt, o->prompt_2, o->prompt_3},
                                               {o->negative, o->negative_2, o->negative_3}};
    const char *own = texts[negative][e->text];
    own = own && *own ? own : texts[negative][0];
    return own ? own : "";
}

int sd_add_encoder(Sd *sd, const char *component, const char *section, int text)
{
    SdEncoder *e = &sd->encoders[sd->n_encoders++];
    const SdcTensor *ids;
    SdcSection blob = sdc_section(section);
    if (tokenizer_open(&e->tokenizer, blob.data, blob.bytes))
        return sdc_error(SDC_BAD_INPUT, "the %s is missing from this file or damaged", section);
    e->component = component;
    e->text = text;
    int code = sd_text_program(sd, component, &e->program);
    if (code || (code = pipeline_input(e->program, "input_ids", 2, &ids)))
        return code;
    e->length = ids->dim[1];
    if ((code = sd_plan_chunks(sd, e)))
        return code;
    e->ids = calloc((size_t)(e->length * sd->chunks) * 2, sizeof *e->ids);
    return e->ids ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
}

int sd_add_condition(Sd *sd, const char *input, int64_t row)
{
    SdCondition *c = &sd->conditions[sd->n_conditions++];
    c->input = input;
    c->row = row;
    return pipeline_floats(&c->values, 2 * row);
}

/* ---- prompts ----------------------------------------------------------------------------------------------------- */

/* For an encoder whose prompts have no weights: the words alone. */
static int read_prompt(const Sd *sd, const SdEncoder *e, const char *what, const char *text, int64_t *ids)
{
    Tokens tokens;
    char *plain;
    int code = sd_plain_text(sd, text, &plain);
    if (!code && !(code = pipeline_tokens(&e->tokenizer, what, plain, e->length, &tokens))) {
        memcpy(ids, tokens.ids, (size_t)e->length * sizeof *ids);
        tokens_free(&tokens);
    }
    free(plain);
    return code;
}

static int check_ids(const SdEncoder *e, int64_t n)
{
    const SdcTensor *input;
    int code = pipeline_input(e->program, "input_ids", 2, &input);
    for (int64_t i = 0; !code && i < n; i++)
        if (input->bound > 0 && e->ids[i] >= input->bound)
            code = sdc_error(SDC_BAD_INPUT, "the tokenizer gives id %lld, the %s knows %lld", (long long)e->ids[i],
                             e->component, (long long)input->bound);
    return code;
}

int sd_read_prompts(Sd *sd, SdEncoder *e)
{
    bool done;
    int code = sd_read_chunks(sd, e, &done);
    if (!code && !done && sd->guided)
        code = read_prompt(sd, e, "the negative prompt", sd_text(sd, e, true), e->ids);
    if (!code && !done)
        code = read_prompt(sd, e, "the prompt", sd_text(sd, e, false), e->ids + (sd->guided ? e->length : 0));
    return code ? code : check_ids(e, sd_prompts(sd) * sd->chunks * e->length);
}

/* ---- given embeddings ------------------------------------------------------------------------------------------- */

/* Arrays with the inputs' names, a row for each prompt, the negative one first: what --trace writes. */
int sd_read_embeddings(Sd *sd)
{
    int64_t prompts = sd_prompts(sd);
    int code = SDC_OK;
    for (int k = 0; !code && k < sd->n_conditions; k++) {
        SdCondition *c = &sd->conditions[k];
        SdcArray a = {0};
        char member[512];
        if (sd_is_guidance(c))
            continue;
        snprintf(member, sizeof member, "%.400s:%.100s", sd->options->embeddings, c->input);
        if ((code = sdc_array_read(&a, member, c->input)))
            return code;
        if (a.dtype != DT_F32 || a.rank < 2 || a.dim[0] != prompts || a.count != prompts * c->row)
            code = sdc_error(SDC_BAD_INPUT, "%s: not float32 with %lld rows of %lld values", member, (long long)prompts,
                             (long long)c->row);
        else
            memcpy(c->values, a.data, (size_t)a.count * sizeof *c->values);
        sdc_array_free(&a);
    }
    return code;
}

/* ---- encoders ---------------------------------------------------------------------------------------------------- */

/* A chunk's output for each token, or what the first chunk has for the whole prompt, to where it belongs. */
static void take_output(const Sd *sd, const SdEncoder *e, const SdcContext *c, const SdcTensor *out, int64_t at,
                        int64_t row, const SdTextOutput *o)
{
    const int64_t prompt = row / sd->chunks, chunk = row % sd->chunks;
    const bool tokens = out->rank == 3 && out->dim[1] == e->length;
    float *into = o->into + prompt * o->pitch + (tokens ? chunk * o->row : 0);
    if (chunk && !tokens)
        return;
    tensor_get(c, out, at * o->row, into, o->row);
    if (tokens && e->weights)
        sd_chunk_weigh(into, e->weights + row * e->length, e->length, out->dim[2]);
}

static int run_rows(Sd *sd, const SdEncoder *e, SdcContext *c, const SdTextOutput *outputs, int n)
{
    const SdcTensor *ids, *out;
    int code = pipeline_input(e->program, "input_ids", 2, &ids);
    int64_t rows = sd_prompts(sd) * sd->chunks;
    for (int64_t row = 0; !code && row < rows; row += ids->dim[0]) {
        for (int64_t k = 0; k < ids->dim[0]; k++)
            tensor_put_ids(c, ids, k * e->length, e->ids + smaller(row + k, rows - 1) * e->length, e->length);
        code = pipeline_run(c, e->program);
        for (int k = 0; !code && k < n; k++) {
            const SdTextOutput *o = &outputs[k];
            if ((code = pipeline_output(e->program, o->output, -1, &out)))
                break;
            if (tensor_row(out) != o->row)
                code = sdc_error(SDC_UNSUPPORTED, "%s gives %lld values of '%s', not %lld", e->component,
                                 (long long)tensor_row(out), o->output, (long long)o->row);
            for (int64_t i = 0; !code && i < ids->dim[0] && row + i < rows; i++)
                take_output(sd, e, c, out, i, row + i, o);
        }
    }
    return code;
}

int sd_run_encoder(Sd *sd, const SdEncoder *e, const SdTextOutput *outputs, int n)
{
    SdcContext c = {0};
    int code = sdc_instance_open(&c, e->program, sd->pool);
    if (!code)
        code = run_rows(sd, e, &c, outputs, n);
    sd_close_network(sd, &c);
    return code;
}

int sd_hidden_layer(const Sd *sd, const SdEncoder *e, const SdcTensor **t)
{
    static const char prefix[] = "hidden_states.";
    long last = -1;
    for (int k = 0; k < e->program->n_outputs; k++)
        if (!strncmp(e->program->outputs[k].name, prefix, sizeof prefix - 1)) {
            long number = strtol(e->program->outputs[k].name + sizeof prefix - 1, NULL, 10);
            last = number > last ? number : last;
        }
    char name[40];
    const long skip = sd->options->clip_skip ? (long)sd->options->clip_skip : 2;
    snprintf(name, sizeof name, "%s%ld", prefix, last + 1 - skip);
    if (last < 1)
        return sdc_error(SDC_UNSUPPORTED, "%s has no outputs 'hidden_states.N': export it with output_hidden_states",
                         e->component);
    if (skip > last + 1)
        return sdc_error(SDC_USAGE, "--clip-skip %ld: the %s has %ld layers", skip, e->component, last);
    return pipeline_output(e->program, name, 3, t);
}

/* ---- one CLIP encoder: Stable Diffusion 1 and 2 ------------------------------------------------------------------ */

/* The encoder's output that --clip-skip names. */
enum { SD_LAYER = 32 };
static int sd_clip_layer(const Sd *sd, char name[SD_LAYER])
{
    const SdcProgram *p = sd->encoders[0].program;
    const int64_t skip = sd->options->clip_skip;
    int last = 1;
    snprintf(name, SD_LAYER, skip > 1 ? "clip_skip.%lld" : "last_hidden_state", (long long)skip);
    for (int k = 0; k < p->n_outputs; k++)
        last = sscanf(p->outputs[k].name, "clip_skip.%d", &(int){0}) == 1 ? last + 1 : last;
    if (skip <= last)
        return SDC_OK;
    return sdc_error(SDC_UNSUPPORTED, "--clip-skip %lld: the %s was compiled for at most %d; compile with --clip-skip "
                     "%lld", (long long)skip, sd->encoders[0].component, last, (long long)skip);
}

int sd_clip_open(Sd *sd)
{
    const SdcTensor *text, *hidden;
    char name[SD_LAYER];
    int code;
    if ((code = sd_add_encoder(sd, "text_encoder", "tokenizer", 0)) ||
        (code = sd_clip_layer(sd, name)) || (code = pipeline_output(sd->encoders[0].program, name, 3, &hidden)) ||
        (code = pipeline_input(sd->denoiser, "encoder_hidden_states", 3, &text)))
        return code;
    if (sd->encoders[0].length != hidden->dim[1] || sd->chunks * hidden->dim[1] != text->dim[1] ||
        hidden->dim[2] != text->dim[2])
        return sdc_error(SDC_UNSUPPORTED, "text_encoder gives %lld x %lld, %s takes %lld x %lld",
                         (long long)(sd->chunks * hidden->dim[1]), (long long)hidden->dim[2], sd->family->denoiser,
                         (long long)text->dim[1], (long long)text->dim[2]);
    return sd_add_condition(sd, "encoder_hidden_states", tensor_row(text));
}

int sd_clip_encode(Sd *sd)
{
    SdCondition *text = &sd->conditions[0];
    char name[SD_LAYER];
    int code = sd_read_prompts(sd, &sd->encoders[0]);
    if (code || (code = sd_clip_layer(sd, name)))
        return code;
    return sd_run_encoder(sd, &sd->encoders[0],
                          &(SdTextOutput){name, text->values, text->row / sd->chunks, text->row}, 1);
}
