/* test_pool.c: every unit runs exactly once, for any number of threads and units, asleep, nested or shared. */
#define _GNU_SOURCE 1
#include <sched.h>
#include "support.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pool.h"
#include "runtime.h"

enum { MOST_UNITS = 1000 };

typedef struct {
    int hits[MOST_UNITS];
    atomic_int parts;
    SdcContext *nested;
} Job;

static void touch(void *argument, int64_t begin, int64_t end)
{
    Job *job = argument;
    atomic_fetch_add(&job->parts, 1);
    for (int64_t i = begin; i < end; i++)
        job->hits[i]++;
}

static void check_once(SdcContext *c, int64_t units)
{
    Job job = {0};
    sdc_parallel(c, touch, &job, units);
    for (int64_t i = 0; i < MOST_UNITS; i++)
        assert_int_equal(job.hits[i], i < units);
    assert_true(job.parts <= units);
}

static void test_all_splits(void **state)
{
    (void)state;
    static const int64_t units[] = {0, 1, 2, 3, 7, 64, 999, MOST_UNITS};
    for (int threads = 1; threads <= 9; threads++) {
        SdcContext c = {.pool = sdc_pool_create(threads)};
        assert_non_null(c.pool);
        assert_int_equal(sdc_pool_threads(c.pool), threads);
        for (int round = 0; round < 20; round++)
            for (size_t i = 0; i < sizeof units / sizeof *units; i++)
                check_once(&c, units[i]);
        sdc_pool_destroy(c.pool);
    }
    SdcContext alone = {0};
    check_once(&alone, 10);
}

enum { SHARED_UNITS = 100 };

/* The first unit takes until all that its thread did not take with it, half of a half, is done. */
static void wait_for_others(void *argument, int64_t begin, int64_t end)
{
    atomic_int *done = argument;
    const time_t limit = time(NULL) + 60;
    for (int64_t i = begin; i < end; i++) {
        while (i == 0 && *done < SHARED_UNITS * 3 / 4 && time(NULL) < limit)
            sched_yield();
        atomic_fetch_add(done, 1);
    }
}

/* What a slow thread has not begun is done by another one meanwhile. */
static void test_slow_thread_is_helped(void **state)
{
    (void)state;
    SdcContext c = {.pool = sdc_pool_create(2)};
    atomic_int done = 0;
    const time_t start = time(NULL);
    sdc_parallel(&c, wait_for_others, &done, SHARED_UNITS);
    assert_int_equal(done, SHARED_UNITS);
    assert_true(time(NULL) - start < 60);
    sdc_pool_destroy(c.pool);
}

static int units_seen;

static void count_units(void *argument, int64_t begin, int64_t end)
{
    int64_t *sum = argument;
    *sum += end - begin;
    units_seen++;
}

/* More units than fit into 32 bits are taken in pieces. */
static void test_more_than_32_bits(void **state)
{
    (void)state;
    SdcContext c = {.pool = sdc_pool_create(1)};
    int64_t sum = 0, units = ((int64_t)1 << 33) + 5;
    sdc_pool_measure(c.pool, true);                     /* else one thread runs it as one range */
    sdc_parallel(&c, count_units, &sum, units);
    assert_int_equal(sum, units);
    assert_true(units_seen > 1);
    sdc_pool_destroy(c.pool);
}

static void test_negative_and_huge_counts(void **state)
{
    (void)state;
    SdcContext c = {.pool = sdc_pool_create(3)};
    sdc_parallel(&c, NULL, NULL, -1);
    sdc_pool_destroy(c.pool);
    sdc_pool_destroy(NULL);
}

/* Longer gaps than the spin: the workers sleep in between. */
static void test_sleepers_wake(void **state)
{
    (void)state;
    SdcContext c = {.pool = sdc_pool_create(4)};
    for (int round = 0; round < 50; round++) {
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
        check_once(&c, 100);
    }
    sdc_pool_destroy(c.pool);
}

static void see_cpus(void *argument, int64_t begin, int64_t end)
{
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    for (int64_t i = begin; i < end; i++)
        ((int *)argument)[i] = CPU_COUNT(&set);
}

/* Each thread may use one CPU then; more threads than CPUs are refused. */
static void test_pinned(void **state)
{
    (void)state;
    cpu_set_t before;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    const int cpus = CPU_COUNT(&before);
    int *seen = calloc((size_t)cpus, sizeof *seen);
    SdcContext c = {.pool = sdc_pool_create(cpus)}, many = {.pool = sdc_pool_create(cpus + 1)};
    assert_int_equal(sdc_pool_pin(many.pool), SDC_USAGE);
    assert_int_equal(sdc_pool_pin(c.pool), SDC_OK);
    sdc_parallel(&c, see_cpus, seen, cpus);
    for (int k = 0; k < cpus; k++)
        assert_int_equal(seen[k], 1);
    sdc_pool_destroy(c.pool);
    sdc_pool_destroy(many.pool);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    free(seen);
}

static void many_small_jobs(int threads, int jobs)
{
    SdcContext c = {.pool = sdc_pool_create(threads)};
    Job *job = calloc(1, sizeof *job);
    for (int i = 0; i < jobs; i++)
        sdc_parallel(&c, touch, job, 64);
    for (int i = 0; i < 64; i++)
        assert_int_equal(job->hits[i], jobs);
    free(job);
    sdc_pool_destroy(c.pool);
}

static void test_many_jobs(void **state)
{
    (void)state;
    many_small_jobs(2, 20000);
    many_small_jobs(4 * sdc_default_threads() + 1, 2000);       /* more threads than CPUs */
}

static void nest(void *argument, int64_t begin, int64_t end)
{
    Job *job = argument;
    for (int64_t i = begin; i < end; i++)
        sdc_parallel(job->nested, touch, (Job *)job + 1 + i, 10);
}

static void test_nested_call_runs_inline(void **state)
{
    (void)state;
    SdcContext c = {.pool = sdc_pool_create(3)};
    Job *jobs = calloc(9, sizeof *jobs);
    jobs[0].nested = &c;
    sdc_parallel(&c, nest, jobs, 8);
    for (int i = 1; i < 9; i++)
        for (int k = 0; k < 10; k++)
            assert_int_equal(jobs[i].hits[k], 1);
    free(jobs);
    sdc_pool_destroy(c.pool);
}

/* Two instances on one pool, from two threads. */
static void *hammer(void *argument)
{
    SdcContext *c = argument;
    Job *job = calloc(1, sizeof *job);
    for (int i = 0; i < 2000; i++)
        sdc_parallel(c, touch, job, 100);
    bool sound = true;
    for (int i = 0; i < 100; i++)
        sound &= job->hits[i] == 2000;
    free(job);
    return sound ? argument : NULL;
}

static void test_shared_pool(void **state)
{
    (void)state;
    SdcContext a = {.pool = sdc_pool_create(2)}, b = a;
    pthread_t other;
    void *result;
    assert_int_equal(pthread_create(&other, NULL, hammer, &b), 0);
    assert_ptr_equal(hammer(&a), &a);
    pthread_join(other, &result);
    assert_ptr_equal(result, &b);
    sdc_pool_destroy(a.pool);
}

/* A tile of 512 KB on the stack. */
static void use_stack(void *argument, int64_t begin, int64_t end)
{
    volatile char tile[512 * 1024];
    for (size_t i = 0; i < sizeof tile; i += 1024)
        tile[i] = (char)begin;
    ((Job *)argument)->hits[begin] = tile[1024] == (char)begin && end == begin + 1;
}

static void test_stack(void **state)
{
    (void)state;
    SdcContext c = {.pool = sdc_pool_create(4)};
    Job job = {0};
    sdc_parallel(&c, use_stack, &job, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(job.hits[i], 1);
    sdc_pool_destroy(c.pool);
}

/* Loops of 7 and of 1 unit, of a millisecond each: what they take with 1 to 256 threads. */
static void sleep_units(void *argument, int64_t begin, int64_t end)
{
    (void)argument;
    for (int64_t i = begin; i < end; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void test_measured_loops(void **state)
{
    (void)state;
    static const int units[SDC_SPANS] = {7, 4, 3, 2, 2, 1};          /* of the thread that has most; then 1 */
    for (int threads = 1; threads <= 3; threads++) {
        SdcContext c = {.pool = sdc_pool_create(threads)};
        sdc_parallel(&c, sleep_units, NULL, 7);
        SdcPoolTimes t = sdc_pool_times(c.pool);
        assert_true(t.parallel == 0 && t.busy == 0);
        sdc_pool_measure(c.pool, true);
        sdc_parallel(&c, sleep_units, NULL, 7);
        sdc_parallel(&c, sleep_units, NULL, 1);                      /* no parallel loop */
        t = sdc_pool_times(c.pool);
        assert_true(t.busy >= 7e-3 && t.parallel >= 2e-3 && t.busy <= t.parallel * threads);
        for (int k = 0; k < SDC_SPANS; k++)
            assert_true(fabs(t.spans[k] - t.busy * (units[k] ? units[k] : 1) / 7) < 1e-9);
        sdc_pool_destroy(c.pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_splits),
        cmocka_unit_test(test_negative_and_huge_counts),
        cmocka_unit_test(test_slow_thread_is_helped),
        cmocka_unit_test(test_more_than_32_bits),
        cmocka_unit_test(test_sleepers_wake), cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_many_jobs),
        cmocka_unit_test(test_nested_call_runs_inline),
        cmocka_unit_test(test_shared_pool),
        cmocka_unit_test(test_stack),
        cmocka_unit_test(test_measured_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
