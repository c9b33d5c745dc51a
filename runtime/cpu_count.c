/* cpu_count.c: how many threads are worth starting: CPUs in the affinity mask, limited by the cgroup's CPU quota.
 *
 * A container with `--cpus 2` on a 64-core machine sees 64 CPUs in its mask; 64 threads would be throttled together. */
#define _GNU_SOURCE 1
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"
#include "runtime.h"

enum { MAX_CPUS = 8192, PATH_BYTES = 4096 };

/* The two numbers of FOLDER/NAME into pair; false when absent or "max".  One number a file leaves pair[1] alone. */
static bool read_numbers(const char *folder, const char *name, double pair[2])
{
    char path[PATH_BYTES + 64];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool found = fscanf(file, "%lf %lf", &pair[0], &pair[1]) >= 1;
    fclose(file);
    return found;
}

/* CPUs allowed by the quota files in one cgroup folder; 0: no limit. */
static double folder_quota(const char *folder)
{
    double quota[2] = {-1, 100000};
    if (!read_numbers(folder, "cpu.max", quota)) {
        double period[2];
        if (!read_numbers(folder, "cpu.cfs_quota_us", quota) || !read_numbers(folder, "cpu.cfs_period_us", period))
            return 0;
        quota[1] = period[0];
    }
    return quota[0] > 0 && quota[1] > 0 ? quota[0] / quota[1] : 0;
}

/* The smallest quota from ROOT/CONTROLLER/GROUP up to ROOT/CONTROLLER.  Inside a container GROUP may be the host's
 * name and not exist here; then the levels that do exist decide. */
static double chain_quota(const char *root, const char *controller, const char *group)
{
    char folder[PATH_BYTES];
    int top = snprintf(folder, sizeof folder, "%s/%s", root, controller);
    int length = snprintf(folder, sizeof folder, "%s/%s%s", root, controller, group);
    if (length >= (int)sizeof folder)
        return 0;
    double least = 0;
    for (;;) {
        double quota = folder_quota(folder);
        if (quota > 0 && (least <= 0 || quota < least))
            least = quota;
        char *slash = strrchr(folder, '/');
        if (!slash || slash < folder + top)
            return least;
        *slash = 0;
    }
}

static bool lists_cpu(const char *controllers)
{
    for (const char *at = controllers; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, "cpu", 3) == 0 && (at[3] == 0 || at[3] == ','))
            return true;
    return false;
}

int sdc_cgroup_cpus(const char *membership, const char *root)
{
    FILE *file = fopen(membership, "re");
    if (!file)
        return 0;
    double least = 0;
    char line[PATH_BYTES];
    while (fgets(line, sizeof line, file)) {            /* ID:CONTROLLERS:GROUP; version 2 has no controllers */
        line[strcspn(line, "\n")] = 0;
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = 0;
        controllers++;
        if (*controllers && !lists_cpu(controllers))
            continue;
        double quota = chain_quota(root, *controllers ? "cpu" : "", group);
        if (quota > 0 && (least <= 0 || quota < least))
            least = quota;
    }
    fclose(file);
    if (least <= 0 || least > MAX_CPUS)
        return 0;
    int whole = (int)least;
    return whole + (whole < least);
}

int sdc_default_threads(void)
{
    int cpus = 1;
    cpu_set_t *mask = CPU_ALLOC(MAX_CPUS);              /* cpu_set_t alone ends at 1024 CPUs */
    if (mask) {
        if (sched_getaffinity(0, CPU_ALLOC_SIZE(MAX_CPUS), mask) == 0)
            cpus = CPU_COUNT_S(CPU_ALLOC_SIZE(MAX_CPUS), mask);
        CPU_FREE(mask);
    }
    int quota = sdc_cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
    if (quota > 0 && quota < cpus)
        cpus = quota;
    return cpus > 0 ? cpus : 1;
}
