"""Makes a vision tower that takes patches of views of any shape, as MiniCPM-V 2.6's does, and records what it answers by.

    python make_navit.py MODELS_FOLDER        writes navit/model.onnx and navit.npz beside itself

The tower is tiny-minicpmv's with positions for 10 x 10 patches, its inputs those of published exports: pixel_values [1, 3, patch,
patches * patch], patch_attention_mask, position_ids.  navit.npz: ids, tokens and logits of a greedy answer about picture.png by
onnxruntime, views by Pillow, positions by PyTorch as in the published modeling_navit_siglip.py; and those positions for every
number of patches, up to 70 along a side.  Needs: pip install numpy onnx onnxruntime pillow tokenizers torch"""
import os, sys
import numpy as np, onnx, onnxruntime as ort, torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from tokenizers import Tokenizer
from minicpmv import find_best_resize, get_refine_size, get_sliced_grid

here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.join(sys.argv[1], 'tiny-minicpmv')
PATCH, SCALE, MOST, SIDES, ROOM, STEPS = 7, 28, 9, 10, 24, 10


def tower():
    model = onnx.load(os.path.join(folder, 'vision_encoder/model.onnx'))
    g = model.graph
    table = next(i for i in g.initializer if i.name == 'embeddings.position_embedding.weight')
    width, rng = table.dims[1], np.random.default_rng(3)
    table.CopyFrom(numpy_helper.from_array((rng.standard_normal((SIDES * SIDES, width)) * 0.5).astype(np.float32), table.name))
    next(n for n in g.node if n.op_type == 'Gather' and n.input[0] == table.name).input[1] = 'position_ids'
    del g.input[:]
    g.input.extend([helper.make_tensor_value_info('pixel_values', TensorProto.FLOAT, ['batch_size', 3, PATCH, 'pixels']),
                    helper.make_tensor_value_info('patch_attention_mask', TensorProto.BOOL, ['batch_size', 1, 'patches']),
                    helper.make_tensor_value_info('position_ids', TensorProto.INT64, ['batch_size', 'patches'])])
    g.initializer.extend([numpy_helper.from_array(np.array([2]), 'mask_axis'), numpy_helper.from_array(np.float32(0), 'seen'),
                          numpy_helper.from_array(np.finfo(np.float32).min, 'hidden')])
    mask = [helper.make_node('Unsqueeze', ['patch_attention_mask', 'mask_axis'], ['mask']),
            helper.make_node('Where', ['mask', 'seen', 'hidden'], ['bias'])]
    nodes = []
    for n in g.node:
        if n.op_type == 'Softmax':
            nodes.append(helper.make_node('Add', [n.input[0], 'bias'], [n.input[0] + '_masked']))
            n.input[0] += '_masked'
        nodes.append(n)
    del g.node[:]
    g.node.extend(mask + nodes)
    del g.value_info[:]
    onnx.checker.check_model(model)
    os.makedirs(os.path.join(here, 'navit'), exist_ok=True)
    onnx.save(model, os.path.join(here, 'navit/model.onnx'))


def buckets(n, sides):
    boundaries = torch.arange(1 / sides, 1.0, 1 / sides)
    return torch.bucketize(torch.arange(0, 1 - 1e-6, 1 / torch.tensor(n)), boundaries, right=True)


def sincos(n, place):
    angles = place / 10000 ** (np.arange(n // 4, dtype=np.float32) / (n / 4))
    return np.concatenate([np.sin(angles), np.cos(angles)])


def session(name):
    return ort.InferenceSession(os.path.join(folder, name, 'model.onnx'))


def features(view, encoder, resampler):
    pixels = torch.from_numpy((np.asarray(view, np.float32) / 255 - 0.5) / 0.5).permute(2, 0, 1)
    h, w = pixels.shape[1] // PATCH, pixels.shape[2] // PATCH
    patches = torch.nn.functional.unfold(pixels[None], (PATCH, PATCH), stride=PATCH)        # reshape_by_patch
    strip = patches.reshape(3, PATCH, PATCH, h * w).permute(0, 1, 3, 2).reshape(3, PATCH, h * w * PATCH).numpy()
    values = np.zeros((1, 3, PATCH, ROOM * PATCH), np.float32)
    values[0, :, :, :strip.shape[2]] = strip
    there, positions = np.zeros((1, 1, ROOM), bool), np.zeros((1, ROOM), np.int64)
    there[..., :h * w] = True
    positions[0, :h * w] = (buckets(h, SIDES)[:, None] * SIDES + buckets(w, SIDES)).flatten()
    states = encoder.run(None, {'pixel_values': values, 'patch_attention_mask': there, 'position_ids': positions})[0]
    width = resampler.get_inputs()[1].shape[2]
    places = np.zeros((ROOM, 1, width), np.float32)
    for i in range(h * w):
        places[i, 0] = np.concatenate([sincos(width, i % w), sincos(width, i // w)])
    return resampler.run(None, {'image_feature': states, 'pos_embed': places, 'key_padding_mask': ~there[0]})[0][0]


def views():
    picture = Image.open(os.path.join(here, 'picture.png')).convert('RGB')
    grid = get_sliced_grid(picture.size, MOST, SCALE)
    yield picture.resize(find_best_resize(picture.size, SCALE, PATCH, False), Image.BICUBIC)
    size = get_refine_size(picture.size, grid, SCALE, PATCH)
    refined, w, h = picture.resize(size, Image.BICUBIC), size[0] // grid[0], size[1] // grid[1]
    for y in range(grid[1]):
        for x in range(grid[0]):
            yield refined.crop((x * w, y * h, (x + 1) * w, (y + 1) * h))


def main():
    tower()
    encoder = ort.InferenceSession(os.path.join(here, 'navit/model.onnx'))
    resampler, embed, decoder = session('resampler'), session('embed_tokens'), session('decoder_model_with_past')
    looked = list(views())
    print('views of', [v.size for v in looked])
    prompt = np.load(os.path.join(here, 'slices.npz'))['prompt']
    rows = np.concatenate([features(v, encoder, resampler) for v in looked])
    new = embed.run(None, {'input_ids': np.maximum(prompt, 0)[None]})[0]
    new[0, prompt < 0] = rows
    past = {i.name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.float32) for i in decoder.get_inputs() if i.name.startswith('past')}
    tokens, logits, length = [], [], 0
    for _ in range(STEPS):
        at = np.arange(length, length + new.shape[1])
        length += new.shape[1]
        results = decoder.run(None, {'inputs_embeds': new, 'attention_mask': np.ones((1, length), np.int64), 'position_ids': at[None], **past})
        past = dict(zip(past, results[1:]))
        logits.append(results[0][0, -1])
        tokens.append(int(logits[-1].argmax()))
        new = embed.run(None, {'input_ids': np.array([tokens[-1:]])})[0]
    places = np.full((71, 70), -1)
    for n in range(1, 71):
        places[n, :n] = buckets(n, 70)
    integers = np.array([[i * 70 // n if n and i < n else -1 for i in range(70)] for n in range(71)])
    print(tokens, 'places that are not i * 70 // n:', int((places != integers).sum()))
    np.savez_compressed(os.path.join(here, 'navit.npz'), prompt=prompt, tokens=np.array(tokens), logits=np.stack(logits), places=places)


main()
