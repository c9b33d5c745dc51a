/* explain.h: candidates for fusion, and figures of programs, as text and as JSON; for explain and bench. */
#ifndef SDC_EXPLAIN_H
#define SDC_EXPLAIN_H

#include <jansson.h>

#include "cli.h"

enum { MAX_KINDS = 64 };

typedef struct { const char *kind; int fused, missed; } KindCount;

int candidate_kinds(const Model *m, KindCount *kinds, int room);        /* their number; in the order first found */
void print_candidates(FILE *out, const Model *m);
json_t *program_json(const Program *p);         /* nodes, calls, moved_bytes, flops, arena_bytes */
json_t *text_json(const char *s);               /* null for NULL; what is no UTF-8 is spelled with '?' */
void print_json(json_t *root);                  /* one line on stdout; takes the reference */

#endif
