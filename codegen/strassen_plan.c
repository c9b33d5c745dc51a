/* strassen_plan.c: see strassen_plan.h.
 *
 * Measured on one Zen 5 core, time by that of gemm.h: 1024 rows, 1536 depths and 6144, 4608 or 1536 columns 0.92, 0.92 and 0.94, with
 * blocks of half the rows 0.95; 1280 depths and columns 0.97, 1024 of each 1.01; 256 rows, 1280 depths, 5120 columns 0.99; 4096 rows,
 * 320 depths, 1280 columns 0.97; 1024 rows, 2560 depths, 640 columns 1.01.  Few rows use each T too seldom, few columns each S, and
 * few depths end a tile's sums too often. */
#include "strassen_plan.h"

#include "conv_pack.h"

enum {
    LEAST_ROWS = 256, MOST_ROWS = 512,      /* of half a block; its sums lie on the stack, 192 bytes a row and quadrant */
    LEAST_COLUMNS = 1280, LEAST_DEPTH = 1280,
    LEAST_STEP = 256, MOST_STEP = 384,      /* depths: seven panels of so many are in the second-level cache */
    ROUND_DEPTH = 768,                      /* of either half */
    ROUND_FLOATS = 3 << 20,                 /* of left factors: with A they are to stay in the third-level cache */
    FACTORS = 7, QUADRANTS = 4
};

/* The most equal parts of half an image, of whole vectors of rows; 0: they are too few, or odd. */
static int64_t half_rows_of(int64_t rows)
{
    int64_t half = MOST_ROWS;
    while (half >= LEAST_ROWS && rows % (2 * half))
        half -= 8;
    return half >= LEAST_ROWS ? half : 0;
}

/* The longest equal steps of half the depth, of whole vectors; 0: none are long enough. */
static int64_t step_of(int64_t half)
{
    int64_t steps = ceil_div(half, MOST_STEP);
    while (half / steps >= LEAST_STEP && (half % steps || half / steps % 16))
        steps++;
    return half / steps >= LEAST_STEP ? half / steps : 0;
}

StrassenPlan strassen_plan(int64_t rows, int64_t images, int64_t columns, int64_t depth, int vl)
{
    StrassenPlan p = {.half_rows = half_rows_of(rows), .depth_step = depth % 2 ? 0 : step_of(depth / 2)};
    if (!p.half_rows || !p.depth_step || columns < LEAST_COLUMNS || depth < LEAST_DEPTH || columns % (2 * vl))
        return (StrassenPlan){0};
    const int64_t steps = depth / 2 / p.depth_step, most_rows = p.half_rows + 8;    /* with those that fill the last tile */
    p.round_steps = min(steps, ROUND_DEPTH / p.depth_step);
    const int64_t left = p.round_steps * FACTORS * (most_rows * p.depth_step + most_rows / 4 * 16);
    p.round_blocks = min(images * rows / (2 * p.half_rows), max(ROUND_FLOATS / left, 1));
    p.scratch = p.round_blocks * (left + (steps > p.round_steps ? QUADRANTS * most_rows * columns / 2 : 0));
    return p;
}
