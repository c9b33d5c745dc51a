/* pool.h: what the memory certificate and the tests need of the thread pool, beside runtime.h. */
#ifndef SDC_POOL_H
#define SDC_POOL_H

#include <stdbool.h>

enum { SDC_STACK_BYTES = 2 << 20 };      /* of each worker; kernels may keep 1 MB, thread-local data takes the rest */

/* CPUs that a cgroup's quota allows, rounded up; 0: no limit.  Version 1 and 2, every level up to the root counts.
 * membership: /proc/self/cgroup; root: /sys/fs/cgroup; both are arguments so that a test can fake them. */
int sdc_cgroup_cpus(const char *membership, const char *root);

/* While on, the pool adds up what its threads do: for --profile. */
struct SdcPool;
enum { SDC_SPANS = 17 };
extern const int sdc_span_threads[SDC_SPANS];               /* 1 .. 256, ascending */
typedef struct {
    double parallel, busy;                                  /* seconds in parallel loops; at work there, of all threads */
    double spans[SDC_SPANS];    /* what these loops would take with so many threads: the thread with most units decides */
} SdcPoolTimes;
void sdc_pool_measure(struct SdcPool *pool, bool on);
SdcPoolTimes sdc_pool_times(const struct SdcPool *pool);

#endif
