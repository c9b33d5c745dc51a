/* tokenizer_regex_pack.c: the regular expression of a pre-tokeniser to rows of items (runtime/tokenizer_bpe.h).
 *
 *      pattern     = alternative { "|" alternative }
 *      alternative = group | item { item }
 *      group       = ( "(?:" | "(?i:" ) pattern ")"          a whole alternative
 *      item        = set [ "?" | "*" | "+" | "{m}" "{m,}" "{m,n}" ]  |  "(?!" set ")"
 *      set         = character | escape | "[" [ "^" ] { character | escape } "]"
 *      escape      = \s \S \r \n \t \p{L} \p{N} and punctuation
 *
 * That is what GPT-2, Qwen2 and Llama 3 use; anything else is refused with its place. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "../runtime/unicode.h"
#include "tokenizer_bpe_pack.h"

enum { MAX_REPEAT = 1 << 16 };

typedef struct {
    BpePacker *p;
    const char *pattern, *at;
    bool any_case;
    const char *wrong;              /* what is not supported at `at`; NULL while all is well */
} Parser;

static void parse_pattern(Parser *s, int depth);

static bool eat(Parser *s, const char *text)
{
    size_t n = strlen(text);
    bool is = !strncmp(s->at, text, n);
    if (is)
        s->at += n;
    return is;
}

static void refuse(Parser *s, const char *why)
{
    if (!s->wrong)
        s->wrong = why;
}

/* ---- sets ------------------------------------------------------------------------------------------------------- */

static void add_character(Parser *s, BpeItem *item, int32_t code)
{
    if (item->n_characters == BPE_CHARACTERS)
        refuse(s, "so many characters in one set");
    else
        item->characters[item->n_characters++] = code;
}

/* The other cases of a Latin letter, which Unicode gives more of than one to s and k. */
static void add_cases(Parser *s, BpeItem *item, int32_t code)
{
    int32_t lower = code | 0x20;
    add_character(s, item, code);
    if (!s->any_case || lower < 'a' || lower > 'z')
        return;
    add_character(s, item, code ^ 0x20);
    if (lower == 's' || lower == 'k')
        add_character(s, item, lower == 's' ? 0x17f : 0x212a);
}

static void parse_escape(Parser *s, BpeItem *item, bool alone)
{
    static const struct { const char *text; uint32_t classes; int32_t code; } escapes[] = {
        {"s", 1u << UNICODE_SPACE, 0},     {"p{L}", 1u << UNICODE_LETTER, 0},
        {"p{N}", 1u << UNICODE_NUMBER, 0}, {"r", 0, '\r'},
        {"n", 0, '\n'},                    {"t", 0, '\t'},
    };
    if (alone && eat(s, "S")) {
        item->classes |= 1u << UNICODE_SPACE;
        item->flags ^= BPE_NEGATED;
        return;
    }
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
        if (eat(s, escapes[i].text)) {
            item->classes |= escapes[i].classes;
            if (!escapes[i].classes)
                add_character(s, item, escapes[i].code);
            return;
        }
    if (*s->at && strchr("\\.[](){}|?*+^$'\"-/ ", *s->at))
        add_character(s, item, *s->at++);
    else
        refuse(s, "this escape");
}

static void parse_literal(Parser *s, BpeItem *item)
{
    int32_t code = 0;
    int n = unicode_decode(s->at, (int64_t)strlen(s->at), &code);
    if (n <= 0) {
        refuse(s, "what is no character");
        return;
    }
    add_cases(s, item, code);
    s->at += n;
}

static void parse_set(Parser *s, BpeItem *item)
{
    if (eat(s, "\\")) {
        parse_escape(s, item, true);
    } else if (eat(s, "[")) {
        if (eat(s, "^"))
            item->flags |= BPE_NEGATED;
        while (!s->wrong && *s->at && *s->at != ']') {
            if (eat(s, "\\"))
                parse_escape(s, item, false);
            else if (*s->at == '[' || *s->at == '-' || *s->at == '&')
                refuse(s, "ranges and nested sets");
            else
                parse_literal(s, item);
        }
        if (!eat(s, "]"))
            refuse(s, "a set without its end");
    } else if (*s->at && strchr(".^$(){}*+?", *s->at)) {
        refuse(s, "this operator");
    } else {
        parse_literal(s, item);
    }
}

/* ---- counts ----------------------------------------------------------------------------------------------------- */

static uint32_t parse_number(Parser *s)
{
    uint32_t n = 0;
    if (*s->at < '0' || *s->at > '9')
        refuse(s, "a count without a number");
    for (; *s->at >= '0' && *s->at <= '9'; s->at++)
        if ((n = n * 10 + (uint32_t)(*s->at - '0')) > MAX_REPEAT) {
            refuse(s, "such a count");
            n = 0;
        }
    return n;
}

static void parse_count(Parser *s, BpeItem *item)
{
    item->least = item->most = 1;
    if (eat(s, "?")) {
        item->least = 0;
    } else if (eat(s, "*") || eat(s, "+")) {
        item->least = s->at[-1] == '+';
        item->most = BPE_NONE;
    } else if (eat(s, "{")) {
        item->least = item->most = parse_number(s);
        if (eat(s, ","))
            item->most = *s->at == '}' ? BPE_NONE : parse_number(s);
        if (!eat(s, "}") || item->most < item->least)
            refuse(s, "such a count");
    } else {
        return;
    }
    if (*s->at && strchr("?*+{", *s->at))
        refuse(s, "lazy and possessive counts");
}

/* ---- alternatives ----------------------------------------------------------------------------------------------- */

static BpeItem *parse_item(Parser *s)
{
    static BpeItem nowhere;
    BpeItem *item = &nowhere;
    if (s->p->header.n_items == BPE_MAX_ITEMS)
        refuse(s, "so long an expression");
    else
        item = &s->p->items[s->p->header.n_items++];
    *item = (BpeItem){0};
    if (eat(s, "(?!")) {
        parse_set(s, item);
        item->flags |= BPE_AHEAD_NOT;
        if (!eat(s, ")"))
            refuse(s, "more than one character to look ahead for");
    } else {
        parse_set(s, item);
        parse_count(s, item);
    }
    return item;
}

static void parse_alternative(Parser *s, int depth)
{
    bool before = s->any_case;
    if (!strncmp(s->at, "(?:", 3) || !strncmp(s->at, "(?i:", 4)) {
        s->any_case |= s->at[2] == 'i';
        s->at += s->at[2] == 'i' ? 4 : 3;
        parse_pattern(s, depth + 1);
        s->any_case = before;
        if (!eat(s, ")") || (*s->at && *s->at != '|' && *s->at != ')'))
            refuse(s, "a group that is not a whole alternative");
        return;
    }
    BpeItem *last = NULL;
    while (!s->wrong && *s->at && *s->at != '|' && *s->at != ')')
        last = parse_item(s);
    if (last)
        last->flags |= BPE_LAST;
    else
        refuse(s, "an empty alternative");
}

static void parse_pattern(Parser *s, int depth)
{
    if (depth > 8)
        refuse(s, "groups so deep");
    if (!s->wrong)
        parse_alternative(s, depth);
    while (!s->wrong && eat(s, "|"))
        parse_alternative(s, depth);
}

int bpe_pack_regex(BpePacker *p, const char *pattern, uint32_t *first, uint32_t *count)
{
    Parser s = {.p = p, .pattern = pattern, .at = pattern};
    *first = p->header.n_items;
    parse_pattern(&s, 0);
    if (!s.wrong && *s.at)
        refuse(&s, "this");
    *count = p->header.n_items - *first;
    if (!s.wrong)
        return SDC_OK;
    return sdc_error(SDC_UNSUPPORTED, "%s: pre_tokenizer: the regular expression '%s': %s is not supported, at '%s'",
                     p->path, pattern, s.wrong, s.at);
}
