/* autoencoder_config.c: see autoencoder_config.h. */
#include "autoencoder_config.h"

#include <float.h>
#include <math.h>

#include "cli.h"
#include "json_file.h"

enum { MAX_BLOCKS = 16, MAX_CHANNELS = 256, USUAL_SCALE = 8 };

/* Fields of the class that are one number or, by channel, a list of them. */
typedef struct { const char *name; bool list; double low; const char *text; } Field;

static const Field fields[] = {
    {"scaling_factor", false, FLT_MIN, "a number above 0"},
    {"shift_factor", false, -FLT_MAX, "a finite number"},
    {"latents_mean", true, -FLT_MAX, "a finite number"},
    {"latents_std", true, FLT_MIN, "a number above 0"},
};

static void check_number(const json_t *v, const Field *f, const char *path)
{
    double x = json_number_value(v);
    if (!json_is_number(v) || !(x >= f->low && x <= (double)FLT_MAX))
        fail(SDC_BAD_INPUT, "%s: %s is not %s", path, f->name, f->text);
}

static void check_field(const json_t *config, const Field *f, const char *path, int64_t channels)
{
    const json_t *v = json_object_get(config, f->name);
    if (!v || json_is_null(v))
        return;
    if (!f->list) {
        check_number(v, f, path);
        return;
    }
    if (json_array_size(v) != (size_t)channels)
        fail(SDC_BAD_INPUT, "%s: %s is not a list of %lld numbers, one for each of latent_channels", path, f->name,
             (long long)channels);
    for (size_t k = 0; k < json_array_size(v); k++)
        check_number(json_array_get(v, k), f, path);
}

int64_t check_autoencoder(const json_t *config, const char *path)
{
    const int64_t channels = json_whole(config, path, "latent_channels", 4, 1, MAX_CHANNELS);
    for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
        check_field(config, &fields[k], path, channels);
    const json_t *blocks = json_object_get(config, "block_out_channels"), *block;
    size_t n = json_array_size(blocks), k;
    if (!blocks || json_is_null(blocks))
        return USUAL_SCALE;
    bool right = n >= 1 && n <= MAX_BLOCKS;
    json_array_foreach(blocks, k, block)
        right &= json_is_integer(block) && json_integer_value(block) > 0;
    if (!right)
        fail(SDC_BAD_INPUT, "%s: block_out_channels is not a list of 1 to %d whole numbers above 0", path, MAX_BLOCKS);
    return (int64_t)1 << (n - 1);
}
