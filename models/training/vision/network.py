"""The multi-exit network in training form: convolutions with batch norm, a head after each block."""

import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, relu

# Offramp's `resnet` family; widths that 2 MB of F16 hold, half the blocks where maps are large.
ARCHITECTURE = {
    "image": {"height": 32, "width": 32, "channels": 3},
    "stem": {"channels": 16, "kernel": 3, "stride": 1, "maxPool": False},
    "block": "basic",
    "groups": [
        {"blocks": 2, "channels": 32, "inner": 32, "stride": 2},
        {"blocks": 2, "channels": 64, "inner": 64, "stride": 2},
        {"blocks": 3, "channels": 128, "inner": 128, "stride": 2},
    ],
    "cardinality": 1,
    "shortcut": "projection",
}
# Cells a side that the heads of a group pool to: early maps say more by where than by what.
GRIDS = [4, 4, 2]


def layers():
    """Returns (channels in, channels out, stride, grid) of each block."""
    result, width = [], ARCHITECTURE["stem"]["channels"]
    for group, grid in zip(ARCHITECTURE["groups"], GRIDS):
        for block in range(group["blocks"]):
            result.append((width, group["channels"], group["stride"] if block == 0 else 1, grid))
            width = group["channels"]
    return result


def exits():
    """Returns the exits as Offramp's config.json has them."""
    head = {"type": "linear", "pooling": "mean", "confidence": "top1"}
    return [{"afterLayer": layer, "head": {**head, "grid": grid}}
            for layer, (_, _, _, grid) in enumerate(layers(), 1)]


def features(maps, grid):
    """Mean over grid x grid cells as [images, cellRow x cellColumn x channel]."""
    return adaptive_avg_pool2d(maps, grid).permute(0, 2, 3, 1).flatten(1)


class Convolution(nn.Module):
    """A convolution without bias and its batch norm."""

    def __init__(self, width_in, width_out, kernel, stride):
        super().__init__()
        self.conv = nn.Conv2d(width_in, width_out, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(width_out)

    def forward(self, x):
        return self.norm(self.conv(x))

    def folded(self):
        """Returns (weight, bias) of the one convolution that does the same at inference."""
        norm = self.norm
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        return self.conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, width_in, width_out, stride):
        super().__init__()
        self.conv1 = Convolution(width_in, width_out, 3, stride)
        self.conv2 = Convolution(width_out, width_out, 3, 1)
        same = stride == 1 and width_in == width_out
        self.shortcut = None if same else Convolution(width_in, width_out, 1, stride)

    def forward(self, x):
        beside = x if self.shortcut is None else self.shortcut(x)
        return relu(self.conv2(relu(self.conv1(x))) + beside)


class Network(nn.Module):
    """Logits of every exit for normalised images."""

    def __init__(self, labels):
        super().__init__()
        stem, image = ARCHITECTURE["stem"], ARCHITECTURE["image"]
        self.stem = Convolution(image["channels"], stem["channels"], stem["kernel"], stem["stride"])
        shapes = layers()
        self.blocks = nn.ModuleList(Block(*shape[:3]) for shape in shapes)
        self.grids = [grid for _, _, _, grid in shapes]
        self.heads = nn.ModuleList(
            nn.Linear(grid * grid * width, labels) for _, width, _, grid in shapes)

    def forward(self, images):
        x, logits = relu(self.stem(images)), []
        for block, head, grid in zip(self.blocks, self.heads, self.grids):
            x = block(x)
            logits.append(head(features(x, grid)).float())
        return logits
