/* weight_code.h: weights that are stored in integers of `bits` bits, symmetric: for the oracle, for packing and for what a LoRA changes.  Each is
 * code * scale.  A scale, a bfloat16, is that of a group, whose largest magnitude gets the largest code; the product of the
 * two is exact in f32. */
#ifndef SDC_WEIGHT_CODE_H
#define SDC_WEIGHT_CODE_H

float weight_scale(double largest, int bits);
int weight_code(double weight, float scale, int bits);      /* to nearest even */

#endif
