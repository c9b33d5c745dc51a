"""Records runs of tiny-sdxl with the samplers of networks trained as EDM, as Playground 2.5's folder names them:
tiny-sdxl/NAME.json and NAME.npz.

    python make_edm.py MODELS                  a folder with tiny-sdxl (../shared/data/models)

diffusers' StableDiffusionXLPipeline around the exported graphs in onnxruntime, as make_handover.py.
"""
import sys

import diffusers
import torch

from make_handover import NEGATIVE, PROMPT, Decoder, draw, parts, save

SEED, STEPS, GUIDANCE, HEIGHT, WIDTH = 8, 6, 3.0, 128, 96
RUNS = {"edm_dpmpp_2m": diffusers.EDMDPMSolverMultistepScheduler(sigma_data=0.5),
        "edm_euler": diffusers.EDMEulerScheduler(sigma_data=1.0, sigma_schedule="exponential", prediction_type="v_prediction")}


def record(models, name):
    folder, scheduler = f"{models}/tiny-sdxl", RUNS[name]
    vae = Decoder(folder, "vae_decoder")
    pipeline = diffusers.StableDiffusionXLPipeline(**dict(parts(folder, True), vae=vae, scheduler=scheduler))
    final, steps, _ = draw(pipeline, height=HEIGHT, width=WIDTH, num_inference_steps=STEPS, guidance_scale=GUIDANCE,
                           negative_prompt=NEGATIVE, generator=torch.Generator().manual_seed(SEED))
    start = torch.randn((1, 4, HEIGHT // 8, WIDTH // 8), generator=torch.Generator().manual_seed(SEED))
    picture = vae.run(latent_sample=final / vae.config.scaling_factor)["sample"]
    arrays = dict(latents=torch.cat([start[None] * scheduler.init_noise_sigma, steps]),
                  image_uint8=((picture / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1))
    config = {k: v for k, v in scheduler.config.items() if k[0] != "_"}
    save("tiny-sdxl", name, dict(prompt=PROMPT, negative_prompt=NEGATIVE, seed=SEED, num_inference_steps=STEPS,
                                 guidance_scale=GUIDANCE, scheduler=dict(config, _class_name=type(scheduler).__name__)),
         arrays)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for run in RUNS:
        record(sys.argv[1], run)
