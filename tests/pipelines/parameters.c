/* parameters: an option that changes a picture changes its text chunk "parameters" too, and none is forgotten: each that
 * --help names is drawn with here, or known to change nothing.
 *
 *      parameters SDC SOURCE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../runtime/image.h"
#include "../../runtime/runtime.h"
#include "executed.h"
#include "harness.h"

/* In these lines $M is where the models lie, $T this folder. */
#define PICTURE "$T/depth/picture.png"
#define FROM_PICTURE "--init-image " PICTURE
#define CONTROLLED "--control-image " PICTURE
#define SKIPPING "--skip-layer-guidance 2.8 --skip-stop 0.8"

typedef struct { const char *name, *folder, *options; } Model;
static const Model models[] = {
    {"sd", "$M/tiny-sd1", "--clip-skip 2 --prompt-chunks 2 --size 64x64 --size 96x64"},
    {"xl", "$M/tiny-sdxl", "--refiner $M/tiny-sdxl-refiner --size 64x64"},
    {"sd3", "with-controlnet", "--text-length 13 --size 64x64"},
    {"lcm", "lcm-controlled", "--size 64x64"},
    {"unclip", "with-prior", "--size 64x64"},
    {"depth", "$M/tiny-sd2-depth", "--size 64x64"},
    {"upscaler", "$M/tiny-sd-x4-upscaler", ""},
    {"mnist", "$M/tiny-cond-mnist", "--size 32x32 --size 16x16"},
    {"ddpm", "$M/tiny-ddpm", "--clip $M/tiny-clip"},
};

/* A drawing without the option and one with it, of which the second differs. */
typedef struct { const char *model, *without, *option; } Case;
static const Case cases[] = {
    {"sd", "'a crab'", "--prompt 'a frog'"},
    {"sd", "'a crab'", "--negative dull"},
    {"sd", "'a (red:1.5) crab'", "--no-weighting"},
    {"sd", "'a crab BREAK on sand'", "--long-prompts"},
    {"sd", "'a crab'", "--clip-skip 2"},
    {"sd", "'a crab'", "--steps 4"},
    {"sd", "'a crab'", "--guidance 3"},
    {"sd", "'a crab'", "--guidance-rescale .7"},
    {"sd", "'a crab'", "--seed 1"},
    {"sd", "'a crab'", "--scheduler euler"},
    {"sd", "'a crab' --scheduler euler", "--scheduler euler,timestep_spacing=trailing"},
    {"sd", "'a crab' --scheduler euler", "--scheduler euler_karras"},
    {"sd", "'a crab'", "--scheduler beta_end=0.02"},
    {"sd", "'a crab' --scheduler ddim", "--eta 1"},
    {"sd", "'a crab'", "--size 96x64"},
    {"sd", "'a crab'", "--count 2 --grid"},
    {"sd", "'a crab'", "--latents made.npy"},
    {"sd", "'a crab'", FROM_PICTURE},
    {"sd", "'a crab' " FROM_PICTURE, "--strength 0.4"},
    {"sd", "'a crab' " FROM_PICTURE, "--mask " PICTURE},
    {"sd", "'a my-style crab'", "--embedding $T/../prompts/my-style.safetensors"},
    {"sd", "'a crab'", "--lora $M/tiny-sd1-lora/tiny-sd1-lora.safetensors"},
    {"sd", "'a crab' --lora $M/tiny-sd1-lora/tiny-sd1-lora.safetensors",
     "--lora $M/tiny-sd1-lora/tiny-sd1-lora-kohya.safetensors:0.5"},
    {"xl", "'a crab' --refine-at 1 --strength 1 " FROM_PICTURE, "--mask " PICTURE},
    {"xl", "'a crab'", "--negative ''"},
    {"xl", "'a crab'", "--refine-at 0.5"},
    {"xl", "'a crab'", "--original-size 512x512"},
    {"xl", "'a crab'", "--crop 0,64"},
    {"xl", "'a crab'", "--target-size 512x512"},
    {"xl", "'a crab'", "--negative-original-size 512x512"},
    {"xl", "'a crab'", "--negative-crop 0,64"},
    {"xl", "'a crab'", "--negative-target-size 512x512"},
    {"xl", "'a crab' --refine-at 0.5", "--aesthetic 90"},
    {"xl", "'a crab' --refine-at 0.5", "--negative-aesthetic 90"},
    {"xl", "'a crab' --refine-at 1", "--prompt-2 'a frog'"},
    {"xl", "'a crab' --refine-at 1 --negative dull", "--negative-prompt-2 bright"},
    {"sd3", "'a crab'", "--prompt-2 'a frog'"},
    {"sd3", "'a crab'", "--prompt-3 'a frog'"},
    {"sd3", "'a crab'", "--negative-prompt-3 dull"},
    {"unclip", "'a crab'", "--prior-steps 3"},
    {"unclip", "'a crab'", "--prior-guidance 1"},
    {"lcm", "'a crab'", "--guidance 3"},
    {"lcm", "'a crab'", "--scheduler original_inference_steps=20"},
    {"lcm", "'a crab'", CONTROLLED},
    {"lcm", "'a crab' " CONTROLLED, "--control-guess"},
    {"sd3", "'a crab'", "--embeddings made.npz"},
    {"sd3", "'a crab'", CONTROLLED},
    {"sd3", "'a crab' " CONTROLLED, "--control-scale 0.2"},
    {"sd3", "'a crab' " CONTROLLED, "--control-start 0.4"},
    {"sd3", "'a crab' " CONTROLLED, "--control-stop 0.6"},
    {"sd3", "'a crab'", SKIPPING},
    {"sd3", "'a crab' " SKIPPING, "--skip-layer-guidance 9"},
    {"sd3", "'a crab' " SKIPPING, "--skip-start 0.5"},
    {"sd3", "'a crab' " SKIPPING, "--skip-stop 0.5"},
    {"depth", "'a crab' --depth-map $T/depth/depth.npy " FROM_PICTURE, "--depth-map " PICTURE},
    {"upscaler", "'a crab' " FROM_PICTURE, "--noise-level 300"},
    {"mnist", "--count 2 --grid", "--class 3,7"},
    {"mnist", "--class 3,7 --grid", "--class 3,8"},
    {"mnist", "--class 3,7 --grid", "--guidance 3"},
    {"mnist", "--class 3,7 --grid", "--steps 4"},
    {"mnist", "--class 3,7 --grid", "--seed 1"},
    {"mnist", "--class 3,7 --grid", "--scheduler ddim"},
    {"mnist", "--class 3,7 --grid", "--columns 1"},
    {"mnist", "--class 3,7 --grid --scheduler ddim", "--eta 1"},
    {"mnist", "--class 3 --guidance 2", "--none-class 4"},
    {"mnist", "--class 3", "--size 16x16"},
    {"mnist", "--class 3", "--count 4 --grid"},
    {"mnist", "", "--latents made.npy"},
    {"ddpm", "", "--clip-text 'a crab'"},
    {"ddpm", "--clip-text 'a crab'", "--clip-scale 9000"},
    {"ddpm", "--clip-text 'a crab' --clip-scale 9000", "--clip-cuts 2"},
};

/* Options of both tables that no picture depends on, but how finely it is written. */
static const char *const silent[] = {"output", "bit-depth", "preview-every", "save-latents", "trace", "bench", "threads",
                                     "pin",    "info",      "json",          "check",        "quiet", "help",  "version"};

static Executed e;
static const char *tests, *shared;

static int shell(const char *line)
{
    return run_shell(format("M=%s T=%s; cd %s && %s", shared, tests, e.folder, line));
}

/* Executables whose latents or embeddings are given to later drawings write them first. */
static void make(void)
{
    if (shell("mkdir with-controlnet && for f in $M/tiny-sd35/* $M/tiny-sd35-controlnet/*; do ln -sfn $f with-controlnet/; done; "
              "mkdir lcm-controlled && for f in $M/tiny-sd1/* $T/networks/tiny-lcm/*; do ln -sfn $f lcm-controlled/; done; "
              "mkdir with-prior && for f in $M/tiny-unclip/* $T/networks/tiny-unclip-prior/*; do ln -sfn $f with-prior/; done"))
        exit(1);
    for (size_t k = 0; k < sizeof models / sizeof *models; k++)
        if (shell(format("%s compile %s -o %s -q --isa generic --cflag -O0 %s", e.sdc, models[k].folder, models[k].name,
                         models[k].options)))
            exit(1);
    if (shell("./sd 'a frog' -q --steps 1 --save-latents sd.npy -o out.png && ./mnist -q --steps 1 --save-latents mnist.npy "
              "-o out.png && ./sd3 'a frog' -q --steps 1 --trace made.npz -o out.png"))
        exit(1);
}

/* The value of the chunk "parameters", which is ASCII and short; NULL: there is none. */
static char *parameters(const char *path)
{
    static const char key[] = "tEXtparameters";
    size_t bytes;
    char *png = read_text(path, &bytes);
    for (size_t k = 4; png && k + sizeof key < bytes; k++)
        if (!memcmp(png + k, key, sizeof key)) {
            const unsigned char *n = (const unsigned char *)png + k - 4;
            const size_t length = (size_t)n[0] << 24 | (size_t)n[1] << 16 | (size_t)n[2] << 8 | n[3];
            return format("%.*s", (int)(length - (sizeof key - 4)), png + k + sizeof key);
        }
    return NULL;
}

static bool same_pixels(const char *a, const char *b)
{
    SdcImage x = {0}, y = {0};
    const bool read = !sdc_image_read(&x, a, 3) && !sdc_image_read(&y, b, 3);
    const bool same = read && x.width == y.width && x.height == y.height &&
                      !memcmp(x.pixels, y.pixels, 3 * (size_t)x.width * (size_t)x.height);
    sdc_image_free(&x);
    sdc_image_free(&y);
    return same;
}

static void compare(const Case *c)
{
    const char *first = in_folder(&e, "without.png"), *second = in_folder(&e, "with.png");
    const char *draw = format("%s./%s -q --steps 3 %s", strstr(c->option, "made.npy") ? format("cp %s.npy made.npy; ", c->model) : "",
                              c->model, c->without);
    /* --prompt takes the place of the prompt, and more than one is an error */
    const char *again = strstr(c->option, "--prompt ") ? format("./%s -q --steps 3", c->model) : draw;
    check(&e, !shell(format("%s -o without.png && %s %s -o with.png", draw, again, c->option)), c->option);
    const char *plain = parameters(first), *other = parameters(second);
    check(&e, !same_pixels(first, second), format("%s %s: the picture is the same", c->model, c->option));
    check(&e, plain && other && strcmp(plain, other), format("%s %s: the text is the same: %s", c->model, c->option, plain));
    check(&e, other && !strstr(other, "/"), format("%s %s: the text names a folder: %s", c->model, c->option, other));
}

/* Is the option drawn with, by an executable of this table? */
static bool is_drawn_with(const char *name, bool unconditional)
{
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const bool other = !strcmp(cases[k].model, "mnist") || !strcmp(cases[k].model, "ddpm");
        const char *at = strstr(format("%s ", cases[k].option), format("--%s ", name));
        if (other == unconditional && (at || strstr(cases[k].option, format("--no-%s", name))))
            return true;
    }
    return false;
}

static void look_for_others(const char *model, bool unconditional)
{
    check(&e, !shell(format("./%s --help | sed -n 's/^  [ -].[ ,] --\\([a-z0-9-]*\\).*/\\1/p' >names", model)), "--help");
    char *names = read_text(in_folder(&e, "names"), NULL);
    int n = 0;
    for (char *name = strtok(names, "\n"); name; name = strtok(NULL, "\n"), n++) {
        bool known = is_drawn_with(name, unconditional);
        for (size_t k = 0; k < sizeof silent / sizeof *silent; k++)
            known |= !strcmp(silent[k], name);
        check(&e, known, format("%s --%s: is neither drawn with nor known to change nothing", model, name));
    }
    check(&e, n > 20, format("%s --help names %d options", model, n));
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 1;
    struct stat info;
    shared = format("%s/../shared/data/models", argv[2]);
    tests = format("%s/tests/pipelines", argv[2]);
    if (stat(format("%s/tiny-sd1", shared), &info)) {
        printf("skipped: %zu options need %s\n", sizeof cases / sizeof *cases, shared);
        return EXIT_SKIPPED;
    }
    e = (Executed){.sdc = argv[1], .folder = work_folder("parameters")};
    make();
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        compare(&cases[k]);
    check(&e, !shell("./xl 'a crab' " FROM_PICTURE " --mask " PICTURE " 2>&1 | grep -q 'give --refine-at 1 too'"),
          "a mask is not for the refiner");
    look_for_others("sd", false);
    look_for_others("ddpm", true);
    return conclude(&e);
}
