/* image_processor.c: see image_processor.h.
 *
 * Absent keys have the defaults of the file's image_processor_type, or feature_extractor_type of older files; a size
 * may be a number, as older files have it.  What a class does beyond resizing, cropping, rescaling and normalising is
 * known here for ConvNext and EfficientNet alone, so other classes are refused. */
#include "image_processor.h"

#include <stdlib.h>
#include <string.h>

#include "../runtime/image.h"
#include "cli.h"
#include "json_file.h"

typedef struct {
    const char *name;               /* without "ImageProcessor", "FeatureExtractor" and what follows */
    bool shortest, crops;           /* the size is of the shorter edge */
    SdcResample resample;
    double mean[3], std[3];
    int64_t side, crop;
    double crop_pct;                /* of the picture, which becomes `size` below CROPPED_BELOW; 0: there is none */
    bool top;                       /* has rescale_offset and include_top */
} Class;

#define OPENAI_CLIP {0.48145466, 0.4578275, 0.40821073}, {0.26862954, 0.26130258, 0.27577711}
#define IMAGENET_STANDARD {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}

static const Class classes[] = {
    {"CLIP", true, true, SDC_BICUBIC, OPENAI_CLIP, 224, 224, 0, false},
    {"Siglip", false, false, SDC_BICUBIC, IMAGENET_STANDARD, 224, 224, 0, false},
    {"ViT", false, false, SDC_BILINEAR, IMAGENET_STANDARD, 224, 224, 0, false},
    {"DPT", false, false, SDC_BICUBIC, IMAGENET_STANDARD, 384, 384, 0, false},
    {"Bit", true, true, SDC_BICUBIC, OPENAI_CLIP, 224, 224, 0, false},
    {"ConvNext", true, false, SDC_BICUBIC, IMAGENET_STANDARD, 384, 384, 224.0 / 256, false},
    {"DeiT", false, true, SDC_BICUBIC, IMAGENET_STANDARD, 256, 224, 0, false},
    {"EfficientNet", false, false, SDC_BICUBIC, IMAGENET_STANDARD, 346, 289, 0, true},
    {"MobileNetV1", true, true, SDC_BILINEAR, IMAGENET_STANDARD, 256, 224, 0, false},
    {"MobileNetV2", true, true, SDC_BILINEAR, IMAGENET_STANDARD, 256, 224, 0, false},
};

enum { MAX_SIDE = 1 << 14, CROPPED_BELOW = 384 };

static const Class *find_class(const char *path, const char *name)
{
    const char *list = "";
    for (size_t k = 0; k < sizeof classes / sizeof *classes; k++) {
        size_t n = strlen(classes[k].name);
        const char *rest = name + n;
        if (!strncmp(name, classes[k].name, n) &&
            (!strncmp(rest, "ImageProcessor", 14) || !strncmp(rest, "FeatureExtractor", 16)))
            return &classes[k];
        list = text_format("%s%s%sImageProcessor", list, k ? ", " : "", classes[k].name);
    }
    fail(SDC_UNSUPPORTED, "%s: image_processor_type %s is not supported; there are %s", path, name, list);
}

static const char *text_of(const json_t *root, const char *key)
{
    return json_string_value(json_object_get(root, key));
}

static bool flag(const json_t *root, const char *key, bool otherwise)
{
    json_t *v = json_object_get(root, key);
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

/* Of a size's object, or of a key of the file. */
static int64_t side_of(const char *path, const json_t *root, const char *key)
{
    json_t *v = json_object_get(root, key);
    int64_t side = json_is_integer(v) ? json_integer_value(v) : 0;
    if (side < 1 || side > MAX_SIDE)
        fail(SDC_BAD_INPUT, "%s: %s is not a number from 1 to %d", path, key, MAX_SIDE);
    return side;
}

typedef struct { bool shortest; int64_t height, width; } Size;

/* {"height": H, "width": W}, {"shortest_edge": N}, [H, W] or N. */
static Size read_size(const char *path, const json_t *root, const char *key, Size otherwise)
{
    json_t *v = json_object_get(root, key);
    if (!v || json_is_null(v))
        return otherwise;
    if (json_is_integer(v)) {
        int64_t side = side_of(path, root, key);
        return (Size){otherwise.shortest, side, side};
    }
    if (json_is_array(v) && json_array_size(v) == 2) {
        json_t *both = json_pack("{sOsO}", "height", json_array_get(v, 0), "width", json_array_get(v, 1));
        return (Size){false, side_of(path, both, "height"), side_of(path, both, "width")};
    }
    if (json_object_get(v, "shortest_edge") && json_object_size(v) == 1) {
        int64_t side = side_of(path, v, "shortest_edge");
        return (Size){true, side, side};
    }
    if (json_object_get(v, "height") && json_object_get(v, "width") && json_object_size(v) == 2)
        return (Size){false, side_of(path, v, "height"), side_of(path, v, "width")};
    char *given = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
    fail(SDC_UNSUPPORTED, "%s: a %s of %.80s is not supported; height and width are, or shortest_edge", path, key,
         given ? given : "?");
}

/* Three numbers, or one for all. */
static void read_numbers(const char *path, const json_t *root, const char *key, double *values)
{
    json_t *v = json_object_get(root, key);
    if (!v || json_is_null(v))
        return;
    for (size_t c = 0; c < 3; c++) {
        json_t *one = json_is_array(v) && json_array_size(v) == 3 ? json_array_get(v, c) : v;
        if (!json_is_number(one))
            fail(SDC_BAD_INPUT, "%s: %s is not three numbers", path, key);
        values[c] = json_number_value(one);
    }
}

static SdcResample read_resample(const char *path, const json_t *root, SdcResample otherwise)
{
    json_t *v = json_object_get(root, "resample");
    if (!v || json_is_null(v))
        return otherwise;
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) >= SDC_RESAMPLES)
        fail(SDC_BAD_INPUT, "%s: resample is not one of Pillow's filters, 0 to 5", path);
    return (SdcResample)json_integer_value(v);
}

/* A picture whose shorter edge becomes side / crop_pct, and its middle; or from CROPPED_BELOW on all of it, square. */
static void apply_crop_pct(const Class *class, const json_t *root, const char *path, Size *size, Size *crop)
{
    if (!size->shortest)
        fail(SDC_BAD_INPUT, "%s: size has no shortest_edge, which a %sImageProcessor needs", path, class->name);
    const int64_t side = size->height;
    size->shortest = side < CROPPED_BELOW;
    if (!size->shortest)
        return;
    if (crop->height)
        fail(SDC_UNSUPPORTED, "%s: do_center_crop beside crop_pct is not supported", path);
    const json_t *given = json_object_get(root, "crop_pct");
    const bool absent = !given || json_is_null(given);
    const double wide = (double)side / (absent ? class->crop_pct : json_number_value(given));
    if (!(absent || json_is_number(given)) || !(wide >= 1 && wide <= MAX_SIDE))
        fail(SDC_BAD_INPUT, "%s: crop_pct is not a share that leaves 1 to %d pixels of a size", path, MAX_SIDE);
    size->height = size->width = (int64_t)wide;
    *crop = (Size){false, side, side};
}

static void write_three(FILE *out, const char *key, const double *values)
{
    fprintf(out, "image.%s=%.9g %.9g %.9g\n", key, values[0], values[1], values[2]);
}

/* What becomes of a byte: (v * rescale - offset - mean) / std / top. */
static void write_scale(FILE *out, const Class *class, const json_t *root, const char *path)
{
    static const double zeros[3] = {0, 0, 0}, ones[3] = {1, 1, 1};
    const bool rescales = flag(root, "do_rescale", true), normalises = flag(root, "do_normalize", true);
    const bool top = class->top && flag(root, "include_top", true);
    const json_t *factor = json_object_get(root, "rescale_factor");
    double mean[3], std[3], rescale = json_is_number(factor) ? json_number_value(factor) : 1 / 255.0;
    memcpy(mean, class->mean, sizeof mean);
    memcpy(std, class->std, sizeof std);
    if (normalises)
        read_numbers(path, root, "image_mean", mean);
    if (normalises || top)
        read_numbers(path, root, "image_std", std);
    for (int c = 0; c < 3; c++)
        if (std[c] == 0)
            fail(SDC_BAD_INPUT, "%s: image_std has a zero", path);
    fprintf(out, "image.rescale=%.17g\n", rescales ? rescale : 1);
    write_three(out, "mean", normalises ? mean : zeros);
    write_three(out, "std", normalises ? std : ones);
    fprintf(out, "image.offset=%d\n", class->top && rescales && flag(root, "rescale_offset", false));
    write_three(out, "top", top ? std : ones);
}

static char *write_settings(const Class *class, const json_t *root, const char *path, Size size, Size crop,
                            bool resizes)
{
    char *text;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        fail(SDC_NO_SPACE, "out of memory");
    fprintf(out, "image.resize=%s\nimage.height=%lld\nimage.width=%lld\nimage.resample=%d\n"
            "image.crop_height=%lld\nimage.crop_width=%lld\n",
            !resizes ? "none" : size.shortest ? "shortest" : "exact", (long long)size.height, (long long)size.width,
            (int)read_resample(path, root, class->resample), (long long)crop.height, (long long)crop.width);
    write_scale(out, class, root, path);
    if (fclose(out))
        fail(SDC_NO_SPACE, "out of memory");
    char *settings = text_copy(text);
    free(text);
    return settings;
}

json_t *read_processor_config(const char *folder, const char **path)
{
    const char *both = text_format("%s/processor_config.json", folder), *own = text_format("%s/preprocessor_config.json", folder);
    json_t *processor = read_json_if(both), *nested = json_object_get(processor, "image_processor");
    if (nested && !json_is_null(nested) && !json_is_object(nested))
        fail(SDC_BAD_INPUT, "%s: image_processor is not an object", both);
    nested = json_is_object(nested) ? json_incref(nested) : NULL;
    json_decref(processor);
    if (path)
        *path = nested ? both : own;
    return nested ? nested : read_json_if(own);
}

ImageProcessor read_image_processor(const char *folder, const char *class, int64_t side)
{
    const char *path;
    json_t *root = read_processor_config(folder, &path);
    bool given = root;
    const char *name = text_of(root, "image_processor_type");
    name = name ? name : text_of(root, "feature_extractor_type");
    const Class *rule = find_class(path, name ? name : class);
    side = given ? 0 : side;
    const int64_t usual = side ? side : rule->side, usual_crop = side ? side : rule->crop;
    if (flag(root, "keep_aspect_ratio", false) || json_int(root, "ensure_multiple_of", 1) != 1)
        fail(SDC_UNSUPPORTED, "%s: keep_aspect_ratio and ensure_multiple_of are not supported", path);
    const bool resizes = flag(root, "do_resize", true);
    Size size = read_size(path, root, "size", (Size){rule->shortest, usual, usual});
    Size crop = {0};
    if (flag(root, "do_center_crop", rule->crops))
        crop = read_size(path, root, "crop_size", (Size){false, usual_crop, usual_crop});
    if (crop.shortest)
        fail(SDC_BAD_INPUT, "%s: crop_size has no height and width", path);
    if (rule->crop_pct > 0 && resizes)
        apply_crop_pct(rule, root, path, &size, &crop);
    ImageProcessor p = {.settings = write_settings(rule, root, path, size, crop, resizes)};
    if (crop.height || (resizes && !size.shortest)) {
        p.height = crop.height ? crop.height : size.height;
        p.width = crop.height ? crop.width : size.width;
    }
    json_decref(root);
    return p;
}
