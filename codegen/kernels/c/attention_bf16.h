/* attention_bf16.h: the attention of attention.h on bf16 operands: products by bf16_tile.h, scores and sums in f32, weights
 * rounded to bf16.
 *
 *      void NAME(SdcContext *c, st_TY *y, const st_bf16 *q, const st_bf16 *k, const st_bf16 *v, const st_TM *mask)
 *
 * Parameters are those of attention.h, but for the types of q, k and v and KEY_BLOCK, a multiple of 32; SCALE > 0.  A query
 * that sees no key gives 0.
 *
 * For each block of keys, which become tiles once a unit, and each 32 queries: S = Q K^T, the running maximum and sum of each
 * row, P = 2^(S - maximum), O = O * correction + P V.  A unit is up to 1024 queries of one head of keys, what fits with O on
 * the stack. */
#include "attention_bf16_tile.h"
#define TQ bf16
#define TK bf16
#define TV bf16
#include "attention_parameters.h"

enum {
    ID(_slices) = ((SIZE) + 31) / 32,
    ID(_v_tiles) = ((V_SIZE) + 15) / 16,
    ID(_v_panels) = ((V_SIZE) + 31) / 32,
    ID(_v_width) = SDC_ROUND_UP(V_SIZE, 32),
    ID(_fit) = (KEY_BLOCK) ? (KEY_BLOCK)
               : SDC_GREATER(64, SDC_LESSER(256, 32768 / ((int)ID(_slices) * 32 + (int)ID(_v_tiles) * 16) / 32 * 32)),
    ID(_keys) = SDC_LESSER((int)ID(_fit), SDC_ROUND_UP(KEYS, 32)),      /* of a block */
    ID(_query_bytes) = (int)ID(_slices) * 64 + (int)ID(_v_panels) * 128 + 68,
    ID(_most) = SDC_LESSER(1024, 400000 / (int)ID(_query_bytes) / 32 * 32),
    ID(_queries) = SDC_LESSER((int)ID(_most), SDC_ROUND_UP((int)ID(_rows), 32))     /* of a unit, at most */
};

typedef struct {
    st_bf16 q[ID(_queries) * ID(_slices) * 32];                 /* [query][slices][32] */
    float o[ID(_v_panels)][ID(_queries) * SDC_BF16_ROW];        /* [query][32] */
    float sum[ID(_queries) * 16], top[ID(_queries)];
    st_bf16 k[ID(_keys) * ID(_slices) * 32];                    /* [panel of keys][slice][tile][pair][key][2] */
    st_bf16 v[ID(_keys) * ID(_v_tiles) * 16];                   /* [panel of values][panel of keys][tile][pair][value][2] */
    float s[ID(_keys) / 32 * SDC_SCORES_STEP], mask[ID(_keys)];   /* [panel of keys][query][32] */
    st_bf16 p[ID(_keys) / 32 * SDC_WEIGHTS_STEP], rows[32 * SDC_GREATER(ID(_slices) * 32, ID(_v_width))];
} __attribute__((aligned(64))) ID(_Room);
_Static_assert(sizeof(ID(_Room)) <= 800000, "a kernel may use half of a thread's stack");

/* Queries [row, row + count) of a head of keys. */
static void ID(_load)(ID(_Room) *r, const st_bf16 *q, int64_t row, int64_t count)
{
    enum { width = ID(_slices) * 32 };
    for (int64_t m = 0; m < SDC_ROUND_UP(count, 16); m++)
        sdc_bf16_rows(r->q + m * width, q + ID(_at)(sdc_min(row + m, ID(_rows) - 1), Q_ROW, Q_HEAD), 0, m < count, SIZE, 1, width);
    const int64_t padded = SDC_ROUND_UP(count, 32);
    for (int64_t p = 0; p < ID(_v_panels); p++)
        memset(r->o[p], 0, (size_t)(padded * SDC_BF16_ROW) * sizeof(float));
    memset(r->sum, 0, (size_t)(padded * 16) * sizeof(float));
    for (int64_t m = 0; m < padded; m++)
        r->top[m] = -INFINITY;
}

/* A block of keys and values as tiles. */
static void ID(_gather)(ID(_Room) *r, const st_bf16 *k, const st_bf16 *v, int64_t count)
{
    enum { slices = ID(_slices), tiles = ID(_v_tiles), width = ID(_v_width) };
    const int64_t panels = sdc_ceil_div(count, 32);
    for (int64_t key = 0; key < panels * 32; key += 16) {
        sdc_bf16_rows(r->rows, k + key * (K_ROW), K_ROW, count - key, SIZE, 16, slices * 32);
        sdc_bf16_keys(r->k + key / 32 * slices * 1024 + key % 32 / 16 * 512, 1024, r->rows, slices);
    }
    for (int64_t p = 0; p < panels; p++) {
        sdc_bf16_rows(r->rows, v + p * 32 * (V_ROW), V_ROW, count - p * 32, V_SIZE, 32, width);
        for (int64_t t = 0; t < tiles; t++) {
            const int64_t wide = sdc_min(2, tiles - t / 2 * 2);             /* tiles of this panel of values */
            sdc_bf16_values(r->v + t / 2 * panels * 1024 + (p * wide + t % 2) * 512, r->rows, width, t * 16);
        }
    }
}

/* What is added to a row's scores, and what hides keys from it; `first`: the block's first key. */
static void ID(_mask)(ID(_Room) *r, float *s, const SDC_CAT(st_, TM) *mask, int64_t row, int64_t first, int64_t count)
{
    const int64_t sight = (CAUSAL) ? row % (QUERIES) + (AHEAD) - first : count - 1;
    const int64_t seen = sight < 0 ? 0 : sdc_min(count, sight + 1);
    (void)r, (void)mask;
#if HAS_MASK
    const SDC_CAT(st_, TM) *from = mask + ID(_at)(row, MASK_ROW, MASK_HEAD) + first * (MASK_KEY);
    for (int64_t key = 0; key < count; key++)
        r->mask[key] = SDC_CAT(ld_, TM)(from[key * (MASK_KEY)]);
    memset(r->mask + count, 0, (size_t)(ID(_keys) - count) * sizeof(float));
    for (int64_t key = 0; key < count; key += 16) {
        float *at = s + key / 32 * SDC_SCORES_STEP + key % 32;
        sdc_store(at, sdc_load(at) * (float)((SCALE) * 1.4426950408889634) + ID(_scaled)(sdc_load(r->mask + key)));
    }
#endif
    static const float number[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    for (int64_t key = seen / 16 * 16; key < SDC_ROUND_UP(count, 32); key += 16) {
        float *at = s + key / 32 * SDC_SCORES_STEP + key % 32;
        sdc_store(at, sdc_select(sdc_load(number) < (float)(seen - key), sdc_load(at), sdc_splat(-INFINITY)));
    }
}

/* O of a row, times what its earlier weights are to be multiplied with. */
static inline void ID(_keep)(ID(_Room) *r, int64_t m, float keep)
{
    for (int64_t p = 0; p < ID(_v_panels) && keep != 1; p++)
        for (int64_t j = 0; j < 32; j += SDC_VL)
            sdc_store(r->o[p] + m * 32 + j, sdc_load(r->o[p] + m * 32 + j) * keep);
}

/* Queries [m, m + 32) of the unit, or 16 of them, with the block of keys in r, the first of which is `first`. */
static void ID(_step)(ID(_Room) *r, int64_t m, int64_t tiles, int64_t row, const SDC_CAT(st_, TM) *mask, int64_t first,
                      int64_t count)
{
    enum { slices = ID(_slices), most = SDC_GREATER((int)ID(_slices), (int)ID(_keys) / 32) };
    static const float zeros[32];
    const float factor = (HAS_MASK) ? 1 : (float)((SCALE) * 1.4426950408889634);
    const int64_t panels = sdc_ceil_div(count, 32);
    int64_t line[most];
    for (int64_t l = 0; l < slices; l++)
        line[l] = l * 32;
    for (int64_t p = 0; p < panels; p++) {
        const st_bf16 *q = r->q + m * slices * 32;
        const SdcBf16Walk w = {.a = {q, q + 16 * slices * 32}, .row = slices * 32, .line = line, .lines = slices, .taps = 1,
                               .b = r->k + p * slices * 1024};
        sdc_bf16_tile_for(false, tiles, 2)(r->s + p * SDC_SCORES_STEP, zeros, &w);
    }
    for (int64_t j = 0; j < tiles * 16; j++) {
        if ((HAS_MASK) || (CAUSAL) || count < panels * 32)
            ID(_mask)(r, r->s + j * 32, mask, sdc_min(row + m + j, ID(_rows) - 1), first, count);
        ID(_keep)(r, m + j, sdc_bf16_weigh(r->p + j * 32, r->s + j * 32, panels, factor, r->top + m + j, r->sum + (m + j) * 16));
    }
    for (int64_t l = 0; l < panels; l++)
        line[l] = l * SDC_WEIGHTS_STEP;
    for (int64_t p = 0; p < ID(_v_panels); p++) {
        const SdcBf16Walk w = {.a = {r->p, r->p + 16 * 32}, .row = 32, .line = line, .lines = panels, .taps = 1,
                               .b = r->v + p * panels * 1024};
        sdc_bf16_tile_for(false, tiles, sdc_min(2, ID(_v_tiles) - 2 * p))(r->o[p] + m * 32, NULL, &w);
    }
}

/* O / sum of queries [row, row + count). */
static void ID(_store)(const ID(_Room) *r, SDC_CAT(st_, TY) *y, int64_t row, int64_t count)
{
    for (int64_t m = 0; m < count; m++) {
        const float sum = (float)sdc_collect(sdc_load(r->sum + m * 16)), factor = sum == 0 ? 0 : 1 / sum;
        SDC_CAT(st_, TY) *to = y + ID(_at)(row + m, Y_ROW, Y_HEAD);
        for (int64_t p = 0; p < ID(_v_panels); p++) {
            const float *from = r->o[p] + m * 32;
            SDC_INDEPENDENT
            for (int64_t d = 0; d < sdc_min(32, (V_SIZE) - p * 32); d++)
                to[p * 32 + d] = SDC_CAT(to_, TY)(from[d] * factor);
        }
    }
}

/* Queries of a unit: fewer when there are few, so that there is work for several threads. */
static inline int64_t ID(_share)(void)
{
    int64_t share = ID(_queries);
    while (share > 64 && (int64_t)(BATCH) * (HEADS) * sdc_ceil_div(ID(_rows), share) < SDC_ENOUGH_UNITS)
        share = SDC_ROUND_UP(share / 2, 32);
    return share;
}

static void ID(_unit)(const ID(_Operands) *a, int64_t row, int64_t count)
{
    ID(_Room) r;
    int64_t keys = KEYS;
    ID(_load)(&r, a->q, row, count);
    if (CAUSAL)
        keys = sdc_min(keys, ID(_sight)(row, count, 1) + 1);
    for (int64_t first = 0; first < keys; first += ID(_keys)) {
        const int64_t block = sdc_min(keys - first, ID(_keys));
        ID(_gather)(&r, a->k + first * (K_ROW), a->v + first * (V_ROW), block);
        for (int64_t m = 0; m < count; m += 32)
            if (!(CAUSAL) || first <= ID(_sight)(row + m, 32, 1))
                ID(_step)(&r, m, sdc_min(2, sdc_ceil_div(count - m, 16)), row, a->mask, first, block);
    }
    ID(_store)(&r, a->y, row, count);
}

static void ID(_part)(void *argument, int64_t begin, int64_t end)
{
    const ID(_Operands) *all = argument;
    const int64_t share = ID(_share)(), units = sdc_ceil_div(ID(_rows), share);
    sdc_bf16_begin();
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t row = unit % units * share, head = unit / units % (HEADS), batch = unit / units / (HEADS);
        const ID(_Operands) a = ID(_head)(all, batch, head);
        ID(_unit)(&a, row, sdc_min(share, ID(_rows) - row));
    }
    sdc_bf16_end();
}

void NAME(SdcContext *c, SDC_CAT(st_, TY) *y, const st_bf16 *q, const st_bf16 *k, const st_bf16 *v,
          const SDC_CAT(st_, TM) *mask)
{
    ID(_Operands) a = {y, q, k, v, mask};
    const int64_t units = (int64_t)(BATCH) * (HEADS) * sdc_ceil_div(ID(_rows), ID(_share)());
    sdc_run(c, ID(_part), &a, units, (int64_t)(BATCH) * (HEADS) * ID(_rows) * (KEYS) * ((SIZE) + (V_SIZE)) / 4);
}

#include "attention_end.h"
