/* recorded.c: recorded inputs and outputs, and what they say about a graph's axes: an ONNX test_data_set folder
 * (input_K.pb and output_K.pb, each a tensor), or one .npz whose members have the names of the graph's inputs and
 * outputs. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../runtime/array_io.h"
#include "verify.h"

static bool is_npz(const char *path)
{
    size_t length = strlen(path);
    return length > 4 && !strcmp(path + length - 4, ".npz");
}

static bool has_member(const char *path, const char *name)
{
    char **names;
    int count, code = sdc_npz_names(path, &names, &count);
    bool found = false;
    if (code)
        exit(code);
    for (int k = 0; k < count; k++)
        found |= !strcmp(names[k], name);
    free(names);
    return found;
}

Array *array_of(const SdcArray *a)
{
    Shape s = shape_of(a->rank, a->dim);
    return array_from_bytes(a->dtype, &s, a->data);
}

SdcArray array_view(const Array *a)
{
    SdcArray v = {
        .dtype = a->f ? DT_F64 : DT_I64, .rank = a->shape.rank, .count = a->count, .data = a->f ? (void *)a->f : a->i};
    for (int k = 0; k < v.rank; k++)
        v.dim[k] = a->shape.dim[k];
    return v;
}

/* A half-precision model is judged against the same weights evaluated in f32, where the folder has that. */
static const char *output_path(const Graph *g, const char *data, int k)
{
    if (is_npz(data))
        return has_member(data, g->output_names[k]) ? data : NULL;
    const char *path = text_format("%s/output_fp32_%d.pb", data, k);
    if (access(path, F_OK))
        path = text_format("%s/output_%d.pb", data, k);
    return access(path, F_OK) ? NULL : path;
}

Array **recorded_outputs(const Graph *g, const char *data)
{
    Array **wanted = alloc_array(g->n_outputs + 1, sizeof *wanted);
    int found = 0;
    for (int k = 0; k < g->n_outputs; k++) {
        const char *path = output_path(g, data, k);
        SdcArray a;
        if (!path)
            continue;
        int code = sdc_array_read(&a, path, g->output_names[k]);
        if (code)
            exit(code);
        wanted[k] = array_of(&a);
        sdc_array_free(&a);
        found++;
    }
    if (!found)
        fail(SDC_BAD_INPUT, "%s: holds no %s", data,
             is_npz(data) ? "member that is named as an output" : "output_0.pb");
    return wanted;
}

static Input *npz_inputs(const Graph *g, const char *path)
{
    Input *given = alloc_array(g->n_inputs, sizeof *given);
    for (int k = 0; k < g->n_inputs; k++) {
        int code = sdc_array_read(&given[k].array, path, g->inputs[k]->name);
        if (code)
            exit(code);
        given[k].path = path;
    }
    return given;
}

/* The files' order is the graph's order of inputs, with those that initializers shadow; names decide where given. */
Input *recorded_inputs(const Graph *g, const char *data)
{
    if (is_npz(data))
        return npz_inputs(g, data);
    Input *given = alloc_array(g->n_inputs, sizeof *given);
    bool *found = alloc_array(g->n_inputs + 1, sizeof *found);
    for (int k = 0; k < 1000; k++) {
        const char *path = text_format("%s/input_%d.pb", data, k);
        if (access(path, R_OK))
            break;
        SdcArray a;
        int code = sdc_array_read(&a, path, NULL), at = -1;
        if (code)
            exit(code);
        for (int j = 0; j < g->n_inputs; j++)
            if (a.name && g->inputs[j]->name && !strcmp(a.name, g->inputs[j]->name))
                at = j;
        if (at < 0 && k < g->n_inputs && !found[k])
            at = k;
        if (at < 0)
            continue;
        given[at] = (Input){a, path};
        found[at] = true;
    }
    for (int j = 0; j < g->n_inputs; j++)
        if (!found[j])
            fail(SDC_BAD_INPUT, "%s: no file holds the input '%s'", data, g->inputs[j]->name);
    return given;
}

void bind_to_data(const Graph *g, const Input *inputs, const bool *as_constant, Bindings *b)
{
    ShapeBinding *shapes = alloc_array(g->n_inputs, sizeof *shapes);
    ValueBinding *values = alloc_array(g->n_inputs + b->n_values, sizeof *values);
    int n_shapes = 0, n_values = 0;
    for (int k = 0; k < b->n_values; k++)
        values[n_values++] = b->values[k];
    for (int k = 0; k < g->n_inputs; k++) {
        bool bound = false;
        for (int j = 0; j < b->n_values; j++)
            bound |= !strcmp(b->values[j].name, g->inputs[k]->name);
        if (bound)
            continue;
        if (as_constant[k])
            values[n_values++] = (ValueBinding){g->inputs[k]->name, tensor_of_array(&inputs[k].array)};
        else
            shapes[n_shapes++] =
                (ShapeBinding){g->inputs[k]->name, shape_of(inputs[k].array.rank, inputs[k].array.dim)};
    }
    b->shapes = shapes;
    b->n_shapes = n_shapes;
    b->values = values;
    b->n_values = n_values;
}

Input *still_inputs(const Graph *g, const Input *given, const Value *const *before)
{
    Input *left = alloc_array(g->n_inputs + 1, sizeof *left);
    for (int k = 0; k < g->n_inputs; k++)
        for (int j = 0; before[j]; j++)
            if (before[j] == g->inputs[k])
                left[k] = given[j];
    return left;
}
