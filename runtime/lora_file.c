/* lora_file.c: see lora_file.h.
 *
 *      kohya       lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight     ... .lora_up.weight  ... .alpha
 *      PEFT        unet.down_blocks.0.attentions.0.proj_in.lora_A.weight              ... .lora_B.weight
 *      diffusers   unet.down_blocks.0.attn1.processor.to_q_lora.down.weight           ... .up.weight
 *      LyCORIS     lora_unet_down_blocks_0_attentions_0_proj_in.hada_w1_a             ... .lokr_w1, .dora_scale, .diff
 *
 * Without alpha the scale is 1.  Names, which may be the original code's (lora_names.c), lose their prefix, which says the
 * networks, and have '_' for '.' afterwards. */
#include "lora_file.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* What a tensor is to its adapter. */
static const struct { const char *end; size_t part; int form; } ends[] = {
#define ROW(End, Part, Form) {End, offsetof(SdcAdapter, Part), Form}
#define DOWN(End) ROW(End, one.down, SDC_LOW_RANK)
#define UP(End) ROW(End, one.up, SDC_LOW_RANK)
    DOWN(".lora_down.weight"), UP(".lora_up.weight"), DOWN(".lora_A.weight"), UP(".lora_B.weight"),
    DOWN(".lora_linear_layer.down.weight"), UP(".lora_linear_layer.up.weight"), DOWN(".lora.down.weight"),
    UP(".lora.up.weight"), DOWN("_lora.down.weight"), UP("_lora.up.weight"),
    ROW(".lora_mid.weight", one.core, SDC_LOW_RANK), ROW(".diff", one.whole, SDC_LOW_RANK),
    ROW(".hada_w1_a", one.up, SDC_HADAMARD), ROW(".hada_w1_b", one.down, SDC_HADAMARD),
    ROW(".hada_t1", one.core, SDC_HADAMARD), ROW(".hada_w2_a", two.up, SDC_HADAMARD),
    ROW(".hada_w2_b", two.down, SDC_HADAMARD), ROW(".hada_t2", two.core, SDC_HADAMARD),
    ROW(".lokr_w1", one.whole, SDC_KRONECKER), ROW(".lokr_w1_a", one.up, SDC_KRONECKER),
    ROW(".lokr_w1_b", one.down, SDC_KRONECKER), ROW(".lokr_w2", two.whole, SDC_KRONECKER),
    ROW(".lokr_w2_a", two.up, SDC_KRONECKER), ROW(".lokr_w2_b", two.down, SDC_KRONECKER),
    ROW(".lokr_t2", two.core, SDC_KRONECKER),
    ROW(".alpha", alpha, SDC_ANY_FORM), ROW(".dora_scale", dora_scale, SDC_ANY_FORM),
    ROW(".lora_magnitude_vector", magnitude, SDC_ANY_FORM),
    ROW(".lora_magnitude_vector.weight", magnitude, SDC_ANY_FORM),
#undef UP
#undef DOWN
#undef ROW
};

static const struct { const char *begin, *components[2]; } prefixes[] = {
    {"lora_unet_", {"unet", "transformer"}}, {"lora_transformer_", {"transformer"}}, {"lora_te_", {"text_encoder"}},
    {"lora_te1_", {"text_encoder"}}, {"lora_te2_", {"text_encoder_2"}}, {"lora_te3_", {"text_encoder_3"}},
    {"unet.", {"unet"}}, {"transformer.", {"transformer"}}, {"text_encoder.", {"text_encoder"}},
    {"text_encoder_2.", {"text_encoder_2"}}, {"text_encoder_3.", {"text_encoder_3"}},
    {"diffusion_model.", {"unet", "transformer"}}, {"lycoris_", {"unet", "transformer"}},
};

bool sdc_adapter_is_for(const SdcAdapter *a, const char *component)
{
    for (int k = 0; a->prefix >= 0 && k < 2; k++)
        if (prefixes[a->prefix].components[k] && !strcmp(prefixes[a->prefix].components[k], component))
            return true;
    return a->prefix < 0;
}

/* ---- what is asked for ------------------------------------------------------------------------------------------- */

size_t sdc_lora_split(const char *text, double *scale)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    *scale = 1;
    if (!colon || colon == text)
        return strlen(text);
    const double value = strtod(colon + 1, &end);
    if (end == colon + 1 || *end || !isfinite(value))
        return strlen(text);
    *scale = value;
    return (size_t)(colon - text);
}

int sdc_lora_option(SdcLoraOptions *o, const char *text)
{
    if (!*text)
        return sdc_error(SDC_USAGE, "--lora needs a file name");
    if (o->n == SDC_LORAS)
        return sdc_error(SDC_USAGE, "--lora: more than %d files", SDC_LORAS);
    o->text[o->n++] = text;
    return SDC_OK;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static SdcAdapter *new_adapter(SdcAdapters *all)
{
    if (all->n == all->room) {
        const int64_t room = all->room ? 2 * all->room : 64;
        SdcAdapter *list = realloc(all->list, (size_t)room * sizeof *list);
        if (!list)
            return NULL;
        all->list = list;
        all->room = room;
    }
    return &all->list[all->n++];
}

static SdcAdapter *adapter_of(SdcAdapters *all, const SdcSafetensors *file, char *name, int prefix, const char *key)
{
    for (int64_t k = all->n; k-- > 0 && all->list[k].file == file;)
        if (all->list[k].prefix == prefix && !strcmp(all->list[k].name, name)) {
            free(name);
            return &all->list[k];
        }
    SdcAdapter *a = new_adapter(all);
    if (a)
        *a = (SdcAdapter){.file = file, .key = key, .name = name, .prefix = prefix, .form = SDC_ANY_FORM};
    else
        free(name);
    return a;
}

/* Which networks a key names: the index of a row; -1: any.  *key: behind what says so. */
static int take_prefix(const char **key)
{
    const char *peft = "base_model.model.";
    int prefix = (int)(sizeof prefixes / sizeof *prefixes);
    *key += strncmp(*key, peft, strlen(peft)) ? 0 : strlen(peft);
    while (--prefix >= 0 && strncmp(*key, prefixes[prefix].begin, strlen(prefixes[prefix].begin)))
        ;
    *key += prefix >= 0 ? strlen(prefixes[prefix].begin) : 0;
    return prefix;
}

static int take_tensor(SdcAdapters *all, const SdcSafetensors *file, const SdcSafetensor *t)
{
    const size_t n = strlen(t->name), count = sizeof ends / sizeof *ends;
    size_t k = 0, end = 0;
    for (; k < count && (n <= (end = strlen(ends[k].end)) || strcmp(t->name + n - end, ends[k].end)); k++)
        ;
    if (k == count)
        return sdc_error(SDC_UNSUPPORTED, "%s: %s: is no part of a LoRA as kohya's scripts, diffusers or LyCORIS "
                         "write it", file->path, t->name);
    const char *name = t->name;
    const int prefix = take_prefix(&name);
    bool swaps;
    if (name > t->name + n - end)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: names no module", file->path, t->name);
    char *module = sdc_adapter_key_name(name, (size_t)(t->name + n - end - name), &swaps);
    SdcAdapter *a = module ? adapter_of(all, file, module, prefix, t->name) : NULL;
    if (!a)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    const SdcSafetensor **part = (const SdcSafetensor **)(void *)((char *)a + ends[k].part);
    if (*part)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: is there twice", file->path, t->name);
    if (ends[k].form != SDC_ANY_FORM && a->form != SDC_ANY_FORM && (int)a->form != ends[k].form)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: is of another kind than %s", file->path, t->name, a->key);
    a->form = ends[k].form == SDC_ANY_FORM ? a->form : (SdcForm)ends[k].form;
    a->swaps = swaps;
    *part = t;
    return SDC_OK;
}

/* ---- shapes that belong together --------------------------------------------------------------------------------- */

/* Core [rank][inner][height][width], down [inner][channels], up [outputs][rank] or the other way round. */
static bool fits_with_core(SdcProduct *p)
{
    const SdcSafetensor *core = p->core, *up = p->up, *down = p->down;
    const int64_t outer = up->dim[p->up_transposed ? 0 : 1];
    if (core->rank < 3 || core->dim[0] < 1 || core->dim[1] < 1 || core->dim[0] != outer || core->dim[1] != down->dim[0])
        return false;
    p->rank = outer;
    p->outputs = up->count / outer;
    p->inputs = down->count / core->dim[1] * (core->count / core->dim[0] / core->dim[1]);
    return p->outputs * outer == up->dim[0] * up->dim[1];
}

/* down [rank, inputs...], up [outputs, rank, 1, 1], or whole [outputs, inputs...]. */
static bool fits(SdcProduct *p)
{
    const SdcSafetensor *one = p->whole ? p->whole : p->down;
    if (one->rank < 2 || one->count < 1)
        return false;
    if (p->whole) {
        p->outputs = one->dim[0];
        p->inputs = one->count / one->dim[0];
        return true;
    }
    const SdcSafetensor *up = p->up;
    if (up->rank < 2 || up->count < 1 || up->count != up->dim[0] * up->dim[1])
        return false;
    if (p->core)
        return fits_with_core(p);
    p->rank = one->dim[0];
    p->outputs = up->dim[0];
    p->inputs = one->count / p->rank;
    return p->rank == up->dim[1];
}

static int finish_product(const SdcAdapter *a, SdcProduct *p)
{
    const bool parts = p->up || p->down || p->core;
    p->up_transposed = a->form != SDC_LOW_RANK;
    if (p->whole ? parts : !p->up || !p->down)
        return sdc_error(SDC_BAD_INPUT, p->whole ? "%s: %s: is there as a product too"
                         : "%s: %s: the other of the two matrices is missing", a->file->path, a->key);
    return fits(p) ? SDC_OK
                   : sdc_error(SDC_BAD_INPUT, "%s: %s: the matrices do not fit together", a->file->path, a->key);
}

static int take_alpha(SdcAdapter *a, const SdcSafetensor *ranks)
{
    const char *path = a->file->path;
    float *alpha = NULL;
    if (a->alpha->count != 1)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: is not one number", path, a->alpha->name);
    int code = sdc_safetensor_floats(a->file, a->alpha, &alpha);
    if (!code && !isfinite(*alpha))
        code = sdc_error(SDC_BAD_INPUT, "%s: %s: is no finite number", path, a->alpha->name);
    if (!code && ranks)                 /* Kronecker's product of two whole matrices has no rank, and no scale */
        a->ratio = (double)*alpha / (double)ranks->dim[0];
    free(alpha);
    return code;
}

static int finish(SdcAdapter *a, double scale)
{
    const char *path = a->file->path;
    if (a->form == SDC_ANY_FORM)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: the matrices that it belongs to are missing", path, a->key);
    int code = finish_product(a, &a->one);
    if (!code && a->form != SDC_LOW_RANK)
        code = finish_product(a, &a->two);
    if (code)
        return code;
    const bool kronecker = a->form == SDC_KRONECKER;
    if (a->form == SDC_HADAMARD && (a->one.outputs != a->two.outputs || a->one.inputs != a->two.inputs))
        return sdc_error(SDC_BAD_INPUT, "%s: %s: the two products do not fit together", path, a->key);
    if (__builtin_mul_overflow(a->one.outputs, kronecker ? a->two.outputs : 1, &a->outputs) ||
        __builtin_mul_overflow(a->one.inputs, kronecker ? a->two.inputs : 1, &a->inputs))
        return sdc_error(SDC_BAD_INPUT, "%s: %s: the product is too large", path, a->key);
    a->strength = scale;
    a->ratio = 1;
    return a->alpha ? take_alpha(a, a->one.down ? a->one.down : a->two.down) : SDC_OK;
}

/* Where one layer of the original code is three of diffusers, an adapter for each third of its outputs. */
static int split_thirds(SdcAdapters *all, int64_t k)
{
    static const char letters[] = {'q', 'k', 'v'};
    const SdcAdapter whole = all->list[k];
    char *star = strchr(whole.name, '*');
    if (!star)
        return SDC_OK;
    if (whole.outputs % (int64_t)sizeof letters)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: has no third of %lld outputs", whole.file->path, whole.key,
                         (long long)whole.outputs);
    for (size_t j = sizeof letters; j-- > 0;) {         /* the first last, which keeps the name */
        *star = letters[j];
        char *name = j ? strdup(whole.name) : whole.name;
        SdcAdapter *a = !name ? NULL : j ? new_adapter(all) : &all->list[k];
        if (!a) {
            free(name);
            return sdc_error(SDC_NO_SPACE, "out of memory");
        }
        *a = whole;
        a->name = name;
        a->outputs = whole.outputs / (int64_t)sizeof letters;
        a->first = (int64_t)j * a->outputs;
    }
    return SDC_OK;
}

int sdc_adapters_open(SdcAdapters *a, const SdcLoraOptions *o)
{
    int code = SDC_OK;
    for (int k = 0; !code && k < o->n; k++) {
        double scale;
        a->paths[k] = strndup(o->text[k], sdc_lora_split(o->text[k], &scale));
        SdcSafetensors *file = &a->files[k];
        code = a->paths[k] ? sdc_safetensors_open(file, a->paths[k]) : sdc_error(SDC_NO_SPACE, "out of memory");
        const int64_t first = a->n;
        for (int64_t j = 0; !code && j < file->n; j++)
            code = take_tensor(a, file, &file->list[j]);
        const int64_t read = a->n;
        for (int64_t j = first; !code && j < read; j++) {
            code = finish(&a->list[j], scale);
            code = code ? code : split_thirds(a, j);
        }
        if (!code && a->n == first)
            code = sdc_error(SDC_BAD_INPUT, "%s: has no weights", a->paths[k]);
    }
    return code;
}

void sdc_adapters_close(SdcAdapters *a)
{
    for (int64_t k = 0; k < a->n; k++)
        free(a->list[k].name);
    free(a->list);
    for (int k = 0; k < SDC_LORAS; k++) {
        sdc_safetensors_close(&a->files[k]);
        free(a->paths[k]);
    }
}
