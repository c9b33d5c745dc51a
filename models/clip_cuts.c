/* clip_cuts.c: cutouts of a picture, which CLIP looks at instead of the whole: the random squares of Crowson's "CLIP guided
 * diffusion" (MakeCutouts), each resized by PyTorch's adaptive_avg_pool2d(), here to the picture's own size. */
#include "clip_guide.h"

/* A whole number below n. */
static int64_t below(SdcRandom *r, int64_t n)
{
    float uniform;
    sdc_random_uniform(r, &uniform, 1);
    const int64_t drawn = (int64_t)((double)uniform * (double)n);
    return drawn < n ? drawn : n - 1;
}

ClipCut clip_cut_draw(SdcRandom *r, int64_t height, int64_t width)
{
    const int64_t most = height < width ? height : width, least = (most + 1) / 2;
    ClipCut cut = {.side = least + below(r, most - least + 1)};
    cut.top = below(r, height - cut.side + 1);
    cut.left = below(r, width - cut.side + 1);
    return cut;
}

/* The pixels of the picture that pixel [y][x] of the resized cutout is the mean of. */
typedef struct { int64_t top, bottom, left, right; float share; } Region;

static Region region_of(ClipCut cut, int64_t y, int64_t x, int64_t height, int64_t width)
{
    Region r = {.top = cut.top + y * cut.side / height, .bottom = cut.top + ((y + 1) * cut.side + height - 1) / height,
                .left = cut.left + x * cut.side / width, .right = cut.left + ((x + 1) * cut.side + width - 1) / width};
    r.share = 1 / (float)((r.bottom - r.top) * (r.right - r.left));
    return r;
}

void clip_cut_take(float *cutout, const float *picture, int64_t channels, int64_t height, int64_t width, ClipCut cut)
{
    for (int64_t c = 0; c < channels; c++, picture += height * width)
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++) {
                const Region r = region_of(cut, y, x, height, width);
                float sum = 0;
                for (int64_t v = r.top; v < r.bottom; v++)
                    for (int64_t u = r.left; u < r.right; u++)
                        sum += picture[v * width + u];
                *cutout++ = sum * r.share;
            }
}

void clip_cut_give(float *picture, const float *cutout, int64_t channels, int64_t height, int64_t width, ClipCut cut)
{
    for (int64_t c = 0; c < channels; c++, picture += height * width)
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++) {
                const Region r = region_of(cut, y, x, height, width);
                const float each = *cutout++ * r.share;
                for (int64_t v = r.top; v < r.bottom; v++)
                    for (int64_t u = r.left; u < r.right; u++)
                        picture[v * width + u] += each;
            }
}
