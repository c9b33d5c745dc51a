"""Writes what test_vision.c compares with: pictures, model.onnx (means of the pixels, for any size), cases.json and
recorded.npz.  `processors` are pictures through transformers' image processors on Pillow; `models` are those of
../shared/data/models in onnxruntime, their probabilities by numpy.

`autoencoders`: pictures to latents and back by onnxruntime, what is around it as in diffusers.

    make.py MODELS      needs transformers, torch, Pillow, numpy, onnx, onnxruntime; made with transformers 5.23"""
import json, os, struct, sys, zlib
import numpy
import onnx
import onnxruntime
import torch
from onnx import helper
from PIL import Image
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import Unigram
from transformers import CLIPTokenizer
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.efficientnet.image_processing_pil_efficientnet import EfficientNetImageProcessorPil
from transformers.models.mobilenet_v1.image_processing_pil_mobilenet_v1 import MobileNetV1ImageProcessorPil
from transformers.models.mobilenet_v2.image_processing_pil_mobilenet_v2 import MobileNetV2ImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

MODELS = sys.argv[1]
LARGE, EVERY = 3 * 64 * 64, 16          # of what is larger every so-manieth row and column is kept
CLASSES = {"clip": CLIPImageProcessorPil, "siglip": SiglipImageProcessorPil, "vit": ViTImageProcessorPil,
           "bit": BitImageProcessorPil, "dinov2": BitImageProcessorPil, "convnext": ConvNextImageProcessorPil,
           "resnet": ConvNextImageProcessorPil, "deit": DeiTImageProcessorPil, "efficientnet": EfficientNetImageProcessorPil,
           "mobilenet_v1": MobileNetV1ImageProcessorPil, "mobilenet_v2": MobileNetV2ImageProcessorPil}
TEXTS = ["a crab", "a photo of a cat", "two red apples on a table"]
SIGLIP_TEXTS = ["A photo of  a cat!", "two red apples, on a table", "zebra (striped) \u00e9tude 42"]
CAPTIONS = """a photo of a cat on the red table. two dogs run over a green hill! three apples, and a boat in the harbour;
a crab walks by the sea. an old house with a blue door: rain on the street? some books near a lamp, paper and ink""".split()


def waves(width, height, channels):
    y, x = numpy.mgrid[:height, :width]
    return numpy.stack([numpy.sin(x / (2 + c)) * 70 + numpy.cos(y / (6 - c)) * 50 + 128 + (x * y + 5 * c) % 11
                        for c in range(channels)], -1).clip(0, 255).astype(numpy.uint8)


def write_pictures():
    Image.fromarray(waves(60, 44, 3)).save("wide.jpg", quality=85)
    Image.fromarray(waves(30, 70, 4)).save("tall.png")
    Image.fromarray(waves(33, 33, 3)).save("square.webp", quality=80)


def write_deep():
    """deep.png, RGB of 16 bits of which the high bytes say little; as numpy."""
    y, x = numpy.mgrid[:64, :64]
    deep = numpy.stack([30000 + 400 * numpy.sin(x / (3 + c)) + 300 * numpy.cos(y / (7 - c)) for c in range(3)], -1).astype(numpy.uint16)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 16, 2, 0, 0, 0))
    open("deep.png", "wb").write(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))
    return deep


def write_model():
    value = lambda name, *dims: helper.make_tensor_value_info(name, 1, dims)
    axes = helper.make_tensor("axes", 7, [2], [2, 3])
    node = helper.make_node("ReduceMean", ["pixel_values", "axes"], ["logits"], keepdims=0)
    graph = helper.make_graph([node], "means", [value("pixel_values", "batch", 3, "height", "width")],
                              [value("logits", "batch", 3)], [axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, "model.onnx")


# type, preprocessor_config.json, image_size of config.json, picture
PROCESSORS = [
    ("clip", {"size": {"shortest_edge": 20}, "crop_size": {"height": 20, "width": 20}}, None, "wide.jpg"),
    ("clip", {"size": {"shortest_edge": 13}, "crop_size": {"height": 13, "width": 13}}, None, "tall.png"),
    ("clip", {"size": {"shortest_edge": 12}, "crop_size": {"height": 21, "width": 15}}, None, "wide.jpg"),
    ("clip", {"image_processor_type": "CLIPImageProcessorFast", "size": {"height": 17, "width": 19},
              "do_center_crop": False, "image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.4]}, None, "square.webp"),
    ("clip", {"feature_extractor_type": "CLIPFeatureExtractor", "size": 18, "crop_size": 16, "resample": 3}, None, "tall.png"),
    ("clip", {"do_resize": False, "crop_size": {"height": 25, "width": 31}}, None, "tall.png"),
    ("clip", None, 22, "wide.jpg"),
    ("siglip", {"image_processor_type": "SiglipImageProcessor", "size": {"height": 20, "width": 28}}, None, "wide.jpg"),
    ("siglip", {"size": {"height": 48, "width": 40}, "resample": 2, "rescale_factor": 0.005}, None, "tall.png"),
    ("siglip", None, 24, "square.webp"),
    ("vit", {"image_processor_type": "ViTImageProcessor", "size": {"height": 16, "width": 16}}, None, "wide.jpg"),
    ("vit", {"feature_extractor_type": "ViTFeatureExtractor", "size": 18, "image_mean": [0.485, 0.456, 0.406],
             "image_std": [0.229, 0.224, 0.225]}, None, "tall.png"),
    ("vit", {"size": {"height": 15, "width": 22}, "resample": 1, "do_rescale": False}, None, "square.webp"),
    ("vit", {"size": {"height": 15, "width": 22}, "resample": 0, "do_normalize": False}, None, "square.webp"),
    ("vit", {"size": {"shortest_edge": 14}, "resample": 4, "do_center_crop": True, "crop_size": {"height": 14, "width": 14}},
     None, "wide.jpg"),
    ("vit", None, 20, "tall.png"),
    ("bit", {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 23}, "crop_size": {"height": 20, "width": 21}},
     None, "wide.jpg"),
    ("dinov2", {"image_processor_type": "BitImageProcessorFast", "size": {"shortest_edge": 25}, "crop_size": 22,
                "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}, None, "tall.png"),
    ("convnext", {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 21}}, None, "wide.jpg"),
    ("resnet", {"feature_extractor_type": "ConvNextFeatureExtractor", "size": 20, "crop_pct": 0.7, "resample": 2}, None, "tall.png"),
    ("convnext", {"image_processor_type": "ConvNextImageProcessorFast", "size": {"shortest_edge": 384}, "do_center_crop": True,
                  "crop_size": {"height": 24, "width": 20}}, None, "square.webp"),
    ("deit", {"image_processor_type": "DeiTImageProcessor", "size": {"height": 26, "width": 28},
              "crop_size": {"height": 22, "width": 24}}, None, "wide.jpg"),
    ("deit", {"image_processor_type": "DeiTImageProcessorFast", "size": 25, "crop_size": 21, "resample": 3}, None, "tall.png"),
    ("efficientnet", {"image_processor_type": "EfficientNetImageProcessor", "size": {"height": 19, "width": 23}}, None, "tall.png"),
    ("efficientnet", {"image_processor_type": "EfficientNetImageProcessorFast", "size": {"height": 24, "width": 24},
                      "resample": 0, "rescale_factor": 0.00784313725490196, "rescale_offset": True, "include_top": False,
                      "do_center_crop": True, "crop_size": {"height": 20, "width": 20}}, None, "wide.jpg"),
    ("efficientnet", {"size": {"height": 17, "width": 15}, "rescale_factor": 0.01, "rescale_offset": True, "do_normalize": False,
                      "image_std": [0.4, 0.5, 0.6]}, None, "square.webp"),
    ("mobilenet_v1", {"image_processor_type": "MobileNetV1ImageProcessor", "size": {"shortest_edge": 26},
                      "crop_size": {"height": 22, "width": 22}}, None, "wide.jpg"),
    ("mobilenet_v2", {"image_processor_type": "MobileNetV2ImageProcessorFast", "size": {"shortest_edge": 24},
                      "crop_size": {"height": 21, "width": 20}}, None, "tall.png"),
]
# With the sizes that the classes have by themselves: type, image_processor_type
USUAL = [("bit", "BitImageProcessor"), ("convnext", "ConvNextImageProcessor"), ("deit", "DeiTImageProcessor"),
         ("efficientnet", "EfficientNetImageProcessor"), ("mobilenet_v1", "MobileNetV1ImageProcessor"),
         ("mobilenet_v2", "MobileNetV2ImageProcessor")]
PROCESSORS += [(type, {"image_processor_type": name}, None, "wide.jpg") for type, name in USUAL]


def pixels(type, config, side, picture):
    config = dict(config or {})
    if side:
        config = {"size": {"shortest_edge": side} if type == "clip" else {"height": side, "width": side}}
        if type == "clip":
            config["crop_size"] = {"height": side, "width": side}
    named = config.get("image_processor_type", config.get("feature_extractor_type", "")).replace("FeatureExtractor", "ImageProcessor")
    known = [c for c in CLASSES.values() if named.removesuffix("Fast") + "Pil" == c.__name__]
    processor = (known[0] if known else CLASSES[type]).from_dict(config)
    return processor(Image.open(picture).convert("RGB"), return_tensors="np")["pixel_values"].astype(numpy.float32)


def write_siglip_tokenizer():
    """A small one of the kind that SigLIP has: unigram, lower case, without punctuation, </s> behind and as padding."""
    tokenizer = Tokenizer(Unigram())
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Lowercase(), normalizers.Replace(Regex(r"[!\"\#\$%\&'\(\)\*\+,\-\.:;=\?@\[\\\]\^_`\{\|\}\~]"), ""),
        normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    words = [" ".join(CAPTIONS[i:i + 5]) for i in range(len(CAPTIONS))] * 3
    tokenizer.train_from_iterator(words, trainers.UnigramTrainer(vocab_size=180, special_tokens=["<unk>", "</s>"], unk_token="<unk>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    os.makedirs("siglip", exist_ok=True)
    tokenizer.save("siglip/tokenizer.json", pretty=False)
    json.dump({"model_max_length": 16, "pad_token": "</s>", "eos_token": "</s>", "unk_token": "<unk>",
               "tokenizer_class": "SiglipTokenizer"}, open("siglip/tokenizer_config.json", "w"), indent=1)
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(pad_id=1, pad_token="</s>", length=16)
    return numpy.array([e.ids for e in tokenizer.encode_batch(SIGLIP_TEXTS)])


def write_left():
    """tiny-clip's tokenizer with padding in front."""
    os.makedirs("left", exist_ok=True)
    config = json.load(open(f"{MODELS}/tiny-clip/tokenizer_config.json"))
    json.dump({**config, "padding_side": "left"}, open("left/tokenizer_config.json", "w"), indent=1)
    return CLIPTokenizer.from_pretrained(f"{MODELS}/tiny-clip", padding_side="left")


def softmax(x):
    e = numpy.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def record_models(arrays):
    pictures = ["wide.jpg", "tall.png"]
    tokenizer = CLIPTokenizer.from_pretrained(f"{MODELS}/tiny-clip")
    words = tokenizer(TEXTS, padding="max_length", max_length=77, return_tensors="np")
    left = write_left()(TEXTS, padding="max_length", max_length=77, return_tensors="np")
    ids = numpy.random.default_rng(7).integers(2, 300, (3, 16))
    feeds = {"tiny-clip": ("clip", 32, {"input_ids": words["input_ids"], "attention_mask": words["attention_mask"]}),
             "tiny-clip+left": ("clip", 32, {"input_ids": left["input_ids"], "attention_mask": left["attention_mask"]}),
             "tiny-siglip": ("siglip", 36, {"input_ids": ids}), "tiny-vit": ("vit", 32, {}),
             "tiny-siglip+siglip": ("siglip", 36, {"input_ids": write_siglip_tokenizer()})}
    arrays["siglip_ids"] = ids
    rows = []
    for name, (type, side, feed) in feeds.items():
        session = onnxruntime.InferenceSession(f"{MODELS}/{name.split('+')[0]}/model.onnx")
        feed["pixel_values"] = numpy.concatenate([pixels(type, None, side, p) for p in pictures])
        feed = {key: value.astype(numpy.int64) if key != "pixel_values" else value for key, value in feed.items()}
        out = dict(zip([o.name for o in session.get_outputs()], session.run(None, feed)))
        logits = out["logits" if type == "vit" else "logits_per_image"].astype(numpy.float64)
        probability = 1 / (1 + numpy.exp(-logits)) if type == "siglip" else softmax(logits)
        rows.append({"model": name, "pictures": pictures, "texts": TEXTS if type == "clip" else SIGLIP_TEXTS if "+" in name else [],
                     "probability": probability.tolist()})
        for key in "image_embeds", "text_embeds":
            if key in out:
                arrays[f"{name}.{key}"] = out[key]
    return rows


def record_autoencoders(arrays):
    """wide.jpg at 64x64 through the encoder and the decoder; of a distribution its mean, and a draw of seed 3; deep.png with all
    of its bits through the encoder."""
    deep = (write_deep().astype(numpy.float32) / 65535 * 2 - 1).transpose(2, 0, 1)[None]
    picture = numpy.asarray(Image.open("wide.jpg").convert("RGB").resize((64, 64), Image.LANCZOS))
    x = (picture.astype(numpy.float32) / 255 * 2 - 1).transpose(2, 0, 1)[None]
    rows = []
    for name, channels in ("tiny-sdxl", 4), ("tiny-vq", 3):
        run = lambda part, value: onnxruntime.InferenceSession(f"{MODELS}/{name}/vae_{part}/model.onnx").run(
            None, {onnx.load(f"{MODELS}/{name}/vae_{part}/model.onnx").graph.input[0].name: value})[0]
        arrays[f"{name}.deep_latents"] = run("encoder", deep)[:, :channels]
        out = run("encoder", x)
        latents = arrays[f"{name}.latents"] = out[:, :channels]
        if out.shape[1] > channels:
            noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(3)).numpy()
            arrays[f"{name}.sample"] = latents + numpy.exp(0.5 * out[:, channels:].clip(-30, 20)) * noise
        back = (run("decoder", latents)[0].transpose(1, 2, 0) / 2 + 0.5).clip(0, 1)
        back = (back * 255).round().astype(numpy.uint8)
        arrays[f"{name}.picture"] = back
        error = numpy.mean((picture.astype(numpy.float64) - back) ** 2)
        rows.append({"model": name, "psnr": float(10 * numpy.log10(255 ** 2 / error))})
    return rows


write_pictures()
write_model()
arrays, rows = {}, []
for k, (type, config, side, picture) in enumerate(PROCESSORS):
    made = pixels(type, config, side, picture)
    arrays[f"pixels_{k}"] = made[..., ::EVERY, ::EVERY] if made.size > LARGE else made
    rows.append({"type": type, "height": made.shape[2], "width": made.shape[3], "preprocessor": config, "image_size": side, "picture": picture})
cases = {"processors": rows, "models": record_models(arrays),
         "autoencoders": record_autoencoders(arrays)}
json.dump(cases, open("cases.json", "w"), indent=1)
numpy.savez_compressed("recorded.npz", **arrays)
print({key: value.shape for key, value in arrays.items()}, os.path.getsize("recorded.npz"))
