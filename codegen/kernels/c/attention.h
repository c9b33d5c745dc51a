/* attention.h: Y = softmax(SCALE Q K^T + mask) V for every head of a batch; the scores are never all in memory.
 *
 *      void NAME(SdcContext *c, st_TY *y, const st_TQ *q, const st_TK *k, const st_TV *v, const st_TM *mask)
 *
 *   NAME                    the function
 *   TY TQ TK TV TM          types: f32 (default), f16 or bf16; scores and all arithmetic are f32
 *   BATCH HEADS GROUP       batch, heads of keys, query heads that share one of them (1): query head h reads h / GROUP
 *   QUERIES KEYS            lengths, at least 1
 *   SIZE V_SIZE             of one head's keys and of its values, 1 to 512
 *   SCALE                   of the scores
 *   Q_ROW Q_HEAD Q_BATCH    elements from one row, head and batch of q to the next; K_, V_ and Y_ likewise.  Elements of
 *                           a row lie side by side, so views that split or join heads need no copy
 *   HAS_MASK                1: added to the scores; elements from one key to the next, and so on: MASK_KEY MASK_ROW
 *                           MASK_HEAD (of query heads) MASK_BATCH, 0 where it repeats
 *   CAUSAL AHEAD            1: query i sees the keys up to i + AHEAD alone
 *   KEY_BLOCK               keys of a block, a multiple of 24; 0 (default): as many as fit on the stack, at most 192
 *
 * A query that sees no key, or whose every score is -infinity, gives 0.  y overlaps no operand.
 *
 * Lanes are queries (of all heads that share the keys), so nothing is summed across a vector: for each block of keys
 * S^T = K Q^T in registers, a running maximum and sum a lane, P^T = 2^(S^T - maximum) with log2(e) already in Q, and
 * O^T = O^T * correction + V^T P^T.  Keys and values of a block are copied side by side once a unit: strides of heads
 * side by side would fall on few cache lines.
 *
 * A unit is up to 384 queries of one head of keys, in panels of a tile's width.  All that it works on is on the
 * stack, some 0.4 MB for heads of 64, at most 0.8 MB. */
#include "attention_tile.h"

#include "attention_parameters.h"

enum {
    ID(_lanes) = SDC_LESSER((int)SDC_TILE_VECTORS, ((GROUP) * (QUERIES) + SDC_VL - 1) / SDC_VL) * SDC_VL,
    ID(_long) = SDC_GREATER(SIZE, V_SIZE),
    /* keys of a block; 24: whole tiles */
    ID(_fit) = (KEY_BLOCK) ? (KEY_BLOCK) : SDC_GREATER(2, SDC_LESSER(8, 1024 / ID(_long))) * 24,
    ID(_keys) = SDC_LESSER((int)ID(_fit), SDC_ROUND_UP(KEYS, 24)),
    ID(_dims) = SDC_ROUND_UP(SDC_ROUND_UP(V_SIZE, 4), (int)SDC_TILE_ROWS),
    ID(_k_row) = SDC_OFF_POWERS(SIZE),
    ID(_v_row) = SDC_OFF_POWERS(ID(_dims)),
    ID(_wide) = SDC_ROUND_UP(SDC_GREATER((int)ID(_long), (int)ID(_keys)), 4),   /* of rows to be turned */
    ID(_panels) = SDC_GREATER(2, SDC_LESSER(384 / ID(_lanes), 32768 / (ID(_long) * ID(_lanes))))
};

/* What a unit works on: [...][lane] but for keys and values. */
typedef struct {
    float q[ID(_panels)][SDC_ROUND_UP(SIZE, 4) * ID(_lanes)], o[ID(_panels)][ID(_dims) * ID(_lanes)];
    float top[ID(_panels)][ID(_lanes)], sum[ID(_panels)][ID(_lanes)], keep[ID(_lanes)];
    float k[ID(_keys) * ID(_k_row)], v[ID(_keys) * ID(_v_row)], s[ID(_keys) * ID(_lanes)];
    float turned[ID(_lanes) * ID(_wide)];
} __attribute__((aligned(64))) ID(_Room);
_Static_assert(sizeof(ID(_Room)) <= 800000, "a kernel may use half of a thread's stack");

/* Q^T of one panel, times SCALE log2(e); lanes beyond the last row repeat it. */
static void ID(_load)(ID(_Room) *r, int64_t panel, const SDC_CAT(st_, TQ) *q, int64_t row, int64_t lanes)
{
    float *to = r->q[panel], *turned = r->turned;
    for (int64_t lane = 0; lane < lanes; lane++) {
        const int64_t from = ID(_at)(sdc_min(row + lane, ID(_rows) - 1), Q_ROW, Q_HEAD);
        SDC_CAT(sdc_widen_, TQ)(turned + lane * ID(_wide), q + from, SIZE);
        for (int64_t d = SIZE; d < SDC_ROUND_UP(SIZE, 4); d++)
            turned[lane * ID(_wide) + d] = 0;
    }
    sdc_turn(to, lanes, turned, ID(_wide), SIZE, lanes);
    for (int64_t i = 0; i < (SIZE) * lanes; i += SDC_VL)
        sdc_store(to + i, sdc_load(to + i) * (float)((SCALE) * 1.4426950408889634));
    memset(r->o[panel], 0, (size_t)(lanes * ID(_dims)) * sizeof(float));
    memset(r->sum[panel], 0, (size_t)lanes * sizeof(float));
    for (int64_t lane = 0; lane < lanes; lane++)
        r->top[panel][lane] = -INFINITY;
}

/* O^T / sum of one panel, to its rows of y. */
static void ID(_store)(ID(_Room) *r, int64_t panel, SDC_CAT(st_, TY) *y, int64_t row, int64_t lanes)
{
    float *o = r->o[panel];
    for (int64_t lane = 0; lane < lanes; lane += SDC_VL) {
        const sdc_vf sum = sdc_load(r->sum[panel] + lane);
        const sdc_vf factor = 1.0f / sdc_select(sum == 0.0f, sdc_splat(1), sum);
        for (int64_t d = 0; d < (V_SIZE); d++)
            sdc_store(o + d * lanes + lane, sdc_load(o + d * lanes + lane) * factor);
    }
    sdc_turn(r->turned, ID(_wide), o, lanes, lanes, V_SIZE);
    for (int64_t lane = 0; lane < sdc_min(lanes, ID(_rows) - row); lane++) {
        SDC_CAT(st_, TY) *to = y + ID(_at)(row + lane, Y_ROW, Y_HEAD);
        const float *from = r->turned + lane * ID(_wide);
        SDC_INDEPENDENT
        for (int64_t d = 0; d < (V_SIZE); d++)
            to[d] = SDC_CAT(to_, TY)(from[d]);
    }
}

/* Keys and values of one block, zeros behind them. */
static void ID(_gather)(ID(_Room) *r, const SDC_CAT(st_, TK) *k, const SDC_CAT(st_, TV) *v, int64_t count)
{
    for (int64_t key = 0; key < count; key++) {
        SDC_CAT(sdc_widen_, TK)(r->k + key * ID(_k_row), k + key * (K_ROW), SIZE);
        SDC_CAT(sdc_widen_, TV)(r->v + key * ID(_v_row), v + key * (V_ROW), V_SIZE);
        for (int64_t d = V_SIZE; d < ID(_dims); d++)
            r->v[key * ID(_v_row) + d] = 0;
    }
    const int64_t behind = SDC_ROUND_UP(count, (int64_t)SDC_TILE_ROWS) - count;
    memset(r->k + count * ID(_k_row), 0, (size_t)(behind * ID(_k_row)) * sizeof(float));
}

#if HAS_MASK
/* s += mask, whose first element is that of the block's first key in row 0 of the head. */
static void ID(_add_mask)(ID(_Room) *r, const SDC_CAT(st_, TM) *mask, int64_t row, int64_t lanes, int64_t count)
{
    if ((MASK_ROW) == 0 && ((MASK_HEAD) == 0 || (GROUP) == 1)) {
        for (int64_t key = 0; key < count; key++) {
            const sdc_vf value = ID(_scaled)(sdc_splat(SDC_CAT(ld_, TM)(mask[key * (MASK_KEY)])));
            for (float *s = r->s + key * lanes; s < r->s + (key + 1) * lanes; s += SDC_VL)
                sdc_store(s, sdc_load(s) + value);
        }
        return;
    }
    for (int64_t lane = 0; lane < lanes; lane++) {
        const SDC_CAT(st_, TM) *from = mask + ID(_at)(sdc_min(row + lane, ID(_rows) - 1), MASK_ROW, MASK_HEAD);
        float *to = r->turned + lane * ID(_wide);
        for (int64_t key = 0; key < count; key++)
            to[key] = SDC_CAT(ld_, TM)(from[key * (MASK_KEY)]);
        for (int64_t key = count; key < SDC_ROUND_UP(count, 4); key++)
            to[key] = 0;
    }
    for (int64_t key = 0; key < count; key += 4) {
        float part[4 * ID(_lanes)];
        sdc_turn(part, lanes, r->turned + key, ID(_wide), 4, lanes);
        for (int64_t i = 0; i < sdc_min(4, count - key) * lanes; i += SDC_VL)
            sdc_store(r->s + key * lanes + i, sdc_load(r->s + key * lanes + i) + ID(_scaled)(sdc_load(part + i)));
    }
}
#endif

#if CAUSAL
/* Scores of keys that lie ahead: -infinity.  `first`: the block's first key. */
static void ID(_hide)(ID(_Room) *r, int64_t row, int64_t lanes, int64_t first, int64_t count)
{
    for (int64_t lane = 0; lane < lanes; lane += SDC_VL) {
        sdc_vi sight;
        for (int64_t j = 0; j < SDC_VL; j++)
            sight[j] = (int32_t)((row + lane + j) % (QUERIES) + (AHEAD) - first);
        for (int64_t key = 0; key < count; key++) {
            float *s = r->s + key * lanes + lane;
            sdc_store(s, sdc_select((int32_t)key > sight, sdc_splat(-INFINITY), sdc_load(s)));
        }
    }
}
#endif

/* One panel with the block of keys in r, the first of which is `first`. */
static void ID(_step)(ID(_Room) *r, int64_t panel, int64_t row, int64_t lanes, const SDC_CAT(st_, TM) *mask,
                      int64_t first, int64_t count)
{
    const int64_t vectors = lanes / SDC_VL;
    if ((CAUSAL) && first > ID(_sight)(row, lanes, 1))
        return;
    for (int64_t key = 0; key < count; key += SDC_TILE_ROWS)
        sdc_keys_tile(count - key, vectors)(r->s + key * lanes, r->k + key * ID(_k_row), ID(_k_row), SIZE,
                                              r->q[panel], NULL);
    (void)mask;
#if HAS_MASK
    ID(_add_mask)(r, mask + first * (MASK_KEY), row, lanes, count);
#endif
#if CAUSAL
    if (first + count - 1 > ID(_sight)(row, lanes, 0))
        ID(_hide)(r, row, lanes, first, count);
#endif
    for (int64_t lane = 0; lane < lanes; lane += SDC_VL)
        sdc_weigh(r->s + lane, count, lanes, r->top[panel] + lane, r->sum[panel] + lane, r->keep + lane);
    for (int64_t d = 0; d < (V_SIZE); d += SDC_TILE_ROWS)
        sdc_values_tile((V_SIZE) - d, vectors)(r->o[panel] + d * lanes, r->v + d, ID(_v_row), count, r->s, r->keep);
}

/* Panels [begin, end) of one head of keys; at most _panels of them. */
static void ID(_unit)(const ID(_Operands) *a, int64_t begin, int64_t end)
{
    ID(_Room) r;
    int64_t row[ID(_panels) + 1], keys = KEYS;
    for (int64_t p = 0; p <= end - begin; p++)
        row[p] = sdc_panel_begin(begin + p, ID(_rows)) * SDC_VL;
    for (int64_t p = 0; p < end - begin; p++)
        ID(_load)(&r, p, a->q, row[p], row[p + 1] - row[p]);
    if (CAUSAL)
        keys = sdc_min(keys, ID(_sight)(row[0], row[end - begin] - row[0], 1) + 1);
    for (int64_t first = 0; first < keys; first += ID(_keys)) {
        const int64_t count = sdc_min(keys - first, ID(_keys));
        ID(_gather)(&r, a->k + first * (K_ROW), a->v + first * (V_ROW), count);
        for (int64_t p = 0; p < end - begin; p++)
            ID(_step)(&r, p, row[p], row[p + 1] - row[p], a->mask, first, count);
    }
    for (int64_t p = 0; p < end - begin; p++)
        ID(_store)(&r, p, a->y, row[p], row[p + 1] - row[p]);
}

/* Panels of a unit: fewer when there are few, so that there is work for several threads. */
static inline int64_t ID(_share)(void)
{
    int64_t share = ID(_panels);
    while (share > 1 && (int64_t)(BATCH) * (HEADS) * sdc_ceil_div(sdc_panels(ID(_rows)), share) < SDC_ENOUGH_UNITS)
        share = (share + 1) / 2;
    return share;
}

static void ID(_part)(void *argument, int64_t begin, int64_t end)
{
    const ID(_Operands) *all = argument;
    const int64_t share = ID(_share)(), panels = sdc_panels(ID(_rows)), units = sdc_ceil_div(panels, share);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t panel = unit % units * share, head = unit / units % (HEADS), batch = unit / units / (HEADS);
        const ID(_Operands) a = ID(_head)(all, batch, head);
        ID(_unit)(&a, panel, sdc_min(panel + share, panels));
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, TY) *y, const SDC_CAT(st_, TQ) *q, const SDC_CAT(st_, TK) *k,
          const SDC_CAT(st_, TV) *v, const SDC_CAT(st_, TM) *mask)
{
    ID(_Operands) a = {y, q, k, v, mask};
    const int64_t units = (int64_t)(BATCH) * (HEADS) * sdc_ceil_div(sdc_panels(ID(_rows)), ID(_share)());
    sdc_run(c, ID(_part), &a, units, 2 * (int64_t)(BATCH) * (HEADS) * ID(_rows) * (KEYS) * ((SIZE) + (V_SIZE)));
}

#include "attention_end.h"
