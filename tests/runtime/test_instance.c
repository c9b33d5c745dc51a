/* test_instance.c: an instance gets a zeroed, aligned arena, or a message. */
#include "support.h"

#include <string.h>

#include "runtime.h"

static void test_open(void **state)
{
    (void)state;
    SdcProgram p = {.name = "unet", .arena_bytes = (int64_t)1 << 30};       /* reserved, hardly touched */
    SdcContext c;
    assert_int_equal(sdc_instance_open(&c, &p, NULL), SDC_OK);
    assert_int_equal((uintptr_t)c.arena % 64, 0);
    assert_int_equal(c.arena[0] | c.arena[p.arena_bytes - 1], 0);
    sdc_instance_close(&c);
    assert_null(c.arena);
    sdc_instance_close(&c);
    p.arena_bytes = 0;
    assert_int_equal(sdc_instance_open(&c, &p, NULL), SDC_OK);
    sdc_instance_close(&c);
}

static void test_refused(void **state)
{
    (void)state;
    SdcProgram p = {.name = "unet", .arena_bytes = (int64_t)1 << 60};
    SdcContext c;
    capture_begin();
    int code = sdc_instance_open(&c, &p, NULL);
    assert_non_null(strstr(capture_end(), "unet: no room for its 1099511627776.0 MiB of working memory"));
    assert_int_equal(code, SDC_NO_SPACE);
    sdc_instance_close(&c);
    p = (SdcProgram){.name = "unet", .arena_bytes = 64, .weights_bytes = 4};
    capture_begin();
    code = sdc_instance_open(&c, &p, NULL);
    assert_non_null(strstr(capture_end(), "unet: its weights are missing from this file"));
    assert_int_equal(code, SDC_BAD_INPUT);
    sdc_instance_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_open), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
