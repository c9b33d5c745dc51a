/* driver_record.c: see driver_record.h. */
#include "driver_record.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

/* ---- what was given --------------------------------------------------------------------------------------------- */

/* FILE[:SCALE] and FILE[:TOKEN] add up; of other options the last one counts. */
static bool adds_up(const SdcOption *row)
{
    return row->argument && strstr(row->argument, "[:");
}

int driver_note(void *options, const SdcOption *row, const char *value)
{
    DriverGiven *given = &((DriverOptions *)options)->given;
    int k = 0;
    while (k < given->n && (given->list[k].row != row || adds_up(row)))
        k++;
    if (k == DRIVER_GIVEN)
        return sdc_error(SDC_BUG, "--%s: more than %d options were given", row->name, DRIVER_GIVEN);
    given->list[k].row = row;
    given->list[k].value = value;
    given->n += k == given->n;
    return SDC_OK;
}

/* ---- in words --------------------------------------------------------------------------------------------------- */

void driver_record_value(FILE *out, const char *value)
{
    if (!value[strcspn(value, ",\n\"\\")]) {
        fputs(value, out);
        return;
    }
    fputc('"', out);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            fputc('\\', out);
        if (*value == '\n')
            fputs("\\n", out);
        else
            fputc(*value, out);
    }
    fputc('"', out);
}

void driver_record_model(FILE *out)
{
    fprintf(out, ", Model hash: %010llx, Model: ", (unsigned long long)(sdc_self_hash() >> 24));
    driver_record_value(out, sdc_model.name);
}

/* Where the fields begin: behind the name, or at once. */
static size_t name_bytes(const char *asked)
{
    const size_t name = strcspn(asked, ",="), whole = strlen(asked);
    return name < whole && asked[name] == '=' ? 0 : name;
}

void driver_record_sampler(FILE *out, const char *asked, const char *class)
{
    static const char suffix[] = "Scheduler";
    const size_t given = asked ? name_bytes(asked) : 0, n = given ? given : strlen(class), cut = sizeof suffix - 1;
    const char *name = given ? asked : class;
    const bool long_name = n > cut && !memcmp(name + n - cut, suffix, cut);
    fprintf(out, ", Sampler: %.*s", (int)(long_name ? n - cut : n), name);
}

void driver_record_fields(FILE *out, const char *asked)
{
    const char *fields = asked ? asked + name_bytes(asked) : "";
    if (!*fields)
        return;
    fputs(", Scheduler settings: ", out);
    driver_record_value(out, fields + (*fields == ','));
}

/* ---- options ---------------------------------------------------------------------------------------------------- */

/* No picture depends on these, but how finely it is written. */
static const char *const silent[] = {"output",  "bit-depth", "preview-every", "save-latents", "trace", "bench",   "pin",
                                     "threads", "info",      "json",          "check",        "quiet", "version", "help",
                                     NULL};

static bool is_among(const char *const *names, const char *name)
{
    while (*names && strcmp(*names, name))
        names++;
    return *names;
}

/* Does the value leave the options other than they are without it? */
static bool differs(const DriverRecord *record, const SdcOption *row, const char *value)
{
    char *changed = malloc(record->bytes);
    if (!changed)
        return true;
    memcpy(changed, record->plain, record->bytes);
    const bool differ = row->set(changed, value) || memcmp(changed, record->plain, record->bytes);
    free(changed);
    return differ;
}

/* "guidance-rescale", ".7" -> "Guidance rescale: .7" */
static void write_option(FILE *out, const SdcOption *row, const char *value)
{
    fprintf(out, ", %c", toupper((unsigned char)row->name[0]));
    for (const char *at = row->name + 1; *at; at++)
        fputc(*at == '-' ? ' ' : *at, out);
    fputs(": ", out);
    const bool file = row->argument && !strncmp(row->argument, "FILE", 4);
    const char *slash = file ? strrchr(value, '/') : NULL;
    if (row->argument)
        driver_record_value(out, slash ? slash + 1 : value);
    else
        fputs(*value == '1' ? "yes" : "no", out);
}

void driver_record(FILE *out, const DriverGiven *given, const DriverRecord *record)
{
    for (const SdcOption *row = record->table; row->name; row++)
        for (int k = 0; k < given->n; k++)
            if (given->list[k].row == row && !is_among(silent, row->name) && !is_among(record->apart, row->name) &&
                differs(record, row, given->list[k].value))
                write_option(out, row, given->list[k].value);
}
