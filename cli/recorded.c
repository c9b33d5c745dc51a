/* recorded.c: an ONNX test_data_set folder: input_K.pb and output_K.pb, each a tensor, and what they say about a graph's axes. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verify.h"

Array *array_of(const SdcArray *a)
{
    Shape s = shape_of(a->rank, a->dim);
    return array_from_bytes(a->dtype, &s, a->data);
}

SdcArray array_view(const Array *a)
{
    SdcArray v = {.dtype = a->f ? DT_F64 : DT_I64, .rank = a->shape.rank, .count = a->count, .data = a->f ? (void *)a->f : a->i};
    for (int k = 0; k < v.rank; k++)
        v.dim[k] = a->shape.dim[k];
    return v;
}

/* A half-precision model is judged against the same weights evaluated in f32, where the folder has that. */
Array **recorded_outputs(const Graph *g, const char *folder)
{
    Array **wanted = alloc_array(g->n_outputs + 1, sizeof *wanted);
    int found = 0;
    for (int k = 0; k < g->n_outputs; k++) {
        const char *path = text_format("%s/output_fp32_%d.pb", folder, k);
        SdcArray a;
        if (access(path, F_OK))
            path = text_format("%s/output_%d.pb", folder, k);
        if (access(path, F_OK))
            continue;
        int code = sdc_array_read(&a, path, g->output_names[k]);
        if (code)
            exit(code);
        wanted[k] = array_of(&a);
        sdc_array_free(&a);
        found++;
    }
    if (!found)
        fail(SDC_BAD_INPUT, "%s: holds no output_0.pb", folder);
    return wanted;
}

/* The files' order is the graph's order of inputs, those included that initializers shadow; names decide where given. */
Input *recorded_inputs(const Graph *g, const char *folder)
{
    Input *given = alloc_array(g->n_inputs, sizeof *given);
    bool *found = alloc_array(g->n_inputs + 1, sizeof *found);
    for (int k = 0; k < 1000; k++) {
        const char *path = text_format("%s/input_%d.pb", folder, k);
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
            fail(SDC_BAD_INPUT, "%s: no file holds the input '%s'", folder, g->inputs[j]->name);
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
            shapes[n_shapes++] = (ShapeBinding){g->inputs[k]->name, shape_of(inputs[k].array.rank, inputs[k].array.dim)};
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
