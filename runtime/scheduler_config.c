/* scheduler_config: the fields of a sampler's configuration, one at a time; whole texts are read by scheduler_read.c.
 *
 * The fields are the rows of scheduler.def; a class has those that its defaults name.  A configuration is untrusted
 * input: every value is parsed to its end and checked for its kind and range here, its meaning by the class. */
#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "scheduler_family.h"

typedef enum { KIND_NUMBER, KIND_COUNT, KIND_FLAG, KIND_CHOICE, KIND_LIST } Kind;

/* What a number may be; outside the samplers' formulas give NaN.  The bounds are float's, as the formulas are. */
typedef enum {
    ANY, ANY_OR_INFINITE, ABOVE_0, FROM_0, FROM_1, FROM_0_TO_1, FROM_0_BELOW_1, WITHIN_0_AND_1, TRAINING_STEPS
} RangeName;

typedef struct { double low, high; const char *text; } Range;
static const Range ranges[] = {
    [ANY] = { -FLT_MAX, FLT_MAX, "a finite number" },
    [ANY_OR_INFINITE] = { -INFINITY, INFINITY, "a number" },
    [ABOVE_0] = { FLT_MIN, FLT_MAX, "above 0" },
    [FROM_0] = { 0, 1e6, "from 0 to 1000000" },
    [FROM_1] = { 1, 1e9, "1 or more" },
    [FROM_0_TO_1] = { 0, 1, "from 0 to 1" },
    [FROM_0_BELOW_1] = { 0, 1 - FLT_EPSILON / 2, "from 0 to below 1" },
    [WITHIN_0_AND_1] = { FLT_MIN, 1 - FLT_EPSILON / 2, "above 0 and below 1" },
    [TRAINING_STEPS] = { 2, 1e6, "from 2 to 1000000" },
};

typedef struct {
    const char *name;
    Kind kind;
    size_t offset;
    const char *const *choices;
    RangeName range;
} Field;

#define NUMBER(name, range)
#define COUNT(name, range)
#define FLAG(name)
#define LIST(name, range)
#define TEXT(name, text) text,
#define CHOICE(name, list) static const char *const name##_texts[] = { list(TEXT) NULL };
#include "scheduler.def"
#undef NUMBER
#undef COUNT
#undef FLAG
#undef LIST
#undef TEXT
#undef CHOICE

#define NUMBER(name, range) { #name, KIND_NUMBER, offsetof(SchedulerConfig, name), NULL, range },
#define COUNT(name, range) { #name, KIND_COUNT, offsetof(SchedulerConfig, name), NULL, range },
#define FLAG(name) { #name, KIND_FLAG, offsetof(SchedulerConfig, name), NULL, ANY },
#define LIST(name, range) { #name, KIND_LIST, offsetof(SchedulerConfig, name), NULL, range },
#define CHOICE(name, list) { #name, KIND_CHOICE, offsetof(SchedulerConfig, name), name##_texts, ANY },
static const Field fields[] = {
#include "scheduler.def"
};
enum { N_FIELDS = sizeof fields / sizeof fields[0] };

int scheduler_config_fail(SchedulerConfig *c, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->message, sizeof c->message, format, arguments);
    va_end(arguments);
    return code;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool is_null(const char *text)
{
    return strcmp(text, "null") == 0;
}

static bool parse_number(const char *text, double *value)
{
    char *end;
    *value = is_null(text) ? NAN : strtod(text, &end);
    return is_null(text) || (end != text && *end == '\0');
}

static bool parse_count(const char *text, int64_t *value)
{
    double number;
    if (!parse_number(text, &number) || !(fabs(number) < 1e9) || number != floor(number))
        return false;
    *value = (int64_t)number;
    return true;
}

static bool parse_flag(const char *text, bool *value)
{
    *value = strcasecmp(text, "true") == 0;
    return *value || strcasecmp(text, "false") == 0;
}

static bool parse_choice(const char *text, const char *const *choices, int *value)
{
    for (int i = 0; choices[i]; i++)
        if (strcmp(text, choices[i]) == 0) {
            *value = i;
            return true;
        }
    return false;
}

/* "[1, 2.5]", "[]" or "null".  The values are malloc'd into a list that was freed before. */
static bool parse_list(const char *text, SchedulerList *list)
{
    *list = (SchedulerList){ 0 };
    if (is_null(text) || strcmp(text, "[]") == 0)
        return true;
    size_t length = strlen(text);
    if (text[0] != '[' || text[length - 1] != ']')
        return false;
    list->values = malloc((length / 2 + 1) * sizeof *list->values);    /* a value and its comma take two characters */
    if (!list->values)
        return false;
    for (const char *p = text + 1;; p++) {
        char *end;
        list->values[list->count++] = strtod(p, &end);
        while (isspace((unsigned char)*end))
            end++;
        if (end == p || (*end != ',' && end != text + length - 1))
            break;
        if (*end == ']')
            return true;
        p = end;
    }
    free(list->values);
    *list = (SchedulerList){ 0 };
    return false;
}

static bool parse_field(SchedulerConfig *c, const Field *f, const char *text)
{
    void *at = (char *)c + f->offset;
    switch (f->kind) {
    case KIND_NUMBER: return parse_number(text, at);
    case KIND_COUNT: return parse_count(text, at);
    case KIND_FLAG: return parse_flag(text, at);
    case KIND_CHOICE: return parse_choice(text, f->choices, at);
    case KIND_LIST:
        free(((SchedulerList *)at)->values);
        return parse_list(text, at);
    }
    return false;
}

/* false: *bad is a value outside the field's range. */
static bool in_range(const Field *f, const void *at, double *bad)
{
    const SchedulerList *list = at;
    int64_t n = f->kind == KIND_LIST ? list->count : f->kind == KIND_NUMBER || f->kind == KIND_COUNT;
    for (int64_t i = 0; i < n; i++) {
        *bad = f->kind == KIND_LIST ? list->values[i] : f->kind == KIND_COUNT ? (double)*(const int64_t *)at
                                                                              : *(const double *)at;
        if (!(*bad >= ranges[f->range].low && *bad <= ranges[f->range].high))
            return false;
    }
    return true;
}

/* ---- fields of a class ------------------------------------------------------------------------------------------- */

/* What pipelines read of a configuration, whichever the class: scheduler_mu(). */
static const char pipeline_defaults[] = "base_shift=0.5 max_shift=1.15 base_image_seq_len=256 max_image_seq_len=4096";

/* The default of a field into text; false: it is not among them. */
static bool default_of(const char *defaults, const char *key, char text[SCHEDULER_NAME])
{
    size_t length = strlen(key);
    for (const char *p = defaults; p; p = strchr(p, ' ')) {
        p += strspn(p, " ");
        if (strncmp(p, key, length) == 0 && p[length] == '=') {
            p += length + 1;
            snprintf(text, SCHEDULER_NAME, "%.*s", (int)strcspn(p, " "), p);
            return true;
        }
    }
    return false;
}

bool scheduler_class_has(const SchedulerClass *class, const char *key)
{
    char text[SCHEDULER_NAME];
    return default_of(class->defaults, key, text);
}

static const Field *field_named(const char *name)
{
    for (int i = 0; i < N_FIELDS; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

int scheduler_config_set(SchedulerConfig *c, const char *key, const char *value)
{
    char absent[SCHEDULER_NAME];
    double bad;
    if (!default_of(c->class->defaults, key, absent) && !default_of(pipeline_defaults, key, absent))
        return SDC_OK;
    const Field *f = field_named(key);
    if (!f)
        return scheduler_config_fail(c, SDC_BUG, "%s: no field %s in scheduler.def", c->class->name, key);
    const char *text = is_null(value) ? absent : value;
    if (!parse_field(c, f, text))
        return scheduler_config_fail(c, f->kind == KIND_CHOICE ? SDC_UNSUPPORTED : SDC_BAD_INPUT,
                                     "%s: %s \"%.60s\" is not understood", c->class->name, key, value);
    if (!is_null(text) && !in_range(f, (char *)c + f->offset, &bad))
        return scheduler_config_fail(c, SDC_BAD_INPUT, "%s: %s: %.9g is not %s", c->class->name, key, bad,
                                     ranges[f->range].text);
    return SDC_OK;
}

const char *scheduler_choice(const SchedulerConfig *c, const char *key)
{
    const Field *f = field_named(key);
    return f->choices[*(const int *)((const char *)c + f->offset)];
}

int scheduler_config_words(SchedulerConfig *c, const char *words)
{
    while (*(words += strspn(words, " "))) {
        char word[2 * SCHEDULER_NAME];
        size_t length = strcspn(words, " ");
        if (length >= sizeof word)
            return scheduler_config_fail(c, SDC_BUG, "\"%.60s\" is too long", words);
        memcpy(word, words, length);
        word[length] = '\0';
        char *equals = strchr(word, '=');
        if (!equals)
            return scheduler_config_fail(c, SDC_BUG, "\"%.60s\" has no value", word);
        *equals = '\0';
        int code = scheduler_config_set(c, word, equals + 1);
        if (code)
            return code;
        words += length;
    }
    return SDC_OK;
}

const SchedulerClass *scheduler_class(const char *name)
{
    const SchedulerClass *class = scheduler_classes;
    while (class->name && strcasecmp(class->name, name) != 0)
        class++;
    return class->name ? class : NULL;
}

int scheduler_config_init(SchedulerConfig *c, const char *class_name)
{
    *c = (SchedulerConfig){
        .lambda_min_clipped = -INFINITY, .sigma_min = NAN, .sigma_max = NAN, .shift_terminal = NAN,    /* not given */
    };
    c->class = scheduler_class(class_name);
    if (!c->class)
        return scheduler_config_fail(c, SDC_UNSUPPORTED, "scheduler \"%.60s\" is not supported", class_name);
    int code = scheduler_config_words(c, pipeline_defaults);
    return code ? code : scheduler_config_words(c, c->class->defaults);
}

void scheduler_config_free(SchedulerConfig *c)
{
    for (int i = 0; i < N_FIELDS; i++)
        if (fields[i].kind == KIND_LIST) {
            SchedulerList *list = (SchedulerList *)((char *)c + fields[i].offset);
            free(list->values);
            *list = (SchedulerList){ 0 };
        }
}

int scheduler_config_copy(SchedulerConfig *into, const SchedulerConfig *from)
{
    *into = *from;
    int code = SDC_OK;
    for (int i = 0; i < N_FIELDS; i++)
        if (fields[i].kind == KIND_LIST) {
            SchedulerList *list = (SchedulerList *)((char *)into + fields[i].offset);
            const double *values = list->values;
            if (!values)
                continue;
            list->values = malloc((size_t)list->count * sizeof *values);
            if (list->values)
                memcpy(list->values, values, (size_t)list->count * sizeof *values);
            else
                list->count = 0, code = SDC_NO_SPACE;
        }
    return code;
}
