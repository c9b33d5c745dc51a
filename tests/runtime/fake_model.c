/* fake_model.c: what the emitter would write for a tiny network, by hand, so that the command line of a single-model
 * executable is tested without the compiler.
 *
 *      y [2,3] f32  = x [2,3] f32 * w [3] + bias,  w in the weights, x destroyed on the way
 *      half [2] bf16 = token [2] i32 as bf16,  m.n=k [] bool is copied to `flag`
 *
 * The executable's sections are appended by append_sections(), in test_model.c. */
#include <string.h>

#include "profile.h"
#include "runtime.h"

enum { X = 0, TOKEN = 64, MASK = 128, Y = 192, HALF = 256, FLAG = 320, ARENA = 384 };

static const SdcTensor inputs[] = {
    {"x", DT_F32, 2, {2, 3}, X, 24, 0},
    {"token", DT_I32, 1, {2}, TOKEN, 8, 100},
    {"m.n=k", DT_BOOL, 0, {0}, MASK, 1, 0},
};
static const SdcTensor outputs[] = {
    {"y", DT_F32, 2, {2, 3}, Y, 24, 0},
    {"half", DT_BF16, 1, {2}, HALF, 4, 0},
    {"flag", DT_BOOL, 0, {0}, FLAG, 1, 0},
};

static void multiply(void *argument, int64_t begin, int64_t end)
{
    SdcContext *c = argument;
    float *x = (float *)(void *)(c->arena + X), *y = (float *)(void *)(c->arena + Y);
    const float *w = (const float *)(const void *)c->weights;
    for (int64_t row = begin; row < end; row++)
        for (int64_t i = 0; i < 3; i++) {
            y[row * 3 + i] = x[row * 3 + i] * w[i];
            x[row * 3 + i] = -1e30f;
        }
}

static int run(SdcContext *c)
{
    int32_t token[2];
    if (c->step && c->step(c, 0))
        return SDC_CANCELLED;
    memcpy(token, c->arena + TOKEN, sizeof token);
    if (token[0] < 0) {
        snprintf(c->error, sizeof c->error, "node embed: index %d is out of range", (int)token[0]);
        return SDC_BAD_INPUT;
    }
    sdc_parallel(c, multiply, c, 2);
    if (c->step && c->step(c, 1))
        return SDC_CANCELLED;
    for (int i = 0; i < 2; i++)
        dtype_store_f(DT_BF16, c->arena + HALF + 2 * i, (double)token[i]);
    c->arena[FLAG] = c->arena[MASK];
    return SDC_OK;
}

static const SdcProgram program = {
    .name = "model", .inputs = inputs, .outputs = outputs, .n_inputs = 3, .n_outputs = 3, .arena_bytes = ARENA,
    .bound_bytes = 100, .weights_offset = 64, .weights_bytes = 12, .flops = 12, .kernels = 1, .run = run,
};
static const SdcProgram *const programs[] = {&program};

/* Stands for the loops of kernels/c/ceiling.h. */
static void no_loop(void *argument, int64_t begin, int64_t end)
{
    (void)argument, (void)begin, (void)end;
}

static const int64_t multiply_flops = 1, bf16_flops = 0;
static const SdcProfile profile = {
    .calls = "v1 multiply 12 24 24 12 x \"times\" w\n- copy 0 9 5 0 tokens, mask\n",
    .multiply = no_loop, .read = no_loop, .copy = no_loop, .multiply_flops = &multiply_flops, .bf16_flops = &bf16_flops,
};

const SdcModel sdc_model = {
    .name = "tiny", .version = "1.2.3", .isa = "generic", .compiler = "gcc 0.0", .programs = programs, .n_programs = 1,
    .profile = &profile,
};
