/* axes.c: the loop nest of a strided kernel call. */
#include "axes.h"

#include <stdlib.h>

#include "../runtime/runtime.h"

Axes axes_of_views(int operands, const View *views)
{
    Axes a = {.rank = views[0].rank, .operands = operands};
    for (int k = 0; k < a.rank; k++) {
        a.dim[k] = views[0].dim[k];
        for (int o = 0; o < operands; o++) {
            if (views[o].rank != a.rank || views[o].dim[k] != a.dim[k])
                bug("operands of one loop nest differ in their dims");
            a.stride[o][k] = views[o].stride[k];
        }
    }
    return a;
}

void axes_add(Axes *a, int64_t dim, int64_t to_stride, int64_t from_stride)
{
    if (a->rank == AXES_MAX)
        bug("a loop nest of more than %d axes", AXES_MAX);
    a->operands = 2;
    a->dim[a->rank] = dim;
    a->stride[0][a->rank] = to_stride;
    a->stride[1][a->rank++] = from_stride;
}

static void axis_move(Axes *a, int to, int from)
{
    a->dim[to] = a->dim[from];
    for (int o = 0; o < a->operands; o++)
        a->stride[o][to] = a->stride[o][from];
}

static void drop_units(Axes *a)
{
    int kept = 0;
    for (int k = 0; k < a->rank; k++)
        if (a->dim[k] != 1)
            axis_move(a, kept++, k);
    a->rank = kept;
}

static void sort_by_result(Axes *a)
{
    for (int k = 1; k < a->rank; k++)
        for (int j = k; j > 0 && llabs(a->stride[0][j - 1]) < llabs(a->stride[0][j]); j--) {
            Axes before = *a;
            axis_move(a, j, j - 1);
            a->dim[j - 1] = before.dim[j];
            for (int o = 0; o < a->operands; o++)
                a->stride[o][j - 1] = before.stride[o][j];
        }
}

/* Is axis k just a longer run of axis k + 1 for every operand? */
static bool mergeable(const Axes *a, int k)
{
    for (int o = 0; o < a->operands; o++)
        if (a->stride[o][k] != a->stride[o][k + 1] * a->dim[k + 1])
            return false;
    return true;
}

void axes_simplify(Axes *a)
{
    drop_units(a);
    sort_by_result(a);
    int last = 0;
    for (int k = 1; k < a->rank; k++) {
        axis_move(a, last + 1, k);
        if (mergeable(a, last)) {
            int64_t merged = a->dim[last] * a->dim[last + 1];
            axis_move(a, last, last + 1);
            a->dim[last] = merged;
        } else {
            last++;
        }
    }
    if (a->rank == 0) {
        a->dim[0] = 1;
        for (int o = 0; o < a->operands; o++)
            a->stride[o][0] = 1;
    }
    a->rank = last + 1;
}

int64_t axes_count(const Axes *a)
{
    int64_t count = 1;
    for (int k = 0; k < a->rank; k++)
        count *= a->dim[k];
    return count;
}

void axes_parameters(Call *c, const Axes *a, int outer, const char *const *names)
{
    int64_t rows = 1;
    for (int k = 0; k < outer; k++)
        rows *= a->dim[k];
    call_int(c, "ROWS", rows);
    call_int(c, "OUTER", outer);
    call_dims(c, "DIMS", outer, a->dim);
    for (int o = 0; names && o < a->operands; o++)
        call_dims(c, names[o], outer, a->stride[o]);
}
