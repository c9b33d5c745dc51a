/* einsum.c: parsing Einsum equations, as numpy.einsum and the ONNX page of Einsum define them. */
#include "einsum.h"

#include <ctype.h>
#include <string.h>

#include "../runtime/runtime.h"

static int label_of(char c)
{
    return isupper((unsigned char)c) ? c - 'A' : 26 + c - 'a';
}

static const char *skip_blanks(const char *p)
{
    while (*p == ' ')
        p++;
    return p;
}

/* One term up to ',', "->" or the end; writes its labels with -1 for the ellipsis.  Returns the number of entries. */
static int read_term(const Node *n, const char **at, int *into)
{
    int count = 0;
    bool ellipsis = false;
    const char *p = skip_blanks(*at);
    for (; *p && *p != ',' && strncmp(p, "->", 2); p = skip_blanks(p)) {
        bool dots = !strncmp(p, "...", 3);
        if ((!dots && !isalpha((unsigned char)*p)) || (dots && ellipsis) || count > MAX_RANK)
            fail_node(SDC_BAD_INPUT, n, "equation '%s' can not be read", attr_s(n, "equation"));
        ellipsis |= dots;
        into[count++] = dots ? -1 : label_of(*p);
        p += dots ? 3 : 1;
    }
    *at = p;
    return count;
}

static void set_extent(const Node *n, Einsum *e, int label, int64_t dim)
{
    int64_t known = e->extent[label];
    if (known >= 0 && known != dim && known != 1 && dim != 1)
        fail_node(SDC_BAD_INPUT, n, "a label of equation '%s' stands for %lld and for %lld", attr_s(n, "equation"),
                  (long long)known, (long long)dim);
    if (known < 0 || known == 1)
        e->extent[label] = dim;
}

/* Give the axes of operand k their labels; *spread is the widest ellipsis so far. */
static void label_operand(const Node *n, Einsum *e, int k, const int *term, int length, int *spread)
{
    const Shape *s = &n->in[k]->shape;
    bool ellipsis = false;
    for (int j = 0; j < length; j++)
        ellipsis |= term[j] < 0;
    int dots = s->rank - (length - ellipsis);
    if (dots < 0 || (!ellipsis && dots))
        fail_node(SDC_BAD_INPUT, n, "operand %d of equation '%s' has shape %s", k, attr_s(n, "equation"),
                  shape_text(s));
    int axis = 0;
    for (int j = 0; j < length; j++) {
        if (term[j] >= 0)
            e->label[k][axis++] = term[j];
        for (int d = 0; term[j] < 0 && d < dots; d++)
            e->label[k][axis++] = EINSUM_ELLIPSIS + dots - 1 - d;
    }
    e->rank[k] = s->rank;
    for (axis = 0; axis < s->rank; axis++)
        set_extent(n, e, e->label[k][axis], s->dim[axis]);
    if (ellipsis && dots > *spread)
        *spread = dots;
}

static void add_output(const Node *n, Einsum *e, int label, bool *kept)
{
    if (e->extent[label] < 0 || kept[label] || e->out_rank == MAX_RANK)
        fail_node(SDC_BAD_INPUT, n, "the result of equation '%s' is not well formed", attr_s(n, "equation"));
    kept[label] = true;
    e->out[e->out_rank++] = label;
}

/* Without "->": the ellipsis, then in alphabetical order the labels that appear once. */
static void implicit_output(const Node *n, Einsum *e, int spread, bool *kept)
{
    int seen[EINSUM_LABELS] = {0};
    for (int k = 0; k < e->n_in; k++)
        for (int axis = 0; axis < e->rank[k]; axis++)
            seen[e->label[k][axis]]++;
    for (int d = spread; d-- > 0;)
        add_output(n, e, EINSUM_ELLIPSIS + d, kept);
    for (int label = 0; label < EINSUM_ELLIPSIS; label++)
        if (seen[label] == 1)
            add_output(n, e, label, kept);
}

Einsum einsum_parse(const Node *n)
{
    Einsum e = {.n_in = n->n_in};
    bool kept[EINSUM_LABELS] = {false};
    int term[MAX_RANK + 2], spread = 0;
    for (int label = 0; label < EINSUM_LABELS; label++)
        e.extent[label] = -1;
    if (n->n_in > EINSUM_OPERANDS)
        fail_node(SDC_UNSUPPORTED, n, "%d operands; at most %d are supported", n->n_in, EINSUM_OPERANDS);
    const char *p = attr_s(n, "equation");
    for (int k = 0; k < n->n_in; k++) {
        int length = read_term(n, &p, term);
        label_operand(n, &e, k, term, length, &spread);
        if ((k + 1 < n->n_in) != (*p == ','))
            fail_node(SDC_BAD_INPUT, n, "equation '%s' does not name %d operands", attr_s(n, "equation"), n->n_in);
        p += *p == ',';
    }
    if (!*p)
        implicit_output(n, &e, spread, kept);
    else {
        p += 2;
        int length = read_term(n, &p, term);
        for (int j = 0; j < length; j++)
            for (int d = term[j] < 0 ? spread : 1; d-- > 0;)
                add_output(n, &e, term[j] < 0 ? EINSUM_ELLIPSIS + d : term[j], kept);
        if (*p)
            fail_node(SDC_BAD_INPUT, n, "equation '%s' can not be read", attr_s(n, "equation"));
    }
    for (int k = 0; k < e.n_in; k++)
        for (int axis = 0; axis < e.rank[k]; axis++) {
            int label = e.label[k][axis];
            if (!kept[label])
                e.sum[e.n_sum++] = label;
            kept[label] = true;
        }
    return e;
}

void einsum_strides(const Einsum *e, int k, const int64_t *dim, const int64_t *axis_stride, int64_t *label_stride)
{
    memset(label_stride, 0, EINSUM_LABELS * sizeof *label_stride);
    for (int axis = 0; axis < e->rank[k]; axis++)
        if (dim[axis] != 1)
            label_stride[e->label[k][axis]] += axis_stride[axis];
}
