"""A BERT encoder with frozen weights, low-rank trainable deltas and a linear head at each exit."""

import json
import math
import os

import numpy
import torch
from torch.nn.functional import dropout, gelu, layer_norm, linear

import safetensors

LINEAR = ("attention.self.query", "attention.self.key", "attention.self.value",
          "attention.output.dense", "intermediate.dense", "output.dense")
NORMS = ("attention.output.LayerNorm", "output.LayerNorm")


class Encoder:
    """
    Effective weights are base + lora_b · lora_a for the linear maps and base + delta for biases and
    layer norms; rank 0 leaves the backbone frozen. Head i reads the mean over real tokens of the
    hidden states after layer exits[i], standardised by fixed statistics (see standardise), which
    adapter() folds into the head so that the saved head is plainly weight · mean + bias.
    """

    def __init__(self, directory, exits, classes, rank, seed, dropout_rate):
        with open(os.path.join(directory, "config.json")) as file:
            sizes = json.load(file)["architecture"]
        if sizes["activation"] != "gelu":
            raise ValueError(f"{directory}/config.json: activation {sizes['activation']}, need gelu")
        tensors, _ = safetensors.read(os.path.join(directory, "model.safetensors"))
        self.base = {name: torch.from_numpy(array.astype(numpy.float32))
                     for name, array in tensors.items()}
        self.layers, self.heads = sizes["layers"], sizes["heads"]
        self.hidden, self.epsilon = sizes["hiddenSize"], sizes["layerNormEpsilon"]
        self.exits, self.dropout_rate, self.training = exits, dropout_rate, False
        torch.manual_seed(seed)
        self.lora, self.delta = {}, {}
        if rank:
            for layer in range(self.layers):
                for part in LINEAR:
                    self.add_linear(f"encoder.layer.{layer}.{part}", rank)
                for part in NORMS:
                    for kind in ("weight", "bias"):
                        self.add_delta(f"encoder.layer.{layer}.{part}.{kind}")
        self.mean = [torch.zeros(self.hidden) for _ in exits]
        self.deviation = [torch.ones(self.hidden) for _ in exits]
        self.weight = [torch.zeros(classes, self.hidden, requires_grad=True) for _ in exits]
        self.bias = [torch.zeros(classes, requires_grad=True) for _ in exits]

    def add_linear(self, name, rank):
        out_size, in_size = self.base[name + ".weight"].shape
        down = torch.randn(rank, in_size) / math.sqrt(in_size)
        self.lora[name] = (down.requires_grad_(), torch.zeros(out_size, rank, requires_grad=True))
        self.add_delta(name + ".bias")

    def add_delta(self, name):
        self.delta[name] = torch.zeros_like(self.base[name]).requires_grad_()

    def value(self, name):
        return self.base[name] + self.delta[name] if name in self.delta else self.base[name]

    def apply(self, name, x):
        y = linear(x, self.base[name + ".weight"], self.value(name + ".bias"))
        if name in self.lora:
            down, up = self.lora[name]
            y = y + linear(linear(x, down), up)
        return y

    def norm(self, name, x):
        return layer_norm(x, (self.hidden,), self.value(name + ".weight"),
                          self.value(name + ".bias"), self.epsilon)

    def drop(self, x):
        return dropout(x, self.dropout_rate, self.training)

    def pooled(self, ids, mask):
        """ids, mask (rows, tokens) → a list of (rows, hidden), one for each exit."""
        rows, tokens = ids.shape
        x = (self.base["embeddings.word_embeddings.weight"][ids]
             + self.base["embeddings.position_embeddings.weight"][:tokens]
             + self.base["embeddings.token_type_embeddings.weight"][0])
        x = self.drop(self.norm("embeddings.LayerNorm", x))
        hide = (1 - mask)[:, None, None, :] * -1e4
        share = (mask / mask.sum(1, keepdim=True))[:, None, :]
        means = []
        for layer in range(max(self.exits)):
            name = f"encoder.layer.{layer}."

            def split(part):
                y = self.apply(name + "attention.self." + part, x)
                return y.view(rows, tokens, self.heads, -1).transpose(1, 2)

            scores = split("query") @ split("key").transpose(2, 3)
            chances = (scores / math.sqrt(self.hidden // self.heads) + hide).softmax(-1)
            context = (chances @ split("value")).transpose(1, 2).reshape(rows, tokens, -1)
            attended = self.drop(self.apply(name + "attention.output.dense", context))
            x = self.norm(name + "attention.output.LayerNorm", x + attended)
            inner = gelu(self.apply(name + "intermediate.dense", x))
            x = self.norm(name + "output.LayerNorm",
                          x + self.drop(self.apply(name + "output.dense", inner)))
            if layer + 1 in self.exits:
                means.append((share @ x)[:, 0])
        return means

    def logits(self, ids, mask):
        """A list of (rows, classes), one for each exit."""
        return [linear(self.drop((x - m) / d), w, b)
                for x, m, d, w, b in zip(self.pooled(ids, mask), self.mean, self.deviation,
                                         self.weight, self.bias)]

    def standardise(self, batches):
        """Takes the heads' statistics from a sample of batches of (ids, mask)."""
        with torch.no_grad():
            samples = [self.pooled(*batch) for batch in batches]
        for i in range(len(self.exits)):
            features = torch.cat([sample[i] for sample in samples])
            self.mean[i], self.deviation[i] = features.mean(0), features.std(0) + 1e-3

    def parameters(self):
        """(low-rank factors, deltas, heads)"""
        factors = [factor for pair in self.lora.values() for factor in pair]
        return factors, list(self.delta.values()), self.weight + self.bias

    def adapter(self, temperatures):
        """The trained tensors by name: factors and deltas in F16, heads in F32, scaled by exit."""
        tensors = {}
        for name, (down, up) in self.lora.items():
            tensors[name + ".lora_a"] = down.detach().numpy().astype(numpy.float16)
            tensors[name + ".lora_b"] = up.detach().numpy().astype(numpy.float16)
        for name, delta in self.delta.items():
            tensors[name + ".delta"] = delta.detach().numpy().astype(numpy.float16)
        for i, t in enumerate(temperatures):
            weight = self.weight[i].detach() / self.deviation[i] / t
            bias = self.bias[i].detach() / t - weight @ self.mean[i]
            tensors[f"exits.{i}.weight"] = weight.numpy()
            tensors[f"exits.{i}.bias"] = bias.numpy()
        return tensors

    def load(self, tensors):
        """Replaces what is trained by a saved adapter, so that what was saved is what is measured."""
        def tensor(name):
            return torch.from_numpy(tensors[name].astype(numpy.float32))

        self.lora = {n: (tensor(n + ".lora_a"), tensor(n + ".lora_b")) for n in self.lora}
        self.delta = {n: tensor(n + ".delta") for n in self.delta}
        self.weight = [tensor(f"exits.{i}.weight") for i in range(len(self.exits))]
        self.bias = [tensor(f"exits.{i}.bias") for i in range(len(self.exits))]
        self.mean = [torch.zeros(self.hidden) for _ in self.exits]
        self.deviation = [torch.ones(self.hidden) for _ in self.exits]
