/* tokenizers.c: see tokenizers.h. */
#include "tokenizers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "harness.h"
#include "../../runtime/runtime.h"

/* ---- packing ---------------------------------------------------------------------------------------------------- */

Packed pack_tokenizer(Packer *pack, const char *folder)
{
    Packed p;
    assert_int_equal(pack(folder, &p.blob, &p.bytes), SDC_OK);
    assert_int_equal(tokenizer_open(&p.t, p.blob, p.bytes), SDC_OK);
    return p;
}

int pack_listening(Packer *pack, const char *folder, void **blob, char *said, size_t room)
{
    int keep = dup(STDERR_FILENO);
    int64_t bytes;
    FILE *catch = tmpfile();
    dup2(fileno(catch), STDERR_FILENO);
    int code = pack(folder, blob, &bytes);
    dup2(keep, STDERR_FILENO);
    close(keep);
    rewind(catch);
    said[fread(said, 1, room - 1, catch)] = 0;
    fclose(catch);
    return code;
}

/* ---- recorded vectors ------------------------------------------------------------------------------------------- */

json_t *read_vectors(const char *folder)
{
    const char *path = format("%s/vectors.json", folder);
    gzFile file = gzopen(access(path, R_OK) ? format("%s.gz", path) : path, "rb");
    assert_non_null(file);
    size_t room = 1 << 24;
    char *text = malloc(room);
    assert_non_null(text);
    int n = gzread(file, text, (unsigned)room);
    gzclose(file);
    assert_true(n > 0 && n < (int)room);
    json_t *root = json_loadb(text, (size_t)n, JSON_ALLOW_NUL, NULL);
    free(text);
    assert_non_null(root);
    return root;
}

bool has_vectors(const char *folder, const char *name)
{
    const char *path = format("%s/%s/vectors.json", folder, name);
    return name[0] != '.' && (!access(path, R_OK) || !access(format("%s.gz", path), R_OK));
}

bool encodes_as(const Tokenizer *t, const json_t *text, const json_t *ids, int64_t length, int64_t pad)
{
    int64_t n = (int64_t)json_array_size(ids), kept = length && n > length ? length : n;
    Tokens got;
    assert_int_equal(tokenizer_encode(t, json_string_value(text), (int64_t)json_string_length(text), length, length > 0,
                                      &got), SDC_OK);
    bool same = got.length == (length ? length : n) && got.tokens == n && !got.cut == (kept == n);
    for (int64_t i = 0; same && i < got.length; i++) {
        int64_t from = i == kept - 1 ? n - 1 : i;
        same = got.ids[i] == (i < kept ? json_integer_value(json_array_get(ids, (size_t)from)) : pad);
    }
    tokens_free(&got);
    return same;
}

void set_field(json_t *root, const char *field, const char *value)
{
    json_t *set = json_loads(value, JSON_DECODE_ANY, NULL);
    const char *stop;
    assert_non_null(set);
    for (; (stop = strchr(field, '.')); field = stop + 1) {
        char key[64];
        snprintf(key, sizeof key, "%.*s", (int)(stop - field), field);
        root = json_is_array(root) ? json_array_get(root, strtoul(key, NULL, 10)) : json_object_get(root, key);
        assert_non_null(root);
    }
    if (json_is_object(root))
        assert_int_equal(json_object_set_new(root, field, set), 0);
    else if (strtoul(field, NULL, 10) == json_array_size(root))
        assert_int_equal(json_array_append_new(root, set), 0);
    else
        assert_int_equal(json_array_set_new(root, strtoul(field, NULL, 10), set), 0);
}

int complain(const json_t *vector)
{
    char *shown = json_dumps(vector, JSON_ENSURE_ASCII | JSON_COMPACT | JSON_ENCODE_ANY);
    print_error("differs: %s\n", shown);
    free(shown);
    return 1;
}

/* ---- what is refused -------------------------------------------------------------------------------------------- */

void check_bad_texts(const Tokenizer *t)
{
    static const char *const rows[] = {"\xff", "a\x80", "\xc3", "a\xc3", "\xc0\x80", "\xed\xa0\x80", "a\xed\xa0\x80",
                                       "\xf4\x90\x80\x80", "ok \xe2\x82"};
    Tokens got;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(tokenizer_encode(t, rows[i], (int64_t)strlen(rows[i]), 32, true, &got), SDC_BAD_INPUT);
    char *large = malloc(TOKENIZER_MAX_TEXT + 1);
    assert_non_null(large);
    memset(large, 'x', TOKENIZER_MAX_TEXT + 1);
    assert_int_equal(tokenizer_encode(t, large, TOKENIZER_MAX_TEXT + 1, 32, true, &got), SDC_BAD_INPUT);
    assert_int_equal(tokenizer_encode(t, large, TOKENIZER_MAX_TEXT, 32, true, &got), SDC_OK);
    tokens_free(&got);
    free(large);
}

void check_damaged_blobs(const Packed *p, int64_t dense, int64_t step, const uint32_t *values, size_t n,
                         void (*use)(const Tokenizer *t))
{
    uint32_t *words = aligned_alloc(8, (size_t)(p->bytes + 7) & ~(size_t)7);
    assert_non_null(words);
    int refused = 0, used = 0;
    Tokenizer t;
    for (int64_t at = 0; at < p->bytes / 4; at += at < dense ? 1 : step)
        for (size_t k = 0; k < n; k++) {
            memcpy(words, p->blob, (size_t)p->bytes);
            words[at] = values[k];
            if (tokenizer_open(&t, words, p->bytes)) {
                refused++;
                continue;
            }
            used++;
            use(&t);
        }
    print_message("%d damaged blobs refused, %d harmless\n", refused, used);
    for (int64_t cut = 0; cut < p->bytes; cut += 7)
        assert_int_equal(tokenizer_open(&t, p->blob, cut), SDC_BAD_INPUT);
    assert_int_equal(tokenizer_open(&t, NULL, 0), SDC_BAD_INPUT);
    free(words);
}

void check_ids(const Tokenizer *t, const char *text, int64_t length, uint32_t vocabulary)
{
    Tokens got;
    assert_int_equal(tokenizer_encode(t, text, (int64_t)strlen(text), length, true, &got), SDC_OK);
    for (int64_t i = 0; i < got.length; i++)
        assert_true(got.ids[i] >= 0 && got.ids[i] < vocabulary);
    tokens_free(&got);
}
