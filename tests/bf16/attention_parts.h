/* attention_parts.h: the parameters that both kernels of attention_case.h have. */
#define BATCH PICK(1, CASE)
#define HEADS PICK(2, CASE)
#define GROUP PICK(3, CASE)
#define QUERIES PICK(4, CASE)
#define KEYS PICK(5, CASE)
#define SIZE PICK(6, CASE)
#define V_SIZE PICK(7, CASE)
#define SCALE 0.3
#define Q_HEAD PICK(6, CASE)
#define Q_ROW (PICK(2, CASE) * PICK(3, CASE) * PICK(6, CASE))
#define Q_BATCH (PICK(4, CASE) * PICK(2, CASE) * PICK(3, CASE) * PICK(6, CASE))
#define K_HEAD PICK(6, CASE)
#define K_ROW (PICK(2, CASE) * PICK(6, CASE))
#define K_BATCH (PICK(5, CASE) * PICK(2, CASE) * PICK(6, CASE))
#define V_HEAD PICK(7, CASE)
#define V_ROW (PICK(2, CASE) * PICK(7, CASE))
#define V_BATCH (PICK(5, CASE) * PICK(2, CASE) * PICK(7, CASE))
#define Y_HEAD PICK(7, CASE)
#define Y_ROW (PICK(2, CASE) * PICK(3, CASE) * PICK(7, CASE))
#define Y_BATCH (PICK(4, CASE) * PICK(2, CASE) * PICK(3, CASE) * PICK(7, CASE))
#define HAS_MASK (PICK(8, CASE) > 0)
#define MASK_KEY 1
#define MASK_ROW (PICK(8, CASE) == 2 ? 0 : PICK(5, CASE))
#define MASK_HEAD 0
#define MASK_BATCH 0
#define CAUSAL PICK(9, CASE)
#define AHEAD PICK(10, CASE)
