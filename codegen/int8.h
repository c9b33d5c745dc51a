/* int8.h: products and convolutions of 8-bit integers. */
#ifndef SDC_INT8_H
#define SDC_INT8_H

#include "bf16_pack.h"
#include "matmul.h"

/* Is a of 8-bit codes, as gemm_int8.h reads them, and b stored in 8 bits with a scale a column? */
bool multiplies_codes(const Lowering *l, const Product *p);

/* Is what n multiplies codes, kept in 8 bits or, as they are or in its prologue, made of bf16, by weights that are stored
 * in 8 bits?  image: the type of what its kernel loads. */
bool convolves_codes(const Node *n, DType image);
/* Parameters of conv_int8.h, and its weights. */
Bf16Plan conv_int8_plan(const ConvShape *s, int64_t more_c);
View packed_conv_codes(Lowering *l, const Node *n, const ConvShape *s);

#endif
