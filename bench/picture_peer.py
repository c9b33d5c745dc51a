"""picture_peer.py SYSTEM JOB: whole pictures in one system other than sdc; what peer.py is for single networks.

PyTorch: diffusers' StableDiffusionPipeline with the ONNX files' weights, all in the type asked for.  OpenVINO and ONNX
Runtime: the same class, its networks replaced by what peer.py loads, as optimum's pipelines do.

JOB is as for peer.py: model is a pipeline's folder, spec what to draw; output gets the final latents, and the file that
picture_file() names the decoder's output.  A turn is a drawing of one step to warm up, and one or more with all.
"""
import os
import statistics
import sys
import time
import types

BEGIN = time.perf_counter()                                         # libraries take seconds to load

import diffusers
import numpy
import onnx
import torch
import transformers

import peer
import torch_net
from pipeline import VAE_SCALE, picture_file, read_json

PARTS = ("text_encoder", "unet", "vae_decoder")
CLASSES = {"text_encoder": ("clip", "CLIPTextModel"), "unet": ("unet", "UNet2DConditionModel"),
           "vae_decoder": ("vaed", "AutoencoderKL")}
# What the pipeline asks a network's configuration for beside what every folder has.
DEFAULTS = {"time_cond_proj_dim": None, "scaling_factor": VAE_SCALE}


# ---- networks -----------------------------------------------------------------------------------------------------

class Network(torch.nn.Module):
    """Takes the place of a module of the pipeline: puts its inputs where run() reads them."""
    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self, config, given, run):
        super().__init__()
        self.config, self.given, self.run = types.SimpleNamespace(**{**DEFAULTS, **config}), given, run

    def forward(self, *values, encoder_hidden_states=None, **unused):
        if encoder_hidden_states is not None:
            values += (encoder_hidden_states,)
        for room, value in zip(self.given.values(), values):
            room[...] = value.numpy()
        return [torch.from_numpy(numpy.array(self.run()[0]))]       # a copy: the next run overwrites it

    decode = forward


def shapes(spec, latents, features):
    """Of each network's inputs, in the order in which the pipeline gives them."""
    rows, tokens = len(spec["ids"]), len(spec["ids"][0])
    return {"text_encoder": {"input_ids": (1, tokens)},
            "unet": {"sample": (rows, *latents[1:]), "timestep": (rows,),
                     "encoder_hidden_states": (rows, tokens, features)},
            "vae_decoder": {"latent_sample": latents}}


def room(path, wanted):
    """An array for each input of the ONNX file; a timestep may be a scalar there, or one for all rows."""
    ports = {port.name: port.type.tensor_type for port in onnx.load(path, load_external_data=False).graph.input}
    return {name: numpy.zeros([axis.dim_value or extent for axis, extent in zip(ports[name].shape.dim, shape)],
                              onnx.helper.tensor_dtype_to_np_dtype(ports[name].elem_type))
            for name, shape in wanted.items()}


def replaced(system, job, path, config, wanted, facts):
    given, own = room(path, wanted), {}
    run = peer.LOADERS[system](dict(job, model=path), given, own)
    facts.update({**own, **facts})                                  # what was there before the first network
    return Network(config, given, run)


def networks(system, job, latents, facts):
    """Component -> module.  latents: their shape."""
    configs = {part: read_json(job["model"], part, "config.json") for part in PARTS}
    paths = {part: os.path.realpath(os.path.join(job["model"], part, "model.onnx")) for part in PARTS}
    if system == "torch":
        facts.update(version=torch.__version__.split("+")[0], base_rss=peer.status("VmRSS"))
        specs = {part: {"torch": {"kind": kind, "cls": name, "config": configs[part]}}
                 for part, (kind, name) in CLASSES.items()}
        return {part: torch_net.loaded(specs[part], paths[part], torch_net.DTYPES[job["dtype"]]) for part in PARTS}
    wanted = shapes(job["spec"], latents, configs["unet"]["cross_attention_dim"])
    return {part: replaced(system, job, paths[part], configs[part], wanted[part], facts) for part in PARTS}


# ---- drawing ------------------------------------------------------------------------------------------------------

def tokenizer_of(job):
    """The folder's, seen to give the same ids as sdc's."""
    spec = job["spec"]
    tokenizer = transformers.CLIPTokenizer.from_pretrained(os.path.join(job["model"], "tokenizer"))
    for text, ids in zip((spec["negative"], spec["prompt"])[-len(spec["ids"]):], spec["ids"]):
        own = tokenizer(text, padding="max_length", max_length=len(ids), truncation=True).input_ids
        if own != ids:
            raise ValueError(f"the tokenizer gives other ids than sdc's for '{text}'")
    return tokenizer


class Drawing:
    """A pipeline, loaded.  milliseconds: of the last picture by part; latents, picture: what came of it."""

    def __init__(self, system, job, facts):
        self.spec, self.milliseconds, self.latents, self.picture = job["spec"], {}, None, None
        torch.set_num_threads(job["threads"])
        torch.set_grad_enabled(False)
        self.noise = torch.from_numpy(numpy.load(job["inputs"]["latents"])).to(
            torch_net.DTYPES[job["dtype"] if system == "torch" else "f32"])
        tokenizer = tokenizer_of(job)
        parts = networks(system, job, tuple(self.noise.shape), facts)
        scheduler = read_json(job["model"], "scheduler", "scheduler_config.json")
        encoder, decoder = parts["text_encoder"], parts["vae_decoder"]
        encoder.forward = self.timed("text_ms", encoder.forward)
        decoder.decode = self.timed("decode_ms", decoder.decode)
        self.pipeline = diffusers.StableDiffusionPipeline(
            vae=decoder, text_encoder=encoder, tokenizer=tokenizer, unet=parts["unet"],
            scheduler=getattr(diffusers, scheduler["_class_name"]).from_config(scheduler), safety_checker=None,
            feature_extractor=None, requires_safety_checker=False)
        self.pipeline.set_progress_bar_config(disable=True)

    def timed(self, part, function):
        def run(*values, **named):
            begin = time.perf_counter()
            result = function(*values, **named)
            self.milliseconds[part] = self.milliseconds.get(part, 0) + 1e3 * (time.perf_counter() - begin)
            self.picture = result[0]                                # the decoder's is the last
            return result
        return run

    def keep(self, pipeline, step, timestep, tensors):
        self.latents = tensors["latents"]
        return tensors

    def draw(self, steps):
        spec, self.milliseconds = self.spec, {}
        begin = time.perf_counter()
        self.pipeline(spec["prompt"], negative_prompt=spec["negative"], num_inference_steps=steps,
                      guidance_scale=spec["guidance"], width=spec["width"], height=spec["height"], latents=self.noise,
                      output_type="np", callback_on_step_end=self.keep)
        return 1e3 * (time.perf_counter() - begin)

    def turn(self, runs):
        """Milliseconds of each picture, and the medians of its parts."""
        times, parts = [], {}
        for _ in range(runs):
            times.append(self.draw(self.spec["steps"]))
            for part, spent in self.milliseconds.items():
                parts.setdefault(part, []).append(spent)
        return {"times": times, "parts": {part: statistics.median(all) for part, all in parts.items()}}

    def save(self, output):
        for file, tensor in ((output, self.latents), (picture_file(output), self.picture)):
            numpy.save(file, numpy.ascontiguousarray(tensor.float().numpy()))


def serve(system, job, answer):
    facts = {}
    drawing = Drawing(system, job, facts)
    drawing.draw(1)
    facts["load_s"] = time.perf_counter() - BEGIN
    if not os.path.exists(job["output"]):                           # else it was loaded before
        drawing.draw(job["spec"]["steps"])
        drawing.save(job["output"])
    answer(dict(facts, peak_rss=peer.status("VmHWM")))
    for line in sys.stdin:
        drawing.draw(1)
        answer(dict(drawing.turn(int(line)), peak_rss=peer.status("VmHWM")))


if __name__ == "__main__":
    peer.main(serve)
