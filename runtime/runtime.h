/* runtime.h: what is linked into every executable that sdc emits.
 *
 * Emitted programs, pipeline drivers and the runtime's own files include this header.  It is laid out by implementing
 * file.  The runtime returns error codes and prints through error.c; only main and the drivers exit.
 *
 *      executable = ELF image | padding to a page | weights | sections | trailer
 *                                                 (mapped from the executable itself, never copied)               */
#ifndef SDC_RUNTIME_H
#define SDC_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "dtype.h"

#define SDC_MAX_RANK 8

/* Exit codes, as documented in docs/cli.md. */
enum { SDC_OK = 0, SDC_USAGE = 1, SDC_BAD_INPUT = 2, SDC_UNSUPPORTED = 3, SDC_NO_SPACE = 4, SDC_CC_FAILED = 5, SDC_BUG = 70,
       SDC_CANCELLED = 6 };           /* of a library's run alone, never an exit code */

/* ---- what the emitter writes ------------------------------------------------------------------------------------ */

typedef struct SdcContext SdcContext;

typedef struct {
    const char *name;                 /* the model's own name for it, for --input and --output only */
    DType dtype;
    int rank;
    int64_t dim[SDC_MAX_RANK];
    int64_t offset;                   /* in the arena, bytes; row-major, unpacked */
    int64_t bytes;
    int64_t bound;                    /* random integer inputs are drawn from [0, bound); 0: from {0, 1} */
} SdcTensor;

/* What the calls of prompt(), table() or run() do each time; weights: bytes of them that are read. */
typedef struct { int calls; int64_t flops, weights; } SdcWork;
enum { SDC_PROMPT, SDC_TABLE, SDC_STEP, SDC_PACES };

/* One network with every extent fixed.  Values live in an arena whose offsets the compiler planned. */
typedef struct {
    const char *name;                 /* "unet" */
    const SdcTensor *inputs, *outputs;
    int n_inputs, n_outputs;
    int64_t arena_bytes;              /* planned peak */
    int64_t bound_bytes;              /* lower bound of any plan: largest sum of live bytes */
    int64_t weights_offset;           /* of this program's weights inside the weights region */
    int64_t weights_bytes;
    int64_t flops;                    /* 2 x multiply-adds of one run */
    int kernels;                      /* calls in prompt(), table() and run() */
    int (*run)(SdcContext *);         /* 0, or an SDC_ code after c->error was set */
    int (*prompt)(SdcContext *);      /* what depends on the prompt alone: before table() and run(), once for every prompt; or NULL */
    int (*table)(SdcContext *);       /* what follows from timesteps, perhaps with the prompt: for those in tables; after prompt(); or NULL */
    const SdcTensor *tables;          /* inputs that are timesteps, with one axis more in front: a block of them; set before table() */
    int n_tables;
    SdcWork work[SDC_PACES];
} SdcProgram;

typedef struct SdcProfile SdcProfile;       /* profile.h */

/* Everything about one executable; the emitter defines exactly one, `sdc_model`. */
typedef struct {
    const char *name;                 /* as the user named the output */
    const char *version;              /* of sdc */
    const char *isa;                  /* "x86-64-v3": compared with the CPU at start */
    const char *compiler;             /* "gcc 12.2.0" */
    const SdcProgram *const *programs;
    int n_programs;
    int (*driver)(int argc, char **argv);   /* NULL: a single model, run by model_main() */
    const char *const *defaults;            /* "steps=20", NULL at the end: --default of the compile command */
    uint64_t weights_hash;                  /* of a library's weights file: SdcSections.hash; 0 in an executable */
    const SdcProfile *profile;              /* what --profile needs; of a single model's executable */
} SdcModel;

extern const SdcModel sdc_model;

/* What a running program sees.  One per instance; re-entrant across instances. */
struct SdcContext {
    char *arena;                      /* 64-byte aligned, arena_bytes long */
    const char *weights;              /* this program's weights */
    struct SdcPool *pool;
    int64_t arena_bytes;              /* of the mapping that instance.c made; 0: the arena is the caller's */
    int64_t row;                      /* of the tables: which of their timesteps run() is to take */
    char error[256];                  /* set when run() returns non-zero */
    int (*step)(SdcContext *c, int64_t done);   /* before each call of run(); non-zero ends it; may be NULL */
};

/* ---- pool.c: threads -------------------------------------------------------------------------------------------- */

typedef struct SdcPool SdcPool;
SdcPool *sdc_pool_create(int threads);          /* threads >= 1, the caller included; NULL when out of memory */
void sdc_pool_destroy(SdcPool *pool);
int sdc_pool_threads(const SdcPool *pool);
/* Keep each thread, the caller included, on a CPU of its own out of those that the process may use; SDC_ code, printed. */
int sdc_pool_pin(SdcPool *pool);
int sdc_default_threads(void);                  /* CPUs in the affinity mask, limited by the cgroup's quota */

/* Run part(argument, begin, end) over [0, units), cut into ranges that the threads share.  The cut, which differs from run
 * to run, must not change any result: a unit's value may not depend on which range holds it.  Returns when all are done. */
typedef void SdcPart(void *argument, int64_t begin, int64_t end);
void sdc_parallel(SdcContext *c, SdcPart *part, void *argument, int64_t units);

/* ---- weights.c: the executable's own tail ------------------------------------------------------------------------ */

/* Sections are read-only byte ranges behind the ELF image: "weights", "tokenizer", "scheduler", ... */
typedef struct { const void *data; int64_t bytes; } SdcSection;
int sdc_self_open(void);                        /* map the tail of /proc/self/exe; SDC_ code, message printed */
SdcSection sdc_section(const char *name);       /* data NULL when absent */
/* A part of the section "weights", from now on writable and this process's own: its pages are copied when they are
 * written to; the file stays as it is.  NULL after printing. */
void *sdc_weights_private(int64_t offset, int64_t bytes);
void sdc_weights_change(int64_t bytes);         /* so much memory will be taken for that; the certificate counts it */
int64_t sdc_weights_changed(void);
int sdc_self_check(void);                       /* compare the stored checksums; --check */
int64_t sdc_self_bytes(void);                   /* of the executable's file, and of one beside it that holds the data */
uint64_t sdc_self_hash(void);                   /* of the whole executable's tail, for the PNG's text */

/* ---- instance.c: a program ready to run -------------------------------------------------------------------------- */

int sdc_instance_open(SdcContext *c, const SdcProgram *p, SdcPool *pool);   /* allocates the arena */
/* The same with weights that lie elsewhere, and in the caller's arena (64-byte aligned, arena_bytes long) unless NULL. */
int sdc_instance_open_in(SdcContext *c, const SdcProgram *p, SdcPool *pool, SdcSection weights, void *arena);
void sdc_instance_close(SdcContext *c);
/* The timesteps among the inputs in the arena to every row of the tables; sdc_instance_run() begins with it. */
void sdc_instance_fill_tables(SdcContext *c, const SdcProgram *p);
/* prompt() and table(), where there are any, and run(): a complete run on the inputs in the arena. */
int sdc_instance_run(SdcContext *c, const SdcProgram *p);

/* ---- work.c: SdcProgram.work for --info -------------------------------------------------------------------------- */

void sdc_work_text(const SdcProgram *p, int indent);    /* a line each; nothing where all is done in each step */
void sdc_work_json(const SdcProgram *p);                /* "work":{...} */

/* ---- error.c ----------------------------------------------------------------------------------------------------- */

/* "NAME: TEXT\n" on stderr in one write; returns code so that callers can `return sdc_error(...)`. */
int sdc_error(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Until it is called with NULL, this thread's errors go to into[room], without NAME, instead of stderr: libraries. */
void sdc_error_catch(char *into, size_t room);

/* ---- cpu.c ------------------------------------------------------------------------------------------------------- */

int sdc_cpu_check(const char *isa);             /* 0, or SDC_UNSUPPORTED with what is missing printed */
const char *sdc_cpu_native(void);               /* the best --isa name that this CPU has */

/* ---- array.c, npy.c, npz.c, tensor_pb.c: arrays in files ---------------------------------------------------------- */

/* A row-major array in memory; sub-byte types unpacked.  data is malloc'd and owned by the array. */
typedef struct {
    DType dtype;
    int rank;
    int64_t dim[SDC_MAX_RANK];
    int64_t count;                    /* product of dim */
    void *data;
    char *name;                       /* of a member or a TensorProto; may be NULL; malloc'd */
} SdcArray;

void sdc_array_free(SdcArray *a);
int sdc_array_alloc(SdcArray *a, DType dtype, int rank, const int64_t *dim);   /* SDC_ code */
/* FILE.npy, FILE.npz (member `name`, or FILE.npz:MEMBER), FILE.pb (ONNX TensorProto).  Prints its own error line. */
int sdc_array_read(SdcArray *a, const char *path, const char *name);
/* .npy or .npz by suffix of path; bf16, fp8 and fp4 are written as float32.  An .npz is written by one call with all members. */
int sdc_npy_write(const char *path, const SdcArray *a);
int sdc_npz_write(const char *path, const SdcArray *const *arrays, int n);
/* Convert under the rules of the command line: same type, float32 -> f16/bf16/fp8 (nearest even), int64 -> int32 (checked). */
int sdc_array_convert(SdcArray *a, DType wanted, const char *what);

/* ---- options.c: long options as rows ------------------------------------------------------------------------------ */

typedef struct {
    const char *name;                 /* "steps": --steps=20 or --steps 20; one letter options are written in `letter` */
    char letter;                      /* 'o' or 0 */
    const char *argument;             /* "N" for the help text; NULL: a flag */
    const char *help;                 /* NULL: not told, for the use of sdc itself */
    int (*set)(void *into, const char *value);    /* SDC_OK, or SDC_USAGE after printing why */
} SdcOption;

/* Is told of an option once it is set. */
typedef int SdcOptionNote(void *into, const SdcOption *row, const char *value);
/* Parse argv[1..]; the table ends with an empty row.  Positional arguments are compacted to argv[1..*n_positional].
 * A flag's set() gets "1", or "0" for --no-NAME; an argument "[=N]" is optional and may be NULL.  note: NULL for none.
 * Unknown options name the nearest known one.  Returns SDC_OK, SDC_USAGE, or what note did. */
int sdc_options_parse(const SdcOption *table, void *into, int argc, char **argv, int *n_positional,
                      SdcOptionNote *note);
void sdc_options_help(FILE *out, const SdcOption *table);
int sdc_option_int(const char *name, const char *value, int64_t low, int64_t high, int64_t *result);   /* for set() */

/* Edits that turn a into b: insert, delete, replace, or swap neighbours; 48 where either is longer. */
int sdc_text_distance(const char *a, const char *b);

/* ---- progress.c --------------------------------------------------------------------------------------------------- */

typedef struct SdcProgress { const char *what; int64_t total; double start, last; bool active; } SdcProgress;
void sdc_progress_begin(SdcProgress *p, const char *what, int64_t total, bool quiet);   /* silent unless stderr is a terminal */
void sdc_progress_step(SdcProgress *p, int64_t done);                                    /* draws after the first second */
void sdc_progress_end(SdcProgress *p);
double sdc_now(void);                           /* monotonic seconds */

/* ---- random.c: seeded noise --------------------------------------------------------------------------------------- */

/* torch's CPU generator: mt19937 seeded as torch.manual_seed(seed). */
typedef struct SdcRandom { uint32_t state[624]; int index; bool has_kept; double kept; } SdcRandom;
void sdc_random_seed(SdcRandom *r, uint64_t seed);
uint32_t sdc_random_u32(SdcRandom *r);
void sdc_random_uniform(SdcRandom *r, float *out, int64_t n);    /* torch.rand(n) */
void sdc_random_normal(SdcRandom *r, float *out, int64_t n);     /* torch.randn of a contiguous tensor of n elements */

/* ---- scheduler.c and schedulers (one file a family) ---------------------------------------------------------------- */
/* declared in scheduler.h */

/* ---- tokenizer_clip.c ---------------------------------------------------------------------------------------------- */
/* declared in tokenizer.h */

/* ---- png.c (libpng): pictures out; image.h has those that are read ----------------------------------------------- */

typedef struct { const char *key, *text; } SdcText;
/* As PNG has it: samples [height][width][channels], of 1 channel (grey) or 3, of 8 bits or 16, the high byte first. */
typedef struct { int channels, bits, width, height; uint8_t *samples; } SdcPng;
/* texts end with a NULL key; NULL: none.  Written to a temporary file in the same folder, then renamed. */
int sdc_png_write(const char *path, const SdcPng *picture, const SdcText *texts);
struct SdcOutput;
int sdc_png_emit(struct SdcOutput *o, const SdcPng *picture, const SdcText *texts);   /* not committed */

/* ---- model_main.c: the command line of a single-model executable ----------------------------------------------------- */

int sdc_model_main(int argc, char **argv);

#endif
