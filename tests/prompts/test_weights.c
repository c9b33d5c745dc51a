/* test_weights.c: brackets of prompts against recorded pieces (make_weights.py).
 *
 *      test_weights SOURCE_FOLDER */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../models/sd_prompt.h"
#include "../../runtime/runtime.h"

static const char *source;

/* The next line without its end, malloc'd; NULL behind the last. */
static char *next_line(FILE *in)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n = getline(&line, &room, in);
    if (n < 0) {
        free(line);
        return NULL;
    }
    line[n - (line[n - 1] == '\n')] = 0;
    return line;
}

static json_t *text_of(const char *line)
{
    json_t *text = json_loads(line, JSON_DECODE_ANY, NULL);
    assert_non_null(text);
    return text;
}

static void test_recorded(void **state)
{
    char path[4096];
    int prompts = 0;
    (void)state;
    snprintf(path, sizeof path, "%s/tests/prompts/weights.txt", source);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    SdPieces pieces = {0};
    int64_t at = 0;
    for (char *line; (line = next_line(in)); free(line)) {
        if (*line == '"') {
            json_t *prompt = text_of(line);
            assert_int_equal(at, pieces.n);
            sd_pieces_free(&pieces);
            assert_int_equal(sd_pieces_parse(&pieces, json_string_value(prompt)), SDC_OK);
            json_decref(prompt);
            at = 0;
            prompts++;
            continue;
        }
        char *end;
        const double weight = strtod(line, &end);
        json_t *text = text_of(end);
        assert_true(at < pieces.n);
        assert_string_equal(pieces.list[at].text, json_string_value(text));
        assert_true(pieces.list[at].weight == weight);
        assert_int_equal(pieces.list[at].breaks, !strcmp(json_string_value(text), "BREAK") && weight == -1);
        json_decref(text);
        at++;
    }
    assert_int_equal(at, pieces.n);
    sd_pieces_free(&pieces);
    fclose(in);
    assert_true(prompts > 150);
}

static void test_too_many(void **state)
{
    enum { MANY = 100000 };
    char *text = malloc(MANY + 1), message[256];
    (void)state;
    for (int k = 0; k < 3; k++) {
        SdPieces pieces;
        for (int j = 0; j < MANY; j++)
            text[j] = "(\\["[k];
        text[MANY] = 0;
        sdc_error_catch(message, sizeof message);
        assert_int_equal(sd_pieces_parse(&pieces, text), SDC_BAD_INPUT);
        sdc_error_catch(NULL, 0);
        assert_non_null(strstr(message, "brackets"));
        sd_pieces_free(&pieces);
    }
    free(text);
}

static void test_mean_is_kept(void **state)
{
    float values[6] = {1, 2, 3, 4, 5, 6};
    const float weights[3] = {1, 2, 1};
    (void)state;
    sd_chunk_weigh(values, weights, 3, 2);
    const float factor = 21.0f / 28;
    for (int k = 0; k < 6; k++)
        assert_true(values[k] == (float)(k + 1) * weights[k / 2] * factor);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_recorded), cmocka_unit_test(test_too_many),
                                       cmocka_unit_test(test_mean_is_kept)};
    source = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
