/* transpose.h: a copy whose source runs along another axis than its result, in tiles that keep both sides in cache.
 *
 *      void NAME(SdcContext *c, st_R *result, const st_T *x)
 *
 *      result[.., m * MR + n] = EXPR of x[.., n * NX + m]       0 <= m < M, 0 <= n < N
 *
 *   NAME               the function
 *   R  T  EXPR  SAME   types, the element to store from the stored element v, and whether that is v, as in copy.h
 *   M  MR              length of the source's unit-stride axis, and the result's stride along it
 *   N  NX              length of the result's unit-stride axis, and the source's stride along it
 *   ROWS               product of the other axes; 0 is legal, M and N are at least 1
 *   OUTER DIMS SR S0   number, lengths and strides of the other axes, in the result's storage order
 *
 * A unit is a block of UNIT_M x UNIT_N elements; it goes through it in tiles of TILE x TILE, whole cache lines wide, so
 * that lines of both memories are used up while they are in the first cache. */
#include "kernel.h"
#include "index.h"
#include "transpose_block.h"

#ifndef NAME
#define NAME transpose_default
#define R f32
#define T f32
#define EXPR v
#define SAME 1
#define M 4096
#define MR 320
#define N 320
#define NX 4096
#define ROWS 2
#define OUTER 1
#define DIMS 2
#define SR 1310720
#define S0 1310720
#endif

#define TILE 32
#define UNIT_M 256
#define UNIT_N 256
#define BLOCKS_M ((M + UNIT_M - 1) / UNIT_M)
#define BLOCKS_N ((N + UNIT_N - 1) / UNIT_N)

typedef struct {
    SDC_CAT(st_, R) *result;
    const SDC_CAT(st_, T) *x;
} SDC_CAT(NAME, _arguments);

/* columns[i][j] = rows[j * stride + i], m x n elements. */
SDC_INLINE void SDC_CAT(NAME, _turn)(int64_t m, int64_t n, SDC_CAT(st_, R) (*columns)[TILE],
                                     const SDC_CAT(st_, R) *rows, int64_t stride)
{
    const int block = sizeof *rows == 1 ? TILE + 1 : 16 / (int)sizeof *rows;           /* bytes go one by one */
    const int64_t whole_m = m / block * block, whole_n = n / block * block;
    for (int64_t j = 0; j < whole_n; j += block)
        for (int64_t i = 0; i < whole_m; i += block) {
            void *to = &columns[i][j];
            const void *from = rows + j * stride + i;
            if (sizeof *rows == 2)
                sdc_transpose_16(to, TILE, from, stride);
            else if (sizeof *rows == 4)
                sdc_transpose_32(to, TILE, from, stride);
            else
                sdc_transpose_64(to, TILE, from, stride);
        }
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = j < whole_n ? whole_m : 0; i < m; i++)
            columns[i][j] = rows[j * stride + i];
}

/* m x n elements, both at most TILE.  The buffers keep strides that are powers of two, whose lines evict each other,
 * out of the inner loops: each line of either memory is touched once. */
SDC_INLINE void SDC_CAT(NAME, _tile)(int64_t m, int64_t n, SDC_CAT(st_, R) *restrict result,
                                     const SDC_CAT(st_, T) *restrict x)
{
    SDC_CAT(st_, R) columns[TILE][TILE];
    if (SAME) {
        SDC_CAT(NAME, _turn)(m, n, columns, (const void *)x, NX);
    } else {
        SDC_CAT(st_, R) rows[TILE][TILE];
        for (int64_t j = 0; j < n; j++)
            for (int64_t i = 0; i < m; i++) {
                const SDC_CAT(st_, T) v = x[j * NX + i];
                rows[j][i] = EXPR;
            }
        SDC_CAT(NAME, _turn)(m, n, columns, rows[0], TILE);
    }
    for (int64_t i = 0; i < m; i++)
        memcpy(result + i * MR, columns[i], (size_t)n * sizeof *result);
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t dims[] = {DIMS};
    static const int64_t strides[] = {SR, S0};
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t block = unit % (BLOCKS_M * BLOCKS_N);
        const int64_t m0 = block / BLOCKS_N * UNIT_M, n0 = block % BLOCKS_N * UNIT_N;
        const int64_t m1 = m0 + UNIT_M < M ? m0 + UNIT_M : M, n1 = n0 + UNIT_N < N ? n0 + UNIT_N : N;
        SdcWalk w;
        sdc_walk_start(&w, unit / (BLOCKS_M * BLOCKS_N), OUTER, dims, 2, strides);
        for (int64_t n = n0; n < n1; n += TILE)
            for (int64_t m = m0; m < m1; m += TILE) {
                SDC_CAT(st_, R) *to = a->result + w.offset[0] + m * MR + n;
                const SDC_CAT(st_, T) *from = a->x + w.offset[1] + n * NX + m;
                if (m1 - m >= TILE && n1 - n >= TILE)
                    SDC_CAT(NAME, _tile)(TILE, TILE, to, from);
                else
                    SDC_CAT(NAME, _tile)(m1 - m < TILE ? m1 - m : TILE, n1 - n < TILE ? n1 - n : TILE, to, from);
            }
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, R) *result, const SDC_CAT(st_, T) *x)
{
    SDC_CAT(NAME, _arguments) a = {result, x};
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, ROWS * BLOCKS_M * BLOCKS_N);
}

#undef TILE
#undef UNIT_M
#undef UNIT_N
#undef BLOCKS_M
#undef BLOCKS_N
#undef NAME
#undef R
#undef T
#undef EXPR
#undef SAME
#undef M
#undef MR
#undef N
#undef NX
#undef ROWS
#undef OUTER
#undef DIMS
#undef SR
#undef S0
