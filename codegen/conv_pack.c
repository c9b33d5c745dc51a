/* conv_pack.c: see conv_pack.h.  The arithmetic of panels is that of tile.h with the vector width as an argument. */
#include "conv_pack.h"

enum {
    UNIT_PIXELS = 64,               /* of a convolution's unit: so often is a weight used once it is in the cache */
    CHUNK = 64,                     /* channels of a patch, so that it stays in the first-level cache */
    PATCH_FLOATS = 16384,           /* 64 KB: what a patch should not exceed */
    UNIT_PANELS = 4, ENOUGH_UNITS = 12,
    NORMALISED_SUMS = 64 * 384,     /* 96 KB: of a unit that normalises what it gathers; the larger, the less often */
    FEW_UNITS = 8                   /* for which it stays large */
};

/* ---- panels ------------------------------------------------------------------------------------------------------ */

int64_t vectors_of(int64_t columns, int vl) { return ceil_div(columns, vl); }
int64_t panels_of(int64_t columns, int vl) { return ceil_div(vectors_of(columns, vl), vl == 16 ? 3 : 2); }

int64_t panel_begin(int64_t panel, int64_t columns, int vl)
{
    return panel * vectors_of(columns, vl) / panels_of(columns, vl);
}

/* `present` elements that lie `step` apart from element `from` of src on, zeros up to `width`; returns the end of dst. */
static void *pack_run(void *dst, const void *src, int64_t from, int64_t step, int64_t present, int64_t width, int bytes)
{
    uint16_t *half = dst;
    uint32_t *whole = dst;
    if (bytes == 2) {
        for (int64_t k = 0; k < width; k++)
            *half++ = k < present ? ((const uint16_t *)src)[from + k * step] : 0;
        return half;
    }
    for (int64_t k = 0; k < width; k++)
        *whole++ = k < present ? ((const uint32_t *)src)[from + k * step] : 0;
    return whole;
}

/* ---- matrices ---------------------------------------------------------------------------------------------------- */

int64_t pack_gemm_bytes(int64_t depth, int64_t columns, int vl, int bytes)
{
    return vectors_of(columns, vl) * vl * depth * bytes;
}

void pack_gemm(void *dst, const void *b, int64_t depth, int64_t columns, int64_t row, bool transposed, int vl, int bytes)
{
    int64_t step_k = transposed ? 1 : row, step_column = transposed ? row : 1;
    for (int64_t panel = 0; panel < panels_of(columns, vl); panel++) {
        int64_t begin = panel_begin(panel, columns, vl) * vl, end = panel_begin(panel + 1, columns, vl) * vl;
        for (int64_t k = 0; k < depth; k++)
            dst = pack_run(dst, b, k * step_k + begin * step_column, step_column, min(end, columns) - begin,
                           end - begin, bytes);
    }
}

/* ---- convolutions ------------------------------------------------------------------------------------------------ */

bool conv_is_depthwise(const ConvShape *s) { return s->groups > 1 && s->in_c == s->groups && s->out_c == s->groups; }

static int64_t reach(int64_t outputs, int64_t stride, int64_t kernel, int64_t dilation)
{
    return (outputs - 1) * stride + (kernel - 1) * dilation + 1;
}

/* Channels of a chunk: equal chunks of at most CHUNK, less where one output alone reaches over a large patch. */
static int64_t chunk_of(const ConvShape *s)
{
    int64_t channels = s->in_c / s->groups;
    int64_t pixels =
        reach(1, s->stride_h, s->kernel_h, s->dilation_h) * reach(1, s->stride_w, s->kernel_w, s->dilation_w);
    int64_t limit = max(min(CHUNK, PATCH_FLOATS / pixels), 1);
    if (s->codes && channels > limit)
        return limit / CODE_CHUNK * CODE_CHUNK;
    return ceil_div(channels, ceil_div(channels, limit));
}

ConvShape conv_format(const ConvShape *s)
{
    ConvShape f = *s;
    f.batch = f.in_h = f.in_w = f.out_h = f.out_w = f.pad_top = f.pad_left = 1;
    return f;
}

bool conv_takes_codes(const ConvShape *s)
{
    ConvShape coded = *s;
    coded.codes = 1;
    return s->groups == 1 && chunk_of(&coded) > 0;
}

static int64_t patch_floats(const ConvShape *s, int64_t block_h, int64_t block_w, int64_t chunk)
{
    return reach(block_h, s->stride_h, s->kernel_h, s->dilation_h)
           * reach(block_w, s->stride_w, s->kernel_w, s->dilation_w) * chunk;
}

static int64_t pixel_units(const ConvShape *s, const ConvPlan *p)
{
    return s->batch * s->groups * ceil_div(s->out_h, p->block_h) * ceil_div(s->out_w, p->block_w);
}

/* Blocks of at most `pixels` outputs whose patch is not too large. */
static void cut_blocks(ConvPlan *p, const ConvShape *s, int64_t pixels)
{
    p->block_w = min(s->out_w, 16);
    p->block_h = min(s->out_h, max(pixels / p->block_w, 1));
    p->block_w = min(s->out_w, pixels / p->block_h);
    while (patch_floats(s, p->block_h, p->block_w, p->chunk) > PATCH_FLOATS && p->block_h * p->block_w > 1) {
        if (p->block_h > 1 && p->block_h * 2 >= p->block_w)
            p->block_h = ceil_div(p->block_h, 2);
        else
            p->block_w = ceil_div(p->block_w, 2);
    }
}

ConvPlan conv_plan(const ConvShape *s, int vl, bool normalises)
{
    const int64_t widest = (vl == 16 ? 3 : 2) * vl;         /* columns of a panel */
    const int64_t panels = panels_of(s->out_c / s->groups, vl), enough = normalises ? FEW_UNITS : ENOUGH_UNITS;
    ConvPlan p = {.chunk = chunk_of(s), .unit_panels = UNIT_PANELS};
    int64_t pixels = UNIT_PIXELS;
    if (normalises) {
        p.unit_panels = min(NORMALISED_SUMS / UNIT_PIXELS / widest, panels);
        pixels = min(NORMALISED_SUMS / (p.unit_panels * widest), 4 * UNIT_PIXELS);
    }
    cut_blocks(&p, s, pixels);
    for (; pixels / 2 >= UNIT_PIXELS && pixel_units(s, &p) < enough; pixels /= 2)
        cut_blocks(&p, s, pixels / 2);
    while (p.unit_panels > 1 && pixel_units(s, &p) * ceil_div(panels, p.unit_panels) < enough)
        p.unit_panels /= 2;
    p.loads = pixel_units(s, &p) * ceil_div(panels, p.unit_panels)
              * patch_floats(s, p.block_h, p.block_w, s->in_c / s->groups);
    pixels = p.block_h * p.block_w + 7;                     /* rounded up to a tile */
    p.stack_bytes = (patch_floats(s, p.block_h, p.block_w, p.chunk) + pixels * (p.unit_panels * widest + 2))
                    * (int64_t)sizeof(float);
    return p;
}

int64_t pack_conv_bytes(const ConvShape *s, int vl, int bytes)
{
    int64_t depth = s->in_c / s->groups * s->kernel_h * s->kernel_w;
    if (conv_is_depthwise(s))
        return depth * s->out_c * bytes;
    return s->groups * pack_gemm_bytes(depth, s->out_c / s->groups, vl, bytes);
}

static void pack_depthwise(void *dst, const void *w, const ConvShape *s, int bytes)
{
    int64_t taps = s->kernel_h * s->kernel_w;
    for (int64_t tap = 0; tap < taps; tap++)
        dst = pack_run(dst, w, tap, taps, s->out_c, s->out_c, bytes);
}

/* One tap and chunk of channels of one panel; w: from element `first` on, the group's, moved to the tap. */
static void *pack_tap(void *dst, const void *w, int64_t first, const ConvShape *s, int64_t first_channel,
                      int64_t channels, int64_t begin, int64_t end, int bytes)
{
    int64_t taps = s->kernel_h * s->kernel_w, depth = s->in_c / s->groups, columns = s->out_c / s->groups;
    for (int64_t c = first_channel; c < first_channel + channels; c++)
        dst = pack_run(dst, w, first + (begin * depth + c) * taps, depth * taps, min(end, columns) - begin,
                       end - begin, bytes);
    return dst;
}

void pack_conv(void *dst, const void *w, const ConvShape *s, int vl, int bytes)
{
    int64_t taps = s->kernel_h * s->kernel_w, depth = s->in_c / s->groups, columns = s->out_c / s->groups,
            chunk = chunk_of(s);
    if (conv_is_depthwise(s)) {
        pack_depthwise(dst, w, s, bytes);
        return;
    }
    for (int64_t group = 0; group < s->groups; group++)
        for (int64_t panel = 0; panel < panels_of(columns, vl); panel++) {
            int64_t begin = panel_begin(panel, columns, vl) * vl, end = panel_begin(panel + 1, columns, vl) * vl;
            for (int64_t c = 0; c < depth; c += chunk)
                for (int64_t tap = 0; tap < taps; tap++)
                    dst = pack_tap(dst, w, group * columns * depth * taps + tap, s, c, min(chunk, depth - c), begin, end,
                                   bytes);
        }
}
