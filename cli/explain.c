/* explain: what became of every group of nodes that could be fused, and what the fusions save.
 *
 * The graph is compiled to a program in memory twice, with fusions and without; no C compiler runs. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "explain.h"
#include "folder.h"

OPTION_LIST(sizes)
OPTION_FLAG(json) OPTION_FLAG(help)

static const SdcOption table[] = {
    AXIS_ROWS,
    {"size", 0, "WxH", "picture size of a pipeline", option_sizes},
    PASS_ROWS,
    {"json", 0, NULL, "print one JSON object instead of text", option_json},
    {"help", 'h', NULL, "this text", option_help},
    {0},
};

/* ---- candidates -------------------------------------------------------------------------------------------------- */

int candidate_kinds(const Model *m, KindCount *kinds, int room)
{
    int count = 0;
    for (const FusionCandidate *c = m->candidates; c; c = c->next) {
        int k = 0;
        while (k < count && strcmp(kinds[k].kind, c->kind))
            k++;
        if (k == room)
            bug("more than %d kinds of candidates", room);
        if (k == count)
            kinds[count++] = (KindCount){.kind = c->kind};
        *(c->became ? &kinds[k].fused : &kinds[k].missed) += 1;
    }
    return count;
}

/* The model's own name, control characters as '?'; "n17" where it has none. */
static const char *candidate_name(const FusionCandidate *c)
{
    if (!c->name || !*c->name)
        return text_format("n%d", c->node);
    char *plain = text_copy(c->name);
    for (char *p = plain; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            *p = '?';
    return plain;
}

static void print_kind(FILE *out, const Model *m, const char *kind)
{
    enum { WIDEST = 72 };
    int width = 0;
    for (const FusionCandidate *c = m->candidates; c; c = c->next) {
        int length = strcmp(c->kind, kind) ? 0 : (int)strlen(candidate_name(c));
        width = length > width && length <= WIDEST ? length : width;
    }
    for (const FusionCandidate *c = m->candidates; c; c = c->next)
        if (!strcmp(c->kind, kind))
            fprintf(out, "  %-*s  %s%s\n", width, candidate_name(c), c->became ? "" : "missed: ",
                    c->became ? c->became : c->reason);
}

void print_candidates(FILE *out, const Model *m)
{
    KindCount kinds[MAX_KINDS];
    int count = candidate_kinds(m, kinds, MAX_KINDS);
    for (int k = 0; k < count; k++) {
        fprintf(out, "%s: %d found, %d fused, %d missed\n", kinds[k].kind, kinds[k].fused + kinds[k].missed,
                kinds[k].fused, kinds[k].missed);
        print_kind(out, m, kinds[k].kind);
    }
    if (!count)
        fputs("nothing that could be fused was found\n", out);
}

/* ---- what the fusions save --------------------------------------------------------------------------------------- */

typedef struct { const Program *fused, *plain; } Pair;

static void print_summary(const Pair *p)
{
    const struct { const char *what; double plain, fused; int digits; } rows[] = {
        {"nodes", graph_count(p->plain->graph), graph_count(p->fused->graph), 0},
        {"kernel calls", p->plain->n_calls, p->fused->n_calls, 0},
        {"MB moved", (double)p->plain->moved_bytes / 1e6, (double)p->fused->moved_bytes / 1e6, 1},
        {"GFLOP", (double)p->plain->flops / 1e9, (double)p->fused->flops / 1e9, 3},
        {"MB of arena", (double)p->plain->arena_bytes / 1e6, (double)p->fused->arena_bytes / 1e6, 1},
    };
    printf("%-14s %14s %14s\n", "", "no fusion", "as asked");
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        printf("%-14s %14.*f %14.*f\n", rows[k].what, rows[k].digits, rows[k].plain, rows[k].digits, rows[k].fused);
}

static void print_pair(const Pair *p, bool titled)
{
    if (titled)
        printf("== %s\n", p->fused->name);
    print_candidates(stdout, p->fused->graph->model);
    putchar('\n');
    print_summary(p);
    if (titled)
        putchar('\n');
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

json_t *text_json(const char *s)
{
    json_t *v = s ? json_string(s) : json_null();
    if (v)
        return v;
    char *plain = text_copy(s);
    for (char *p = plain; *p; p++)
        if ((unsigned char)*p > 127)
            *p = '?';
    return json_string(plain);
}

json_t *program_json(const Program *p)
{
    return json_pack("{s:i, s:i, s:I, s:I, s:I}", "nodes", graph_count(p->graph), "calls", p->n_calls, "moved_bytes",
                     (json_int_t)p->moved_bytes, "flops", (json_int_t)p->flops, "arena_bytes",
                     (json_int_t)p->arena_bytes);
}

static json_t *pair_json(const Pair *p)
{
    KindCount kinds[MAX_KINDS];
    const Model *m = p->fused->graph->model;
    int count = candidate_kinds(m, kinds, MAX_KINDS);
    json_t *list = json_array(), *counts = json_array();
    for (int k = 0; k < count; k++)
        json_array_append_new(counts, json_pack("{s:s, s:i, s:i, s:i}", "kind", kinds[k].kind, "found",
                                                kinds[k].fused + kinds[k].missed, "fused", kinds[k].fused, "missed",
                                                kinds[k].missed));
    for (const FusionCandidate *c = m->candidates; c; c = c->next)
        json_array_append_new(list, json_pack("{s:s, s:i, s:o, s:o, s:o}", "kind", c->kind, "node", c->node, "name",
                                              text_json(c->name), "became", text_json(c->became), "missed",
                                              text_json(c->reason)));
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", p->fused->name, "kinds", counts, "candidates", list,
                     "no_fusion", program_json(p->plain), "as_asked", program_json(p->fused));
}

void print_json(json_t *root)
{
    if (!root || json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) || putchar('\n') == EOF)
        fail(SDC_NO_SPACE, "standard output: cannot be written");
    json_decref(root);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

/* The components of a folder, or the one model. */
static Program **programs_of(const char *path, const Options *o, int *count)
{
    const Isa *isa = isa_by_name("native");
    struct stat info;
    if (!stat(path, &info) && S_ISDIR(info.st_mode))
        return folder_programs(path, o, isa, true, count);
    if (o->sizes.count)
        fail(SDC_USAGE, "--size is for pipelines; %s is a single model: use --dim or --shape", path);
    Bindings b = bindings_for(path, o);
    Program **list = alloc(sizeof *list);
    list[0] = compile_model(path, &b, "model", isa);
    *count = 1;
    return list;
}

int command_explain(int argc, char **argv)
{
    Options o = {0};
    int n, count, same;
    char **positional = parse_options(table, &o, argc, argv, &n, "sdc explain MODEL.onnx|FOLDER [options]",
        "  sdc explain unet.onnx --dim batch_size=2 --dim height=64 --dim width=64\n"
        "  sdc explain stable-diffusion/ --json\n  sdc explain clip.onnx --shape input_ids=1x77 --no-fuse=attention\n");
    if (n != 1)
        return sdc_error(SDC_USAGE, "explain takes one model or folder; see sdc explain --help");
    Options plain = o;
    plain.no_fuse = NO_FUSION;
    Program **fused = programs_of(positional[0], &o, &count), **without = programs_of(positional[0], &plain, &same);
    json_t *list = json_array();
    for (int k = 0; k < count; k++) {
        Pair p = {fused[k], without[k]};
        if (o.json)
            json_array_append_new(list, pair_json(&p));
        else
            print_pair(&p, count > 1);
    }
    if (o.json)
        print_json(json_pack("{s:o, s:O}", "model", text_json(positional[0]), "programs", list));
    json_decref(list);
    return SDC_OK;
}
