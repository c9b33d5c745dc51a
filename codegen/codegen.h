/* codegen.h: from the graph to kernel calls, to a plan, to C source, to an executable.
 *
 *      Graph -- lower.c --> Program (calls on buffers) -- plan.c --> offsets -- emit.c --> source -- build.c --> executable
 *                                                         pack.c  --> packed weights, streamed into the executable
 *
 * Lowering.  Where a value lives is a View: a buffer, an offset and strides, as in numpy.  Transpose, Slice, Split, Expand
 * and most Reshapes only make another view; data moves when a kernel needs a certain order.  The physical order of a
 * value is chosen by its producer (convolutions store channels last) and elementwise kernels follow their largest operand. */
#ifndef SDC_CODEGEN_H
#define SDC_CODEGEN_H

#include "../ir/sdc.h"

/* ---- program -------------------------------------------------------------------------------------------------------- */

typedef enum { BUFFER_ARENA, BUFFER_WEIGHTS } BufferKind;

enum { PACK_PARAMETERS = 24 };     /* at most, of one packer */

/* Fills dst (bytes long) from the constant src; p are the parameters given to weights_packed(). */
typedef void PackFunction(void *dst, const Tensor *src, const int64_t *p);

struct CodeSink;

typedef struct Buffer {
    int id;
    BufferKind kind;
    int64_t bytes;
    int64_t offset;                 /* set by plan.c: in the arena, or in the weights */
    int first, last;                /* arena: first and last call that touches it, in execution order */
    Value *value;                   /* what it holds, for reports; weights: what is packed */
    PackFunction *pack;             /* weights only; NULL copies the constant's elements as they are */
    int64_t pack_parameters[PACK_PARAMETERS];
    const char *pack_name;
    void (*places)(const int64_t *p, const struct CodeSink *sink);     /* code_pack.h: for what is not just moved, else NULL */
    int code_bits, winograd;        /* with places: of a code, or outputs of the tile that kernels are transformed for */
    struct Buffer *packed_too;      /* weights only: another form of the same value */
} Buffer;

typedef struct LoopIndex LoopIndex; /* the run-time iteration number of a Loop or Scan, or the row of the tables */

typedef struct {
    Buffer *buffer;
    DType dtype;
    int rank;
    int64_t dim[MAX_RANK];
    int64_t stride[MAX_RANK];       /* in elements; 0 repeats, negative walks back */
    int64_t offset;                 /* in elements, from the start of the buffer */
    const LoopIndex *index;         /* NULL, or: offset grows by index_stride elements an iteration */
    int64_t index_stride;
} View;

typedef enum { OPERAND_READ, OPERAND_WRITE, OPERAND_UPDATE } OperandMode;

typedef struct { View view; OperandMode mode; } Operand;
typedef struct { const char *name, *value; } Parameter;

typedef struct Block Block;
typedef enum { CALL_KERNEL, CALL_IF, CALL_LOOP } CallKind;

typedef struct Call {
    CallKind kind;
    const char *kernel;             /* "conv": codegen/kernels/c/conv.h */
    Node *node;                     /* that it computes (part of); for the listing */
    const char *site;               /* what its choices go by (choice.h); NULL: it has none */
    const char *note;               /* "conv 3x3 s1 [2,64,64,4] -> [2,64,64,320] + bias" */
    Operand *operands;              /* in the order of the kernel's C parameters: results first */
    int n_operands, operands_room;
    Parameter *parameters;          /* the #defines of the instance */
    int n_parameters, parameters_room;
    int64_t flops;
    int reuse_of, reuse_by;         /* operand numbers: result reuse_by may take the place of dying input reuse_of; -1: none */
    /* CALL_IF: operands[0] is the condition (one bool).  CALL_LOOP: operands[0] the condition (or absent), body in then_block. */
    Block *then_block, *else_block;
    LoopIndex *index;
    int64_t trip_count;             /* of a loop; -1: until the condition is false */
    int order;                      /* position in execution order, set by plan.c */
    int instance;                   /* number of the kernel instance, set by emit.c */
    const char *symbol;             /* and its function */
    struct Call *next;
} Call;

struct Block { Call *first, *last; };

struct LoopIndex { int id; };       /* ROW_INDEX: the row of the tables, which run()'s caller says */
enum { ROW_INDEX = -1 };

/* [rows, the input's own axes], filled before the calls of pace `block`. */
typedef struct { int input; View view; } TimestepTable;

/* What the calls of one pace do each time: `weights` are bytes read of the weights. */
typedef struct { int calls; int64_t flops, moved, weights; } PaceWork;

typedef struct Program {
    const char *name;               /* "unet" */
    Graph *graph;
    Block body;
    Call *last[PACES];              /* the body's calls in the order of their pace: the last of each; NULL: none */
    TimestepTable *tables;          /* where the timesteps of a block are given */
    int n_tables, tables_room;
    Buffer **buffers;
    int n_buffers, buffers_room;
    View *inputs, *outputs;         /* row-major, one for each of the graph's */
    int64_t arena_bytes, bound_bytes, weights_bytes;
    int peak;                       /* order of a call where the most bytes are live: bound_bytes */
    int64_t aim;                    /* for plan_program(): do no more than to learn whether the arena gets so small; 0: all */
    int64_t unscheduled_bytes;      /* what the arena would take with the calls in the order of lowering */
    int64_t flops, moved_bytes;     /* of one run; moved: read and written in the arena, weights apart */
    PaceWork work[PACES];
    int n_calls, n_loops;
} Program;

/* Instruction sets of the C target: one row each in target.c. */
typedef struct {
    const char *name;               /* "x86-64-v4" */
    const char *const *flags;       /* for the compiler, NULL at the end */
    int vector_floats;              /* SDC_VL */
    int bf16_rate;                  /* products of bf16 in the time of one of f32, by the kernels of bf16_tile.h; 0: without them */
    const char *machine;            /* "x86_64", "aarch64", or NULL for any */
} Isa;
const Isa *isa_by_name(const char *name);       /* NULL when unknown; "native" is resolved by CPUID */
const Isa *isa_table(int *count);

/* ---- lower.c: what lowering rules use ---------------------------------------------------------------------------------- */

typedef struct { const Value *value; int form; } Remembered;

typedef struct Lowering {
    Program *program;
    const Isa *isa;
    Block *block;                   /* calls are appended here */
    View **views;                   /* by Value.id and form (as it is, dense, channels last); NULL until there is one */
    int n_views;
    Buffer **packed;                /* by Value.id of a constant: its first packed form */
    int n_packed;
    Remembered *log;                /* what was remembered, in order: undone when a block ends */
    int n_log, log_room;
    struct Finish *finish;          /* of the fused node that is being lowered; NULL outside (finish.c) */
    struct Prologue *prologue;      /* likewise, of a convolution that has one */
} Lowering;

Program *lower_graph(Graph *g, const char *name, const Isa *isa);

/* Where v lives, in any order.  A constant becomes a weights buffer holding its elements row-major. */
View view_of(Lowering *l, Value *v);
/* The same values row-major without gaps; a copy is inserted (and remembered) when they are not. */
View view_dense(Lowering *l, Value *v);
/* [N,C,spatial...] stored as [N,spatial...,C] without gaps; a copy is inserted when it is not. */
View view_channels_last(Lowering *l, Value *v);
void channels_last_axes(int rank, int *axes);                       /* storage order of [N,C,spatial...]: N, spatial..., C */
bool view_is_dense(const View *v);
bool view_same_order(const View *a, const View *b);                 /* equal strides; a and b have the same dims */
bool view_is_channels_last(const View *v);
View view_to_dense(Lowering *l, Node *n, View v);                   /* as view_dense for a view that is no Value's own */
View view_cast(Lowering *l, Node *n, View v, DType dtype);          /* a converted row-major copy, or v itself */
int64_t view_count(const View *v);
/* Rearranging a view without moving data; dims of the results as described. */
View view_at(View whole, int axis, const LoopIndex *index, bool backwards); /* iteration i's part: axis removed, offset growing with i (or falling) */
View view_permute(View v, int rank, const int *perm);               /* result axis k is axis perm[k] */
View view_broadcast(View v, int rank, const int64_t *dim);          /* numpy's rules; stride 0 where repeated */
bool view_reshape(View *v, int rank, const int64_t *dim);           /* false when the strides do not allow it */

/* A new arena buffer for the result v (dtype and shape of v), recorded as where v lives. */
View result_dense(Lowering *l, Value *v);
View result_channels_last(Lowering *l, Value *v);
View result_like(Lowering *l, Value *v, const View *order);         /* axes stored in the order of `order`, same rank */
/* Room for v's elements in some type, without recording; result_ready() does when it is known whose result it is. */
View room_dense(Lowering *l, Value *v, DType dtype);
View room_channels_last(Lowering *l, Value *v, DType dtype);
View room_like(Lowering *l, Value *v, DType dtype, const View *order);
/* Room inside the result of the Concat that reads v, alone but for views, which then moves nothing; no buffer when there
 * is none.  The first part that asks decides how the whole is stored. */
View concat_room(Lowering *l, Value *v, DType dtype, bool channels_last);
bool is_lowered(Lowering *l, const Value *v);                       /* it has a place already */
void result_is(Lowering *l, Value *v, View view);                   /* v is another look at existing data */
/* Memory that lives for the next call only; row-major. */
View scratch(Lowering *l, DType dtype, int64_t count);
View temporary(Lowering *l, DType dtype, int rank, const int64_t *dim);   /* row-major, lives as long as calls use it */

/* A constant packed for a kernel at compile time.  Same v, pack and parameters: same buffer.  pack NULL: as it is. */
View weights_packed(Lowering *l, Value *v, PackFunction *pack, const char *pack_name, const int64_t *p, int n_p, DType dtype, int64_t count);

/* call.c: a kernel call; operands in the order of the kernel's C parameters (results, inputs, scratch). */
Call *call_kernel(Lowering *l, Node *n, const char *kernel);
void call_write(Call *c, View v);
void call_read(Call *c, View v);
void call_update(Call *c, View v);                                  /* read and written: scratch, in-place scatter */
/* An operand that this instance has no use for: NULL.  So is a view without a buffer. */
void call_absent(Call *c, DType dtype, OperandMode mode);
void call_int(Call *c, const char *name, int64_t value);            /* #define name value */
int64_t call_parameter(const Call *c, const char *name, int64_t otherwise);     /* what call_int() gave it, 0 or more; or `otherwise` */
const char *float_text(double value);                               /* a C constant that reads back exactly; inf and nan spelled */
void call_float(Call *c, const char *name, double value);
void call_text(Call *c, const char *name, const char *value);       /* a type or an expression */
void call_type(Call *c, const char *name, DType dtype);             /* its text: f32 */
void call_stored(Call *c, const char *name, const View *v);         /* its type, where that is not the templates' default, f32 */
void call_dims(Call *c, const char *name, int count, const int64_t *v);    /* #define name 2, 64, 64 (an initializer list; "0" when empty) */
void call_note(Call *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void call_reuse(Call *c, int result, int input);                    /* the result may overwrite the dying input: same element order */

/* Copy between views of the same dims and (converted) dtypes: codegen/kernels/c/copy.h. */
Call *lower_copy_view(Lowering *l, Node *n, View to, View from);

/* number += step, element by element (the iteration number of a Loop). */
void lower_increment(Lowering *l, Node *n, View number, View step);

/* ---- plan.c, work.c, pack.c, emit.c, cc.c, build.c ------------------------------------------------------------------------------- */

/* Offsets of arena buffers, lifetimes, arena_bytes, bound_bytes, flops and moved_bytes. */
void plan_program(Program *p);

/* work.c: bytes that one call reads and writes in the arena, and reads of the weights; each element counts once. */
typedef struct { int64_t read, written, weights; } Traffic;
Traffic call_traffic(const Call *c);
void program_work(Program *p);                  /* flops and moved_bytes; called by plan_program */
void print_work(const Program *p, int indent);  /* a line a pace on stdout, where not all is done in each step */

typedef struct Origins Origins;                 /* origins.h */

/* Evaluate and pack every weights buffer of the programs, stream the bytes to `fd` and set the buffers' offsets; equal
 * bytes of the same origin are stored once, whichever programs they belong to.  What was packed where is added to
 * `origins` unless NULL (origins.h).  Returns the size of the whole region. */
int64_t pack_programs(Program *const *programs, int n_programs, int fd, const char *path, Origins *origins);

/* What the user asked of an executable. */
typedef enum { EMIT_EXECUTABLE, EMIT_LIBRARY, EMIT_SOURCE } EmitKind;

typedef struct { const char *name; const void *data; int64_t bytes; } Section;    /* "tokenizer", ... */

typedef struct {
    const char *output;             /* path */
    const char *name;               /* of the model, for messages and listings */
    EmitKind kind;
    const Isa *isa;
    const char *cc;                 /* compiler command, "cc" */
    const char *const *cflags;      /* extra flags for compiling and linking (--cflag), NULL at the end; or NULL */
    const char *archive;            /* the runtime's archive to link with; NULL: its sources are among the files */
    const char *driver;             /* C function of the pipeline runtime, or NULL for a single model */
    bool takes_lora;                /* single models and drawing pipelines: equal weights of different modules are stored apart */
    const char *prefix;             /* of a library's public symbols; NULL: the output's name */
    uint64_t weights_hash;          /* of a library's weights file, set by build() */
    const char *const *defaults;    /* "steps=20", NULL at the end */
    const char *keep_source;        /* folder for the emitted source, or NULL */
    const Section *sections;
    int n_sections;
    int64_t max_memory;             /* of an executable with one thread, beside the weights; 0: any */
    bool is_static;
    bool quiet;
    bool verbose;                   /* print the C compiler's command lines */
    bool no_cache;                  /* compile all files (cache.c) */
    int jobs;                       /* C compilers at once */
} BuildOptions;

typedef struct { int files; int64_t source_bytes; int instances; } EmitSummary;

/* Write the programs as C into `folder` (which exists and is empty): one listing a program, kernel instances by
 * template, model.c.  Returns the names of the .c files, NULL at the end. */
char **emit_source(Program *const *programs, int n_programs, const BuildOptions *o, const char *folder, EmitSummary *summary);

/* How many kernel instances a program alone has. */
int count_instances(Program *p);

/* winograd_pack.c: a line about the weights that are stored transformed, and what that adds; nothing without --pack winograd. */
void winograd_report(FILE *out, const Program *p);

/* index_bound.c: an exclusive upper bound for the values of an integer input that is used as an index; 0: none is known. */
int64_t index_bound(const Value *v);

/* Compile `files` of `folder` in parallel and without a shell, but those whose objects are in the cache (cache.c).  A
 * failure exits with SDC_CC_FAILED and the compiler's first lines. */
typedef struct { double seconds; int objects, cached; int64_t object_bytes; } CompileSummary;
void cc_compile(const BuildOptions *o, const char *folder, char *const *files, CompileSummary *summary);
char **cc_flags(const BuildOptions *o);                             /* the compiler and what every file is compiled with */
/* The preprocessor's text, with all macros and without the names of files; false: it failed. */
bool cc_preprocess(const BuildOptions *o, const char *folder, const char *file, const char *output);
void cc_link(const BuildOptions *o, const char *folder, char *const *files, const char *output);
/* One relocatable object of `files` and of what the symbols `roots` need from the archive; nothing else stays in it. */
void cc_join(const BuildOptions *o, const char *folder, char *const *files, const char *const *roots, const char *output);
void cc_link_shared(const BuildOptions *o, const char *folder, const char *object, const char *name, const char *output);
/* Run a tool of the compiler's own tool chain: "objcopy", "ar". */
void cc_tool(const BuildOptions *o, const char *folder, const char *name, const char *const *arguments);
const char *cc_version(const char *cc);                             /* its first line of --version */
const char *cc_machine(const char *cc);                             /* "x86_64" */
int64_t cc_peak_rss(void);                                          /* of the compilers run so far, in bytes */

/* Everything from planned programs to the finished output. */
void build(Program *const *programs, int n_programs, const BuildOptions *o);

/* library.c: the prefix of a library's public names; SDC_USAGE when it is no C identifier. */
const char *library_prefix(const BuildOptions *o);

/* ---- embedded.c: files that sdc carries inside itself ----------------------------------------------------------------------- */

typedef struct { const char *name; const unsigned char *data, *end; } Embedded;
extern const Embedded embedded_files[];         /* made at build time; name NULL at the end */
const Embedded *embedded_find(const char *name);
void embedded_write(const Embedded *e, const char *path);

#endif
