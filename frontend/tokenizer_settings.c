/* tokenizer_settings.c: see tokenizer_settings.h. */
#include "tokenizer_settings.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../ir/sdc.h"
#include "../runtime/runtime.h"

enum { SHOWN = 200 };                           /* characters of a value in a message */

const char tokenizer_any[] = "any";

typedef struct {
    const char *path, *kind;
    const TokenizerSetting *rows;
    size_t n;
} Check;

/* ---- fields ------------------------------------------------------------------------------------------------------ */

static const json_t *child(const json_t *in, const char *key, size_t bytes)
{
    return json_is_array(in) ? json_array_get(in, strtoul(key, NULL, 10)) : json_object_getn(in, key, bytes);
}

static const json_t *field_of(const json_t *root, const char *field)
{
    while (root && *field) {
        size_t bytes = strcspn(field, ".");
        root = child(root, field, bytes);
        field += bytes + (field[bytes] == '.');
    }
    return root;
}

static bool is_below(const char *field, const char *upper)
{
    size_t bytes = strlen(upper);
    return !strncmp(field, upper, bytes) && field[bytes] == '.';
}

/* As rows have it, to be freed. */
static char *text_of(const json_t *value)
{
    const char *text = json_string_value(value);
    char *copy = text ? strdup(text) : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (!copy)
        fail(SDC_NO_SPACE, "out of memory");
    return copy;
}

/* ---- one after the other ----------------------------------------------------------------------------------------- */

static bool fits(const TokenizerSetting *row, const json_t *value, const char *text)
{
    bool none = !value || json_is_null(value);
    return row->value == tokenizer_any || (row->value && !none ? !strcmp(row->value, text) : !row->value && none);
}

/* A value, or NULL where the field is absent. */
static int check_value(const Check *c, const char *field, const json_t *value)
{
    const char *wanted = NULL;
    bool has_row = false, good = false;
    char *text = value ? text_of(value) : NULL;
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->rows[i].field, field)) {
            has_row = true;
            wanted = wanted ? wanted : c->rows[i].value;
            good |= fits(&c->rows[i], value, text);
        }
    int code = SDC_OK;
    if (!has_row && !json_is_null(value) && !json_is_false(value))
        code = sdc_error(SDC_UNSUPPORTED, "%s: %s: '%.*s' is not supported; %s's have no such setting", c->path, field,
                         SHOWN, text, c->kind);
    else if (has_row && !good)
        code = sdc_error(SDC_UNSUPPORTED, "%s: %s: %s%.*s%s is not supported; %s's is '%s'", c->path, field,
                         value ? "'" : "", SHOWN, value ? text : "its absence", value ? "'" : "", c->kind,
                         wanted ? wanted : "null");
    free(text);
    return code;
}

/* Goes no deeper than the rows do. */
static int check_field(const Check *c, const char *field, const json_t *value)
{
    bool deeper = false;
    for (size_t i = 0; i < c->n; i++) {
        if (!strcmp(c->rows[i].field, field) && c->rows[i].value == tokenizer_any)
            return SDC_OK;
        deeper |= is_below(c->rows[i].field, field);
    }
    int code = SDC_OK;
    const char *key;
    json_t *part;
    size_t k;
    if (deeper && json_is_object(value)) {
        json_object_foreach((json_t *)(uintptr_t)value, key, part)
            if (!code)
                code = check_field(c, text_format("%s.%s", field, key), part);
    } else if (deeper && json_is_array(value)) {
        json_array_foreach(value, k, part)
            if (!code)
                code = check_field(c, text_format("%s.%zu", field, k), part);
    } else {
        code = check_value(c, field, value);
    }
    return code;
}

int tokenizer_check_settings(const char *path, const char *kind, const json_t *root, const TokenizerSetting *rows,
                             size_t n)
{
    static const char *const parts[] = {"model", "normalizer", "pre_tokenizer"};
    Check c = {path, kind, rows, n};
    int code = SDC_OK;
    for (size_t k = 0; !code && k < sizeof parts / sizeof *parts; k++)
        if (json_object_get(root, parts[k]))
            code = check_field(&c, parts[k], json_object_get(root, parts[k]));
    for (size_t i = 0; !code && i < n; i++)
        if (!field_of(root, rows[i].field))
            code = check_value(&c, rows[i].field, NULL);
    return code;
}

/* ---- what follows from the tokens -------------------------------------------------------------------------------- */

/* In the two forms that transformers writes: a pair ["[SEP]", 102], and a template's "single": [{"SpecialToken": {"id":
 * "[CLS]"}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "[SEP]"}}], "special_tokens": {"[CLS]": {"ids":
 * [101]}} */
static const json_t *frame_id(const json_t *processor, const char *pair, size_t place)
{
    const json_t *single = json_object_get(processor, "single");
    if (!single)
        return json_array_get(json_object_get(processor, pair), 1);
    const char *token = json_string_value(field_of(json_array_get(single, place), "SpecialToken.id"));
    const json_t *special = token ? json_object_get(json_object_get(processor, "special_tokens"), token) : NULL;
    const json_t *ids = json_object_get(special, "ids");
    return json_array_size(ids) == 1 ? json_array_get(ids, 0) : NULL;
}

int tokenizer_check_frame(const char *path, const json_t *root, uint32_t first, uint32_t last)
{
    static const struct { const char *type; size_t parts; } forms[] = {
        {"RobertaProcessing", 0}, {"BertProcessing", 0}, {"TemplateProcessing", 3}};
    const struct { const char *pair; size_t place; uint32_t id; } ends[] = {{"cls", 0, first}, {"sep", 2, last}};
    const json_t *processor = json_object_get(root, "post_processor"), *single = json_object_get(processor, "single");
    const char *type = json_string_value(json_object_get(processor, "type"));
    bool known = false;
    for (size_t k = 0; type && k < sizeof forms / sizeof *forms; k++)
        known |= !strcmp(type, forms[k].type) && json_array_size(single) == forms[k].parts &&
                 (!single || json_object_get(json_array_get(single, 1), "Sequence"));
    if (!known)
        return sdc_error(SDC_UNSUPPORTED,
                         "%s: post_processor: %s is not supported; one that puts a token before a text and one behind "
                         "it is", path, type ? type : "its absence");
    for (size_t k = 0; k < 2; k++) {
        const json_t *id = frame_id(processor, ends[k].pair, ends[k].place);
        if (!json_is_integer(id) || json_integer_value(id) != ends[k].id)
            return sdc_error(SDC_BAD_INPUT, "%s: post_processor: the token %s a text is not the one of id %u that "
                             "tokenizer_config.json and the vocabulary tell", path, k ? "behind" : "before",
                             ends[k].id);
    }
    return SDC_OK;
}

/* A side that transformers takes from the first file that says it. */
typedef struct { const char *in_config, *in_json, *where, *side; } Side;

/* left stays what it is where neither file says it. */
static int read_side(const char *folder, const json_t *config, const json_t *root, Side *s, uint32_t *left)
{
    const json_t *given = json_object_get(config, s->in_config);
    s->where = text_format("%s/tokenizer_config.json: %s", folder, s->in_config);
    if (!given || json_is_null(given)) {
        given = field_of(root, s->in_json);
        s->where = text_format("%s/tokenizer.json: %s", folder, s->in_json);
    }
    if (!given || json_is_null(given))
        return SDC_OK;
    s->side = json_string_value(given);
    *left = s->side && !strcasecmp(s->side, "left");
    if (*left || (s->side && !strcasecmp(s->side, "right")))
        return SDC_OK;
    return sdc_error(SDC_BAD_INPUT, "%s: '%s' is neither left nor right", s->where, s->side ? s->side : "what is there");
}

int tokenizer_sides(const char *folder, const json_t *config, const json_t *root, uint32_t *pad_left)
{
    static const char gemma[] = "Gemma";
    const char *class = json_string_value(json_object_get(config, "tokenizer_class"));
    Side padding = {"padding_side", "padding.direction", NULL, NULL};
    Side truncation = {"truncation_side", "truncation.direction", NULL, NULL};
    uint32_t cut_left = 0;
    *pad_left = class && !strncmp(class, gemma, sizeof gemma - 1);
    int code = read_side(folder, config, root, &padding, pad_left);
    if (!code)
        code = read_side(folder, config, root, &truncation, &cut_left);
    if (!code && cut_left)
        code = sdc_error(SDC_UNSUPPORTED, "%s: '%s' is not supported, 'right' is", truncation.where, truncation.side);
    return code;
}

int tokenizer_check_unknown(const char *path, const json_t *root, const char *text)
{
    const char *unknown = json_string_value(field_of(root, "model.unk_token"));
    if (unknown && !strcmp(unknown, text))
        return SDC_OK;
    return sdc_error(SDC_BAD_INPUT, "%s: model.unk_token: is %s%s%s, and unk_token is '%s'", path, unknown ? "'" : "",
                     unknown ? unknown : "none", unknown ? "'" : "", text);
}
