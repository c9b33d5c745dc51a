/* opset.c: the table of opset.def, searched by name and version. */
#include <string.h>

#include "onnx.h"
#include "upgrade.h"

typedef struct { const char *name; int64_t since; Reader *read; } Row;

static const Row rows[] = {
#define OPSET(Name, since, reader) {#Name, since, read_##reader},
#define PREVIEW(domain, Name, reader)
#include "opset.def"
#undef PREVIEW
#undef OPSET
};
enum { ROWS = sizeof rows / sizeof *rows };

typedef struct { const char *domain, *name; Reader *read; } PreviewRow;

static const PreviewRow previews[] = {
#define OPSET(Name, since, reader)
#define PREVIEW(domain, Name, reader) {domain, #Name, read_##reader},
#include "opset.def"
#undef PREVIEW
#undef OPSET
};

/* The first row of a name; ROWS when there is none. */
static int first_row(const char *op)
{
    int low = 0, high = ROWS;
    while (low < high) {
        int middle = (low + high) / 2;
        if (strcmp(rows[middle].name, op) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ROWS && !strcmp(rows[low].name, op) ? low : ROWS;
}

Reader *opset_reader(const char *domain, const char *op, int64_t opset)
{
    Reader *best = NULL;
    for (size_t k = 0; k < sizeof previews / sizeof *previews; k++)
        if (!strcmp(previews[k].domain, domain) && !strcmp(previews[k].name, op))
            return previews[k].read;
    if (!domain_is_default(domain))
        return NULL;
    for (int k = first_row(op); k < ROWS && !strcmp(rows[k].name, op) && rows[k].since <= opset; k++)
        best = rows[k].read;
    return best;
}

bool opset_knows(const char *op)
{
    return first_row(op) < ROWS;
}

bool domain_is_default(const char *domain)
{
    return !*domain || !strcmp(domain, "ai.onnx");
}
