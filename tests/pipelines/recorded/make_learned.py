"""Makes learned/: a DDPMPipeline of 8x8 pictures whose network, one convolution, predicts variances too (6 channels), and
ddpm.npz, what diffusers' DDPMScheduler of variance_type learned_range draws with it in 8 steps: python make_learned.py

The latents behind each step and the picture, from seed 5, the network in onnxruntime."""
import json, os
import numpy as np, onnx, onnxruntime, torch
from diffusers import DDPMScheduler
from onnx import helper, numpy_helper

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'learned')
FLOAT = onnx.TensorProto.FLOAT


def network():
    draw = np.random.default_rng(2)
    constants = dict(weight=(draw.standard_normal((6, 3, 3, 3)) / 5).astype(np.float32),
                     slope=(draw.standard_normal((1, 6, 1, 1)) / 2000).astype(np.float32))
    nodes = [helper.make_node('Conv', ['sample', 'weight'], ['seen'], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
             helper.make_node('Mul', ['timestep', 'slope'], ['time']),
             helper.make_node('Add', ['seen', 'time'], ['sum']), helper.make_node('Tanh', ['sum'], ['out_sample'])]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, 'learned', [value('sample', FLOAT, ['batch', 3, 8, 8]), value('timestep', FLOAT, [])],
                              [value('out_sample', FLOAT, ['batch', 6, 8, 8])],
                              [numpy_helper.from_array(v, k) for k, v in constants.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9)


def save(name, value):
    os.makedirs(os.path.dirname(f'{here}/{name}'), exist_ok=True)
    with open(f'{here}/{name}', 'w') as out:
        json.dump(value, out, indent=1)
        out.write('\n')


scheduler = DDPMScheduler(variance_type='learned_range')
save('model_index.json', dict(_class_name='DDPMPipeline', scheduler=['diffusers', 'DDPMScheduler'],
                              unet=['diffusers', 'UNet2DModel']))
save('scheduler/scheduler_config.json', {k: v for k, v in dict(scheduler.config, _class_name='DDPMScheduler').items()
                                         if k == '_class_name' or k[0] != '_'})
save('unet/config.json', dict(_class_name='UNet2DModel', sample_size=8, in_channels=3, out_channels=6))
onnx.save(network(), f'{here}/unet/model.onnx')

session = onnxruntime.InferenceSession(f'{here}/unet/model.onnx')
generator = torch.Generator().manual_seed(5)
x = torch.randn((1, 3, 8, 8), generator=generator)
latents = [x]
scheduler.set_timesteps(8)
for t in scheduler.timesteps:
    output = session.run(None, {'sample': x.numpy(), 'timestep': np.array(float(t), np.float32)})[0]
    x = scheduler.step(torch.from_numpy(output), t, x, generator=generator).prev_sample
    latents.append(x)
picture = ((x / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1)
np.savez_compressed(f'{here}/ddpm.npz', latents=torch.stack(latents).numpy(), image_uint8=picture.numpy())
print(float(x.std()), sorted(os.listdir(here)))
