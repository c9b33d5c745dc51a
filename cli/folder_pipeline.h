/* folder_pipeline.h: a folder on its way to becoming an executable.
 *
 *      folder.c           what is asked for: the programs, or the executable with its sections
 *      folder_open.c      what the folder says: class, sizes, tokenizers
 *      folder_units.c     its components' graphs, and their programs */
#ifndef SDC_FOLDER_PIPELINE_H
#define SDC_FOLDER_PIPELINE_H

#include "cli.h"
#include "pipelines.h"

enum { MAX_PROGRAMS = 64, MAX_SIZES = 16, CLIP_POSITIONS = 77 };

typedef struct { int64_t width, height; } Size;
typedef struct { const char *name; bool doubled; } Unit;    /* doubled: guidance in one go, which may be done in two */

typedef struct Pipeline {
    const char *folder;
    const PipelineRule *rule;
    struct Pipeline *refiner;       /* of --refiner, with components and tokenizers of its own; NULL */
    int64_t scale;                  /* pixels a latent */
    int64_t batch;
    int64_t chunks, clip_skip;      /* of a prompt, and layers of the text encoder: up to so many */
    Size sizes[MAX_SIZES];
    int n_sizes;
    Graph *graphs[MAX_PROGRAMS];
    Unit units[MAX_PROGRAMS];       /* whose graphs they are */
    int n_units;
    Program *programs[MAX_PROGRAMS];
    int n_programs;
    const Isa *isa;
    unsigned no_fuse;
    int64_t max_memory;             /* 0: any */
    bool quiet, exact, pack_winograd;
    DType dtype;
    WeightType weights;
    struct Choices *choices;
    const Options *options;         /* of the calibration */
    const Calibration *calibration; /* of the denoiser, once it is known; NULL without --dtype int8 */
    bool once;                      /* each component for the first size alone, with guidance where it may be guided */
    json_t *index;                  /* the file that names the class */
    FolderFacts facts;
    Section tokenizers[2 * MAX_TOKENIZERS];         /* packed; the refiner's come last */
    int64_t tokens[MAX_TOKENIZERS];                 /* of a prompt, by the rule's rows */
    int64_t patch;                  /* the denoiser's patch_size, 1 without */
    int n_tokenizers;
    Section clip_tokenizer;         /* of --clip */
    Section statistics[MAX_STATISTICS];             /* of the rule */
    int n_statistics;
} Pipeline;

/* ---- folder_open.c ----------------------------------------------------------------------------------------------- */

/* The row of a folder, and in *index the file that names its class. */
const PipelineRule *folder_rule(const char *folder, json_t **index);

/* Tokens of a prompt: as many as the tokenizer allows and its encoder has positions for.  config: the encoder's, for
 * max_position_embeddings, or NULL; path: its file; usual: what counts where it does not tell. */
int64_t folder_tokens(const void *tokenizer, int64_t bytes, const json_t *config, const char *path, int64_t usual);

/* What the folder and the options say; no component is read yet. */
Pipeline *folder_open(const char *folder, const Options *o, const Isa *isa);
void folder_close(Pipeline *p);

/* ---- folder_units.c ---------------------------------------------------------------------------------------------- */

/* Planned programs of all components, in p->programs. */
void folder_compile(Pipeline *p);

#endif
