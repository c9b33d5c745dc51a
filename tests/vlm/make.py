"""Records greedy decoding of tiny-paligemma by the whole `prefill` graph, with no cache: python make.py MODELS_FOLDER

Picture and prompt are read both ways (token_type_ids 0), the answer's tokens see those before them (1), as in the
published model.  Writes paligemma.npz: pixel_values, prompt ids (-1 where the picture is), tokens and their logits, of
three prompts, and what follows from picture.png and "caption en" by Pillow and `tokenizers`.  And slices.npz: how MiniCPM-V 2.6 cuts pictures of many sizes, by the published processor's arithmetic
(columns, rows, overview, refined); and the ids of a prompt about a picture of 64 x 48 that it makes.
Needs: pip install numpy onnxruntime tokenizers pillow"""
import os, sys
import numpy as np, onnxruntime as ort
from PIL import Image
from tokenizers import Tokenizer
from minicpmv import find_best_resize, get_refine_size, get_sliced_grid

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

t = Tokenizer.from_file(os.path.join(here, '../tokenizer_bpe/gemma-320/tokenizer.json'))    # from the picture's file and text
picture = Image.open(os.path.join(here, 'picture.png')).convert('RGB').resize((28, 28), Image.BICUBIC)
pixels = (np.asarray(picture, np.float32) / 255 - 0.5) / 0.5
ids = [IMAGE] * TOKENS + [2] + t.encode('caption en\n', add_special_tokens=False).ids
prompt, logits = len(ids), []
for _ in range(STEPS):
    feeds = {'input_ids': np.array([ids]), 'pixel_values': pixels.transpose(2, 0, 1)[None], 'attention_mask': np.ones((1, len(ids)), np.int64),
             'token_type_ids': np.array([[0] * prompt + [1] * (len(ids) - prompt)])}
    logits.append(session.run(None, feeds)[0][0, -1])
    ids.append(int(logits[-1].argmax()))
out['tokens_3'], out['logits_3'] = np.array(ids[prompt:]), np.stack(logits)
np.savez_compressed(os.path.join(here, 'paligemma.npz'), **out)


rows = []
for most, scale, patch in ((9, 448, 14), (4, 28, 7), (1, 448, 14), (9, 336, 14)):
    sizes = [tuple(int(x) for x in rng.integers(1, 3000, 2)) for _ in range(150)] + [(448, 448), (449, 448), (1, 2000), (896, 448), (1344, 1344)]
    for size in sizes:
        grid = get_sliced_grid(size, most, scale)
        overview = find_best_resize(size, scale, patch, grid is None)
        refined = get_refine_size(size, grid, scale, patch) if grid else (0, 0)
        rows.append([most, scale, patch, *size, *(grid or (0, 0)), *overview, *refined])

t = Tokenizer.from_file(os.path.join(here, '../tokenizer_bpe/qwen2-320/tokenizer.json'))
view = '<unk>' * 8
columns, lines = get_sliced_grid((64, 48), 9, 28)
picture = '<image>' + view + '</image>' + '\n'.join(('<slice>' + view + '</slice>') * columns for _ in range(lines))
text = ('<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n' + picture +
        '\nHow many crabs?<|im_end|>\n<|im_start|>assistant\n')
ids = [-1 if i == t.token_to_id('<unk>') else i for i in t.encode(text).ids]
np.savez_compressed(os.path.join(here, 'slices.npz'), rows=np.array(rows), prompt=np.array(ids))
print(len(rows), 'sizes,', len(ids), 'ids')
