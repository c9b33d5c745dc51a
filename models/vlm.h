/* vlm.h: the parts of the driver of vision language models: picture and prompt to text.
 *
 *      vlm.c            what is asked for, text out
 *      vlm_options.c    the command line
 *      vlm_prompt.c     prompt and picture -> embeddings of all tokens, by the model's own template
 *      vlm_image.c      picture -> pixel values -> tower, resampler -> features
 *      vlm_slices.c     how MiniCPM-V cuts a picture
 *      vlm_run.c        decoder with its cache: prefill in chunks, one token at a time
 *      vlm_sample.c     logits -> token
 *      vlm_report.c     --info and --bench
 *
 * Programs: "vision_encoder" [1, 3, H, W], or [1, 3, patch, patches * patch] with position_ids and patch_attention_mask,
 * perhaps "resampler", "embed_tokens" of one token, and "decoder" twice: for a
 * chunk of new tokens, which gives keys and values alone, and for one, which gives logits too.  Their caches are inputs
 * of a fixed length, of which attention_mask says what is filled; what a run adds is its output, which is copied to the
 * next free places.  So nothing depends on how long the text is but the mask.
 *
 * A "prefill" program reads picture and prompt both ways, as PaliGemma was trained to, and gives their keys and values;
 * then there is no tower of its own.  Without one the prompt is read as the answer is, each token those before it. */
#ifndef SDC_VLM_H
#define SDC_VLM_H

#include "../runtime/image.h"
#include "../runtime/tokenizer.h"
#include "driver.h"

/* ---- vlm_options.c ---------------------------------------------------------------------------------------------- */

typedef struct {
    DriverOptions common;
    const char *prompt, *ids;           /* ids: "2,17,image,9", instead of a prompt; NULL: none */
    const char *image, *trace;          /* paths or NULL */
    const char *system;                 /* of chat templates; NULL: the model's own */
    int64_t max_tokens, top_k, runs, slices;    /* slices: at most; 0: the model's own; runs: of --bench, 0 without */
    double temperature, top_p;
    uint64_t seed;
} VlmOptions;

/* Defaults, then those of --default at compile time, then argv.  SDC_OK or SDC_USAGE. */
int vlm_options_read(VlmOptions *o, int argc, char **argv);
extern const DriverHelp vlm_help;

/* ---- vlm_slices.c ----------------------------------------------------------------------------------------------- */

typedef struct { int64_t width, height; } VlmSize;
typedef struct { int64_t most, side, patch; } VlmSlicing;      /* max_slice_nums, scale_resolution, patch_size */

/* MiniCPM-V 2.6's rules.  The whole picture is resized to `overview`; where it is cut, into columns x rows slices, it
 * is resized to `refined` first.  columns 0: it is not cut. */
typedef struct { VlmSize overview, refined; int64_t columns, rows; } VlmCut;
VlmCut vlm_cut(VlmSize picture, VlmSlicing s);

/* Which of the `sides` places along a side patch i of n has: a view of any shape is stretched over all of them (SigLIP's
 * embeddings as MiniCPM-V 2.6 has them).  In 32-bit floats as PyTorch computes it, but that its vector code rounds 3 of all 2485
 * of up to 70 patches otherwise. */
int64_t vlm_place(int64_t i, int64_t n, int64_t sides);

/* ---- vlm_run.c -------------------------------------------------------------------------------------------------- */

/* One answer. */
typedef struct {
    const VlmOptions *options;
    SdcPool *pool;
    TokenizerBpe tokenizer;
    const struct VlmTemplate *template;
    const SdcProgram *embed, *chunk, *step;
    const SdcProgram *prefix;           /* NULL, or from picture and prompt, read both ways, to their keys and values */
    SdcContext embed_context, step_context;
    int64_t hidden, vocabulary;
    int64_t length;                     /* tokens that the cache holds */
    int64_t filled;                     /* of these, so far */
    int64_t first_position;             /* of the first token */

    float *embeddings;                  /* [count][hidden] of the prompt, its picture included */
    int64_t *ids;                       /* [count]: -1 where the picture is */
    int64_t count, room;
    float *pixels;                      /* of the picture, for `prefix`; NULL without one */

    float *logits;                      /* [vocabulary] behind the last token */
    int64_t *tokens;                    /* [produced] of the answer */
    int64_t produced;
    bool ended;                         /* by a token that ends the text, not by a limit */
    float *trace;                       /* [produced][vocabulary] with --trace */
    SdcRandom random;
    double image_seconds, prefill_seconds, decode_seconds;
} Vlm;

/* Choose programs and check that they fit together. */
int vlm_open(Vlm *v, const VlmOptions *options);
void vlm_close(Vlm *v);

/* The embedding of one id to the end of the prompt; or n features, which are not of an id. */
int vlm_add_id(Vlm *v, int64_t id);
int vlm_add_features(Vlm *v, const float *features, int64_t n);

/* The prompt through the decoder; then tokens until the end, each told to said() when it is there. */
int vlm_prefill(Vlm *v);
int vlm_answer(Vlm *v, void (*said)(Vlm *v));

/* ---- vlm_prompt.c ----------------------------------------------------------------------------------------------- */

/* How a model_type words its prompt. */
typedef struct VlmTemplate {
    const char *model;
    int (*prompt)(Vlm *v);
    int64_t first_position;
} VlmTemplate;

const VlmTemplate *vlm_template(const char *model);     /* NULL: unknown */
int vlm_prompt(Vlm *v);                                 /* all of it, from --ids or by the template */

/* ---- vlm_image.c ------------------------------------------------------------------------------------------------ */

/* A picture, and the networks that look at it. */
typedef struct {
    SdcImage picture;                   /* pixels NULL: given as pixel values */
    SdcImage resized;                   /* to all views of a grid */
    float *pixels;                      /* [3][tower_height][tower_width] of the last view, zeros behind its patches */
    const SdcProgram *tower, *resampler;    /* tower: NULL where `prefix` looks; resampler: NULL without one */
    SdcContext tower_context, resampler_context;
    int64_t tower_height, tower_width;
    int64_t patch;                      /* 0: views are as large as the tower; else it takes grids of such patches, side by side */
    VlmSize view;                       /* of the last view */
    int64_t n, hidden;                  /* features of one view */
    float *features;                    /* [n][hidden] of the last view */
    int64_t patches, width;             /* what the tower gives to the resampler: [patches][width] */
} VlmImage;

int vlm_image_open(VlmImage *image, const Vlm *v);
void vlm_image_close(VlmImage *image);

/* View k of the picture in a grid of columns x rows views, each of `size`, or as large as the tower takes: its pixel values, and
 * its features where there is a tower.  A picture that was given as pixel values is one view. */
int vlm_look(VlmImage *image, VlmSize size, int64_t columns, int64_t rows, int64_t k);

/* ---- vlm_sample.c ----------------------------------------------------------------------------------------------- */

/* The next token: the likeliest at temperature 0, else drawn from the top_k likeliest (0: all) that make up top_p. */
int vlm_sample(Vlm *v, int64_t *token);

/* ---- vlm_report.c ----------------------------------------------------------------------------------------------- */

int vlm_info(const VlmOptions *o);
int vlm_bench(Vlm *v);

#endif
