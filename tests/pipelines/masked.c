/* masked: --mask with networks that do not see it, of SDXL and Stable Diffusion 3: before every step the kept part is the
 * picture under that step's noise, at the end it is the picture; the other part is drawn.
 *
 *      masked SDC SOURCE */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../runtime/runtime.h"
#include "executed.h"
#include "harness.h"

static Executed e;

/* What keeps of a picture and adds of noise, at a level that the network is told by the scale of its sample, or by the
 * timestep: those of Euler over sigmas, and of flow matching. */
typedef struct { double keep, add; } Level;
static Level of_sigmas(double scale, double timestep) { (void)timestep; return (Level){1, sqrt(1 / (scale * scale) - 1)}; }
static Level of_flow(double scale, double timestep) { (void)scale; return (Level){1 - timestep / 1000, timestep / 1000}; }

typedef struct { const char *name, *options; Level (*level)(double scale, double timestep); } Case;
static const Case cases[] = {
    {"tiny-sdxl", "--scheduler euler,timestep_spacing=linspace", of_sigmas},
    {"tiny-sd3", "--scheduler euler", of_flow},
};

enum { SIZE = 64, STEPS = 5 };

static float *array(const char *path, const char *name, int64_t count)
{
    SdcArray a;
    if (sdc_array_read(&a, path, name) || a.count != count)
        exit(1);
    return a.data;
}

/* A mask whose right half is white. */
static void write_mask(const char *path)
{
    SdcArray a;
    if (sdc_array_alloc(&a, DT_F32, 4, (const int64_t[]){1, 1, SIZE, SIZE}))
        exit(1);
    for (int k = 0; k < SIZE * SIZE; k++)
        ((float *)a.data)[k] = k % SIZE >= SIZE / 2;
    if (sdc_npy_write(path, &a))
        exit(1);
}

static void compare(const Case *c, int64_t channels, int64_t side)
{
    const int64_t n = channels * side * side;
    const char *trace = in_folder(&e, "trace.npz");
    const float *latents = array(trace, "latents", (STEPS + 1) * n), *sample = array(trace, "sample", STEPS * n);
    const double *times = (const double *)(const void *)array(trace, "timesteps", STEPS);
    const float *last = latents + STEPS * n;
    const Level first = c->level((double)sample[0] / (double)latents[0], times[0]);
    double kept = 0, drawn = 0, of = 0;
    for (int64_t step = 1; step < STEPS; step++) {
        const Level now = c->level((double)sample[step * n] / (double)latents[step * n], times[step]);
        for (int64_t k = 0; k < n; k++) {
            /* strength is 1: the start is the noise, times what the sampler starts with */
            const double noise = (double)latents[k] / first.add, expected = now.keep * (double)last[k] + now.add * noise;
            *(k % side < side / 2 ? &kept : &drawn) += pow((double)latents[step * n + k] - expected, 2);
            of += expected * expected;
        }
    }
    printf("%s: kept %.3g, drawn %.3g\n", c->name, sqrt(kept / of), sqrt(drawn / of));
    check(&e, sqrt(kept / of) < 1e-5, "what is kept is the picture under noise");
    check(&e, sqrt(drawn / of) > 1e-2, "what is masked is drawn");
}

static void draw(const char *source, const Case *c)
{
    const char *models = format("%s/../shared/data/models", source);
    compile(&e, format("%s/%s", models, c->name), c->name, format("--isa generic --cflag -O0 --size %dx%d", SIZE, SIZE));
    check(&e, !run_shell(format("cd %s && ./%s 'a crab' -q --steps %d --init-image %s/tests/pipelines/depth/picture.png "
                                "--mask mask.npy --trace trace.npz %s", e.folder, c->name, STEPS, source, c->options)),
          "it draws");
    SdcArray a;
    if (sdc_array_read(&a, in_folder(&e, "trace.npz"), "latents"))
        exit(1);
    compare(c, a.dim[2], a.dim[3]);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 1;
    struct stat info;
    if (stat(format("%s/../shared/data/models/tiny-sdxl", argv[2]), &info)) {
        printf("skipped: %zu models are not there\n", sizeof cases / sizeof *cases);
        return EXIT_SKIPPED;
    }
    e = (Executed){.sdc = argv[1], .folder = work_folder("masked")};
    write_mask(in_folder(&e, "mask.npy"));
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        draw(argv[2], &cases[k]);
    return conclude(&e);
}
