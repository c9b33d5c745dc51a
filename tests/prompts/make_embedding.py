#!/usr/bin/env python3
"""Writes my-style.safetensors, a textual inversion of two vectors for tiny-sd1, and adds to chunks.npz what onnxruntime makes of
"a my-style crab" when rows of its table are replaced by them.

    make_embedding.py TINY_SD1                 after make_chunks.py"""
import json
import os
import struct
import sys

import numpy as np
import onnx
import onnxruntime

here = os.path.dirname(os.path.abspath(__file__))
vectors = np.random.default_rng(3).standard_normal((2, 32)).astype(np.float32)
header = json.dumps({"emb_params": {"dtype": "F32", "shape": [2, 32], "data_offsets": [0, vectors.nbytes]}}).encode()
with open(os.path.join(here, "my-style.safetensors"), "wb") as out:
    out.write(struct.pack("<Q", len(header)) + header + vectors.tobytes())

# "a", two rows below the largest id, "crab" as make_chunks.py has it in "skip"; guidance's negative prompt is empty.
recorded = dict(np.load(os.path.join(here, "chunks.npz")))
words = recorded["skip.ids"][1]
begin, end = words[0], words.max()
text = [begin, words[1], end - 2, end - 3] + [i for i in words[2:] if i != end] + [end]
ids = np.full((2, 77), end, np.int64)
ids[:, 0] = begin
ids[1, :len(text)] = text
model = onnx.load(os.path.join(sys.argv[1], "text_encoder", "model.onnx"))
for initializer in model.graph.initializer:
    if initializer.name == "embeddings.token_embedding.weight":
        table = onnx.numpy_helper.to_array(initializer).copy()
        table[[end - 2, end - 3]] = vectors
        initializer.CopyFrom(onnx.numpy_helper.from_array(table, initializer.name))
states = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"input_ids": ids})[0]
recorded["embedding.ids"] = ids.astype(np.int32)
recorded["embedding.encoder_hidden_states"] = states.astype(np.float16)
np.savez_compressed(os.path.join(here, "chunks.npz"), **recorded)
