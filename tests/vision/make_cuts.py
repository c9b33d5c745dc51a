"""Records cuts.npz: what PyTorch makes of a cutout, resized by adaptive_avg_pool2d(), and of its gradient.

    python make_cuts.py                 Needs: pip install numpy torch"""
import os
import numpy as np, torch

torch.manual_seed(1)
picture = torch.randn(2, 9, 12, requires_grad=True)
out = {"picture": picture.detach().numpy(), "cuts": np.array([[0, 0, 9], [2, 3, 7], [4, 7, 5], [1, 0, 6]])}
for k, (top, left, side) in enumerate(out["cuts"]):
    cutout = torch.nn.functional.adaptive_avg_pool2d(picture[:, top:top + side, left:left + side], (9, 12))
    slope = torch.randn_like(cutout)
    picture.grad = None
    (cutout * slope).sum().backward()
    out |= {f"cutout_{k}": cutout.detach().numpy(), f"slope_{k}": slope.numpy(), f"gradient_{k}": picture.grad.numpy()}
np.savez_compressed(os.path.join(os.path.dirname(os.path.abspath(__file__)), "cuts.npz"), **out)
