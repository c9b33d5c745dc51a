/* gemm_parameters.h: the defaults of what gemm.h, gemm_strassen.h, gemm_bf16.h and gemm_int8.h have in common; gemm_end.h ends them. */
#ifndef TY
#define TY f32
#endif
#ifndef OUTER
#define OUTER 1
#endif
#ifndef INNER
#define INNER 1
#endif
#ifndef A_ROW
#define A_ROW DEPTH
#endif
#ifndef A_INNER
#define A_INNER ((int64_t)(ROWS) * (A_ROW))
#endif
#ifndef A_OUTER
#define A_OUTER ((INNER) * (A_INNER))
#endif
#ifndef Y_ROW
#define Y_ROW COLUMNS
#endif
#ifndef Y_INNER
#define Y_INNER ((int64_t)(ROWS) * (Y_ROW))
#endif
#ifndef Y_OUTER
#define Y_OUTER ((INNER) * (Y_INNER))
#endif
#ifndef B_OUTER
#define B_OUTER 0
#endif
#ifndef B_INNER
#define B_INNER 0
#endif
#ifndef HAS_BIAS
#define HAS_BIAS 0
#endif
#ifndef INT8
#define INT8 0
#endif
#ifndef CODE_BITS
#define CODE_BITS 0
#endif
#ifndef GROUP
#define GROUP 0
#endif
#ifndef UNIT_PANELS
#define UNIT_PANELS 0
#endif
