/* vlm_reference.c: vision language models against recorded answers.
 *
 *      vlm_reference SDC SOURCE_FOLDER
 *
 * How MiniCPM-V cuts pictures needs nothing but this folder; the rest compiles tiny-minicpmv and tiny-paligemma of
 * ../shared with the tokenizers of tests/tokenizer_bpe, and is skipped, with a count, where they are not there. */
#define _GNU_SOURCE 1
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "../../models/vlm.h"

static const char *sdc, *source;
static char *work;
static int failed, checked, skipped;

static void check(bool good, const char *what)
{
    checked++;
    if (!good) {
        failed++;
        printf("FAILED: %s\n", what);
    }
}

static SdcArray member(const char *path, const char *name)
{
    SdcArray a = {0};
    if (sdc_array_read(&a, path, name))
        exit(1);
    return a;
}

/* ---- slices ----------------------------------------------------------------------------------------------------- */

static void check_slices(void)
{
    SdcArray rows = member(format("%s/tests/vlm/slices.npz", source), "rows");
    const int64_t n = rows.dim[0];
    int bad = 0;
    for (int64_t k = 0; k < n; k++) {
        const int64_t *r = (const int64_t *)rows.data + 11 * k;
        VlmCut c = vlm_cut((VlmSize){r[3], r[4]}, (VlmSlicing){r[0], r[1], r[2]});
        const int64_t got[] = {c.columns,         c.rows,          c.overview.width,
                               c.overview.height, c.refined.width, c.refined.height};
        if (memcmp(got, r + 5, sizeof got) && bad++ < 5)
            printf("%lld x %lld: %lld x %lld slices, recorded %lld x %lld\n", (long long)r[3], (long long)r[4],
                   (long long)c.columns, (long long)c.rows, (long long)r[5], (long long)r[6]);
    }
    printf("%lld sizes of pictures, %d cut otherwise than recorded\n", (long long)n, bad);
    check(n > 600 && !bad, "how pictures are cut");
    sdc_array_free(&rows);
}

static void check_places(void)
{
    enum { SIDES = 70 };
    SdcArray places = member(format("%s/tests/vlm/navit.npz", source), "places");
    int other = 0, far = 0;
    for (int64_t n = 1; n <= SIDES; n++)
        for (int64_t i = 0; i < n; i++) {
            const int64_t apart = vlm_place(i, n, SIDES) - ((const int64_t *)places.data)[n * SIDES + i];
            other += apart != 0;
            far += apart < -1 || apart > 1;
        }
    printf("places of up to %d patches: %d otherwise than recorded\n", SIDES, other);
    check(places.count == (SIDES + 1) * SIDES && other <= 3 && !far, "where patches are");
    sdc_array_free(&places);
}

/* ---- models ----------------------------------------------------------------------------------------------------- */

/* A folder with links to the components of ../shared's `model` and the tokenizer's files; NULL when it is not there. */
static char *model_folder(const char *model, const char *const *components, const char *tokenizer)
{
    char *from = format("%s/../shared/data/models/%s", source, model), *to = format("%s/%s", work, model);
    char *real = realpath(from, NULL);
    if (!real || run_program((char *[]){"/bin/mkdir", to, NULL}, 10, &(char *){0}))
        return NULL;
    for (; *components; components++)
        if (symlink(format("%s/%s", real, *components), format("%s/%s", to, *components)))
            exit(1);
    static const char *const files[] = {"tokenizer.json", "tokenizer_config.json"};
    for (int k = 0; k < 2; k++) {
        char *path = realpath(format("%s/tests/tokenizer_bpe/%s/%s", source, tokenizer, files[k]), NULL);
        if (!path || symlink(path, format("%s/%s", to, files[k])))
            exit(1);
    }
    return to;
}

static int run(const char *command, char **text)
{
    int code = run_program((char *[]){"/bin/sh", "-c", (char *)(uintptr_t)command, NULL}, 120, text);
    return code;
}

static bool compile(const char *folder, const char *exe)
{
    char *text;
    int code = run(format("'%s' compile '%s' -o '%s' --quiet --isa generic --cflag -O0 --length 200", sdc, folder, exe),
                   &text);
    if (code)
        printf("%s", text);
    check(code == 0, format("compile %s", folder));
    return code == 0;
}

/* Both files' tokens, and logits within 1e-4 of the recorded ones. */
static void compare(const char *trace, const char *recorded, const char *suffix)
{
    SdcArray got = member(trace, "tokens"), want = member(recorded, format("tokens%s", suffix));
    SdcArray a = member(trace, "logits"), b = member(recorded, format("logits%s", suffix));
    check(got.count == want.count && !memcmp(got.data, want.data, (size_t)got.count * 8), "the recorded tokens");
    double worst = a.count == b.count ? 0 : INFINITY;
    for (int64_t i = 0; i < a.count && a.count == b.count; i++)
        worst = larger(worst, fabs((double)((float *)a.data)[i] - (double)((float *)b.data)[i]));
    printf("%s%s: %lld tokens, logits within %.2g of the recorded ones\n", recorded, suffix, (long long)got.count,
           worst);
    check(worst <= 1e-4, "the recorded logits");
    sdc_array_free(&got);
    sdc_array_free(&want);
    sdc_array_free(&a);
    sdc_array_free(&b);
}

static bool answers(const char *arguments)
{
    char *text;
    int code = run(arguments, &text);
    if (code)
        printf("%s: %d: %s\n", arguments, code, text);
    return code == 0;
}

/* The same command twice, with different ends, prints the same. */
static void check_same(const char *command, const char *one, const char *other)
{
    char *a, *b;
    int code = run(format("%s %s", command, one), &a) || run(format("%s %s", command, other), &b);
    check(!code && !strcmp(a, b), format("%s: %s as %s", command, one, other));
}

/* command's exit code, and a part of what it says. */
static void refuses(const char *command, int wanted, const char *said)
{
    char *text;
    int code = run(command, &text);
    if (code != wanted || !strstr(text, said))
        printf("%s: %d: %s\n", command, code, text);
    check(code == wanted && strstr(text, said), said);
}

/* ---- MiniCPM-V -------------------------------------------------------------------------------------------------- */

static void check_prompt(const char *exe)
{
    char *trace = format("%s/p.npz", work);
    check(answers(format("'%s' -i '%s/tests/vlm/picture.png' 'How many crabs?' -n 1 --trace '%s'", exe, source, trace)),
          "a prompt with a picture in slices");
    SdcArray got = member(trace, "prompt_ids"), want = member(format("%s/tests/vlm/slices.npz", source), "prompt");
    check(got.count == want.count && !memcmp(got.data, want.data, (size_t)got.count * 8), "the recorded prompt");
    sdc_array_free(&got);
    sdc_array_free(&want);
}

static void check_minicpmv(void)
{
    static const char *const components[] = {"vision_encoder", "resampler", "embed_tokens", "decoder_model_with_past",
                                             NULL};
    char *folder = model_folder("tiny-minicpmv", components, "qwen2-320"), *exe = format("%s/minicpmv", work);
    if (!folder) {
        skipped++;
        return;
    }
    write_text(format("%s/config.json", folder), "{\"model_type\":\"minicpmv\",\"max_position_embeddings\":256}");
    write_text(format("%s/preprocessor_config.json", folder),
               "{\"max_slice_nums\":9,\"scale_resolution\":28,\"patch_size\":7,\"use_image_id\":false,"
               "\"norm_mean\":[0.5,0.5,0.5],\"norm_std\":[0.5,0.5,0.5]}");
    if (!compile(folder, exe))
        return;
    char *recorded = format("%s/../shared/data/models/tiny-minicpmv/reference/generate.npz", source);
    char *trace = format("%s/t.npz", work);
    check(answers(format("'%s' -i '%s' --ids 5,17,200,image,9,44,101,7 -n 10 --trace '%s'", exe, recorded, trace)),
          "generate");
    compare(trace, recorded, "");
    check_prompt(exe);
    char *ask = format("'%s' -i '%s/tests/vlm/picture.png' crabs -n 40", exe, source);
    check_same(ask, "--threads 1", "--threads 2");
    check_same(ask, "", "--temperature 1 --top-k 1 --seed 3");
    check_same(ask, "", "--temperature 1 --top-p 0");
    check_same(ask, "--temperature 2 --top-p 0.9 --seed 5", "--temperature 2 --top-p 0.9 --seed 5");
    refuses(format("'%s'", exe), SDC_USAGE, "what is asked?");
    refuses(format("'%s' a b", exe), SDC_USAGE, "more than one prompt");
    refuses(format("'%s' a --ids 1", exe), SDC_USAGE, "instead of a prompt");
    refuses(format("'%s' --ids 1,x", exe), SDC_USAGE, "is not a list of ids");
    refuses(format("'%s' --ids 1,image", exe), SDC_USAGE, "there is no --image");
    refuses(format("'%s' --ids 1,320", exe), SDC_BAD_INPUT, "no token of id 320");
    refuses(format("'%s' a -i '%s/none.png'", exe, work), SDC_BAD_INPUT, "none.png");
    refuses(format("'%s' a -i '%s'", exe, trace), SDC_BAD_INPUT, "pixel_values");
    refuses(format("'%s' \"$(printf '%%0500d' 7)\"", exe), SDC_BAD_INPUT, "more than the 200 tokens");
    refuses(format("'%s' a --top-p 2", exe), SDC_USAGE, "is not a number from 0 to 1");
    refuses(format("'%s' a --trace /nowhere/t.npz", exe), SDC_USAGE, "/nowhere/t.npz");
}

/* The same with a tower of patches, which sees views in their own shapes. */
static void check_patches(void)
{
    char *from = format("%s/tiny-minicpmv", work), *folder = format("%s/navit", work), *exe = format("%s/patches", work);
    if (access(from, R_OK))
        return;
    char *text, *trace = format("%s/n.npz", work), *recorded = format("%s/tests/vlm/navit.npz", source);
    check(!run(format("cp -a '%s' '%s' && rm '%s/vision_encoder' && ln -s \"$(realpath '%s/tests/vlm/navit')\" '%s/vision_encoder'",
                      from, folder, folder, source, folder), &text), "a folder");
    refuses(format("'%s' compile '%s' -o '%s'", sdc, folder, exe), SDC_BAD_INPUT, "no vision_config");
    write_text(format("%s/config.json", folder), "{\"model_type\":\"minicpmv\",\"vision_config\":{\"patch_size\":280}}");
    refuses(format("'%s' compile '%s' -o '%s'", sdc, folder, exe), SDC_BAD_INPUT,
            "vision_config: patch_size is not a whole number from 1 to 224");
    write_text(format("%s/config.json", folder), "{\"model_type\":\"minicpmv\",\"max_position_embeddings\":256,"
               "\"vision_config\":{\"image_size\":70,\"patch_size\":7}}");
    if (!compile(folder, exe))
        return;
    char *ask = format("'%s' -i '%s/tests/vlm/picture.png' 'How many crabs?'", exe, source);
    check(answers(format("%s -n 10 --trace '%s'", ask, trace)), "an answer about views of 35 x 21");
    compare(trace, recorded, "");
    check_same(ask, "--threads 1", "--threads 2");
    check(answers(format("'%s' -i '%s/docs/crab.png' --max-slices 1 -n 2 crab", exe, source)), "a picture as it is");
    refuses(format("'%s' a -i '%s/../shared/data/models/tiny-minicpmv/reference/generate.npz'", exe, source), SDC_USAGE,
            "views of many sizes");
}

/* Weights that prefill/ and the decoder both have are in the file once. */
static void check_shared(const char *exe)
{
    char *text;
    check(!run(format("'%s' --info --json", exe), &text), "--info");
    json_t *info = json_loads(text, 0, NULL), *program;
    int64_t apart = 0, stored = json_integer_value(json_object_get(json_object_get(info, "memory"), "weights_bytes"));
    size_t k;
    json_array_foreach(json_object_get(info, "programs"), k, program)
        apart += json_integer_value(json_object_get(program, "weights_bytes"));
    printf("%lld bytes of weights, %lld in all programs\n", (long long)stored, (long long)apart);
    check(stored > 0 && stored < apart * 4 / 5, "weights of two graphs stored once");
    json_decref(info);
}

/* ---- PaliGemma -------------------------------------------------------------------------------------------------- */

static void check_paligemma(void)
{
    static const char *const components[] = {"prefill", "embed_tokens", "decoder_model_with_past", "config.json", NULL};
    char *folder = model_folder("tiny-paligemma", components, "gemma-320"), *exe = format("%s/paligemma", work);
    if (!folder) {
        skipped++;
        return;
    }
    if (!compile(folder, exe))
        return;
    char *recorded = format("%s/tests/vlm/paligemma.npz", source), *trace = format("%s/t.npz", work);
    for (int k = 0; k < 3; k++) {
        SdcArray prompt = member(recorded, format("prompt_%d", k));
        char *ids = "image";
        for (int64_t i = 0; i < prompt.count; i++)
            if (((int64_t *)prompt.data)[i] >= 0)
                ids = format("%s,%lld", ids, (long long)((int64_t *)prompt.data)[i]);
        check(answers(format("'%s' -i '%s' --ids %s -n 8 --trace '%s'", exe, recorded, ids, trace)), "generate");
        compare(trace, recorded, format("_%d", k));
        sdc_array_free(&prompt);
    }
    check(answers(format("'%s' -i '%s/tests/vlm/picture.png' 'caption en' -n 8 --trace '%s'", exe, source, trace)),
          "a caption");
    check_shared(exe);
    compare(trace, recorded, "_3");
    refuses(format("'%s' 'caption en'", exe), SDC_USAGE, "needs a picture");
    refuses(format("'%s' --ids 2,5", exe), SDC_USAGE, "needs a picture");
    refuses(format("'%s' compile '%s' -o '%s' --length 5000", sdc, folder, exe), SDC_USAGE, "positions for 256");
}

/* The same laid out as for transformers.js. */
static void check_flat(void)
{
    char *from = format("%s/tiny-paligemma", work), *to = format("%s/flat", work), *exe = format("%s/flat.exe", work);
    if (access(from, R_OK))
        return;
    char *text, *trace = format("%s/f.npz", work);
    check(!run(format("mkdir -p '%s/onnx' && cp -L '%s'/*.json '%s' && for part in prefill embed_tokens; do "
                      "cp -L '%s'/$part/model.onnx '%s'/onnx/$part.onnx; done && "
                      "cp -L '%s/decoder_model_with_past/model.onnx' '%s/onnx/decoder_model_merged.onnx'",
                      to, from, to, from, to, from, to), &text), "a flat folder");
    if (!compile(to, exe))
        return;
    check(answers(format("'%s' -i '%s/tests/vlm/picture.png' 'caption en' -n 8 --trace '%s'", exe, source, trace)),
          "a caption of a flat folder");
    compare(trace, format("%s/tests/vlm/paligemma.npz", source), "_3");
}

/* ---- folders ---------------------------------------------------------------------------------------------------- */

static void check_folders(void)
{
    char *folder = format("%s/broken", work), *exe = format("%s/none", work);
    run(format("mkdir '%s'", folder), &(char *){0});
    char *command = format("'%s' compile '%s' -o '%s'", sdc, folder, exe);
    write_text(format("%s/config.json", folder), "{\"model_type\":\"paligemma\"");
    refuses(command, SDC_BAD_INPUT, "config.json: line 1");
    write_text(format("%s/config.json", folder), "{\"model_type\":\"paligemma\"}");
    refuses(command, SDC_BAD_INPUT, "tokenizer.json");
    run(format("cp '%s'/tests/tokenizer_bpe/gemma-320/*.json '%s'", source, folder), &(char *){0});
    refuses(command, SDC_BAD_INPUT, "model.onnx");
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s SDC SOURCE_FOLDER\n", argv[0]);
        return 1;
    }
    sdc = argv[1];
    source = argv[2];
    work = work_folder("vlm");
    check_slices();
    check_places();
    check_folders();
    check_minicpmv();
    check_patches();
    check_paligemma();
    check_flat();
    printf("%d checks, %d failed; %d models skipped%s\n", checked, failed, skipped,
           skipped ? ": ../shared is not there" : "");
    return failed ? 1 : 0;
}
