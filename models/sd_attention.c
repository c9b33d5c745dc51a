/* sd_attention.c: brackets and weights of a prompt; see sd_prompt.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "sd_prompt.h"

enum { MOST = 4096 };               /* brackets that are open at once, and pieces */

typedef struct { int64_t at[MOST]; int n; } Open;       /* the piece that each open bracket begins with */
typedef struct { SdPieces *pieces; Open round, square; int code; } Parser;

static void add_piece(Parser *p, const char *text, size_t bytes, double weight)
{
    SdPieces *all = p->pieces;
    if (p->code)
        return;
    if (all->n == all->room) {
        int64_t room = all->room ? 2 * all->room : 16;
        SdPiece *list = room <= MOST ? realloc(all->list, (size_t)room * sizeof *list) : NULL;
        if (!list) {
            p->code = room > MOST ? sdc_error(SDC_BAD_INPUT, "a prompt with more than %d brackets", MOST)
                                  : sdc_error(SDC_NO_SPACE, "out of memory");
            return;
        }
        all->list = list;
        all->room = room;
    }
    all->list[all->n] = (SdPiece){strndup(text, bytes), weight, false};
    if (!all->list[all->n++].text)
        p->code = sdc_error(SDC_NO_SPACE, "out of memory");
}

static void open_bracket(Parser *p, Open *o)
{
    if (o->n == MOST)
        p->code = p->code ? p->code : sdc_error(SDC_BAD_INPUT, "a prompt with more than %d brackets", MOST);
    else
        o->at[o->n++] = p->pieces->n;
}

static void multiply(Parser *p, int64_t from, double factor)
{
    for (int64_t k = from; k < p->pieces->n; k++)
        p->pieces->list[k].weight *= factor;
}

/* ---- text between brackets --------------------------------------------------------------------------------------- */

static bool is_space(char c) { return c && strchr(" \t\n\r\f\v", c); }

/* A letter of a word, or a byte of one beyond ASCII. */
static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c < 0;
}

/* The word BREAK in text[bytes] with the spaces around it: [*begin, *end); false when there is none. */
static bool find_break(const char *text, size_t bytes, size_t *begin, size_t *end)
{
    for (size_t k = 0; k + 5 <= bytes; k++) {
        if (memcmp(text + k, "BREAK", 5) || (k && is_word(text[k - 1])) || (k + 5 < bytes && is_word(text[k + 5])))
            continue;
        for (*begin = k; *begin && is_space(text[*begin - 1]); --*begin)
            ;
        for (*end = k + 5; *end < bytes && is_space(text[*end]); ++*end)
            ;
        return true;
    }
    return false;
}

static void add_text(Parser *p, const char *text, size_t bytes)
{
    size_t begin, end;
    while (find_break(text, bytes, &begin, &end)) {
        add_piece(p, text, begin, 1);
        add_piece(p, "BREAK", 5, -1);
        text += end;
        bytes -= end;
    }
    add_piece(p, text, bytes, 1);
}

/* ": 1.3 )" at a colon: its length, and the weight; 0: it is no such. */
static size_t weight_at(const char *text, double *weight)
{
    const char *p = text + 1;
    while (is_space(*p))
        p++;
    const char *begin = p;
    p += *p == '+' || *p == '-';
    const size_t digits = strspn(p, ".0123456789");
    char number[64], *end;
    p += digits;
    if (!digits || p - begin >= (long)sizeof number)
        return 0;
    memcpy(number, begin, (size_t)(p - begin));
    number[p - begin] = 0;
    *weight = strtod(number, &end);
    while (is_space(*p))
        p++;
    return *end || *p != ')' ? 0 : (size_t)(p + 1 - text);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* What is at text, which is not empty; returns its length. */
static size_t parse_one(Parser *p, const char *text)
{
    double weight;
    size_t n = 1;
    if (*text == '\\') {
        n += text[1] && strchr("()[]\\", text[1]) ? 1 : 0;
        add_piece(p, text + 1, n - 1, 1);
    } else if (*text == '(') {
        open_bracket(p, &p->round);
    } else if (*text == '[') {
        open_bracket(p, &p->square);
    } else if (*text == ':' && (n = weight_at(text, &weight)) && p->round.n) {
        multiply(p, p->round.at[--p->round.n], weight);
    } else if (*text == ':') {
        n = n ? n : 1;
        add_text(p, text, n);
    } else if (*text == ')' && p->round.n) {
        multiply(p, p->round.at[--p->round.n], 1.1);
    } else if (*text == ']' && p->square.n) {
        multiply(p, p->square.at[--p->square.n], 1 / 1.1);
    } else {
        n = strcspn(text, "\\()[]:");
        n = n ? n : 1;
        add_text(p, text, n);
    }
    return n;
}

/* Neighbours of one weight become one. */
static int merge(SdPieces *p)
{
    int64_t kept = 0;
    for (int64_t k = 1; k < p->n; k++) {
        SdPiece *last = &p->list[kept], *piece = &p->list[k];
        if (last->weight != piece->weight) {
            if (++kept < k) {
                p->list[kept] = *piece;
                piece->text = NULL;
            }
            continue;
        }
        const size_t own = strlen(last->text), more = strlen(piece->text);
        char *text = realloc(last->text, own + more + 1);
        if (!text)
            return sdc_error(SDC_NO_SPACE, "out of memory");
        memcpy(text + own, piece->text, more + 1);
        *last = (SdPiece){text, last->weight, false};
        free(piece->text);
        piece->text = NULL;
    }
    p->n = p->n ? kept + 1 : 0;
    return SDC_OK;
}

int sd_pieces_parse(SdPieces *pieces, const char *text)
{
    *pieces = (SdPieces){0};
    Parser *p = calloc(1, sizeof *p);
    if (!p)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    p->pieces = pieces;
    while (!p->code && *text)
        text += parse_one(p, text);
    while (p->round.n)
        multiply(p, p->round.at[--p->round.n], 1.1);
    while (p->square.n)
        multiply(p, p->square.at[--p->square.n], 1 / 1.1);
    if (!pieces->n)
        add_piece(p, "", 0, 1);
    int code = p->code ? p->code : merge(pieces);
    free(p);
    for (int64_t k = 0; k < pieces->n; k++)
        pieces->list[k].breaks = pieces->list[k].weight == -1 && !strcmp(pieces->list[k].text, "BREAK");
    return code;
}

void sd_pieces_free(SdPieces *p)
{
    for (int64_t k = 0; k < p->n; k++)
        free(p->list[k].text);
    free(p->list);
    *p = (SdPieces){0};
}
