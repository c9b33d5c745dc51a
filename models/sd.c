/* sd.c: the command line program of Stable Diffusion 1 and 2: reads what is asked for, draws, writes.
 *
 * Outputs are all written or none: each goes to a temporary beside its path, and they are renamed when every one is
 * complete.  The paths of the pictures are printed on stdout, one a line, last of all. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/array_io.h"
#include "../runtime/fileio.h"
#include "pipeline.h"
#include "sd.h"
#include "sd_report.h"

/* ---- inputs ----------------------------------------------------------------------------------------------------- */

static int read_latents(Sd *sd, float **latents)
{
    const char *path = sd->options->latents;
    int64_t n = sd->options->count * sd->size;
    SdcArray a = {0};
    int code = sdc_array_read(&a, path, "latents");
    if (code)
        return code;
    const int64_t *last = a.dim + a.rank - 3;
    bool fits = a.dtype == DT_F32 && a.count == n && a.rank >= 3 && last[0] == sd->channels && last[1] == sd->height &&
                last[2] == sd->width;
    if (!fits)
        code = sdc_error(SDC_BAD_INPUT, "%s: not float32 [%lld,%lld,%lld,%lld]", path, (long long)sd->options->count,
                         (long long)sd->channels, (long long)sd->height, (long long)sd->width);
    else if (!(code = pipeline_floats(latents, n)))
        memcpy(*latents, a.data, (size_t)n * sizeof **latents);
    sdc_array_free(&a);
    return code;
}

/* ---- outputs ---------------------------------------------------------------------------------------------------- */

/* The open files: pictures first, then latents and trace where asked for. */
typedef struct {
    SdcOutput *files;
    int64_t n;
    char **paths;                   /* [count] of the pictures */
    float *decoded;                 /* [count][3][height][width] */
} Outputs;

/* How many files the pictures go to. */
static int64_t picture_files(const SdOptions *o) { return o->grid ? 1 : o->count; }

/* "a.png" -> "a-2.png" when there are several; malloc'd. */
static char *picture_path(const SdOptions *o, int64_t k)
{
    const char *slash = strrchr(o->output, '/'), *name = slash ? slash + 1 : o->output, *dot = strrchr(name, '.');
    int stem = (int)(dot && dot > name ? dot - o->output : (long)strlen(o->output));
    char *path = NULL;
    int n = picture_files(o) == 1 ? asprintf(&path, "%s", o->output)
                          : asprintf(&path, "%.*s-%lld%s", stem, o->output, (long long)k + 1, o->output + stem);
    return n < 0 ? NULL : path;
}

/* Before the work begins: name the pictures, and see whether everything could be written. */
static int prepare_outputs(Outputs *out, const SdOptions *o)
{
    out->files = calloc((size_t)o->count + 2, sizeof *out->files);
    out->paths = calloc((size_t)o->count, sizeof *out->paths);
    if (!out->files || !out->paths)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    int code = SDC_OK;
    for (int64_t k = 0; !code && k < picture_files(o); k++) {
        out->paths[k] = picture_path(o, k);
        code = out->paths[k] ? sdc_output_check(out->paths[k]) : sdc_error(SDC_NO_SPACE, "out of memory");
    }
    if (!code && o->save_latents)
        code = sdc_output_check(o->save_latents);
    if (!code && o->trace)
        code = sdc_output_check(o->trace);
    return code;
}

static void free_outputs(Outputs *out, const SdOptions *o)
{
    for (int64_t i = 0; i < out->n; i++)
        sdc_output_discard(&out->files[i]);
    for (int64_t k = 0; out->paths && k < o->count; k++)
        free(out->paths[k]);
    free(out->paths);
    free(out->files);
    free(out->decoded);
}

static int open_output(Outputs *out, const char *path, SdcOutput **o)
{
    *o = &out->files[out->n];
    int code = sdc_output_open(*o, path, 0666);
    if (!code)
        out->n++;
    return code;
}

/* Decode a picture, and write it, or with --grid all of them when it is the last one. */
static int emit_picture(Sd *sd, Outputs *out, int64_t k)
{
    int64_t n = sd->picture_height * sd->picture_width;
    const bool grid = sd->options->grid, last = k + 1 == sd->options->count;
    int width = (int)sd->picture_width, height = (int)sd->picture_height;
    float *picture = out->decoded + k * 3 * n;
    uint8_t *rgb = grid ? NULL : malloc((size_t)n * 3);
    char *parameters = sd_parameters(sd, k), software[64];
    snprintf(software, sizeof software, "sdc %s", sdc_model.version);
    const SdcText texts[] = {{"parameters", parameters}, {"Software", software}, {NULL, NULL}};
    SdcOutput *o;
    int code = (rgb || grid) && parameters ? sd_decode(sd, k, picture) : sdc_error(SDC_NO_SPACE, "out of memory");
    if (!code && !grid)
        sd_image_bytes(picture, sd->picture_height, sd->picture_width, rgb);
    if (!code && grid && last)
        code = sd_grid(sd, out->decoded, &rgb, &width, &height);
    if (!code && (!grid || last) && !(code = open_output(out, out->paths[grid ? 0 : k], &o)))
        code = sdc_png_emit(o, rgb, width, height, texts);
    free(rgb);
    free(parameters);
    return code;
}

/* An array that borrows data and name. */
static SdcArray view(const char *name, DType dtype, void *data, int rank, const int64_t *dim)
{
    SdcArray a = {.dtype = dtype, .rank = rank, .count = 1, .data = data, .name = (char *)(uintptr_t)name};
    for (int i = 0; i < rank; i++)
        a.count *= a.dim[i] = dim[i];
    return a;
}

static int emit_arrays(Outputs *out, const char *path, const SdcArray *const *arrays, int n)
{
    SdcOutput *o;
    int code = open_output(out, path, &o);
    return code ? code : sdc_arrays_emit(o, arrays, n, sdc_path_ends(path, ".npz"));
}

static int emit_latents(Sd *sd, Outputs *out)
{
    const int64_t dim[] = {sd->options->count, sd->channels, sd->height, sd->width};
    SdcArray a = view("latents", DT_F32, sd->latents, 4, dim);
    return emit_arrays(out, sd->options->save_latents, (const SdcArray *const[]){&a}, 1);
}

/* Arrays of a trace, their names and extents. */
enum { TRACED = 3 + SD_ENCODERS + SD_CONDITIONS };
typedef struct { SdcArray all[2 * TRACED + 1]; char names[2 * TRACED + 1][64]; int n; } Trace;

static void add_array(Trace *t, const char *prefix, const char *name, DType dtype, void *data, int rank, const int64_t *dim)
{
    snprintf(t->names[t->n], sizeof t->names[t->n], "%s%s", prefix, name);
    t->all[t->n] = view(t->names[t->n], dtype, data, rank, dim);
    t->n++;
}

/* latents[0] is what the loop started from, latents[i + 1] what evaluation i left; sample[i] what the network got for it.
 * Token ids and conditions have a row for each prompt, the negative first. */
static int add_drawing(Trace *t, const char *prefix, const Sd *sd)
{
    static const char encoder[] = "text_encoder";       /* _2 and _3 are kept behind the ids' name */
    int64_t count = sd->options->count, prompts = sd_prompts(sd);
    const int64_t latents_dim[] = {sd->evaluations + 1, count, sd->channels, sd->height, sd->width};
    const int64_t sample_dim[] = {sd->evaluations, count, sd->channels, sd->height, sd->width};
    add_array(t, prefix, "latents", DT_F32, sd->trace, 5, latents_dim);
    add_array(t, prefix, "sample", DT_F32, sd->samples, 5, sample_dim);
    add_array(t, prefix, "timesteps", DT_F64, sd->timesteps, 1, &sd->evaluations);
    for (int k = 0; k < sd->n_encoders; k++) {
        const SdEncoder *e = &sd->encoders[k];
        const char *found = strstr(e->component, encoder);
        char name[32];
        snprintf(name, sizeof name, "input_ids%s", found ? found + strlen(encoder) : "");
        add_array(t, prefix, name, DT_I64, e->ids, 2, (int64_t[]){prompts, sd->chunks * e->length});
    }
    for (int k = 0; k < sd->n_conditions; k++) {
        const SdcTensor *input;
        int code = pipeline_input(sd->denoiser, sd->conditions[k].input, -1, &input);
        if (code)
            return code;
        int64_t dim[SDC_MAX_RANK];
        memcpy(dim, input->dim, sizeof dim);
        dim[0] = prompts;
        add_array(t, prefix, input->name, DT_F32, sd->conditions[k].values, input->rank, dim);
    }
    return SDC_OK;
}

/* A refiner's arrays are called refiner_NAME. */
static int emit_trace(Sd *sd, Outputs *out)
{
    const int64_t picture_dim[] = {sd->options->count, 3, sd->picture_height, sd->picture_width};
    const SdcArray *list[2 * TRACED + 1];
    Trace t = {.n = 0};
    int code = add_drawing(&t, "", sd);
    if (code || (sd->refiner && (code = add_drawing(&t, "refiner_", sd->refiner))))
        return code;
    add_array(&t, "", "decoded", DT_F32, out->decoded, 4, picture_dim);
    for (int k = 0; k < t.n; k++)
        list[k] = &t.all[k];
    return emit_arrays(out, sd->options->trace, list, t.n);
}

static int write_outputs(Sd *sd, Outputs *out)
{
    const SdOptions *o = sd->options;
    int code = pipeline_floats(&out->decoded, o->count * 3 * sd->picture_height * sd->picture_width);
    for (int64_t k = 0; !code && k < o->count; k++)
        code = emit_picture(sd, out, k);
    if (!code && o->save_latents)
        code = emit_latents(sd, out);
    if (!code && o->trace)
        code = emit_trace(sd, out);
    for (int64_t i = 0; !code && i < out->n; i++)
        code = sdc_output_sync(&out->files[i]);
    for (int64_t i = 0; !code && i < out->n; i++)
        code = sdc_output_commit(&out->files[i]);
    for (int64_t k = 0; !code && k < picture_files(o); k++)
        puts(out->paths[k]);
    return code;
}

/* ---- commands --------------------------------------------------------------------------------------------------- */

/* Open everything and read what the drawing starts from. */
static int open_drawing(Sd *sd, const SdOptions *o, float **given, float **picture)
{
    int code = sd_open(sd, o);
    if (!code && o->latents)
        code = read_latents(sd, given);
    if (!code && o->init_image && !(sd->family->takes & SD_PICTURE_ASIDE))
        code = sd_image_read(o->init_image, sd->picture_height, sd->picture_width, picture);
    sd->given = *given;
    sd->picture = *picture;
    return code || !sd->family->open_task ? code : sd->family->open_task(sd);
}

static int draw(const SdOptions *o)
{
    Sd sd = {0};
    Outputs out = {0};
    float *given = NULL, *picture = NULL;
    int code = sd_check_task(o);
    if (!code && !o->bench)
        code = prepare_outputs(&out, o);
    if (!code)
        code = open_drawing(&sd, o, &given, &picture);
    if (!code)
        code = o->bench ? sd_bench(&sd) : sd_draw(&sd);
    if (!code && !o->bench)
        code = write_outputs(&sd, &out);
    free_outputs(&out, o);
    sd_close(&sd);
    free(given);
    free(picture);
    return code;
}

static int check_file(bool json)
{
    int code = sdc_self_check();
    if (!code)
        puts(json ? "{\"intact\":true}" : "intact");
    return code;
}

static int obey(SdOptions *o)
{
    if (o->help)
        sd_help(stdout);
    else if (o->version)
        printf("%s, compiled by sdc %s\n", sdc_model.name, sdc_model.version);
    else if (o->scheduler && !strcmp(o->scheduler, "list"))
        scheduler_list(stdout);
    else if (o->check)
        return check_file(o->json);
    else if (o->info)
        return sd_info(o);
    else if (!o->prompt && !o->bench && !(sd_family()->takes & SD_NO_PROMPT))
        return sdc_error(SDC_USAGE, "what shall be drawn?  for example: %s \"a crab\" -o crab.png; see --help",
                         sdc_model.name);
    else
        return draw(o);
    return SDC_OK;
}

int sdc_sd_main(int argc, char **argv)
{
    SdOptions o;            /* without a prompt only --bench draws, from an empty one */
    int code = sd_options_read(&o, argc, argv);
    if (!code)
        code = obey(&o);
    if (fflush(stdout) && !code)
        code = sdc_error(SDC_NO_SPACE, "standard output cannot be written: %s", strerror(errno));
    return code;
}
