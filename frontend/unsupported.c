/* unsupported.c: everything in a file that sdc can not compile, collected while it is read and reported at once.
 *
 *      sdc: m.onnx: not supported: operator Foo x12 (node 'a', node 'b', node 'c', ...); type string x1 (input 's') */
#include <string.h>

#include "onnx.h"

enum { WHERES_SHOWN = 3, TEXT_ROOM = 3500 };

struct Unsupported {
    struct Unsupported *next;
    const char *what;
    int64_t count;
    const char *where[WHERES_SHOWN];
};

void unsupported_add(Unsupported **list, const char *what, const char *where)
{
    while (*list && strcmp((*list)->what, what))
        list = &(*list)->next;
    if (!*list) {
        *list = alloc(sizeof **list);
        (*list)->what = text_copy(what);
    }
    if ((*list)->count < WHERES_SHOWN)
        (*list)->where[(*list)->count] = text_copy(where);
    (*list)->count++;
}

void unsupported_report(const Unsupported *list, const char *path)
{
    char text[TEXT_ROOM];
    size_t used = 0;
    int64_t left_out = 0;
    if (!list)
        return;
    for (const Unsupported *u = list; u; u = u->next) {
        const char *wheres = u->where[0];
        for (int64_t k = 1; k < u->count && k < WHERES_SHOWN; k++)
            wheres = text_format("%s, %s", wheres, u->where[k]);
        const char *entry = text_format("%s%s x%lld (%s%s)", u == list ? "" : "; ", u->what, (long long)u->count,
                                        wheres, u->count > WHERES_SHOWN ? ", ..." : "");
        size_t length = strlen(entry);
        left_out += used + length >= sizeof text;
        if (left_out)
            continue;
        memcpy(text + used, entry, length);
        used += length;
    }
    text[used] = 0;
    fail(SDC_UNSUPPORTED, "%s: not supported: %s%s", path, text,
         left_out ? text_format("; and %lld more kinds", (long long)left_out) : "");
}
