#!/usr/bin/env python3
"""Writes what onnxruntime and numpy make of prompts with weights, of several chunks, and with --clip-skip.

    make_chunks.py TINY_SD1 TINY_SDXL TINY_SD3     writes chunks.npz, chunks_xl.npz and chunks_3.npz beside itself

Of each case: ids and, of some, encoder_hidden_states of the negative prompt and the prompt, and the UNet's output for them,
guided, at timestep 1.  Tokens come from transformers, chunks from AUTOMATIC1111's published algorithm: SDXL's two encoders are
weighted each by itself, and the pooled text is the first chunk's; SD3's T5 gets the words alone.  Needs numpy, onnx, onnxruntime,
tokenizers, transformers."""
import os
import sys

import numpy as np
import onnx
import onnxruntime
from transformers import AutoTokenizer, CLIPTokenizer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from make_weights import parse  # noqa: E402

LENGTH, REACH = 75, 20
LONG = ("a watercolour of a lighthouse on a cliff above the sea at dusk, with gulls around it, boats in the bay, a path that "
        "leads down to the water, clouds that glow red and gold, soft light, fine lines, loose washes, (rough paper:1.3), "
        "muted colours, a small house with lit windows, smoke from its chimney, wet rocks in front, spray, wind in the grass, "
        "a far coast in the haze, [people] on the beach, nets that hang to dry, a lantern, a bench")
CASES = {          # prompt, negative, clip skip
    "weights": ("a (red:1.5) [crab] on \\(sand\\), ((sea))", "(blurry:0.6)", 1),
    "long": (LONG, "blurry", 1),
    "breaks": ("a crab BREAK (on sand:1.2) BREAK a lighthouse", "", 1),
    "skip": ("a crab", "blurry", 2),
    "all": (LONG, "grey, (dull:1.4) BREAK flat", 2),
}


def chunks_of(tokenizer, text):
    begin, end, pad = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
    comma = tokenizer.convert_tokens_to_ids(",</w>")
    chunks, words, comma_at = [], [], -1

    def close():
        nonlocal words, comma_at
        ids = [begin] + [i for i, _ in words] + [end]
        weights = [1.0] + [w for _, w in words] + [1.0]
        more = LENGTH + 2 - len(ids)
        chunks.append((ids + [pad] * more, weights + [1.0] * more))
        words, comma_at = [], -1

    for piece, weight in parse(text):
        if piece == "BREAK" and weight == -1:
            close()
            continue
        for token in tokenizer(piece, add_special_tokens=False, truncation=False).input_ids:
            if token == comma:
                comma_at = len(words)
            elif len(words) == LENGTH and comma_at != -1 and len(words) - comma_at <= REACH:
                rest = words[comma_at + 1:]
                words = words[:comma_at + 1]
                close()
                words = rest
            if len(words) == LENGTH:
                close()
            words.append((token, weight))
    if words or not chunks:
        close()
    return chunks


def encoder(path, skip):
    model = onnx.load(path)
    norm = next(n for n in model.graph.node if n.output[0] == "last_hidden_state")
    if skip == 1:
        return onnxruntime.InferenceSession(model.SerializeToString()), lambda y: y[0]
    layers = [n.name for n in model.graph.node if n.name.endswith("/Add_1") and n.name.count("/") == 3]
    assert norm.input[0].startswith(layers[-1])
    name = norm.input[0].replace(layers[-1], layers[-skip])
    model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    values = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    scale, bias = values[norm.input[1]], values[norm.input[2]]
    epsilon = next(a.f for a in norm.attribute if a.name == "epsilon")

    def normalised(y):
        x = y[-1].astype(np.float64)
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon)
        return (x * scale + bias).astype(np.float32)

    return onnxruntime.InferenceSession(model.SerializeToString()), normalised


def weighed(z, weights):
    if all(w == 1 for w in weights):
        return z
    before = z.mean()
    z = z * np.array(weights, np.float32)[None, :, None]
    return z * (before / z.mean())


def record(out, encoders, cases, predict):
    """encoders: of (tokenizer, run), run(ids, skip) giving hidden states of one chunk and pooled text or None;
    predict(text, pooled): the UNet's output for both prompts."""
    for name, (prompt, negative, skip) in cases.items():
        texts = []
        for number, (tokenizer, run) in enumerate(encoders):
            both = [chunks_of(tokenizer, negative), chunks_of(tokenizer, prompt)]
            count = max(map(len, both))
            rows, ids, pooled = [], [], []
            for chunks in both:
                chunks = chunks + chunks_of(tokenizer, "") * (count - len(chunks))
                states = [run(np.array([c], np.int64), skip) for c, _ in chunks]
                ids.append(np.concatenate([c for c, _ in chunks]))
                rows.append(np.concatenate([weighed(z, w) for (z, _), (_, w) in zip(states, chunks)], 1))
                pooled.append(states[0][1])
            out[name + (".ids_2" if number else ".ids")] = np.stack(ids).astype(np.int32)
            texts.append(np.concatenate(rows))
        text = np.concatenate(texts, -1)
        if name in ("weights", "breaks", "skip"):
            out[name + ".encoder_hidden_states"] = text.astype(np.float16)
        noise = predict(text, pooled)
        out[name + ".noise"] = noise[:1] + 7.5 * (noise[1:] - noise[:1])


def session(folder, part):
    return onnxruntime.InferenceSession(os.path.join(folder, part, "model.onnx"))


def one_encoder(folder, sample):
    unet = session(folder, "unet")

    def run(ids, skip):
        network, hidden = encoder(os.path.join(folder, "text_encoder", "model.onnx"), skip)
        return hidden(network.run(None, {"input_ids": ids})), None

    def predict(text, _):
        return unet.run(None, {"sample": np.concatenate([sample] * 2), "timestep": np.array(1, np.float32),
                               "encoder_hidden_states": text})[0]

    out = {"sample": sample}
    record(out, [(CLIPTokenizer.from_pretrained(os.path.join(folder, "tokenizer")), run)], CASES, predict)
    return out


def hidden_states(folder, part, pools):
    """run(ids, skip): of layer skip + 1 from the end, which is --clip-skip there; 1: the one that is taken by itself."""
    network = session(folder, part)
    names = [o.name for o in network.get_outputs()]
    states = sorted((n for n in names if n.startswith("hidden_states.")), key=lambda n: int(n.split(".")[1]))

    def run(ids, skip):
        values = dict(zip(names, network.run(None, {"input_ids": ids})))
        return values[states[-1 - skip]], values["text_embeds"] if pools else None
    return run


def two_encoders(folder, sample):
    unet = session(folder, "unet")

    def predict(text, pooled):
        sizes = np.array([[8 * sample.shape[2], 8 * sample.shape[3], 0, 0, 8 * sample.shape[2], 8 * sample.shape[3]]] * 2, np.float32)
        return unet.run(None, {"sample": np.concatenate([sample] * 2), "timestep": np.array(1, np.float32),
                               "encoder_hidden_states": text, "text_embeds": np.concatenate(pooled), "time_ids": sizes})[0]

    out = {"sample": sample}
    encoders = [(CLIPTokenizer.from_pretrained(os.path.join(folder, "tokenizer" + number)),
                 hidden_states(folder, "text_encoder" + number, number == "_2")) for number in ("", "_2")]
    record(out, encoders, {k: v for k, v in CASES.items() if k != "all"}, predict)
    return out


def three_encoders(folder):
    """ids and encoder_hidden_states of the weighted prompts."""
    prompt, negative, _ = CASES["weights"]
    t5, tokenizer = session(folder, "text_encoder_3"), AutoTokenizer.from_pretrained(os.path.join(folder, "tokenizer_3"))
    out, rows = {}, []
    for text in (negative, prompt):
        clip = []
        for number in ("", "_2"):
            (ids, weights), = chunks_of(CLIPTokenizer.from_pretrained(os.path.join(folder, "tokenizer" + number)), text)
            clip.append(weighed(hidden_states(folder, "text_encoder" + number, False)(np.array([ids], np.int64), 1)[0], weights))
        words = "".join(piece for piece, _ in parse(text))
        ids = tokenizer(words, padding="max_length", max_length=77, truncation=True).input_ids
        states = t5.run(None, {"input_ids": np.array([ids], np.int64)})[0]
        joined = np.concatenate(clip, -1)
        rows.append(np.concatenate([np.pad(joined, ((0, 0), (0, 0), (0, states.shape[2] - joined.shape[2]))), states], 1))
        out.setdefault("ids_3", []).append(ids)
    return {"weights.ids_3": np.array(out["ids_3"], np.int32), "weights.encoder_hidden_states": np.concatenate(rows).astype(np.float16)}


def main():
    sample = np.random.default_rng(5).standard_normal((1, 4, 16, 16)).astype(np.float32)
    here = os.path.dirname(os.path.abspath(__file__))
    np.savez_compressed(os.path.join(here, "chunks.npz"), **one_encoder(sys.argv[1], sample))
    np.savez_compressed(os.path.join(here, "chunks_xl.npz"), **two_encoders(sys.argv[2], sample))
    np.savez_compressed(os.path.join(here, "chunks_3.npz"), **three_encoders(sys.argv[3]))


main()
