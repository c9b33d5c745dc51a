/* test_sd.c: the Stable Diffusion driver over networks that are a line of arithmetic each.
 *
 *      test_sd SOURCE_FOLDER
 *
 * The test is its own pipeline executable: it copies itself, appends the sections that the compiler would, and runs the
 * copy, which main() recognises by its name, with the command lines of a table.  Numbers against recorded trajectories
 * are the business of tests/pipelines; here it is options, files, errors, and that rows and pictures do not mix. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../models/pipeline.h"
#include "../../runtime/fileio.h"
#include "../../runtime/sections.h"
#include "../../runtime/tokenizer.h"
#include "harness.h"

/* ---- networks: 32 tokens, latents of 4 channels at 4x4 or 4x8 --------------------------------------------------- */

enum { TOKENS = 32, FEATURES = 2, ARENA = 1 << 16, TIME = 1 << 12, TEXT = 1 << 13, OUT = 1 << 14 };

static const float *in_f(const SdcContext *c, int64_t offset) { return (const float *)(c->arena + offset); }
static float *out_f(SdcContext *c) { return (float *)(c->arena + OUT); }

static int run_text(SdcContext *c)
{
    const int64_t *ids = (const int64_t *)c->arena;
    for (int i = 0; i < TOKENS * FEATURES; i++)
        out_f(c)[i] = (float)(ids[i / FEATURES] % 97) / 97;
    return SDC_OK;
}

/* noise = 0.3 x + time and text, each row by its own; then the inputs are overwritten, as a plan may. */
static int run_unet(SdcContext *c, int batch, int n)
{
    if (*in_f(c, TIME) > 985) {
        snprintf(c->error, sizeof c->error, "told to fail");
        return SDC_UNSUPPORTED;
    }
    for (int b = 0; b < batch; b++) {
        float text = 0;
        for (int i = 0; i < TOKENS * FEATURES; i++)
            text += in_f(c, TEXT)[b * TOKENS * FEATURES + i];
        for (int i = 0; i < n; i++)
            out_f(c)[b * n + i] = 0.3f * in_f(c, 0)[b * n + i] + sinf(*in_f(c, TIME) / 100 + text + (float)i);
    }
    memset(c->arena, 0xff, OUT);
    return SDC_OK;
}

static int unet_square_2(SdcContext *c) { return run_unet(c, 2, 64); }
static int unet_square_1(SdcContext *c) { return run_unet(c, 1, 64); }
static int unet_wide_2(SdcContext *c) { return run_unet(c, 2, 128); }

static int decode(SdcContext *c, int width)
{
    for (int i = 0; i < 3 * 32 * 8 * width; i++)
        out_f(c)[i] = tanhf(in_f(c, 0)[i / (8 * 8 * width) % 4 * width + i % (8 * width) / 8]);
    return SDC_OK;
}

static int decode_square(SdcContext *c) { return decode(c, 4); }
static int decode_wide(SdcContext *c) { return decode(c, 8); }

static int encode(SdcContext *c)
{
    for (int i = 0; i < 128; i++)
        out_f(c)[i] = i < 64 ? in_f(c, 0)[i * 48] : -3;
    return SDC_OK;
}

#define F32(text, r, at, count, ...) \
    {.name = text, .dtype = DT_F32, .rank = r, .dim = {__VA_ARGS__}, .offset = at, .bytes = 4 * (count)}
#define PROGRAM(tag, text, run_it) \
    static const SdcProgram tag = {.name = text, .inputs = tag##_in, .n_inputs = sizeof tag##_in / sizeof *tag##_in, \
                                   .outputs = tag##_out, .n_outputs = 1, .arena_bytes = ARENA, .run = run_it};
#define UNET(tag, b, w, run_it) \
    static const SdcTensor tag##_in[] = {F32("sample", 4, 0, b * 16 * w, b, 4, 4, w), F32("timestep", 0, TIME, 1, 0), \
                                         F32("encoder_hidden_states", 3, TEXT, b * 64, b, TOKENS, FEATURES)}; \
    static const SdcTensor tag##_out[] = {F32("out_sample", 4, OUT, b * 16 * w, b, 4, 4, w)}; \
    PROGRAM(tag, "unet@" #tag, run_it)
#define SINGLE(tag, text, in, out, run_it) \
    static const SdcTensor tag##_in[] = {in}, tag##_out[] = {out}; \
    PROGRAM(tag, text, run_it)
#define ARGUMENT(...) __VA_ARGS__
static const SdcTensor prompt_in[] = {{.name = "input_ids", .dtype = DT_I64, .rank = 2, .dim = {1, TOKENS},
                                       .bytes = 8 * TOKENS}};
static const SdcTensor prompt_out[] = {F32("last_hidden_state", 3, OUT, 64, 1, TOKENS, FEATURES)};
PROGRAM(prompt, "text_encoder", run_text)
UNET(square_2, 2, 4, unet_square_2)
UNET(square_1, 1, 4, unet_square_1)
UNET(wide_2, 2, 8, unet_wide_2)
SINGLE(decoder, "vae_decoder@32x32", ARGUMENT(F32("latent_sample", 4, 0, 64, 1, 4, 4, 4)),
       ARGUMENT(F32("sample", 4, OUT, 3072, 1, 3, 32, 32)), decode_square)
SINGLE(wide_decoder, "vae_decoder@64x32", ARGUMENT(F32("latent_sample", 4, 0, 128, 1, 4, 4, 8)),
       ARGUMENT(F32("sample", 4, OUT, 6144, 1, 3, 32, 64)), decode_wide)
SINGLE(encoder, "vae_encoder", ARGUMENT(F32("sample", 4, 0, 3072, 1, 3, 32, 32)),
       ARGUMENT(F32("latent_parameters", 4, OUT, 128, 1, 8, 4, 4)), encode)

static const SdcProgram *const programs[] = {&prompt, &square_2,     &square_1, &wide_2,
                                             &decoder, &wide_decoder, &encoder};
static const char *const defaults[] = {"steps=5", "guidance=2", NULL};
const SdcModel sdc_model = {.name = "fake", .version = "0", .isa = "generic", .compiler = "cc", .programs = programs,
                            .n_programs = sizeof programs / sizeof *programs, .driver = sdc_sd_main,
                            .defaults = defaults};

/* ---- running the copy ------------------------------------------------------------------------------------------- */

static const char *source;
static char folder[] = "/tmp/sdc-sd-XXXXXX";
static char out[1 << 16], err[1 << 16];

static void append(SdcSectionWriter *w, const char *name, const void *data, int64_t bytes)
{
    assert_int_equal(sdc_section_begin(w, name), SDC_OK);
    assert_int_equal(sdc_section_write(w, data, bytes), SDC_OK);
    assert_int_equal(sdc_section_end(w), SDC_OK);
}

static void append_text(SdcSectionWriter *w, const char *name, const char *text)
{
    append(w, name, text, (int64_t)strlen(text));
}

/* A copy of this file, named fake, with sections behind it. */
static void make_executable(void)
{
    char path[1024];
    void *blob;
    int64_t bytes;
    SdcFile self;
    snprintf(path, sizeof path, "%s/models/emoji/tokenizer", source);
    assert_int_equal(tokenizer_clip_pack(path, &blob, &bytes), SDC_OK);
    assert_int_equal(sdc_file_map(&self, "/proc/self/exe"), SDC_OK);
    int fd = open("fake", O_RDWR | O_CREAT | O_CLOEXEC, 0777);
    assert_int_equal(sdc_write_all(fd, self.data, self.bytes), 0);
    SdcSectionWriter *w = sdc_sections_create(fd, "fake");
    append(w, "tokenizer", blob, bytes);
    append_text(w, "pipeline", "class=StableDiffusionPipeline\nvae.scaling_factor=0.5\nvae.shift_factor=null\n");
    append_text(w, "scheduler", "_class_name=DDIMScheduler\nnum_train_timesteps=1000\nbeta_start=0.00085\n"
                "beta_end=0.012\ntimestep_spacing=leading\nbeta_schedule=scaled_linear\nclip_sample=false\n"
                "set_alpha_to_one=false\nsteps_offset=1\n");
    assert_int_equal(sdc_sections_finish(w), SDC_OK);
    close(fd);
    sdc_file_unmap(&self);
    free(blob);
}

static void slurp(int fd, char *text, size_t room)
{
    lseek(fd, 0, SEEK_SET);
    ssize_t n = read(fd, text, room - 1);
    text[n > 0 ? n : 0] = 0;
    close(fd);
}

/* Words between '|'; returns the exit code, output in out and err. */
static int run(const char *line)
{
    char *words = strdup(line), *argv[32] = {"./fake"};
    int argc = 1, status;
    for (char *rest = words, *word; (word = strsep(&rest, "|"));)
        if (*line)
            argv[argc++] = word;
    int fds[2] = {memfd_create("out", 0), memfd_create("err", 0)};
    pid_t child = fork();
    if (!child) {
        dup2(fds[0], 1);
        dup2(fds[1], 2);
        execv("./fake", argv);
        _exit(127);
    }
    waitpid(child, &status, 0);
    slurp(fds[0], out, sizeof out);
    slurp(fds[1], err, sizeof err);
    free(words);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Remove all but the executable; returns how many files there were. */
static int clean(void)
{
    int n = 0;
    DIR *d = opendir(".");
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.' && strcmp(e->d_name, "fake"))
            n += !unlink(e->d_name);
    closedir(d);
    return n;
}

static float *member(const char *path, const char *name, int64_t *count)
{
    SdcArray a;
    assert_int_equal(sdc_array_read(&a, path, name), SDC_OK);
    *count = a.count;
    free(a.name);
    return a.data;
}

static void write_array(const char *path, int rank, const int64_t *dim)
{
    SdcArray a;
    assert_int_equal(sdc_array_alloc(&a, DT_F32, rank, dim), SDC_OK);
    for (int64_t i = 0; i < a.count; i++)
        ((float *)a.data)[i] = sinf((float)i);
    assert_int_equal(sdc_npy_write(path, &a), SDC_OK);
    sdc_array_free(&a);
}

/* ---- command lines ---------------------------------------------------------------------------------------------- */

typedef struct { const char *line; int code; const char *said; int files; } Row;      /* said: in stdout, or stderr */

static const Row rows[] = {
    {"--help", 0, "--guidance=X", 0},
    {"--help", 0, "--steps=5 --guidance=2", 0},
    {"--version", 0, "fake, compiled by sdc 0", 0},
    {"--scheduler|list", 0, "EulerAncestralDiscreteScheduler", 0},
    {"--info", 0, "unet@square_2", 0},
    {"--check", 0, "intact", 0},
    {"--check|--json", 0, "{\"intact\":true}", 0},
    {"a crab", 0, "image.png\n", 1},
    {"a crab|-o|x.png", 0, "x.png\n", 1},
    {"--prompt=a crab|-ox", 0, "x\n", 1},
    {"a crab|-n|3|-o|x.png", 0, "x-1.png\nx-2.png\nx-3.png\n", 3},
    {"a crab|-n2|-o|x", 0, "x-1\nx-2\n", 2},
    {"a crab|--size|64x32", 0, "image.png\n", 1},
    {"a crab|--save-latents|l.npy|--trace|t.npz", 0, "image.png\n", 3},
    {"a crab|--guidance|1|--seed|18446744073709551615", 0, "image.png\n", 1},
    {"a crab|--threads=3|--quiet|--eta|0.5", 0, "image.png\n", 1},
    {"a crab|--scheduler|Euler a|--negative|a frog", 0, "image.png\n", 1},
    {"a crab|--scheduler|euler,timestep_spacing=leading|--guidance-rescale=0.7", 0, "image.png\n", 1},
    {"--bench|2|--json", 0, "\"decode_ms\":", 0},
    {"a crab|--bench=1|--size=64x32", 0, "1 run", 0},
    {"", 1, "what shall be drawn?", 0},
    {"a|crab", 1, "more than one prompt", 0},
    {"--prompt|a|crab", 1, "more than one prompt", 0},
    {"a crab|--stepz|3", 1, "did you mean --steps", 0},
    {"a crab|--steps|0", 1, "--steps", 0},
    {"a crab|--steps|x", 1, "--steps", 0},
    {"a crab|--guidance|nan", 1, "--guidance", 0},
    {"a crab|--strength|1.5", 1, "--strength", 0},
    {"a crab|--guidance-rescale|2", 1, "--guidance-rescale", 0},
    {"a crab|--crop|1,2", 1, "--crop: is for SDXL, not for a StableDiffusionPipeline", 0},
    {"a crab|--prompt-2|a frog", 1, "a StableDiffusionPipeline takes no --prompt-2", 0},
    {"a crab|--negative-prompt-3|a frog", 1, "a StableDiffusionPipeline takes no --negative-prompt-3", 0},
    {"a crab|--control-image|absent.png", 3, "takes no residuals of a ControlNet", 0},
    {"a crab|--refine-at|0.5", 1, "--refine-at: is for SDXL", 0},
    {"a crab|--original-size|8,9", 1, "'8,9' is not WIDTHxHEIGHT", 0},
    {"a crab|--negative-crop|1,2x", 1, "'1,2x' is not LEFT,TOP", 0},
    {"a crab|--seed|-1", 1, "--seed", 0},
    {"a crab|--count|0", 1, "--count", 0},
    {"a crab|--size|32", 1, "WIDTHxHEIGHT", 0},
    {"a crab|--size|48x48", 1, "there is 32x32 64x32", 0},
    {"a crab|--scheduler|nonsense", 1, "nonsense", 0},
    {"a crab|--scheduler|euler,clip=1", 1, "EulerDiscreteScheduler has no field \"clip\"", 0},
    {"a crab|--output=", 1, "--output", 0},
    {"a crab|-o|x.jpg", 1, "x.jpg: pictures are written as PNG", 0},
    {"a crab|-o|x.WebP", 1, "written as PNG", 0},
    {"a crab|-o|x.5", 0, "x.5", 1},
    {"a crab|--bit-depth|10", 1, "--bit-depth: '10' is neither 8 nor 16", 0},
    {"a crab|--control-start|.5|--control-stop|.2", 1, "--control-start 0.5 is not before --control-stop 0.2", 0},
    {"a crab|--skip-stop|0.01", 1, "--skip-start 0.01 is not before --skip-stop 0.01", 0},
    {"a crab|--latents|l.npy|--init-image|i.png", 1, "do not go together", 0},
    {"a crab|-o|no/such/x.png", 1, "no/such", 0},
    {"a \xff", 2, "not valid UTF-8", 0},
    {"a crab|--latents|absent.npy", 2, "absent.npy", 0},
    {"a crab|--init-image|absent.png", 2, "absent.png", 0},
    {"a crab|--init-image|fake", 2, "not a PNG", 0},
    {"a crab|--init-image|i.png|--size|64x32", 3, "no vae_encoder", 0},
    {"a crab|--steps|990", 3, "told to fail", 0},
};

static void test_command_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int code = run(rows[i].line), files = clean();
        if (code != rows[i].code || !strstr(code ? err : out, rows[i].said) || files != rows[i].files)
            fail_msg("%s: code %d, %d files\n%s%s", rows[i].line, code, files, out, err);
        if (code && (strchr(err, '\n') != err + strlen(err) - 1 || *out))
            fail_msg("%s: not one error line: %s%s", rows[i].line, out, err);
    }
    print_message("%zu command lines\n", sizeof rows / sizeof *rows);
}

static void test_json(void **state)
{
    (void)state;
    static const char *const lines[] = {"--info|--json", "--bench|1|--json", "--check|--json"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(lines[i]), 0);
        json_t *root = json_loads(out, 0, NULL);
        assert_non_null(root);
        assert_true(i != 0 || json_array_size(json_object_get(root, "programs")) == 7);
        assert_true(i != 1 || json_real_value(json_object_get(root, "median_ms")) > 0);
        json_decref(root);
    }
}

static void test_long_prompt_is_reported(void **state)
{
    (void)state;
    assert_int_equal(run("a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a A  Cat"), 0);
    assert_non_null(strstr(err, "the prompt has 34 tokens, 32 are read; left out: 'a cat'"));
    clean();
}

/* ---- what is drawn ---------------------------------------------------------------------------------------------- */

static bool same_floats(const char *a, const char *b, const char *name)
{
    int64_t n, m;
    float *x = member(a, name, &n), *y = member(b, name, &m);
    bool same = n == m && !memcmp(x, y, (size_t)n * sizeof *x);
    free(x);
    free(y);
    return same;
}

/* Threads, repetition and a starting noise equal to the seed's change nothing; seeds and prompts do. */
static void test_what_counts(void **state)
{
    (void)state;
    static const char *const others[] = {"a crab|--trace|b.npz|--threads|1", "a crab|--trace|b.npz|--threads|3",
                                         "a frog|--trace|b.npz", "a crab|--trace|b.npz|--seed|1",
                                         "a crab|--trace|b.npz|--negative|a frog", "a crab|--trace|b.npz|--guidance|3"};
    assert_int_equal(run("a crab|--trace|a.npz"), 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(run(others[i]), 0);
        assert_int_equal(same_floats("a.npz", "b.npz", "latents"), i < 2);
        assert_int_equal(same_floats("a.npz", "b.npz", "decoded"), i < 2);
    }
    clean();
}

/* Pictures of one run are those of runs by themselves: row k of the noise gives picture k. */
static void test_pictures_do_not_mix(void **state)
{
    (void)state;
    static const int64_t three[] = {3, 4, 4, 4};
    int64_t n;
    for (int guided = 0; guided < 2; guided++) {
        write_array("noise.npy", 4, three);
        assert_int_equal(run(guided ? "a crab|-n|3|--latents|noise.npy|--trace|all.npz"
                                    : "a crab|-n|3|--latents|noise.npy|--trace|all.npz|--guidance|0"), 0);
        float *all = member("all.npz", "latents", &n), *noise = member("noise.npy", NULL, &n);
        for (int k = 0; k < 3; k++) {
            SdcArray one = {.dtype = DT_F32, .rank = 3, .dim = {4, 4, 4}, .count = 64, .data = noise + 64 * k};
            assert_int_equal(sdc_npy_write("one.npy", &one), SDC_OK);
            assert_int_equal(run(guided ? "a crab|--latents|one.npy|--save-latents|last.npy"
                                        : "a crab|--latents|one.npy|--save-latents|last.npy|--guidance|0"), 0);
            float *last = member("last.npy", NULL, &n);
            assert_memory_equal(last, all + (5 * 3 + k) * 64, 64 * sizeof *last);
            free(last);
        }
        free(all);
        free(noise);
    }
    clean();
}

/* Strength decides how many steps are left; a picture of another size is resized; latents must have the right shape. */
static void test_image_to_image(void **state)
{
    (void)state;
    static const int64_t good[] = {1, 3, 32, 32}, bad[] = {1, 3, 32, 31};
    static uint8_t rgb[50 * 70 * 3];
    int64_t n;
    write_array("good.npy", 4, good);
    write_array("bad.npy", 4, bad);
    memset(rgb, 200, sizeof rgb);
    assert_int_equal(sdc_png_write("grey.png", &(SdcPng){3, 8, 70, 50, rgb}, NULL), SDC_OK);
    assert_int_equal(run("a crab|--init-image|good.npy|--strength|0.6|--trace|t.npz"), 0);
    free(member("t.npz", "latents", &n));
    assert_int_equal(n, 4 * 64);
    assert_int_equal(run("a crab|--init-image|grey.png|--trace|t.npz|-n|2"), 0);
    free(member("t.npz", "latents", &n));
    assert_int_equal(n, 5 * 2 * 64);
    assert_int_equal(run("a crab|--init-image|bad.npy"), 2);
    assert_int_equal(run("a crab|--latents|bad.npy"), 2);
    assert_int_equal(run("a crab|--init-image|good.npy|--strength|0.1"), 1);
    clean();
}

static void test_values_that_are_no_numbers(void **state)
{
    (void)state;
    SdcArray a;
    assert_int_equal(sdc_array_alloc(&a, DT_F32, 4, (const int64_t[]){1, 4, 4, 4}), SDC_OK);
    for (int k = 0; k < 64; k++)
        ((float *)a.data)[k] = k ? 1 : NAN;
    assert_int_equal(sdc_npy_write("nan.npy", &a), SDC_OK);
    sdc_array_free(&a);
    assert_int_equal(run("a crab|--latents|nan.npy"), 0);
    assert_non_null(strstr(err, "warning: image.png: "));
    assert_non_null(strstr(err, " of 3072 values are NaN"));
    assert_true(strchr(err, '\n') == err + strlen(err) - 1);
    clean();
}

/* Whatever the bits of a sample, it is the nearest to the decoder's float. */
static void test_bit_depth(void **state)
{
    (void)state;
    static const struct { const char *line; int bits, width, height; } depths[] = {
        {"a crab|-q|--trace|t.npz|-o|x.png", 8, 32, 32},
        {"a crab|-q|--trace|t.npz|-o|x.png|--bit-depth|8", 8, 32, 32},
        {"a crab|-q|--trace|t.npz|-o|x.png|--bit-depth|16|--preview-every|1", 16, 32, 32},
        {"a crab|-q|--trace|t.npz|-o|x.png|--bit-depth=16|--size|64x32", 16, 64, 32}};
    for (size_t k = 0; k < sizeof depths / sizeof *depths; k++) {
        PngHead head;
        int64_t n, fine = 0;
        assert_int_equal(run(depths[k].line), 0);
        uint16_t *samples = read_png("x.png", &head);
        float *decoded = member("t.npz", "decoded", &n);
        assert_true(head.width == depths[k].width && head.height == depths[k].height && head.channels == 3);
        assert_int_equal(head.bits, depths[k].bits);
        assert_int_equal(samples_off(samples, &head, decoded), 0);
        for (int64_t i = 0; i < n; i++)
            fine += head.bits == 8 || samples[i] % 257;
        assert_true(fine * 2 > n);
        free(decoded);
        free(samples);
    }
    clean();
}

static void test_parameters_are_in_the_picture(void **state)
{
    (void)state;
    SdcFile file;
    static const char want[] = "a cr\xc3\xa4" "b\nNegative prompt: dull\nSteps: 4, Sampler: euler, CFG scale: 2.5, "
                               "Seed: 7, Size: 32x32, Model hash: ";
    assert_int_equal(run("a cr\xc3\xa4" "b|--negative|dull|--steps|4|--scheduler|euler|--guidance|2.5|--seed|7|--bit-depth"
                         "|16"), 0);
    assert_int_equal(sdc_file_map(&file, "image.png"), SDC_OK);
    assert_non_null(memmem(file.data, (size_t)file.bytes, want, sizeof want - 1));
    sdc_file_unmap(&file);
    clean();
}

int main(int argc, char **argv)
{
    if (!strcmp(basename(argv[0]), "fake")) {
        sdc_signals_guard();
        int code = sdc_self_open();
        return code ? code : sdc_sd_main(argc, argv);
    }
    source = argc == 2 ? realpath(argv[1], NULL) : NULL;
    if (!source || !mkdtemp(folder) || chdir(folder)) {
        fprintf(stderr, "usage: %s SOURCE_FOLDER\n", argv[0]);
        return 1;
    }
    make_executable();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_lines),           cmocka_unit_test(test_json),
        cmocka_unit_test(test_long_prompt_is_reported), cmocka_unit_test(test_what_counts),
        cmocka_unit_test(test_pictures_do_not_mix),     cmocka_unit_test(test_image_to_image),
        cmocka_unit_test(test_parameters_are_in_the_picture), cmocka_unit_test(test_values_that_are_no_numbers),
        cmocka_unit_test(test_bit_depth),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink("fake");
    rmdir(folder);
    free((char *)(uintptr_t)source);
    return failed;
}
