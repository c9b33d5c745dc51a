/* array_io.h: the array file formats one by one, on bytes in memory; runtime.h has the calls on paths.
 *
 * Parsers trust nothing: every length is compared with the bytes at hand before anything is allocated.  They return
 * SDC_ codes after printing a line that begins with `what` (a path, or "x.npz: member y"): SDC_BAD_INPUT for a damaged
 * file, SDC_UNSUPPORTED for a type that sdc has not.  On failure the array is empty. */
#ifndef SDC_ARRAY_IO_H
#define SDC_ARRAY_IO_H

#include "runtime.h"

/* ---- array.c ---- */

enum { SDC_SHAPE_TEXT = 8 + 21 * SDC_MAX_RANK };
const char *sdc_shape_text(char text[SDC_SHAPE_TEXT], int rank, const int64_t *dim);   /* "[1,3,64,64]"; returns text */
/* Elements of a shape, or -1: negative extent, or count x bytes above 2^62. */
int64_t sdc_shape_count(int rank, const int64_t *dim, int64_t element_bytes);
bool sdc_path_ends(const char *path, const char *suffix);
struct SdcOutput;
/* Arrays into an open output: all as an .npz, or the first as .npy; not committed. */
int sdc_arrays_emit(struct SdcOutput *o, const SdcArray *const *arrays, int n, bool zipped);

/* ---- npy.c ---- */

typedef int SdcSink(void *to, const void *data, int64_t bytes);      /* SDC_ code */

int sdc_npy_parse(SdcArray *a, const uint8_t *data, int64_t bytes, const char *what);
int sdc_npy_emit(const SdcArray *a, SdcSink *sink, void *to);        /* header, then data, a chunk at a time */
int64_t sdc_npy_bytes(const SdcArray *a);                            /* that sdc_npy_emit gives the sink */

/* ---- npz.c, npz_write.c ---- */

/* Member NAME or NAME.npy; member NULL: the only one. */
int sdc_npz_parse(SdcArray *a, const uint8_t *data, int64_t bytes, const char *member, const char *path);
/* The members' names without ".npy", in file order; one malloc'd block, freed by the caller. */
int sdc_npz_names(const char *path, char ***names, int *n);
int sdc_npz_emit(const SdcArray *const *arrays, int n, SdcSink *sink, void *to);    /* stored, names from the arrays */

/* ---- tensor_pb.c ---- */

int sdc_tensor_pb_parse(SdcArray *a, const uint8_t *data, int64_t bytes, const char *what);

#endif
