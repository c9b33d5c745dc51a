/* test_cpu.c: instruction sets by name, and CPUs counted through mask and cgroup. */
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool.h"
#include "runtime.h"

static void test_native_runs_here(void **state)
{
    (void)state;
    assert_int_equal(sdc_cpu_check("generic"), SDC_OK);
    assert_int_equal(sdc_cpu_check(sdc_cpu_native()), SDC_OK);
    print_message("native: %s, %d threads\n", sdc_cpu_native(), sdc_default_threads());
}

/* /proc/cpuinfo is another reader of the same bits. */
static void test_agrees_with_cpuinfo(void **state)
{
    (void)state;
    static const struct { const char *flag, *isa; } rows[] = {
        {" avx2 ", "x86-64-v3"}, {" avx512vl ", "x86-64-v4"}, {" avx512_bf16 ", "avx512-bf16"}, {" amx_bf16 ", "amx"},
    };
    static char text[TEXT_BYTES];
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file || !fread(text, 1, sizeof text - 1, file) || !strstr(text, "\nflags"))
        skip();
    fclose(file);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        capture_begin();
        int code = sdc_cpu_check(rows[i].isa);
        const char *message = capture_end();
        assert_int_equal(code, strstr(text, rows[i].flag) ? SDC_OK : SDC_UNSUPPORTED);
        assert_true(code == SDC_OK || strstr(message, "lacks"));
    }
}

static void test_foreign_isa(void **state)
{
    (void)state;
    capture_begin();
    int code = sdc_cpu_check("pdp11");
    const char *message = capture_end();
    assert_int_equal(code, SDC_UNSUPPORTED);
    assert_non_null(strstr(message, "needs the instruction set pdp11, which no"));
}

static void put(const char *folder, const char *name, const char *text)
{
    write_file(in_folder(folder, name), text, strlen(text));
}

static void test_cgroup_version_2(void **state)
{
    (void)state;
    char *folder = make_folder();
    const char *membership = in_folder(folder, "membership");
    put(folder, "membership", "0::/outer/inner\n");
    assert_int_equal(sdc_cgroup_cpus(membership, folder), 0);
    put(folder, "cpu.max", "250000 100000\n");
    assert_int_equal(sdc_cgroup_cpus(membership, folder), 3);
    mkdir(in_folder(folder, "outer"), 0755);
    put(folder, "outer/cpu.max", "50000 100000\n");         /* the tighter of the levels */
    assert_int_equal(sdc_cgroup_cpus(membership, folder), 1);
    put(folder, "outer/cpu.max", "max 100000\n");
    assert_int_equal(sdc_cgroup_cpus(membership, folder), 3);
    assert_int_equal(sdc_cgroup_cpus("/nonexistent", folder), 0);
    unlink(in_folder(folder, "outer/cpu.max"));
    remove_folder(folder);
}

static void test_cgroup_version_1(void **state)
{
    (void)state;
    char *folder = make_folder();
    const char *membership = in_folder(folder, "membership");
    put(folder, "membership", "12:cpuset:/\n4:cpu,cpuacct:/\n1:name=systemd:/x\n");
    mkdir(in_folder(folder, "cpu"), 0755);
    put(folder, "cpu/cpu.cfs_quota_us", "-1\n");
    put(folder, "cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(sdc_cgroup_cpus(membership, folder), 0);
    put(folder, "cpu/cpu.cfs_quota_us", "400000\n");
    assert_int_equal(sdc_cgroup_cpus(membership, folder), 4);
    put(folder, "cpu/cpu.cfs_quota_us", "garbage");
    assert_int_equal(sdc_cgroup_cpus(membership, folder), 0);
    unlink(in_folder(folder, "cpu/cpu.cfs_quota_us"));
    unlink(in_folder(folder, "cpu/cpu.cfs_period_us"));
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_native_runs_here),
        cmocka_unit_test(test_agrees_with_cpuinfo),
        cmocka_unit_test(test_foreign_isa),
        cmocka_unit_test(test_cgroup_version_2),
        cmocka_unit_test(test_cgroup_version_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
