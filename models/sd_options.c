/* sd_options.c: the command line of a Stable Diffusion executable. */
#include <math.h>

#include "sd.h"
#include "sd_report.h"

typedef SdOptions Options;

/* ---- values ----------------------------------------------------------------------------------------------------- */

DRIVER_TEXT(prompt)
DRIVER_TEXT(prompt_2)
DRIVER_TEXT(prompt_3)
DRIVER_FLAG(weighting)
DRIVER_FLAG(long_prompts)
DRIVER_WHOLE("clip-skip", clip_skip, 1, 64)
DRIVER_PATH("output", output)
DRIVER_WHOLE("steps", steps, 1, 1000)
DRIVER_REAL("guidance", guidance, 0, 1000)
DRIVER_REAL("guidance-rescale", rescale, 0, 1)
DRIVER_SEED(seed)
DRIVER_TEXT(scheduler)
DRIVER_REAL("eta", eta, 0, 1)
DRIVER_SIZE(width, height)
DRIVER_WHOLE("count", count, 1, 1000)
DRIVER_FLAG(grid)
DRIVER_WHOLE("preview-every", preview_every, 1, 1000)
DRIVER_PATH("init-image", init_image)
DRIVER_REAL("strength", strength, 0, 1)
DRIVER_PATH("mask", mask)
DRIVER_PATH("depth-map", depth_map)
DRIVER_WHOLE("noise-level", noise_level, 0, 999)
DRIVER_WHOLE("prior-steps", prior_steps, 1, 1000)
DRIVER_REAL("prior-guidance", prior_guidance, 0, 1000)
DRIVER_PATH("control-image", control_image)
DRIVER_REAL("control-scale", control_scale, 0, 100)
DRIVER_REAL("control-start", control_start, 0, 1)
DRIVER_REAL("control-stop", control_stop, 0, 1)
DRIVER_FLAG(control_guess)
DRIVER_REAL("skip-layer-guidance", skip_layers, 0, 100)
DRIVER_REAL("skip-start", skip_start, 0, 1)
DRIVER_REAL("skip-stop", skip_stop, 0, 1)
DRIVER_PATH("embeddings", embeddings)
DRIVER_PATH("latents", latents)
DRIVER_PATH("save-latents", save_latents)
DRIVER_PATH("trace", trace)
DRIVER_SETTER(lora, sdc_lora_option(&into->loras, v))
DRIVER_SETTER(bench, (into->bench = true, sdc_option_int("--bench", v, 1, 100000, &into->runs)))

static int set_embedding(void *into, const char *v)
{
    SdOptions *o = into;
    if (o->n_words == sizeof o->words / sizeof *o->words)
        return sdc_error(SDC_USAGE, "--embedding: more than %zu files", sizeof o->words / sizeof *o->words);
    return driver_path("embedding", v, &o->words[o->n_words++]);
}

#define NEGATIVE(field) DRIVER_SETTER(field, (into->field = v, into->negative_given = true, SDC_OK))
NEGATIVE(negative)
NEGATIVE(negative_2)
NEGATIVE(negative_3)
#undef NEGATIVE

static void note_xl(SdOptions *o, const char *name)
{
    o->xl.given = o->xl.given ? o->xl.given : name;
}

/* "1024x768" or "0,64". */
static int set_pair(SdOptions *o, const char *name, const char *v, char between, int64_t into[2])
{
    int used = 0;
    char found;
    long long first, second;
    note_xl(o, name);
    if (sscanf(v, "%lld%c%lld%n", &first, &found, &second, &used) != 3 || v[used] || found != between || first < 0 ||
        second < 0 || first > 1 << 20 || second > 1 << 20)
        return sdc_error(SDC_USAGE, "--%s: '%s' is not %s", name, v, between == 'x' ? "WIDTHxHEIGHT" : "LEFT,TOP");
    into[0] = first;
    into[1] = second;
    return SDC_OK;
}

static int set_share(SdOptions *o, const char *name, const char *v, double low, double high, double *into)
{
    note_xl(o, name);
    return driver_real(name, v, low, high, into);
}

#define PAIR(name, field, between) DRIVER_SETTER(field, set_pair(into, name, v, between, into->xl.field))
PAIR("original-size", original, 'x')
PAIR("target-size", target, 'x')
PAIR("crop", crop, ',')
PAIR("negative-original-size", negative_original, 'x')
PAIR("negative-target-size", negative_target, 'x')
PAIR("negative-crop", negative_crop, ',')
#undef PAIR

#define SHARE(name, field, low, high) DRIVER_SETTER(field, set_share(into, name, v, low, high, &into->xl.field))
SHARE("aesthetic", aesthetic, 0, 100)
SHARE("negative-aesthetic", negative_aesthetic, 0, 100)
SHARE("refine-at", refine_at, 0.001, 1)
#undef SHARE

/* ---- the table -------------------------------------------------------------------------------------------------- */

static const SdcOption sd_options[] = {
    {"prompt", 'p', "TEXT", "what to draw; may also be given without --prompt", set_prompt},
    {"negative", 0, "TEXT", "what not to draw; counts when guidance is above 1", set_negative},
    {"prompt-2", 0, "TEXT", "SDXL, SD3: another text for the second text encoder (default: the prompt)", set_prompt_2},
    {"negative-prompt-2", 0, "TEXT", "and what not to draw (default: --negative)", set_negative_2},
    {"prompt-3", 0, "TEXT", "SD3: for T5, likewise", set_prompt_3},
    {"negative-prompt-3", 0, "TEXT", "likewise", set_negative_3},
    {"weighting", 0, NULL, "(word:1.2), (word) and [word] weigh words; --no-weighting reads brackets as letters "
     "(default: on)",
     set_weighting},
    {"long-prompts", 0, NULL, "read prompts of more words than fit, and BREAK, in chunks; see compile's "
     "--prompt-chunks",
     set_long_prompts},
    {"clip-skip", 0, "N", "take the text encoder's N-th layer from the end; see compile's --clip-skip (default: 1; of SDXL and "
     "SD3 2)",
     set_clip_skip},
    {"output", 'o', "FILE", "the PNG to write; with -n above 1, FILE-1.png, FILE-2.png ... (default: image.png)",
     set_output},
    DRIVER_BIT_DEPTH,
    {"steps", 0, "N", "denoising steps (default: see below)", set_steps},
    {"guidance", 0, "X", "how much the prompt counts; 1 or less: no guidance, twice as fast (default: see below)",
     set_guidance},
    {"guidance-rescale", 0, "X", "share, 0 to 1, of what guidance adds to the spread that is taken back; 0.7 for "
     "zero-SNR schedules (default: 0)", set_rescale},
    {"seed", 's', "N", "of the noise, as torch.manual_seed (default: 0)", set_seed},
    {"scheduler", 0, "NAME", "sampler, or 'list' (default: the model's own); \"euler,timestep_spacing=trailing\" sets "
     "fields", set_scheduler},
    {"eta", 0, "X", "DDIM, TCD: share of fresh noise in each step, 0 to 1", set_eta},
    {"size", 0, "WxH", "of the picture; must have been compiled (default: the first that was)", set_size},
    {"count", 'n', "N", "pictures to draw from one seed (default: 1)", set_count},
    {"grid", 0, NULL, "all pictures of -n in one file, side by side", set_grid},
    {"preview-every", 0, "N", "after every N steps show the picture as predicted in FILE.preview.png",
     set_preview_every},
    {"init-image", 0, "FILE", "start from this picture: PNG, JPEG, WebP, or float32 [1,3,H,W] in -1..1 as .npy, .npz",
     set_init_image},
    {"strength", 0, "X", "how much of --init-image is redrawn, 0 to 1 (default: see below; with --mask 1)",
     set_strength},
    {"mask", 0, "FILE", "redraw --init-image where this picture is white, keep it where it is black", set_mask},
    {"depth-map", 0, "FILE", "depth of --init-image: a picture, or float32 [1,1,H,W] as .npy or .npz", set_depth_map},
    {"noise-level", 0, "N", "upscaler, variations: noise put over --init-image, 0 to 999 (default: see below)",
     set_noise_level},
    {"prior-steps", 0, "N", "unCLIP: steps from the prompt to a picture's embedding (default: 25)", set_prior_steps},
    {"prior-guidance", 0, "X", "and how much the prompt counts in them (default: 4)", set_prior_guidance},
    {"control-image", 0, "FILE", "what a ControlNet sees: a picture, or float32 [1,3,H,W] in 0..1; of SD3 -1..1, or "
     "latents [1,C,H/8,W/8]", set_control_image},
    {"control-scale", 0, "X", "how much the ControlNet counts (default: 1, or see below)", set_control_scale},
    {"control-start", 0, "X", "share of the steps before the ControlNet sets in (default: 0)", set_control_start},
    {"control-stop", 0, "X", "share of the steps after which it ends (default: 1)", set_control_stop},
    {"control-guess", 0, NULL, "let the ControlNet see the prompt alone, and count less the farther up: diffusers' "
     "guess_mode; not for SD3", set_control_guess},
    {"skip-layer-guidance", 0, "X", "Stable Diffusion 3.5: guidance by the network without some layers, such as 2.8 "
     "(default: 0)", set_skip_layers},
    {"skip-start", 0, "X", "share of the steps before it sets in (default: 0.01)", set_skip_start},
    {"skip-stop", 0, "X", "share of the steps at which it ends (default: 0.2)", set_skip_stop},
    {"embeddings", 0, "FILE", "what the text encoders would give, as --trace writes it (.npz), instead of them",
     set_embeddings},
    {"latents", 0, "FILE", "starting noise of unit variance, .npy or .npz [N,C,H/8,W/8], instead of --seed's; for a "
     "pipeline that starts from a picture that picture's latents", set_latents},
    {"refine-at", 0, "X", "SDXL: share of the schedule after which the refiner goes on (default with one inside: 0.8); "
     "1: the base alone", set_refine_at},
    {"original-size", 0, "WxH", "SDXL: of the picture that the prompt describes, before it was cropped (default: "
     "--size)",
     set_original},
    {"crop", 0, "X,Y", "SDXL: where the picture was cropped, from the left and from the top (default: 0,0)", set_crop},
    {"target-size", 0, "WxH", "SDXL: of the picture after cropping (default: --size)", set_target},
    {"negative-original-size", 0, "WxH", "the same for the negative prompt (default: the prompt's)",
     set_negative_original},
    {"negative-crop", 0, "X,Y", "likewise (default: the prompt's; 0,0 beside another of the negative ones)",
     set_negative_crop},
    {"negative-target-size", 0, "WxH", "likewise (default: the prompt's)", set_negative_target},
    {"aesthetic", 0, "X", "SDXL's refiner: how pleasing the picture shall be (default: 6)", set_aesthetic},
    {"negative-aesthetic", 0, "X", "and how the negative prompt's is (default: 2.5)", set_negative_aesthetic},
    {"save-latents", 0, "FILE", "write the final latents as .npy", set_save_latents},
    {"trace", 0, "FILE", "write token ids, the denoiser's inputs, the latents of every step and the decoded floats as "
     ".npz",
     set_trace},
    {"embedding", 0, "FILE[:TOKEN]", "a textual inversion, .safetensors; TOKEN in a prompt stands for it (repeat)",
     set_embedding},
    {"lora", 0, "FILE[:SCALE]", "add a LoRA, .safetensors by kohya's scripts or diffusers, to the weights (repeat)",
     set_lora},
    {"bench", 0, "N", "time N complete drawings after one step to warm up; write no picture", set_bench},
    DRIVER_ROWS_SAYING("with --info, --bench and --check: print one JSON object", "no progress bar"),
    {0},
};

static void print_defaults(void)
{
    const SdFamily *f = sd_family();
    printf("\nDefaults of a %s: --steps %lld --guidance %g --strength %g", f->class, (long long)f->steps, f->guidance,
           sd_default_strength(f));
    if (f->takes & SD_NOISE_LEVEL)
        printf(" --noise-level %lld", (long long)f->noise_level);
    if (f->control_scale > 0)
        printf(" --control-scale %g", f->control_scale);
    putchar('\n');
}

static int info(const DriverOptions *common)
{
    const SdOptions *o = (const SdOptions *)common;
    return sd_info(&(SdInfo){.common = common, .loras = &o->loras, .count = o->count,
                             .beside = {o->preview_every ? "vae_decoder" : NULL}, .keeps = "--trace and --init-image"});
}

const DriverHelp sd_help = {
    sd_options,
    .usage = "Usage: %s [OPTION]... [PROMPT]\nDraws a picture of PROMPT.\n\n",
    .examples =
        "  %s \"a crab\" -o crab.png\n"
        "  %s --prompt \"a red apple\" --steps 30 --guidance 3 --seed 7 --scheduler dpmpp_2m\n"
        "  %s --prompt \"a castle\" --init-image sketch.png --strength 0.6 -o castle.png\n"
        "  %s --prompt \"a cat\" -n 4 -o cats.png        cats-1.png to cats-4.png\n"
        "  %s --bench 3 --json\n",
    .defaults = print_defaults, .info = info};

/* "steps=20" of `sdc compile --default`. */
int sdc_sd_default(const char *text, const char *class)
{
    SdOptions given = {.noise_level = -1, .prior_guidance = -1};
    int code = driver_default(sd_options, &given, text, SDC_USAGE);
    return code ? code : sd_check_class(&given, sd_family_of(class));
}

static const SdXlOptions xl_defaults = {
    .original = {-1, -1}, .target = {-1, -1}, .crop = {-1, -1}, .negative_original = {-1, -1},
    .negative_target = {-1, -1},
    .negative_crop = {-1, -1}, .aesthetic = 6, .negative_aesthetic = 2.5, .refine_at = NAN};

static SdOptions plain(void)
{
    const SdFamily *f = sd_family();
    return (SdOptions){.negative = "", .output = "image.png", .steps = f->steps, .guidance = f->guidance, .count = 1,
                       .strength = NAN, .eta = NAN, .noise_level = -1, .prior_guidance = -1, .xl = xl_defaults,
                       .control_scale = f->control_scale > 0 ? f->control_scale : 1, .control_stop = 1,
                       .skip_start = 0.01, .skip_stop = 0.2, .weighting = true};
}

/* Options whose values sd_parameters() has under keys of its own. */
static const char *const apart[] = {"prompt", "negative", "steps",       "guidance",  "seed", "scheduler", "size",
                                    "count",  "strength", "noise-level", "refine-at", NULL};

void sd_options_record(FILE *out, const SdOptions *o)
{
    const SdOptions without = plain();
    driver_record(out, &o->common.given, &(DriverRecord){sd_options, &without, sizeof without, apart});
}

int sd_options_read(SdOptions *o, int argc, char **argv)
{
    const SdFamily *f = sd_family();
    *o = plain();
    if (driver_defaults(sd_options, o))
        return SDC_BUG;
    int n = 0;
    const char *preset = o->prompt;
    if (sdc_options_parse(sd_options, o, argc, argv, &n, driver_note))
        return SDC_USAGE;
    if (n > 1 || (n == 1 && o->prompt != preset))
        return sdc_error(SDC_USAGE, "more than one prompt; put it in quotes");
    if (n == 1)
        o->prompt = argv[1];
    if (!o->prompt && f->takes & SD_NO_PROMPT)
        o->prompt = "";
    return sd_check_class(o, f);
}
