/* clip.c: see clip.h. */
#include "clip.h"

#include "../passes/decompose.h"
#include "../runtime/runtime.h"
#include "components.h"
#include "image_processor.h"
#include "json_file.h"

/* ---- the model -------------------------------------------------------------------------------------------------- */

static Value *needed_input(const Graph *g, const char *name)
{
    int k = graph_find_input(g, name);
    if (k < 0)
        fail(SDC_UNSUPPORTED, "%s: no input '%s': --clip needs a CLIP model with both towers", g->model->path, name);
    return g->inputs[k];
}

/* Only this output is left. */
static Value *only_output(Graph *g, const char *name)
{
    int k = graph_find_output(g, name);
    if (k < 0)
        fail(SDC_UNSUPPORTED, "%s: no output '%s': --clip needs a CLIP model with both towers", g->model->path, name);
    graph_drop_outputs(g);
    return g->outputs[k];
}

/* What the other tower was made of, and the inputs that nobody reads then. */
static void drop_unread(Graph *g)
{
    int count = 0;
    graph_sweep(g);
    for (int k = 0; k < g->n_inputs; k++)
        if (value_is_read(g->inputs[k]))
            g->inputs[count++] = g->inputs[k];
    g->n_inputs = count;
}

static Graph *load(const char *folder)
{
    const char *file = graph_file(folder, "model");
    return onnx_load(file ? file : text_format("%s/model.onnx", folder))->graph;
}

Graph *clip_text_graph(const char *folder, int64_t tokens)
{
    Graph *g = load(folder);
    Value *embeds = only_output(g, "text_embeds");
    needed_input(g, "input_ids");
    graph_output(g, embeds);
    drop_unread(g);
    for (int k = 0; k < g->n_inputs; k++)
        g->inputs[k]->shape = shape_of(2, (int64_t[]){1, tokens});
    return g;
}

/* ---- the picture ------------------------------------------------------------------------------------------------ */

/* Three numbers of a list; those of OpenAI's models where it is absent. */
static void read_triple(const json_t *root, const char *key, const double *otherwise, double *into)
{
    const json_t *list = json_object_get(root, key);
    for (size_t k = 0; k < 3; k++) {
        const json_t *v = json_array_get(list, k);
        into[k] = json_is_number(v) ? json_number_value(v) : otherwise[k];
    }
}

static Value *channel_constant(Graph *g, const double *v)
{
    Tensor *t = alloc(sizeof *t);
    float *data = alloc_array(3, sizeof *data);
    for (int k = 0; k < 3; k++)
        data[k] = (float)v[k];
    *t = (Tensor){.dtype = DT_F32, .shape = shape_of(4, (int64_t[]){1, 3, 1, 1}), .count = 3, .data = data};
    return value_tensor(g, NULL, t);
}

static Value *square_middle(Node *at, Value *x)
{
    const int64_t height = x->shape.dim[2], width = x->shape.dim[3], side = height < width ? height : width;
    const int64_t top = (height - side) / 2, left = (width - side) / 2;
    x = height > side ? make_slice(at, x, 2, top, top + side, 1) : x;
    return width > side ? make_slice(at, x, 3, left, left + side, 1) : x;
}

/* PIL's bicubic filter with antialiasing. */
static Value *resized(Node *at, Value *x, int64_t height, int64_t width)
{
    if (x->shape.dim[2] == height && x->shape.dim[3] == width)
        return x;
    const int64_t size[] = {1, 3, height, width};
    Node *n = begun(at, OP_Resize, 4, (Value *[]){x, NULL, NULL, value_ints(at->graph, size, 4)});
    attr_set_s(n, "mode", "cubic");
    attr_set_i(n, "antialias", 1);
    attr_set_i(n, "exclude_outside", 1);
    attr_set_f(n, "cubic_coeff_a", -0.5);
    return finished(n);
}

/* (x / 2 + 1/2 - mean) / deviation, of what the tower reads. */
static Value *normalised(Node *at, Value *x, const char *folder)
{
    static const double openai_mean[] = {0.48145466, 0.4578275, 0.40821073};
    static const double openai_std[] = {0.26862954, 0.26130258, 0.27577711};
    double mean[3], deviation[3], scale[3], shift[3];
    json_t *config = read_processor_config(folder, NULL);
    read_triple(config, "image_mean", openai_mean, mean);
    read_triple(config, "image_std", openai_std, deviation);
    json_decref(config);
    for (int k = 0; k < 3; k++) {
        scale[k] = 0.5 / deviation[k];
        shift[k] = (0.5 - mean[k]) / deviation[k];
    }
    x = make2(at, OP_Mul, x, channel_constant(at->graph, scale));
    return make2(at, OP_Add, x, channel_constant(at->graph, shift));
}

/* The side of the tower's picture, by the graph or else by config.json. */
static int64_t tower_side(const Value *pixels, const char *folder)
{
    if (pixels->shape.rank != 4)
        fail(SDC_UNSUPPORTED, "%s/model.onnx: pixel_values is no picture [N,3,H,W]", folder);
    if (pixels->shape.dim[2] > 0)
        return pixels->shape.dim[2];
    const char *path = text_format("%s/config.json", folder);
    json_t *config = read_json_if(path);
    int64_t side = json_whole(json_object_get(config, "vision_config"), path, "image_size", 224, 1, 4096);
    json_decref(config);
    return side;
}

static void feed_tower(Graph *g, Value *pixels, const char *folder, int64_t channels, int64_t height, int64_t width)
{
    const int64_t side = tower_side(pixels, folder), three[] = {1, 3, height, width};
    Node *at = g->first;
    Value *x = value_input(g, "sample", DT_F32, shape_of(4, (int64_t[]){1, channels, height, width}));
    x = channels == 1 ? make_expand(at, x, 4, three) : x;
    x = normalised(at, resized(at, square_middle(at, x), side, side), folder);
    value_replace(pixels, x);
}

/* ---- the loss --------------------------------------------------------------------------------------------------- */

static Value *row_length(Graph *g, Value *x)
{
    Value *length = node1(g, NULL, OP_ReduceL2, 2, (Value *[]){x, value_ints(g, &(int64_t){-1}, 1)});
    attr_set_i(length->def, "keepdims", 1);
    return length;
}

static Value *unit(Graph *g, Value *x)
{
    return node1(g, NULL, OP_Div, 2, (Value *[]){x, row_length(g, x)});
}

/* The numbers of an embedding, by the graph or else by config.json. */
static int64_t embedding_width(const Value *embeds, const char *folder)
{
    if (embeds->shape.rank == 2 && embeds->shape.dim[1] > 0)
        return embeds->shape.dim[1];
    const char *path = text_format("%s/config.json", folder);
    json_t *config = read_json_if(path);
    int64_t width = json_whole(config, path, "projection_dim", 512, 1, 1 << 16);
    json_decref(config);
    return width;
}

/* 2 asin(|e - t| / 2)^2: half the square of the angle between them. */
static void add_loss(Graph *g, Value *embeds, const char *folder)
{
    const int64_t width = embedding_width(embeds, folder);
    Value *text = value_input(g, "text_embeds", DT_F32, shape_of(2, (int64_t[]){1, width}));
    Value *apart = node1(g, NULL, OP_Sub, 2, (Value *[]){unit(g, embeds), unit(g, text)});
    Value *half = node1(g, NULL, OP_Mul, 2, (Value *[]){row_length(g, apart), value_float(g, DT_F32, 0.5)});
    Value *angle = node1(g, NULL, OP_Asin, 1, &half);
    Value *square = node1(g, NULL, OP_Mul, 2, (Value *[]){angle, angle});
    Value *twice = node1(g, NULL, OP_Mul, 2, (Value *[]){square, value_float(g, DT_F32, 2)});
    Value *loss = node1(g, NULL, OP_ReduceSum, 1, &twice);
    attr_set_i(loss->def, "keepdims", 0);
    loss->name = "loss";
    graph_output(g, loss);
}

Graph *clip_guide_graph(const char *folder, int64_t channels, int64_t height, int64_t width)
{
    Graph *g = load(folder);
    Value *embeds = only_output(g, "image_embeds");
    feed_tower(g, needed_input(g, "pixel_values"), folder, channels, height, width);
    add_loss(g, embeds, folder);
    drop_unread(g);
    if (g->n_inputs != 2)
        fail(SDC_UNSUPPORTED, "%s: image_embeds depend on input '%s'", g->model->path, g->inputs[0]->name);
    return g;
}
