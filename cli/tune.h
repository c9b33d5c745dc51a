/* tune.h: sdc compile --tune. */
#ifndef SDC_TUNE_H
#define SDC_TUNE_H

#include "../codegen/choice.h"
#include "cli.h"

/* Times what the instances of these programs could do else, the most expensive first, until o->tune seconds are over, and
 * answers o->choices, which their graphs ask.  Prints what won unless o->quiet. */
void tune(Program *const *programs, int n_programs, const Options *o, const Isa *isa);

#endif
