/* progress.c: one bar on stderr for what takes longer than a second.
 *
 *      drawing  [##########----------]  50%  00:12, 00:12 left
 *
 * Nothing is drawn when stderr is no terminal, in the first second, or more often than ten times a second; the line is
 * wiped at the end, so that what stays on the screen is the result. */
#define _GNU_SOURCE 1
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime.h"

enum { BAR = 30, LINE = 160 };
static const double first_drawn = 1.0, redraw_every = 0.1;      /* seconds */

double sdc_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void put_line(const char *text, size_t bytes)
{
    ssize_t written = write(STDERR_FILENO, text, bytes);
    (void)written;
}

/* "03:25" or "1:03:25" */
static void clock_text(char text[32], double seconds)
{
    long whole = seconds < 0 ? 0 : seconds > 1e6 ? 1000000 : (long)(seconds + 0.5);
    if (whole >= 3600)
        snprintf(text, 32, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(text, 32, "%02ld:%02ld", whole / 60, whole % 60);
}

void sdc_progress_begin(SdcProgress *p, const char *what, int64_t total, bool quiet)
{
    double now = sdc_now();
    *p = (SdcProgress){what, total, now, now, false};
    if (quiet || total <= 0 || !isatty(STDERR_FILENO))
        p->total = 0;
}

void sdc_progress_step(SdcProgress *p, int64_t done)
{
    double now = sdc_now(), elapsed = now - p->start;
    if (p->total <= 0 || elapsed < first_drawn || (p->active && now - p->last < redraw_every))
        return;
    p->active = true;
    p->last = now;
    if (done < 0)
        done = 0;
    if (done > p->total)
        done = p->total;
    double share = (double)done / (double)p->total;
    char line[LINE], bar[BAR + 1], passed[32], left[32] = "--:--";
    int full = (int)(share * BAR);
    memset(bar, '#', (size_t)full);
    memset(bar + full, '-', (size_t)(BAR - full));
    bar[BAR] = 0;
    clock_text(passed, elapsed);
    if (done > 0)
        clock_text(left, elapsed / share - elapsed);
    int length = snprintf(line, sizeof line, "\r%.40s [%s] %3d%%  %s, %s left\033[K", p->what, bar, (int)(share * 100),
                          passed, left);
    put_line(line, (size_t)(length < LINE ? length : LINE - 1));
}

void sdc_progress_end(SdcProgress *p)
{
    static const char wipe[] = "\r\033[K";
    if (p->active)
        put_line(wipe, sizeof wipe - 1);
    p->active = false;
    p->total = 0;
}
