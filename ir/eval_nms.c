/* eval_nms.c: NonMaxSuppression: greedy selection of boxes by score, each suppressing those that overlap it too
 * much. */
#include "op.h"
#include "select.h"

#include <math.h>
#include <stdlib.h>

#include "../runtime/runtime.h"

typedef struct { double low_x, low_y, high_x, high_y; } Box;

static Box box_at(const double *b, bool center)
{
    if (center)                     /* x, y, width, height */
        return (Box){b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2};
    return (Box){fmin(b[1], b[3]), fmin(b[0], b[2]), fmax(b[1], b[3]), fmax(b[0], b[2])};     /* y1, x1, y2, x2 */
}

static double area(Box b)
{
    return (b.high_x - b.low_x) * (b.high_y - b.low_y);
}

/* Intersection over union above the threshold. */
static bool overlaps(Box a, Box b, double threshold)
{
    Box both = {fmax(a.low_x, b.low_x), fmax(a.low_y, b.low_y), fmin(a.high_x, b.high_x), fmin(a.high_y, b.high_y)};
    if (both.high_x <= both.low_x || both.high_y <= both.low_y || area(a) <= 0 || area(b) <= 0)
        return false;
    double united = area(a) + area(b) - area(both);
    return united > 0 && area(both) / united > threshold;
}

typedef struct { double score; int64_t box; } Scored;

static int best_first(const void *a, const void *b)
{
    const Scored *p = a, *q = b;
    if (p->score != q->score)
        return p->score < q->score ? 1 : -1;
    return (p->box > q->box) - (p->box < q->box);
}

static double scalar(const Node *n, const Array *const *in, int k, double otherwise)
{
    return k < n->n_in && in[k] && in[k]->count ? array_get(in[k], 0) : otherwise;
}

/* One class of one batch: candidates best first; kept boxes to the front of `list`, which is returned shortened. */
static int64_t suppress(const Node *n, const Array *const *in, const double *boxes, const double *scores, int64_t count,
                        Scored *list)
{
    bool center = attr_i(n, "center_point_box") != 0;
    double limit = scalar(n, in, 2, 0), overlap = scalar(n, in, 3, 0), threshold = scalar(n, in, 4, -INFINITY);
    bool thresholded = n->n_in > 4 && in[4];
    int64_t candidates = 0, kept = 0;
    for (int64_t b = 0; b < count; b++)
        if (!thresholded || scores[b] > threshold)
            list[candidates++] = (Scored){scores[b], b};
    qsort(list, (size_t)candidates, sizeof *list, best_first);
    for (int64_t c = 0; c < candidates && (double)kept < limit; c++) {
        bool free_of_others = true;
        for (int64_t k = 0; k < kept && free_of_others; k++)
            free_of_others =
                !overlaps(box_at(boxes + 4 * list[c].box, center), box_at(boxes + 4 * list[k].box, center), overlap);
        if (free_of_others)
            list[kept++] = list[c];
    }
    return kept;
}

int64_t select_boxes(const Node *n, const Array *const *in, int64_t *into)
{
    int64_t batches = in[1]->shape.dim[0], classes = in[1]->shape.dim[1], count = in[1]->shape.dim[2], found = 0;
    Scored *list = calloc((size_t)count + 1, sizeof *list);
    if (!list)
        fail_node(SDC_NO_SPACE, n, "out of memory");
    for (int64_t b = 0; b < batches; b++)
        for (int64_t c = 0; c < classes; c++) {
            int64_t kept = suppress(n, in, in[0]->f + b * count * 4, in[1]->f + (b * classes + c) * count, count, list);
            for (int64_t k = 0; into && k < kept; k++) {
                int64_t *row = into + 3 * (found + k);
                row[0] = b;
                row[1] = c;
                row[2] = list[k].box;
            }
            found += kept;
        }
    free(list);
    return found;
}

void shape_nms(Node *n)
{
    const Shape *boxes = &n->in[0]->shape, *scores = &n->in[1]->shape;
    need_rank(n, 0, 3, 3);
    need_rank(n, 1, 3, 3);
    if (!dtype_is_float(n->in[0]->dtype) || !dtype_is_float(n->in[1]->dtype))
        fail_node(SDC_BAD_INPUT, n, "boxes and scores must be floats");
    if (boxes->dim[0] != scores->dim[0] || boxes->dim[1] != scores->dim[2] || boxes->dim[2] != 4)
        fail_node(SDC_BAD_INPUT, n, "boxes %s and scores %s do not belong together", shape_text(boxes),
                  shape_text(scores));
    const Array **in = select_operands(n);
    Shape y = shape_of(2, (int64_t[]){select_boxes(n, in, NULL), 3});
    select_free(n, in);
    set_output(n, 0, DT_I64, &y);
}

void eval_nms(const Node *n, const Array *const *in, Array *const *out)
{
    select_boxes(n, in, out[0]->i);
}
