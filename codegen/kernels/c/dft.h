/* dft.h: discrete Fourier transforms along one axis, in double.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x, double *scratch)
 *
 *   NAME T             the function; type of the elements
 *   LENGTH             of the transform
 *   INVERSE ONESIDED   direction; of a one-sided inverse the missing bins are the conjugates of the given ones
 *   N  I0              length of the axis in x and the stride along it: what is missing up to LENGTH counts as 0
 *   K  IR              length of the axis in the result (at most LENGTH) and its stride
 *   PARTS XP           1: x is real; 2: (real, imaginary) pairs; stride from one to the other
 *   PARTS_R RP         the same for the result
 *   ROWS OUTER DIMS    product, number and lengths of the other axes
 *   SR S0              strides along them
 *   SLOTS              1..ROWS: units; each transforms its share of the lines, with scratch of its own
 *
 * scratch: 2 * LENGTH doubles for the table of roots, then 6 * LENGTH for each slot. */
#include "kernel.h"
#include "fft.h"
#include "index.h"

#ifndef NAME
#define NAME dft_default
#define T f32
#define LENGTH 400
#define INVERSE 0
#define ONESIDED 1
#define N 400
#define I0 1
#define K 201
#define IR 2
#define PARTS 1
#define XP 1
#define PARTS_R 2
#define RP 1
#define ROWS 16
#define OUTER 1
#define DIMS 16
#define SR 402
#define S0 400
#define SLOTS 16
#endif

typedef struct {
    SDC_CAT(st_, T) *y;
    const SDC_CAT(st_, T) *x;
    double *scratch;
} SDC_CAT(NAME, _arguments);

static inline void SDC_CAT(NAME, _load)(double *line, const SDC_CAT(st_, T) *x)
{
    for (int64_t i = 0; i < LENGTH; i++) {
        line[2 * i] = i < N ? (double)SDC_CAT(ld_, T)(x[i * I0]) : 0;
        line[2 * i + 1] = i < N && PARTS == 2 ? (double)SDC_CAT(ld_, T)(x[i * I0 + XP]) : 0;
    }
    if (!(INVERSE && ONESIDED))
        return;
    line[1] = 0;
    if (LENGTH % 2 == 0)
        line[LENGTH + 1] = 0;
    for (int64_t i = LENGTH / 2 + 1; i < LENGTH; i++) {
        line[2 * i] = line[2 * (LENGTH - i)];
        line[2 * i + 1] = -line[2 * (LENGTH - i) + 1];
    }
}

static inline void SDC_CAT(NAME, _store)(SDC_CAT(st_, T) *y, const double *line)
{
    const double scale = INVERSE ? 1.0 / LENGTH : 1;
    for (int64_t k = 0; k < K; k++) {
        y[k * IR] = SDC_CAST(f64, T, line[2 * k] * scale);
        if (PARTS_R == 2)
            y[k * IR + RP] = SDC_CAST(f64, T, line[2 * k + 1] * scale);
    }
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t dims[] = {DIMS};
    static const int64_t strides[] = {SR, S0};
    const SDC_CAT(NAME, _arguments) *p = argument;
    for (int64_t slot = begin; slot < end; slot++) {
        const int64_t first = slot * ROWS / SLOTS, last = (slot + 1) * ROWS / SLOTS;
        double *in = p->scratch + 2 * LENGTH + slot * 6 * LENGTH, *out = in + 2 * LENGTH, *terms = out + 2 * LENGTH;
        SdcWalk w;
        sdc_walk_start(&w, first, OUTER, dims, 2, strides);
        for (int64_t line = first; line < last; line++) {
            SDC_CAT(NAME, _load)(in, p->x + w.offset[1]);
            sdc_fft(out, in, LENGTH, 1, p->scratch, LENGTH, terms);
            SDC_CAT(NAME, _store)(p->y + w.offset[0], out);
            sdc_walk_next(&w, OUTER, dims, 2, strides);
        }
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, T) *y, const SDC_CAT(st_, T) *x, double *scratch)
{
    SDC_CAT(NAME, _arguments) p = {y, x, scratch};
    sdc_fft_table(scratch, LENGTH, INVERSE ? 1 : -1);
    sdc_parallel(c, SDC_CAT(NAME, _part), &p, SLOTS);
}

#undef NAME
#undef T
#undef LENGTH
#undef INVERSE
#undef ONESIDED
#undef N
#undef I0
#undef K
#undef IR
#undef PARTS
#undef XP
#undef PARTS_R
#undef RP
#undef ROWS
#undef OUTER
#undef DIMS
#undef SR
#undef S0
#undef SLOTS
