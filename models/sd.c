/* sd.c: the command line program of Stable Diffusion 1 and 2: reads what is asked for, draws, writes.
 *
 * Outputs are all written or none: each goes to a temporary beside its path, and they are renamed when every one is
 * complete.  The paths of the pictures are printed on stdout, one a line, last of all. */
#define _GNU_SOURCE 1
#include <stdlib.h>
#include <string.h>

#include "../runtime/array_io.h"
#include "pipeline.h"
#include "sd.h"
#include "sd_report.h"

/* ---- inputs ----------------------------------------------------------------------------------------------------- */

static int read_latents(Sd *sd, float **latents)
{
    const int64_t dim[] = {sd->options->count, sd->channels, sd->height, sd->width};
    int code = pipeline_floats(latents, sd->options->count * sd->size);
    return code ? code : pipeline_array(sd->options->latents, "latents", dim, *latents);
}

/* ---- outputs ---------------------------------------------------------------------------------------------------- */

/* How many files the pictures go to. */
static int64_t picture_files(const SdOptions *o) { return o->grid ? 1 : o->count; }

/* Before the work begins: name the pictures, and see whether everything could be written. */
static int prepare_outputs(Outputs *out, const SdOptions *o)
{
    int code = outputs_begin(out, o->output, picture_files(o), 2);
    if (!code)
        code = outputs_check(o->save_latents);
    return code ? code : outputs_check(o->trace);
}

/* Decode picture k to decoded, and write it, or with --grid all of them when it is the last one. */
static int emit_picture(Sd *sd, Outputs *out, float *decoded, int64_t k)
{
    const int64_t n = 3 * sd->picture_height * sd->picture_width;
    const bool grid = sd->options->grid;
    const SdcPng one = {.channels = 3, .bits = driver_bits(&sd->options->common), .width = (int)sd->picture_width,
                        .height = (int)sd->picture_height};
    char *parameters = sd_parameters(sd, k), software[64];
    snprintf(software, sizeof software, "sdc %s", sdc_model.version);
    const SdcText texts[] = {{"parameters", parameters}, {"Software", software}, {NULL, NULL}};
    SdcPng file = {0};
    float *picture = decoded + k * n;
    int code = parameters ? sd_decode(sd, k, picture) : sdc_error(SDC_NO_SPACE, "out of memory");
    if (!code && (!grid || k + 1 == sd->options->count)) {
        code = picture_grid(grid ? decoded : picture, grid ? sd->options->count : 1, &one, 0, &file);
        if (!code)
            code = outputs_picture(out, grid ? 0 : k, &file, texts);
        if (!code)
            picture_check(out->paths[grid ? 0 : k], grid ? decoded : picture, (grid ? k + 1 : 1) * n);
    }
    free(file.samples);
    free(parameters);
    return code;
}

static int emit_latents(Sd *sd, Outputs *out)
{
    const int64_t dim[] = {sd->options->count, sd->channels, sd->height, sd->width};
    SdcArray a = outputs_view("latents", DT_F32, sd->latents, 4, dim);
    return outputs_arrays(out, sd->options->save_latents, (const SdcArray *const[]){&a}, 1);
}

/* Arrays of a trace, their names and extents. */
enum { TRACED = 4 + SD_ENCODERS + SD_CONDITIONS };
typedef struct { SdcArray all[2 * TRACED + 1]; char names[2 * TRACED + 1][64]; int n; } Trace;

static void add_array(Trace *t, const char *prefix, const char *name, DType dtype, void *data, int rank,
                      const int64_t *dim)
{
    snprintf(t->names[t->n], sizeof t->names[t->n], "%s%s", prefix, name);
    t->all[t->n] = outputs_view(t->names[t->n], dtype, data, rank, dim);
    t->n++;
}

/* latents[0] is what the loop started from, latents[i + 1] what evaluation i left; sample[i] what the network got for
 * it, sample_extra what stood behind that in each.  Token ids and conditions have a row for each prompt, the negative first. */
static int add_drawing(Trace *t, const char *prefix, const Sd *sd)
{
    static const char encoder[] = "text_encoder";       /* _2 and _3 are kept behind the ids' name */
    int64_t count = sd->options->count, prompts = sd_prompts(sd);
    const int64_t latents_dim[] = {sd->evaluations + 1, count, sd->channels, sd->height, sd->width};
    const int64_t sample_dim[] = {sd->evaluations, count, sd->channels, sd->height, sd->width};
    add_array(t, prefix, "latents", DT_F32, sd->trace, 5, latents_dim);
    add_array(t, prefix, "sample", DT_F32, sd->samples, 5, sample_dim);
    if (sd->extra_size)
        add_array(t, prefix, "sample_extra", DT_F32, sd->extra, 3,
                  (int64_t[]){sd->extra_size / (sd->height * sd->width), sd->height, sd->width});
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
static int emit_trace(Sd *sd, Outputs *out, float *decoded)
{
    const int64_t picture_dim[] = {sd->options->count, 3, sd->picture_height, sd->picture_width};
    const SdcArray *list[2 * TRACED + 1];
    Trace t = {.n = 0};
    int code = add_drawing(&t, "", sd);
    if (code || (sd->refiner && (code = add_drawing(&t, "refiner_", sd->refiner))))
        return code;
    add_array(&t, "", "decoded", DT_F32, decoded, 4, picture_dim);
    for (int k = 0; k < t.n; k++)
        list[k] = &t.all[k];
    return outputs_arrays(out, sd->options->trace, list, t.n);
}

static int write_outputs(Sd *sd, Outputs *out)
{
    const SdOptions *o = sd->options;
    float *decoded = NULL;
    int code = pipeline_floats(&decoded, o->count * 3 * sd->picture_height * sd->picture_width);
    for (int64_t k = 0; !code && k < o->count; k++)
        code = emit_picture(sd, out, decoded, k);
    if (!code && o->save_latents)
        code = emit_latents(sd, out);
    if (!code && o->trace)
        code = emit_trace(sd, out, decoded);
    if (!code)
        code = outputs_commit(out);
    free(decoded);
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
    sd.outputs = &out;
    if (!code)
        code = o->bench ? sd_bench(&sd) : sd_draw(&sd);
    if (!code && !o->bench)
        code = write_outputs(&sd, &out);
    outputs_end(&out);
    sd_close(&sd);
    free(given);
    free(picture);
    return code;
}

static int obey(const SdOptions *o)
{
    int code = SDC_OK;
    if (driver_listed(&o->common, o->scheduler) || driver_answered(&o->common, &sd_help, &code))
        return code;
    if (!o->prompt && !o->bench && !(sd_family()->takes & SD_NO_PROMPT))
        return sdc_error(SDC_USAGE, "what shall be drawn?  for example: %s \"a crab\" -o crab.png; see --help",
                         sdc_model.name);
    return draw(o);
}

int sdc_sd_main(int argc, char **argv)
{
    SdOptions o;            /* without a prompt only --bench draws, from an empty one */
    int code = sd_options_read(&o, argc, argv);
    return driver_end(code ? code : obey(&o));
}
