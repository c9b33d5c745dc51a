/* vision_options.c: the command line of a CLIP, SigLIP or ViT executable. */
#include "pipeline.h"
#include "vision.h"

typedef VisionOptions Options;

DRIVER_SETTER(image, driver_append("image", v, &into->images))
DRIVER_SETTER(text, driver_append("text", v, &into->texts))
DRIVER_PATH("ids", ids)
DRIVER_PATH("embeddings", embeddings)
DRIVER_PATH("pixels", pixels)
DRIVER_WHOLE("top", top, 1, 1000000)

const SdcOption vision_options[] = {
    {"image", 0, "FILE", "a picture: PNG, JPEG or WebP; repeat for several; may also be given without --image",
     set_image},
    {"text", 0, "TEXT", "what the pictures are compared with; repeat for several", set_text},
    {"ids", 0, "FILE", "token ids [texts, tokens] instead of texts, .npy or .npz", set_ids},
    {"embeddings", 0, "FILE", "write embeddings: the pictures', or without pictures the texts', as .npy; both as .npz",
     set_embeddings},
    {"pixels", 0, "FILE", "write the pictures as the network gets them, .npy", set_pixels},
    {"top", 0, "N", "print the N best classes (default: 5)", set_top},
    DRIVER_ROWS,
    {0},
};

const DriverHelp vision_help = {
    vision_options,
    .usage =
        "Usage: %s [OPTION]... [PICTURE]...\n"
        "Compares pictures with texts, names what is in them, or embeds them, whichever the model does.\n\n",
    .examples =
        "  %s --image photo.jpg --text \"a crab\" --text \"a photo of a cat\"\n"
        "  %s a.png b.png --embeddings embeddings.npy\n"
        "  %s photo.jpg --top 3 --json\n"};

int sdc_vision_default(const char *text, const char *class)
{
    (void)class;
    VisionOptions unused = {0};
    return driver_default(vision_options, &unused, text, SDC_USAGE);
}

int vision_options_read(VisionOptions *o, int argc, char **argv)
{
    *o = (VisionOptions){.top = 5};
    int n = 0, code = driver_parse(vision_options, o, argc, argv, &n);
    for (int k = 1; !code && k <= n; k++)
        code = driver_append("image", argv[k], &o->images);
    if (!code && o->ids && o->texts.count)
        code = sdc_error(SDC_USAGE, "--text and --ids do not go together");
    return code;
}
