/* vlm_slices.c: how MiniCPM-V 2.6 cuts a picture, and where its patches are, after the published code: as many slices of
 * about `side` squared pixels as it has, `most` at the most, in the grid whose shape is nearest to the picture's. */
#include <math.h>

#include "vlm.h"

/* The nearest multiple of `by`, ties to even, at least one. */
static int64_t divisible(double length, int64_t by)
{
    int64_t n = (int64_t)rint(length / (double)by) * by;
    return n > by ? n : by;
}

/* About side x side pixels in the given shape, both divisible by patch. */
static VlmSize fit(double width, double height, VlmSlicing s, bool enlarge)
{
    if (enlarge || width * height > (double)(s.side * s.side)) {
        double ratio = width / height;
        height = floor((double)s.side / sqrt(ratio));
        width = floor(height * ratio);
    }
    return (VlmSize){divisible(width, s.patch), divisible(height, s.patch)};
}

/* Grids of one slice less than wanted, as many, and one more; the first of those that are equally near. */
static void find_grid(VlmSize p, int64_t wanted, int64_t most, int64_t *columns, int64_t *rows)
{
    double shape = log((double)p.width / (double)p.height), least = INFINITY;
    *columns = *rows = 1;
    for (int64_t n = wanted - 1; n <= wanted + 1; n++)
        for (int64_t m = 1; n > 1 && n <= most && m <= n; m++) {
            double error = fabs(shape - log((double)m / (double)(n / m)));
            if (n % m || error >= least)
                continue;
            least = error;
            *columns = m;
            *rows = n / m;
        }
}

VlmCut vlm_cut(VlmSize p, VlmSlicing s)
{
    double pixels = (double)p.width * (double)p.height / (double)(s.side * s.side);
    int64_t wanted = pixels < (double)s.most ? (int64_t)ceil(pixels) : s.most;
    if (wanted <= 1)
        return (VlmCut){.overview = fit((double)p.width, (double)p.height, s, true)};
    VlmCut c = {.overview = fit((double)p.width, (double)p.height, s, false)};
    find_grid(p, wanted, s.most, &c.columns, &c.rows);
    double width = (double)divisible((double)p.width, c.columns) / (double)c.columns;
    double height = (double)divisible((double)p.height, c.rows) / (double)c.rows;
    VlmSize slice = fit(width, height, s, true);
    c.refined = (VlmSize){slice.width * c.columns, slice.height * c.rows};
    return c;
}

/* Where the k-th place begins, as PyTorch's arange() rounds it. */
static float border(int64_t k, int64_t sides)
{
    return (float)(1.0 / (double)sides + (double)(k - 1) * (1.0 / (double)sides));
}

int64_t vlm_place(int64_t i, int64_t n, int64_t sides)
{
    const float at = (float)((double)i * (double)(1.0f / (float)n));
    const int64_t k = i * sides / n;        /* but for rounding where `at` is on a border */
    return k > 0 && border(k, sides) > at ? k - 1 : k + 1 < sides && border(k + 1, sides) <= at ? k + 1 : k;
}
