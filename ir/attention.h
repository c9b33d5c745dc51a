/* attention.h: extents of attention operators; shared by shape rules, oracle and decomposition. */
#ifndef SDC_ATTENTION_H
#define SDC_ATTENTION_H

#include "sdc.h"

/* Attention and FlexAttention. */
typedef struct {
    bool packed;                    /* operands are [batch, length, heads * size], not [batch, heads, length, size] */
    int64_t batch, q_heads, kv_heads;
    int64_t q_length, kv_length;    /* of the operands */
    int64_t past, total;            /* keys in the cache; past + kv_length */
    int64_t size, v_size;           /* of one head */
    double scale;
} AttentionExtents;

AttentionExtents attention_extents(const Node *n);      /* fails the node when operands do not fit */

/* LinearAttention: operands are [batch, length, heads * size]. */
typedef struct {
    int64_t batch, length, q_heads, kv_heads, k_size, v_size;
    bool gated, delta;              /* the state decays; the update subtracts what the state already gives */
    bool decay_per_key, beta_shared;        /* decay has a value a key dimension; beta one for all heads */
    double scale;
} LinearExtents;

LinearExtents linear_extents(const Node *n);

#endif
