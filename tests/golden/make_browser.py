#!/usr/bin/env python3
"""What Chromium shows of image files, for train/src/data/picture/tests.rs.

    python -m venv venv && venv/bin/pip install numpy pillow
    NODE_PATH=where/playwright-core/is venv/bin/python tests/golden/make_browser.py

Writes browser_images.zip: small files made after the kinds that public reports of image decoders name (turned, see
through, animated, cut off, damaged), and beside each NAME.rgb, the pixels of an ImageBitmap of it on a white canvas, as
the page reads a person's own image (width and height as little-endian u32, then RGB); without one where Chromium
refuses the file.
"""

import io
import struct
import subprocess
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
RNG = np.random.default_rng(0)
FILES = {}


def encoded(image, kind, **settings):
    out = io.BytesIO()
    image.save(out, kind, **settings)
    return out.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    return exif.tobytes()


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width, height, depth, colour, rows, extra=b""):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows), 9))
    return b"\x89PNG\r\n\x1a\n" + header + extra + data + chunk(b"IEND", b"")


def gif_with_offset():
    """A frame of 8 x 8 at (4, 6) of a screen of 32 x 32."""
    palette = bytes([0, 0, 0, 0, 200, 0, 200, 0, 0, 0, 0, 200])
    codes = [code for i in range(64) for code in ([4, 2] if i % 2 == 0 else [2])] + [5]
    bits = sum(code << (3 * i) for i, code in enumerate(codes))
    data = bits.to_bytes((3 * len(codes) + 7) // 8, "little")
    return (b"GIF89a" + struct.pack("<HHBBB", 32, 32, 0x81, 1, 0) + palette + b"\x2c" + struct.pack("<HHHHB", 4, 6, 8, 8, 0)
            + b"\x02" + bytes([len(data)]) + data + b"\0;")


def bmp32(header, alpha):
    """4 x 4 pixels of 32 bits: with a header that knows no opacity (40 bytes), or with one that does (108)."""
    pixels = bytes([10, 20, 30, alpha] * 16)
    start = 14 + header
    info = struct.pack("<IiiHHIIiiII", header, 4, 4, 1, 32, 3 if header == 108 else 0, len(pixels), 2835, 2835, 0, 0)
    if header == 108:
        info += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + b"\0" * 48
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + info + pixels


def make():
    y, x = np.mgrid[0:20, 0:16]
    pixels = np.stack([x * 14 % 256, y * 12 % 256, (x * 10 + y * 6) % 256], -1).astype(np.uint8)
    plain = Image.fromarray(pixels)
    # Smooth: what decoders of JPEG round differently is then a few levels at most.
    y, x = np.mgrid[0:48, 0:48]
    wave = 127 + 90 * np.stack([np.sin(x / 5), np.cos(y / 6), np.sin((x + y) / 7)], -1)
    smooth = Image.fromarray((wave + RNG.normal(0, 4, wave.shape)).clip(0, 255).astype(np.uint8))

    for o in range(1, 9):
        FILES[f"turned-{o}.jpg"] = encoded(plain, "JPEG", quality=95, subsampling=0, exif=turned(o))
        FILES[f"turned-{o}.png"] = encoded(plain, "PNG", exif=turned(o))
    FILES["turned-6.webp"] = encoded(plain, "WEBP", lossless=True, exif=turned(6))

    for kind, progressive in (("baseline", False), ("progressive", True)):
        whole = encoded(smooth, "JPEG", quality=90, subsampling=0, progressive=progressive)
        half, eoi = len(whole) // 2, b"\xff\xd9"
        FILES[f"{kind}.jpg"] = whole
        for name, share in (("third", 1 / 3), ("two-thirds", 2 / 3), ("most", 0.95)):
            FILES[f"{kind}-cut-{name}.jpg"] = whole[:int(len(whole) * share)]
        for less in (1, 2, 3):
            FILES[f"{kind}-less-{less}.jpg"] = whole[:-less]
        FILES[f"{kind}-zeros.jpg"] = whole[:half] + bytes(len(whole) - half)
        FILES[f"{kind}-zeros-for-its-end.jpg"] = whole[:-2] + bytes(100)
        FILES[f"{kind}-more.jpg"] = whole + b"junk" * 10
        FILES[f"{kind}-padded-end.jpg"] = whole[:-2] + b"\xff\xff" + eoi
    FILES["restarts.jpg"] = encoded(smooth, "JPEG", quality=90, subsampling=0, restart_marker_rows=1)
    FILES["grey.jpg"] = encoded(plain.convert("L"), "JPEG", quality=95)
    FILES["cmyk.jpg"] = encoded(plain.convert("CMYK"), "JPEG", quality=95, subsampling=0)
    FILES["halved-colours.jpg"] = encoded(smooth, "JPEG", quality=95, subsampling=2)

    alpha = RNG.integers(0, 256, (16, 16, 4), dtype=np.uint8)
    rgba = Image.fromarray(alpha, "RGBA")
    palette = plain.convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    FILES["rgba.png"] = encoded(rgba, "PNG")
    FILES["nothing.png"] = encoded(Image.new("RGBA", (32, 32), (0, 0, 0, 0)), "PNG")
    FILES["grey-alpha.png"] = encoded(Image.fromarray(alpha[:, :, [0, 3]].copy(), "LA"), "PNG")
    FILES["palette.png"] = encoded(palette, "PNG")
    FILES["palette-key.png"] = encoded(palette, "PNG", transparency=3)
    FILES["palette-alpha.png"] = encoded(palette, "PNG", transparency=bytes(range(0, 256, 16)))
    board = np.indices((16, 16)).sum(0) % 2
    colours = np.where(board[..., None], [10, 20, 30], [200, 100, 50]).astype(np.uint8)
    FILES["colour-key.png"] = encoded(Image.fromarray(colours), "PNG", transparency=(10, 20, 30))
    FILES["grey-key.png"] = encoded(Image.fromarray(colours[..., 0].copy()), "PNG", transparency=10)
    deep = RNG.integers(0, 65536, (16, 16, 4)).astype(">u2")
    rows = lambda channels: [row[:, channels].tobytes() for row in deep]
    FILES["rgba-16.png"] = png(16, 16, 16, 6, rows([0, 1, 2, 3]))
    FILES["rgb-16.png"] = png(16, 16, 16, 2, rows([0, 1, 2]))
    FILES["grey-16.png"] = png(16, 16, 16, 0, rows([0]))
    FILES["grey-alpha-16.png"] = png(16, 16, 16, 4, rows([0, 3]))
    FILES["colour-key-16.png"] = png(16, 16, 16, 2, rows([0, 1, 2]), chunk(b"tRNS", deep[5, 7, :3].tobytes()))
    FILES["grey-1.png"] = png(16, 16, 1, 0, [b"\xaa\x0f"] * 16)
    FILES["grey-1-key.png"] = png(16, 16, 1, 0, [b"\xaa\x0f"] * 16, chunk(b"tRNS", b"\0\0"))
    FILES["gamma.png"] = png(16, 20, 8, 2, [row.tobytes() for row in pixels], chunk(b"gAMA", struct.pack(">I", 100_000)))

    whole = encoded(plain, "PNG")
    FILES["cut-half.png"] = whole[:len(whole) // 2]
    for less in (4, 5, 12):
        FILES[f"less-{less}.png"] = whole[:-less]
    FILES["more.png"] = whole + b"junk"
    damaged = bytearray(whole)
    damaged[whole.index(b"IDAT") + 30] ^= 1
    FILES["damaged.png"] = bytes(damaged)
    FILES["other-name.jpg"] = whole
    end = whole.index(b"IEND") - 4
    FILES["turned-after-its-data.png"] = whole[:end] + chunk(b"eXIf", turned(3).removeprefix(b"Exif\0\0")) + whole[end:]

    frames = [Image.new("RGB", (16, 16), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    moving = dict(save_all=True, append_images=frames[1:])
    FILES["animated.png"] = encoded(frames[0], "PNG", **moving)
    FILES["animated-after-another.png"] = encoded(frames[0], "PNG", default_image=True, **moving)
    FILES["animated.gif"] = encoded(frames[0], "GIF", **moving)
    FILES["animated.webp"] = encoded(frames[0], "WEBP", lossless=True, **moving)
    for name in ("animated.png", "animated-after-another.png", "animated.gif", "animated.webp"):
        for share in (0.4, 0.8):
            FILES[f"cut-{share}-{name}"] = FILES[name][:int(len(FILES[name]) * share)]

    gif = encoded(palette, "GIF")
    FILES["plain.gif"] = gif
    FILES["see-through.gif"] = encoded(palette, "GIF", transparency=3)
    FILES["offset.gif"] = gif_with_offset()
    FILES["cut.gif"] = gif[:len(gif) * 2 // 3]
    FILES["no-end.gif"] = gif[:-1]
    FILES["lossy.webp"] = encoded(smooth, "WEBP", quality=90)
    FILES["lossless.webp"] = encoded(plain, "WEBP", lossless=True)
    FILES["rgba.webp"] = encoded(rgba, "WEBP", lossless=True, exact=True)
    FILES["cut.webp"] = FILES["lossy.webp"][:-40]
    FILES["less-1.webp"] = FILES["lossless.webp"][:-1]
    FILES["more.webp"] = FILES["lossless.webp"] + b"junk"
    FILES["plain.bmp"] = encoded(plain, "BMP")
    FILES["palette.bmp"] = encoded(palette, "BMP")
    FILES["two-colours.bmp"] = encoded(plain.convert("1"), "BMP")
    FILES["less-1.bmp"] = FILES["plain.bmp"][:-1]
    for header, alpha in ((40, 0), (40, 128), (108, 0), (108, 128)):
        FILES[f"alpha-{header}-{alpha}.bmp"] = bmp32(header, alpha)
    FILES["three-sizes.ico"] = encoded(smooth, "ICO", sizes=[(16, 16), (48, 48), (32, 32)])
    # 60,000,000 x 1 pixels in 7 kB.
    FILES["wide.png"] = png(60_000_000, 1, 1, 0, [bytes(7_500_000)])


make()
with tempfile.TemporaryDirectory() as folder:
    for name, content in FILES.items():
        (Path(folder) / name).write_bytes(content)
    subprocess.run(["node", HERE / "browser_pixels.mjs", folder], check=True)
    with zipfile.ZipFile(HERE / "browser_images.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for path in sorted(Path(folder).iterdir()):
            out.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
