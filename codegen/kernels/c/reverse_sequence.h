/* reverse_sequence.h: the first lengths[b] steps of each sequence b back to front, the others as they are.
 *
 *      void NAME(SdcContext *c, st_R *result, const st_R *x, const st_i64 *lengths)
 *
 *   NAME               the function
 *   R                  type
 *   BATCH STEPS        sequences, and steps of each
 *   INNER              elements of one step, side by side in memory
 *   BATCH_STRIDE STEP_STRIDE   of both operands, in elements
 *
 * Lengths outside 0..STEPS are clamped.  A unit is one sequence. */
#include "kernel.h"

#ifndef NAME
#define NAME reverse_sequence_default
#define R f32
#define BATCH 4
#define STEPS 8
#define INNER 16
#define BATCH_STRIDE 16
#define STEP_STRIDE 64
#endif

typedef struct {
    SDC_CAT(st_, R) *result;
    const SDC_CAT(st_, R) *x;
    const st_i64 *lengths;
} SDC_CAT(NAME, _arguments);

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t b = begin; b < end; b++) {
        const int64_t length = a->lengths[b] < 0 ? 0 : a->lengths[b] > STEPS ? STEPS : a->lengths[b];
        for (int64_t t = 0; t < STEPS; t++) {
            const int64_t from = t < length ? length - 1 - t : t;
            memcpy(a->result + b * BATCH_STRIDE + t * STEP_STRIDE, a->x + b * BATCH_STRIDE + from * STEP_STRIDE,
                   INNER * sizeof *a->result);
        }
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, R) *result, const SDC_CAT(st_, R) *x, const st_i64 *lengths)
{
    SDC_CAT(NAME, _arguments) a = {result, x, lengths};
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, BATCH);
}

#undef NAME
#undef R
#undef BATCH
#undef STEPS
#undef INNER
#undef BATCH_STRIDE
#undef STEP_STRIDE
