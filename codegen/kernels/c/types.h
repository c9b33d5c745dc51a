/* types.h: the data types as kernels see them.
 *
 * For every row TYPE of runtime/dtype.def:
 *
 *      st_TYPE            how one element lies in memory (sub-byte types: one element a byte)
 *      ct_TYPE            what it is computed with: float for f16, bf16 and narrower floats, itself for the rest
 *      ld_TYPE(st) -> ct  to_TYPE(ct) -> st          exact, and rounded as dtype_bits.h says
 *      to_f8xxx_nosat     ONNX Cast's saturate=0;    f8e8m0 with other rounding modes: dt_f8e8m0_round()
 *
 * and SDC_CAST(FROM, TO, x): a ct_FROM as st_TO under the rules of ONNX Cast.  All of it is inline and free of
 * branches, so that loops over it vectorise. */
#ifndef SDC_TYPES_H
#define SDC_TYPES_H

#include "dtype_bits.h"

/* Types whose arithmetic is their own: SDC_SAME(TYPE, C type). */
#define SDC_SAME(TYPE, T)                                \
    typedef T st_##TYPE;                                 \
    typedef T ct_##TYPE;                                 \
    static inline T ld_##TYPE(T x) { return x; }         \
    static inline T to_##TYPE(T x) { return x; }
SDC_SAME(f32, float)
SDC_SAME(f64, double)
SDC_SAME(i8, int8_t)
SDC_SAME(i16, int16_t)
SDC_SAME(i32, int32_t)
SDC_SAME(i64, int64_t)
SDC_SAME(u8, uint8_t)
SDC_SAME(u16, uint16_t)
SDC_SAME(u32, uint32_t)
SDC_SAME(u64, uint64_t)
#undef SDC_SAME

/* Floats computed as float: SDC_NARROW(TYPE, stored as). */
#define SDC_NARROW(TYPE, T)                                              \
    typedef T st_##TYPE;                                                 \
    typedef float ct_##TYPE;                                             \
    static inline float ld_##TYPE(T x) { return dt_load_##TYPE(x); }     \
    static inline T to_##TYPE(float x) { return dt_##TYPE##_from_f(x); }
SDC_NARROW(f16, uint16_t)
SDC_NARROW(bf16, uint16_t)
SDC_NARROW(f8e4m3, uint8_t)
SDC_NARROW(f8e4m3z, uint8_t)
SDC_NARROW(f8e5m2, uint8_t)
SDC_NARROW(f8e5m2z, uint8_t)
SDC_NARROW(f8e8m0, uint8_t)
SDC_NARROW(f4e2m1, uint8_t)
#undef SDC_NARROW

static inline uint8_t to_f8e4m3_nosat(float x) { return dt_f8e4m3_from_f_nosat(x); }
static inline uint8_t to_f8e4m3z_nosat(float x) { return dt_f8e4m3z_from_f_nosat(x); }
static inline uint8_t to_f8e5m2_nosat(float x) { return dt_f8e5m2_from_f_nosat(x); }
static inline uint8_t to_f8e5m2z_nosat(float x) { return dt_f8e5m2z_from_f_nosat(x); }
static inline uint8_t to_f8e8m0_nosat(float x) { return dt_f8e8m0_round(x, DT_ROUND_NEAREST, false); }

/* Sub-byte integers: stored and computed in a byte; storing wraps to their bits. */
#define SDC_SUB_BYTE(TYPE, T)                            \
    typedef T st_##TYPE;                                 \
    typedef T ct_##TYPE;                                 \
    static inline T ld_##TYPE(T x) { return x; }         \
    static inline T to_##TYPE(T x) { return dt_##TYPE##_from_w(x); }
SDC_SUB_BYTE(i4, int8_t)
SDC_SUB_BYTE(i2, int8_t)
SDC_SUB_BYTE(u4, uint8_t)
SDC_SUB_BYTE(u2, uint8_t)
#undef SDC_SUB_BYTE

/* A stored bool is any byte: one read from a file may be neither 0 nor 1. */
typedef uint8_t st_bool;
typedef bool ct_bool;
static inline bool ld_bool(uint8_t x) { return x != 0; }
static inline uint8_t to_bool(bool x) { return x; }

/* Class of ct_TYPE as a source, as dtype_bits.h names them. */
#define SDC_SOURCE_f32 f
#define SDC_SOURCE_f16 f
#define SDC_SOURCE_bf16 f
#define SDC_SOURCE_f8e4m3 f
#define SDC_SOURCE_f8e4m3z f
#define SDC_SOURCE_f8e5m2 f
#define SDC_SOURCE_f8e5m2z f
#define SDC_SOURCE_f8e8m0 f
#define SDC_SOURCE_f4e2m1 f
#define SDC_SOURCE_f64 d
#define SDC_SOURCE_i8 w
#define SDC_SOURCE_i16 w
#define SDC_SOURCE_i32 w
#define SDC_SOURCE_u8 w
#define SDC_SOURCE_u16 w
#define SDC_SOURCE_i4 w
#define SDC_SOURCE_i2 w
#define SDC_SOURCE_u4 w
#define SDC_SOURCE_u2 w
#define SDC_SOURCE_bool w
#define SDC_SOURCE_u32 l
#define SDC_SOURCE_i64 l
#define SDC_SOURCE_u64 u

/* Templates get a type as a macro, and by the time it is pasted <stdbool.h> has turned bool into _Bool. */
#define st__Bool st_bool
#define ct__Bool ct_bool
#define ld__Bool ld_bool
#define to__Bool to_bool
#define SDC_SOURCE__Bool w
#define dt__Bool_from_f dt_bool_from_f
#define dt__Bool_from_d dt_bool_from_d
#define dt__Bool_from_w dt_bool_from_w
#define dt__Bool_from_l dt_bool_from_l
#define dt__Bool_from_u dt_bool_from_u

#define SDC_CAST_3(SOURCE, TO, x) dt_##TO##_from_##SOURCE(x)
#define SDC_CAST_2(SOURCE, TO, x) SDC_CAST_3(SOURCE, TO, x)
#define SDC_CAST_1(FROM, TO, x) SDC_CAST_2(SDC_SOURCE_##FROM, TO, x)
#define SDC_CAST(FROM, TO, x) SDC_CAST_1(FROM, TO, x)

#endif
