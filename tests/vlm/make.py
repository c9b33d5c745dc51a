"""Records greedy decoding of tiny-paligemma by the whole `prefill` graph, with no cache: python make.py MODELS_FOLDER

Picture and prompt are read both ways (token_type_ids 0), the answer's tokens see those before them (1), as in the
published model.  Writes paligemma.npz: pixel_values, prompt ids (-1 where the picture is), tokens and their logits, of
three prompts.  Needs: pip install numpy onnxruntime"""
import os, sys
import numpy as np, onnxruntime as ort

here = os.path.dirname(os.path.abspath(__file__))
session = ort.InferenceSession(os.path.join(sys.argv[1], 'tiny-paligemma/prefill/model.onnx'))
IMAGE, TOKENS, STEPS = 300, 16, 8
rng = np.random.default_rng(5)
out = {'pixel_values': rng.standard_normal((1, 3, 28, 28)).astype(np.float32)}
for k, length in enumerate((5, 12, 31)):
    prompt = [IMAGE] * TOKENS + [2] + rng.integers(10, 290, length).tolist()
    ids, tokens, logits = list(prompt), [], []
    for _ in range(STEPS):
        answer = len(ids) - len(prompt)
        feeds = {'input_ids': np.array([ids]), 'pixel_values': out['pixel_values'], 'attention_mask': np.ones((1, len(ids)), np.int64),
                 'token_type_ids': np.array([[0] * len(prompt) + [1] * answer])}
        logits.append(session.run(None, feeds)[0][0, -1])
        tokens.append(int(logits[-1].argmax()))
        ids.append(tokens[-1])
    out['prompt_%d' % k] = np.array([-1 if i == IMAGE else i for i in prompt])
    out['tokens_%d' % k], out['logits_%d' % k] = np.array(tokens), np.stack(logits)
    print(k, tokens, float(np.std(logits)))
np.savez_compressed(os.path.join(here, 'paligemma.npz'), **out)
