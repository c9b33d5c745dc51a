/* kernels_0.c: kernel instances; emitted by sdc. */
#include "kernels.h"

/* transpose [1,16,4,4] */
#define NAME transpose_0
#define R f32
#define T f32
#define EXPR v
#define SAME 1
#define N 16
#define NX 16
#define M 16
#define MR 16
#define ROWS 1
#define OUTER 0
#define DIMS 0
#define SR 0
#define S0 0
#include "transpose.h"

/* matmul [1,4,4,32], depth 16, constant b, + bias, then Div, Tanh, Mul */
#define NAME gemm_1
#define ROWS 16
#define COLUMNS 32
#define DEPTH 16
#define OUTER 1
#define INNER 1
#define Y_ROW 32
#define Y_OUTER 0
#define Y_INNER 0
#define A_ROW 16
#define A_OUTER 0
#define A_INNER 0
#define B_OUTER 0
#define B_INNER 0
#define HAS_BIAS 1
#define B_FORM SDC_B_PACKED
#define EXTRAS(X) 
#define STEPS const float t0 = v / K(3.0000000000000000); \
    const float t1 = TANH(t0); \
    const float t2 = t1 * K(3.0000000000000000);
#define RESULT t2
#include "gemm.h"

/* conv 3x3 [1,32,4,4] -> [1,64,4,4], + bias, then Relu */
#define NAME conv_2
#define BATCH 1
#define IN_H 4
#define IN_W 4
#define OUT_H 4
#define OUT_W 4
#define KERNEL_H 3
#define KERNEL_W 3
#define STRIDE_H 1
#define STRIDE_W 1
#define PAD_TOP 1
#define PAD_LEFT 1
#define DILATION_H 1
#define DILATION_W 1
#define IN_C 32
#define OUT_C 64
#define CHUNK 32
#define BLOCK_H 4
#define BLOCK_W 4
#define GROUPS 1
#define UNIT_PANELS 1
#define HAS_BIAS 1
#define EXTRAS(X) 
#define STEPS const float t0 = SELECT(v < K(0), K(0), v);
#define RESULT t0
#include "conv.h"

/* matmul [1,4,4,256], depth 64, constant b */
#define NAME gemm_3
#define ROWS 16
#define COLUMNS 256
#define DEPTH 64
#define OUTER 1
#define INNER 1
#define Y_ROW 256
#define Y_OUTER 0
#define Y_INNER 0
#define A_ROW 64
#define A_OUTER 0
#define A_INNER 0
#define B_OUTER 0
#define B_INNER 0
#define HAS_BIAS 0
#define B_FORM SDC_B_PACKED
#include "gemm.h"

/* GroupNormalization [1,256,4,4], channels last, then Relu */
#define NAME group_norm_4
#define GROUPS 4
#define BLOCK 32
#define APPLY 1
#define GIVEN 0
#define EPSILON 9.9999997473787516e-06
#define T f32
#define BATCH 1
#define CHANNELS 256
#define AREA 16
#define LAST 1
#define EXTRAS(X) 
#define STEPS const float t0 = SELECT(v < K(0), K(0), v);
#define RESULT t0
#include "group_norm.h"

/* matmul [1,4,4,64], depth 256, constant b, then Add */
#define NAME gemm_5
#define ROWS 16
#define COLUMNS 64
#define DEPTH 256
#define OUTER 1
#define INNER 1
#define Y_ROW 64
#define Y_OUTER 0
#define Y_INNER 0
#define A_ROW 256
#define A_OUTER 0
#define A_INNER 0
#define B_OUTER 0
#define B_INNER 0
#define HAS_BIAS 0
#define B_FORM SDC_B_PACKED
#define EXTRAS(X) X(0, f32, 1, (row) % 16 * 64)
#define STEPS const float t0 = x0 + v;
#define RESULT t0
#include "gemm.h"

/* conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Relu */
#define NAME conv_6
#define BATCH 1
#define IN_H 4
#define IN_W 4
#define OUT_H 4
#define OUT_W 4
#define KERNEL_H 3
#define KERNEL_W 3
#define STRIDE_H 1
#define STRIDE_W 1
#define PAD_TOP 1
#define PAD_LEFT 1
#define DILATION_H 1
#define DILATION_W 1
#define IN_C 64
#define OUT_C 64
#define CHUNK 64
#define BLOCK_H 4
#define BLOCK_W 4
#define GROUPS 1
#define UNIT_PANELS 1
#define HAS_BIAS 1
#define EXTRAS(X) 
#define STEPS const float t0 = SELECT(v < K(0), K(0), v);
#define RESULT t0
#include "conv.h"

/* conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Add, Relu */
#define NAME conv_7
#define BATCH 1
#define IN_H 4
#define IN_W 4
#define OUT_H 4
#define OUT_W 4
#define KERNEL_H 3
#define KERNEL_W 3
#define STRIDE_H 1
#define STRIDE_W 1
#define PAD_TOP 1
#define PAD_LEFT 1
#define DILATION_H 1
#define DILATION_W 1
#define IN_C 64
#define OUT_C 64
#define CHUNK 64
#define BLOCK_H 4
#define BLOCK_W 4
#define GROUPS 1
#define UNIT_PANELS 1
#define HAS_BIAS 1
#define EXTRAS(X) X(0, f32, 1, (row) % 16 * 64)
#define STEPS const float t0 = v + x0; \
    const float t1 = SELECT(t0 < K(0), K(0), t0);
#define RESULT t1
#include "conv.h"

/* resize nearest [1,64,4,4], conv 3x3 [1,64,8,8] -> [1,64,8,8] */
#define NAME conv_8
#define BATCH 1
#define IN_H 8
#define IN_W 8
#define OUT_H 8
#define OUT_W 8
#define KERNEL_H 3
#define KERNEL_W 3
#define STRIDE_H 1
#define STRIDE_W 1
#define PAD_TOP 1
#define PAD_LEFT 1
#define DILATION_H 1
#define DILATION_W 1
#define IN_C 64
#define OUT_C 64
#define CHUNK 64
#define BLOCK_H 8
#define BLOCK_W 8
#define GROUPS 1
#define UNIT_PANELS 1
#define HAS_BIAS 0
#define UP_H 2
#define UP_W 2
#include "conv.h"

/* conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Relu */
#define NAME conv_9
#define BATCH 1
#define IN_H 8
#define IN_W 8
#define OUT_H 8
#define OUT_W 8
#define KERNEL_H 3
#define KERNEL_W 3
#define STRIDE_H 1
#define STRIDE_W 1
#define PAD_TOP 1
#define PAD_LEFT 1
#define DILATION_H 1
#define DILATION_W 1
#define IN_C 64
#define OUT_C 64
#define CHUNK 64
#define BLOCK_H 8
#define BLOCK_W 8
#define GROUPS 1
#define UNIT_PANELS 1
#define HAS_BIAS 1
#define EXTRAS(X) 
#define STEPS const float t0 = SELECT(v < K(0), K(0), v);
#define RESULT t0
#include "conv.h"

/* conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Add, Relu */
#define NAME conv_10
#define BATCH 1
#define IN_H 8
#define IN_W 8
#define OUT_H 8
#define OUT_W 8
#define KERNEL_H 3
#define KERNEL_W 3
#define STRIDE_H 1
#define STRIDE_W 1
#define PAD_TOP 1
#define PAD_LEFT 1
#define DILATION_H 1
#define DILATION_W 1
#define IN_C 64
#define OUT_C 64
#define CHUNK 64
#define BLOCK_H 8
#define BLOCK_W 8
#define GROUPS 1
#define UNIT_PANELS 1
#define HAS_BIAS 1
#define EXTRAS(X) X(0, f32, 1, (row) % 64 * 64)
#define STEPS const float t0 = v + x0; \
    const float t1 = SELECT(t0 < K(0), K(0), t0);
#define RESULT t1
#include "conv.h"

/* resize nearest [1,64,8,8], conv 3x3 [1,64,16,16] -> [1,64,16,16], Winograd 4x4 */
#define NAME conv_winograd_11
#define BATCH 1
#define IN_H 16
#define IN_W 16
#define OUT_H 16
#define OUT_W 16
#define KERNEL_H 3
#define KERNEL_W 3
#define STRIDE_H 1
#define STRIDE_W 1
#define PAD_TOP 1
#define PAD_LEFT 1
#define DILATION_H 1
#define DILATION_W 1
#define IN_C 64
#define OUT_C 64
#define CHUNK 64
#define BLOCK_H 16
#define BLOCK_W 16
#define OUTPUTS 4
#define UNIT_BLOCKS 1
#define ROUND_BLOCKS 1
#define HAS_BIAS 0
#define UP_H 2
#define UP_W 2
#include "conv_winograd.h"
