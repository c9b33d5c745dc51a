/* expected.c: tests/conformance/out-of-scope.txt, kept true.
 *
 *      # comment
 *      test_name  both      why
 *      test_name  compiled  why          the oracle passes, the executable does not                               */
#include <stdlib.h>
#include <string.h>

#include "conformance.h"
#include "harness.h"

static const char *const places[] = {"", "oracle", "compiled", "both"};

typedef struct { char *name, *reason; int where; bool seen; } Line;
typedef struct { Line *lines; int count; } Expected;

static Expected read_file(const char *path)
{
    Expected e = {0};
    char *text = read_text(path, NULL), *rest = text, *line;
    while (rest && (line = strsep(&rest, "\n"))) {
        char name[256], where[16];
        int at = 0, place = 3;
        if (*line == '#' || sscanf(line, "%255s %15s %n", name, where, &at) != 2)
            continue;
        while (place && strcmp(places[place], where))
            place--;
        e.lines = realloc(e.lines, (size_t)(e.count + 1) * sizeof *e.lines);
        if (!e.lines)
            abort();
        e.lines[e.count++] = (Line){.name = format("%s", name), .reason = format("%s", line + at), .where = place};
    }
    free(text);
    return e;
}

static Line *find(const Expected *e, const char *name)
{
    for (int k = 0; k < e->count; k++)
        if (!strcmp(e->lines[k].name, name))
            return &e->lines[k];
    return NULL;
}

static int failing(const Unit *u)
{
    return (u->oracle.verdict == FAILED ? 1 : 0) | (u->compiled.verdict == FAILED ? 2 : 0);
}

static const char *message_of(const Unit *u)
{
    const char *m = u->oracle.verdict == FAILED ? u->oracle.message : u->compiled.message;
    const char *where = strstr(m, ".onnx: ");
    return where ? where + 7 : m;
}

/* A first reason for a new line, from its name and message. */
static const char *reason_of(const Unit *u)
{
    static const struct { const char *part, *reason; } groups[] = {
        {"ai_onnx_ml", "classical machine learning (ai.onnx.ml)"},
        {"image_decoder", "decoding of image files"},
        {"bernoulli", "random numbers: ONNX does not say which"},
        {"type string", "strings"},
        {"TfIdfVectorizer", "text vectors"},
        {"type sequence", "sequence types"},
        {"type optional", "optional types"},
        {"data-dependent", "data-dependent output shape"},
        {"depends on run-time data", "a floating-point input decides the output's shape, or must be constant"}};
    for (size_t k = 0; k < sizeof groups / sizeof *groups; k++)
        if (strstr(u->name, groups[k].part) || strstr(message_of(u), groups[k].part))
            return groups[k].reason;
    return message_of(u);
}

static void rewrite(const Suite *s, const char *path, const Expected *e)
{
    FILE *out = fopen(path, "w");
    if (!out) {
        perror(path);
        exit(1);
    }
    fputs("# ONNX node cases that do not pass, and why.  The test keeps this true: a listed case that passes fails\n"
          "# it, as does one that fails unlisted.  Second column: by the oracle, the compiled program, or both.\n",
          out);
    for (int k = 0; k < s->count; k++) {
        const Unit *u = &s->units[k];
        const Line *old = find(e, u->name);
        if (failing(u))
            fprintf(out, "%s  %s  %s\n", u->name, places[failing(u)],
                    old && old->where == failing(u) ? old->reason : reason_of(u));
    }
    fclose(out);
}

int check_expected(const Suite *s, const char *path, bool update)
{
    Expected e = read_file(path);
    int untrue = 0;
    if (update) {
        rewrite(s, path, &e);
        return 0;
    }
    for (int k = 0; k < s->count; k++) {
        const Unit *u = &s->units[k];
        Line *line = find(&e, u->name);
        int known = (u->oracle.verdict != NOT_RUN ? 1 : 0) | (u->sampled ? 2 : 0), now = failing(u),
            then = line ? line->where & known : 0;
        if (line)
            line->seen = true;
        if (now & ~then) {
            printf("FAILED  %s (%s): %s\n", u->name, places[now & ~then], message_of(u));
            untrue++;
        }
        if (then & ~now) {
            printf("LISTED, BUT PASSES  %s (%s): remove it from the list (--update)\n", u->name, places[then & ~now]);
            untrue++;
        }
    }
    for (int k = 0; k < e.count; k++)
        if (!e.lines[k].seen) {
            printf("LISTED, BUT NOT THERE  %s\n", e.lines[k].name);
            untrue++;
        }
    return untrue;
}
