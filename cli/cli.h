/* cli.h: what the commands of sdc share. */
#ifndef SDC_CLI_H
#define SDC_CLI_H

#include "../codegen/codegen.h"
#include "../runtime/runtime.h"

typedef struct { const char **list; int count; } Texts;     /* an option that may be repeated */

/* Every option of every command; a command's own table lists those that it takes. */
typedef struct {
    const char *output, *isa, *emit, *cc, *keep_source, *prefix, *after, *report, *emulator, *refiner, *clip;
    Texts dims, shapes, binds, defaults, cflags, sizes, data, inputs;
    int64_t jobs, batch, length, text_length, prompt_chunks, clip_skip, seed, threads, runs, max_memory;
    double rtol, atol, rms;
    unsigned no_fuse;                       /* bits of Fusion */
    bool exact, pack_winograd;
    DType dtype;                            /* DT_NONE: as the model has it */
    WeightType weights;
    Texts rates, calibrate, gradients;
    bool int8;                              /* --dtype int8: dtype is DT_BF16 */
    const char *lock;
    struct Choices *choices;                /* what the lock file says; NULL: there is none */
    int64_t tune;                           /* seconds to measure candidates for; 0: none */
    bool is_static, quiet, verbose, no_cache, help, compiled, bisect, bind_integers, wide, check_passes, json, each;
} Options;

typedef struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);      /* argv[0] is the command's name; returns an exit code */
} Command;

/* ---- options.c ---- */

/* Rows that several commands list. */
int set_text(const char **into, const char *value);
int add_text(Texts *into, const char *value);
/* Parse; prints the help text and exits 0 on --help; exits SDC_USAGE on anything wrong.  Returns the positional arguments. */
char **parse_options(const SdcOption *table, Options *o, int argc, char **argv, int *n_positional, const char *usage, const char *examples);
#define OPTION_TEXT(field) \
    static int option_##field(void *into, const char *value) { return set_text(&((Options *)into)->field, value); }
#define OPTION_LIST(field) \
    static int option_##field(void *into, const char *value) { return add_text(&((Options *)into)->field, value); }
#define OPTION_FLAG(field) \
    static int option_##field(void *into, const char *value) { (void)value; ((Options *)into)->field = true; return SDC_OK; }
int parse_int(const char *value, int64_t low, int64_t high, int64_t *into);        /* SDC_OK, or SDC_USAGE after a line */
int parse_float(const char *value, double *into);
int option_max_memory(void *into, const char *value);                               /* 500M, 6G; at least 1 byte */
#define MAX_MEMORY_ROW \
    {"max-memory", 0, "N", "memory beside the weights, such as 500M or 6G: large values are made in strips until it fits", \
     option_max_memory}
int option_no_fuse(void *into, const char *value);                                  /* names with commas between; NULL: all */
enum { NO_FUSION = (1u << FUSION_COUNT) - 1 };                                       /* every bit of Options.no_fuse */
#define NO_FUSE_ROW \
    {"no-fuse", 0, "[=NAME,...]", "switch fusions off, all or by name: attention, projection, norm, epilogue, chain, upsample, shortcut, pad, hoist, concat", \
     option_no_fuse}
int option_rates(void *into, const char *value);
int option_dims(void *into, const char *value);
int option_shapes(void *into, const char *value);
int option_binds(void *into, const char *value);
int option_isa(void *into, const char *value);
int option_cc(void *into, const char *value);
int option_cflags(void *into, const char *value);
int option_jobs(void *into, const char *value);
int option_threads(void *into, const char *value);
int option_seed(void *into, const char *value);
#define RATE_ROW \
    {"rate", 0, "INPUT=prompt", "how often an input changes: prompt, timestep or sample (default) (repeat)", option_rates}
#define AXIS_ROWS                                                                   /* sizes */ \
    {"dim", 0, "NAME=N", "fix a free axis by its name (repeat)", option_dims}, \
    {"shape", 0, "INPUT=1x3x64x64", "fix an input's shape (repeat)", option_shapes}, \
    {"bind", 0, "INPUT=FILE", "make an input a constant (repeat)", option_binds}
int option_no_cache(void *into, const char *value);
#define NO_CACHE_ROW \
    {"no-cache", 0, NULL, "compile every file anew and keep no objects", option_no_cache}
#define BUILD_ROWS                                                                  /* an executable's making */ \
    {"isa", 0, "NAME", "instruction set of the executable, as for compile", option_isa}, \
    {"cc", 0, "CC", "C compiler (cc)", option_cc}, \
    {"cflag", 0, "FLAG", "extra flag for the C compiler and linker (repeat)", option_cflags}, \
    {"jobs", 'j', "N", "C compilers at once (all CPUs)", option_jobs}, \
    NO_CACHE_ROW
#define RUN_ROWS                                                                    /* and its runs */ \
    {"threads", 0, "N", "of the executable; default: the CPUs this process may use", option_threads}, \
    {"seed", 0, "N", "of the random inputs (0)", option_seed}
int option_dtype(void *into, const char *value);
#define DTYPE_ROW \
    {"dtype", 0, "f32|bf16|f16|int8", "type of weights and activations (as the model has them); arithmetic and time steps stay f32; int8: bf16, " \
     "and products of 8-bit integers where --calibrate tells the range", option_dtype}
int option_calibrate(void *into, const char *value);
#define CALIBRATE_ROW \
    {"calibrate", 0, "FILE.npz", "a sample of the model's inputs, members named as they are, for --dtype int8 (repeat)", \
     option_calibrate}
int option_weights(void *into, const char *value);
#define WEIGHTS_ROW \
    {"weights", 0, "float|int8|int4[:GROUP]", "what large weights of products and convolutions are stored in; arithmetic stays as it is (float)", \
     option_weights}
int option_gradients(void *into, const char *value);
#define GRAD_ROW \
    {"grad", 0, "LOSS:INPUT", "one more output, INPUT.grad: the gradient of the output LOSS, one number, in INPUT " \
     "(repeat)", option_gradients}
int option_exact(void *into, const char *value);
#define EXACT_ROW \
    {"exact", 0, NULL, "no Winograd transforms of convolutions, nor Strassen's of products, whose rounding is another", option_exact}
int option_pack(void *into, const char *value);
#define PACK_ROW \
    {"pack", 0, "winograd", "store Winograd's weights transformed where that is faster; the results are the same", \
     option_pack}
/* What steers the passes. */
#define PASS_ROWS NO_FUSE_ROW, RATE_ROW, DTYPE_ROW, CALIBRATE_ROW, WEIGHTS_ROW, EXACT_ROW, PACK_ROW, GRAD_ROW

/* ---- model.c: from options to programs ---- */

Bindings read_bindings(const Options *o);
Bindings bindings_for(const char *path, const Options *o);      /* the same with what --calibrate says of this model */
const Isa *read_isa(const Options *o);                          /* SDC_USAGE lists the names */
BuildOptions build_options(const Options *o, const char *output, const Isa *isa);
/* Load, run the passes, lower and plan. */
Program *compile_model(const char *path, const Bindings *b, const char *name, const Isa *isa);
/* The same within `limit` bytes, 0: any (fit.c). */
Program *compile_within(const char *path, const Bindings *b, const char *name, const Isa *isa, int64_t limit, bool quiet);
Tensor *tensor_of_array(const SdcArray *a);                     /* shares the array's data */

/* ---- calibrate.c ---- */

/* The ranges of what the model at `path` multiplies, on the samples of --calibrate; NULL without --dtype int8. */
const Calibration *calibrate(const char *path, const Options *o, const Bindings *b);
/* The same of a pipeline's denoiser, on what its --trace wrote; prefix: of the arrays, "refiner_" of a refiner's. */
const Calibration *calibrate_denoiser(const char *path, const char *prefix, const Options *o);

/* ---- child.c ---- */

/* Run it to its end; output: file for its stdout, or NULL.  What goes wrong there ends us with its exit code. */
void run_executable(char *const *arguments, const char *output);

/* ---- the commands ---- */

int command_compile(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_print(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_bench(int argc, char **argv);

#endif
