/* conv_parts.h: the parameters that both kernels of conv_case.h have. */
#define BATCH PICK(1, CASE)
#define IN_H PICK(2, CASE)
#define IN_W PICK(3, CASE)
#define IN_C PICK(4, CASE)
#define OUT_H PICK(5, CASE)
#define OUT_W PICK(6, CASE)
#define OUT_C PICK(7, CASE)
#define KERNEL_H PICK(8, CASE)
#define KERNEL_W PICK(9, CASE)
#define STRIDE_H PICK(10, CASE)
#define STRIDE_W PICK(10, CASE)
#define PAD_TOP PICK(11, CASE)
#define PAD_LEFT PICK(12, CASE)
#define DILATION_H PICK(13, CASE)
#define DILATION_W PICK(13, CASE)
#define BLOCK_H PICK(1, CUT)
#define BLOCK_W PICK(2, CUT)
#define UNIT_PANELS PICK(5, CUT)
#define UP_H TIMES
#define UP_W TIMES
#define HAS_BIAS 1
#define BESIDE(X) X(beside)
#define FIRST_C FIRST
#define LINES(X) X(lines)
#define LOAD_STEPS const float t0 = v > 0 ? v : 0;
#define LOADED t0
#define MORE(X) X(more, more_weights)
#define MORE_C SHORTCUT
#define MORE_BESIDE(X) X(more_beside)
#define MORE_FIRST_C SHORTCUT_FIRST
#define EXTRAS(X) X(0, f32, 1, (row) * (OUT_C))
#define STEPS
#define RESULT v + x0
#define SLOTS(X) X(slots)
