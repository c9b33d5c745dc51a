/* sd.h: the parts of the driver of latent diffusion with text: Stable Diffusion and its kin.
 *
 *      sd.c           what is asked for, files in and out
 *      sd_options.c   the command line
 *      sd_family.c    the classes of pipelines: what each has and does, one row a class
 *      sd_open.c      programs that fit together, room, threads
 *      sd_long.c      prompts of several chunks, with weights (sd_prompt.h)
 *      sd_embedding.c words that stand for vectors from files
 *      sd_guidance.c  guidance that the denoiser is told as a number
 *      sd_text.c      prompts -> token ids -> what the denoiser is given for them
 *      sd_xl.c        SDXL: two encoders, micro-conditioning, base and refiner
 *      sd_start.c     the latents that the loop starts from
 *      sd_tasks.c     inpainting, depth, upscaling, variations: what those need beside a prompt
 *      sd_prior.c     unCLIP's prior: from the prompt to a picture's embedding
 *      sd_3.c         the conditions of Stable Diffusion 3 (and 3.5)
 *      sd_denoise.c   the loop; sd_network.h: the networks that it runs
 *      sd_vae.c       pictures to latents and back
 *      sd_image.c     pictures: bytes to floats and back, size, text chunks
 *      sd_preview.c   previews
 *      sd_report.c    --info and --bench                                                                             */
#ifndef SDC_SD_H
#define SDC_SD_H

#include "../runtime/lora.h"
#include "../runtime/runtime.h"
#include "../runtime/scheduler.h"
#include "../runtime/tokenizer.h"
#include "driver.h"
#include "outputs.h"

/* ---- sd_options.c ----------------------------------------------------------------------------------------------- */

/* Of SDXL.  Width and height, or left and top; -1: not given. */
typedef struct {
    int64_t original[2], target[2], crop[2];
    int64_t negative_original[2], negative_target[2], negative_crop[2];
    double aesthetic, negative_aesthetic;
    double refine_at;                   /* share of the schedule that is the base's; NaN: not given */
    const char *given;                  /* the first of these options that was; NULL: none */
} SdXlOptions;

typedef struct {
    DriverOptions common;
    const char *prompt, *negative;
    const char *prompt_2, *prompt_3;    /* for the second and the third text encoder; NULL or empty: the first's */
    const char *negative_2, *negative_3;
    const char *scheduler;              /* NULL: the folder's */
    const char *output;
    const char *init_image, *latents, *save_latents, *trace;    /* paths or NULL */
    const char *mask, *depth_map;       /* likewise */
    int64_t noise_level;                /* -1: the class's */
    int64_t prior_steps;                /* 0: 25 */
    double prior_guidance;              /* below 0: 4 */
    const char *embeddings, *control_image;     /* likewise */
    double control_scale, control_start, control_stop;
    bool control_guess;
    double skip_layers, skip_start, skip_stop;  /* skip_layers 0: no skip-layer guidance */
    int64_t steps, count, runs;
    int64_t width, height;              /* 0: the first size that was compiled */
    double guidance, rescale, strength, eta;    /* strength NaN: the task's own; eta NaN: the sampler's */
    uint64_t seed;
    SdcLoraOptions loras;
    int64_t clip_skip;                  /* 1: the last layer's output; 2: the one before it ...; 0: the family's own */
    const char *words[16];              /* --embedding: FILE or FILE:TOKEN */
    int n_words;
    int64_t preview_every;              /* steps; 0: no previews */
    bool weighting, long_prompts, grid, bench;
    bool negative_given;                /* SDXL tells an empty prompt from none */
    SdXlOptions xl;
} SdOptions;

extern const DriverHelp sd_help;

/* Defaults, then those of --default at compile time, then argv.  SDC_OK or SDC_USAGE. */
int sd_options_read(SdOptions *o, int argc, char **argv);

/* What was given and has no key in sd_parameters() by itself. */
void sd_options_record(FILE *out, const SdOptions *o);

/* ---- one drawing ------------------------------------------------------------------------------------------------- */

enum { SD_ENCODERS = 3, SD_CONDITIONS = 6 };

typedef struct SdFamily SdFamily;
typedef struct Sd Sd;

/* A text encoder and its tokenizer. */
typedef struct {
    const char *component;          /* its program */
    const SdcProgram *program;
    int text;                       /* which of the prompts it reads: 0, or 1 for --prompt-2 ... */
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
struct Sd {
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
    float *extra;                       /* [extra_size]: masks and the like, for every picture and evaluation */
    struct SdTask *task;                /* sd_tasks.c's; NULL for text and image to image */
    int64_t picture_height, picture_width;
    Outputs *outputs;                   /* where previews go */
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
    int64_t end;                        /* evaluation that another network takes over at; 0: none does */
    Sd *refiner;                        /* that draws on from there, or NULL; shares pool, sizes and decoder */
};

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

    unsigned takes;                 /* SD_ bits below */
    int64_t noise_level;            /* default of --noise-level */
    const char *latents;            /* the decoder's input; NULL: "latent_sample" */
    /* Files, programs and room beyond the above, once size and --init-image are known; NULL: the network's sample is
     * the latents alone. */
    int (*open_task)(Sd *sd);
    int (*after_step)(Sd *sd);      /* changes sd->latents behind a step; NULL: nothing to do */
    double strength;                /* default of --strength; 0: 0.8 */
    double mask_strength;           /* the same with --mask; 0: 1 */
    double control_scale;           /* default of --control-scale; 0: 1 */
    bool xl;                        /* takes the options of SdXlOptions */
    const char *scheduler;          /* section; NULL: "scheduler" */
    const char *settings;           /* prefix of model_index.json's keys in the section "pipeline"; NULL: "index." */
    struct { const char *component, *section; } encoders[SD_ENCODERS];  /* programs and tokenizers, if there */
    const SdFamily *refiner;        /* what may take over at --refine-at; NULL: nothing may */
    bool strength_up;               /* a --strength that is not a whole number of steps: one more, not one less */
    const char *setting;            /* only where this key of the section "pipeline" has a value; NULL: always */
};

/* What a class takes or needs beside the options of text to image. */
enum {
    SD_MASK = 1, SD_DEPTH = 2, SD_NOISE_LEVEL = 4,      /* the options of these names */
    SD_NEEDS_PICTURE = 8,           /* --init-image is not a matter of choice */
    SD_NO_PICTURE = 16,             /* there is nothing to do with one */
    SD_PICTURE_ASIDE = 32,          /* the loop does not start from it: open_task() reads it */
    SD_NO_PROMPT = 64,              /* may go without a prompt */
    SD_ONE_CHUNK = 128,             /* its text is no row of chunks */
    SD_TEXT_2 = 256, SD_TEXT_3 = 512,       /* texts of their own for these encoders */
    SD_CONTROL_PICTURE = 1024,      /* its ControlNets see pictures, and not latents */
    SD_PRIOR = 2048                 /* the options of the prior */
};

static inline double sd_default_strength(const SdFamily *f)
{
    return f->strength > 0 ? f->strength : 0.8;
}

/* The decoder's input of latents. */
static inline const char *sd_latents(const SdFamily *f)
{
    return f->latents ? f->latents : "latent_sample";
}

/* The row of this executable's class. */
const SdFamily *sd_family(void);
const SdFamily *sd_family_of(const char *class);        /* the first row of a class that the compiler takes */

/* ---- sd_open.c -------------------------------------------------------------------------------------------------- */

/* Choose programs and check that they fit together; SDC_USAGE when the size was not compiled. */
int sd_open(Sd *sd, const SdOptions *options);
void sd_close(Sd *sd);

/* The program of a component for `rows` prompts; SDC_UNSUPPORTED when it is missing. */
int sd_text_program(const Sd *sd, const char *component, const SdcProgram **program);

/* A network is done with; what --bench reports as the peak is noted while its arena is still there. */
void sd_close_network(Sd *sd, SdcContext *c);

/* sd->encoder, for the option that needs it. */
int sd_open_encoder(Sd *sd, const char *option);

int sd_draw(Sd *sd);                                /* everything up to the final latents */

/* ---- sd_text.c -------------------------------------------------------------------------------------------------- */

int sd_prompts(const Sd *sd);                       /* 2 when guided, the negative first; else 1 */

/* What the prompt is for an encoder, or the negative one. */
const char *sd_text(const Sd *sd, const SdEncoder *e, bool negative);

/* Append an encoder of prompt number `text` with the tokenizer of a section, and a condition of `row` elements. */
int sd_add_encoder(Sd *sd, const char *component, const char *section, int text);
int sd_add_condition(Sd *sd, const char *input, int64_t row);

/* sd_long.c: sd->chunks, and sd->denoiser for so many, once an encoder is open; both prompts' ids and weights where
 * they have brackets or chunks, and *done. */
int sd_plan_chunks(Sd *sd, SdEncoder *e);
int sd_read_chunks(Sd *sd, SdEncoder *e, bool *done);
/* The prompt's words without brackets and weights, where those are read; free it. */
int sd_plain_text(const Sd *sd, const char *text, char **plain);

/* sd_embedding.c: read the files of --embedding for an encoder; give the vectors that its ids name rows of its
 * table. */
int sd_embeddings_open(const Sd *sd, SdEncoder *e);
void sd_embeddings_close(SdEncoder *e);
int sd_embeddings_place(const Sd *sd, SdEncoder *e);

/* Both prompts' ids.  Too long prompts are cut with a warning. */
int sd_read_prompts(Sd *sd, SdEncoder *e);

/* Run an encoder on its ids; of each prompt outputs[k], row[k] elements, go to into[k] + prompt * pitch[k]; of several
 * chunks what is there for each token one behind the other, of the rest the first chunk's.  Weights are applied. */
typedef struct { const char *output; float *into; int64_t row, pitch; } SdTextOutput;
int sd_run_encoder(Sd *sd, const SdEncoder *e, const SdTextOutput *outputs, int n);

/* The output with the hidden states behind the layer that --clip-skip counts from the end, the last but one where it says
 * nothing: "hidden_states.2" where the last is hidden_states.3. */
int sd_hidden_layer(const Sd *sd, const SdEncoder *e, const SdcTensor **t);

int sd_clip_open(Sd *sd);                           /* one CLIP encoder whose last hidden state is the only condition */
int sd_clip_encode(Sd *sd);

/* ---- sd_guidance.c ---------------------------------------------------------------------------------------------- */

/* Was the network distilled to take the strength of guidance as an input?  Then there is no classifier-free one. */
bool sd_embeds_guidance(const SdFamily *f);
/* The condition timestep_cond, where the denoiser has it. */
int sd_add_guidance(Sd *sd);
bool sd_is_guidance(const SdCondition *c);

/* ---- sd_xl.c ---------------------------------------------------------------------------------------------------- */

int sd_xl_open(Sd *sd);                         /* hidden states of all encoders side by side, text_embeds, time_ids */
int sd_xl_open_picture(Sd *sd);                 /* the same, for what starts from a picture or its latents */
int sd_xl_encode(Sd *sd);
int sd_xl_start(Sd *sd);                        /* as sd_start(), up to --refine-at */
int sd_xl_start_picture(Sd *sd);                /* --init-image or --latents with noise, or --latents at --refine-at */
int sd_xl_start_refiner(Sd *sd);                /* sd->given at --refine-at */
bool sd_xl_refines(const Sd *sd);               /* is there a refiner inside, and does it take over? */
double sd_xl_refine_at(const Sd *sd);           /* 1: nothing takes over */
/* The conditions' values from --embeddings instead of the encoders. */
int sd_read_embeddings(Sd *sd);

/* ---- sd_3.c ----------------------------------------------------------------------------------------------------- */

int sd_3_open(Sd *sd);                              /* two CLIP encoders and T5, each optional */
int sd_3_encode(Sd *sd);

/* ---- sd_start.c, sd_denoise.c, sd_vae.c ------------------------------------------------------------------------- */

int sd_start(Sd *sd);                               /* noise, or --latents, or --init-image with noise */
int sd_start_noised(Sd *sd);                        /* sd->latents with the noise of --strength */
int sd_start_distilled(Sd *sd);                     /* the same, --strength being a share of LCM's own timesteps */
int sd_denoise(Sd *sd);                             /* sd->latents from the scheduler's index on */

/* Latents of a picture of the drawing's size, the distribution's noise drawn from sd->random: [size]. */
int sd_encode_picture(Sd *sd, const float *picture, float *latents);
int sd_decode(Sd *sd, int64_t k, float *picture);   /* picture k: [3][picture_height][picture_width], about -1..1 */

/* ---- sd_tasks.c ------------------------------------------------------------------------------------------------- */

/* SDC_USAGE when the class does not take what was given, or needs what was not. */
int sd_check_class(const SdOptions *o, const SdFamily *f);     /* is nothing given that a class does not take? */
int sd_check_task(const SdOptions *o);

double sd_strength(const SdOptions *o);             /* --strength, or what the task has without it */
int sd_noise_level(const Sd *sd);

/* --mask: by a network that sees it (latents, mask, latents of the masked picture), or by putting the noised picture
 * back where the mask is black after each step. */
int sd_inpaint_open(Sd *sd);
int sd_inpaint_start(Sd *sd);
int sd_inpaint_after_step(Sd *sd);

int sd_depth_open(Sd *sd);

int sd_upscale_open(Sd *sd);
int sd_upscale_start(Sd *sd);

int sd_variation_open(Sd *sd);
int sd_variation_encode(Sd *sd);
int sd_variation_start(Sd *sd);

int sd_unclip_open(Sd *sd);                         /* the same of an embedding that the prior draws */
int sd_unclip_start(Sd *sd);

void sd_task_close(Sd *sd);

/* ---- sd_prior.c -------------------------------------------------------------------------------------------------- */

/* Values of an embedding; 0: there is no prior. */
int64_t sd_prior_size(void);
/* The embedding [n] of a picture of the prompt; draws sd->random. */
int sd_prior_draw(Sd *sd, float *embedding, int64_t n);

/* ---- sd_image.c ------------------------------------------------------------------------------------------------- */

/* A picture to start from: PNG, JPEG or WebP, resized where need be, or float32 [.., 3, height, width] in -1..1 (.npy,
 * .npz).  *picture is malloc'd. */
int sd_image_read(const char *path, int64_t height, int64_t width, float **picture);

/* One plane: grey of 0 to 1 of a picture, or a float32 array [.., H, W] as it is.  Where *height is 0 it and *width
 * become the file's; otherwise pictures are resized and arrays must fit.  *plane is malloc'd. */
int sd_plane_read(const char *path, int64_t *height, int64_t *width, float **plane);

/* sd_preview.c: what this evaluation predicts of the finished pictures, as the outputs' preview. */
int sd_preview(Sd *sd, const float *predicted);

/* The settings as web UIs write and read them under the key "parameters"; malloc'd, NULL when out of memory. */
char *sd_parameters(const Sd *sd, int64_t k);

#endif
