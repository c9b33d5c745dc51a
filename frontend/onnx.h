/* onnx.h: what the files of the ONNX frontend share, laid out by implementing file.
 *
 *      file -- onnx_scan.c --> bounded message -- onnx.c --> graph.c, import.c -- opset.def --> upgrade*.c --> Graph
 *                                                              |                                  (newest spelling)
 *                                                 tensor.c, weights.c (mapped constants)
 *
 * Everything here works on one file at a time and ends the process through fail() on the first thing that is wrong with
 * it.  What is merely not supported is collected and reported at once, when all of the file has been read. Names: a
 * "call" is one node of the file on its way to graph nodes; a "body" is the list of nodes of a graph or function. */
#ifndef SDC_ONNX_H
#define SDC_ONNX_H

#include "../ir/sdc.h"
#include "../runtime/runtime.h"
#include "onnx.pb-c.h"

enum { NEWEST_OPSET = 28 };

/* ---- names.c: maps from names, and what a name stands for in a body ---------------------------------------------- */

typedef struct NameMap { const char **keys; void **values; int64_t count, room; } NameMap;

bool name_map_add(NameMap *map, const char *key, void *value);       /* false when the key is there; it is not copied */
void **name_map_find(const NameMap *map, const char *key);           /* NULL when absent */

typedef struct Scope {
    const struct Scope *outer;         /* of the graph around; NULL for a model's graph and for a function */
    NameMap values;                    /* Value *; NULL: an optional function input that the call left out */
} Scope;

Value **scope_find(const Scope *scope, const char *name);            /* innermost first; NULL when unknown */

/* ---- unsupported.c: what sdc can not compile, collected ---------------------------------------------------------- */

typedef struct Unsupported Unsupported;

/* One more case of `what` ("operator Foo"), met at `where` ("node 'a'"). */
void unsupported_add(Unsupported **list, const char *what, const char *where);
void unsupported_report(const Unsupported *list, const char *path);  /* fails with SDC_UNSUPPORTED unless empty */

/* ---- onnx_scan.c: from untrusted bytes to a message that may be unpacked ----------------------------------------- */

typedef struct OnnxScan {
    uint8_t *data;                     /* the message without unknown fields and long raw_data; own pages */
    int64_t bytes, room;
    int64_t unpacked_bytes;            /* upper bound of what protobuf-c allocates for it */
} OnnxScan;

/* Metadata of a node in exports of torch.onnx.export(dynamo=True): "['', 'mid_block', 'mid_block.conv1', 'conv2d_3']". */
#define ONNX_SCOPES_KEY "pkg.torch.onnx.name_scopes"

void *pages_new(const char *path, int64_t room);   /* zeroed memory that costs what is touched; munmap it */
OnnxScan onnx_scan(const char *path, Mapping file);
void onnx_scan_free(OnnxScan *scan);

/* ---- onnx.c: the whole file -------------------------------------------------------------------------------------- */

struct Weights;

typedef struct Import {
    const char *path;
    Mapping file;                      /* the model's own bytes; constants point into it */
    struct Weights *weights;           /* files of external data */
    Model *model;
    NameMap functions;                 /* by function_key() */
    Unsupported *unsupported;
    int64_t nodes;                     /* imported so far */
    Value *uncomputed;                 /* stands for outputs that sdc does not compute; reading it is unsupported */
    struct Sequence *sequences;        /* of sequence.c */
} Import;

/* Where a node stands. */
typedef struct Context {
    Import *import;
    Graph *graph;                      /* nodes are appended to it */
    Scope *scope;
    const struct Inlining *inlining;   /* the function whose body this is, NULL in graphs */
    int64_t opset;                     /* version of the default domain; 0 when it is not imported */
} Context;

/* The file is bad: "sdc: PATH: what", exit code SDC_BAD_INPUT. */
_Noreturn void refuse(const Import *im, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Version of the default domain among `imports`, 0 when absent; refuses contradictions. */
int64_t opset_of(const Import *im, Onnx__OperatorSetIdProto *const *imports, size_t n, const char *where);

/* ---- weights.c: external data ------------------------------------------------------------------------------------ */

struct Weights *weights_open(const char *model_path);
/* The whole of the file `location`, mapped once; fails unless it is a regular file that lies under the model's folder
 * or under the folder of the file that the model's path leads to.  what: "initializer 'w'", for messages. */
Mapping weights_map(struct Weights *w, const char *location, const char *what);

/* ---- tensor.c: constants ----------------------------------------------------------------------------------------- */

/* The tensor, or NULL after unsupported_add().  Data is checked to have exactly the length that the shape asks for.
 * Whole-byte types above SMALL_TENSOR bytes stay in the mapped file, at whatever alignment they have there: read them
 * with memcpy or dtype_load.  Smaller ones are copied (aligned), as are typed fields, bool (made 0 or 1) and types
 * below a byte (unpacked to one element a byte, so these cost anonymous memory). */
enum { SMALL_TENSOR = 1 << 16 };
const Tensor *tensor_import(Import *im, const Onnx__TensorProto *t, const char *what);
/* Made dense when that takes at most SPARSE_LIMIT bytes, else unsupported. */
enum { SPARSE_LIMIT = 1 << 26 };
const Tensor *tensor_import_sparse(Import *im, const Onnx__SparseTensorProto *t, const char *what);

/* ---- tensor_data.c: element coding in files ---------------------------------------------------------------------- */

/* Elements as the file codes them.  kept: they outlive the import. */
typedef struct TensorBytes { const uint8_t *data; int64_t bytes; bool kept; } TensorBytes;

/* The typed field (float_data ...) of the tensor's type, as its elements would stand in raw_data; data NULL when empty.
 */
TensorBytes tensor_typed_data(const Import *im, const Onnx__TensorProto *t, const char *what);
/* Sub-byte elements, lowest bits first, to one a byte; signed types are extended. */
void tensor_unpack(DType type, uint8_t *to, const uint8_t *from, int64_t count);

/* ---- types.c: declared types of inputs and outputs --------------------------------------------------------------- */

/* dtype and shape as declared.  Free axes become symbols of the model's graph; in a subgraph a shape with a free axis
 * is left to inference.  false after unsupported_add(). */
bool type_import(Import *im, const Onnx__ValueInfoProto *info, bool top, DType *dtype, Shape *shape);
bool type_supported(Import *im, const Onnx__ValueInfoProto *info);   /* false after unsupported_add() */
const char *foreign_type(int64_t onnx_type);       /* "string" for a type that sdc has not, NULL for those it has */

/* ---- attributes.c ------------------------------------------------------------------------------------------------ */

/* One attribute; false when it refers to one that the call of the function did not give. */
bool attribute_import(const Context *at, const Onnx__AttributeProto *a, const char *where, Attr *into);
/* All attributes of a node, references to the function's resolved.  *count is their number. */
Attr *attributes_import(const Context *at, const Onnx__NodeProto *node, int *count);
Attr *attribute_find(Attr *attrs, int count, const char *name);
/* The type that an op.def row's attribute list gives `name`; false when it does not list it. */
bool attribute_kind(const char *row, const char *name, AttrType *type);
const char *node_place(const Onnx__NodeProto *node);                 /* "node 'conv_1'"; lives until exit */
const char *node_title(const Onnx__NodeProto *node);                 /* "node 'conv_1' (Conv)" */

/* ---- order.c ----------------------------------------------------------------------------------------------------- */

/* Indices of nodes so that definitions come before uses; the file's order where that is possible.  Fails on a cycle
 * and on a name that is defined twice. */
int64_t *nodes_order(const struct Context *at, Onnx__NodeProto *const *nodes, size_t n);

/* ---- import.c: bodies -------------------------------------------------------------------------------------------- */

/* One node of the file with its operands looked up; the reader fills out[]. */
typedef struct Call {
    const Context *at;
    const Onnx__NodeProto *node;
    const char *name;                  /* operator */
    int n_in, n_out;
    Value **in;                        /* trailing absent ones are cut off */
    Value **out;
    Attr *attrs;
    int n_attrs;
} Call;

typedef void Reader(Call *c);

void import_graph(const Context *at, const Onnx__GraphProto *g);     /* into at->graph and at->scope */
void import_nodes(const Context *at, Onnx__NodeProto *const *nodes, size_t n);
void define(const Context *at, const char *name, Value *v, const char *where);      /* refuses a second definition */

/* ---- functions.c ------------------------------------------------------------------------------------------------- */

typedef struct Inlining {
    const struct Inlining *outer;
    const Onnx__FunctionProto *function;
    Attr *attrs;                       /* given by the call, else the function's defaults */
    int n_attrs, depth;
} Inlining;

void functions_index(Import *im, const Onnx__ModelProto *model);
const Onnx__FunctionProto *function_find(const Import *im, const Onnx__NodeProto *node);
void function_inline(const Context *at, const Onnx__NodeProto *node, const Onnx__FunctionProto *f, Value **in,
                     int n_in);

/* ---- opset.c: the table of opset.def ----------------------------------------------------------------------------- */

Reader *opset_reader(const char *domain, const char *op, int64_t opset);   /* NULL: not there in that version */
bool opset_knows(const char *op);                                    /* of the default domain, in any version */
bool domain_is_default(const char *domain);                          /* "", "ai.onnx" or absent */

/* ---- call.c: what readers do ------------------------------------------------------------------------------------- */

bool call_has(const Call *c, const char *name);
int64_t call_i(const Call *c, const char *name, int64_t absent);
double call_f(const Call *c, const char *name, double absent);
const char *call_s(const Call *c, const char *name, const char *absent);
const Attr *call_list(const Call *c, const char *name, AttrType type);               /* NULL when absent */
void call_drop(Call *c, const char *name);
void call_set(Call *c, Attr a);
Value *call_in(const Call *c, int k);                                                /* NULL when absent */
void call_set_in(Call *c, int k, Value *v);                                          /* extends the list when needed */
void call_arity(const Call *c, int low, int high);                   /* fails unless low <= n_in <= high; -1: any */
_Noreturn void call_fail(const Call *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void call_unsupported(Call *c, const char *what);  /* collects "WHAT" and gives the outputs placeholders */
/* The elements of a constant, as many as fit into room; -1 when it is not constant yet or has more. */
int64_t known_ints(const Value *v, int64_t *into, int64_t room);
/* The attribute list as a constant input k (axes, starts, ...), and off the attributes; absent: leaves the input
 * absent. */
void call_list_to_input(Call *c, const char *name, int k);

Value *emit_list(const Call *c, Op op, int n, Value *const *in);                     /* a node with one output */
#define emit(c, op, ...) \
    emit_list(c, op, (int)(sizeof((Value *[]){__VA_ARGS__}) / sizeof(Value *)), (Value *[]){__VA_ARGS__})
Value *constant_like(const Call *c, double v, Value *like);                          /* 0-D, of like's type */
Value *emit_ints(const Call *c, const int64_t *v, int count);
Value *emit_int(const Call *c, int64_t v);                                           /* 1-D with one element */
Node *read_as(Call *c, Op op);                     /* one node of that operator from all that is left of the call */

/* ---- modules.c --------------------------------------------------------------------------------------------------- */

char *module_of_node(const Onnx__NodeProto *node); /* as its metadata says, "mid_block.conv1"; NULL: it says nothing */
void modules_name(Graph *g);                       /* Value.module of the initializers that are modules' weights */

/* ---- sequence.c -------------------------------------------------------------------------------------------------- */

/* A sequence that the file builds from known parts is taken apart while importing; its name stands for a placeholder.
 */
typedef struct Sequence Sequence;
Sequence *sequence_of(const Import *im, const Value *placeholder);   /* NULL: an ordinary value */

#endif
