/* strassen_case.h: one case of test_strassen.c; see product_case.h.
 *
 *   CASE   ..., half_rows, depth_step, round_blocks, round_steps */
#define HALF_ROWS PICK(6, CASE)
#define DEPTH_STEP PICK(7, CASE)
#define ROUND_BLOCKS PICK(8, CASE)
#define ROUND_STEPS PICK(9, CASE)
#define ROW StrassenRow
#define MORE HALF_ROWS, DEPTH_STEP, ROUND_BLOCKS, ROUND_STEPS
#define TEMPLATE "gemm_strassen.h"
#include "product_case.h"
