/* pack.c: constants, in the order their kernels read them, streamed to a file.
 *
 *   memory:  one tensor, its recipe's operands and its packed form at a time
 *   keeps:   equal bytes are stored once (two programs over the same weights, a weight used twice), but for weights of
 *            different modules: a LoRA may change one of them                                                         */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../runtime/runtime.h"
#include "codegen.h"
#include "origins.h"

enum { ALIGNMENT = 64 };

/* origin: of which modules' weights, 0: of none; program: the last that uses it. */
typedef struct { XXH128_hash_t hash; uint64_t origin; int64_t bytes, offset; int program; } Stored;

typedef struct {
    Stored *list;
    int count, room;
    int64_t end;
    int fd;
    const char *path;
} Store;

static void append(Store *s, const void *data, int64_t bytes)
{
    static const char zeros[ALIGNMENT];
    const char *p = data;
    for (int64_t left = bytes; left > 0;) {
        ssize_t n = write(s->fd, p, left > (1 << 30) ? 1 << 30 : (size_t)left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            fail(SDC_NO_SPACE, "%s: %s while writing weights", s->path, strerror(errno));
        p += n;
        left -= n;
    }
    s->end += bytes;
    int64_t gap = -s->end & (ALIGNMENT - 1);
    if (gap)
        append(s, zeros, gap);
}

/* The place of these bytes, stored before or now; *fresh_use: `program` did not use them yet. */
static int64_t store(Store *s, const void *data, int64_t bytes, uint64_t origin, int program, bool *fresh_use)
{
    XXH128_hash_t hash = XXH3_128bits(data, (size_t)bytes);
    for (int k = 0; k < s->count; k++)
        if (s->list[k].bytes == bytes && s->list[k].origin == origin && XXH128_isEqual(s->list[k].hash, hash)) {
            *fresh_use = s->list[k].program != program;
            s->list[k].program = program;
            return s->list[k].offset;
        }
    *fresh_use = true;
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 256;
        s->list = alloc_more(s->list, s->count, s->room, sizeof *s->list);
    }
    s->list[s->count++] = (Stored){hash, origin, bytes, s->end, program};
    append(s, data, bytes);
    return s->list[s->count - 1].offset;
}

/* Elements that lie unaligned in a mapped file are copied: packers read them by their type. */
static void *aligned_copy(const Tensor *t)
{
    size_t size = (size_t)dtype_info(t->dtype)->bytes, bytes = (size_t)t->count * size;
    if ((uintptr_t)t->data % size == 0)
        return NULL;
    void *copy = malloc(bytes + 1);
    if (!copy)
        fail(SDC_NO_SPACE, "out of memory copying a weight of %zu bytes", bytes);
    return memcpy(copy, t->data, bytes);
}

static void pack_buffer(Store *s, Program *p, int program, Buffer *b, Origins *origins)
{
    bool fresh_use;
    const uint64_t origin = origins ? origins_find(origins, p, b) : 0;
    const Tensor *t = constant_tensor(b->value);
    if (!b->pack) {
        b->offset = store(s, t->data, b->bytes, origin, program, &fresh_use);
        if (origin)
            origins_add(origins, b, t, t->data);
    } else {
        void *packed = calloc((size_t)b->bytes + 1, 1);
        if (!packed)
            fail(SDC_NO_SPACE, "out of memory packing a weight of %lld bytes", (long long)b->bytes);
        Tensor source = *t;
        void *copy = aligned_copy(t);
        if (copy)
            source.data = copy;
        b->pack(packed, &source, b->pack_parameters);
        if (b->bytes > 1 << 20)
            memory_sample();
        b->offset = store(s, packed, b->bytes, origin, program, &fresh_use);
        if (origin)
            origins_add(origins, b, &source, packed);
        free(copy);
        free(packed);
    }
    constant_release(b->value);
    p->weights_bytes += fresh_use ? b->bytes : 0;
}

int64_t pack_programs(Program *const *programs, int n_programs, int fd, const char *path, Origins *origins)
{
    Store s = {.fd = fd, .path = path};
    for (int p = 0; p < n_programs; p++) {
        programs[p]->weights_bytes = 0;
        for (int k = 0; k < programs[p]->n_buffers; k++) {
            Buffer *b = programs[p]->buffers[k];
            if (b->kind == BUFFER_WEIGHTS)
                pack_buffer(&s, programs[p], p, b, origins);
        }
    }
    return s.end;
}
