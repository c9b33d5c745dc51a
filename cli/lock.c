/* lock.c: see lock.h.
 *
 *      sdc-lock 1
 *      isa avx512-bf16                         that it was measured with, and is for
 *      threads 2
 *      cpu Intel(R) Xeon(R) Processor          for the reader, like the threads
 *      SITE CHOICE VALUE                       sorted; 0: as the cost model has it */
#include "lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../codegen/build.h"
#include "../runtime/runtime.h"

enum { VERSION = 1, MOST_BYTES = 4 << 20 };

/* ---- reading ----------------------------------------------------------------------------------------------------- */

typedef struct { const char *path; char *rest; int line; } Reader;

/* The next line without its end; NULL behind the last. */
static char *next_line(Reader *r)
{
    char *line = r->rest && *r->rest ? strsep(&r->rest, "\n") : NULL;
    r->line++;
    return line;
}

_Noreturn static void malformed(const Reader *r, const char *expected)
{
    fail(SDC_BAD_INPUT, "%s:%d: expected %s", r->path, r->line, expected);
}

static char *file_text(const char *path)
{
    char *text = alloc(MOST_BYTES + 1);
    FILE *in = fopen(path, "re");
    if (!in)
        fail(SDC_BAD_INPUT, "%s: %s", path, strerror(errno));
    const size_t bytes = fread(text, 1, MOST_BYTES + 1, in);
    const bool bad = ferror(in) != 0;
    fclose(in);
    if (bad || bytes > MOST_BYTES || memchr(text, 0, bytes))
        fail(SDC_BAD_INPUT, "%s: %s", path, bad ? "can not be read" : "is no lock file");
    text[bytes] = 0;
    return text;
}

/* What follows `name` in the next line. */
static const char *head(Reader *r, const char *name)
{
    const char *line = next_line(r);
    const size_t length = strlen(name);
    if (!line || strncmp(line, name, length) || line[length] != ' ')
        malformed(r, text_format("'%s ...'", name));
    return line + length + 1;
}

static int64_t number_of(const Reader *r, const char *text, const char *what)
{
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || value < 0)
        malformed(r, what);
    return value;
}

static void read_choice(Reader *r, Choices *c, char *line)
{
    static const char form[] = "SITE CHOICE VALUE";
    const char *site = strsep(&line, " "), *name = strsep(&line, " ");
    if (!name || !line || !*site)
        malformed(r, form);
    const ChoiceKind kind = choice_by_name(name);
    if (kind == CHOICE_COUNT)
        fail(SDC_BAD_INPUT, "%s:%d: there is no choice '%s'", r->path, r->line, name);
    if (choices_find(c, kind, site))
        fail(SDC_BAD_INPUT, "%s:%d: %s of this instance stands there twice", r->path, r->line, name);
    choices_set(c, kind, site, number_of(r, line, form), r->line);
}

Choices *lock_read(const char *path, const Isa *isa)
{
    Reader r = {.path = path, .rest = file_text(path)};
    Choices *c = alloc(sizeof *c);
    *c = (Choices){.path = path};
    const int64_t version = number_of(&r, head(&r, "sdc-lock"), "'sdc-lock VERSION'");
    if (version != VERSION)
        fail(SDC_UNSUPPORTED, "%s: is of version %lld; this sdc reads version %d", path, (long long)version, VERSION);
    const char *its = head(&r, "isa");
    if (strcmp(its, isa->name))
        fail(SDC_UNSUPPORTED, "%s: is for --isa %s, not for %s", path, its, isa->name);
    head(&r, "threads");
    head(&r, "cpu");
    for (char *line; (line = next_line(&r));)
        read_choice(&r, c, line);
    return c;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static const char *cpu_name(void)
{
    char line[512], *name = NULL;
    FILE *in = fopen("/proc/cpuinfo", "re");
    while (in && !name && fgets(line, sizeof line, in))
        if (!strncmp(line, "model name", 10) && (name = strchr(line, ':')))
            name = text_format("%.*s", (int)strcspn(name + 2, "\n"), name + 2);
    if (in)
        fclose(in);
    return name ? name : "unknown";
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

void lock_write(const char *path, const Choices *c, const Isa *isa, int threads)
{
    char **lines = alloc_array(c->n_asked + 1, sizeof *lines), *temporary;
    for (int k = 0; k < c->n_asked; k++) {
        const Asked *a = &c->asked[k];
        const Chosen *answer = choices_find(c, a->kind, a->site);
        lines[k] = text_format("%s %s %lld", a->site, choice_info(a->kind)->name, (long long)(answer ? answer->value : a->standard));
    }
    qsort(lines, (size_t)c->n_asked, sizeof *lines, by_text);
    const int fd = beside(path, &temporary);
    bool good = dprintf(fd, "sdc-lock %d\nisa %s\nthreads %d\ncpu %s\n", VERSION, isa->name, threads, cpu_name()) > 0;
    for (int k = 0; good && k < c->n_asked; k++)
        good = dprintf(fd, "%s\n", lines[k]) > 0;
    if (!good)
        fail(SDC_NO_SPACE, "%s: %s", path, strerror(errno));
    publish(fd, temporary, path, 0666);
}

void lock_report(const Choices *c)
{
    int taken = 0, first = 0, open = 0;
    for (int k = 0; k < c->n_chosen; k++) {
        taken += c->chosen[k].used;
        if (!c->chosen[k].used && !first)
            first = c->chosen[k].line;
    }
    for (int k = 0; k < c->n_asked; k++)
        open += !choices_find(c, c->asked[k].kind, c->asked[k].site);
    printf("%s: %d of %d lines taken%s; %d choices are not in it\n", c->path, taken, c->n_chosen,
           first ? text_format(", line %d is the first for no instance here", first) : "", open);
}
