/* dtype.c: see dtype.h.  One row of functions a type, made from dtype_bits.h by the rows of dtype.def. */
#include "dtype.h"

#include "dtype_bits.h"

/* ---- the functions of one type ---------------------------------------------------------------------------------- */

/* TYPE: text of the row.  STORED: an element in memory.  LOAD(STORED): its value.  TO_INTEGER(value): as int64_t. */
#define ACCESS(TYPE, STORED, LOAD, TO_INTEGER)                                                                      \
    static double load_f_##TYPE(const void *p) { STORED x; memcpy(&x, p, sizeof x); return (double)LOAD(x); }       \
    static int64_t load_i_##TYPE(const void *p) { STORED x; memcpy(&x, p, sizeof x); return TO_INTEGER(LOAD(x)); }  \
    static void store_f_##TYPE(void *p, double v) { STORED x = dt_##TYPE##_from_d(v); memcpy(p, &x, sizeof x); }    \
    static void store_i_##TYPE(void *p, int64_t v) { STORED x = dt_##TYPE##_from_l(v); memcpy(p, &x, sizeof x); }

#define AS_IS(x) (x)
#define NOT_ZERO(x) ((x) != 0)
#define FROM_INTEGER(x) ((int64_t)(x))

ACCESS(f32, float, AS_IS, dt_i64_from_f)
ACCESS(f64, double, AS_IS, dt_i64_from_d)
ACCESS(f16, uint16_t, dt_load_f16, dt_i64_from_f)
ACCESS(bf16, uint16_t, dt_load_bf16, dt_i64_from_f)
ACCESS(f8e4m3, uint8_t, dt_load_f8e4m3, dt_i64_from_f)
ACCESS(f8e4m3z, uint8_t, dt_load_f8e4m3z, dt_i64_from_f)
ACCESS(f8e5m2, uint8_t, dt_load_f8e5m2, dt_i64_from_f)
ACCESS(f8e5m2z, uint8_t, dt_load_f8e5m2z, dt_i64_from_f)
ACCESS(f8e8m0, uint8_t, dt_load_f8e8m0, dt_i64_from_f)
ACCESS(f4e2m1, uint8_t, dt_load_f4e2m1, dt_i64_from_f)
ACCESS(i8, int8_t, AS_IS, FROM_INTEGER)
ACCESS(i16, int16_t, AS_IS, FROM_INTEGER)
ACCESS(i32, int32_t, AS_IS, FROM_INTEGER)
ACCESS(i64, int64_t, AS_IS, FROM_INTEGER)
ACCESS(u8, uint8_t, AS_IS, FROM_INTEGER)
ACCESS(u16, uint16_t, AS_IS, FROM_INTEGER)
ACCESS(u32, uint32_t, AS_IS, FROM_INTEGER)
ACCESS(u64, uint64_t, AS_IS, FROM_INTEGER)
ACCESS(i4, int8_t, AS_IS, FROM_INTEGER)
ACCESS(i2, int8_t, AS_IS, FROM_INTEGER)
ACCESS(u4, uint8_t, AS_IS, FROM_INTEGER)
ACCESS(u2, uint8_t, AS_IS, FROM_INTEGER)
ACCESS(bool, uint8_t, NOT_ZERO, FROM_INTEGER)

/* ---- the table -------------------------------------------------------------------------------------------------- */

typedef struct {
    double (*load_f)(const void *);
    int64_t (*load_i)(const void *);
    void (*store_f)(void *, double);
    void (*store_i)(void *, int64_t);
} Access;

static const DTypeInfo info_table[DT_LIMIT] = {
#define DTYPE(NAME, text, code, bytes, bits, class) [code] = {#text, bytes, bits, class},
#include "dtype.def"
#undef DTYPE
};

static const Access access_table[DT_LIMIT] = {
#define DTYPE(NAME, text, code, bytes, bits, class)                                                                    \
    [code] = {load_f_##text, load_i_##text, store_f_##text, store_i_##text},
#include "dtype.def"
#undef DTYPE
};

const DTypeInfo *dtype_info(DType type)
{
    return &info_table[(unsigned)type < DT_LIMIT ? type : DT_NONE];
}

DType dtype_by_name(const char *name)
{
    for (int code = 0; code < DT_LIMIT; code++)
        if (info_table[code].name && strcmp(info_table[code].name, name) == 0)
            return (DType)code;
    return DT_NONE;
}

double dtype_load_f(DType type, const void *p) { return access_table[type].load_f(p); }
int64_t dtype_load_i(DType type, const void *p) { return access_table[type].load_i(p); }
void dtype_store_f(DType type, void *p, double v) { access_table[type].store_f(p, v); }
void dtype_store_i(DType type, void *p, int64_t v) { access_table[type].store_i(p, v); }
