/* trajectory.c: pipelines' executables against the recorded runs of ../shared/data/models.
 *
 *      trajectory SDC SOURCE WORK [TEXT]
 *
 * Every reference/NAME.json of the folders below, and NAME.json of tests/pipelines/recorded/FOLDER, is run from the seed
 * alone, with its own scheduler configuration and what it says of prompts, steps and the rest: the options that the keys
 * of `settings` stand for, and those that a row of `runs` adds.  Every step's latents, the embeddings where they are
 * recorded, and the decoded floats must be within `limit` relative RMS, token ids equal, the picture at most 2/255 away
 * on 99.9 % of its bytes.  Some are run again by --scheduler from the folder's own configuration.
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
#include "assemble.h"
#include "harness.h"
#include "record.h"
#include "reschedule.h"

static const double limit = 1e-4;

/* ---- what is run ------------------------------------------------------------------------------------------------- */

enum { MOST_ARGUMENTS = 64, SECONDS = 600 };

enum { WITHOUT_T5 = -1 };

/* Kernels without optimisation for few runs: most of their time would go into the C compiler. */
#define QUICKLY "--isa", "generic", "--cflag", "-O0"

/* In options "@FOLDER": another model of the shared data. */
static const struct {
    const char *folder;
    const char *options[12];
    int text_length;                    /* only runs with this t5_length, -1: those without T5; 0: all */
    const char *model;                  /* where the model lies; NULL: in the folder of this name */
    const char *vae_of;                 /* the folder has no autoencoder: this one's, and its model_index.json */
    const char *statistics;             /* more fields of the autoencoder's config.json */
    bool over;                          /* what networks/FOLDER has goes before the model's */
} folders[] = {
    {.folder = "tiny-sd1"},
    {.folder = "tiny-sd2", .options = {QUICKLY, "--size", "160x96"}},
    {.folder = "tiny-sd1-inpaint", .options = {QUICKLY, "--size", "96x128"}},
    {.folder = "tiny-sd2-depth", .options = {QUICKLY}},
    {.folder = "tiny-sd-x4-upscaler", .options = {QUICKLY, "--size", "128x96"}},
    {.folder = "tiny-unclip", .options = {QUICKLY}},
    {.folder = "tiny-ldm", .options = {QUICKLY}},
    {.folder = "tiny-sdxl", .options = {QUICKLY, "--size", "96x128"}},
    {.folder = "tiny-sdxl-refiner", .options = {QUICKLY}},
    {.folder = "tiny-sdxl-refiner-statistics", .model = "tiny-sdxl-refiner", .options = {QUICKLY, "--size", "64x64"},
     .statistics = "{\"latents_mean\": [0.5, -1.0, 2.0, 0.25], \"latents_std\": [2.0, 0.5, 1.5, 4.0]}"},
    {.folder = "tiny-sdxl+refiner", .model = "tiny-sdxl",
     .options = {QUICKLY, "--size", "64x64", "--refiner", "@tiny-sdxl-refiner"}},
    {.folder = "tiny-sd3", .options = {QUICKLY}, .text_length = 256},
    {.folder = "tiny-sd3", .options = {QUICKLY, "--text-length", "77"}, .text_length = 77},
    {.folder = "tiny-sd3", .options = {QUICKLY, "--size", "64x64"}, .text_length = WITHOUT_T5},
    {.folder = "tiny-sd35", .options = {QUICKLY, "--text-length", "77", "--size", "160x96"}},
    {.folder = "tiny-sd35-controlnet", .options = {QUICKLY, "--text-length", "13", "--size", "96x128"},
     .vae_of = "tiny-sd35"},
    {.folder = "tiny-lcm", .model = "tiny-sd1", .over = true, .options = {QUICKLY, "--size", "96x64"}},
    {.folder = "tiny-unclip-prior", .model = "tiny-unclip", .over = true, .options = {QUICKLY, "--size", "96x64"}},
    {.folder = "tiny-sdxl-lcm", .model = "tiny-sdxl", .over = true, .options = {QUICKLY, "--size", "96x64"}},
    {.folder = "tiny-sdxl-inpaint", .model = "tiny-sdxl", .over = true, .options = {QUICKLY, "--size", "96x64"}},
    {.folder = "tiny-sdxl-inpaint4", .model = "tiny-sdxl", .over = true, .options = {QUICKLY, "--size", "96x64"}},
    {.folder = "tiny-sd35-controlnet-single", .options = {QUICKLY, "--text-length", "13", "--size", "96x128"},
     .model = "tiny-sd35-controlnet", .vae_of = "tiny-sd35"},
};

#define MASKED(run) "--init-image", "@" run ":image", "--mask", "@" run ":mask_image"

/* What runs whose names begin with `run` take beside their settings; the first row that fits counts. */
static const struct {
    const char *folder, *run;
    const char *left_out;               /* why they are not run */
    const char *omit;                   /* the setting that is no option here */
    const char *more[8];                /* "@NAME:ARRAY": recorded in reference/NAME.npz; "^FILE": of this folder */
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
    {.folder = "tiny-sdxl", .run = "inpaint", .more = {"--init-image", "@inpaint:image", "--mask", "@inpaint:mask"}},
    {.folder = "tiny-sdxl-refiner-statistics", .run = "img2img", .more = {"--init-image", "@img2img:image"}},
    {.folder = "tiny-sdxl-refiner", .run = "img2img", .more = {"--init-image", "@img2img_euler:image"}},
    {.folder = "tiny-sd3", .run = "img2img", .more = {"--init-image", "@img2img_no_t5:image"}},
    {.folder = "tiny-sd3", .run = "inpaint",
     .more = {"--init-image", "@inpaint_no_t5:image", "--mask", "@inpaint_no_t5:mask"}},
    {.folder = "tiny-sd35-controlnet", .run = "control_image", .embeddings = true,
     .more = {"--control-image", "@control_image:image"}},
    {.folder = "tiny-sd35-controlnet-single", .run = "control_single", .embeddings = true,
     .more = {"--control-image", "@control_single:image"}},
    {.folder = "tiny-lcm", .run = "lcm_img2img", .more = {"--init-image", "@lcm_img2img:image"}},
    {.folder = "tiny-lcm", .run = "lcm_control", .more = {"--control-image", "@lcm_control:image"}},
    {.folder = "tiny-sdxl-inpaint", .run = "inpaint_control",
     .more = {MASKED("inpaint_control"), "--control-image", "@inpaint_control:control_image"}},
    {.folder = "tiny-sdxl-inpaint", .run = "inpaint_guess",
     .more = {MASKED("inpaint_guess"), "--control-image", "^depth/picture.png", "--control-guess"}},
    {.folder = "tiny-sdxl-inpaint", .run = "inpaint", .more = {MASKED("inpaint")}},
    {.folder = "tiny-sdxl-inpaint4", .run = "inpaint", .more = {MASKED("inpaint")}},
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
    {"prompt", "--prompt"}, {"negative_prompt", "--negative"}, {"prompt_2", "--prompt-2"}, {"prompt_3", "--prompt-3"},
    {"negative_prompt_2", "--negative-prompt-2"}, {"negative_prompt_3", "--negative-prompt-3"},
    {"num_inference_steps", "--steps"},
    {"guidance_scale", "--guidance"}, {"guidance_rescale", "--guidance-rescale"}, {"seed", "--seed"},
    {"prior_num_inference_steps", "--prior-steps"}, {"prior_guidance_scale", "--prior-guidance"},
    {"strength", "--strength"}, {"eta", "--eta"}, {"noise_level", "--noise-level"},
    {"sampler", "--scheduler"}, {"refine_at", "--refine-at"},
    {"original_size", "--original-size"}, {"target_size", "--target-size"}, {"crop", "--crop"},
    {"negative_original_size", "--negative-original-size"}, {"negative_target_size", "--negative-target-size"},
    {"aesthetic_score", "--aesthetic"}, {"negative_aesthetic_score", "--negative-aesthetic"},
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
    {"pooled", "text_embeds", true}, {"time_ids", "time_ids", true}, {"refiner_pooled", "refiner_text_embeds", true},
    {"refiner_time_ids", "refiner_time_ids", true}, {"class_labels", "class_labels", true}, {"decoded", "decoded", true},
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
    if (sdc_output_open(&out, path, 0666) ||
        sdc_arrays_emit(&out, (const SdcArray *const[]){&both[0], &both[1]}, 2, true) || sdc_output_commit(&out))
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
        argv[n++] = **more == '@'   ? format("%s/%.*s.npz%s", r->here, (int)(colon - *more - 1), *more + 1, colon)
                    : **more == '^' ? format("%s/tests/pipelines/%s", source, *more + 1)
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

static double compare_latents(const Recorded *r, const char *name)
{
    if (!is_recorded(r, name))
        return 0;
    SdcArray got = record_array(r->trace, name), want = record_array(r->npz, name);
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
    double worst = larger(compare_latents(r, "latents"), compare_latents(r, "refiner_latents"));
    double other = compare_arrays(r, &which);
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
    const json_t *own = scheduler ? NULL : json_object_get(r->json, "scheduler");
    if (own)
        reschedule(exe, copy, own);
    arguments_of(r, own ? copy : exe, scheduler, argv);
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

static char *model_folder(int k)
{
    return format("%s/../shared/data/models/%s", source, folders[k].model ? folders[k].model : folders[k].folder);
}

/* The executable of folder number k. */
static char *compiled(int k)
{
    char *exe = format("%s/%s", work, folders[k].folder), *text;
    if (!access(exe, X_OK))
        return exe;
    char *model = model_folder(k);
    const char *whole = model;
    if (folders[k].vae_of || folders[k].text_length == WITHOUT_T5 || folders[k].statistics)
        model = put_together(work, model, folder_but_t5,
                             folders[k].vae_of ? format("%s/../shared/data/models/%s", source, folders[k].vae_of) : model,
                             folder_vae, folders[k].vae_of && folders[k].model);
    if (folders[k].over)
        model = put_together(work, format("%s/tests/pipelines/networks/%s", source, folders[k].folder), folder_all,
                             model, folder_all, false);
    if (folders[k].statistics)
        put_statistics(model, whole, folders[k].statistics);
    const char *argv[MOST_ARGUMENTS] = {sdc, "compile", model, "-o", exe, "--quiet"};
    for (int i = 0; folders[k].options[i]; i++) {
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

/* Those whose records lie here. */
static void run_all(const char *folder, const char *here, const char *exe, int text_length)
{
    char **names = list_folder(here, is_json, NULL);
    for (int i = 0; names[i]; i++)
        run_recorded(folder, here, names[i], exe, text_length);
}

/* false: it is not there. */
static bool run_folder(int k)
{
    const char *folder = folders[k].folder, *model = model_folder(k);
    const char *const records[] = {format("%s/../shared/data/models/%s/reference", source, folder),
                                   format("%s/tests/pipelines/recorded/%s", source, folder)};
    if (access(model, R_OK)) {
        printf("%-18s skipped: %s is not there\n", folder, model);
        return false;
    }
    char *exe = compiled(k);
    for (int i = 0; i < 2; i++)
        if (!access(records[i], R_OK))
            run_all(folder, records[i], exe, folders[k].text_length);
    unlink(exe);
    free(exe);
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
