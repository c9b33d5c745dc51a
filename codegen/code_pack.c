/* code_pack.c: see code_pack.h.  What a code is, and the scale of a group, ir/weight_code.h says, for the oracle too. */
#include "code_pack.h"

#include <math.h>
#include <string.h>

#include "../ir/weight_code.h"
#include "../runtime/dtype_bits.h"

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }

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

/* One column's `count` depths, `step` apart; words lie `width` apart. */
static uint16_t pack_group(uint32_t *words, const float *b, int64_t count, int64_t step, int64_t width, int bits)
{
    double largest = 0;
    for (int64_t k = 0; k < count; k++)
        largest = fmax(largest, fabs((double)b[k * step]));
    const float scale = weight_scale(largest, bits);
    for (int64_t k = 0; k < count; k++) {
        const uint32_t code = (uint32_t)weight_code((double)b[k * step], scale, bits) & ((1u << bits) - 1);
        words[k * bits / 32 * width] |= code << k * bits % 32;
    }
    return dt_bf16_from_f(scale);
}

void pack_codes(void *dst, const float *b, int64_t depth, int64_t columns, int64_t row, bool transposed, int vl,
                CodeType type)
{
    const int64_t step = transposed ? 1 : row, step_column = transposed ? row : 1, bytes = pack_codes_bytes(depth, columns, vl, type);
    const int64_t group = type.group ? type.group : depth, groups = groups_of(depth, type.group);
    uint32_t *words = memset(dst, 0, (size_t)bytes);
    uint16_t *scales = (uint16_t *)(void *)((char *)dst + code_bytes(depth, columns, vl, type.bits));
    for (int64_t panel = 0; panel < panels_of(columns, vl); panel++) {
        const int64_t begin = panel_begin(panel, columns, vl) * vl, end = panel_begin(panel + 1, columns, vl) * vl, width = end - begin;
        for (int64_t j = 0; j < min(end, columns) - begin; j++)
            for (int64_t g = 0; g < groups; g++)
                scales[g * width + j] = pack_group(words + g * group * type.bits / 32 * width + j,
                                                   b + g * group * step + (begin + j) * step_column,
                                                   min(group, depth - g * group), step, width, type.bits);
        words += code_bytes(depth, width, vl, type.bits) / 4;
        scales += groups * width;
    }
}
