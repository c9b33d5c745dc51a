/* layouts.c: where a packer puts each element of a constant, as nests of loops (runtime/origins.h).
 *
 * A packer is asked to pack the elements' numbers instead of their values: what it does is learnt rather than written down
 * a second time, for any packer that moves elements.  That it moves nothing else is checked on the real constant.
 * Packers that make codes, or transform kernels, tell where they put what (code_pack.h).
 * Constants that are packed by the same function and parameters share a layout, so a network asks for few.
 *
 *   memory:  two more copies of a constant, one constant at a time */
#include <stdlib.h>
#include <string.h>

#include "../runtime/origins.h"
#include "../runtime/runtime.h"
#include "code_pack.h"
#include "origins.h"
#include "winograd_plan.h"

typedef struct {
    PackFunction *pack;
    int64_t parameters[PACK_PARAMETERS], elements, bytes;
    int size;                       /* of an element */
    int layout;                     /* -1: it has none */
} Known;

struct Layouts {
    Known *known;
    SdcLayout *layouts;
    SdcNest *nests;
    int n_known, known_room;
    int64_t n_layouts, layouts_room, n_nests, nests_room;
};

Layouts *layouts_new(void) { return alloc(sizeof(Layouts)); }

const SdcLayout *layouts_list(const Layouts *l, int64_t *count)
{
    *count = l->n_layouts;
    return l->layouts;
}

const SdcNest *layouts_nests(const Layouts *l, int64_t *count)
{
    *count = l->n_nests;
    return l->nests;
}

/* ---- nests: elements in order, folded into loops as they come ---------------------------------------------------- */

/* One for each level: the nest that grows there, and how many of the level below it is made of. */
typedef struct { SdcNest nest; int64_t parts; } Growing;
typedef struct { Layouts *into; Growing level[SDC_NEST_LEVELS]; } Folder;

static void keep_nest(Layouts *l, const SdcNest *n)
{
    if (l->n_nests == l->nests_room) {
        l->nests_room = l->nests_room ? 2 * l->nests_room : 64;
        l->nests = alloc_more(l->nests, l->n_nests, l->nests_room, sizeof *l->nests);
    }
    l->nests[l->n_nests++] = *n;
}

/* The same loops, from elsewhere to elsewhere? */
static bool same_loops(const SdcNest *a, int64_t levels, const SdcNest *b)
{
    const size_t bytes = (size_t)levels * sizeof *a->count;
    return levels == b->levels && !memcmp(a->count, b->count, bytes) && !memcmp(a->to_step, b->to_step, bytes)
           && !memcmp(a->from_step, b->from_step, bytes);
}

static void fold(Folder *f, int level, const SdcNest *n);

static void flush(Folder *f, int level)
{
    Growing *g = &f->level[level];
    if (!g->parts)
        return;
    g->parts = 0;
    if (level + 1 == SDC_NEST_LEVELS)
        keep_nest(f->into, &g->nest);
    else
        fold(f, level + 1, &g->nest);
}

/* n is the next: another iteration of what grows here, or the first of something else. */
static void fold(Folder *f, int level, const SdcNest *n)
{
    Growing *g = &f->level[level];
    const int64_t inner = g->nest.levels - (g->parts > 1);          /* levels of one iteration */
    if (g->parts && inner < SDC_NEST_LEVELS && same_loops(&g->nest, inner, n)) {
        const int64_t to = n->to - g->nest.to, from = n->from - g->nest.from;
        if (g->parts == 1) {
            g->nest.to_step[inner] = to;
            g->nest.from_step[inner] = from;
            g->nest.levels++;
        }
        if (to == g->parts * g->nest.to_step[inner] && from == g->parts * g->nest.from_step[inner]) {
            g->nest.count[inner] = ++g->parts;
            return;
        }
    }
    flush(f, level);
    *g = (Growing){*n, 1};
}

/* ---- asking a packer --------------------------------------------------------------------------------------------- */

/* Digits of element numbers, 1 on for the first; 0 is padding.  Two bytes hold a digit of an element's number, four all. */
enum { DIGIT = 65535 };

static void *room(int64_t count, int64_t size)
{
    void *p = calloc((size_t)count + 1, (size_t)size);
    if (!p)
        fail(SDC_NO_SPACE, "out of memory packing a weight of %lld elements", (long long)count);
    return p;
}

static void *pack_numbers(const Buffer *b, const Tensor *source, int size, int64_t divisor)
{
    void *numbers = room(source->count, size), *packed = room(b->bytes, 1);
    for (int64_t k = 0; k < source->count; k++) {
        if (size == 2)
            ((uint16_t *)numbers)[k] = (uint16_t)(k / divisor % DIGIT + 1);
        else
            ((uint32_t *)numbers)[k] = (uint32_t)(k + 1);
    }
    Tensor t = *source;
    t.data = numbers;
    b->pack(packed, &t, b->pack_parameters);
    free(numbers);
    return packed;
}

/* Each packed element is the padding or, bit for bit, the element that its number says. */
static bool moved(int size, int64_t number, int64_t count, const char *source, const char *packed)
{
    static const char zeros[4];
    return number >= 0 && number <= count && !memcmp(packed, number ? source + (number - 1) * size : zeros, (size_t)size);
}

/* The number at packed element k, 0: padding, -1: it is none. */
static int64_t number_at(const void *low, const void *high, int64_t k)
{
    if (!high)
        return ((const uint32_t *)low)[k];
    const uint16_t first = ((const uint16_t *)low)[k], second = ((const uint16_t *)high)[k];
    return first && second ? (int64_t)(second - 1) * DIGIT + first : first || second ? -1 : 0;
}

/* Fold what was packed; false when elements were not just moved. */
static bool read_layout(Layouts *l, const Buffer *b, const Tensor *source, const char *packed, int size)
{
    void *low = pack_numbers(b, source, size, 1), *high = size == 2 ? pack_numbers(b, source, size, DIGIT) : NULL;
    Folder f = {.into = l};
    bool good = true;
    for (int64_t k = 0; good && k < b->bytes / size; k++) {
        const int64_t number = number_at(low, high, k);
        good = moved(size, number, source->count, source->data, packed + k * size);
        if (good && number)
            fold(&f, 0, &(SdcNest){.to = k, .from = number - 1});
    }
    for (int level = 0; level < SDC_NEST_LEVELS; level++)
        flush(&f, level);
    free(low);
    free(high);
    return good;
}

/* ---- asking where codes, scales and transformed kernels are ------------------------------------------------------ */

/* Loops that differ in extent, as those of a last group that is shorter, are folded apart. */
enum { STREAMS = 8, WORD = 32 };
typedef struct { Folder streams[STREAMS]; int64_t kind[STREAMS][2]; int count, codes; } Streams;

static void fold_apart(Streams *s, const SdcNest *n)
{
    int k = 0;
    while (k < s->count && memcmp(s->kind[k], n->count, sizeof s->kind[k]) != 0)
        k++;
    k = k < STREAMS ? k : STREAMS - 1;
    if (k == s->count) {
        memcpy(s->kind[k], n->count, sizeof s->kind[k]);
        s->count++;
    }
    fold(&s->streams[k], 0, n);
}

/* Whole words, and what is left in the last one. */
static void take_run(void *context, const CodeRun *r)
{
    Streams *s = context;
    const int64_t n = s->codes, whole = r->to % n ? 0 : r->count / n * n;
    const SdcNest words = {.to = r->to, .from = r->from, .levels = 2, .count = {n, whole / n},
                           .to_step = {1, n * r->width}, .from_step = {r->step, n * r->step}};
    const SdcNest rest = {.to = r->to + whole * r->width, .from = r->from + whole * r->step, .levels = 1,
                          .count = {r->count - whole}, .to_step = {1}, .from_step = {r->step}};
    if (whole)
        fold_apart(s, &words);
    if (r->count > whole)
        fold_apart(s, &rest);
}

static void take_group(void *context, const CodeRun *r)
{
    fold_apart(context, &(SdcNest){.to = r->scale, .from = r->from, .levels = 1, .count = {r->count},
                                   .from_step = {r->step}});
}

static void take_kernels(void *context, const CodeRun *r)
{
    Streams *s = context;
    fold_apart(s, &(SdcNest){.to = r->to, .from = r->from, .levels = 2, .count = {s->codes, r->count},
                             .to_step = {r->scale, r->width}, .from_step = {0, r->step}});
}

static void take_nothing(void *context, const CodeRun *r)
{
    (void)context;
    (void)r;
}

/* Fold what b tells the sink; how many nests that are. */
static int64_t read_places(Layouts *l, const Buffer *b, CodeSink sink, int codes)
{
    const int64_t first = l->n_nests;
    Streams *s = alloc(sizeof *s);
    s->codes = codes;
    for (int k = 0; k < STREAMS; k++)
        s->streams[k].into = l;
    sink.context = s;
    b->places(b->pack_parameters, &sink);
    for (int k = 0; k < s->count; k++)
        for (int level = 0; level < SDC_NEST_LEVELS; level++)
            flush(&s->streams[k], level);
    return l->n_nests - first;
}

static SdcLayout placed_layout(Layouts *l, const Buffer *b)
{
    const int side = b->winograd ? b->winograd + 2 : 0;
    SdcLayout layout = {.nest = l->n_nests, .bits = b->code_bits, .side = side};
    if (side)
        winograd_matrix(b->winograd, layout.transform);
    layout.nests = side ? read_places(l, b, (CodeSink){.group = take_nothing, .run = take_kernels}, side * side)
                        : read_places(l, b, (CodeSink){.group = take_nothing, .run = take_run}, WORD / b->code_bits);
    layout.scale = l->n_nests;
    layout.scales = side ? 0 : read_places(l, b, (CodeSink){.group = take_group, .run = take_nothing}, 0);
    return layout;
}

/* ---- one layout for all that is packed alike --------------------------------------------------------------------- */

static Known *known_as(Layouts *l, const Buffer *b, const Tensor *source, int size, bool *fresh)
{
    for (int k = 0; k < l->n_known; k++) {
        Known *known = &l->known[k];
        if (known->pack == b->pack && known->elements == source->count && known->bytes == b->bytes && known->size == size
            && !memcmp(known->parameters, b->pack_parameters, sizeof known->parameters)) {
            *fresh = false;
            return known;
        }
    }
    if (l->n_known == l->known_room) {
        l->known_room = l->known_room ? 2 * l->known_room : 32;
        l->known = alloc_more(l->known, l->n_known, l->known_room, sizeof *l->known);
    }
    Known *known = &l->known[l->n_known++];
    *known = (Known){.pack = b->pack, .elements = source->count, .bytes = b->bytes, .size = size, .layout = -1};
    memcpy(known->parameters, b->pack_parameters, sizeof known->parameters);
    *fresh = true;
    return known;
}

int layout_of(Layouts *l, const Buffer *b, const Tensor *source, const void *packed, const char **reason)
{
    const int size = dtype_info(source->dtype)->bytes;
    bool fresh;
    *reason = "it is stored in a type that nothing can be added to";
    if (!dtype_is_single(source->dtype) || source->count >= UINT32_MAX)
        return -1;
    Known *known = known_as(l, b, source, size, &fresh);
    if (!fresh)
        return known->layout;
    SdcLayout layout = {.nest = l->n_nests};
    if (b->places) {
        layout = placed_layout(l, b);
    } else if (!b->pack) {          /* as it is */
        keep_nest(l, &(SdcNest){.levels = 1, .count = {source->count}, .to_step = {1}, .from_step = {1}});
    } else if (!read_layout(l, b, source, packed, size)) {
        l->n_nests = layout.nest;
        return -1;
    }
    layout.nests = layout.nests ? layout.nests : l->n_nests - layout.nest;
    layout.elements = source->count;
    if (l->n_layouts == l->layouts_room) {
        l->layouts_room = l->layouts_room ? 2 * l->layouts_room : 32;
        l->layouts = alloc_more(l->layouts, l->n_layouts, l->layouts_room, sizeof *l->layouts);
    }
    l->layouts[l->n_layouts] = layout;
    return known->layout = (int)l->n_layouts++;
}
