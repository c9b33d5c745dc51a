/* attention_case.h: one case of test_attention.c; defines its function and its row.
 *
 *   CASE   name, batch, heads of keys, group, queries, keys, size, v_size
 *   SPLIT (0)       1: operands are [batch][head][row][...]; 0: [batch][row][head][...], as a projection leaves them
 *   MASKED (0)      bits: the mask differs by 1 batch, 2 query head, 4 query, 8 key; 16: some of it is -infinity,
 *                   every key of query 1 too; 32: lowest numbers instead of -infinity
 *   CAUSAL AHEAD    of the template */
#define NAME PICK(0, CASE)
#define BATCH PICK(1, CASE)
#define HEADS PICK(2, CASE)
#define GROUP PICK(3, CASE)
#define QUERIES PICK(4, CASE)
#define KEYS PICK(5, CASE)
#define SIZE PICK(6, CASE)
#define V_SIZE PICK(7, CASE)
#define SCALE 0.7
#ifndef SPLIT
#define SPLIT 0
#endif
#define Q_ROW (SPLIT ? SIZE : HEADS * GROUP * SIZE)
#define Q_HEAD (SPLIT ? QUERIES * SIZE : SIZE)
#define Q_BATCH (HEADS * GROUP * QUERIES * SIZE)
#define K_ROW (SPLIT ? SIZE : HEADS * SIZE)
#define K_HEAD (SPLIT ? KEYS * SIZE : SIZE)
#define K_BATCH (HEADS * KEYS * SIZE)
#define V_ROW (SPLIT ? V_SIZE : HEADS * V_SIZE)
#define V_HEAD (SPLIT ? KEYS * V_SIZE : V_SIZE)
#define V_BATCH (HEADS * KEYS * V_SIZE)
#define Y_ROW (SPLIT ? V_SIZE : HEADS * GROUP * V_SIZE)
#define Y_HEAD (SPLIT ? QUERIES * V_SIZE : V_SIZE)
#define Y_BATCH (HEADS * GROUP * QUERIES * V_SIZE)
#ifdef MASKED
#define HAS_MASK 1
#define MASK_KEY (MASKED & 8 ? 1 : 0)
#define MASK_ROW (MASKED & 4 ? KEYS : 0)
#define MASK_HEAD (MASKED & 2 ? QUERIES * KEYS : 0)
#define MASK_BATCH (MASKED & 1 ? HEADS * GROUP * QUERIES * KEYS : 0)
#else
#define MASKED 0
#endif
#ifndef CAUSAL
#define CAUSAL 0
#endif
#ifndef AHEAD
#define AHEAD 0
#endif
Attention NAME;
static const AttentionRow SDC_CAT(row_, NAME) = {
    NAME,   TEXT(NAME), BATCH,  HEADS,   GROUP, QUERIES, KEYS,   SIZE,    V_SIZE, MASKED, CAUSAL,
    AHEAD,  {Q_ROW, Q_HEAD, Q_BATCH}, {K_ROW, K_HEAD, K_BATCH},  {V_ROW, V_HEAD, V_BATCH}, {Y_ROW, Y_HEAD, Y_BATCH},
};
#include "attention.h"
#undef CASE
#undef SPLIT
#undef MASKED
