/* choice.c: see choice.h. */
#include "choice.h"

#include <string.h>

#include "../runtime/runtime.h"

/* Candidates are a factor of about two apart, since what is closer differs by less than the noise, and leave out what the
 * template has: 64 rows of gemm.h, 768 depths. */
static const ChoiceInfo choices[CHOICE_COUNT] = {
    /* outputs of Winograd's tile along an axis; 1: the products themselves, by conv.h or conv_bf16.h */
    [CHOICE_WINOGRAD] = {"winograd", "conv, conv_winograd, conv_bf16", {1, 2, 4}, false},
    /* tiles of a unit of products, for which each weight is transformed once; and units in a round */
    [CHOICE_UNIT_TILES] = {"unit-tiles", "conv_winograd", {32, 64, 128}, true},
    [CHOICE_ROUND_UNITS] = {"round-units", "conv_winograd", {1, 2, 4}, true},
    /* panels of columns in a unit of work, and rows: how finely threads share it, how often a weight is used */
    [CHOICE_UNIT_PANELS] = {"unit-panels", "conv, conv_bf16, gemm, gemm_bf16, gemm_int8", {1, 2, 4, 8, 16}, true},
    [CHOICE_UNIT_ROWS] = {"unit-rows", "gemm, gemm_bf16, gemm_int8", {32, 128, 512}, true},
    /* depths that a tile is multiplied by at a time */
    [CHOICE_DEPTH_STEP] = {"depth-step", "gemm", {128, 256, 512, 1536}, true},
    /* what units that follow each other share, by their caches: 1 the rows, 2 the panels */
    [CHOICE_UNIT_ORDER] = {"unit-order", "gemm", {1, 2}, true},
    /* keys between two corrections of the running maximum */
    [CHOICE_KEY_BLOCK] = {"key-block", "attention, attention_bf16", {96, 192, 384}, false},
};

const ChoiceInfo *choice_info(ChoiceKind kind) { return &choices[kind]; }

ChoiceKind choice_by_name(const char *name)
{
    ChoiceKind kind = 0;
    while (kind < CHOICE_COUNT && strcmp(choices[kind].name, name))
        kind++;
    return kind;
}

Chosen *choices_find(const Choices *c, ChoiceKind kind, const char *site)
{
    for (int k = 0; k < c->n_chosen; k++)
        if (c->chosen[k].kind == kind && !strcmp(c->chosen[k].site, site))
            return &c->chosen[k];
    return NULL;
}

void choices_set(Choices *c, ChoiceKind kind, const char *site, int64_t value, int line)
{
    Chosen *known = choices_find(c, kind, site);
    if (!known && c->n_chosen == c->chosen_room) {
        c->chosen_room = c->chosen_room ? 2 * c->chosen_room : 64;
        c->chosen = alloc_more(c->chosen, c->n_chosen, c->chosen_room, sizeof *c->chosen);
    }
    *(known ? known : &c->chosen[c->n_chosen++]) = (Chosen){kind, site, value, line, false};
}

int choice_candidates(ChoiceKind kind, int64_t standard, int64_t limit, int64_t *values)
{
    int count = 0;
    for (int k = 0; k < MOST_CANDIDATES && choices[kind].candidates[k]; k++)
        if (choices[kind].candidates[k] <= limit && choices[kind].candidates[k] != standard)
            values[count++] = choices[kind].candidates[k];
    return count;
}

const Asked *choices_asked(const Choices *c, ChoiceKind kind, const char *site)
{
    for (int k = 0; k < c->n_asked; k++)
        if (c->asked[k].kind == kind && !strcmp(c->asked[k].site, site))
            return &c->asked[k];
    return NULL;
}

static void note_asked(Choices *c, const Asked *question)
{
    if (choices_asked(c, question->kind, question->site))
        return;
    if (c->n_asked == c->asked_room) {
        c->asked_room = c->asked_room ? 2 * c->asked_room : 64;
        c->asked = alloc_more(c->asked, c->n_asked, c->asked_room, sizeof *c->asked);
    }
    c->asked[c->n_asked++] = *question;
}

/* A lock file's value must be one that the kernel can do. */
static int64_t checked(const Choices *c, const Chosen *answer, const int64_t *values, int count, int64_t standard)
{
    bool possible = answer->value == standard;
    for (int k = 0; k < count; k++)
        possible |= values[k] == answer->value;
    if (!possible)
        fail(SDC_BAD_INPUT, "%s:%d: %s %lld is not possible for %s", c->path, answer->line, choices[answer->kind].name,
             (long long)answer->value, answer->site);
    return answer->value;
}

int64_t choose(const Lowering *l, ChoiceKind kind, const char *site, int64_t standard, int64_t limit)
{
    Choices *c = l->program->graph->model->choices;
    int64_t values[MOST_CANDIDATES];
    if (!c)
        return standard;
    const int count = choice_candidates(kind, standard, limit, values);
    Chosen *answer = choices_find(c, kind, site);
    note_asked(c, &(Asked){kind, site, standard, limit});
    if (answer)
        answer->used = true;
    return answer ? checked(c, answer, values, count, standard) : standard;
}

void call_choice(const Lowering *l, Call *c, ChoiceKind kind, const char *name, int64_t limit)
{
    const int64_t value = choose(l, kind, c->site, 0, limit);
    if (value)
        call_int(c, name, value);
}
