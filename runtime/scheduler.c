/* scheduler: the object that a pipeline driver steps through; each class's arithmetic is in its family's file. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler_family.h"

enum { MAX_STEPS = 100000 };

int scheduler_fail(Scheduler *s, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(s->message, sizeof s->message, format, arguments);
    va_end(arguments);
    return code;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static bool allocate(float **array, int64_t n)
{
    *array = calloc((size_t)n, sizeof **array);
    return *array != NULL;
}

int scheduler_reserve(Scheduler *s, int64_t n)
{
    if (n <= s->capacity)
        return SDC_OK;
    void *arrays[] = { &s->timesteps, &s->work, &s->sigmas, &s->extra[0], &s->extra[1], &s->extra[2] };
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        void *old, *new = calloc((size_t)n, sizeof(double));    /* wide enough for the float arrays too */
        if (!new)
            return scheduler_fail(s, SDC_NO_SPACE, "out of memory");
        memcpy(&old, arrays[i], sizeof old);
        free(old);
        memcpy(arrays[i], &new, sizeof new);
    }
    s->capacity = n;
    return SDC_OK;
}

float *scheduler_push(Scheduler *s, int depth)
{
    float *oldest = s->history[depth - 1];
    memmove(s->history + 1, s->history, (size_t)(depth - 1) * sizeof s->history[0]);
    return s->history[0] = oldest;
}

/* ---- create ------------------------------------------------------------------------------------------------------ */

static int exclusive_sigmas(Scheduler *s)
{
    const SchedulerConfig *c = &s->config;
    if (c->use_karras_sigmas + c->use_exponential_sigmas + c->use_beta_sigmas > 1)
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s: only one of Karras, exponential and beta sigmas can be used",
                              s->class->name);
    return SDC_OK;
}

static int unsupported_choice(Scheduler *s, const char *field)
{
    return scheduler_fail(s, SDC_UNSUPPORTED, "%s: %s \"%s\" is not supported", s->class->name, field,
                          scheduler_choice(&s->config, field));
}

static int check_config(Scheduler *s)
{
    const SchedulerConfig *c = &s->config;
    const SchedulerClass *class = s->class;
    if (class->betas && !(class->betas & 1u << c->beta_schedule))
        return unsupported_choice(s, "beta_schedule");
    if (class->predictions && !(class->predictions & 1u << c->prediction_type))
        return unsupported_choice(s, "prediction_type");
    if (class->algorithms && !(class->algorithms & 1u << c->algorithm_type))
        return unsupported_choice(s, "algorithm_type");
    if (c->use_dynamic_shifting && c->base_image_seq_len == c->max_image_seq_len)
        return scheduler_fail(s, SDC_BAD_INPUT, "%s: base_image_seq_len and max_image_seq_len are both %lld",
                              class->name, (long long)c->max_image_seq_len);
    int code = exclusive_sigmas(s);
    return code || !class->family->check ? code : class->family->check(s);
}

static int initialise(Scheduler *s, const SchedulerConfig *config)
{
    s->class = config->class;
    s->options = (SchedulerOptions){ .eta = s->class->eta, .s_tmax = INFINITY, .s_noise = 1, .order = 4, .mu = NAN,
                                      .strength = 1 };
    s->init_noise_sigma = 1;
    if (s->batch < 1 || s->size < 1 || __builtin_mul_overflow(s->batch, s->size, &s->count) ||
        s->count > INT64_MAX / 16)
        return scheduler_fail(s, SDC_USAGE, "no sample of %lld x %lld values", (long long)s->batch, (long long)s->size);
    int code = scheduler_config_copy(&s->config, config);
    if (code)
        return scheduler_fail(s, code, "out of memory");
    bool ok = allocate(&s->noise, s->count);
    for (int i = 0; i < s->class->family->history && ok; i++)
        ok = allocate(&s->history[i], s->count);
    return ok ? check_config(s) : scheduler_fail(s, SDC_NO_SPACE, "out of memory");
}

int scheduler_create(Scheduler **scheduler, SchedulerConfig *config, int64_t batch, int64_t size)
{
    Scheduler *s = *scheduler = calloc(1, sizeof *s);
    if (!s)
        return scheduler_config_fail(config, SDC_NO_SPACE, "out of memory");
    s->batch = batch;
    s->size = size;
    int code = initialise(s, config);
    if (code) {
        memcpy(config->message, s->message, sizeof config->message);
        scheduler_destroy(s);
        *scheduler = NULL;
    }
    return code;
}

void scheduler_destroy(Scheduler *s)
{
    if (!s)
        return;
    for (int i = 0; i < SCHEDULER_HISTORY; i++)
        free(s->history[i]);
    for (int i = 0; i < SCHEDULER_EXTRAS; i++)
        free(s->extra[i]);
    free(s->noise);
    free(s->sigmas);
    free(s->work);
    free(s->timesteps);
    free(s->alphas_cumprod);
    free(s->train_sigmas);
    free(s->log_sigmas);
    scheduler_config_free(&s->config);
    free(s);
}

/* ---- a run ------------------------------------------------------------------------------------------------------- */

int scheduler_set_timesteps(Scheduler *s, int64_t steps)
{
    s->index = s->evaluations = s->n_sigmas = s->filled = s->counter = 0;
    s->second = false;
    if (steps < 1 || steps > MAX_STEPS)
        return scheduler_fail(s, SDC_USAGE, "%lld steps is not between 1 and %d", (long long)steps, MAX_STEPS);
    int code = scheduler_reserve(s, 2 * steps + 16);
    if (code)
        return code;
    s->steps = steps;
    code = s->class->family->set_timesteps(s, steps);
    if (code)
        return code;
    if (isnan(s->timesteps[0]))
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s has no schedule of %lld steps", s->class->name, (long long)steps);
    if (s->class->family->timestep_names_step && s->evaluations > 1 && s->timesteps[0] == s->timesteps[1])
        return scheduler_fail(s, SDC_UNSUPPORTED, "%s: with %lld steps the first two have the same timestep; "
                              "take fewer or other sigmas", s->class->name, (long long)steps);
    return SDC_OK;
}

int scheduler_begin(Scheduler *s, double strength)
{
    if (!(strength >= 0 && strength <= 1))
        return scheduler_fail(s, SDC_USAGE, "strength %g is not between 0 and 1", strength);
    double asked = (double)s->steps * strength;
    int64_t left = s->options.begin_early ? s->steps - (int64_t)((double)s->steps - asked) : (int64_t)asked;
    int64_t index = (s->steps - left) * s->class->order;
    if (left < 1 || index >= s->evaluations)
        return scheduler_fail(s, SDC_USAGE, "strength %g of %lld steps leaves no step to do", strength,
                              (long long)s->steps);
    s->index = index;
    return SDC_OK;
}

void scheduler_scale_model_input(const Scheduler *s, float *out, const float *sample)
{
    float divisor = s->class->family->divisor ? s->class->family->divisor(s) : 1;
    for (int64_t i = 0; i < s->count; i++)
        out[i] = sample[i] / divisor;
}

int scheduler_step(Scheduler *s, const float *model_output, float *sample, SchedulerDraw *draw, void *argument)
{
    if (s->index >= s->evaluations)
        return scheduler_fail(s, SDC_USAGE, "%s: all %lld evaluations are done", s->class->name,
                              (long long)s->evaluations);
    s->draw = draw;
    s->draw_argument = argument;
    int code = s->class->family->step(s, model_output, sample);
    if (code)
        return code;
    s->index++;
    s->counter++;
    return SDC_OK;
}

int scheduler_draw(Scheduler *s)
{
    if (!s->draw)
        return scheduler_fail(s, SDC_USAGE, "%s needs noise", s->class->name);
    s->draw(s->draw_argument, s->noise, s->count);
    return SDC_OK;
}

void scheduler_add_noise(const Scheduler *s, float *out, const float *original, const float *noise)
{
    NoiseLevel level = s->index < s->evaluations ? s->class->family->noise_level(s) : (NoiseLevel){ 1, 0 };
    for (int64_t i = 0; i < s->count; i++)
        out[i] = level.keep * original[i] + level.add * noise[i];
}

void scheduler_draw_random(void *random, float *out, int64_t n)
{
    sdc_random_normal(random, out, n);
}
