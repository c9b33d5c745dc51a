/* einsum.h: an Einsum equation, taken apart.  Shape rule, evaluator and lowering work on labels and extents alone. */
#ifndef SDC_EINSUM_H
#define SDC_EINSUM_H

#include "sdc.h"

/* Labels: 'A'..'Z' are 0..25, 'a'..'z' 26..51, and 52 + k is the axis k of the ellipsis, counted from the right. */
enum { EINSUM_ELLIPSIS = 52, EINSUM_LABELS = EINSUM_ELLIPSIS + MAX_RANK, EINSUM_OPERANDS = 16 };

typedef struct {
    int n_in;
    int rank[EINSUM_OPERANDS];
    int label[EINSUM_OPERANDS][MAX_RANK];   /* of each axis of each operand */
    int out_rank;
    int out[MAX_RANK];                      /* label of each axis of the result; no label twice */
    int n_sum;
    int sum[EINSUM_LABELS];                 /* labels that are summed over, in order of appearance */
    int64_t extent[EINSUM_LABELS];          /* 0..; -1 where a label is not used */
} Einsum;

/* Parses attribute `equation` against the inputs' shapes; fails the node on anything that does not fit. */
Einsum einsum_parse(const Node *n);

/* Distance between neighbours along each label of operand k, given the distance along each of its axes: an axis of
 * extent 1 is repeated (0), an axis pair with one label walks the diagonal (the sum). */
void einsum_strides(const Einsum *e, int k, const int64_t *dim, const int64_t *axis_stride, int64_t *label_stride);

#endif
