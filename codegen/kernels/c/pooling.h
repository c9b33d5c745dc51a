/* pooling.h: MaxPool, AveragePool, LpPool and their global forms, channels last, over any number of spatial axes.
 *
 *      void NAME(SdcContext *c, st_T *y, int64_t *index, const st_T *x)
 *
 *   NAME                      the function
 *   T                         type of x and y
 *   KIND                      SDC_POOL_MAX, SDC_POOL_AVERAGE, SDC_POOL_NORM
 *   BATCH CHANNELS            x [BATCH][IN...][CHANNELS], y [BATCH][OUT...][CHANNELS]
 *   RANK IN OUT               spatial axes and their extents
 *   KERNEL STRIDE DILATION BEFORE AFTER    the window and the padding, one entry a spatial axis
 *   POWER                     of SDC_POOL_NORM
 *   COUNT_PADDING             1: an average divides by padded positions too
 *   WITH_INDEX COLUMN_MAJOR   1: index holds where each maximum is in [BATCH][CHANNELS][IN...]; COLUMN_MAJOR 1 counts
 *                             along the first spatial axis first
 *
 * A unit is STRIP channels of one row along the last axis. */
#include "kernel.h"
#include "window.h"

#ifndef SDC_POOL_KINDS
#define SDC_POOL_KINDS
enum { SDC_POOL_MAX, SDC_POOL_AVERAGE, SDC_POOL_NORM };
#endif

#ifndef NAME
#define NAME pooling_default
#define T f32
#define KIND SDC_POOL_AVERAGE
#define BATCH 1
#define CHANNELS 64
#define RANK 2
#define IN 16, 16
#define OUT 8, 8
#define KERNEL 2, 2
#define STRIDE 2, 2
#define DILATION 1, 1
#define BEFORE 0, 0
#define AFTER 0, 0
#define POWER 2
#define COUNT_PADDING 0
#define WITH_INDEX 0
#define COLUMN_MAJOR 0
#endif

#define STRIP 64
#define STRIPS ((CHANNELS + STRIP - 1) / STRIP)
#define STORED SDC_CAT(st_, T)
#define REAL SDC_CAT(ct_, T)
#define LOAD(v) SDC_CAT(ld_, T)(v)

typedef struct {
    STORED *y;
    int64_t *index;
    const STORED *x;
} SDC_CAT(NAME, _arguments);

/* What a strip of channels has collected. */
typedef struct {
    double sum[STRIP];
    REAL best[STRIP];
    int64_t at[STRIP];
    int64_t inside, padded;
} SDC_CAT(NAME, _strip);

static inline void SDC_CAT(NAME, _take)(SDC_CAT(NAME, _strip) *s, const STORED *restrict x, int64_t n, int64_t place)
{
    if (KIND == SDC_POOL_AVERAGE) {
        for (int64_t i = 0; i < n; i++)
            s->sum[i] += (double)LOAD(x[i]);
    } else if (KIND == SDC_POOL_NORM) {
        for (int64_t i = 0; i < n; i++) {
            const double v = fabs((double)LOAD(x[i]));
            s->sum[i] += POWER == 1 ? v : POWER == 2 ? v * v : pow(v, POWER);
        }
    } else if (s->inside == 0) {
        for (int64_t i = 0; i < n; i++) {
            s->best[i] = LOAD(x[i]);
            s->at[i] = place;
        }
    } else {
        for (int64_t i = 0; i < n; i++) {
            const REAL v = LOAD(x[i]);
            if (WITH_INDEX)
                s->at[i] = v > s->best[i] ? place : s->at[i];
            s->best[i] = v > s->best[i] ? v : s->best[i];
        }
    }
    s->inside++;
}

/* All taps of the window at `at`; x is the image at the strip's first channel. */
static inline void SDC_CAT(NAME, _look)(SDC_CAT(NAME, _strip) *s, const STORED *x, const int64_t *at, int64_t n)
{
    static const int64_t in[] = {IN}, kernel[] = {KERNEL}, stride[] = {STRIDE}, dilation[] = {DILATION};
    static const int64_t before[] = {BEFORE}, after[] = {AFTER};
    int64_t tap[RANK] = {0};
    s->inside = s->padded = 0;
    for (int64_t i = 0; i < n; i++) {
        s->sum[i] = 0;
        s->best[i] = 0;
        s->at[i] = -1;
    }
    do {
        int64_t from = 0, place = 0, step = 1;
        bool inside = true, padded = true;
        for (int d = 0; d < RANK; d++) {
            const int64_t p = at[d] * stride[d] + tap[d] * dilation[d] - before[d];
            inside &= p >= 0 && p < in[d];
            padded &= p < in[d] + after[d];
            from = from * in[d] + p;
            place += p * step;
            step *= in[d];
        }
        s->padded += padded;
        if (inside)
            SDC_CAT(NAME, _take)(s, x + from * CHANNELS, n, COLUMN_MAJOR ? place : from);
    } while (sdc_window_next(RANK, kernel, tap));
}

static inline void SDC_CAT(NAME, _store)(const SDC_CAT(NAME, _strip) *s, STORED *y, int64_t n)
{
    const int64_t count = COUNT_PADDING ? s->padded : s->inside;
    for (int64_t i = 0; i < n; i++) {
        double v = s->sum[i];
        if (KIND == SDC_POOL_MAX) {
            y[i] = SDC_CAT(to_, T)(s->best[i]);
            continue;
        }
        if (KIND == SDC_POOL_AVERAGE)
            v = count ? v / (double)count : 0;
        else
            v = POWER == 1 ? v : POWER == 2 ? sqrt(v) : pow(v, 1.0 / POWER);
        y[i] = SDC_CAT(to_, T)((REAL)v);
    }
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t in[] = {IN}, out[] = {OUT};
    const SDC_CAT(NAME, _arguments) *a = argument;
    const int64_t in_area = sdc_window_rows(RANK, in) * in[RANK - 1], last = out[RANK - 1];
    for (int64_t unit = begin; unit < end; unit++) {
        SDC_CAT(NAME, _strip) strip;
        int64_t at[RANK];
        const int64_t row = unit / STRIPS, channel = unit % STRIPS * STRIP, image = sdc_window_row(RANK, out, row, at);
        const int64_t n = CHANNELS - channel < STRIP ? CHANNELS - channel : STRIP;
        const STORED *x = a->x + image * in_area * CHANNELS + channel;
        for (; at[RANK - 1] < last; at[RANK - 1]++) {
            const int64_t to = (row * last + at[RANK - 1]) * CHANNELS + channel;
            SDC_CAT(NAME, _look)(&strip, x, at, n);
            SDC_CAT(NAME, _store)(&strip, a->y + to, n);
            for (int64_t i = 0; WITH_INDEX && i < n; i++)
                a->index[to + i] = strip.at[i] < 0 ? -1 : (image * CHANNELS + channel + i) * in_area + strip.at[i];
        }
    }
}

void NAME(SdcContext *c, STORED *y, int64_t *index, const STORED *x)
{
    static const int64_t out[] = {OUT}, kernel[] = {KERNEL};
    SDC_CAT(NAME, _arguments) a = {y, index, x};
    const int64_t rows = BATCH * sdc_window_rows(RANK, out);
    const int64_t taps = sdc_window_rows(RANK, kernel) * kernel[RANK - 1];
    sdc_run(c, SDC_CAT(NAME, _part), &a, rows * STRIPS, rows * out[RANK - 1] * CHANNELS * taps * 2);
}

#undef STRIP
#undef STRIPS
#undef STORED
#undef REAL
#undef LOAD
#undef NAME
#undef T
#undef KIND
#undef BATCH
#undef CHANNELS
#undef RANK
#undef IN
#undef OUT
#undef KERNEL
#undef STRIDE
#undef DILATION
#undef BEFORE
#undef AFTER
#undef POWER
#undef COUNT_PADDING
#undef WITH_INDEX
#undef COLUMN_MAJOR
