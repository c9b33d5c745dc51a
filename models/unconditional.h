/* unconditional.h: the parts of the driver of pipelines that draw from noise alone, or of a class by its number:
 * diffusers' DDPMPipeline, DDIMPipeline and LDMPipeline (UNet2DModel).
 *
 *      unconditional.c            what is asked for, files in and out
 *      unconditional_options.c    the command line
 *      unconditional_run.c        programs that fit together, the loop, decoding
 *      clip_guide.c               the gradient of a CLIP loss, which leads the loop                                  */
#ifndef SDC_UNCONDITIONAL_H
#define SDC_UNCONDITIONAL_H

#include "../runtime/runtime.h"
#include "../runtime/scheduler.h"
#include "clip_guide.h"
#include "driver.h"
#include "outputs.h"

/* ---- unconditional_options.c ------------------------------------------------------------------------------------ */

enum { MAX_CLASSES = 1024 };

typedef struct {
    DriverOptions common;
    const char *scheduler;              /* NULL: the folder's */
    const char *output, *latents, *save_latents, *trace;        /* paths or NULL */
    const char *clip_text;              /* NULL: no CLIP guidance */
    int64_t classes[MAX_CLASSES];       /* of the pictures, in turn */
    int64_t n_classes;
    int64_t none_class;                 /* -1: the model's last one */
    int64_t steps, count, columns, preview_every;   /* steps, count: 0: the default */
    int64_t clip_cuts;                  /* 0: CLIP looks at the whole picture */
    int64_t width, height;              /* 0: the first size that was compiled */
    double guidance, eta, clip_scale;   /* eta NaN: the sampler's own */
    uint64_t seed;
    bool grid;
} UnconditionalOptions;

extern const DriverHelp unconditional_help;

/* Defaults, then those of --default at compile time, then argv.  SDC_OK or SDC_USAGE. */
int unconditional_options_read(UnconditionalOptions *o, int argc, char **argv);

/* What was given and has no key in the pictures' text by itself. */
void unconditional_options_record(FILE *out, const UnconditionalOptions *o);

/* ---- unconditional_run.c ---------------------------------------------------------------------------------------- */

/* One drawing; latents, which are the pictures themselves without a decoder, are [count][channels][height][width]. */
typedef struct {
    const UnconditionalOptions *options;
    SdcPool *pool;
    const SdcProgram *denoiser, *decoder;           /* decoder: NULL: the sample is the picture */
    const SdcTensor *sample, *timestep, *labels, *prediction;   /* of the denoiser; labels: NULL: no classes */
    SchedulerConfig config;
    Scheduler *scheduler;
    SdcRandom random;
    ClipGuide clip;                     /* program NULL: there is none */
    bool guided;                        /* by classes */
    int64_t count, channels, height, width, size;   /* size: channels * height * width */
    int picture_channels;
    int64_t picture_height, picture_width;
    int64_t *shown;                     /* [count][2]: of each picture the number for no class, and its own */
    int64_t shown_row;                  /* from which row on the network has seen their classes; -1: none yet */
    float *latents, *scaled, *predicted, *x0;       /* [count][size]; predicted: [count][2][size] */
    float *variance;                    /* [count][size]: what the network says of it; NULL: nothing */
    float *trace, *samples;             /* [evaluations + 1][count][size], [evaluations][count][size] if asked for */
    float *losses;                      /* [evaluations][count]: of CLIP, when asked for */
    float *decoded;                     /* [count][picture_channels][picture_height][picture_width] */
    PipelineTables tables;
} Unconditional;

int unconditional_open(Unconditional *u, const UnconditionalOptions *options);
void unconditional_close(Unconditional *u);
/* given: [count][size] of unit variance, or NULL: drawn from the seed.  previews go to out. */
int unconditional_draw(Unconditional *u, const float *given, Outputs *out);
int unconditional_decode(Unconditional *u, const float *latents);       /* all pictures, to u->decoded */
/* `count` pictures of u->decoded as --columns says, of 8 or 16 bits; grid->samples is malloc'd. */
int unconditional_grid(const Unconditional *u, const float *pictures, int64_t count, int bits, SdcPng *grid);

#endif
