"""Records a run of tiny-sdxl-refiner from a picture whose autoencoder has latents_mean and latents_std in its config.json:
tiny-sdxl-refiner-statistics/img2img.json and .npz.

    python make_statistics.py MODELS           a folder with tiny-sdxl-refiner (../shared/data/models)

diffusers' StableDiffusionXLImg2ImgPipeline around the exported graphs in onnxruntime; a picture of 64x64 keeps the record
small.  The statistics are those that trajectory.c writes.
"""
import sys
from types import SimpleNamespace

import diffusers
import numpy as np
import torch

from make_handover import NEGATIVE, PROMPT, Graph, parts, save

MEAN, STD = [0.5, -1.0, 2.0, 0.25], [2.0, 0.5, 1.5, 4.0]
SEED, STEPS, STRENGTH, GUIDANCE = 5, 10, 0.4, 5.0


class Autoencoder(Graph):
    def __init__(self, folder, **config):
        super().__init__(folder, "vae_decoder")
        self.encoder = Graph(folder, "vae_encoder")
        vars(self.config).update(config)
        self.decoded = None

    def encode(self, image):
        mean, logvar = self.encoder.run(sample=image)["latent_parameters"].chunk(2, 1)

        def sample(generator=None):
            return mean + torch.exp(0.5 * logvar.clamp(-30, 20)) * torch.randn(mean.shape, generator=generator)
        return SimpleNamespace(latent_dist=SimpleNamespace(sample=sample))

    def decode(self, latents, return_dict=False):
        self.decoded = self.run(latent_sample=latents)["sample"]
        return (self.decoded,)


def picture(side):
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    planes = np.stack([x // 8 * 8, y // 8 * 8, (x + y) // 16 * 8]) / side * 2 - 1
    return torch.from_numpy(planes[None].astype(np.float32))


def record(models):
    folder, steps, image = f"{models}/tiny-sdxl-refiner", [], picture(64)
    vae = Autoencoder(folder, latents_mean=MEAN, latents_std=STD)
    pipeline = diffusers.StableDiffusionXLImg2ImgPipeline(**dict(parts(folder, False), vae=vae))
    pipeline.set_progress_bar_config(disable=True)
    prepare = pipeline.prepare_latents

    def keep_first(*given, **options):
        steps.append(prepare(*given, **options).clone())
        return steps[0]

    def keep(_pipeline, _step, _timestep, tensors):
        steps.append(tensors["latents"].clone())
        return {}
    pipeline.prepare_latents = keep_first
    pipeline(PROMPT, image=image, negative_prompt=NEGATIVE, strength=STRENGTH, num_inference_steps=STEPS,
             guidance_scale=GUIDANCE, generator=torch.Generator().manual_seed(SEED), output_type="pt",
             callback_on_step_end=keep)
    save("tiny-sdxl-refiner-statistics", "img2img",
         dict(prompt=PROMPT, negative_prompt=NEGATIVE, seed=SEED, strength=STRENGTH, num_inference_steps=STEPS,
              guidance_scale=GUIDANCE), dict(latents=torch.stack(steps), image=image, decoded=vae.decoded))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    record(sys.argv[1])
