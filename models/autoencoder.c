/* autoencoder.c: encode, decode and reconstruct of AutoencoderKL, VQModel and the like.
 *
 * Outputs go to temporaries and are renamed when complete; of several pictures each by itself. */
#include "autoencoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/fileio.h"
#include "../runtime/json.h"
#include "outputs.h"
#include "pipeline.h"

/* ---- options ---------------------------------------------------------------------------------------------------- */

typedef AutoencoderOptions Options;

DRIVER_PATH("output", output)
DRIVER_PATH("latents", latents)
DRIVER_FLAG(sample)
DRIVER_SEED(seed)
DRIVER_FLAG(scaled)
DRIVER_SIZE(width, height)

static int set_range(void *into, const char *v)
{
    Options *o = into;
    o->unit = !strcmp(v, "0..1");
    if (!o->unit && strcmp(v, "-1..1"))
        return sdc_error(SDC_USAGE, "--range: '%s' is neither -1..1 nor 0..1", v);
    return SDC_OK;
}

static const SdcOption table[] = {
    {"output", 'o', "FILE", "what to write: latents as .npy or .npz, a picture as PNG; of several pictures FILE-1.png, "
                            "FILE-2.png ... (default: latents.npy, image.png)", set_output},
    DRIVER_BIT_DEPTH,
    {"latents", 0, "FILE", "reconstruct: write the latents too, .npy", set_latents},
    {"sample", 0, NULL, "draw latents from the encoder's distribution (default: its mean)", set_sample},
    {"seed", 's', "N", "of --sample, as torch.manual_seed (default: 0)", set_seed},
    {"scaled", 0, NULL, "latents as a denoiser has them: shifted and scaled by the configuration's factors",
     set_scaled},
    {"size", 0, "WxH", "resize pictures to this; must have been compiled (default: the picture's own size where that "
                       "was, else the first)", set_size},
    {"range", 0, "MIN..MAX", "of the networks' pictures: -1..1, or 0..1 as TAESD's own networks have it (default: "
     "-1..1)", set_range},
    DRIVER_ROWS,
    {0},
};

static const DriverHelp help = {
    table,
    .usage =
        "Usage: %s encode PICTURE... [-o LATENTS.npy]\n"
        "       %s decode LATENTS.npy [-o PICTURE.png]\n"
        "       %s reconstruct PICTURE... [-o PICTURE.png]\n"
        "Turns pictures into latents and back.  Pictures are PNG, JPEG or WebP.\n\n",
    .examples =
        "  %s encode photo.jpg -o latents.npy\n"
        "  %s decode latents.npy -o photo.png\n"
        "  %s reconstruct photo.jpg -o again.png          prints the PSNR\n"};

int sdc_autoencoder_default(const char *text, const char *class)
{
    (void)class;
    AutoencoderOptions unused = {0};
    return driver_default(table, &unused, text, SDC_USAGE);
}

/* ---- pieces ----------------------------------------------------------------------------------------------------- */

/* Latents of `count` pictures, alike in shape: [count][channels][height][width]. */
typedef struct { Field shape; float *values; int64_t count; } Batch;

static int64_t field_size(const Field *f)
{
    return f->channels * f->height * f->width;
}

/* Takes the values of one more. */
static int batch_add(Batch *b, const Field *f, int64_t k, int64_t count, const char *path)
{
    int64_t n = field_size(f);
    if (!k) {
        b->shape = *f;
        int code = pipeline_floats(&b->values, count * n);
        if (code)
            return code;
    }
    if (b->shape.channels != f->channels || b->shape.height != f->height || b->shape.width != f->width)
        return sdc_error(SDC_USAGE, "%s: the pictures have different sizes; give --size, or encode them one by one",
                         path);
    memcpy(b->values + k * n, f->values, (size_t)n * sizeof *f->values);
    b->count = k + 1;
    return SDC_OK;
}

static int batch_write(const Batch *b, const char *path)
{
    SdcArray a = {.dtype = DT_F32, .rank = 4, .dim = {b->count, b->shape.channels, b->shape.height, b->shape.width},
                  .count = b->count * field_size(&b->shape), .data = b->values, .name = (char[]){"latents"}};
    return sdc_npy_write(path, &a);
}

/* The settings under the key "parameters", as pipelines write them; from: the file that the picture comes of.  malloc'd, NULL
 * when out of memory. */
static char *parameters(const Options *o, const char *command, const char *from, const SdcPng *picture)
{
    static const char *const apart[] = {"latents", "size", NULL};
    const Options without = {0};
    const char *slash = strrchr(from, '/');
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        return NULL;
    fprintf(out, "\nCommand: %s, File: ", command);
    driver_record_value(out, slash ? slash + 1 : from);
    fprintf(out, ", Size: %dx%d", picture->width, picture->height);
    driver_record_model(out);
    driver_record(out, &o->common.given, &(DriverRecord){table, &without, sizeof without, apart});
    fprintf(out, ", Version: sdc %s", sdc_model.version);
    return fclose(out) ? NULL : text;
}

static int write_png(const char *path, const SdcPng *picture, char *settings)
{
    char software[64];
    snprintf(software, sizeof software, "sdc %s", sdc_model.version);
    const SdcText texts[] = {{"parameters", settings}, {"Software", software}, {NULL, NULL}};
    int code = settings ? sdc_png_write(path, picture, texts) : sdc_error(SDC_NO_SPACE, "out of memory");
    free(settings);
    return code;
}

/* dB of two pictures of 16 bits, which those of 8 are as well; infinite when they are equal. */
static double psnr(const SdcImage *a, const SdcPng *b)
{
    double total = 0;
    int64_t n = (int64_t)a->width * a->height * 3;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *sample = b->samples + i * b->bits / 8;
        const double given = rint((double)sdc_image_value(a, a->channels == 3 ? i : i / 3) * 65535);
        const double d = given - (sample[0] * 256 + sample[b->bits / 8 - 1]);
        total += d * d;
    }
    return 10 * log10(65535.0 * 65535 * (double)n / total);
}

/* ---- commands --------------------------------------------------------------------------------------------------- */

/* A file's picture and its latents; both are freed by forget() whatever the code. */
static int encode_file(Autoencoder *a, const char *path, SdcImage *picture, Field *latents)
{
    *picture = (SdcImage){0};
    *latents = (Field){0};
    int code = autoencoder_read(a, path, picture);
    return code ? code : autoencoder_encode(a, picture, latents);
}

static void forget(SdcImage *picture, Field *latents)
{
    sdc_image_free(picture);
    free(latents->values);
}

static int encode(Autoencoder *a, int n, char **paths)
{
    Batch batch = {0};
    int code = SDC_OK;
    for (int k = 0; !code && k < n; k++) {
        SdcImage picture;
        Field latents;
        if (!(code = encode_file(a, paths[k], &picture, &latents)))
            code = batch_add(&batch, &latents, k, n, paths[k]);
        forget(&picture, &latents);
    }
    const char *path = a->options->output ? a->options->output : "latents.npy";
    if (!code && !(code = batch_write(&batch, path)) && a->options->common.json) {
        printf("{");
        sdc_json_text("latents", path);
        printf(",\"shape\":[%lld,%lld,%lld,%lld]}\n", (long long)batch.count, (long long)batch.shape.channels,
               (long long)batch.shape.height, (long long)batch.shape.width);
    } else if (!code) {
        puts(path);
    }
    free(batch.values);
    return code;
}

static void print_picture(const Autoencoder *a, int64_t k, const char *from, const char *path, const double *decibel)
{
    if (a->options->common.json) {
        printf("%s{", k ? "," : "");
        if (from) {
            sdc_json_text("picture", from);
            putchar(',');
        }
        sdc_json_text("output", path);
        if (decibel)
            sdc_json_more(&(SdcJsonNumber){"psnr", *decibel}, 1);
        putchar('}');
    } else if (decibel) {
        printf("%s: PSNR %.2f dB, %s\n", from, *decibel, path);
    } else {
        puts(path);
    }
}

/* Latents to picture k of n; original: to compare with, or NULL. */
static int emit(Autoencoder *a, const Field *latents, int64_t k, int64_t n, const char *from, const SdcImage *original)
{
    Field picture = {0};
    SdcPng rgb = {0};
    char *path = outputs_numbered(a->options->output ? a->options->output : "image.png", k, n);
    int code = path ? outputs_check_picture(path) : sdc_error(SDC_NO_SPACE, "out of memory");
    if (!code)
        code = autoencoder_decode(a, latents, from, &picture);
    if (!code && original && (picture.width != original->width || picture.height != original->height))
        code = sdc_error(SDC_UNSUPPORTED, "%s: comes back as %lldx%lld", from, (long long)picture.width,
                         (long long)picture.height);
    const char *command = original ? "reconstruct" : "decode";
    if (!code && !(code = autoencoder_quantise(a, &picture, &rgb)) &&
        !(code = write_png(path, &rgb, parameters(a->options, command, from, &rgb)))) {
        picture_check(path, picture.values, picture.channels * picture.height * picture.width);
        print_picture(a, k, original ? from : NULL, path, original ? &(double){psnr(original, &rgb)} : NULL);
    }
    free(picture.values);
    free(rgb.samples);
    free(path);
    return code;
}

static int decode(Autoencoder *a, int n, char **paths)
{
    SdcArray array = {0};
    if (n != 1)
        return sdc_error(SDC_USAGE, "decode takes one file of latents, which may hold several");
    int code = sdc_array_read(&array, paths[0], "latents");
    if (code)
        return code;
    const int64_t *last = array.dim + (array.rank == 4);
    if ((array.rank != 3 && array.rank != 4) || array.dtype != DT_F32 || !array.count)
        code = sdc_error(SDC_BAD_INPUT, "%s: not float32 [pictures,channels,height,width]", paths[0]);
    int64_t count = !code && array.rank == 4 ? array.dim[0] : 1, row = array.count / count;
    for (int64_t k = 0; !code && k < count; k++)
        code = emit(a, &(Field){last[0], last[1], last[2], (float *)array.data + k * row}, k, count, paths[0], NULL);
    sdc_array_free(&array);
    return code;
}

static int reconstruct(Autoencoder *a, int n, char **paths)
{
    Batch batch = {0};
    int code = SDC_OK;
    for (int k = 0; !code && k < n; k++) {
        SdcImage picture;
        Field latents;
        if (!(code = encode_file(a, paths[k], &picture, &latents)))
            code = emit(a, &latents, k, n, paths[k], &picture);
        if (!code && a->options->latents)
            code = batch_add(&batch, &latents, k, n, paths[k]);
        forget(&picture, &latents);
    }
    if (!code && a->options->latents)
        code = batch_write(&batch, a->options->latents);
    free(batch.values);
    return code;
}

static const struct { const char *name; int (*run)(Autoencoder *, int, char **); bool listed; } commands[] = {
    {"encode", encode, false}, {"decode", decode, true}, {"reconstruct", reconstruct, true}};

static int obey(const AutoencoderOptions *o, int n, char **argv)
{
    size_t k = 0, known = sizeof commands / sizeof *commands;
    while (k < known && n && strcmp(commands[k].name, argv[1]))
        k++;
    if (!n || k == known)
        return sdc_error(SDC_USAGE, "encode, decode or reconstruct?  for example: %s reconstruct photo.jpg -o "
                         "again.png; see --help", sdc_model.name);
    if (n < 2)
        return sdc_error(SDC_USAGE, "%s: which file?  see --help", commands[k].name);
    const char *outputs[] = {o->output, o->latents};
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        int code = outputs[i] ? sdc_output_check(outputs[i]) : SDC_OK;
        if (code)
            return code;
    }
    Autoencoder a;
    bool list = commands[k].listed && o->common.json;
    int code = autoencoder_open(&a, o);
    if (!code && list)
        printf("{\"pictures\":[");
    if (!code)
        code = commands[k].run(&a, n - 1, argv + 2);
    if (!code && list)
        printf("]}\n");
    autoencoder_close(&a);
    return code;
}

int sdc_autoencoder_main(int argc, char **argv)
{
    AutoencoderOptions o = {0};
    int n = 0, code = driver_parse(table, &o, argc, argv, &n);
    if (!code && !driver_answered(&o.common, &help, &code))
        code = obey(&o, n, argv);
    return driver_end(code);
}
