/* components.c: see components.h. */
#include "components.h"

#include <string.h>
#include <unistd.h>

#include "../runtime/scheduler.h"
#include "json_file.h"

/* What a folder holds that was not exported. */
static const char *const weights[] = {"diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors",
                                      "diffusion_pytorch_model.bin", "model.safetensors", "model.fp16.safetensors",
                                      "pytorch_model.bin"};

static const char *first_file(const char *folder, const char *const *names, size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (!access(text_format("%s/%s", folder, names[k]), R_OK))
            return names[k];
    return NULL;
}

const char *graph_file(const char *folder, const char *name)
{
    static const char *const types[] = {"", "_fp16", ".fp16"};
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        const char *const places[] = {text_format("%s/model%s.onnx", name, types[k]), text_format("%s%s.onnx", name, types[k]),
                                      text_format("onnx/%s%s.onnx", name, types[k])};
        const char *found = first_file(folder, places, sizeof places / sizeof *places);
        if (found)
            return text_format("%s/%s", folder, found);
    }
    return NULL;
}

const char *component_file(const char *folder, const ComponentRule *rule)
{
    const char *name = rule->folder ? rule->folder : rule->name, *graph = graph_file(folder, name);
    if (graph)
        return graph;
    const char *here = rule->flat ? folder : text_format("%s/%s", folder, name);
    const char *other = first_file(here, weights, sizeof weights / sizeof *weights);
    if (rule->required && other)
        fail(SDC_BAD_INPUT, "%s/model.onnx: is missing; %s there are PyTorch's weights: export the folder to ONNX", here,
             other);
    if (rule->required)
        fail(SDC_BAD_INPUT, "%s/model.onnx: is missing; the pipeline needs it", here);
    return NULL;
}

/* The last --default scheduler=NAME; NULL when there is none. */
static const char *default_scheduler(const Options *o)
{
    static const char key[] = "scheduler=";
    const char *name = NULL;
    for (int k = 0; k < o->defaults.count; k++)
        if (!strncmp(o->defaults.list[k], key, strlen(key)))
            name = o->defaults.list[k] + strlen(key);
    return name;
}

void check_schedulers(const char *folder, const PipelineRule *rule, const Options *o)
{
    const char *name = default_scheduler(o);
    for (const SectionRule *s = rule->schedulers; s->section; s++, name = NULL) {
        const char *path = text_format("%s/%s/scheduler_config.json", folder, s->folder);
        json_t *root = read_json(path);
        char *text = json_settings(root, "", "");
        SchedulerConfig config;
        Scheduler *scheduler = NULL;
        int code = scheduler_config_read(&config, name, text, (int64_t)strlen(text));
        if (!code)
            code = scheduler_create(&scheduler, &config, 1, 1);
        if (code)
            fail(code, "%s: %s%s%s%s", path, name ? "--default scheduler=" : "", name ? name : "", name ? ": " : "",
                 config.message);
        if (rule->flows ? !scheduler_flows(&config) : config.class->training == TRAINED_FLOW)
            fail(SDC_UNSUPPORTED, "%s: %s %s, which a %s %s", path, config.class->name,
                 rule->flows ? "does not do flow matching" : "does flow matching", rule->class,
                 rule->flows ? "needs" : "is not trained for");
        if (scheduler_learns_variance(&config) && !rule->variances)
            fail(SDC_UNSUPPORTED, "%s: variance_type: a %s's network predicts no variances", path, rule->class);
        scheduler_destroy(scheduler);
        scheduler_config_free(&config);
        json_decref(root);
    }
}
