/* resize.h: Resize taken apart into one table an axis.  Every mode of ONNX Resize is separable: along an axis, an
 * element of the result is a weighted sum of a few elements of the data.  Shape rule, evaluator and lowering share the
 * tables. */
#ifndef SDC_RESIZE_H
#define SDC_RESIZE_H

#include "sdc.h"

typedef struct {
    int64_t in, out;
    bool identity;                  /* nothing to do along this axis; there is no table */
    int64_t taps;                   /* terms of one element; 1 for nearest */
    int64_t *index;                 /* [out][taps], each in 0..in-1; -1 in the first: the result is `extrapolation` */
    double *weight;                 /* [out][taps] */
} ResizeAxis;

typedef struct {
    int rank;
    double extrapolation;
    ResizeAxis axis[MAX_RANK];
} Resize;

/* Extents alone (tables unset), for the shape rule; fails the node on anything that does not fit. */
Resize resize_extents(const Node *n);
/* With tables; they live until exit. */
Resize resize_tables(const Node *n);

/* Does n just repeat the elements of an image [N,C,spatial...], factor[k] times along spatial axis k? */
bool resize_repeats(const Node *n, int64_t *factor);

#endif
