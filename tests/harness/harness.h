/* harness.h: what the larger tests share: work spread over child processes, files, folders, and the closing count. */
#ifndef SDC_TESTS_HARNESS_H
#define SDC_TESTS_HARNESS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXIT_SKIPPED = 77, TIMED_OUT = 124, SIGNALLED = 128 };

/* ---- children ---- */

/* Runs in a child of its own, whose stdout and stderr are caught; the result is the exit code. */
typedef int Work(int k, void *context);
/* Called in the parent.  code: exit code, TIMED_OUT, or SIGNALLED + signal.  text: what the child printed. */
typedef void Done(int k, int code, const char *text, void *context);

/* work(k) for k in list[0..count), `jobs` at once, each at most `seconds`; done() is called as they end. */
void run_parallel(int jobs, const int *list, int count, unsigned seconds, Work *work, Done *done, void *context);
/* One program; text gets malloc'd output.  The code is as in Done. */
int run_program(char *const *argv, unsigned seconds, char **text);
int cpus(void);

/* ---- files ---- */

char *format(const char *text, ...) __attribute__((format(printf, 1, 2)));     /* malloc'd; never NULL */
char *read_text(const char *path, size_t *bytes);       /* malloc'd; NULL when it can not be read; bytes may be NULL */
void write_text(const char *path, const char *text);    /* exits with a message when it can not */
void write_bytes(const char *path, const void *data, size_t bytes);
char *work_folder(const char *name); /* a fresh one in memory or TMPDIR, removed with its contents at exit */
void remove_tree(const char *path);
/* Names in folder that satisfy keep (NULL: all but dot files), sorted; NULL at the end. */
char **list_folder(const char *folder, bool (*keep)(const char *folder, const char *name), int *count);

/* ---- pictures ---- */

/* A PNG file's samples [height][width][channels] as they are, of 8 bits or 16, malloc'd; exits where there is none. */
typedef struct { int width, height, channels, bits; } PngHead;
uint16_t *read_png(const char *path, PngHead *head);
/* How many of them are not the nearest to a picture [channels][height][width] in -1..1. */
int64_t samples_off(const uint16_t *samples, const PngHead *head, const float *picture);
/* Is `deep` the picture of `plain`, of 16 bits where that has 8, and do the lower ones say more? */
bool is_deeper(const char *deep, const char *plain);

/* ---- numbers ---- */

/* The larger one, and NaN where one of them is: unlike fmax() it keeps what is wrong. */
static inline double larger(double a, double b)
{
    return a > b || isnan(a) ? a : b;
}

/* ---- text ---- */

char *first_line(const char *text);                     /* malloc'd */

#endif
