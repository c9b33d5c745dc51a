/* linear_attention.h: attention as a recurrence over a state S [KS][VS] a head:
 *
 *      S = exp(decay) S;  change = value, or beta (value - S^T key);  S += key (x) change;  y = SCALE * S^T query
 *
 *      void NAME(SdcContext *c, st_T *y, st_TS *present, const st_T *query, const st_T *key, const st_T *value
 *                [, const st_TS *past] [, const st_T *decay] [, const st_T *beta], ct_A *state)
 *
 *   NAME T TS A        the function; types of the data, of the state as it is stored, and of the arithmetic (f32 or
 *                      f64)
 *   BATCH LENGTH       query [BATCH][LENGTH][KV_HEADS * GROUP][KS], key [..][KV_HEADS][KS], value [..][KV_HEADS][VS]
 *   KV_HEADS GROUP     key heads; query heads that share one
 *   KS VS              sizes of a key and of a value
 *   HAS_PAST           whether the state begins with `past` [BATCH][KV_HEADS][KS][VS] or with 0
 *   DECAYS             0: none, 1: one a head [BATCH][LENGTH][KV_HEADS], otherwise KS: one a key dimension
 *   BETAS              0: plain update, 1: one for all heads, otherwise KV_HEADS: one a head
 *   SCALE              of the result
 *
 * present [BATCH][KV_HEADS][KS][VS] gets the last state; state is scratch of as many elements.  A unit is one key head
 * of one sample. */
#include "kernel.h"

#ifndef NAME
#define NAME linear_attention_default
#define T f32
#define TS f32
#define A f32
#define BATCH 1
#define LENGTH 16
#define KV_HEADS 2
#define GROUP 1
#define KS 32
#define VS 32
#define HAS_PAST 0
#define DECAYS 0
#define BETAS 0
#define SCALE 1.0
#endif

#define ACC SDC_CAT(ct_, A)
#define LOAD(p) ((ACC)SDC_CAT(ld_, T)(p))

typedef struct {
    SDC_CAT(st_, T) *y;
    SDC_CAT(st_, TS) *present;
    const SDC_CAT(st_, T) *query, *key, *value;
    const SDC_CAT(st_, TS) *past;
    const SDC_CAT(st_, T) *decay, *beta;
    ACC *state;
} SDC_CAT(NAME, _arguments);

/* Step t of head h: `at` numbers (sample, step). */
static inline void SDC_CAT(NAME, _update)(const SDC_CAT(NAME, _arguments) *p, int64_t at, int64_t h,
                                          ACC *restrict state)
{
    const SDC_CAT(st_, T) *key = p->key + (at * KV_HEADS + h) * KS, *value = p->value + (at * KV_HEADS + h) * VS;
    ACC change[VS > 0 ? VS : 1];
    for (int64_t v = 0; v < VS; v++)
        change[v] = LOAD(value[v]);
    for (int64_t k = 0; k < KS; k++) {
#if DECAYS
        const ACC kept = (ACC)exp((double)LOAD(p->decay[(at * KV_HEADS + h) * DECAYS + k % DECAYS]));
        for (int64_t v = 0; v < VS; v++)
            state[k * VS + v] *= kept;
#endif
#if BETAS
        const ACC x = LOAD(key[k]);
        for (int64_t v = 0; v < VS; v++)
            change[v] -= state[k * VS + v] * x;
#endif
    }
#if BETAS
    const ACC beta = LOAD(p->beta[at * BETAS + h % BETAS]);
    for (int64_t v = 0; v < VS; v++)
        change[v] *= beta;
#endif
    for (int64_t k = 0; k < KS; k++) {
        const ACC x = LOAD(key[k]);
        for (int64_t v = 0; v < VS; v++)
            state[k * VS + v] += x * change[v];
    }
}

static inline void SDC_CAT(NAME, _read)(const SDC_CAT(NAME, _arguments) *p, int64_t at, int64_t head,
                                        const ACC *restrict state)
{
    const SDC_CAT(st_, T) *query = p->query + (at * KV_HEADS * GROUP + head) * KS;
    SDC_CAT(st_, T) *y = p->y + (at * KV_HEADS * GROUP + head) * VS;
    ACC sum[VS > 0 ? VS : 1];
    for (int64_t v = 0; v < VS; v++)
        sum[v] = 0;
    for (int64_t k = 0; k < KS; k++) {
        const ACC x = LOAD(query[k]);
        for (int64_t v = 0; v < VS; v++)
            sum[v] += x * state[k * VS + v];
    }
    for (int64_t v = 0; v < VS; v++)
        y[v] = SDC_CAST(A, T, sum[v] * (ACC)(SCALE));
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *p = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t b = unit / KV_HEADS, h = unit % KV_HEADS;
        ACC *state = p->state + unit * KS * VS;
        for (int64_t i = 0; i < KS * VS; i++)
            state[i] = HAS_PAST ? (ACC)SDC_CAT(ld_, TS)(p->past[unit * KS * VS + i]) : 0;
        for (int64_t t = 0; t < LENGTH; t++) {
            SDC_CAT(NAME, _update)(p, b * LENGTH + t, h, state);
            for (int64_t g = 0; g < GROUP; g++)
                SDC_CAT(NAME, _read)(p, b * LENGTH + t, h * GROUP + g, state);
        }
        for (int64_t i = 0; i < KS * VS; i++)
            p->present[unit * KS * VS + i] = SDC_CAST(A, TS, state[i]);
    }
}

void NAME(SdcContext *c, SDC_CAT(st_, T) *y, SDC_CAT(st_, TS) *present, const SDC_CAT(st_, T) *query,
          const SDC_CAT(st_, T) *key, const SDC_CAT(st_, T) *value,
#if HAS_PAST
          const SDC_CAT(st_, TS) *past,
#endif
#if DECAYS
          const SDC_CAT(st_, T) *decay,
#endif
#if BETAS
          const SDC_CAT(st_, T) *beta,
#endif
          ACC *state)
{
    SDC_CAT(NAME, _arguments) p = {.y = y, .query = query, .key = key, .value = value, .state = state};
    p.present = present;
#if HAS_PAST
    p.past = past;
#endif
#if DECAYS
    p.decay = decay;
#endif
#if BETAS
    p.beta = beta;
#endif
    sdc_parallel(c, SDC_CAT(NAME, _part), &p, BATCH * KV_HEADS);
}

#undef ACC
#undef LOAD
#undef NAME
#undef T
#undef TS
#undef A
#undef BATCH
#undef LENGTH
#undef KV_HEADS
#undef GROUP
#undef KS
#undef VS
#undef HAS_PAST
#undef DECAYS
#undef BETAS
#undef SCALE
