/* pipeline.c: see pipeline.h. */
#include "pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "../runtime/array_io.h"

/* ---- settings --------------------------------------------------------------------------------------------------- */

bool pipeline_setting(const char *key, char *into, size_t room)
{
    SdcSection s = sdc_section("pipeline");
    const char *line = s.data, *end = line ? line + s.bytes : NULL;
    size_t name = strlen(key);
    while (line && line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((stop ? stop : end) - line);
        if (n > name && line[name] == '=' && !memcmp(line, key, name)) {
            const char *value = line + name + 1;
            n -= name + 1;
            if (!n || n >= room || (n == 4 && !memcmp(value, "null", 4)))
                return false;
            memcpy(into, value, n);
            into[n] = 0;
            return true;
        }
        line += n + 1;
    }
    return false;
}

double pipeline_number(const char *key, double otherwise)
{
    char text[64], *end;
    if (!pipeline_setting(key, text, sizeof text))
        return otherwise;
    double value = strtod(text, &end);
    return *end ? otherwise : value;
}

/* ---- programs --------------------------------------------------------------------------------------------------- */

static bool is_component(const char *program, const char *component)
{
    size_t n = strlen(component);
    return !strncmp(program, component, n) && (program[n] == 0 || program[n] == '@');
}

const SdcProgram *pipeline_nth(const char *component, int k)
{
    for (int i = 0; i < sdc_model.n_programs; i++)
        if (is_component(sdc_model.programs[i]->name, component) && k-- == 0)
            return sdc_model.programs[i];
    return NULL;
}

const SdcTensor *pipeline_tensor(const SdcTensor *t, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(t[i].name, name))
            return &t[i];
    return NULL;
}

/* Less is better: runs needed, then rows computed for nothing. */
static int64_t cost(int64_t batch, int64_t rows)
{
    int64_t runs = (rows + batch - 1) / batch;
    return runs * batch * 4096 + runs;
}

const SdcProgram *pipeline_program(const char *component, const char *input, int64_t rows, int64_t height,
                                   int64_t width)
{
    const SdcProgram *best = NULL, *p;
    int64_t best_cost = INT64_MAX;
    for (int k = 0; (p = pipeline_nth(component, k)); k++) {
        const SdcTensor *t = pipeline_tensor(p->inputs, p->n_inputs, input);
        if (!t || t->rank < 1 || t->dim[0] < 1)
            continue;
        if (height && (t->rank != 4 || t->dim[2] != height || t->dim[3] != width))
            continue;
        if (cost(t->dim[0], rows) < best_cost) {
            best = p;
            best_cost = cost(t->dim[0], rows);
        }
    }
    return best;
}

static int need(const SdcProgram *p, const SdcTensor *found, const char *kind, const char *name, int rank,
                const SdcTensor **t)
{
    if (!found)
        return sdc_error(SDC_UNSUPPORTED, "%s has no %s '%s'", p->name, kind, name);
    if (rank >= 0 && found->rank != rank)
        return sdc_error(SDC_UNSUPPORTED, "%s: %s '%s' has %d dimensions, not %d", p->name, kind, name, found->rank,
                         rank);
    *t = found;
    return SDC_OK;
}

int pipeline_input(const SdcProgram *p, const char *name, int rank, const SdcTensor **t)
{
    return need(p, pipeline_tensor(p->inputs, p->n_inputs, name), "input", name, rank, t);
}

int pipeline_output(const SdcProgram *p, const char *name, int rank, const SdcTensor **t)
{
    return need(p, pipeline_tensor(p->outputs, p->n_outputs, name), "output", name, rank, t);
}

/* ---- tensors ---------------------------------------------------------------------------------------------------- */

int64_t tensor_count(const SdcTensor *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= t->dim[i];
    return n;
}

int64_t tensor_row(const SdcTensor *t)
{
    return t->rank && t->dim[0] ? tensor_count(t) / t->dim[0] : 1;
}

static char *element(const SdcContext *c, const SdcTensor *t, int64_t start)
{
    return c->arena + t->offset + start * dtype_info(t->dtype)->bytes;
}

static void put(const SdcTensor *t, char *at, double value)
{
    if (dtype_is_float(t->dtype))
        dtype_store_f(t->dtype, at, value);
    else
        dtype_store_i(t->dtype, at, (int64_t)value);
}

void tensor_put(const SdcContext *c, const SdcTensor *t, int64_t start, const float *values, int64_t n)
{
    char *at = element(c, t, start);
    if (t->dtype == DT_F32) {
        memcpy(at, values, (size_t)n * sizeof *values);
        return;
    }
    for (int64_t i = 0; i < n; i++, at += dtype_info(t->dtype)->bytes)
        put(t, at, (double)values[i]);
}

void tensor_put_ids(const SdcContext *c, const SdcTensor *t, int64_t start, const int64_t *values, int64_t n)
{
    char *at = element(c, t, start);
    for (int64_t i = 0; i < n; i++, at += dtype_info(t->dtype)->bytes)
        put(t, at, (double)values[i]);
}

void tensor_get(const SdcContext *c, const SdcTensor *t, int64_t start, float *values, int64_t n)
{
    const char *at = element(c, t, start);
    if (t->dtype == DT_F32) {
        memcpy(values, at, (size_t)n * sizeof *values);
        return;
    }
    for (int64_t i = 0; i < n; i++, at += dtype_info(t->dtype)->bytes)
        values[i] = (float)(dtype_is_float(t->dtype) ? dtype_load_f(t->dtype, at) : (double)dtype_load_i(t->dtype, at));
}

void tensor_fill(const SdcContext *c, const SdcTensor *t, double value)
{
    char *at = element(c, t, 0);
    for (int64_t i = 0, n = tensor_count(t); i < n; i++, at += dtype_info(t->dtype)->bytes)
        put(t, at, value);
}

void tensor_repeat(const SdcContext *c, const SdcTensor *t, const float *values, int64_t n)
{
    for (int64_t row = 0; row < t->dim[0]; row++)
        tensor_put(c, t, row * n, values, n);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static int finished(const SdcContext *c, const SdcProgram *p, int code)
{
    return code ? sdc_error(code, "%s: %s", p->name, c->error) : SDC_OK;
}

int pipeline_run(SdcContext *c, const SdcProgram *p)
{
    return finished(c, p, sdc_instance_run(c, p));
}

int pipeline_prompt(SdcContext *c, const SdcProgram *p)
{
    return p->prompt ? finished(c, p, p->prompt(c)) : SDC_OK;
}

int pipeline_step(SdcContext *c, const SdcProgram *p)
{
    return finished(c, p, p->run(c));
}

/* Rows behind the last evaluation repeat it. */
static void put_timesteps(const SdcContext *c, const SdcTensor *t, const double *timesteps, int64_t count)
{
    int64_t row = tensor_row(t);
    for (int64_t k = 0; k < t->dim[0]; k++)
        for (int64_t i = 0; i < row; i++)
            put(t, element(c, t, k * row + i), timesteps[k < count ? k : count - 1]);
}

int pipeline_timestep(SdcContext *c, const SdcProgram *p, PipelineTables *t, const double *timesteps, int64_t count,
                      int64_t at)
{
    if (!p->n_tables)
        return SDC_OK;
    int code = SDC_OK;
    if (t->first < 0 || at < t->first || at >= t->first + p->tables[0].dim[0]) {
        double start = sdc_now();
        for (int k = 0; k < p->n_tables; k++)
            put_timesteps(c, &p->tables[k], timesteps + at, count - at);
        code = p->table ? finished(c, p, p->table(c)) : SDC_OK;
        t->first = code ? -1 : at;
        t->seconds += sdc_now() - start;
    }
    c->row = at - t->first;
    return code;
}

int pipeline_tokens(const Tokenizer *t, const char *what, const char *text, int64_t length, Tokens *tokens)
{
    int code = tokenizer_encode(t, text, (int64_t)strlen(text), length, true, tokens);
    if (!code && tokens->cut)
        sdc_error(0, "warning: %s has %lld tokens, %lld are read; left out: '%s'", what, (long long)tokens->tokens,
                  (long long)length, tokens->cut);
    return code;
}

void pipeline_guide(float *out, const float *negative, const float *prompt, float scale, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = negative[i] + scale * (prompt[i] - negative[i]);
}

int pipeline_floats(float **p, int64_t n)
{
    *p = n < INT64_MAX / 8 ? calloc((size_t)n + 1, sizeof **p) : NULL;
    return *p ? SDC_OK : sdc_error(SDC_NO_SPACE, "out of memory");
}

static bool ends_in(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && !strcasecmp(path + n - m, suffix);
}

bool pipeline_is_array(const char *path)
{
    return ends_in(path, ".npy") || ends_in(path, ".npz") || strstr(path, ".npz:");
}

int pipeline_array(const char *path, const char *name, const int64_t dim[4], float *values)
{
    SdcArray a = {0};
    int code = sdc_array_read(&a, path, name);
    if (code)
        return code;
    const int64_t *last = a.dim + a.rank - 3;
    if (a.dtype == DT_F32 && a.rank >= 3 && a.count == dim[0] * dim[1] * dim[2] * dim[3] && last[0] == dim[1] &&
        last[1] == dim[2] && last[2] == dim[3])
        memcpy(values, a.data, (size_t)a.count * sizeof *values);
    else
        code = sdc_error(SDC_BAD_INPUT, "%s: not float32 [%lld,%lld,%lld,%lld]", path, (long long)dim[0],
                         (long long)dim[1], (long long)dim[2], (long long)dim[3]);
    sdc_array_free(&a);
    return code;
}
