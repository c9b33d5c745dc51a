/* rules.h: random graphs of what passes/grad.c has rules for. */
#ifndef SDC_TESTS_GRAD_RULES_H
#define SDC_TESTS_GRAD_RULES_H

#include "../fuzz/make.h"

/* The k-th part that can be in a graph, and how many there are: every operator with a rule is in one. */
int rule_count(void);
void make_rule(Maker *m, int k);

#endif
