/* weight_code.c: see weight_code.h. */
#include "weight_code.h"

#include <math.h>

#include "dtype_bits.h"

static int largest_code(int bits)
{
    return (1 << (bits - 1)) - 1;
}

float weight_scale(double largest, int bits)
{
    return dt_load_bf16(dt_bf16_from_d(largest / largest_code(bits)));
}

int weight_code(double weight, float scale, int bits)
{
    const int most = largest_code(bits);
    const double code = scale > 0 ? nearbyint(weight / (double)scale) : 0;
    return code > most ? most : code > -most ? (int)code : -most;           /* the last: of NaN too */
}
