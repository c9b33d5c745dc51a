/* attention_case.h: one row of bench_dense.c: heads side by side, as projections leave them.
 *
 *   ROW, HEADS QUERIES KEYS SIZE */
#define NAME SDC_CAT(attention_, ROW)
#define BATCH 1
#define V_SIZE SIZE
#define SCALE (1 / sqrt(SIZE))
#define Q_ROW (HEADS * SIZE)
#define Q_HEAD SIZE
#define Q_BATCH 0
#define K_ROW Q_ROW
#define K_HEAD SIZE
#define K_BATCH 0
#define V_ROW Q_ROW
#define V_HEAD SIZE
#define V_BATCH 0
#define Y_ROW Q_ROW
#define Y_HEAD SIZE
#define Y_BATCH 0
Attention NAME;
static const AttentionRow SDC_CAT(attention_row_, ROW) = {NAME, HEADS, QUERIES, KEYS, SIZE};
#include "attention.h"
#undef ROW
