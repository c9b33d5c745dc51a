/* scheduler_config: a sampler's configuration from text.
 *
 * The fields are the rows of scheduler.def; a class has those that its defaults name.  A configuration is untrusted
 * input: every value is parsed to its end and checked for its kind here, its meaning by the class. */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "scheduler_family.h"

typedef enum { KIND_NUMBER, KIND_COUNT, KIND_FLAG, KIND_CHOICE, KIND_LIST } Kind;

typedef struct {
    const char *name;
    Kind kind;
    size_t offset;
    const char *const *choices;
} Field;

#define NUMBER(name)
#define COUNT(name)
#define FLAG(name)
#define LIST(name)
#define TEXT(name, text) text,
#define CHOICE(name, list) static const char *const name##_texts[] = { list(TEXT) NULL };
#include "scheduler.def"
#undef NUMBER
#undef COUNT
#undef FLAG
#undef LIST
#undef TEXT
#undef CHOICE

#define NUMBER(name) { #name, KIND_NUMBER, offsetof(SchedulerConfig, name), NULL },
#define COUNT(name) { #name, KIND_COUNT, offsetof(SchedulerConfig, name), NULL },
#define FLAG(name) { #name, KIND_FLAG, offsetof(SchedulerConfig, name), NULL },
#define LIST(name) { #name, KIND_LIST, offsetof(SchedulerConfig, name), NULL },
#define CHOICE(name, list) { #name, KIND_CHOICE, offsetof(SchedulerConfig, name), name##_texts },
static const Field fields[] = {
#include "scheduler.def"
};
enum { N_FIELDS = sizeof fields / sizeof fields[0], MAX_VALUE = 1 << 20, MAX_NAME = 64 };

static int fail(SchedulerConfig *c, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int fail(SchedulerConfig *c, int code, const char *format, ...)
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
    return strcasecmp(text, "null") == 0 || strcasecmp(text, "none") == 0;
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
        if (strcmp(text, choices[i]) == 0 || (is_null(text) && is_null(choices[i]))) {
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

/* ---- fields of a class ------------------------------------------------------------------------------------------- */

static bool class_has(const SchedulerClass *class, const char *key)
{
    size_t length = strlen(key);
    for (const char *p = class->defaults; p; p = strchr(p, ' ')) {
        p += strspn(p, " ");
        if (strncmp(p, key, length) == 0 && p[length] == '=')
            return true;
    }
    return false;
}

int scheduler_config_set(SchedulerConfig *c, const char *key, const char *value)
{
    if (!class_has(c->class, key))
        return SDC_OK;
    for (int i = 0; i < N_FIELDS; i++)
        if (strcmp(fields[i].name, key) == 0) {
            if (parse_field(c, &fields[i], value))
                return SDC_OK;
            return fail(c, fields[i].kind == KIND_CHOICE ? SDC_UNSUPPORTED : SDC_BAD_INPUT,
                        "%s: %s \"%.60s\" is not understood", c->class->name, key, value);
        }
    return fail(c, SDC_BUG, "%s: no field %s in scheduler.def", c->class->name, key);
}

/* Set the fields of "field=value field=value". */
static int set_words(SchedulerConfig *c, const char *words)
{
    while (*(words += strspn(words, " "))) {
        char word[2 * MAX_NAME];
        size_t length = strcspn(words, " ");
        if (length >= sizeof word)
            return fail(c, SDC_BUG, "\"%.60s\" is too long", words);
        memcpy(word, words, length);
        word[length] = '\0';
        char *equals = strchr(word, '=');
        if (!equals)
            return fail(c, SDC_BUG, "\"%.60s\" has no value", word);
        *equals = '\0';
        int code = scheduler_config_set(c, word, equals + 1);
        if (code)
            return code;
        words += length;
    }
    return SDC_OK;
}

static const SchedulerClass *class_named(const char *name)
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
    c->class = class_named(class_name);
    if (!c->class)
        return fail(c, SDC_UNSUPPORTED, "scheduler \"%.60s\" is not supported", class_name);
    return set_words(c, c->class->defaults);
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

/* ---- names ------------------------------------------------------------------------------------------------------- */

typedef struct { const char *ending, *field; } SigmaEnding;
static const SigmaEnding sigma_endings[] = {
    { "_karras", "use_karras_sigmas" },
    { "_exponential", "use_exponential_sigmas" },
    { "_beta", "use_beta_sigmas" },
};
enum { N_ENDINGS = sizeof sigma_endings / sizeof sigma_endings[0] };

/* "DPM++ 2M Karras" to "dpmpp_2m_karras". */
static void plain_name(char plain[MAX_NAME], const char *name)
{
    size_t n = 0;
    for (; *name && n + 1 < MAX_NAME; name++)
        plain[n++] = *name == '+' ? 'p' : *name == ' ' || *name == '-' ? '_' : (char)tolower((unsigned char)*name);
    plain[n] = '\0';
}

/* Cut a "_karras" or its like off the end. */
static const SigmaEnding *cut_ending(char *plain)
{
    size_t length = strlen(plain);
    for (int i = 0; i < N_ENDINGS; i++) {
        size_t n = strlen(sigma_endings[i].ending);
        if (length > n && strcmp(plain + length - n, sigma_endings[i].ending) == 0) {
            plain[length - n] = '\0';
            return &sigma_endings[i];
        }
    }
    return NULL;
}

static int set_sigmas(SchedulerConfig *c, const SigmaEnding *ending)
{
    if (!class_has(c->class, ending->field))
        return fail(c, SDC_USAGE, "%s has no \"%s\" sigmas", c->class->name, ending->ending + 1);
    for (int i = 0; i < N_ENDINGS; i++)
        scheduler_config_set(c, sigma_endings[i].field, &sigma_endings[i] == ending ? "true" : "false");
    return SDC_OK;
}

/* ---- the text of a folder's scheduler_config.json ---------------------------------------------------------------- */

/* The next "key=value" line of the text as two strings inside buffer, which has room for bytes + 1.
 * false: none is left. */
static bool next_line(const char **text, const char *end, char *buffer, char **value)
{
    while (*text < end) {
        const char *newline = memchr(*text, '\n', (size_t)(end - *text));
        size_t length = (size_t)((newline ? newline : end) - *text);
        memcpy(buffer, *text, length);
        buffer[length] = '\0';
        *text += length + (newline ? 1 : 0);
        *value = strchr(buffer, '=');
        if (*value) {
            *(*value)++ = '\0';
            return true;
        }
    }
    return false;
}

/* Another sampler for a network that was trained to match flows, whose configuration has `shift`: the class's own way of
 * doing so, where it has one. */
static int keep_flow(SchedulerConfig *c, double shift)
{
    char text[40];
    if (!strncmp(c->class->name, "FlowMatch", 9))
        return SDC_OK;
    if (!class_has(c->class, "use_flow_sigmas"))
        return fail(c, SDC_USAGE, "%s does not do flow matching, which this network needs", c->class->name);
    snprintf(text, sizeof text, "%.17g", shift);
    scheduler_config_set(c, "use_flow_sigmas", "true");
    scheduler_config_set(c, "prediction_type", "flow_prediction");
    return scheduler_config_set(c, "flow_shift", text);
}

/* The class of the same method for flows. */
static const char *flow_class(const char *class_name)
{
    static const struct { const char *name, *flow; } classes[] = {
        { "EulerDiscreteScheduler", "FlowMatchEulerDiscreteScheduler" },
        { "HeunDiscreteScheduler", "FlowMatchHeunDiscreteScheduler" },
    };
    for (size_t k = 0; k < sizeof classes / sizeof *classes; k++)
        if (!strcmp(classes[k].name, class_name))
            return classes[k].flow;
    return class_name;
}

/* Initialise by the text's class, or by class_name, then set the text's fields.  buffer as in next_line(). */
static int read_text(SchedulerConfig *c, const char *class_name, const char *text, const char *end, char *buffer)
{
    char own[MAX_NAME] = "", *value;
    double shift = 1;
    for (const char *p = text; next_line(&p, end, buffer, &value);) {
        if (strcmp(buffer, "_class_name") == 0)
            snprintf(own, sizeof own, "%s", value);
        if (strcmp(buffer, "shift") == 0)
            shift = strtod(value, NULL);
    }
    if (!class_name && !own[0])
        return fail(c, SDC_BAD_INPUT, "the scheduler's configuration has no _class_name");
    bool flow = class_name && !strncmp(own, "FlowMatch", 9);
    int code = scheduler_config_init(c, flow ? flow_class(class_name) : class_name ? class_name : own);
    for (const char *p = text; !code && next_line(&p, end, buffer, &value);)
        code = scheduler_config_set(c, buffer, value);
    return code || !flow ? code : keep_flow(c, shift);
}

/* The words "field=value" between commas, from a command line. */
static int set_fields(SchedulerConfig *c, const char *words)
{
    while (*(words += strspn(words, ","))) {
        char word[2 * MAX_NAME];
        size_t length = strcspn(words, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, words);
        char *equals = strchr(word, '=');
        if (equals)
            *equals = '\0';
        if (!equals || length >= sizeof word || !class_has(c->class, word))
            return fail(c, SDC_USAGE, "%s has no field \"%.60s\"", c->class->name, word);
        int code = scheduler_config_set(c, word, equals + 1);
        if (code)
            return code;
        words += length;
    }
    return SDC_OK;
}

/* Up to the first comma; empty where that is a field already. */
static void cut_name(char own[MAX_NAME], const char *name, const char **words)
{
    size_t length = strcspn(name, ","), equals = strcspn(name, "=");
    length = equals < length ? 0 : length;
    snprintf(own, MAX_NAME, "%.*s", (int)length, name);
    *words = name + length;
}

int scheduler_config_read(SchedulerConfig *c, const char *given, const char *text, int64_t bytes)
{
    *c = (SchedulerConfig){ 0 };
    char plain[MAX_NAME] = "", own[MAX_NAME] = "";
    const char *words = "";
    if (given)
        cut_name(own, given, &words);
    const char *name = own[0] || (given && !*words) ? own : NULL;
    const SigmaEnding *ending = NULL;
    const SchedulerName *row = NULL;
    const SchedulerClass *class = name ? class_named(name) : NULL;
    if (name && !class) {
        plain_name(plain, name);
        ending = cut_ending(plain);
        for (row = scheduler_names; row->name && strcmp(row->name, plain) != 0;)
            row++;
        if (!row->name)
            return fail(c, SDC_USAGE, "there is no scheduler \"%.60s\"; --scheduler list names them", name);
    }
    if (bytes < 0 || bytes > MAX_VALUE)
        return fail(c, SDC_BAD_INPUT, "the scheduler's configuration is too long");
    char *buffer = malloc((size_t)bytes + 1);
    if (!buffer)
        return fail(c, SDC_NO_SPACE, "out of memory");
    int code = read_text(c, class ? class->name : row ? row->class_name : NULL, text, text + bytes, buffer);
    free(buffer);
    if (!code && row)
        code = set_words(c, row->overrides);
    if (!code && ending)
        code = set_sigmas(c, ending);
    if (!code)
        code = set_fields(c, words);
    if (code)
        scheduler_config_free(c);
    return code;
}

void scheduler_list(FILE *out)
{
    for (const SchedulerName *row = scheduler_names; row->name; row++)
        fprintf(out, "%-20s %s%s%s\n", row->name, row->class_name, row->overrides[0] ? "  " : "", row->overrides);
    fprintf(out, "Behind a name, where the class has them: _karras, _exponential, _beta (sigmas).\n");
}
