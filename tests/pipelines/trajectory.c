/* trajectory.c: pipelines' executables against the recorded runs of ../shared/data/models.
 *
 *      trajectory SDC SOURCE WORK [TEXT]
 *
 * Every reference/NAME.json of the folders below is run from the seed alone, with its own scheduler configuration and what
 * it says of prompts, steps and the rest: the options that the keys of `settings` stand for, and those that a row of
 * `runs` adds.  Every step's latents, the embeddings where they are recorded, and the decoded floats must be within
 * `limit` relative RMS, token ids equal, the picture at most 2/255 away on 99.9 % of its bytes.  Some are run again by
 * --scheduler from the folder's own configuration.
 *
 * Executables are WORK/FOLDER, compiled unless they are there.  TEXT: only what has it in "FOLDER NAME". */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../runtime/array_io.h"
#include "../../runtime/fileio.h"
#include "harness.h"
#include "record.h"
#include "reschedule.h"

static const double limit = 1e-4;

/* ---- what is run ------------------------------------------------------------------------------------------------- */

enum { MOST_ARGUMENTS = 64, SECONDS = 600 };

/* Kernels without optimisation for few runs: most of their time would go into the C compiler. */
#define QUICKLY "--isa", "generic", "--cflag", "-O0"

/* In options "@FOLDER": another one of them. */
static const struct {
    const char *folder;
    const char *options[10];
    int text_length;                    /* only runs with this t5_length; 0: all */
    const char *over;                   /* the folder lies over this one, whose components it lacks */
} folders[] = {
    {"tiny-sd1", {NULL}, 0, NULL},
    {"tiny-sd2", {QUICKLY, "--size", "160x96"}, 0, NULL},
    {"tiny-sd1-inpaint", {QUICKLY, "--size", "96x128"}, 0, NULL},
    {"tiny-sd2-depth", {QUICKLY}, 0, NULL},
    {"tiny-sd-x4-upscaler", {QUICKLY, "--size", "128x96"}, 0, NULL},
    {"tiny-unclip", {QUICKLY}, 0, NULL},
    {"tiny-ldm", {QUICKLY}, 0, NULL},
    {"tiny-sdxl", {QUICKLY, "--size", "96x128"}, 0, NULL},
    {"tiny-sdxl-refiner", {QUICKLY}, 0, NULL},
    {"tiny-sd3", {QUICKLY}, 256, NULL},
    {"tiny-sd3", {QUICKLY, "--text-length", "77"}, 77, NULL},
    {"tiny-sd35", {QUICKLY, "--text-length", "77", "--size", "160x96"}, 0, NULL},
    {"tiny-sd35-controlnet", {QUICKLY, "--text-length", "13", "--size", "96x128"}, 0, "tiny-sd35"},
};

/* What runs whose names begin with `run` take beside their settings; the first row that fits counts. */
static const struct {
    const char *folder, *run;
    const char *left_out;               /* why they are not run */
    const char *omit;                   /* the setting that is no option here */
    const char *more[8];                /* "@NAME:ARRAY": recorded in reference/NAME.npz */
    bool embeddings;                    /* those that are recorded are given, not computed */
} runs[] = {
    {.folder = "tiny-sd1", .run = "inpaint4",
     .more = {"--init-image", "@img2img_ddim:image", "--mask", "@inpaint4_ddim:mask"}},
    {.folder = "tiny-sd1", .run = "img2img", .more = {"--init-image", "@img2img_ddim:image"}},
    {.folder = "tiny-sd1-inpaint", .run = "inpaint",
     .more = {"--init-image", "@inpaint_ddim:image", "--mask", "@inpaint_ddim:mask"}},
    {.folder = "tiny-sd2-depth", .run = "depth2img",
     .more = {"--init-image", "@depth2img_pndm:image", "--depth-map", "@depth2img_pndm:depth_estimate"}},
    {.folder = "tiny-sd-x4-upscaler", .run = "upscale", .more = {"--init-image", "@upscale_ddim_v:image"}},
    {.folder = "tiny-unclip", .run = "unclip", .more = {"--init-image", "@unclip_ddim_v:pixel_values"}},
    {.folder = "tiny-sdxl", .run = "euler_zero_negative", .omit = "negative_prompt"},
    {.folder = "tiny-sdxl-refiner", .run = "img2img", .more = {"--init-image", "@img2img_euler:image"}},
    {.folder = "tiny-sd35-controlnet", .run = "flow_euler", .embeddings = true,
     .more = {"--latents", "@flow_euler:noise0", "--control-image", "@flow_euler:controlnet_cond", "--prompt", "none"}},
};

/* Runs whose scheduler is also found by a name, from the folder's own configuration. */
static const struct { const char *folder, *run, *scheduler; } by_name[] = {
    {"tiny-sd1", "pndm", "pndm"},
    {"tiny-sd1", "euler", "euler"},
    {"tiny-sd1", "euler_ancestral", "EulerAncestralDiscreteScheduler"},
    {"tiny-sd1", "lms", "lms"},
    {"tiny-sdxl", "dpmpp_2m_karras", "DPM++ 2M Karras,steps_offset=0,timestep_spacing=linspace"},
    {"tiny-sdxl", "turbo_euler_ancestral", "euler_a,timestep_spacing=trailing"},
    {"tiny-sd3", "flow_euler", "Euler"},
    {"tiny-sd3", "flow_heun", "heun"},
    {"tiny-sd3", "flow_dpmpp_2m", "DPM++ 2M"},
    {"tiny-sd3", "flow_unipc", "unipc"},
};

/* Keys of the json, or of an object in it, and the options that they stand for. */
static const struct { const char *key, *option; } settings[] = {
    {"prompt", "--prompt"}, {"negative_prompt", "--negative"}, {"num_inference_steps", "--steps"},
    {"guidance_scale", "--guidance"}, {"guidance_rescale", "--guidance-rescale"}, {"seed", "--seed"},
    {"strength", "--strength"}, {"eta", "--eta"}, {"noise_level", "--noise-level"},
    {"controlnet_conditioning_scale", "--control-scale"}, {"control_guidance_start", "--control-start"},
    {"control_guidance_end", "--control-stop"}, {"skip_layer_guidance.scale", "--skip-layer-guidance"},
    {"skip_layer_guidance.start", "--skip-start"}, {"skip_layer_guidance.stop", "--skip-stop"},
};

/* Arrays that are recorded for a prompt, and the trace's; rows of the negative prompt come first, the prompt's last. */
static const struct { const char *recorded, *traced; bool last; } arrays[] = {
    {"negative_input_ids", "input_ids", false}, {"input_ids", "input_ids", true},
    {"negative_input_ids_2", "input_ids_2", false}, {"input_ids_2", "input_ids_2", true},
    {"negative_input_ids_3", "input_ids_3", false}, {"input_ids_3", "input_ids_3", true},
    {"text_embeddings", "encoder_hidden_states", true}, {"negative_prompt_embeds", "encoder_hidden_states", false},
    {"prompt_embeds", "encoder_hidden_states", true}, {"negative_pooled", "text_embeds", false},
    {"pooled", "text_embeds", true}, {"time_ids", "time_ids", true}, {"class_labels", "class_labels", true},
    {"decoded", "decoded", true},
};

/* What some denoisers call that input. */
static const char *traced_name(const char *folder, const char *name)
{
    return strncmp(folder, "tiny-sd3", 8) || strcmp(name, "text_embeds") ? name : "pooled_projections";
}

/* ---- one run ----------------------------------------------------------------------------------------------------- */

static const char *sdc, *source, *work, *only;
static int failed, done, left_out;

typedef struct {
    const char *folder, *name;          /* name: of reference/NAME.json */
    char *here, *npz, *trace, *picture;
    json_t *json;
} Recorded;

static int row_of(const Recorded *r)
{
    int n = sizeof runs / sizeof *runs;
    for (int k = 0; k < n; k++)
        if (!strcmp(runs[k].folder, r->folder) && !strncmp(r->name, runs[k].run, strlen(runs[k].run)))
            return k;
    return -1;
}

static bool is_recorded(const Recorded *r, const char *array)
{
    return json_object_get(json_object_get(r->json, "arrays"), array) != NULL;
}

/* A run's argument for a setting; NULL when it says nothing of it. */
static char *setting(const Recorded *r, const char *key)
{
    const char *dot = strchr(key, '.');
    const json_t *v = dot ? json_object_get(json_object_getn(r->json, key, (size_t)(dot - key)), dot + 1)
                          : json_object_get(r->json, key);
    v = v ? v : json_object_get(json_object_get(r->json, "step_args"), key);
    if (!v || json_is_null(v))
        return NULL;
    return json_is_string(v) ? format("%s", json_string_value(v)) : format("%.9g", json_number_value(v));
}

/* The recorded embeddings as --trace would write them, a row for each prompt; returns the file's name. */
static char *write_embeddings(const Recorded *r)
{
    static const struct { const char *input, *negative, *prompt; } inputs[] = {
        {"encoder_hidden_states", "negative_prompt_embeds", "prompt_embeds"},
        {"pooled_projections", "negative_pooled", "pooled"}};
    char *path = format("%s/embeddings.npz", work);
    SdcArray both[2];
    for (int k = 0; k < 2; k++) {
        SdcArray first = record_array(r->npz, inputs[k].negative), second = record_array(r->npz, inputs[k].prompt);
        size_t bytes = (size_t)first.count * sizeof(float);
        both[k] = first;
        both[k].name = format("%s", inputs[k].input);
        both[k].dim[0] = 2;
        both[k].count = 2 * first.count;
        both[k].data = malloc(2 * bytes);
        memcpy(both[k].data, first.data, bytes);
        memcpy((char *)both[k].data + bytes, second.data, bytes);
    }
    SdcOutput out;
    if (sdc_output_open(&out, path, 0666) || sdc_arrays_emit(&out, (const SdcArray *const[]){&both[0], &both[1]}, 2, true) ||
        sdc_output_commit(&out))
        exit(1);
    return path;
}

/* Ends with NULL. */
static void arguments_of(const Recorded *r, const char *exe, const char *scheduler, char *argv[MOST_ARGUMENTS])
{
    int n = 0, row = row_of(r);
    const char *const fixed[] = {exe, "--quiet", "--trace", r->trace, "-o", r->picture};
    for (size_t k = 0; k < sizeof fixed / sizeof *fixed; k++)
        argv[n++] = format("%s", fixed[k]);
    for (size_t k = 0; k < sizeof settings / sizeof *settings; k++) {
        char *value = setting(r, settings[k].key);
        if (value && (row < 0 || !runs[row].omit || strcmp(settings[k].key, runs[row].omit)))
            argv[n++] = format("%s=%s", settings[k].option, value);
    }
    for (const char *const *more = row < 0 ? NULL : runs[row].more; more && *more; more++) {
        const char *colon = strchr(*more, ':');
        argv[n++] = **more == '@' ? format("%s/%.*s.npz%s", r->here, (int)(colon - *more - 1), *more + 1, colon)
                                  : format("%s", *more);
    }
    if (row >= 0 && runs[row].embeddings)
        argv[n++] = format("--embeddings=%s", write_embeddings(r));
    if (scheduler)
        argv[n++] = format("--scheduler=%s", scheduler);
    argv[n] = NULL;
}

static double compare_array(const Recorded *r, const char *recorded, const char *traced, bool last)
{
    SdcArray got = record_array(r->trace, traced), want = record_array(r->npz, recorded);
    double d = record_distance(&got, last ? got.count - want.count : 0, &want, 0, want.count);
    sdc_array_free(&got);
    sdc_array_free(&want);
    return d;
}

/* The largest distance of what is recorded for prompt and picture, and in *which what it is. */
static double compare_arrays(const Recorded *r, const char **which)
{
    double worst = 0;
    *which = "";
    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) {
        double d = is_recorded(r, arrays[k].recorded)
                       ? compare_array(r, arrays[k].recorded, traced_name(r->folder, arrays[k].traced), arrays[k].last)
                       : 0;
        bool ids = strstr(arrays[k].recorded, "input_ids");
        if (ids && d != 0)
            d = INFINITY;
        if (!(d <= worst)) {
            worst = d;
            *which = arrays[k].recorded;
        }
    }
    return worst;
}

static double compare_latents(const Recorded *r)
{
    SdcArray got = record_array(r->trace, "latents"), want = record_array(r->npz, "latents");
    double d = record_worst_step(&got, &want, true);
    sdc_array_free(&got);
    sdc_array_free(&want);
    return d;
}

/* More than 0.1 % of the bytes are far away. */
static bool other_picture(const Recorded *r, int *largest)
{
    *largest = 0;
    if (!is_recorded(r, "image_uint8"))
        return false;
    SdcArray want = record_array(r->npz, "image_uint8");
    bool other = record_far_bytes(r->picture, &want, largest) * 1000 > want.count;
    sdc_array_free(&want);
    return other;
}

static void judge(const Recorded *r, const char *scheduler)
{
    int largest;
    const char *which;
    double worst = compare_latents(r), other = compare_arrays(r, &which);
    bool wrong = other_picture(r, &largest) | !(worst < limit) | !(other < limit);
    printf("%-18s %-24s %-24s worst step %.1e, others %.1e %s, picture at most %d away%s\n", r->folder, r->name,
           scheduler ? scheduler : "", worst, other, which, largest, wrong ? "  FAILED" : "");
    failed += wrong;
    done++;
}

static void run_once(const Recorded *r, const char *exe, const char *scheduler)
{
    char *argv[MOST_ARGUMENTS], *text;
    char *copy = format("%s/rescheduled", work);
    if (!scheduler)
        reschedule(exe, copy, json_object_get(r->json, "scheduler"));
    arguments_of(r, scheduler ? exe : copy, scheduler, argv);
    if (run_program(argv, SECONDS, &text)) {
        printf("%-18s %-24s FAILED: %s\n", r->folder, r->name, text);
        failed++;
    } else {
        judge(r, scheduler);
    }
    for (int k = 0; argv[k]; k++)
        free(argv[k]);
    free(text);
    free(copy);
}

/* ---- all runs ---------------------------------------------------------------------------------------------------- */

static void run_recorded(const char *folder, const char *here, const char *file, const char *exe, int text_length)
{
    char *name = format("%.*s", (int)strlen(file) - 5, file), *title = format("%s %s", folder, name);
    Recorded r = {.folder = folder, .name = name, .here = format("%s", here), .npz = format("%s/%s.npz", here, name),
                  .trace = format("%s/trace.npz", work), .picture = format("%s/picture.png", work)};
    int row = row_of(&r);
    if (row >= 0 && runs[row].left_out) {
        printf("%-18s %-24s left out: %s\n", folder, name, runs[row].left_out);
        left_out++;
    } else if (!only || strstr(title, only)) {
        r.json = record_settings(format("%s/%s", here, file));
        const json_t *length = json_object_get(r.json, "t5_length");
        if (text_length && json_integer_value(length) != text_length)
            return;
        run_once(&r, exe, NULL);
        for (size_t k = 0; k < sizeof by_name / sizeof *by_name; k++)
            if (!strcmp(by_name[k].folder, folder) && !strcmp(by_name[k].run, name))
                run_once(&r, exe, by_name[k].scheduler);
        json_decref(r.json);
    }
}

static bool is_json(const char *here, const char *name)
{
    (void)here;
    size_t n = strlen(name);
    return n > 5 && !strcmp(name + n - 5, ".json");
}

/* A folder of links: all that lies in model, and what it lacks of base. */
static char *laid_over(const char *model, const char *base)
{
    char *folder = format("%s/laid-over", work);
    const char *const from[] = {model, base};
    if (mkdir(folder, 0777) && access(folder, X_OK))
        exit(1);
    for (int k = 0; k < 2; k++) {
        char **names = list_folder(from[k], NULL, NULL);
        for (int i = 0; names[i]; i++) {
            char *link = format("%s/%s", folder, names[i]), *target = realpath(format("%s/%s", from[k], names[i]), NULL);
            if (access(link, F_OK) && symlink(target, link))
                exit(1);
        }
    }
    return folder;
}

/* The executable of folder number k. */
static char *compiled(int k)
{
    char *exe = format("%s/%s", work, folders[k].folder), *text;
    if (!access(exe, X_OK))
        return exe;
    char *model = format("%s/../shared/data/models/%s", source, folders[k].folder);
    if (folders[k].over)
        model = laid_over(model, format("%s/../shared/data/models/%s", source, folders[k].over));
    const char *argv[MOST_ARGUMENTS] = {sdc, "compile", model, "-o", exe, "--quiet"};
    for (int i = 0; i < 10 && folders[k].options[i]; i++) {
        const char *option = folders[k].options[i];
        argv[6 + i] = *option == '@' ? format("%s/../shared/data/models/%s", source, option + 1) : option;
    }
    if (run_program((char *const *)(uintptr_t)argv, SECONDS, &text)) {
        printf("%s: FAILED to compile: %s\n", model, text);
        exit(1);
    }
    free(model);
    free(text);
    return exe;
}

/* false: it is not there. */
static bool run_folder(int k)
{
    char *here = format("%s/../shared/data/models/%s/reference", source, folders[k].folder);
    if (access(here, R_OK)) {
        printf("%-18s skipped: %s is not there\n", folders[k].folder, here);
        return false;
    }
    char *exe = compiled(k), **names = list_folder(here, is_json, NULL);
    for (int i = 0; names[i]; i++)
        run_recorded(folders[k].folder, here, names[i], exe, folders[k].text_length);
    unlink(exe);
    free(exe);
    free(here);
    return true;
}

int main(int argc, char **argv)
{
    int there = 0, n = sizeof folders / sizeof *folders;
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: %s SDC SOURCE WORK [TEXT]\n", argv[0]);
        return 1;
    }
    sdc = argv[1];
    source = argv[2];
    work = argv[3];
    only = argv[4];
    for (int k = 0; k < n; k++)
        if (!only || !strncmp(only, folders[k].folder, strcspn(only, " ")))
            there += run_folder(k);
    printf("%d runs, %d failed, %d left out; %d of %d folders there\n", done, failed, left_out, there, n);
    return failed ? 1 : done ? 0 : EXIT_SKIPPED;
}
