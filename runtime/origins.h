/* origins.h: the section "origins": which module's weight each packed element is, so that a LoRA can be added to an
 * executable that was compiled without it.  Written by codegen/origins.c, read by lora.c.
 *
 *      SdcOriginsHeader | SdcOrigin[origins] | SdcLayout[layouts] | SdcNest[nests] | text[text_bytes]
 *
 * A module's weight is W[outputs][inputs][height][width] as PyTorch has it, of a product [outputs][inputs][1][1].  An
 * origin is a box of it that went into one packed constant:
 *
 *      constant[base + (o - first[0]) * stride[0] + (i - first[1]) * stride[1] + ...] = factor * W[o][i][y][x]
 *
 * and the constant's layout says where its elements were packed: nests of loops over counts,
 *
 *      packed[to + sum of k * to_step[level]] = constant[from + sum of k * from_step[level]]
 *
 * elements everywhere.  A weight may have several origins: its halves, or copies in other layouts.
 *
 * Where the layout has bits, `to` counts codes of so many bits (weight_code.h), and a second list of nests, whose innermost
 * loops are groups, says with to_step 0 which scale, counted in bf16, belongs to which elements.  Where it has a side, the
 * elements are 3x3 kernels, transformed for Winograd's convolution to side x side floats: `from` is a kernel's first element,
 * the innermost loop walks over the positions. */
#ifndef SDC_ORIGINS_H
#define SDC_ORIGINS_H

#include <stdint.h>

enum { SDC_ORIGIN_AXES = 4, SDC_NEST_LEVELS = 8 };

typedef struct SdcOriginsHeader { int64_t origins, layouts, nests, text_bytes; } SdcOriginsHeader;

typedef struct SdcOrigin {
    int32_t component, module, reason;      /* in the text; reason: why nothing can be added here, 0: it can */
    int32_t dtype;                          /* of the packed elements */
    int32_t layout, table;                  /* table: rows of an embedding, [rows][elements of a row][1][1] */
    int64_t dim[SDC_ORIGIN_AXES];           /* of the whole weight */
    int64_t first[SDC_ORIGIN_AXES], count[SDC_ORIGIN_AXES], stride[SDC_ORIGIN_AXES], base;
    int64_t offset, bytes;                  /* of the packed constant, in the section "weights" */
    double factor;
} SdcOrigin;

enum { SDC_KERNEL_SIDE = 3, SDC_SIDE = 6 };         /* of a kernel; at most, of a transformed one */

typedef struct SdcLayout {
    int64_t nest, nests, elements;                  /* the first nest; elements of the constant */
    int64_t scale, scales;                          /* the first nest of scales, and how many */
    int32_t bits, side;                             /* 0: elements as they are */
    float transform[SDC_SIDE][SDC_KERNEL_SIDE];     /* of a column of the kernel */
} SdcLayout;

typedef struct SdcNest {
    int64_t to, from, levels;
    int64_t count[SDC_NEST_LEVELS], to_step[SDC_NEST_LEVELS], from_step[SDC_NEST_LEVELS];   /* the innermost first */
} SdcNest;

#endif
