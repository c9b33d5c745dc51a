/* roi_pool.h: MaxRoiPool: the largest element of each bin of each region, regions rounded to whole elements (Fast R-CNN).
 *
 *      void NAME(SdcContext *c, st_T *y, const st_T *x, const st_T *rois)
 *
 *   NAME                              the function
 *   T                                 type of all operands
 *   BATCH CHANNELS HEIGHT WIDTH       x, row-major
 *   REGIONS ROWS COLUMNS              y [REGIONS][CHANNELS][ROWS][COLUMNS]; rois [REGIONS][image, x1, y1, x2, y2]
 *   SCALE
 *
 * A unit is one channel of one region.  A region of an image that does not exist gives zeros. */
#include "kernel.h"
#include "bounds.h"

#ifndef NAME
#define NAME roi_pool_default
#define T f32
#define BATCH 1
#define CHANNELS 3
#define HEIGHT 16
#define WIDTH 16
#define REGIONS 2
#define ROWS 4
#define COLUMNS 4
#define SCALE 1.0
#endif
