/* onnx.c: one ONNX file to a Model: scan, unpack, import, report.
 *
 * protobuf-c unpacks into one region of exactly the size that the scan found to be enough.  Nothing in the graph points
 * into it, so it goes away as a whole when the import is done; the mapped file stays, since constants point into it. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "onnx.h"

/* ---- memory of the unpacked message ---- */

typedef struct Region {
    ProtobufCAllocator allocator;
    char *start;
    int64_t used, room;
} Region;

static void *region_alloc(void *data, size_t bytes)
{
    Region *r = data;
    int64_t need = (int64_t)((bytes + 15) & ~(size_t)15);
    if (bytes > (size_t)r->room || need > r->room - r->used)
        return NULL;
    r->used += need;
    return r->start + r->used - need;
}

static void region_free(void *data, void *p)       /* all at once, by region_close */
{
    (void)data;
    (void)p;
}

static void region_open(Region *r, const char *path, int64_t room)
{
    *r = (Region){.start = pages_new(path, room), .room = room};
}

static void region_close(Region *r)
{
    munmap(r->start, (size_t)r->room);
}

static Onnx__ModelProto *unpack(Region *r, const char *path, Mapping file)
{
    OnnxScan scan = onnx_scan(path, file);
    region_open(r, path, scan.unpacked_bytes + 4096);
    r->allocator = (ProtobufCAllocator){region_alloc, region_free, r};
    Onnx__ModelProto *model = onnx__model_proto__unpack(&r->allocator, (size_t)scan.bytes, scan.data);
    if (!model)
        fail(SDC_BAD_INPUT, "%s: is not an ONNX model: protobuf can not read it", path);
    onnx_scan_free(&scan);
    return model;
}

/* ---- the model ---- */

void refuse(const Import *im, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fail(SDC_BAD_INPUT, "%s: %s", im->path, text);
}

int64_t opset_of(const Import *im, Onnx__OperatorSetIdProto *const *imports, size_t n, const char *where)
{
    int64_t version = 0;
    for (size_t k = 0; k < n; k++) {
        if (!domain_is_default(imports[k]->domain))
            continue;
        if (imports[k]->version < 1)
            refuse(im, "%s imports opset %lld", where, (long long)imports[k]->version);
        if (version && version != imports[k]->version)
            refuse(im, "%s imports opset %lld and opset %lld", where, (long long)version,
                   (long long)imports[k]->version);
        version = imports[k]->version;
    }
    return version;
}

Model *onnx_load(const char *path)
{
    Region region;
    Scope scope = {0};
    Import im = {.path = path, .file = map_file(path), .weights = weights_open(path), .model = model_new(path)};
    Onnx__ModelProto *proto = unpack(&region, path, im.file);
    if (!proto->graph)
        fail(SDC_BAD_INPUT, "%s: is not an ONNX model: it has no graph", path);
    im.model->opset = opset_of(&im, proto->opset_import, proto->n_opset_import, "the model");
    if (im.model->opset > NEWEST_OPSET)
        warn("%s: opset %lld is read as %d, the newest that sdc knows", path, (long long)im.model->opset, NEWEST_OPSET);
    im.model->graph->name = text_copy(proto->graph->name);
    im.uncomputed = alloc(sizeof *im.uncomputed);
    functions_index(&im, proto);
    Context top = {.import = &im, .graph = im.model->graph, .scope = &scope, .opset = im.model->opset};
    import_graph(&top, proto->graph);
    unsupported_report(im.unsupported, path);
    if (!im.model->graph->n_outputs)
        fail(SDC_BAD_INPUT, "%s: the graph has no outputs", path);
    region_close(&region);
    modules_name(im.model->graph);
    return im.model;
}
