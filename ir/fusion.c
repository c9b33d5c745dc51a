/* fusion.c: which fusions are on, and the record of candidates that `sdc explain` prints. */
#include <stdarg.h>
#include <string.h>

#include "../runtime/runtime.h"
#include "sdc.h"

static const struct { const char *name, *meaning; } table[] = {
#define FUSION(name, meaning) {#name, meaning},
#include "fusion.def"
#undef FUSION
};

const char *fusion_name(Fusion f)
{
    return table[f].name;
}

const char *fusion_meaning(Fusion f)
{
    return table[f].meaning;
}

Fusion fusion_by_name(const char *name)
{
    int f = 0;
    while (f < FUSION_COUNT && strcmp(table[f].name, name))
        f++;
    return (Fusion)f;
}

bool fuses(const Graph *g, Fusion f)
{
    return !(g->model->no_fuse & 1u << f);
}

static void record(const Node *at, const char *kind, const char *became, const char *reason)
{
    Model *m = at->graph->model;
    FusionCandidate *c = alloc(sizeof *c);
    *c = (FusionCandidate){.kind = kind, .node = at->id, .name = at->name, .became = became, .reason = reason};
    *(m->candidates ? &m->last_candidate->next : &m->candidates) = c;
    m->last_candidate = c;
}

void candidate_became(const Node *at, const char *kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    record(at, kind, text_vformat(format, arguments), NULL);
    va_end(arguments);
}

void candidate_missed(const Node *at, const char *kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    record(at, kind, NULL, text_vformat(format, arguments));
    va_end(arguments);
}

static FusionCandidate *find_fused(const Node *at, const char *kind)
{
    FusionCandidate *c = at->graph->model->candidates;
    while (c && (c->node != at->id || !c->became || strcmp(c->kind, kind)))
        c = c->next;
    return c;
}

void candidate_parted(const Node *at, const char *kind, const char *why)
{
    FusionCandidate *c = find_fused(at, kind);
    if (c) {
        c->became = NULL;
        c->reason = why;
    }
}

void candidate_instead(const Node *at, const char *kind, const char *other, const char *became)
{
    FusionCandidate *c = find_fused(at, kind);
    if (c) {
        c->kind = other;
        c->became = became;
    }
}
