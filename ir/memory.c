/* memory.c: how much anonymous memory the compiler has used, sampled where it is highest: while recipes are evaluated
 * and weights are packed.  Mapped model files do not count: the kernel may drop their pages at any time. */
#include <stdio.h>

#include "sdc.h"

static int64_t peak;

static int64_t anonymous_now(void)
{
    char line[256];
    long long kilobytes, sum = 0;
    FILE *in = fopen("/proc/self/status", "r");
    while (in && fgets(line, sizeof line, in))
        if (sscanf(line, "RssAnon: %lld", &kilobytes) == 1 || sscanf(line, "RssShmem: %lld", &kilobytes) == 1)
            sum += kilobytes;
    if (in)
        fclose(in);
    return sum * 1024;
}

void memory_sample(void)
{
    int64_t now = anonymous_now();
    if (now > peak)
        peak = now;
}

int64_t memory_peak(void)
{
    memory_sample();
    return peak;
}
