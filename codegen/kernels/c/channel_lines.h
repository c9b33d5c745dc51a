/* channel_lines.h: a norm's factor and shift of each channel, from the moments of the parts of its image.
 *
 *      void NAME(SdcContext *c, float *lines, const double *moments, const float *scale, const float *bias)
 *
 *   NAME                         the function
 *   BATCH CHANNELS GROUPS        images, channels, groups of channels
 *   PARTS COUNTS                 parts of an image, and elements of a group in each of them: 640, 640, 320
 *   EPSILON
 *   moments                      [BATCH][PARTS][GROUPS][mean, spread]
 *   lines                        [BATCH][factor, shift][CHANNELS]
 *
 * The parts are joined in their order (Chan, Golub, LeVeque 1979). */
#include "kernel.h"

#ifndef NAME
#define NAME channel_lines_default
#define BATCH 2
#define CHANNELS 320
#define GROUPS 32
#define PARTS 3
#define COUNTS 640, 640, 320
#define EPSILON 1e-5
#endif

void NAME(SdcContext *c, float *lines, const double *moments, const float *scale, const float *bias)
{
    static const double counts[] = {COUNTS};
    const int64_t share = (CHANNELS) / (GROUPS);
    (void)c;
    for (int64_t unit = 0; unit < (int64_t)(BATCH) * (GROUPS); unit++) {
        const int64_t image = unit / (GROUPS), group = unit % (GROUPS);
        double count = 0, mean = 0, spread = 0;
        for (int64_t p = 0; p < (PARTS); p++) {
            const double *in = moments + ((image * (PARTS) + p) * (GROUPS) + group) * 2, step = in[0] - mean;
            spread += in[1] + step * step * count * counts[p] / (count + counts[p]);
            mean += step * counts[p] / (count + counts[p]);
            count += counts[p];
        }
        const double inverse = 1 / sqrt(spread / count + EPSILON);
        float *factor = lines + image * 2 * (CHANNELS), *shift = factor + (CHANNELS);
        for (int64_t k = group * share; k < (group + 1) * share; k++) {
            factor[k] = (float)(inverse * (double)scale[k]);
            shift[k] = (float)((double)bias[k] - mean * inverse * (double)scale[k]);
        }
    }
}

#undef NAME
#undef BATCH
#undef CHANNELS
#undef GROUPS
#undef PARTS
#undef COUNTS
#undef EPSILON
