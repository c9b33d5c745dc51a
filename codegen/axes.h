/* axes.h: the loop nest of a strided kernel call: axes with one length and one stride an operand.
 *
 * Operand 0 is the result.  axes_simplify() brings the nest into the result's storage order with as few axes as
 * possible, so that the kernel's innermost loop is long and runs along memory. */
#ifndef SDC_AXES_H
#define SDC_AXES_H

#include "codegen.h"

enum { AXES_MAX = 2 * MAX_RANK, AXES_OPERANDS = 12 };

typedef struct {
    int rank, operands;
    int64_t dim[AXES_MAX];
    int64_t stride[AXES_OPERANDS][AXES_MAX];    /* in elements */
} Axes;

/* One axis a dimension of the views, which all have the same dims. */
Axes axes_of_views(int operands, const View *views);
/* An axis more, inside the others, for a nest of two operands. */
void axes_add(Axes *a, int64_t dim, int64_t to_stride, int64_t from_stride);
/* Drop axes of length 1, sort by the result's stride, merge neighbours that every operand stores one inside the other.
 * At least one axis remains. */
void axes_simplify(Axes *a);
int64_t axes_count(const Axes *a);              /* product of the lengths */
/* Parameters ROWS, OUTER, DIMS and one list of strides an operand, names[k] (NULL: none), for the first `outer` axes. */
void axes_parameters(Call *c, const Axes *a, int outer, const char *const *names);

/* Copy along the axes (any order, not yet simplified) from the first element of `from` to that of `to`; the views' own
 * dims do not count.  `conversion` is the element to store in terms of the stored element v, NULL: the plain cast
 * between the types. Empty nests give no call.  In lower_copy.c; kernels copy.h and transpose.h. */
Call *lower_copy_axes(Lowering *l, Node *n, View to, View from, Axes a, const char *conversion);
/* The same value into every element of `to`: kernel fill.h.  In lower_copy.c. */
void lower_fill_view(Lowering *l, Node *n, View to, int64_t value);

#endif
