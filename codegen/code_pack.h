/* code_pack.h: constant operands that kernels read as integers with scales, in the forms of codegen/kernels/c/codes.h
 * and codes_bf16.h. */
#ifndef SDC_CODE_PACK_H
#define SDC_CODE_PACK_H

#include "conv_pack.h"

/* How floats become codes; group: depths that share a scale, 0: all. */
typedef struct { int bits; int64_t group; } CodeType;

/* Where codes lie and what they stand for: code k, counted in codes from the buffer's begin, at
 *      to + k / n * n * width + k % n      n = 32 / bits codes of a word
 * is that of the constant's element from + k * step; scale: where the group's lies, counted in bf16.  Kernels that are
 * transformed for Winograd count as codes of 32 bits, in the first position; scale: floats from one position to the next. */
typedef struct { int64_t to, width, from, step, count, scale; } CodeRun;

/* What is told about each place of a buffer: first group(), whose run has no `to`, then run() for all of its elements.
 * at, from: bytes and elements before those of a matrix among several. */
typedef struct CodeSink {
    void (*group)(void *context, const CodeRun *r);
    void (*run)(void *context, const CodeRun *r);
    void *context;
    int64_t at, from;
} CodeSink;

/* The sink that packs: codes and scales of w to dst, which is zeros. */
typedef struct { void *dst; const float *w; int bits; } CodePacking;
CodeSink packing_sink(CodePacking *p);

/* b [depth][columns], or [columns][depth] when transposed, with `row` elements from one row to the next, to dst,
 * pack_codes_bytes() long: a multiple of 64. */
int64_t pack_codes_bytes(int64_t depth, int64_t columns, int vl, CodeType type);
void code_places(const CodeSink *sink, int64_t depth, int64_t columns, int64_t row, bool transposed, int vl,
                 CodeType type);
void pack_codes(void *dst, const float *b, int64_t depth, int64_t columns, int64_t row, bool transposed, int vl,
                CodeType type);

/* The same for gemm_bf16.h, whose slices are 32 depths, or gemm_int8.h, 64. */
int64_t pack_codes_bf16_bytes(int64_t depth, int64_t columns, int slice, CodeType type);
void code_places_bf16(const CodeSink *sink, int64_t depth, int64_t columns, int64_t row, bool transposed, int slice,
                      CodeType type);
void pack_codes_bf16(void *dst, const float *b, int64_t depth, int64_t columns, int64_t row, bool transposed, int slice,
                     CodeType type);

/* Those of conv.h and conv_winograd.h: of w [out_c][in_c][kernel_h][kernel_w] to [panel][chunk][kernel_h][kernel_w][word of the
 * chunk's channels][vector of the panel][vl], and scales [panel][kernel_h][kernel_w][group][vector of the panel][vl]. */
int64_t pack_conv_codes_bytes(const ConvShape *s, int vl, CodeType type);
void conv_code_places(const CodeSink *sink, const ConvShape *s, int vl, CodeType type);

#endif
