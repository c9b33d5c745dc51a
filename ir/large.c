/* large.c: see large.h. */
#include "large.h"

#include <stdlib.h>
#include <string.h>

#include "../runtime/dtype_bits.h"
#include "../runtime/runtime.h"

enum { BLOCK = 32 };                /* elements along a side of what is transposed at a time, so that caches hold both */

static Tensor *room_for(const Value *v)
{
    const int64_t count = shape_count(&v->shape);
    Tensor *t = malloc(sizeof *t + (size_t)count * (size_t)dtype_info(v->dtype)->bytes + 8);
    if (!t)
        fail(SDC_NO_SPACE, "out of memory making a weight of %lld elements", (long long)count);
    *t = (Tensor){.dtype = v->dtype, .shape = v->shape, .count = count, .data = t + 1};
    return t;
}

static void narrow(Tensor *to, const Tensor *from)
{
    const char *at = from->data;                        /* perhaps unaligned, in a mapped file */
    uint16_t *y = (uint16_t *)(uintptr_t)to->data;
    for (int64_t k = 0; k < to->count; k++, at += sizeof(float)) {
        float x;
        memcpy(&x, at, sizeof x);
        y[k] = to->dtype == DT_BF16 ? dt_bf16_from_f(x) : dt_f16_from_f(x);
    }
}

/* y[i * step + j] = x[j * other + i] for all i below rows and j below columns. */
static void turn(char *y, const char *x, size_t size, int64_t rows, int64_t columns, int64_t step, int64_t other)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            memcpy(y + (size_t)(i * step + j) * size, x + (size_t)(j * other + i) * size, size);
}

/* The last axis of the result by the one that is last in the source, in blocks that caches hold; others one by one. */
static void transpose(Tensor *to, const Tensor *from, const int64_t *perm)
{
    const int rank = to->shape.rank, last = rank - 1;
    const size_t size = (size_t)dtype_info(to->dtype)->bytes;
    int64_t from_step[MAX_RANK], step[MAX_RANK], at[MAX_RANK] = {0};
    int inner = last;               /* the axis of the result along which the source lies side by side */
    shape_strides(&from->shape, from_step);
    shape_strides(&to->shape, step);
    for (int k = 0; k < rank; k++)
        if (perm[k] == last)
            inner = k;
    const int64_t columns = to->shape.dim[last], rows = inner == last ? 1 : to->shape.dim[inner];
    for (int64_t done = 0; done < to->count; done += rows * columns) {
        const char *x = from->data;
        char *y = (char *)(uintptr_t)to->data;
        for (int k = 0; k < last; k++) {
            x += (size_t)(at[k] * from_step[perm[k]]) * size;
            y += (size_t)(at[k] * step[k]) * size;
        }
        if (inner == last)
            memcpy(y, x, (size_t)columns * size);
        for (int64_t i = 0; inner != last && i < rows; i += BLOCK)
            for (int64_t j = 0; j < columns; j += BLOCK)
                turn(y + (size_t)(i * step[inner] + j) * size, x + (size_t)(j * from_step[perm[last]] + i) * size, size,
                     rows - i < BLOCK ? rows - i : BLOCK, columns - j < BLOCK ? columns - j : BLOCK, step[inner],
                     from_step[perm[last]]);
        for (int k = last - 1; k >= 0; k--)
            if (k != inner && ++at[k] < to->shape.dim[k])
                break;
            else
                at[k] = 0;
    }
}

Tensor *large_tensor(const Value *v)
{
    const Node *n = v->def;
    int64_t perm[MAX_RANK];
    const bool narrows = n->op == OP_Cast && n->in[0]->dtype == DT_F32 && dtype_is_half(v->dtype);
    if (!narrows && (n->op != OP_Transpose || v->shape.rank < 2))
        return NULL;
    Tensor *t = room_for(v);
    const Tensor *from = constant_tensor(n->in[0]);
    if (narrows) {
        narrow(t, from);
    } else {
        transpose_perm(n, perm);
        transpose(t, from, perm);
    }
    if (t->count > 1 << 20)
        memory_sample();
    constant_release(n->in[0]);
    return t;
}
