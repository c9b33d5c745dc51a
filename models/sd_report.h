/* sd_report.h: --info and --bench of a Stable Diffusion executable. */
#ifndef SDC_SD_REPORT_H
#define SDC_SD_REPORT_H

#include "sd.h"

double sd_anonymous(void);          /* anonymous and shared memory that is resident now, MiB */

/* What --info is asked about. */
typedef struct {
    const DriverOptions *common;
    const SdcLoraOptions *loras;          /* NULL: the driver has no --lora */
    int64_t count;                  /* pictures in one go */
    const char *beside[3];          /* components that stay open while another runs, NULL behind them */
    const char *keeps;              /* options whose arrays are not in the sum, in words; NULL: none */
} SdInfo;
int sd_info(const SdInfo *info);    /* on stdout; one JSON object with --json */
int sd_bench(Sd *sd);               /* one warm-up and options->runs complete drawings, then a report */

#endif
