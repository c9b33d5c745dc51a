/* certificate.c: see certificate.h. */
#include "certificate.h"

#include <string.h>

#include "json.h"
#include "pool.h"
#include "sections.h"

static const double mib = 1048576;

/* The C library and its buffers, ours, and pages at both ends of mappings: 2.5 MiB measured with glibc 2.36. */
enum { BASE_BYTES = 4 << 20 };

/* ---- before the run ---------------------------------------------------------------------------------------------- */

/* Of arrays whose elements may be converted to or from float32. */
static int64_t array_bytes(const SdcTensor *t, int n)
{
    int64_t sum = 0;
    for (int i = 0; i < n; i++) {
        int64_t element = dtype_info(t[i].dtype)->bytes;
        sum += element > 0 && element < 4 ? t[i].bytes * 4 / element : t[i].bytes;
    }
    return sum;
}

int sdc_certificate_beside(const char *program)
{
    static const char *const parts[] = {"controlnet", "patches@", "_skip_layers"};
    for (int k = 0; k < 3; k++)
        if (strstr(program, parts[k]))
            return k;
    return -1;
}

void sdc_certificate_add(SdcCertificate *c, const char *program, int64_t arena, int64_t bound, const SdcTensor *inputs,
                         int n_inputs, const SdcTensor *outputs, int n_outputs)
{
    int beside = sdc_certificate_beside(program);
    int64_t *largest = beside < 0 ? &c->arena : &c->beside[beside];
    int64_t *bound_of = beside < 0 ? &c->bound : &c->beside_bound[beside];
    int64_t arrays = array_bytes(inputs, n_inputs) + array_bytes(outputs, n_outputs);
    if (arrays > c->arrays)
        c->arrays = arrays;
    if (arena > *largest) {
        *largest = arena;
        *bound_of = bound;
    }
}

/* Arrays: as they stand in a file, converted, and once more as text, picture or member of an archive; with pictures the
 * samplers' history, a fraction of each picture, as well. */
void sdc_certificate_finish(SdcCertificate *c, int threads, int64_t pictures, int64_t weights, int64_t file_bytes)
{
    c->threads = threads;
    for (int k = 0; k < 3; k++) {
        c->arena += c->beside[k];
        c->bound += c->beside_bound[k];
    }
    c->weights = weights;
    c->arrays *= 1 + 2 * pictures;
    c->stacks = (int64_t)threads * SDC_STACK_BYTES;
    c->program = file_bytes - weights + BASE_BYTES;
    c->all = c->weights + c->arena + c->arrays + c->stacks + c->changed + c->program;
}

SdcCertificate sdc_certify(int threads, int64_t pictures)
{
    SdcCertificate c = {.changed = sdc_weights_changed()};
    for (int i = 0; i < sdc_model.n_programs; i++) {
        const SdcProgram *p = sdc_model.programs[i];
        sdc_certificate_add(&c, p->name, p->arena_bytes, p->bound_bytes, p->inputs, p->n_inputs, p->outputs,
                            p->n_outputs);
    }
    sdc_certificate_finish(&c, threads, pictures, sdc_section("weights").bytes, sdc_self_bytes());
    return c;
}

void sdc_certificate_text(const SdcCertificate *c)
{
    printf("    weights %10.2f MiB  mapped from this file, shared between processes\n", (double)c->weights / mib);
    printf("    arena   %10.2f MiB  no plan of these calls needs less than %.2f\n", (double)c->arena / mib,
           (double)c->bound / mib);
    printf("    arrays  %10.2f MiB  read, converted and written\n", (double)c->arrays / mib);
    printf("    stacks  %10.2f MiB  %d thread%s\n", (double)c->stacks / mib, c->threads, c->threads == 1 ? "" : "s");
    if (c->changed)
        printf("    changed %10.2f MiB  copies of weights that --lora adds to\n", (double)c->changed / mib);
    printf("    program %10.2f MiB  code and libraries\n", (double)c->program / mib);
    printf("    in all  %10.2f MiB\n", (double)c->all / mib);
}

void sdc_certificate_json(const SdcCertificate *c)
{
    const struct { const char *key; int64_t value; } rows[] = {
        {"weights_bytes", c->weights}, {"arena_bytes", c->arena},   {"arena_bound_bytes", c->bound},
        {"arrays_bytes", c->arrays},   {"stacks_bytes", c->stacks}, {"program_bytes", c->program},
        {"changed_bytes", c->changed}, {"total_bytes", c->all},    {"threads", c->threads},
    };
    printf("\"memory\":{");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (i)
            putchar(',');
        sdc_json_integer(rows[i].key, rows[i].value);
    }
    putchar('}');
}

/* ---- after it ---------------------------------------------------------------------------------------------------- */

/* Add up what is resident of the mapping that holds an address. */
static double resident_at(const void *data)
{
    char line[512];
    unsigned long from = 0, to = 0;
    double kilobytes, sum = 0;
    FILE *maps = data ? fopen("/proc/self/smaps", "re") : NULL;
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long a, b;
        if (sscanf(line, "%lx-%lx ", &a, &b) == 2) {
            from = a;
            to = b;
        } else if ((uintptr_t)data >= from && (uintptr_t)data < to && sscanf(line, "Rss: %lf", &kilobytes) == 1) {
            sum += kilobytes;
        }
    }
    if (maps)
        fclose(maps);
    return sum / 1024;
}

SdcMemory sdc_memory(void)
{
    char line[256];
    double kilobytes, shared = 0;
    SdcMemory m = {.mapped = resident_at(sdc_section("weights").data)};
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status)) {
        if (sscanf(line, "VmHWM: %lf", &kilobytes) == 1)
            m.peak = kilobytes / 1024;
        else if (sscanf(line, "RssAnon: %lf", &kilobytes) == 1)
            m.anonymous = kilobytes / 1024;
        else if (sscanf(line, "RssShmem: %lf", &kilobytes) == 1)
            shared = kilobytes / 1024;
    }
    if (shared > m.mapped)              /* an executable in a tmpfs is mapped shared memory itself */
        m.anonymous += shared - m.mapped;
    if (status)
        fclose(status);
    return m;
}
