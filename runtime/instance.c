/* instance.c: gives a program its arena and its weights.
 *
 * The arena is one anonymous mapping, reserved but not committed: what the plan never touches costs nothing.  Its
 * size was fixed at compile time, so nothing is allocated while a program runs. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime.h"

/* Room for the arena; huge pages where the kernel has them, since kernels stream through it. */
static char *map_arena(int64_t bytes)
{
    void *arena = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (arena == MAP_FAILED)
        return NULL;
    madvise(arena, (size_t)bytes, MADV_HUGEPAGE);
    return arena;
}

int sdc_instance_open_in(SdcContext *c, const SdcProgram *p, SdcPool *pool, SdcSection weights, void *arena)
{
    *c = (SdcContext){.pool = pool, .arena = arena};
    if (p->weights_bytes > 0) {
        if (p->weights_offset < 0 || p->weights_bytes > weights.bytes ||
            p->weights_offset > weights.bytes - p->weights_bytes)
            return sdc_error(SDC_BAD_INPUT, "%s: its weights are missing from this file; copy or compile it again",
                             p->name);
        c->weights = (const char *)weights.data + p->weights_offset;
    }
    if (arena)
        return SDC_OK;
    c->arena_bytes = p->arena_bytes > 0 ? p->arena_bytes : 1;
    c->arena = map_arena(c->arena_bytes);
    if (!c->arena)
        return sdc_error(SDC_NO_SPACE, "%s: no room for its %.1f MiB of working memory: %s; free some memory or "
                         "compile a smaller size", p->name, (double)p->arena_bytes / 1048576, strerror(errno));
    return SDC_OK;
}

int sdc_instance_open(SdcContext *c, const SdcProgram *p, SdcPool *pool)
{
    return sdc_instance_open_in(c, p, pool, sdc_section("weights"), NULL);
}

void sdc_instance_close(SdcContext *c)
{
    if (c->arena && c->arena_bytes > 0)
        munmap(c->arena, (size_t)c->arena_bytes);
    *c = (SdcContext){0};
}

void sdc_instance_fill_tables(SdcContext *c, const SdcProgram *p)
{
    c->row = 0;
    for (int k = 0; k < p->n_tables; k++) {
        const SdcTensor *t = &p->tables[k], *input = p->inputs;
        while (strcmp(input->name, t->name))
            input++;
        for (int64_t at = 0; at < t->bytes; at += input->bytes)
            memcpy(c->arena + t->offset + at, c->arena + input->offset, (size_t)input->bytes);
    }
}

int sdc_instance_run(SdcContext *c, const SdcProgram *p)
{
    sdc_instance_fill_tables(c, p);
    int code = p->prompt ? p->prompt(c) : SDC_OK;
    if (!code && p->table)
        code = p->table(c);
    return code ? code : p->run(c);
}
