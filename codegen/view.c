/* view.c: where a value lives: a buffer, an offset and strides, as in numpy.  Rearranging a view moves no data. */
#include "codegen.h"

#include "../runtime/runtime.h"

int64_t view_count(const View *v)
{
    int64_t count = 1;
    for (int k = 0; k < v->rank; k++)
        count *= v->dim[k];
    return count;
}

bool view_same_order(const View *a, const View *b)
{
    for (int k = 0; k < a->rank; k++)
        if (a->dim[k] > 1 && a->stride[k] != b->stride[k])
            return false;
    return true;
}

/* Are the axes, taken in this order, stored one inside the other without gaps?  Axes of one element do not matter. */
static bool packed_in_order(const View *v, const int *axes)
{
    int64_t step = 1;
    for (int k = v->rank; k-- > 0;) {
        int axis = axes[k];
        if (v->dim[axis] != 1 && v->stride[axis] != step)
            return false;
        step *= v->dim[axis];
    }
    return true;
}

static bool has_elements(const View *v)
{
    for (int k = 0; k < v->rank; k++)
        if (!v->dim[k])
            return false;
    return true;
}

bool view_is_dense(const View *v)
{
    int axes[MAX_RANK];
    for (int k = 0; k < v->rank; k++)
        axes[k] = k;
    return !has_elements(v) || packed_in_order(v, axes);
}

void channels_last_axes(int rank, int *axes)
{
    for (int k = 0; k < rank; k++)
        axes[k] = k == 0 ? 0 : k == rank - 1 ? 1 : k + 1;
}

bool view_is_channels_last(const View *v)
{
    int axes[MAX_RANK];
    if (v->rank < 3)
        return view_is_dense(v);
    channels_last_axes(v->rank, axes);
    return !has_elements(v) || packed_in_order(v, axes);
}

View view_permute(View v, int rank, const int *perm)
{
    View r = v;
    r.rank = rank;
    for (int k = 0; k < rank; k++) {
        r.dim[k] = v.dim[perm[k]];
        r.stride[k] = v.stride[perm[k]];
    }
    return r;
}

View view_broadcast(View v, int rank, const int64_t *dim)
{
    View r = v;
    r.rank = rank;
    for (int k = 0; k < rank; k++) {
        int from = k - (rank - v.rank);
        bool there = from >= 0 && v.dim[from] == dim[k];
        if (!there && from >= 0 && v.dim[from] != 1)
            bug("a view of extent %lld is broadcast to %lld", (long long)v.dim[from], (long long)dim[k]);
        r.dim[k] = dim[k];
        r.stride[k] = there && dim[k] != 1 ? v.stride[from] : 0;
    }
    return r;
}

/* numpy's no-copy reshape: match runs of old axes with runs of new axes of the same product; inside a run the old axes
 * must be stored one inside the other. */
bool view_reshape(View *v, int rank, const int64_t *dim)
{
    View old = {.rank = 0}, r = *v;
    r.rank = rank;
    for (int k = 0; k < rank; k++)
        r.dim[k] = dim[k], r.stride[k] = 0;
    if (!has_elements(v)) {
        *v = r;
        return true;
    }
    for (int k = 0; k < v->rank; k++)
        if (v->dim[k] != 1) {
            old.dim[old.rank] = v->dim[k];
            old.stride[old.rank++] = v->stride[k];
        }
    int o = 0, n = 0;
    while (o < old.rank && n < rank) {
        int o_end = o + 1, n_end = n + 1;
        int64_t o_count = old.dim[o], n_count = dim[n];
        while (o_count != n_count) {
            if (o_count < n_count) {
                if (o_end == old.rank)
                    return false;
                o_count *= old.dim[o_end++];
            } else {
                if (n_end == rank)
                    return false;
                n_count *= dim[n_end++];
            }
        }
        for (int k = o; k + 1 < o_end; k++)
            if (old.stride[k] != old.stride[k + 1] * old.dim[k + 1])
                return false;
        int64_t step = old.stride[o_end - 1];
        for (int k = n_end; k-- > n;) {
            r.stride[k] = step;
            step *= dim[k];
        }
        o = o_end;
        n = n_end;
    }
    *v = r;
    return true;
}

View view_at(View whole, int axis, const LoopIndex *index, bool backwards)
{
    View v = whole;
    v.rank--;
    for (int k = axis; k < v.rank; k++) {
        v.dim[k] = whole.dim[k + 1];
        v.stride[k] = whole.stride[k + 1];
    }
    if (v.index)
        bug("a view has two loop indices");
    v.index = index;
    v.index_stride = backwards ? -whole.stride[axis] : whole.stride[axis];
    if (backwards)
        v.offset += (whole.dim[axis] - 1) * whole.stride[axis];
    return v;
}
