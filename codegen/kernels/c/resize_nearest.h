/* resize_nearest.h: Resize in mode nearest: every element of y is an element of x, found through one table an axis.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x, const int32_t *tables)
 *
 *   NAME               the function
 *   T                  type of x and y
 *   RANK OUT           axes of y in storage order, y without gaps; the last one runs over blocks of BLOCK elements
 *   X_STRIDES          of x along them, in elements
 *   TABLES             where the axis' table [OUT] begins in `tables`; -1: index k of y is index k of x
 *   BLOCK              elements that stay together
 *   OUTSIDE FILL       1: a table entry of -1 stands for the value FILL, a ct_T
 *
 * A unit is one row along the last axis. */
#include "kernel.h"
#include "window.h"

#ifndef NAME
#define NAME resize_nearest_default
#define T f32
#define RANK 3
#define OUT 2, 16, 16
#define X_STRIDES 4096, 512, 64
#define TABLES -1, 0, 16
#define BLOCK 64
#define OUTSIDE 0
#define FILL 0
#endif

#define STORED SDC_CAT(st_, T)

typedef struct {
    STORED *y;
    const STORED *x;
    const int32_t *tables;
} SDC_CAT(NAME, _arguments);

static inline int64_t SDC_CAT(NAME, _index)(const int32_t *tables, int axis, int64_t k)
{
    static const int64_t begin[] = {TABLES};
    return begin[axis] < 0 ? k : tables[begin[axis] + k];
}

static inline void SDC_CAT(NAME, _fill)(STORED *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = SDC_CAT(to_, T)((SDC_CAT(ct_, T))(FILL));
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t out[] = {OUT}, strides[] = {X_STRIDES};
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t row = begin; row < end; row++) {
        int64_t at[RANK], from = 0;
        bool outside = false;
        sdc_window_row(RANK, out, row, at);
        for (int d = 0; d < RANK - 1; d++) {
            const int64_t index = SDC_CAT(NAME, _index)(a->tables, d, at[d]);
            outside |= OUTSIDE && index < 0;
            from += index * strides[d];
        }
        STORED *y = a->y + row * out[RANK - 1] * BLOCK;
        if (outside) {
            SDC_CAT(NAME, _fill)(y, out[RANK - 1] * BLOCK);
            continue;
        }
        const STORED *x = a->x + from;
        for (int64_t k = 0; k < out[RANK - 1]; k++) {
            const int64_t index = SDC_CAT(NAME, _index)(a->tables, RANK - 1, k);
            if (OUTSIDE && index < 0)
                SDC_CAT(NAME, _fill)(y + k * BLOCK, BLOCK);
            else if (BLOCK == 1)
                y[k] = x[index * strides[RANK - 1]];
            else
                memcpy(y + k * BLOCK, x + index * strides[RANK - 1], BLOCK * sizeof *y);
        }
    }
}

void NAME(SdcContext *c, STORED *y, const STORED *x, const int32_t *tables)
{
    static const int64_t out[] = {OUT};
    SDC_CAT(NAME, _arguments) a = {y, x, tables};
    const int64_t rows = sdc_window_rows(RANK, out);
    sdc_run(c, SDC_CAT(NAME, _part), &a, rows, rows * out[RANK - 1] * BLOCK * 4);
}

#undef STORED
#undef NAME
#undef T
#undef RANK
#undef OUT
#undef X_STRIDES
#undef TABLES
#undef BLOCK
#undef OUTSIDE
#undef FILL
