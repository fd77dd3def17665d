"""What happens to an image's bytes before the network, as config.json records it."""

import numpy
import torch

# Mean and deviation of CIFAR-10's training images, channel by channel, bytes / 255.
PREPROCESSING = {"resize": 32, "mean": [0.4914, 0.4822, 0.4465], "std": [0.247, 0.2435, 0.2616]}


def normalised(images, preprocessing=PREPROCESSING):
    """Bytes [n, height, width, channels] as floats [n, channels, height, width], channels last."""
    mean, deviation = torch.tensor(preprocessing["mean"]), torch.tensor(preprocessing["std"])
    values = torch.from_numpy(numpy.ascontiguousarray(images)).float() / 255
    return ((values - mean) / deviation).permute(0, 3, 1, 2)
