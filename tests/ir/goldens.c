/* goldens.c: passes on graphs written as text.
 *
 *      goldens FOLDER [--update] [NAME]
 *
 * FOLDER/NAME.txt holds a graph, then lines "--- PASS ..." each with the graph that these passes make of it, as
 * ir/print.c writes it.  "--- error PASS ..." is followed by the message instead.  "#" begins a comment, which
 * --update drops behind the first "---".  The checker runs before and after every pass. */
#include <stdlib.h>
#include <string.h>

#include "../../cli/cli.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

static const struct { const char *name; Pass *pass; } passes[] = {
    {"infer", pass_infer}, {"fold", pass_fold}, {"simplify", pass_simplify}, {"decompose", pass_decompose},
    {"concat", pass_concat}, {"fuse", pass_fuse}};

typedef struct { char *text, *pass, *expected; bool error; } Case;
typedef struct {
    const char *folder;
    char **names;
    Case *sections;
    int count, failed;
    bool update;
    char **results;
} Goldens;

/* ---- a child: parse, run one pass, print ------------------------------------------------------------------------- */

static Pass *pass_named(const char *name)
{
    for (size_t k = 0; k < sizeof passes / sizeof *passes; k++)
        if (!strcmp(passes[k].name, name))
            return passes[k].pass;
    fail(SDC_USAGE, "'%s' is not a pass", name);
}

static int work(int k, void *context)
{
    const Case *s = &((Goldens *)context)->sections[k];
    Graph *g = graph_parse(model_new("input"), s->text, "input");
    graph_check(g, "parsing");
    for (char *rest = text_copy(s->pass), *one; (one = strsep(&rest, " "));) {
        pass_named(one)(g);
        graph_check(g, one);
    }
    graph_print(stdout, g);
    return SDC_OK;
}

/* ---- the parent -------------------------------------------------------------------------------------------------- */

static void done(int k, int code, const char *text, void *context)
{
    Goldens *g = context;
    const Case *s = &g->sections[k];
    bool right = (code != 0) == s->error && code != SDC_BUG && code < SIGNALLED;
    g->results[k] = format("%s", text);
    if (right && (g->update || !strcmp(text, s->expected)))
        return;
    g->failed++;
    printf("FAILED: a graph of %s, pass %s (code %d)\n--- expected\n%s--- got\n%s", g->folder, s->pass, code,
           s->expected, text);
}

/* Cut a file into its sections; every section of a file begins with the same graph. */
static int read_sections(Case *into, char *text)
{
    int count = 0;
    char *mark = strstr(text, "\n--- ");
    while (mark) {
        mark[1] = 0;
        char *line = mark + 5, *body = line + strcspn(line, "\n"), *next;
        bool error = !strncmp(line, "error ", 6);
        char *pass = format("%.*s", (int)(body - line) - (error ? 6 : 0), line + (error ? 6 : 0));
        body += *body == '\n';
        next = strncmp(body, "--- ", 4) ? strstr(body, "\n--- ") : body - 1;
        into[count++] =
            (Case){text, pass, format("%.*s", next ? (int)(next + 1 - body) : (int)strlen(body), body), error};
        mark = next;
    }
    return count;
}

static bool is_text(const char *folder, const char *name)
{
    (void)folder;
    return strstr(name, ".txt") != NULL;
}

static void write_back(const Goldens *g, const char *path, int from, int until)
{
    char *all = format("%s", g->sections[from].text);
    for (int k = from; k < until; k++)
        all = format("%s--- %s%s\n%s", all, g->sections[k].error ? "error " : "", g->sections[k].pass, g->results[k]);
    write_text(path, all);
}

int main(int argc, char **argv)
{
    enum { MOST = 4096 };
    static Case sections[MOST];
    static char *results[MOST];
    static int list[MOST], first[MOST];
    Goldens g = {.folder = argv[1], .sections = sections, .results = results};
    if (argc < 2)
        return 1;
    const char *only = NULL;
    for (int k = 2; k < argc; k++)
        if (!strcmp(argv[k], "--update"))
            g.update = true;
        else
            only = argv[k];
    int files;
    g.names = list_folder(g.folder, is_text, &files);
    for (int f = 0; f < files; f++) {
        first[f] = g.count;
        if (!only || strstr(g.names[f], only))
            g.count += read_sections(sections + g.count, read_text(format("%s/%s", g.folder, g.names[f]), NULL));
        first[f + 1] = g.count;
    }
    for (int k = 0; k < g.count; k++)
        list[k] = k;
    run_parallel(cpus(), list, g.count, 60, work, done, &g);
    for (int f = 0; f < files && g.update; f++)
        if (first[f + 1] > first[f])
            write_back(&g, format("%s/%s", g.folder, g.names[f]), first[f], first[f + 1]);
    printf("%d graphs and passes, %d failed\n", g.count, g.failed);
    return g.failed != 0 || g.count == 0;
}
