/* scheduler_read: a sampler's configuration out of a name, a folder's text and a command line; see scheduler.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler_family.h"

enum { MAX_TEXT = 1 << 20, MAX_NUMBER = 40 };

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* Behind a name: sigmas, or the spacing of timesteps, by diffusers' names of the web UI's schedule types. */
typedef struct { const char *ending, *field, *value; } Ending;
static const Ending endings[] = {
    { "_karras", "use_karras_sigmas", "true" },
    { "_exponential", "use_exponential_sigmas", "true" },
    { "_beta", "use_beta_sigmas", "true" },
    { "_sgm_uniform", "timestep_spacing", "trailing" },
    { "_simple", "timestep_spacing", "trailing" },
};
enum { N_ENDINGS = sizeof endings / sizeof endings[0] };

/* "DPM++ 2M Karras" to "dpmpp_2m_karras". */
static void plain_name(char plain[SCHEDULER_NAME], const char *name)
{
    size_t n = 0;
    for (; *name && n + 1 < SCHEDULER_NAME; name++)
        plain[n++] = *name == '+' ? 'p' : *name == ' ' || *name == '-' ? '_' : (char)tolower((unsigned char)*name);
    plain[n] = '\0';
}

/* Cut a "_karras" or its like off the end. */
static const Ending *cut_ending(char *plain)
{
    size_t length = strlen(plain);
    for (int i = 0; i < N_ENDINGS; i++) {
        size_t n = strlen(endings[i].ending);
        if (length > n && strcmp(plain + length - n, endings[i].ending) == 0) {
            plain[length - n] = '\0';
            return &endings[i];
        }
    }
    return NULL;
}

static int set_ending(SchedulerConfig *c, const Ending *ending)
{
    if (!scheduler_class_has(c->class, ending->field))
        return scheduler_config_fail(c, SDC_USAGE, "%s has no \"%s\" schedule", c->class->name, ending->ending + 1);
    for (int i = 0; i < N_ENDINGS; i++)         /* one kind of sigmas alone */
        if (strcmp(endings[i].value, "true") == 0)
            scheduler_config_set(c, endings[i].field, "false");
    return scheduler_config_set(c, ending->field, ending->value);
}

static const SchedulerName *row_named(const SchedulerName *row, const char *plain)
{
    while (row->name && strcmp(row->name, plain) != 0)
        row++;
    return row->name ? row : NULL;
}

/* Which name to take instead of one that is not there. */
static int refuse_name(SchedulerConfig *c, const char *name, const char *plain, const Ending *ending)
{
    const SchedulerName *absent = row_named(scheduler_absent, plain);
    if (absent)
        return scheduler_config_fail(c, SDC_USAGE, "scheduler \"%.60s\" is not implemented; the closest is %s%s", name,
                                     absent->overrides, ending ? ending->ending : "");
    char near[SCHEDULER_MESSAGE / 2] = "";
    size_t used = 0;
    int limit = (int)strlen(plain) / 4 + 1;
    for (const SchedulerName *row = scheduler_names; *plain && row->name; row++)
        if ((!strncmp(row->name, plain, strlen(plain)) || sdc_text_distance(plain, row->name) <= limit) &&
            used + strlen(row->name) + 2 < sizeof near)
            used += (size_t)snprintf(near + used, sizeof near - used, "%s%s", used ? ", " : "", row->name);
    return scheduler_config_fail(c, SDC_USAGE, "there is no scheduler \"%.60s\"; %s%s--scheduler list names them", name,
                                 used ? "near it: " : "", used ? strcat(near, "; ") : "");
}

/* ---- the text of a folder's scheduler_config.json ---------------------------------------------------------------- */

/* The next "key=value" line of the text as two strings inside buffer, which has room for bytes + 1.
 * false: none is left. */
static bool next_line(const char **text, const char *end, char *buffer, char **value)
{
    while (*text < end) {
        const char *newline = memchr(*text, '\n', (size_t)(end - *text));
        size_t length = (size_t)((newline ? newline : end) - *text);
        memcpy(buffer, *text, length);
        buffer[length] = '\0';
        *text += length + (newline ? 1 : 0);
        *value = strchr(buffer, '=');
        if (*value) {
            *(*value)++ = '\0';
            return true;
        }
    }
    return false;
}

/* What a folder's text says of its own sampler, for samplers of other classes. */
typedef struct {
    char class[SCHEDULER_NAME], shift[MAX_NUMBER];
    SchedulerTraining training;     /* of the network */
} Own;

static Own read_own(const char *text, const char *end, char *buffer)
{
    Own own = { .shift = "null" };
    char *value;
    while (next_line(&text, end, buffer, &value)) {
        if (strcmp(buffer, "_class_name") == 0)
            snprintf(own.class, sizeof own.class, "%s", value);
        if (strcmp(buffer, "shift") == 0 || strcmp(buffer, "flow_shift") == 0)
            snprintf(own.shift, sizeof own.shift, "%s", value);
        if (strcmp(buffer, "prediction_type") == 0 && strcmp(value, "flow_prediction") == 0)
            own.training = TRAINED_FLOW;
    }
    const SchedulerClass *class = scheduler_class(own.class);
    if (class && class->training != TRAINED_DIFFUSION)
        own.training = class->training;
    if (!class && !strncmp(own.class, "FlowMatch", 9))
        own.training = TRAINED_FLOW;
    return own;
}

/* What a sampler does that is for networks of one training alone. */
static const char *const trainings[] = {
    [TRAINED_FLOW] = "flow matching", [TRAINED_EDM] = "EDM's preconditioning",
    [TRAINED_CONSISTENCY] = "consistency models' steps", [TRAINED_ANGLE] = "timesteps from 1 to 0",
};

/* Another sampler than the folder's own: one for the same networks, or with flow sigmas for those that match flows. */
static int keep_training(SchedulerConfig *c, const Own *own)
{
    const SchedulerClass *class = c->class;
    bool flow_sigmas = own->training == TRAINED_FLOW && scheduler_class_has(class, "use_flow_sigmas");
    if (class->training == own->training)
        return own->training == TRAINED_FLOW ? scheduler_config_set(c, "shift", own->shift) : SDC_OK;
    if (class->training != TRAINED_DIFFUSION)
        return scheduler_config_fail(c, SDC_USAGE, "%s does %s, which this network was not trained for: its own is %s",
                                     class->name, trainings[class->training], own->class);
    if (!flow_sigmas)
        return scheduler_config_fail(c, SDC_USAGE, "%s does not do %s, which this network needs", class->name,
                                     trainings[own->training]);
    scheduler_config_set(c, "use_flow_sigmas", "true");
    scheduler_config_set(c, "prediction_type", "flow_prediction");
    return scheduler_config_set(c, "flow_shift", own->shift);
}

bool scheduler_flows(const SchedulerConfig *c)
{
    return c->class->training == TRAINED_FLOW || c->prediction_type == PREDICT_FLOW;
}

bool scheduler_learns_variance(const SchedulerConfig *c)
{
    return c->variance_type == VARIANCE_LEARNED || c->variance_type == VARIANCE_LEARNED_RANGE;
}

/* The class of the same method for networks of another training. */
static const char *class_for(SchedulerTraining training, const char *class_name)
{
    static const struct { const char *name; SchedulerTraining training; const char *other; } classes[] = {
        { "EulerDiscreteScheduler", TRAINED_FLOW, "FlowMatchEulerDiscreteScheduler" },
        { "HeunDiscreteScheduler", TRAINED_FLOW, "FlowMatchHeunDiscreteScheduler" },
        { "LCMScheduler", TRAINED_FLOW, "FlowMatchLCMScheduler" },
        { "EulerDiscreteScheduler", TRAINED_EDM, "EDMEulerScheduler" },
        { "DPMSolverMultistepScheduler", TRAINED_EDM, "EDMDPMSolverMultistepScheduler" },
    };
    for (size_t k = 0; k < sizeof classes / sizeof *classes; k++)
        if (!strcmp(classes[k].name, class_name) && classes[k].training == training)
            return classes[k].other;
    return class_name;
}

/* Initialise by the text's class, or by class_name, then set the text's fields.  buffer as in next_line(). */
static int read_text(SchedulerConfig *c, const char *class_name, const char *text, const char *end, char *buffer)
{
    char *value;
    Own own = read_own(text, end, buffer);
    if (!class_name && !own.class[0])
        return scheduler_config_fail(c, SDC_BAD_INPUT, "the scheduler's configuration has no _class_name");
    bool other = class_name && own.class[0] && strcmp(class_name, own.class) != 0;
    if (class_name)
        class_name = class_for(own.training, class_name);
    int code = scheduler_config_init(c, class_name ? class_name : own.class);
    while (!code && next_line(&text, end, buffer, &value))
        code = scheduler_config_set(c, buffer, value);
    if (!code && c->class->inverse)
        return scheduler_config_fail(c, class_name ? SDC_USAGE : SDC_UNSUPPORTED, "%s makes noise of a picture, which "
                                     "no pipeline here does", c->class->name);
    return code || !other ? code : keep_training(c, &own);
}

/* The words "field=value" between commas, from a command line. */
static int set_fields(SchedulerConfig *c, const char *words)
{
    while (*(words += strspn(words, ","))) {
        char word[2 * SCHEDULER_NAME];
        size_t length = strcspn(words, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, words);
        char *equals = strchr(word, '=');
        if (equals)
            *equals = '\0';
        if (!equals || length >= sizeof word || !scheduler_class_has(c->class, word))
            return scheduler_config_fail(c, SDC_USAGE, "%s has no field \"%.60s\"", c->class->name, word);
        int code = scheduler_config_set(c, word, equals + 1);
        if (code)
            return code;
        words += length;
    }
    return SDC_OK;
}

/* Up to the first comma; empty where that is a field already. */
static void cut_name(char own[SCHEDULER_NAME], const char *name, const char **words)
{
    size_t length = strcspn(name, ","), equals = strcspn(name, "=");
    length = equals < length ? 0 : length;
    snprintf(own, SCHEDULER_NAME, "%.*s", (int)length, name);
    *words = name + length;
}

int scheduler_config_read(SchedulerConfig *c, const char *given, const char *text, int64_t bytes)
{
    *c = (SchedulerConfig){ 0 };
    char plain[SCHEDULER_NAME] = "", own[SCHEDULER_NAME] = "";
    const char *words = "";
    if (given)
        cut_name(own, given, &words);
    const char *name = own[0] || (given && !*words) ? own : NULL;
    const Ending *ending = NULL;
    const SchedulerName *row = NULL;
    const SchedulerClass *class = name ? scheduler_class(name) : NULL;
    if (name && !class) {
        plain_name(plain, name);
        ending = cut_ending(plain);
        row = row_named(scheduler_names, plain);
        if (!row)
            return refuse_name(c, name, plain, ending);
    }
    if (bytes < 0 || bytes > MAX_TEXT)
        return scheduler_config_fail(c, SDC_BAD_INPUT, "the scheduler's configuration is too long");
    char *buffer = malloc((size_t)bytes + 1);
    if (!buffer)
        return scheduler_config_fail(c, SDC_NO_SPACE, "out of memory");
    int code = read_text(c, class ? class->name : row ? row->class_name : NULL, text, text + bytes, buffer);
    free(buffer);
    if (!code && row)
        code = scheduler_config_words(c, row->overrides);
    if (!code && ending)
        code = set_ending(c, ending);
    if (!code)
        code = set_fields(c, words);
    if (code)
        scheduler_config_free(c);
    return code;
}

void scheduler_list(FILE *out)
{
    for (const SchedulerName *row = scheduler_names; row->name; row++)
        fprintf(out, "%-20s %s%s%s\n", row->name, row->class_name, row->overrides[0] ? "  " : "", row->overrides);
    fprintf(out, "Behind a name, where the class has them: _karras, _exponential, _beta (sigmas), _sgm_uniform, _simple "
            "(timesteps).\n");
}
