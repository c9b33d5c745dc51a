/* main: the commands of sdc.
 *
 *      compile:  onnx_load -> run_passes -> lower_graph -> plan_program -> build (pack, emit, cc) */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "version.h"

/* The runtime's messages begin with the model's name; in the compiler that is sdc itself. */
const SdcModel sdc_model = {.name = "sdc", .version = SDC_VERSION};

static const Command commands[] = {
    {"compile", "a model or a pipeline's folder to an executable, a library or source", command_compile},
    {"inspect", "inputs, outputs, operators, parameters, what is unsupported", command_inspect},
    {"verify", "compare with recorded outputs or with the oracle", command_verify},
    {"print", "the graph as text, after any pass", command_print},
    {"explain", "what is fused, what is not and why, and what that saves", command_explain},
    {"bench", "time with and without fusion, by kernel and by fusion; a report", command_bench},
};

static void help(FILE *out)
{
    fputs("sdc compiles diffusion models (ONNX) to stand-alone executables.\n\nUsage: sdc COMMAND [options]\n\n", out);
    for (size_t k = 0; k < sizeof commands / sizeof *commands; k++)
        fprintf(out, "  %-9s %s\n", commands[k].name, commands[k].summary);
    fputs("\nsdc COMMAND --help shows a command's options and examples; sdc --version the version.\n\nExamples:\n"
          "  sdc inspect unet.onnx\n"
          "  sdc compile unet.onnx -o unet --shape sample=2x4x64x64 --shape timestep=scalar "
          "--shape encoder_hidden_states=2x77x768\n"
          "  sdc compile stable-diffusion/ -o sd && ./sd --prompt \"a crab\" -o crab.png\n\n"
          "Exit codes: 0 done, 1 wrong usage, 2 bad input, 3 unsupported, 4 out of memory or disk, "
          "5 the C compiler failed, 70 a bug of sdc.\n", out);
}

/* Standard output is a result like a file: what did not fit is an error. */
static int flushed(int code)
{
    if (!fflush(stdout) && !ferror(stdout))
        return code;
    return code ? code : sdc_error(SDC_NO_SPACE, "standard output: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return SDC_USAGE;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("sdc %s\n", SDC_VERSION);
        return flushed(SDC_OK);
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        help(stdout);
        return flushed(SDC_OK);
    }
    for (size_t k = 0; k < sizeof commands / sizeof *commands; k++)
        if (!strcmp(argv[1], commands[k].name))
            return flushed(commands[k].run(argc - 1, argv + 1));
    return sdc_error(SDC_USAGE, "'%s' is not a command; there are compile, inspect, verify, print, explain, bench "
                     "(see sdc --help)", argv[1]);
}
