"""Small models as torch's newer exporter writes them at opsets 18, 20 and 23: graphs, weights and recorded data.

    python make_dynamo.py [NAME...]         torch, diffusers, transformers, onnxscript, onnx, onnxruntime; writes beside
                                            this file

The classes are those of diffusers and transformers; weights are drawn anew from a seed, so that no layer is silent: the
script scales each parameter by 0.9 and looks whether the output moves.  NAME/opsetN.onnx are the exports of one module;
they share NAME/weights.bin, where equal bytes stand once, and NAME/test_data_set_0, whose outputs are PyTorch's in
double precision.  ONNX Runtime's distance from them is printed.  Free axes are traced at other sizes than recorded."""
import math, os, sys, tempfile, warnings
warnings.filterwarnings('ignore')
import numpy as np, onnx, onnxruntime, torch
from onnx import numpy_helper
from torch import nn
from diffusers import AutoencoderKL, SD3Transformer2DModel, UNet2DConditionModel
from transformers import (CLIPTextConfig, CLIPTextModel, SiglipVisionConfig, SiglipVisionModel, T5Config, T5EncoderModel,
                          ViTConfig, ViTModel)

HERE = os.path.dirname(os.path.abspath(__file__))
OPSETS = 18, 20, 23
INLINE_BYTES = 64                       # smaller tensors stay in the graph: the exporter's own constants
SILENT = 1e-4                           # an output must move by this much of its size


def lively(model, seed):
    """Draws every parameter from the seed: nothing is zero, no norm is the identity."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        for name, p in module.named_parameters(recurse=False):
            if 'Norm' in type(module).__name__:
                std, mean = 0.25, 1.0 if name == 'weight' else 0.0
            elif name.endswith('bias'):
                std, mean = 0.15, 0.0
            elif isinstance(module, nn.Embedding) or p.ndim < 2 or p.shape[0] == 1:
                std, mean = 0.5, 0.0
            else:
                std, mean = 1 / math.sqrt(p[0].numel()), 0.0
            p.data.copy_(torch.randn(p.shape, generator=generator) * std + mean)
    return model.eval().requires_grad_(False)


def normal(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tokens(seed, vocabulary, *shape):
    return torch.randint(3, vocabulary, shape, generator=torch.Generator().manual_seed(seed))


class Call(nn.Module):
    """The module with positional tensors in and tensors out."""
    def __init__(self, m, call):
        super().__init__()
        self.m, self.call = m, call

    def forward(self, *inputs):
        return self.call(self.m, *inputs)


# ---- the models: module, call, names in and out, free axes, inputs of the trace and of the record -------------------

B, H, W, S = 'batch', 'height', 'width', 'sequence'


def unet():
    m = UNet2DConditionModel(sample_size=8, block_out_channels=(8, 16), norm_num_groups=4, layers_per_block=1,
                             cross_attention_dim=12, attention_head_dim=2,
                             down_block_types=('CrossAttnDownBlock2D', 'DownBlock2D'),
                             up_block_types=('UpBlock2D', 'CrossAttnUpBlock2D'))
    inputs = lambda seed, b, h, w, s: (normal(seed, b, 4, h, w), 981.0 - 417.5 * torch.arange(b),
                                       normal(seed + 1, b, s, 12))
    return dict(model=lively(m, 10), call=lambda m, x, t, e: m(x, t, e, return_dict=False)[0],
                inputs=('sample', 'timestep', 'encoder_hidden_states'), outputs=('out_sample',),
                axes=({0: B, 2: H, 3: W}, {0: B}, {0: B, 1: S}), trace=inputs(1, 2, 16, 24, 11),
                record=inputs(2, 2, 8, 12, 7))


def mmdit(seed, **more):
    m = SD3Transformer2DModel(sample_size=8, patch_size=2, in_channels=4, out_channels=4, joint_attention_dim=12,
                              pooled_projection_dim=10, attention_head_dim=8, num_attention_heads=2,
                              caption_projection_dim=16, pos_embed_max_size=12, **more)
    inputs = lambda seed, b, h, w, s: (normal(seed, b, 4, h, w), normal(seed + 1, b, s, 12), normal(seed + 2, b, 10),
                                       981.0 - 417.5 * torch.arange(b))
    return dict(model=lively(m, seed), call=lambda m, x, e, p, t: m(x, e, p, t, return_dict=False)[0],
                inputs=('hidden_states', 'encoder_hidden_states', 'pooled_projections', 'timestep'),
                outputs=('out_hidden_states',), axes=({0: B, 2: H, 3: W}, {0: B, 1: S}, {0: B}, {0: B}),
                trace=inputs(3, 2, 16, 12, 11), record=inputs(4, 2, 8, 12, 7))


def sd3():
    return mmdit(20, num_layers=2)


def sd35():
    return mmdit(30, num_layers=3, qk_norm='rms_norm', dual_attention_layers=(0, 1))


def vae_decoder():
    m = AutoencoderKL(block_out_channels=(8, 8, 16), layers_per_block=1, norm_num_groups=4, latent_channels=4,
                      down_block_types=('DownEncoderBlock2D',) * 3, up_block_types=('UpDecoderBlock2D',) * 3)
    m.encoder = m.quant_conv = None
    return dict(model=lively(m, 40), call=lambda m, z: m.decode(z, return_dict=False)[0], inputs=('latent_sample',),
                outputs=('sample',), axes=({0: B, 2: H, 3: W},), trace=(normal(5, 2, 4, 8, 6),),
                record=(normal(6, 1, 4, 4, 6),))


def clip_text():
    c = CLIPTextConfig(vocab_size=60, hidden_size=16, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2,
                       max_position_embeddings=24, bos_token_id=58, eos_token_id=59, pad_token_id=1)
    def call(m, ids):
        o = m(input_ids=ids)
        return o.last_hidden_state, o.pooler_output
    return dict(model=lively(CLIPTextModel(c), 50), call=call, inputs=('input_ids',),
                outputs=('last_hidden_state', 'pooler_output'), axes=({0: B, 1: S},), trace=(tokens(7, 60, 2, 16),),
                record=(tokens(8, 60, 3, 13),))


def t5():
    c = T5Config(vocab_size=60, d_model=16, d_kv=8, d_ff=40, num_layers=2, num_heads=2, feed_forward_proj='gated-gelu',
                 is_encoder_decoder=False, use_cache=False, tie_word_embeddings=False)
    return dict(model=lively(T5EncoderModel(c), 60), call=lambda m, ids: m(input_ids=ids).last_hidden_state,
                inputs=('input_ids',), outputs=('last_hidden_state',), axes=({0: B, 1: S},),
                trace=(tokens(9, 60, 2, 16),), record=(tokens(10, 60, 1, 45),))


def vit():
    c = ViTConfig(hidden_size=16, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2, image_size=12,
                  patch_size=4)
    def call(m, x):
        o = m(pixel_values=x)
        return o.last_hidden_state, o.pooler_output
    return dict(model=lively(ViTModel(c), 70), call=call, inputs=('pixel_values',),
                outputs=('last_hidden_state', 'pooler_output'), axes=({0: B},), trace=(normal(11, 2, 3, 12, 12),),
                record=(normal(12, 3, 3, 12, 12),))


def siglip():
    c = SiglipVisionConfig(hidden_size=16, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2,
                           image_size=12, patch_size=4)
    def call(m, x):
        o = m(pixel_values=x)
        return o.last_hidden_state, o.pooler_output
    return dict(model=lively(SiglipVisionModel(c), 80), call=call, inputs=('pixel_values',),
                outputs=('last_hidden_state', 'pooler_output'), axes=({0: B},), trace=(normal(13, 2, 3, 12, 12),),
                record=(normal(14, 3, 3, 12, 12),))


MODELS = dict(unet=unet, sd3=sd3, sd35=sd35, vae_decoder=vae_decoder, clip_text=clip_text, t5=t5, vit=vit,
              siglip=siglip)

# ---- recording -------------------------------------------------------------------------------------------------------


def run(module, inputs):
    out = module(*[x.clone() for x in inputs])
    return [out] if isinstance(out, torch.Tensor) else list(out)


def relative_rms(got, want):
    return max(np.sqrt(np.square(a - b).mean() / np.square(b).mean())
               for a, b in ((np.asarray(a, np.float64), np.asarray(b, np.float64)) for a, b in zip(got, want)))


def report_silent(module, inputs, want):
    """Names what could be wrong without showing.  A bias of keys cancels in softmax, and the last block of an MMDiT throws
    the text's half of its attention away, queries and all."""
    for name, p in module.named_parameters():
        before = p.data
        p.data = before * 0.9
        moved = relative_rms(run(module, inputs), want)
        p.data = before
        if moved < SILENT:
            print(f'    silent: {name} ({moved:.1e})')


def write_tensor(path, name, array):
    with open(path, 'wb') as f:
        f.write(numpy_helper.from_array(np.ascontiguousarray(array), name).SerializeToString())


class Weights:
    """One file of tensors for several graphs; equal bytes stand once."""
    def __init__(self):
        self.data, self.place = bytearray(), {}

    def move(self, tensor):
        raw = numpy_helper.to_array(tensor).tobytes()
        if len(raw) < INLINE_BYTES:
            return
        if raw not in self.place:
            self.place[raw] = len(self.data)
            self.data += raw
        for field in ('raw_data', 'float_data', 'int64_data', 'int32_data'):
            tensor.ClearField(field)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (('location', 'weights.bin'), ('offset', self.place[raw]), ('length', len(raw))):
            tensor.external_data.add(key=key, value=str(value))


def strip(graph):
    """Drops the exporter's notes: names of local files, and types that every reader infers."""
    graph.ClearField('value_info')
    for node in graph.node:
        node.ClearField('doc_string')
        node.ClearField('metadata_props')
    for value in [*graph.input, *graph.output, *graph.initializer]:
        value.ClearField('metadata_props')
    graph.ClearField('metadata_props')


def export(module, spec, opset, weights, path):
    free = {name: torch.export.Dim.DYNAMIC for name in (B, H, W, S)}
    shapes = (tuple({axis: free[name] for axis, name in axes.items()} for axes in spec['axes']),)
    with tempfile.TemporaryDirectory() as work:
        program = torch.onnx.export(module, spec['trace'], dynamo=True, opset_version=opset, dynamic_shapes=shapes,
                                    input_names=list(spec['inputs']), output_names=list(spec['outputs']),
                                    external_data=False, verbose=False, report=False, artifacts_dir=work)
        program.save(f'{work}/model.onnx', external_data=False)
        model = onnx.load(f'{work}/model.onnx')
    model.ClearField('metadata_props')
    assert not model.functions
    strip(model.graph)
    for tensor in model.graph.initializer:
        weights.move(tensor)
    onnx.save(model, path)
    version = max(o.version for o in model.opset_import if o.domain == '')
    assert version == opset, f'{path} has opset {version}'
    return model


def make(name):
    spec = MODELS[name]()
    folder = f'{HERE}/{name}'
    data = f'{folder}/test_data_set_0'
    os.makedirs(data, exist_ok=True)
    module = Call(spec['model'], spec['call']).eval()
    double = Call(MODELS[name]()['model'].double(), spec['call'])
    want = [x.float().numpy() for x in
            run(double, [x.double() if x.is_floating_point() and x.ndim > 1 else x for x in spec['record']])]
    print(f'{name}: torch in float32 {relative_rms(run(module, spec["record"]), want):.1e}')
    report_silent(module, spec['record'], want)
    weights = Weights()
    graphs = {n: export(module, spec, n, weights, f'{folder}/opset{n}.onnx') for n in OPSETS}
    with open(f'{folder}/weights.bin', 'wb') as f:
        f.write(weights.data)
    feed = {n: x.numpy() for n, x in zip(spec['inputs'], spec['record'])}
    for k, (n, a) in enumerate(feed.items()):
        write_tensor(f'{data}/input_{k}.pb', n, a)
    for k, (n, a) in enumerate(zip(spec['outputs'], want)):
        write_tensor(f'{data}/output_{k}.pb', n, a)
    for n, graph in graphs.items():
        session = onnxruntime.InferenceSession(f'{folder}/opset{n}.onnx', providers=['CPUExecutionProvider'])
        size = os.path.getsize(f'{folder}/opset{n}.onnx')
        print(f'  opset {n}: {len(graph.graph.node)} nodes, {size / 1000:.0f} kB, ONNX Runtime '
              f'{relative_rms(session.run(list(spec["outputs"]), feed), want):.1e}', flush=True)
    print(f'  weights {len(weights.data) / 1000:.0f} kB')


if __name__ == '__main__':
    for chosen in sys.argv[1:] or MODELS:
        make(chosen)
