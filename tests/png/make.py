"""Writes pictures.json: PNG files of every kind, and what they look like as 8-bit RGB, transparency dropped, the high byte of
16 bits kept: Pillow's convert("RGB"), but for 16-bit grey, which Pillow cuts at 255; of 16 bits all of them as well, the high
byte first.  Needs Python alone."""
import json, random, struct, zlib

R = random.Random(1)
WIDTH, HEIGHT = 11, 9
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}                 # by colour type: grey, RGB, palette, grey + alpha, RGBA
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
SIGNATURE = b'\x89PNG\r\n\x1a\n'


def chunk(kind, data=b''):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def header(width, height, depth=8, colour=2, interlace=0):
    return chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, interlace))


def pack_rows(pixels, depth):
    """pixels[y][x] are tuples of samples; each row with filter 0 in front."""
    out = b''
    for row in pixels:
        bits = ''.join(format(s, f'0{depth}b') for p in row for s in p)
        bits += '0' * (-len(bits) % 8)
        out += b'\0' + bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
    return out


def picture(colour, depth, interlace, transparent):
    top = (1 << depth) - 1
    pixels = [[tuple(R.randint(0, top) for _ in range(SAMPLES[colour])) for _ in range(WIDTH)] for _ in range(HEIGHT)]
    data, extra = b'', b''
    to8 = lambda v: v * 255 // top if depth < 8 else v if depth == 8 else v >> 8
    if colour == 3:
        palette = [tuple(R.randint(0, 255) for _ in range(3)) for _ in range(top + 1)]
        alpha = [R.randint(0, 255) for _ in range((top + 1) // 2)] if transparent else []
        extra = chunk(b'PLTE', bytes(v for p in palette for v in p)) + (chunk(b'tRNS', bytes(alpha)) if alpha else b'')
        rgba = lambda p: palette[p[0]] + ((alpha + [255] * 256)[p[0]],)
    else:
        key = pixels[2][3] if transparent else None
        if transparent:
            pixels[5][6] = key
            extra = chunk(b'tRNS', struct.pack(f'>{len(key)}H', *key))
        def rgba(p):
            v = tuple(map(to8, p))
            full = 0 if p == key else 255
            return {1: lambda: v * 3 + (full,), 2: lambda: v[:1] * 3 + v[1:], 3: lambda: v + (full,), 4: lambda: v}[len(v)]()
    if interlace:
        for x0, y0, dx, dy in ADAM7:
            part = [row[x0::dx] for row in pixels[y0::dy] if row[x0::dx]]
            data += pack_rows(part, depth)
    else:
        data = pack_rows(pixels, depth)
    png = SIGNATURE + header(WIDTH, HEIGHT, depth, colour, interlace) + extra + chunk(b'IDAT', zlib.compress(data)) + chunk(b'IEND')
    rgb = bytes(c for row in pixels for p in row for c in rgba(p)[:3])
    deep = b''.join(struct.pack('>3H', *(p[:3] if len(p) > 2 else p[:1] * 3)) for row in pixels for p in row) if depth == 16 else b''
    return png, rgb, deep


good, bad = [], []
for colour, depths in DEPTHS.items():
    for depth in depths:
        for interlace in 0, 1:
            for transparent in (0, 1) if colour in (0, 2, 3) else (0,):
                png, rgb, deep = picture(colour, depth, interlace, transparent)
                name = f'colour {colour}, {depth} bits' + ', interlaced' * interlace + ', tRNS' * transparent
                good.append({'name': name, 'width': WIDTH, 'height': HEIGHT, 'png': png.hex(), 'rgb': rgb.hex(),
                             **({'rgb16': deep.hex()} if deep else {})})

whole = picture(2, 8, 0, 0)[0]
row = chunk(b'IDAT', zlib.compress(b'\0' * 4))
for name, png in {
    'empty': b'', 'text': b'hello, world', 'JPEG': b'\xff\xd8\xff\xe0' + b'\0' * 32, 'signature only': SIGNATURE,
    'cut in the header': whole[:20], 'cut in the data': whole[:80], 'no end': whole[:-12], 'cut in the last checksum': whole[:-1],
    'header checksum': whole[:29] + b'\0\0\0\0' + whole[33:], 'data checksum': whole[:-16] + b'\0\0\0\0' + whole[-12:],
    'no width': SIGNATURE + header(0, 1) + row + chunk(b'IEND'), 'no height': SIGNATURE + header(1, 0) + row + chunk(b'IEND'),
    'too wide': SIGNATURE + header(40000, 1) + row + chunk(b'IEND'), 'too many pixels': SIGNATURE + header(32768, 32768) + row + chunk(b'IEND'),
    'huge': SIGNATURE + header(0x7fffffff, 0x7fffffff) + row + chunk(b'IEND'), 'negative': SIGNATURE + header(0xffffffff, 1) + row + chunk(b'IEND'),
    'depth 3': SIGNATURE + header(1, 1, 3, 0) + row + chunk(b'IEND'), 'colour 5': SIGNATURE + header(1, 1, 8, 5) + row + chunk(b'IEND'),
    'no palette': SIGNATURE + header(1, 1, 8, 3) + row + chunk(b'IEND'), 'no data': SIGNATURE + header(1, 1) + chunk(b'IEND'),
    'too little data': SIGNATURE + header(64, 64) + row + chunk(b'IEND'), 'not deflated': SIGNATURE + header(1, 1) + chunk(b'IDAT', b'\xff' * 40) + chunk(b'IEND'),
    'filter 9': SIGNATURE + header(1, 1) + chunk(b'IDAT', zlib.compress(b'\x09\0\0\0')) + chunk(b'IEND'),
    'chunk length': SIGNATURE + header(1, 1) + b'\x7f\xff\xff\xffIDAT', 'unknown critical chunk': SIGNATURE + header(1, 1) + chunk(b'QUUX') + row + chunk(b'IEND'),
}.items():
    bad.append({'name': name, 'png': png.hex()})
json.dump({'good': good, 'bad': bad}, open('pictures.json', 'w'), indent=0)
print(len(good), 'good', len(bad), 'bad')
