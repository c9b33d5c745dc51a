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
#define FINAL "final_sigmas_type=zero "
#define DISTILLED SCALED_BETAS "original_inference_steps=50 timestep_scaling=10 set_alpha_to_one=true " EPSILON \
    CLIPPING("false") THRESHOLDING SPACING("leading") RESCALE

enum {
    COMMON = BIT(BETAS_LINEAR) | BIT(BETAS_SCALED_LINEAR) | BIT(BETAS_COSINE),
    NOISE_OR_V = BIT(PREDICT_EPSILON) | BIT(PREDICT_V),
    ALL_THREE = NOISE_OR_V | BIT(PREDICT_SAMPLE),
    AND_FLOW = ALL_THREE | BIT(PREDICT_FLOW),
};

const SchedulerClass scheduler_classes[] = {
    { "DDPMScheduler", &family_ddpm, 1, COMMON | BIT(BETAS_LAPLACE) | BIT(BETAS_SIGMOID), ALL_THREE,
      SMALL_BETAS "variance_type=fixed_small " EPSILON CLIPPING("true") THRESHOLDING SPACING("leading") RESCALE, 0 },
    { "DDIMScheduler", &family_ddim, 1, COMMON, ALL_THREE,
      SMALL_BETAS "set_alpha_to_one=true " EPSILON CLIPPING("true") THRESHOLDING SPACING("leading") RESCALE, 0 },
    { "PNDMScheduler", &family_pndm, 1, COMMON, NOISE_OR_V,
      SMALL_BETAS "skip_prk_steps=false set_alpha_to_one=false " EPSILON SPACING("leading"), 0 },
    { "EulerDiscreteScheduler", &family_euler, 1, COMMON, ALL_THREE | BIT(PREDICT_ORIGINAL_SAMPLE),
      SMALL_BETAS EPSILON "interpolation_type=linear " SIGMAS "sigma_min=null sigma_max=null " SPACING("linspace")
      "timestep_type=discrete " RESCALE FINAL, 0 },
    { "EulerAncestralDiscreteScheduler", &family_euler_ancestral, 1, COMMON, NOISE_OR_V,
      SMALL_BETAS EPSILON SPACING("linspace") RESCALE, 0 },
    { "LMSDiscreteScheduler", &family_lms, 1, COMMON, ALL_THREE, SMALL_BETAS SIGMAS EPSILON SPACING("linspace"), 0 },
    { "HeunDiscreteScheduler", &family_heun, 2, COMMON | BIT(BETAS_EXP), ALL_THREE,
      LATENT_BETAS EPSILON SIGMAS CLIPPING("false") SPACING("linspace"), 0 },
    { "KDPM2DiscreteScheduler", &family_kdpm2, 2, COMMON, NOISE_OR_V,
      LATENT_BETAS SIGMAS EPSILON SPACING("linspace"), 0 },
    { "KDPM2AncestralDiscreteScheduler", &family_kdpm2_ancestral, 2, COMMON, NOISE_OR_V,
      LATENT_BETAS SIGMAS EPSILON SPACING("linspace"), 0 },
    { "DPMSolverMultistepScheduler", &family_dpm_multistep, 1, COMMON, AND_FLOW,
      SMALL_BETAS SOLVER("dpmsolver++", "midpoint") EPSILON THRESHOLDING "lower_order_final=true euler_at_final=false "
      SIGMAS "use_lu_lambdas=false " FLOW_SIGMAS FINAL "lambda_min_clipped=-inf variance_type=null "
      SPACING("linspace") RESCALE SHIFTING, 0 },
    { "DPMSolverSinglestepScheduler", &family_dpm_singlestep, 1, COMMON, AND_FLOW,
      SMALL_BETAS SOLVER("dpmsolver++", "midpoint") EPSILON THRESHOLDING "lower_order_final=false " SIGMAS FLOW_SIGMAS
      FINAL "lambda_min_clipped=-inf variance_type=null " SHIFTING, 0 },
    { "UniPCMultistepScheduler", &family_unipc, 1, COMMON, AND_FLOW,
      SMALL_BETAS "solver_order=2 solver_type=bh2 " EPSILON THRESHOLDING "predict_x0=true lower_order_final=true "
      "disable_corrector=[] solver_p=null " SIGMAS FLOW_SIGMAS SPACING("linspace") FINAL RESCALE SHIFTING
      "sigma_min=null sigma_max=null shift_terminal=null", 0 },
    { "DEISMultistepScheduler", &family_deis, 1, COMMON, AND_FLOW,
      SMALL_BETAS SOLVER("deis", "logrho") EPSILON THRESHOLDING "lower_order_final=true " SIGMAS FLOW_SIGMAS
      SPACING("linspace") SHIFTING, 0 },
    { "LCMScheduler", &family_lcm, 1, COMMON, ALL_THREE, DISTILLED, 0 },
    { "TCDScheduler", &family_tcd, 1, COMMON, ALL_THREE, DISTILLED, 0.3 },
    { "FlowMatchEulerDiscreteScheduler", &family_flow_euler, 1, 0, 0, FLOW_MATCH "stochastic_sampling=false", 0 },
    { "FlowMatchLCMScheduler", &family_flow_lcm, 1, 0, 0, FLOW_MATCH "scale_factors=null upscale_mode=bicubic", 0 },
    { "FlowMatchHeunDiscreteScheduler", &family_flow_heun, 2, 0, 0, "num_train_timesteps=1000 shift=1", 0 },
    { 0 },
};

#define MULTISTEP "DPMSolverMultistepScheduler"
#define SINGLESTEP "DPMSolverSinglestepScheduler"
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
    { "flow_euler", "FlowMatchEulerDiscreteScheduler", "" },
    { "flow_lcm", "FlowMatchLCMScheduler", "" },
    { "flow_heun", "FlowMatchHeunDiscreteScheduler", "" },
    { 0 },
};

const SchedulerName scheduler_absent[] = {
    { "dpmpp_2s_a", SINGLESTEP, "dpmpp_2s" },
    { "dpm_fast", SINGLESTEP, "dpmpp_2s" },
    { "dpm_adaptive", MULTISTEP, "dpmpp_2m" },
    { "ipndm", "IPNDMScheduler", "pndm" },
    { 0 },
};
