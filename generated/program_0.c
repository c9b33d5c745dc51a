/* vae_decoder: 132 nodes in 47 kernel calls; arena 2.0 MB (lower bound 2.0 MB), weights 5.4 MB, 0.556 GFLOP.  Emitted by sdc.
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
    {"sample", DT_F32, 4, {1, 3, 32, 32}, 0x0003000, 12288, 0},
};

static int run(SdcContext *c)
{
    c->error[0] = 0;
    /*       transpose [1,16,4,4] */
    STEP(0) transpose_b6564330(c, A(0x0000800), A(0x0000000));
    /* v163  matmul [1,4,4,32], depth 16, constant b, + bias, then Div, Tanh, Mul */
    STEP(1) gemm_7abf2b2c(c, A(0x0000000), A(0x0000800), W(0x0000080), W(0x0000000), NULL);
    /* v169  conv 3x3 [1,32,4,4] -> [1,64,4,4], + bias, then Relu */
    STEP(2) conv_80636f0b(c, A(0x0004000), A(0x0000000), W(0x0000880), W(0x0012880));
    /* v171  matmul [1,4,4,256], depth 64, constant b */
    STEP(3) gemm_5ddd1f26(c, A(0x0000000), A(0x0004000), W(0x0012980), NULL, NULL);
    /* v294  GroupNormalization [1,256,4,4], channels last, then Relu */
    STEP(4) group_norm_635cccf1(c, A(0x0000000), A(0x0000000), W(0x0022980), W(0x0022d80), A(0x0005800), A(0x0005000));
    /* v182  matmul [1,4,4,64], depth 256, constant b, then Add */
    STEP(5) gemm_d9bef32a(c, A(0x0004000), A(0x0000000), W(0x0023180), NULL, NULL, A(0x0004000));
    /* v184  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Relu */
    STEP(6) conv_da40266c(c, A(0x0000000), A(0x0004000), W(0x0033180), W(0x0057180));
    /* v186  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Relu */
    STEP(7) conv_da40266c(c, A(0x0001000), A(0x0000000), W(0x0057280), W(0x007b280));
    /* v188  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Add, Relu */
    STEP(8) conv_8d287695(c, A(0x0004000), A(0x0001000), W(0x007b380), W(0x009f380), A(0x0004000));
    /* v191  matmul [1,4,4,256], depth 64, constant b */
    STEP(9) gemm_5ddd1f26(c, A(0x0000000), A(0x0004000), W(0x009f480), NULL, NULL);
    /* v299  GroupNormalization [1,256,4,4], channels last, then Relu */
    STEP(10) group_norm_635cccf1(c, A(0x0000000), A(0x0000000), W(0x00af480), W(0x00af880), A(0x0005800), A(0x0005000));
    /* v202  matmul [1,4,4,64], depth 256, constant b, then Add */
    STEP(11) gemm_d9bef32a(c, A(0x0004000), A(0x0000000), W(0x00afc80), NULL, NULL, A(0x0004000));
    /* v204  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Relu */
    STEP(12) conv_da40266c(c, A(0x0000000), A(0x0004000), W(0x00bfc80), W(0x00e3c80));
    /* v206  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Relu */
    STEP(13) conv_da40266c(c, A(0x0001000), A(0x0000000), W(0x00e3d80), W(0x0107d80));
    /* v208  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Add, Relu */
    STEP(14) conv_8d287695(c, A(0x0004000), A(0x0001000), W(0x0107e80), W(0x012be80), A(0x0004000));
    /* v211  matmul [1,4,4,256], depth 64, constant b */
    STEP(15) gemm_5ddd1f26(c, A(0x0000000), A(0x0004000), W(0x012bf80), NULL, NULL);
    /* v304  GroupNormalization [1,256,4,4], channels last, then Relu */
    STEP(16) group_norm_635cccf1(c, A(0x0000000), A(0x0000000), W(0x013bf80), W(0x013c380), A(0x0005800), A(0x0005000));
    /* v222  matmul [1,4,4,64], depth 256, constant b, then Add */
    STEP(17) gemm_d9bef32a(c, A(0x0004000), A(0x0000000), W(0x013c780), NULL, NULL, A(0x0004000));
    /* v224  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Relu */
    STEP(18) conv_da40266c(c, A(0x0000000), A(0x0004000), W(0x014c780), W(0x0170780));
    /* v226  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Relu */
    STEP(19) conv_da40266c(c, A(0x0001000), A(0x0000000), W(0x0170880), W(0x0194880));
    /* v228  conv 3x3 [1,64,4,4] -> [1,64,4,4], + bias, then Add, Relu */
    STEP(20) conv_8d287695(c, A(0x0004000), A(0x0001000), W(0x0194980), W(0x01b8980), A(0x0004000));
    /* v233  resize nearest [1,64,4,4], conv 3x3 [1,64,8,8] -> [1,64,8,8] */
    STEP(21) conv_251999bf(c, A(0x004f500), A(0x0004000), W(0x01b8a80), NULL);
    /* v234  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Relu */
    STEP(22) conv_e2c400de(c, A(0x0000000), A(0x004f500), W(0x01dca80), W(0x0200a80));
    /* v236  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Relu */
    STEP(23) conv_e2c400de(c, A(0x0004000), A(0x0000000), W(0x0200b80), W(0x0224b80));
    /* v238  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Add, Relu */
    STEP(24) conv_b2cebe07(c, A(0x004f500), A(0x0004000), W(0x0224c80), W(0x0248c80), A(0x004f500));
    /* v241  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Relu */
    STEP(25) conv_e2c400de(c, A(0x0000000), A(0x004f500), W(0x0248d80), W(0x026cd80));
    /* v243  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Relu */
    STEP(26) conv_e2c400de(c, A(0x0004000), A(0x0000000), W(0x026ce80), W(0x0290e80));
    /* v245  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Add, Relu */
    STEP(27) conv_b2cebe07(c, A(0x004f500), A(0x0004000), W(0x0290f80), W(0x02b4f80), A(0x004f500));
    /* v248  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Relu */
    STEP(28) conv_e2c400de(c, A(0x0000000), A(0x004f500), W(0x02b5080), W(0x02d9080));
    /* v250  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Relu */
    STEP(29) conv_e2c400de(c, A(0x0004000), A(0x0000000), W(0x02d9180), W(0x02fd180));
    /* v252  conv 3x3 [1,64,8,8] -> [1,64,8,8], + bias, then Add, Relu */
    STEP(30) conv_b2cebe07(c, A(0x004f500), A(0x0004000), W(0x02fd280), W(0x0321280), A(0x004f500));
    /* v257  resize nearest [1,64,8,8], conv 3x3 [1,64,16,16] -> [1,64,16,16], Winograd 4x4 */
    STEP(31) conv_winograd_698ba560(c, A(0x0167500), A(0x004f500), W(0x0321380), NULL, A(0x0000000));
    /* v258  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, Winograd 4x4, then Relu */
    STEP(32) conv_winograd_af5a01b1(c, A(0x004f500), A(0x0167500), W(0x0345380), W(0x0369380), A(0x0000000));
    /* v260  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, Winograd 4x4, then Relu */
    STEP(33) conv_winograd_af5a01b1(c, A(0x005f500), A(0x004f500), W(0x0369480), W(0x038d480), A(0x0000000));
    /* v262  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, Winograd 4x4, then Add, Relu */
    STEP(34) conv_winograd_695b5fb3(c, A(0x0167500), A(0x005f500), W(0x038d580), W(0x03b1580), A(0x0000000), A(0x0167500));
    /* v265  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, Winograd 4x4, then Relu */
    STEP(35) conv_winograd_af5a01b1(c, A(0x004f500), A(0x0167500), W(0x03b1680), W(0x03d5680), A(0x0000000));
    /* v267  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, Winograd 4x4, then Relu */
    STEP(36) conv_winograd_af5a01b1(c, A(0x005f500), A(0x004f500), W(0x03d5780), W(0x03f9780), A(0x0000000));
    /* v269  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, Winograd 4x4, then Add, Relu */
    STEP(37) conv_winograd_695b5fb3(c, A(0x0167500), A(0x005f500), W(0x03f9880), W(0x041d880), A(0x0000000), A(0x0167500));
    /* v272  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, Winograd 4x4, then Relu */
    STEP(38) conv_winograd_af5a01b1(c, A(0x004f500), A(0x0167500), W(0x041d980), W(0x0441980), A(0x0000000));
    /* v274  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, Winograd 4x4, then Relu */
    STEP(39) conv_winograd_af5a01b1(c, A(0x005f500), A(0x004f500), W(0x0441a80), W(0x0465a80), A(0x0000000));
    /* v276  conv 3x3 [1,64,16,16] -> [1,64,16,16], + bias, Winograd 4x4, then Add, Relu */
    STEP(40) conv_winograd_695b5fb3(c, A(0x0167500), A(0x005f500), W(0x0465b80), W(0x0489b80), A(0x0000000), A(0x0167500));
    /* v281  resize nearest [1,64,16,16], conv 3x3 [1,64,32,32] -> [1,64,32,32], Winograd 4x4 */
    STEP(41) conv_winograd_3c56c275(c, A(0x0127500), A(0x0167500), W(0x0489c80), NULL, A(0x0000000));
    /* v282  conv 3x3 [1,64,32,32] -> [1,64,32,32], + bias, Winograd 4x4, then Relu */
    STEP(42) conv_winograd_d9ab7aa5(c, A(0x0167500), A(0x0127500), W(0x04adc80), W(0x04d1c80), A(0x0000000));
    /* v284  conv 3x3 [1,64,32,32] -> [1,64,32,32], + bias, Winograd 4x4, then Relu */
    STEP(43) conv_winograd_d9ab7aa5(c, A(0x01a7500), A(0x0167500), W(0x04d1d80), W(0x04f5d80), A(0x0000000));
    /* v286  conv 3x3 [1,64,32,32] -> [1,64,32,32], + bias, Winograd 4x4, then Add, Relu */
    STEP(44) conv_winograd_4565ae04(c, A(0x0127500), A(0x01a7500), W(0x04f5e80), W(0x0519e80), A(0x0000000), A(0x0127500));
    /* v289  conv 3x3 [1,64,32,32] -> [1,3,32,32], + bias */
    STEP(45) conv_875e4cc1(c, A(0x0000000), A(0x0127500), W(0x0519f80), W(0x051e780));
    /* v289  transpose [1,3,32,32] */
    STEP(46) transpose_98bebb69(c, A(0x0003000), A(0x0000000));
    return c->error[0] ? SDC_BAD_INPUT : SDC_OK;
}

const SdcProgram sdc_program_0 = {
    .name = "vae_decoder",
    .inputs = inputs, .outputs = outputs, .n_inputs = 1, .n_outputs = 1,
    .arena_bytes = INT64_C(1996032), .bound_bytes = INT64_C(1996032),
    .weights_offset = 0, .weights_bytes = INT64_C(5367692), .flops = INT64_C(555827200), .kernels = 47,
    .run = run, .prompt = NULL, .table = NULL, .tables = NULL, .n_tables = 0,
    .work = {{0, INT64_C(0), INT64_C(0)}, {0, INT64_C(0), INT64_C(0)}, {47, INT64_C(555827200), INT64_C(5367692)}},
};
