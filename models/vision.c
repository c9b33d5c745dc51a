/* vision.c: pictures, and texts to compare them with, through CLIP, SigLIP or ViT.
 *
 * The compiler made pictures the network's "prompt": pipeline_prompt() does what depends on them alone, for a batch of
 * them, and each run() after it takes one text. */
#include "vision.h"

#include <stdlib.h>
#include <string.h>

#include "../runtime/array_io.h"
#include "../runtime/fileio.h"
#include "../runtime/tokenizer.h"
#include "image_input.h"
#include "pipeline.h"

/* ---- the network ------------------------------------------------------------------------------------------------ */

static const SdcTensor *find_output(const SdcProgram *p, const char *const *names)
{
    for (; *names; names++) {
        const SdcTensor *t = pipeline_tensor(p->outputs, p->n_outputs, *names);
        if (t)
            return t;
    }
    return NULL;
}

static int open_network(Vision *v)
{
    static const char *const scores[] = {"logits_per_image", "logits", NULL};
    char class[32] = "";
    const SdcProgram *p = v->program = pipeline_nth("model", 0);
    if (!p)
        return sdc_error(SDC_UNSUPPORTED, "the executable has no network 'model'");
    int code = pipeline_input(p, "pixel_values", 4, &v->pixels);
    if (code)
        return code;
    v->ids = pipeline_tensor(p->inputs, p->n_inputs, "input_ids");
    v->mask = pipeline_tensor(p->inputs, p->n_inputs, "attention_mask");
    v->scores = find_output(p, scores);
    v->batch = v->pixels->dim[0];
    v->length = v->ids && v->ids->rank == 2 ? v->ids->dim[1] : 0;
    if (v->pixels->dim[1] != 3)
        return sdc_error(SDC_UNSUPPORTED, "%s takes pictures of %lld channels, not 3", p->name,
                         (long long)v->pixels->dim[1]);
    if ((v->ids && (!v->length || v->ids->dim[0] != 1)) || (v->mask && tensor_count(v->mask) != v->length))
        return sdc_error(SDC_UNSUPPORTED, "%s does not take one text at a time", p->name);
    if (v->scores && (v->scores->rank != 2 || v->scores->dim[0] != v->batch || (v->ids && v->scores->dim[1] != 1)))
        return sdc_error(SDC_UNSUPPORTED, "%s: output '%s' is not a row for each picture", p->name, v->scores->name);
    v->sigmoid = pipeline_setting("class", class, sizeof class) && !strcmp(class, "siglip");
    return SDC_OK;
}

/* ---- texts ------------------------------------------------------------------------------------------------------ */

static int read_ids(Vision *v)
{
    SdcArray a = {0};
    int code = sdc_array_read(&a, v->options->ids, "input_ids");
    if (code)
        return code;
    v->n_texts = a.count / v->length;
    if (dtype_is_float(a.dtype) || a.rank != 2 || a.dim[1] != v->length || !a.count || v->n_texts > 1 << 20)
        code = sdc_error(SDC_BAD_INPUT, "%s: not integers [texts,%lld]", v->options->ids, (long long)v->length);
    else if (!(v->tokens = malloc((size_t)a.count * sizeof *v->tokens)))
        code = sdc_error(SDC_NO_SPACE, "out of memory");
    for (int64_t i = 0; !code && i < a.count; i++)
        v->tokens[i] = dtype_load_i(a.dtype, (char *)a.data + i * dtype_info(a.dtype)->bytes);
    sdc_array_free(&a);
    return code;
}

static int tokenize(const Vision *v, const Tokenizer *t, int64_t k)
{
    const char *text = v->options->texts.list[k];
    Tokens out = {0};
    int code = tokenizer_encode(t, text, (int64_t)strlen(text), v->length, true, &out);
    if (code)
        return code;
    if (out.length == v->length) {
        memcpy(v->tokens + k * v->length, out.ids, (size_t)v->length * sizeof *v->tokens);
        v->used[k] = (struct VisionSpan){out.first, out.tokens < v->length ? out.tokens : v->length};
    } else {
        code = sdc_error(SDC_UNSUPPORTED, "the tokenizer does not fill %lld tokens", (long long)v->length);
    }
    if (out.cut && !v->options->common.quiet)
        sdc_error(SDC_OK, "note: more than %lld tokens; without effect: '%s'", (long long)v->length, out.cut);
    tokens_free(&out);
    return code;
}

static int read_texts(Vision *v)
{
    Tokenizer t;
    SdcSection blob = sdc_section("tokenizer");
    if (!blob.data)
        return sdc_error(SDC_UNSUPPORTED, "the model's folder had no tokenizer; give token ids with --ids");
    if (tokenizer_open(&t, blob.data, blob.bytes))
        return sdc_error(SDC_BAD_INPUT, "the tokenizer in this file is damaged");
    v->n_texts = v->options->texts.count;
    v->tokens = calloc((size_t)(v->n_texts * v->length), sizeof *v->tokens);
    v->used = calloc((size_t)v->n_texts, sizeof *v->used);
    int code = v->tokens && v->used ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
    for (int64_t k = 0; !code && k < v->n_texts; k++)
        code = tokenize(v, &t, k);
    return code;
}

static int check_ids(const Vision *v)
{
    for (int64_t i = 0; i < v->n_texts * v->length; i++)
        if (v->tokens[i] < 0 || (v->ids->bound > 0 && v->tokens[i] >= v->ids->bound))
            return sdc_error(SDC_BAD_INPUT, "a text has the token id %lld; the network knows 0 to %lld",
                             (long long)v->tokens[i], (long long)v->ids->bound - 1);
    return SDC_OK;
}

/* ---- what is asked for ------------------------------------------------------------------------------------------ */

static int want_rows(VisionRows *rows, const SdcTensor *t, int64_t n, int64_t batch)
{
    if (!t || !n)
        return SDC_OK;
    if (t->rank < 1 || t->dim[0] != batch)
        return sdc_error(SDC_UNSUPPORTED, "output '%s' is not a row for each picture or text", t->name);
    *rows = (VisionRows){.name = t->name, .size = tensor_row(t), .rank = t->rank};
    memcpy(rows->dim, t->dim, sizeof rows->dim);
    rows->dim[0] = n;
    return pipeline_floats(&rows->values, n * rows->size);
}

static int want_embeddings(Vision *v)
{
    static const char *const of_image[] = {"image_embeds", "pooler_output", "last_hidden_state", NULL};
    static const char *const of_text[] = {"text_embeds", NULL};
    const SdcProgram *p = v->program;
    if (!v->options->embeddings)
        return SDC_OK;
    int code = want_rows(&v->image_rows, find_output(p, of_image), v->n_images, v->batch);
    if (!code)
        code = want_rows(&v->text_rows, find_output(p, of_text), v->n_texts, 1);
    if (!code && !v->image_rows.name && !v->text_rows.name)
        code = sdc_error(SDC_UNSUPPORTED, "this network has no embeddings as outputs");
    if (!code && v->image_rows.name && v->text_rows.name && !sdc_path_ends(v->options->embeddings, ".npz"))
        code = sdc_error(SDC_USAGE, "--embeddings: there are those of pictures and of texts; name an .npz file for "
                         "both");
    return code;
}

static int check_question(Vision *v)
{
    const VisionOptions *o = v->options;
    bool texts = o->ids || o->texts.count;
    v->n_images = o->images.count;
    if (texts && !v->ids)
        return sdc_error(SDC_USAGE, "this model takes no texts");
    if (!v->n_images && !(texts && o->embeddings))
        return sdc_error(SDC_USAGE, "which picture?  for example: %s photo.jpg%s; see --help", sdc_model.name,
                         v->ids ? " --text \"a crab\" --text \"a cat\"" : "");
    if (!texts && v->ids && !o->embeddings && !o->pixels)
        return sdc_error(SDC_USAGE, "which texts?  give --text twice or more, or --embeddings; see --help");
    if (!v->scores && !o->embeddings && !o->pixels)
        return sdc_error(SDC_USAGE, "this model makes embeddings: where to?  give --embeddings FILE");
    return SDC_OK;
}

static int prepare(Vision *v)
{
    int code = check_question(v);
    if (!code && v->options->ids)
        code = read_ids(v);
    else if (!code && v->options->texts.count)
        code = read_texts(v);
    if (!code)
        code = check_ids(v);
    if (code || (code = want_embeddings(v)))
        return code;
    v->n_scores = !v->scores ? 0 : v->ids ? v->n_texts : v->scores->dim[1];
    int64_t rows = v->options->pixels && v->n_images > v->batch ? v->n_images : v->batch;
    if ((code = pipeline_floats(&v->logits, v->n_images * v->n_scores)))
        return code;
    return pipeline_floats(&v->pictures, rows * tensor_row(v->pixels));
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

static void take_rows(const Vision *v, VisionRows *rows, int64_t first, int64_t n)
{
    if (rows->name)
        tensor_get(&v->context, pipeline_tensor(v->program->outputs, v->program->n_outputs, rows->name), 0,
                   rows->values + first * rows->size, n * rows->size);
}

static void put_text(const Vision *v, int64_t k)
{
    if (!v->ids)
        return;
    tensor_fill(&v->context, v->ids, 0);
    if (v->n_texts)
        tensor_put_ids(&v->context, v->ids, 0, v->tokens + k * v->length, v->length);
    if (!v->mask)
        return;
    const struct VisionSpan used = v->used ? v->used[k] : (struct VisionSpan){0, v->length};
    tensor_fill(&v->context, v->mask, 0);
    for (int64_t i = 0; i < used.count; i++)
        tensor_put_ids(&v->context, v->mask, used.first + i, &(int64_t){1}, 1);
}

/* Pictures [first, first + n) against every text; n may be 0 for texts alone. */
static int run_batch(Vision *v, int64_t first, int64_t n, const float *pictures)
{
    int64_t runs = v->n_texts ? v->n_texts : 1, row = tensor_row(v->pixels);
    for (int64_t k = 0; k < runs; k++) {
        if (!k || !v->program->prompt) {
            tensor_fill(&v->context, v->pixels, 0);
            tensor_put(&v->context, v->pixels, 0, pictures, n * row);
        }
        put_text(v, k);
        int code = k ? pipeline_step(&v->context, v->program) : pipeline_run(&v->context, v->program);
        if (code)
            return code;
        if (!k)
            take_rows(v, &v->image_rows, first, n);
        if (!first)
            take_rows(v, &v->text_rows, k, v->n_texts ? 1 : 0);
        for (int64_t i = 0; v->n_scores && i < n; i++) {
            int64_t columns = v->scores->dim[1];
            tensor_get(&v->context, v->scores, i * columns, v->logits + (first + i) * v->n_scores + k, columns);
        }
    }
    return SDC_OK;
}

static int run_all(Vision *v)
{
    ImageInput input;
    int64_t row = tensor_row(v->pixels), height = v->pixels->dim[2], width = v->pixels->dim[3];
    int code = image_input_open(&input);
    for (int64_t first = 0; !code && (first < v->n_images || !first); first += v->batch) {
        int64_t n = smaller(v->n_images - first, v->batch);
        float *pictures = v->pictures + (v->options->pixels ? first * row : 0);
        for (int64_t i = 0; !code && i < n; i++)
            code = image_input_read(&input, v->options->images.list[first + i], height, width, v->program->name,
                                    pictures + i * row);
        if (!code)
            code = run_batch(v, first, n, pictures);
    }
    return code;
}

int vision_run(Vision *v, const VisionOptions *o)
{
    *v = (Vision){.options = o};
    int code = o->embeddings ? sdc_output_check(o->embeddings) : SDC_OK;
    if (!code && o->pixels)
        code = sdc_output_check(o->pixels);
    if (code || (code = open_network(v)) || (code = prepare(v)) || (code = driver_pool(&o->common, &v->pool)) ||
        (code = sdc_instance_open(&v->context, v->program, v->pool)))
        return code;
    return run_all(v);
}

void vision_close(Vision *v)
{
    if (v->context.arena)
        sdc_instance_close(&v->context);
    sdc_pool_destroy(v->pool);
    free(v->tokens);
    free(v->used);
    free(v->pictures);
    free(v->logits);
    free(v->image_rows.values);
    free(v->text_rows.values);
}

int sdc_vision_main(int argc, char **argv)
{
    static VisionOptions o;
    Vision v = {0};
    int code = vision_options_read(&o, argc, argv);
    if (code || driver_answered(&o.common, &vision_help, &code))
        return driver_end(code);
    code = vision_run(&v, &o);
    if (!code)
        code = vision_write(&v);
    if (!code)
        code = vision_print(&v);
    vision_close(&v);
    return driver_end(code);
}
