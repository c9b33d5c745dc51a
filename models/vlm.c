/* vlm.c: the command line program of a vision language model: looks, reads, writes text to stdout as it comes.
 *
 * A character that is not complete yet waits for its other tokens, and so do replacement characters at the end, which
 * may become others. */
#define _GNU_SOURCE 1
#include <stdlib.h>
#include <string.h>

#include "../runtime/array_io.h"
#include "../runtime/fileio.h"
#include "../runtime/json.h"
#include "pipeline.h"
#include "vlm.h"

/* ---- the text --------------------------------------------------------------------------------------------------- */

static int64_t printed;                 /* bytes of the text so far */

static int64_t text_of(const Vlm *v, char **text)
{
    return tokenizer_bpe_decode(&v->tokenizer, v->tokens, v->produced, true, text);
}

static void print_text(Vlm *v, bool last)
{
    char *text;
    int64_t bytes = text_of(v, &text);
    if (bytes < 0)
        return;
    while (!last && bytes >= 3 && !memcmp(text + bytes - 3, "\xef\xbf\xbd", 3))
        bytes -= 3;
    if (bytes > printed) {
        fwrite(text + printed, 1, (size_t)(bytes - printed), stdout);
        fflush(stdout);
        printed = bytes;
    }
    free(text);
}

static void say(Vlm *v) { print_text(v, false); }
static void say_nothing(Vlm *v) { (void)v; }

static void print_ids(const char *key, const int64_t *ids, int64_t n)
{
    printf(",\"%s\":[", key);
    for (int64_t i = 0; i < n; i++)
        printf("%s%lld", i ? "," : "", (long long)ids[i]);
    printf("]");
}

static int print_json(const Vlm *v)
{
    char *text;
    if (text_of(v, &text) < 0)
        return sdc_error(SDC_NO_SPACE, "out of memory");
    printf("{");
    sdc_json_text("text", text);
    print_ids("prompt_ids", v->ids, v->count);
    print_ids("ids", v->tokens, v->produced);
    printf(",\"ended\":%s,\"image_ms\":%.6g,\"prefill_ms\":%.6g,\"decode_ms\":%.6g}\n", v->ended ? "true" : "false",
           v->image_seconds * 1e3, v->prefill_seconds * 1e3, v->decode_seconds * 1e3);
    free(text);
    return SDC_OK;
}

/* ---- the trace -------------------------------------------------------------------------------------------------- */

static int write_trace(const Vlm *v)
{
    SdcArray prompt = {.dtype = DT_I64, .rank = 1, .dim = {v->count}, .count = v->count, .data = v->ids,
                       .name = (char *)(uintptr_t)"prompt_ids"};
    SdcArray tokens = {.dtype = DT_I64, .rank = 1, .dim = {v->produced}, .count = v->produced, .data = v->tokens,
                       .name = (char *)(uintptr_t)"tokens"};
    SdcArray logits = {.dtype = DT_F32, .rank = 2, .dim = {v->produced, v->vocabulary},
                       .count = v->produced * v->vocabulary, .data = v->trace, .name = (char *)(uintptr_t)"logits"};
    return sdc_npz_write(v->options->trace, (const SdcArray *const[]){&prompt, &tokens, &logits}, 3);
}

/* ---- commands --------------------------------------------------------------------------------------------------- */

static int answer(Vlm *v)
{
    const VlmOptions *o = v->options;
    int code;
    printed = 0;
    if ((o->trace && (code = sdc_output_check(o->trace))) || (code = vlm_prompt(v)) || (code = vlm_prefill(v)) ||
        (code = vlm_answer(v, o->common.json ? say_nothing : say)))
        return code;
    if (o->common.json) {
        code = print_json(v);
    } else {
        print_text(v, true);
        putchar('\n');
    }
    return code || !o->trace ? code : write_trace(v);
}

static int look(const VlmOptions *o)
{
    Vlm v;
    int code = vlm_open(&v, o);
    if (!code)
        code = o->runs ? vlm_bench(&v) : answer(&v);
    vlm_close(&v);
    return code;
}

static int obey(const VlmOptions *o)
{
    int code;
    if (o->common.info && !o->common.help)
        return vlm_info(o);
    if (driver_answered(&o->common, &vlm_help, &code))
        return code;
    if (!o->prompt && !o->ids)
        return sdc_error(SDC_USAGE, "what is asked?  for example: %s --image crab.png \"caption en\"; see --help",
                         sdc_model.name);
    return look(o);
}

int sdc_vlm_main(int argc, char **argv)
{
    VlmOptions o;
    int code = vlm_options_read(&o, argc, argv);
    return driver_end(code ? code : obey(&o));
}
