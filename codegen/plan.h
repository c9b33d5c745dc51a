/* plan.h: what plan.c, schedule.c and place.c ask of each other. */
#ifndef SDC_PLAN_H
#define SDC_PLAN_H

#include "codegen.h"

/* Lifetimes of a program whose calls are in their present order.  Buffer.first and .last are set as well. */
typedef struct {
    Buffer **list;                  /* one for each place in the arena; what takes another's place is not among them */
    int count;
    Buffer **same_as;               /* by Buffer.id: whose place it takes (its own, to begin with) */
    int end;                        /* order behind the last call */
    int64_t bytes;                  /* largest sum of live bytes: no plan needs less */
    int peak, n_peaks;              /* the first order with that sum, and how many have it */
} Lives;

void find_lives(Program *p, Lives *l);          /* free_lives() first where l was used before */
void free_lives(Lives *l);

/* Room in the arena that a buffer takes: its bytes, up to the alignment. */
int64_t arena_room(const Buffer *b);

/* schedule.c: put the calls into an order with a lower peak of live bytes, where it finds one; the results are the same
 * bytes.  False: the order is as it was. */
bool schedule_program(Program *p);

/* place.c: offsets, by Buffer.id, of buffers whose lifetimes are known.  Returns the arena's bytes. */
int64_t place_buffers(Buffer **list, int count, int64_t bound, int64_t *offsets);

#endif
