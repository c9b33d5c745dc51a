/* rows.c: which rows of op.def does no outside test exercise?
 *
 *      rows ARCHIVE OUT_OF_SCOPE SOURCE_FOLDER EXPECTED [--update]
 *
 * A row is exercised when a node case that passes (is not in OUT_OF_SCOPE), or a fixture with recorded outputs, holds
 * the operator as imported.  EXPECTED lists the rows without one; the test keeps it true. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "harness.h"

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

typedef struct { char **models; int count; int uses[OP_COUNT]; } Rows;

static void print_ops(const Graph *g)
{
    for (const Node *n = g->first; n; n = n->next) {
        printf("%d\n", (int)n->op);
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                print_ops(n->attrs[a].graph);
    }
}

static int work(int k, void *context)
{
    print_ops(onnx_load(((Rows *)context)->models[k])->graph);
    return 0;
}

static void done(int k, int code, const char *text, void *context)
{
    Rows *r = context;
    bool seen[OP_COUNT] = {false};
    (void)k;
    for (const char *p = text; !code && *p; p += strcspn(p, "\n"), p += *p == '\n') {
        long op = strtol(p, NULL, 10);
        if (op > 0 && op < OP_COUNT)
            seen[op] = true;
    }
    for (int op = 0; op < OP_COUNT; op++)
        r->uses[op] += seen[op];
}

static void add(Rows *r, char *model)
{
    r->models = realloc(r->models, (size_t)(r->count + 1) * sizeof *r->models);
    if (!r->models)
        exit(1);
    r->models[r->count++] = model;
}

static void list_models(Rows *r, const char *nodes, const char *out_of_scope, const char *source)
{
    char *listed = read_text(out_of_scope, NULL), **names = list_folder(nodes, NULL, NULL);
    int count;
    for (int k = 0; names[k]; k++)
        if (!listed || !strstr(listed, format("\n%s ", names[k])))
            add(r, format("%s/%s/model.onnx", nodes, names[k]));
    const Fixture *fixtures = list_fixtures(source, &count);
    for (int k = 0; k < count; k++)
        if (!fixtures[k].shapes && (k == 0 || strcmp(fixtures[k].model, fixtures[k - 1].model)))
            add(r, fixtures[k].model);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 1;
    if (access(argv[1], R_OK)) {
        printf("skipped: %s is not there\n", argv[1]);
        return EXIT_SKIPPED;
    }
    Rows r = {0};
    char *folder = work_folder("sdc-rows"), *text,
         *all = format("# Rows of ir/op.def that no node case and no recorded model exercises.\n");
    if (run_program((char *[]){"tar", "-xJf", argv[1], "-C", folder, NULL}, 120, &text))
        return 1;
    list_models(&r, format("%s/node", folder), argv[2], argv[3]);
    int *list = calloc((size_t)r.count + 1, sizeof *list), missing = 0;
    for (int k = 0; list && k < r.count; k++)
        list[k] = k;
    run_parallel(cpus(), list, r.count, 60, work, done, &r);
    for (int op = 1; op < OP_COUNT; op++)
        if (!r.uses[op]) {
            missing++;
            all = format("%s%s\n", all, op_info((Op)op)->name);
        }
    if (argc > 5)
        write_text(argv[4], all);
    char *expected = read_text(argv[4], NULL);
    bool same = expected && !strcmp(expected, all);
    printf("%d of %d rows are exercised by %d models\n%s", OP_COUNT - 1 - missing, OP_COUNT - 1, r.count,
           same ? "" : format("FAILED: %s says otherwise; now:\n%s", argv[4], all));
    return !same;
}
