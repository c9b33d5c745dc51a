/* kernels.h: the kernel instances that the programs call; emitted by sdc. */
#ifndef KERNELS_H
#define KERNELS_H

#include "kernel.h"

void transpose_0(SdcContext *c, st_f32 *, const st_f32 *);
void gemm_1(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *, const st_f32 *const *);
void elementwise_2(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *);
void elementwise_3(SdcContext *c, st_f32 *, const st_f32 *);
void elementwise_4(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *);
void conv_5(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *const *);
void elementwise_6(SdcContext *c, st_f32 *, const st_f32 *);
void gemm_7(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *, const st_f32 *const *);
void group_norm_8(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f64 *, st_f32 *);
void elementwise_9(SdcContext *c, st_f32 *, const st_f32 *);
void gemm_10(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *, const st_f32 *const *);
void elementwise_11(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *);
void conv_12(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *const *);
void resize_nearest_13(SdcContext *c, st_f32 *, const st_f32 *, const st_i32 *);
void conv_14(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *const *);
void conv_15(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *const *);
void elementwise_16(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *);
void resize_nearest_17(SdcContext *c, st_f32 *, const st_f32 *, const st_i32 *);
void conv_18(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *const *);
void conv_19(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *const *);
void elementwise_20(SdcContext *c, st_f32 *, const st_f32 *);
void elementwise_21(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *);
void resize_nearest_22(SdcContext *c, st_f32 *, const st_f32 *, const st_i32 *);
void conv_23(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *const *);
void conv_24(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *const *);
void elementwise_25(SdcContext *c, st_f32 *, const st_f32 *);
void elementwise_26(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *);
void conv_27(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *const *);
void transpose_28(SdcContext *c, st_f32 *, const st_f32 *);

#endif
