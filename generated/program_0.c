/* vae_decoder: 132 nodes in 100 kernel calls; arena 0.8 MB (lower bound 0.8 MB), weights 5.4 MB, 0.556 GFLOP.  Emitted by sdc.
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
    {"sample", DT_F32, 4, {1, 3, 32, 32}, 0x0000000, 12288, 0},
};

static int run(SdcContext *c)
{
    c->error[0] = 0;
    /*       transpose [1,16,4,4] */
    transpose_0(c, A(0x0000800), A(0x0000000));
    /* v163  matmul [1,4,4,32], depth 16, constant b, + bias */
    gemm_1(c, A(0x0000000), A(0x0000800), W(0x0000080), W(0x0000000), NULL, NULL);
    /* v165  Div [1,32,4,4], [] -> f32 [1,32,4,4] */
    elementwise_2(c, A(0x0000000), A(0x0000000), W(0x0000880));
    /* v166  Tanh [1,32,4,4] -> f32 [1,32,4,4] */
    elementwise_3(c, A(0x0000000), A(0x0000000));
    /* v168  Mul [1,32,4,4], [] -> f32 [1,32,4,4] */
    elementwise_4(c, A(0x0000000), A(0x0000000), W(0x0000880));
    /* v169  conv 3x3 [1,32,4,4] -> [1,64,4,4], + bias */
    conv_5(c, A(0x0004000), A(0x0000000), W(0x00008c0), W(0x00128c0), NULL);
    /* v170  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_6(c, A(0x0004000), A(0x0004000));
    /* v171  matmul [1,4,4,256], depth 64, constant b */
    gemm_7(c, A(0x0000000), A(0x0004000), W(0x00129c0), NULL, NULL, NULL);
    /* v294  GroupNormalization [1,256,4,4], channels last */
    group_norm_8(c, A(0x0000000), A(0x0000000), W(0x00229c0), W(0x0022dc0), A(0x0005800), A(0x0005000));
    /* v181  Relu [1,256,4,4] -> f32 [1,256,4,4] */
    elementwise_9(c, A(0x0000000), A(0x0000000));
    /* v182  matmul [1,4,4,64], depth 256, constant b */
    gemm_10(c, A(0x0005000), A(0x0000000), W(0x00231c0), NULL, NULL, NULL);
    /* v183  Add [1,64,4,4], [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_11(c, A(0x0005000), A(0x0004000), A(0x0005000));
    /* v184  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    conv_12(c, A(0x0000000), A(0x0005000), W(0x00331c0), W(0x00571c0), NULL);
    /* v185  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_6(c, A(0x0000000), A(0x0000000));
    /* v186  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    conv_12(c, A(0x0001000), A(0x0000000), W(0x00572c0), W(0x007b2c0), NULL);
    /* v187  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_6(c, A(0x0001000), A(0x0001000));
    /* v188  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    conv_12(c, A(0x0004000), A(0x0001000), W(0x007b3c0), W(0x009f3c0), NULL);
    /* v189  Add [1,64,4,4], [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_11(c, A(0x0004000), A(0x0004000), A(0x0005000));
    /* v190  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_6(c, A(0x0004000), A(0x0004000));
    /* v191  matmul [1,4,4,256], depth 64, constant b */
    gemm_7(c, A(0x0000000), A(0x0004000), W(0x009f4c0), NULL, NULL, NULL);
    /* v299  GroupNormalization [1,256,4,4], channels last */
    group_norm_8(c, A(0x0000000), A(0x0000000), W(0x00af4c0), W(0x00af8c0), A(0x0005800), A(0x0005000));
    /* v201  Relu [1,256,4,4] -> f32 [1,256,4,4] */
    elementwise_9(c, A(0x0000000), A(0x0000000));
    /* v202  matmul [1,4,4,64], depth 256, constant b */
    gemm_10(c, A(0x0005000), A(0x0000000), W(0x00afcc0), NULL, NULL, NULL);
    /* v203  Add [1,64,4,4], [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_11(c, A(0x0005000), A(0x0004000), A(0x0005000));
    /* v204  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    conv_12(c, A(0x0000000), A(0x0005000), W(0x00bfcc0), W(0x00e3cc0), NULL);
    /* v205  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_6(c, A(0x0000000), A(0x0000000));
    /* v206  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    conv_12(c, A(0x0001000), A(0x0000000), W(0x00e3dc0), W(0x0107dc0), NULL);
    /* v207  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_6(c, A(0x0001000), A(0x0001000));
    /* v208  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    conv_12(c, A(0x0004000), A(0x0001000), W(0x0107ec0), W(0x012bec0), NULL);
    /* v209  Add [1,64,4,4], [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_11(c, A(0x0004000), A(0x0004000), A(0x0005000));
    /* v210  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_6(c, A(0x0004000), A(0x0004000));
    /* v211  matmul [1,4,4,256], depth 64, constant b */
    gemm_7(c, A(0x0000000), A(0x0004000), W(0x012bfc0), NULL, NULL, NULL);
    /* v304  GroupNormalization [1,256,4,4], channels last */
    group_norm_8(c, A(0x0000000), A(0x0000000), W(0x013bfc0), W(0x013c3c0), A(0x0005800), A(0x0005000));
    /* v221  Relu [1,256,4,4] -> f32 [1,256,4,4] */
    elementwise_9(c, A(0x0000000), A(0x0000000));
    /* v222  matmul [1,4,4,64], depth 256, constant b */
    gemm_10(c, A(0x0005000), A(0x0000000), W(0x013c7c0), NULL, NULL, NULL);
    /* v223  Add [1,64,4,4], [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_11(c, A(0x0005000), A(0x0004000), A(0x0005000));
    /* v224  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    conv_12(c, A(0x0000000), A(0x0005000), W(0x014c7c0), W(0x01707c0), NULL);
    /* v225  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_6(c, A(0x0000000), A(0x0000000));
    /* v226  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    conv_12(c, A(0x0001000), A(0x0000000), W(0x01708c0), W(0x01948c0), NULL);
    /* v227  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_6(c, A(0x0001000), A(0x0001000));
    /* v228  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    conv_12(c, A(0x0004000), A(0x0001000), W(0x01949c0), W(0x01b89c0), NULL);
    /* v229  Add [1,64,4,4], [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_11(c, A(0x0004000), A(0x0004000), A(0x0005000));
    /* v230  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    elementwise_6(c, A(0x0004000), A(0x0004000));
    /* v232  resize nearest [1,64,4,4] -> [1,64,8,8] */
    resize_nearest_13(c, A(0x0000000), A(0x0004000), W(0x01b8ac0));
    /* v233  conv 3x3 [1,64,8,8] -> [1,64,8,8] */
    conv_14(c, A(0x0004000), A(0x0000000), W(0x01b8b40), NULL, NULL);
    /* v234  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    conv_15(c, A(0x0000000), A(0x0004000), W(0x01dcb40), W(0x0200b40), NULL);
    /* v235  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    elementwise_9(c, A(0x0000000), A(0x0000000));
    /* v236  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    conv_15(c, A(0x0008000), A(0x0000000), W(0x0200c40), W(0x0224c40), NULL);
    /* v237  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    elementwise_9(c, A(0x0008000), A(0x0008000));
    /* v238  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    conv_15(c, A(0x0000000), A(0x0008000), W(0x0224d40), W(0x0248d40), NULL);
    /* v239  Add [1,64,8,8], [1,64,8,8] -> f32 [1,64,8,8] */
    elementwise_16(c, A(0x0000000), A(0x0000000), A(0x0004000));
    /* v240  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    elementwise_9(c, A(0x0000000), A(0x0000000));
    /* v241  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    conv_15(c, A(0x0004000), A(0x0000000), W(0x0248e40), W(0x026ce40), NULL);
    /* v242  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    elementwise_9(c, A(0x0004000), A(0x0004000));
    /* v243  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    conv_15(c, A(0x0008000), A(0x0004000), W(0x026cf40), W(0x0290f40), NULL);
    /* v244  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    elementwise_9(c, A(0x0008000), A(0x0008000));
    /* v245  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    conv_15(c, A(0x0004000), A(0x0008000), W(0x0291040), W(0x02b5040), NULL);
    /* v246  Add [1,64,8,8], [1,64,8,8] -> f32 [1,64,8,8] */
    elementwise_16(c, A(0x0004000), A(0x0004000), A(0x0000000));
    /* v247  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    elementwise_9(c, A(0x0004000), A(0x0004000));
    /* v248  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    conv_15(c, A(0x0000000), A(0x0004000), W(0x02b5140), W(0x02d9140), NULL);
    /* v249  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    elementwise_9(c, A(0x0000000), A(0x0000000));
    /* v250  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    conv_15(c, A(0x0008000), A(0x0000000), W(0x02d9240), W(0x02fd240), NULL);
    /* v251  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    elementwise_9(c, A(0x0008000), A(0x0008000));
    /* v252  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    conv_15(c, A(0x0010000), A(0x0008000), W(0x02fd340), W(0x0321340), NULL);
    /* v253  Add [1,64,8,8], [1,64,8,8] -> f32 [1,64,8,8] */
    elementwise_16(c, A(0x0010000), A(0x0010000), A(0x0004000));
    /* v254  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    elementwise_9(c, A(0x0010000), A(0x0010000));
    /* v256  resize nearest [1,64,8,8] -> [1,64,16,16] */
    resize_nearest_17(c, A(0x0000000), A(0x0010000), W(0x0321440));
    /* v257  conv 3x3 [1,64,16,16] -> [1,64,16,16] */
    conv_18(c, A(0x0010000), A(0x0000000), W(0x0321500), NULL, NULL);
    /* v258  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    conv_19(c, A(0x0000000), A(0x0010000), W(0x0345500), W(0x0369500), NULL);
    /* v259  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    elementwise_20(c, A(0x0000000), A(0x0000000));
    /* v260  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    conv_19(c, A(0x0020000), A(0x0000000), W(0x0369600), W(0x038d600), NULL);
    /* v261  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    elementwise_20(c, A(0x0020000), A(0x0020000));
    /* v262  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    conv_19(c, A(0x0000000), A(0x0020000), W(0x038d700), W(0x03b1700), NULL);
    /* v263  Add [1,64,16,16], [1,64,16,16] -> f32 [1,64,16,16] */
    elementwise_21(c, A(0x0000000), A(0x0000000), A(0x0010000));
    /* v264  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    elementwise_20(c, A(0x0000000), A(0x0000000));
    /* v265  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    conv_19(c, A(0x0010000), A(0x0000000), W(0x03b1800), W(0x03d5800), NULL);
    /* v266  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    elementwise_20(c, A(0x0010000), A(0x0010000));
    /* v267  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    conv_19(c, A(0x0020000), A(0x0010000), W(0x03d5900), W(0x03f9900), NULL);
    /* v268  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    elementwise_20(c, A(0x0020000), A(0x0020000));
    /* v269  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    conv_19(c, A(0x0010000), A(0x0020000), W(0x03f9a00), W(0x041da00), NULL);
    /* v270  Add [1,64,16,16], [1,64,16,16] -> f32 [1,64,16,16] */
    elementwise_21(c, A(0x0010000), A(0x0010000), A(0x0000000));
    /* v271  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    elementwise_20(c, A(0x0010000), A(0x0010000));
    /* v272  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    conv_19(c, A(0x0000000), A(0x0010000), W(0x041db00), W(0x0441b00), NULL);
    /* v273  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    elementwise_20(c, A(0x0000000), A(0x0000000));
    /* v274  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    conv_19(c, A(0x0020000), A(0x0000000), W(0x0441c00), W(0x0465c00), NULL);
    /* v275  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    elementwise_20(c, A(0x0020000), A(0x0020000));
    /* v276  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    conv_19(c, A(0x0040000), A(0x0020000), W(0x0465d00), W(0x0489d00), NULL);
    /* v277  Add [1,64,16,16], [1,64,16,16] -> f32 [1,64,16,16] */
    elementwise_21(c, A(0x0040000), A(0x0040000), A(0x0010000));
    /* v278  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    elementwise_20(c, A(0x0040000), A(0x0040000));
    /* v280  resize nearest [1,64,16,16] -> [1,64,32,32] */
    resize_nearest_22(c, A(0x0000000), A(0x0040000), W(0x0489e00));
    /* v281  conv 3x3 [1,64,32,32] -> [1,64,32,32] */
    conv_23(c, A(0x0040000), A(0x0000000), W(0x0489f40), NULL, NULL);
    /* v282  conv 3x3 [1,64,32,32] -> [1,64,32,32], + bias */
    conv_24(c, A(0x0000000), A(0x0040000), W(0x04adf40), W(0x04d1f40), NULL);
    /* v283  Relu [1,64,32,32] -> f32 [1,64,32,32] */
    elementwise_25(c, A(0x0000000), A(0x0000000));
    /* v284  conv 3x3 [1,64,32,32] -> [1,64,32,32], + bias */
    conv_24(c, A(0x0080000), A(0x0000000), W(0x04d2040), W(0x04f6040), NULL);
    /* v285  Relu [1,64,32,32] -> f32 [1,64,32,32] */
    elementwise_25(c, A(0x0080000), A(0x0080000));
    /* v286  conv 3x3 [1,64,32,32] -> [1,64,32,32], + bias */
    conv_24(c, A(0x0000000), A(0x0080000), W(0x04f6140), W(0x051a140), NULL);
    /* v287  Add [1,64,32,32], [1,64,32,32] -> f32 [1,64,32,32] */
    elementwise_26(c, A(0x0000000), A(0x0000000), A(0x0040000));
    /* v288  Relu [1,64,32,32] -> f32 [1,64,32,32] */
    elementwise_25(c, A(0x0000000), A(0x0000000));
    /* v289  conv 3x3 [1,64,32,32] -> [1,3,32,32], + bias */
    conv_27(c, A(0x0040000), A(0x0000000), W(0x051a240), W(0x051ea40), NULL);
    /* v289  transpose [1,3,32,32] */
    transpose_28(c, A(0x0000000), A(0x0040000));
    return c->error[0] ? SDC_BAD_INPUT : SDC_OK;
}

const SdcProgram sdc_program_0 = {
    .name = "vae_decoder",
    .inputs = inputs, .outputs = outputs, .n_inputs = 1, .n_outputs = 1,
    .arena_bytes = INT64_C(786432), .bound_bytes = INT64_C(786432),
    .weights_offset = 0, .weights_bytes = INT64_C(5368156), .flops = INT64_C(555827200), .kernels = 100,
    .run = run,
};
