/* sd_network.h: the networks that a drawing's loop runs: the denoiser, and what goes beside it.
 *
 *      sd_network.c     what any of them is given for an evaluation
 *      sd_skip.c        skip-layer guidance
 *      sd_control.c     ControlNet: residuals that the denoiser takes                                               */
#ifndef SDC_SD_NETWORK_H
#define SDC_SD_NETWORK_H

#include "pipeline.h"
#include "sd.h"

/* Rows are picture 0 with its first prompt, picture 0 with the next one, picture 1 ...; they go through the network as
 * many at a time as it was compiled for, rows behind the last repeating it. */
typedef struct {
    const SdcProgram *program;
    int64_t first, prompts;         /* a picture's rows stand for prompts [first, first + prompts) of sd->conditions */
    int64_t batch;                  /* rows at a time */
    SdcContext context;
    const SdcTensor *sample, *timestep;
    int64_t extra;                  /* elements of its sample behind the latents: sd->extra_size, or 0 */
    bool tokens;                    /* the sample is not latents: the caller puts it */
    SdCondition conditions[SD_CONDITIONS + 1];      /* by prompt, the first one first; values are borrowed */
    const SdcTensor *inputs[SD_CONDITIONS + 1];     /* which of the network's */
    int n_conditions;
    int64_t *shown;                 /* [batch]: the prompt in each row of the arena that prompt() has seen, -1: none */
    PipelineTables tables;
} SdNetwork;

/* A network of all conditions in sd, open.  All fields are set even where it fails; sd_network_close() takes either. */
int sd_network_open(Sd *sd, SdNetwork *u, const SdcProgram *p, int64_t first, int64_t prompts);
void sd_network_close(Sd *sd, SdNetwork *u);

/* The same in its parts: fields and sample; a condition (SDC_UNSUPPORTED when it is not of that shape); the context. */
int sd_network_begin(Sd *sd, SdNetwork *u, const SdcProgram *p, int64_t first, int64_t prompts);
int sd_network_add(SdNetwork *u, const SdCondition *c);
int sd_network_start(Sd *sd, SdNetwork *u);

int64_t sd_network_rows(const Sd *sd, const SdNetwork *u);

/* Everything for rows [row, row + batch) at evaluation `at`, latents being [count][size]; then run the program. */
int sd_network_put(Sd *sd, SdNetwork *u, const float *latents, int64_t row, int64_t at);

/* ---- sd_skip.c -------------------------------------------------------------------------------------------------- */

/* The same network with layers left out, which sees the prompt alone; predicted: [batch][size]. */
typedef struct { SdNetwork network; const SdcTensor *out; float *predicted; } SdSkip;

/* Nothing is opened without --skip-layer-guidance. */
int sd_skip_open(Sd *sd, SdSkip *s);
void sd_skip_close(Sd *sd, SdSkip *s);

/* At the steps that it is for: guided[count][size] += scale * (what the prompt alone gave - what it gives without the
 * layers).  All are [count][size]. */
int sd_skip_guide(Sd *sd, SdSkip *s, const float *latents, int64_t at, const float *prompt, float *guided);
bool sd_skip_wanted(const Sd *sd, int64_t at);

/* ---- sd_control.c ----------------------------------------------------------------------------------------------- */

enum { SD_RESIDUALS = 64 };

typedef struct {
    SdNetwork network;
    const SdcProgram *patches;      /* makes the ControlNet's tokens of latents; NULL: it takes the latents */
    SdcContext patcher;
    float *tokens;                  /* [tokens][width] */
    const SdcTensor *scale;                             /* input: conditioning_scale; NULL: it has none */
    const SdcTensor *from[SD_RESIDUALS], *to[SD_RESIDUALS];     /* of the ControlNet and of the denoiser */
    int n;
    int64_t row;                    /* elements of the largest residual of one row */
    float *picture, *nothing;       /* [2][what it sees], and zeros for what the ControlNet is not to see */
    float *residual;                /* [row] */
    bool guesses, pools;            /* it sees the prompt alone; its residuals are one value a channel */
    bool open;
} SdControl;

/* Finds the residuals that the denoiser takes, and with --control-image opens the ControlNet.  Of Stable Diffusion 3 the
 * picture becomes latents, their noise drawn from sd->random. */
int sd_control_open(Sd *sd, SdControl *c);
void sd_control_close(Sd *sd, SdControl *c);

/* Residuals for rows [row, row + batch) of the denoiser u: the ControlNet's, zeros where it is off. */
int sd_control_put(Sd *sd, SdControl *c, SdNetwork *u, const float *latents, int64_t row, int64_t at);

#endif
