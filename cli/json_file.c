/* json_file.c: see json_file.h. */
#include "json_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* Python writes infinities and NaN as bare words, which JSON does not know: they become strings. */
static char *quote_constants(const char *text, size_t bytes)
{
    static const struct { const char *word, *text; } words[] = {
        {"-Infinity", "\"-inf\""}, {"Infinity", "\"inf\""}, {"NaN", "\"nan\""}};
    char *quoted = alloc(2 * bytes + 1), *out = quoted;
    bool inside = false;
    for (const char *p = text, *end = text + bytes; p < end; p++) {
        inside ^= *p == '"';
        if (inside && *p == '\\' && p + 1 < end)
            *out++ = *p++;
        size_t k = 0, length = 0;
        for (; !inside && k < sizeof words / sizeof *words; k++) {
            length = strlen(words[k].word);
            if (length <= (size_t)(end - p) && !memcmp(p, words[k].word, length))
                break;
        }
        if (inside || k == sizeof words / sizeof *words) {
            *out++ = *p;
            continue;
        }
        out = stpcpy(out, words[k].text);
        p += length - 1;
    }
    return quoted;
}

json_t *read_json(const char *path)
{
    json_error_t error;
    Mapping file = map_file(path);
    char *text = quote_constants(file.data, (size_t)file.bytes);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        fail(SDC_BAD_INPUT, "%s: line %d: %s", path, error.line, error.text);
    if (!json_is_object(root))
        fail(SDC_BAD_INPUT, "%s: is not a JSON object", path);
    return root;
}

json_t *read_json_if(const char *path)
{
    return access(path, F_OK) ? NULL : read_json(path);
}

int64_t json_int(const json_t *root, const char *key, int64_t otherwise)
{
    json_t *v = json_object_get(root, key);
    return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

int64_t json_whole(const json_t *root, const char *path, const char *key, int64_t otherwise, int64_t low, int64_t high)
{
    const json_t *v = json_object_get(root, key);
    if (!v || json_is_null(v))
        return otherwise;
    if (!json_is_integer(v) || json_integer_value(v) < low || json_integer_value(v) > high)
        fail(SDC_BAD_INPUT, "%s: %s is not a whole number from %lld to %lld", path, key, (long long)low, (long long)high);
    return json_integer_value(v);
}

char *json_settings(const json_t *root, const char *prefix, char *text)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)root, key, value) {
        char *v = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
        const char *plain = json_is_string(value) ? json_string_value(value) : v;
        if (!strchr(plain, '\n') && !strchr(key, '=') && !strchr(key, '\n'))
            text = text_format("%s%s%s=%s\n", text, prefix, key, plain);
        free(v);
    }
    return text;
}
