/* attention_case.h: one case of test_bf16.c: the same attention by attention_bf16.h and by attention.h.
 *
 *   CASE     name, batch, heads, group, queries, keys, size, v_size, has_mask (2: the same for all queries), causal, ahead
 *
 * Heads lie side by side in a row. */
static const AttentionRow SDC_CAT(row_, PICK(0, CASE)) = {
    SDC_CAT(bf16_, PICK(0, CASE)), SDC_CAT(f32_, PICK(0, CASE)), TEXT(PICK(0, CASE)), PICK(1, CASE), PICK(2, CASE),
    PICK(3, CASE), PICK(4, CASE), PICK(5, CASE), PICK(6, CASE), PICK(7, CASE), PICK(8, CASE),
};
#define NAME SDC_CAT(bf16_, PICK(0, CASE))
#include "attention_parts.h"
#include "attention_bf16.h"
#define NAME SDC_CAT(f32_, PICK(0, CASE))
#define TQ bf16
#define TK bf16
#define TV bf16
#include "attention_parts.h"
#include "attention.h"
#undef CASE
