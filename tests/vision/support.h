/* support.h: what the tests of vision executables share: commands, and arrays that make.py recorded. */
#ifndef SDC_TESTS_VISION_H
#define SDC_TESTS_VISION_H

#include "../../runtime/runtime.h"

extern const char *sdc, *source, *work;         /* of the command line: SDC SOURCE WORK */

int begin(int argc, char **argv);               /* makes WORK anew; 1 after printing the usage */
void end(void);

/* The exit code of a shell command; said() is what it printed on both. */
int command(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *said(void);
void expect(int got, int want, const char *what);               /* exit codes */

const char *in_work(const char *name);          /* WORK/name, until the next call */
SdcArray read_array(const char *path, const char *member);      /* member NULL: of an .npy */
SdcArray recorded(const char *member);          /* of tests/vision/recorded.npz */

/* The largest difference from a recorded array, which must have as many numbers. */
double worst(const char *path, const char *member, const char *wanted);

#endif
