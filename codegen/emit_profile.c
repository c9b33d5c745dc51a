/* emit_profile.c: profile.c of an emitted executable: a line about each call, and the loops that measure the ceiling.
 *
 * Lines are text in one constant: it holds no pointers, so an executable that is not asked for its profile never
 * touches a page of it.  They have the order of the STEP() numbers in the listing. */
#include <inttypes.h>

#include "emit.h"

static const char *const kinds[] = {[CALL_IF] = "if", [CALL_LOOP] = "loop"};

static void print_calls(FILE *out, const Block *block)
{
    for (const Call *c = block->first; c; c = c->next) {
        const char *value = call_value(c);
        Traffic t = call_traffic(c);
        const char *line = text_format("%s %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s",
                                       *value ? value : "-", c->kind == CALL_KERNEL ? c->kernel : kinds[c->kind],
                                       c->flops, t.read, t.written, t.weights, c->note);
        fputs("    ", out);
        emit_string(out, line);
        fputs(" \"\\n\"\n", out);
        if (c->then_block)
            print_calls(out, c->then_block);
        if (c->else_block)
            print_calls(out, c->else_block);
    }
}

bool has_profile(const BuildOptions *o)
{
    return o->kind != EMIT_LIBRARY && !o->driver;
}

int64_t emit_profile(const Program *p, const char *folder)
{
    FILE *out = emit_open(folder, "profile.c");
    fputs("/* profile.c: what --profile needs; emitted by sdc. */\n#define NAME sdc_ceiling\n#include \"ceiling.h\"\n\n"
          "/* Value, kernel, FLOPs, bytes read, written, of weights; what the call does. */\n"
          "static const char calls[] =\n", out);
    print_calls(out, &p->body);
    fputs("    \"\";\n\nconst SdcProfile sdc_profile = {\n    .calls = calls, .multiply = sdc_ceiling_multiply, "
          ".bf16 = sdc_ceiling_bf16,\n    .read = sdc_ceiling_read, .copy = sdc_ceiling_copy,\n    .multiply_flops = &sdc_ceiling_flops, "
          ".bf16_flops = &sdc_ceiling_bf16_flops,\n};\n", out);
    return emit_close(out, folder, "profile.c");
}
