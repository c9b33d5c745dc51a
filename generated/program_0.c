/* vae_decoder: 144 nodes in 59 kernel calls; arena 0.8 MB (lower bound 0.8 MB), weights 5.4 MB, 0.556 GFLOP.  Emitted by sdc.
 *
 * A(x) is byte x of the arena, W(x) of the packed weights.  A call names its results first, then what it reads, then
 * scratch memory; NULL is an operand that the instance does not use.  Comments begin with the value that the
 * call is for, as `sdc print` shows it. */
#include "kernels.h"

#define A(offset) ((void *)(c->arena + (offset)))
#define W(offset) ((const void *)(c->weights + (offset)))

/* Name, type, rank, extents, place in the arena, bytes, limit of random integers. */
static const SdcTensor inputs[] = {
    {"latent_sample", DT_F32, 4, {1, 16, 4, 4}, 0x0000000, 1024, 0},
};
static const SdcTensor outputs[] = {
    {"sample", DT_F32, 4, {1, 3, 32, 32}, 0x0003000, 12288, 0},
};

static int run(SdcContext *c)
{
    c->error[0] = 0;
    /*       transpose [1,16,4,4] */
    transpose_0(c, A(0x0000800), A(0x0000000));
    /* v163  matmul [1,4,4,32], depth 16, constant b, + bias, then Div, Tanh, Mul */
    gemm_1(c, A(0x0000000), A(0x0000800), W(0x0000080), W(0x0000000), NULL);
    /* v169  conv 3x3 [1,32,4,4] -> [1,64,4,4], + bias, then Relu */
    conv_2(c, A(0x0008000), A(0x0000000), W(0x0000880), W(0x0012880));
    /* v171  matmul [1,4,4,256], depth 64, constant b */
    gemm_3(c, A(0x0000000), A(0x0008000), W(0x0012980), NULL, NULL);
    /* v171  transpose [1,256,4,4] */
    transpose_4(c, A(0x0004000), A(0x0000000));
    /* v176  InstanceNormalization [1,4,1024] */
    group_norm_5(c, A(0x0004000), A(0x0004000), W(0x0022980), W(0x00229c0), A(0x0000000), A(0x0000040));
    /* v325  Mul, Add, Relu [1,256,4,4], [256,1,1], [256,1,1] -> f32 [1,256,4,4] */
    elementwise_6(c, A(0x0004000), A(0x0004000), W(0x0022a00), W(0x0022e00));
    /* v325  transpose [1,256,4,4] */
    transpose_7(c, A(0x0000000), A(0x0004000));
    /* v182  matmul [1,4,4,64], depth 256, constant b, then Add */
    gemm_8(c, A(0x0008000), A(0x0000000), W(0x0023200), NULL, NULL, A(0x0008000));
    /* v184  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Relu */
    conv_9(c, A(0x0000000), A(0x0008000), W(0x0033200), W(0x0057200));
    /* v186  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Relu */
    conv_9(c, A(0x0001000), A(0x0000000), W(0x0057300), W(0x007b300));
    /* v188  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Add, Relu */
    conv_10(c, A(0x0008000), A(0x0001000), W(0x007b400), W(0x009f400), A(0x0008000));
    /* v191  matmul [1,4,4,256], depth 64, constant b */
    gemm_3(c, A(0x0000000), A(0x0008000), W(0x009f500), NULL, NULL);
    /* v191  transpose [1,256,4,4] */
    transpose_4(c, A(0x0004000), A(0x0000000));
    /* v196  InstanceNormalization [1,4,1024] */
    group_norm_5(c, A(0x0004000), A(0x0004000), W(0x0022980), W(0x00229c0), A(0x0000000), A(0x0000040));
    /* v320  Mul, Add, Relu [1,256,4,4], [256,1,1], [256,1,1] -> f32 [1,256,4,4] */
    elementwise_6(c, A(0x0004000), A(0x0004000), W(0x00af500), W(0x00af900));
    /* v320  transpose [1,256,4,4] */
    transpose_7(c, A(0x0000000), A(0x0004000));
    /* v202  matmul [1,4,4,64], depth 256, constant b, then Add */
    gemm_8(c, A(0x0008000), A(0x0000000), W(0x00afd00), NULL, NULL, A(0x0008000));
    /* v204  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Relu */
    conv_9(c, A(0x0000000), A(0x0008000), W(0x00bfd00), W(0x00e3d00));
    /* v206  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Relu */
    conv_9(c, A(0x0001000), A(0x0000000), W(0x00e3e00), W(0x0107e00));
    /* v208  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Add, Relu */
    conv_10(c, A(0x0008000), A(0x0001000), W(0x0107f00), W(0x012bf00), A(0x0008000));
    /* v211  matmul [1,4,4,256], depth 64, constant b */
    gemm_3(c, A(0x0000000), A(0x0008000), W(0x012c000), NULL, NULL);
    /* v211  transpose [1,256,4,4] */
    transpose_4(c, A(0x0004000), A(0x0000000));
    /* v216  InstanceNormalization [1,4,1024] */
    group_norm_5(c, A(0x0004000), A(0x0004000), W(0x0022980), W(0x00229c0), A(0x0000000), A(0x0000040));
    /* v315  Mul, Add, Relu [1,256,4,4], [256,1,1], [256,1,1] -> f32 [1,256,4,4] */
    elementwise_6(c, A(0x0004000), A(0x0004000), W(0x013c000), W(0x013c400));
    /* v315  transpose [1,256,4,4] */
    transpose_7(c, A(0x0000000), A(0x0004000));
    /* v222  matmul [1,4,4,64], depth 256, constant b, then Add */
    gemm_8(c, A(0x0008000), A(0x0000000), W(0x013c800), NULL, NULL, A(0x0008000));
    /* v224  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Relu */
    conv_9(c, A(0x0000000), A(0x0008000), W(0x014c800), W(0x0170800));
    /* v226  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Relu */
    conv_9(c, A(0x0001000), A(0x0000000), W(0x0170900), W(0x0194900));
    /* v228  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Add, Relu */
    conv_10(c, A(0x0008000), A(0x0001000), W(0x0194a00), W(0x01b8a00), A(0x0008000));
    /* v232  resize nearest [1,64,4,4] -> [1,64,8,8] */
    resize_nearest_11(c, A(0x0000000), A(0x0008000), W(0x01b8b00));
    /* v233  conv 3x3 [1,64,8,8] -> [1,64,8,8] */
    conv_12(c, A(0x0010000), A(0x0000000), W(0x01b8b80), NULL);
    /* v234  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Relu */
    conv_13(c, A(0x0000000), A(0x0010000), W(0x01dcb80), W(0x0200b80));
    /* v236  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Relu */
    conv_13(c, A(0x0004000), A(0x0000000), W(0x0200c80), W(0x0224c80));
    /* v238  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Add, Relu */
    conv_14(c, A(0x0010000), A(0x0004000), W(0x0224d80), W(0x0248d80), A(0x0010000));
    /* v241  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Relu */
    conv_13(c, A(0x0000000), A(0x0010000), W(0x0248e80), W(0x026ce80));
    /* v243  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Relu */
    conv_13(c, A(0x0004000), A(0x0000000), W(0x026cf80), W(0x0290f80));
    /* v245  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Add, Relu */
    conv_14(c, A(0x0010000), A(0x0004000), W(0x0291080), W(0x02b5080), A(0x0010000));
    /* v248  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Relu */
    conv_13(c, A(0x0000000), A(0x0010000), W(0x02b5180), W(0x02d9180));
    /* v250  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Relu */
    conv_13(c, A(0x0004000), A(0x0000000), W(0x02d9280), W(0x02fd280));
    /* v252  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Add, Relu */
    conv_14(c, A(0x0010000), A(0x0004000), W(0x02fd380), W(0x0321380), A(0x0010000));
    /* v256  resize nearest [1,64,8,8] -> [1,64,16,16] */
    resize_nearest_15(c, A(0x0000000), A(0x0010000), W(0x0321480));
    /* v257  conv 3x3 [1,64,16,16] -> [1,64,16,16] */
    conv_16(c, A(0x0040000), A(0x0000000), W(0x0321540), NULL);
    /* v258  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, then Relu */
    conv_17(c, A(0x0000000), A(0x0040000), W(0x0345540), W(0x0369540));
    /* v260  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, then Relu */
    conv_17(c, A(0x0010000), A(0x0000000), W(0x0369640), W(0x038d640));
    /* v262  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, then Add, Relu */
    conv_18(c, A(0x0040000), A(0x0010000), W(0x038d740), W(0x03b1740), A(0x0040000));
    /* v265  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, then Relu */
    conv_17(c, A(0x0000000), A(0x0040000), W(0x03b1840), W(0x03d5840));
    /* v267  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, then Relu */
    conv_17(c, A(0x0010000), A(0x0000000), W(0x03d5940), W(0x03f9940));
    /* v269  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, then Add, Relu */
    conv_18(c, A(0x0040000), A(0x0010000), W(0x03f9a40), W(0x041da40), A(0x0040000));
    /* v272  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, then Relu */
    conv_17(c, A(0x0000000), A(0x0040000), W(0x041db40), W(0x0441b40));
    /* v274  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, then Relu */
    conv_17(c, A(0x0010000), A(0x0000000), W(0x0441c40), W(0x0465c40));
    /* v276  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, then Add, Relu */
    conv_18(c, A(0x0040000), A(0x0010000), W(0x0465d40), W(0x0489d40), A(0x0040000));
    /* v280  resize nearest [1,64,16,16] -> [1,64,32,32] */
    resize_nearest_19(c, A(0x0000000), A(0x0040000), W(0x0489e40));
    /* v281  conv 3x3 [1,64,32,32] -> [1,64,32,32] */
    conv_20(c, A(0x0040000), A(0x0000000), W(0x0489f80), NULL);
    /* v282  conv 3x3 [1,64,32,32] -> [1,64,32,32], + bias, then Relu */
    conv_21(c, A(0x0000000), A(0x0040000), W(0x04adf80), W(0x04d1f80));
    /* v284  conv 3x3 [1,64,32,32] -> [1,64,32,32], + bias, then Relu */
    conv_21(c, A(0x0080000), A(0x0000000), W(0x04d2080), W(0x04f6080));
    /* v286  conv 3x3 [1,64,32,32] -> [1,64,32,32], + bias, then Add, Relu */
    conv_22(c, A(0x0040000), A(0x0080000), W(0x04f6180), W(0x051a180), A(0x0040000));
    /* v289  conv 3x3 [1,64,32,32] -> [1,3,32,32], + bias */
    conv_23(c, A(0x0000000), A(0x0040000), W(0x051a280), W(0x051ea80));
    /* v289  transpose [1,3,32,32] */
    transpose_24(c, A(0x0003000), A(0x0000000));
    return c->error[0] ? SDC_BAD_INPUT : SDC_OK;
}

const SdcProgram sdc_program_0 = {
    .name = "vae_decoder",
    .inputs = inputs, .outputs = outputs, .n_inputs = 1, .n_outputs = 1,
    .arena_bytes = INT64_C(786432), .bound_bytes = INT64_C(786432),
    .weights_offset = 0, .weights_bytes = INT64_C(5368184), .flops = INT64_C(555827200), .kernels = 59,
    .run = run,
};
