/* prompts_chunks: the tokens, the text encoders' outputs and the denoiser's for prompts with weights, of several chunks, and
 * with --clip-skip and --embedding, against what onnxruntime and numpy make of them (make_chunks.py,
 * make_embedding.py), for Stable Diffusion, SDXL and, of weights, SD3.
 *
 *      prompts_chunks SDC SOURCE */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../runtime/runtime.h"
#include "executed.h"
#include "harness.h"

#define LONG                                                                                                              \
    "a watercolour of a lighthouse on a cliff above the sea at dusk, with gulls around it, boats in the bay, a path that " \
    "leads down to the water, clouds that glow red and gold, soft light, fine lines, loose washes, (rough paper:1.3), "    \
    "muted colours, a small house with lit windows, smoke from its chimney, wet rocks in front, spray, wind in the grass, " \
    "a far coast in the haze, [people] on the beach, nets that hang to dry, a lantern, a bench"

static const struct { const char *name, *prompt, *negative, *options; bool states; } cases[] = {
    {"weights", "a (red:1.5) [crab] on \\\\(sand\\\\), ((sea))", "(blurry:0.6)", "", true},
    {"long", LONG, "blurry", "--long-prompts", false},
    {"breaks", "a crab BREAK (on sand:1.2) BREAK a lighthouse", "", "--long-prompts", true},
    {"skip", "a crab", "blurry", "--clip-skip 2", true},
    {"all", LONG, "grey, (dull:1.4) BREAK flat", "--long-prompts --clip-skip 2", false},
};

static Executed e;

/* What the network predicted in one Euler step from timestep 1, whose noise level is that of the folder. */
static double noise_distance(const char *trace, const char *reference, const char *name)
{
    const double root = sqrt(0.00085) + (sqrt(0.012) - sqrt(0.00085)) / 999;
    const double signal = (1 - 0.00085) * (1 - root * root), sigma = sqrt((1 - signal) / signal);
    SdcArray latents, noise;
    double sum = 0, of = 0;
    if (sdc_array_read(&latents, trace, "latents") || sdc_array_read(&noise, reference, name) || latents.count != 2 * noise.count)
        return INFINITY;
    const float *x = latents.data, *wanted = noise.data;
    for (int64_t k = 0; k < noise.count; k++) {
        const double y = ((double)x[k] - (double)x[noise.count + k]) / sigma;
        sum += (y - (double)wanted[k]) * (y - (double)wanted[k]);
        of += (double)wanted[k] * (double)wanted[k];
    }
    sdc_array_free(&latents);
    sdc_array_free(&noise);
    return sqrt(sum / of);
}

static void draw(const char *executable, size_t k, const char *options, const char *reference, bool two)
{
    const char *trace = in_folder(&e, "trace.npz");
    const char *name = cases[k].name;
    check(&e, !run_shell(format("cd %s && ./%s --prompt \"%s\" --negative \"%s\" %s --scheduler euler --steps 1 "
                                "--guidance 7.5 --latents %s:sample --trace trace.npz -o out.png", e.folder, executable,
                                cases[k].prompt, cases[k].negative, options, reference)), "it draws");
    double ids = distance(trace, "input_ids", reference, format("%s.ids", name));
    if (two)
        ids = larger(ids, distance(trace, "input_ids_2", reference, format("%s.ids_2", name)));
    const double noise = noise_distance(trace, reference, format("%s.noise", name));
    printf("%s: ids %.3g, noise %.3g", name, ids, noise);
    check(&e, ids == 0, "tokens");
    check(&e, noise < 1e-3, "what the network predicts");
    if (cases[k].states) {
        const double states = distance(trace, "encoder_hidden_states", reference, format("%s.encoder_hidden_states", name));
        printf(", states %.3g", states);
        check(&e, states < 1e-3, "what it is given");       /* recorded in float16 */
    }
    printf("\n");
}

/* SD3: both CLIPs' states weighted, and T5's of the words alone. */
static void weigh_three(const char *source)
{
    const char *trace = in_folder(&e, "trace.npz"), *reference = format("%s/tests/prompts/chunks_3.npz", source);
    check(&e, !run_shell(format("cd %s && ./sd3 --prompt \"%s\" --negative \"%s\" --steps 1 --trace trace.npz -o out.png",
                                e.folder, cases[0].prompt, cases[0].negative)), "SD3 draws");
    check(&e, distance(trace, "input_ids_3", reference, "weights.ids_3") == 0, "T5's tokens");
    const double states = distance(trace, "encoder_hidden_states", reference, "weights.encoder_hidden_states");
    printf("SD3: states %.3g\n", states);
    check(&e, states < 1e-3, "what SD3 is given");
}

static void embedding(const char *source)
{
    const char *trace = in_folder(&e, "trace.npz"), *reference = format("%s/tests/prompts/chunks.npz", source);
    check(&e, !run_shell(format("cd %s && ./sd 'a my-style crab' --embedding %s/tests/prompts/my-style.safetensors --steps 1 "
                                "--trace trace.npz && ./sd --check && ./sd 'a <x> crab' --embedding %s/tests/prompts/my-style.safetensors:'<x>' "
                                "--steps 1 --trace other.npz", e.folder, source, source)), "it draws with an embedding");
    check(&e, distance(trace, "input_ids", reference, "embedding.ids") == 0, "an embedding's rows");
    const double states = distance(trace, "encoder_hidden_states", reference, "embedding.encoder_hidden_states");
    printf("embedding: states %.3g\n", states);
    check(&e, states < 1e-3, "what it is given");
    check(&e, distance(in_folder(&e, "other.npz"), "latents", trace, "latents") == 0, "another word for it");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 1;
    struct stat info;
    const char *models = format("%s/../shared/data/models", argv[2]);
    if (stat(format("%s/tiny-sd1", models), &info)) {
        printf("skipped: %zu cases need %s\n", sizeof cases / sizeof *cases, models);
        return EXIT_SKIPPED;
    }
    e = (Executed){.sdc = argv[1], .folder = work_folder("chunks")};
    compile(&e, format("%s/tiny-sd1", models), "sd", "--prompt-chunks 3 --clip-skip 2");
    compile(&e, format("%s/tiny-sdxl", models), "xl", "--prompt-chunks 3 --size 128x128");
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        draw("sd", k, cases[k].options, format("%s/tests/prompts/chunks.npz", argv[2]), false);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        if (strcmp(cases[k].name, "all"))       /* whose layer is one more: the last but one is what is taken by itself */
            draw("xl", k, strcmp(cases[k].name, "skip") ? cases[k].options : "--clip-skip 3",
                 format("%s/tests/prompts/chunks_xl.npz", argv[2]), true);
    compile(&e, format("%s/tiny-sd3", models), "sd3", "--text-length 77");
    weigh_three(argv[2]);
    check(&e, run_shell(format("cd %s && ./sd3 'a BREAK b' --long-prompts 2>&1 | grep -q 'a StableDiffusion3Pipeline reads one; shorten it'",
                               e.folder)) == 0, "chunks that SD3 does not take");
    embedding(argv[2]);
    check(&e, run_shell(format("cd %s && ./sd 'a crab' --clip-skip 3 2>&1 | grep -q 'compile with --clip-skip 3'", e.folder)) == 0,
          "a layer that is not there");
    check(&e, run_shell(format("cd %s && ./sd 'a BREAK b BREAK c BREAK d' --long-prompts 2>&1 | grep -q 'compile with --prompt-chunks 4'",
                               e.folder)) == 0, "too many chunks");
    check(&e, run_shell(format("cd %s && ./sd 'a crab' --steps 2 --save-latents a.npy && ./sd 'a crab' --steps 2 --no-weighting --save-latents b.npy && cmp a.npy b.npy",
                               e.folder)) == 0, "without weights");
    return conclude(&e);
}
