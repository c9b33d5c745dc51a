/* lora_added: LoRA files on compiled executables.
 *
 *      lora_added SDC SOURCE
 *
 * For networks of tiny-sd1 an adapter is made for every weight that has a module, once with kohya's names and once with
 * diffusers'; the executable that it is added to must give the bytes of one compiled from a model whose weights were changed
 * in the file.  Then the recorded files against diffusers' fused outputs, and files that are wrong. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../ir/sdc.h"
#include "../../runtime/lora_file.h"
#include "../../runtime/runtime.h"
#include "executed.h"
#include "harness.h"

enum { RANK = 2, SECONDS = 120 };

static const char unet_shapes[] =
    "--shape sample=2x4x16x16 --shape timestep=scalar --shape encoder_hidden_states=2x77x32";
static const char transformer_shapes[] =
    "--shape hidden_states=1x16x8x8 --shape encoder_hidden_states=1x77x96 --shape pooled_projections=1x64 --shape timestep=1";
static Executed e;
static bool dora;                       /* adapters have magnitudes too */
static int64_t smallest;                /* elements of a weight that gets one */

/* ---- adapters ---------------------------------------------------------------------------------------------------- */

typedef struct { char *header, *data; size_t used, bytes; } File;

static float *add_tensor(File *f, const char *name, int64_t rows, int64_t columns)
{
    const size_t bytes = (size_t)(rows * columns) * sizeof(float);
    char *more = format("%s%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%lld,%lld],\"data_offsets\":[%zu,%zu]}", f->header,
                        *f->header ? "," : "", name, (long long)rows, (long long)columns, f->bytes, f->bytes + bytes);
    free(f->header);
    f->header = more;
    f->data = realloc(f->data, f->bytes + bytes);
    float *values = (float *)(void *)(f->data + f->bytes);
    f->bytes += bytes;
    return values;
}

static void write_file(const File *f, const char *path)
{
    char *header = format("{\"__metadata__\":{\"a\":\"b\\\"}\"},%s}", f->header);
    const uint64_t length = strlen(header);
    char *all = malloc(8 + length + f->bytes);
    memcpy(all, &length, 8);
    memcpy(all + 8, header, length);
    memcpy(all + 8 + length, f->data, f->bytes);
    write_bytes(path, all, 8 + length + f->bytes);
    free(all);
    free(header);
}

static float next_random(void)
{
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return (float)(state >> 8) / 16777216 - 0.5f;
}

/* With DoRA: its magnitudes, twice the norms of an output's weights, and what half of that change makes of these. */
static void scale_rows(File *f, const char *name, float *w, const float *change, int64_t outputs, int64_t inputs)
{
    float *magnitudes = add_tensor(f, format("%s.dora_scale", name), outputs, 1);
    for (int64_t o = 0; o < outputs; o++, w += inputs, change += inputs) {
        double own = 0, all = 0;
        for (int64_t i = 0; i < inputs; i++) {
            own += (double)w[i] * (double)w[i];
            all += ((double)w[i] + (double)change[i]) * ((double)w[i] + (double)change[i]);
        }
        magnitudes[o] = (float)(2 * sqrt(own));
        for (int64_t i = 0; i < inputs; i++)
            w[i] = (float)((double)w[i] / 2 + ((double)w[i] + (double)change[i]) * 2 * sqrt(own) / sqrt(all) / 2);
    }
}

/* One adapter for a weight, and the same change in the copy of the model. */
static void adapt(const Value *v, const char *prefix, bool kohya, File *f, char *copy)
{
    const int64_t *dim = v->shape.dim;
    const int out_axis = v->module->outputs, in_axis = 1 - out_axis;
    const int64_t outputs = dim[out_axis], taps = v->tensor->count / dim[0] / dim[1], inputs = dim[in_axis] * taps;
    char *name = format("%s%s", prefix, v->module->path);
    for (char *p = name + strlen(prefix); kohya && *p; p++)
        *p = *p == '.' ? '_' : *p;
    add_tensor(f, format("%s%s", name, kohya ? ".lora_down.weight" : ".lora_A.weight"), RANK, inputs);
    add_tensor(f, format("%s%s", name, kohya ? ".lora_up.weight" : ".lora_B.weight"), outputs, RANK);
    if (kohya)
        *add_tensor(f, format("%s.alpha", name), 1, 1) = 3;
    float *up = (float *)(void *)(f->data + f->bytes) - (kohya ? 1 : 0) - outputs * RANK, *down = up - RANK * inputs;
    for (int64_t k = 0; k < RANK * (inputs + outputs); k++)
        down[k] = next_random() / 4;
    float *change = calloc((size_t)(outputs * inputs), sizeof *change), *w = calloc((size_t)(outputs * inputs), sizeof *w);
    for (int64_t k = 0; k < outputs * inputs; k++) {
        const int64_t o = k / inputs, i = k % inputs, at = out_axis ? i * outputs + o : k;
        for (int r = 0; r < RANK; r++)
            change[k] += up[o * RANK + r] * down[r * inputs + i];
        memcpy(&w[k], copy + at * 4, 4);
        change[k] *= kohya ? 1.5f : 1;
        w[k] += dora ? 0 : 0.5f * change[k];
    }
    if (dora)
        scale_rows(f, name, w, change, outputs, inputs);
    for (int64_t k = 0; k < outputs * inputs; k++)
        memcpy(copy + (out_axis ? k % inputs * outputs + k / inputs : k) * 4, &w[k], 4);
    free(change);
    free(w);
    free(name);
}

/* Where the tensor's bytes are in the model file. */
static char *place_in(char *model, size_t bytes, const Tensor *t)
{
    char *at = memmem(model, bytes, t->data, (size_t)t->count * 4);
    return at && !memmem(at + 1, bytes - (size_t)(at + 1 - model), t->data, (size_t)t->count * 4) ? at : NULL;
}

static bool seen(Value *const *list, int n, const Value *v)
{
    bool found = false;
    for (int k = 0; k < n; k++)
        found |= list[k] == v;
    return found;
}

/* Adapters for every module of a model and the changed model; how many. */
static int adapt_all(const char *path, const char *prefix, bool kohya, const char *adapters, const char *changed)
{
    size_t bytes;
    char *model = read_text(path, &bytes);
    File f = {.header = format("%s", "")};
    Model *m = onnx_load(path);
    Value *done[1024];
    int count = 0;
    for (Node *n = m->graph->first; n; n = n->next)
        for (int k = 0; k < n->n_in; k++) {
            Value *v = n->in[k];
            if (!v || !v->module || v->module->table || v->tensor->count < smallest || seen(done, count, v))
                continue;
            char *copy = place_in(model, bytes, v->tensor);
            if (copy && count < 1024) {
                adapt(v, prefix, kohya, &f, copy);
                done[count++] = v;
            }
        }
    write_file(&f, adapters);
    write_bytes(changed, model, bytes);
    free(model);
    free(f.header);
    free(f.data);
    return count;
}

static bool same_bytes(const char *a, const char *b)
{
    size_t n, m;
    char *x = read_text(a, &n), *y = read_text(b, &m);
    const bool same = x && y && n == m && !memcmp(x, y, n);
    free(x);
    free(y);
    return same;
}

static char *in(const char *name) { return in_folder(&e, name); }

/* limit: of the distance from weights that were changed before they were rounded, 0: the same bytes. */
static void every_module(const char *model, const char *prefix, bool kohya, int least, const char *output, const char *options,
                         double limit)
{
    const int count = adapt_all(model, prefix, kohya, in("all.safetensors"), in("changed.onnx"));
    printf("%s, %s names: %d modules\n", model, kohya ? "kohya's" : "diffusers'", count);
    check(&e, count >= least, "every module has an adapter");
    compile(&e, model, "given", options);
    compile(&e, in("changed.onnx"), "changed", options);
    check(&e, !run_shell(format("cd %s && ./given -o %s=before.npy && ./changed -o %s=changed.npy && ./given -o %s=after.npy && "
                      "./given --lora all.safetensors:0.5 --threads 1 -o %s=added.npy && ./given --check >check.txt",
                      e.folder, output, output, output, output)), "they run");
    const double d = distance(in("added.npy"), NULL, in("changed.npy"), NULL);
    printf("%s: %.3g from what was compiled in\n", options, d);
    check(&e, limit > 0 ? d < limit : same_bytes(in("added.npy"), in("changed.npy")), "what is added is what was compiled in");
    check(&e, !same_bytes(in("added.npy"), in("before.npy")), "it changes the result");
    check(&e, same_bytes(in("after.npy"), in("before.npy")), "without it the result is what it was");
}

/* ---- the recorded files ------------------------------------------------------------------------------------------ */

/* options: how weights are stored.  more: of integers, how much farther than without a LoRA the result may be; 0: floats. */
static void recorded(const char *data, const char *options, double more)
{
    static const struct { const char *lora, *output; } cases[] = {
        {"", "out_base"}, {"--lora %s/tiny-sd1-lora.safetensors", "out_diffusers_scale1"},
        {"--lora %s/tiny-sd1-lora.safetensors:0.5", "out_diffusers_scale0.5"},
        {"--lora %s/tiny-sd1-lora-kohya.safetensors:1", "out_kohya_alpha3_weight1"},
        {"--lora %s/tiny-sd1-lora.safetensors:0.25 --lora %s/tiny-sd1-lora.safetensors:.25", "out_diffusers_scale0.5"}};
    char *lora_folder = format("%s/tiny-sd1-lora", data), *reference = format("%s/reference.npz", lora_folder);
    double limit = 1e-5;
    compile(&e, format("%s/tiny-sd1/unet/model.onnx", data), "recorded", format("%s %s", unet_shapes, options));
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char lora[512];
        snprintf(lora, sizeof lora, cases[k].lora, lora_folder, lora_folder);
        check(&e, !run_shell(format("cd %s && ./recorded --input sample=%s --input timestep=%s --input encoder_hidden_states=%s -o out_sample=out.npy %s",
                          e.folder, reference, reference, reference, lora)), "it runs");
        const double d = distance(in("out.npy"), NULL, reference, cases[k].output);
        printf("%s%s: %.3g from diffusers' fused weights\n", cases[k].output, options, d);
        limit = more > 0 && !k ? more * d : limit;
        check(&e, d < limit, cases[k].output);
    }
}

/* Of a change from a to b, its part along the change from c to d, as a share of that. */
static double share_of(const char *a, const char *b, const char *c, const char *d)
{
    SdcArray array[4];
    const char *const paths[] = {a, b, c, d};
    double along = 0, all = 0;
    for (int k = 0; k < 4; k++)
        if (sdc_array_read(&array[k], in(paths[k]), NULL))
            return NAN;
    for (int64_t k = 0; k < array[0].count; k++) {
        const float *const values[] = {array[0].data, array[1].data, array[2].data, array[3].data};
        const double change = (double)(values[3][k] - values[2][k]);
        along += (double)(values[1][k] - values[0][k]) * change;
        all += change * change;
    }
    for (int k = 0; k < 4; k++)
        sdc_array_free(&array[k]);
    return along / all;
}

/* Changes much smaller than the distance of two codes: rounding each sum to nearest keeps less than half. */
static void weak_changes(const char *data)
{
    static const char *const options[] = {"", "--weights int8", "--weights int4"}, *const scales[] = {"", "0.02", "0.05"};
    const char *model = format("%s/tiny-sd1/unet/model.onnx", data);
    smallest = 4096;
    check(&e, adapt_all(model, "lora_unet_", true, in("weak.safetensors"), in("changed.onnx")) > 10, "weights are large");
    smallest = 0;
    for (int k = 0; k < 3; k++) {
        compile(&e, model, format("stored%d", k), format("%s %s", unet_shapes, options[k]));
        check(&e, !run_shell(format("cd %s && ./stored%d -o out_sample=plain%d.npy", e.folder, k, k)), "it runs");
        for (int j = 1; j < 3; j++)
            if (!k || k == j)
                check(&e, !run_shell(format("cd %s && ./stored%d --lora weak.safetensors:%s -o out_sample=weak%d-%d.npy", e.folder,
                                            k, scales[j], k, j)), "it runs");
    }
    for (int k = 1; k < 3; k++) {
        const double share = share_of(format("plain%d.npy", k), format("weak%d-%d.npy", k, k), "plain0.npy", format("weak0-%d.npy", k));
        printf("%s, scale %s: %.3g of the change is kept\n", options[k], scales[k], share);
        check(&e, share > 0.8 && share < 1.2, "a weak change is kept");
    }
}

/* ---- adapters of every kind -------------------------------------------------------------------------------------- */

/* tests/lora/adapters (record_adapters.py): LyCORIS's, PEFT's and torch's outputs, of full strength and of 0.7.  Each adapter
 * has a part for all layers of a network that torch.onnx.export(dynamo=True) wrote, whose products have no bias. */
static void every_kind(const char *source)
{
    static const char *const kinds[] = {"locon", "locon_mid", "loha", "loha_tucker", "lokr", "lokr_both", "lokr_tucker",
                                        "lokr_full", "dora_outputs", "dora_inputs", "dokr", "peft", "peft_dora", "half",
                                        "bfloat"};
    const char *folder = format("%s/tests/lora/adapters", source), *reference = format("%s/reference.npz", folder);
    compile(&e, format("%s/net.onnx", folder), "net", "");
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int part = 0; part < 2; part++) {
            const char *name = format("%s_%s", kinds[k], part ? "scaled" : "full");
            check(&e, !run_shell(format("cd %s && ./net --input sample=%s --lora %s/%s.safetensors%s -o out=net.npy", e.folder,
                                        reference, folder, kinds[k], part ? ":0.7" : "")), "it runs");
            const double d = distance(in("net.npy"), NULL, reference, name);
            printf("%s: %.3g from the recorded outputs, %.3g from those without it\n", name, d,
                   distance(in("net.npy"), NULL, reference, "base"));
            check(&e, d < 1e-5, name);
        }
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* The original code's names for two of the recorded network's modules give what diffusers' do. */
static void original_names(void)
{
    static const char *const names[][2] = {
        {"lora_unet_input_blocks_1_0_in_layers_2", "unet.down_blocks.0.resnets.0.conv1"},
        {"lora_unet_input_blocks_3_0_op", "unet.down_blocks.0.downsamplers.0.conv"},
        {"lora_unet_input_blocks_4_1_proj_in", "unet.down_blocks.1.attentions.0.proj_in"},
        {"lora_unet_middle_block_1_proj_out", "unet.mid_block.attentions.0.proj_out"},
        {"lora_unet_middle_block_2_out_layers_3", "unet.mid_block.resnets.1.conv2"},
        {"lora_unet_output_blocks_4_0_skip_connection", "unet.up_blocks.1.resnets.1.conv_shortcut"},
        {"lora_unet_output_blocks_8_1_proj_in", "unet.up_blocks.2.attentions.2.proj_in"},
        {"lora_unet_time_embed_2", "unet.time_embedding.linear_2"},
        {"lora_unet_joint_blocks_3_x_block_attn_proj", "transformer.transformer_blocks.3.attn.to_out.0"},
        {"lora_unet_joint_blocks_3_context_block_mlp_fc2", "transformer.transformer_blocks.3.ff_context.net.2"},
        {"lora_unet_joint_blocks_3_context_block_adaLN_modulation_1", "transformer.transformer_blocks.3.norm1_context.linear"},
        {"lora_unet_x_embedder_proj", "transformer.pos_embed.proj"},
        {"lora_unet_final_layer_linear", "transformer.proj_out"},
        {"text_encoder.text_model.encoder.layers.1.self_attn.to_out", "lora_te_encoder_layers_1_self_attn_out_proj"}};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        SdcAdapters a[2] = {0};
        for (int j = 0; j < 2; j++) {
            File f = {.header = format("%s", "")};
            memset(add_tensor(&f, format("%s.lora_down.weight", names[k][j]), 1, 1), 0, 4);
            memset(add_tensor(&f, format("%s.lora_up.weight", names[k][j]), 1, 1), 0, 4);
            write_file(&f, in("name.safetensors"));
            check(&e, !sdc_adapters_open(&a[j], &(SdcLoraOptions){{in("name.safetensors")}, 1}) && a[j].n == 1, names[k][j]);
        }
        check(&e, !strcmp(a[0].list[0].name, a[1].list[0].name), names[k][0]);
        sdc_adapters_close(&a[0]);
        sdc_adapters_close(&a[1]);
    }
}

/* One adapter by the original code's name in one file, and in the other what diffusers' convert_sd3_transformer_checkpoint
 * makes of such a weight, rows [parts[k]] of `count` equal parts to names[k]. */
static void add_converted(const Graph *g, const char *original, const char *const *names, const int *parts, int targets, int count,
                          File *fused, File *split)
{
    int64_t outputs = 0, inputs = 0;
    for (const Node *n = g->first; n; n = n->next)
        for (int k = 0; k < n->n_in; k++) {
            const Module *m = n->in[k] ? n->in[k]->module : NULL;
            if (m && !strcmp(m->path, names[0])) {
                outputs = n->in[k]->shape.dim[m->outputs];
                inputs = n->in[k]->shape.dim[1 - m->outputs];
            }
        }
    check(&e, outputs > 0, names[0]);
    const int64_t rows = targets > 1 ? outputs : outputs / count, all = rows * count;
    float down[RANK * 256], up[RANK * 4096];
    for (int64_t k = 0; k < RANK * inputs; k++)
        down[k] = next_random();
    for (int64_t k = 0; k < RANK * all; k++)
        up[k] = next_random();
    memcpy(add_tensor(fused, format("lora_unet_%s.lora_down.weight", original), RANK, inputs), down, sizeof *down * (size_t)(RANK * inputs));
    memcpy(add_tensor(fused, format("lora_unet_%s.lora_up.weight", original), all, RANK), up, sizeof *up * (size_t)(RANK * all));
    for (int k = 0; k < targets; k++) {
        const int own = count / targets;
        memcpy(add_tensor(split, format("transformer.%s.lora_A.weight", names[k]), RANK, inputs), down, sizeof *down * (size_t)(RANK * inputs));
        float *to = add_tensor(split, format("transformer.%s.lora_B.weight", names[k]), own * rows, RANK);
        for (int j = 0; j < own; j++)
            memcpy(to + j * rows * RANK, up + parts[k * own + j] * rows * RANK, sizeof *up * (size_t)(rows * RANK));
    }
}

/* Stable Diffusion 3's original code has one layer for queries, keys and values, and scale and shift the other way round. */
static void original_layers(const char *data)
{
    static const char *const picture[] = {"transformer_blocks.0.attn.to_q", "transformer_blocks.0.attn.to_k", "transformer_blocks.0.attn.to_v"};
    static const char *const text[] = {"transformer_blocks.0.attn.add_q_proj", "transformer_blocks.0.attn.add_k_proj",
                                       "transformer_blocks.0.attn.add_v_proj"};
    static const char *const last[] = {"norm_out.linear"}, *const first[] = {"transformer_blocks.0.norm1.linear"};
    static const int thirds[] = {0, 1, 2}, swapped[] = {1, 0}, kept[] = {0};
    const char *model = format("%s/tiny-sd3/transformer/model.onnx", data);
    File fused = {.header = format("%s", "")}, split = fused;
    split.header = format("%s", "");
    const Graph *g = onnx_load(model)->graph;
    add_converted(g, "joint_blocks_0_x_block_attn_qkv", picture, thirds, 3, 3, &fused, &split);
    add_converted(g, "joint_blocks_0_context_block_attn_qkv", text, thirds, 3, 3, &fused, &split);
    add_converted(g, "final_layer_adaLN_modulation_1", last, swapped, 1, 2, &fused, &split);
    add_converted(g, "joint_blocks_0_x_block_adaLN_modulation_1", first, kept, 1, 1, &fused, &split);
    write_file(&fused, in("fused.safetensors"));
    write_file(&split, in("split.safetensors"));
    compile(&e, model, "joint", transformer_shapes);
    check(&e, !run_shell(format("cd %s && ./joint -o out_hidden_states=plain.npy && ./joint --lora fused.safetensors -o out_hidden_states=fused.npy && "
                                "./joint --lora split.safetensors -o out_hidden_states=split.npy", e.folder)), "they run");
    check(&e, same_bytes(in("fused.npy"), in("split.npy")), "layers of the original code are those of diffusers");
    check(&e, !same_bytes(in("fused.npy"), in("plain.npy")), "they change the result");
}

/* ---- wrong files ------------------------------------------------------------------------------------------------- */

static int exit_code(const char *command, char **text)
{
    char *argv[] = {"sh", "-c", (char *)(uintptr_t)command, NULL};
    return run_program(argv, SECONDS, text);
}

/* One line that says so, and that exit code. */
static void refused(const char *file, int code, const char *line)
{
    char *text;
    const int got = exit_code(format("cd %s && ./recorded --lora %s 2>&1", e.folder, file), &text);
    const char *end = strchr(text, '\n');
    const bool good = got == code && strstr(text, line) && end && !end[1];
    if (!good)
        printf("%s: %d, wanted %d '%s': %s\n", file, got, code, line, text);
    check(&e, good, file);
    free(text);
}

static void wrong_files(void)
{
    static const struct { const char *header; int code; const char *line; } headers[] = {
        {"{}", SDC_BAD_INPUT, "has no weights"},
        {"{ ", SDC_BAD_INPUT, "not the JSON"},
        {"[1]", SDC_BAD_INPUT, "not the JSON"},
        {"{\"a\":{\"dtype\":\"F32\"}}", SDC_BAD_INPUT, "lacks a field"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,400]}}", SDC_BAD_INPUT, "outside the file"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", SDC_BAD_INPUT, "suit its shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999,99999999999],\"data_offsets\":[0,4]}}", SDC_BAD_INPUT, "too large"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", SDC_BAD_INPUT, "too long"},
        {"{\"x.oft_blocks\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", SDC_UNSUPPORTED, "x.oft_blocks"},
        {"{\"x.hada_w1_a\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]}}", SDC_BAD_INPUT, "is missing"},
        {"{\"x.dora_scale\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", SDC_BAD_INPUT, "are missing"},
        {"{\"x.lora_mid.weight\":{\"dtype\":\"F32\",\"shape\":[1,1,1],\"data_offsets\":[0,4]},"
         "\"x.lora_A.weight\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
         "\"x.lora_B.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]}}", SDC_BAD_INPUT, "fit together"},
        {"{\"x.lokr_w1\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]},"
         "\"x.hada_w1_b\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]}}", SDC_BAD_INPUT, "another kind"},
        {"{\"conv_in.lokr_w1\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]},"
         "\"conv_in.lokr_w2\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}", SDC_BAD_INPUT, "1 x 2"},
        {"{\"x.lora_A.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]}}", SDC_BAD_INPUT, "is missing"},
        {"{\"x.lora_A.weight\":{\"dtype\":\"I32\",\"shape\":[1,1],\"data_offsets\":[0,4]},"
         "\"x.lora_B.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]}}", SDC_BAD_INPUT, "none of its"},
        {"{\"conv_in.lora_A.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]},"
         "\"conv_in.lora_B.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]}}", SDC_BAD_INPUT, "1 x 1"},
    };
    for (size_t k = 0; k < sizeof headers / sizeof *headers; k++) {
        char bytes[1024] = {0};
        const uint64_t length = strlen(headers[k].header);
        memcpy(bytes, &length, 8);
        memcpy(bytes + 8, headers[k].header, length);
        write_bytes(in("wrong.safetensors"), bytes, 8 + length + 8);
        refused("wrong.safetensors", headers[k].code, headers[k].line);
    }
    write_bytes(in("short.safetensors"), "\377\377\377\377\377\377\377\177{}", 10);
    refused("short.safetensors", SDC_BAD_INPUT, "behind the file");
    refused("absent.safetensors:0.5", SDC_BAD_INPUT, "absent.safetensors: cannot be opened");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 1;
    const char *source = argv[2];
    e.sdc = argv[1];
    struct stat info;
    const char *data = format("%s/../shared/data/models", argv[2]);
    if (stat(format("%s/tiny-sd1-lora", data), &info)) {
        printf("skipped: 3 groups of cases need %s\n", data);
        return EXIT_SKIPPED;
    }
    e.folder = work_folder("lora");
    char *text = format("%s/tiny-sd1/text_encoder/model.onnx", data);
    every_module(format("%s/tiny-sd1/unet/model.onnx", data), "lora_unet_", true, 132, "out_sample", unet_shapes, 0);
    every_module(text, "text_encoder.text_model.", false, 18, "last_hidden_state", "--shape input_ids=1x77", 0);
    every_module(text, "lora_te_text_model_", true, 18, "last_hidden_state", "--shape input_ids=1x77 --dtype bf16", 1e-2);
    every_module(format("%s/tiny-sd1/unet/model.onnx", data), "lora_unet_", true, 132, "out_sample",
                 "--shape sample=1x4x64x64 --shape timestep=scalar --shape encoder_hidden_states=1x77x32 --pack winograd", 1e-5);
    dora = true;
    every_module(format("%s/tiny-sd1/unet/model.onnx", data), "lora_unet_", true, 132, "out_sample", unet_shapes, 1e-5);
    every_module(format("%s/tiny-sd1/unet/model.onnx", data), "lora_unet_", true, 132, "out_sample",
                 "--shape sample=1x4x64x64 --shape timestep=scalar --shape encoder_hidden_states=1x77x32 --pack winograd", 1e-5);
    dora = false;
    every_module(format("%s/tiny-sd3/transformer/model.onnx", data), "transformer.", false, 40, "out_hidden_states",
                 transformer_shapes, 0);
    every_module(format("%s/tiny-sd3/text_encoder_3/model.onnx", data), "lora_te3_", true, 14, "last_hidden_state",
                 "--shape input_ids=1x77", 0);
    every_module(format("%s/tiny-sd3/text_encoder_2/model.onnx", data), "lora_te2_", true, 14, "last_hidden_state",
                 "--shape input_ids=1x77", 0);
    every_module(format("%s/dynamo/clip-text-dynamo18/model.onnx", data), "lora_te_text_model_", true, 12, "last_hidden_state",
                 "--shape input_ids=1x77", 0);
    original_layers(data);
    recorded(data, "--weights int8", 1.1);
    recorded(data, "--weights int8:64", 1.1);
    recorded(data, "--weights int4", 1.1);
    recorded(data, "--weights int4 --dtype bf16", 1.1);
    /* The ranges of images are those without a LoRA, whose outputs differ by 0.78. */
    recorded(data, format("--dtype int8 --calibrate %s/tiny-sd1-lora/reference.npz", data), 1.3);
    recorded(data, "", 0);
    weak_changes(data);
    every_kind(source);
    original_names();
    wrong_files();
    return conclude(&e);
}
