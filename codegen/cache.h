/* cache.h: objects of the C compiler, kept by the content of what they were made from.  See cache.c. */
#ifndef SDC_CACHE_H
#define SDC_CACHE_H

#include "codegen.h"

typedef struct Cache Cache;

/* For the files of `folder` (cc_compile's); NULL: none is wanted, or none can be had. */
Cache *cache_open(const BuildOptions *o, const char *folder);
bool cache_fetch(Cache *c, const char *file, const char *object);   /* writes the object; false: it is not there */
void cache_store(Cache *c, const char *file, const char *object);
void cache_close(Cache *c);                                         /* brings it back to its size */

#endif
