/* options.c: the command line of sdc's commands, on the runtime's option parser. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int set_text(const char **into, const char *value)
{
    *into = value;
    return SDC_OK;
}

int add_text(Texts *into, const char *value)
{
    const char **more = alloc_more(into->list, into->count, into->count + 2, sizeof *more);
    more[into->count++] = value;
    into->list = more;
    return SDC_OK;
}

int parse_int(const char *value, int64_t low, int64_t high, int64_t *into)
{
    char *end;
    errno = 0;
    long long v = strtoll(value, &end, 10);
    if (end == value || *end || errno || v < low || v > high)
        return sdc_error(SDC_USAGE, "'%s' is not a whole number from %lld to %lld", value, (long long)low, (long long)high);
    *into = v;
    return SDC_OK;
}

int parse_float(const char *value, double *into)
{
    char *end;
    *into = strtod(value, &end);
    if (end == value || *end || !(*into >= 0))
        return sdc_error(SDC_USAGE, "'%s' is not a number of at least 0", value);
    return SDC_OK;
}

/* ---- options of several commands --------------------------------------------------------------------------------- */

int option_rates(void *into, const char *value) { return add_text(&((Options *)into)->rates, value); }
int option_dims(void *into, const char *value) { return add_text(&((Options *)into)->dims, value); }
int option_shapes(void *into, const char *value) { return add_text(&((Options *)into)->shapes, value); }
int option_binds(void *into, const char *value) { return add_text(&((Options *)into)->binds, value); }
int option_isa(void *into, const char *value) { return set_text(&((Options *)into)->isa, value); }
int option_cc(void *into, const char *value) { return set_text(&((Options *)into)->cc, value); }
int option_cflags(void *into, const char *value) { return add_text(&((Options *)into)->cflags, value); }

int option_exact(void *into, const char *value)
{
    (void)value;
    ((Options *)into)->exact = true;
    return SDC_OK;
}

int option_pack(void *into, const char *value)
{
    if (strcmp(value, "winograd"))
        return sdc_error(SDC_USAGE, "--pack %s: expected winograd", value);
    ((Options *)into)->pack_winograd = true;
    return SDC_OK;
}

int option_no_cache(void *into, const char *value)
{
    (void)value;
    ((Options *)into)->no_cache = true;
    return SDC_OK;
}

int option_jobs(void *into, const char *value)
{
    return parse_int(value, 1, 256, &((Options *)into)->jobs);
}

int option_threads(void *into, const char *value)
{
    return parse_int(value, 1, 1024, &((Options *)into)->threads);
}

int option_seed(void *into, const char *value)
{
    return parse_int(value, 0, INT64_MAX, &((Options *)into)->seed);
}

int option_max_memory(void *into, const char *value)
{
    static const struct { char suffix; int64_t factor; } units[] = {
        {'\0', 1}, {'k', 1000}, {'K', 1000}, {'M', 1000000}, {'G', 1000000000}, {'T', 1000000000000}};
    char *end;
    errno = 0;
    double v = strtod(value, &end);
    for (size_t k = 0; k < sizeof units / sizeof *units; k++)
        if (end > value && *end == units[k].suffix && (!*end || !end[1]) && strspn(value, "0123456789.") == (size_t)(end - value) &&
            v * (double)units[k].factor >= 1 && v * (double)units[k].factor < 9e18) {
            ((Options *)into)->max_memory = (int64_t)(v * (double)units[k].factor);
            return SDC_OK;
        }
    return sdc_error(SDC_USAGE, "--max-memory %s: expected bytes, such as 6G, 1.5G, 500M or 800k", value);
}

int option_no_fuse(void *into, const char *value)
{
    unsigned *off = &((Options *)into)->no_fuse;
    if (!value)
        *off = NO_FUSION;
    for (char *rest = value ? text_copy(value) : NULL, *name; (name = strsep(&rest, ","));) {
        Fusion f = fusion_by_name(name);
        if (f == FUSION_COUNT)
            return sdc_error(SDC_USAGE, "--no-fuse=%s: no such fusion; see --help", name);
        *off |= 1u << f;
    }
    return SDC_OK;
}

int option_dtype(void *into, const char *value)
{
    Options *o = into;
    o->int8 = !strcmp(value, "int8");
    const DType type = o->int8 ? DT_BF16 : dtype_by_name(value);
    if (!dtype_is_single(type))
        return sdc_error(SDC_USAGE, "--dtype %s: expected f32, bf16, f16 or int8", value);
    o->dtype = type;
    return SDC_OK;
}

int option_gradients(void *into, const char *value) { return add_text(&((Options *)into)->gradients, value); }
int option_calibrate(void *into, const char *value) { return add_text(&((Options *)into)->calibrate, value); }

int option_weights(void *into, const char *value)
{
    static const struct { const char *name; WeightType type; } types[] = {{"float", {0}}, {"int8", {8, 0}}, {"int4", {4, 32}}};
    static const int64_t groups[] = {32, 64, 128, 256};         /* that divide the kernels' step of depths */
    const char *colon = strchr(value, ':');
    const size_t length = colon ? (size_t)(colon - value) : strlen(value);
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        if (strlen(types[k].name) != length || strncmp(types[k].name, value, length) || (colon && !types[k].type.bits))
            continue;
        WeightType type = types[k].type;
        type.group = colon ? -1 : type.group;
        for (size_t j = 0; colon && j < sizeof groups / sizeof *groups; j++)
            if (!strcmp(colon + 1, text_format("%lld", (long long)groups[j])))
                type.group = groups[j];
        if (type.group < 0)
            break;
        ((Options *)into)->weights = type;
        return SDC_OK;
    }
    return sdc_error(SDC_USAGE, "--weights %s: expected float, int8, int4, or int8:GROUP, int4:GROUP with 32, 64, 128 or 256",
                     value);
}

char **parse_options(const SdcOption *table, Options *o, int argc, char **argv, int *n_positional, const char *usage, const char *examples)
{
    int code = sdc_options_parse(table, o, argc, argv, n_positional, NULL);
    if (code)
        exit(code);
    if (o->help) {
        printf("Usage: %s\n\n", usage);
        sdc_options_help(stdout, table);
        printf("\nExamples:\n%s", examples);
        exit(SDC_OK);
    }
    return argv + 1;
}
