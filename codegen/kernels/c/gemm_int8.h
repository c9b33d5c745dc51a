/* gemm_int8.h: Y[M][N] = A[M][K] B[K][N] * scale[N] + bias[N], for every matrix of a batch, of 8-bit integers with 32-bit sums.
 *
 *      void NAME(SdcContext *c, st_TY *y, const st_i8 *a, const st_i8 *b, const float *bias [, const st_i8 *other]
 *                [, operands of EXTRAS])
 *
 * Parameters and operands are those of gemm_bf16.h, but for A, of which pairs of codes lie where one bf16 would: DEPTH, A_ROW,
 * A_OUTER and A_INNER count pairs.  b: written by pack_codes_bf16() for slices of 64 depths.  What the
 * codes of A stand for is a factor that is part of B's scales.
 *
 * Sums are exact, so it is the same by AMX tiles, by vpdpbusd and by the emulation of the former. */
#define INT8 1
#include "gemm_bf16.h"
