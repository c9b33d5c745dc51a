/* dtype: the data types of tensors, and the conversions between them.
 *
 * Shared by the compiler, the runtime and the emitted kernels, so that all three round alike.  The enumerators equal
 * ONNX's TensorProto.DataType codes.  Sub-byte types (i4, u4, i2, u2, f4e2m1) are held one element a byte in memory
 * and packed only in files. */
#ifndef SDC_DTYPE_H
#define SDC_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    DT_NONE = 0,
#define DTYPE(NAME, text, code, bytes, bits, class) DT_##NAME = code,
#include "dtype.def"
#undef DTYPE
    DT_LIMIT = 32
} DType;

typedef struct {
    const char *name;  /* "f32"; NULL for a code that sdc does not know */
    int bytes;         /* of one element in memory */
    int bits;          /* of one element in a file */
    char class;        /* 'f' float, 'i' signed, 'u' unsigned, 'b' bool */
} DTypeInfo;

const DTypeInfo *dtype_info(DType type);     /* never NULL; .name is NULL when unknown */
DType dtype_by_name(const char *name);       /* DT_NONE when unknown */
static inline bool dtype_is_float(DType type) { return dtype_info(type)->class == 'f'; }
static inline bool dtype_is_half(DType type) { return type == DT_F16 || type == DT_BF16; }
/* Computed in f32. */
static inline bool dtype_is_single(DType type) { return type == DT_F32 || dtype_is_half(type); }

/* One element at p to double or to int64 (u64 keeps its bits), and back.  Stores round to nearest even; floats
 * that an integer type can not hold saturate (NaN gives 0); integers wrap.  float8 saturates as ONNX Cast's default. */
double dtype_load_f(DType type, const void *p);
int64_t dtype_load_i(DType type, const void *p);
void dtype_store_f(DType type, void *p, double v);
void dtype_store_i(DType type, void *p, int64_t v);

#endif
