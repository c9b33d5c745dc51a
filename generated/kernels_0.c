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

/* matmul [1,4,4,32], depth 16, constant b, + bias */
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
#include "gemm.h"

/* Div [1,32,4,4], [] -> f32 [1,32,4,4] */
#define NAME elementwise_2
#define INPUTS 2
#define A f32
#define CONVERT 0
#define EXPR x / y
#define N 512
#define R f32
#define IR 1
#define T0 f32
#define I0 1
#define T1 f32
#define I1 0
#define ROWS 1
#define OUTER 0
#define DIMS 0
#define SR 0
#define S0 0
#define S1 0
#define P 0.0000000000000000
#define Q 0.0000000000000000
#include "elementwise.h"

/* Tanh [1,32,4,4] -> f32 [1,32,4,4] */
#define NAME elementwise_3
#define INPUTS 1
#define A f32
#define CONVERT 0
#define EXPR TANH(x)
#define N 512
#define R f32
#define IR 1
#define T0 f32
#define I0 1
#define ROWS 1
#define OUTER 0
#define DIMS 0
#define SR 0
#define S0 0
#define P 0.0000000000000000
#define Q 0.0000000000000000
#include "elementwise.h"

/* Mul [1,32,4,4], [] -> f32 [1,32,4,4] */
#define NAME elementwise_4
#define INPUTS 2
#define A f32
#define CONVERT 0
#define EXPR x * y
#define N 512
#define R f32
#define IR 1
#define T0 f32
#define I0 1
#define T1 f32
#define I1 0
#define ROWS 1
#define OUTER 0
#define DIMS 0
#define SR 0
#define S0 0
#define S1 0
#define P 0.0000000000000000
#define Q 0.0000000000000000
#include "elementwise.h"

/* conv 3x3 [1,32,4,4] -> [1,64,4,4], + bias */
#define NAME conv_5
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
#define GROUPS 1
#define CHUNK 32
#define BLOCK_H 4
#define BLOCK_W 4
#define UNIT_PANELS 1
#define HAS_BIAS 1
#include "conv.h"

/* Relu [1,64,4,4] -> f32 [1,64,4,4] */
#define NAME elementwise_6
#define INPUTS 1
#define A f32
#define CONVERT 0
#define EXPR SELECT(x < K(0), K(0), x)
#define N 1024
#define R f32
#define IR 1
#define T0 f32
#define I0 1
#define ROWS 1
#define OUTER 0
#define DIMS 0
#define SR 0
#define S0 0
#define P 0.0000000000000000
#define Q 0.0000000000000000
#include "elementwise.h"

/* matmul [1,4,4,256], depth 64, constant b */
#define NAME gemm_7
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

/* GroupNormalization [1,256,4,4], channels last */
#define NAME group_norm_8
#define GROUPS 4
#define BLOCK 32
#define T f32
#define BATCH 1
#define CHANNELS 256
#define AREA 16
#define LAST 1
#define EPSILON 9.9999997473787516e-06
#include "group_norm.h"

/* Relu [1,256,4,4] -> f32 [1,256,4,4] */
#define NAME elementwise_9
#define INPUTS 1
#define A f32
#define CONVERT 0
#define EXPR SELECT(x < K(0), K(0), x)
#define N 4096
#define R f32
#define IR 1
#define T0 f32
#define I0 1
#define ROWS 1
#define OUTER 0
#define DIMS 0
#define SR 0
#define S0 0
#define P 0.0000000000000000
#define Q 0.0000000000000000
#include "elementwise.h"

/* matmul [1,4,4,64], depth 256, constant b */
#define NAME gemm_10
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
#include "gemm.h"

/* Add [1,64,4,4], [1,64,4,4] -> f32 [1,64,4,4] */
#define NAME elementwise_11
#define INPUTS 2
#define A f32
#define CONVERT 0
#define EXPR x + y
#define N 1024
#define R f32
#define IR 1
#define T0 f32
#define I0 1
#define T1 f32
#define I1 1
#define ROWS 1
#define OUTER 0
#define DIMS 0
#define SR 0
#define S0 0
#define S1 0
#define P 0.0000000000000000
#define Q 0.0000000000000000
#include "elementwise.h"
