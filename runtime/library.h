/* sdclib.h: networks that sdc compiled, as a C library.
 *
 * NETWORKS
 *
 *      sdclib_instance *net;
 *      int code = sdclib_create(&net, &(sdclib_options){.weights_path = "sdclib.weights"});
 *      sdclib_tensor x, y;
 *      if (!code && !(code = sdclib_input(net, 0, &x)) && !(code = sdclib_output(net, 0, &y))) {
 *          fill(x.data, x.bytes);
 *          code = sdclib_run(net, 0);
 *          use(y.data, y.bytes);
 *      }
 *      if (code)
 *          fprintf(stderr, "%s\n", sdclib_message(net));
 *      sdclib_destroy(net);
 *
 * Link with -lm -pthread.  Instances share nothing: different threads may use different instances at the same time; one
 * instance belongs to one thread at a time.  The library prints nothing, installs no signal handlers and never ends the
 * process.  A weights file that shrinks while it is mapped is a SIGBUS, as for any mapped file: replace it by renaming.
 */
#ifndef SDCLIB_H
#define SDCLIB_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SDCLIB_ABI 1                    /* changes when a program that was compiled against this header must be again */
int sdclib_abi(void);                   /* SDCLIB_ABI of the library itself: compare after dlopen() */

/* What functions return; sdclib_message() says more. */
enum {
    SDCLIB_OK = 0,
    SDCLIB_USAGE = 1,                   /* an argument is wrong */
    SDCLIB_BAD_INPUT = 2,               /* the weights are absent, damaged, of another model; a value in a tensor is */
    SDCLIB_UNSUPPORTED = 3,             /* this CPU lacks instructions */
    SDCLIB_NO_SPACE = 4,                /* out of memory or threads */
    SDCLIB_CANCELLED = 6                /* by the progress callback */
};

/* Element types; the numbers are ONNX's.  Types of fewer than 8 bits take a byte an element. */
enum {
    SDCLIB_F32 = 1, SDCLIB_U8 = 2, SDCLIB_I8 = 3, SDCLIB_U16 = 4, SDCLIB_I16 = 5, SDCLIB_I32 = 6, SDCLIB_I64 = 7,
    SDCLIB_BOOL = 9, SDCLIB_F16 = 10, SDCLIB_F64 = 11, SDCLIB_U32 = 12, SDCLIB_U64 = 13, SDCLIB_BF16 = 16,
    SDCLIB_F8E4M3 = 17, SDCLIB_F8E4M3Z = 18, SDCLIB_F8E5M2 = 19, SDCLIB_F8E5M2Z = 20, SDCLIB_U4 = 21, SDCLIB_I4 = 22,
    SDCLIB_F4E2M1 = 23, SDCLIB_F8E8M0 = 24, SDCLIB_U2 = 25, SDCLIB_I2 = 26
};

/* ---- networks: a single model is one; a pipeline has one a component, batch and size ----------------------------- */

int sdclib_networks(void);
const char *sdclib_network_name(int network);       /* "unet@b2-512x512"; NULL: there is no such network */
int64_t sdclib_arena_bytes(int network);            /* working memory of one instance; -1: no such network */

/* ---- instances --------------------------------------------------------------------------------------------------- */

typedef struct sdclib_instance sdclib_instance;

typedef struct {
    int network;
    const char *weights_path;           /* the weights file: mapped, pages are shared by all who map it */
    const void *weights;                /* or its bytes in memory, 64-byte aligned: used where they are until destroy */
    int64_t weights_bytes;
    void *arena;                        /* the caller's working memory, 64-byte aligned; NULL: the library's own */
    int64_t arena_bytes;                /* at least sdclib_arena_bytes(network) */
    bool check;                         /* compare all of the weights with their checksums first */
} sdclib_options;

/* *instance is set on failure too, so that sdclib_message() can tell why (NULL: out of memory); destroy it in any case.
 * options may go away afterwards; weights and arena are the caller's and must stay. */
int sdclib_create(sdclib_instance **instance, const sdclib_options *options);
void sdclib_destroy(sdclib_instance *instance);     /* NULL is fine */
/* What the last failed call on this instance was about; "" when none failed.  Valid until the next call. */
const char *sdclib_message(const sdclib_instance *instance);

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;                   /* as in the model */
    int dtype;                          /* SDCLIB_F32, ... */
    int rank;
    int64_t dim[8];
    int64_t bytes;
    void *data;                         /* row-major, inside the arena; stays the same for the instance's life */
} sdclib_tensor;

int sdclib_inputs(const sdclib_instance *instance);          /* how many; 0 of an instance that failed to open */
int sdclib_outputs(const sdclib_instance *instance);
int sdclib_input(sdclib_instance *instance, int index, sdclib_tensor *tensor);
int sdclib_output(sdclib_instance *instance, int index, sdclib_tensor *tensor);
int sdclib_input_index(const sdclib_instance *instance, const char *name);      /* -1: there is none */
int sdclib_output_index(const sdclib_instance *instance, const char *name);

/* ---- running ----------------------------------------------------------------------------------------------------- */

/* Fill every input before every run: a run reuses their memory.  Outputs last until an input is written.  threads
 * counts the caller's; 0: the CPUs that this process may use.  They are started at the first run, and again when the
 * number changes.  The result does not depend on their number. */
int sdclib_run(sdclib_instance *instance, int threads);

/* Called on the running thread before each of the network's `total` kernel calls (a loop's again in each iteration).
 * Non-zero ends the run: SDCLIB_CANCELLED.  NULL: no more calls. */
typedef int sdclib_progress(void *user, int64_t done, int64_t total);
void sdclib_on_progress(sdclib_instance *instance, sdclib_progress *progress, void *user);

#ifdef __cplusplus
}
#endif

#endif
