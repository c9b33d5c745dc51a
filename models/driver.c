/* driver.c: see driver.h. */
#define _GNU_SOURCE 1
#include "driver.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sd_report.h"

/* ---- options ---------------------------------------------------------------------------------------------------- */

int driver_set_threads(void *o, const char *v)
{
    return sdc_option_int("--threads", v, 1, 1024, &((DriverOptions *)o)->threads);
}

#define FLAG(name) \
    int driver_set_##name(void *o, const char *v) { ((DriverOptions *)o)->name = *v == '1'; return SDC_OK; }
FLAG(check)
FLAG(help)
FLAG(info)
FLAG(json)
FLAG(pin)
FLAG(quiet)
FLAG(version)
#undef FLAG

int driver_set_bit_depth(void *into, const char *v)
{
    DriverOptions *o = into;
    o->deep = !strcmp(v, "16");
    return o->deep || !strcmp(v, "8") ? SDC_OK : sdc_error(SDC_USAGE, "--bit-depth: '%s' is neither 8 nor 16", v);
}

int driver_bits(const DriverOptions *o)
{
    return o->deep ? 16 : 8;
}

int driver_append(const char *name, const char *text, DriverList *list)
{
    if (list->count == DRIVER_LIST)
        return sdc_error(SDC_USAGE, "--%s is given more than %d times", name, DRIVER_LIST);
    list->list[list->count++] = text;
    return SDC_OK;
}

int driver_parse(const SdcOption *table, void *into, int argc, char **argv, int *positional)
{
    int code = driver_defaults(table, into);
    return code ? code : sdc_options_parse(table, into, argc, argv, positional, driver_note);
}

/* ---- questions -------------------------------------------------------------------------------------------------- */

/* text with each "%s" replaced by the executable's name. */
static void print_named(const char *text)
{
    for (const char *at; (at = strstr(text, "%s")); text = at + 2)
        printf("%.*s%s", (int)(at - text), text, sdc_model.name);
    fputs(text, stdout);
}

static void print_help(const DriverHelp *help)
{
    print_named(help->usage);
    sdc_options_help(stdout, help->table);
    if (help->defaults)
        help->defaults();
    driver_defaults_help(stdout);
    printf("\nExamples:\n");
    print_named(help->examples);
    printf("\nExit status: 0 done, 1 wrong usage, 2 bad input, 3 unsupported, 4 out of memory or disk, 70 a bug.\n");
}

bool driver_answered(const DriverOptions *o, const DriverHelp *help, int *code)
{
    *code = SDC_OK;
    if (o->help) {
        print_help(help);
    } else if (o->version) {
        printf("%s, compiled by sdc %s\n", sdc_model.name, sdc_model.version);
    } else if (o->check) {
        if (!(*code = sdc_self_check()))
            puts(o->json ? "{\"intact\":true}" : "intact");
    } else if (o->info) {
        *code = help->info ? help->info(o) : sd_info(&(SdInfo){.common = o, .count = 1});
    } else {
        return false;
    }
    return true;
}

bool driver_listed(const DriverOptions *o, const char *scheduler)
{
    if (o->help || o->version || !scheduler || strcmp(scheduler, "list"))
        return false;
    scheduler_list(stdout);
    return true;
}

/* ---- the rest --------------------------------------------------------------------------------------------------- */

int driver_scheduler(const DriverSampler *s, SchedulerConfig *config, Scheduler **scheduler)
{
    SdcSection text = sdc_section(s->section);
    if (!text.data)
        return sdc_error(SDC_BAD_INPUT, "the %s's configuration is missing from this file", s->section);
    int code = scheduler_config_read(config, s->asked, text.data, text.bytes);
    if (!code && scheduler_learns_variance(config) && !s->variances) {
        snprintf(config->message, sizeof config->message, "variance_type: the network predicts no variances");
        code = SDC_UNSUPPORTED;
    }
    if (!code)
        code = scheduler_create(scheduler, config, s->count, s->size);
    if (code && s->asked)
        return sdc_error(code == SDC_NO_SPACE ? code : SDC_USAGE, "--scheduler %s: %s", s->asked, config->message);
    if (code)
        return sdc_error(code, "%s: %s", s->section, config->message);
    if (!isnan(s->eta))
        (*scheduler)->options.eta = s->eta;
    return SDC_OK;
}

int driver_fits(const Scheduler *s, const SdcTensor *timestep)
{
    const SchedulerTraining training = s->class->training;
    if (dtype_is_float(timestep->dtype) || training == TRAINED_DIFFUSION || training == TRAINED_FLOW)
        return SDC_OK;
    return sdc_error(SDC_UNSUPPORTED, "this network takes whole timesteps, which %s's are not", s->class->name);
}

int driver_pool(const DriverOptions *o, SdcPool **pool)
{
    int threads = o->threads ? (int)o->threads : sdc_default_threads();
    *pool = sdc_pool_create(threads);
    if (!*pool)
        return sdc_error(SDC_NO_SPACE, "no room for %d threads", threads);
    return o->pin ? sdc_pool_pin(*pool) : SDC_OK;
}

int driver_end(int code)
{
    if (fflush(stdout) && !code)
        code = sdc_error(SDC_NO_SPACE, "standard output cannot be written: %s", strerror(errno));
    return code;
}
