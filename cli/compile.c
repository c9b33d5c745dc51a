/* compile: a model, or a pipeline's folder, to an executable, a library or source. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "folder.h"
#include "lock.h"
#include "tune.h"

OPTION_TEXT(output) OPTION_TEXT(emit) OPTION_TEXT(keep_source) OPTION_TEXT(prefix) OPTION_TEXT(lock)
OPTION_TEXT(refiner) OPTION_TEXT(clip)
OPTION_LIST(defaults) OPTION_LIST(sizes)
OPTION_FLAG(is_static) OPTION_FLAG(quiet) OPTION_FLAG(verbose) OPTION_FLAG(help)

static int option_batch(void *into, const char *value)
{
    return parse_int(value, 1, 64, &((Options *)into)->batch);
}

static int option_length(void *into, const char *value)
{
    return parse_int(value, 2, 1 << 20, &((Options *)into)->length);
}

static int option_text_length(void *into, const char *value)
{
    return parse_int(value, 1, 4096, &((Options *)into)->text_length);
}

static int option_prompt_chunks(void *into, const char *value)
{
    return parse_int(value, 1, 8, &((Options *)into)->prompt_chunks);
}

static int option_clip_skip(void *into, const char *value)
{
    return parse_int(value, 1, 64, &((Options *)into)->clip_skip);
}

static int option_tune(void *into, const char *value)
{
    enum { SECONDS = 60, MOST_SECONDS = 86400 };
    Options *o = into;
    o->tune = SECONDS;
    return value ? parse_int(value, 1, MOST_SECONDS, &o->tune) : SDC_OK;
}

static const SdcOption table[] = {
    {"output", 'o', "OUT", "what to write", option_output},
    {"dim", 0, "NAME=N", "fix a free axis by its name (repeat)", option_dims},
    {"shape", 0, "INPUT=1x3x64x64", "fix an input's shape (repeat); 'scalar' for rank 0", option_shapes},
    {"bind", 0, "INPUT=FILE", "make an input a constant, from .npy, .npz or .pb (repeat)", option_binds},
    {"size", 0, "WxH", "picture size of a pipeline (repeat for several in one executable)", option_sizes},
    {"batch", 0, "N", "pictures that go through a pipeline at once (1)", option_batch},
    {"refiner", 0, "FOLDER", "of SDXL's refiner, which the base's executable then has inside", option_refiner},
    {"length", 0, "N", "tokens that a vision language model holds: prompt, picture and answer (2048, or what it has "
     "positions for)",
     option_length},
    {"text-length", 0, "N", "tokens that the T5 encoder of a pipeline reads (its tokenizer's, 256 at most)",
     option_text_length},
    {"prompt-chunks", 0, "N", "a pipeline's networks for prompts of up to N chunks of tokens, for its "
     "--long-prompts (1)",
     option_prompt_chunks},
    {"clip-skip", 0, "N", "the text encoder's last N layers as outputs, for a pipeline's --clip-skip (1)",
     option_clip_skip},
    {"default", 0, "OPTION=VALUE", "default of one of a pipeline's options, such as steps=20 (repeat)",
     option_defaults},
    {"clip", 0, "FOLDER", "a CLIP model, to lead what a DDPMPipeline or DDIMPipeline draws by --clip-text",
     option_clip},
    {"emit", 0, "exe|lib|source", "kind of output (exe)", option_emit},
    {"isa", 0, "NAME", "instruction set: native (default), generic, x86-64-v3, x86-64-v4, avx512-bf16, amx, aarch64",
     option_isa},
    {"cc", 0, "CC", "C compiler (cc); another machine's makes a cross build", option_cc},
    {"cflag", 0, "FLAG", "extra flag for the C compiler and linker (repeat)", option_cflags},
    {"static", 0, NULL, "link fully statically", option_is_static},
    {"prefix", 0, "NAME", "prefix of a library's symbols (the output's name)", option_prefix},
    {"keep-source", 0, "FOLDER", "keep the emitted source there", option_keep_source},
    {"jobs", 'j', "N", "C compilers at once (all CPUs)", option_jobs},
    NO_CACHE_ROW,
    {"quiet", 'q', NULL, "print errors only", option_quiet},
    {"verbose", 'v', NULL, "print the C compiler's command lines", option_verbose},
    MAX_MEMORY_ROW,
    PASS_ROWS,
    {"tune", 0, "[=SECONDS]", "time how kernels can be cut, or chosen, for so long (60), and write what won to the lock file",
     option_tune},
    {"lock", 0, "FILE", "do what this file says where a kernel can be cut, or chosen; with --tune, write it (OUT.lock)", option_lock},
    {"threads", 0, "N", "to tune for; default: the CPUs this process may use", option_threads},
    {"seed", 0, "N", "of the random operands that are tuned with (0)", option_seed},
    {"help", 'h', NULL, "this text", option_help},
    {0},
};

static const char usage[] = "sdc compile MODEL.onnx|FOLDER -o OUT [options]";
static const char examples[] =
    "  sdc compile vae_decoder/model.onnx -o decode --dim batch_size=1 --dim latent_height=64 --dim latent_width=64\n"
    "  sdc compile vit.onnx -o vit --shape pixel_values=1x3x224x224 --static\n"
    "  sdc compile stable-diffusion/ -o sd --size 512x512 --default steps=30\n"
    "  sdc compile sdxl-base/ -o sdxl --refiner sdxl-refiner/\n"
    "  sdc compile unet.onnx -o unet --isa x86-64-v3 --keep-source unet.src\n"
    "  sdc compile clip.onnx -o clip-source --emit source --shape input_ids=1x77\n"
    "  sdc compile unet.onnx -o unet --emit lib --prefix net        unet.a, unet.so, unet.h, unet.weights\n"
    "  sdc compile unet.onnx -o unet --tune=300 && sdc compile unet.onnx -o same --lock unet.lock\n";

/* Measure, write what won to the lock file, and let the build follow that, as one from the file alone does. */
static void tune_model(const char *path, bool folder, Options *o, const Isa *isa)
{
    const char *lock = o->lock ? o->lock : text_format("%s.lock", o->output);
    const int unable = sdc_cpu_check(isa->name);
    if (unable)
        exit(unable);
    int count = 1;
    Program *single, **programs = &single;
    o->choices = alloc(sizeof *o->choices);
    Options quiet = *o;
    quiet.quiet = true;
    if (folder) {
        programs = folder_programs(path, &quiet, isa, false, &count);
    } else {
        Bindings bindings = bindings_for(path, o);
        single = compile_within(path, &bindings, "model", isa, o->max_memory, true);
    }
    tune(programs, count, o, isa);
    lock_write(lock, o->choices, isa, o->threads ? (int)o->threads : sdc_default_threads());
    o->choices = lock_read(lock, isa);
}

static void compile_single(const char *path, const Options *o, const BuildOptions *b)
{
    Bindings bindings = bindings_for(path, o);
    Program *p = compile_within(path, &bindings, b->name, b->isa, o->max_memory, b->quiet);
    build(&p, 1, b);
}

int command_compile(int argc, char **argv)
{
    Options o = {0};
    int n;
    char **positional = parse_options(table, &o, argc, argv, &n, usage, examples);
    if (n != 1 || !o.output)
        return sdc_error(SDC_USAGE, "compile takes one model or folder and -o OUT; see sdc compile --help");
    const Isa *isa = read_isa(&o);
    BuildOptions b = build_options(&o, o.output, isa);
    struct stat info;
    if (o.lock && !o.tune)
        o.choices = lock_read(o.lock, isa);
    if (b.kind == EMIT_LIBRARY)
        library_prefix(&b);
    if ((b.prefix && b.kind != EMIT_LIBRARY) || (b.is_static && b.kind == EMIT_LIBRARY))
        return sdc_error(SDC_USAGE, "--prefix is for --emit lib, --static for executables");
    if (b.kind != EMIT_LIBRARY && !stat(b.output, &info) && (S_ISDIR(info.st_mode) != (b.kind == EMIT_SOURCE)))
        return sdc_error(SDC_USAGE, "%s: is %s", b.output,
                         S_ISDIR(info.st_mode) ? "a folder" : "a file; --emit source writes a folder");
    if ((o.threads || o.seed) && !o.tune)
        return sdc_error(SDC_USAGE, "--threads and --seed are for --tune; an executable takes its own when it is run");
    const bool folder = !stat(positional[0], &info) && S_ISDIR(info.st_mode);
    if (!folder && (o.sizes.count || o.batch || o.length || o.text_length || o.prompt_chunks || o.clip_skip ||
                    o.defaults.count || o.refiner || o.clip))
        return sdc_error(SDC_USAGE,
                         "--size, --batch, --length, --text-length, --prompt-chunks, --clip-skip, --default, --refiner "
                         "and --clip are for pipelines; %s is a single model: use --dim or --shape", positional[0]);
    if (o.tune)
        tune_model(positional[0], folder, &o, isa);
    if (folder)
        compile_folder(positional[0], &o, &b);
    else
        compile_single(positional[0], &o, &b);
    if (o.choices && !o.quiet)
        lock_report(o.choices);
    return SDC_OK;
}
