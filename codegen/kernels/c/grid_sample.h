/* grid_sample.h: GridSample: x sampled where a grid points, over any number of spatial axes.
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x, const st_G *grid)
 *
 *   NAME               the function
 *   T G                types of data and grid
 *   STORE              the stored element of y in terms of the sum v, a double
 *   BATCH CHANNELS     x [BATCH][CHANNELS][IN...], y [BATCH][CHANNELS][POINTS], grid [BATCH][POINTS][RANK];
 *                      all row-major
 *   RANK IN POINTS     the grid lists coordinates of the last axis first
 *   TAPS               1 nearest, 2 linear, 4 cubic
 *   PADDING            SDC_GRID_ZEROS, SDC_GRID_BORDER, SDC_GRID_REFLECTION
 *   CORNERS            1: -1 and 1 are the centres of the outermost elements, not their outer edges
 *
 * A unit is one point of one image, all its channels. */
#include "kernel.h"
#include "window.h"

#ifndef SDC_GRID_KINDS
#define SDC_GRID_KINDS
enum { SDC_GRID_ZEROS, SDC_GRID_BORDER, SDC_GRID_REFLECTION };

static inline double sdc_grid_reflect(double x, double low, double high)
{
    const double range = high - low;
    if (range <= 0 || !isfinite(x))
        return low;
    const double distance = fmod(fabs(x - low), 2 * range);
    return low + (distance > range ? 2 * range - distance : distance);
}

/* Weights of the taps at fraction t: nearest, linear, or cubic convolution with a = -0.75. */
static inline void sdc_grid_weights(int taps, double t, double *weight)
{
    const double a = -0.75, u = 1 - t;
    if (taps == 1)
        weight[0] = 1;
    else if (taps == 2) {
        weight[0] = u;
        weight[1] = t;
    } else {
        weight[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
        weight[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
        weight[2] = ((a + 2) * u - (a + 3)) * u * u + 1;
        weight[3] = ((a * (u + 1) - 5 * a) * (u + 1) + 8 * a) * (u + 1) - 4 * a;
    }
}
#endif

#ifndef NAME
#define NAME grid_sample_default
#define T f32
#define G f32
#define STORE (float)v
#define BATCH 1
#define CHANNELS 3
#define RANK 2
#define IN 8, 8
#define POINTS 16
#define TAPS 2
#define PADDING SDC_GRID_ZEROS
#define CORNERS 0
#endif

#define STORED SDC_CAT(st_, T)

typedef struct {
    STORED *y;
    const STORED *x;
    const SDC_CAT(st_, G) *grid;
} SDC_CAT(NAME, _arguments);

/* Coordinate v, -1..1, among the elements of an axis; padding moves positions that lie outside, but for cubic, which as
 * in PyTorch pads tap by tap. */
static double SDC_CAT(NAME, _position)(double v, double extent)
{
    const double half = CORNERS ? 0 : 0.5;
    double p = CORNERS ? (v + 1) / 2 * (extent - 1) : ((v + 1) * extent - 1) / 2;
    if (TAPS == 1)
        p = rint(p);
    const bool outside = TAPS != 4 && (p < -half || p > extent - 1 + half);
    if (PADDING == SDC_GRID_BORDER && outside)
        p = fmin(fmax(p, 0), extent - 1);
    if (PADDING == SDC_GRID_REFLECTION && outside)
        p = sdc_grid_reflect(p, -half, extent - 1 + half);
    return p;
}

/* The element that position p stands for; -1: none. */
static int64_t SDC_CAT(NAME, _resolve)(double p, int64_t extent)
{
    const double last = (double)(extent - 1), half = CORNERS ? 0 : 0.5;
    if (PADDING == SDC_GRID_REFLECTION && (p < 0 || p > last))
        p = trunc(sdc_grid_reflect(p, -half, last + half));
    if (PADDING == SDC_GRID_ZEROS && !(p >= 0 && p <= last))
        return -1;
    return !(p > 0) ? 0 : p >= last ? extent - 1 : (int64_t)p;
}

/* Offsets (-1: none) and weights of all taps of one point. */
static void SDC_CAT(NAME, _plan)(const SDC_CAT(st_, G) *point, int64_t *offset, double *weight)
{
    static const int64_t in[] = {IN};
    int64_t index[RANK][TAPS], tap[RANK] = {0}, taps[RANK], k = 0;
    double part[RANK][TAPS];
    for (int d = 0; d < RANK; d++) {
        const double p = SDC_CAT(NAME, _position)((double)SDC_CAT(ld_, G)(point[RANK - 1 - d]), (double)in[d]);
        const double first = TAPS == 1 ? p : floor(p);
        taps[d] = TAPS;
        sdc_grid_weights(TAPS, p - first, part[d]);
        for (int t = 0; t < TAPS; t++)
            index[d][t] = SDC_CAT(NAME, _resolve)(first + t - (TAPS == 4), in[d]);
    }
    do {
        bool inside = true;
        offset[k] = 0;
        weight[k] = 1;
        for (int d = 0; d < RANK; d++) {
            inside &= index[d][tap[d]] >= 0;
            offset[k] = offset[k] * in[d] + index[d][tap[d]];
            weight[k] *= part[d][tap[d]];
        }
        offset[k] = inside ? offset[k] : -1;
        k++;
    } while (sdc_window_next(RANK, taps, tap));
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    static const int64_t in[] = {IN};
    enum { ALL = TAPS == 1 ? 1 : TAPS == 2 ? 1 << RANK : 1 << (2 * RANK) };
    const SDC_CAT(NAME, _arguments) *a = argument;
    const int64_t area = sdc_window_rows(RANK, in) * in[RANK - 1];
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t offset[ALL];
        double weight[ALL];
        SDC_CAT(NAME, _plan)(a->grid + unit * RANK, offset, weight);
        for (int64_t k = 0; k < CHANNELS; k++) {
            const STORED *x = a->x + (unit / POINTS * CHANNELS + k) * area;
            double v = 0;
            for (int t = 0; t < ALL; t++)
                if (offset[t] >= 0)
                    v += weight[t] * (double)SDC_CAT(ld_, T)(x[offset[t]]);
            a->y[(unit / POINTS * CHANNELS + k) * POINTS + unit % POINTS] = STORE;
        }
    }
}

void NAME(SdcContext *c, STORED *y, const STORED *x, const SDC_CAT(st_, G) *grid)
{
    SDC_CAT(NAME, _arguments) a = {y, x, grid};
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, (int64_t)BATCH * POINTS);
}

#undef STORED
#undef NAME
#undef T
#undef G
#undef STORE
#undef BATCH
#undef CHANNELS
#undef RANK
#undef IN
#undef POINTS
#undef TAPS
#undef PADDING
#undef CORNERS
