/* code_pack.c: see code_pack.h.  What a code is, and a group's scale, ir/weight_code.h says, for the oracle too. */
#include "code_pack.h"

#include <math.h>
#include <string.h>

#include "../ir/weight_code.h"
#include "../runtime/dtype_bits.h"

static int64_t code_bytes(int64_t depth, int64_t columns, int vl, int bits)
{
    return vectors_of(columns, vl) * vl * ceil_div(depth * bits, 32) * 4;
}

static int64_t groups_of(int64_t depth, int64_t group) { return group ? ceil_div(depth, group) : 1; }

int64_t pack_codes_bytes(int64_t depth, int64_t columns, int vl, CodeType type)
{
    const int64_t scales = vectors_of(columns, vl) * vl * groups_of(depth, type.group) * 2;
    return ceil_div(code_bytes(depth, columns, vl, type.bits) + scales, 64) * 64;
}

float group_scale(const float *b, int64_t count, int64_t step, int bits)
{
    double largest = 0;
    for (int64_t k = 0; k < count; k++)
        largest = fmax(largest, fabs((double)b[k * step]));
    return weight_scale(largest, bits);
}

/* Their codes; words lie `width` apart. */
static void put_codes(uint32_t *words, const float *b, int64_t count, int64_t step, int64_t width, float scale,
                      int bits)
{
    for (int64_t k = 0; k < count; k++) {
        const uint32_t code = (uint32_t)weight_code((double)b[k * step], scale, bits) & ((1u << bits) - 1);
        words[k * bits / 32 * width] |= code << k * bits % 32;
    }
}

static uint16_t pack_group(uint32_t *words, const float *b, int64_t count, int64_t step, int64_t width, int bits)
{
    const float scale = group_scale(b, count, step, bits);
    put_codes(words, b, count, step, width, scale, bits);
    return dt_bf16_from_f(scale);
}

void pack_codes(void *dst, const float *b, int64_t depth, int64_t columns, int64_t row, bool transposed, int vl,
                CodeType type)
{
    const int64_t step = transposed ? 1 : row, step_column = transposed ? row : 1;
    const int64_t group = type.group ? type.group : depth, groups = groups_of(depth, type.group);
    uint32_t *words = memset(dst, 0, (size_t)pack_codes_bytes(depth, columns, vl, type));
    uint16_t *scales = (uint16_t *)(void *)((char *)dst + code_bytes(depth, columns, vl, type.bits));
    for (int64_t panel = 0; panel < panels_of(columns, vl); panel++) {
        const int64_t begin = panel_begin(panel, columns, vl) * vl, end = panel_begin(panel + 1, columns, vl) * vl;
        const int64_t width = end - begin;
        for (int64_t j = 0; j < min(end, columns) - begin; j++)
            for (int64_t g = 0; g < groups; g++)
                scales[g * width + j] = pack_group(words + g * group * type.bits / 32 * width + j,
                                                   b + g * group * step + (begin + j) * step_column,
                                                   min(group, depth - g * group), step, width, type.bits);
        words += code_bytes(depth, width, vl, type.bits) / 4;
        scales += groups * width;
    }
}

/* ---- conv.h ------------------------------------------------------------------------------------------------------ */

int64_t pack_conv_codes_bytes(const ConvShape *s, int vl, CodeType type)
{
    const int64_t taps = s->kernel_h * s->kernel_w, width = vectors_of(s->out_c, vl) * vl;
    const int64_t scales = width * taps * groups_of(s->in_c, type.group) * 2;
    return ceil_div(taps * code_bytes(s->in_c, s->out_c, vl, type.bits) + scales, 64) * 64;
}

/* The codes of one tap's channels [first, first + count) of a column, which may lie in several chunks. */
static void put_channels(uint32_t *words, const float *w, int64_t first, int64_t count, const ConvShape *s, int64_t chunk,
                         int64_t tap, int64_t width, float scale, int bits)
{
    const int64_t taps = s->kernel_h * s->kernel_w, end = first + count;
    for (int64_t c = first, next; c < end; c = next) {
        const int64_t begin = c / chunk * chunk, channels = min(chunk, s->in_c - begin);
        next = min(end, begin + chunk);
        uint32_t *to = words + (begin * taps * bits / 32 + tap * ceil_div(channels * bits, 32) + (c - begin) * bits / 32) * width;
        put_codes(to, w + c * taps, next - c, taps, width, scale, bits);
    }
}

void pack_conv_codes(void *dst, const float *w, const ConvShape *s, int vl, CodeType type)
{
    const int64_t taps = s->kernel_h * s->kernel_w, depth = s->in_c, chunk = conv_plan(s, vl, false).chunk;
    const int64_t group = type.group ? type.group : depth, groups = groups_of(depth, type.group);
    uint32_t *words = memset(dst, 0, (size_t)pack_conv_codes_bytes(s, vl, type));
    uint16_t *scales = (uint16_t *)(void *)((char *)dst + taps * code_bytes(depth, s->out_c, vl, type.bits));
    for (int64_t panel = 0; panel < panels_of(s->out_c, vl); panel++) {
        const int64_t begin = panel_begin(panel, s->out_c, vl) * vl, end = panel_begin(panel + 1, s->out_c, vl) * vl;
        const int64_t width = end - begin;
        for (int64_t j = 0; j < min(end, s->out_c) - begin; j++)
            for (int64_t part = 0; part < taps * groups; part++) {
                const int64_t tap = part / groups, first = part % groups * group, count = min(group, depth - first);
                const float *from = w + (begin + j) * depth * taps + tap;
                const float scale = group_scale(from + first * taps, count, taps, type.bits);
                put_channels(words + j, from, first, count, s, chunk, tap, width, scale, type.bits);
                scales[part * width + j] = dt_bf16_from_f(scale);
            }
        words += taps * code_bytes(depth, width, vl, type.bits) / 4;
        scales += taps * groups * width;
    }
}

/* ---- gemm_bf16.h ------------------------------------------------------------------------------------------------- */

enum { TILE = 16, PANEL = 32 };

/* Words of a tile's codes. */
static int64_t tile_words(int slice, int bits) { return slice * TILE * bits / 32; }

int64_t pack_codes_bf16_bytes(int64_t depth, int64_t columns, int slice, CodeType type)
{
    const int64_t tiles = ceil_div(columns, TILE);
    const int64_t codes = tiles * ceil_div(depth, slice) * tile_words(slice, type.bits) * 4;
    return ceil_div(codes + tiles * TILE * groups_of(depth, type.group) * 2, 64) * 64;
}

/* A column's depths from b on, `step` apart, to the tiles of its group, `next` words from one slice to the next. */
static uint16_t pack_slices(uint32_t *words, const float *b, int64_t count, int64_t step, int64_t next, int slice, int bits)
{
    const float scale = group_scale(b, count, step, bits);
    for (int64_t k = 0; k < count; k += slice)
        put_codes(words + k / slice * next, b + k * step, min(slice, count - k), step, TILE, scale, bits);
    return dt_bf16_from_f(scale);
}

void pack_codes_bf16(void *dst, const float *b, int64_t depth, int64_t columns, int64_t row, bool transposed,
                     int slice, CodeType type)
{
    enum { WIDEST = PANEL / TILE };                     /* tiles of a panel */
    const int64_t step = transposed ? 1 : row, step_column = transposed ? row : 1, words_of = tile_words(slice, type.bits);
    const int64_t group = type.group ? type.group : depth, groups = groups_of(depth, type.group);
    const int64_t tiles = ceil_div(columns, TILE), slices = ceil_div(depth, slice);
    uint32_t *words = memset(dst, 0, (size_t)pack_codes_bf16_bytes(depth, columns, slice, type));
    uint16_t *scales = (uint16_t *)(void *)(words + tiles * slices * words_of);
    for (int64_t n = 0; n < columns; n++) {
        const int64_t first = n / PANEL * WIDEST, next = min(WIDEST, tiles - first) * words_of;
        uint32_t *to = words + first * slices * words_of + n % PANEL / TILE * words_of + n % TILE;
        for (int64_t g = 0; g < groups; g++)
            scales[g * tiles * TILE + n] = pack_slices(to + g * (group / slice) * next,
                                                       b + g * group * step + n * step_column,
                                                       min(group, depth - g * group), step, next, slice, type.bits);
    }
}
