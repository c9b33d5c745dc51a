/* bf16_tile.h: the inner kernel of gemm_bf16.h, conv_bf16.h and attention_bf16.h: products of bf16, summed in f32, or of
 * 8-bit integers, summed in 32 bits.
 *
 *      sums[m][n] += A[m][k] * B[k][n]          m < 16 or 32, n < 16 or 32
 *
 * by AMX tiles, by vdpbf16ps, or by an emulation of the former in C that gives the same bits (denormals apart: the
 * instructions take them as zero), for tests: SDC_AMX_EMULATED.
 *
 * Depth comes in slices of 32.  A tile of A is 16 rows of a slice, its rows at any distance; a tile of B is a slice of 16
 * columns as [16 pairs of depths][16 columns][2].  Columns come in panels of two tiles, the last perhaps of one; a panel is
 * stored [line][tap][slice's tiles][16][16][2] and begins at SDC_BF16_TILE * (its first tile) * slices, zeros where there
 * are no columns or depths.  codegen/bf16_pack.c writes it.
 *
 * Where a walk is of codes, two of them, int8, lie where a bf16 would, of A and of B alike: a slice is 64 depths, a tile of B
 * [16 fours of depths][16 columns][4], and the sums are int32 in the place of floats: by tdpbssd, by vpdpbusd, or by the
 * emulation, with the same bits.
 *
 * A is walked in lines, each of some taps at one distance: the slices of a row of a matrix, or for each row of a
 * convolution's kernel and each slice of channels the neighbouring pixels.
 *
 * The instructions are written as asm: the intrinsics' header costs each file of kernels a third of a second, and GCC 12's
 * tile loads do not say that they read memory.
 *
 * Measured on Sapphire Rapids, one core: 2 x 2 tiles, with B's chunk (SDC_BF16_CHUNK) in the first-level cache and A in the
 * second, reach 94 % of what the same tiles reach with both in the first.  On Zen 5, 256 rows of 384 depths by vdpbf16ps: 98 % of
 * the ceiling, 93 % of 1280 depths by 1280 columns, B coming from the third-level cache. */
#ifndef SDC_BF16_TILE_H
#define SDC_BF16_TILE_H

#include "tile.h"

#if (defined(__AMX_BF16__) || defined(__AMXBF16__)) && !defined(SDC_AMX_EMULATED)      /* as GCC and as clang 14 call it */
#define SDC_BF16_AMX 1
#elif defined(__AVX512BF16__) && defined(__AVX512VNNI__) && !defined(SDC_AMX_EMULATED)
#define SDC_BF16_DOT 1
#endif

enum {
    SDC_BF16_SLICE = 32,            /* depths */
    SDC_BF16_TILE = 512,            /* elements */
    SDC_BF16_ROW = 32,              /* floats from one row of sums to the next: a panel's columns */
    SDC_BF16_CHUNK = 12,            /* slices of a panel, 24 KB, that stay in the first-level cache while all rows use them */
    SDC_BF16_ROWS = 256             /* of a unit, about: so often is a weight used once it is in that cache */
};

static inline int64_t sdc_bf16_tiles(int64_t columns) { return sdc_ceil_div(columns, 16); }
static inline int64_t sdc_bf16_panels(int64_t columns) { return sdc_ceil_div(columns, 32); }
static inline int64_t sdc_bf16_slices(int64_t depth) { return sdc_ceil_div(depth, SDC_BF16_SLICE); }

/* What a call of a tile function walks over. */
typedef struct {
    const st_bf16 *a[2];            /* the first row of each tile of A */
    int64_t row;                    /* elements from one row of A to the next */
    const int64_t *line;            /* [lines]: elements from a[] to each line's first slice */
    int64_t lines, taps, tap;       /* tap: elements from one slice of a line to the next */
    const st_bf16 *b;
    const char *next;               /* what will be read after this: `share` cache lines a slice are brought in meanwhile */
    int64_t share;
    bool codes;                     /* 8-bit integers */
    int64_t spare_pairs, spare_rows;/* at the end of the last line's slices, even, and of the last tile of A, below 16: zeros
                                     * that vdpbf16ps leaves out; tiles would take no less time */
} SdcBf16Walk;

/* ---- tiles ------------------------------------------------------------------------------------------------------- */

#if SDC_BF16_AMX
#define SDC_TILE_ZERO(t) __asm__ volatile("tilezero %%tmm" #t ::)
#define SDC_TILE_LOAD(t, from, bytes) \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #t ::"r"((const void *)(from)), "r"((int64_t)(bytes)) : "memory")
#define SDC_TILE_STORE(t, to, bytes) \
    __asm__ volatile("tilestored %%tmm" #t ", (%0,%1,1)" ::"r"((void *)(to)), "r"((int64_t)(bytes)) : "memory")
#define SDC_TILE_DOT(sum, a, b) __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #sum ::)
#define SDC_TILE_CODES(sum, a, b) __asm__ volatile("tdpbssd %%tmm" #b ", %%tmm" #a ", %%tmm" #sum ::)

/* Each thread configures its tiles before it uses them and gives them back, so that a switch of threads need not save
 * them.  Permission was asked for at the start (cpu.c). */
static inline void sdc_bf16_begin(void)
{
    struct { uint8_t palette, start_row, reserved[14]; uint16_t bytes[16]; uint8_t rows[16]; } config = {.palette = 1};
    for (int t = 0; t < 8; t++) {
        config.bytes[t] = 64;
        config.rows[t] = 16;
    }
    __asm__ volatile("ldtilecfg %0" ::"m"(config));
}
static inline void sdc_bf16_end(void) { __asm__ volatile("tilerelease" ::); }

#elif !SDC_BF16_DOT

static _Thread_local union { float sum[16][16]; st_bf16 value[16][32]; int32_t total[16][16]; int8_t code[16][64]; } sdc_tile[8];

#define SDC_TILE_ZERO(t) memset(&sdc_tile[t], 0, sizeof sdc_tile[t])
#define SDC_TILE_LOAD(t, from, bytes) sdc_tile_move(&sdc_tile[t], 64, from, bytes)
#define SDC_TILE_STORE(t, to, bytes) sdc_tile_move(to, bytes, &sdc_tile[t], 64)
#define SDC_TILE_DOT(sum, a, b) sdc_tile_dot(sum, a, b)
#define SDC_TILE_CODES(sum, a, b) sdc_tile_codes(sum, a, b)

static inline void sdc_tile_move(void *to, int64_t to_row, const void *from, int64_t from_row)
{
    for (int64_t m = 0; m < 16; m++)
        memcpy((char *)to + m * to_row, (const char *)from + m * from_row, 64);
}

/* TDPBF16PS of Intel's manual: sums of even and of odd depths, by fused multiply-add, then added. */
static inline void sdc_tile_dot(int sum, int a, int b)
{
    for (int m = 0; m < 16; m++)
        for (int n = 0; n < 16; n++) {
            float even = 0, odd = 0;
            for (int k = 0; k < 16; k++) {
                even = fmaf(ld_bf16(sdc_tile[a].value[m][2 * k]), ld_bf16(sdc_tile[b].value[k][2 * n]), even);
                odd = fmaf(ld_bf16(sdc_tile[a].value[m][2 * k + 1]), ld_bf16(sdc_tile[b].value[k][2 * n + 1]), odd);
            }
            sdc_tile[sum].sum[m][n] += even + odd;
        }
}

/* TDPBSSD: sums of 64 depths in 32 bits. */
static inline void sdc_tile_codes(int sum, int a, int b)
{
    for (int m = 0; m < 16; m++)
        for (int k = 0; k < 64; k++) {
            const int32_t factor = sdc_tile[a].code[m][k];
            for (int n = 0; n < 16; n++)
                sdc_tile[sum].total[m][n] += factor * sdc_tile[b].code[k / 4][4 * n + k % 4];
        }
}
#endif

#if !SDC_BF16_AMX
static inline void sdc_bf16_begin(void) {}
static inline void sdc_bf16_end(void) {}
#endif

/* ---- sums -------------------------------------------------------------------------------------------------------- */

#if SDC_BF16_DOT

typedef char sdc_memory[1 << 20];               /* what an asm may read from an address on */

/* sum[columns] += column[columns] by the pair, or the four, at `place`: %[p] is `from`, %[r] `row`.  Compilers would load it for
 * each column and compute each row's address; as asm it takes 0.73 to 0.80 of that time on Zen 5. */
#define SDC_ROW_DOT(DOT, place, columns, sum, from, row, column)                                                     \
    do {                                                                                                             \
        sdc_vi all;                                                                                                  \
        if (columns > 1)                                                                                             \
            __asm__("vpbroadcastd " place ", %[t]\n\t" DOT " %[t], %[b0], %[s0]\n\t" DOT " %[t], %[b1], %[s1]"        \
                    : [s0] "+v"((sum)[0]), [s1] "+v"((sum)[1]), [t] "=&v"(all)                                       \
                    : [p] "r"(from), [r] "r"(row), [b0] "v"((column)[0]), [b1] "v"((column)[1]),                     \
                      "m"(*(const sdc_memory *)(from)));                                                             \
        else                                                                                                         \
            __asm__("vpbroadcastd " place ", %[t]\n\t" DOT " %[t], %[b0], %[s0]"                                     \
                    : [s0] "+v"((sum)[0]), [t] "=&v"(all)                                                            \
                    : [p] "r"(from), [r] "r"(row), [b0] "v"((column)[0]), "m"(*(const sdc_memory *)(from)));         \
    } while (0)

/* The same for up to 8 rows: from[3] are rows 0, 3 and 6, `row` bytes apart. */
#define SDC_ROWS_DOTS(DOT, rows, columns, sum, from, row, column)                                                    \
    SDC_UNROLL for (int m = 0; m < rows; m += 3) {                                                                   \
        SDC_ROW_DOT(DOT, "(%[p])", columns, sum[m], from[m / 3], row, column);                                       \
        if (m + 1 < rows)                                                                                            \
            SDC_ROW_DOT(DOT, "(%[p],%[r])", columns, sum[m + 1], from[m / 3], row, column);                          \
        if (m + 2 < rows)                                                                                            \
            SDC_ROW_DOT(DOT, "(%[p],%[r],2)", columns, sum[m + 2], from[m / 3], row, column);                        \
    }

/* Up to 8 rows by `columns` tiles, in registers. */
static inline __attribute__((always_inline)) void sdc_bf16_eight(const int rows, const int columns, float *sums,
                                                                 const float *start, const st_bf16 *a, const SdcBf16Walk *w,
                                                                 int64_t share)
{
    const char *next = w->next;
    sdc_vf sum[8][2];
    const st_bf16 *b = w->b;
    const int64_t row = 2 * w->row;
    SDC_UNROLL for (int m = 0; m < rows; m++)
        SDC_UNROLL for (int v = 0; v < columns; v++)
            sum[m][v] = sdc_load((start ? start : sums + m * SDC_BF16_ROW) + v * 16);
    for (int64_t l = 0; l < w->lines; l++) {
        const int64_t depths = 32 - (l + 1 < w->lines ? 0 : 2 * w->spare_pairs);
        for (int64_t t = 0; t < w->taps; t++, b += columns * SDC_BF16_TILE) {
            const st_bf16 *first = a + w->line[l] + t * w->tap;
            for (int64_t k = 0; k < depths; k += 4)
                SDC_UNROLL for (int64_t depth = k; depth < k + 4; depth += 2) {
                    const st_bf16 *at[3] = {first + depth, first + 3 * w->row + depth, first + 6 * w->row + depth};
                    sdc_vf column[2];
                    SDC_UNROLL for (int v = 0; v < columns; v++)
                        column[v] = sdc_load((const float *)(const void *)(b + v * SDC_BF16_TILE + depth * 16));
                    SDC_ROWS_DOTS("vdpbf16ps", rows, columns, sum, at, row, column)
                }
            for (int64_t k = 0; k < share; k++, next += 64)
                __builtin_prefetch(next, 0, 2);
        }
    }
    SDC_UNROLL for (int m = 0; m < rows; m++)
        SDC_UNROLL for (int v = 0; v < columns; v++)
            sdc_store(sums + m * SDC_BF16_ROW + v * 16, sum[m][v]);
}

/* Four bytes of 128, in each lane. */
static inline sdc_vi sdc_codes_sign(void) { return (sdc_vi){0} - 0x7f7f7f80; }

/* 128 times the sum of all codes of a row of A. */
static inline int32_t sdc_codes_offset(const st_bf16 *row, const SdcBf16Walk *w)
{
    const sdc_vi unit = sdc_codes_sign();
    sdc_vi sum = {0};
    for (int64_t l = 0; l < w->lines; l++)
        for (int64_t t = 0; t < w->taps; t++)
            __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(unit), "m"(*(const char(*)[64])(row + w->line[l] + t * w->tap)));
    int32_t total = 0;
    for (int k = 0; k < 16; k++)
        total += sum[k];
    return total;
}

/* The same of codes.  The instruction takes those of B without a sign: as 128 more than they are. */
static inline __attribute__((always_inline)) void sdc_codes_eight(const int columns, float *sums, const float *start,
                                                                  const st_bf16 *a, const SdcBf16Walk *w)
{
    const sdc_vi sign = sdc_codes_sign();
    sdc_vi sum[8][2];
    const st_bf16 *b = w->b;
    const int64_t row = 2 * w->row;
    SDC_UNROLL for (int m = 0; m < 8; m++) {
        const int32_t offset = sdc_codes_offset(a + m * w->row, w);
        SDC_UNROLL for (int v = 0; v < columns; v++)
            sum[m][v] = (sdc_vi)sdc_load((start ? start : sums + m * SDC_BF16_ROW) + v * 16) - offset;
    }
    for (int64_t l = 0; l < w->lines; l++)
        for (int64_t t = 0; t < w->taps; t++, b += columns * SDC_BF16_TILE) {
            const st_bf16 *first = a + w->line[l] + t * w->tap;
            for (int k = 0; k < 32; k += 2) {
                const st_bf16 *at[3] = {first + k, first + 3 * w->row + k, first + 6 * w->row + k};
                sdc_vi column[2];
                SDC_UNROLL for (int v = 0; v < columns; v++)
                    column[v] = (sdc_vi)sdc_load((const float *)(const void *)(b + v * SDC_BF16_TILE + k * 16)) ^ sign;
                SDC_ROWS_DOTS("vpdpbusd", 8, columns, sum, at, row, column)
            }
        }
    SDC_UNROLL for (int m = 0; m < 8; m++)
        SDC_UNROLL for (int v = 0; v < columns; v++)
            sdc_store(sums + m * SDC_BF16_ROW + v * 16, (sdc_vf)sum[m][v]);
}

static inline __attribute__((always_inline)) void sdc_bf16_body(const int rows, const int columns, const bool codes,
                                                                float *sums, const float *start, const SdcBf16Walk *w)
{
    const int64_t present = 16 * rows - w->spare_rows;
    for (int64_t m = 0; m < present; m += 8) {
        float *to = sums + m * SDC_BF16_ROW;
        const st_bf16 *a = w->a[m / 16] + m % 16 * w->row;
        const int64_t share = m ? 0 : w->share;
        if (codes)
            sdc_codes_eight(columns, to, start, a, w);
        else if (rows == 1 && present - m == 1)         /* a step of a decoder: the weights come from memory */
            sdc_bf16_eight(1, columns, to, start, a, w, share);
        else if (rows == 1 && present - m <= 4)
            sdc_bf16_eight(4, columns, to, start, a, w, share);
        else
            sdc_bf16_eight(8, columns, to, start, a, w, share);
    }
}

#else

#define SDC_TILE_PRODUCT(sum, a, b)   \
    do {                              \
        if (codes)                    \
            SDC_TILE_CODES(sum, a, b); \
        else                          \
            SDC_TILE_DOT(sum, a, b);  \
    } while (0)

/* Tiles 0 to 3 are sums, 4 and 5 rows of A, 6 and 7 columns of B. */
static inline __attribute__((always_inline)) void sdc_bf16_body(const int rows, const int columns, const bool codes,
                                                                float *sums, const float *start, const SdcBf16Walk *w)
{
    const float *from = start ? start : sums;
    const int64_t bytes = start ? 0 : 4 * SDC_BF16_ROW, below = start ? 0 : 16 * SDC_BF16_ROW;
    const st_bf16 *b = w->b;
    const char *next = w->next;
    SDC_TILE_LOAD(0, from, bytes);
    if (columns > 1)
        SDC_TILE_LOAD(1, from + 16, bytes);
    if (rows > 1)
        SDC_TILE_LOAD(2, from + below, bytes);
    if (rows > 1 && columns > 1)
        SDC_TILE_LOAD(3, from + below + 16, bytes);
    for (int64_t l = 0; l < w->lines; l++) {
        const st_bf16 *a = w->a[0] + w->line[l], *a_below = rows > 1 ? w->a[1] + w->line[l] : a;
        for (int64_t t = 0; t < w->taps; t++, a += w->tap, a_below += w->tap, b += columns * SDC_BF16_TILE) {
            SDC_TILE_LOAD(4, a, 2 * w->row);
            SDC_TILE_LOAD(6, b, 64);
            SDC_TILE_PRODUCT(0, 4, 6);
            if (columns > 1) {
                SDC_TILE_LOAD(7, b + SDC_BF16_TILE, 64);
                SDC_TILE_PRODUCT(1, 4, 7);
            }
            if (rows > 1) {
                SDC_TILE_LOAD(5, a_below, 2 * w->row);
                SDC_TILE_PRODUCT(2, 5, 6);
                if (columns > 1)
                    SDC_TILE_PRODUCT(3, 5, 7);
            }
            for (int64_t k = 0; k < w->share; k++, next += 64)
                __builtin_prefetch(next, 0, 2);
        }
    }
    SDC_TILE_STORE(0, sums, 4 * SDC_BF16_ROW);
    if (columns > 1)
        SDC_TILE_STORE(1, sums + 16, 4 * SDC_BF16_ROW);
    if (rows > 1)
        SDC_TILE_STORE(2, sums + 16 * SDC_BF16_ROW, 4 * SDC_BF16_ROW);
    if (rows > 1 && columns > 1)
        SDC_TILE_STORE(3, sums + 16 * SDC_BF16_ROW + 16, 4 * SDC_BF16_ROW);
}
#endif

/* sums [16 rows * tiles][32 columns], begun with start [32] in each row unless that is NULL. */
typedef void SdcBf16Tile(float *sums, const float *start, const SdcBf16Walk *w);
#define SDC_BF16_FUNCTION(KIND, CODES, ROWS, COLUMNS)                                                                \
    static __attribute__((noinline, unused)) void sdc_##KIND##_tile_##ROWS##COLUMNS(float *sums, const float *start, \
                                                                                    const SdcBf16Walk *w)            \
    {                                                                                                                \
        sdc_bf16_body(ROWS, COLUMNS, CODES, sums, start, w);                                                         \
    }
#define SDC_BF16_FUNCTIONS(KIND, CODES)  \
    SDC_BF16_FUNCTION(KIND, CODES, 1, 1) \
    SDC_BF16_FUNCTION(KIND, CODES, 1, 2) \
    SDC_BF16_FUNCTION(KIND, CODES, 2, 1) \
    SDC_BF16_FUNCTION(KIND, CODES, 2, 2)
SDC_BF16_FUNCTIONS(bf16, false)
SDC_BF16_FUNCTIONS(codes, true)
#define SDC_TILE_FOR(KIND) \
    (rows > 1 ? columns > 1 ? sdc_##KIND##_tile_22 : sdc_##KIND##_tile_21 : columns > 1 ? sdc_##KIND##_tile_12 : sdc_##KIND##_tile_11)
static inline SdcBf16Tile *sdc_bf16_tile_for(bool codes, int64_t rows, int64_t columns)
{
    return codes ? SDC_TILE_FOR(codes) : SDC_TILE_FOR(bf16);
}

/* Lines of a chunk: equal chunks of at most SDC_BF16_CHUNK slices, or of one line. */
static inline int64_t sdc_bf16_chunk(int64_t lines, int64_t taps)
{
    const int64_t chunks = sdc_min(lines, sdc_ceil_div(lines * taps, SDC_BF16_CHUNK));
    return sdc_ceil_div(lines, chunks);
}

/* sums [tiles][16][32] for one panel of `columns` tiles; at[tiles]: elements from w.a[0] to each tile's first row.  w.lines is
 * how many there are, w.b where the panel begins.  following: the panel after this one, or NULL, which the last chunk brings
 * in; where a panel is used by `calls` calls one after the other, this is call number `call`, each brings in its share. */
static inline void sdc_bf16_panel(float *sums, const float *start, const int64_t *at, int64_t tiles, int64_t columns,
                                  SdcBf16Walk w, const void *following, int64_t call, int64_t calls)
{
    const int64_t chunk = sdc_bf16_chunk(w.lines, w.taps), pairs = sdc_ceil_div(tiles, 2), lines = w.lines;
    const st_bf16 *first = w.a[0], *b = w.b;
    for (int64_t l = 0; l < lines; l += chunk, w.line += chunk) {
        w.lines = sdc_min(chunk, lines - l);
        w.b = b + l * w.taps * columns * SDC_BF16_TILE;
        const char *next = l + chunk < lines ? (const char *)(w.b + chunk * w.taps * columns * SDC_BF16_TILE) : following;
        w.share = sdc_ceil_div(16 * columns, pairs * calls);
        for (int64_t t = 0; t < tiles; t += 2) {
            const int64_t rows = sdc_min(2, tiles - t);
            w.a[0] = first + at[t];
            w.a[1] = first + at[t + rows - 1];
            w.next = next + (call * pairs + t / 2) * w.share * w.lines * w.taps * 64;
            sdc_bf16_tile_for(w.codes, rows, columns)(sums + t * 16 * SDC_BF16_ROW, l ? NULL : start, &w);
        }
    }
}

#endif
