/* kernels.h: the kernel instances that the programs call; emitted by sdc. */
#ifndef KERNELS_H
#define KERNELS_H

#include "kernel.h"

void transpose_0(SdcContext *c, st_f32 *, const st_f32 *);
void gemm_1(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *);
void conv_2(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
void gemm_3(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *);
void group_norm_4(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f64 *, st_f32 *);
void gemm_5(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *, const st_f32 *);
void conv_6(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
void conv_7(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
void conv_8(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
void conv_9(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
void conv_10(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
void conv_winograd_11(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *);
void conv_winograd_12(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *);
void conv_winograd_13(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *, const st_f32 *);
void conv_winograd_14(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *);
void conv_winograd_15(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *);
void conv_winograd_16(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *, const st_f32 *);
void conv_17(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
void transpose_18(SdcContext *c, st_f32 *, const st_f32 *);

#endif
