/* conv_pack.h: the constant operands of conv.h, conv_depthwise.h and gemm.h, written by the compiler in the form that
 * those read.
 *
 * The form depends on the vector width of the target (vl: 16 for AVX-512, 8 for AVX2, 4 for SSE and AArch64), never on
 * the machine that packs, and not on the extents of an image, so that several sizes share one packed weight.  Panels
 * are described in tile.h. */
#ifndef SDC_CONV_PACK_H
#define SDC_CONV_PACK_H

#include <stdbool.h>
#include <stdint.h>

static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }

/* A 2-d convolution; a 1-d one has in_h = out_h = kernel_h = 1.  The bottom and right padding follow from the output's
 * extents. */
typedef struct {
    int64_t batch, in_h, in_w, in_c, out_h, out_w, out_c;
    int64_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w;
    int64_t groups;
    int64_t codes;                  /* 1: weights are stored in integers (code_pack.h), so chunks are of whole groups */
} ConvShape;

/* The cut of conv.h: CHUNK, BLOCK_H, BLOCK_W, UNIT_PANELS; stack_bytes is what one unit keeps on its thread's stack,
 * loads the floats that all units gather.  normalises: what is gathered is then worked on (load.h), so a patch shall
 * serve more panels, and more pixels, of which fewer are a halo then. */
typedef struct { int64_t chunk, block_h, block_w, unit_panels, stack_bytes, loads; } ConvPlan;
ConvPlan conv_plan(const ConvShape *s, int vl, bool normalises);

/* Channels that a chunk of codes is a multiple of: they divide groups, and are whole words. */
enum { CODE_CHUNK = 32 };

/* Can the weights be stored in integers?  Not where an output reaches over too many pixels. */
bool conv_takes_codes(const ConvShape *s);

/* What the weights' format depends on; the rest is 1.  Packing by it alone lets programs for other batches and sizes share them. */
ConvShape conv_format(const ConvShape *s);

/* True where conv_depthwise.h is to be used: one input and one output channel a group. */
bool conv_is_depthwise(const ConvShape *s);

/* Vectors of `columns`, panels of those, and a panel's first vector: the arithmetic of tile.h for any vector width. */
int64_t vectors_of(int64_t columns, int vl);
int64_t panels_of(int64_t columns, int vl);
int64_t panel_begin(int64_t panel, int64_t columns, int vl);

/* w [out_c][in_c / groups][kernel_h][kernel_w] to dst, pack_conv_bytes() long; `bytes` an element, 4 or 2.
 *      conv.h            [group][panel][chunk][kernel_h][kernel_w][channel of the chunk][vector of the panel][vl]
 *      conv_depthwise.h  [kernel_h][kernel_w][out_c] */
int64_t pack_conv_bytes(const ConvShape *s, int vl, int bytes);
void pack_conv(void *dst, const void *w, const ConvShape *s, int vl, int bytes);

/* b [depth][columns], or [columns][depth] when transposed, with `row` elements from one row to the next, to dst,
 * pack_gemm_bytes() long: [panel][depth][vector of the panel][vl].  Matrices of a batch follow each other. */
int64_t pack_gemm_bytes(int64_t depth, int64_t columns, int vl, int bytes);
void pack_gemm(void *dst, const void *b, int64_t depth, int64_t columns, int64_t row, bool transposed, int vl,
               int bytes);

#endif
