"""Records runs of tiny-sdxl with the samplers of networks trained as EDM, as Playground 2.5's folder names them:
tiny-sdxl/NAME.json and NAME.npz.

    python make_edm.py MODELS                  a folder with tiny-sdxl (../shared/data/models)

diffusers' StableDiffusionXLPipeline around the exported graphs in onnxruntime, as make_handover.py.
"""
import json
import os
import sys

import diffusers
import numpy as np
import torch

from make_handover import HERE, NEGATIVE, PROMPT, Decoder, draw, parts

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
    arrays = {k: v.numpy() for k, v in arrays.items()}
    os.makedirs(f"{HERE}/tiny-sdxl", exist_ok=True)
    np.savez_compressed(f"{HERE}/tiny-sdxl/{name}.npz", **arrays)
    config = dict(scheduler.config, _class_name=type(scheduler).__name__)
    settings = dict(prompt=PROMPT, negative_prompt=NEGATIVE, seed=SEED, num_inference_steps=STEPS, guidance_scale=GUIDANCE,
                    scheduler=config, arrays={k: f"{v.dtype}{list(v.shape)}" for k, v in arrays.items()})
    json.dump(settings, open(f"{HERE}/tiny-sdxl/{name}.json", "w"), indent=1)
    print(name, {k: v.shape for k, v in arrays.items()}, float(final.std()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for run in RUNS:
        record(sys.argv[1], run)
