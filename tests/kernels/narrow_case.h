/* narrow_case.h: one instance of each template of test_narrow.c, with operands of type TYPE. */
#define NAME SDC_CAT(gemm_, TYPE)
#define TY TYPE
#define TA TYPE
#define TB TYPE
#define ROWS 70
#define COLUMNS 83
#define DEPTH 300
#define HAS_BIAS 1
#define EXTRAS(X) X(0, TYPE, 1, (row) * 83)
#define STEPS
#define RESULT v + x0
#include "gemm.h"

#define NAME SDC_CAT(turned_, TYPE)
#define TY TYPE
#define TA TYPE
#define TB TYPE
#define ROWS 3
#define COLUMNS 20
#define DEPTH 37
#define B_FORM SDC_B_COLUMNS
#include "finish.h"
#include "gemm.h"

/* A kernel whose rows of taps are widened together, and one of which every tap is. */
#define NAME SDC_CAT(conv_, TYPE)
#define TY TYPE
#define TX TYPE
#define TW TYPE
#define BATCH 2
#define IN_H 7
#define IN_W 9
#define IN_C 70
#define OUT_H 7
#define OUT_W 9
#define OUT_C 50
#define KERNEL_H 3
#define KERNEL_W 3
#define PAD_TOP 1
#define PAD_LEFT 1
#define CHUNK 35
#define BLOCK_H 3
#define BLOCK_W 5
#define UNIT_PANELS 2
#define HAS_BIAS 1
#define SLOTS(X) X(slots)
#define EXTRAS(X)
#define STEPS
#define RESULT v
#include "conv.h"

#define NAME SDC_CAT(wide_conv_, TYPE)
#define TY TYPE
#define TX TYPE
#define TW TYPE
#define BATCH 1
#define IN_H 7
#define IN_W 9
#define IN_C 60
#define OUT_H 7
#define OUT_W 9
#define OUT_C 20
#define KERNEL_H 5
#define KERNEL_W 5
#define PAD_TOP 2
#define PAD_LEFT 2
#define CHUNK 60
#define BLOCK_H 4
#define BLOCK_W 9
#define UNIT_PANELS 1
#include "finish.h"
#include "conv.h"

#define NAME SDC_CAT(depthwise_, TYPE)
#define TY TYPE
#define TX TYPE
#define TW TYPE
#define BATCH 1
#define IN_H 6
#define IN_W 5
#define OUT_H 6
#define OUT_W 5
#define CHANNELS 37
#define KERNEL_H 3
#define KERNEL_W 3
#define PAD_TOP 1
#define PAD_LEFT 1
#include "finish.h"
#include "conv_depthwise.h"

#define NAME SDC_CAT(attention_, TYPE)
#define TY TYPE
#define TQ TYPE
#define TK TYPE
#define TV TYPE
#define TM TYPE
#define BATCH 1
#define HEADS 2
#define QUERIES 19
#define KEYS 45
#define SIZE 24
#define V_SIZE 20
#define SCALE 0.2
#define Q_ROW 48
#define Q_HEAD 24
#define Q_BATCH 0
#define K_ROW 48
#define K_HEAD 24
#define K_BATCH 0
#define V_ROW 40
#define V_HEAD 20
#define V_BATCH 0
#define Y_ROW 40
#define Y_HEAD 20
#define Y_BATCH 0
#define HAS_MASK 1
#define MASK_KEY 1
#define MASK_ROW 45
#define MASK_HEAD 0
#define MASK_BATCH 0
#include "attention.h"

#define NAME SDC_CAT(last_norm_, TYPE)
#define T f32
#define TY TYPE
#define TX TYPE
#define BATCH 2
#define CHANNELS 24
#define AREA 63
#define GROUPS 4
#define LAST 1
#define BLOCK 20
#define EPSILON 1e-5
#define APPLY 1
#include "finish.h"
#include "group_norm.h"

#define NAME SDC_CAT(plane_norm_, TYPE)
#define T f32
#define TY TYPE
#define TX TYPE
#define BATCH 2
#define CHANNELS 24
#define AREA 63
#define GROUPS 4
#define LAST 0
#define BLOCK 100
#define EPSILON 1e-5
#define APPLY 1
#include "finish.h"
#include "group_norm.h"

#define NAME SDC_CAT(row_norm_, TYPE)
#define T f32
#define TY TYPE
#define TX TYPE
#define U f32
#define WITH_MEAN 0
#define WITH_INVERSE 0
#define ROWS 21
#define N 131
#define CENTRED 1
#define EPSILON 1e-5
#define SCALE_ROW 0
#define HAS_BIAS 1
#define BIAS_ROW 0
#include "finish.h"
#include "layer_norm.h"
#undef TYPE
