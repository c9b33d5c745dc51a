/* fileio.h: files read by mapping them, and files written so that a reader sees the old one, the new one or none.
 *
 * Inputs must be regular files: no FIFO, no device.  An output is written to PATH.PID-N.tmp beside PATH, synced, and
 * renamed over PATH; a failure or a signal removes the temporary.  Functions that return int return an SDC_ code and
 * have printed the error line themselves. */
#ifndef SDC_FILEIO_H
#define SDC_FILEIO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- reading ---- */

typedef struct SdcFile { const uint8_t *data; int64_t bytes; } SdcFile;
int sdc_file_map(SdcFile *f, const char *path);   /* read-only; an empty file gives bytes 0 */
void sdc_file_unmap(SdcFile *f);

/* ---- writing ---- */

/* Opened, written, then committed or discarded; must not move in memory in between.  For the main thread only. */
typedef struct SdcOutput {
    int fd;                       /* readable too */
    char *path, *temporary;
    struct SdcOutput *next;       /* the open ones, for the signal handler */
} SdcOutput;

int sdc_output_check(const char *path);     /* could it be written?  SDC_USAGE if not; changes nothing */
/* mode: 0666, or 0777 for a program; the umask applies. */
int sdc_output_open(SdcOutput *o, const char *path, mode_t mode);
int sdc_output_write(SdcOutput *o, const void *data, int64_t bytes);
int sdc_output_sync(SdcOutput *o);          /* to the disk, and closed; optional before commit */
int sdc_output_commit(SdcOutput *o);        /* sync and rename; discards on failure */
void sdc_output_discard(SdcOutput *o);      /* removes the temporary; harmless after commit */

/* A file that has its name already but is to be gone in the end goes at a signal as well; the last one named; NULL: none. */
void sdc_output_fleeting(const char *path);

bool sdc_read_all(int fd, void *data, int64_t bytes);           /* false: there are fewer, or it failed; prints nothing */
int sdc_write_all(int fd, const void *data, int64_t bytes);     /* 0 or an errno; prints nothing */
int sdc_write_failed(const char *path, int error);              /* prints; SDC_NO_SPACE */

/* Once, first thing in main: SIGINT, SIGTERM and SIGHUP remove the open outputs' temporaries before they kill, a
 * mapped file that shrinks (SIGBUS) exits SDC_BAD_INPUT with a line, a file size limit is an error, not a signal. */
void sdc_signals_guard(void);

#endif
