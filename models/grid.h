/* grid.h: pictures side by side. */
#ifndef SDC_GRID_H
#define SDC_GRID_H

#include <stdint.h>

/* count pictures [height][width][3], bytes, in rows of as many as make it most nearly square; what is missing from the last
 * row is black.  *rgb [*grid_height][*grid_width][3] is malloc'd.  SDC_ code, printed. */
int grid_join(const uint8_t *pictures, int64_t count, int64_t height, int64_t width, uint8_t **rgb, int *grid_width,
              int *grid_height);

#endif
