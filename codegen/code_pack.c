/* code_pack.c: see code_pack.h.  What a code is, and a group's scale, runtime/weight_code.h says, for the oracle too.  Places
 * are told to a sink: packing is one, the table that a LoRA finds elements by (layouts.c) another. */
#include "code_pack.h"

#include <math.h>
#include <string.h>

#include "../runtime/weight_code.h"
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

/* ---- packing ----------------------------------------------------------------------------------------------------- */

static void pack_group(void *context, const CodeRun *r)
{
    const CodePacking *p = context;
    const float *w = p->w + r->from;
    double largest = 0;
    for (int64_t k = 0; k < r->count; k++)
        largest = fmax(largest, fabs((double)w[k * r->step]));
    ((uint16_t *)p->dst)[r->scale] = dt_bf16_from_f(weight_scale(largest, p->bits));
}

static void pack_run(void *context, const CodeRun *r)
{
    const CodePacking *p = context;
    const float *w = p->w + r->from, scale = dt_load_bf16(((const uint16_t *)p->dst)[r->scale]);
    const int bits = p->bits, codes = 32 / bits;
    uint32_t *words = (uint32_t *)p->dst + r->to / codes;
    for (int64_t k = 0, j = r->to % codes; k < r->count; k++, j++) {
        const uint32_t code = (uint32_t)weight_code((double)w[k * r->step], scale, bits) & ((1u << bits) - 1);
        words[j / codes * r->width] |= code << j % codes * bits;
    }
}

CodeSink packing_sink(CodePacking *p) { return (CodeSink){.group = pack_group, .run = pack_run, .context = p}; }

/* ---- gemm.h ------------------------------------------------------------------------------------------------------ */

void code_places(const CodeSink *sink, int64_t depth, int64_t columns, int64_t row, bool transposed, int vl,
                 CodeType type)
{
    const int64_t step = transposed ? 1 : row, step_column = transposed ? row : 1, codes = 32 / type.bits;
    const int64_t group = type.group ? type.group : depth, groups = groups_of(depth, type.group);
    int64_t word = sink->at / 4, scale = (sink->at + code_bytes(depth, columns, vl, type.bits)) / 2;
    for (int64_t panel = 0; panel < panels_of(columns, vl); panel++) {
        const int64_t begin = panel_begin(panel, columns, vl) * vl, end = panel_begin(panel + 1, columns, vl) * vl;
        const int64_t width = end - begin;
        for (int64_t j = 0; j < min(end, columns) - begin; j++)
            for (int64_t g = 0; g < groups; g++) {
                const CodeRun run = {.to = (word + g * group / codes * width + j) * codes, .width = width,
                                     .from = sink->from + g * group * step + (begin + j) * step_column, .step = step,
                                     .count = min(group, depth - g * group), .scale = scale + g * width + j};
                sink->group(sink->context, &run);
                sink->run(sink->context, &run);
            }
        word += code_bytes(depth, width, vl, type.bits) / 4;
        scale += groups * width;
    }
}

void pack_codes(void *dst, const float *b, int64_t depth, int64_t columns, int64_t row, bool transposed, int vl,
                CodeType type)
{
    memset(dst, 0, (size_t)pack_codes_bytes(depth, columns, vl, type));
    const CodeSink sink = packing_sink(&(CodePacking){dst, b, type.bits});
    code_places(&sink, depth, columns, row, transposed, vl, type);
}

/* ---- conv.h ------------------------------------------------------------------------------------------------------ */

int64_t pack_conv_codes_bytes(const ConvShape *s, int vl, CodeType type)
{
    const int64_t taps = s->kernel_h * s->kernel_w, width = vectors_of(s->out_c, vl) * vl;
    const int64_t scales = width * taps * groups_of(s->in_c, type.group) * 2;
    return ceil_div(taps * code_bytes(s->in_c, s->out_c, vl, type.bits) + scales, 64) * 64;
}

/* A group of one tap's channels, which may lie in several chunks; `column` is the panel's first word for its output. */
static void tell_channels(const CodeSink *sink, const CodeRun *group, int64_t first, const ConvShape *s, int64_t chunk,
                          int64_t tap, int64_t column, int bits)
{
    const int64_t taps = s->kernel_h * s->kernel_w, end = first + group->count, codes = 32 / bits;
    CodeRun run = *group;
    sink->group(sink->context, group);
    for (int64_t c = first, next; c < end; c = next) {
        const int64_t begin = c / chunk * chunk, channels = min(chunk, s->in_c - begin);
        next = min(end, begin + chunk);
        const int64_t word = begin * taps / codes + tap * ceil_div(channels, codes) + (c - begin) / codes;
        run.to = (column + word * run.width) * codes;
        run.from = group->from + (c - first) * run.step;
        run.count = next - c;
        sink->run(sink->context, &run);
    }
}

void conv_code_places(const CodeSink *sink, const ConvShape *s, int vl, CodeType type)
{
    const int64_t taps = s->kernel_h * s->kernel_w, depth = s->in_c, chunk = conv_plan(s, vl, false).chunk;
    const int64_t group = type.group ? type.group : depth, groups = groups_of(depth, type.group);
    int64_t word = 0, scale = taps * code_bytes(depth, s->out_c, vl, type.bits) / 2;
    for (int64_t panel = 0; panel < panels_of(s->out_c, vl); panel++) {
        const int64_t begin = panel_begin(panel, s->out_c, vl) * vl, end = panel_begin(panel + 1, s->out_c, vl) * vl;
        const int64_t width = end - begin;
        for (int64_t j = 0; j < min(end, s->out_c) - begin; j++)
            for (int64_t part = 0; part < taps * groups; part++) {
                const int64_t tap = part / groups, first = part % groups * group;
                const CodeRun run = {.width = width, .from = ((begin + j) * depth + first) * taps + tap, .step = taps,
                                     .count = min(group, depth - first), .scale = scale + part * width + j};
                tell_channels(sink, &run, first, s, chunk, tap, word + j, type.bits);
            }
        word += taps * code_bytes(depth, width, vl, type.bits) / 4;
        scale += taps * groups * width;
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

/* A column's group, whose first slice begins at `word`, `next` words before the next one. */
static void tell_slices(const CodeSink *sink, const CodeRun *group, int64_t word, int64_t next, int slice, int bits)
{
    CodeRun run = *group;
    sink->group(sink->context, group);
    for (int64_t k = 0; k < group->count; k += slice) {
        run.to = (word + k / slice * next) * (32 / bits);
        run.from = group->from + k * run.step;
        run.count = min(slice, group->count - k);
        sink->run(sink->context, &run);
    }
}

void code_places_bf16(const CodeSink *sink, int64_t depth, int64_t columns, int64_t row, bool transposed, int slice,
                      CodeType type)
{
    enum { WIDEST = PANEL / TILE };                     /* tiles of a panel */
    const int64_t step = transposed ? 1 : row, step_column = transposed ? row : 1, words_of = tile_words(slice, type.bits);
    const int64_t group = type.group ? type.group : depth, groups = groups_of(depth, type.group);
    const int64_t tiles = ceil_div(columns, TILE), slices = ceil_div(depth, slice);
    const int64_t scales = sink->at / 2 + tiles * slices * words_of * 2;
    for (int64_t n = 0; n < columns; n++) {
        const int64_t first = n / PANEL * WIDEST, next = min(WIDEST, tiles - first) * words_of;
        const int64_t word = sink->at / 4 + first * slices * words_of + n % PANEL / TILE * words_of + n % TILE;
        for (int64_t g = 0; g < groups; g++) {
            const CodeRun run = {.width = TILE, .from = sink->from + g * group * step + n * step_column, .step = step,
                                 .count = min(group, depth - g * group), .scale = scales + g * tiles * TILE + n};
            tell_slices(sink, &run, word + g * (group / slice) * next, next, slice, type.bits);
        }
    }
}

void pack_codes_bf16(void *dst, const float *b, int64_t depth, int64_t columns, int64_t row, bool transposed,
                     int slice, CodeType type)
{
    memset(dst, 0, (size_t)pack_codes_bf16_bytes(depth, columns, slice, type));
    const CodeSink sink = packing_sink(&(CodePacking){dst, b, type.bits});
    code_places_bf16(&sink, depth, columns, row, transposed, slice, type);
}
