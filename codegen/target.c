/* target.c: the instruction sets of the C target, one row each.
 *
 * Flags are explicit, never -march=native: the system's compiler may not know the CPU, and the executable must say what
 * it was built for. */
#include <string.h>

#include "../runtime/runtime.h"
#include "codegen.h"

#define V3 "-mavx2", "-mfma", "-mf16c", "-mbmi", "-mbmi2", "-mlzcnt", "-mmovbe", "-mpopcnt"
#define V4 V3, "-mavx512f", "-mavx512dq", "-mavx512cd", "-mavx512bw", "-mavx512vl", "-mprefer-vector-width=512"

static const Isa table[] = {
    {"generic", (const char *const[]){NULL}, 4, 0, NULL},
    {"x86-64-v3", (const char *const[]){V3, NULL}, 8, 0, "x86_64"},
    {"x86-64-v4", (const char *const[]){V4, NULL}, 16, 0, "x86_64"},
    {"avx512-bf16", (const char *const[]){V4, "-mavx512vnni", "-mavx512bf16", NULL}, 16, 2, "x86_64"},
    {"amx", (const char *const[]){V4, "-mavx512vnni", "-mavx512bf16", "-mamx-tile", "-mamx-int8", "-mamx-bf16", NULL}, 16, 14, "x86_64"},
    {"aarch64", (const char *const[]){NULL}, 4, 0, "aarch64"},
};

const Isa *isa_table(int *count)
{
    *count = (int)(sizeof table / sizeof *table);
    return table;
}

const Isa *isa_by_name(const char *name)
{
    if (!strcmp(name, "native"))
        name = sdc_cpu_native();
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (!strcmp(table[k].name, name))
            return &table[k];
    return NULL;
}
