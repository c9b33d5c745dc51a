/* test_random: seeded noise against torch's own draws.
 *
 *      test_random SOURCE_FOLDER
 *
 * A few recorded draws are below; with SOURCE_FOLDER/../shared/data/rng/torch_cpu_randn.npz all of its float32 draws
 * are compared, and the float16 ones of whole blocks or fewer than one, which are the float32 ones rounded (for other
 * sizes torch draws fewer uniforms in float16).  Normals to 2e-6 (torch's own vector log, sin and cos differ in their
 * last bits between machines), uniforms exactly. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime.h"

enum { PATH = 1024, MOST = 65536 };

static char npz[PATH];
static float drawn[MOST];

static void expect_normals(const float *got, const float *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        assert_true(fabsf(got[i] - want[i]) <= 2e-6f);
}

static void expect_draw(uint64_t seed, const float *want, int64_t n)
{
    SdcRandom r;
    sdc_random_seed(&r, seed);
    sdc_random_normal(&r, drawn, n);
    expect_normals(drawn, want, n);
}

static void few_are_drawn_one_at_a_time(void **state)
{
    (void)state;
    static const float want[] = {
        0.336690366f, 0.128809407f, 0.234462366f, 0.23033303f, -1.12285638f, -0.186328292f, 2.20820141f, -0.637997031f,
    };
    expect_draw(42, want, 8);
}

static void many_are_drawn_in_blocks_and_the_tail_again(void **state)
{
    (void)state;
    static const float want[] = {
        1.92691529f, -0.159597471f, -0.497397542f, 0.439589262f, -0.758131146f, 1.07831764f, 0.800800562f, 1.68062055f,
        0.355859905f, 1.29642284f, 0.61046648f, 1.33473778f, -0.23162432f, 0.041759491f, -0.251575291f, 0.859858513f,
        -0.309726775f,
    };
    expect_draw(42, want, 17);
    expect_draw(42 + (1ull << 32), want, 17);    /* the low half of the seed counts */
}

static void uniforms_are_equal(void **state)
{
    (void)state;
    static const float want[] = {
        0.882269263f, 0.915003955f, 0.38286376f, 0.959305644f, 0.390448213f, 0.600895345f, 0.256572485f, 0.793641329f,
    };
    SdcRandom r;
    sdc_random_seed(&r, 42);
    sdc_random_uniform(&r, drawn, 8);
    assert_memory_equal(drawn, want, sizeof want);
}

static void twister_follows_its_reference(void **state)
{
    (void)state;
    SdcRandom r;
    sdc_random_seed(&r, 5489);    /* the C++ standard gives the 10000th value of this seed */
    for (int i = 0; i < 9999; i++)
        sdc_random_u32(&r);
    assert_int_equal(sdc_random_u32(&r), 4123659995u);
}

/* ---- the recorded file ------------------------------------------------------------------------------------------- */

/* The array as float into out[MOST]; its length. */
static int64_t recorded(const char *name, float *out)
{
    SdcArray a = { 0 };
    assert_int_equal(sdc_array_read(&a, npz, name), SDC_OK);
    assert_true(a.count <= MOST);
    for (int64_t i = 0; i < a.count; i++)
        out[i] = (float)dtype_load_f(a.dtype, (const char *)a.data + i * dtype_info(a.dtype)->bytes);
    int64_t n = a.count;
    sdc_array_free(&a);
    return n;
}

static bool is_there(void)
{
    if (access(npz, R_OK) == 0)
        return true;
    printf("skipped: %s is not there\n", npz);
    return false;
}

static const uint64_t seeds[] = { 0, 1, 42, 1234567890, 4294967301, 9223372036854775807 };
enum { N_SEEDS = sizeof seeds / sizeof seeds[0] };

static void recorded_normals(void **state)
{
    (void)state;
    static const char *const all[] = { "1", "8", "17", "32", "48", "1x4x2x2", "1x3x9x7", "1x4x8x8" };
    static const char *const more[] = { "2", "3", "15", "16", "24", "31", "33", "47", "100", "3x5", "2x4x8x8", "1000" };
    static float want[MOST];
    if (!is_there())
        skip();
    for (int s = 0; s < N_SEEDS; s++)
        for (size_t i = 0; i < 20; i++) {
            if (i >= 8 && seeds[s] != 0 && seeds[s] != 42)
                break;
            char name[96];
            snprintf(name, sizeof name, "randn_f32_%s_seed%llu", i < 8 ? all[i] : more[i - 8],
                     (unsigned long long)seeds[s]);
            int64_t n = recorded(name, want);
            expect_draw(seeds[s], want, n);
            memcpy(strstr(name, "f32"), "f16", 3);
            recorded(name, want);
            for (int64_t k = 0; k < n && (n < 16 || n % 16 == 0); k++)
                assert_true(fabsf(drawn[k] - want[k]) <= 1e-3f * fmaxf(1, fabsf(want[k])));
        }
}

static void recorded_streams(void **state)
{
    (void)state;
    static const char *const names[] = {
        "stream_f32_seed%d_0_3", "stream_f32_seed%d_1_16", "stream_f32_seed%d_2_5", "stream_f32_seed%d_3_1x4x4x4",
        "stream_f32_seed%d_4_1", "stream_f32_seed%d_5_33", "steps_f32_seed%d_0", "steps_f32_seed%d_1",
    };
    static float want[MOST];
    if (!is_there())
        skip();
    for (int seed = 0; seed <= 42; seed += 42) {
        SdcRandom r;
        for (int i = 0; i < 8; i++) {
            char name[96];
            int length = snprintf(name, sizeof name, "%.*s%d%s", (int)(strstr(names[i], "%d") - names[i]), names[i],
                                  seed, strstr(names[i], "%d") + 2);
            assert_true(length > 0);
            if (i == 0 || i == 6)
                sdc_random_seed(&r, (uint64_t)seed);
            int64_t n = recorded(name, want);
            sdc_random_normal(&r, drawn, n);
            expect_normals(drawn, want, n);
        }
    }
}

static void recorded_uniforms(void **state)
{
    (void)state;
    static float want[MOST];
    if (!is_there())
        skip();
    for (int s = 0; s < N_SEEDS; s++) {
        char name[96];
        SdcRandom r;
        snprintf(name, sizeof name, "rand_f32_20_seed%llu", (unsigned long long)seeds[s]);
        int64_t n = recorded(name, want);
        sdc_random_seed(&r, seeds[s]);
        sdc_random_uniform(&r, drawn, n);
        assert_memory_equal(drawn, want, (size_t)n * sizeof *want);
    }
}

/* A generator for each picture of a batch, and draws on the serial path that go on from each other. */
static void recorded_batches(void **state)
{
    (void)state;
    static float want[MOST];
    SdcRandom r;
    if (!is_there())
        skip();
    int64_t n = recorded("list_f32_seeds7_8", want);
    expect_draw(7, want, n / 2);
    expect_draw(8, want + n / 2, n / 2);
    assert_int_equal(recorded("noncontiguous_6x8_seed42", want), 48);
    sdc_random_seed(&r, 42);
    float in_memory_order[48];    /* a transposed tensor: 6 columns of 8 */
    for (int i = 0; i < 48; i += 8)
        sdc_random_normal(&r, in_memory_order + i, 8);
    for (int row = 0; row < 6; row++)
        for (int column = 0; column < 8; column++)
            drawn[row * 8 + column] = in_memory_order[column * 6 + row];
    expect_normals(drawn, want, 48);
}

int main(int argc, char **argv)
{
    snprintf(npz, sizeof npz, "%s/../shared/data/rng/torch_cpu_randn.npz", argc > 1 ? argv[1] : ".");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_are_drawn_one_at_a_time),
        cmocka_unit_test(many_are_drawn_in_blocks_and_the_tail_again),
        cmocka_unit_test(uniforms_are_equal),
        cmocka_unit_test(twister_follows_its_reference),
        cmocka_unit_test(recorded_normals),
        cmocka_unit_test(recorded_streams),
        cmocka_unit_test(recorded_uniforms),
        cmocka_unit_test(recorded_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
