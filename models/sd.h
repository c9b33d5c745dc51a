/* sd.h: the parts of the driver of latent diffusion with text: Stable Diffusion and its kin.
 *
 *      sd.c           what is asked for, files in and out
 *      sd_options.c   the command line
 *      sd_family.c    the classes of pipelines: what each has and does, one row a class
 *      sd_open.c      programs that fit together, room, threads
 *      sd_long.c      prompts of several chunks, with weights (sd_prompt.h)
 *      sd_embedding.c words that stand for vectors from files
 *      sd_text.c      prompts -> token ids -> what the denoiser is given for them
 *      sd_start.c     the latents that the loop starts from
 *      sd_denoise.c   the loop
 *      sd_vae.c       pictures to latents and back
 *      sd_image.c     pictures: bytes to floats and back, size, text chunks
 *      sd_preview.c   previews and grids
 *      sd_report.c    --info and --bench                                                                             */
#ifndef SDC_SD_H
#define SDC_SD_H

#include "../runtime/lora.h"
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
    SdcLoraOptions loras;
    int64_t clip_skip;                  /* 1: the last layer's output; 2: the one before it ... */
    const char *embeddings[16];         /* FILE or FILE:TOKEN */
    int n_embeddings;
    int64_t preview_every;              /* steps; 0: no previews */
    bool weighting, long_prompts, grid;
    bool bench, check, help, info, json, pin, quiet, version;
} SdOptions;

extern const SdcOption sd_options[];

/* Defaults, then those of --default at compile time, then argv.  SDC_OK or SDC_USAGE. */
int sd_options_read(SdOptions *o, int argc, char **argv);
void sd_help(FILE *out);

/* ---- one drawing ------------------------------------------------------------------------------------------------- */

enum { SD_ENCODERS = 3, SD_CONDITIONS = 6 };

typedef struct SdFamily SdFamily;

/* A text encoder and its tokenizer. */
typedef struct {
    const char *component;          /* its program */
    const SdcProgram *program;
    Tokenizer tokenizer;
    int64_t length;                 /* tokens of a prompt */
    int64_t *ids;                   /* [2][chunks][length]: the negative prompt's when guided, then the prompt's */
    float *weights;                 /* likewise, of each token; NULL: all are 1 */
    struct SdEmbedding *embeddings; /* of --embedding (sd_prompt.h) */
    int n_embeddings;
} SdEncoder;

/* What the denoiser gets for a prompt beside sample and timestep: an input with a row for each prompt. */
typedef struct {
    const char *input;              /* of the denoiser; what it is called in a trace as well */
    int64_t row;                    /* elements of one prompt's */
    float *values;                  /* [2][row]: the negative prompt's when guided, then the prompt's */
} SdCondition;

/* Latents are [count][channels][height][width]. */
typedef struct {
    const SdOptions *options;
    const SdFamily *family;
    SdcPool *pool;
    const SdcProgram *denoiser, *decoder, *encoder;     /* encoder: only with a picture to start from */
    SdEncoder encoders[SD_ENCODERS];
    int n_encoders;
    SdCondition conditions[SD_CONDITIONS];
    int n_conditions;
    int64_t chunks;                     /* of a prompt: 1 without --long-prompts */
    SchedulerConfig config;
    Scheduler *scheduler;
    SdcRandom random;
    bool guided;
    int64_t channels, height, width;    /* of the latents */
    int64_t size;                       /* channels * height * width */
    int64_t extra_size;                 /* elements of a sample behind its latents; 0 for most classes */
    float *extra;                       /* [extra_size]: masks and the like, the same for every picture and evaluation */
    int64_t picture_height, picture_width;
    const float *given;                 /* --latents: [count][size], or NULL */
    const float *picture;               /* --init-image: [3][picture_height][picture_width] in -1..1, or NULL */

    float *latents;                     /* [count][size] */
    float *trace;                       /* [evaluations + 1][count][size] when --trace asks for it */
    float *samples;                     /* [evaluations][count][size], likewise: the latents as the network got them */
    double *timesteps;                  /* [evaluations], owned by the scheduler */
    int64_t evaluations;                /* of this drawing */
    bool warming;                       /* stop behind the first evaluation: it reads all that the others read */
    double prompt_seconds, table_seconds;   /* of this drawing: the text encoder, the tables of all its timesteps */
    double anonymous;                   /* peak so far, MiB; only with --bench */
} Sd;

/* ---- sd_family.c ------------------------------------------------------------------------------------------------ */

/* What one class of pipeline has and does.  Functions return an SDC_ code, their error printed. */
struct SdFamily {
    const char *class;              /* _class_name */
    const char *denoiser, *sample, *prediction;     /* component, its input of latents, its output */
    int64_t steps;                  /* defaults of diffusers' class */
    double guidance;
    /* Open the encoders and lay out the conditions, their values [2][row] zeroed. */
    int (*open_text)(Sd *sd);
    /* The prompts' ids and the conditions' values. */
    int (*encode)(Sd *sd);
    /* The starting latents; draws sd->random in the order that the class's diffusers pipeline does. */
    int (*start)(Sd *sd);
};

/* The row of this executable's class. */
const SdFamily *sd_family(void);

/* ---- sd_open.c -------------------------------------------------------------------------------------------------- */

/* Choose programs and check that they fit together; SDC_USAGE when the size was not compiled. */
int sd_open(Sd *sd, const SdOptions *options);
void sd_close(Sd *sd);

/* The program of a component for `rows` prompts; SDC_UNSUPPORTED when it is missing. */
int sd_text_program(const Sd *sd, const char *component, const SdcProgram **program);

/* A network is done with; what --bench reports as the peak is noted while its arena is still there. */
void sd_close_network(Sd *sd, SdcContext *c);

int sd_draw(Sd *sd);                                /* everything up to the final latents */

/* ---- sd_text.c -------------------------------------------------------------------------------------------------- */

int sd_prompts(const Sd *sd);                       /* 2 when guided, the negative first; else 1 */

/* Append an encoder with the tokenizer of a section, and a condition of `row` elements. */
int sd_add_encoder(Sd *sd, const char *component, const char *section);
int sd_add_condition(Sd *sd, const char *input, int64_t row);

/* sd_long.c: sd->chunks, and sd->denoiser for so many, once an encoder is open; both prompts' ids and weights where they
 * have brackets or chunks, and *done. */
int sd_plan_chunks(Sd *sd, SdEncoder *e);
int sd_read_chunks(Sd *sd, SdEncoder *e, bool *done);

/* sd_embedding.c: read the files of --embedding for an encoder; give the vectors that its ids name rows of its table. */
int sd_embeddings_open(const Sd *sd, SdEncoder *e);
void sd_embeddings_close(SdEncoder *e);
int sd_embeddings_place(const Sd *sd, SdEncoder *e);

/* Both prompts' ids.  Too long prompts are cut with a warning. */
int sd_read_prompts(Sd *sd, SdEncoder *e);

/* Run an encoder on its ids; of each prompt outputs[k], row[k] elements, go to into[k] + prompt * pitch[k]; of several
 * chunks what is there for each token one behind the other, of the rest the first chunk's.  Weights are applied. */
typedef struct { const char *output; float *into; int64_t row, pitch; } SdTextOutput;
int sd_run_encoder(Sd *sd, const SdEncoder *e, const SdTextOutput *outputs, int n);

int sd_clip_open(Sd *sd);                           /* one CLIP encoder whose last hidden state is the only condition */
int sd_clip_encode(Sd *sd);

/* ---- sd_start.c, sd_denoise.c, sd_vae.c ------------------------------------------------------------------------- */

int sd_start(Sd *sd);                               /* noise, or --latents, or --init-image with noise */
int sd_denoise(Sd *sd);                             /* sd->latents from the scheduler's index on */

/* Latents of sd->picture, the distribution's noise drawn from sd->random: [size]. */
int sd_encode_picture(Sd *sd, float *latents);
int sd_decode(Sd *sd, int64_t k, float *picture);   /* picture k: [3][picture_height][picture_width], about -1..1 */

/* ---- sd_image.c ------------------------------------------------------------------------------------------------- */

/* A picture to start from: a PNG, resized where need be, or float32 [.., 3, height, width] in -1..1 (.npy, .npz).
 * *picture is malloc'd. */
int sd_image_read(const char *path, int64_t height, int64_t width, float **picture);

/* [3][height][width] in -1..1 to [height][width][3], rounded to even as diffusers does. */
void sd_image_bytes(const float *picture, int64_t height, int64_t width, uint8_t *rgb);

/* Lanczos (3 lobes, widened when shrinking) of interleaved RGB.  *to is malloc'd [to_height][to_width][3]. */
int sd_image_resize(const uint8_t *from, int64_t height, int64_t width, int64_t to_height, int64_t to_width,
                    uint8_t **to);

/* sd_preview.c: what the network, given these latents, predicts of the finished pictures, written to OUTPUT-preview.png. */
int sd_preview(Sd *sd, const float *given, const float *predicted, double timestep);
/* All pictures [count][3][picture_height][picture_width] side by side; *rgb is malloc'd. */
int sd_grid(const Sd *sd, const float *pictures, uint8_t **rgb, int *width, int *height);
char *sd_more_parameters(const SdOptions *o);   /* of sd_parameters(): what is not always there; malloc'd, or NULL */

/* The settings as web UIs write and read them under the key "parameters"; malloc'd, NULL when out of memory. */
char *sd_parameters(const Sd *sd, int64_t k);

#endif
