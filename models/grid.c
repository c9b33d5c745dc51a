/* grid.c: see grid.h. */
#include "grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/runtime.h"

enum { LARGEST = 1 << 16 };

int grid_join(const uint8_t *pictures, int64_t count, int64_t height, int64_t width, uint8_t **rgb, int *grid_width,
              int *grid_height)
{
    const int64_t columns = (int64_t)ceil(sqrt((double)count)), rows = (count + columns - 1) / columns;
    const int64_t line = columns * width * 3, row = width * 3;
    if (columns * width > LARGEST || rows * height > LARGEST)
        return sdc_error(SDC_USAGE, "a grid of %lld x %lld pixels is too large", (long long)(columns * width),
                         (long long)(rows * height));
    *rgb = calloc((size_t)(rows * height), (size_t)line);
    if (!*rgb)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    for (int64_t k = 0; k < count; k++)
        for (int64_t y = 0; y < height; y++)
            memcpy(*rgb + (k / columns * height + y) * line + k % columns * row, pictures + (k * height + y) * row, (size_t)row);
    *grid_width = (int)(columns * width);
    *grid_height = (int)(rows * height);
    return SDC_OK;
}
