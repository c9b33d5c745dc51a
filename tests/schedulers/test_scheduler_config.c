/* test_scheduler_config: names, configurations from text, starting points, and what must be refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime.h"
#include "scheduler.h"

/* The file of Stable Diffusion 1, as the compiler writes it into an executable. */
static const char folder[] = "_class_name=PNDMScheduler\n_diffusers_version=0.6.0\nbeta_end=0.012\n"
    "beta_schedule=scaled_linear\nbeta_start=0.00085\nnum_train_timesteps=1000\nset_alpha_to_one=false\n"
    "skip_prk_steps=true\nsteps_offset=1\ntrained_betas=null\nclip_sample=false";

static int read(SchedulerConfig *c, const char *name, const char *text)
{
    return scheduler_config_read(c, name, text, (int64_t)strlen(text));
}

static void the_folder_names_its_class(void **state)
{
    (void)state;
    SchedulerConfig c;
    assert_int_equal(read(&c, NULL, folder), SDC_OK);
    assert_string_equal(c.class->name, "PNDMScheduler");
    assert_true(c.skip_prk_steps);
    assert_int_equal(c.steps_offset, 1);
    assert_int_equal(c.timestep_spacing, SPACING_LEADING);
    assert_int_equal(c.beta_schedule, BETAS_SCALED_LINEAR);
    assert_true(c.beta_start == 0.00085);
    scheduler_config_free(&c);
}

/* As from_config: fields of the folder stay, also those that its own class ignores; the rest are the new defaults. */
static void another_class_keeps_the_folders_fields(void **state)
{
    (void)state;
    SchedulerConfig c;
    assert_int_equal(read(&c, "ddim", folder), SDC_OK);
    assert_false(c.clip_sample);
    assert_false(c.set_alpha_to_one);
    assert_true(c.clip_sample_range == 1);
    assert_int_equal(read(&c, "pndm", "_class_name=DDIMScheduler\nsteps_offset=1\n"), SDC_OK);
    assert_false(c.skip_prk_steps);
    assert_int_equal(read(&c, "heun", "_class_name=DDIMScheduler\nrescale_betas_zero_snr=true\n"), SDC_OK);
    assert_false(c.rescale_betas_zero_snr);
    assert_true(c.beta_end == 0.012);
}

/* Behind a name, or alone: set last, over the folder's and the name's own. */
static void fields_may_follow_a_name(void **state)
{
    (void)state;
    static const char *const wrong[] = {"euler,clip_sample=true", "euler,timestep_spacing", "euler,=1", "x,steps_offset=1",
                                        "euler,timestep_spacing=", "euler,timestep_spacing=none", ""};
    SchedulerConfig c;
    assert_int_equal(read(&c, "Euler a,timestep_spacing=trailing,steps_offset=0", folder), SDC_OK);
    assert_string_equal(c.class->name, "EulerAncestralDiscreteScheduler");
    assert_int_equal(c.timestep_spacing, SPACING_TRAILING);
    assert_int_equal(c.steps_offset, 0);
    assert_true(c.beta_start == 0.00085);
    assert_int_equal(read(&c, "steps_offset=7", folder), SDC_OK);
    assert_string_equal(c.class->name, "PNDMScheduler");
    assert_int_equal(c.steps_offset, 7);
    assert_int_equal(read(&c, "dpmpp_2m_karras,use_karras_sigmas=false", folder), SDC_OK);
    assert_false(c.use_karras_sigmas);
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
        assert_int_not_equal(read(&c, wrong[k], folder), SDC_OK);
}

typedef struct { const char *name, *class_name; } Spelling;
static const Spelling spellings[] = {
    { "ddim", "DDIMScheduler" }, { "DDIM", "DDIMScheduler" }, { "DDIMScheduler", "DDIMScheduler" },
    { "ddimscheduler", "DDIMScheduler" }, { "PLMS", "PNDMScheduler" }, { "Euler", "EulerDiscreteScheduler" },
    { "Euler a", "EulerAncestralDiscreteScheduler" }, { "euler_ancestral", "EulerAncestralDiscreteScheduler" },
    { "DPM++ 2M", "DPMSolverMultistepScheduler" }, { "DPM++ 2M Karras", "DPMSolverMultistepScheduler" },
    { "dpmpp_2m_karras", "DPMSolverMultistepScheduler" }, { "DPM++ 2M SDE Exponential", "DPMSolverMultistepScheduler" },
    { "DPM++ 3M SDE", "DPMSolverMultistepScheduler" }, { "dpmpp_2s", "DPMSolverSinglestepScheduler" },
    { "DPM2", "KDPM2DiscreteScheduler" }, { "DPM2 a Karras", "KDPM2AncestralDiscreteScheduler" },
    { "LMS Karras", "LMSDiscreteScheduler" }, { "Heun", "HeunDiscreteScheduler" },
    { "UniPC", "UniPCMultistepScheduler" }, { "lcm", "LCMScheduler" }, { "TCD", "TCDScheduler" },
    { "deis_beta", "DEISMultistepScheduler" },
    { "DPM++ SDE", "DPMSolverSinglestepScheduler" }, { "DPM++ SDE Karras", "DPMSolverSinglestepScheduler" },
    { "DPM++ 2M SDE Heun", "DPMSolverMultistepScheduler" }, { "Euler SGM Uniform", "EulerDiscreteScheduler" },
    { "DPM++ 2M Simple", "DPMSolverMultistepScheduler" }, { "SA Solver", "SASolverScheduler" },
    { "sa_solver_karras", "SASolverScheduler" }, { "dpm_sde_karras", "DPMSolverSDEScheduler" },
};

static void names_in_every_spelling(void **state)
{
    (void)state;
    SchedulerConfig c;
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        assert_int_equal(read(&c, spellings[i].name, folder), SDC_OK);
        assert_string_equal(c.class->name, spellings[i].class_name);
    }
}

/* As calculate_shift() of diffusers: the ends of the line, and what another class keeps of it. */
static void dynamic_shifting_follows_the_picture(void **state)
{
    (void)state;
    SchedulerConfig c;
    const char *flow = "_class_name=FlowMatchEulerDiscreteScheduler\nuse_dynamic_shifting=true\nmax_shift=2";
    assert_int_equal(read(&c, NULL, flow), SDC_OK);
    assert_true(fabs(scheduler_mu(&c, 256) - 0.5) < 1e-12 && fabs(scheduler_mu(&c, 4096) - 2) < 1e-12);
    assert_int_equal(read(&c, "dpmpp_2m", flow), SDC_OK);
    assert_true(c.use_dynamic_shifting && c.use_flow_sigmas);
    assert_true(fabs(scheduler_mu(&c, 2176) - 1.25) < 1e-12);
}

/* Absent, as null is: the class's own, over what another text said too. */
static void null_is_the_classs_default(void **state)
{
    (void)state;
    SchedulerConfig c;
    assert_int_equal(read(&c, "beta_end=null,steps_offset=null", folder), SDC_OK);
    assert_true(c.beta_end == 0.02 && c.steps_offset == 0);
    assert_int_equal(read(&c, "euler", "sigma_min=null"), SDC_OK);
    assert_true(isnan(c.sigma_min));
}

static void names_are_of_flows_where_the_network_is(void **state)
{
    (void)state;
    SchedulerConfig c;
    const char *edm = "_class_name=EDMDPMSolverMultistepScheduler\nsigma_data=1\nalgorithm_type=sde-dpmsolver++";
    assert_int_equal(read(&c, "euler", edm), SDC_OK);
    assert_string_equal(c.class->name, "EDMEulerScheduler");
    assert_true(c.sigma_data == 1);
    assert_int_equal(read(&c, "DPM++ 2M", edm), SDC_OK);
    assert_string_equal(c.class->name, "EDMDPMSolverMultistepScheduler");
    assert_int_equal(c.algorithm_type, ALGORITHM_DPMPP);
    assert_int_equal(read(&c, "sa_solver", "_class_name=DEISMultistepScheduler\nalgorithm_type=deis"), SDC_OK);
    assert_int_equal(c.algorithm_type, ALGORITHM_DATA);
    static const Spelling flows[] = { { "euler", "FlowMatchEulerDiscreteScheduler" },
                                      { "heun", "FlowMatchHeunDiscreteScheduler" },
                                      { "lcm", "FlowMatchLCMScheduler" },
                                      { "dpmpp_2m", "DPMSolverMultistepScheduler" } };
    for (size_t i = 0; i < sizeof flows / sizeof flows[0]; i++) {
        assert_int_equal(read(&c, flows[i].name, "_class_name=FlowMatchEulerDiscreteScheduler\nshift=3"), SDC_OK);
        assert_string_equal(c.class->name, flows[i].class_name);
        assert_true(scheduler_flows(&c) && (c.shift == 3 || c.flow_shift == 3));
    }
}

static void endings_choose_the_sigmas(void **state)
{
    (void)state;
    SchedulerConfig c;
    const char *karras = "_class_name=EulerDiscreteScheduler\nuse_karras_sigmas=true";
    assert_int_equal(read(&c, "euler", karras), SDC_OK);
    assert_true(c.use_karras_sigmas);
    assert_int_equal(read(&c, "euler_exponential", karras), SDC_OK);
    assert_true(c.use_exponential_sigmas && !c.use_karras_sigmas && !c.use_beta_sigmas);
    assert_int_equal(read(&c, "ddim_karras", folder), SDC_USAGE);
    assert_string_equal(c.message, "DDIMScheduler has no \"karras\" schedule");
    assert_int_equal(read(&c, "DPM++ 2M SDE", folder), SDC_OK);
    assert_int_equal(c.algorithm_type, ALGORITHM_SDE_DPMPP);
    assert_int_equal(read(&c, "Euler SGM Uniform", karras), SDC_OK);
    assert_true(c.timestep_spacing == SPACING_TRAILING && !c.use_karras_sigmas);
}

typedef struct { const char *name, *text; int code; const char *message; } Refusal;
static const Refusal refusals[] = {
    { "sampler", "", SDC_USAGE, "there is no scheduler \"sampler\"; --scheduler list names them" },
    { "Eulr a", "", SDC_USAGE, "there is no scheduler \"Eulr a\"; near it: euler_a; --scheduler list names them" },
    { "dpmpp", "", SDC_USAGE, "there is no scheduler \"dpmpp\"; near it: dpm2, dpmpp_2m, dpmpp_2m_sde, dpmpp_3m, "
      "dpmpp_3m_sde, dpmpp_2m_sde_heun, dpmpp_2s, dpmpp_sde; --scheduler list names them" },
    { "DPM++ 2S a Karras", "", SDC_USAGE,
      "scheduler \"DPM++ 2S a Karras\" is not implemented; the closest is dpmpp_2s_karras" },
    { "flow_euler", folder, SDC_USAGE, "FlowMatchEulerDiscreteScheduler does flow matching, which this network was not "
      "trained for: its own is PNDMScheduler" },
    { "ddim", "_class_name=FlowMatchEulerDiscreteScheduler", SDC_USAGE,
      "DDIMScheduler does not do flow matching, which this network needs" },
    { "ddim", "_class_name=DPMSolverMultistepScheduler\nprediction_type=flow_prediction", SDC_USAGE,
      "DDIMScheduler does not do flow matching, which this network needs" },
    { "edm_euler", folder, SDC_USAGE, "EDMEulerScheduler does EDM's preconditioning, which this network was not "
      "trained for: its own is PNDMScheduler" },
    { "ipndm", folder, SDC_USAGE, "IPNDMScheduler does timesteps from 1 to 0, which this network was not trained "
      "for: its own is PNDMScheduler" },
    { "consistency", "_class_name=EDMEulerScheduler", SDC_USAGE, "CMStochasticIterativeScheduler does consistency "
      "models' steps, which this network was not trained for: its own is EDMEulerScheduler" },
    { "ddim", "_class_name=EDMEulerScheduler", SDC_USAGE,
      "DDIMScheduler does not do EDM's preconditioning, which this network needs" },
    { "ddim", "_class_name=FlowMatchMineScheduler", SDC_USAGE,
      "DDIMScheduler does not do flow matching, which this network needs" },
    { "flow_heun", "_class_name=CMStochasticIterativeScheduler", SDC_USAGE, "FlowMatchHeunDiscreteScheduler does flow "
      "matching, which this network was not trained for: its own is CMStochasticIterativeScheduler" },
    { "DDIMInverseScheduler", folder, SDC_USAGE,
      "DDIMInverseScheduler makes noise of a picture, which no pipeline here does" },
    { NULL, "_class_name=DPMSolverMultistepInverseScheduler", SDC_UNSUPPORTED,
      "DPMSolverMultistepInverseScheduler makes noise of a picture, which no pipeline here does" },
    { "sa_solver,tau_func=2", "", SDC_BAD_INPUT, "SASolverScheduler: tau_func: 2 is not from 0 to 1" },
    { "edm_euler,sigma_data=0", "", SDC_BAD_INPUT, "EDMEulerScheduler: sigma_data: 0 is not above 0" },
    { "ddim,num_train_timesteps=0", "", SDC_BAD_INPUT, "DDIMScheduler: num_train_timesteps: 0 is not from 2 to 1000000" },
    { "ddim", "num_train_timesteps=-5", SDC_BAD_INPUT, "DDIMScheduler: num_train_timesteps: -5 is not from 2 to 1000000" },
    { "ddim", "num_train_timesteps=1", SDC_BAD_INPUT, "DDIMScheduler: num_train_timesteps: 1 is not from 2 to 1000000" },
    { "ddim", "beta_start=-1.0", SDC_BAD_INPUT, "DDIMScheduler: beta_start: -1 is not above 0 and below 1" },
    { "ddim", "beta_start=0", SDC_BAD_INPUT, "DDIMScheduler: beta_start: 0 is not above 0 and below 1" },
    { "ddim", "beta_end=1.5", SDC_BAD_INPUT, "DDIMScheduler: beta_end: 1.5 is not above 0 and below 1" },
    { "ddim", "beta_end=nan", SDC_BAD_INPUT, "DDIMScheduler: beta_end: nan is not above 0 and below 1" },
    { "ddim", "trained_betas=[0.1, 2]", SDC_BAD_INPUT, "DDIMScheduler: trained_betas: 2 is not above 0 and below 1" },
    { "ddim", "steps_offset=-1", SDC_BAD_INPUT, "DDIMScheduler: steps_offset: -1 is not from 0 to 1000000" },
    { "ddim", "clip_sample_range=0", SDC_BAD_INPUT, "DDIMScheduler: clip_sample_range: 0 is not above 0" },
    { "ddim", "dynamic_thresholding_ratio=2", SDC_BAD_INPUT,
      "DDIMScheduler: dynamic_thresholding_ratio: 2 is not from 0 to 1" },
    { "euler", "sigma_min=0", SDC_BAD_INPUT, "EulerDiscreteScheduler: sigma_min: 0 is not above 0" },
    { "flow_euler", "shift=inf", SDC_BAD_INPUT, "FlowMatchEulerDiscreteScheduler: shift: inf is not above 0" },
    { "", "", SDC_USAGE, "there is no scheduler \"\"; --scheduler list names them" },
    { NULL, "", SDC_BAD_INPUT, "the scheduler's configuration has no _class_name" },
    { NULL, "_class_name=Mine", SDC_UNSUPPORTED, "scheduler \"Mine\" is not supported" },
    { "ddim", "beta_start=fast", SDC_BAD_INPUT, "DDIMScheduler: beta_start \"fast\" is not understood" },
    { "ddim", "beta_start=0.1x", SDC_BAD_INPUT, "DDIMScheduler: beta_start \"0.1x\" is not understood" },
    { "ddim", "beta_start=", SDC_BAD_INPUT, "DDIMScheduler: beta_start \"\" is not understood" },
    { "ddim", "num_train_timesteps=1e300", SDC_BAD_INPUT,
      "DDIMScheduler: num_train_timesteps \"1e300\" is not understood" },
    { "ddim", "num_train_timesteps=2.5", SDC_BAD_INPUT,
      "DDIMScheduler: num_train_timesteps \"2.5\" is not understood" },
    { "ddim", "clip_sample=maybe", SDC_BAD_INPUT, "DDIMScheduler: clip_sample \"maybe\" is not understood" },
    { "ddim", "beta_schedule=mine", SDC_UNSUPPORTED, "DDIMScheduler: beta_schedule \"mine\" is not understood" },
    { "ddim", "trained_betas=[0.1, x]", SDC_BAD_INPUT, "DDIMScheduler: trained_betas \"[0.1, x]\" is not understood" },
    { "ddim", "trained_betas=[", SDC_BAD_INPUT, "DDIMScheduler: trained_betas \"[\" is not understood" },
    { "ddim", "trained_betas=", SDC_BAD_INPUT, "DDIMScheduler: trained_betas \"\" is not understood" },
    { "unipc", "solver_p={}", SDC_BAD_INPUT, "UniPCMultistepScheduler: solver_p \"{}\" is not understood" },
};

static void bad_text_is_refused(void **state)
{
    (void)state;
    SchedulerConfig c;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        assert_int_equal(read(&c, refusals[i].name, refusals[i].text), refusals[i].code);
        assert_string_equal(c.message, refusals[i].message);
    }
}

typedef struct { const char *name, *text; int code; const char *message; } Meaning;
static const Meaning meanings[] = {
    { "ddim", "beta_schedule=sigmoid", SDC_UNSUPPORTED, "beta_schedule \"sigmoid\" is not supported" },
    { "ddim", "prediction_type=flow_prediction", SDC_UNSUPPORTED, "prediction_type \"flow_prediction\"" },
    { "pndm", "prediction_type=sample", SDC_UNSUPPORTED, "PNDMScheduler: prediction_type \"sample\"" },
    { "ddpm", "variance_type=learned", SDC_OK, NULL },
    { "ddpm", "variance_type=null", SDC_OK, NULL },
    { "ddpm", "variance_type=fixed_large_log", SDC_UNSUPPORTED, "variance_type \"fixed_large_log\"" },
    { "euler", "use_karras_sigmas=true\nuse_beta_sigmas=true", SDC_UNSUPPORTED, "only one of" },
    { "ddim", "trained_betas=[0.1, 0.2]", SDC_BAD_INPUT, "trained_betas has 2 values for 1000" },
    { "dpmpp_2m", "solver_order=2\nalgorithm_type=dpmsolver", SDC_OK, NULL },    /* the name sets the algorithm */
    { "dpmpp_2m,algorithm_type=dpmsolver,final_sigmas_type=sigma_min", "", SDC_OK, NULL },
    { "dpmpp_2m,algorithm_type=dpmsolver", "", SDC_UNSUPPORTED,
      "algorithm_type \"dpmsolver\" needs final_sigmas_type \"sigma_min\"" },
    { "DPMSolverMultistepScheduler", "solver_order=4", SDC_UNSUPPORTED, "solver_order 4" },
    { "DPMSolverMultistepScheduler", "algorithm_type=data_prediction\nfinal_sigmas_type=sigma_min", SDC_UNSUPPORTED,
      "DPMSolverMultistepScheduler: algorithm_type \"data_prediction\" is not supported" },
    { "DPMSolverSinglestepScheduler", "algorithm_type=sde-dpmsolver\nfinal_sigmas_type=sigma_min", SDC_UNSUPPORTED,
      "algorithm_type \"sde-dpmsolver\" is not supported" },
    { "deis", "algorithm_type=noise_prediction", SDC_UNSUPPORTED,
      "algorithm_type \"noise_prediction\" is not supported" },
    { "deis", "algorithm_type=sde-dpmsolver++", SDC_UNSUPPORTED,
      "algorithm_type \"sde-dpmsolver++\" is not supported" },
    { "SASolverScheduler", "algorithm_type=dpmsolver++", SDC_UNSUPPORTED,
      "algorithm_type \"dpmsolver++\" is not supported" },
    { "sa_solver", "predictor_order=5", SDC_UNSUPPORTED, "predictor_order 5" },
    { "sa_solver", "corrector_order=0", SDC_UNSUPPORTED, "corrector_order 0" },
    { "sa_solver,algorithm_type=noise_prediction,thresholding=true", "", SDC_UNSUPPORTED, "has no thresholding" },
    { "sa_solver,algorithm_type=noise_prediction,prediction_type=flow_prediction", "", SDC_UNSUPPORTED,
      "has no flow_prediction" },
    { "edm_dpmpp_2m", "prediction_type=sample", SDC_UNSUPPORTED, "prediction_type \"sample\" is not supported" },
    { "edm_dpmpp_2m,algorithm_type=dpmsolver", "", SDC_UNSUPPORTED, "algorithm_type \"dpmsolver\" is not supported" },
    { "edm_dpmpp_2m_sde,solver_order=3", "", SDC_UNSUPPORTED, "has no solver_order 3" },
    { "unclip", "beta_schedule=scaled_linear", SDC_UNSUPPORTED, "beta_schedule \"scaled_linear\" is not supported" },
    { "unclip", "variance_type=learned", SDC_UNSUPPORTED, "variance_type \"learned\" is not supported" },
    { "ipndm", "num_train_timesteps=2\ntrained_betas=[0.5, 0.1]", SDC_UNSUPPORTED, "trained_betas are not supported" },
    { "unipc", "solver_order=0", SDC_UNSUPPORTED, "solver_order 0" },
    { "lcm", "original_inference_steps=0", SDC_UNSUPPORTED, "original_inference_steps 0" },
    { "flow_euler", "use_dynamic_shifting=true\nmax_image_seq_len=256", SDC_BAD_INPUT, "are both 256" },
    { "flow_lcm", "scale_factors=[0.5, 1]", SDC_UNSUPPORTED, "scale_factors are not supported" },
    { "ddim", "beta_start=null\nnum_train_timesteps=null\nclip_sample=null\nbeta_schedule=null", SDC_OK, NULL },
};

static void bad_meaning_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        SchedulerConfig c;
        assert_int_equal(read(&c, meanings[i].name, meanings[i].text), SDC_OK);
        Scheduler *s;
        assert_int_equal(scheduler_create(&s, &c, 1, 4), meanings[i].code);
        if (!s)
            assert_non_null(strstr(c.message, meanings[i].message));
        scheduler_destroy(s);
        scheduler_config_free(&c);
    }
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

static Scheduler *make(const char *name, const char *text)
{
    SchedulerConfig c;
    assert_int_equal(read(&c, name, text), SDC_OK);
    Scheduler *s;
    assert_int_equal(scheduler_create(&s, &c, 1, 4), SDC_OK);
    scheduler_config_free(&c);
    return s;
}

static void image_to_image_starts_where_diffusers_does(void **state)
{
    (void)state;
    Scheduler *s = make("ddim", folder);
    assert_int_equal(scheduler_set_timesteps(s, 10), SDC_OK);
    assert_int_equal(scheduler_begin(s, 0.6), SDC_OK);
    assert_int_equal(s->index, 4);
    assert_int_equal(scheduler_begin(s, 1), SDC_OK);
    assert_int_equal(s->index, 0);
    assert_int_equal(scheduler_begin(s, 0.05), SDC_USAGE);
    assert_int_equal(scheduler_begin(s, -1), SDC_USAGE);
    assert_int_equal(scheduler_begin(s, 1.5), SDC_USAGE);
    assert_int_equal(scheduler_begin(s, NAN), SDC_USAGE);
    scheduler_destroy(s);
    s = make("heun", folder);
    assert_int_equal(scheduler_set_timesteps(s, 10), SDC_OK);
    assert_int_equal(s->evaluations, 19);
    assert_int_equal(scheduler_begin(s, 0.6), SDC_OK);
    assert_int_equal(s->index, 8);
    scheduler_destroy(s);
}

static void steps_outside_their_range_are_refused(void **state)
{
    (void)state;
    static const struct { const char *name; int64_t steps; } wrong[] = {
        { "ddim", 1001 }, { "ddim", 0 }, { "ddim", -1 }, { "euler", 1000000 }, { "lcm", 51 }, { "pndm", 1001 },
        { "pndm", 2 }, { "dpmpp_2m_beta", 50 }, { "unclip,beta_schedule=squaredcos_cap_v2", 1 },
        { "consistency,num_train_timesteps=40", 41 },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        Scheduler *s = make(wrong[i].name, "beta_schedule=scaled_linear\nbeta_start=0.00085\nbeta_end=0.012");
        assert_int_not_equal(scheduler_set_timesteps(s, wrong[i].steps), SDC_OK);
        assert_true(s->message[0] != '\0');
        scheduler_destroy(s);
    }
    Scheduler *s = make("ddim", "steps_offset=999");
    assert_int_equal(scheduler_set_timesteps(s, 10), SDC_UNSUPPORTED);
    scheduler_destroy(s);
}

/* By rounding, numpy.arange gives diffusers a 62nd timestep of -1 here; ours stop at 61. */
static void trailing_steps_end_on_the_schedule(void **state)
{
    (void)state;
    Scheduler *s = make("euler", "timestep_spacing=trailing");
    assert_int_equal(scheduler_set_timesteps(s, 61), SDC_OK);
    assert_int_equal(s->evaluations, 61);
    assert_true(s->timesteps[60] > 0);
    scheduler_destroy(s);
}

/* Every class: a second run after set_timesteps equals the first, noise or not, and ends with a refusal. */
static void runs_repeat(void **state)
{
    (void)state;
    for (const SchedulerName *name = scheduler_names; name->name; name++) {
        Scheduler *s = make(name->name, "");
        float x[2][4];
        for (int run = 0; run < 2; run++) {
            SdcRandom random;
            sdc_random_seed(&random, 3);
            sdc_random_normal(&random, x[run], 4);
            assert_int_equal(scheduler_set_timesteps(s, 6), SDC_OK);
            while (s->index < s->evaluations) {
                float output[4];
                scheduler_scale_model_input(s, output, x[run]);
                assert_int_equal(scheduler_step(s, output, x[run], scheduler_draw_random, &random), SDC_OK);
            }
            assert_int_equal(scheduler_step(s, x[run], x[run], NULL, NULL), SDC_USAGE);
        }
        assert_memory_equal(x[0], x[1], sizeof x[0]);
        assert_true(isfinite(x[0][0]));
        scheduler_destroy(s);
    }
}

static void noise_must_be_given(void **state)
{
    (void)state;
    Scheduler *s = make("euler_a", folder);
    float x[4] = { 1, 2, 3, 4 };
    assert_int_equal(scheduler_set_timesteps(s, 4), SDC_OK);
    assert_int_equal(scheduler_step(s, x, x, NULL, NULL), SDC_USAGE);
    assert_string_equal(s->message, "EulerAncestralDiscreteScheduler needs noise");
    scheduler_destroy(s);
}

static void learned_variances_must_be_given(void **state)
{
    (void)state;
    Scheduler *s = make("ddpm", "variance_type=learned_range");
    float x[4] = { 1, 2, 3, 4 };
    assert_int_equal(scheduler_set_timesteps(s, 4), SDC_OK);
    assert_int_equal(scheduler_step(s, x, x, NULL, NULL), SDC_USAGE);
    assert_string_equal(s->message, "DDPMScheduler: variance_type \"learned_range\" needs a network that predicts "
                        "variances");
    scheduler_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_folder_names_its_class),
        cmocka_unit_test(another_class_keeps_the_folders_fields),
        cmocka_unit_test(fields_may_follow_a_name),
        cmocka_unit_test(names_in_every_spelling),
        cmocka_unit_test(dynamic_shifting_follows_the_picture),
        cmocka_unit_test(null_is_the_classs_default),
        cmocka_unit_test(names_are_of_flows_where_the_network_is),
        cmocka_unit_test(endings_choose_the_sigmas),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(bad_meaning_is_refused),
        cmocka_unit_test(image_to_image_starts_where_diffusers_does),
        cmocka_unit_test(steps_outside_their_range_are_refused),
        cmocka_unit_test(trailing_steps_end_on_the_schedule),
        cmocka_unit_test(runs_repeat),
        cmocka_unit_test(noise_must_be_given),
        cmocka_unit_test(learned_variances_must_be_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
