/* safetensors.c: see safetensors.h.  The header is the JSON of one shape, which a cursor reads without a tree; what is
 * unknown in it is an error. */
#include "safetensors.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TENSORS = 1 << 20, MAX_NAME = 4096 };

typedef struct { const char *at, *end; const char *why; } Cursor;

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static bool wrong(Cursor *c, const char *why)
{
    c->why = c->why ? c->why : why;
    return false;
}

static char peek(Cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
    return c->at < c->end ? *c->at : 0;
}

static bool take(Cursor *c, char wanted)
{
    if (peek(c) != wanted)
        return wrong(c, "its header is not the JSON of tensors");
    c->at++;
    return true;
}

/* Behind an element: true when another one follows, false at the closing bracket or with c->why set. */
static bool another(Cursor *c, char closing)
{
    if (peek(c) == ',') {
        c->at++;
        return true;
    }
    if (!take(c, closing))
        return false;
    return false;
}

/* A string into[room]; escapes of one letter stand for it, \u for '?'. */
static bool string(Cursor *c, char *into, size_t room)
{
    size_t n = 0;
    if (!take(c, '"'))
        return false;
    while (c->at < c->end && *c->at != '"') {
        char letter = *c->at++;
        if ((unsigned char)letter < ' ' || n + 1 >= room)
            return wrong(c, "a name in its header is too long or has control characters");
        if (letter == '\\') {
            if (c->at == c->end)
                break;
            letter = *c->at++;
            if (letter == 'u') {
                if (c->end - c->at < 4)
                    break;
                c->at += 4;
                letter = '?';
            }
        }
        into[n++] = letter;
    }
    into[n] = 0;
    return take(c, '"');
}

static bool number(Cursor *c, int64_t *value)
{
    const char *begin = (peek(c), c->at);
    *value = 0;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9' && *value < INT64_MAX / 16)
        *value = 10 * *value + (*c->at++ - '0');
    return c->at > begin || wrong(c, "its header has something else where a whole number belongs");
}

/* [1, 2, 3] into[room]; the count, or -1. */
static int numbers(Cursor *c, int64_t *into, int room)
{
    int n = 0;
    if (!take(c, '['))
        return -1;
    if (peek(c) == ']') {
        c->at++;
        return 0;
    }
    do {
        if (n == room) {
            wrong(c, "a list in its header is too long");
            return -1;
        }
        if (!number(c, &into[n++]))
            return -1;
    } while (another(c, ']'));
    return c->why ? -1 : n;
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

static DType type_of(const char *name)
{
    static const struct { const char *name; DType dtype; } types[] = {
        {"F32", DT_F32}, {"F16", DT_F16}, {"BF16", DT_BF16}, {"F64", DT_F64}, {"I64", DT_I64}, {"I32", DT_I32},
        {"I16", DT_I16}, {"I8", DT_I8}, {"U8", DT_U8}, {"BOOL", DT_BOOL}, {"F8_E4M3", DT_F8E4M3},
        {"F8_E5M2", DT_F8E5M2}};
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        if (!strcmp(types[k].name, name))
            return types[k].dtype;
    return DT_NONE;
}

static bool set_extent(Cursor *c, SdcSafetensor *t)
{
    t->rank = numbers(c, t->dim, SDC_MAX_RANK);
    t->count = 1;
    for (int k = 0; k < t->rank; k++)
        if (__builtin_mul_overflow(t->count, t->dim[k], &t->count))
            return wrong(c, "a shape in its header is too large");
    return t->rank >= 0;
}

/* {"dtype": .., "shape": .., "data_offsets": ..}; data: what the offsets count in. */
static bool tensor(Cursor *c, SdcSafetensor *t, const uint8_t *data, int64_t bytes)
{
    char key[32], type[32] = "";
    int64_t offsets[2] = {0, -1};
    bool shaped = false;
    if (!take(c, '{'))
        return false;
    do {
        if (!string(c, key, sizeof key) || !take(c, ':'))
            return false;
        if (!strcmp(key, "dtype") && !string(c, type, sizeof type))
            return false;
        else if (!strcmp(key, "shape") && !(shaped = set_extent(c, t)))
            return false;
        else if (!strcmp(key, "data_offsets") && numbers(c, offsets, 2) != 2)
            return wrong(c, "data_offsets in its header are not two numbers");
        else if (strcmp(key, "dtype") && strcmp(key, "shape") && strcmp(key, "data_offsets"))
            return wrong(c, "a tensor in its header has an unknown field");
    } while (another(c, '}'));
    if (c->why)
        return false;
    t->dtype = type_of(type);
    if (!*type || !shaped || offsets[0] > offsets[1] || offsets[1] > bytes)
        return wrong(c, "a tensor in its header lacks a field or lies outside the file");
    const int64_t size = t->dtype ? dtype_info(t->dtype)->bytes : 0;
    if (size && (t->count > bytes || t->count * size != offsets[1] - offsets[0]))
        return wrong(c, "a tensor's data_offsets do not suit its shape");
    t->data = data + offsets[0];
    return true;
}

/* {"key": "value", ...}, which nothing here depends on. */
static bool metadata(Cursor *c)
{
    char key[MAX_NAME];
    if (!take(c, '{'))
        return false;
    if (peek(c) == '}') {
        c->at++;
        return true;
    }
    do {
        if (!string(c, key, sizeof key) || !take(c, ':') || !take(c, '"'))
            return false;
        for (; c->at < c->end && *c->at != '"'; c->at++)
            c->at += *c->at == '\\' && c->at + 1 < c->end;
        if (!take(c, '"'))
            return false;
    } while (another(c, '}'));
    return !c->why;
}

static bool header(Cursor *c, SdcSafetensors *s, const uint8_t *data, int64_t bytes)
{
    char name[MAX_NAME];
    int64_t room = 0;
    if (!take(c, '{'))
        return false;
    if (peek(c) == '}')
        return true;
    do {
        if (!string(c, name, sizeof name) || !take(c, ':'))
            return false;
        if (!strcmp(name, "__metadata__")) {
            if (!metadata(c))
                return false;
            continue;
        }
        if (s->n == room) {
            room = room ? 2 * room : 64;
            SdcSafetensor *list = room <= MAX_TENSORS ? realloc(s->list, (size_t)room * sizeof *list) : NULL;
            if (!list)
                return wrong(c, "has too many tensors");
            s->list = list;
        }
        s->list[s->n] = (SdcSafetensor){.name = strdup(name)};
        if (!s->list[s->n].name)
            return wrong(c, "out of memory");
        if (!tensor(c, &s->list[s->n++], data, bytes))
            return false;
    } while (another(c, '}'));
    return !c->why;
}

int sdc_safetensors_open(SdcSafetensors *s, const char *path)
{
    uint64_t length = 0;
    *s = (SdcSafetensors){.path = path};
    int code = sdc_file_map(&s->file, path);
    if (code)
        return code;
    if (s->file.bytes >= 8)
        memcpy(&length, s->file.data, 8);
    if (length < 2 || length > (uint64_t)(s->file.bytes - 8))
        return sdc_error(SDC_BAD_INPUT, "%s: is not a safetensors file: its header would end behind the file", path);
    const char *text = (const char *)s->file.data + 8;
    Cursor c = {text, text + length, NULL};
    const char *data = c.end;
    if (!header(&c, s, (const uint8_t *)data, s->file.bytes - 8 - (int64_t)length))
        return sdc_error(SDC_BAD_INPUT, "%s: is not a safetensors file: %s%s%s", path, c.why,
                         s->n ? ", behind " : "", s->n ? s->list[s->n - 1].name : "");
    return SDC_OK;
}

void sdc_safetensors_close(SdcSafetensors *s)
{
    for (int64_t k = 0; k < s->n; k++)
        free(s->list[k].name);
    free(s->list);
    sdc_file_unmap(&s->file);
    *s = (SdcSafetensors){0};
}

const SdcSafetensor *sdc_safetensors_find(const SdcSafetensors *s, const char *name)
{
    for (int64_t k = 0; k < s->n; k++)
        if (!strcmp(s->list[k].name, name))
            return &s->list[k];
    return NULL;
}

int sdc_safetensor_floats(const SdcSafetensors *s, const SdcSafetensor *t, float **values)
{
    const int64_t size = dtype_info(t->dtype)->bytes;
    *values = NULL;
    if (!dtype_is_float(t->dtype))
        return sdc_error(SDC_BAD_INPUT, "%s: %s: its elements are no floats", s->path, t->name);
    *values = malloc((size_t)t->count * sizeof **values + 1);
    if (!*values)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    for (int64_t k = 0; k < t->count; k++)
        (*values)[k] = (float)dtype_load_f(t->dtype, t->data + k * size);
    return SDC_OK;
}
