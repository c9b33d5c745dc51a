/* vision.h: the parts of the driver of CLIP, SigLIP and ViT.
 *
 *      vision.c            pictures and texts through the network
 *      vision_options.c    the command line
 *      vision_report.c     what is printed and written                                                              */
#ifndef SDC_VISION_DRIVER_H
#define SDC_VISION_DRIVER_H

#include "driver.h"

typedef struct {
    DriverOptions common;
    DriverList images, texts;
    const char *ids, *embeddings, *pixels;      /* paths or NULL */
    int64_t top;
} VisionOptions;

extern const SdcOption vision_options[];
extern const DriverHelp vision_help;
int vision_options_read(VisionOptions *o, int argc, char **argv);

/* Rows of an output, one for each picture or text: [n][size], the shape of one row being dim[1 .. rank). */
typedef struct { const char *name; float *values; int64_t size; int rank; int64_t dim[SDC_MAX_RANK]; } VisionRows;

typedef struct {
    const VisionOptions *options;
    const SdcProgram *program;
    SdcContext context;
    SdcPool *pool;
    const SdcTensor *pixels, *ids, *mask;           /* ids, mask: NULL where the network takes none */
    const SdcTensor *scores;                        /* logits_per_image or logits, or NULL */
    bool sigmoid;                                   /* each text by itself, as SigLIP was trained */
    int64_t n_images, n_texts, batch, length;       /* batch: pictures a run; length: tokens of a text */
    int64_t n_scores;                               /* of one picture: texts or classes */
    int64_t *tokens;                                /* [n_texts][length] */
    struct VisionSpan { int64_t first, count; } *used;      /* [n_texts]: those of them that mask does not hide */
    float *pictures;                                /* [n_images][3][height][width] with --pixels, else [batch]... */
    float *logits;                                  /* [n_images][n_scores] */
    VisionRows image_rows, text_rows;               /* embeddings; name NULL where there are none or nobody asked */
} Vision;

/* Everything up to the numbers. */
int vision_run(Vision *v, const VisionOptions *o);
void vision_close(Vision *v);

/* ---- vision_report.c ---- */

int vision_write(const Vision *v);                  /* --embeddings and --pixels */
int vision_print(const Vision *v);

#endif
