/* kernels.h: the kernel instances that the programs call; emitted by sdc. */
#ifndef KERNELS_H
#define KERNELS_H

#include "kernel.h"

void transpose_b6564330(SdcContext *c, st_f32 *, const st_f32 *);
void gemm_7abf2b2c(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *);
void conv_80636f0b(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
void gemm_5ddd1f26(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *);
void group_norm_635cccf1(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f64 *, st_f32 *);
void gemm_d9bef32a(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *, const st_f32 *);
void conv_da40266c(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
void conv_8d287695(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
void conv_251999bf(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
void conv_e2c400de(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
void conv_b2cebe07(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
void conv_winograd_698ba560(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *);
void conv_winograd_af5a01b1(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *);
void conv_winograd_695b5fb3(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *, const st_f32 *);
void conv_winograd_3c56c275(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *);
void conv_winograd_d9ab7aa5(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *);
void conv_winograd_4565ae04(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *, st_f32 *, const st_f32 *);
void conv_875e4cc1(SdcContext *c, st_f32 *, const st_f32 *, const st_f32 *, const st_f32 *);
void transpose_98bebb69(SdcContext *c, st_f32 *, const st_f32 *);

#endif
