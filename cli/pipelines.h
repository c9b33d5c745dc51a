/* pipelines.h: what the executable of a model folder is made of: one row a class.
 *
 * A folder is of the class that its model_index.json, or else its config.json, names. */
#ifndef SDC_PIPELINES_H
#define SDC_PIPELINES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli.h"

enum { MAX_TOKENIZERS = 3, MAX_SCHEDULERS = 3, MAX_STATISTICS = 2, MAX_CONFIGS = 6, MAX_COMPONENTS = 10, MAX_INPUTS = 9, MAX_OWN = 4 };

/* What a free axis of an input stands for. */
typedef enum {
    BATCH, LATENT_HEIGHT, LATENT_WIDTH, HEIGHT, WIDTH,
    TOKENS,                         /* what the first tokenizer and its encoder allow, or what the folder's files say */
    TOKENS_2, TOKENS_3,             /* the second's, the third's; the third's is --text-length */
    CONTEXT,                        /* of the first and of the third, one behind the other */
    PATCHES,                        /* latents / patch_size^2 of the denoiser's config */
    ONE,
    PIXEL_HEIGHT, PIXEL_WIDTH,      /* of an image encoder's or a depth model's input */
    RESIDUAL,                       /* of the ControlNet's output that goes there: the same number among the rule's */
    AXES
} Axis;

/* axes: -1 where fixed by the graph; rate: RATE_ bits, 0: the sample.  An input that ends in '*' is all that begin
 * so. */
typedef struct { const char *input; int rank; int axes[4]; unsigned rate; } InputRule;

typedef struct {
    const char *name;               /* of the program, and of its folder */
    bool required, guided;          /* guided: also compiled with twice the batch, for guidance */
    bool per_size;                  /* depends on the picture's size */
    InputRule inputs[MAX_INPUTS];
    bool flat;                      /* model.onnx lies in the class's folder itself */
    const char *folder;             /* where it is not called like the program: a refiner's is called refiner_FOLDER */
    bool patches;                   /* only what makes tokens of latents, where the folder's ControlNet takes those */
} ComponentRule;

/* A file or folder that becomes a section of the executable. */
typedef struct { const char *section, *folder; } SectionRule;

/* Two tensors of FOLDER/diffusion_pytorch_model.safetensors that become a section of float32. */
typedef struct { const char *section, *folder, *mean, *deviation; } StatisticsRule;

/* What a class's configuration says; 0 and NULL: nothing. */
typedef struct {
    int64_t width, height;          /* where --size says nothing */
    int64_t scale;                  /* pixels a latent */
    int64_t tokens;
    char *settings;                 /* more lines of the section "pipeline" */
    int64_t pixel_width, pixel_height;
    const char *folder;             /* that the components lie in, where it is another */
} FolderFacts;

typedef struct PipelineRule {
    const char *class;              /* _class_name of model_index.json or config.json, or model_type of config.json */
    const char *driver;
    bool takes_lora;                /* the driver has --lora */
    int (*check_default)(const char *text, const char *class);  /* of the driver: may "steps=20" be a default? */
    /* Instead of all below, where programs follow from more than sizes and batch: these, planned, and
     * sections[MAX_OWN]. */
    Program **(*make)(const char *folder, const char *class, const Options *o, const Isa *isa, int *count,
                      Section *sections, int *n_sections);
    const char *denoiser;           /* the component whose config tells the sample_size; NULL: there are no sizes */
    const char *decoder;            /* the component whose config tells the pixels a latent; NULL: 1 */
    SectionRule tokenizers[MAX_TOKENIZERS + 1];     /* those that are there; the first is needed, unless: */
    bool may_be_wordless;
    SectionRule schedulers[MAX_SCHEDULERS + 1];     /* FOLDER/scheduler_config.json */
    SectionRule configs[MAX_CONFIGS + 1];           /* FOLDER/config.json, whose keys follow the prefix `section` */
    ComponentRule components[MAX_COMPONENTS + 1];
    StatisticsRule statistics[MAX_STATISTICS + 1];
    void (*describe)(const char *folder, const json_t *config, FolderFacts *facts);     /* or NULL */
    bool sized;                     /* describe() gives the size that --size may change */
    const struct PipelineRule *refiner;     /* what --refiner adds from a folder of its class; NULL: it has none */
    int64_t max_tokens;             /* of a prompt, whatever the tokenizer allows; 0: as it does */
    bool text_is_optional;          /* no tokenizer is needed; what would follow from one that lacks is 77 tokens */
    bool flows;                     /* the denoiser was trained to match flows, and not to predict noise */
    bool variances;                 /* the denoiser may predict variances too */
    bool clip;                      /* --clip may lead it: samples are pictures (cli/clip.c) */
} PipelineRule;

/* The row of a class, which may begin with ORT or Onnx; NULL when there is none. */
const PipelineRule *pipeline_rule(const char *class);

/* The classes of all rows, with commas between. */
const char *pipeline_classes(void);

#endif
