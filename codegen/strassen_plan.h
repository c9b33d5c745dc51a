/* strassen_plan.h: when gemm_strassen.h serves a product, and how it is cut. */
#ifndef SDC_STRASSEN_PLAN_H
#define SDC_STRASSEN_PLAN_H

#include <stdint.h>

/* Parameters HALF_ROWS DEPTH_STEP ROUND_BLOCKS ROUND_STEPS, half_rows 0: gemm.h is better; scratch: floats of the call's scratch.
 * The first two, which results are rounded by, follow from the rows of one image. */
typedef struct { int64_t half_rows, depth_step, round_blocks, round_steps, scratch; } StrassenPlan;

/* rows: of one image; images: in the batch; vl: floats of a vector. */
StrassenPlan strassen_plan(int64_t rows, int64_t images, int64_t columns, int64_t depth, int vl);

#endif
