/* lora_delta.h: what an adapter adds to a weight, row by row, from the matrices of its file.
 *
 *      LoRA    up down                     LoHa    (a1 b1) * (a2 b2), element by element
 *      LoKr    w1 (x) w2, Kronecker's product, each a matrix of its own or a product a b
 *
 * A convolution's product may have a core in its middle (Tucker's form): sum of up[o][i] core[i][j][y][x] down[j][c].
 * (Hu et al. 2021; Hyeon-Woo et al. 2021; Yeh et al. 2023, whose LyCORIS is the reference for shapes.) */
#ifndef SDC_LORA_DELTA_H
#define SDC_LORA_DELTA_H

#include "lora_file.h"

/* up [outputs][rank] down [rank][inputs]; without up all of it, [outputs][inputs]. */
typedef struct SdcLowRank { float *up, *down; int64_t outputs, inputs, rank; } SdcLowRank;
typedef struct SdcDelta { SdcLowRank one, two; SdcForm form; } SdcDelta;

int sdc_delta_open(SdcDelta *d, const SdcAdapter *a);               /* SDC_ code, printed; close it in any case */
void sdc_delta_close(SdcDelta *d);
/* Elements [first, first + n) of row `output` of the file's weight [outputs][inputs], without its scale. */
void sdc_delta_row(const SdcDelta *d, int64_t output, int64_t first, float *row, int64_t n);

#endif
