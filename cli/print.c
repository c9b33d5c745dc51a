/* print: the graph as text, after any pass. */
#include "cli.h"

OPTION_TEXT(after)
OPTION_FLAG(help)

static const SdcOption table[] = {
    {"after", 0, "PASS", "bind, masked, infer, fold, simplify, norm, activation, attention, rotary, "
                          "decompose, projection, gate, concat, precision, hoist, strips or fuse; "
                         "without it as imported", option_after},
    AXIS_ROWS,
    PASS_ROWS,
    {"help", 'h', NULL, "this text", option_help},
    {0},
};

int command_print(int argc, char **argv)
{
    Options o = {0};
    int n;
    char **positional = parse_options(table, &o, argc, argv, &n, "sdc print MODEL.onnx [--after PASS] [options]",
        "  sdc print unet.onnx\n  sdc print vae.onnx --after simplify --shape latent_sample=1x4x64x64\n");
    if (n != 1)
        return sdc_error(SDC_USAGE, "print takes one model; see sdc print --help");
    Model *m = onnx_load(positional[0]);
    if (o.after) {
        Bindings b = bindings_for(positional[0], &o);
        run_passes(m->graph, &b, o.after);
    }
    graph_print(stdout, m->graph);
    return SDC_OK;
}
