/* unconditional_options.c: the command line of an executable that draws from noise alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "sd_report.h"
#include "unconditional.h"

typedef UnconditionalOptions Options;

/* ---- values ----------------------------------------------------------------------------------------------------- */

DRIVER_PATH("output", output)
DRIVER_WHOLE("count", count, 1, 1000)
DRIVER_FLAG(grid)
DRIVER_WHOLE("columns", columns, 1, 1000)
DRIVER_WHOLE("none-class", none_class, 0, INT32_MAX)
DRIVER_REAL("guidance", guidance, 0, 1000)
DRIVER_TEXT(clip_text)
DRIVER_REAL("clip-scale", clip_scale, 0, 1e6)
DRIVER_WHOLE("clip-cuts", clip_cuts, 0, 256)
DRIVER_WHOLE("steps", steps, 1, 1000)
DRIVER_SEED(seed)
DRIVER_TEXT(scheduler)
DRIVER_REAL("eta", eta, 0, 1)
DRIVER_SIZE(width, height)
DRIVER_PATH("latents", latents)
DRIVER_PATH("save-latents", save_latents)
DRIVER_PATH("trace", trace)
DRIVER_WHOLE("preview-every", preview_every, 1, 1000)

/* "3" or "3,7,0,9" */
static int set_class(void *into, const char *v)
{
    Options *o = into;
    o->n_classes = 0;
    for (const char *at = v;; at++) {
        char *end;
        long long value = strtoll(at, &end, 10);
        if (end == at || value < 0 || value > INT32_MAX || (*end && *end != ',') || o->n_classes == MAX_CLASSES)
            return sdc_error(SDC_USAGE, "--class: '%s' is not a class's number, or several with commas between", v);
        o->classes[o->n_classes++] = value;
        at = end;
        if (!*at)
            return SDC_OK;
    }
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static const SdcOption unconditional_options[] = {
    {"output", 'o', "FILE", "the PNG to write; with -n above 1, FILE-1.png, FILE-2.png ... (default: image.png)",
     set_output},
    DRIVER_BIT_DEPTH,
    {"count", 'n', "N", "pictures to draw from one seed (default: as many as --class names, or 1)", set_count},
    {"grid", 0, NULL, "all pictures in one file, side by side", set_grid},
    {"columns", 0, "N", "pictures in a row of --grid and of previews (default: as square as they go)", set_columns},
    {"class", 0, "N[,N...]", "the class to draw, by number; several: of the pictures, in turn", set_class},
    {"none-class", 0, "N", "the number that stands for no class (default: the model's last)", set_none_class},
    {"guidance", 0, "X", "how much --class counts; 1 or less: no guidance, twice as fast (default: 1)", set_guidance},
    {"clip-text", 0, "TEXT", "lead the drawing towards TEXT by CLIP, which --clip compiled in", set_clip_text},
    {"clip-scale", 0, "X", "how much --clip-text counts (default: 500)", set_clip_scale},
    {"clip-cuts", 0, "N", "let CLIP look at N random squares of the picture in each step, not at all of it (default: 0)",
     set_clip_cuts},
    {"steps", 0, "N", "denoising steps (default: DDPMPipeline 1000, others 50)", set_steps},
    {"seed", 's', "N", "of the noise, as torch.manual_seed (default: 0)", set_seed},
    {"scheduler", 0, "NAME", "sampler, or 'list' (default: the model's own)", set_scheduler},
    {"eta", 0, "X", "DDIM, TCD: share of fresh noise in each step, 0 to 1", set_eta},
    {"size", 0, "WxH", "of the picture; must have been compiled (default: the first that was)", set_size},
    {"latents", 0, "FILE", "starting noise of unit variance, .npy or .npz [N,C,H,W], instead of --seed's", set_latents},
    {"save-latents", 0, "FILE", "write the final sample as .npy", set_save_latents},
    {"trace", 0, "FILE", "write the sample after every step, and what comes of it, as .npz", set_trace},
    {"preview-every", 0, "N", "after every N steps show the picture as predicted in FILE.preview.png",
     set_preview_every},
    DRIVER_ROWS_SAYING("with --info and --check: print one JSON object", "no progress bar"),
    {0},
};

/* Previews' decoder and CLIP are open beside the denoiser. */
static int info(const DriverOptions *common)
{
    const Options *o = (const Options *)common;
    SdInfo asked = {.common = common, .count = o->count, .keeps = "--trace"};
    int n = 0;
    if (o->preview_every)
        asked.beside[n++] = "vae_decoder";
    if (o->clip_text)
        asked.beside[n++] = "clip_guide";
    return sd_info(&asked);
}

const DriverHelp unconditional_help = {
    unconditional_options,
    .usage = "Usage: %s [OPTION]...\nDraws pictures from noise.\n\n",
    .examples =
        "  %s -n 16 --grid -o samples.png\n"
        "  %s --class 3,7 --guidance 2 --steps 50 --scheduler ddim -o digit.png      digit-1.png, digit-2.png\n"
        "  %s --clip-text \"a photo of a cat\" --clip-scale 1000 -o cat.png\n",
    .info = info};

static Options plain(void)
{
    return (Options){.output = "image.png", .none_class = -1, .guidance = 1, .clip_scale = 500, .eta = NAN};
}

/* Options whose values the text chunk has under keys of its own. */
static const char *const apart[] = {"count", "class", "guidance", "clip-text", "clip-scale", "steps", "seed", "scheduler",
                                    "size",  NULL};

void unconditional_options_record(FILE *out, const Options *o)
{
    const Options without = plain();
    driver_record(out, &o->common.given, &(DriverRecord){unconditional_options, &without, sizeof without, apart});
}

int sdc_unconditional_default(const char *text, const char *class)
{
    (void)class;
    Options unused = plain();
    return driver_default(unconditional_options, &unused, text, SDC_USAGE);
}

int unconditional_options_read(Options *o, int argc, char **argv)
{
    *o = plain();
    int n = 0, code = driver_parse(unconditional_options, o, argc, argv, &n);
    if (code)
        return code;
    if (n)
        return sdc_error(SDC_USAGE, "'%s' is not an option; see --help", argv[1]);
    if (!o->count)
        o->count = o->n_classes ? o->n_classes : 1;
    return SDC_OK;
}
