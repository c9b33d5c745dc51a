/* isa.h: kernel tests are built once for each vector width; a build that this CPU can not run reports itself as
 * skipped. */
#ifndef SDC_TESTS_ISA_H
#define SDC_TESTS_ISA_H

#include <stdio.h>
#include <stdlib.h>

enum { EXIT_SKIPPED = 77 };

static inline void skip_unless_cpu_fits(void)
{
    int fits = 1;
#ifdef __AVX512F__
    fits = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
#elif defined(__AVX2__)
    fits = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    if (!fits) {
        fputs("skipped: this CPU lacks the instruction set of this build\n", stderr);
        exit(EXIT_SKIPPED);
    }
}

#endif
