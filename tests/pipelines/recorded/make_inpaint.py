"""Records runs of diffusers' StableDiffusionXLInpaintPipeline, with a network that does not see the mask, and
StableDiffusion3InpaintPipeline: python make_inpaint.py MODELS

The pipelines are diffusers' own; the networks are the ONNX graphs of ../shared/data/models in onnxruntime.

    tiny-sdxl/inpaint        3.5 of 5 steps, which is 3, by Euler
    tiny-sdxl/inpaint_full   all of 4 steps, by DDIM
    tiny-sd3/inpaint_no_t5   3.5 of 5 steps, without T5: 77 tokens of zeros"""
import json, os, sys
import numpy as np, onnxruntime as ort, torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler, StableDiffusion3InpaintPipeline, StableDiffusionXLInpaintPipeline
from diffusers.configuration_utils import FrozenDict
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from types import SimpleNamespace

models, here = sys.argv[1], os.path.dirname(os.path.abspath(__file__))


class Network(torch.nn.Module):
    """A graph, or two, with what a pipeline asks a model for."""
    device, dtype = torch.device('cpu'), torch.float32

    def __init__(self, folder, *names):
        super().__init__()
        self.runs = [ort.InferenceSession(f'{models}/{folder}/{name}/model.onnx') for name in names]
        self.config = FrozenDict(json.load(open(f'{models}/{folder}/{names[0]}/config.json')))

    def run(self, k, **inputs):
        given = {i.name for i in self.runs[k].get_inputs()}
        feed = {key: value.detach().numpy() for key, value in inputs.items() if key in given}
        return dict(zip([o.name for o in self.runs[k].get_outputs()], map(torch.from_numpy, self.runs[k].run(None, feed))))


class UNet(Network):
    def __init__(self, folder):
        super().__init__(folder, 'unet')
        self.add_embedding = SimpleNamespace(linear_1=SimpleNamespace(in_features=self.config.projection_class_embeddings_input_dim))

    def forward(self, sample, timestep, encoder_hidden_states, added_cond_kwargs, **_):
        timestep = timestep.reshape([]).to(torch.float32)
        return [self.run(0, sample=sample, timestep=timestep, encoder_hidden_states=encoder_hidden_states, **added_cond_kwargs)['out_sample']]


class Transformer(Network):
    def forward(self, hidden_states, timestep, encoder_hidden_states, pooled_projections, **_):
        return [self.run(0, hidden_states=hidden_states, timestep=timestep.float(), encoder_hidden_states=encoder_hidden_states,
                         pooled_projections=pooled_projections)['out_hidden_states']]


class Autoencoder(Network):
    def encode(self, picture):
        return SimpleNamespace(latent_dist=DiagonalGaussianDistribution(self.run(1, sample=picture)['latent_parameters']))


def picture(height, width):
    """Steps of colour, and a mask of every grey with a blot of white in it."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    colours = np.stack([x // 8 * 8 / width, y // 8 * 8 / height, (x + y) // 16 * 16 / (height + width)]) * 2 - 1
    blot = np.hypot(x - width * 0.6, y - height * 0.45) < width * 0.3
    mask = np.maximum(blot, (x + 2 * y) / (width + 2 * height) * 0.6)
    return torch.from_numpy(np.float32(colours)[None]), torch.from_numpy(np.float32(mask)[None, None])


def record(pipe, folder, name, settings, height, width, more, **embeddings):
    latents = []
    prepare, image, mask = pipe.prepare_latents, *picture(height, width)
    pipe.prepare_latents = lambda *a, **k: (out := prepare(*a, **k), latents.append(out[0]))[0]
    keep = lambda p, i, t, given: (latents.append(given['latents']), given)[1]
    pipe.set_progress_bar_config(disable=True)
    pipe(image=image, mask_image=mask, height=height, width=width, strength=settings['strength'], output_type='latent',
         num_inference_steps=settings['num_inference_steps'], guidance_scale=settings['guidance_scale'],
         generator=torch.Generator().manual_seed(settings['seed']), callback_on_step_end=keep, **embeddings)
    arrays = dict(latents=torch.stack(latents).numpy(), image=image.numpy(), mask=mask.numpy())
    os.makedirs(f'{here}/{folder}', exist_ok=True)
    np.savez_compressed(f'{here}/{folder}/{name}.npz', **arrays)
    scheduler = dict(pipe.scheduler.config, _class_name=type(pipe.scheduler).__name__)
    json.dump(dict(settings, **more, scheduler=scheduler, arrays={k: str(v.shape) for k, v in arrays.items()}),
              open(f'{here}/{folder}/{name}.json', 'w'), indent=1)
    print(folder, name, arrays['latents'].shape)


def sdxl(name, scheduler, **settings):
    words = json.load(open(f'{models}/tiny-sdxl/reference/euler.json'))
    known = {k: torch.from_numpy(v) for k, v in np.load(f'{models}/tiny-sdxl/reference/euler.npz').items() if v.dtype == np.float32}
    pipe = StableDiffusionXLInpaintPipeline(Autoencoder('tiny-sdxl', 'vae_decoder', 'vae_encoder'), None, None, None, None, UNet('tiny-sdxl'), scheduler)
    record(pipe, 'tiny-sdxl', name, dict(settings, prompt=words['prompt'], negative_prompt=words['negative_prompt']), 128, 96, {},
           prompt_embeds=known['prompt_embeds'], negative_prompt_embeds=known['negative_prompt_embeds'],
           pooled_prompt_embeds=known['pooled'], negative_pooled_prompt_embeds=known['negative_pooled'])


def sd3(name, **settings):
    ids = np.load(f'{models}/tiny-sd3/reference/flow_euler.npz')
    words = json.load(open(f'{models}/tiny-sd3/reference/flow_euler.json'))
    hidden, pooled = [], []
    for coder, key, last in ('text_encoder', 'input_ids', 2), ('text_encoder_2', 'input_ids_2', 3):
        out = Network('tiny-sd3', coder).run(0, input_ids=torch.from_numpy(np.concatenate([ids['negative_' + key], ids[key]])))
        hidden.append(out[f'hidden_states.{last - 1}']); pooled.append(out['text_embeds'])
    text = torch.nn.functional.pad(torch.cat(hidden, -1), (0, 96 - sum(h.shape[-1] for h in hidden)))
    text, pooled = torch.cat([text, torch.zeros_like(text)], 1), torch.cat(pooled, -1)
    pipe = StableDiffusion3InpaintPipeline(Transformer('tiny-sd3', 'transformer'), FlowMatchEulerDiscreteScheduler(shift=3.0),
                                           Autoencoder('tiny-sd3', 'vae_decoder', 'vae_encoder'), *[None] * 6)
    record(pipe, 'tiny-sd3', name, dict(settings, prompt=words['prompt'], negative_prompt=words['negative_prompt']), 64, 64, dict(t5_length=-1),
           prompt_embeds=text[1:], negative_prompt_embeds=text[:1], pooled_prompt_embeds=pooled[1:], negative_pooled_prompt_embeds=pooled[:1])


betas = dict(beta_start=0.00085, beta_end=0.012, beta_schedule='scaled_linear')
sdxl('inpaint', EulerDiscreteScheduler(**betas, steps_offset=1, timestep_spacing='leading'), strength=0.7, num_inference_steps=5, guidance_scale=5.0, seed=11)
sdxl('inpaint_full', DDIMScheduler(**betas, steps_offset=1, clip_sample=False, set_alpha_to_one=False), strength=1.0, num_inference_steps=4, guidance_scale=3.0, seed=12)
sd3('inpaint_no_t5', strength=0.7, num_inference_steps=5, guidance_scale=5.0, seed=13)
