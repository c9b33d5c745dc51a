/* sd.h: the parts of the Stable Diffusion driver.
 *
 *      sd.c           what is asked for, files in and out
 *      sd_options.c   the command line
 *      sd_run.c       prompt -> embeddings -> latents -> picture
 *      sd_image.c     pictures: bytes to floats and back, size, text chunks
 *      sd_report.c    --info and --bench                                                                             */
#ifndef SDC_SD_H
#define SDC_SD_H

#include "../runtime/runtime.h"
#include "../runtime/scheduler.h"
#include "../runtime/tokenizer.h"

/* ---- sd_options.c ----------------------------------------------------------------------------------------------- */

typedef struct {
    const char *prompt, *negative;
    const char *scheduler;              /* NULL: the folder's */
    const char *output;
    const char *init_image, *latents, *save_latents, *trace;    /* paths or NULL */
    int64_t steps, count, threads, runs;
    int64_t width, height;              /* 0: the first size that was compiled */
    double guidance, strength, eta;     /* eta NaN: the sampler's own */
    uint64_t seed;
    bool bench, check, help, info, json, pin, quiet, version;
} SdOptions;

extern const SdcOption sd_options[];

/* Defaults, then those of --default at compile time, then argv.  SDC_OK or SDC_USAGE. */
int sd_options_read(SdOptions *o, int argc, char **argv);
void sd_help(FILE *out);

/* ---- sd_run.c --------------------------------------------------------------------------------------------------- */

/* One drawing.  Latents are [count][channels][height][width]. */
typedef struct {
    const SdOptions *options;
    SdcPool *pool;
    const SdcProgram *text, *unet, *decoder, *encoder;      /* encoder: only with a picture to start from */
    TokenizerClip tokenizer;
    SchedulerConfig config;
    Scheduler *scheduler;
    SdcRandom random;
    bool guided;
    int64_t channels, height, width;    /* of the latents */
    int64_t size;                       /* channels * height * width */
    int64_t picture_height, picture_width;
    int64_t length, features;           /* of one prompt's embedding */
    const float *given;                 /* --latents: [count][size], or NULL */
    const float *picture;               /* --init-image: [3][picture_height][picture_width] in -1..1, or NULL */

    int64_t *ids;                       /* [2][length]: the negative prompt's when guided, then the prompt's */
    float *embeddings;                  /* [2][length][features], in the same order */
    float *latents;                     /* [count][size] */
    float *trace;                       /* [evaluations + 1][count][size] when --trace asks for it */
    float *samples;                     /* [evaluations][count][size], likewise: the latents as the network got them */
    double *timesteps;                  /* [evaluations], owned by the scheduler */
    int64_t evaluations;                /* of this drawing */
    bool warming;                       /* stop behind the first evaluation: it reads all that the others read */
    double prompt_seconds, table_seconds;   /* of this drawing: the text encoder, the tables of all its timesteps */
    double anonymous;                   /* peak so far, MiB; only with --bench */
} Sd;

/* Choose programs and check that they fit together; SDC_USAGE when the size was not compiled. */
int sd_open(Sd *sd, const SdOptions *options);
void sd_close(Sd *sd);

int sd_draw(Sd *sd);                                /* everything up to the final latents */
int sd_decode(Sd *sd, int64_t k, float *picture);   /* picture k: [3][picture_height][picture_width], about -1..1 */

/* ---- sd_image.c ------------------------------------------------------------------------------------------------- */

/* A picture to start from: PNG, JPEG or WebP, resized where need be, or float32 [.., 3, height, width] in -1..1 (.npy,
 * .npz).  *picture is malloc'd. */
int sd_image_read(const char *path, int64_t height, int64_t width, float **picture);

/* [3][height][width] in -1..1 to [height][width][3], rounded to even as diffusers does. */
void sd_image_bytes(const float *picture, int64_t height, int64_t width, uint8_t *rgb);

/* The settings as web UIs write and read them under the key "parameters"; malloc'd, NULL when out of memory. */
char *sd_parameters(const Sd *sd, int64_t k);

#endif
