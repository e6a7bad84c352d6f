"""Images and resized pixels by Pillow, for tests/io/{image,preprocess}_test.cpp.

Run: /usr/bin/python3 tests/vectors/make_images.py   (Debian's python3-pil and python3-numpy)
Writes images/* and preprocess.json beside this file. The pixels are those of pattern(), which the tests have too.
"""
import json
import os

import numpy as np
import PIL
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, 'images')


def pattern(height, width, channels):
    i = np.arange(height * width * channels, dtype=np.uint32)
    return ((i * i * 7 + i * 131 + 5) // 8 % 256).astype(np.uint8).reshape(height, width, channels)


def smooth(height, width):
    """What JPEG is made for."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [127 + 100 * np.sin(x / 9 + c) * np.cos(y / 11 - c) for c in range(3)]
    return np.stack(planes, 2).round().astype(np.uint8)


def write_images():
    os.makedirs(FOLDER, exist_ok=True)
    rgb = Image.fromarray(pattern(9, 11, 3))
    grey = Image.fromarray(pattern(9, 11, 1)[:, :, 0])
    alpha = Image.fromarray(255 - pattern(9, 11, 1)[:, :, 0])
    rgba = rgb.copy()
    rgba.putalpha(alpha)
    grey_alpha = grey.copy()
    grey_alpha.putalpha(alpha)
    palette = Image.fromarray(pattern(9, 11, 1)[:, :, 0] % 5).convert('P')
    palette.putpalette(list(range(10, 10 + 15)) + [0] * 753)
    deep = Image.fromarray(pattern(9, 11, 1)[:, :, 0].astype(np.uint16) * 256 + 77)
    for image, name in ((rgb, 'rgb.png'), (grey, 'grey.png'), (rgba, 'rgba.png'), (grey_alpha, 'grey_alpha.png'),
                        (palette, 'palette.png'), (deep, 'grey16.png'), (rgb, 'rgb.bmp'), (rgb, 'rgb.ppm'),
                        (grey, 'grey.pgm')):
        image.save(os.path.join(FOLDER, name))
    curve = Image.fromarray(smooth(33, 47))
    curve.save(os.path.join(FOLDER, 'baseline.jpg'), quality=92, subsampling=0)
    curve.save(os.path.join(FOLDER, 'progressive.jpg'), quality=92, progressive=True)
    curve.convert('L').save(os.path.join(FOLDER, 'grey.jpg'), quality=92)
    decoded = {}
    for name in ('baseline.jpg', 'progressive.jpg', 'grey.jpg'):
        pixels = np.asarray(Image.open(os.path.join(FOLDER, name)))
        decoded[name] = dict(shape=list(pixels.shape), pixels=pixels.ravel().tolist())
    with open(os.path.join(FOLDER, 'jpeg.json'), 'w') as f:
        json.dump(decoded, f, separators=(',', ':'))


def preprocess(image, case):
    """What weir::Preprocess does, in Pillow's words."""
    size, crop = case['resize'], case['crop']
    if size and size != min(image.size):
        shorter = min(image.size)
        image = image.resize([s * size // shorter for s in image.size], Image.Resampling.BILINEAR)
    if crop:
        side = min(crop, *image.size)
        left, top = (image.size[0] - side) // 2, (image.size[1] - side) // 2
        image = image.crop((left, top, left + side, top + side))
    return image.resize((case['out_width'], case['out_height']), Image.Resampling.BILINEAR)


def write_preprocess():
    cases = []
    for height, width, channels, resize, crop, out_height, out_width in (
            (13, 17, 3, 0, 0, 13, 17), (13, 17, 3, 0, 0, 7, 5), (13, 17, 1, 0, 0, 5, 7), (5, 7, 3, 0, 0, 16, 16),
            (1, 1, 3, 0, 0, 4, 3), (100, 9, 3, 0, 0, 8, 8), (9, 100, 1, 0, 0, 8, 8), (13, 17, 3, 0, 0, 13, 6),
            (13, 17, 3, 0, 0, 6, 17), (40, 31, 3, 0, 20, 20, 20), (40, 31, 3, 0, 21, 16, 16), (40, 31, 3, 0, 99, 16, 16),
            (60, 47, 3, 20, 16, 16, 16), (47, 60, 3, 20, 17, 17, 17), (47, 60, 1, 20, 16, 11, 11),
            (20, 33, 3, 20, 16, 16, 16), (11, 14, 3, 20, 16, 16, 16), (61, 53, 3, 20, 0, 16, 16),
            (200, 150, 1, 16, 14, 14, 14)):
        case = dict(height=height, width=width, channels=channels, resize=resize, crop=crop, out_height=out_height,
                    out_width=out_width)
        pixels = pattern(height, width, channels)
        image = Image.fromarray(pixels if channels == 3 else pixels[:, :, 0])
        case['pixels'] = np.asarray(preprocess(image, case)).ravel().tolist()
        cases.append(case)
    with open(os.path.join(HERE, 'preprocess.json'), 'w') as f:
        json.dump(dict(pillow=PIL.__version__, cases=cases), f, separators=(',', ':'))


write_images()
write_preprocess()
