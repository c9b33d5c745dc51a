/* recurrent.h: RNN, GRU and LSTM over whole sequences; the inputs come in multiplied by W, with their bias.
 *
 *      void NAME(SdcContext *c, st_T *y, st_T *y_h, st_T *y_c, const st_T *gates, const st_T *recurrence,
 *                const st_T *bias, const int32_t *lengths, const st_T *initial_h, const st_T *initial_c,
 *                const st_T *peephole, st_T *work)
 *
 *   NAME                        the function
 *   T                           f32 or f64
 *   CELL                        SDC_CELL_RNN, SDC_CELL_GRU (gates z r h), SDC_CELL_LSTM (i o f c)
 *   STEPS BATCH HIDDEN DIRECTIONS
 *   BACKWARD                    one entry a direction: 1 walks from the last step to the first
 *   Y_STEP Y_DIRECTION Y_BATCH  strides of y;  S_DIRECTION S_BATCH of the states
 *   ACTIVATE(d, k, x)           activation k of direction d
 *   CLIP                        bound of what goes into an activation
 *   LINEAR_BEFORE_RESET INPUT_FORGET
 *   WITH_Y WITH_H WITH_C        0: that result is not wanted
 *   HAS_BIAS HAS_LENGTHS HAS_H HAS_C HAS_PEEPHOLE    0: that operand is not read
 *
 *   gates [DIRECTIONS][STEPS][BATCH][GATES * HIDDEN], recurrence [DIRECTIONS][GATES * HIDDEN][HIDDEN],
 *   bias [DIRECTIONS][2][GATES * HIDDEN] (the second half is read), peephole [DIRECTIONS][i o f][HIDDEN],
 *   work [DIRECTIONS][BATCH][8][HIDDEN]
 *
 * A unit is one sequence in one direction. */
#include "kernel.h"
#include "activation.h"
#include "lanes.h"

#ifndef SDC_CELL_KINDS
#define SDC_CELL_KINDS
enum { SDC_CELL_RNN = 1, SDC_CELL_GRU = 3, SDC_CELL_LSTM = 4 };    /* the number of gates */
#endif

#ifndef NAME
#define NAME recurrent_default
#define T f32
#define CELL SDC_CELL_LSTM
#define STEPS 4
#define BATCH 2
#define HIDDEN 8
#define DIRECTIONS 1
#define BACKWARD 0
#define Y_STEP 16
#define Y_DIRECTION 16
#define Y_BATCH 8
#define S_DIRECTION 16
#define S_BATCH 8
#define ACTIVATE(d, k, x) sdc_activation_Tanh(x, 0, 0)
#define CLIP INFINITY
#define LINEAR_BEFORE_RESET 0
#define INPUT_FORGET 0
#define WITH_Y 1
#define WITH_H 1
#define WITH_C 1
#define HAS_BIAS 1
#define HAS_LENGTHS 0
#define HAS_H 0
#define HAS_C 0
#define HAS_PEEPHOLE 0
#endif

#define REAL SDC_CAT(ct_, T)
#define GATES ((int64_t)CELL)

typedef struct {
    REAL *y, *y_h, *y_c;
    const REAL *gates, *recurrence, *bias;
    const int32_t *lengths;
    const REAL *initial_h, *initial_c, *peephole;
    REAL *work;
} SDC_CAT(NAME, _arguments);

/* One sequence on its way: operands of its direction, states, and what one step needs. */
typedef struct {
    int direction;
    const REAL *recurrence, *bias, *peephole;
    REAL *h, *c, *next, *gate;
} SDC_CAT(NAME, _sequence);

static inline REAL SDC_CAT(NAME, _activate)(const SDC_CAT(NAME, _sequence) *s, int k, REAL x)
{
    const double bounded = fmin(fmax((double)x, -(double)CLIP), (double)CLIP);
    (void)s, (void)k;
    return (REAL)ACTIVATE(s->direction, k, bounded);
}

/* Row `row` of R h + Rb. */
static inline REAL SDC_CAT(NAME, _recur)(const SDC_CAT(NAME, _sequence) *s, int64_t row, const REAL *h)
{
    return SDC_CAT(sdc_dot_, T)(s->recurrence + row * HIDDEN, h, HIDDEN) + (HAS_BIAS ? s->bias[row] : 0);
}

static inline void SDC_CAT(NAME, _rnn)(SDC_CAT(NAME, _sequence) *s, const REAL *x)
{
    for (int64_t j = 0; j < HIDDEN; j++)
        s->next[j] = SDC_CAT(NAME, _activate)(s, 0, x[j] + SDC_CAT(NAME, _recur)(s, j, s->h));
}

static inline void SDC_CAT(NAME, _gru)(SDC_CAT(NAME, _sequence) *s, const REAL *x)
{
    REAL *z = s->gate, *reset = s->gate + HIDDEN, *gated = s->gate + 2 * HIDDEN;
    for (int64_t j = 0; j < HIDDEN; j++) {
        z[j] = SDC_CAT(NAME, _activate)(s, 0, x[j] + SDC_CAT(NAME, _recur)(s, j, s->h));
        reset[j] = SDC_CAT(NAME, _activate)(s, 0, x[HIDDEN + j] + SDC_CAT(NAME, _recur)(s, HIDDEN + j, s->h));
        gated[j] = reset[j] * s->h[j];
    }
    for (int64_t j = 0; j < HIDDEN; j++) {
        const REAL back = SDC_CAT(NAME, _recur)(s, 2 * HIDDEN + j, LINEAR_BEFORE_RESET ? s->h : gated);
        const REAL sum = x[2 * HIDDEN + j] + (LINEAR_BEFORE_RESET ? reset[j] * back : back);
        const REAL fresh = SDC_CAT(NAME, _activate)(s, 1, sum);
        s->next[j] = (1 - z[j]) * fresh + z[j] * s->h[j];
    }
}

static inline void SDC_CAT(NAME, _lstm)(SDC_CAT(NAME, _sequence) *s, const REAL *x)
{
    for (int64_t j = 0; j < HIDDEN; j++) {
        const REAL old = s->c[j];
        REAL in = x[j] + SDC_CAT(NAME, _recur)(s, j, s->h);
        REAL out = x[HIDDEN + j] + SDC_CAT(NAME, _recur)(s, HIDDEN + j, s->h);
        REAL forget = x[2 * HIDDEN + j] + SDC_CAT(NAME, _recur)(s, 2 * HIDDEN + j, s->h);
        REAL fresh = x[3 * HIDDEN + j] + SDC_CAT(NAME, _recur)(s, 3 * HIDDEN + j, s->h);
        if (HAS_PEEPHOLE) {
            in += s->peephole[j] * old;
            forget += s->peephole[2 * HIDDEN + j] * old;
        }
        in = SDC_CAT(NAME, _activate)(s, 0, in);
        forget = INPUT_FORGET ? 1 - in : SDC_CAT(NAME, _activate)(s, 0, forget);
        fresh = SDC_CAT(NAME, _activate)(s, 1, fresh);
        s->c[j] = forget * old + in * fresh;
        if (HAS_PEEPHOLE)
            out += s->peephole[HIDDEN + j] * s->c[j];
        s->next[j] = SDC_CAT(NAME, _activate)(s, 0, out) * SDC_CAT(NAME, _activate)(s, 2, s->c[j]);
    }
}

static void SDC_CAT(NAME, _walk)(const SDC_CAT(NAME, _arguments) *a, SDC_CAT(NAME, _sequence) *s, int64_t b,
                                 int64_t length)
{
    static const int64_t backward[] = {BACKWARD};
    const int64_t d = s->direction;
    for (int64_t t = 0; t < STEPS; t++) {
        const int64_t at = backward[d] && t < length ? length - 1 - t : t;
        REAL *y = WITH_Y ? a->y + at * Y_STEP + d * Y_DIRECTION + b * Y_BATCH : NULL;
        const REAL *x = a->gates + ((d * STEPS + at) * BATCH + b) * GATES * HIDDEN;
        if (t >= length) {                          /* behind the end of a shorter sequence */
            if (WITH_Y)
                memset(y, 0, HIDDEN * sizeof *y);
            continue;
        }
        if (CELL == SDC_CELL_RNN)
            SDC_CAT(NAME, _rnn)(s, x);
        else if (CELL == SDC_CELL_GRU)
            SDC_CAT(NAME, _gru)(s, x);
        else
            SDC_CAT(NAME, _lstm)(s, x);
        memcpy(s->h, s->next, HIDDEN * sizeof *s->h);
        if (WITH_Y)
            memcpy(y, s->h, HIDDEN * sizeof *y);
    }
}

static void SDC_CAT(NAME, _part)(void *argument, int64_t begin, int64_t end)
{
    const SDC_CAT(NAME, _arguments) *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t d = unit / BATCH, b = unit % BATCH, state = d * S_DIRECTION + b * S_BATCH;
        int64_t length = HAS_LENGTHS ? a->lengths[b] : STEPS;
        length = length < 0 ? 0 : length > STEPS ? STEPS : length;
        REAL *work = a->work + unit * 8 * HIDDEN;
        memset(work, 0, 8 * HIDDEN * sizeof *work);
        SDC_CAT(NAME, _sequence) s = {.direction = (int)d, .recurrence = a->recurrence + d * GATES * HIDDEN * HIDDEN,
                                      .bias = HAS_BIAS ? a->bias + (2 * d + 1) * GATES * HIDDEN : NULL,
                                      .peephole = HAS_PEEPHOLE ? a->peephole + d * 3 * HIDDEN : NULL,
                                      .h = work, .c = work + HIDDEN, .next = work + 2 * HIDDEN,
                                      .gate = work + 3 * HIDDEN};
        if (HAS_H)
            memcpy(s.h, a->initial_h + state, HIDDEN * sizeof *s.h);
        if (HAS_C)
            memcpy(s.c, a->initial_c + state, HIDDEN * sizeof *s.c);
        SDC_CAT(NAME, _walk)(a, &s, b, length);
        if (WITH_H)
            memcpy(a->y_h + state, s.h, HIDDEN * sizeof *s.h);
        if (WITH_C)
            memcpy(a->y_c + state, s.c, HIDDEN * sizeof *s.c);
    }
}

void NAME(SdcContext *c, REAL *y, REAL *y_h, REAL *y_c, const REAL *gates, const REAL *recurrence, const REAL *bias,
          const int32_t *lengths, const REAL *initial_h, const REAL *initial_c, const REAL *peephole, REAL *work)
{
    SDC_CAT(NAME, _arguments) a = {y, y_h, y_c, gates, recurrence, bias, lengths, initial_h, initial_c, peephole, work};
    sdc_parallel(c, SDC_CAT(NAME, _part), &a, (int64_t)DIRECTIONS * BATCH);
}

#undef REAL
#undef GATES
#undef NAME
#undef T
#undef CELL
#undef STEPS
#undef BATCH
#undef HIDDEN
#undef DIRECTIONS
#undef BACKWARD
#undef Y_STEP
#undef Y_DIRECTION
#undef Y_BATCH
#undef S_DIRECTION
#undef S_BATCH
#undef ACTIVATE
#undef CLIP
#undef LINEAR_BEFORE_RESET
#undef INPUT_FORGET
#undef WITH_Y
#undef WITH_H
#undef WITH_C
#undef HAS_BIAS
#undef HAS_LENGTHS
#undef HAS_H
#undef HAS_C
#undef HAS_PEEPHOLE
