/* ceiling.h: loops that measure what this machine can do at most, compiled like the kernels; for --profile.
 *
 *      void NAME_multiply(void *ceiling, int64_t begin, int64_t end)     multiply-adds in registers
 *      void NAME_read(void *ceiling, int64_t begin, int64_t end)         sums up `from`
 *      void NAME_copy(void *ceiling, int64_t begin, int64_t end)         `from` times a factor to `to`
 *      void NAME_bf16(void *ceiling, int64_t begin, int64_t end)         products of bf16, where bf16_tile.h has instructions
 *      const int64_t NAME_flops, NAME_bf16_flops                         of one step of NAME_multiply and NAME_bf16; 0: none
 *
 *   NAME    the functions' common part
 *
 * A unit is one thread's own part of the SdcCeiling (runtime/profile.h): a loop has as many units as threads. */
#include "bf16_tile.h"
#include "profile.h"

#ifndef NAME
#define NAME ceiling_default
#endif

/* Enough chains to hide the latency of two units, few enough for 16 registers. */
enum { SDC_CAT(NAME, _chains) = 12 };
const int64_t SDC_CAT(NAME, _flops) = 2 * SDC_CAT(NAME, _chains) * SDC_VL;

void SDC_CAT(NAME, _multiply)(void *argument, int64_t begin, int64_t end)
{
    const SdcCeiling *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        float *own = a->to + unit * a->each;
        const sdc_vf factor = sdc_splat(a->from[0]), term = sdc_splat(1 - a->from[0]);
        sdc_vf sum[SDC_CAT(NAME, _chains)], all = {0};
        for (int k = 0; k < SDC_CAT(NAME, _chains); k++)
            sum[k] = sdc_splat((float)(k + 1));
        for (int64_t step = 0; step < a->steps; step++) {
#pragma GCC unroll 12
            for (int k = 0; k < SDC_CAT(NAME, _chains); k++)
                sum[k] = sum[k] * factor + term;
        }
        for (int k = 0; k < SDC_CAT(NAME, _chains); k++)
            all += sum[k];
        sdc_store(own, all);
    }
}

#if SDC_BF16_AMX || SDC_BF16_DOT
/* bf16 from 1/2 to 1, half of them negative: zeros let tiles read a quarter too fast. */
static void SDC_CAT(NAME, _draw)(st_bf16 *to, int count)
{
    uint32_t state = 1;
    for (int k = 0; k < count; k++) {
        state = state * 1664525u + 1013904223u;
        to[k] = (st_bf16)(0x3f00 + (state >> 16 & 0x807f));
    }
}
#endif

#if SDC_BF16_AMX
const int64_t SDC_CAT(NAME, _bf16_flops) = 4 * 2 * 16 * 16 * 32;

/* Two by two tiles of sums, as the kernels have them; the operands stay in registers. */
void SDC_CAT(NAME, _bf16)(void *argument, int64_t begin, int64_t end)
{
    const SdcCeiling *a = argument;
    _Alignas(64) st_bf16 operand[4 * SDC_BF16_TILE];
    float result[16 * 16];
    SDC_CAT(NAME, _draw)(operand, 4 * SDC_BF16_TILE);
    sdc_bf16_begin();
    for (int64_t unit = begin; unit < end; unit++) {
        SDC_TILE_ZERO(0);
        SDC_TILE_ZERO(1);
        SDC_TILE_ZERO(2);
        SDC_TILE_ZERO(3);
        SDC_TILE_LOAD(4, operand, 64);
        SDC_TILE_LOAD(5, operand + SDC_BF16_TILE, 64);
        SDC_TILE_LOAD(6, operand + 2 * SDC_BF16_TILE, 64);
        SDC_TILE_LOAD(7, operand + 3 * SDC_BF16_TILE, 64);
        for (int64_t step = 0; step < a->steps; step++) {
            SDC_TILE_DOT(0, 4, 6);
            SDC_TILE_DOT(1, 4, 7);
            SDC_TILE_DOT(2, 5, 6);
            SDC_TILE_DOT(3, 5, 7);
        }
        SDC_TILE_STORE(0, result, 64);
        a->to[unit * a->each] = result[0];
    }
    sdc_bf16_end();
}
#elif SDC_BF16_DOT
enum { SDC_CAT(NAME, _dots) = 16 };                             /* two a cycle, of 6 cycles (Zen 5) */
const int64_t SDC_CAT(NAME, _bf16_flops) = 4 * SDC_CAT(NAME, _dots) * SDC_VL;

void SDC_CAT(NAME, _bf16)(void *argument, int64_t begin, int64_t end)
{
    const SdcCeiling *a = argument;
    _Alignas(64) st_bf16 operand[32];
    SDC_CAT(NAME, _draw)(operand, 32);
    for (int64_t unit = begin; unit < end; unit++) {
        const sdc_vf column = sdc_load((const float *)(const void *)operand);
        sdc_vf sum[SDC_CAT(NAME, _dots)], all = {0};            /* in registers if each loop is unrolled */
        SDC_UNROLL for (int k = 0; k < SDC_CAT(NAME, _dots); k++)
            sum[k] = sdc_splat((float)(k + 1));                 /* equal chains would be computed once */
        for (int64_t step = 0; step < a->steps; step++)
            SDC_UNROLL for (int k = 0; k < SDC_CAT(NAME, _dots); k++)
                __asm__("vdpbf16ps %1, %1, %0" : "+v"(sum[k]) : "v"(column));
        SDC_UNROLL for (int k = 0; k < SDC_CAT(NAME, _dots); k++)
            all += sum[k];
        sdc_store(a->to + unit * a->each, all);
    }
}
#else
const int64_t SDC_CAT(NAME, _bf16_flops) = 0;

void SDC_CAT(NAME, _bf16)(void *argument, int64_t begin, int64_t end)
{
    (void)argument, (void)begin, (void)end;
}
#endif

void SDC_CAT(NAME, _read)(void *argument, int64_t begin, int64_t end)
{
    const SdcCeiling *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const float *from = a->from + unit * a->each;
        sdc_vf sum[4] = {{0}};
        for (int64_t i = 0; i + 4 * SDC_VL <= a->each; i += 4 * SDC_VL) {
#pragma GCC unroll 4
            for (int k = 0; k < 4; k++)
                sum[k] += sdc_load(from + i + k * SDC_VL);
        }
        sdc_store(a->to + unit * a->each, (sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
}

void SDC_CAT(NAME, _copy)(void *argument, int64_t begin, int64_t end)
{
    const SdcCeiling *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const float *from = a->from + unit * a->each;
        float *to = a->to + unit * a->each;
        const float factor = a->from[0];
        for (int64_t i = 0; i + SDC_VL <= a->each; i += SDC_VL)
            sdc_store(to + i, sdc_load(from + i) * factor);
    }
}

#undef NAME
