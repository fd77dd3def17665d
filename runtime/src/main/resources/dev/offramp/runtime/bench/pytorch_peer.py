"""
The network of a model directory in PyTorch, at full depth, for `offramp bench --against pytorch`.

One JSON document a line: requests on stdin, an answer to each on stdout. An answer {"error": TEXT}
means that the request failed; {"leftOut": TEXT} that torch.compile cannot be had for it.

  {"load": DIR, "compile": BOOL, "device": "cuda:0" | "gpu" | "cpu", "name": TEXT,
   "threads": N, "precision": "f32" | "tf32" | "f16"}      -> {"torch", "device", "attention"}
  {"batches": [[[id, ...], ...], ...]}                     -> {"batches": N}, all run once or more
  {"run": I}      -> {"seconds": S}, from token ids on the host to results on the host
  {"runAll": [I, ...]} -> {"seconds": S}, the same for several, with one wait at their end
  {"results": I}  -> {"predictions": [...], "confidences": [...]}, or {"pooled": [[...], ...]},
                     means over the tokens, for a model without exits
  {"ceilings": true} -> what this device does at best: a copy, and large matrix products
"""

import json
import math
import mmap
import os
import statistics
import struct
import sys
import time

import torch
from torch import nn
from torch.nn import functional

TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
HAS_FUSED_ATTENTION = hasattr(functional, "scaled_dot_product_attention")
# torch.compile makes a program for each shape: lengths that differ are rounded up to a multiple.
LENGTH_STEP = 16
COMPILED_WARM_UP = 4  # Compiling, recording the CUDA graph, then replaying it.
CEILING_CALLS = 10
CEILING_SECONDS = 2.0


class LeftOut(Exception):
    """torch.compile is not to be had; the bench goes on without it."""


def read_safetensors(path):
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        kind = TYPES[entry["dtype"]]
        flat = torch.frombuffer(data, dtype=kind, offset=8 + length + begin,
                                count=(end - begin) // torch.empty(0, dtype=kind).element_size())
        tensors[name] = flat.reshape(entry["shape"]).float()
    return tensors


def attend(queries, keys, values, mask):
    """[rows, heads, tokens, size] each; mask bool [rows, 1, 1, tokens] or None."""
    if HAS_FUSED_ATTENTION:
        return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    scores = queries @ keys.transpose(2, 3) * queries.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.softmax(-1) @ values


def linear(weight, bias):
    made = nn.Linear(weight.shape[1], weight.shape[0])
    made.weight, made.bias = nn.Parameter(weight), nn.Parameter(bias)
    return made


def norm(tensors, name, epsilon):
    made = nn.LayerNorm(tensors[name + ".weight"].shape[0], epsilon)
    made.weight = nn.Parameter(tensors[name + ".weight"])
    made.bias = nn.Parameter(tensors[name + ".bias"])
    return made


class Layer(nn.Module):
    """One post-norm transformer layer; queries, keys and values in one product."""

    def __init__(self, tensors, name, sizes):
        super().__init__()
        parts = [f"{name}attention.self.{part}." for part in ("query", "key", "value")]
        self.qkv = linear(torch.cat([tensors[part + "weight"] for part in parts]),
                          torch.cat([tensors[part + "bias"] for part in parts]))

        def named(part):
            return linear(tensors[name + part + ".weight"], tensors[name + part + ".bias"])

        self.heads = sizes["heads"]
        self.attention_output = named("attention.output.dense")
        self.attention_norm = norm(tensors, name + "attention.output.LayerNorm",
                                   sizes["layerNormEpsilon"])
        self.intermediate = named("intermediate.dense")
        self.output = named("output.dense")
        self.output_norm = norm(tensors, name + "output.LayerNorm", sizes["layerNormEpsilon"])
        self.activation = {"gelu": functional.gelu, "relu": functional.relu}[sizes["activation"]]

    def forward(self, x, mask):
        rows, tokens, width = x.shape
        qkv = self.qkv(x).view(rows, tokens, 3, self.heads, width // self.heads)
        queries, keys, values = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        context = attend(queries, keys, values, mask).transpose(1, 2).reshape(rows, tokens, width)
        x = self.attention_norm(x + self.attention_output(context))
        return self.output_norm(x + self.output(self.activation(self.intermediate(x))))


class Network(nn.Module):
    """
    Token ids, int64 [rows, tokens], to predictions and confidences, F32 [rows, 2] in one tensor so
    that one copy brings both to the host; to F32 [rows, width], pooled, where there is no head.
    """

    def __init__(self, directory, dtype):
        super().__init__()
        with open(os.path.join(directory, "config.json"), encoding="utf-8") as file:
            config = json.load(file)
        sizes, exits = config["architecture"], config["exits"]
        tensors = read_safetensors(os.path.join(directory, "model.safetensors"))
        self.words = nn.Parameter(tensors["embeddings.word_embeddings.weight"])
        # Every token is of type 0: its vector goes with the positions'.
        self.positions = nn.Parameter(tensors["embeddings.position_embeddings.weight"]
                                      + tensors["embeddings.token_type_embeddings.weight"][0])
        self.norm = norm(tensors, "embeddings.LayerNorm", sizes["layerNormEpsilon"])
        self.layers = nn.ModuleList(Layer(tensors, f"encoder.layer.{i}.", sizes)
                                    for i in range(sizes["layers"]))
        self.to(dtype)
        self.head = None
        if exits:
            last = f"exits.{len(exits) - 1}."
            self.head = linear(tensors[last + "weight"], tensors[last + "bias"])  # Stays in F32.
        head = exits[-1]["head"] if exits else {"pooling": "mean", "confidence": "top1"}
        self.pooling, self.confidence = head["pooling"], head["confidence"]
        self.requires_grad_(False)

    def forward(self, ids, mask):
        x = self.norm(functional.embedding(ids, self.words) + self.positions[:ids.shape[1]])
        keep = None if mask is None else mask[:, None, None, :]
        for layer in self.layers:
            x = layer(x, keep)
        pooled = self.pool(x.float(), mask)
        if self.head is None:
            return pooled
        probabilities = self.head(pooled).softmax(-1)
        prediction = probabilities.argmax(-1)
        return torch.stack((prediction.float(), self.score(probabilities)), 1)

    def pool(self, x, mask):
        if self.pooling == "first":
            return x[:, 0]
        if self.pooling == "max":
            return (x if mask is None else x.masked_fill(~mask[:, :, None], float("-inf"))).amax(1)
        if mask is None:
            return x.mean(1)
        share = mask.float() / mask.sum(1, keepdim=True)
        return (share[:, None, :] @ x)[:, 0]

    def score(self, probabilities):
        if self.confidence == "top1":
            return probabilities.amax(-1)
        if self.confidence == "margin":
            best = probabilities.topk(2, -1).values
            return best[:, 0] - best[:, 1]
        logs = probabilities.clamp_min(1e-38).log()
        return 1 + (probabilities * logs).sum(-1) / math.log(probabilities.shape[1])


class Peer:
    def __init__(self):
        self.network = self.run_network = self.device = self.precision = None
        self.compiled = False
        self.inputs = []
        self.outputs = {}  # pinned, of the batches of runAll

    def load(self, request):
        torch.set_num_threads(request["threads"])
        self.device = choose_device(request["device"], request["name"])
        self.precision, self.compiled = request["precision"], request["compile"]
        if self.precision == "tf32" and self.device.type != "cuda":
            raise ValueError("TF32 needs a CUDA device; use --precision f32")
        allow_tf32(self.precision == "tf32")
        dtype = torch.float16 if self.precision == "f16" else torch.float32
        self.network = Network(request["load"], dtype).to(self.device).eval()
        cuda = self.device.type == "cuda"
        return {"torch": torch.__version__,
                "device": torch.cuda.get_device_name(self.device) if cuda else "cpu",
                "attention": "scaled_dot_product_attention" if HAS_FUSED_ATTENTION else "explicit"}

    def batches(self, batches):
        self.inputs = []
        self.outputs = {}
        lengths = {max(map(len, batch)) for batch in batches}
        step = LENGTH_STEP if self.compiled and len(lengths) > 1 else 1
        for batch in batches:
            self.inputs.append(self.prepare(batch, step))
        if self.compiled:
            self.compile()
        else:
            self.run_network = self.network
            self.run_shapes(1)
        return {"batches": len(batches)}

    def run_shapes(self, times):
        shapes = {(ids.shape, mask is None): i for i, (ids, mask) in enumerate(self.inputs)}
        for i in shapes.values():
            for _ in range(times):
                self.run(i)

    def prepare(self, batch, step):
        """Ids and mask on the host, pinned where copies to the device gain by it."""
        longest = max(map(len, batch))
        if step > 1:
            limit = self.network.positions.shape[0]
            longest = min(limit, (longest + step - 1) // step * step)
        ids = torch.zeros(len(batch), longest, dtype=torch.int64)
        mask = torch.zeros(len(batch), longest, dtype=torch.bool)
        for row, tokens in enumerate(batch):
            ids[row, :len(tokens)] = torch.tensor(tokens)
            mask[row, :len(tokens)] = True
        if step == 1 and bool(mask.all()):
            mask = None  # Rows of one length: attention without a mask is faster.
        if self.device.type == "cuda":
            return ids.pin_memory(), None if mask is None else mask.pin_memory()
        return ids, mask

    def compile(self):
        if not hasattr(torch, "compile"):
            raise LeftOut(f"PyTorch {torch.__version__} has no torch.compile; install 2.0 or later")
        try:
            torch._dynamo.reset()
            # Beyond its limit of shapes it would go on uncompiled, with no more than a warning.
            for limit in ("recompile_limit", "cache_size_limit"):
                if hasattr(torch._dynamo.config, limit):
                    setattr(torch._dynamo.config, limit, len(self.inputs) + 1)
            mode = "reduce-overhead" if self.device.type == "cuda" else "default"
            self.run_network = torch.compile(self.network, mode=mode, dynamic=False, fullgraph=True)
            self.run_shapes(COMPILED_WARM_UP)
        except Exception as error:
            raise LeftOut("torch.compile failed: " + one_line(error)) from error

    def run(self, index):
        """The result on the host and the seconds it took."""
        ids, mask = self.inputs[index]
        # Compiled programs and tensors of the inference mode do not always go together.
        with torch.no_grad() if self.compiled else torch.inference_mode():
            start = time.perf_counter()
            ids = ids.to(self.device, non_blocking=True)
            mask = None if mask is None else mask.to(self.device, non_blocking=True)
            result = self.run_network(ids, mask)
            if self.network.head is not None:
                result = result.cpu()  # Waits for the device.
            elif self.device.type == "cuda":
                torch.cuda.synchronize(self.device)
            return result, time.perf_counter() - start

    def run_all(self, indices):
        """Seconds for all of them; copies overlap with work where the device is a GPU."""
        if self.device.type != "cuda":
            return sum(self.run(index)[1] for index in indices)
        with torch.no_grad() if self.compiled else torch.inference_mode():
            self.synchronize()
            start = time.perf_counter()
            for index in indices:
                ids, mask = self.inputs[index]
                ids = ids.to(self.device, non_blocking=True)
                mask = None if mask is None else mask.to(self.device, non_blocking=True)
                result = self.run_network(ids, mask)
                if self.network.head is not None:
                    if index not in self.outputs:
                        self.outputs[index] = torch.empty(
                            result.shape, dtype=result.dtype, pin_memory=True)
                    self.outputs[index].copy_(result, non_blocking=True)
            self.synchronize()
            return time.perf_counter() - start

    def results(self, index):
        result = self.run(index)[0].cpu()
        if self.network.head is None:
            return {"pooled": result.tolist()}
        return {"predictions": result[:, 0].int().tolist(), "confidences": result[:, 1].tolist()}

    def ceilings(self):
        cuda = self.device.type == "cuda"
        size = 8192 if cuda else 1024
        count = (2_000_000_000 if cuda else 256_000_000) // 4
        source = torch.ones(count, device=self.device)
        target = torch.empty_like(source)
        seconds = self.median_of(lambda: target.copy_(source))
        measured = {"matrixSize": size, "copyGigabytesPerSecond": 2 * 4 * count / seconds / 1e9}
        del source, target
        for name in ("f32", "tf32", "f16") if cuda else ("f32",):
            allow_tf32(name == "tf32")
            kind = torch.float16 if name == "f16" else torch.float32
            a = torch.randn(size, size, device=self.device).to(kind)
            b = torch.randn(size, size, device=self.device).to(kind)
            seconds = self.median_of(lambda: a @ b)
            measured[name + "Tflops"] = 2 * size ** 3 / seconds / 1e12
        allow_tf32(self.precision == "tf32")
        if cuda:
            torch.cuda.empty_cache()
        return measured

    def median_of(self, work):
        """Median seconds of some calls, each timed on its own, after some that do not count."""
        seconds = []
        with torch.no_grad():
            while len(seconds) < 3 or (
                    len(seconds) < 2 * CEILING_CALLS and sum(seconds) < CEILING_SECONDS):
                self.synchronize()
                start = time.perf_counter()
                work()
                self.synchronize()
                seconds.append(time.perf_counter() - start)
        return statistics.median(seconds[len(seconds) // 2:])

    def synchronize(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def answer(self, request):
        if "load" in request:
            return self.load(request)
        if "batches" in request:
            return self.batches(request["batches"])
        if "run" in request:
            return {"seconds": self.run(request["run"])[1]}
        if "runAll" in request:
            return {"seconds": self.run_all(request["runAll"])}
        if "results" in request:
            return self.results(request["results"])
        if "ceilings" in request:
            return self.ceilings()
        raise ValueError(f"unknown request {list(request)}")


def allow_tf32(allowed):
    torch.set_float32_matmul_precision("high" if allowed else "highest")


def choose_device(wanted, name):
    """A GPU of another interface's numbering is found by its name."""
    if wanted == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    if wanted != "gpu":
        return torch.device(wanted)
    same = [i for i in range(torch.cuda.device_count()) if torch.cuda.get_device_name(i) in name]
    return torch.device("cuda", same[0] if same else 0)


def one_line(error):
    text = f"{type(error).__name__}: {error}".strip()
    return " ".join(text.split())[:400]


def main():
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    peer = Peer()
    for line in sys.stdin:
        try:
            answer = peer.answer(json.loads(line))
        except LeftOut as reason:
            answer = {"leftOut": str(reason)}
        except Exception as error:
            answer = {"error": one_line(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
