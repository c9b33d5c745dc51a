/* scheduler.h: the samplers of a diffusion pipeline, equal to diffusers' scheduler classes.
 *
 * A pipeline driver does
 *
 *      SchedulerConfig config;
 *      scheduler_config_read(&config, "euler_a" or NULL, text of the "scheduler" section, its length);
 *      scheduler_create(&s, &config, batch, channels * height * width);
 *      scheduler_set_timesteps(s, steps);                         for image to image, then scheduler_begin(s, strength)
 *      sample = noise * s->init_noise_sigma                       or scheduler_add_noise(s, sample, image, noise)
 *      while (s->index < s->evaluations) {
 *          scheduler_scale_model_input(s, input, sample);
 *          output = network(input, s->timesteps[s->index]);       guidance included
 *          scheduler_step(s, output, sample, draw, random);       sample becomes the next one, index advances
 *      }
 *
 * Functions that can fail return SDC_OK or another SDC_ code and leave a sentence in `message` of the object they were
 * given; scheduler_create() leaves it in the configuration.  Nothing is printed, nothing exits.
 *
 * Arithmetic follows diffusers 0.42: samples and coefficients in float32, schedules in float64 where it uses numpy.
 * What diffusers refuses is refused here too.  Each family's file names the paper its formulas come from. */
#ifndef SDC_SCHEDULER_H
#define SDC_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { SCHEDULER_MESSAGE = 240, SCHEDULER_HISTORY = 6, SCHEDULER_EXTRAS = 3 };

/* ---- choices: X(enumerator, diffusers' text).  The first of each list stands for "the class lacks the field". ---- */

#define SCHEDULER_BETAS(X) \
    X(BETAS_LINEAR, "linear") X(BETAS_SCALED_LINEAR, "scaled_linear") X(BETAS_COSINE, "squaredcos_cap_v2") \
    X(BETAS_LAPLACE, "laplace") X(BETAS_SIGMOID, "sigmoid") X(BETAS_EXP, "exp")
#define SCHEDULER_PREDICTIONS(X) \
    X(PREDICT_EPSILON, "epsilon") X(PREDICT_SAMPLE, "sample") X(PREDICT_V, "v_prediction") \
    X(PREDICT_FLOW, "flow_prediction") X(PREDICT_ORIGINAL_SAMPLE, "original_sample")
#define SCHEDULER_VARIANCES(X) \
    X(VARIANCE_NONE, "null") X(VARIANCE_FIXED_SMALL, "fixed_small") X(VARIANCE_FIXED_SMALL_LOG, "fixed_small_log") \
    X(VARIANCE_FIXED_LARGE, "fixed_large") X(VARIANCE_FIXED_LARGE_LOG, "fixed_large_log") \
    X(VARIANCE_LEARNED, "learned") X(VARIANCE_LEARNED_RANGE, "learned_range")
#define SCHEDULER_SPACINGS(X) \
    X(SPACING_LINSPACE, "linspace") X(SPACING_LEADING, "leading") X(SPACING_TRAILING, "trailing")
#define SCHEDULER_TIMESTEP_TYPES(X) X(TIMESTEP_DISCRETE, "discrete") X(TIMESTEP_CONTINUOUS, "continuous")
#define SCHEDULER_INTERPOLATIONS(X) X(INTERPOLATE_LINEAR, "linear") X(INTERPOLATE_LOG_LINEAR, "log_linear")
#define SCHEDULER_FINAL_SIGMAS(X) X(FINAL_SIGMA_ZERO, "zero") X(FINAL_SIGMA_MIN, "sigma_min")
#define SCHEDULER_ALGORITHMS(X) \
    X(ALGORITHM_DPMPP, "dpmsolver++") X(ALGORITHM_DPM, "dpmsolver") X(ALGORITHM_SDE_DPMPP, "sde-dpmsolver++") \
    X(ALGORITHM_SDE_DPM, "sde-dpmsolver") X(ALGORITHM_DEIS, "deis") X(ALGORITHM_DATA, "data_prediction") \
    X(ALGORITHM_NOISE, "noise_prediction")
#define SCHEDULER_SOLVERS(X) \
    X(SOLVER_MIDPOINT, "midpoint") X(SOLVER_HEUN, "heun") X(SOLVER_LOGRHO, "logrho") X(SOLVER_BH1, "bh1") \
    X(SOLVER_BH2, "bh2")
#define SCHEDULER_TIME_SHIFTS(X) X(TIME_SHIFT_EXPONENTIAL, "exponential") X(TIME_SHIFT_LINEAR, "linear")
#define SCHEDULER_SIGMA_SCHEDULES(X) X(SIGMAS_KARRAS, "karras") X(SIGMAS_EXPONENTIAL, "exponential")
#define SCHEDULER_UPSCALES(X) \
    X(UPSCALE_NEAREST, "nearest") X(UPSCALE_LINEAR, "linear") X(UPSCALE_BILINEAR, "bilinear") \
    X(UPSCALE_BICUBIC, "bicubic") X(UPSCALE_TRILINEAR, "trilinear") X(UPSCALE_AREA, "area") \
    X(UPSCALE_NEAREST_EXACT, "nearest-exact")

#define SCHEDULER_ENUMERATOR(name, text) name,
enum { SCHEDULER_BETAS(SCHEDULER_ENUMERATOR) };
enum { SCHEDULER_PREDICTIONS(SCHEDULER_ENUMERATOR) };
enum { SCHEDULER_VARIANCES(SCHEDULER_ENUMERATOR) };
enum { SCHEDULER_SPACINGS(SCHEDULER_ENUMERATOR) };
enum { SCHEDULER_TIMESTEP_TYPES(SCHEDULER_ENUMERATOR) };
enum { SCHEDULER_INTERPOLATIONS(SCHEDULER_ENUMERATOR) };
enum { SCHEDULER_FINAL_SIGMAS(SCHEDULER_ENUMERATOR) };
enum { SCHEDULER_ALGORITHMS(SCHEDULER_ENUMERATOR) };
enum { SCHEDULER_SOLVERS(SCHEDULER_ENUMERATOR) };
enum { SCHEDULER_TIME_SHIFTS(SCHEDULER_ENUMERATOR) };
enum { SCHEDULER_SIGMA_SCHEDULES(SCHEDULER_ENUMERATOR) };
enum { SCHEDULER_UPSCALES(SCHEDULER_ENUMERATOR) };
#undef SCHEDULER_ENUMERATOR

/* ---- scheduler_table.c: the supported classes and their names ---------------------------------------------------- */

typedef struct SchedulerFamily SchedulerFamily;     /* scheduler_family.h */

/* What a class's network was trained for, and so which other classes it can be used with. */
typedef enum {
    TRAINED_DIFFUSION,                /* integer timesteps of a variance-preserving schedule */
    TRAINED_FLOW,                     /* flow matching */
    TRAINED_EDM,                      /* preconditioned as in EDM, sees log(sigma) / 4 */
    TRAINED_CONSISTENCY,              /* consistency models, which see 250 log(sigma) */
    TRAINED_ANGLE,                    /* v-prediction by the angle of signal and noise, from 1 to 0 */
} SchedulerTraining;

typedef struct SchedulerClass {
    const char *name;                 /* diffusers' class: "DDIMScheduler" */
    const SchedulerFamily *family;
    int order;                        /* evaluations a step, as diffusers counts them for image to image */
    unsigned betas, predictions;      /* bit 1 << enumerator: what the class implements; 0: it has no such field */
    const char *defaults;             /* "field=value ..." for every field that the class has */
    unsigned algorithms;              /* as betas */
    double eta;                       /* default of the step argument */
    SchedulerTraining training;
    bool inverse;                     /* from the picture to noise */
} SchedulerClass;

/* What --scheduler accepts: `name` also in any case and in the web UI's spelling ("DPM++ 2M" is dpmpp_2m). */
typedef struct SchedulerName {
    const char *name;                 /* "dpmpp_2m" */
    const char *class_name;
    const char *overrides;            /* "field=value ...", set over the folder's fields */
} SchedulerName;

extern const SchedulerClass scheduler_classes[];    /* the end has no name */
extern const SchedulerName scheduler_names[];
extern const SchedulerName scheduler_absent[];      /* the web UI's that are not here; overrides: what is closest */

/* ---- scheduler_config.c ------------------------------------------------------------------------------------------ */

typedef struct SchedulerList { double *values; int64_t count; } SchedulerList;

#define NUMBER(name, range) double name;
#define COUNT(name, range) int64_t name;
#define FLAG(name) bool name;
#define CHOICE(name, list) int name;
#define LIST(name, range) SchedulerList name;
typedef struct SchedulerConfig {
    const SchedulerClass *class;
#include "scheduler.def"
    char message[SCHEDULER_MESSAGE];
} SchedulerConfig;
#undef NUMBER
#undef COUNT
#undef FLAG
#undef CHOICE
#undef LIST

/* The defaults of one class, by diffusers' class name.  SDC_UNSUPPORTED when it is not known. */
int scheduler_config_init(SchedulerConfig *c, const char *class_name);

/* Set one field from its JSON text without quotes: "0.00085", "true", "scaled_linear", "[0, 1]"; "null" is the class's
 * default.  Fields that the class does not have are ignored, as diffusers does. */
int scheduler_config_set(SchedulerConfig *c, const char *key, const char *value);

void scheduler_config_free(SchedulerConfig *c);

/* ---- scheduler_read.c -------------------------------------------------------------------------------------------- */

/* The configuration of an executable.  `text` (`bytes` long, no terminator needed) is the folder's file as lines
 * "key=value", `_class_name` among them.  name NULL: the folder's own class.  Otherwise that sampler: the folder's
 * fields are kept, the rest are its class's defaults, as diffusers' from_config does.  Behind the name, or alone, may
 * be fields to set: "euler,timestep_spacing=trailing".  SDC_USAGE: unknown name or field. */
int scheduler_config_read(SchedulerConfig *c, const char *name, const char *text, int64_t bytes);

/* Is it a sampler of networks that were trained to match flows? */
bool scheduler_flows(const SchedulerConfig *c);

/* Does the network predict its variances too, behind what it says of each picture? */
bool scheduler_learns_variance(const SchedulerConfig *c);

/* One name a line, with the class behind it: --scheduler list. */
void scheduler_list(FILE *out);

/* ---- scheduler.c ------------------------------------------------------------------------------------------------- */

/* Fill out[n] with standard normals.  Called at most once a step, for the whole batch. */
typedef void SchedulerDraw(void *argument, float *out, int64_t n);

/* Arguments that diffusers passes to set_timesteps() and step(); change them between create and set_timesteps. */
typedef struct SchedulerOptions {
    double eta;                       /* DDIM and TCD: share of fresh noise; starts as the class's default */
    bool use_clipped_model_output;    /* DDIM */
    double s_churn, s_tmin, s_tmax, s_noise;    /* Euler */
    int order;                        /* LMS: 1 to 4 */
    double mu;                        /* dynamic shifting; NaN: not given */
    const double *sigmas;             /* [steps], flow matching; NULL: the class's own */
    bool begin_early;                 /* image to image: a strength of no whole number of steps takes one more, not less */
    double strength;                  /* LCM and TCD: share of the distillation's timesteps that are used; starts as 1 */
} SchedulerOptions;

typedef struct Scheduler {
    const SchedulerClass *class;
    SchedulerConfig config;
    SchedulerOptions options;
    int64_t batch, size, count;       /* pictures, floats of one, batch * size */
    char message[SCHEDULER_MESSAGE];

    /* The schedule of this run, made by scheduler_set_timesteps(). */
    int64_t steps;                    /* num_inference_steps as the class counts them */
    int64_t evaluations;              /* calls of the network, the skipped ones of image to image included */
    int64_t index;                    /* the next evaluation */
    double *timesteps;                /* [evaluations], integers for the classes where diffusers has integers */
    float *sigmas;                    /* [n_sigmas] */
    int64_t n_sigmas;                 /* 0 for the classes that have none */
    float init_noise_sigma;

    /* The rest is for the families. */
    float *alphas_cumprod, *train_sigmas, *log_sigmas;    /* [num_train_timesteps] */
    float final_alpha_cumprod;
    int64_t capacity;                 /* of the arrays by evaluation */
    double *work;                     /* [capacity] sigmas before they are rounded to float32 */
    float *extra[SCHEDULER_EXTRAS];   /* [capacity] further sigmas */
    float *history[SCHEDULER_HISTORY];    /* [count] each; what they hold is said in the family's file */
    int64_t filled;                   /* model outputs that history holds */
    const float *predicted_variance;  /* [count], the caller's, before every step of a scheduler_learns_variance() */
    int64_t counter;                  /* steps taken since set_timesteps */
    bool second;                      /* between the two evaluations of one step */
    float *noise;                     /* [count] */
    SchedulerDraw *draw;
    void *draw_argument;
} Scheduler;

/* config is copied.  batch pictures of size floats each.  *s is NULL where the configuration is of no sampler. */
int scheduler_create(Scheduler **s, SchedulerConfig *config, int64_t batch, int64_t size);
void scheduler_destroy(Scheduler *s);                 /* NULL is fine */

/* Make the schedule of a new run and forget the last one; index becomes 0. */
int scheduler_set_timesteps(Scheduler *s, int64_t steps);

/* Image to image: start where noise of this strength (0 to 1) belongs, as diffusers' get_timesteps.  SDC_USAGE when
 * nothing would be left to do. */
int scheduler_begin(Scheduler *s, double strength);

/* out[count] = sample[count] as the network wants it at this evaluation.  out may be sample. */
void scheduler_scale_model_input(const Scheduler *s, float *out, const float *sample);

/* sample[count] to the next one.  draw may be NULL for samplers that need no noise. */
int scheduler_step(Scheduler *s, const float *model_output, float *sample, SchedulerDraw *draw, void *argument);

/* What a sample at this evaluation holds: keep * picture + add * noise. */
void scheduler_level(const Scheduler *s, float *keep, float *add);

/* x0[count]: the picture that the network's output at this evaluation stands for, before any clipping. */
void scheduler_predict(const Scheduler *s, const float *model_output, const float *sample, float *x0);

/* out[count] = original with the noise of the evaluation at index: before the first step for image to image, after
 * step i for inpainting that keeps the unmasked part.  After the last step: original.  out may be original. */
void scheduler_add_noise(const Scheduler *s, float *out, const float *original, const float *noise);

/* SchedulerOptions.mu for a picture of so many tokens, as calculate_shift() of diffusers' pipelines. */
double scheduler_mu(const SchedulerConfig *c, int64_t tokens);

/* A SchedulerDraw over an SdcRandom *. */
void scheduler_draw_random(void *random, float *out, int64_t n);

#endif
