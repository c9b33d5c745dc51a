"""Writes pictures.json: picture files with the CRC-32 of what Pillow makes of them in each mode, files that must be refused,
and the CRC-32 of Pillow's Image.resize() of pictures of noise, of 8 bits, and of 16 as floats of 0 to 1, channel by channel.  Needs Pillow and numpy; made with Pillow 13.0."""
import io, json, zlib
import numpy
from PIL import Image

RESAMPLE = "nearest lanczos bilinear bicubic box hamming".split()


def noise(width, height, channels):
    """The same numbers as noise() of test_image.c."""
    state, out = width * 65536 + height * 16 + channels, bytearray()
    for _ in range(width * height * channels):
        state = (state * 1664525 + 1013904223) & 0xffffffff
        out.append(state >> 24)
    return numpy.frombuffer(bytes(out), numpy.uint8).reshape(height, width, channels)


def smooth(width, height, channels):
    y, x = numpy.mgrid[:height, :width]
    waves = [numpy.sin(x / (3 + c)) * 60 + numpy.cos(y / (5 - c)) * 60 + 128 + (x * y % 7) for c in range(channels)]
    return numpy.stack(waves, -1).clip(0, 255).astype(numpy.uint8)


def encoded(pixels, mode, kind, **options):
    out = io.BytesIO()
    image = Image.fromarray(pixels if pixels.shape[-1] > 1 else pixels[..., 0])
    if mode == "CMYK":
        image = image.convert("CMYK")
    image.save(out, kind, **options)
    return out.getvalue()


def orientation(value):
    exif = Image.Exif()
    exif[0x10f] = "maker"
    exif[0x112] = value
    return exif


def good_files():
    rgb, rgba, grey = smooth(37, 29, 3), smooth(37, 29, 4), smooth(37, 29, 1)
    for sampling in 0, 1, 2:
        yield f"JPEG, subsampling {sampling}", encoded(rgb, "RGB", "JPEG", quality=80, subsampling=sampling), 0
    yield "JPEG, progressive", encoded(rgb, "RGB", "JPEG", quality=90, progressive=True), 0
    yield "JPEG, grey", encoded(grey, "L", "JPEG"), 0
    yield "JPEG, inks", encoded(rgb, "CMYK", "JPEG"), 0
    inks = encoded(rgb, "CMYK", "JPEG")
    adobe = inks.index(b"\xff\xee")
    yield "JPEG, inks without a word of Adobe", inks[:adobe] + inks[adobe + 2 + int.from_bytes(inks[adobe + 2:adobe + 4], "big"):], 0
    yield "JPEG, restarts", encoded(rgb, "RGB", "JPEG", restart_marker_blocks=2), 0
    yield "JPEG, one pixel", encoded(noise(1, 1, 3), "RGB", "JPEG"), 0
    yield "JPEG, turned", encoded(rgb, "RGB", "JPEG", exif=orientation(6)), 6
    yield "JPEG, upright", encoded(rgb, "RGB", "JPEG", exif=orientation(1)), 1
    yield "WebP, lossy", encoded(rgb, "RGB", "WEBP", quality=70), 0
    yield "WebP, lossy with alpha", encoded(rgba, "RGBA", "WEBP", quality=70), 0
    yield "WebP, lossless", encoded(rgb, "RGB", "WEBP", lossless=True), 0
    yield "WebP, lossless with alpha", encoded(rgba, "RGBA", "WEBP", lossless=True, exact=True), 0
    yield "WebP, turned", encoded(rgb, "RGB", "WEBP", exif=orientation(3)), 3
    yield "PNG, alpha", encoded(rgba, "RGBA", "PNG"), 0
    yield "PNG, turned", encoded(rgb, "RGB", "PNG", exif=orientation(8)), 8


def bad_files(good):
    for name in "JPEG, subsampling 2", "JPEG, progressive", "WebP, lossy", "WebP, lossless":
        yield name + ", cut", good[name][:len(good[name]) * 2 // 3]
    jpeg, frames = good["JPEG, subsampling 0"], [Image.fromarray(noise(8, 8, 3)), Image.fromarray(smooth(8, 8, 3))]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    yield "WebP, animation", out.getvalue()
    frame = jpeg.index(b"\xff\xc0")
    size = lambda height, width: jpeg[:frame + 5] + height + width + jpeg[frame + 9:]
    yield "JPEG, too large", size(b"\xff\xff", b"\xff\xff")
    yield "JPEG, too many pixels", size(b"\x7f\xff", b"\x7f\xff")
    yield "JPEG, no height", size(b"\0\0", b"\0\x25")
    yield "JPEG, magic alone", b"\xff\xd8\xff"
    yield "WebP, magic alone", b"RIFF\x04\0\0\0WEBP"
    yield "GIF", b"GIF89a" + b"\0" * 32
    scan = good["JPEG, progressive"]
    first = scan.index(b"\xff\xda")
    second = min(i for i in (scan.index(b"\xff\xc4", first), scan.index(b"\xff\xda", first + 2)))
    yield "JPEG, scans without end", scan[:first] + scan[first:second] * 250 + scan[first:]


def describe(name, data, turned):
    image = Image.open(io.BytesIO(data))
    row = {"name": name, "file": data.hex(), "width": image.width, "height": image.height, "orientation": turned}
    for mode in "L", "RGB", "RGBA":
        row[mode] = zlib.crc32(numpy.asarray(image.convert("RGB").convert("L") if mode == "L" else image.convert(mode)).tobytes())
    return row


def resizes():
    sizes = [(37, 29, 16, 16), (37, 29, 80, 61), (37, 29, 37, 10), (37, 29, 9, 29), (37, 29, 37, 29), (1, 1, 5, 4),
             (200, 3, 1, 1), (3, 150, 7, 149), (64, 48, 224, 224), (101, 67, 100, 66), (20, 40, 15, 30), (20, 40, 16, 31)]
    for width, height, to_width, to_height in sizes:
        for channels in 1, 3:
            image = Image.fromarray(noise(width, height, channels).squeeze(-1) if channels == 1 else noise(width, height, 3))
            for filter, name in enumerate(RESAMPLE):
                made = numpy.asarray(image.resize((to_width, to_height), filter))
                yield {"from": [width, height, channels], "to": [to_width, to_height], "filter": filter,
                       "crc": zlib.crc32(made.tobytes())}


def deep_resizes():
    sizes = [(37, 29, 16, 16), (37, 29, 80, 61), (37, 29, 37, 10), (37, 29, 9, 29), (200, 3, 1, 1), (64, 48, 224, 224), (20, 40, 15, 30)]
    for width, height, to_width, to_height in sizes:
        for channels in 1, 3:
            bits = noise(width, height, channels).astype(numpy.uint16) << 8
            bits |= noise(width, height, channels + 1).reshape(-1)[:bits.size].reshape(bits.shape)
            planes = [Image.fromarray(bits[..., c].astype(numpy.float32) / numpy.float32(65535)) for c in range(channels)]
            assert planes[0].mode == "F"
            for filter, name in enumerate(RESAMPLE):
                made = numpy.stack([numpy.asarray(plane.resize((to_width, to_height), filter)) for plane in planes], -1)
                yield {"from": [width, height, channels], "to": [to_width, to_height], "filter": filter,
                       "crc": zlib.crc32(numpy.ascontiguousarray(made.clip(0, 1)).tobytes())}


files = [(name, data, turned) for name, data, turned in good_files()]
good = [describe(*file) for file in files]
bad = [{"name": name, "file": data.hex()} for name, data in bad_files({name: data for name, data, _ in files})]
json.dump({"good": good, "bad": bad, "resizes": list(resizes()),
           "deep_resizes": list(deep_resizes())}, open("pictures.json", "w"), indent=0)
print(len(good), "good", len(bad), "bad")
