/* folder.c: a diffusers/optimum model folder as one executable.
 *
 * model_index.json or config.json names the class; one row of pipelines.c says which components it has, which of their
 * axes follow from the picture's size, the batch and the tokenizer's length, and which driver runs them.  Each
 * component is compiled once for every batch and size that the driver may ask for; equal weights are stored once.
 * Parts: folder_pipeline.h. */
#include "folder.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder_pipeline.h"
#include "json_file.h"

/* ---- classes that make their programs themselves ----------------------------------------------------------------- */

/* The row of a folder when it is such a class; NULL when not. */
static const PipelineRule *own_rule(const char *folder, const Options *o)
{
    json_t *index = NULL;
    const PipelineRule *rule = folder_rule(folder, &index);
    json_decref(index);
    if (!rule->make && o->length)
        fail(SDC_USAGE, "%s: a %s has no --length", folder, rule->class);
    if (!rule->make)
        return NULL;
    if (o->sizes.count || o->batch || o->dims.count || o->shapes.count || o->binds.count)
        fail(SDC_USAGE, "--size, --batch, --dim, --shape and --bind are not for a %s; it takes --length", rule->class);
    for (int k = 0; k < o->defaults.count; k++)
        if (rule->check_default(o->defaults.list[k], rule->class))
            exit(SDC_USAGE);
    return rule;
}

static void compile_own(const PipelineRule *rule, const char *folder, const Options *o, const BuildOptions *given)
{
    Section sections[MAX_OWN];
    BuildOptions b = *given;
    int count;
    Program **programs = rule->make(folder, rule->class, o, given->isa, &count, sections, &b.n_sections);
    b.driver = rule->driver;
    b.takes_lora = rule->takes_lora;
    b.sections = sections;
    build(programs, count, &b);
}

/* ---- sections ---------------------------------------------------------------------------------------------------- */

static Section text_section(const char *name, const char *text)
{
    return (Section){name, text, (int64_t)strlen(text)};
}

/* The section "pipeline": the class, what the file that names it says, and the components' configurations. */
static char *pipeline_section(const Pipeline *p)
{
    char *text = text_format("class=%s\n", p->rule->class);
    if (p->n_tokenizers)
        text = text_format("%stokenizer.max_length=%lld\n", text, (long long)p->tokens[0]);
    text = json_settings(p->index, "index.", text);
    for (const SectionRule *rule = p->rule->configs; rule->section; rule++) {
        const char *path = text_format("%s/%s/config.json", p->folder, rule->folder);
        if (access(path, F_OK))
            continue;
        json_t *config = read_json(path);
        text = json_settings(config, rule->section, text);
        json_decref(config);
    }
    if (p->refiner)
        text = json_settings(p->refiner->index, "refiner.index.", text);
    return p->facts.settings ? text_format("%s%s", text, p->facts.settings) : text;
}

/* The sections of a folder's schedulers from sections[n] on; returns n behind them. */
static int add_schedulers(const Pipeline *p, Section *sections, int n)
{
    for (const SectionRule *rule = p->rule->schedulers; rule->section; rule++) {
        json_t *scheduler = read_json(text_format("%s/%s/scheduler_config.json", p->folder, rule->folder));
        sections[n++] = text_section(rule->section, json_settings(scheduler, "", ""));
        json_decref(scheduler);
    }
    return n;
}

/* ---- either ------------------------------------------------------------------------------------------------------ */

Program **folder_programs(const char *folder, const Options *o, const Isa *isa, bool once, int *count)
{
    const PipelineRule *own = own_rule(folder, o);
    if (own)
        return own->make(folder, own->class, o, isa, count, (Section[MAX_OWN]){0}, &(int){0});
    Pipeline *p = folder_open(folder, o, isa);
    p->once = once;
    folder_compile(p);
    folder_close(p);
    *count = p->n_programs;
    return p->programs;
}

void compile_folder(const char *folder, const Options *o, const BuildOptions *given)
{
    const PipelineRule *own = own_rule(folder, o);
    if (own) {
        compile_own(own, folder, o, given);
        return;
    }
    Pipeline *p = folder_open(folder, o, given->isa);
    folder_compile(p);
    Section sections[2 * (MAX_TOKENIZERS + MAX_SCHEDULERS) + MAX_STATISTICS + 2];
    int n = 0;
    for (int k = 0; k < p->n_tokenizers; k++)
        sections[n++] = p->tokenizers[k];
    if (p->clip_tokenizer.data)
        sections[n++] = p->clip_tokenizer;
    n = add_schedulers(p, sections, n);
    if (p->refiner)
        n = add_schedulers(p->refiner, sections, n);
    for (int k = 0; k < p->n_statistics; k++)
        sections[n++] = p->statistics[k];
    sections[n++] = text_section("pipeline", pipeline_section(p));
    BuildOptions b = *given;
    b.driver = p->rule->driver;
    b.takes_lora = p->rule->takes_lora;
    b.sections = sections;
    b.n_sections = n;
    build(p->programs, p->n_programs, &b);
    folder_close(p);
}
