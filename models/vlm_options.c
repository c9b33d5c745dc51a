/* vlm_options.c: the command line of a vision language model's executable. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "vlm.h"

enum { MAX_TOKENS = 1 << 20 };

/* ---- values ----------------------------------------------------------------------------------------------------- */

static int real(const char *name, const char *text, double low, double high, double *into)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= low && value <= high))
        return sdc_error(SDC_USAGE, "%s: '%s' is not a number from %g to %g", name, text, low, high);
    *into = value;
    return SDC_OK;
}

static int path(const char *name, const char *text, const char **into)
{
    *into = text;
    return *text ? SDC_OK : sdc_error(SDC_USAGE, "%s needs a file name", name);
}

#define OPTIONS ((VlmOptions *)o)
static int set_prompt(void *o, const char *v) { OPTIONS->prompt = v; return SDC_OK; }
static int set_system(void *o, const char *v) { OPTIONS->system = v; return SDC_OK; }
static int set_ids(void *o, const char *v) { OPTIONS->ids = v; return SDC_OK; }
static int set_image(void *o, const char *v) { return path("--image", v, &OPTIONS->image); }
static int set_trace(void *o, const char *v) { return path("--trace", v, &OPTIONS->trace); }
static int set_tokens(void *o, const char *v) { return sdc_option_int("--max-tokens", v, 1, MAX_TOKENS, &OPTIONS->max_tokens); }
static int set_temperature(void *o, const char *v) { return real("--temperature", v, 0, 100, &OPTIONS->temperature); }
static int set_top_p(void *o, const char *v) { return real("--top-p", v, 0, 1, &OPTIONS->top_p); }
static int set_top_k(void *o, const char *v) { return sdc_option_int("--top-k", v, 0, MAX_TOKENS, &OPTIONS->top_k); }
static int set_slices(void *o, const char *v) { return sdc_option_int("--max-slices", v, 1, 64, &OPTIONS->slices); }
static int set_threads(void *o, const char *v) { return sdc_option_int("--threads", v, 1, 1024, &OPTIONS->threads); }

static int set_seed(void *o, const char *v)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(v, &end, 10);
    if (errno || *v < '0' || *v > '9' || *end)
        return sdc_error(SDC_USAGE, "--seed: '%s' is not a whole number from 0 to 2^64 - 1", v);
    OPTIONS->seed = value;
    return SDC_OK;
}

static int set_bench(void *o, const char *v)
{
    OPTIONS->bench = true;
    return sdc_option_int("--bench", v, 1, 100000, &OPTIONS->runs);
}

#define FLAG(name) static int set_##name(void *o, const char *v) { OPTIONS->name = *v == '1'; return SDC_OK; }
FLAG(check)
FLAG(help)
FLAG(info)
FLAG(json)
FLAG(pin)
FLAG(quiet)
FLAG(version)
#undef FLAG

/* ---- the table -------------------------------------------------------------------------------------------------- */

static const SdcOption table[] = {
    {"image", 'i', "FILE", "the picture: PNG, or float32 pixel values [1,3,H,W] as .npy or .npz", set_image},
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
    {"threads", 't', "N", "threads to use (default: the CPUs that this process may use)", set_threads},
    {"pin", 0, NULL, "keep each thread on a CPU of its own", set_pin},
    {"bench", 0, "N", "time N answers after one to warm up; write none", set_bench},
    {"info", 0, NULL, "print what is inside: programs and the memory they take", set_info},
    {"json", 0, NULL, "print one JSON object: the answer with ids and times; with --info, --bench, --check as well",
     set_json},
    {"check", 0, NULL, "compare this file's contents with their checksums", set_check},
    {"quiet", 'q', NULL, "no progress bar", set_quiet},
    {"help", 'h', NULL, "print this", set_help},
    {"version", 'V', NULL, "print the version", set_version},
    {0},
};

void vlm_help(FILE *out)
{
    const char *name = sdc_model.name;
    fprintf(out, "Usage: %s [OPTION]... --image FILE [PROMPT]\nSays in words what PROMPT asks of a picture.\n\n", name);
    sdc_options_help(out, table);
    const char *const *text = sdc_model.defaults;
    if (text && *text)
        fprintf(out, "\nSet when this was compiled, instead of the defaults above:");
    for (; text && *text; text++)
        fprintf(out, " --%s%s", *text, text[1] ? "" : "\n");
    fprintf(out, "\nExamples:\n"
            "  %s --image crab.png \"caption en\"\n"
            "  %s -i page.png -p \"What is written here?\" --max-tokens 500\n"
            "  %s -i crab.png \"Tell a story.\" --temperature 0.7 --top-p 0.9 --seed 3\n"
            "  %s -i crab.png \"How many legs?\" --json\n", name, name, name, name);
    fprintf(out, "\nExit status: 0 done, 1 wrong usage, 2 bad input, 3 unsupported, 4 out of memory or disk, "
            "70 a bug.\n");
}

/* "max-tokens=20" of `sdc compile --default`. */
static int set_default(VlmOptions *o, const char *text, int code)
{
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : 0;
    for (const SdcOption *row = table; n && row->name; row++)
        if (row->argument && strlen(row->name) == n && !memcmp(row->name, text, n))
            return row->set(o, equals + 1);
    return sdc_error(code, "the default '%s' is not OPTION=VALUE for one of this model's options", text);
}

int sdc_vlm_default(const char *text)
{
    VlmOptions unused = {0};
    return set_default(&unused, text, SDC_USAGE);
}

int vlm_options_read(VlmOptions *o, int argc, char **argv)
{
    *o = (VlmOptions){.max_tokens = 256, .top_p = 1};
    for (const char *const *text = sdc_model.defaults; text && *text; text++)
        if (set_default(o, *text, SDC_BUG))
            return SDC_BUG;
    int n = 0;
    const char *preset = o->prompt;
    if (sdc_options_parse(table, o, argc, argv, &n))
        return SDC_USAGE;
    if (n > 1 || (n == 1 && o->prompt != preset))
        return sdc_error(SDC_USAGE, "more than one prompt; put it in quotes");
    if (n == 1)
        o->prompt = argv[1];
    if (o->prompt && o->ids)
        return sdc_error(SDC_USAGE, "--ids is instead of a prompt");
    return SDC_OK;
}
