"""Records runs of Stable Diffusion 3 that ../shared/data/models lacks: python make.py MODELS

With diffusers' schedulers and the ONNX graphs in onnxruntime, as the recorded runs there were made; the order of draws and
the number of steps are those of diffusers' StableDiffusion3Img2ImgPipeline and StableDiffusion3ControlNetPipeline, but
that the noise of the control picture's latents comes behind the starting noise from the same generator (diffusers draws it
from another one).

    tiny-sd3/img2img_no_t5               from a picture, without T5: 77 tokens of zeros; 4.2 of 7 steps, which is 5
    tiny-sd3/img2img_dynamic             the same with dynamic shifting, whose mu follows from 16 tokens
    tiny-sd35-controlnet/control_image   a control picture through tiny-sd35's autoencoder
    tiny-sd35-controlnet-single/control_single   the same with controlnet_single, which takes the transformer's tokens and
                                         gives one residual more than the transformer takes: the first ones count"""
import json, os, sys
import numpy as np, onnx, onnxruntime as ort, torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3 import calculate_shift

models, here = sys.argv[1], os.path.dirname(os.path.abspath(__file__))
PROMPT, NEGATIVE = 'a cat holding a sign that says hello world', 'low quality'
SCALE, SHIFT = 1.5305, 0.0609

def graph(folder, name):
    s = ort.InferenceSession(f'{models}/{folder}/{name}/model.onnx')
    return lambda **x: dict(zip([o.name for o in s.get_outputs()], map(torch.from_numpy, s.run(None, {
        k: v.numpy() if isinstance(v, torch.Tensor) else v for k, v in x.items()}))))

def picture(height, width):
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return torch.from_numpy((np.stack([x // 8 * 8 / width, y // 8 * 8 / height, (x + y) // 16 * 16 / (height + width)]) * 2 - 1)[None].astype(np.float32))

def encode(vae, image, gen):
    mean, logvar = vae(sample=image)['latent_parameters'].chunk(2, 1)
    return mean + torch.exp(0.5 * logvar.clamp(-30, 20)) * torch.randn(mean.shape, generator=gen)

def save(folder, name, settings, scheduler, arrays):
    os.makedirs(f'{here}/{folder}', exist_ok=True)
    arrays = {k: v.numpy() if isinstance(v, torch.Tensor) else v for k, v in arrays.items()}
    np.savez_compressed(f'{here}/{folder}/{name}.npz', **arrays)
    config = {k: v for k, v in scheduler.config.items()}
    json.dump(dict(settings, scheduler=dict(config, _class_name=type(scheduler).__name__), arrays={k: str(v.shape) for k, v in arrays.items()}),
              open(f'{here}/{folder}/{name}.json', 'w'), indent=1)

def loop(scheduler, timesteps, latents, network, scale):
    steps = [latents]
    for i, t in enumerate(timesteps):
        negative, prompt = network(i, torch.cat([latents] * 2), t.expand(2).float()).chunk(2)
        latents = scheduler.step(negative + scale * (prompt - negative), t, latents).prev_sample
        steps.append(latents)
    return torch.stack(steps)

def img2img(saved='img2img_no_t5', folder='tiny-sd3', steps=7, strength=0.6, seed=3, scale=5.0, dynamic=False):
    ids = np.load(f'{models}/{folder}/reference/flow_euler.npz')
    hidden, pooled = [], []
    for coder, key, last in ('text_encoder', 'input_ids', 2), ('text_encoder_2', 'input_ids_2', 3):
        out = graph(folder, coder)(input_ids=np.concatenate([ids['negative_' + key], ids[key]]))
        hidden.append(out[f'hidden_states.{last - 1}']); pooled.append(out['text_embeds'])
    text = torch.nn.functional.pad(torch.cat(hidden, -1), (0, 96 - sum(h.shape[-1] for h in hidden)))
    text, pooled = torch.cat([text, torch.zeros_like(text)], 1), torch.cat(pooled, -1)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=dynamic)
    patch = json.load(open(f'{models}/{folder}/transformer/config.json'))['patch_size']
    mu = calculate_shift((64 // 8 // patch) ** 2, *(scheduler.config[k] for k in ('base_image_seq_len', 'max_image_seq_len', 'base_shift', 'max_shift')))
    scheduler.set_timesteps(steps, **(dict(mu=mu) if dynamic else {}))
    first = int(max(steps - min(steps * strength, steps), 0)); timesteps = scheduler.timesteps[first:]
    scheduler.set_begin_index(first)
    gen = torch.Generator().manual_seed(seed); image = picture(64, 64)
    clean = (encode(graph(folder, 'vae_encoder'), image, gen) - SHIFT) * SCALE
    noise = torch.randn(clean.shape, generator=gen)
    net = graph(folder, 'transformer')
    latents = loop(scheduler, timesteps, scheduler.scale_noise(clean, timesteps[:1], noise),
                   lambda i, x, t: net(hidden_states=x, timestep=t, encoder_hidden_states=text, pooled_projections=pooled)['out_hidden_states'], scale)
    decoded = graph(folder, 'vae_decoder')(latent_sample=latents[-1] / SCALE + SHIFT)['sample']
    save(folder, saved, dict(prompt=PROMPT, negative_prompt=NEGATIVE, guidance_scale=scale, seed=seed, num_inference_steps=steps, strength=strength, t5_length=-1),
         scheduler, dict(latents=latents, image=image, image_uint8=((decoded / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1)))

def tokens_of(folder):
    """What the transformer makes of latents before its first block: the one Add behind its first convolution."""
    path = f'{models}/{folder}/transformer/model.onnx'
    model = onnx.load(path)
    at = next(n for n in model.graph.node if n.op_type == 'Conv').output[0]
    while True:
        n = next(n for n in model.graph.node if at in n.input and n.op_type != 'Shape')
        at = n.output[0]
        if n.op_type == 'Add':
            break
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(at))
    s = ort.InferenceSession(model.SerializeToString())
    none = {f'block_controlnet_hidden_states.{i}': np.zeros((2, 48, 32), np.float32) for i in (0, 1)}
    return lambda **x: torch.from_numpy(s.run([at], {k: v.numpy() for k, v in x.items()} | none)[0])

def control_image(name='control_image', single=False, folder='tiny-sd35-controlnet', vae='tiny-sd35', steps=3, seed=4, scale=3.0, strength=0.8):
    draw = np.random.default_rng(1)
    rows = lambda *shape: torch.from_numpy(draw.standard_normal(shape).astype(np.float32))
    text, pooled = rows(2, 1, 96).repeat(1, 90, 1), rows(2, 64)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0); scheduler.set_timesteps(steps)
    gen = torch.Generator().manual_seed(seed); image = picture(128, 96)
    noise = torch.randn((1, 16, 16, 12), generator=gen)
    cond = encode(graph(vae, 'vae_encoder'), image, gen) * SCALE        # of the kind that goes without the shift
    net, control = graph(folder, 'transformer'), graph(folder, 'controlnet_single' if single else 'controlnet')
    tokens = tokens_of(folder)
    def network(i, x, t):
        c = control(hidden_states=tokens(hidden_states=x, timestep=t, encoder_hidden_states=text, pooled_projections=pooled) if single else x, controlnet_cond=torch.cat([cond] * 2), conditioning_scale=np.array(strength, np.float32),
                    pooled_projections=torch.zeros_like(pooled), timestep=t, **({} if single else dict(encoder_hidden_states=text)))
        c.pop('block_controlnet_hidden_states.2', None)
        return net(hidden_states=x, timestep=t, encoder_hidden_states=text, pooled_projections=pooled, **c)['out_hidden_states']
    latents = loop(scheduler, scheduler.timesteps, noise, network, scale)
    save(folder + ('-single' if single else ''), name, dict(prompt='none', guidance_scale=scale, seed=seed, num_inference_steps=steps, controlnet_conditioning_scale=strength), scheduler,
         dict(latents=latents, image=image, negative_prompt_embeds=text[:1], prompt_embeds=text[1:], negative_pooled=pooled[:1], pooled=pooled[1:]))

img2img()
img2img('img2img_dynamic', dynamic=True)
control_image()
control_image('control_single', True)
