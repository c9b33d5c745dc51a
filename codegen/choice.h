/* choice.h: what lowering can do in more than one way, and which way an instance takes.
 *
 * A cost model proposes a value; a lock file, or who measures candidates, may say another one.  A value belongs to a choice
 * and a site: the text of the parameters that tell instances apart as far as the choice goes, without the batch, which must
 * not change what an image is computed by. */
#ifndef SDC_CHOICE_H
#define SDC_CHOICE_H

#include "codegen.h"

typedef enum {
    CHOICE_WINOGRAD, CHOICE_UNIT_TILES, CHOICE_ROUND_UNITS, CHOICE_UNIT_PANELS, CHOICE_UNIT_ROWS, CHOICE_DEPTH_STEP,
    CHOICE_UNIT_ORDER, CHOICE_KEY_BLOCK, CHOICE_COUNT
} ChoiceKind;

enum { MOST_CANDIDATES = 6 };

typedef struct {
    const char *name, *kernels;     /* as a lock file has it; whose instances it is about */
    int64_t candidates[MOST_CANDIDATES];
    bool same_bytes;                /* no candidate changes a bit of a result */
} ChoiceInfo;
const ChoiceInfo *choice_info(ChoiceKind kind);
ChoiceKind choice_by_name(const char *name);            /* CHOICE_COUNT: there is none */

/* One answer; `line` of the lock file that gave it, 0: none did. */
typedef struct { ChoiceKind kind; const char *site; int64_t value; int line; bool used; } Chosen;

/* A question that lowering asked.  limit: candidates are at most that. */
typedef struct { ChoiceKind kind; const char *site; int64_t standard, limit; } Asked;

typedef struct Choices {
    const char *path;               /* of the lock file, for messages */
    Chosen *chosen;                 /* the answers; what is not among them is as the cost model has it */
    int n_chosen, chosen_room;
    Asked *asked;                   /* each question once, in the order of the first time */
    int n_asked, asked_room;
} Choices;

void choices_set(Choices *c, ChoiceKind kind, const char *site, int64_t value, int line);
Chosen *choices_find(const Choices *c, ChoiceKind kind, const char *site);     /* NULL: no answer */
const Asked *choices_asked(const Choices *c, ChoiceKind kind, const char *site);        /* NULL: no such question */

/* What there is to try beside `standard`, in the table's order; returns how many. */
int choice_candidates(ChoiceKind kind, int64_t standard, int64_t limit, int64_t *values);

/* The value for an instance of the program that is lowered; standard: the cost model's, 0 where the template has it. */
int64_t choose(const Lowering *l, ChoiceKind kind, const char *site, int64_t standard, int64_t limit);

/* The same as a parameter of c, unless it is the template's. */
void call_choice(const Lowering *l, Call *c, ChoiceKind kind, const char *name, int64_t limit);

/* alone.c: c, of a program that was lowered, as a planned program of its own, on inputs of its own. */
Program *call_alone(const Call *c, const char *name);

#endif
