/* pipeline.h: what the drivers of whole pipelines share.
 *
 * A pipeline's executable holds several programs and the sections that the compiler made of the model folder:
 *
 *      sdc_model.programs   by component: "text_encoder", "unet", "vae_decoder", "vae_encoder".  A component may have
 *                           several, of different batch or size; then "@" and anything may follow in the name
 *      "pipeline"           lines key=value: class=StableDiffusionPipeline, vae.scaling_factor=0.18215, ...
 *      "scheduler"          lines key=value of scheduler_config.json
 *      "tokenizer"          a packed tokenizer (runtime/tokenizer.h)
 *
 * Tensors have the names of the ONNX files.  Functions that return int return an SDC_ code, their error printed. */
#ifndef SDC_PIPELINE_H
#define SDC_PIPELINE_H

#include "../runtime/runtime.h"
#include "../runtime/tokenizer.h"

/* ---- drivers: SdcModel.driver ----------------------------------------------------------------------------------- */

int sdc_sd_main(int argc, char **argv);         /* sd.c: Stable Diffusion 1 and 2 */
int sdc_vision_main(int argc, char **argv);     /* vision.c: CLIP, SigLIP, ViT */
int sdc_autoencoder_main(int argc, char **argv);        /* autoencoder.c: AutoencoderKL, VQModel */
int sdc_vlm_main(int argc, char **argv);        /* vlm.c: PaliGemma, MiniCPM-V */
int sdc_unconditional_main(int argc, char **argv);      /* unconditional.c: from noise alone, or of a class */

/* For the compiler: is "steps=20" a default that the driver will take, of this class?  SDC_USAGE after printing why
 * not. */
int sdc_sd_default(const char *text, const char *class);
int sdc_vision_default(const char *text, const char *class);
int sdc_autoencoder_default(const char *text, const char *class);
int sdc_vlm_default(const char *text, const char *class);
int sdc_unconditional_default(const char *text, const char *class);

/* ---- pipeline.c ------------------------------------------------------------------------------------------------- */

/* The value of a key of the section "pipeline" in into[room]; false when it is absent, empty, null or too long. */
bool pipeline_setting(const char *key, char *into, size_t room);
double pipeline_number(const char *key, double otherwise);

/* The k-th program of a component, NULL behind the last. */
const SdcProgram *pipeline_nth(const char *component, int k);

/* The program of a component that suits `rows` rows best: the first dimension of its input `input` is the batch.
 * height and width, where not 0, must equal its dimensions 2 and 3.  NULL when there is none. */
const SdcProgram *pipeline_program(const char *component, const char *input, int64_t rows, int64_t height,
                                   int64_t width);

/* By name and rank; SDC_UNSUPPORTED names what the graph lacks.  rank -1: any. */
int pipeline_input(const SdcProgram *p, const char *name, int rank, const SdcTensor **t);
int pipeline_output(const SdcProgram *p, const char *name, int rank, const SdcTensor **t);

/* One of n by its name; NULL when there is none. */
const SdcTensor *pipeline_tensor(const SdcTensor *list, int n, const char *name);

static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t tensor_count(const SdcTensor *t);       /* elements */
int64_t tensor_row(const SdcTensor *t);         /* elements of one row of the batch */

/* Copy n elements, from element `start` on, to and from the arena, converting to and from the tensor's type. */
void tensor_put(const SdcContext *c, const SdcTensor *t, int64_t start, const float *values, int64_t n);
void tensor_put_ids(const SdcContext *c, const SdcTensor *t, int64_t start, const int64_t *values, int64_t n);
void tensor_get(const SdcContext *c, const SdcTensor *t, int64_t start, float *values, int64_t n);
void tensor_fill(const SdcContext *c, const SdcTensor *t, double value);
/* The same n elements in each row of the batch. */
void tensor_repeat(const SdcContext *c, const SdcTensor *t, const float *values, int64_t n);

/* A complete run, or one of its parts; errors are printed. */
int pipeline_run(SdcContext *c, const SdcProgram *p);
int pipeline_prompt(SdcContext *c, const SdcProgram *p);        /* after the prompt's inputs have changed */
int pipeline_step(SdcContext *c, const SdcProgram *p);

/* The tables of a program, which hold what follows from evaluations [first, first + rows) of a drawing; first -1: of
 * none, as after pipeline_prompt(). */
typedef struct { int64_t first; double seconds; } PipelineTables;

/* Makes evaluation `at` of `count` the present row; computes the tables from there on where they do not hold it.
 * timesteps[count]: in the order in which the network will be asked for them.  seconds: what it took is added. */
int pipeline_timestep(SdcContext *c, const SdcProgram *p, PipelineTables *t, const double *timesteps, int64_t count,
                      int64_t at);

/* Does the path name an array, .npy, .npz or a member of an .npz?  Else it is a picture. */
bool pipeline_is_array(const char *path);

/* float32 values [dim[0], dim[1], dim[2], dim[3]] of an .npy file, or of an .npz where they are called `name`; the
 * first dimension may be missing where it is 1.  SDC_BAD_INPUT when they are of another shape. */
int pipeline_array(const char *path, const char *name, const int64_t dim[4], float *values);

/* A text's ids, exactly `length`; what does not fit is named in a warning, which says `what` was too long.
 * tokens_free() them. */
int pipeline_tokens(const Tokenizer *t, const char *what, const char *text, int64_t length, Tokens *tokens);

/* out[n] = negative + scale (prompt - negative): classifier-free guidance (Ho and Salimans, arXiv 2207.12598).  out may
 * be negative, or lie in front of it. */
void pipeline_guide(float *out, const float *negative, const float *prompt, float scale, int64_t n);

/* calloc'd room for n floats in *p; SDC_NO_SPACE when there is none. */
int pipeline_floats(float **p, int64_t n);

#endif
