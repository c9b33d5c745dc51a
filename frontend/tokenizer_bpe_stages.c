/* tokenizer_bpe_stages.c: what tokenizer.json says of the stages around the model; see tokenizer_bpe_pack.h.
 *
 * A stage is an object with a "type"; "Sequence" holds several.  One row of a table says what a type becomes; a type or
 * a setting without one is refused. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "tokenizer_bpe_pack.h"

typedef struct { const char *type; int (*pack)(BpePacker *p, const json_t *stage); } Stage;
typedef struct { const char *field, *list; const Stage *rows; size_t n; } Stages;

static int unsupported(const BpePacker *p, const char *field, const char *what)
{
    return sdc_error(SDC_UNSUPPORTED, "%s: %s: %s is not supported", p->path, field, what);
}

/* list: the key under which a Sequence has its stages. */
static int pack_stage(BpePacker *p, const json_t *stage, const Stages *s, int depth)
{
    const char *type = json_string_value(json_object_get(stage, "type"));
    if (!stage || json_is_null(stage))
        return SDC_OK;
    if (!type)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: no type", p->path, s->field);
    if (!strcmp(type, "Sequence") && depth < 4) {
        const json_t *list = json_object_get(stage, s->list);
        int code = SDC_OK;
        if (!json_is_array(list))
            return sdc_error(SDC_BAD_INPUT, "%s: %s: a Sequence without %s", p->path, s->field, s->list);
        for (size_t i = 0; !code && i < json_array_size(list); i++)
            code = pack_stage(p, json_array_get(list, i), s, depth + 1);
        return code;
    }
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(type, s->rows[i].type))
            return s->rows[i].pack ? s->rows[i].pack(p, stage) : SDC_OK;
    return unsupported(p, s->field, type);
}

/* A pattern {"String": text} or {"Regex": text}. */
static int pattern_of(const BpePacker *p, const char *field, const json_t *stage, const char **text, bool *regex)
{
    const json_t *pattern = json_object_get(stage, "pattern");
    *text = json_string_value(json_object_get(pattern, "String"));
    *regex = !*text;
    if (*regex)
        *text = json_string_value(json_object_get(pattern, "Regex"));
    if (!*text || !**text)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: no pattern", p->path, field);
    return SDC_OK;
}

/* ---- replacements, of normaliser and decoder -------------------------------------------------------------------- */

static int add_rule(BpePacker *p, const char *field, BpeRule *rules, uint32_t *n, BpeRuleKind kind, const char *from,
                    const char *to)
{
    if (!to)
        return sdc_error(SDC_BAD_INPUT, "%s: %s: no content", p->path, field);
    if (*n == BPE_MAX_RULES)
        return unsupported(p, field, "so many rules");
    BpeRule r = {.kind = kind, .from_bytes = (uint32_t)strlen(from), .to_bytes = (uint32_t)strlen(to)};
    int code = bpe_append(p, from, r.from_bytes, false, &r.from);
    if (!code)
        code = bpe_append(p, to, r.to_bytes, false, &r.to);
    rules[(*n)++] = r;
    return code;
}

static int replace(BpePacker *p, const char *field, const json_t *stage, BpeRule *rules, uint32_t *n)
{
    const char *from, *to = json_string_value(json_object_get(stage, "content"));
    bool regex;
    int code = pattern_of(p, field, stage, &from, &regex);
    if (code)
        return code;
    if (regex)
        return unsupported(p, field, "Replace of a regular expression");
    return add_rule(p, field, rules, n, BPE_REPLACE, from, to);
}

static int normalise_nfc(BpePacker *p, const json_t *stage)
{
    (void)stage;
    return add_rule(p, "normalizer", p->rules, &p->header.n_rules, BPE_NFC, "", "");
}

static int normalise_replace(BpePacker *p, const json_t *stage)
{
    return replace(p, "normalizer", stage, p->rules, &p->header.n_rules);
}

static int normalise_prepend(BpePacker *p, const json_t *stage)
{
    const char *to = json_string_value(json_object_get(stage, "prepend"));
    return add_rule(p, "normalizer", p->rules, &p->header.n_rules, BPE_PREPEND, "", to);
}

int bpe_pack_normaliser(BpePacker *p, const json_t *stage)
{
    static const Stage rows[] = {{"NFC", normalise_nfc}, {"Replace", normalise_replace},
                                 {"Prepend", normalise_prepend}};
    static const Stages stages = {"normalizer", "normalizers", rows, sizeof rows / sizeof *rows};
    return pack_stage(p, stage, &stages, 0);
}

/* ---- pre-tokeniser ---------------------------------------------------------------------------------------------- */

static int add_step(BpePacker *p, const char *text, bool regex, BpeBehaviour behaviour)
{
    if (p->header.n_steps == BPE_MAX_STEPS)
        return unsupported(p, "pre_tokenizer", "so many steps");
    BpeStep s = {.pattern = regex ? BPE_REGEX : BPE_TEXT, .behaviour = behaviour, .count = (uint32_t)strlen(text)};
    int code = regex ? bpe_pack_regex(p, text, &s.first, &s.count) : bpe_append(p, text, s.count, false, &s.first);
    p->steps[p->header.n_steps++] = s;
    return code;
}

static int split(BpePacker *p, const json_t *stage)
{
    static const char *const behaviours[BPE_BEHAVIOURS] = {
        [BPE_ISOLATED] = "Isolated", [BPE_MERGED_WITH_PREVIOUS] = "MergedWithPrevious", [BPE_REMOVED] = "Removed"};
    const char *text, *behaviour = json_string_value(json_object_get(stage, "behavior"));
    bool regex;
    int code = pattern_of(p, "pre_tokenizer", stage, &text, &regex);
    if (code)
        return code;
    if (json_is_true(json_object_get(stage, "invert")))
        return unsupported(p, "pre_tokenizer", "Split with invert");
    for (int i = 0; behaviour && i < BPE_BEHAVIOURS; i++)
        if (!strcmp(behaviour, behaviours[i]))
            return add_step(p, text, regex, (BpeBehaviour)i);
    return unsupported(p, "pre_tokenizer", behaviour ? behaviour : "Split without a behavior");
}

static int byte_level(BpePacker *p, const json_t *stage)
{
    static const char gpt2[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    if (json_is_true(json_object_get(stage, "add_prefix_space")))
        return unsupported(p, "pre_tokenizer", "ByteLevel with add_prefix_space");
    p->header.flags |= BPE_BYTE_LEVEL;
    return json_is_false(json_object_get(stage, "use_regex")) ? SDC_OK : add_step(p, gpt2, true, BPE_ISOLATED);
}

int bpe_pack_pre_tokeniser(BpePacker *p, const json_t *stage)
{
    static const Stage rows[] = {{"Split", split}, {"ByteLevel", byte_level}};
    static const Stages stages = {"pre_tokenizer", "pretokenizers", rows, sizeof rows / sizeof *rows};
    return pack_stage(p, stage, &stages, 0);
}

/* ---- post-processor --------------------------------------------------------------------------------------------- */

static int add_affix(BpePacker *p, const json_t *id, bool behind)
{
    uint32_t *n = behind ? &p->header.n_suffix : &p->header.n_prefix;
    json_int_t value = json_integer_value(id);
    if (!json_is_integer(id) || value < 0 || value >= p->header.vocabulary)
        return sdc_error(SDC_BAD_INPUT, "%s: post_processor: an id that is not in the vocabulary", p->path);
    if (*n == BPE_AFFIX)
        return unsupported(p, "post_processor", "a template of so many tokens");
    (behind ? p->header.suffix : p->header.prefix)[(*n)++] = (uint32_t)value;
    return SDC_OK;
}

/* "single": [{"SpecialToken": {"id": "<bos>"}}, {"Sequence": {"id": "A"}}],
 * "special_tokens": {"<bos>": {"ids": [2]}} */
static int template(BpePacker *p, const json_t *stage)
{
    const json_t *single = json_object_get(stage, "single");
    int sequences = 0, code = SDC_OK;
    for (size_t i = 0; !code && i < json_array_size(single); i++) {
        const json_t *part = json_array_get(single, i), *special = json_object_get(part, "SpecialToken");
        const char *name = json_string_value(json_object_get(special, "id"));
        if (json_object_get(part, "Sequence")) {
            sequences++;
            continue;
        }
        const json_t *token = name ? json_object_get(json_object_get(stage, "special_tokens"), name) : NULL;
        const json_t *ids = json_object_get(token, "ids");
        if (!json_is_array(ids))
            return sdc_error(SDC_BAD_INPUT, "%s: post_processor: single: entry %zu has no ids in special_tokens",
                             p->path, i);
        for (size_t k = 0; !code && k < json_array_size(ids); k++)
            code = add_affix(p, json_array_get(ids, k), sequences > 0);
    }
    if (!code && sequences != 1)
        return sdc_error(SDC_BAD_INPUT, "%s: post_processor: single: not one Sequence", p->path);
    return code;
}

int bpe_pack_post_processor(BpePacker *p, const json_t *stage)
{
    static const Stage rows[] = {{"TemplateProcessing", template}, {"ByteLevel", NULL}};
    static const Stages stages = {"post_processor", "processors", rows, sizeof rows / sizeof *rows};
    return pack_stage(p, stage, &stages, 0);
}

/* ---- decoder ---------------------------------------------------------------------------------------------------- */

static int decode_replace(BpePacker *p, const json_t *stage)
{
    return replace(p, "decoder", stage, p->decoding, &p->n_decoding);
}

static int decode_fallback(BpePacker *p, const json_t *stage)
{
    (void)stage;
    p->header.flags |= BPE_BYTE_FALLBACK;
    return SDC_OK;
}

static int decode_level(BpePacker *p, const json_t *stage)
{
    (void)stage;
    if (p->header.flags & BPE_BYTE_LEVEL)
        return SDC_OK;
    return unsupported(p, "decoder", "ByteLevel without a pre_tokenizer of that type");
}

/* Without Fuse or ByteLevel tokens would be joined by spaces. */
static bool joins(const json_t *stage)
{
    const char *type = json_string_value(json_object_get(stage, "type"));
    const json_t *list = json_object_get(stage, "decoders");
    bool found = type && (!strcmp(type, "Fuse") || !strcmp(type, "ByteLevel"));
    for (size_t i = 0; !found && i < json_array_size(list); i++) {
        type = json_string_value(json_object_get(json_array_get(list, i), "type"));
        found = type && (!strcmp(type, "Fuse") || !strcmp(type, "ByteLevel"));
    }
    return found;
}

int bpe_pack_decoder(BpePacker *p, const json_t *stage)
{
    static const Stage rows[] = {{"Replace", decode_replace}, {"ByteFallback", decode_fallback}, {"Fuse", NULL},
                                 {"ByteLevel", decode_level}};
    static const Stages stages = {"decoder", "decoders", rows, sizeof rows / sizeof *rows};
    int code = pack_stage(p, stage, &stages, 0);
    return code || joins(stage) ? code : unsupported(p, "decoder", "one without Fuse or ByteLevel");
}
