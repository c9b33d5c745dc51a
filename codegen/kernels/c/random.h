/* random.h: COUNT numbers SHIFT + SCALE * draw from the runtime's generator; the same ones in every run.
 *
 *      void NAME(SdcContext *c, st_R *result, float *scratch)
 *
 *   NAME               the function
 *   R                  a floating-point type
 *   DRAW               sdc_random_normal or sdc_random_uniform
 *   SEED               of the generator
 *   SHIFT SCALE        double constants
 *   COUNT              elements of the result and of scratch
 *
 * A stream has one order: this is one unit. */
#include "kernel.h"

#ifndef NAME
#define NAME random_default
#define R f32
#define DRAW sdc_random_normal
#define SEED 0
#define SHIFT 0.0
#define SCALE 1.0
#define COUNT 64
#endif

void NAME(SdcContext *c, SDC_CAT(st_, R) *result, float *scratch)
{
    SdcRandom generator;
    (void)c;
    sdc_random_seed(&generator, SEED);
    DRAW(&generator, scratch, COUNT);
    for (int64_t i = 0; i < COUNT; i++)
        result[i] = SDC_CAST(f64, R, SHIFT + SCALE * (double)scratch[i]);
}

#undef NAME
#undef R
#undef DRAW
#undef SEED
#undef SHIFT
#undef SCALE
#undef COUNT
