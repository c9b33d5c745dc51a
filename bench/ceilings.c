/* ceilings.c: what this CPU can do at most, measured again for each line on standard input: one JSON object a line.
 *
 *      cc -O2 -march=native -D_GNU_SOURCE -I runtime -I codegen/kernels/c bench/ceilings.c build/libsdcrt.a -pthread
 *      echo | ./a.out 2                                                2 threads
 *
 * They are those that --profile of an executable measures (kernels/c/ceiling.h). */
#include <stdlib.h>

#define NAME measured
#include "ceiling.h"

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : sdc_default_threads();
    if (sdc_cpu_check(sdc_cpu_native()))        /* and permission for AMX */
        return 1;
    SdcPool *pool = sdc_pool_create(threads);
    if (!pool)
        return 1;
    const SdcProfile profile = {.multiply = measured_multiply, .bf16 = measured_bf16, .read = measured_read,
                                .copy = measured_copy, .multiply_flops = &measured_flops,
                                .bf16_flops = &measured_bf16_flops};
    for (char line[16]; fgets(line, sizeof line, stdin);) {
        SdcCeilings most = {0};
        sdc_ceilings_raise(&most, &profile, pool);
        printf("{\"f32_gflops\":%.1f,\"read_gbs\":%.2f,\"copy_gbs\":%.2f", most.gflops, most.read_gbs, most.copy_gbs);
        if (most.bf16_gflops > 0)
            printf(",\"bf16_gflops\":%.1f", most.bf16_gflops);
        printf("}\n");
        fflush(stdout);
    }
    sdc_pool_destroy(pool);
    return 0;
}
