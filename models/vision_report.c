/* vision_report.c: scores as text or JSON, embeddings and pixels as arrays. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/array_io.h"
#include "../runtime/json.h"
#include "pipeline.h"
#include "vision.h"

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

static SdcArray view(const char *name, float *data, int rank, const int64_t *dim)
{
    SdcArray a = {.dtype = DT_F32, .rank = rank, .count = 1, .data = data, .name = (char *)(uintptr_t)name};
    for (int i = 0; i < rank; i++)
        a.count *= a.dim[i] = dim[i];
    return a;
}

static int write_embeddings(const Vision *v)
{
    const char *path = v->options->embeddings;
    const VisionRows *rows[] = {&v->image_rows, &v->text_rows};
    SdcArray arrays[2];
    const SdcArray *list[2];
    int n = 0;
    for (int k = 0; k < 2; k++)
        if (rows[k]->name) {
            arrays[n] = view(rows[k]->name, rows[k]->values, rows[k]->rank, rows[k]->dim);
            list[n] = &arrays[n];
            n++;
        }
    return sdc_path_ends(path, ".npz") ? sdc_npz_write(path, list, n) : sdc_npy_write(path, list[0]);
}

static int write_pixels(const Vision *v)
{
    const int64_t *dim = v->pixels->dim, all[] = {v->n_images, dim[1], dim[2], dim[3]};
    SdcArray a = view("pixel_values", v->pictures, 4, all);
    return sdc_npy_write(v->options->pixels, &a);
}

int vision_write(const Vision *v)
{
    int code = v->options->embeddings ? write_embeddings(v) : SDC_OK;
    if (!code && v->options->pixels && v->n_images)
        code = write_pixels(v);
    return code;
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

typedef struct { int64_t index; double logit, probability; } Score;

static int by_logit(const void *a, const void *b)
{
    const Score *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit < y->logit ? 1 : -1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void judge(const Vision *v, const float *logits, Score *scores)
{
    double largest = -INFINITY, total = 0;
    for (int64_t i = 0; i < v->n_scores; i++)
        largest = fmax(largest, (double)logits[i]);
    for (int64_t i = 0; i < v->n_scores; i++)
        total += exp((double)logits[i] - largest);
    for (int64_t i = 0; i < v->n_scores; i++) {
        double x = (double)logits[i];
        scores[i] = (Score){i, x, v->sigmoid ? 1 / (1 + exp(-x)) : exp(x - largest) / total};
    }
}

/* The text, or the class's label. */
static const char *name_of(const Vision *v, int64_t index, char *into, size_t room)
{
    char key[40];
    if (v->options->texts.count)
        return v->options->texts.list[index];
    snprintf(key, sizeof key, "label.%lld", (long long)index);
    if (v->ids || !pipeline_setting(key, into, room))
        snprintf(into, room, "%s %lld", v->ids ? "text" : "class", (long long)index);
    return into;
}

static void print_json(const Vision *v, const Score *scores, int64_t shown)
{
    printf(",\"%s\":[", v->ids ? "texts" : "classes");
    for (int64_t i = 0; i < shown; i++) {
        char name[512];
        printf("%s{", i ? "," : "");
        sdc_json_integer("index", scores[i].index);
        putchar(',');
        sdc_json_text(v->ids ? "text" : "label", name_of(v, scores[i].index, name, sizeof name));
        sdc_json_more((const SdcJsonNumber[]){{"logit", scores[i].logit}, {"probability", scores[i].probability}}, 2);
        putchar('}');
    }
    putchar(']');
}

static void print_text(const Vision *v, const Score *scores, int64_t shown)
{
    for (int64_t i = 0; i < shown; i++) {
        char name[512];
        printf("  %8.4f  %s\n", scores[i].probability, name_of(v, scores[i].index, name, sizeof name));
    }
}

/* All texts in the order given as JSON, the best first as text; of classes the best. */
static void print_picture(const Vision *v, int64_t k, Score *scores)
{
    bool json = v->options->common.json;
    int64_t shown = v->ids || v->n_scores < v->options->top ? v->n_scores : v->options->top;
    judge(v, v->logits + k * v->n_scores, scores);
    if (!v->ids || !json)
        qsort(scores, (size_t)v->n_scores, sizeof *scores, by_logit);
    if (!json) {
        puts(v->options->images.list[k]);
        print_text(v, scores, shown);
        return;
    }
    printf("%s{", k ? "," : "");
    sdc_json_text("image", v->options->images.list[k]);
    print_json(v, scores, shown);
    putchar('}');
}

int vision_print(const Vision *v)
{
    const VisionOptions *o = v->options;
    Score *scores = malloc((size_t)(v->n_scores + 1) * sizeof *scores);
    if (!scores)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    if (o->common.json)
        printf("{\"images\":[");
    for (int64_t k = 0; v->n_scores && k < v->n_images; k++)
        print_picture(v, k, scores);
    if (o->common.json)
        printf("]}\n");
    else if (o->embeddings && !v->n_scores)
        puts(o->embeddings);
    free(scores);
    return SDC_OK;
}
