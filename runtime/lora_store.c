/* lora_store.c: see lora_store.h.  All of it walks over the nests of a layout: a visitor gets the innermost loop. */
#include "lora_store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dtype_bits.h"
#include "weight_code.h"

typedef struct Walk Walk;
typedef void Visit(const Walk *w, const SdcNest *n, int64_t to, int64_t from);
struct Walk {
    Visit *visit;
    const SdcNest *nest;
    const SdcLayout *layout;
    DType dtype;
    char *packed;                   /* only read, or this process's own */
    float *values;                  /* of the constant's elements */
    const float *change;
    double matrix[SDC_SIDE * SDC_KERNEL_SIDE];      /* of Winograd's transform [side][3], or of its inverse [3][side] */
};

/* The innermost loop of a nest without loops is one element. */
static int64_t loops(const SdcNest *n) { return n->levels ? n->count[0] : 1; }
static int64_t to_step(const SdcNest *n) { return n->levels ? n->to_step[0] : 0; }
static int64_t from_step(const SdcNest *n) { return n->levels ? n->from_step[0] : 0; }

static void walk_levels(const Walk *w, int64_t levels, int64_t to, int64_t from)
{
    const SdcNest *n = w->nest;
    if (levels < 2) {
        w->visit(w, n, to, from);
        return;
    }
    for (int64_t k = 0; k < n->count[levels - 1]; k++)
        walk_levels(w, levels - 1, to + k * n->to_step[levels - 1], from + k * n->from_step[levels - 1]);
}

/* Iterations of the outermost loop: no two write to the same byte. */
static void walk_part(void *argument, int64_t begin, int64_t end)
{
    const Walk *w = argument;
    const SdcNest *n = w->nest;
    const int64_t top = n->levels - 1;
    for (int64_t k = begin; top > 0 && k < end; k++)
        walk_levels(w, top, n->to + k * n->to_step[top], n->from + k * n->from_step[top]);
    if (top <= 0)
        w->visit(w, n, n->to, n->from);
}

static void walk(Walk w, Visit *visit, const SdcNest *first, int64_t count, SdcPool *pool)
{
    w.visit = visit;
    for (w.nest = first; w.nest < first + count; w.nest++) {
        const int64_t levels = w.nest->levels;
        sdc_parallel(&(SdcContext){.pool = pool}, walk_part, &w, levels > 1 ? w.nest->count[levels - 1] : 1);
    }
}

/* ---- floats ------------------------------------------------------------------------------------------------------ */

static void read_floats(const Walk *w, const SdcNest *n, int64_t to, int64_t from)
{
    const int64_t size = dtype_info(w->dtype)->bytes;
    for (int64_t k = 0; k < loops(n); k++)
        w->values[from + k * from_step(n)] = (float)dtype_load_f(w->dtype, w->packed + (to + k * to_step(n)) * size);
}

/* Where the change is 0, also of what is another module's, it keeps its bits. */
static void add_floats(const Walk *w, const SdcNest *n, int64_t to, int64_t from)
{
    const int64_t size = dtype_info(w->dtype)->bytes;
    for (int64_t k = 0; k < loops(n); k++) {
        char *packed = w->packed + (to + k * to_step(n)) * size;
        const float change = w->change[from + k * from_step(n)];
        if (change == 0)
            continue;
        if (w->dtype == DT_F32)
            *(float *)(void *)packed += change;
        else
            dtype_store_f(w->dtype, packed, dtype_load_f(w->dtype, packed) + (double)change);
    }
}

/* ---- integers ---------------------------------------------------------------------------------------------------- */

enum { BYTE = 8, NIBBLE = 4 };

static void read_codes(const Walk *w, const SdcNest *n, int64_t to, int64_t from)
{
    const int8_t *codes = (const int8_t *)w->packed;
    for (int64_t k = 0; k < loops(n); k++) {
        const int64_t at = to + k * to_step(n);
        const int high = codes[at / 2] >> NIBBLE, low = (int8_t)(uint8_t)(codes[at / 2] << NIBBLE) >> NIBBLE;
        w->values[from + k * from_step(n)] = (float)(w->layout->bits == BYTE ? codes[at] : at % 2 ? high : low);
    }
}

static void write_codes(const Walk *w, const SdcNest *n, int64_t to, int64_t from)
{
    uint8_t *codes = (uint8_t *)w->packed;
    for (int64_t k = 0; k < loops(n); k++) {
        const int64_t at = to + k * to_step(n);
        const uint8_t code = (uint8_t)(int8_t)w->values[from + k * from_step(n)];
        const int shift = (int)(at % 2) * NIBBLE, mask = 0x0f << shift;
        if (w->layout->bits == BYTE)
            codes[at] = code;
        else
            codes[at / 2] = (uint8_t)((codes[at / 2] & ~mask) | (code << shift & mask));
    }
}

static float scale_at(const Walk *w, int64_t to)
{
    return dt_load_bf16(((const uint16_t *)(const void *)w->packed)[to]);
}

/* Codes become weights. */
static void apply_scale(const Walk *w, const SdcNest *n, int64_t to, int64_t from)
{
    for (int64_t k = 0; k < loops(n); k++)
        w->values[from + k * from_step(n)] *= scale_at(w, to);
}

/* A group's elements: what they were, and what they become. */
typedef struct { const Walk *walk; const SdcNest *nest; int64_t from; float before, after; } Group;

static int64_t element(const Group *g, int64_t k) { return g->from + k * from_step(g->nest); }

static double sum_at(const Group *g, int64_t k)
{
    const Walk *w = g->walk;
    return (double)w->values[element(g, k)] * (double)g->before + (double)w->change[element(g, k)];
}

/* How much of the change the codes nearest to the sums keep: its projection on the change, of which 1 is all. */
static double kept_change(const Group *g)
{
    const Walk *w = g->walk;
    double kept = 0, all = 0;
    for (int64_t k = 0; k < loops(g->nest); k++) {
        const double change = (double)w->change[element(g, k)], sum = sum_at(g, k);
        const double stored = weight_code(sum, g->after, w->layout->bits) * (double)g->after;
        kept += (stored - sum + change) * change;
        all += change * change;
    }
    return kept / all;
}

/* Weights lie on the grid of their codes, so a change of less than half a step would be lost as a whole, although all of a
 * row share in it: then what rounding leaves goes to the next element, and groups begin at places spread over a step. */
static void choose_codes(const Group *g)
{
    static const double enough = 0.8, golden = 0.6180339887498949;
    const Walk *w = g->walk;
    const bool carries = kept_change(g) < enough;
    const double step = (double)g->after;
    double left = carries ? (fmod((double)g->from * golden, 1) - 0.5) * step : 0;
    for (int64_t k = 0; k < loops(g->nest); k++) {
        const double wanted = sum_at(g, k) + left;
        const int code = weight_code(wanted, g->after, w->layout->bits);
        const double rest = wanted - code * step;
        left = carries ? rest > step ? step : rest < -step ? -step : rest : 0;
        w->values[element(g, k)] = (float)code;
    }
}

/* Codes become those of the sum. */
static void change_group(const Walk *w, const SdcNest *n, int64_t to, int64_t from)
{
    Group g = {.walk = w, .nest = n, .from = from, .before = scale_at(w, to)};
    bool changes = false;
    double largest = 0;
    for (int64_t k = 0; k < loops(n); k++) {
        const double sum = fabs(sum_at(&g, k));
        changes |= w->change[element(&g, k)] != 0;
        largest = sum > largest ? sum : largest;
    }
    if (!changes)
        return;
    g.after = weight_scale(largest, w->layout->bits);
    ((uint16_t *)(void *)w->packed)[to] = dt_bf16_from_f(g.after);
    choose_codes(&g);
}

/* ---- kernels that are stored transformed, U = G W transposed(G) -------------------------------------------------- */

enum { SIDE = SDC_KERNEL_SIDE };

/* to [rows][columns] = a [rows][count] b [count][columns], steps of a and b given. */
static void multiply(double *to, const double *a, int64_t a_row, int64_t a_step, const double *b, int64_t b_step,
                     int64_t b_column, int64_t rows, int64_t columns, int64_t count)
{
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < columns; x++) {
            double sum = 0;
            for (int64_t k = 0; k < count; k++)
                sum += a[y * a_row + k * a_step] * b[k * b_step + x * b_column];
            to[y * columns + x] = sum;
        }
}

static void matrix_of(const SdcLayout *l, double g[SDC_SIDE * SIDE])
{
    for (int64_t k = 0; k < l->side * SIDE; k++)
        g[k] = (double)l->transform[k / SIDE][k % SIDE];
}

/* The matrix [SIDE][side] that takes G back: inverse(transposed(G) G) transposed(G). */
static void matrix_back(const SdcLayout *l, double back[SIDE * SDC_SIDE])
{
    double g[SDC_SIDE * SIDE], m[SIDE * SIDE], inverse[SIDE * SIDE], determinant = 0;
    matrix_of(l, g);
    multiply(m, g, 1, SIDE, g, SIDE, 1, SIDE, SIDE, l->side);
    for (int k = 0; k < SIDE * SIDE; k++) {
        const int y = k / SIDE, x = k % SIDE;
        const int y1 = (y + 1) % SIDE, y2 = (y + 2) % SIDE, x1 = (x + 1) % SIDE, x2 = (x + 2) % SIDE;
        inverse[x * SIDE + y] = m[y1 * SIDE + x1] * m[y2 * SIDE + x2] - m[y1 * SIDE + x2] * m[y2 * SIDE + x1];
        determinant += y ? 0 : m[x] * inverse[x * SIDE];
    }
    for (int k = 0; k < SIDE * SIDE; k++)
        inverse[k] /= determinant;
    multiply(back, inverse, SIDE, 1, g, 1, SIDE, SIDE, l->side, SIDE);
}

static void read_kernel(const Walk *w, const SdcNest *n, int64_t to, int64_t from)
{
    const int64_t side = w->layout->side;
    const double *back = w->matrix;
    double u[SDC_SIDE * SDC_SIDE], half[SIDE * SDC_SIDE], kernel[SIDE * SIDE];
    const float *packed = (const float *)(const void *)w->packed;
    for (int64_t k = 0; k < side * side; k++)
        u[k] = (double)packed[to + k * n->to_step[0]];
    multiply(half, back, side, 1, u, side, 1, SIDE, side, side);
    multiply(kernel, half, side, 1, back, 1, side, SIDE, SIDE, side);
    for (int64_t k = 0; k < SIDE * SIDE; k++)
        w->values[from + k] = (float)kernel[k];
}

static void add_kernel(const Walk *w, const SdcNest *n, int64_t to, int64_t from)
{
    const int64_t side = w->layout->side;
    const double *g = w->matrix;
    double kernel[SIDE * SIDE], half[SDC_SIDE * SIDE], u[SDC_SIDE * SDC_SIDE];
    float *packed = (float *)(void *)w->packed;
    bool changes = false;
    for (int64_t k = 0; k < SIDE * SIDE; k++) {
        kernel[k] = (double)w->change[from + k];
        changes |= w->change[from + k] != 0;
    }
    if (!changes)
        return;
    multiply(half, g, SIDE, 1, kernel, SIDE, 1, side, SIDE, SIDE);
    multiply(u, half, SIDE, 1, g, 1, SIDE, side, side, SIDE);
    for (int64_t k = 0; k < side * side; k++) {
        float *at = packed + to + k * n->to_step[0];
        *at = (float)((double)*at + u[k]);
    }
}

/* ---- all kinds --------------------------------------------------------------------------------------------------- */

void sdc_store_read(const SdcOriginTable *t, const SdcOrigin *o, SdcPool *pool, float *constant)
{
    const SdcLayout *l = &t->layouts[o->layout];
    Walk w = {.layout = l, .dtype = (DType)o->dtype, .values = constant,
              .packed = (char *)(uintptr_t)sdc_section("weights").data + o->offset};
    if (l->side)
        matrix_back(l, w.matrix);
    walk(w, l->bits ? read_codes : l->side ? read_kernel : read_floats, t->nests + l->nest, l->nests, pool);
    walk(w, apply_scale, t->nests + l->scale, l->scales, pool);
}

static int add_codes(const SdcOriginTable *t, const SdcLayout *l, Walk w, SdcPool *pool)
{
    w.values = calloc((size_t)l->elements, sizeof *w.values);
    if (!w.values)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    walk(w, read_codes, t->nests + l->nest, l->nests, pool);
    walk(w, change_group, t->nests + l->scale, l->scales, pool);
    walk(w, write_codes, t->nests + l->nest, l->nests, pool);
    free(w.values);
    return SDC_OK;
}

int sdc_store_add(const SdcOriginTable *t, const SdcOrigin *o, SdcPool *pool, const float *change)
{
    const SdcLayout *l = &t->layouts[o->layout];
    Walk w = {.layout = l, .dtype = (DType)o->dtype, .change = change,
              .packed = sdc_weights_private(o->offset, o->bytes)};
    if (!w.packed)
        return SDC_NO_SPACE;
    if (l->bits)
        return add_codes(t, l, w, pool);
    matrix_of(l, w.matrix);
    walk(w, l->side ? add_kernel : add_floats, t->nests + l->nest, l->nests, pool);
    return SDC_OK;
}
