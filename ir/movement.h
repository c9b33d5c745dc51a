/* movement.h: what the operators that only move data do to each axis.
 *
 * Shape rules make these from the node's attributes and constant operands, which validates them; evaluators and
 * lowerings make the same ones again and never look at the operands themselves.  Entries per axis, in ONNX order. */
#ifndef SDC_MOVEMENT_H
#define SDC_MOVEMENT_H

#include "sdc.h"

/* Result index k reads source index start + k * step. */
typedef struct {
    int rank;
    int64_t start[MAX_RANK], step[MAX_RANK], count[MAX_RANK];
} Range;

typedef enum { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP } PadMode;

/* First the source is cropped to [start, start + count), then before/after elements are put around that. */
typedef struct {
    PadMode mode;
    int rank;
    int64_t start[MAX_RANK], count[MAX_RANK], before[MAX_RANK], after[MAX_RANK];
} Padding;

Range slice_range(const Node *n);               /* Slice */
Padding pad_padding(const Node *n);             /* Pad; negative pads are the crop */
Padding center_padding(const Node *n);          /* CenterCropPad */
int split_sizes(const Node *n, int64_t *size);  /* Split: the axis; size has n->n_out entries */
void tile_repeats(const Node *n, int64_t *repeats);                  /* Tile: one an axis */
/* Index in 0..count-1 that shows at position `at`, which may be < 0 or >= count; -1: the constant. */
int64_t pad_source(PadMode mode, int64_t at, int64_t count);

#endif
