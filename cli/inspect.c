/* inspect: what a model takes and gives, what it is made of, what sdc can not do with it. */
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

OPTION_FLAG(help)

static const SdcOption table[] = {
    {"dim", 0, "NAME=N", "fix a free axis by its name (repeat); with all fixed, counts after the passes are shown too",
     option_dims},
    {"shape", 0, "INPUT=1x3x64x64", "fix an input's shape (repeat)", option_shapes},
    {"bind", 0, "INPUT=FILE", "make an input a constant (repeat)", option_binds},
    MAX_MEMORY_ROW,
    PASS_ROWS,
    {"help", 'h', NULL, "this text", option_help},
    {0},
};

typedef struct { int ops[OP_COUNT]; int64_t parameters, bytes; bool *seen; } Census;

static void take_census(const Graph *g, Census *c)
{
    for (const Node *n = g->first; n; n = n->next) {
        c->ops[n->op]++;
        for (int k = 0; k < n->n_in; k++) {
            const Value *v = n->in[k];
            if (!v || !v->tensor || c->seen[v->id])
                continue;
            c->seen[v->id] = true;
            c->parameters += v->tensor->count;
            c->bytes += v->tensor->count * dtype_info(v->dtype)->bytes;
        }
        for (int a = 0; a < n->n_attrs; a++)
            if (n->attrs[a].graph)
                take_census(n->attrs[a].graph, c);
    }
}

static void print_port(const char *kind, const Graph *g, const char *name, const Value *v)
{
    printf("%-7s %-28s", kind, name ? name : "");
    if (v->dtype == DT_NONE) {
        printf(" (type known after the axes are fixed)\n");
        return;
    }
    printf(" %-5s [", dtype_info(v->dtype)->name);
    for (int k = 0; k < v->shape.rank; k++)
        if (v->shape.dim[k] >= 0)
            printf("%s%" PRId64, k ? ", " : "", v->shape.dim[k]);
        else
            printf("%s%s", k ? ", " : "", g->symbols[-1 - v->shape.dim[k]]);
    printf(v->shape.rank == NO_SHAPE ? "?]\n" : "]\n");
}

static void print_census(const char *title, const Graph *g)
{
    Census c = {.seen = alloc_array(g->model->next_value + 1, sizeof *c.seen)};
    take_census(g, &c);
    printf("%s: %d nodes, %" PRId64 " constants' elements (%.1f MB)\n", title, graph_count(g), c.parameters,
           (double)c.bytes / 1e6);
    for (int most = 1; most > 0;) {             /* by count, most first */
        most = 0;
        int at = 0;
        for (int k = 1; k < OP_COUNT; k++)
            if (c.ops[k] > most) {
                most = c.ops[k];
                at = k;
            }
        if (most)
            printf("  %5d %s\n", most, op_info((Op)at)->name);
        c.ops[at] = 0;
    }
}

/* True when the model has no free axis. */
static bool inspect_model(const char *path)
{
    Model *m = onnx_load(path);
    Graph *g = m->graph;
    printf("%s: opset %" PRId64 "\n", path, m->opset);
    for (int k = 0; k < g->n_inputs; k++)
        print_port("input", g, g->inputs[k]->name, g->inputs[k]);
    for (int k = 0; k < g->n_outputs; k++)
        print_port("output", g, g->output_names[k], g->outputs[k]);
    for (int k = 0; k < g->n_symbols; k++)
        printf("free axis '%s'\n", g->symbols[k]);
    print_census("as imported", g);
    bool fixed = g->n_symbols == 0;
    for (int k = 0; k < g->n_inputs; k++)
        fixed &= g->inputs[k]->shape.rank != NO_SHAPE;
    return fixed;
}

/* Every folder in it that holds a model.onnx, in the order of the names; itself first. */
static int inspect_folder(const char *folder)
{
    struct dirent **list;
    int count = scandir(folder, &list, NULL, alphasort), found = 0;
    for (int k = 0; k < count; k++) {
        const char *name = list[k]->d_name, *path = text_format("%s/%s/model.onnx", folder, name);
        if (!strcmp(name, "."))
            path = text_format("%s/model.onnx", folder);
        if ((name[0] != '.' || !name[1]) && !access(path, F_OK)) {
            inspect_model(path);
            found++;
        }
        free(list[k]);
    }
    if (count >= 0)
        free(list);
    return found ? SDC_OK : sdc_error(SDC_BAD_INPUT, "%s: neither it nor a folder in it holds a model.onnx", folder);
}

/* With all axes fixed: what is left after the passes, the work and the memory of one run. */
static void inspect_bound(const char *path, const Options *o)
{
    Bindings b = bindings_for(path, o);
    Program *p = compile_within(path, &b, "model", isa_by_name("native"), o->max_memory, false);
    print_census("after the passes", p->graph);
    printf("one run: %d kernel calls, %.3f GFLOP, %.1f MB moved, arena %.1f MB (lower bound %.1f MB)\n", p->n_calls,
           (double)p->flops / 1e9, (double)p->moved_bytes / 1e6, (double)p->arena_bytes / 1e6,
           (double)p->bound_bytes / 1e6);
    print_work(p, 0);
}

int command_inspect(int argc, char **argv)
{
    Options o = {0};
    int n;
    struct stat info;
    char **positional = parse_options(table, &o, argc, argv, &n, "sdc inspect MODEL.onnx|FOLDER [options]",
        "  sdc inspect unet.onnx\n  sdc inspect stable-diffusion/\n  sdc inspect clip.onnx --shape input_ids=1x77\n");
    if (n != 1)
        return sdc_error(SDC_USAGE, "inspect takes one model or folder; see sdc inspect --help");
    if (!stat(positional[0], &info) && S_ISDIR(info.st_mode))
        return inspect_folder(positional[0]);
    bool fixed = inspect_model(positional[0]);
    if (fixed || o.dims.count || o.shapes.count || o.binds.count)
        inspect_bound(positional[0], &o);
    return SDC_OK;
}
