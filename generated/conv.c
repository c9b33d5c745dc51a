/* conv_875e4cc1.c: kernel instances; emitted by sdc. */
#include "kernel.h"

/* conv 3x3 [1,64,32,32] -> [1,3,32,32], + bias */
void conv_875e4cc1(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
#define NAME conv_875e4cc1
#define BATCH 1
#define IN_H 32
#define IN_W 32
#define OUT_H 32
#define OUT_W 32
#define KERNEL_H 3
#define KERNEL_W 3
#define STRIDE_H 1
#define STRIDE_W 1
#define PAD_TOP 1
#define PAD_LEFT 1
#define DILATION_H 1
#define DILATION_W 1
#define IN_C 64
#define OUT_C 3
#define CHUNK 64
#define BLOCK_H 4
#define BLOCK_W 16
#define GROUPS 1
#define UNIT_PANELS 4
#define HAS_BIAS 1
#include "conv.h"

/* conv 3x3 [1,32,4,4] -> [1,64,4,4], + bias, then Relu */
void conv_80636f0b(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
#define NAME conv_80636f0b
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

/* conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Relu */
void conv_da40266c(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
#define NAME conv_da40266c
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
void conv_8d287695(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
#define NAME conv_8d287695
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
void conv_251999bf(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
#define NAME conv_251999bf
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
void conv_e2c400de(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
#define NAME conv_e2c400de
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
void conv_b2cebe07(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
#define NAME conv_b2cebe07
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
