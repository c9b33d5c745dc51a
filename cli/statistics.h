/* statistics.h: the mean and deviation that a class of pipelines keeps in a file of its own. */
#ifndef SDC_STATISTICS_H
#define SDC_STATISTICS_H

#include "../codegen/codegen.h"
#include "pipelines.h"

/* The two tensors of a rule as a section: float32 [2][n]. */
Section statistics_section(const char *folder, const StatisticsRule *rule);

#endif
