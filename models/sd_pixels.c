/* sd_pixels.c: see sd_pixels.h. */
#include "sd_pixels.h"

#include <math.h>
#include <stdlib.h>

#include "image_input.h"
#include "pipeline.h"

int sd_pixels_read(const SdcProgram *p, const char *path, float **pixels)
{
    const SdcTensor *in;
    int code = pipeline_input(p, "pixel_values", 4, &in);
    if (code)
        return code;
    if (in->dim[1] != 3)
        return sdc_error(SDC_UNSUPPORTED, "%s: pixel_values of %lld channels, not 3", p->name, (long long)in->dim[1]);
    if (pipeline_is_array(path))
        return sd_image_read(path, in->dim[2], in->dim[3], pixels);
    ImageInput input;
    if ((code = image_input_open(&input)) || (code = pipeline_floats(pixels, tensor_row(in))))
        return code;
    return image_input_read(&input, path, in->dim[2], in->dim[3], p->name, *pixels);
}

int sd_pixels_run(Sd *sd, const SdcProgram *p, const float *pixels, const char *output, float *into, int64_t n)
{
    const SdcTensor *in, *out;
    SdcContext c = {0};
    int code;
    if ((code = pipeline_input(p, "pixel_values", 4, &in)) || (code = pipeline_output(p, output, -1, &out)) ||
        (code = sdc_instance_open(&c, p, sd->pool)))
        return code;
    tensor_repeat(&c, in, pixels, tensor_row(in));
    if (!(code = pipeline_run(&c, p)))
        tensor_get(&c, out, 0, into, n);
    sd_close_network(sd, &c);
    return code;
}

/* ---- bicubic ----------------------------------------------------------------------------------------------------- */

/* The four weights around a point that is `t` behind the second of them; a = -0.75. */
static void cubic(float t, float w[4])
{
    const float a = -0.75f;
    float u = 1 - t, far = 1 + t, end = 1 + u;
    w[0] = ((a * far - 5 * a) * far + 8 * a) * far - 4 * a;
    w[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
    w[2] = ((a + 2) * u - (a + 3)) * u * u + 1;
    w[3] = ((a * end - 5 * a) * end + 8 * a) * end - 4 * a;
}

typedef struct { int64_t at[4]; float weight[4]; } Taps;

static Taps taps(int64_t i, int64_t from, int64_t to)
{
    Taps t;
    float centre = (float)from / (float)to * ((float)i + 0.5f) - 0.5f, low = floorf(centre);
    cubic(centre - low, t.weight);
    for (int k = 0; k < 4; k++) {
        int64_t at = (int64_t)low - 1 + k;
        t.at[k] = at < 0 ? 0 : at < from ? at : from - 1;
    }
    return t;
}

void sd_bicubic(const float *from, int64_t height, int64_t width, float *to, int64_t to_height, int64_t to_width)
{
    for (int64_t y = 0; y < to_height; y++) {
        Taps rows = taps(y, height, to_height);
        for (int64_t x = 0; x < to_width; x++) {
            Taps columns = taps(x, width, to_width);
            float sum = 0;
            for (int j = 0; j < 4; j++) {
                const float *line = from + rows.at[j] * width;
                float part = 0;
                for (int i = 0; i < 4; i++)
                    part += line[columns.at[i]] * columns.weight[i];
                sum += part * rows.weight[j];
            }
            to[y * to_width + x] = sum;
        }
    }
}
