/* sdc.h: every type of the compiler's graph, then the prototypes, laid out by implementing file.
 *
 *      ONNX file -- frontend --> Graph -- passes --> Graph -- codegen --> Program --> C source --> executable
 *
 * The graph is in SSA form: a Value is defined once, by a Node, as a graph input or as an initializer.  Shapes are static
 * once pass_bind and pass_infer are through.  All memory of a graph is kept until the process ends, except tensors, which
 * are mapped from the model's files where they can be.  Errors of the user's making end the process through fail(). */
#ifndef SDC_H
#define SDC_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../runtime/dtype.h"

#define MAX_RANK 8
#define NO_SHAPE (-1)               /* Shape.rank before inference */

typedef struct Graph Graph;
typedef struct Node Node;
typedef struct Value Value;

/* ---- types ------------------------------------------------------------------------------------------------------- */

typedef struct {
    int rank;                       /* 0..MAX_RANK, or NO_SHAPE */
    int64_t dim[MAX_RANK];          /* >= 0; before pass_bind -1 - k stands for the graph's symbol k */
} Shape;

/* A constant: row-major, unpacked elements of `dtype`.  `data` is mapped from a file or owned by the compiler's arena. */
typedef struct {
    DType dtype;
    Shape shape;
    int64_t count;
    const void *data;
    const char *spelling;           /* how print.c wrote it, when it was parsed from text; else NULL */
} Tensor;

typedef enum { ATTR_INT, ATTR_FLOAT, ATTR_STRING, ATTR_INTS, ATTR_FLOATS, ATTR_STRINGS, ATTR_TENSOR, ATTR_GRAPH } AttrType;

typedef struct {
    const char *name;
    AttrType type;
    int64_t i;
    double f;
    const char *s;
    int count;                      /* of ints, floats or strings */
    const int64_t *ints;
    const double *floats;
    const char *const *strings;
    const Tensor *tensor;
    Graph *graph;
} Attr;

typedef enum {
    OP_NONE,
#define EW(Name, ...) OP_##Name,
#define OP(Name, ...) OP_##Name,
#include "op.def"
#undef EW
#undef OP
    OP_COUNT
} Op;

/* What an initializer is to PyTorch: the weight of a module "down_blocks.0.conv1"; the axis that counts its outputs; the
 * rows of an embedding.  For the table of origins alone. */
typedef struct { const char *path; int outputs; bool table; } Module;

struct Value {
    int id;                         /* unique in the whole model; printed as v17 */
    const char *name;               /* the model's own name, for inputs, outputs and messages; may be NULL */
    DType dtype;                    /* DT_NONE before inference */
    Shape shape;
    Node *def;                      /* NULL: graph input or initializer */
    Graph *graph;                   /* where it is defined */
    const Tensor *tensor;           /* an initializer, or folded to one; NULL otherwise */
    bool constant;                  /* tensor != NULL, or computed from constants alone (a recipe, evaluated by pack) */
    bool evaluated;                 /* tensor holds a recipe's value until constant_release() */
    bool graph_output;              /* named in some graph's outputs */
    const Module *module;           /* of an initializer; NULL: it is no module's weight */
    const Node *folded;             /* the node that pass_fold took away, with operands that still are there; NULL: none */
    unsigned rate;                  /* of a graph input: RATE_ bits, 0 until --rate says; see rate.c */
    bool stays;                     /* of a graph input: its place is no one else's, so that it holds what it was given for all runs */
    Node **uses;                    /* one entry an operand, in no order */
    int n_uses, uses_room;
};

struct Node {
    int id;                         /* unique in the whole model; printed as n17 */
    Op op;
    const char *name;               /* the model's own, for messages only; may be NULL */
    const char *module;             /* "down_blocks.0.conv1", where the file says so apart from the name, else NULL */
    Value **in;                     /* NULL entries: optional inputs that are absent */
    int n_in;
    Value **out;                    /* NULL entries: outputs nobody asked for */
    int n_out;
    Attr *attrs;
    int n_attrs;
    Graph *graph;
    Node *prev, *next;              /* in execution order */
};

struct Graph {
    const char *name;
    Graph *parent;                  /* of a subgraph: values of the parent may be used directly */
    bool fused;                     /* the body of a Fused node: runs once, in its place */
    Node *first, *last;
    Value **inputs, **outputs;
    int n_inputs, n_outputs;
    const char **output_names;      /* the model's own, fixed when graph_output() is called */
    const char **symbols;           /* names of free dimensions; shared with subgraphs through model */
    int n_symbols;
    struct Model *model;
};

/* A group of nodes that looked like something to fuse or recognise, for `sdc explain`. */
typedef struct FusionCandidate {
    const char *kind;               /* "GroupNorm", "attention", "epilogue" */
    int node;                       /* id of its last node, and the model's name of it (may be NULL) */
    const char *name;
    const char *became, *reason;    /* exactly one is set: what it is now, or the first node that broke the pattern */
    struct FusionCandidate *next;
} FusionCandidate;

/* What is made in strips so that less memory does (passes/strips.c): a value by its id after pass_fold, along `axis`, in
 * at least `count` strips.  `kept` has for each such id what the plan without strips does with it. */
typedef struct { int value, axis, count; } StripSeed;
enum { KEPT_SOMEWHERE = 1, KEPT_ITSELF = 2 };                       /* it has a place in memory; one of its own */
typedef struct {
    const StripSeed *seeds; int n_seeds;
    const unsigned char *kept; int n_values;
} StripPlan;

/* What weights of products are stored in: integers of `bits` bits, with a scale for each `group` depths, 0: for each column.
 * bits 0: as they are.  And how many are, the bytes that they had and those that they have. */
typedef struct { int bits; int64_t group; } WeightType;
typedef struct { int count; int64_t before, bytes; } StoredWeights;

/* What --calibrate found: codes per unit of what is multiplied by the model's own constant of id `weight`, where that is
 * used for the `turn`th time. */
typedef struct { int weight, turn; double factor; } ActivationFactor;
typedef struct { const ActivationFactor *list; int count; } Calibration;

/* One ONNX file.  */
typedef struct Model {
    const char *path;               /* as the user gave it, for messages */
    Graph *graph;
    int next_value, next_node;
    int64_t opset;                  /* of the default domain */
    unsigned no_fuse;               /* bit f: fusion f is off */
    bool in_folder;                 /* of a pipeline, which takes no --bind and no --dim */
    bool exact;                     /* direct convolutions alone */
    bool pack_winograd;             /* Winograd's weights are stored transformed where that is faster */
    int64_t block;                  /* timesteps that one table holds: rows of a Tabulate */
    DType dtype;                    /* --dtype: what floats become; DT_NONE: they stay what they are */
    WeightType weights;             /* --weights */
    StoredWeights stored;           /* what pass_quantise did with them */
    const Calibration *calibration; /* of --dtype int8, or NULL */
    const char *const *gradients;   /* --grad: "LOSS:INPUT" */
    int n_gradients;
    int in_integers[2];             /* of products and convolutions that could be: how many pass_integers left, and changed */
    int *wide;                      /* by rule of pass_precision: how many stayed f32; NULL where it did nothing */
    FusionCandidate *candidates, *last_candidate;   /* in the order found */
    const StripPlan *strips;        /* NULL: everything is made whole */
    struct Choices *choices;        /* what lowering does where it has a choice (codegen/choice.h); NULL: as the cost model has it */
    int *part_of;                   /* by id of a value that pass_strips made: which value it is or is a part of; -1: none */
    int n_parts;
} Model;

typedef enum {
#define FUSION(name, meaning) FUSION_##name,
#include "fusion.def"
#undef FUSION
    FUSION_COUNT
} Fusion;

/* ---- op.c: the operator table ------------------------------------------------------------------------------------- */

/* Arrays of the oracle: every float type is held as double, every integer and bool as int64 (u64 keeps its bits). */
typedef struct {
    DType dtype;
    Shape shape;
    int64_t count;
    double *f;                      /* exactly one of f and i is set, by dtype_is_float(dtype) */
    int64_t *i;
} Array;

typedef void ShapeRule(Node *n);                                     /* sets dtype and shape of n->out[] */
typedef void Evaluator(const Node *n, const Array *const *in, Array *const *out);
struct Lowering;
typedef void LowerRule(struct Lowering *l, Node *n);

typedef struct {
    const char *name;               /* "Conv" */
    int in_min, in_max;             /* in_max, out_max -1: any number */
    int out_min, out_max;
    const char *attrs;              /* "axis:i=-1 epsilon:f=1e-5" */
    bool elementwise;
    enum { EW_same, EW_second, EW_boolean } result;     /* of an elementwise row: type of input 0, of input 1, bool */
    ShapeRule *shape;
    Evaluator *eval;
    LowerRule *lower;
    const char *float_meaning, *int_meaning;    /* elementwise rows: the expression's text, "NONE" when undefined */
} OpInfo;

const OpInfo *op_info(Op op);
Op op_by_name(const char *name);    /* OP_NONE when unknown */

/* Attributes: the node's own, else the row's default.  Asking for a name that the row does not list is our bug. */
bool attr_has(const Node *n, const char *name);                      /* given on the node itself */
int64_t attr_i(const Node *n, const char *name);
double attr_f(const Node *n, const char *name);
const char *attr_s(const Node *n, const char *name);                 /* "" when absent without default */
const Attr *attr_find(const Node *n, const char *name);              /* NULL when absent; for ints, floats, tensors, graphs */
int attr_ints(const Node *n, const char *name, int64_t *into, int room);   /* count; the row's default list when absent; fails the node if more than room */

/* ---- util.c: memory, text, errors ---------------------------------------------------------------------------------- */

/* The user's fault: prints "sdc: FILE: what" and exits with an SDC_ code of runtime.h after removing temporary files. */
_Noreturn void fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void fail_node(int code, const Node *n, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Ours: prints where and exits with SDC_BUG. */
#define bug(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void bug_at(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Temporary files and folders to be removed on every way out, signals included. */
void remove_at_exit(const char *path);
/* A new folder in $TMPDIR, removed at exit with the files that are in it then; SDC_NO_SPACE when there can be none. */
char *temporary_folder(const char *stem);
void stop_at_exit(void (*stop)(void));                               /* called first: ends child processes; async-signal-safe */
void hold_signals(bool hold);                                        /* while a new file is not yet on the list */
void keep_at_exit(const char *path);                                 /* takes it off the list again */

void *alloc(size_t bytes);                                           /* zeroed; lives until exit; never NULL */
void *alloc_array(int64_t count, size_t size);                       /* overflow-checked */
void *alloc_more(const void *list, int64_t count, int64_t room, size_t size);   /* room for so many, begun with the list's */
char *text_copy(const char *s);
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_vformat(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));
bool mul_overflow(int64_t a, int64_t b, int64_t *product);           /* true when the product does not fit */

/* ---- memory.c -------------------------------------------------------------------------------------------------------- */

void memory_sample(void);                                            /* called where the compiler's own memory is highest */
int64_t memory_peak(void);                                           /* anonymous bytes, the highest sample so far */

/* ---- graph.c: building and changing graphs -------------------------------------------------------------------------- */

Model *model_new(const char *path);
Graph *graph_new(Model *m, Graph *parent, const char *name);
Value *value_new(Graph *g, const char *name);
Value *value_input(Graph *g, const char *name, DType dtype, Shape shape);            /* appended to g->inputs */
Value *value_tensor(Graph *g, const char *name, const Tensor *t);                    /* an initializer */
Value *value_ints(Graph *g, const int64_t *v, int64_t count);                        /* 1-D i64 constant */
Value *value_int(Graph *g, int64_t v);                                               /* 0-D i64 constant */
Value *value_float(Graph *g, DType dtype, double v);                                 /* 0-D constant of any type */
void graph_output(Graph *g, Value *v);                                               /* appended to g->outputs */
void graph_drop_outputs(Graph *g);                                                   /* there are none then */
int graph_find_input(const Graph *g, const char *name);                              /* its index; -1: there is none */
int graph_find_output(const Graph *g, const char *name);

/* A node with n_out fresh outputs, placed before `before` (NULL: at the end). */
Node *node_new(Graph *g, Node *before, Op op, int n_in, Value *const *in, int n_out);
Value *node1(Graph *g, Node *before, Op op, int n_in, Value *const *in);             /* single output, returned */
/* n once more, placed before `before`: the same operands and attributes, results of its own.  n has no subgraphs. */
Node *node_copy(const Node *n, Node *before);
void node_remove(Node *n);                                                           /* its outputs must be unused */
void node_detach(Node *n);                                                           /* as node_remove; its outputs live on as initializers */
void graph_splice(Node *before, Graph *sub);                                         /* all nodes of sub move in front of `before` */
void node_move(Node *n, Graph *body);                                                /* n, without subgraphs, becomes the last node of another graph */
/* Visit every node, those of subgraphs before the node that holds them, and sweep.  A visit may add nodes in front of its
 * own and leave that unread. */
void graph_rewrite(Graph *g, void (*visit)(Node *n));
void graph_sweep(Graph *g);                                                          /* removes nodes whose results nobody reads */
void node_set_input(Node *n, int k, Value *v);
void node_add_input(Node *n, Value *v);
void attr_set_i(Node *n, const char *name, int64_t v);
void attr_set_f(Node *n, const char *name, double v);
void attr_set_s(Node *n, const char *name, const char *v);
void attr_set_ints(Node *n, const char *name, const int64_t *v, int count);
void attr_set(Node *n, Attr a);
void attr_remove(Node *n, const char *name);
void value_replace(Value *old, Value *with);                                         /* all uses, graph outputs included */
int graph_count(const Graph *g);                                                     /* nodes, subgraphs included; a Fused node is what it holds */
static inline bool value_is_read(const Value *v) { return v && (v->n_uses || v->graph_output); }
static inline Value *input_of(const Node *n, int k) { return k < n->n_in ? n->in[k] : NULL; }
static inline Value *output_of(const Node *n, int k) { return k < n->n_out ? n->out[k] : NULL; }

/* ---- shape.c: shapes, and helpers for shape rules ------------------------------------------------------------------- */

Shape shape_of(int rank, const int64_t *dim);
int64_t shape_count(const Shape *s);                                 /* product; overflow fails with a message */
bool shape_equal(const Shape *a, const Shape *b);
void shape_strides(const Shape *s, int64_t *strides);                /* row-major, in elements */
const char *shape_text(const Shape *s);                              /* "[2,64,64]"; lives until exit */
int64_t axis_of(const Node *n, int64_t axis, int rank);              /* negative axes resolved, range-checked */
void set_output(Node *n, int k, DType dtype, const Shape *s);        /* no-op when the output is absent */
void need_rank(const Node *n, int k, int low, int high);             /* fails the node when input k's rank is outside */
void broadcast_shapes(const Node *n, const Shape *a, const Shape *b, Shape *into);   /* fails the node when they do not fit */

/* Constant operands: shape rules and lowerings ask for them here.  ints_of() fails the node ("input 1 (shape) depends on
 * run-time data; bind it with --bind") when the value is not constant. */
const char *bind_advice(const Node *n, const char *input);           /* "bind it with --bind INPUT=FILE.npy", or what helps in a folder */
bool is_constant(const Value *v);
int ints_of(const Node *n, int k, const char *what, int64_t *into, int room);        /* count; fails if more than room */
int64_t *ints_list(const Node *n, int k, const char *what, int64_t *count);          /* any length; lives until exit */
double float_of(const Node *n, int k, const char *what);                             /* a constant with one element */

/* ---- infer.c, fold.c: what is known before a run --------------------------------------------------------------------- */

void infer_node(Node *n);                                            /* the row's rule, with arity and type checks */
bool fold_node(Node *n);                                             /* true when the outputs became constants */
const Tensor *constant_tensor(Value *v);                             /* evaluates a recipe when it must; caller may constant_release it */
void constant_release(Value *v);                                     /* drops an evaluated recipe's memory */

/* ---- eval.c: the oracle ---------------------------------------------------------------------------------------------- */

Array *array_new(DType dtype, const Shape *s);                       /* zeroed; caller frees */
void array_free(Array *a);
Array *array_from_tensor(const Tensor *t);
Array *array_from_bytes(DType dtype, const Shape *s, const void *data);
Tensor *array_to_tensor(const Array *a);
static inline double array_get(const Array *a, int64_t k) { return a->f ? a->f[k] : (double)a->i[k]; }

typedef void EvalObserver(const Node *n, const Array *const *out, void *context);    /* called after each node of the top graph */

/* Evaluate g on inputs (one an input of g); fills outputs (caller frees).  wide: floats keep double precision between
 * nodes (the f64 oracle); otherwise each result is rounded to its type. */
void eval_graph(Graph *g, const Array *const *inputs, Array **outputs, bool wide, EvalObserver *observe, void *context);
/* A subgraph inside an evaluator (If, Loop, Scan): outer values come from the running evaluation. */
void eval_subgraph(Graph *g, const Array *const *inputs, Array **outputs);
/* A node with subgraphs whose operands and captured values are all constant, outside any evaluation. */
void eval_alone(const Node *n, const Array *const *in, Array *const *out);
void eval_node(const Node *n, const Array *const *in, Array *const *out, bool wide);  /* the row's evaluator, then rounding */

/* ---- check.c, print.c, parse.c ---------------------------------------------------------------------------------------- */

void graph_check(const Graph *g, const char *after);                 /* our bug, naming the pass, if g is not well formed */
void graph_print(FILE *out, const Graph *g);                         /* text that graph_parse reads back */
Graph *graph_parse(Model *m, const char *text, const char *path);    /* syntax errors fail with a line number */

/* ---- query.c: what several stages ask about movement nodes ------------------------------------------------- */

int transpose_perm(const Node *n, int64_t *perm);                    /* rank; reversed axes when the attribute is absent */
/* What an elementwise node computes from x, y, z as text, "NONE" where that is undefined; a Cast among the types that are
 * computed in f32 is "x".  NULL: no elementwise node. */
const char *float_meaning(const Node *n);
/* Are v's elements whole numbers of 8 bits: what an ActivationCode makes, in a fused node perhaps? */
bool is_code(const Value *v);
/* The type in which a result is kept until it is read: its own, but f32 for a float16 or bfloat16 one that is read inside
 * its fused node, or by a softmax, and i8 for codes that are multiplied. */
DType kept_type(const Value *v);
/* The type that the oracle rounds a result to: f32 also where its readers compute in f32 anyhow (elementwise, softmax,
 * norms; behind a Reshape perhaps), which a fused node does without rounding. */
DType rounded_type(const Value *v);
/* The node by which v, a constant, perhaps cast or reshaped, is stored in integers; NULL when it is not.  The oracle rounds no such cast. */
const Node *quantized_weight(const Value *v);
bool op_is_random(Op op);                                            /* another result in every run */
bool slice_is_whole(const Node *n);                                  /* every element, in order */
bool dropout_is_identity(const Node *n);                             /* inference, or a ratio of 0 */

/* ---- rate.c: how often a value changes -------------------------------------------------------------------------------- */

enum { RATE_PROMPT = 1, RATE_TIMESTEP = 2, RATE_SAMPLE = 4 };
unsigned rate_by_name(const char *name);                             /* 0 when unknown */
const char *rate_name(unsigned rate);                                /* of one RATE_ bit */
/* By Value.id: what each value of g depends on; 0: constant.  An input without a rate counts as the sample; so does what
 * is random, and a timestep or a row of a table, which change at every step: only tables (see OP_Tabulate) have the
 * timestep's rate.  Subgraphs are looked through.  The caller frees it. */
unsigned char *value_rates(const Graph *g);
/* How often a node runs: once a prompt, once a block of timesteps, in each step. */
typedef enum { PACE_PROMPT, PACE_BLOCK, PACE_STEP, PACES } Pace;
Pace node_pace(const Node *n, const unsigned char *rates);

/* ---- fusion.c ------------------------------------------------------------------------------------------------------------ */

const char *fusion_name(Fusion f);
const char *fusion_meaning(Fusion f);
Fusion fusion_by_name(const char *name);                             /* FUSION_COUNT when unknown */
bool fuses(const Graph *g, Fusion f);                                /* not switched off */
/* What became of a candidate whose last node is `at`; kind is a constant string. */
void candidate_became(const Node *at, const char *kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
void candidate_missed(const Node *at, const char *kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
void candidate_parted(const Node *at, const char *kind, const char *why);       /* what it had become is undone */
/* It became something of another kind instead. */
void candidate_instead(const Node *at, const char *kind, const char *other, const char *became);

/* ---- passes/: one file, one exported function each ---------------------------------------------------------------------- */

typedef struct { const char *name; int64_t value; } DimBinding;      /* --dim name=value */
typedef struct { const char *name; Shape shape; } ShapeBinding;      /* --shape input=1x3x64x64 */
typedef struct { const char *name; const Tensor *tensor; } ValueBinding;   /* --bind input=file.npy */
typedef struct { const char *name; unsigned rate; } RateBinding;      /* --rate input=prompt */
typedef struct {
    const DimBinding *dims; int n_dims;
    const ShapeBinding *shapes; int n_shapes;
    const ValueBinding *values; int n_values;
    const RateBinding *rates; int n_rates;
    unsigned no_fuse;                                                /* --no-fuse: see Model */
    int64_t block;                                                   /* 0: 1; see Model */
    DType dtype;                                                     /* --dtype, likewise */
    bool exact;                                                      /* --exact, likewise */
    WeightType weights;                                              /* --weights, likewise */
    bool pack_winograd;                                              /* --pack winograd, likewise */
    struct Choices *choices;                                         /* --lock, likewise */
    const Calibration *calibration;                                  /* of --dtype int8, likewise */
    const char *const *gradients; int n_gradients;                   /* --grad, likewise */
} Bindings;

void pass_bind(Graph *g, const Bindings *b);     /* free axes to numbers, inputs to constants; lists what is still free */
void pass_masked(Graph *g);                      /* NonZero, Slice and ScatterND of torch's masked_scatter to one operator */
void pass_infer(Graph *g);                       /* dtype and shape of every value, folding as it goes */
void pass_upcast(Graph *g);                      /* half types to f32, where --dtype names a type */
void pass_fold(Graph *g);                        /* constants to initializers or recipes; If with a constant condition */
Node *inline_branch(Node *n);                    /* fold.c: an If whose condition is constant; returns the node after it */
void pass_simplify(Graph *g);                    /* identities, dead nodes, merged reshapes and transposes */
void pass_norm(Graph *g);                        /* every spelling of a normalisation to one node */
void pass_activation(Graph *g);                  /* of SiLU, GELU, Mish, HardSwish too */
void pass_grad(Graph *g);                        /* gradients of a loss, one output each */
void pass_attention(Graph *g);                   /* products around a softmax become Attention */
void pass_rotary(Graph *g);                      /* rotary position embeddings turn their halves without copies */
void pass_decompose(Graph *g);                   /* composite operators without a kernel of their own into simpler ones */
void pass_projection(Graph *g);                  /* products of one value with constant matrices to one product */
void pass_gate(Graph *g);                        /* a product whose halves meet again to two products */
void pass_concat(Graph *g);                      /* a concatenation moves up through views to products */
void pass_hoist(Graph *g);                       /* what follows from timesteps alone: tables of a block of them */
void pass_integers(Graph *g);                    /* products and convolutions to 8-bit integers, by Model.calibration */
void integers_report(FILE *out, const Graph *g); /* integers.c: how many; nothing without --dtype int8 */
void pass_quantise(Graph *g);                    /* weights of products to Model.weights */
void quantise_report(FILE *out, const Graph *g); /* quantise.c: how many, and what it saves; nothing without --weights */
void pass_precision(Graph *g);                   /* f32 values and weights to Model.dtype */
void precision_report(FILE *out, const Graph *g);   /* precision.c: what stayed f32, and why; nothing without --dtype */
void pass_strips(Graph *g);                      /* values of the model's StripPlan are made strip by strip */
/* What a plan costs beside what everything whole does, before anything is made; false when it can not be, and why. */
typedef struct { double flops; int sweeps, strips; } StripCost;
bool strips_cost(Graph *g, const StripPlan *plan, StripCost *cost, const char **why);
bool has_subgraphs(const Graph *g);              /* such graphs are not made in strips */
void strips_regions(Graph *g, const StripPlan *plan, int *region);  /* by value id: the same for what is made together; -1: made whole */
void pass_fuse(Graph *g);                        /* elementwise nodes join the node before them, or each other */
typedef void Pass(Graph *g);
/* All passes in order, with the checker between; stops after the pass called `until` unless NULL. */
void run_passes(Graph *g, const Bindings *b, const char *until);
void run_passes_from(Graph *g, const char *from);       /* the pass of that name and those behind it */
typedef void PassWatcher(Graph *g, const char *pass, void *context); /* called after each pass but bind */
void watch_passes(Graph *g, const Bindings *b, const char *until, PassWatcher *watch, void *context);

/* ---- frontend/ ------------------------------------------------------------------------------------------------------------ */

Model *onnx_load(const char *path);              /* exits through fail() on anything wrong with the file */

/* ---- weights.c ------------------------------------------------------------------------------------------------------------ */

typedef struct { const void *data; int64_t bytes; } Mapping;
Mapping map_file(const char *path);              /* read-only; regular files only; fails with the reason */

#endif
