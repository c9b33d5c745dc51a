/* match.h: what the recognising passes share.
 *
 * A pass walks from an anchor (a Sqrt, an Erf) up to operands and down to readers, and adds what it walks over to a
 * Match.  The last of these nodes stands for the group's result; every other result must be read only inside the group,
 * or its nodes would stay and be computed twice.  Matching is on structure and constants, never on names. */
#ifndef SDC_MATCH_H
#define SDC_MATCH_H

#include "../ir/sdc.h"

enum { MATCH_NODES = 32 };

typedef struct {
    Node *node[MATCH_NODES];
    int count;
    const char *why;                /* the first node that broke the pattern, for candidate_missed() */
} Match;

/* Both return false when the match can not go on, so that callers return what they return. */
bool match_add(Match *m, Node *n);                          /* n belongs to the group; no change when it does */
bool match_broke(Match *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Is the group closed: nothing but last's result is read outside? */
bool match_closed(Match *m, const Node *last);

const char *node_text(const Node *n);                                /* "n40 (Add)" */
const char *value_text(const Value *v);                              /* "v12" */

/* ---- constants ------------------------------------------------------------------------------------------------- */

/* Equal but for how constants are written: six digits, or the rounding of a narrow type. */
bool nearly(double value, double wanted, DType dtype);
bool scalar_of(const Value *v, double *c);                           /* a constant whose elements are all c */
bool is_scalar(const Value *v, double wanted);                       /* such a constant, nearly `wanted` */
/* A constant that broadcasts to `full` and varies along axes first .. end - 1 only: a scale for each channel.  What is
 * the same everywhere counts only where there is nothing to vary. */
bool varies_along(const Value *v, const Shape *full, int first, int end);

/* ---- neighbours ------------------------------------------------------------------------------------------------ */

Node *maker_of(const Value *v, Op op);                               /* v's node when it is an `op`, else NULL */
Node *only_reader(const Value *v);                                   /* NULL: none, several, an output, another graph */
bool why_not_read_once(Match *m, const Value *v);                    /* match_broke() when only_reader() is NULL */
Value *other_operand(const Node *n, const Value *v);        /* of a node with two; NULL when v is not just one */
bool is_reshape(const Node *n);                                      /* same elements in the same order; NULL is none */
Value *widened_from(const Value *v);                                 /* x when v is Cast(x), f16 or bf16 to f32 */
/* Two values that are the same by pointer, or the same Cast of one value. */
bool same_value(const Value *a, const Value *b);
/* MatMul of something that is no vector with a constant matrix. */
bool is_projection(const Node *n);
/* The constant row that an Add puts on *result, one element a column, and *result the sum; NULL and no change if none is. */
Value *bias_behind(Value **result);
/* The axes of a reduction with keepdims, when they are the last ones: the first of them; -1 otherwise. */
int trailing_axes(const Node *reduce);
/* Where along the last axis of a Slice's or Split's input v begins; -1 when it is not a plain piece of that axis. */
int64_t piece_begin(const Value *v);

#endif
