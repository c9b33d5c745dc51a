/* outputs.h: the files that a driver writes, all of them or none, and pictures as PNG has them.
 *
 *      Outputs out;
 *      outputs_begin(&out, "image.png", count, 2);            names the pictures, sees whether they could be written
 *      outputs_check(path)                                    for every other file, before the work begins
 *      outputs_preview(&out, ...)                             now and then
 *      outputs_open(&out, path, &file), outputs_arrays(...)   each to a temporary beside its path
 *      outputs_commit(&out)                                   all are complete: renamed, pictures' paths on stdout
 *      outputs_end(&out)                                      in any case
 *
 * Functions that return int return an SDC_ code, their error printed. */
#ifndef SDC_OUTPUTS_H
#define SDC_OUTPUTS_H

#include "../runtime/array_io.h"
#include "../runtime/fileio.h"
#include "../runtime/runtime.h"

typedef struct {
    SdcOutput *files;
    int64_t n, room;
    char **paths;                   /* [count] of the pictures */
    int64_t count;
    char *preview;                  /* path of the preview, which commit removes; NULL: none was written */
    const char *output;
} Outputs;

/* count pictures named after `output` ("a.png", or "a-1.png", "a-2.png" ...), and room for `others` more files. */
int outputs_begin(Outputs *out, const char *output, int64_t count, int64_t others);
/* "a.png" -> "a-2.png" for picture k = 1 of several; malloc'd, NULL when out of memory. */
char *outputs_numbered(const char *output, int64_t k, int64_t count);
int outputs_check(const char *path);                /* NULL is fine */
int outputs_check_picture(const char *path);        /* refuses names of other kinds of files as well */
int outputs_open(Outputs *out, const char *path, SdcOutput **file);
/* .npy of one, .npz of any */
int outputs_arrays(Outputs *out, const char *path, const SdcArray *const *arrays, int n);
int outputs_commit(Outputs *out);
void outputs_end(Outputs *out);

/* An array that borrows data and name. */
SdcArray outputs_view(const char *name, DType dtype, void *data, int rank, const int64_t *dim);

/* ---- pictures --------------------------------------------------------------------------------------------------- */

/* Sample i of a picture: a value of 0 to 1 as a number of picture->bits, rounded to even in float as diffusers does;
 * NaN becomes black. */
void picture_put(SdcPng *picture, int64_t i, float v);

/* floats [channels][height][width] in -1..1 to samples, which the caller has made room for. */
void picture_quantise(const float *floats, SdcPng *picture);

/* Warns of values, n in all, that are not numbers. */
void picture_check(const char *path, const float *picture, int64_t n);

/* `count` pictures [channels][height][width] of floats in -1..1, side by side in a grid of `columns` a row (0: as
 * square as they go); those that are missing from the last row are black.  one: of each the size, and the grid's channels and
 * bits.  grid->samples is malloc'd. */
int picture_grid(const float *pictures, int64_t count, const SdcPng *one, int64_t columns, SdcPng *grid);

/* The k-th picture's file. */
int outputs_picture(Outputs *out, int64_t k, const SdcPng *picture, const SdcText *texts);

/* "image.preview.png" beside "image.png", replaced by each preview; gone when the pictures are there. */
int outputs_preview(Outputs *out, const SdcPng *picture);

#endif
