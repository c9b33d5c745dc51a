/* test_trajectories: the samplers inside real pipelines, against what the reference pipelines recorded.
 *
 *      test_trajectories SOURCE_FOLDER [-v]
 *
 * For every SOURCE_FOLDER/../shared/data/models/MODEL/reference/RUN.json with its .npz: timesteps and sigmas, the
 * sample that the loop starts from (noise times init_noise_sigma, or the picture with noise for image to image), the
 * first step from its recorded network output, and the last step for samplers that remember nothing.  Masked runs
 * check the picture that is put back after the first step too.  Skipped when the folder is not there. */
#include <glob.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"
#include "scheduler.h"

enum { PATH = 1024, TEXT = 8192 };

static const double tolerance = 1e-5;    /* of the largest value */
static int checks, failures;
static bool verbose;

/* One recorded run. */
typedef struct {
    const char *name;
    const json_t *meta;
    char npz[PATH], mask_npz[PATH];
    Scheduler *s;
    int64_t first;                       /* evaluations skipped by image to image */
} Run;

/* A recorded array as floats: data[count]. */
typedef struct { float *data; int64_t count, leading; } Floats;

static bool has_array(const Run *r, const char *name)
{
    return json_object_get(json_object_get(r->meta, "arrays"), name) != NULL;
}

static Floats load(const char *npz, const char *name)
{
    SdcArray a = { 0 };
    Floats f = { 0 };
    if (sdc_array_read(&a, npz, name) != SDC_OK)
        exit(1);
    f.count = a.count;
    f.leading = a.rank > 0 ? a.dim[0] : 1;
    f.data = malloc((size_t)(a.count ? a.count : 1) * sizeof *f.data);
    if (!f.data)
        exit(1);
    int bytes = dtype_info(a.dtype)->bytes;
    for (int64_t i = 0; i < a.count; i++)
        f.data[i] = (float)dtype_load_f(a.dtype, (const char *)a.data + i * bytes);
    sdc_array_free(&a);
    return f;
}

static void compare(const Run *r, const char *what, const float *got, const float *want, int64_t n)
{
    double largest = 0, off = 0;
    for (int64_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs((double)want[i]));
        off = got[i] == want[i] ? off : fmax(off, fabs((double)got[i] - (double)want[i]));
        if (isnan(got[i]))
            off = INFINITY;
    }
    bool good = off <= tolerance * largest;
    checks++;
    failures += !good;
    if (!good || verbose)
        printf("%s %-44s %-12s off by %.1e of %.4g\n", good ? "ok  " : "FAIL", r->name, what, off, largest);
}

/* ---- what is compared -------------------------------------------------------------------------------------------- */

static void check_schedule(const Run *r)
{
    const Scheduler *s = r->s;
    Floats t = load(r->npz, "timesteps"), mine = { calloc((size_t)s->evaluations, sizeof(float)), 0, 0 };
    for (int64_t i = r->first; i < s->evaluations; i++)
        mine.data[i - r->first] = (float)s->timesteps[i];
    if (t.count == s->evaluations - r->first)
        compare(r, "timesteps", mine.data, t.data, t.count);
    else
        failures++, printf("FAIL %s: %lld evaluations\n", r->name, (long long)s->evaluations);
    if (has_array(r, "sigmas")) {
        Floats sigmas = load(r->npz, "sigmas");
        if (sigmas.count == s->n_sigmas)
            compare(r, "sigmas", s->sigmas, sigmas.data, sigmas.count);
        else
            failures++, printf("FAIL %s: %lld sigmas\n", r->name, (long long)s->n_sigmas);
        free(sigmas.data);
    }
    free(mine.data);
    free(t.data);
}

static void check_start(const Run *r, const float *latents)
{
    if (!has_array(r, "noise0"))
        return;
    Scheduler *s = r->s;
    Floats noise = load(r->npz, "noise0");
    float *x = malloc((size_t)s->count * sizeof *x);
    if (!x || noise.count != s->count)
        exit(1);
    if (has_array(r, "image_latents")) {
        Floats image = load(r->npz, "image_latents");
        scheduler_add_noise(s, x, image.data, noise.data);
        compare(r, "image, noised", x, latents, s->count);
        free(image.data);
    } else if (r->first == 0) {
        for (int64_t i = 0; i < s->count; i++)
            x[i] = noise.data[i] * s->init_noise_sigma;
        compare(r, "first sample", x, latents, s->count);
    }
    free(x);
    free(noise.data);
}

typedef struct { const Floats *noise; int64_t row; } Recorded;

static void draw_recorded(void *argument, float *out, int64_t n)
{
    const Recorded *r = argument;
    for (int64_t i = 0; i < n; i++)
        out[i] = r->noise->data ? r->noise->data[r->row * n + i] : NAN;
}

/* Where the mask is 0 the picture comes back, noised for the next step. */
static void put_back(const Run *r, float *x)
{
    Floats mask = load(r->mask_npz, "mask_latent"), image = load(r->npz, "image_latents");
    Floats noise = load(r->npz, "noise0");
    int64_t n = r->s->count;
    scheduler_add_noise(r->s, image.data, image.data, noise.data);
    for (int64_t i = 0; i < n; i++) {
        float m = mask.data[i % mask.count];
        x[i] = (1 - m) * image.data[i] + m * x[i];
    }
    free(noise.data);
    free(image.data);
    free(mask.data);
}

static void check_step(const Run *r, const Floats *latents, const Floats *noise, bool last)
{
    Scheduler *s = r->s;
    int64_t n = s->count, row = last ? latents->leading - 2 : 0;
    float *x = malloc((size_t)n * sizeof *x);
    Floats output = load(r->npz, last ? "model_out_last" : "model_out_first");
    if (!x || output.count != n)
        exit(1);
    memcpy(x, latents->data + row * n, (size_t)n * sizeof *x);
    s->index = r->first + row;
    Recorded recorded = { noise, row };
    if (scheduler_step(s, output.data, x, draw_recorded, &recorded) != SDC_OK)
        failures++, printf("FAIL %s: %s\n", r->name, s->message);
    if (json_is_string(json_object_get(r->meta, "mask")) && !last)
        put_back(r, x);
    compare(r, last ? "last step" : "first step", x, latents->data + (row + 1) * n, n);
    free(output.data);
    free(x);
}

/* Samplers whose step depends on the sample and the output alone. */
static bool remembers_nothing(const char *class_name)
{
    static const char *const names[] = {
        "DDPMScheduler", "DDIMScheduler", "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "LCMScheduler",
        "TCDScheduler", "FlowMatchEulerDiscreteScheduler",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], class_name) == 0)
            return true;
    return false;
}

/* ---- one run ----------------------------------------------------------------------------------------------------- */

static void check_run(Run *r)
{
    Floats latents = load(r->npz, "latents"), noise = { 0 };
    if (has_array(r, "noise"))
        noise = load(r->npz, "noise");
    check_schedule(r);
    check_start(r, latents.data);
    check_step(r, &latents, &noise, false);
    if (remembers_nothing(r->s->class->name) && !json_is_string(json_object_get(r->meta, "mask")))
        check_step(r, &latents, &noise, true);
    free(noise.data);
    free(latents.data);
}

/* The recorded configuration as lines, as the compiler writes it. */
static void config_lines(char *text, const json_t *config)
{
    const char *key;
    json_t *value;
    size_t n = 0;
    json_object_foreach((json_t *)config, key, value) {
        char *v = json_is_string(value) ? strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY);
        n += (size_t)snprintf(text + n, TEXT - n, "%s=%s\n", key, v);
        free(v);
        if (n >= TEXT)
            exit(1);
    }
}

static void check_file(const char *path)
{
    json_error_t error;
    json_t *meta = json_load_file(path, 0, &error), *config = json_object_get(meta, "scheduler");
    const json_t *strength = json_object_get(meta, "strength"), *eta;
    char text[TEXT] = "";
    Run r = { strstr(path, "models/") + strlen("models/"), meta, "", "", NULL, 0 };
    if (json_is_object(config)) {
        const char *folder_end = strrchr(path, '/');
        snprintf(r.npz, sizeof r.npz, "%.*s.npz", (int)(strlen(path) - strlen(".json")), path);
        snprintf(r.mask_npz, sizeof r.mask_npz, "%.*s/inpaint4_ddim.npz", (int)(folder_end - path), path);
        config_lines(text, config);
        Floats latents = load(r.npz, "latents");
        SchedulerConfig c;
        int code = scheduler_config_read(&c, NULL, text, (int64_t)strlen(text));
        if (!code)
            code = scheduler_create(&r.s, &c, 1, latents.count / latents.leading);
        free(latents.data);
        if (r.s && (eta = json_object_get(json_object_get(meta, "step_args"), "eta")))
            r.s->options.eta = json_number_value(eta);
        if (r.s)
            code = scheduler_set_timesteps(r.s, json_integer_value(json_object_get(meta, "num_inference_steps")));
        if (r.s && !code && strength)
            code = scheduler_begin(r.s, json_number_value(strength));
        if (r.s && !code) {
            r.first = r.s->index;
            check_run(&r);
        } else {
            failures++;
            printf("FAIL %s: %s\n", r.name, r.s ? r.s->message : c.message);
        }
        scheduler_destroy(r.s);
        scheduler_config_free(&c);
    }
    json_decref(meta);
}

int main(int argc, char **argv)
{
    char pattern[PATH];
    glob_t files;
    verbose = argc > 2 && strcmp(argv[2], "-v") == 0;
    snprintf(pattern, sizeof pattern, "%s/../shared/data/models/*/reference/*.json", argc > 1 ? argv[1] : ".");
    if (glob(pattern, 0, NULL, &files) != 0) {
        printf("trajectories: skipped, %s is not there\n", pattern);
        return 0;
    }
    for (size_t i = 0; i < files.gl_pathc; i++)
        check_file(files.gl_pathv[i]);
    globfree(&files);
    printf("trajectories: %d comparisons, %d failed\n", checks, failures);
    return failures ? 1 : 0;
}
