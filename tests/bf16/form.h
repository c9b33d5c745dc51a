/* form.h: a build for tiles or vdpbf16ps that this CPU can not run reports itself as skipped. */
#ifndef SDC_TESTS_FORM_H
#define SDC_TESTS_FORM_H

#include "bf16_tile.h"
#include "isa.h"

static inline void skip_unless_form_fits(void)
{
#if SDC_BF16_AMX
    if (strcmp(sdc_cpu_native(), "amx") || sdc_cpu_check("amx")) {
        fputs("skipped: this CPU has no AMX tiles\n", stderr);
        exit(EXIT_SKIPPED);
    }
#elif SDC_BF16_DOT
    if (!__builtin_cpu_supports("avx512bf16")) {
        fputs("skipped: this CPU has no vdpbf16ps\n", stderr);
        exit(EXIT_SKIPPED);
    }
#endif
}

#endif
