/* sd_report.h: --info and --bench of a Stable Diffusion executable. */
#ifndef SDC_SD_REPORT_H
#define SDC_SD_REPORT_H

#include "sd.h"

double sd_anonymous(void);          /* anonymous and shared memory that is resident now, MiB */
int sd_info(const SdOptions *o);    /* on stdout; one JSON object with --json */
int sd_bench(Sd *sd);               /* one warm-up and options->runs complete drawings, then a report */

#endif
