/* autoencoder_run.c: see autoencoder.h.
 *
 * Latents are the network's own.  An encoder that gives twice the decoder's channels gives mean and logarithm of the
 * variance of a distribution; --sample draws from it as diffusers does.  --scaled latents are those that a denoiser
 * works on (latents.h). */
#include "autoencoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "latents.h"
#include "outputs.h"
#include "pipeline.h"

typedef struct { const SdcProgram *program; const SdcTensor *in, *out; } Network;

static bool is_network(const SdcProgram *p)
{
    return p->n_inputs == 1 && p->inputs[0].rank == 4 && p->n_outputs >= 1 && p->outputs[0].rank == 4;
}

/* The k-th program of a component as a network; program NULL behind the last. */
static Network network(const char *component, int k)
{
    const SdcProgram *p = pipeline_nth(component, k);
    return p && is_network(p) ? (Network){p, &p->inputs[0], &p->outputs[0]} : (Network){0};
}

/* That for a size, or for 0x0 the first. */
static Network find_network(const char *component, int64_t height, int64_t width)
{
    Network n;
    for (int k = 0; (n = network(component, k)).program; k++)
        if (!height || (n.in->dim[2] == height && n.in->dim[3] == width))
            return n;
    return (Network){0};
}

static int no_network(const char *component, int64_t height, int64_t width)
{
    Network first = network(component, 0);
    if (!first.program)
        return sdc_error(SDC_UNSUPPORTED, "the executable has no %s; it was not in the folder", component);
    return sdc_error(SDC_USAGE, "%s: not compiled for %lldx%lld, but for %lldx%lld; compile with --size", component,
                     (long long)width, (long long)height, (long long)first.in->dim[3], (long long)first.in->dim[2]);
}

int autoencoder_open(Autoencoder *a, const AutoencoderOptions *o)
{
    *a = (Autoencoder){.options = o};
    sdc_random_seed(&a->random, o->seed);
    return driver_pool(&o->common, &a->pool);
}

void autoencoder_close(Autoencoder *a)
{
    sdc_pool_destroy(a->pool);
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

/* values of one picture through a network, into out->values. */
static int run(const Autoencoder *a, const Network *n, const float *values, Field *out)
{
    SdcContext c = {0};
    *out = (Field){n->out->dim[1], n->out->dim[2], n->out->dim[3], NULL};
    int code = pipeline_floats(&out->values, tensor_row(n->out));
    if (!code && !(code = sdc_instance_open(&c, n->program, a->pool))) {
        tensor_repeat(&c, n->in, values, tensor_row(n->in));
        if (!(code = pipeline_run(&c, n->program)))
            tensor_get(&c, n->out, 0, out->values, tensor_row(n->out));
        sdc_instance_close(&c);
    }
    return code;
}

/* *scaling stays NULL where latents are the network's own. */
static int find_scaling(const Autoencoder *a, int64_t channels, float **scaling)
{
    return a->options->scaled ? latents_scaling("index.", channels, true, scaling) : SDC_OK;
}

/* Mean and log variance, or latents as they are, to latents in place. */
static int choose_latents(Autoencoder *a, Field *f)
{
    Network decoder = network("vae_decoder", 0);
    int64_t known = decoder.program ? decoder.in->dim[1] : (int64_t)pipeline_number("index.latent_channels", 0);
    bool moments = known ? f->channels == 2 * known : f->channels % 2 == 0;
    float *noise = NULL, *scaling = NULL;
    if (moments)
        f->channels /= 2;
    int64_t n = f->channels * f->height * f->width;
    int code = a->options->sample ? pipeline_floats(&noise, n) : SDC_OK;
    if (!code && a->options->sample && !moments)
        code = sdc_error(SDC_USAGE, "--sample: this encoder gives latents, not a distribution");
    if (!code && noise)
        sdc_random_normal(&a->random, noise, n);
    if (!code)
        code = find_scaling(a, f->channels, &scaling);
    for (int64_t i = 0; !code && noise && i < n; i++)
        f->values[i] += expf(0.5f * fminf(fmaxf(f->values[n + i], -30), 20)) * noise[i];
    if (!code && scaling)
        latents_scale(scaling, f->channels, f->height * f->width, f->values, f->values);
    free(scaling);
    free(noise);
    return code;
}

/* ---- encoding --------------------------------------------------------------------------------------------------- */

int autoencoder_read(const Autoencoder *a, const char *path, SdcImage *picture)
{
    Network any = find_network("vae_encoder", a->options->height, a->options->width);
    if (!any.program)
        return no_network("vae_encoder", a->options->height, a->options->width);
    int channels = (int)any.in->dim[1];
    if (channels != 1 && channels != 3)
        return sdc_error(SDC_UNSUPPORTED, "vae_encoder takes %d channels; pictures have 1 or 3", channels);
    int code = sdc_image_read_deep(picture, path, channels);
    if (code || (!a->options->height && find_network("vae_encoder", picture->height, picture->width).program))
        return code;
    int64_t height = any.in->dim[2], width = any.in->dim[3];
    if ((picture->height != height || picture->width != width) && !a->options->common.quiet)
        sdc_error(SDC_OK, "note: %s: %dx%d is resized to %lldx%lld", path, picture->width, picture->height,
                  (long long)width, (long long)height);
    return sdc_image_resize(picture, (int)width, (int)height, SDC_LANCZOS);
}

/* 0..1 to what the networks take, and back. */
static float to_range(const Autoencoder *a, float v)
{
    return a->options->unit ? v : 2 * v - 1;
}

static float from_range(const Autoencoder *a, float v)
{
    return a->options->unit ? v : v / 2 + 0.5f;
}

int autoencoder_encode(Autoencoder *a, const SdcImage *picture, Field *latents)
{
    Network n = find_network("vae_encoder", picture->height, picture->width);
    float *values = NULL;
    int64_t pixels = (int64_t)picture->height * picture->width;
    if (!n.program)
        return no_network("vae_encoder", picture->height, picture->width);
    int code = pipeline_floats(&values, tensor_row(n.in));
    for (int64_t i = 0; !code && i < pixels; i++)
        for (int64_t c = 0; c < picture->channels; c++)
            values[c * pixels + i] = to_range(a, sdc_image_value(picture, i * picture->channels + c));
    if (!code)
        code = run(a, &n, values, latents);
    free(values);
    return code ? code : choose_latents(a, latents);
}

/* ---- decoding --------------------------------------------------------------------------------------------------- */

int autoencoder_decode(const Autoencoder *a, const Field *latents, const char *what, Field *picture)
{
    Network n = find_network("vae_decoder", latents->height, latents->width);
    float *values = NULL, *scaling = NULL;
    if (!n.program)
        return no_network("vae_decoder", latents->height, latents->width);
    if (n.in->dim[1] != latents->channels)
        return sdc_error(SDC_BAD_INPUT, "%s: latents of %lld channels; vae_decoder takes %lld", what,
                         (long long)latents->channels, (long long)n.in->dim[1]);
    int code = pipeline_floats(&values, tensor_row(n.in));
    if (!code)
        code = find_scaling(a, latents->channels, &scaling);
    if (!code && scaling)
        latents_unscale(scaling, latents->channels, latents->height * latents->width, latents->values, values);
    else if (!code)
        memcpy(values, latents->values, (size_t)tensor_row(n.in) * sizeof *values);
    if (!code)
        code = run(a, &n, values, picture);
    free(scaling);
    free(values);
    return code;
}

int autoencoder_quantise(const Autoencoder *a, const Field *picture, SdcPng *rgb)
{
    int64_t n = picture->height * picture->width;
    if (picture->channels != 1 && picture->channels != 3)
        return sdc_error(SDC_UNSUPPORTED, "vae_decoder gives %lld channels; pictures have 1 or 3",
                         (long long)picture->channels);
    *rgb = (SdcPng){3, driver_bits(&a->options->common), (int)picture->width, (int)picture->height, NULL};
    rgb->samples = malloc((size_t)(3 * n * rgb->bits / 8));
    if (!rgb->samples)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    for (int64_t i = 0; i < 3 * n; i++) {
        float v = picture->values[picture->channels == 3 ? i % 3 * n + i / 3 : i / 3];
        picture_put(rgb, i, from_range(a, v));
    }
    return SDC_OK;
}
