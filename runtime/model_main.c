/* model_main.c: the command line of a single-model executable.
 *
 * Options are rows; sdc_model_main() reads as the path of a run: bind files, load inputs, run, report, write. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_cli.h"
#include "profile.h"

enum { MAX_THREADS = 1024, MAX_RUNS = 1000000, PROFILE_RUNS = 10, MAX_PROFILE_RUNS = 1000 };

/* ---- options ---- */

static bool is_on(const char *value) { return value[0] == '1'; }

static int set_input(void *into, const char *value)
{
    SdcCommand *c = into;
    c->inputs[c->n_inputs++] = value;
    return SDC_OK;
}

static int set_output(void *into, const char *value)
{
    SdcCommand *c = into;
    c->outputs[c->n_outputs++] = value;
    return SDC_OK;
}

static int set_bench(void *into, const char *value)
{
    return sdc_option_int("--bench", value, 1, MAX_RUNS, &((SdcCommand *)into)->bench);
}

static int set_profile(void *into, const char *value)
{
    SdcCommand *c = into;
    c->profile = PROFILE_RUNS;
    return value ? sdc_option_int("--profile", value, 1, MAX_PROFILE_RUNS, &c->profile) : SDC_OK;
}

/* Executables of several programs are made by `sdc bench` alone. */
static int set_program(void *into, const char *value)
{
    int64_t number;
    int code = sdc_option_int("--program", value, 0, sdc_model.n_programs - 1, &number);
    if (!code)
        ((SdcCommand *)into)->program = sdc_model.programs[number];
    return code;
}

/* Times so many programs from --program on, for `sdc compile --tune`. */
static int set_turns(void *into, const char *value)
{
    return sdc_option_int("--turns", value, 1, sdc_model.n_programs, &((SdcCommand *)into)->turns);
}

static int set_threads(void *into, const char *value)
{
    return sdc_option_int("--threads", value, 1, MAX_THREADS, &((SdcCommand *)into)->threads);
}

static int set_seed(void *into, const char *value)
{
    return sdc_option_int("--seed", value, 0, INT64_MAX, &((SdcCommand *)into)->seed);
}

static int set_lora(void *into, const char *value) { return sdc_lora_option(&((SdcCommand *)into)->loras, value); }

#define FLAG(field)                                           \
    static int set_##field(void *into, const char *value)     \
    {                                                         \
        ((SdcCommand *)into)->field = is_on(value);           \
        return SDC_OK;                                        \
    }
FLAG(pin)
FLAG(info)
FLAG(json)
FLAG(check)
FLAG(help)
FLAG(version)
#undef FLAG

static const SdcOption options[] = {
    {"input", 'i', "NAME=FILE", "read an input: .npy, member NAME of an .npz (or FILE.npz:MEMBER), ONNX tensor .pb; "
                                "inputs not given are random", set_input},
    {"output", 'o', "NAME=FILE", "write an output as .npy, or into an .npz; without any, print a line for each",
     set_output},
    {"lora", 0, "FILE[:SCALE]", "add a LoRA, .safetensors by kohya's scripts or diffusers, to the weights (repeat)",
     set_lora},
    {"bench", 0, "N", "time N runs after one to warm up", set_bench},
    {"profile", 0, "[=N]", "time every kernel call: median of N runs (10), beside what this machine can do at most",
     set_profile},
    {"threads", 't', "N", "threads to use; default: the CPUs this process may use", set_threads},
    {"pin", 0, NULL, "keep each thread on a CPU of its own", set_pin},
    {"seed", 's', "S", "of the random inputs; default 0", set_seed},
    {"program", 0, "N", NULL, set_program},
    {"turns", 0, "N", NULL, set_turns},
    {"info", 0, NULL, "inputs, outputs, what it was compiled with, and the memory it takes", set_info},
    {"check", 0, NULL, "compare this file with its checksums", set_check},
    {"json", 0, NULL, "print one JSON object instead of text", set_json},
    {"help", 'h', NULL, "print this", set_help},
    {"version", 'V', NULL, "print the versions", set_version},
    {0},
};

static void print_help(const SdcProgram *p)
{
    const char *name = sdc_model.name, *input = p->n_inputs ? p->inputs[0].name : "x";
    const char *output = p->n_outputs ? p->outputs[0].name : "y";
    printf("Usage: %s [OPTION]...\nRuns the network that sdc compiled into this file.\n\n", name);
    sdc_options_help(stdout, options);
    printf("\nExamples:\n"
           "  %s --input %s=in.npy --output %s=out.npy\n"
           "  %s --seed 1 --output %s=out.npz\n"
           "  %s --bench 20 --threads 2 --json\n"
           "  %s --profile\n"
           "  %s --info\n",
           name, input, output, name, output, name, name, name);
    printf("\nExit codes: 0 done, 1 wrong usage, 2 bad input, 3 unsupported, 4 out of memory or disk.\n");
}

/* ---- running ---- */

typedef struct {
    const SdcProgram *program;
    SdcBindings inputs, outputs;
    SdcArray *arrays;                 /* one an input */
    SdcPool *pool;
    SdcContext context;
    double prompt, table;             /* seconds of the last run's prompt() and table() */
} Session;

static int open_session(Session *s, const SdcCommand *c)
{
    const SdcProgram *p = s->program = c->program;
    int code = sdc_bind_files(&s->inputs, p->inputs, p->n_inputs, c->inputs, c->n_inputs, "input");
    if (!code)
        code = sdc_bind_files(&s->outputs, p->outputs, p->n_outputs, c->outputs, c->n_outputs, "output");
    if (!code)
        code = sdc_bindings_check_outputs(&s->outputs, p);
    if (code)
        return code;
    s->arrays = calloc(p->n_inputs > 0 ? (size_t)p->n_inputs : 1, sizeof *s->arrays);
    s->pool = s->arrays ? sdc_pool_create((int)c->threads) : NULL;
    if (!s->pool)
        return sdc_error(SDC_NO_SPACE, "%lld threads cannot be started; ask for fewer with --threads",
                         (long long)c->threads);
    code = c->pin ? sdc_pool_pin(s->pool) : SDC_OK;
    if (!code)
        code = sdc_lora_apply(&c->loras, s->pool);
    if (!code)
        code = sdc_inputs_load(s->arrays, p, &s->inputs, c->seed);
    return code ? code : sdc_instance_open(&s->context, p, s->pool);
}

static void close_session(Session *s, const SdcProgram *p)
{
    sdc_instance_close(&s->context);
    sdc_pool_destroy(s->pool);
    for (int i = 0; s->arrays && i < p->n_inputs; i++)
        sdc_array_free(&s->arrays[i]);
    free(s->arrays);
    free(s->inputs.path);
    free(s->outputs.path);
}

/* One complete run; inputs are placed anew, since the plan may reuse their memory.  Seconds, without the placing. */
static int run_once(void *session, SdcContext *c, double *seconds)
{
    Session *s = session;
    sdc_inputs_place(c, s->program, s->arrays);
    sdc_instance_fill_tables(c, s->program);
    double start = sdc_now();
    int code = s->program->prompt ? s->program->prompt(c) : SDC_OK;
    double after = sdc_now();
    s->prompt = after - start;
    if (!code && s->program->table)
        code = s->program->table(c);
    s->table = sdc_now() - after;
    if (!code)
        code = s->program->run(c);
    *seconds = sdc_now() - start;
    return code ? sdc_error(code, "%s: %s", s->program->name, c->error) : SDC_OK;
}

static int bench(Session *s, const SdcCommand *c)
{
    double *seconds = malloc(3 * (size_t)c->bench * sizeof *seconds), *prompts, *tables;
    if (!seconds)
        return sdc_error(SDC_NO_SPACE, "no memory for %lld times", (long long)c->bench);
    SdcProgress bar;
    prompts = seconds + c->bench;
    tables = prompts + c->bench;
    sdc_progress_begin(&bar, sdc_model.name, c->bench + 1, c->json);
    int code = run_once(s, &s->context, &seconds[0]);
    for (int64_t i = 0; i < c->bench && !code; i++) {
        sdc_progress_step(&bar, i + 1);
        code = run_once(s, &s->context, &seconds[i]);
        prompts[i] = s->prompt;
        tables[i] = s->table;
    }
    sdc_progress_end(&bar);
    if (!code) {
        double median = sdc_median(seconds, c->bench);
        SdcTimes times = {c->bench, (int)c->threads, seconds[0], median, 0, 0};
        if (s->program->prompt)
            times.prompt = sdc_median(prompts, c->bench);
        if (s->program->table)
            times.table = sdc_median(tables, c->bench);
        sdc_print_times(c->program, &times, c->json);
    }
    free(seconds);
    return code;
}

static int profile(Session *s, const SdcCommand *c)
{
    SdcProfileResult result;
    int code = sdc_profile_run(&result, &s->context, c->profile, run_once, s);
    if (!code)
        sdc_print_profile(&result, c->json);
    sdc_profile_free(&result);
    return code;
}

static int run_model(const SdcCommand *c)
{
    Session s = {0};
    double seconds;
    bool timed = c->bench || c->profile;
    int code = open_session(&s, c);
    if (!code && !timed)
        code = run_once(&s, &s.context, &seconds);
    if (!code && c->bench)
        code = bench(&s, c);
    if (!code && c->profile)
        code = profile(&s, c);
    if (!code)
        code = sdc_outputs_write(&s.context, c->program, &s.outputs);
    if (!code && !timed && (s.outputs.given == 0 || c->json))
        sdc_print_outputs(&s.context, c->program, c->json);
    close_session(&s, c->program);
    return code;
}

static int check_file(bool json)
{
    int code = sdc_self_check();
    if (!code)
        printf(json ? "{\"intact\":true}\n" : "intact\n");
    return code;
}

static int print_info(const SdcCommand *c)
{
    const int code = sdc_lora_apply(&c->loras, NULL);
    if (!code)
        sdc_print_info(c->program, (int)c->threads, c->json);
    return code;
}

static int obey(const SdcCommand *c)
{
    if (c->help)
        print_help(c->program);
    else if (c->version)
        printf("%s, compiled by sdc %s\n", sdc_model.name, sdc_model.version);
    else if (c->check)
        return check_file(c->json);
    else if (c->turns)
        return sdc_turns(c);
    else if (c->info)
        return print_info(c);
    else
        return run_model(c);
    return SDC_OK;
}

int sdc_model_main(int argc, char **argv)
{
    SdcCommand c = {.program = sdc_model.programs[0], .threads = sdc_default_threads()};
    int n_positional = 0;
    c.inputs = calloc((size_t)argc + 1, sizeof *c.inputs);
    c.outputs = calloc((size_t)argc + 1, sizeof *c.outputs);
    int code = c.inputs && c.outputs ? sdc_options_parse(options, &c, argc, argv, &n_positional, NULL)
                                     : sdc_error(SDC_NO_SPACE, "out of memory");
    if (!code && c.bench && c.profile)
        code = sdc_error(SDC_USAGE, "--bench and --profile are two runs; give one of them");
    if (!code && c.profile && c.program != sdc_model.programs[0])
        code = sdc_error(SDC_USAGE, "--profile knows the calls of program 0 alone");
    if (!code && n_positional)
        code = sdc_error(SDC_USAGE, "unexpected argument %s; files are given as --input NAME=FILE", argv[1]);
    if (!code)
        code = obey(&c);
    if (fflush(stdout) != 0 && !code)
        code = sdc_error(SDC_NO_SPACE, "standard output cannot be written: %s", strerror(errno));
    free(c.inputs);
    free(c.outputs);
    return code;
}
