/* winograd_plan.c: see winograd_plan.h.
 *
 * Costs are counted in FLOPs that the products would do in the same time, by what was measured on one Sapphire Rapids core:
 * a weight's transform moves 9 floats in and `positions` out, a pixel's and a sum's likewise. */
#include "winograd_plan.h"

enum {
    BLOCK = 16,                     /* outputs of a block along an axis, at most */
    UNIT_TILES = 64,                /* so often is a transformed weight used */
    WEIGHT = 24, PIXEL = 60, SUM = 30,  /* FLOPs that the transform of one costs, a position */
    MORE = 160                          /* percent of a shortcut's FLOPs in bf16: each panel gathers it anew (306 of 490 GF/s) */
};

bool winograd_serves(const ConvShape *s)
{
    return s->kernel_h == 3 && s->kernel_w == 3 && s->stride_h == 1 && s->stride_w == 1 && s->dilation_h == 1
           && s->dilation_w == 1 && s->groups == 1;
}

/* Equal blocks along an axis of `extent` outputs, of whole tiles. */
static int64_t block_of(int64_t extent, int64_t outputs)
{
    const int64_t tiles = ceil_div(extent, outputs);
    return ceil_div(tiles, ceil_div(tiles, BLOCK / outputs)) * outputs;
}

static int64_t blocks_of(const ConvShape *s, const WinogradPlan *p)
{
    return s->batch * ceil_div(s->out_h, p->block_h) * ceil_div(s->out_w, p->block_w);
}

static int64_t positions_of(int64_t outputs) { return (outputs + 2) * (outputs + 2); }

/* Rows of a full tile, see tile.h; more are no harm. */
static int64_t tile_rows(int vl) { return vl == 8 ? 6 : 8; }

/* As conv_winograd.h lays it out. */
static int64_t scratch_of(const ConvShape *s, const WinogradPlan *p, int vl)
{
    const int64_t tiles = p->block_h / p->outputs * (p->block_w / p->outputs), chunk = conv_plan(s, vl, false).chunk;
    const int64_t wide = vectors_of(chunk, vl) * vl, rows = tile_rows(vl);
    const int64_t unit_tiles = ceil_div(tiles * p->unit_blocks, rows) * rows;
    const int64_t pixels = ceil_div(s->in_c, chunk) * (tiles * p->round_blocks * wide + 16);
    const int64_t sums = p->round_blocks / p->unit_blocks * (unit_tiles * vectors_of(s->out_c, vl) * vl + panels_of(s->out_c, vl) * 16);
    return positions_of(p->outputs) * (pixels + sums);
}

/* Do two threads get as much, to 3 %, of one unit's panels?  Of two units' they do. */
static bool halves_evenly(int64_t columns, int vl)
{
    const int64_t vectors = vectors_of(columns, vl);
    return 2 * panel_begin((panels_of(columns, vl) + 1) / 2, columns, vl) - vectors <= vectors * 3 / 100;
}

WinogradPlan winograd_cut(const ConvShape *s, const WinogradCut *cut, int vl)
{
    const int64_t outputs = cut->outputs, unit_tiles = cut->unit_tiles ? cut->unit_tiles : UNIT_TILES;
    const int64_t round_units = cut->round_units ? cut->round_units : halves_evenly(s->out_c, vl) ? 1 : 2;
    WinogradPlan p = {.outputs = outputs, .block_h = block_of(s->out_h, outputs), .block_w = block_of(s->out_w, outputs)};
    const int64_t tiles = p.block_h / outputs * (p.block_w / outputs), blocks = blocks_of(s, &p);
    const int64_t units = ceil_div(blocks * tiles, unit_tiles);
    p.unit_blocks = ceil_div(blocks, units);
    p.round_blocks = p.unit_blocks * min(ceil_div(blocks, p.unit_blocks), round_units);
    p.loads = blocks * (p.block_h + 2) * (p.block_w + 2) * s->in_c;
    p.scratch = scratch_of(s, &p, vl);
    return p;
}

static double cost(const ConvShape *s, const WinogradPlan *p, int vl)
{
    const double columns = (double)(vectors_of(s->out_c, vl) * vl), channels = (double)s->in_c;
    const double blocks = (double)blocks_of(s, p), units = (double)ceil_div(blocks_of(s, p), p->unit_blocks);
    const double tiles = blocks * (double)(p->block_h / p->outputs * (p->block_w / p->outputs));
    return (double)positions_of(p->outputs)
           * (2 * tiles * channels * columns + units * WEIGHT * channels * columns + tiles * (PIXEL * channels + SUM * columns));
}

WinogradPlan winograd_plan(const ConvShape *s, int64_t more_c, int vl, int rate)
{
    ConvShape one = *s;             /* image: the batch must not change what each is computed by */
    int64_t best = 0;
    if (!winograd_serves(s))
        return (WinogradPlan){0};
    one.batch = 1;
    const double outputs_of_all = (double)(s->out_h * s->out_w) * (double)(vectors_of(s->out_c, vl) * vl);
    const double shortcut = rate > 1 ? 2 * outputs_of_all * (double)more_c : 0;     /* else it is the same beside either */
    double least = (18 * outputs_of_all * (double)s->in_c + shortcut) / rate - shortcut * MORE / 100;
    for (int64_t outputs = 2; outputs <= 4; outputs += 2) {
        const WinogradPlan p = winograd_cut(&one, &(WinogradCut){.outputs = outputs}, vl);
        if (cost(&one, &p, vl) < least) {
            least = cost(&one, &p, vl);
            best = outputs;
        }
    }
    return best ? winograd_cut(s, &(WinogradCut){.outputs = best}, vl) : (WinogradPlan){0};
}

/* Transformed weights are read from memory once and from a cache for each further unit, which is less than transforming
 * them anew; where there is one unit, reading four times the bytes is more than that. */
bool winograd_stores(const ConvShape *s, const WinogradPlan *p)
{
    return p->outputs && blocks_of(s, p) > p->unit_blocks;
}
