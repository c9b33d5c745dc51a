/* ceiling.c: what this machine can do at most, measured: multiply-adds in registers, reading and copying memory.
 *
 * The loops are compiled with the model (kernels/c/ceiling.h), so they have its vector width.  The best of many short
 * rounds counts: on a shared machine most are interrupted.  No data is zero: zeros are faster. */
#define _GNU_SOURCE 1
#include <sys/mman.h>

#include "profile.h"

enum { BYTES = 96 << 20, STEPS = 1 << 18, ROUNDS = 4 };         /* each of two arrays: more than most caches hold */
static const double measure_seconds = 0.05;                     /* at least, and at least ROUNDS */

static double best_seconds(SdcPool *pool, SdcPart *part, SdcCeiling *arrays)
{
    SdcContext c = {.pool = pool};
    double best = 1e9, begin = sdc_now();
    for (int round = 0; round < ROUNDS || sdc_now() - begin < measure_seconds; round++) {
        double start = sdc_now();
        sdc_parallel(&c, part, arrays, sdc_pool_threads(pool));
        double seconds = sdc_now() - start;
        best = seconds < best ? seconds : best;
    }
    return best;
}

/* Each thread touches its own part first, so that its memory is near. */
static void fill(void *argument, int64_t begin, int64_t end)
{
    const SdcCeiling *a = argument;
    for (int64_t i = begin * a->each; i < end * a->each; i++)
        a->to[i] = 0.99f;
}

static void raise_to(double *most, double value)
{
    *most = value > *most ? value : *most;
}

/* GF/s of a loop that does `flops` a step, with all threads of the pool. */
static double gflops_of(SdcPart *multiply, int64_t flops, SdcCeiling arrays, SdcPool *pool)
{
    arrays.steps = STEPS;
    return (double)flops * STEPS * sdc_pool_threads(pool) / best_seconds(pool, multiply, &arrays) / 1e9;
}

void sdc_ceilings_raise(SdcCeilings *most, const SdcProfile *profile, SdcPool *pool)
{
    int threads = sdc_pool_threads(pool);
    int64_t each = BYTES / 4 / threads / 64 * 64;
    double bytes = 4.0 * (double)each * threads;
    float *memory = mmap(NULL, 2 * (size_t)BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return;
    madvise(memory, 2 * (size_t)BYTES, MADV_HUGEPAGE);
    float *from = memory, *to = memory + BYTES / 4;
    sdc_parallel(&(SdcContext){.pool = pool}, fill, &(SdcCeiling){.to = from, .each = each}, threads);
    sdc_parallel(&(SdcContext){.pool = pool}, fill, &(SdcCeiling){.to = to, .each = each}, threads);
    SdcCeiling arrays = {.from = from, .to = to, .each = each};
    raise_to(&most->gflops, gflops_of(profile->multiply, *profile->multiply_flops, arrays, pool));
    if (*profile->bf16_flops)
        raise_to(&most->bf16_gflops, gflops_of(profile->bf16, *profile->bf16_flops, arrays, pool));
    raise_to(&most->read_gbs, bytes / best_seconds(pool, profile->read, &arrays) / 1e9);
    raise_to(&most->copy_gbs, 2 * bytes / best_seconds(pool, profile->copy, &arrays) / 1e9);
    munmap(memory, 2 * (size_t)BYTES);
}
