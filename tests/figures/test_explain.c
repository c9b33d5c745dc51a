/* test_explain.c: candidates for fusion as `sdc explain` lists them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../cli/explain.h"

#undef fail                     /* cmocka has a macro of that name */
#include <cmocka.h>

/* The runtime's messages begin with the model's name. */
const SdcModel sdc_model = {.name = "sdc", .version = "0"};

static Model *model(void)
{
    static const char text[] = "graph \"g\"\n  input v0 \"x\": f32[4]\n  v1 = Relu(v0)\n  v2 = Neg(v1)\n"
                               "  output v2 \"y\"\nend\n";
    Model *m = model_new("test");
    m->graph = graph_parse(m, text, "test");
    m->graph->last->name = "block/Neg\n";
    return m;
}

static const char *printed(const Model *m)
{
    char *text;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    print_candidates(out, m);
    fclose(out);
    return text;
}

static void test_none(void **state)
{
    (void)state;
    assert_string_equal(printed(model()), "nothing that could be fused was found\n");
}

static void test_grouped(void **state)
{
    (void)state;
    Model *m = model();
    const Node *relu = m->graph->first, *neg = m->graph->last;
    candidate_became(relu, "LayerNorm", "layer_norm over %d", 4);
    candidate_missed(neg, "attention", "the scores are read by %s", "Neg");
    candidate_missed(neg, "LayerNorm", "no mean");
    char *wanted = text_format("LayerNorm: 2 found, 1 fused, 1 missed\n  %-10s  layer_norm over 4\n"
                               "  %-10s  missed: no mean\nattention: 1 found, 0 fused, 1 missed\n"
                               "  %-10s  missed: the scores are read by Neg\n",
                               text_format("n%d", relu->id), "block/Neg?", "block/Neg?");
    assert_string_equal(printed(m), wanted);
    KindCount kinds[MAX_KINDS];
    assert_int_equal(candidate_kinds(m, kinds, MAX_KINDS), 2);
    assert_string_equal(kinds[1].kind, "attention");
}

/* Candidates of pass fuse that it missed, of a graph with one input. */
static int missed(const char *text)
{
    Model *m = model_new("test");
    m->graph = graph_parse(m, text, "test");
    pass_infer(m->graph);
    pass_fuse(m->graph);
    int count = 0;
    for (const FusionCandidate *c = m->candidates; c; c = c->next)
        count += !c->became;
    return count;
}

static void test_missed(void **state)
{
    (void)state;
    /* the second product's epilogue adds the first one's */
    assert_int_equal(missed("graph \"g\"\n  input v0 \"x\": f32[4,4]\n  v1 = MatMul(v0, v0)\n"
                            "  v2 = Sin(v0)\n  v3 = MatMul(v2, v2)\n  v4 = Add(v1, v3)\n  output v4 \"y\"\nend\n"), 0);
    /* two readers, and neither has an anchor */
    assert_int_equal(missed("graph \"g\"\n  input v0 \"x\": f32[4,4]\n  v1 = MatMul(v0, v0)\n"
                            "  v2 = Sin(v1)\n  v3 = Neg(v1)\n  output v2 \"y\"\n  output v3 \"z\"\nend\n"), 1);
}

/* A norm before a convolution of 32 to so many channels: what is listed when the graph has been lowered. */
static const char *lowered(int channels, int size)
{
    Model *m = model_new("test");
    m->graph = graph_parse(m, text_format("graph \"g\"\n  input v0 \"x\": f32[1,32,%d,%d]\n"
                                          "  const v1: f32[32] = normal(1)\n  const v2: f32[%d,32,3,3] = normal(2)\n"
                                          "  v3 = GroupNormalization(v0, v1, v1) num_groups=4\n  v4 = Swish(v3)\n"
                                          "  v5 = Conv(v4, v2) pads=[1,1,1,1] \"conv\"\n  output v5 \"y\"\nend\n",
                                          size, size, channels), "test");
    run_passes(m->graph, &(Bindings){.exact = true}, NULL);
    lower_graph(m->graph, "test", isa_by_name("x86-64-v3"));
    return printed(m);
}

/* Normalising each patch anew is dear beside few products. */
static void test_parted(void **state)
{
    (void)state;
    assert_string_equal(lowered(256, 32), "prologue: 1 found, 1 fused, 0 missed\n"
                                      "  conv  GroupNormalization, Swish, Conv\n");
    assert_string_equal(lowered(32, 16), "norm: 1 found, 1 fused, 0 missed\n"
                                    "  conv  GroupNormalization, Swish in one pass: "
                                    "normalising each patch anew would cost more than it saves\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_none), cmocka_unit_test(test_grouped),
                                       cmocka_unit_test(test_missed), cmocka_unit_test(test_parted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
