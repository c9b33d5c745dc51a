/* options.c: command lines in GNU manner from a table of rows.
 *
 *      --name=VALUE  --name VALUE  -oVALUE  -o VALUE  -vq  --flag  --no-flag  --  (the rest is positional)
 *
 * An argument written "[=N]" in the table is optional: only --name=VALUE gives it one, otherwise set() gets NULL.
 * A flag's set() gets "1", or "0" for --no-flag unless the table has a row of that name.  A name may be cut short
 * where that is unambiguous. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

enum { NAME_LIMIT = 48, HELP_COLUMN = 28, HELP_WIDTH = 100 };

static bool is_end(const SdcOption *o) { return !o->name && !o->letter; }
static bool is_optional(const SdcOption *o) { return o->argument && o->argument[0] == '['; }

/* ---- finding a row ---- */

int sdc_text_distance(const char *a, const char *b)
{
    int rows[3][NAME_LIMIT + 1];
    int n = (int)strlen(a), m = (int)strlen(b);
    if (n > NAME_LIMIT || m > NAME_LIMIT)
        return NAME_LIMIT;
    int *before = rows[0], *last = rows[1], *now = rows[2];
    for (int j = 0; j <= m; j++)
        last[j] = before[j] = j;
    for (int i = 1; i <= n; i++) {
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        int *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[m];
}

static int unknown(const SdcOption *table, const char *name)
{
    const char *nearest = NULL;
    int least = (int)strlen(name) / 3 + 2;
    for (const SdcOption *o = table; !is_end(o); o++) {
        int d = o->name ? sdc_text_distance(name, o->name) : NAME_LIMIT;
        if (d < least) {
            least = d;
            nearest = o->name;
        }
    }
    if (nearest)
        return sdc_error(SDC_USAGE, "unknown option --%s; did you mean --%s?", name, nearest);
    return sdc_error(SDC_USAGE, "unknown option --%s; see --help", name);
}

/* The row called name, exactly or by its unambiguous beginning; NULL and *clash when several begin like that. */
static const SdcOption *find_row(const SdcOption *table, const char *name, const SdcOption **clash)
{
    const SdcOption *found = NULL;
    *clash = NULL;
    for (const SdcOption *o = table; *name && !is_end(o); o++) {
        if (!o->name || strncmp(o->name, name, strlen(name)) != 0)
            continue;
        if (strcmp(o->name, name) == 0) {
            *clash = NULL;
            return o;
        }
        if (found)
            *clash = found;
        found = o;
    }
    return *clash ? NULL : found;
}

/* ---- parsing ---- */

typedef struct {
    const SdcOption *table;
    void *into;
    int argc, at;
    char **argv;
    SdcOptionNote *note;
} Parser;

static int apply(const Parser *p, const SdcOption *o, const char *value)
{
    int code = o->set(p->into, value);
    return code || !p->note ? code : p->note(p->into, o, value);
}

static int set_value(Parser *p, const SdcOption *o, const char *spelled, const char *value)
{
    if (o->argument && !value && !is_optional(o)) {
        if (p->at + 1 >= p->argc)
            return sdc_error(SDC_USAGE, "option %s needs a value: %s", spelled, o->argument);
        value = p->argv[++p->at];
    }
    return apply(p, o, o->argument ? value : "1");
}

static int parse_long(Parser *p, const char *text)
{
    char name[NAME_LIMIT + 1], spelled[NAME_LIMIT + 3];
    size_t length = strcspn(text, "=");
    const char *value = text[length] == '=' ? text + length + 1 : NULL;
    if (length > NAME_LIMIT)
        return sdc_error(SDC_USAGE, "unknown option --%.*s; see --help", NAME_LIMIT, text);
    memcpy(name, text, length);
    name[length] = 0;
    const SdcOption *clash, *row = find_row(p->table, name, &clash);
    if (clash)
        return sdc_error(SDC_USAGE, "option --%s is ambiguous: --%s or another; write it out", name, clash->name);
    if (!row && strncmp(name, "no-", 3) == 0) {
        row = find_row(p->table, name + 3, &clash);
        if (!row || row->argument)
            return unknown(p->table, name);
        return value ? sdc_error(SDC_USAGE, "option --%s takes no value", name) : apply(p, row, "0");
    }
    if (!row)
        return unknown(p->table, name);
    if (value && !row->argument)
        return sdc_error(SDC_USAGE, "option --%s takes no value", row->name);
    snprintf(spelled, sizeof spelled, "--%s", row->name);
    return set_value(p, row, spelled, value);
}

/* "-vq" are flags; the first letter that takes a value takes the rest. */
static int parse_letters(Parser *p, const char *text)
{
    for (; *text; text++) {
        const SdcOption *o = p->table;
        char spelled[3] = {'-', *text, 0};
        while (!is_end(o) && o->letter != *text)
            o++;
        if (is_end(o))
            return sdc_error(SDC_USAGE, "unknown option %s; see --help", spelled);
        bool takes_rest = o->argument && text[1];
        int code = set_value(p, o, spelled, takes_rest ? text + 1 : NULL);
        if (code || takes_rest)
            return code;
    }
    return SDC_OK;
}

int sdc_options_parse(const SdcOption *table, void *into, int argc, char **argv, int *n_positional,
                      SdcOptionNote *note)
{
    Parser p = {table, into, argc, 1, argv, note};
    int kept = 0;
    bool only_positional = false;
    for (; p.at < argc; p.at++) {
        char *text = argv[p.at];
        int code = SDC_OK;
        if (only_positional || text[0] != '-' || !text[1])
            argv[1 + kept++] = text;
        else if (strcmp(text, "--") == 0)
            only_positional = true;
        else if (text[1] == '-')
            code = parse_long(&p, text + 2);
        else
            code = parse_letters(&p, text + 1);
        if (code)
            return code;
    }
    *n_positional = kept;
    return SDC_OK;
}

int sdc_option_int(const char *name, const char *value, int64_t low, int64_t high, int64_t *result)
{
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (end == value || *end || errno || number < low || number > high)
        return sdc_error(SDC_USAGE, "option %s: %s is no whole number from %lld to %lld", name, value, (long long)low,
                         (long long)high);
    *result = number;
    return SDC_OK;
}

/* ---- help ---- */

/* text from `column` on, wrapped at words, further lines indented alike. */
static void wrap(FILE *out, const char *text)
{
    int column = HELP_COLUMN;
    while (*text) {
        int word = (int)strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + word > HELP_WIDTH) {
            fprintf(out, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", word, text);
        column += word;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

void sdc_options_help(FILE *out, const SdcOption *table)
{
    for (const SdcOption *o = table; !is_end(o); o++) {
        if (!o->help)
            continue;
        char left[128];
        int used = o->letter ? snprintf(left, sizeof left, "  -%c", o->letter) : snprintf(left, sizeof left, "    ");
        if (o->name)
            used += snprintf(left + used, sizeof left - (size_t)used, "%s --%s", o->letter ? "," : " ", o->name);
        if (o->argument)
            used += snprintf(left + used, sizeof left - (size_t)used, "%s%s",
                             is_optional(o) ? "" : o->name ? "=" : " ", o->argument);
        fprintf(out, "%-*s", HELP_COLUMN, left);
        if (used >= HELP_COLUMN)
            fprintf(out, "\n%*s", HELP_COLUMN, "");
        wrap(out, o->help);
    }
}
