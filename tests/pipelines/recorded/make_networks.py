"""Makes the networks of ../networks, and records what diffusers' own pipelines draw with them: python make_networks.py MODELS

Networks of seeded random weights, as torch's exporter writes them with all axes free; the text encoders, autoencoders and
tokenizers are those of tiny-sd1 and tiny-sdxl (MODELS: ../shared/data/models).  The references are computed by PyTorch, but
for those parts, and for tiny-sdxl-inpaint4, tiny-sdxl and tiny-sd3, whose networks lie in MODELS.

    tiny-lcm              told the strength of guidance; with a ControlNet beside it
    tiny-sdxl-lcm         likewise, in the folder of an SDXL
    tiny-sdxl-inpaint     of 9 channels; with a ControlNet beside it
    tiny-sdxl-inpaint4    tiny-sdxl under the name of the inpainting pipeline
    tiny-unclip-prior     a prior and its text encoder for tiny-unclip
    tiny-sdxl, tiny-sd3   other prompts for the second and the third text encoder

Made with diffusers 0.42.1, transformers 5.23.0, torch 2.15.0, onnxruntime 1.31.1."""
import json
import math
import os
import sys

import diffusers
import numpy as np
import onnx
import torch
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoTokenizer, CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer

from make_handover import HERE, Denoiser, Graph, TextEncoder, parts
from make_statistics import Autoencoder

NETWORKS = f"{HERE}/../networks"
PROMPT, NEGATIVE = "a photo of an astronaut riding a horse on mars", "blurry"
HEIGHT, WIDTH = 64, 96
SMALL = dict(block_out_channels=(8, 8), norm_num_groups=4, layers_per_block=1, attention_head_dim=2)
SD1 = dict(SMALL, cross_attention_dim=32, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"))
SDXL = dict(SMALL, cross_attention_dim=64, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=88)


# ---- networks -------------------------------------------------------------------------------------------------------

def lively(model, seed):
    """Every weight drawn anew: no branch is silent."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        for name, p in module.named_parameters(recurse=False):
            spread = 1 / math.sqrt(p[0].numel()) if p.ndim > 1 else 0.2
            norm = "Norm" in type(module).__name__ and name == "weight"
            p.data = torch.randn(p.shape, generator=generator) * spread + norm
    return model.eval()


def shorten(model):
    """Names of nodes and of values that no one sees take most of a small graph's room."""
    seen = {v.name for v in [*model.graph.input, *model.graph.output, *model.graph.initializer]}
    short = {}
    for node in model.graph.node:
        node.name = node.doc_string = ""
        for names in node.input, node.output:
            for k, name in enumerate(names):
                if name and name not in seen:
                    names[k] = short.setdefault(name, f"v{len(short)}")
    del model.graph.value_info[:]


def export(folder, part, model, inputs, outputs, call, free={2: "h", 3: "w"}):
    """inputs: name -> (tensor, names of its free axes); call(model's forward, inputs by name) -> the outputs, which have these
    free axes beside the batch."""
    where, axes = f"{NETWORKS}/{folder}/{part}", {k: a for k, (_, a) in inputs.items() if a}
    os.makedirs(where, exist_ok=True)

    class Wrapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, *given):
            return call(self.model, dict(zip(inputs, given)))
    torch.onnx.export(Wrapped(), tuple(t for t, _ in inputs.values()), f"{where}/model.onnx", opset_version=17,
                      input_names=list(inputs), output_names=outputs, dynamo=False,
                      dynamic_axes={**axes, **{o: {0: "batch_size", **{k: f"{o}_{n}" for k, n in free.items()}} for o in outputs}})
    graph = onnx.load(f"{where}/model.onnx")
    shorten(graph)
    onnx.save(graph, f"{where}/model.onnx")
    config = model if hasattr(model, "to_json_string") else model.config
    json.dump(json.loads(config.to_json_string()), open(f"{where}/config.json", "w"), indent=1)


def split(inputs):
    added = {k: inputs[k] for k in ("text_embeds", "time_ids") if k in inputs}
    return dict(added_cond_kwargs=added) if added else {}


def call_unet(unet, given):
    down = [v for k, v in given.items() if k.startswith("down_block")]
    residuals = dict(down_block_additional_residuals=down,
                     mid_block_additional_residual=given["mid_block_additional_residual"]) if down else {}
    return unet(given["sample"], given["timestep"], given["encoder_hidden_states"], **split(given), **residuals,
                timestep_cond=given.get("timestep_cond"), return_dict=False)[0]


def call_controlnet(controlnet, given):
    down, mid = controlnet(given["sample"], given["timestep"], given["encoder_hidden_states"], given["controlnet_cond"],
                           given.get("conditioning_scale", 1.0), **split(given), return_dict=False)
    return (*down, mid)


def make_controlnet(folder, kind, control, text, draw, scaled):
    """Exports it; returns the inputs of a denoiser for its outputs."""
    seen = {"sample": (draw(2, 4, 8, 8), {0: "batch_size", 2: "height", 3: "width"}), **text,
            "controlnet_cond": (draw(2, 3, 64, 64).abs(), {0: "batch_size", 2: "picture_height", 3: "picture_width"})}
    if scaled:
        seen["conditioning_scale"] = (torch.tensor(1.0), None)
    residuals = call_controlnet(control, {k: v for k, (v, _) in seen.items()})
    outputs = [f"down_block_res_samples.{k}" for k in range(len(residuals) - 1)] + ["mid_block_res_sample"]
    export(folder, "controlnet", control, seen, outputs, call_controlnet)
    names = [f"down_block_additional_residuals.{k}" for k in range(len(residuals) - 1)] + ["mid_block_additional_residual"]
    return {name: (r, {0: "batch_size", 2: f"height_{k}", 3: f"width_{k}"})
            for k, (name, r) in enumerate(zip(names, residuals))}


def make(folder, kind, channels, seed, scaled=None, **more):
    """A denoiser of so many channels, as diffusers has it, and its ControlNet; scaled: that one takes its scale; None:
    there is none."""
    up = tuple(reversed([n.replace("Down", "Up") for n in kind["down_block_types"]]))
    unet = lively(diffusers.UNet2DConditionModel(sample_size=8, in_channels=channels, up_block_types=up, **kind, **more), seed)
    control = lively(diffusers.ControlNetModel(conditioning_embedding_out_channels=(4, 4, 8, 8), **kind), seed + 1)
    generator = torch.Generator().manual_seed(seed + 2)
    draw = lambda *shape: torch.randn(*shape, generator=generator)
    text = {"timestep": (torch.tensor(501.0), None),
            "encoder_hidden_states": (draw(2, 77, kind["cross_attention_dim"]), {0: "batch_size", 1: "sequence_length"})}
    if "addition_embed_type" in kind:
        text["text_embeds"] = (draw(2, 40), {0: "batch_size"})
        text["time_ids"] = (torch.tensor([[64.0, 96.0, 0.0, 0.0, 64.0, 96.0]] * 2), {0: "batch_size"})
    residuals = {} if scaled is None else make_controlnet(folder, kind, control, text, draw, scaled)
    given = {"sample": (draw(2, channels, 8, 8), {0: "batch_size", 2: "height", 3: "width"}), **text}
    if "time_cond_proj_dim" in more:
        given["timestep_cond"] = (draw(2, more["time_cond_proj_dim"]), {0: "batch_size"})
    given |= residuals
    with torch.no_grad():
        gain = 0.9 / call_unet(unet, {k: v for k, (v, _) in given.items()}).std()
        unet.conv_out.weight.mul_(gain)
        unet.conv_out.bias.mul_(gain)
    export(folder, "unet", unet, given, ["out_sample"], call_unet)
    return unet, control


# ---- references -----------------------------------------------------------------------------------------------------

class Words(TextEncoder):
    def forward(self, input_ids, attention_mask=None, output_hidden_states=True):
        return super().forward(input_ids)


class Labelled(Graph):
    def forward(self, sample, timestep, encoder_hidden_states, class_labels=None, **_):
        self.seen = dict(class_labels=class_labels)
        out = self.run(sample=sample, timestep=timestep, encoder_hidden_states=encoder_hidden_states, **self.seen)
        return (out["out_sample"],)


class Transformer(Graph):
    def forward(self, hidden_states, timestep, encoder_hidden_states, pooled_projections, **_):
        self.seen = dict(encoder_hidden_states=encoder_hidden_states, pooled_projections=pooled_projections)
        return (self.run(hidden_states=hidden_states, timestep=timestep, **self.seen)["out_hidden_states"],)


def picture(height, width, of):
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    planes = np.stack([x // 8 * 8 / width, y // 8 * 8 / height, (x + of * y) // 16 * 8 / (height + width)])
    return torch.from_numpy(planes[None].astype(np.float32))


def mask(height, width):
    white = torch.zeros(1, 1, height, width)
    white[:, :, height // 4:, width // 3:width - 16] = 1
    return white


def save(folder, name, settings, arrays):
    os.makedirs(f"{HERE}/{folder}", exist_ok=True)
    arrays = {k: np.asarray(v) for k, v in arrays.items()}
    np.savez_compressed(f"{HERE}/{folder}/{name}.npz", **arrays)
    settings = dict(settings, arrays={k: f"{v.dtype}{list(v.shape)}" for k, v in arrays.items()})
    json.dump(settings, open(f"{HERE}/{folder}/{name}.json", "w"), indent=1)
    print(folder, name, {k: v.shape for k, v in arrays.items()})


def draw(pipeline, seed, **options):
    """The latents that the loop starts from and those behind each step."""
    steps, prepare = [], pipeline.prepare_latents

    def keep_first(*given, **more):
        out = prepare(*given, **more)
        steps.append((out if torch.is_tensor(out) else out[0]).clone())
        return out

    def keep(_pipeline, _step, _timestep, tensors):
        steps.append(tensors["latents"].clone())
        return {}
    pipeline.set_progress_bar_config(disable=True)
    pipeline.prepare_latents = keep_first
    pipeline(generator=torch.Generator().manual_seed(seed), output_type="latent", callback_on_step_end=keep, **options)
    return torch.stack(steps)


def bytes_of(vae, latents):
    shift = getattr(vae.config, "shift_factor", None) or 0
    decoded = vae.run(latent_sample=latents[-1] / vae.config.scaling_factor + shift)["sample"]
    return ((decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1) * 255).round().byte()


def record(folder, name, pipeline, seed, given, **settings):
    """settings: those of diffusers' call which the json shall have besides the prompt."""
    options = dict(settings, **given)
    latents = draw(pipeline, seed, **options)
    arrays = {k: v for k, v in given.items() if torch.is_tensor(v)}
    original = settings.pop("original_inference_steps", None)
    if original:
        settings["sampler"] = f"original_inference_steps={original}"
    save(folder, name, dict(settings, seed=seed),
         dict(arrays, latents=latents, image_uint8=bytes_of(pipeline.vae, latents)))


def index(folder, name, more=()):
    os.makedirs(f"{NETWORKS}/{folder}", exist_ok=True)
    json.dump({"_class_name": name, **dict(more)}, open(f"{NETWORKS}/{folder}/model_index.json", "w"), indent=1)


def save_scheduler(folder, scheduler):
    os.makedirs(f"{NETWORKS}/{folder}/scheduler", exist_ok=True)
    json.dump(json.loads(scheduler.to_json_string()), open(f"{NETWORKS}/{folder}/scheduler/scheduler_config.json", "w"), indent=1)


def lcm(models):
    folder, base, text = "tiny-lcm", f"{models}/tiny-sd1", dict(prompt=PROMPT)
    unet, control = make(folder, SD1, 4, 1, True, time_cond_proj_dim=16)
    index(folder, "LatentConsistencyModelPipeline")
    scheduler = diffusers.LCMScheduler.from_pretrained(f"{base}/scheduler")
    save_scheduler(folder, scheduler)
    both = dict(vae=Autoencoder(base), text_encoder=Words(base, "text_encoder"), unet=unet, scheduler=scheduler,
                tokenizer=CLIPTokenizer.from_pretrained(f"{base}/tokenizer"), safety_checker=None,
                feature_extractor=None, requires_safety_checker=False)
    size = dict(height=HEIGHT, width=WIDTH)
    pipeline = diffusers.LatentConsistencyModelPipeline(**both)
    record(folder, "lcm", pipeline, 3, size, **text)
    pipeline = diffusers.LatentConsistencyModelPipeline(**both)
    record(folder, "lcm_original", pipeline, 4, size, **text, num_inference_steps=3, guidance_scale=3.0,
           original_inference_steps=20)
    pipeline = diffusers.LatentConsistencyModelImg2ImgPipeline(**both)
    record(folder, "lcm_img2img", pipeline, 5, dict(image=picture(HEIGHT, WIDTH, 1) * 2 - 1), **text, strength=0.6,
           num_inference_steps=3)
    pipeline = diffusers.StableDiffusionControlNetPipeline(controlnet=control, **both)
    record(folder, "lcm_control", pipeline, 6, dict(image=picture(HEIGHT, WIDTH, 2)), **text, guidance_scale=5.0,
           num_inference_steps=4, controlnet_conditioning_scale=0.8, control_guidance_end=0.8)


def sdxl(models):
    folder, base = "tiny-sdxl-inpaint", f"{models}/tiny-sdxl"
    unet, control = make(folder, SDXL, 9, 11, False)
    index(folder, "StableDiffusionXLInpaintPipeline", dict(force_zeros_for_empty_prompt=True))
    index("tiny-sdxl-inpaint4", "StableDiffusionXLInpaintPipeline", dict(force_zeros_for_empty_prompt=True))
    vae, text = Autoencoder(base), dict(prompt=PROMPT, negative_prompt=NEGATIVE)
    both = dict(parts(base, True), vae=vae, unet=unet)
    inputs = dict(image=picture(HEIGHT, WIDTH, 1) * 2 - 1, mask_image=mask(HEIGHT, WIDTH), height=HEIGHT, width=WIDTH)
    fresh = lambda kind, **more: kind(**dict(both, **more))
    inpaint = lambda: fresh(diffusers.StableDiffusionXLInpaintPipeline)
    record(folder, "inpaint", inpaint(), 21, inputs, **text, num_inference_steps=4)
    record(folder, "inpaint_whole", inpaint(), 22, inputs, **text, num_inference_steps=3, strength=1.0)
    steered = lambda: fresh(diffusers.StableDiffusionXLControlNetInpaintPipeline, controlnet=control)
    record(folder, "inpaint_control", steered(), 23, dict(inputs, control_image=picture(HEIGHT, WIDTH, 3)), **text,
           num_inference_steps=3, strength=1.0, guidance_scale=5.0, controlnet_conditioning_scale=0.7,
           control_guidance_start=0.3)
    file = Image.open(f"{HERE}/../depth/picture.png")
    record(folder, "inpaint_guess", steered(), 24, dict(inputs, control_image=file, guess_mode=True), **text,
           num_inference_steps=4, strength=0.8, guidance_scale=4.0)
    inpaint = fresh(diffusers.StableDiffusionXLInpaintPipeline, unet=Denoiser(base, "unet"))
    record("tiny-sdxl-inpaint4", "inpaint", inpaint, 25, inputs, **text, num_inference_steps=4)
    plain = fresh(diffusers.StableDiffusionXLPipeline, unet=Denoiser(base, "unet"))
    record("tiny-sdxl", "prompts", plain, 26, dict(height=128, width=96), **text, prompt_2="a red house",
           negative_prompt_2="two dogs", num_inference_steps=3, guidance_scale=5.0)


def sdxl_lcm(models):
    folder, base = "tiny-sdxl-lcm", f"{models}/tiny-sdxl"
    unet, _ = make(folder, dict(SDXL, block_out_channels=(4, 4)), 4, 41, time_cond_proj_dim=8)
    index(folder, "StableDiffusionXLPipeline", dict(force_zeros_for_empty_prompt=True))
    scheduler = diffusers.LCMScheduler.from_pretrained(f"{base}/scheduler")
    save_scheduler(folder, scheduler)
    pipeline = diffusers.StableDiffusionXLPipeline(**dict(parts(base, True), vae=Autoencoder(base), unet=unet,
                                                          scheduler=scheduler))
    record(folder, "lcm", pipeline, 42, dict(height=HEIGHT, width=WIDTH), prompt=PROMPT, num_inference_steps=4,
           guidance_scale=8.0)


def small_tokenizer(base, folder, merges):
    """The first merges of a CLIP tokenizer, and their vocabulary."""
    where = f"{NETWORKS}/{folder}/prior_tokenizer"
    os.makedirs(where, exist_ok=True)
    names = {v: k for k, v in json.load(open(f"{base}/vocab.json")).items()}
    vocab = {names[k]: k for k in range(512 + merges)} | {"<|startoftext|>": 512 + merges, "<|endoftext|>": 513 + merges}
    json.dump(vocab, open(f"{where}/vocab.json", "w"), ensure_ascii=False, separators=(",", ":"))
    lines = open(f"{base}/merges.txt", encoding="utf-8").read().split("\n")[:merges + 1]
    open(f"{where}/merges.txt", "w", encoding="utf-8").write("\n".join(lines) + "\n")
    for name in "special_tokens_map.json", "tokenizer_config.json":
        open(f"{where}/{name}", "w").write(open(f"{base}/{name}").read())
    return CLIPTokenizer.from_pretrained(where), len(vocab)


def export_prior(folder, prior, text):
    batch, generator = {0: "batch_size"}, torch.Generator().manual_seed(70)
    draw = lambda *shape: torch.randn(*shape, generator=generator)
    n = prior.config.embedding_dim
    inputs = {"hidden_states": (draw(2, n), batch), "timestep": (torch.tensor(500), None), "proj_embedding": (draw(2, n), batch),
              "encoder_hidden_states": (draw(2, 77, n), batch), "attention_mask": (torch.ones(2, 77).bool(), batch)}
    export(folder, "prior", prior, inputs, ["predicted_image_embedding"], lambda p, given: p(**given, return_dict=False)[0], {})
    export(folder, "prior_text_encoder", text, {"input_ids": (torch.ones(2, 77, dtype=torch.int64), batch)},
           ["text_embeds", "last_hidden_state"], lambda t, given: (lambda o: (o.text_embeds, o.last_hidden_state))(t(**given)), {})
    save_file({"clip_mean": prior.clip_mean.data, "clip_std": prior.clip_std.data},
              f"{NETWORKS}/{folder}/prior/diffusion_pytorch_model.safetensors")


def unclip(models):
    folder, base = "tiny-unclip-prior", f"{models}/tiny-unclip"
    tokenizer, words = small_tokenizer(f"{base}/tokenizer", folder, 60)
    prior = lively(diffusers.PriorTransformer(num_attention_heads=2, attention_head_dim=8, num_layers=1, embedding_dim=24), 71)
    text = CLIPTextModelWithProjection(CLIPTextConfig(
        vocab_size=words, hidden_size=24, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, projection_dim=24,
        bos_token_id=words - 2, eos_token_id=words - 1, pad_token_id=0))
    export_prior(folder, prior, lively(text, 72))
    index(folder, "StableUnCLIPPipeline")
    prior_scheduler = diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="sample", clip_sample_range=5.0,
                                              variance_type="fixed_small_log")
    os.makedirs(f"{NETWORKS}/{folder}/prior_scheduler", exist_ok=True)
    json.dump(json.loads(prior_scheduler.to_json_string()),
              open(f"{NETWORKS}/{folder}/prior_scheduler/scheduler_config.json", "w"), indent=1)
    vae, unet = Autoencoder(base), Labelled(base, "unet")
    pipeline = diffusers.StableUnCLIPPipeline(
        prior_tokenizer=tokenizer, prior_text_encoder=text, prior=prior, prior_scheduler=prior_scheduler,
        image_normalizer=StableUnCLIPImageNormalizer.from_pretrained(f"{base}/image_normalizer"),
        image_noising_scheduler=diffusers.DDPMScheduler.from_pretrained(f"{base}/image_noising_scheduler"),
        tokenizer=CLIPTokenizer.from_pretrained(f"{base}/tokenizer"), text_encoder=Words(base, "text_encoder"), unet=unet,
        scheduler=diffusers.DDIMScheduler.from_pretrained(f"{base}/scheduler"), vae=vae)
    pipeline.set_progress_bar_config(disable=True)
    steps, prepare, step = [], pipeline.prepare_latents, pipeline.scheduler.step

    def keep_first(*given, **more):         # the prior's come before
        steps[:] = [prepare(*given, **more)]
        return steps[0]

    def keep(*given, **more):
        steps.append(step(*given, **more)[0])
        return (steps[-1],)
    pipeline.prepare_latents, pipeline.scheduler.step = keep_first, keep
    settings = dict(prompt=PROMPT, negative_prompt=NEGATIVE, num_inference_steps=3, guidance_scale=5.0, noise_level=100,
                    prior_num_inference_steps=6, prior_guidance_scale=3.0)
    pipeline(**settings, height=HEIGHT, width=WIDTH, generator=torch.Generator().manual_seed(73), output_type="latent")
    save(folder, "unclip", dict(settings, seed=73), dict(latents=torch.stack(steps), class_labels=unet.seen["class_labels"][1:],
                                                         image_uint8=bytes_of(vae, steps)))


def sd3(models):
    base = f"{models}/tiny-sd3"
    take = {f"tokenizer{k}": AutoTokenizer.from_pretrained(f"{base}/tokenizer{k}") for k in ("", "_2", "_3")}
    take |= {f"text_encoder{k}": TextEncoder(base, f"text_encoder{k}") for k in ("", "_2", "_3")}
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler.from_pretrained(f"{base}/scheduler")
    pipeline = diffusers.StableDiffusion3Pipeline(**take, transformer=Transformer(base, "transformer"), scheduler=scheduler,
                                                  vae=Autoencoder(base))
    settings = dict(prompt=PROMPT, prompt_2="a red house", prompt_3="a dog that holds a sign", negative_prompt=NEGATIVE,
                    negative_prompt_2="two dogs", negative_prompt_3="low quality", num_inference_steps=1,
                    guidance_scale=4.0)
    latents = draw(pipeline, 31, height=128, width=128, **settings)
    save("tiny-sd3", "prompts", dict(settings, seed=31, t5_length=256),
         dict(latents=latents, pooled=pipeline.transformer.seen["pooled_projections"][1:]))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for part in lcm, sdxl, sdxl_lcm, unclip, sd3:
        part(sys.argv[1])
