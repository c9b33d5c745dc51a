/* test_cuts.c: cutouts of CLIP guidance against PyTorch's (make_cuts.py), within what the order of a sum rounds, and where they
 * are drawn.
 *
 *      test_cuts SOURCE_FOLDER */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../models/clip_guide.h"
#include "../../runtime/array_io.h"
#include "harness.h"

enum { CHANNELS = 2, HEIGHT = 9, WIDTH = 12, SIZE = CHANNELS * HEIGHT * WIDTH, CUTS = 4 };
static int failed;

static const void *member(const char *path, const char *name, int k)
{
    char what[600];
    SdcArray a = {0};
    snprintf(what, sizeof what, k < 0 ? "%.500s:%s" : "%.500s:%s_%d", path, name, k);
    if (sdc_array_read(&a, what, name))
        exit(1);
    return a.data;
}

static void compare(const float *got, const float *want, const char *what, int k)
{
    double worst = 0;
    for (int i = 0; i < SIZE; i++)
        worst = larger(worst, (double)fabsf(got[i] - want[i]));
    printf("%s %d: within %.2g\n", what, k, worst);
    failed += !(worst < 1e-6);
}

static void check_drawn(void)
{
    SdcRandom r;
    int64_t least = HEIGHT, most = 0, furthest = 0;
    sdc_random_seed(&r, 3);
    for (int k = 0; k < 2000; k++) {
        const ClipCut cut = clip_cut_draw(&r, HEIGHT, WIDTH);
        failed += cut.top < 0 || cut.left < 0 || cut.top + cut.side > HEIGHT || cut.left + cut.side > WIDTH;
        least = cut.side < least ? cut.side : least;
        most = cut.side > most ? cut.side : most;
        furthest = cut.left > furthest ? cut.left : furthest;
    }
    printf("sides of %lld to %lld, up to %lld from the left\n", (long long)least, (long long)most, (long long)furthest);
    failed += least != 5 || most != HEIGHT || furthest != WIDTH - 5;
}

int main(int argc, char **argv)
{
    char path[600];
    if (argc != 2)
        return 1;
    snprintf(path, sizeof path, "%.500s/tests/vision/cuts.npz", argv[1]);
    const float *picture = member(path, "picture", -1);
    const int64_t *cuts = member(path, "cuts", -1);
    for (int k = 0; k < CUTS; k++) {
        const ClipCut cut = {cuts[3 * k], cuts[3 * k + 1], cuts[3 * k + 2]};
        float cutout[SIZE], gradient[SIZE] = {0};
        clip_cut_take(cutout, picture, CHANNELS, HEIGHT, WIDTH, cut);
        clip_cut_give(gradient, member(path, "slope", k), CHANNELS, HEIGHT, WIDTH, cut);
        compare(cutout, member(path, "cutout", k), "cutout", k);
        compare(gradient, member(path, "gradient", k), "gradient", k);
    }
    check_drawn();
    printf("%d failed\n", failed);
    return failed != 0;
}
