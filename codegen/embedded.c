/* embedded.c: the kernel templates, headers, runtime sources and the runtime archive that sdc carries inside itself. */
#include <errno.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "codegen.h"

const Embedded *embedded_find(const char *name)
{
    for (const Embedded *e = embedded_files; e->name; e++)
        if (!strcmp(e->name, name))
            return e;
    return NULL;
}

void embedded_write(const Embedded *e, const char *path)
{
    FILE *out = fopen(path, "wb");
    if (!out)
        fail(SDC_NO_SPACE, "%s: %s", path, strerror(errno));
    size_t bytes = (size_t)(e->end - e->data), written = fwrite(e->data, 1, bytes, out);
    if (fclose(out) || written != bytes)
        fail(SDC_NO_SPACE, "%s: %s", path, strerror(errno));
}
