/* vlm_options.c: the command line of a vision language model's executable. */
#include "pipeline.h"
#include "vlm.h"

enum { MAX_TOKENS = 1 << 20 };

typedef VlmOptions Options;

/* ---- values ----------------------------------------------------------------------------------------------------- */

DRIVER_PATH("image", image)
DRIVER_TEXT(prompt)
DRIVER_TEXT(system)
DRIVER_WHOLE("max-tokens", max_tokens, 1, MAX_TOKENS)
DRIVER_REAL("temperature", temperature, 0, 100)
DRIVER_REAL("top-p", top_p, 0, 1)
DRIVER_WHOLE("top-k", top_k, 0, MAX_TOKENS)
DRIVER_SEED(seed)
DRIVER_WHOLE("max-slices", slices, 1, 64)
DRIVER_TEXT(ids)
DRIVER_PATH("trace", trace)
DRIVER_WHOLE("bench", runs, 1, 100000)

/* ---- the table -------------------------------------------------------------------------------------------------- */

static const SdcOption table[] = {
    {"image", 'i', "FILE", "the picture: PNG, JPEG or WebP, or float32 pixel values [1,3,H,W] as .npy or .npz",
     set_image},
    {"prompt", 'p', "TEXT", "what to ask or say; may also be given without --prompt", set_prompt},
    {"system", 0, "TEXT", "the first message of a chat, where the model has one", set_system},
    {"max-tokens", 'n', "N", "of the answer (default: 256)", set_max_tokens},
    {"temperature", 0, "X", "0: always the likeliest token; above, drawn, the flatter the larger (default: 0)",
     set_temperature},
    {"top-p", 0, "X", "draw from the likeliest tokens that make up this share (default: 1)", set_top_p},
    {"top-k", 0, "N", "draw from the N likeliest tokens; 0: from all (default: 0)", set_top_k},
    {"seed", 's', "N", "of the drawing (default: 0)", set_seed},
    {"max-slices", 0, "N", "MiniCPM-V: into how many parts a large picture is cut at most (default: the model's own)",
     set_slices},
    {"ids", 0, "LIST", "token ids instead of a prompt, 'image' where the picture is: 2,17,image,9", set_ids},
    {"trace", 0, "FILE", "write the prompt's ids (-1: picture), the answer's and their logits as .npz", set_trace},
    {"bench", 0, "N", "time N answers after one to warm up; write none", set_runs},
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

int sdc_vlm_default(const char *text, const char *class)
{
    (void)class;
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
