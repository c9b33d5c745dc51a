"""Records tests/lora/adapters: a small network, adapters of every kind for it, and what LyCORIS, PEFT and torch give.

    python tests/lora/record_adapters.py        needs torch, onnxscript, peft, lycoris-lora, safetensors

net.onnx is exported by torch.onnx.export(dynamo=True) in a wrapper, so that its initializers have no modules' names.
Each adapter changes every layer.  The references are the libraries' own forward passes:

    LyCORIS's modules, made from the file's tensors and asked for their weight (get_weight(), once alpha / rank: their
    get_diff_weight() multiplies by it twice) and apply_dora_scale(); PEFT's model, whose state is written to a file
    with diffusers' names; torch for sums of products that neither has.
"""
import os
import re

import numpy as np
import onnx
import torch
from lycoris.functional.general import apply_dora_scale
from lycoris.modules.locon import LoConModule
from lycoris.modules.loha import LohaModule
from lycoris.modules.lokr import LokrModule
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors.torch import save_file

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "adapters")
SCALE, ALPHA, RANK = 0.7, 3, 4


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.to_q = torch.nn.Linear(24, 72, bias=False)
        self.to_k = torch.nn.Linear(72, 16, bias=False)

    def forward(self, x):
        return self.to_k(torch.nn.functional.silu(self.to_q(x)))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(8, 16, 3, padding=1)
        self.point = torch.nn.Conv2d(16, 24, 1)
        self.blocks = torch.nn.ModuleList([Block()])
        self.out = torch.nn.Linear(16, 12)

    def forward(self, x):
        x = self.point(torch.nn.functional.silu(self.conv(x)))
        return self.out(self.blocks[0](x.flatten(2).transpose(1, 2)))


class Wrapper(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, sample):
        return self.net(sample)


def layers(net):
    return {name: m for name, m in net.named_modules() if isinstance(m, (torch.nn.Linear, torch.nn.Conv2d))}


def key_of(name):
    return "lora_unet_" + name.replace(".", "_")


def random_like(module):
    """Values for all of a LyCORIS module's parameters that make changes of about a third of the weights."""
    with torch.no_grad():
        for p in module.parameters():
            if p.is_floating_point() and p.numel() > 1:
                p.copy_(torch.randn_like(p) * 0.25)


def lycoris(net, kind, **options):
    """The file's tensors and the changed weights, of full strength and of SCALE."""
    tensors, weights = {}, ({}, {})
    for name, layer in layers(net).items():
        module = kind(key_of(name), layer, 1, 1 if kind is LokrModule else RANK, ALPHA, **options)
        random_like(module)
        state = {k: v.detach().clone() for k, v in module.state_dict().items()}
        tensors.update({f"{key_of(name)}.{k}": v for k, v in state.items()})
        if kind is LoConModule:
            change = module.make_weight().detach().reshape(layer.weight.shape) * module.scale
        else:
            change = module.get_weight(layer.weight.shape).detach()
        for into, scale in zip(weights, (1, SCALE)):
            into[name] = layer.weight.detach() + scale * change
    return tensors, weights


def with_dora(net, kind, by_output, **options):
    tensors, weights = lycoris(net, kind, **options)
    for name, layer in layers(net).items():
        w = layer.weight.detach()
        change = weights[0][name] - w
        first = w if by_output else w.transpose(0, 1)
        lengths = first.reshape(first.shape[0], -1).norm(dim=1) * (1 + 0.2 * torch.randn(first.shape[0]))
        shape = [-1, 1] if by_output else [1, -1]
        dora = lengths.reshape(shape + [1] * (w.dim() - 2))
        tensors[f"{key_of(name)}.dora_scale"] = dora
        for into, scale in zip(weights, (1, SCALE)):
            if by_output:       # apply_dora_scale() has norms of inputs: the same with the axes changed
                t = apply_dora_scale(w.transpose(0, 1), change.transpose(0, 1), dora.transpose(0, 1), scale).transpose(0, 1)
            else:
                t = apply_dora_scale(w, change, dora, scale)
            into[name] = t
    return tensors, weights


def outputs(net, weights, x):
    other = Net()
    other.load_state_dict(net.state_dict())
    with torch.no_grad():
        for name, layer in layers(other).items():
            layer.weight.copy_(weights[name])
        return other(x)


def peft(net, x, dora):
    """PEFT's own forward passes, at both scales; the file without alpha, so its scaling is 1."""
    other = Net()
    other.load_state_dict(net.state_dict())
    model = get_peft_model(other, LoraConfig(r=RANK, lora_alpha=RANK, use_dora=dora, target_modules=list(layers(net))))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_A" in name or "lora_B" in name:
                p.copy_(torch.randn_like(p) * 0.25)
            if "magnitude" in name:
                p.mul_(1 + 0.2 * torch.randn_like(p))
        state = {"unet." + k.replace("base_model.model.", ""): v.clone() for k, v in get_peft_model_state_dict(model).items()}
        model.eval()
        full = model(x)
        for module in model.modules():
            if hasattr(module, "set_scale"):
                module.set_scale("default", SCALE)
        return state, (full, model(x))


def keep(results, name, both):
    for part, y in zip(("full", "scaled"), both):
        results[f"{name}_{part}"] = y.detach().numpy()


def forget_paths(path):
    """Stack traces name the folders of the machine that exported; the entries stay, since readers have to pass them over."""
    model = onnx.load(path)
    for node in model.graph.node:
        for entry in node.metadata_props:
            if entry.key == "pkg.torch.onnx.stack_trace":
                entry.value = re.sub(r'"/[^"]*/', '"', entry.value)
    onnx.save(model, path)


def main():
    torch.manual_seed(3)
    os.makedirs(FOLDER, exist_ok=True)
    net = Net().eval()
    x = torch.randn(1, 8, 6, 5)
    path = os.path.join(FOLDER, "net.onnx")
    torch.onnx.export(Wrapper(net), (x,), path, dynamo=True, external_data=False, input_names=["sample"], output_names=["out"])
    forget_paths(path)
    results = {"sample": x.numpy(), "scale": np.float32(SCALE), "base": net(x).detach().numpy()}
    kinds = {
        "locon": lambda: lycoris(net, LoConModule),
        "locon_mid": lambda: lycoris(net, LoConModule, use_tucker=True),
        "loha": lambda: lycoris(net, LohaModule),
        "loha_tucker": lambda: lycoris(net, LohaModule, use_tucker=True),
        "lokr": lambda: lycoris(net, LokrModule, factor=4),
        "lokr_both": lambda: lycoris(net, LokrModule, factor=4, decompose_both=True),
        "lokr_tucker": lambda: lycoris(net, LokrModule, factor=2, use_tucker=True),
        "lokr_full": lambda: lycoris(net, LokrModule, factor=4, full_matrix=True),
        "dora_outputs": lambda: with_dora(net, LoConModule, True),
        "dora_inputs": lambda: with_dora(net, LoConModule, False),
        "dokr": lambda: with_dora(net, LokrModule, True, factor=4),
    }
    for name, make in kinds.items():
        tensors, weights = make()
        save_file({k: v.contiguous() for k, v in tensors.items()}, os.path.join(FOLDER, f"{name}.safetensors"))
        keep(results, name, [outputs(net, w, x) for w in weights])
    for name, dora in (("peft", False), ("peft_dora", True)):
        state, both = peft(net, x, dora)
        save_file({k: v.contiguous() for k, v in state.items()}, os.path.join(FOLDER, f"{name}.safetensors"))
        keep(results, name, both)
    for name, dtype in (("half", torch.float16), ("bfloat", torch.bfloat16)):
        tensors, _ = lycoris(net, LoConModule)
        tensors = {k: v.to(dtype) for k, v in tensors.items()}
        change = {n: (tensors[key_of(n) + ".lora_up.weight"].float().flatten(1) @
                      tensors[key_of(n) + ".lora_down.weight"].float().flatten(1)).reshape(m.weight.shape) * ALPHA / RANK
                  for n, m in layers(net).items()}
        save_file({k: v.contiguous() for k, v in tensors.items()}, os.path.join(FOLDER, f"{name}.safetensors"))
        keep(results, name, [outputs(net, {n: m.weight + s * change[n] for n, m in layers(net).items()}, x) for s in (1, SCALE)])
    for name in os.listdir(FOLDER):
        os.chmod(os.path.join(FOLDER, name), 0o644)
    np.savez_compressed(os.path.join(FOLDER, "reference.npz"), **results)


main()
