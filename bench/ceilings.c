/* ceilings.c: what this CPU can do at most, measured again for each line on standard input: one JSON object a line.
 *
 *      cc -O2 -march=native -D_GNU_SOURCE -I runtime -I codegen/kernels/c bench/ceilings.c build/libsdcrt.a -pthread
 *      echo | ./a.out 2                                                2 threads
 *
 * f32 multiply-adds, reading and copying are what --profile of an executable measures (kernels/c/ceiling.h); dot
 * products (dpbf16ps) and tiles (AMX) of bf16 are added where the CPU has them.  No operand is zero: with zeros the
 * tiles read a quarter too fast. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME measured
#include "ceiling.h"
#if defined(__AMX_BF16__) || defined(__AMXBF16__)               /* gcc and newer clang; older clang */
#define TILES 1
#endif
#if defined(__AVX512BF16__) || defined(TILES)
#include <immintrin.h>
#endif

enum { OPERANDS = 1024, REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
/* bf16: 2^-9 to 2^-8 of either sign, and 1/2 to 1. */
static uint16_t small[OPERANDS], large[OPERANDS] __attribute__((aligned(64)));

static void draw(void)
{
    uint32_t state = 1;
    for (int k = 0; k < OPERANDS; k++) {
        state = state * 1664525u + 1013904223u;
        small[k] = (uint16_t)(0x3b00 + (state >> 16 & 0x807f));
        large[k] = (uint16_t)(0x3f00 + (state >> 8 & 0x7f));
    }
}

#ifdef __AVX512BF16__
enum { DOT_CHAINS = 12, DOT_FLOPS = DOT_CHAINS * 64 };

static void multiply_dot(void *argument, int64_t begin, int64_t end)
{
    const SdcCeiling *a = argument;
    for (int64_t unit = begin; unit < end; unit++) {
        const __m512bh x = (__m512bh)_mm512_loadu_si512(small), y = (__m512bh)_mm512_loadu_si512(large);
        __m512 sum[DOT_CHAINS], all = {0};
        for (int k = 0; k < DOT_CHAINS; k++)
            sum[k] = _mm512_set1_ps((float)(k + 1));            /* equal chains would be computed once */
        for (int64_t step = 0; step < a->steps; step++) {
#pragma GCC unroll 12
            for (int k = 0; k < DOT_CHAINS; k++)
                sum[k] = _mm512_dpbf16_ps(sum[k], x, y);
        }
        for (int k = 0; k < DOT_CHAINS; k++)
            all += sum[k];
        sdc_store(a->to + unit * a->each, all);
    }
}
#endif

#ifdef TILES
enum { TILE_FLOPS = 4 * 2 * 16 * 16 * 32 };

/* Two by two tiles of sums, as a kernel has them; the operands stay in registers. */
static void multiply_tiles(void *argument, int64_t begin, int64_t end)
{
    const SdcCeiling *a = argument;
    struct { uint8_t palette, start, zero[14]; uint16_t bytes[16]; uint8_t rows[16]; } shape = {.palette = 1};
    for (int k = 0; k < 8; k++) {
        shape.bytes[k] = 64;
        shape.rows[k] = 16;
    }
    for (int64_t unit = begin; unit < end; unit++) {
        float result[16 * 16];
        _tile_loadconfig(&shape);
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        _tile_loadd(4, small, 64);
        _tile_loadd(5, small + OPERANDS / 2, 64);
        _tile_loadd(6, large, 64);
        _tile_loadd(7, large + OPERANDS / 2, 64);
        for (int64_t step = 0; step < a->steps; step++) {
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
        _tile_stored(0, result, 64);
        _tile_release();
        a->to[unit * a->each] = result[0];
    }
}
#endif

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : sdc_default_threads();
    SdcPool *pool = sdc_pool_create(threads);
    enum { EACH = 64 };
    float *memory = aligned_alloc(64, sizeof(float) * EACH * (size_t)(threads + 1));
    if (!pool || !memory)
        return 1;
    memory[0] = 0.99f;
    SdcCeiling arrays = {.from = memory, .to = memory + EACH, .each = EACH};
    (void)arrays;
    draw();
    SdcProfile profile = {.multiply = measured_multiply, .read = measured_read, .copy = measured_copy,
                          .multiply_flops = &measured_flops};
    for (char line[16]; fgets(line, sizeof line, stdin);) {
        SdcCeilings most = {0};
        sdc_ceilings_raise(&most, &profile, pool);
        printf("{\"f32_gflops\":%.1f,\"read_gbs\":%.2f,\"copy_gbs\":%.2f", most.gflops, most.read_gbs, most.copy_gbs);
#ifdef __AVX512BF16__
        printf(",\"bf16_dot_gflops\":%.1f", sdc_ceiling_gflops(multiply_dot, DOT_FLOPS, arrays, pool));
#endif
#ifdef TILES
        if (!syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA))
            printf(",\"bf16_tile_gflops\":%.1f", sdc_ceiling_gflops(multiply_tiles, TILE_FLOPS, arrays, pool));
#endif
        printf("}\n");
        fflush(stdout);
    }
    free(memory);
    sdc_pool_destroy(pool);
    return 0;
}
