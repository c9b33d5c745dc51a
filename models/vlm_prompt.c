/* vlm_prompt.c: how each model words picture and prompt; see vlm.h.
 *
 *      PaliGemma       picture's features, <bos>, the prompt, a line feed
 *      MiniCPM-V 2.6   Qwen2's chat; <image>, features, </image>; where the picture is cut, rows of <slice>, features,
 *                      </slice> behind it
 *
 * Text between features is encoded at once, as one text would be at the same places: placeholders are special tokens,
 * at which the tokenizer cuts anyhow. */
#define _GNU_SOURCE 1
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "vlm.h"

static int add_text(Vlm *v, const char *text)
{
    Tokens tokens;
    int code = tokenizer_bpe_encode(&v->tokenizer, text, (int64_t)strlen(text), 0, false, &tokens);
    const BpeHeader *h = v->tokenizer.header;       /* the tokenizer's own template is not the model's */
    for (int64_t i = h->n_prefix; !code && i < tokens.length - h->n_suffix; i++)
        code = vlm_add_id(v, tokens.ids[i]);
    if (tokens.ids)
        tokens_free(&tokens);
    return code;
}

static int need_token(const Vlm *v, const char *text, int64_t *id)
{
    *id = tokenizer_bpe_added(&v->tokenizer, text);
    return *id >= 0 ? SDC_OK : sdc_error(SDC_UNSUPPORTED, "the tokenizer has no token %s", text);
}

static int add_view(Vlm *v, VlmImage *image, VlmSize size, int64_t columns, int64_t rows, int64_t k)
{
    double start = sdc_now();
    int code = vlm_look(image, size, columns, rows, k);
    v->image_seconds += sdc_now() - start;
    if (!code && v->prefix) {
        float *pixels = v->pixels;
        v->pixels = image->pixels;
        image->pixels = pixels;
    }
    return code ? code : vlm_add_features(v, image->features, image->n);
}

/* One view between two tokens. */
static int add_marked(Vlm *v, VlmImage *image, VlmSize size, int64_t columns, int64_t rows, int64_t k,
                      const char *const marks[2])
{
    int64_t open, close;
    int code;
    if ((code = need_token(v, marks[0], &open)) || (code = need_token(v, marks[1], &close)) ||
        (code = vlm_add_id(v, open)) || (code = add_view(v, image, size, columns, rows, k)))
        return code;
    return vlm_add_id(v, close);
}

/* ---- PaliGemma -------------------------------------------------------------------------------------------------- */

static int paligemma(Vlm *v)
{
    VlmImage image = {0};
    int64_t bos;
    int code = need_token(v, "<bos>", &bos);
    if (!code && !v->options->image)
        code = sdc_error(SDC_USAGE, "the model needs a picture: --image FILE");
    if (!code && !(code = vlm_image_open(&image, v)))
        code = add_view(v, &image, (VlmSize){0}, 1, 1, 0);
    vlm_image_close(&image);
    char *line = NULL;
    if (!code && asprintf(&line, "%s\n", v->options->prompt) < 0)
        code = sdc_error(SDC_NO_SPACE, "out of memory");
    if (!code && !(code = vlm_add_id(v, bos)))
        code = add_text(v, line);
    free(line);
    return code;
}

/* ---- MiniCPM-V -------------------------------------------------------------------------------------------------- */

static const char *const whole[2] = {"<image>", "</image>"}, *const slice[2] = {"<slice>", "</slice>"};

/* A picture that was given as pixel values is not cut. */
static VlmCut cut_of(const Vlm *v, const VlmImage *image)
{
    const int64_t most = v->options->slices ? v->options->slices : (int64_t)pipeline_number("slice.max", 9);
    if (!image->picture.pixels)
        return (VlmCut){0};
    return vlm_cut((VlmSize){image->picture.width, image->picture.height},
                   (VlmSlicing){most, (int64_t)pipeline_number("slice.side", 448), (int64_t)pipeline_number("slice.patch", 14)});
}

static int add_slices(Vlm *v, VlmImage *image, VlmCut cut)
{
    const VlmSize size = {cut.columns ? cut.refined.width / cut.columns : 0, cut.rows ? cut.refined.height / cut.rows : 0};
    int code = SDC_OK;
    for (int64_t k = 0; !code && k < cut.columns * cut.rows; k++) {
        if (k && k % cut.columns == 0)
            code = add_text(v, "\n");
        if (!code)
            code = add_marked(v, image, size, cut.columns, cut.rows, k, slice);
    }
    return code;
}

/* "<image_id>0</image_id>" where the tokenizer knows it, the whole picture, and its slices. */
static int add_picture(Vlm *v)
{
    VlmImage image = {0};
    int code = vlm_image_open(&image, v);
    const VlmCut cut = cut_of(v, &image);
    if (!code && tokenizer_bpe_added(&v->tokenizer, "<image_id>") >= 0 && pipeline_number("slice.image_id", 1) != 0)
        code = add_text(v, "<image_id>0</image_id>");
    if (!code)
        code = add_marked(v, &image, cut.overview, 1, 1, 0, whole);
    if (!code)
        code = add_slices(v, &image, cut);
    vlm_image_close(&image);
    return code ? code : add_text(v, "\n");
}

static int minicpmv(Vlm *v)
{
    const char *system = v->options->system ? v->options->system : "You are a helpful assistant.";
    char *head = NULL, *tail = NULL;
    int code = SDC_OK;
    if (asprintf(&head, "<|im_start|>system\n%s<|im_end|>\n<|im_start|>user\n", system) < 0 ||
        asprintf(&tail, "%s<|im_end|>\n<|im_start|>assistant\n", v->options->prompt) < 0)
        code = sdc_error(SDC_NO_SPACE, "out of memory");
    if (!code)
        code = add_text(v, head);
    if (!code && v->options->image)
        code = add_picture(v);
    if (!code)
        code = add_text(v, tail);
    free(head);
    free(tail);
    return code;
}

/* ---- either ----------------------------------------------------------------------------------------------------- */

static const VlmTemplate templates[] = {
    {"paligemma", paligemma, 1},        /* its positions are counted from 1 */
    {"minicpmv", minicpmv, 0},
};

const VlmTemplate *vlm_template(const char *model)
{
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++)
        if (!strcmp(model, templates[i].model))
            return &templates[i];
    return NULL;
}

/* "5,17,image,9": ids, and where the whole picture is. */
static int add_ids(Vlm *v, const char *list)
{
    VlmImage image = {0};
    int code = v->options->image ? vlm_image_open(&image, v) : SDC_OK;
    for (const char *at = list; !code && *at;) {
        char *end;
        bool picture = !strncmp(at, "image", 5);
        long long id = picture ? 0 : strtoll(at, &end, 10);
        if (picture)
            end = (char *)(uintptr_t)at + 5;
        if (end == at || (*end && *end != ','))
            code = sdc_error(SDC_USAGE, "--ids: '%s' is not a list of ids, with 'image' where the picture is", list);
        else if (picture && !image.pixels)
            code = sdc_error(SDC_USAGE, "--ids has a picture, but there is no --image");
        else
            code = picture ? add_view(v, &image, cut_of(v, &image).overview, 1, 1, 0) : vlm_add_id(v, id);
        at = *end ? end + 1 : end;
    }
    vlm_image_close(&image);
    return code;
}

int vlm_prompt(Vlm *v)
{
    v->count = 0;
    v->image_seconds = 0;
    return v->options->ids ? add_ids(v, v->options->ids) : v->template->prompt(v);
}
