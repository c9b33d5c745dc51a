/* dropout.h: training-mode Dropout: each element is zeroed with probability RATIO, the others scaled by 1 / (1 - RATIO).
 *
 *      void NAME(SdcContext *c, st_R *result, st_bool *mask, const st_R *x)
 *
 *   NAME               the function
 *   R                  a floating-point type
 *   RATIO              a double constant
 *   SEED               of the generator: mt19937 doubles of 53 bits, as numpy draws them
 *   COUNT              elements of each operand, dense
 *
 * A stream has one order: this is one unit. */
#include "kernel.h"

#ifndef NAME
#define NAME dropout_default
#define R f32
#define RATIO 0.5
#define SEED 0
#define COUNT 64
#endif

void NAME(SdcContext *c, SDC_CAT(st_, R) *result, st_bool *mask, const SDC_CAT(st_, R) *x)
{
    SdcRandom generator;
    (void)c;
    sdc_random_seed(&generator, SEED);
    for (int64_t i = 0; i < COUNT; i++) {
        const uint32_t high = sdc_random_u32(&generator) >> 5, low = sdc_random_u32(&generator) >> 6;
        const bool keep = ((double)high * 0x1p26 + (double)low) * 0x1p-53 >= RATIO;
        mask[i] = keep;
        result[i] = SDC_CAST(f64, R, keep ? (double)SDC_CAT(ld_, R)(x[i]) / (1.0 - RATIO) : 0.0);
    }
}

#undef NAME
#undef R
#undef RATIO
#undef SEED
#undef COUNT
