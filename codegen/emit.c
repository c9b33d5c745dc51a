/* emit.c: programs as C source that reads like a listing of the network.
 *
 *   NAME.c        one a program: its tensors and run(), one line a kernel call with shapes and what it computes
 *   KERNEL_H.c    instances of one template, the first of them KERNEL_H: #defines, then the template
 *   kernels.h     prototypes of the instances, for the programs
 *   model.c       SdcModel: what the executable's main needs to know
 *   profile.c     of a single model's executable: what --profile needs (emit_profile.c)
 *
 * Identifiers are ours (conv_3f2a91c8, n17); the model's own names appear only as escaped string constants of tensors.
 * An instance is called after its parameters and a file after its instances, whatever else the model has: so that
 * another model, or this one with other options, finds its objects compiled already (cache.c). */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../runtime/runtime.h"
#include "emit.h"
#include "version.h"

typedef struct { const Call *call; char *key; uint64_t hash; char *symbol; } Instance;

typedef struct {
    Instance *list;
    int count, room;
    int *table;                     /* open addressing: instance + 1, 0 is free */
    int slots;
} Instances;

/* ---- instances --------------------------------------------------------------------------------------------------- */

static char *instance_key(const Call *c)
{
    size_t length = strlen(c->kernel) + 1;
    for (int k = 0; k < c->n_parameters; k++)
        length += strlen(c->parameters[k].name) + strlen(c->parameters[k].value) + 11;
    char *key = alloc(length + 1), *p = stpcpy(key, c->kernel);
    for (int k = 0; k < c->n_parameters; k++)
        p = stpcpy(stpcpy(stpcpy(stpcpy(p, "\n#define "), c->parameters[k].name), " "), c->parameters[k].value);
    return key;
}

static void instances_grow(Instances *all)
{
    int slots = all->slots ? 2 * all->slots : 256;
    int *table = alloc_array(slots, sizeof *table);
    for (int k = 0; k < all->count; k++) {
        uint64_t h = all->list[k].hash;
        while (table[h & (uint64_t)(slots - 1)])
            h++;
        table[h & (uint64_t)(slots - 1)] = k + 1;
    }
    all->table = table;
    all->slots = slots;
}

/* A function's name: eight digits of the hash, and a number where a model has these twice. */
static char *instance_symbol(const Instances *all, const char *kernel, uint64_t hash)
{
    char *symbol = text_format("%s_%08" PRIx32, kernel, (uint32_t)hash);
    for (int k = 0; k < all->count; k++)
        if (!strcmp(all->list[k].symbol, symbol))
            return text_format("%s_%d", symbol, all->count);
    return symbol;
}

static int instance_of(Instances *all, const Call *c)
{
    if (2 * all->count >= all->slots)
        instances_grow(all);
    char *key = instance_key(c);
    uint64_t hash = XXH3_64bits(key, strlen(key));
    for (uint64_t h = hash;; h++) {
        int *slot = &all->table[h & (uint64_t)(all->slots - 1)];
        if (*slot && !strcmp(all->list[*slot - 1].key, key))
            return *slot - 1;
        if (*slot)
            continue;
        if (all->count == all->room) {
            all->room = all->room ? 2 * all->room : 128;
            all->list = alloc_more(all->list, all->count, all->room, sizeof *all->list);
        }
        all->list[all->count] = (Instance){c, key, hash, instance_symbol(all, c->kernel, hash)};
        *slot = ++all->count;
        return all->count - 1;
    }
}

static void collect(Instances *all, Block *block)
{
    for (Call *c = block->first; c; c = c->next) {
        if (c->kind == CALL_KERNEL) {
            c->instance = instance_of(all, c);
            c->symbol = all->list[c->instance].symbol;
        }
        if (c->then_block)
            collect(all, c->then_block);
        if (c->else_block)
            collect(all, c->else_block);
    }
}

int count_instances(Program *p)
{
    Instances all = {0};
    collect(&all, &p->body);
    return all.count;
}

/* ---- text helpers ------------------------------------------------------------------------------------------------ */

FILE *emit_open(const char *folder, const char *name)
{
    const char *path = text_format("%s/%s", folder, name);
    remove_at_exit(path);
    FILE *out = fopen(path, "w");
    if (!out)
        fail(SDC_NO_SPACE, "%s: %s", path, strerror(errno));
    return out;
}

int64_t emit_close(FILE *out, const char *folder, const char *name)
{
    int64_t bytes = ftell(out);
    bool bad = ferror(out) != 0;
    if (fclose(out) || bad)
        fail(SDC_NO_SPACE, "%s/%s: %s", folder, name, strerror(errno));
    return bytes;
}

/* A C string constant: only printable ASCII is written as it is, so that no name can end the string or a comment. */
void emit_string(FILE *out, const char *s)
{
    fputc('"', out);
    for (; s && *s; s++)
        if ((unsigned char)*s < ' ' || (unsigned char)*s > '~' || strchr("\"\\?/*", *s))
            fprintf(out, "\\%03o", (unsigned)(unsigned char)*s);
        else
            fputc(*s, out);
    fputc('"', out);
}

static const char *megabytes(int64_t bytes)
{
    return text_format("%.1f MB", (double)bytes / 1e6);
}

/* ---- kernel instances -------------------------------------------------------------------------------------------- */

static void print_prototype(FILE *out, const Instance *i)
{
    const Call *c = i->call;
    fprintf(out, "void %s(SdcContext *c", i->symbol);
    for (int k = 0; k < c->n_operands; k++) {
        const Operand *o = &c->operands[k];
        fprintf(out, ", %sst_%s *", o->mode == OPERAND_READ ? "const " : "", dtype_info(o->view.dtype)->name);
    }
    fputs(");\n", out);
}

/* The prototype stands here too, so that the compiler holds it against the template. */
static void print_instance(FILE *out, const Instance *i)
{
    const Call *c = i->call;
    fprintf(out, "\n/* %s */\n", c->note);
    print_prototype(out, i);
    fprintf(out, "#define NAME %s\n", i->symbol);
    for (int k = 0; k < c->n_parameters; k++)
        fprintf(out, "#define %s %s\n", c->parameters[k].name, c->parameters[k].value);
    fprintf(out, "#include \"%s.h\"\n", c->kernel);
}

static void emit_prototypes(const Instances *all, const char *folder, EmitSummary *summary)
{
    FILE *out = emit_open(folder, "kernels.h");
    fputs("/* kernels.h: the kernel instances that the programs call; emitted by sdc. */\n"
          "#ifndef KERNELS_H\n#define KERNELS_H\n\n#include \"kernel.h\"\n\n", out);
    for (int k = 0; k < all->count; k++)
        print_prototype(out, &all->list[k]);
    fputs("\n#endif\n", out);
    summary->source_bytes += emit_close(out, folder, "kernels.h");
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const Instance *)a)->key, ((const Instance *)b)->key);
}

static void emit_unit(const Instance *first, int count, const char *folder, const char *file, EmitSummary *summary)
{
    FILE *out = emit_open(folder, file);
    fprintf(out, "/* %s: kernel instances; emitted by sdc. */\n#include \"kernel.h\"\n", file);
    for (int k = 0; k < count; k++)
        print_instance(out, &first[k]);
    summary->source_bytes += emit_close(out, folder, file);
}

/* Does a translation unit of `count` instances end before `next`?  It holds instances of one template, which share its
 * tiles, alike ones beside each other.  Where it ends follows from its last instance alone, one in EACH: so a change of
 * some instances leaves the other units as they are. */
static bool unit_ends(const Instance *next, int count)
{
    enum { EACH = 4, MOST = 12 };
    return count == MOST || (next[-1].hash >> 32) % EACH == 0 || strcmp(next->call->kernel, next[-1].call->kernel);
}

/* A unit is called after its first instance. */
static int emit_kernels(const Instances *all, const char *folder, char **files, EmitSummary *summary)
{
    int units = 0;
    Instance *list = alloc_more(all->list, all->count, all->count, sizeof *list);
    qsort(list, (size_t)all->count, sizeof *list, by_key);
    for (int k = 0, count; k < all->count; k += count) {
        for (count = 1; k + count < all->count && !unit_ends(&list[k + count], count);)
            count++;
        files[units] = text_format("%s.c", list[k].symbol);
        emit_unit(&list[k], count, folder, files[units++], summary);
    }
    return units;
}

/* ---- a program --------------------------------------------------------------------------------------------------- */

static void print_place(FILE *out, const View *v)
{
    int bytes = dtype_info(v->dtype)->bytes;
    if (!v->buffer) {
        fputs("NULL", out);
        return;
    }
    fprintf(out, "%c(0x%07" PRIx64, v->buffer->kind == BUFFER_ARENA ? 'A' : 'W',
            (uint64_t)(v->buffer->offset + v->offset * bytes));
    if (v->index && v->index->id == ROW_INDEX)
        fprintf(out, " + c->row * INT64_C(%" PRId64 ")", v->index_stride * bytes);
    else if (v->index)
        fprintf(out, " + i%d * INT64_C(%" PRId64 ")", v->index->id, v->index_stride * bytes);
    fputc(')', out);
}

/* Where run() is written to. */
typedef struct {
    FILE *out;
    int calls;                      /* so far */
} Listing;

static void print_block(Listing *l, const Block *block, int indent);

/* Copies that belong to an input or output of the graph have no node. */
const char *call_value(const Call *c)
{
    const Value *v = NULL;
    for (int k = 0; c->node && k < c->node->n_out && !v; k++)
        v = c->node->out[k];
    return v ? text_format("v%d", v->id) : "";
}

/* "v17  conv 3x3 ..." in front of a call. */
static void print_note(FILE *out, const Call *c, int indent)
{
    fprintf(out, "%*s/* %-5s %s */\n%*s", indent, "", call_value(c), c->note, indent, "");
}

static void print_kernel(Listing *l, const Call *c)
{
    fprintf(l->out, "STEP(%d) %s(c", l->calls - 1, c->symbol);
    for (int k = 0; k < c->n_operands; k++) {
        fputs(", ", l->out);
        print_place(l->out, &c->operands[k].view);
    }
    fputs(");\n", l->out);
}

static void print_if(Listing *l, const Call *c, int indent)
{
    fputs("if (*(const bool *)", l->out);
    print_place(l->out, &c->operands[0].view);
    fputs(") {\n", l->out);
    print_block(l, c->then_block, indent + 4);
    fprintf(l->out, "%*s} else {\n", indent, "");
    print_block(l, c->else_block, indent + 4);
    fprintf(l->out, "%*s}\n", indent, "");
}

static void print_loop(Listing *l, const Call *c, int indent)
{
    int i = c->index->id;
    fprintf(l->out, "for (int64_t i%d = 0;", i);
    if (c->trip_count >= 0)
        fprintf(l->out, " i%d < INT64_C(%" PRId64 ")", i, c->trip_count);
    if (c->n_operands) {
        fputs(c->trip_count >= 0 ? " && *(const bool *)" : " *(const bool *)", l->out);
        print_place(l->out, &c->operands[0].view);
    }
    fprintf(l->out, "; i%d++) {\n", i);
    print_block(l, c->then_block, indent + 4);
    fprintf(l->out, "%*s}\n", indent, "");
}

static void print_block(Listing *l, const Block *block, int indent)
{
    for (const Call *c = block->first; c; c = c->next) {
        print_note(l->out, c, indent);
        l->calls++;
        if (c->kind == CALL_KERNEL)
            print_kernel(l, c);
        else if (c->kind == CALL_IF)
            print_if(l, c, indent);
        else
            print_loop(l, c, indent);
    }
}

static const char *upper(const char *s)
{
    char *text = text_copy(s);
    for (char *p = text; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return text;
}

static void print_tensors(FILE *out, const char *list, const View *views, Value *const *values,
                          const char *const *names, int count)
{
    fprintf(out, "static const SdcTensor %s[] = {\n", list);
    for (int k = 0; k < count; k++) {
        const View *v = &views[k];
        fputs("    {", out);
        emit_string(out, names ? names[k] : values[k]->name);
        fprintf(out, ", DT_%s, %d, {", upper(dtype_info(v->dtype)->name), v->rank);
        for (int d = 0; d < v->rank; d++)
            fprintf(out, "%s%" PRId64, d ? ", " : "", v->dim[d]);
        fprintf(out, "%s}, 0x%07" PRIx64 ", %" PRId64 ", %" PRId64 "},\n", v->rank ? "" : "0",
                (uint64_t)v->buffer->offset, view_count(v) * dtype_info(v->dtype)->bytes,
                names || dtype_is_float(v->dtype) ? 0 : index_bound(values[k]));
    }
    fputs(count ? "};\n" : "    {0},\n};\n", out);
}

static void print_function(Listing *l, const char *name, const Block *block)
{
    fprintf(l->out, "\nstatic int %s(SdcContext *c)\n{\n    c->error[0] = 0;\n", name);
    print_block(l, block, 4);
    fputs("    return c->error[0] ? SDC_BAD_INPUT : SDC_OK;\n}\n", l->out);
}

/* prompt() and table(), where there is anything to do once a prompt or once a block of timesteps, and run(). */
static void print_functions(FILE *out, Program *p)
{
    static const char *const names[PACES] = {"prompt", "table", "run"};
    Listing l = {.out = out};
    Call *first = p->body.first;
    for (Pace pace = 0; pace < PACES; pace++) {
        Call *last = p->last[pace], *rest = last ? last->next : first;
        if (last)
            last->next = NULL;
        if (last || pace == PACE_STEP)
            print_function(&l, names[pace], &(Block){last ? first : NULL, last});
        if (last)
            last->next = rest;
        first = rest;
    }
    fputc('\n', out);
}

/* What is done once a prompt, once a block of timesteps and in each step. */
static void emit_work(FILE *out, const Program *p)
{
    for (Pace pace = 0; pace < PACES; pace++) {
        const PaceWork *w = &p->work[pace];
        fprintf(out, "%s{%d, INT64_C(%" PRId64 "), INT64_C(%" PRId64 ")}", pace ? ", " : "{", w->calls, w->flops,
                w->weights);
    }
    fputs("}", out);
}

static void print_tables(FILE *out, const Program *p)
{
    Value **inputs = alloc_array(p->n_tables + 1, sizeof *inputs);
    View *views = alloc_array(p->n_tables + 1, sizeof *views);
    for (int k = 0; k < p->n_tables; k++) {
        inputs[k] = p->graph->inputs[p->tables[k].input];
        views[k] = p->tables[k].view;
    }
    print_tensors(out, "tables", views, inputs, NULL, p->n_tables);
}

static void emit_program(Program *p, int number, const char *folder, const char *file, EmitSummary *summary)
{
    const Graph *g = p->graph;
    FILE *out = emit_open(folder, file);
    fprintf(out, "/* %s: %d nodes in %d kernel calls; arena %s (lower bound %s), weights %s, %.3f GFLOP.  "
                 "Emitted by sdc.\n *\n"
                 " * A(x) is byte x of the arena, W(x) of the packed weights.  A call names its results first, "
                 "then what it reads, then\n"
                 " * scratch memory; NULL is an operand that the instance does not use.  Comments begin with "
                 "the value that the\n"
                 " * call is for, as `sdc print` shows it.  STEP(n) lets a profile or a library's caller look on. */\n"
                 "#include \"kernels.h\"\n\n#define A(offset) ((void *)(c->arena + (offset)))\n"
                 "#define W(offset) ((const void *)(c->weights + (offset)))\n"
                 "#define STEP(done) if (c->step && c->step(c, done)) return SDC_CANCELLED;\n",
            p->name, graph_count(g), p->n_calls, megabytes(p->arena_bytes), megabytes(p->bound_bytes),
            megabytes(p->weights_bytes), (double)p->flops / 1e9);
    fputs("\n/* Name, type, rank, extents, place in the arena, bytes, limit of random integers. */\n", out);
    print_tensors(out, "inputs", p->inputs, g->inputs, NULL, g->n_inputs);
    print_tensors(out, "outputs", p->outputs, g->outputs, g->output_names, g->n_outputs);
    if (p->n_tables)
        print_tables(out, p);
    print_functions(out, p);
    fprintf(out, "const SdcProgram sdc_program_%d = {\n    .name = ", number);
    emit_string(out, p->name);
    fprintf(out, ",\n    .inputs = inputs, .outputs = outputs, .n_inputs = %d, .n_outputs = %d,\n"
                 "    .arena_bytes = INT64_C(%" PRId64 "), .bound_bytes = INT64_C(%" PRId64 "),\n"
                 "    .weights_offset = 0, .weights_bytes = INT64_C(%" PRId64 "), .flops = INT64_C(%" PRId64 "), "
                 ".kernels = %d,\n    .run = run, .prompt = %s, .table = %s, .tables = %s, .n_tables = %d,\n    .work = ",
            g->n_inputs, g->n_outputs, p->arena_bytes, p->bound_bytes, p->weights_bytes, p->flops, p->n_calls,
            p->last[PACE_PROMPT] ? "prompt" : "NULL", p->last[PACE_BLOCK] ? "table" : "NULL",
            p->n_tables ? "tables" : "NULL", p->n_tables);
    emit_work(out, p);
    fputs(",\n};\n", out);
    summary->source_bytes += emit_close(out, folder, file);
}

static void emit_model(int n_programs, const BuildOptions *o, const char *folder, EmitSummary *summary)
{
    FILE *out = emit_open(folder, "model.c");
    fputs("/* model.c: what the executable's main needs to know; emitted by sdc. */\n#include \"runtime.h\"\n\n", out);
    const char *driver = o->kind == EMIT_LIBRARY ? NULL : o->driver;
    bool profiled = has_profile(o);
    if (profiled)
        fputs("extern const SdcProfile sdc_profile;\n", out);
    if (driver)
        fprintf(out, "int %s(int argc, char **argv);\n", driver);
    for (int k = 0; k < n_programs; k++)
        fprintf(out, "extern const SdcProgram sdc_program_%d;\n", k);
    fputs("static const SdcProgram *const programs[] = {", out);
    for (int k = 0; k < n_programs; k++)
        fprintf(out, "%s&sdc_program_%d", k ? ", " : "", k);
    fputs("};\nstatic const char *const defaults[] = {", out);
    for (const char *const *d = o->defaults; d && *d; d++) {
        emit_string(out, *d);
        fputs(", ", out);
    }
    fputs("NULL};\n\nconst SdcModel sdc_model = {\n    .name = ", out);
    emit_string(out, o->name);
    fprintf(out, ",\n    .version = \"%s\", .isa = \"%s\", .compiler = ", SDC_VERSION, o->isa->name);
    emit_string(out, cc_version(o->cc));
    fprintf(out, ",\n    .programs = programs, .n_programs = %d, .driver = %s, .defaults = defaults,\n"
                 "    .weights_hash = UINT64_C(0x%016" PRIx64 "), .profile = %s,\n};\n",
            n_programs, driver ? driver : "NULL", o->weights_hash, profiled ? "&sdc_profile" : "NULL");
    summary->source_bytes += emit_close(out, folder, "model.c");
}

char **emit_source(Program *const *programs, int n_programs, const BuildOptions *o, const char *folder,
                   EmitSummary *summary)
{
    Instances all = {0};
    for (int k = 0; k < n_programs; k++)
        collect(&all, &programs[k]->body);
    char **files = alloc_array(n_programs + all.count + 4, sizeof *files);
    int count = 0;
    for (int k = 0; k < n_programs; k++) {
        files[count] = text_format("program_%d.c", k);
        emit_program(programs[k], k, folder, files[count++], summary);
    }
    emit_prototypes(&all, folder, summary);
    count += emit_kernels(&all, folder, files + count, summary);
    emit_model(n_programs, o, folder, summary);
    files[count++] = "model.c";
    if (has_profile(o)) {
        summary->source_bytes += emit_profile(programs[0], folder);
        files[count++] = "profile.c";
    }
    summary->files = count;
    summary->instances = all.count;
    return files;
}
