/* test_cache.c: a decoder's cache in the forms that exporters give it. */
#define _GNU_SOURCE 1
#include "../../cli/vlm_cache.h"                /* before cmocka, which has a fail() too */
#include "../../runtime/runtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

static const char plain[] =
    "graph \"g\"\n"
    "  input v0 \"x\": f32[1,2,3,4]\n"
    "  input v1 \"past_key_values.0.key\": f32[1,2,5,4]\n"
    "  input v2 \"past_key_values.0.value\": f32[1,2,5,4]\n"
    "  v3 = Tanh(v0)\n"
    "  v4 = Neg(v0)\n"
    "  v5 = Concat(v1, v3) axis=2\n"
    "  v6 = Concat(v2, v4) axis=2\n"
    "  v7 = Sigmoid(v0)\n"
    "  output v7 \"logits\"\n"
    "  output v5 \"present.0.key\"\n"
    "  output v6 \"present.0.value\"\n"
    "end\n";

/* As optimum merges two decoders: without a cache the new keys are all there are. */
static const char merged[] =
    "graph \"g\"\n"
    "  input v0 \"x\": f32[1,2,3,4]\n"
    "  input v1 \"past_key_values.0.key\": f32[1,2,5,4]\n"
    "  input v2 \"past_key_values.0.value\": f32[1,2,5,4]\n"
    "  input v3 \"use_cache_branch\": bool[1]\n"
    "  v4 = Neg(v0)\n"
    "  v5, v6, v7 = If(v3) then_branch=graph\n"
    "      v8 = Tanh(v4)\n"
    "      v9 = Concat(v1, v8) axis=2\n"
    "      v10 = Concat(v2, v4) axis=2\n"
    "      v11 = Sigmoid(v4)\n"
    "      output v11 \"logits\"\n"
    "      output v9 \"present.0.key\"\n"
    "      output v10 \"present.0.value\"\n"
    "    end else_branch=graph\n"
    "      v12 = Tanh(v4)\n"
    "      v13 = Exp(v4)\n"
    "      output v13 \"logits\"\n"
    "      output v12 \"present.0.key\"\n"
    "      output v4 \"present.0.value\"\n"
    "    end\n"
    "  output v5 \"logits\"\n"
    "  output v6 \"present.0.key\"\n"
    "  output v7 \"present.0.value\"\n"
    "end\n";

/* Logits of the last tokens alone: how many, an input says. */
static const char last_logits[] =
    "graph \"g\"\n"
    "  input v0 \"x\": f32[1,2,3,4]\n"
    "  input v1 \"past_key_values.0.key\": f32[1,2,5,4]\n"
    "  input v2 \"past_key_values.0.value\": f32[1,2,5,4]\n"
    "  input v3 \"num_logits_to_keep\": i64[]\n"
    "  v4 = Tanh(v0)\n"
    "  v5 = Neg(v0)\n"
    "  v6 = Concat(v1, v4) axis=2\n"
    "  v7 = Concat(v2, v5) axis=2\n"
    "  v8 = Cast(v3) to=1\n"
    "  v9 = Mul(v0, v8)\n"
    "  output v9 \"logits\"\n"
    "  output v6 \"present.0.key\"\n"
    "  output v7 \"present.0.value\"\n"
    "end\n";

/* The cache's output is the new part alone, of the branch that has a cache, and its input stays. */
static void check(const char *text, Op logits)
{
    for (int with = 0; with < 2; with++) {
        Graph *g = graph_parse(model_new("text"), text, "text");
        (with ? keep_cache_and_logits : keep_cache)(g);
        graph_check(g, "the cut");
        assert_int_equal(g->n_inputs, 3);
        assert_true(g->inputs[1]->stays && g->inputs[2]->stays);
        assert_int_equal(g->n_outputs, 2 + with);
        assert_string_equal(g->output_names[with], "present.0.key");
        assert_string_equal(g->output_names[1 + with], "present.0.value");
        assert_int_equal(g->outputs[with]->def->op, OP_Tanh);
        if (with)
            assert_int_equal(g->outputs[0]->def->op, logits);
    }
}

static void test_plain(void **state)
{
    (void)state;
    check(plain, OP_Sigmoid);
}

static void test_merged(void **state)
{
    (void)state;
    check(merged, OP_Sigmoid);
}

static void test_last_logits(void **state)
{
    (void)state;
    check(last_logits, OP_Mul);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain), cmocka_unit_test(test_merged),
                                       cmocka_unit_test(test_last_logits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
