/* window.h: the sliding window that convolutions, pools and their transposes share.
 *
 * Shape rules make one from the node's attributes, which validates them; evaluators and lowerings make the same one
 * again and never look at the attributes themselves.  Extents of the spatial axes only, in ONNX order. */
#ifndef SDC_WINDOW_H
#define SDC_WINDOW_H

#include "sdc.h"

typedef struct {
    int rank;                       /* spatial axes, 1..MAX_RANK - 2 */
    int64_t in[MAX_RANK];           /* of the data that the window slides over */
    int64_t kernel[MAX_RANK], stride[MAX_RANK], dilation[MAX_RANK];
    int64_t before[MAX_RANK], after[MAX_RANK];   /* padding; `after` may be exceeded by a pool in ceil mode */
    int64_t out[MAX_RANK];
} Window;

/* Conv, ConvInteger, QLinearConv: x [N,C,in...], w [K,C/group,kernel...].  Fails the node where they do not fit. */
Window window_conv(const Node *n, const Shape *x, const Shape *w);
/* AveragePool, MaxPool, LpPool over x [N,C,in...]. */
Window window_pool(const Node *n, const Shape *x);
/* ConvTranspose: x [N,C,in...], w [C,K/group,kernel...].  The result is the window's `out`, x its `in`. */
Window window_transposed(const Node *n, const Shape *x, const Shape *w);
/* Only kernel, stride, dilation and padding, for ops with a rule of their own for the extents (kernel NULL:
 * the attribute gives it). */
Window window_attributes(const Node *n, int rank, const int64_t *kernel);

int64_t window_taps(const Window *w);           /* product of the kernel's extents */
int64_t window_span(const Window *w, int axis); /* extent that the dilated kernel covers */

#endif
