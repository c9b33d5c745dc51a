"""Records base -> refiner runs of tiny-sdxl and tiny-sdxl-refiner: NAME.json and NAME.npz in tiny-sdxl+refiner/.

    python make_handover.py MODELS             a folder with tiny-sdxl and tiny-sdxl-refiner (../shared/data/models)

The real pipeline classes of diffusers, with denoising_end and denoising_start, around the exported graphs in onnxruntime.
Pictures are 64x64 to keep the records small.  Made with diffusers 0.42.1, transformers 5.23.0, torch 2.15.0,
onnxruntime 1.31.1.
"""
import json
import os
import sys
from types import SimpleNamespace

import diffusers
import numpy as np
import onnxruntime
import torch
from transformers import CLIPTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
PROMPT, NEGATIVE, SEED = "A majestic lion jumping from a big stone at night", "ugly", 21
# NAME: sampler (None: the folders'), options of both pipelines, of the base, of the refiner.  Sizes are (height, width).
RUNS = {
    "euler": (None, dict(num_inference_steps=10, guidance_scale=5.0, original_size=(144, 160), target_size=(64, 72),
                         crops_coords_top_left=(16, 8), negative_original_size=(32, 48), negative_target_size=(96, 80)),
              0.8, dict(aesthetic_score=7.5, negative_aesthetic_score=1.5)),
    "heun": ("heun", dict(num_inference_steps=5, guidance_scale=5.0), 0.6, {}),
    "euler_a": ("euler_a", dict(num_inference_steps=5, guidance_scale=5.0), 0.5, {}),
}
SAMPLERS = {"heun": diffusers.HeunDiscreteScheduler, "euler_a": diffusers.EulerAncestralDiscreteScheduler}


class Graph(torch.nn.Module):
    """One exported graph in the place of a model of PyTorch."""

    def __init__(self, folder, name):
        super().__init__()
        self.nothing = torch.nn.Parameter(torch.zeros(1), requires_grad=False)
        self.session = onnxruntime.InferenceSession(f"{folder}/{name}/model.onnx")
        self.config = SimpleNamespace(**json.load(open(f"{folder}/{name}/config.json")))
        self.dtype, self.device = torch.float32, torch.device("cpu")

    def run(self, **inputs):
        feed = {}
        for i in self.session.get_inputs():
            kind = {"tensor(float)": np.float32, "tensor(int64)": np.int64}[i.type]
            feed[i.name] = np.asarray(inputs[i.name], dtype=kind)
        names = [o.name for o in self.session.get_outputs()]
        return {n: torch.from_numpy(a) for n, a in zip(names, self.session.run(None, feed))}


class TextEncoder(Graph):
    def forward(self, input_ids, output_hidden_states=True):
        out = self.run(input_ids=input_ids)
        count = sum(name.startswith("hidden_states.") for name in out)
        states = [out[f"hidden_states.{k}"] for k in range(count)]
        first = out["text_embeds"] if "text_embeds" in out else out["last_hidden_state"]

        class Output(tuple):
            hidden_states = states
        return Output((first,))


class Denoiser(Graph):
    def __init__(self, folder, name):
        super().__init__(folder, name)
        width = self.config.projection_class_embeddings_input_dim
        self.add_embedding = SimpleNamespace(linear_1=SimpleNamespace(in_features=width))
        self.seen = {}

    def forward(self, sample, timestep, encoder_hidden_states=None, added_cond_kwargs=None, **_):
        self.seen = dict(encoder_hidden_states=encoder_hidden_states, **added_cond_kwargs)
        return (self.run(sample=sample, timestep=timestep, **self.seen)["out_sample"],)


class Decoder(Graph):
    pass


def parts(folder, base):
    take = dict(text_encoder_2=TextEncoder(folder, "text_encoder_2"), unet=Denoiser(folder, "unet"), vae=None,
                tokenizer_2=CLIPTokenizer.from_pretrained(f"{folder}/tokenizer_2"), text_encoder=None, tokenizer=None,
                scheduler=diffusers.EulerDiscreteScheduler.from_pretrained(f"{folder}/scheduler"), add_watermarker=False)
    index = json.load(open(f"{folder}/model_index.json"))
    take["force_zeros_for_empty_prompt"] = index["force_zeros_for_empty_prompt"]
    if base:
        take["text_encoder"] = TextEncoder(folder, "text_encoder")
        take["tokenizer"] = CLIPTokenizer.from_pretrained(f"{folder}/tokenizer")
    else:
        take["requires_aesthetics_score"] = index["requires_aesthetics_score"]
    return take


def draw(pipeline, **options):
    """The latents behind each step, and what the denoiser was given for the prompts."""
    steps = []

    def keep(_pipeline, _step, _timestep, tensors):
        steps.append(tensors["latents"].clone())
        return {}
    pipeline.set_progress_bar_config(disable=True)
    out = pipeline(PROMPT, output_type="latent", callback_on_step_end=keep, **options)
    return out.images, torch.stack(steps), pipeline.unet.seen


def save(folder, name, settings, arrays):
    """NAME.npz with the arrays and NAME.json with the settings and the arrays' shapes, in the folder beside this file."""
    os.makedirs(f"{HERE}/{folder}", exist_ok=True)
    arrays = {k: np.asarray(v) for k, v in arrays.items()}
    np.savez_compressed(f"{HERE}/{folder}/{name}.npz", **arrays)
    settings["arrays"] = {k: f"{v.dtype}{list(v.shape)}" for k, v in arrays.items()}
    json.dump(settings, open(f"{HERE}/{folder}/{name}.json", "w"), indent=1)
    print(name, {k: v.shape for k, v in arrays.items()})


def record(models, name):
    sampler, options, at, scores = RUNS[name]
    first, second = f"{models}/tiny-sdxl", f"{models}/tiny-sdxl-refiner"
    vae = Decoder(first, "vae_decoder")
    base = diffusers.StableDiffusionXLPipeline(**dict(parts(first, True), vae=vae))
    refiner = diffusers.StableDiffusionXLImg2ImgPipeline(**dict(parts(second, False), vae=vae))
    if sampler:
        base.scheduler = SAMPLERS[sampler].from_config(base.scheduler.config)
        refiner.scheduler = SAMPLERS[sampler].from_config(refiner.scheduler.config)
    generator = torch.Generator().manual_seed(SEED)
    options = dict(options, negative_prompt=NEGATIVE, generator=generator)
    start = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(SEED))
    latents, steps, seen = draw(base, height=64, width=64, denoising_end=at, **options)
    start = start * base.scheduler.init_noise_sigma
    final, refined, refiner_seen = draw(refiner, image=latents, denoising_start=at, **options, **scores)
    picture = vae.run(latent_sample=final / vae.config.scaling_factor)["sample"]
    arrays = dict(latents=torch.cat([start[None], steps]), refiner_latents=torch.cat([latents[None], refined]),
                  time_ids=seen["time_ids"], refiner_time_ids=refiner_seen["time_ids"],
                  refiner_pooled=refiner_seen["text_embeds"],
                  image_uint8=((picture / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy() * 255).round().astype("uint8"))
    pair = lambda key: "x".join(str(v) for v in reversed(options[key])) if key in options else None
    crop = options.get("crops_coords_top_left")
    settings = dict(prompt=PROMPT, negative_prompt=NEGATIVE, seed=SEED, num_inference_steps=options["num_inference_steps"],
                    guidance_scale=options["guidance_scale"], sampler=sampler, refine_at=at,
                    original_size=pair("original_size"), target_size=pair("target_size"),
                    negative_original_size=pair("negative_original_size"),
                    negative_target_size=pair("negative_target_size"), crop=crop and f"{crop[1]},{crop[0]}", **scores)
    save("tiny-sdxl+refiner", name, {k: v for k, v in settings.items() if v is not None}, arrays)
    print(name, float(final.std()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for run in RUNS:
        record(sys.argv[1], run)
