/* conv_parameters.h: the defaults of what conv.h, conv_winograd.h and conv_depthwise.h have in common; conv_end.h ends them. */
#ifndef TY
#define TY f32
#endif
#ifndef TX
#define TX f32
#endif
#ifndef TW
#define TW f32
#endif
#ifndef STRIDE_H
#define STRIDE_H 1
#endif
#ifndef STRIDE_W
#define STRIDE_W 1
#endif
#ifndef PAD_TOP
#define PAD_TOP 0
#endif
#ifndef PAD_LEFT
#define PAD_LEFT 0
#endif
#ifndef DILATION_H
#define DILATION_H 1
#endif
#ifndef DILATION_W
#define DILATION_W 1
#endif
#ifndef HAS_BIAS
#define HAS_BIAS 0
#endif
