/* cpu.c: instruction sets by name, and whether this CPU and its operating system have them.
 *
 * An ISA is a level; it needs every feature of its level and of those below.  AVX and AMX state must also be switched
 * on by the operating system (XCR0), and Linux hands out AMX tiles only to a process that asks.  Bits are those of
 * Intel's and AMD's CPUID documentation; the levels v3 and v4 are the x86-64 psABI's. */
#include <string.h>

#include "runtime.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LEVEL_GENERIC, LEVEL_V3, LEVEL_V4, LEVEL_BF16, LEVEL_AMX, LEVELS };
static const char *const level_names[LEVELS] = {"generic", "x86-64-v3", "x86-64-v4", "avx512-bf16", "amx"};
static const char machine[] = "x86-64";

enum { EAX, EBX, ECX, EDX };
enum { XCR0_AVX = 0x6, XCR0_AVX512 = 0xe6, XCR0_AMX = 0x60000 };

typedef struct {
    const char *name;
    int level;
    uint32_t leaf, subleaf;
    int reg, bit;
    uint32_t xcr0;             /* state that the operating system must save */
} Feature;

static const Feature features[] = {
    {"SSE3", LEVEL_V3, 1, 0, ECX, 0, 0},
    {"SSSE3", LEVEL_V3, 1, 0, ECX, 9, 0},
    {"CMPXCHG16B", LEVEL_V3, 1, 0, ECX, 13, 0},
    {"SSE4.1", LEVEL_V3, 1, 0, ECX, 19, 0},
    {"SSE4.2", LEVEL_V3, 1, 0, ECX, 20, 0},
    {"MOVBE", LEVEL_V3, 1, 0, ECX, 22, 0},
    {"POPCNT", LEVEL_V3, 1, 0, ECX, 23, 0},
    {"AVX", LEVEL_V3, 1, 0, ECX, 28, XCR0_AVX},
    {"FMA", LEVEL_V3, 1, 0, ECX, 12, XCR0_AVX},
    {"F16C", LEVEL_V3, 1, 0, ECX, 29, XCR0_AVX},
    {"AVX2", LEVEL_V3, 7, 0, EBX, 5, XCR0_AVX},
    {"BMI1", LEVEL_V3, 7, 0, EBX, 3, 0},
    {"BMI2", LEVEL_V3, 7, 0, EBX, 8, 0},
    {"LZCNT", LEVEL_V3, 0x80000001, 0, ECX, 5, 0},
    {"AVX512F", LEVEL_V4, 7, 0, EBX, 16, XCR0_AVX512},
    {"AVX512DQ", LEVEL_V4, 7, 0, EBX, 17, XCR0_AVX512},
    {"AVX512CD", LEVEL_V4, 7, 0, EBX, 28, XCR0_AVX512},
    {"AVX512BW", LEVEL_V4, 7, 0, EBX, 30, XCR0_AVX512},
    {"AVX512VL", LEVEL_V4, 7, 0, EBX, 31, XCR0_AVX512},
    {"AVX512_VNNI", LEVEL_BF16, 7, 0, ECX, 11, XCR0_AVX512},
    {"AVX512_BF16", LEVEL_BF16, 7, 1, EAX, 5, XCR0_AVX512},
    {"AMX-TILE", LEVEL_AMX, 7, 0, EDX, 24, XCR0_AMX},
    {"AMX-INT8", LEVEL_AMX, 7, 0, EDX, 25, XCR0_AMX},
    {"AMX-BF16", LEVEL_AMX, 7, 0, EDX, 22, XCR0_AMX},
};
enum { FEATURES = sizeof features / sizeof *features };

static uint32_t enabled_state(void)
{
    uint32_t reg[4], low, high;
    if (!__get_cpuid(1, &reg[EAX], &reg[EBX], &reg[ECX], &reg[EDX]) || !(reg[ECX] >> 27 & 1))   /* OSXSAVE */
        return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool has(const Feature *f)
{
    uint32_t reg[4];
    if (!__get_cpuid_count(f->leaf, f->subleaf, &reg[EAX], &reg[EBX], &reg[ECX], &reg[EDX]))
        return false;
    return (reg[f->reg] >> f->bit & 1) && (enabled_state() & f->xcr0) == f->xcr0;
}

/* Ask Linux for tile state; threads started later inherit it. */
static bool request_tiles(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

static int level_of_cpu(void)
{
    int level = LEVELS - 1;
    for (int i = 0; i < FEATURES; i++)
        if (features[i].level <= level && !has(&features[i]))
            level = features[i].level - 1;
    return level;
}

static int check_level(const char *isa, int level)
{
    char missing[512];
    size_t used = 0;
    missing[0] = 0;
    for (int i = 0; i < FEATURES; i++)
        if (features[i].level <= level && !has(&features[i]) && used < sizeof missing)
            used += (size_t)snprintf(missing + used, sizeof missing - used, " %s", features[i].name);
    if (used)
        return sdc_error(SDC_UNSUPPORTED, "needs the instruction set %s, but this CPU or its operating system lacks%s; "
                         "compile with --isa %s", isa, missing, sdc_cpu_native());
    if (level >= LEVEL_AMX && !request_tiles())
        return sdc_error(SDC_UNSUPPORTED, "needs AMX tiles, which this kernel refuses; compile with --isa %s",
                         level_names[LEVEL_BF16]);
    return SDC_OK;
}

#elif defined(__aarch64__)

enum { LEVELS = 2 };
static const char *const level_names[LEVELS] = {"generic", "aarch64"};     /* both: what every aarch64 CPU has */
static const char machine[] = "aarch64";

static int level_of_cpu(void) { return LEVELS - 1; }

static int check_level(const char *isa, int level)
{
    (void)isa;
    (void)level;
    return SDC_OK;
}

#else

enum { LEVELS = 1 };
static const char *const level_names[LEVELS] = {"generic"};
static const char machine[] = "unknown";

static int level_of_cpu(void) { return 0; }

static int check_level(const char *isa, int level)
{
    (void)isa;
    (void)level;
    return SDC_OK;
}

#endif

const char *sdc_cpu_native(void) { return level_names[level_of_cpu()]; }

int sdc_cpu_check(const char *isa)
{
    for (int level = 0; level < LEVELS; level++)
        if (strcmp(isa, level_names[level]) == 0)
            return check_level(isa, level);
    return sdc_error(SDC_UNSUPPORTED, "needs the instruction set %s, which no %s CPU has; compile with --isa %s", isa,
                     machine, sdc_cpu_native());
}
