/* attention_parameters.h: what attention.h and attention_bf16.h have in common: the defaults of their parameters, which
 * attention_end.h ends, operands, and the order of rows: those of all query heads that share one head of keys. */
#ifndef NAME
#define NAME sdc_attention_example
#define BATCH 1
#define HEADS 8
#define QUERIES 1024
#define KEYS 77
#define SIZE 40
#define V_SIZE 40
#define SCALE 0.158
#define Q_ROW 320
#define Q_HEAD 40
#define Q_BATCH 327680
#define K_ROW 320
#define K_HEAD 40
#define K_BATCH 24640
#define V_ROW 320
#define V_HEAD 40
#define V_BATCH 24640
#define Y_ROW 320
#define Y_HEAD 40
#define Y_BATCH 327680
#endif
#ifndef TQ
#define TQ f32
#endif
#ifndef TK
#define TK f32
#endif
#ifndef TV
#define TV f32
#endif
#ifndef TY
#define TY f32
#endif
#ifndef TM
#define TM f32
#endif
#ifndef GROUP
#define GROUP 1
#endif
#ifndef HAS_MASK
#define HAS_MASK 0
#endif
#ifndef MASK_KEY
#define MASK_KEY 0
#define MASK_ROW 0
#define MASK_HEAD 0
#define MASK_BATCH 0
#endif
#ifndef CAUSAL
#define CAUSAL 0
#endif
#ifndef AHEAD
#define AHEAD 0
#endif
#ifndef KEY_BLOCK
#define KEY_BLOCK 0
#endif

#define ID(name) SDC_CAT(NAME, name)

enum { ID(_rows) = (GROUP) * (QUERIES) };                               /* of one head of keys */

/* Where row `row` of a head of keys begins: its query head and query. */
static inline int64_t ID(_at)(int64_t row, int64_t step, int64_t head_step)
{
    return row / (QUERIES) * head_step + row % (QUERIES) * step;
}

/* The last key that rows [row, row + lanes) of a head see: the furthest, or the nearest, of them. */
static inline int64_t ID(_sight)(int64_t row, int64_t lanes, int furthest)
{
    const int64_t last = sdc_min(row + lanes, ID(_rows)) - 1, wraps = row / (QUERIES) != last / (QUERIES);
    if (furthest)
        return (wraps ? (QUERIES) - 1 : last % (QUERIES)) + (AHEAD);
    return (wraps ? 0 : row % (QUERIES)) + (AHEAD);
}

#if HAS_MASK
/* In units of log2; what is finite stays so: a row of lowest numbers is a row without a mask. */
static inline sdc_vf ID(_scaled)(sdc_vf mask)
{
    const sdc_vf scaled = mask * 1.44269504f, lowest = sdc_splat(-0x1.fffffep127f);
    return sdc_select((scaled < lowest) & (mask >= lowest), lowest, scaled);
}

#endif

typedef struct {
    SDC_CAT(st_, TY) *y;
    const SDC_CAT(st_, TQ) *q;
    const SDC_CAT(st_, TK) *k;
    const SDC_CAT(st_, TV) *v;
    const SDC_CAT(st_, TM) *mask;
} ID(_Operands);

/* The operands of one head of keys. */
static inline ID(_Operands) ID(_head)(const ID(_Operands) *all, int64_t batch, int64_t head)
{
    return (ID(_Operands)){
        all->y + batch * (Y_BATCH) + head * (GROUP) * (Y_HEAD),
        all->q + batch * (Q_BATCH) + head * (GROUP) * (Q_HEAD),
        all->k + batch * (K_BATCH) + head * (K_HEAD),
        all->v + batch * (V_BATCH) + head * (V_HEAD),
        (HAS_MASK) ? all->mask + batch * (MASK_BATCH) + head * (GROUP) * (MASK_HEAD) : NULL};
}
