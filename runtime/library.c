/* library.c: the functions of library.h, for --emit lib.
 *
 * The compiler joins this with a model's programs into one object file, gives the public names their prefix and makes
 * all other symbols local, so that any number of such libraries fit one program.  Runtime functions that print their
 * errors print into the instance here: each public function that calls one catches this thread's lines first. */
#include "library.h"

#include <stdlib.h>
#include <string.h>

#include "fileio.h"
#include "sections.h"

enum { MAX_THREADS = 1024, ALIGNMENT = 64 };

#define DTYPE(NAME, text, code, bytes, bits, class) \
    _Static_assert((int)SDCLIB_##NAME == (int)DT_##NAME, "ONNX's numbers");
#include "dtype.def"
#undef DTYPE
_Static_assert((int)SDCLIB_USAGE == (int)SDC_USAGE && (int)SDCLIB_BAD_INPUT == (int)SDC_BAD_INPUT, "one set of codes");
_Static_assert((int)SDCLIB_UNSUPPORTED == (int)SDC_UNSUPPORTED, "one set of codes");
_Static_assert((int)SDCLIB_NO_SPACE == (int)SDC_NO_SPACE, "one set of codes");
_Static_assert((int)SDCLIB_CANCELLED == (int)SDC_CANCELLED, "one set of codes");
_Static_assert(sizeof ((sdclib_tensor *)0)->dim == sizeof ((SdcTensor *)0)->dim, "one highest rank");

struct sdclib_instance {
    SdcContext context;             /* first: step() finds the instance by it */
    const SdcProgram *program;      /* NULL: opening failed */
    SdcFile file;                   /* the weights, when they came by path */
    sdclib_progress *progress;
    void *user;
    char message[1024];
};

int sdclib_abi(void) { return SDCLIB_ABI; }

/* ---- networks ---------------------------------------------------------------------------------------------------- */

static const SdcProgram *network(int k)
{
    return k >= 0 && k < sdc_model.n_programs ? sdc_model.programs[k] : NULL;
}

int sdclib_networks(void) { return sdc_model.n_programs; }

const char *sdclib_network_name(int k)
{
    const SdcProgram *p = network(k);
    return p ? p->name : NULL;
}

int64_t sdclib_arena_bytes(int k)
{
    const SdcProgram *p = network(k);
    return p ? p->arena_bytes : -1;
}

/* ---- instances --------------------------------------------------------------------------------------------------- */

static bool aligned(const void *p) { return (uintptr_t)p % ALIGNMENT == 0; }

/* Find the weights in the caller's memory or in the file. */
static int find_weights(sdclib_instance *i, const sdclib_options *o, SdcSection *weights)
{
    SdcSections sections;
    const char *path = o->weights_path && !o->weights ? o->weights_path : "weights";
    if (o->weights && (!aligned(o->weights) || o->weights_bytes < 0))
        return sdc_error(SDC_USAGE, "weights: must lie on a multiple of %d bytes", ALIGNMENT);
    if (!o->weights && !o->weights_path)
        return sdc_error(SDC_USAGE, "no weights: set weights_path, or weights and weights_bytes");
    int code = o->weights ? SDC_OK : sdc_file_map(&i->file, o->weights_path);
    if (!code && o->weights)
        code = sdc_sections_parse(&sections, o->weights, o->weights_bytes, path);
    else if (!code)
        code = sdc_sections_parse(&sections, i->file.data, i->file.bytes, path);
    if (!code && sections.hash != sdc_model.weights_hash)
        return sdc_error(SDC_BAD_INPUT, "%s: holds the weights of another model than %s, or of another compilation",
                         path, sdc_model.name);
    if (!code && o->check)
        code = sdc_sections_check(&sections, path);
    if (!code)
        *weights = sdc_sections_find(&sections, "weights");
    return code;
}

static int open_instance(sdclib_instance *i, const sdclib_options *o)
{
    SdcSection weights = {0};
    const SdcProgram *p = network(o->network);
    if (!p)
        return sdc_error(SDC_USAGE, "there is no network %d; there are %d", o->network, sdc_model.n_programs);
    if (o->arena && (!aligned(o->arena) || o->arena_bytes < p->arena_bytes))
        return sdc_error(SDC_USAGE, "arena: must hold %lld bytes and lie on a multiple of %d",
                         (long long)p->arena_bytes, ALIGNMENT);
    int code = sdc_cpu_check(sdc_model.isa);
    if (!code && p->weights_bytes > 0)
        code = find_weights(i, o, &weights);
    if (!code)
        code = sdc_instance_open_in(&i->context, p, NULL, weights, o->arena);
    if (!code)
        i->program = p;
    return code;
}

int sdclib_create(sdclib_instance **into, const sdclib_options *o)
{
    sdclib_instance *i = calloc(1, sizeof *i);
    *into = i;
    if (!i)
        return SDC_NO_SPACE;
    sdc_error_catch(i->message, sizeof i->message);
    int code = open_instance(i, o);
    sdc_error_catch(NULL, 0);
    return code;
}

void sdclib_destroy(sdclib_instance *i)
{
    if (!i)
        return;
    sdc_pool_destroy(i->context.pool);
    sdc_instance_close(&i->context);
    sdc_file_unmap(&i->file);
    free(i);
}

const char *sdclib_message(const sdclib_instance *i) { return i ? i->message : "out of memory"; }

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

int sdclib_inputs(const sdclib_instance *i) { return i->program ? i->program->n_inputs : 0; }
int sdclib_outputs(const sdclib_instance *i) { return i->program ? i->program->n_outputs : 0; }

static int describe(sdclib_instance *i, const SdcTensor *list, int n, int index, sdclib_tensor *t)
{
    if (index < 0 || index >= n) {
        snprintf(i->message, sizeof i->message, "there is no tensor %d; there are %d", index, n);
        return SDC_USAGE;
    }
    const SdcTensor *from = &list[index];
    *t = (sdclib_tensor){.name = from->name, .dtype = (int)from->dtype, .rank = from->rank, .bytes = from->bytes,
                         .data = i->context.arena + from->offset};
    memcpy(t->dim, from->dim, sizeof t->dim);
    return SDC_OK;
}

int sdclib_input(sdclib_instance *i, int index, sdclib_tensor *t)
{
    return describe(i, i->program ? i->program->inputs : NULL, sdclib_inputs(i), index, t);
}

int sdclib_output(sdclib_instance *i, int index, sdclib_tensor *t)
{
    return describe(i, i->program ? i->program->outputs : NULL, sdclib_outputs(i), index, t);
}

static int find(const SdcTensor *list, int n, const char *name)
{
    for (int k = 0; k < n; k++)
        if (strcmp(list[k].name, name) == 0)
            return k;
    return -1;
}

int sdclib_input_index(const sdclib_instance *i, const char *name)
{
    return i->program ? find(i->program->inputs, i->program->n_inputs, name) : -1;
}

int sdclib_output_index(const sdclib_instance *i, const char *name)
{
    return i->program ? find(i->program->outputs, i->program->n_outputs, name) : -1;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static int step(SdcContext *c, int64_t done)
{
    const sdclib_instance *i = (const void *)c;
    return i->progress(i->user, done, i->program->kernels);
}

void sdclib_on_progress(sdclib_instance *i, sdclib_progress *progress, void *user)
{
    i->progress = progress;
    i->user = user;
    i->context.step = progress ? step : NULL;
}

/* The pool has as many threads as asked for; SDC_NO_SPACE when they can not be started. */
static int start_threads(sdclib_instance *i, int threads)
{
    if (i->context.pool && sdc_pool_threads(i->context.pool) == threads)
        return SDC_OK;
    sdc_pool_destroy(i->context.pool);
    i->context.pool = sdc_pool_create(threads);
    if (i->context.pool)
        return SDC_OK;
    snprintf(i->message, sizeof i->message, "%d threads can not be started", threads);
    return SDC_NO_SPACE;
}

int sdclib_run(sdclib_instance *i, int threads)
{
    if (!i->program || threads < 0 || threads > MAX_THREADS) {
        snprintf(i->message, sizeof i->message, i->program ? "threads: from 0 to %d" : "the instance is not open",
                 MAX_THREADS);
        return SDC_USAGE;
    }
    int code = start_threads(i, threads ? threads : sdc_default_threads());
    if (code)
        return code;
    code = sdc_instance_run(&i->context, i->program);
    if (code == SDC_CANCELLED)
        snprintf(i->message, sizeof i->message, "cancelled by the progress callback");
    else if (code)
        snprintf(i->message, sizeof i->message, "%s: %s", i->program->name, i->context.error);
    return code;
}
