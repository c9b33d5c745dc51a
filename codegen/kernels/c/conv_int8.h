/* conv_int8.h: the convolution of conv_bf16.h of 8-bit integers with 32-bit sums, each output channel's times its scale.
 *
 * Parameters and operands are those of conv_bf16.h, and
 *
 *   TX                    i8: x and `beside` are codes; bf16: codes are what LINES makes of them, or they as they are
 *
 * weights: written by pack_conv_codes().  A slice of a packed image is 64 channels in the place of 32.  The products of a
 * shortcut are of bf16, and are added to what the scales make of the sums. */
#define INT8 1
#include "conv_bf16.h"
