/* attention_bf16.h: the attention of attention.h on bf16 operands: products by bf16_tile.h, scores and sums in f32,
 * weights rounded to bf16.
 *
 *      void NAME(SdcContext *c, st_TY *y, const st_bf16 *q, const st_bf16 *k, const st_bf16 *v, const st_TM *mask)
 *
 * Parameters are those of attention.h, but for the types of q, k and v and KEY_BLOCK, a multiple of 32; SCALE > 0.  A
 * query that sees no key gives 0.
 *
 * For each block of keys, which become tiles once a unit, and each group of 32 queries: S = K Q^T, P = 2^(S - base),
 * O = O + V^T P.  Queries are columns throughout, lanes of a vector, so maxima and sums take no steps across lanes.
 * base is the largest score of the first block; where the sum of a block's weights shows that a score is far larger,
 * that query's base is raised and its O and sum are scaled.  Panel by panel of 32 keys the next group's S is computed
 * beside this group's P, so that tiles and vectors work at the same time.  A unit is up to 1024 queries of one head of
 * keys, what fits with O on the stack. */
#include "attention_bf16_tile.h"
#define TQ bf16
#define TK bf16
#define TV bf16
#include "attention_parameters.h"

enum {
    ID(_slices) = ((SIZE) + 31) / 32,
    ID(_width) = (int)ID(_slices) * 32,
    ID(_v_tiles) = ((V_SIZE) + 15) / 16,
    ID(_v_panels) = ((V_SIZE) + 31) / 32,
    ID(_v_width) = SDC_ROUND_UP(V_SIZE, 32),
    ID(_values) = (int)ID(_v_tiles) * 16,
    ID(_key_bytes) = (int)ID(_slices) * 64 + (int)ID(_v_tiles) * 32 + 320,     /* with S of two groups and P */
    ID(_fit) = (KEY_BLOCK) ? (KEY_BLOCK) : SDC_GREATER(64, SDC_LESSER(256, 60000 / (int)ID(_key_bytes) / 32 * 32)),
    ID(_keys) = SDC_LESSER((int)ID(_fit), SDC_ROUND_UP(KEYS, 32)),      /* of a block */
    ID(_query_bytes) = (int)ID(_slices) * 64 + (int)ID(_v_tiles) * 64 + 8,
    ID(_most) = SDC_LESSER(1024, 400000 / (int)ID(_query_bytes) / 32 * 32),
    ID(_queries) = SDC_LESSER((int)ID(_most), SDC_ROUND_UP((int)ID(_rows), 32)),     /* of a unit, at most */
    ID(_groups) = (int)ID(_queries) / 32
};

typedef struct {
    st_bf16 q[ID(_groups)][32 * ID(_width)];                    /* [slice][tile][pair][query][2] */
    float o[ID(_groups)][ID(_values)][32];                      /* [value][query] */
    float sum[ID(_groups)][32], base[ID(_groups)][32];
    st_bf16 k[ID(_keys) * ID(_width)];                          /* [key][depth] */
    st_bf16 v[ID(_values) * ID(_keys)];                         /* [value][key] */
    float s[2][ID(_keys) * 32];                                 /* [key][query] */
    st_bf16 p[ID(_keys) * 32];                                  /* [panel of keys][tile][pair][query][2] */
    st_bf16 rows[32 * SDC_GREATER((int)ID(_width), (int)ID(_v_width))];
} __attribute__((aligned(64))) ID(_Room);
_Static_assert(sizeof(ID(_Room)) <= 800000, "a kernel may use half of a thread's stack");

/* A unit: rows [row, row + rows) of a head of keys; its block of keys: [first, first + keys). */
typedef struct {
    ID(_Room) *r;
    const SDC_CAT(st_, TM) *mask;
    int64_t row, rows, first, keys, panels;
} ID(_Unit);

/* Tiles of 16 queries in a group. */
static inline int64_t ID(_tiles)(const ID(_Unit) *u, int64_t group) { return u->rows - group * 32 > 16 ? 2 : 1; }

static void ID(_load)(const ID(_Unit) *u, const st_bf16 *q)
{
    enum { width = ID(_width) };
    ID(_Room) *r = u->r;
    const int64_t groups = sdc_ceil_div(u->rows, 32);
    for (int64_t g = 0; g < groups; g++)
        for (int64_t t = 0; t < ID(_tiles)(u, g); t++) {
            for (int64_t m = 0; m < 16; m++) {
                const int64_t row = g * 32 + t * 16 + m;
                const int64_t from = ID(_at)(u->row + sdc_min(row, u->rows - 1), Q_ROW, Q_HEAD);
                sdc_bf16_rows(r->rows + m * width, q + from, 0, row < u->rows, SIZE, 1, width);
            }
            sdc_bf16_queries(r->q[g] + t * SDC_BF16_TILE, ID(_tiles)(u, g) * SDC_BF16_TILE, r->rows, ID(_slices));
        }
    memset(r->o, 0, (size_t)groups * sizeof r->o[0]);
    memset(r->sum, 0, (size_t)groups * sizeof r->sum[0]);
    for (int64_t g = 0; g < groups; g++)
        for (int64_t m = 0; m < 32; m++)
            r->base[g][m] = -FLT_MAX;                   /* not -inf: -inf - -inf is NaN */
}

/* The block of keys and values as tiles. */
static void ID(_gather)(const ID(_Unit) *u, const st_bf16 *k, const st_bf16 *v)
{
    ID(_Room) *r = u->r;
    sdc_bf16_rows(r->k, k, K_ROW, u->keys, SIZE, SDC_ROUND_UP(u->keys, 32), ID(_width));
    for (int64_t p = 0; p < u->panels; p++) {
        sdc_bf16_rows(r->rows, v + p * 32 * (V_ROW), V_ROW, u->keys - p * 32, V_SIZE, 32, ID(_v_width));
        for (int64_t t = 0; t < ID(_v_tiles); t++)
            sdc_bf16_values(r->v + t * 16 * ID(_keys) + p * 32, ID(_keys), r->rows, ID(_v_width), t * 16);
    }
}

/* S of a panel of keys. */
static inline void ID(_scores)(const ID(_Unit) *u, float *s, int64_t group, int64_t panel)
{
    enum { slices = ID(_slices), width = ID(_width) };
    static const float zeros[32];
    const st_bf16 *k = u->r->k + panel * 32 * width;
    int64_t line[slices];
    for (int64_t l = 0; l < slices; l++)
        line[l] = l * 32;
    const SdcBf16Walk w = {.a = {k, k + 16 * width}, .row = width, .line = line, .lines = slices, .taps = 1,
                           .b = u->r->q[group], .spare_pairs = (width - (SIZE)) / 4 * 2};
    sdc_bf16_tile_for(false, u->keys - panel * 32 > 16 ? 2 : 1, ID(_tiles)(u, group))(s + panel * 1024, zeros, &w);
}

/* O of a panel of values. */
static inline void ID(_add)(const ID(_Unit) *u, int64_t group, int64_t panel)
{
    enum { keys = ID(_keys) };
    const st_bf16 *v = u->r->v + panel * 32 * keys;
    int64_t line[keys / 32];
    for (int64_t l = 0; l < u->panels; l++)
        line[l] = l * 32;
    const int64_t tiles = sdc_min(2, ID(_v_tiles) - panel * 2), spare = panel * 32 + tiles * 16 - (V_SIZE);
    const SdcBf16Walk w = {.a = {v, v + 16 * keys}, .row = keys, .line = line, .lines = u->panels, .taps = 1,
                           .b = u->r->p, .spare_rows = spare < 8 ? 0 : 8};
    sdc_bf16_tile_for(false, tiles, ID(_tiles)(u, group))(u->r->o[group][panel * 32], NULL, &w);
}

#if HAS_MASK
/* What is added to the scores of 16 queries from row `row` on. */
static void ID(_add_mask)(const ID(_Unit) *u, float *s, int64_t row)
{
    const SDC_CAT(st_, TM) *from[16];
    float rows[16][16], columns[16][16];
    for (int64_t m = 0; m < 16; m++)
        from[m] = u->mask + ID(_at)(sdc_min(row + m, ID(_rows) - 1), MASK_ROW, MASK_HEAD) + u->first * (MASK_KEY);
    for (int64_t key = 0; key < u->keys; key += 16) {
        const int64_t count = sdc_min(16, u->keys - key);
        for (int64_t m = 0; m < 16; m++)
            for (int64_t k = 0; k < count; k++)
                rows[m][k] = SDC_CAT(ld_, TM)(from[m][(key + k) * (MASK_KEY)]);
        sdc_turn_16(columns, 16, rows, 16, 16);
        for (int64_t k = 0; k < count; k++) {
            float *at = s + (key + k) * 32;
            sdc_store(at, sdc_load(at) * (float)((SCALE) * 1.4426950408889634) + ID(_scaled)(sdc_load(columns[k])));
        }
    }
}
#endif

/* What is added to a group's scores, and what hides keys from it. */
static void ID(_hide)(const ID(_Unit) *u, float *s, int64_t group)
{
    const int64_t row = u->row + group * 32;
    for (int64_t t = 0; t < ID(_tiles)(u, group); t++, s += 16) {
#if HAS_MASK
        ID(_add_mask)(u, s, row + t * 16);
#endif
        if ((CAUSAL) && ID(_sight)(row + t * 16, 16, 0) < u->first + u->keys - 1) {
            float sight[16];
            for (int64_t m = 0; m < 16; m++)
                sight[m] = (float)((row + t * 16 + m) % (QUERIES) + (AHEAD) - u->first);
            for (int64_t key = 0; key < u->keys; key++) {
                float *at = s + key * 32;
                sdc_store(at, sdc_select(sdc_load(sight) >= (float)key, sdc_load(at), sdc_splat(-INFINITY)));
            }
        }
        for (int64_t key = u->keys; key < u->panels * 32; key++)
            sdc_store(s + key * 32, sdc_splat(-INFINITY));
    }
}

/* Of scores; a mask was added after it. */
static inline float ID(_factor)(void) { return (HAS_MASK) ? 1 : (float)((SCALE) * 1.4426950408889634); }

/* P of a panel of keys and a tile of queries; adds to sum[2]. */
static inline __attribute__((always_inline)) void ID(_weigh)(const ID(_Unit) *u, const float *s, int64_t group,
                                                             int64_t tile, int64_t panel, sdc_vf *sum)
{
    st_bf16 *p = u->r->p + (panel * ID(_tiles)(u, group) + tile) * SDC_BF16_TILE;
    sdc_bf16_weigh(p, s + panel * 1024 + tile * 16, ID(_factor)(), sdc_load(u->r->base[group] + tile * 16), sum);
}

/* The largest scores become the base where `lanes` are set. */
static void ID(_raise)(const ID(_Unit) *u, const float *s, int64_t group, int64_t tile, sdc_vi lanes)
{
    float *base = u->r->base[group] + tile * 16, *sum = u->r->sum[group] + tile * 16;
    const sdc_vf before = sdc_load(base), most = sdc_bf16_most(s + tile * 16, u->panels * 32) * ID(_factor)();
    const sdc_vf now = sdc_select(lanes, sdc_larger(most, before), before), keep = sdc_exp2_short(before - now);
    sdc_store(base, now);
    sdc_store(sum, sdc_load(sum) * keep);
    for (int64_t d = 0; d < ID(_values) && u->first; d++) {
        float *at = u->r->o[group][d] + tile * 16;
        sdc_store(at, sdc_load(at) * keep);
    }
}

/* Ends P of a group and a tile of queries whose weights are sum[2], perhaps after starting anew with a larger base. */
static void ID(_settle)(const ID(_Unit) *u, const float *s, int64_t group, int64_t tile, sdc_vf *sum)
{
    const sdc_vi far = sum[0] + sum[1] > 0x1p16f;
    if (sdc_bf16_any(far)) {
        ID(_raise)(u, s, group, tile, far);
        sum[0] = sum[1] = (sdc_vf){0};
        for (int64_t i = 0; i < u->panels; i++)
            ID(_weigh)(u, s, group, tile, i, sum);
    }
    float *to = u->r->sum[group] + tile * 16;
    sdc_store(to, sdc_load(to) + (sum[0] + sum[1]));
}

/* P and O of group `now`, the block's number `number`, and S of group `next`; either may be -1. */
static void ID(_step)(const ID(_Unit) *u, int64_t next, int64_t now, int64_t number)
{
    float *s = u->r->s[number & 1], *s_next = u->r->s[~number & 1];
    sdc_vf sum[2][2] = {{{0}}};
    const int64_t tiles = now < 0 ? 0 : ID(_tiles)(u, now);
    for (int64_t t = 0; t < tiles && u->first == 0; t++)
        ID(_raise)(u, s, now, t, (sdc_vi){0} == 0);
    for (int64_t i = 0; i < u->panels; i++) {
        if (next >= 0)
            ID(_scores)(u, s_next, next, i);
        for (int64_t t = 0; t < tiles; t++)
            ID(_weigh)(u, s, now, t, i, sum[t]);
    }
    for (int64_t t = 0; t < tiles; t++)
        ID(_settle)(u, s, now, t, sum[t]);
    for (int64_t i = 0; i < ID(_v_panels) && now >= 0; i++)
        ID(_add)(u, now, i);
    if (next >= 0 && ((HAS_MASK) || (CAUSAL) || u->keys < u->panels * 32))
        ID(_hide)(u, s_next, next);
}

/* O / sum. */
static void ID(_store)(const ID(_Unit) *u, SDC_CAT(st_, TY) *y)
{
    float turned[16][ID(_values)];
    for (int64_t m = 0; m < u->rows; m += 16) {
        const float *o = u->r->o[m / 32][0] + m % 32, *sum = u->r->sum[m / 32] + m % 32;
        for (int64_t d = 0; d < ID(_values); d += 16) {
            float (*to)[ID(_values)] = (float (*)[ID(_values)])(turned[0] + d);
            sdc_turn_16(to, ID(_values), o + d * 32, 32, 16);
        }
        for (int64_t j = 0; j < sdc_min(16, u->rows - m); j++) {
            const float factor = sum[j] == 0 ? 0 : 1 / sum[j];
            SDC_CAT(st_, TY) *to = y + ID(_at)(u->row + m + j, Y_ROW, Y_HEAD);
            SDC_INDEPENDENT
            for (int64_t d = 0; d < (V_SIZE); d++)
                to[d] = SDC_CAT(to_, TY)(turned[j][d] * factor);
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

static void ID(_unit)(const ID(_Operands) *a, int64_t row, int64_t rows)
{
    ID(_Room) r;
    ID(_Unit) u = {.r = &r, .mask = a->mask, .row = row, .rows = rows};
    const int64_t keys = (CAUSAL) ? sdc_min(KEYS, ID(_sight)(row, rows, 1) + 1) : (KEYS);
    const int64_t groups = sdc_ceil_div(rows, 32);
    ID(_load)(&u, a->q);
    for (; u.first < keys; u.first += ID(_keys)) {
        u.keys = sdc_min(keys - u.first, ID(_keys));
        u.panels = sdc_ceil_div(u.keys, 32);
        ID(_gather)(&u, a->k + u.first * (K_ROW), a->v + u.first * (V_ROW));
        int64_t next = 0, now = -1;
        for (int64_t number = -1; next >= 0 || now >= 0; number++) {
            while (next >= 0 && next < groups && (CAUSAL) && u.first > ID(_sight)(row + next * 32, 32, 1))
                next++;
            next = next < groups ? next : -1;
            ID(_step)(&u, next, now, number);
            now = next;
            next = next < 0 ? -1 : next + 1;
        }
    }
    ID(_store)(&u, a->y);
}

static void ID(_part)(void *argument, int64_t begin, int64_t end)
{
    const ID(_Operands) *all = argument;
    const int64_t share = ID(_share)(), units = sdc_ceil_div(ID(_rows), share);
    sdc_bf16_begin();
    const uint32_t flush = sdc_flush_begin();
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t row = unit % units * share, head = unit / units % (HEADS), batch = unit / units / (HEADS);
        const ID(_Operands) a = ID(_head)(all, batch, head);
        ID(_unit)(&a, row, sdc_min(share, ID(_rows) - row));
    }
    sdc_flush_end(flush);
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
