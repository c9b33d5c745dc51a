/* scheduler_family.h: what a family of samplers implements, and what the families share.  Not for drivers. */
#ifndef SDC_SCHEDULER_FAMILY_H
#define SDC_SCHEDULER_FAMILY_H

#include "runtime.h"
#include "scheduler.h"

/* How much of the picture and how much noise a noisy sample holds: keep * x0 + add * noise. */
typedef struct { float keep, add; } NoiseLevel;

struct SchedulerFamily {
    int (*check)(Scheduler *s);                     /* may settle s->config; NULL: nothing to check */
    int (*set_timesteps)(Scheduler *s, int64_t steps);
    int (*step)(Scheduler *s, const float *model_output, float *sample);
    NoiseLevel (*noise_level)(const Scheduler *s);  /* at s->index */
    float (*divisor)(const Scheduler *s);           /* of the network's input; NULL: 1 */
    int history;                                    /* arrays of count floats that step() needs */
    bool timestep_names_step;                       /* diffusers finds the first step by its timestep */
};

extern const SchedulerFamily family_ddpm, family_ddim, family_pndm, family_euler, family_euler_ancestral, family_lms,
    family_heun, family_kdpm2, family_kdpm2_ancestral, family_dpm_sde, family_dpm_multistep, family_dpm_singlestep, family_unipc,
    family_deis, family_lcm, family_tcd, family_flow_euler, family_flow_heun, family_flow_lcm, family_unclip,
    family_ddim_inverse, family_ipndm, family_edm_euler, family_dpm_multistep_inverse, family_edm_dpm_multistep,
    family_sa, family_consistency;

/* ---- scheduler.c ------------------------------------------------------------------------------------------------- */

/* Write the message and return code. */
int scheduler_fail(Scheduler *s, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* s->noise[count] from the caller's generator. */
int scheduler_draw(Scheduler *s);

/* Make room for n evaluations; the arrays' contents are undefined after it. */
int scheduler_reserve(Scheduler *s, int64_t n);

/* Rotate history[0..depth) so that its oldest array comes first, and return that one. */
float *scheduler_push(Scheduler *s, int depth);

/* ---- scheduler_config.c ------------------------------------------------------------------------------------------ */

enum { SCHEDULER_NAME = 64 };

int scheduler_config_fail(SchedulerConfig *c, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Set the fields of "field=value field=value". */
int scheduler_config_words(SchedulerConfig *c, const char *words);

/* By diffusers' name in any case; NULL: there is none. */
const SchedulerClass *scheduler_class(const char *name);
bool scheduler_class_has(const SchedulerClass *class, const char *key);

/* The text of a field that is a choice. */
const char *scheduler_choice(const SchedulerConfig *c, const char *key);

int scheduler_config_copy(SchedulerConfig *into, const SchedulerConfig *from);

/* ---- scheduler_betas.c: the training schedule -------------------------------------------------------------------- */

/* Allocate and fill alphas_cumprod, train_sigmas and log_sigmas.  tiny_last: with rescale_betas_zero_snr the last
 * alpha is 2^-24 instead of 0, so that its sigma is finite. */
int scheduler_make_betas(Scheduler *s, bool tiny_last);

/* The training schedule's own beta at timestep t, without rescale_betas_zero_snr. */
float scheduler_beta(const Scheduler *s, int64_t t);

/* alphas_cumprod[t], final_alpha_cumprod for t < 0; t must be below num_train_timesteps. */
float scheduler_alpha(const Scheduler *s, int64_t t);

/* SDC_UNSUPPORTED when a timestep lies outside the training schedule (a steps_offset too large). */
int scheduler_check_timesteps(Scheduler *s);

/* NoiseLevel by alphas_cumprod at the timestep of s->index. */
NoiseLevel scheduler_alpha_noise(const Scheduler *s);

/* ---- scheduler_spacing.c: timesteps and sigmas of a run ---------------------------------------------------------- */

/* Timesteps in falling order into s->timesteps by config.timestep_spacing.
 * INTEGERS: rounded.  FLOATS: linspace unrounded, as float32.  BELOW: one step more is laid out and the last one left
 * out, under `last` instead of num_train_timesteps.  Returns how many, steps except where `last` cuts some off. */
enum { TIMESTEPS_INTEGERS, TIMESTEPS_FLOATS, TIMESTEPS_BELOW };
int64_t scheduler_space(Scheduler *s, int64_t steps, int64_t last, int kind);

/* Turn the first n timesteps around, for samplers that go from the picture to noise. */
void scheduler_reverse_timesteps(Scheduler *s, int64_t n);

/* numpy's linspace, element i of n from `from` to `to`. */
double scheduler_linspace(double from, double to, int64_t n, int64_t i);

/* The training sigma at a fractional timestep. */
double scheduler_interpolate(const Scheduler *s, double timestep);

/* The fractional timestep of a sigma, given its logarithm. */
double scheduler_sigma_to_timestep(const Scheduler *s, double log_sigma);
double scheduler_log_sigma(double sigma);           /* of at least 1e-10 */

/* Karras et al.'s sigma at a share of the way from maximum to minimum. */
double scheduler_karras_sigma(double maximum, double minimum, double rho, double share);

/* n sigmas falling from maximum to minimum by the scheme that the configuration asks for; false: it asks for none. */
bool scheduler_convert_sigmas(const Scheduler *s, double *sigmas, int64_t n, double maximum, double minimum);

/* The k-diffusion classes: steps timesteps in s->timesteps and their sigmas in s->work.  round_karras: timesteps of
 * Karras sigmas are rounded.  Returns the number of sigmas, which is one more for log_linear. */
int64_t scheduler_k_schedule(Scheduler *s, int64_t steps, bool round_karras);

/* s->sigmas = the first n of s->work as float32 and a final one. */
void scheduler_store_sigmas(Scheduler *s, int64_t n, float final);

/* init_noise_sigma of the k-diffusion classes, from s->sigmas. */
void scheduler_k_init_noise(Scheduler *s);

/* The EDM classes: steps sigmas in s->work, their timesteps in s->timesteps, and init_noise_sigma. */
void scheduler_edm_schedule(Scheduler *s, int64_t steps);

/* sqrt(sigma^2 + sigma_data^2) at s->index; sigma_data is 1 where the class has none. */
float scheduler_k_divisor(const Scheduler *s);
NoiseLevel scheduler_k_noise(const Scheduler *s);   /* x0 + sigma noise */

/* ---- scheduler_predict.c: from the network's output to x0 or epsilon --------------------------------------------- */

/* x0[count] of a variance-preserving sample = alpha x0 + sigma epsilon; x0 may be model_output. */
void scheduler_x0(const Scheduler *s, float alpha, float sigma, const float *model_output, const float *sample,
                  float *x0);
/* epsilon[count] likewise; epsilon may be model_output. */
void scheduler_epsilon(const Scheduler *s, float alpha, float sigma, const float *model_output, const float *sample,
                       float *epsilon);
/* x0 of an element of a k-diffusion sample x = x0 + sigma epsilon, by what the class's networks were trained for. */
float scheduler_k_x0(const Scheduler *s, float sigma, float model_output, float sample);
/* x0[count] by dynamic thresholding or clipping, whichever the configuration asks for. */
int scheduler_limit_x0(Scheduler *s, float *x0);

/* ---- scheduler_dpm.c: what DPM-Solver, UniPC and DEIS share ------------------------------------------------------ */

/* Signal, noise and log(signal / noise) of sigmas[i]. */
typedef struct { float alpha, sigma, lambda; } DpmLevel;
DpmLevel scheduler_dpm_level(const Scheduler *s, int64_t i);
NoiseLevel scheduler_dpm_noise(const Scheduler *s);

/* Flow sigmas of a run into s->timesteps and s->work. */
typedef int DpmFlow(Scheduler *s, int64_t steps);
/* The schedule of a run.  repeat_last: converted sigmas end by repeating their own last one where the final sigma
 * is not zero; else that is the training schedule's smallest.  Inverse classes: it rises to the noisiest. */
int scheduler_dpm_schedule(Scheduler *s, int64_t steps, int final_sigmas_type, bool repeat_last, DpmFlow *flow);
int scheduler_dpm_flow(Scheduler *s, int64_t steps);

/* The network's output at s->index as x0 (dpmsolver++) or epsilon (dpmsolver), into out[count]. */
int scheduler_dpm_convert(Scheduler *s, const float *model_output, const float *sample, float *out);

/* x_t = sample * x + d0 * D0 + d1 * D1 + d2 * D2 + noise * z. */
typedef struct { float sample, d0, d1, d2, noise; } DpmCoefficients;
/* From level `from` over the step h to level `to`.  exact: D1 and D2 weighted by their integrals (heun and order 3);
 * else D1 by the midpoint rule. */
DpmCoefficients scheduler_dpm_coefficients(const Scheduler *s, DpmLevel to, DpmLevel from, bool exact);

#endif
