/* support.h: what the tests of the runtime share: stderr into a buffer, temporary files, programs run and watched. */
#ifndef SDC_TESTS_SUPPORT_H
#define SDC_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TEXT_BYTES = 65536 };

/* Whatever is written to stderr between the two calls; the text lives until the next capture. */
void capture_begin(void);
const char *capture_end(void);

/* A new empty folder, removed with everything in it by remove_folder. */
char *make_folder(void);
void remove_folder(char *folder);
const char *in_folder(const char *folder, const char *name);     /* one of a few rotating buffers */
int count_files(const char *folder);

void write_file(const char *path, const void *data, size_t bytes);
uint8_t *read_file(const char *path, size_t *bytes);              /* malloc'd to the byte */

/* Run a program; out and err hold TEXT_BYTES each.  The exit code, or 128 + signal. */
typedef struct Outcome { int code; char out[TEXT_BYTES], err[TEXT_BYTES]; } Outcome;
void run_program(Outcome *o, const char *const *argv);

#endif
