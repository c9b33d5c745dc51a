/* ceiling.h: loops that measure what this machine can do at most, compiled like the kernels; for --profile.
 *
 *      void NAME_multiply(void *ceiling, int64_t begin, int64_t end)     multiply-adds in registers
 *      void NAME_read(void *ceiling, int64_t begin, int64_t end)         sums up `from`
 *      void NAME_copy(void *ceiling, int64_t begin, int64_t end)         `from` times a factor to `to`
 *      const int64_t NAME_flops                                          of one step of NAME_multiply
 *
 *   NAME    the functions' common part
 *
 * A unit is one thread's own part of the SdcCeiling (runtime/profile.h): a loop has as many units as threads. */
#include "kernel.h"
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
