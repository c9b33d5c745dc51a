/* unconditional.c: the command line program of pipelines that draw from noise alone: reads what is asked for, draws,
 * writes. */
#define _GNU_SOURCE 1
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "unconditional.h"

/* ---- inputs ----------------------------------------------------------------------------------------------------- */

static int read_latents(const Unconditional *u, float **latents)
{
    const int64_t dim[] = {u->count, u->channels, u->height, u->width};
    int code = pipeline_floats(latents, u->count * u->size);
    return code ? code : pipeline_array(u->options->latents, "latents", dim, *latents);
}

/* ---- outputs ---------------------------------------------------------------------------------------------------- */

static int prepare_outputs(Outputs *out, const UnconditionalOptions *o)
{
    int code = outputs_begin(out, o->output, o->grid ? 1 : o->count, 2);
    code = code ? code : outputs_check(o->save_latents);
    return code ? code : outputs_check(o->trace);
}

/* The class of picture k, or those of a grid's pictures in turn. */
static void write_classes(FILE *out, const Unconditional *u, int64_t k)
{
    const UnconditionalOptions *o = u->options;
    if (!u->labels || !o->n_classes)
        return;
    if (!o->grid || o->n_classes == 1) {
        fprintf(out, ", Class: %lld", (long long)u->shown[2 * k + 1]);
    } else {
        for (int64_t i = 0; i < o->n_classes; i++)
            fprintf(out, "%s%lld", i ? "," : ", Class: \"", (long long)o->classes[i]);
        fputc('"', out);
    }
    fprintf(out, ", CFG scale: %g", o->guidance);
}

/* The settings as web UIs write and read them under the key "parameters"; malloc'd, NULL when out of memory. */
static char *parameters(const Unconditional *u, int64_t k)
{
    const UnconditionalOptions *o = u->options;
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        return NULL;
    fprintf(out, "%s\nSteps: %lld", o->clip_text ? o->clip_text : "", (long long)u->scheduler->steps);
    driver_record_sampler(out, o->scheduler, u->config.class->name);
    fprintf(out, ", Seed: %llu, Size: %lldx%lld", (unsigned long long)o->seed, (long long)u->picture_width,
            (long long)u->picture_height);
    write_classes(out, u, k);
    if (o->clip_text)
        fprintf(out, ", CLIP scale: %g", o->clip_scale);
    driver_record_model(out);
    if (u->count > 1)
        fprintf(out, ", Batch size: %lld", (long long)u->count);
    if (u->count > 1 && !o->grid)
        fprintf(out, ", Batch pos: %lld", (long long)k);
    driver_record_fields(out, o->scheduler);
    unconditional_options_record(out, o);
    fprintf(out, ", RNG: CPU, Version: sdc %s", sdc_model.version);
    return fclose(out) ? NULL : text;
}

/* Pictures [first, first + count) as file k. */
static int emit_pictures(Unconditional *u, Outputs *out, int64_t k, int64_t first, int64_t count)
{
    const int64_t picture = u->picture_channels * u->picture_height * u->picture_width;
    const float *pictures = u->decoded + first * picture;
    SdcPng grid = {0};
    char *text = parameters(u, first), software[64];
    snprintf(software, sizeof software, "sdc %s", sdc_model.version);
    const SdcText texts[] = {{"parameters", text}, {"Software", software}, {NULL, NULL}};
    int code = text ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
    if (!code && !(code = unconditional_grid(u, pictures, count, driver_bits(&u->options->common), &grid)))
        code = outputs_picture(out, k, &grid, texts);
    if (!code)
        picture_check(out->paths[k], pictures, count * picture);
    free(grid.samples);
    free(text);
    return code;
}

/* latents[0] is what the loop started from, latents[i + 1] what evaluation i left; sample[i] what the network got for
 * it. */
static int emit_trace(Unconditional *u, Outputs *out)
{
    int64_t count = u->count, evaluations = u->scheduler->evaluations;
    const int64_t latents_dim[] = {evaluations + 1, count, u->channels, u->height, u->width};
    const int64_t sample_dim[] = {evaluations, count, u->channels, u->height, u->width};
    const int64_t picture_dim[] = {count, u->picture_channels, u->picture_height, u->picture_width};
    const int64_t class_dim[] = {count, 2};
    SdcArray latents = outputs_view("latents", DT_F32, u->trace, 5, latents_dim);
    SdcArray sample = outputs_view("sample", DT_F32, u->samples, 5, sample_dim);
    SdcArray times = outputs_view("timesteps", DT_F64, u->scheduler->timesteps, 1, &evaluations);
    SdcArray decoded = outputs_view("decoded", DT_F32, u->decoded, 4, picture_dim);
    SdcArray labels = outputs_view("class_labels", DT_I64, u->shown, 2, class_dim);
    SdcArray losses = outputs_view("clip_loss", DT_F32, u->losses, 2, sample_dim);
    const SdcArray *list[6] = {&latents, &times, &decoded, &sample};
    int n = 4;
    if (u->labels)
        list[n++] = &labels;
    if (u->losses)
        list[n++] = &losses;
    return outputs_arrays(out, u->options->trace, list, n);
}

static int emit_latents(Unconditional *u, Outputs *out)
{
    const int64_t dim[] = {u->count, u->channels, u->height, u->width};
    SdcArray a = outputs_view("latents", DT_F32, u->latents, 4, dim);
    return outputs_arrays(out, u->options->save_latents, (const SdcArray *const[]){&a}, 1);
}

static int write_outputs(Unconditional *u, Outputs *out)
{
    const UnconditionalOptions *o = u->options;
    int code = o->grid ? emit_pictures(u, out, 0, 0, u->count) : SDC_OK;
    for (int64_t k = 0; !code && !o->grid && k < u->count; k++)
        code = emit_pictures(u, out, k, k, 1);
    if (!code && o->save_latents)
        code = emit_latents(u, out);
    if (!code && o->trace)
        code = emit_trace(u, out);
    return code ? code : outputs_commit(out);
}

/* ---- commands --------------------------------------------------------------------------------------------------- */

static int draw(const UnconditionalOptions *o)
{
    Unconditional u = {0};
    Outputs out;
    float *given = NULL;
    int code = prepare_outputs(&out, o);
    if (!code)
        code = unconditional_open(&u, o);
    if (!code && o->latents)
        code = read_latents(&u, &given);
    if (!code)
        code = unconditional_draw(&u, given, &out);
    if (!code)
        code = write_outputs(&u, &out);
    outputs_end(&out);
    unconditional_close(&u);
    free(given);
    return code;
}

static int obey(const UnconditionalOptions *o)
{
    int code = SDC_OK;
    bool done = driver_listed(&o->common, o->scheduler) || driver_answered(&o->common, &unconditional_help, &code);
    return done ? code : draw(o);
}

int sdc_unconditional_main(int argc, char **argv)
{
    UnconditionalOptions o;
    int code = unconditional_options_read(&o, argc, argv);
    return driver_end(code ? code : obey(&o));
}
