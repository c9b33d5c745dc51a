/* origins.h: the table of runtime/origins.h, made while weights are packed. */
#ifndef SDC_CODEGEN_ORIGINS_H
#define SDC_CODEGEN_ORIGINS_H

#include "codegen.h"

Origins *origins_new(void);
/* The modules whose weights this buffer of p is made of: a hash, other for other parts of them or in another form; 0: of
 * none.  They are kept for origins_add(), which is told what was packed from what, once b->offset is known. */
uint64_t origins_find(Origins *o, const Program *p, const Buffer *b);
void origins_add(Origins *o, const Buffer *b, const Tensor *source, const void *packed);
Section origins_section(const Origins *o);          /* "origins"; no bytes when there are none */

/* layouts.c: where a packer puts each element, found by letting it pack their numbers. */
typedef struct Layouts Layouts;
Layouts *layouts_new(void);
/* The number of b's layout; -1 and *reason: its elements are not stored as they are. */
int layout_of(Layouts *l, const Buffer *b, const Tensor *source, const void *packed, const char **reason);
const struct SdcLayout *layouts_list(const Layouts *l, int64_t *count);
const struct SdcNest *layouts_nests(const Layouts *l, int64_t *count);

#endif
