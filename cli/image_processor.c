/* image_processor.c: see image_processor.h.
 *
 * Absent keys have the defaults of the file's image_processor_type, or feature_extractor_type of older files; a size
 * may be a number, as older files have it.  What a class does beyond resizing, cropping, rescaling and normalising is
 * not known here, so other classes are refused. */
#include "image_processor.h"

#include <string.h>

#include "../runtime/image.h"
#include "cli.h"
#include "json_file.h"

typedef struct {
    const char *name;               /* without "ImageProcessor", "FeatureExtractor" and what follows */
    bool shortest, crops;           /* the size is of the shorter edge */
    SdcResample resample;
    double mean[3], std[3];
    int64_t side;
} Class;

static const Class classes[] = {
    {"CLIP", true, true, SDC_BICUBIC, {0.48145466, 0.4578275, 0.40821073}, {0.26862954, 0.26130258, 0.27577711},
     224},
    {"Siglip", false, false, SDC_BICUBIC, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, 224},
    {"ViT", false, false, SDC_BILINEAR, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, 224},
    {"DPT", false, false, SDC_BICUBIC, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, 384},
};

enum { MAX_SIDE = 1 << 14 };

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

static char *write_settings(const Class *class, const json_t *root, const char *path, Size size, Size crop,
                            bool resizes)
{
    double mean[3] = {0, 0, 0}, std[3] = {1, 1, 1}, rescale = 1;
    if (flag(root, "do_normalize", true)) {
        memcpy(mean, class->mean, sizeof mean);
        memcpy(std, class->std, sizeof std);
        read_numbers(path, root, "image_mean", mean);
        read_numbers(path, root, "image_std", std);
    }
    for (int c = 0; c < 3; c++)
        if (std[c] == 0)
            fail(SDC_BAD_INPUT, "%s: image_std has a zero", path);
    if (flag(root, "do_rescale", true)) {
        json_t *v = json_object_get(root, "rescale_factor");
        rescale = json_is_number(v) ? json_number_value(v) : 1 / 255.0;
    }
    return text_format("image.resize=%s\nimage.height=%lld\nimage.width=%lld\nimage.resample=%d\n"
                       "image.crop_height=%lld\nimage.crop_width=%lld\nimage.rescale=%.17g\n"
                       "image.mean=%.9g %.9g %.9g\nimage.std=%.9g %.9g %.9g\n",
                       !resizes ? "none" : size.shortest ? "shortest" : "exact", (long long)size.height,
                       (long long)size.width, (int)read_resample(path, root, class->resample), (long long)crop.height,
                       (long long)crop.width, rescale, mean[0], mean[1], mean[2], std[0], std[1], std[2]);
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
    int64_t usual = !given && side ? side : rule->side;
    if (flag(root, "keep_aspect_ratio", false) || json_int(root, "ensure_multiple_of", 1) != 1)
        fail(SDC_UNSUPPORTED, "%s: keep_aspect_ratio and ensure_multiple_of are not supported", path);
    bool resizes = flag(root, "do_resize", true), crops = flag(root, "do_center_crop", rule->crops);
    Size size = read_size(path, root, "size", (Size){rule->shortest, usual, usual});
    Size crop = crops ? read_size(path, root, "crop_size", (Size){false, usual, usual}) : (Size){0};
    if (crop.shortest)
        fail(SDC_BAD_INPUT, "%s: crop_size has no height and width", path);
    ImageProcessor p = {.settings = write_settings(rule, root, path, size, crop, resizes)};
    if (crops || (resizes && !size.shortest)) {
        p.height = crops ? crop.height : size.height;
        p.width = crops ? crop.width : size.width;
    }
    json_decref(root);
    return p;
}
