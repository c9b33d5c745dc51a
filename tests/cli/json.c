/* json.c: reads JSON for the scripts here.
 *
 *      json FILE KEY...       KEY: a member's name, an element's number, or * for all elements
 *
 * Prints what is there, one line each: strings and numbers as they are, of an object or array how many it holds.  Exits
 * with 1 and a line when the file is no JSON or has no such member. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static int show(const json_t *v)
{
    if (json_is_string(v))
        return puts(json_string_value(v)) < 0;
    if (json_is_number(v))
        return printf("%.12g\n", json_number_value(v)) < 0;
    if (json_is_object(v) || json_is_array(v))
        return printf("%zu\n", json_is_array(v) ? json_array_size(v) : json_object_size(v)) < 0;
    return puts(json_is_true(v) ? "true" : json_is_false(v) ? "false" : "null") < 0;
}

static int walk(const json_t *v, char **keys)
{
    if (!*keys)
        return show(v);
    if (!strcmp(*keys, "*")) {
        int bad = !json_is_array(v);
        for (size_t k = 0; k < json_array_size(v); k++)
            bad |= walk(json_array_get(v, k), keys + 1);
        return bad;
    }
    const json_t *member = json_is_array(v) ? json_array_get(v, (size_t)atoi(*keys)) : json_object_get(v, *keys);
    if (!member)
        fprintf(stderr, "no member %s\n", *keys);
    return !member || walk(member, keys + 1);
}

int main(int argc, char **argv)
{
    json_error_t error;
    json_t *root = argc > 1 ? json_load_file(argv[1], JSON_REJECT_DUPLICATES, &error) : NULL;
    if (!root)
        fprintf(stderr, "%s: %s\n", argc > 1 ? argv[1] : "json FILE KEY...", argc > 1 ? error.text : "");
    int bad = !root || walk(root, argv + 2);
    json_decref(root);
    return bad;
}
