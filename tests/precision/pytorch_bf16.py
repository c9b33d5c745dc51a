"""How far PyTorch's own reduced-precision inference is from float32 on the recorded models: what sdc's reduced
precision is judged against.

    python pytorch_bf16.py MODELS [--dtype bf16|f16] >pytorch-bf16.txt

MODELS is the folder of recorded models; its generate/ has the scripts that build them from the diffusers and
transformers classes, and its requirements.txt says what to install.  The scripts run as they are, except that export()
is replaced: instead of exporting, it takes the module, checks that in float32 it gives the recorded outputs (so the
weights are those of the file), casts it, and measures.  As pipelines do, timesteps and other scalars stay float32, and
so do the rotary frequencies, which from_pretrained(dtype=...) leaves alone.  The modules of ../exports come first."""
import contextlib, io, os, runpy, sys, tempfile, types

SCRIPTS = (('sd1', 'sd1 inpaint'), ('sdxl', 'sdxl refiner'), ('sd3', 'sd3 sd35 controlnet'),
           ('unet2d', 'ddpm mnist afhq vq ldm'), ('vision', 'clip siglip vit paligemma minicpmv'),
           ('sd2', 'sd2 depth x4 unclip'), ('clip_guidance', ''))
SAME_WEIGHTS = 1e-4                     # float32 against the recorded outputs: onnxruntime's rounding, no more
FLOAT32_NAMES = ('timestep',)
FLOAT32_BUFFERS = ('inv_freq', 'original_inv_freq')


def relative_rms(got, want):
    """RMS of the difference over RMS of what is recorded, the largest over the outputs."""
    worst = 0.0
    for a, b in zip(got, want, strict=True):
        a, b = a.double(), b.double()
        worst = max(worst, ((a - b).square().mean() / b.square().mean()).sqrt().item())
    return worst


def recorded(folder, kind, count):
    from onnx import TensorProto, numpy_helper
    import torch
    tensors = {}
    for k in range(count):
        path = f'{folder}/{kind}_{k}.pb'
        if os.path.exists(path):
            tensor = TensorProto.FromString(open(path, 'rb').read())
            tensors[tensor.name] = torch.from_numpy(numpy_helper.to_array(tensor).copy())
    return tensors


@contextlib.contextmanager
def cast(model, dtype):
    """The model in another type; its float32 weights come back afterwards, since one module serves several exports."""
    parameters = [(p, p.data) for p in model.parameters()]
    buffers = [(m, dict(m._buffers)) for m in model.modules()]
    model.to(dtype)
    for module, before in buffers:
        module._buffers.update({n: before[n] for n in FLOAT32_BUFFERS if n in before})
    try:
        yield
    finally:
        for p, data in parameters:
            p.data = data
        for module, before in buffers:
            module._buffers.update(before)


def distance_of(folder, dtype, module, call, example, inputs, outputs):
    """Of one data set; what the graph does not read is not recorded, and taken from the example."""
    import torch
    feed = recorded(folder, 'input', len(inputs))
    want = list(recorded(folder, 'output', len(outputs)).values())
    arguments = [feed.get(n, a) for n, a in zip(inputs, example, strict=True)]
    narrow = [a.to(dtype) if a.is_floating_point() and a.ndim and n not in FLOAT32_NAMES else a
              for n, a in zip(inputs, arguments)]
    with torch.no_grad():
        full = relative_rms(call(*[a.clone() for a in arguments]), want)
        assert full < SAME_WEIGHTS, f'{folder}: {full} from what is recorded: other weights'
        with cast(module, dtype):
            return relative_rms(call(*[a.clone() for a in narrow]), want)


def measure(models, dtype, name, sub, module, call, sets, inputs, outputs):
    """One line a data set."""
    fixture = f'{name}/{sub}' if sub else name
    for k, example in enumerate(sets):
        distance = distance_of(f'{models}/{fixture}/test_data_set_{k}', dtype, module, call, example, inputs, outputs)
        print(f'{fixture} {k} {distance:.3e}', file=sys.__stdout__, flush=True)


def measure_exports(dtype):
    """The modules of tests/exports; their graphs at several opsets share the data."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../exports')
    sys.path.insert(0, folder)
    import make_dynamo
    for name, make in make_dynamo.MODELS.items():
        spec = make()
        distance = distance_of(f'{folder}/{name}/test_data_set_0', dtype, spec['model'],
                               lambda *a: as_list(spec['call'](spec['model'], *a)), spec['record'], spec['inputs'],
                               spec['outputs'])
        for opset in make_dynamo.OPSETS:
            print(f'exports/{name}/opset{opset} 0 {distance:.3e}', flush=True)


def as_list(result):
    import torch
    return [result] if isinstance(result, torch.Tensor) else list(result)


def replace_export(common, models, dtype):
    def export(name, sub, model, fn, sets, ins, outs, *_, **__):
        model.eval()
        forward = model.forward
        call = (lambda *a: as_list(fn(forward, *a))) if fn else (lambda *a: as_list(forward(*a)))
        measure(models, dtype, name, sub, model, call, sets, ins, outs)

    def write_sets(folder, path, model, sets, ins, outs, *_):       # clip_guidance exports by itself, then calls this
        measure(models, dtype, os.path.basename(folder), '', model.__globals__['m'], lambda *a: as_list(model(*a)),
                sets, ins, outs)
        return ins, 0.0, 0.0, 0.0
    common.export, common.write_sets = export, write_sets


def stub_clip_guidance(common):
    """What clip_guidance does around its export: there is no file to strip or to count."""
    import torch
    torch.onnx.export = lambda *_, **__: types.SimpleNamespace(save=lambda *_, **__: open(_[0], 'w').close())
    common.strip = lambda path: None
    graph = types.SimpleNamespace(input=[], output=[])
    common.opcount = lambda path: (types.SimpleNamespace(graph=graph), {})


def main():
    models = os.path.abspath(sys.argv[1])
    narrow = sys.argv[3] if sys.argv[2:3] == ['--dtype'] else 'bf16'
    with tempfile.TemporaryDirectory() as work:
        os.environ.update(FIXTURES=work, ROWS=work, TOKENIZERS=os.path.join(models, '../tokenizers'))
        sys.path.insert(0, f'{models}/generate')
        sys.dont_write_bytecode = True
        import diffusers, torch, transformers
        import common
        version = torch.__version__.split('+')[0]
        print(f'# Relative RMS distance of PyTorch {narrow} inference from the recorded float32 outputs, by '
              f'{os.path.basename(__file__)}:\n# fixture, data set, the largest over the outputs.  torch {version}, '
              f'diffusers {diffusers.__version__}, transformers {transformers.__version__}, CPU '
              f'{torch.backends.cpu.get_cpu_capability()}', flush=True)
        dtype = {'bf16': torch.bfloat16, 'f16': torch.float16}[narrow]
        measure_exports(dtype)
        replace_export(common, models, dtype)
        for script, arguments in SCRIPTS:
            sys.argv = [script + '.py', *arguments.split()]
            if script == 'clip_guidance':
                stub_clip_guidance(common)
            with contextlib.redirect_stdout(io.StringIO()):
                runpy.run_path(f'{models}/generate/{script}.py', run_name='__main__')


if __name__ == '__main__':
    main()
