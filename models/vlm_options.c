/* vlm_options.c: the command line of a vision language model's executable. */
#include "pipeline.h"
#include "vlm.h"

enum { MAX_TOKENS = 1 << 20 };

/* ---- values ----------------------------------------------------------------------------------------------------- */

static VlmOptions *of(void *o)
{
    return o;
}

static int set_prompt(void *o, const char *v) { of(o)->prompt = v; return SDC_OK; }
static int set_system(void *o, const char *v) { of(o)->system = v; return SDC_OK; }
static int set_ids(void *o, const char *v) { of(o)->ids = v; return SDC_OK; }
static int set_image(void *o, const char *v) { return driver_path("image", v, &of(o)->image); }
static int set_trace(void *o, const char *v) { return driver_path("trace", v, &of(o)->trace); }

static int set_temperature(void *o, const char *v)
{
    return driver_real("temperature", v, 0, 100, &of(o)->temperature);
}

static int set_top_p(void *o, const char *v) { return driver_real("top-p", v, 0, 1, &of(o)->top_p); }
static int set_top_k(void *o, const char *v) { return sdc_option_int("--top-k", v, 0, MAX_TOKENS, &of(o)->top_k); }
static int set_slices(void *o, const char *v) { return sdc_option_int("--max-slices", v, 1, 64, &of(o)->slices); }

static int set_tokens(void *o, const char *v)
{
    return sdc_option_int("--max-tokens", v, 1, MAX_TOKENS, &of(o)->max_tokens);
}

static int set_seed(void *o, const char *v) { return driver_seed(v, &of(o)->seed); }

static int set_bench(void *o, const char *v)
{
    return sdc_option_int("--bench", v, 1, 100000, &of(o)->runs);
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static const SdcOption table[] = {
    {"image", 'i', "FILE", "the picture: PNG, JPEG or WebP, or float32 pixel values [1,3,H,W] as .npy or .npz",
     set_image},
    {"prompt", 'p', "TEXT", "what to ask or say; may also be given without --prompt", set_prompt},
    {"system", 0, "TEXT", "the first message of a chat, where the model has one", set_system},
    {"max-tokens", 'n', "N", "of the answer (default: 256)", set_tokens},
    {"temperature", 0, "X", "0: always the likeliest token; above, drawn, the flatter the larger (default: 0)",
     set_temperature},
    {"top-p", 0, "X", "draw from the likeliest tokens that make up this share (default: 1)", set_top_p},
    {"top-k", 0, "N", "draw from the N likeliest tokens; 0: from all (default: 0)", set_top_k},
    {"seed", 's', "N", "of the drawing (default: 0)", set_seed},
    {"max-slices", 0, "N", "MiniCPM-V: into how many parts a large picture is cut at most (default: the model's own)",
     set_slices},
    {"ids", 0, "LIST", "token ids instead of a prompt, 'image' where the picture is: 2,17,image,9", set_ids},
    {"trace", 0, "FILE", "write the prompt's ids (-1: picture), the answer's and their logits as .npz", set_trace},
    {"bench", 0, "N", "time N answers after one to warm up; write none", set_bench},
    DRIVER_ROWS,
    {0},
};

const DriverHelp vlm_help = {
    table,
    .usage = "Usage: %s [OPTION]... --image FILE [PROMPT]\nSays in words what PROMPT asks of a picture.\n\n",
    .examples =
        "  %s --image crab.png \"caption en\"\n"
        "  %s -i page.png -p \"What is written here?\" --max-tokens 500\n"
        "  %s -i crab.png \"Tell a story.\" --temperature 0.7 --top-p 0.9 --seed 3\n"
        "  %s -i crab.png \"How many legs?\" --json\n"};

int sdc_vlm_default(const char *text)
{
    VlmOptions unused = {0};
    return driver_default(table, &unused, text, SDC_USAGE);
}

int vlm_options_read(VlmOptions *o, int argc, char **argv)
{
    *o = (VlmOptions){.max_tokens = 256, .top_p = 1};
    int n = 0, code = driver_parse(table, o, argc, argv, &n);
    if (code)
        return code;
    if (n > 1)
        return sdc_error(SDC_USAGE, "more than one prompt; put it in quotes");
    if (n == 1)
        o->prompt = argv[1];
    if (o->prompt && o->ids)
        return sdc_error(SDC_USAGE, "--ids is instead of a prompt");
    return SDC_OK;
}
