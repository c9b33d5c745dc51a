/* test_narrow.c: kernels on f16 and bf16 against themselves on f32: with the same values in its operands, a kernel that
 * stores a narrow type gives what the f32 one gives, rounded once.  Norms may be contracted otherwise: one unit in the
 * last place.  Operands hold denormals, and the first row of x infinity and NaN where a kernel mixes no rows. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../codegen/conv_pack.h"
#include "isa.h"
#include "kernel.h"

#define TYPE f32
#include "narrow_case.h"
#define TYPE f16
#include "narrow_case.h"
#define TYPE bf16
#include "narrow_case.h"

typedef enum { F16, BF16, TYPES } Type;

/* The same values in both types. */
typedef struct { float *wide; uint16_t *narrow; int64_t count; } Data;

static float widened(uint16_t x, Type type) { return type == F16 ? ld_f16(x) : ld_bf16(x); }
static uint16_t rounded(float x, Type type) { return type == F16 ? to_f16(x) : to_bf16(x); }

static Data random_data(int64_t count, Type type)
{
    Data d = {malloc((size_t)count * sizeof(float)), malloc((size_t)count * sizeof(uint16_t)), count};
    for (int64_t i = 0; i < count; i++) {
        float x = (float)(rand() % 2001 - 1000) / 700.0f;
        if (i % 101 == 100)
            x *= type == F16 ? 1e-7f : 1e-40f;
        d.narrow[i] = rounded(x, type);
        d.wide[i] = widened(d.narrow[i], type);
    }
    return d;
}

static void set(Data *d, int64_t at, float x, Type type)
{
    d->narrow[at] = rounded(x, type);
    d->wide[at] = widened(d->narrow[at], type);
}

static void drop(Data *d)
{
    free(d->wide);
    free(d->narrow);
}

/* Stored floats in units of the last place, in order. */
static int32_t ordered(uint16_t x) { return x & 0x8000 ? -(int32_t)(x & 0x7fff) : x; }

static void check(const char *name, const Data *y, Type type, int ulps)
{
    for (int64_t i = 0; i < y->count; i++) {
        const uint16_t want = rounded(y->wide[i], type), got = y->narrow[i];
        const bool both_nan = isnan(y->wide[i]) && isnan(widened(got, type));
        if (!both_nan && abs(ordered(want) - ordered(got)) > ulps)
            fail_msg("%s of %s: element %d is %g, the rounded f32 %g", name, type == F16 ? "f16" : "bf16", (int)i,
                     (double)widened(got, type), (double)widened(want, type));
    }
}

static void test_products(void **state)
{
    (void)state;
    SdcContext c = {.pool = sdc_pool_create(2)};
    for (Type type = 0; type < TYPES; type++) {
        enum { rows = 70, columns = 83, depth = 300 };
        Data a = random_data(rows * depth, type), b = random_data(depth * columns, type);
        Data bias = random_data(columns, type), added = random_data(rows * columns, type);
        Data y = random_data(rows * columns, type);
        set(&a, 0, INFINITY, type);
        set(&a, depth, NAN, type);
        set(&added, 5 * columns, -INFINITY, type);
        float *wide = malloc((size_t)pack_gemm_bytes(depth, columns, SDC_VL, 4));
        uint16_t *narrow = malloc((size_t)pack_gemm_bytes(depth, columns, SDC_VL, 2));
        pack_gemm(wide, b.wide, depth, columns, columns, false, SDC_VL, 4);
        pack_gemm(narrow, b.narrow, depth, columns, columns, false, SDC_VL, 2);
        gemm_f32(&c, y.wide, a.wide, wide, bias.wide, NULL, added.wide);
        (type == F16 ? gemm_f16 : gemm_bf16)(&c, y.narrow, a.narrow, narrow, bias.wide, NULL, added.narrow);
        check("gemm", &y, type, 0);
        y.count = 3 * 20;
        turned_f32(&c, y.wide, a.wide, b.wide, NULL, wide);
        (type == F16 ? turned_f16 : turned_bf16)(&c, y.narrow, a.narrow, b.narrow, NULL, wide);
        check("gemm that packs", &y, type, 0);
        drop(&a), drop(&b), drop(&bias), drop(&added), drop(&y), free(wide), free(narrow);
    }
    sdc_pool_destroy(c.pool);
}

typedef struct { float *wide; uint16_t *narrow; } Packed;

static Packed pack(const Data *w, const ConvShape *s)
{
    Packed p = {malloc((size_t)pack_conv_bytes(s, SDC_VL, 4)), malloc((size_t)pack_conv_bytes(s, SDC_VL, 2))};
    pack_conv(p.wide, w->wide, s, SDC_VL, 4);
    pack_conv(p.narrow, w->narrow, s, SDC_VL, 2);
    return p;
}

static void test_convolutions(void **state)
{
    (void)state;
    const ConvShape plain = {2, 7, 9, 70, 7, 9, 50, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0};
    const ConvShape wide = {1, 7, 9, 60, 7, 9, 20, 5, 5, 1, 1, 2, 2, 1, 1, 1, 0};
    const ConvShape deep = {1, 6, 5, 37, 6, 5, 37, 3, 3, 1, 1, 1, 1, 1, 1, 37, 0};
    SdcContext c = {.pool = sdc_pool_create(2)};
    for (Type type = 0; type < TYPES; type++) {
        Data x = random_data(2 * 7 * 9 * 70, type), w = random_data(50 * 70 * 25, type), y = random_data(2 * 63 * 50, type);
        Data bias = random_data(50, type);
        double *slots = malloc(2 * 3 * 2 * 2 * 50 * sizeof *slots);
        Packed p = pack(&w, &plain);
        conv_f32(&c, y.wide, x.wide, p.wide, bias.wide, slots);
        (type == F16 ? conv_f16 : conv_bf16)(&c, y.narrow, x.narrow, p.narrow, bias.wide, slots);
        check("conv 3x3", &y, type, 0);
        double mean = 0;                                    /* the first block's, of what was stored */
        for (int i = 0; i < 15; i++)
            mean += (double)widened(y.narrow[(i / 5 * 9 + i % 5) * 50], type) / 15;
        assert_true(fabs(mean - slots[0]) <= 1e-5 * (1 + fabs(mean)));
        free(p.wide), free(p.narrow);
        p = pack(&w, &wide);
        y.count = 63 * 20;
        wide_conv_f32(&c, y.wide, x.wide, p.wide, NULL);
        (type == F16 ? wide_conv_f16 : wide_conv_bf16)(&c, y.narrow, x.narrow, p.narrow, NULL);
        check("conv 5x5", &y, type, 0);
        free(p.wide), free(p.narrow);
        p = pack(&w, &deep);
        y.count = 30 * 37;
        depthwise_f32(&c, y.wide, x.wide, p.wide, NULL);
        (type == F16 ? depthwise_f16 : depthwise_bf16)(&c, y.narrow, x.narrow, p.narrow, NULL);
        check("depthwise", &y, type, 0);
        drop(&x), drop(&w), drop(&y), drop(&bias), free(slots), free(p.wide), free(p.narrow);
    }
    sdc_pool_destroy(c.pool);
}

static void test_attention(void **state)
{
    (void)state;
    SdcContext c = {.pool = sdc_pool_create(2)};
    for (Type type = 0; type < TYPES; type++) {
        Data q = random_data(19 * 48, type), k = random_data(45 * 48, type), v = random_data(45 * 40, type);
        Data mask = random_data(19 * 45, type), y = random_data(19 * 40, type);
        for (int64_t i = 0; i < 45; i++)
            set(&mask, 45 + i, -INFINITY, type);            /* the second query sees nothing */
        attention_f32(&c, y.wide, q.wide, k.wide, v.wide, mask.wide);
        (type == F16 ? attention_f16 : attention_bf16)(&c, y.narrow, q.narrow, k.narrow, v.narrow, mask.narrow);
        check("attention", &y, type, 0);
        drop(&q), drop(&k), drop(&v), drop(&mask), drop(&y);
    }
    sdc_pool_destroy(c.pool);
}

static void test_norms(void **state)
{
    (void)state;
    SdcContext c = {.pool = sdc_pool_create(2)};
    for (Type type = 0; type < TYPES; type++) {
        Data x = random_data(2 * 24 * 63, type), y = random_data(2 * 24 * 63, type), scale = random_data(131, type);
        double *sums = malloc(2 * 4 * 10 * 2 * sizeof *sums);
        float *lines = malloc(2 * 24 * 2 * sizeof *lines);
        last_norm_f32(&c, y.wide, x.wide, scale.wide, scale.wide, sums, lines);
        (type == F16 ? last_norm_f16 : last_norm_bf16)(&c, y.narrow, x.narrow, scale.wide, scale.wide, sums, lines);
        check("group norm, channels last", &y, type, 1);
        plane_norm_f32(&c, y.wide, x.wide, scale.wide, scale.wide, sums, lines);
        (type == F16 ? plane_norm_f16 : plane_norm_bf16)(&c, y.narrow, x.narrow, scale.wide, scale.wide, sums, lines);
        check("group norm", &y, type, 1);
        y.count = 21 * 131;
        row_norm_f32(&c, y.wide, NULL, NULL, x.wide, scale.wide, scale.wide);
        (type == F16 ? row_norm_f16 : row_norm_bf16)(&c, y.narrow, NULL, NULL, x.narrow, scale.wide, scale.wide);
        check("layer norm", &y, type, 1);
        drop(&x), drop(&y), drop(&scale), free(sums), free(lines);
    }
    sdc_pool_destroy(c.pool);
}

int main(void)
{
    skip_unless_cpu_fits();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products), cmocka_unit_test(test_convolutions),
                                       cmocka_unit_test(test_attention), cmocka_unit_test(test_norms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
