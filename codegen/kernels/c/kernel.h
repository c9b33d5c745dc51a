/* kernel.h: what every kernel template of the C target stands on.
 *
 * A template is a real source file, NAME.h, whose parameters are macros documented at its top.  The emitter writes
 *
 *      #define NAME conv_17          one #define a parameter
 *      #include "conv.h"             defines   void conv_17(SdcContext *c, float *y, const float *x, ...)
 *
 * and the template #undefs its parameters at its end, so that many instances share one translation unit.
 * Each template gives every parameter a default when NAME is not defined, so that it compiles and reads alone.
 *
 * An instance splits its work into UNITS that do not depend on each other and hands them to sdc_parallel(); a sum is
 * always taken inside one unit and in one order, so the result does not depend on the number of threads.
 *
 * Storage and arithmetic: a type is named by its text in runtime/dtype.def.  st_TYPE is how one element is stored,
 * ct_TYPE how it is computed with (float for f16, bf16 and the 8-bit floats), ld_TYPE() and to_TYPE() convert. */
#ifndef SDC_KERNEL_H
#define SDC_KERNEL_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "runtime.h"

#define SDC_CAT_(a, b) a##b
#define SDC_CAT(a, b) SDC_CAT_(a, b)

/* Floats in one vector register of the instruction set that the file is compiled for. */
#ifndef SDC_VL
#if defined(__AVX512F__)
#define SDC_VL 16
#elif defined(__AVX__)
#define SDC_VL 8
#else
#define SDC_VL 4
#endif
#endif
typedef float sdc_vf __attribute__((vector_size(4 * SDC_VL)));
typedef int32_t sdc_vi __attribute__((vector_size(4 * SDC_VL)));
typedef float sdc_vfu __attribute__((vector_size(4 * SDC_VL), aligned(4), may_alias));   /* unaligned memory */

static inline sdc_vf sdc_splat(float x) { return x - (sdc_vf){0}; }
static inline sdc_vf sdc_load(const float *p) { return *(const sdc_vfu *)p; }
static inline void sdc_store(float *p, sdc_vf v) { *(sdc_vfu *)p = v; }

/* The first n <= SDC_VL lanes; the others are read as zero and left alone in memory. */
static inline sdc_vf sdc_load_some(const float *p, int64_t n)
{
    sdc_vf v = {0};
    memcpy(&v, p, (size_t)n * sizeof *p);
    return v;
}
static inline void sdc_store_some(float *p, sdc_vf v, int64_t n) { memcpy(p, &v, (size_t)n * sizeof *p); }

/* sdc_parallel(), but work of fewer than some 10 us stays on the calling thread. */
static inline void sdc_run(SdcContext *c, SdcPart *part, void *argument, int64_t units, int64_t flops)
{
    if (flops < 200000)
        part(argument, 0, units);
    else
        sdc_parallel(c, part, argument, units);
}

#include "types.h"
#include "vecmath.h"

/* Of the types that float kernels load: sdc_widen_TYPE() converts count elements to f32, sdc_lanes_TYPE() the first
 * n <= SDC_VL, the other lanes being zero. */
#define SDC_WIDEN(TYPE)                                                                                     \
    static inline void sdc_widen_##TYPE(float *restrict to, const st_##TYPE *restrict from, int64_t count)  \
    {                                                                                                       \
        for (int64_t i = 0; i < count; i++)                                                                 \
            to[i] = ld_##TYPE(from[i]);                                                                     \
    }                                                                                                       \
    static inline sdc_vf sdc_lanes_##TYPE(const st_##TYPE *from, int64_t n)                                 \
    {                                                                                                       \
        float lane[SDC_VL] = {0};                                                                           \
        sdc_widen_##TYPE(lane, from, n);                                                                    \
        return sdc_load(lane);                                                                              \
    }
SDC_WIDEN(f16)
SDC_WIDEN(bf16)
#undef SDC_WIDEN
static inline void sdc_widen_f32(float *to, const float *from, int64_t count)
{
    memcpy(to, from, (size_t)count * sizeof *to);
}
static inline void sdc_widen_f64(double *to, const double *from, int64_t count)
{
    memcpy(to, from, (size_t)count * sizeof *to);
}
static inline sdc_vf sdc_lanes_f32(const float *from, int64_t n) { return sdc_load_some(from, n); }

#endif
