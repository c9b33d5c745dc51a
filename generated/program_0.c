/* vae_decoder: 144 nodes in 112 kernel calls; arena 0.8 MB (lower bound 0.8 MB), weights 5.4 MB, 0.556 GFLOP.  Emitted by sdc.
 *
 * A(x) is byte x of the arena, W(x) of the packed weights.  A call names its results first, then what it reads, then
 * scratch memory; NULL is an operand that the instance does not use.  Comments begin with the value that the
 * call is for, as `sdc print` shows it.  STEP(n) lets a profile or a library's caller look on. */
#include "kernels.h"

#define A(offset) ((void *)(c->arena + (offset)))
#define W(offset) ((const void *)(c->weights + (offset)))
#define STEP(done) if (c->step && c->step(c, done)) return SDC_CANCELLED;

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
    STEP(0) transpose_0(c, A(0x0000800), A(0x0000000));
    /* v163  matmul [1,4,4,32], depth 16, constant b, + bias */
    STEP(1) gemm_1(c, A(0x0000000), A(0x0000800), W(0x0000080), W(0x0000000), NULL, NULL);
    /* v165  Div [1,32,4,4], [] -> f32 [1,32,4,4] */
    STEP(2) elementwise_2(c, A(0x0000000), A(0x0000000), W(0x0000880));
    /* v166  Tanh [1,32,4,4] -> f32 [1,32,4,4] */
    STEP(3) elementwise_3(c, A(0x0000000), A(0x0000000));
    /* v168  Mul [1,32,4,4], [] -> f32 [1,32,4,4] */
    STEP(4) elementwise_4(c, A(0x0000000), A(0x0000000), W(0x0000880));
    /* v169  conv 3x3 [1,32,4,4] -> [1,64,4,4], + bias */
    STEP(5) conv_5(c, A(0x0008000), A(0x0000000), W(0x00008c0), W(0x00128c0), NULL);
    /* v170  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(6) elementwise_6(c, A(0x0008000), A(0x0008000));
    /* v171  matmul [1,4,4,256], depth 64, constant b */
    STEP(7) gemm_7(c, A(0x0000000), A(0x0008000), W(0x00129c0), NULL, NULL, NULL);
    /* v171  transpose [1,256,4,4] */
    STEP(8) transpose_8(c, A(0x0004000), A(0x0000000));
    /* v176  InstanceNormalization [1,4,1024] */
    STEP(9) group_norm_9(c, A(0x0004000), A(0x0004000), W(0x00229c0), W(0x0022a00), A(0x0000000), A(0x0000040));
    /* v179  Mul [1,256,4,4], [256,1,1] -> f32 [1,256,4,4] */
    STEP(10) elementwise_10(c, A(0x0004000), A(0x0004000), W(0x0022a40));
    /* v180  Add [1,256,4,4], [256,1,1] -> f32 [1,256,4,4] */
    STEP(11) elementwise_11(c, A(0x0004000), A(0x0004000), W(0x0022e40));
    /* v181  Relu [1,256,4,4] -> f32 [1,256,4,4] */
    STEP(12) elementwise_12(c, A(0x0004000), A(0x0004000));
    /* v181  transpose [1,256,4,4] */
    STEP(13) transpose_13(c, A(0x0000000), A(0x0004000));
    /* v182  matmul [1,4,4,64], depth 256, constant b */
    STEP(14) gemm_14(c, A(0x0004000), A(0x0000000), W(0x0023240), NULL, NULL, NULL);
    /* v183  Add [1,64,4,4], [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(15) elementwise_15(c, A(0x0004000), A(0x0008000), A(0x0004000));
    /* v184  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    STEP(16) conv_16(c, A(0x0000000), A(0x0004000), W(0x0033240), W(0x0057240), NULL);
    /* v185  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(17) elementwise_6(c, A(0x0000000), A(0x0000000));
    /* v186  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    STEP(18) conv_16(c, A(0x0001000), A(0x0000000), W(0x0057340), W(0x007b340), NULL);
    /* v187  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(19) elementwise_6(c, A(0x0001000), A(0x0001000));
    /* v188  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    STEP(20) conv_16(c, A(0x0008000), A(0x0001000), W(0x007b440), W(0x009f440), NULL);
    /* v189  Add [1,64,4,4], [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(21) elementwise_15(c, A(0x0008000), A(0x0008000), A(0x0004000));
    /* v190  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(22) elementwise_6(c, A(0x0008000), A(0x0008000));
    /* v191  matmul [1,4,4,256], depth 64, constant b */
    STEP(23) gemm_7(c, A(0x0000000), A(0x0008000), W(0x009f540), NULL, NULL, NULL);
    /* v191  transpose [1,256,4,4] */
    STEP(24) transpose_8(c, A(0x0004000), A(0x0000000));
    /* v196  InstanceNormalization [1,4,1024] */
    STEP(25) group_norm_9(c, A(0x0004000), A(0x0004000), W(0x00229c0), W(0x0022a00), A(0x0000000), A(0x0000040));
    /* v199  Mul [1,256,4,4], [256,1,1] -> f32 [1,256,4,4] */
    STEP(26) elementwise_10(c, A(0x0004000), A(0x0004000), W(0x00af540));
    /* v200  Add [1,256,4,4], [256,1,1] -> f32 [1,256,4,4] */
    STEP(27) elementwise_11(c, A(0x0004000), A(0x0004000), W(0x00af940));
    /* v201  Relu [1,256,4,4] -> f32 [1,256,4,4] */
    STEP(28) elementwise_12(c, A(0x0004000), A(0x0004000));
    /* v201  transpose [1,256,4,4] */
    STEP(29) transpose_13(c, A(0x0000000), A(0x0004000));
    /* v202  matmul [1,4,4,64], depth 256, constant b */
    STEP(30) gemm_14(c, A(0x0004000), A(0x0000000), W(0x00afd40), NULL, NULL, NULL);
    /* v203  Add [1,64,4,4], [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(31) elementwise_15(c, A(0x0004000), A(0x0008000), A(0x0004000));
    /* v204  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    STEP(32) conv_16(c, A(0x0000000), A(0x0004000), W(0x00bfd40), W(0x00e3d40), NULL);
    /* v205  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(33) elementwise_6(c, A(0x0000000), A(0x0000000));
    /* v206  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    STEP(34) conv_16(c, A(0x0001000), A(0x0000000), W(0x00e3e40), W(0x0107e40), NULL);
    /* v207  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(35) elementwise_6(c, A(0x0001000), A(0x0001000));
    /* v208  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    STEP(36) conv_16(c, A(0x0008000), A(0x0001000), W(0x0107f40), W(0x012bf40), NULL);
    /* v209  Add [1,64,4,4], [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(37) elementwise_15(c, A(0x0008000), A(0x0008000), A(0x0004000));
    /* v210  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(38) elementwise_6(c, A(0x0008000), A(0x0008000));
    /* v211  matmul [1,4,4,256], depth 64, constant b */
    STEP(39) gemm_7(c, A(0x0000000), A(0x0008000), W(0x012c040), NULL, NULL, NULL);
    /* v211  transpose [1,256,4,4] */
    STEP(40) transpose_8(c, A(0x0004000), A(0x0000000));
    /* v216  InstanceNormalization [1,4,1024] */
    STEP(41) group_norm_9(c, A(0x0004000), A(0x0004000), W(0x00229c0), W(0x0022a00), A(0x0000000), A(0x0000040));
    /* v219  Mul [1,256,4,4], [256,1,1] -> f32 [1,256,4,4] */
    STEP(42) elementwise_10(c, A(0x0004000), A(0x0004000), W(0x013c040));
    /* v220  Add [1,256,4,4], [256,1,1] -> f32 [1,256,4,4] */
    STEP(43) elementwise_11(c, A(0x0004000), A(0x0004000), W(0x013c440));
    /* v221  Relu [1,256,4,4] -> f32 [1,256,4,4] */
    STEP(44) elementwise_12(c, A(0x0004000), A(0x0004000));
    /* v221  transpose [1,256,4,4] */
    STEP(45) transpose_13(c, A(0x0000000), A(0x0004000));
    /* v222  matmul [1,4,4,64], depth 256, constant b */
    STEP(46) gemm_14(c, A(0x0004000), A(0x0000000), W(0x013c840), NULL, NULL, NULL);
    /* v223  Add [1,64,4,4], [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(47) elementwise_15(c, A(0x0004000), A(0x0008000), A(0x0004000));
    /* v224  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    STEP(48) conv_16(c, A(0x0000000), A(0x0004000), W(0x014c840), W(0x0170840), NULL);
    /* v225  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(49) elementwise_6(c, A(0x0000000), A(0x0000000));
    /* v226  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    STEP(50) conv_16(c, A(0x0001000), A(0x0000000), W(0x0170940), W(0x0194940), NULL);
    /* v227  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(51) elementwise_6(c, A(0x0001000), A(0x0001000));
    /* v228  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias */
    STEP(52) conv_16(c, A(0x0005000), A(0x0001000), W(0x0194a40), W(0x01b8a40), NULL);
    /* v229  Add [1,64,4,4], [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(53) elementwise_15(c, A(0x0005000), A(0x0005000), A(0x0004000));
    /* v230  Relu [1,64,4,4] -> f32 [1,64,4,4] */
    STEP(54) elementwise_6(c, A(0x0005000), A(0x0005000));
    /* v232  resize nearest [1,64,4,4] -> [1,64,8,8] */
    STEP(55) resize_nearest_17(c, A(0x0000000), A(0x0005000), W(0x01b8b40));
    /* v233  conv 3x3 [1,64,8,8] -> [1,64,8,8] */
    STEP(56) conv_18(c, A(0x0004000), A(0x0000000), W(0x01b8bc0), NULL, NULL);
    /* v234  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    STEP(57) conv_19(c, A(0x0000000), A(0x0004000), W(0x01dcbc0), W(0x0200bc0), NULL);
    /* v235  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    STEP(58) elementwise_12(c, A(0x0000000), A(0x0000000));
    /* v236  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    STEP(59) conv_19(c, A(0x0008000), A(0x0000000), W(0x0200cc0), W(0x0224cc0), NULL);
    /* v237  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    STEP(60) elementwise_12(c, A(0x0008000), A(0x0008000));
    /* v238  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    STEP(61) conv_19(c, A(0x0000000), A(0x0008000), W(0x0224dc0), W(0x0248dc0), NULL);
    /* v239  Add [1,64,8,8], [1,64,8,8] -> f32 [1,64,8,8] */
    STEP(62) elementwise_20(c, A(0x0000000), A(0x0000000), A(0x0004000));
    /* v240  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    STEP(63) elementwise_12(c, A(0x0000000), A(0x0000000));
    /* v241  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    STEP(64) conv_19(c, A(0x0004000), A(0x0000000), W(0x0248ec0), W(0x026cec0), NULL);
    /* v242  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    STEP(65) elementwise_12(c, A(0x0004000), A(0x0004000));
    /* v243  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    STEP(66) conv_19(c, A(0x0008000), A(0x0004000), W(0x026cfc0), W(0x0290fc0), NULL);
    /* v244  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    STEP(67) elementwise_12(c, A(0x0008000), A(0x0008000));
    /* v245  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    STEP(68) conv_19(c, A(0x0004000), A(0x0008000), W(0x02910c0), W(0x02b50c0), NULL);
    /* v246  Add [1,64,8,8], [1,64,8,8] -> f32 [1,64,8,8] */
    STEP(69) elementwise_20(c, A(0x0004000), A(0x0004000), A(0x0000000));
    /* v247  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    STEP(70) elementwise_12(c, A(0x0004000), A(0x0004000));
    /* v248  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    STEP(71) conv_19(c, A(0x0000000), A(0x0004000), W(0x02b51c0), W(0x02d91c0), NULL);
    /* v249  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    STEP(72) elementwise_12(c, A(0x0000000), A(0x0000000));
    /* v250  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    STEP(73) conv_19(c, A(0x0008000), A(0x0000000), W(0x02d92c0), W(0x02fd2c0), NULL);
    /* v251  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    STEP(74) elementwise_12(c, A(0x0008000), A(0x0008000));
    /* v252  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias */
    STEP(75) conv_19(c, A(0x0010000), A(0x0008000), W(0x02fd3c0), W(0x03213c0), NULL);
    /* v253  Add [1,64,8,8], [1,64,8,8] -> f32 [1,64,8,8] */
    STEP(76) elementwise_20(c, A(0x0010000), A(0x0010000), A(0x0004000));
    /* v254  Relu [1,64,8,8] -> f32 [1,64,8,8] */
    STEP(77) elementwise_12(c, A(0x0010000), A(0x0010000));
    /* v256  resize nearest [1,64,8,8] -> [1,64,16,16] */
    STEP(78) resize_nearest_21(c, A(0x0000000), A(0x0010000), W(0x03214c0));
    /* v257  conv 3x3 [1,64,16,16] -> [1,64,16,16] */
    STEP(79) conv_22(c, A(0x0010000), A(0x0000000), W(0x0321580), NULL, NULL);
    /* v258  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    STEP(80) conv_23(c, A(0x0000000), A(0x0010000), W(0x0345580), W(0x0369580), NULL);
    /* v259  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    STEP(81) elementwise_24(c, A(0x0000000), A(0x0000000));
    /* v260  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    STEP(82) conv_23(c, A(0x0020000), A(0x0000000), W(0x0369680), W(0x038d680), NULL);
    /* v261  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    STEP(83) elementwise_24(c, A(0x0020000), A(0x0020000));
    /* v262  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    STEP(84) conv_23(c, A(0x0000000), A(0x0020000), W(0x038d780), W(0x03b1780), NULL);
    /* v263  Add [1,64,16,16], [1,64,16,16] -> f32 [1,64,16,16] */
    STEP(85) elementwise_25(c, A(0x0000000), A(0x0000000), A(0x0010000));
    /* v264  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    STEP(86) elementwise_24(c, A(0x0000000), A(0x0000000));
    /* v265  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    STEP(87) conv_23(c, A(0x0010000), A(0x0000000), W(0x03b1880), W(0x03d5880), NULL);
    /* v266  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    STEP(88) elementwise_24(c, A(0x0010000), A(0x0010000));
    /* v267  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    STEP(89) conv_23(c, A(0x0020000), A(0x0010000), W(0x03d5980), W(0x03f9980), NULL);
    /* v268  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    STEP(90) elementwise_24(c, A(0x0020000), A(0x0020000));
    /* v269  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    STEP(91) conv_23(c, A(0x0010000), A(0x0020000), W(0x03f9a80), W(0x041da80), NULL);
    /* v270  Add [1,64,16,16], [1,64,16,16] -> f32 [1,64,16,16] */
    STEP(92) elementwise_25(c, A(0x0010000), A(0x0010000), A(0x0000000));
    /* v271  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    STEP(93) elementwise_24(c, A(0x0010000), A(0x0010000));
    /* v272  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    STEP(94) conv_23(c, A(0x0000000), A(0x0010000), W(0x041db80), W(0x0441b80), NULL);
    /* v273  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    STEP(95) elementwise_24(c, A(0x0000000), A(0x0000000));
    /* v274  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    STEP(96) conv_23(c, A(0x0020000), A(0x0000000), W(0x0441c80), W(0x0465c80), NULL);
    /* v275  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    STEP(97) elementwise_24(c, A(0x0020000), A(0x0020000));
    /* v276  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias */
    STEP(98) conv_23(c, A(0x0040000), A(0x0020000), W(0x0465d80), W(0x0489d80), NULL);
    /* v277  Add [1,64,16,16], [1,64,16,16] -> f32 [1,64,16,16] */
    STEP(99) elementwise_25(c, A(0x0040000), A(0x0040000), A(0x0010000));
    /* v278  Relu [1,64,16,16] -> f32 [1,64,16,16] */
    STEP(100) elementwise_24(c, A(0x0040000), A(0x0040000));
    /* v280  resize nearest [1,64,16,16] -> [1,64,32,32] */
    STEP(101) resize_nearest_26(c, A(0x0000000), A(0x0040000), W(0x0489e80));
    /* v281  conv 3x3 [1,64,32,32] -> [1,64,32,32] */
    STEP(102) conv_27(c, A(0x0040000), A(0x0000000), W(0x0489fc0), NULL, NULL);
    /* v282  conv 3x3 [1,64,32,32] -> [1,64,32,32], + bias */
    STEP(103) conv_28(c, A(0x0000000), A(0x0040000), W(0x04adfc0), W(0x04d1fc0), NULL);
    /* v283  Relu [1,64,32,32] -> f32 [1,64,32,32] */
    STEP(104) elementwise_29(c, A(0x0000000), A(0x0000000));
    /* v284  conv 3x3 [1,64,32,32] -> [1,64,32,32], + bias */
    STEP(105) conv_28(c, A(0x0080000), A(0x0000000), W(0x04d20c0), W(0x04f60c0), NULL);
    /* v285  Relu [1,64,32,32] -> f32 [1,64,32,32] */
    STEP(106) elementwise_29(c, A(0x0080000), A(0x0080000));
    /* v286  conv 3x3 [1,64,32,32] -> [1,64,32,32], + bias */
    STEP(107) conv_28(c, A(0x0000000), A(0x0080000), W(0x04f61c0), W(0x051a1c0), NULL);
    /* v287  Add [1,64,32,32], [1,64,32,32] -> f32 [1,64,32,32] */
    STEP(108) elementwise_30(c, A(0x0000000), A(0x0000000), A(0x0040000));
    /* v288  Relu [1,64,32,32] -> f32 [1,64,32,32] */
    STEP(109) elementwise_29(c, A(0x0000000), A(0x0000000));
    /* v289  conv 3x3 [1,64,32,32] -> [1,3,32,32], + bias */
    STEP(110) conv_31(c, A(0x0040000), A(0x0000000), W(0x051a2c0), W(0x051eac0), NULL);
    /* v289  transpose [1,3,32,32] */
    STEP(111) transpose_32(c, A(0x0000000), A(0x0040000));
    return c->error[0] ? SDC_BAD_INPUT : SDC_OK;
}

const SdcProgram sdc_program_0 = {
    .name = "vae_decoder",
    .inputs = inputs, .outputs = outputs, .n_inputs = 1, .n_outputs = 1,
    .arena_bytes = INT64_C(786432), .bound_bytes = INT64_C(786432),
    .weights_offset = 0, .weights_bytes = INT64_C(5368188), .flops = INT64_C(555827200), .kernels = 112,
    .run = run,
};
