/* dropout.h: Dropout whose mode or ratio is known at run time only, or that trains: each element is zeroed with
 * probability `ratio`, the others scaled by 1 / (1 - ratio); outside of training x itself.
 *
 *      void NAME(SdcContext *c, st_R *result, st_bool *mask, const st_R *x, const st_bool *training
 *                [, const st_T *ratio])
 *
 *   NAME               the function
 *   R  T               floating-point types of the data and of the ratio
 *   HAS_RATIO          1: the ratio is an operand; 0: it is 0.5
 *   SEED               of the generator: mt19937 doubles of 53 bits, as numpy draws them
 *   COUNT              elements of result, mask (true: kept) and x, dense
 *
 * A stream has one order: this is one unit. */
#include "kernel.h"

#ifndef NAME
#define NAME dropout_default
#define R f32
#define T f32
#define HAS_RATIO 0
#define SEED 0
#define COUNT 64
#endif

void NAME(SdcContext *c, SDC_CAT(st_, R) *result, st_bool *mask, const SDC_CAT(st_, R) *x, const st_bool *training
#if HAS_RATIO
          , const SDC_CAT(st_, T) *ratio_operand
#endif
)
{
    SdcRandom generator;
#if HAS_RATIO
    const double ratio = (double)SDC_CAT(ld_, T)(*ratio_operand);
#else
    const double ratio = 0.5;
#endif
    const bool draws = *training && ratio != 0.0;
    (void)c;
    sdc_random_seed(&generator, SEED);
    for (int64_t i = 0; i < COUNT; i++) {
        bool keep = true;
        if (draws) {
            const uint32_t high = sdc_random_u32(&generator) >> 5, low = sdc_random_u32(&generator) >> 6;
            keep = ((double)high * 0x1p26 + (double)low) * 0x1p-53 >= ratio;
        }
        const double value = (double)SDC_CAT(ld_, R)(x[i]);
        mask[i] = keep;
        result[i] = SDC_CAST(f64, R, !keep ? 0.0 : draws ? value / (1.0 - ratio) : value);
    }
}

#undef NAME
#undef R
#undef T
#undef HAS_RATIO
#undef SEED
#undef COUNT
