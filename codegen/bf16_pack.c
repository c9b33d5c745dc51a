/* bf16_pack.c: see bf16_pack.h. */
#include "bf16_pack.h"

enum {
    SLICE = 32, TILE = 16, PANEL = 32,
    UNIT_TILES = 16,                    /* so often is a weight used once it is in the first-level cache */
    ENOUGH_UNITS = 16,
    ROUND_ELEMENTS = 1 << 21            /* 4 MB: what is packed at once stays in the caches, and small beside the images */
};

int64_t pack_bf16_bytes(const Bf16Matrix *m)
{
    return ceil_div(m->columns, TILE) * TILE * ceil_div(m->depth, SLICE) * SLICE * m->lines * m->taps * 2;
}

/* [16 pairs of depths][16 columns][2] from `depth` and `column` on. */
static uint16_t *pack_tile(uint16_t *dst, const uint16_t *src, const Bf16Matrix *m, int64_t depth, int64_t column)
{
    for (int64_t k = depth; k < depth + SLICE; k += 2)
        for (int64_t n = column; n < column + TILE; n++)
            for (int64_t half = 0; half < 2; half++)
                *dst++ = k + half < m->depth && n < m->columns ? src[(k + half) * m->depth_step + n * m->column_step] : 0;
    return dst;
}

void pack_bf16(void *dst, const void *src, const Bf16Matrix *m)
{
    uint16_t *to = dst;
    const int64_t lines = m->lines * ceil_div(m->depth, SLICE);
    for (int64_t panel = 0; panel < m->columns; panel += PANEL)
        for (int64_t l = 0; l < lines; l++)
            for (int64_t tap = 0; tap < m->taps; tap++) {
                const int64_t slice = l % ceil_div(m->depth, SLICE), line = l / ceil_div(m->depth, SLICE);
                const uint16_t *from = (const uint16_t *)src + (line * m->taps + tap) * m->tap_step;
                for (int64_t n = panel; n < min(panel + PANEL, m->columns); n += TILE)
                    to = pack_tile(to, from, m, slice * SLICE, n);
            }
}

/* ---- conv_bf16.h ------------------------------------------------------------------------------------------------- */

/* Equal parts of at most `most`, in steps. */
static int64_t equal_parts(int64_t extent, int64_t most, int64_t step)
{
    const int64_t steps = ceil_div(extent, step);
    return min(extent, ceil_div(steps, ceil_div(steps, max(most / step, 1))) * step);
}

/* Pixels of a packed row, and of the shortcut's: as in conv_bf16.h. */
static int64_t packed_width(const ConvShape *s, int64_t flat)
{
    const int64_t outputs = flat ? s->out_w : ceil_div(s->out_w, TILE) * TILE;
    return (outputs - 1) * s->stride_w + (s->kernel_w - 1) * s->dilation_w + 1;
}

static int64_t packed_elements(const ConvShape *s, int64_t more_c, int64_t flat, int64_t rows)
{
    const int64_t width = packed_width(s, flat), more_width = flat ? width : ceil_div(s->out_w, TILE) * TILE;
    const int64_t height = (rows - 1) * s->stride_h + (s->kernel_h - 1) * s->dilation_h + 1;
    return SLICE * (width * height * ceil_div(s->in_c, SLICE) + more_width * rows * ceil_div(more_c, SLICE));
}

Bf16Plan conv_bf16_plan(const ConvShape *s, int64_t more_c)
{
    const int64_t across = ceil_div(s->out_w, TILE), width = packed_width(s, 1);
    Bf16Plan p = {.flat = s->stride_h == 1 && s->stride_w == 1
                          && ceil_div((s->out_h - 1) * width + s->out_w, TILE) < s->out_h * across};
    p.block_w = p.flat ? s->out_w : equal_parts(s->out_w, UNIT_TILES * TILE, TILE);
    p.block_h = equal_parts(s->out_h, max(p.flat ? UNIT_TILES * TILE / width : UNIT_TILES / ceil_div(p.block_w, TILE), 1), 1);
    p.round_h = s->out_h;
    p.round_n = s->batch;
    if (packed_elements(s, more_c, p.flat, s->out_h) * s->batch > ROUND_ELEMENTS) {
        p.round_n = 1;
        while (p.round_h > p.block_h && packed_elements(s, more_c, p.flat, p.round_h) > ROUND_ELEMENTS)
            p.round_h = ceil_div(p.round_h - p.block_h, p.block_h) * p.block_h;
        p.round_h = equal_parts(s->out_h, p.round_h, p.block_h);
    }
    const int64_t panels = ceil_div(s->out_c, PANEL);
    const int64_t blocks = p.round_n * ceil_div(p.round_h, p.block_h) * ceil_div(s->out_w, p.block_w);
    p.unit_panels = panels;
    while (p.unit_panels > 1 && blocks * ceil_div(panels, p.unit_panels) < ENOUGH_UNITS)
        p.unit_panels = ceil_div(p.unit_panels, 2);
    p.room = p.round_n * packed_elements(s, more_c, p.flat, p.round_h) + 2 * TILE * SLICE;
    return p;
}
