/* tokenizer_unigram_json.c: the stages of a tokenizer.json, by the type that each names; see
 * tokenizer_unigram_pack.h.
 *
 * Types that are not here, and settings of them that change what comes out, are refused by name. */
#include "tokenizer_unigram_pack.h"

#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"

static const char *type_of(const json_t *stage)
{
    const char *type = json_string_value(json_object_get(stage, "type"));
    return type ? type : "";
}

static int refuse(const UnigramPacker *p, const char *stage, const char *what)
{
    return sdc_error(SDC_UNSUPPORTED, "%s: %s: '%s' is not supported", p->path, stage, what);
}

/* ---- normaliser ------------------------------------------------------------------------------------------------- */

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static int read_precompiled(UnigramPacker *p, const json_t *stage)
{
    const json_t *field = json_object_get(stage, "precompiled_charsmap");
    const char *text = json_string_value(field);
    size_t length = json_string_length(field), bytes = 0;
    if (!text || !length)               /* an empty map changes nothing */
        return SDC_OK;
    uint8_t *map = malloc(length);
    if (!map)
        return unigram_no_room(p);
    uint32_t bits = 0, held = 0;
    size_t i = 0;
    for (; i < length && base64_digit(text[i]) >= 0; i++) {
        bits = bits << 6 | (uint32_t)base64_digit(text[i]);
        held += 6;
        if (held >= 8)
            map[bytes++] = (uint8_t)(bits >> (held -= 8));
    }
    while (i < length && text[i] == '=')
        i++;
    int code = i == length ? unigram_add_map(p, map, bytes)
                           : sdc_error(SDC_BAD_INPUT, "%s: normalizer: precompiled_charsmap is not base64", p->path);
    free(map);
    return code;
}

static int read_strip(UnigramPacker *p, const json_t *stage)
{
    UnigramRule r = {.kind = UNIGRAM_STRIP};
    r.flags |= json_is_true(json_object_get(stage, "strip_left")) ? UNIGRAM_STRIP_LEFT : 0;
    r.flags |= json_is_true(json_object_get(stage, "strip_right")) ? UNIGRAM_STRIP_RIGHT : 0;
    return unigram_add_rule(p, &r);
}

static void add_character(UnigramRule *r, uint8_t c)
{
    r->set[c / 32] |= 1u << c % 32;
}

/* One character of a pattern, or a class behind a backslash, into the set; *c is the character.  False: neither. */
static bool read_character(UnigramRule *r, const char **at, uint8_t *c)
{
    bool escaped = **at == '\\';
    *c = (uint8_t)*(*at += escaped);
    if (!*c || *c >= 128)
        return false;
    ++*at;
    if (escaped && *c == 's')
        r->space = 1;
    else if (escaped && ((*c | 32) >= 'a' && (*c | 32) <= 'z'))
        return false;                   /* \w and the like */
    else
        add_character(r, *c);
    return true;
}

static bool read_class(UnigramRule *r, const char **at)
{
    uint8_t low, high;
    if (**at == '^')
        return false;
    while (**at != ']') {
        if (!read_character(r, at, &low))
            return false;
        if ((*at)[0] != '-' || (*at)[1] == ']')
            continue;
        ++*at;
        if (!read_character(r, at, &high) || high < low)
            return false;
        for (uint8_t c = low; c < high; c++)
            add_character(r, c);
    }
    ++*at;
    return true;
}

/* A character or a class, then nothing, + or {n,}. */
static bool read_pattern(UnigramRule *r, const char *at)
{
    uint8_t c;
    if (*at == '[') {
        at++;
        if (!read_class(r, &at))
            return false;
    } else if (strchr("^$.*+?()|{}]", *at) || !read_character(r, &at, &c)) {
        return false;
    }
    r->least = 1;
    r->repeated = *at != 0;
    if (*at == '{') {
        char *end;
        unsigned long least = strtoul(at + 1, &end, 10);
        r->least = (uint32_t)least;
        return least >= 1 && least < 1000 && !strcmp(end, ",}");
    }
    return !*at || !strcmp(at, "+");
}

static int read_replace(UnigramPacker *p, const json_t *stage)
{
    const json_t *pattern = json_object_get(stage, "pattern"), *content = json_object_get(stage, "content");
    const json_t *text = json_object_get(pattern, "String"), *regex = json_object_get(pattern, "Regex");
    UnigramRule r = {.kind = text ? UNIGRAM_REPLACE_TEXT : UNIGRAM_REPLACE_SET};
    r.to_bytes = (uint32_t)json_string_length(content);
    if (!json_is_string(content) || json_string_length(content) > UNIGRAM_MAX_PIECE)
        return sdc_error(SDC_BAD_INPUT, "%s: normalizer: Replace has no content", p->path);
    if (text) {
        r.from_bytes = (uint32_t)json_string_length(text);
        if (!json_string_length(text) || json_string_length(text) > UNIGRAM_MAX_PIECE)
            return sdc_error(SDC_BAD_INPUT, "%s: normalizer: Replace has an empty pattern", p->path);
    } else if (!json_is_string(regex) || !read_pattern(&r, json_string_value(regex))) {
        return refuse(p, "normalizer: Replace with pattern", json_is_string(regex) ? json_string_value(regex) : "");
    }
    int code = text ? unigram_put(p, json_string_value(text), r.from_bytes, false, &r.from) : SDC_OK;
    if (!code)
        code = unigram_put(p, json_string_value(content), r.to_bytes, false, &r.to);
    return code ? code : unigram_add_rule(p, &r);
}

static int read_lowercase(UnigramPacker *p, const json_t *stage)
{
    (void)stage;
    return unigram_add_rule(p, &(UnigramRule){.kind = UNIGRAM_LOWERCASE});
}

/* ---- pre-tokeniser ---------------------------------------------------------------------------------------------- */

static int read_metaspace(UnigramPacker *p, const json_t *stage)
{
    static const char *const names[UNIGRAM_PREPENDS] = {"always", "first", "never"};
    const char *mark = json_string_value(json_object_get(stage, "replacement"));
    const json_t *old = json_object_get(stage, "add_prefix_space"), *split = json_object_get(stage, "split");
    const char *scheme = json_string_value(json_object_get(stage, "prepend_scheme"));
    if (!scheme)
        scheme = json_is_false(old) ? "never" : "always";
    for (int k = 0; k < UNIGRAM_PREPENDS; k++)
        if (!strcmp(scheme, names[k]))
            return unigram_add_metaspace(p, mark && *mark ? mark : "\xe2\x96\x81", (UnigramPrepend)k,
                                         !json_is_false(split));
    return refuse(p, "pre_tokenizer: prepend_scheme", scheme);
}

static int read_white_space(UnigramPacker *p, const json_t *stage)
{
    (void)stage;
    if (p->header.n_cuts == UNIGRAM_MAX_CUTS)
        return sdc_error(SDC_UNSUPPORTED, "%s: pre_tokenizer: more than %d steps", p->path, UNIGRAM_MAX_CUTS);
    p->cuts[p->header.n_cuts++] = (UnigramCut){.kind = UNIGRAM_WHITE_SPACE};
    return SDC_OK;
}

/* ---- stages by type --------------------------------------------------------------------------------------------- */

typedef struct { const char *type; int (*read)(UnigramPacker *p, const json_t *stage); } StageReader;

static const StageReader normalisers[] = {
    {"Precompiled", read_precompiled}, {"Strip", read_strip}, {"Replace", read_replace}, {"Lowercase", read_lowercase},
    {NULL, NULL},
};
static const StageReader pre_tokenisers[] = {
    {"Metaspace", read_metaspace}, {"WhitespaceSplit", read_white_space}, {NULL, NULL},
};

/* A stage, or the stages of the array `list` in one of type Sequence; null: none. */
static int read_stages(UnigramPacker *p, const json_t *stage, const char *name, const char *list,
                       const StageReader *readers)
{
    const json_t *stages = strcmp(type_of(stage), "Sequence") ? NULL : json_object_get(stage, list);
    if (!stage || json_is_null(stage))
        return SDC_OK;
    for (size_t i = 0; i < (stages ? json_array_size(stages) : 1); i++) {
        const json_t *s = stages ? json_array_get(stages, i) : stage;
        const StageReader *r = readers;
        while (r->type && strcmp(type_of(s), r->type))
            r++;
        int code = r->type ? r->read(p, s) : refuse(p, name, type_of(s));
        if (code)
            return code;
    }
    return SDC_OK;
}

/* ---- post-processor --------------------------------------------------------------------------------------------- */

static int read_affix(UnigramPacker *p, const json_t *processor, const char *token, bool behind)
{
    const json_t *ids = json_object_get(json_object_get(json_object_get(processor, "special_tokens"), token), "ids");
    uint32_t *list = behind ? p->header.suffix : p->header.prefix;
    uint32_t *n = behind ? &p->header.n_suffix : &p->header.n_prefix;
    if (!json_array_size(ids))
        return sdc_error(SDC_BAD_INPUT, "%s: post_processor: special_tokens has no '%s'", p->path, token);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        json_int_t id = json_is_integer(json_array_get(ids, i)) ? json_integer_value(json_array_get(ids, i)) : -1;
        if (id < 0 || id >= p->header.vocabulary || *n == UNIGRAM_AFFIX)
            return sdc_error(SDC_BAD_INPUT, "%s: post_processor: '%s' is not a known id, or there are more than %d",
                             p->path, token, UNIGRAM_AFFIX);
        list[(*n)++] = (uint32_t)id;
    }
    return SDC_OK;
}

static int read_post_processor(UnigramPacker *p, const json_t *processor)
{
    if (!processor || json_is_null(processor))
        return SDC_OK;
    if (strcmp(type_of(processor), "TemplateProcessing"))
        return refuse(p, "post_processor", type_of(processor));
    const json_t *single = json_object_get(processor, "single");
    bool behind = false;
    for (size_t i = 0; i < json_array_size(single); i++) {
        const json_t *part = json_array_get(single, i);
        const char *token = json_string_value(json_object_get(json_object_get(part, "SpecialToken"), "id"));
        behind |= json_object_get(part, "Sequence") != NULL;
        int code = token ? read_affix(p, processor, token, behind) : SDC_OK;
        if (code)
            return code;
    }
    return behind ? SDC_OK : sdc_error(SDC_BAD_INPUT, "%s: post_processor: the template lacks the text", p->path);
}

/* ---- vocabulary and added tokens -------------------------------------------------------------------------------- */

static int read_vocabulary(UnigramPacker *p, const json_t *model)
{
    const json_t *vocab = json_object_get(model, "vocab"), *unknown = json_object_get(model, "unk_id");
    if (strcmp(type_of(model), "Unigram"))
        return refuse(p, "model", type_of(model));
    if (json_is_true(json_object_get(model, "byte_fallback")))
        return refuse(p, "model", "byte_fallback");
    for (size_t i = 0; i < json_array_size(vocab); i++) {
        const json_t *piece = json_array_get(vocab, i), *text = json_array_get(piece, 0);
        if (!json_is_string(text) || !json_is_number(json_array_get(piece, 1)))
            return sdc_error(SDC_BAD_INPUT, "%s: model: vocab[%zu] is not a text and a score", p->path, i);
        int code = unigram_add_piece(p, json_string_value(text), json_string_length(text),
                                     json_number_value(json_array_get(piece, 1)));
        if (code)
            return code;
    }
    json_int_t id = json_is_integer(unknown) ? json_integer_value(unknown) : -1;
    if (id < 0 || id >= p->n_pieces)
        return sdc_error(SDC_BAD_INPUT, "%s: model: unk_id is not the id of a piece", p->path);
    p->header.unknown = (uint32_t)id;
    return SDC_OK;
}

static int read_added(UnigramPacker *p, const json_t *list)
{
    static const struct { const char *key; uint32_t flag; } flags[] = {
        {"lstrip", UNIGRAM_STRIP_LEFT}, {"rstrip", UNIGRAM_STRIP_RIGHT}, {"normalized", UNIGRAM_NORMALIZED}};
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *token = json_array_get(list, i), *text = json_object_get(token, "content");
        json_int_t id = json_integer_value(json_object_get(token, "id"));
        uint32_t set = 0;
        if (!json_is_string(text) || !json_is_integer(json_object_get(token, "id")) || id < 0 ||
            id > UNIGRAM_MAX_PIECES)
            return sdc_error(SDC_BAD_INPUT, "%s: added_tokens[%zu] is not an id and a text", p->path, i);
        if (json_is_true(json_object_get(token, "single_word")))
            return refuse(p, "added_tokens", "single_word");
        for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
            set |= json_is_true(json_object_get(token, flags[k].key)) ? flags[k].flag : 0;
        int code = unigram_add_token(p, (uint32_t)id, json_string_value(text), json_string_length(text), set);
        if (code)
            return code;
    }
    return SDC_OK;
}

int unigram_read_json(UnigramPacker *p, const json_t *root)
{
    int code;
    if ((code = read_vocabulary(p, json_object_get(root, "model"))) ||
        (code = read_added(p, json_object_get(root, "added_tokens"))) ||
        (code = read_stages(p, json_object_get(root, "normalizer"), "normalizer", "normalizers", normalisers)) ||
        (code = read_stages(p, json_object_get(root, "pre_tokenizer"), "pre_tokenizer", "pretokenizers",
                            pre_tokenisers)))
        return code;
    return read_post_processor(p, json_object_get(root, "post_processor"));
}
