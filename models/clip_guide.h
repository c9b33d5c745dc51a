/* clip_guide.h: CLIP guidance: the gradient of how far a picture is from a text, with respect to the picture.
 *
 * The compiler makes two programs of a CLIP model (cli/clip.c):
 *
 *      clip_text      input_ids [1, tokens] (attention_mask [1, tokens])   ->  text_embeds [1, D]
 *      clip_guide     sample [1, C, h, w] in -1..1, text_embeds [1, D]     ->  loss, sample.grad [1, C, h, w]
 *
 * loss is the spherical distance 2 asin(|e - t| / 2)^2 of the embeddings e and t of picture and text, each of length
 * 1. */
#ifndef SDC_CLIP_GUIDE_H
#define SDC_CLIP_GUIDE_H

#include "../runtime/scheduler.h"
#include "pipeline.h"

typedef struct {
    const SdcProgram *program;
    SdcContext context;
    const SdcTensor *sample, *text, *loss, *gradient;
    float *embedding, *seen;            /* [D], [count][size] */
    float *slope, *cutout;              /* [size] each; cutout: what CLIP sees of a picture, and its gradient in that */
    int64_t features, channels, height, width;
    int64_t cuts;                       /* of a picture, for each gradient; 0: CLIP looks at all of it */
    SdcRandom random;                   /* of where they are */
} ClipGuide;

/* The guide for pictures [channels][height][width]: embeds the text.  SDC_UNSUPPORTED when none was compiled. */
int clip_guide_open(ClipGuide *c, SdcPool *pool, const char *text, int64_t count, int64_t channels, int64_t height,
                    int64_t width);
void clip_guide_close(ClipGuide *c);

/* clip_cuts.c: a square of the picture, from half its shorter side on, anywhere in it; pictures and cutouts are [channels][height]
 * [width]; give() adds to the picture what take() is the transpose of. */
typedef struct { int64_t top, left, side; } ClipCut;
ClipCut clip_cut_draw(SdcRandom *r, int64_t height, int64_t width);
void clip_cut_take(float *cutout, const float *picture, int64_t channels, int64_t height, int64_t width, ClipCut cut);
void clip_cut_give(float *picture, const float *cutout, int64_t channels, int64_t height, int64_t width, ClipCut cut);

/* Leads the network's prediction of noise [count][size], at the scheduler's present evaluation, towards the text.
 * sample: as the scheduler has it; x0: room for [count][size].  losses [count], each times scale, or NULL. */
int clip_guide_lead(ClipGuide *c, const Scheduler *s, double scale, const float *sample, float *predicted, float *x0,
                    float *losses);

#endif
