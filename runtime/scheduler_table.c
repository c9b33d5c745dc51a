/* scheduler_table: the supported scheduler classes of diffusers and the names that --scheduler accepts.
 *
 * A class has exactly the fields that its defaults name; the test compares them with the recorded ones. */
#include "scheduler_family.h"

#define BIT(x) (1u << (x))
#define TRAINED "trained_betas=null "
#define SMALL_BETAS "num_train_timesteps=1000 beta_start=0.0001 beta_end=0.02 beta_schedule=linear " TRAINED
#define LATENT_BETAS "num_train_timesteps=1000 beta_start=0.00085 beta_end=0.012 beta_schedule=linear " TRAINED
#define SCALED_BETAS "num_train_timesteps=1000 beta_start=0.00085 beta_end=0.012 beta_schedule=scaled_linear " TRAINED
#define EPSILON "prediction_type=epsilon "
#define CLIPPING(on) "clip_sample=" on " clip_sample_range=1 "
#define THRESHOLDING "thresholding=false dynamic_thresholding_ratio=0.995 sample_max_value=1 "
#define SPACING(how) "timestep_spacing=" how " steps_offset=0 "
#define SIGMAS "use_karras_sigmas=false use_exponential_sigmas=false use_beta_sigmas=false "
#define RESCALE "rescale_betas_zero_snr=false "
#define FLOW_SIGMAS "use_flow_sigmas=false flow_shift=1 "
#define SHIFTING "use_dynamic_shifting=false time_shift_type=exponential "
#define FLOW_MATCH "num_train_timesteps=1000 shift=1 base_shift=0.5 max_shift=1.15 base_image_seq_len=256 " \
    "max_image_seq_len=4096 invert_sigmas=false shift_terminal=null " SIGMAS SHIFTING
#define SOLVER(algorithm, solver) "solver_order=2 algorithm_type=" algorithm " solver_type=" solver " "
#define DPM SOLVER("dpmsolver++", "midpoint") EPSILON THRESHOLDING
#define FINAL "final_sigmas_type=zero "
#define DISTILLED SCALED_BETAS "original_inference_steps=50 timestep_scaling=10 set_alpha_to_one=true " EPSILON \
    CLIPPING("false") THRESHOLDING SPACING("leading") RESCALE
#define EDM "sigma_min=0.002 sigma_max=80 sigma_data=0.5 sigma_schedule=karras num_train_timesteps=1000 rho=7 " EPSILON

enum {
    COMMON = BIT(BETAS_LINEAR) | BIT(BETAS_SCALED_LINEAR) | BIT(BETAS_COSINE),
    NOISE_OR_V = BIT(PREDICT_EPSILON) | BIT(PREDICT_V),
    ALL_THREE = NOISE_OR_V | BIT(PREDICT_SAMPLE),
    AND_FLOW = ALL_THREE | BIT(PREDICT_FLOW),
    PLAIN_DPM = BIT(ALGORITHM_DPMPP) | BIT(ALGORITHM_DPM) | BIT(ALGORITHM_DEIS),
    SINGLESTEP_DPM = PLAIN_DPM | BIT(ALGORITHM_SDE_DPMPP),
    MULTISTEP_DPM = SINGLESTEP_DPM | BIT(ALGORITHM_SDE_DPM),
};

const SchedulerClass scheduler_classes[] = {
    { "DDPMScheduler", &family_ddpm, 1, COMMON | BIT(BETAS_LAPLACE) | BIT(BETAS_SIGMOID), ALL_THREE,
      .defaults = SMALL_BETAS "variance_type=fixed_small " EPSILON CLIPPING("true") THRESHOLDING SPACING("leading")
      RESCALE },
    { "DDIMScheduler", &family_ddim, 1, COMMON, ALL_THREE,
      .defaults = SMALL_BETAS "set_alpha_to_one=true " EPSILON CLIPPING("true") THRESHOLDING SPACING("leading")
      RESCALE },
    { "PNDMScheduler", &family_pndm, 1, COMMON, NOISE_OR_V,
      .defaults = SMALL_BETAS "skip_prk_steps=false set_alpha_to_one=false " EPSILON SPACING("leading") },
    { "EulerDiscreteScheduler", &family_euler, 1, COMMON, ALL_THREE | BIT(PREDICT_ORIGINAL_SAMPLE),
      .defaults = SMALL_BETAS EPSILON "interpolation_type=linear " SIGMAS "sigma_min=null sigma_max=null "
      SPACING("linspace") "timestep_type=discrete " RESCALE FINAL },
    { "EulerAncestralDiscreteScheduler", &family_euler_ancestral, 1, COMMON, NOISE_OR_V,
      .defaults = SMALL_BETAS EPSILON SPACING("linspace") RESCALE },
    { "LMSDiscreteScheduler", &family_lms, 1, COMMON, ALL_THREE,
      .defaults = SMALL_BETAS SIGMAS EPSILON SPACING("linspace") },
    { "HeunDiscreteScheduler", &family_heun, 2, COMMON | BIT(BETAS_EXP), ALL_THREE,
      .defaults = LATENT_BETAS EPSILON SIGMAS CLIPPING("false") SPACING("linspace") },
    { "KDPM2DiscreteScheduler", &family_kdpm2, 2, COMMON, NOISE_OR_V,
      .defaults = LATENT_BETAS SIGMAS EPSILON SPACING("linspace") },
    { "KDPM2AncestralDiscreteScheduler", &family_kdpm2_ancestral, 2, COMMON, NOISE_OR_V,
      .defaults = LATENT_BETAS SIGMAS EPSILON SPACING("linspace") },
    { "DPMSolverSDEScheduler", &family_dpm_sde, 2, COMMON, NOISE_OR_V,
      .defaults = LATENT_BETAS EPSILON SIGMAS "noise_sampler_seed=null " SPACING("linspace") },
    { "DPMSolverMultistepScheduler", &family_dpm_multistep, 1, COMMON, AND_FLOW,
      .defaults = SMALL_BETAS DPM "lower_order_final=true euler_at_final=false "
      SIGMAS "use_lu_lambdas=false " FLOW_SIGMAS FINAL "lambda_min_clipped=-inf variance_type=null "
      SPACING("linspace") RESCALE SHIFTING, .algorithms = MULTISTEP_DPM },
    { "DPMSolverSinglestepScheduler", &family_dpm_singlestep, 1, COMMON, AND_FLOW,
      .defaults = SMALL_BETAS DPM "lower_order_final=false " SIGMAS FLOW_SIGMAS
      FINAL "lambda_min_clipped=-inf variance_type=null " SHIFTING, .algorithms = SINGLESTEP_DPM },
    { "UniPCMultistepScheduler", &family_unipc, 1, COMMON, AND_FLOW,
      .defaults = SMALL_BETAS "solver_order=2 solver_type=bh2 " EPSILON THRESHOLDING "predict_x0=true "
      "lower_order_final=true disable_corrector=[] solver_p=null " SIGMAS FLOW_SIGMAS SPACING("linspace") FINAL
      RESCALE SHIFTING "sigma_min=null sigma_max=null shift_terminal=null" },
    { "DEISMultistepScheduler", &family_deis, 1, COMMON, AND_FLOW,
      .defaults = SMALL_BETAS SOLVER("deis", "logrho") EPSILON THRESHOLDING "lower_order_final=true " SIGMAS
      FLOW_SIGMAS SPACING("linspace") SHIFTING, .algorithms = PLAIN_DPM },
    { "LCMScheduler", &family_lcm, 1, COMMON, ALL_THREE, .defaults = DISTILLED },
    { "TCDScheduler", &family_tcd, 1, COMMON, ALL_THREE, .defaults = DISTILLED, .eta = 0.3 },
    { "UnCLIPScheduler", &family_unclip, 1, BIT(BETAS_COSINE), BIT(PREDICT_EPSILON) | BIT(PREDICT_SAMPLE),
      .defaults = "num_train_timesteps=1000 variance_type=fixed_small_log " CLIPPING("true") EPSILON
      "beta_schedule=squaredcos_cap_v2" },
    { "SASolverScheduler", &family_sa, 1, COMMON, AND_FLOW,
      .defaults = SMALL_BETAS "predictor_order=2 corrector_order=2 " EPSILON "tau_func=null " THRESHOLDING
      "algorithm_type=data_prediction lower_order_final=true " SIGMAS FLOW_SIGMAS
      "lambda_min_clipped=-inf variance_type=null " SPACING("linspace"),
      .algorithms = BIT(ALGORITHM_DATA) | BIT(ALGORITHM_NOISE) },
    { "DDIMInverseScheduler", &family_ddim_inverse, 1, COMMON, ALL_THREE,
      .defaults = SMALL_BETAS "set_alpha_to_one=true " EPSILON CLIPPING("true") SPACING("leading") RESCALE,
      .inverse = true },
    { "DPMSolverMultistepInverseScheduler", &family_dpm_multistep_inverse, 1, COMMON, AND_FLOW,
      .defaults = SMALL_BETAS DPM "lower_order_final=true "
      "euler_at_final=false " SIGMAS FLOW_SIGMAS "lambda_min_clipped=-inf variance_type=null " SPACING("linspace"),
      .algorithms = PLAIN_DPM, .inverse = true },
    { "EDMEulerScheduler", &family_edm_euler, 1, 0, NOISE_OR_V, .defaults = EDM FINAL, .training = TRAINED_EDM },
    { "EDMDPMSolverMultistepScheduler", &family_edm_dpm_multistep, 1, 0, NOISE_OR_V,
      .defaults = EDM SOLVER("dpmsolver++", "midpoint") THRESHOLDING "lower_order_final=true euler_at_final=false "
      FINAL, .algorithms = SINGLESTEP_DPM & ~BIT(ALGORITHM_DPM), .training = TRAINED_EDM },
    { "CMStochasticIterativeScheduler", &family_consistency, 1, 0, 0,
      .defaults = "num_train_timesteps=40 sigma_min=0.002 sigma_max=80 sigma_data=0.5 s_noise=1 rho=7 "
      "clip_denoised=true", .training = TRAINED_CONSISTENCY },
    { "IPNDMScheduler", &family_ipndm, 1, 0, 0, .defaults = "num_train_timesteps=1000 " TRAINED,
      .training = TRAINED_ANGLE },
    { "FlowMatchEulerDiscreteScheduler", &family_flow_euler, 1, 0, 0,
      .defaults = FLOW_MATCH "stochastic_sampling=false", .training = TRAINED_FLOW },
    { "FlowMatchLCMScheduler", &family_flow_lcm, 1, 0, 0,
      .defaults = FLOW_MATCH "scale_factors=null upscale_mode=bicubic", .training = TRAINED_FLOW },
    { "FlowMatchHeunDiscreteScheduler", &family_flow_heun, 2, 0, 0,
      .defaults = "num_train_timesteps=1000 shift=1", .training = TRAINED_FLOW },
    { 0 },
};

#define MULTISTEP "DPMSolverMultistepScheduler"
#define SINGLESTEP "DPMSolverSinglestepScheduler"
#define EDM_MULTISTEP "EDMDPMSolverMultistepScheduler"
const SchedulerName scheduler_names[] = {
    { "ddpm", "DDPMScheduler", "" },
    { "ddim", "DDIMScheduler", "" },
    { "pndm", "PNDMScheduler", "" },
    { "plms", "PNDMScheduler", "skip_prk_steps=true" },
    { "lms", "LMSDiscreteScheduler", "" },
    { "euler", "EulerDiscreteScheduler", "" },
    { "euler_ancestral", "EulerAncestralDiscreteScheduler", "" },
    { "euler_a", "EulerAncestralDiscreteScheduler", "" },
    { "heun", "HeunDiscreteScheduler", "" },
    { "kdpm2", "KDPM2DiscreteScheduler", "" },
    { "dpm2", "KDPM2DiscreteScheduler", "" },
    { "kdpm2_ancestral", "KDPM2AncestralDiscreteScheduler", "" },
    { "dpm2_a", "KDPM2AncestralDiscreteScheduler", "" },
    { "dpm_sde", "DPMSolverSDEScheduler", "" },
    { "dpmpp_2m", MULTISTEP, "algorithm_type=dpmsolver++ solver_order=2" },
    { "dpmpp_2m_sde", MULTISTEP, "algorithm_type=sde-dpmsolver++ solver_order=2" },
    { "dpmpp_3m", MULTISTEP, "algorithm_type=dpmsolver++ solver_order=3" },
    { "dpmpp_3m_sde", MULTISTEP, "algorithm_type=sde-dpmsolver++ solver_order=3" },
    { "dpmpp_2m_sde_heun", MULTISTEP, "algorithm_type=sde-dpmsolver++ solver_order=2 solver_type=heun" },
    { "dpmpp_2s", SINGLESTEP, "algorithm_type=dpmsolver++ solver_order=2" },
    { "dpmpp_sde", SINGLESTEP, "algorithm_type=sde-dpmsolver++ solver_order=2" },
    { "unipc", "UniPCMultistepScheduler", "" },
    { "deis", "DEISMultistepScheduler", "" },
    { "lcm", "LCMScheduler", "" },
    { "tcd", "TCDScheduler", "" },
    { "sa_solver", "SASolverScheduler", "algorithm_type=data_prediction" },
    { "unclip", "UnCLIPScheduler", "" },
    { "ipndm", "IPNDMScheduler", "" },
    { "consistency", "CMStochasticIterativeScheduler", "" },
    { "edm_euler", "EDMEulerScheduler", "" },
    { "edm_dpmpp_2m", EDM_MULTISTEP, "algorithm_type=dpmsolver++ solver_order=2" },
    { "edm_dpmpp_2m_sde", EDM_MULTISTEP, "algorithm_type=sde-dpmsolver++ solver_order=2" },
    { "edm_dpmpp_3m", EDM_MULTISTEP, "algorithm_type=dpmsolver++ solver_order=3" },
    { "flow_euler", "FlowMatchEulerDiscreteScheduler", "" },
    { "flow_lcm", "FlowMatchLCMScheduler", "" },
    { "flow_heun", "FlowMatchHeunDiscreteScheduler", "" },
    { 0 },
};

const SchedulerName scheduler_absent[] = {
    { "dpmpp_2s_a", SINGLESTEP, "dpmpp_2s" },
    { "dpm_fast", SINGLESTEP, "dpmpp_2s" },
    { "dpm_adaptive", MULTISTEP, "dpmpp_2m" },
    { 0 },
};
