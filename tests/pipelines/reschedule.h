/* reschedule.h: a pipeline's executable with another scheduler_config.json inside. */
#ifndef SDC_TESTS_RESCHEDULE_H
#define SDC_TESTS_RESCHEDULE_H

#include <jansson.h>

/* A copy of the executable `from` at `to` whose section "scheduler" says what `config` does.  Exits when it can not. */
void reschedule(const char *from, const char *to, const json_t *config);

#endif
