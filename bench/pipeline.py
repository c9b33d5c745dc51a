"""pipeline.py: the Stable Diffusion folders that bench/pictures draws with.

A pipeline is a folder as optimum lays it out (docs/cli.md), or one made here of three full-size networks that models.py
finds, with links to their files, the published configurations and a CLIP tokenizer.
"""
import array
import json
import os
import random

import models
from common import write_npy

# component -> network
NETWORKS = {"text_encoder": "clip-l", "unet": "sd15-unet", "vae_decoder": "sd1-vae-decoder"}
# Of Stable Diffusion 1.5, but for DDIM instead of PNDM, which takes one evaluation more than steps.
SETTINGS = {
    "model_index.json": {"_class_name": "StableDiffusionPipeline"},
    "scheduler/scheduler_config.json": {
        "_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "clip_sample": False, "num_train_timesteps": 1000, "prediction_type": "epsilon", "set_alpha_to_one": False,
        "steps_offset": 1, "timestep_spacing": "leading"},
    "tokenizer/tokenizer_config.json": {
        "bos_token": "<|startoftext|>", "do_lower_case": True, "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>", "tokenizer_class": "CLIPTokenizer", "unk_token": "<|endoftext|>"},
}
VAE_SCALE = 0.18215


def read_json(*path):
    with open(os.path.join(*path)) as file:
        return json.load(file)


def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        json.dump(value, file, indent=1)


def link(path, folder):
    os.makedirs(folder, exist_ok=True)
    os.symlink(os.path.realpath(path), os.path.join(folder, os.path.basename(path)))


def assemble(source, tokenizer, folder, kept, sdc):
    """Makes the folder; networks that need to be given weights get them in `kept`."""
    found = models.find([source])
    missing = sorted(set(NETWORKS.values()) - set(found))
    if missing:
        raise ValueError(f"{source} is no pipeline's folder (it has no model_index.json), and has no {missing[0]}")
    configs = {}
    for part, name in NETWORKS.items():
        path, spec = models.prepare(name, found[name], kept, sdc)
        for file in models.files(path):
            link(file, os.path.join(folder, part))
        configs[part] = spec["torch"]["config"]
    configs["vae_decoder"].setdefault("scaling_factor", VAE_SCALE)
    tokens = {"model_max_length": configs["text_encoder"]["max_position_embeddings"]}
    for part, config in configs.items():
        write_json(os.path.join(folder, part, "config.json"), config)
    for name, settings in SETTINGS.items():
        write_json(os.path.join(folder, name), {**settings, **(tokens if "tokenizer" in name else {})})
    for name in ("vocab.json", "merges.txt"):
        link(os.path.join(tokenizer, name), os.path.join(folder, "tokenizer"))


def picture_file(output):
    """Where a system writes its picture, beside the file of its final latents."""
    return os.path.splitext(output)[0] + "-picture.npy"


class Pipeline:
    """A folder, and what to draw with it: what models.Model is for a network.  flops, and the ids of both prompts in
    spec, are known once sdc has drawn; inputs: name -> (shape, file)."""

    def __init__(self, name, folder, options, work):
        self.name = self.label = name
        self.path, self.batch, self.flops = os.path.abspath(folder), 1, 0
        self.weight_bytes = sum(os.path.getsize(file) for part in NETWORKS
                                for file in models.files(os.path.join(self.path, part, "model.onnx")))
        self.scheduler = read_json(self.path, "scheduler", "scheduler_config.json")["_class_name"]
        unet, vae = (read_json(self.path, part, "config.json") for part in ("unet", "vae_decoder"))
        scale = 2 ** (len(vae["block_out_channels"]) - 1)
        width, height = options.size or (unet["sample_size"] * scale,) * 2
        self.spec = {"prompt": options.prompt, "negative": options.negative, "steps": options.steps,
                     "guidance": options.guidance, "width": width, "height": height}
        shape, file = [1, unet["in_channels"], height // scale, width // scale], os.path.join(work, "latents.npy")
        draw = random.Random(0)
        values = [draw.gauss(0, 1) for _ in range(shape[1] * shape[2] * shape[3])]
        write_npy(file, "<f4", shape, array.array("f", values))
        self.inputs = {"latents": (shape, file)}

    @property
    def size(self):
        return f"{self.spec['width']}x{self.spec['height']}"

    def shape_options(self):
        return [f"--size={self.size}"]

    def input_options(self):
        told = {key: self.spec[key] for key in ("prompt", "negative", "steps", "guidance")}
        return [f"--{key}={value}" for key, value in told.items()] + [f"--latents={self.inputs['latents'][1]}"]
