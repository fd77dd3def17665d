"""Trains a BERT encoder's low-rank deltas together with an exit head after each named layer.

Every exit learns the labels, and every exit but the last also learns the last one's distribution:
an exit that agrees with the full model may be taken without changing the answer. The result is an
adapter that Offramp merges into the backbone it was trained on. README.md has the commands used.
"""

import argparse
import csv
import gzip
import json
import math
import os
import sys
import time

import numpy
import torch
from torch.nn.functional import cross_entropy, kl_div

import certify
import safetensors
from encoder import Encoder
from wordpiece import WordPiece


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="Offramp model directory of the backbone")
    parser.add_argument("--train", required=True, help="TSV with header: label, text; .gz is fine")
    parser.add_argument("--validation", help="TSV; without it, --held-out of the training rows")
    parser.add_argument("--held-out", type=float, default=0.1, help="share (default %(default)s)")
    parser.add_argument("--calibration", help="TSV for thresholds; needs --test")
    parser.add_argument("--test", help="TSV, measured once at the end; split in two halves where "
                        "--calibration is missing, the first to calibrate on")
    parser.add_argument("--label-column", default="label", help="default %(default)s")
    parser.add_argument("--exits", default="1,2,3,4,5,6", help="layers (default %(default)s)")
    parser.add_argument("--rank", type=int, default=32, help="0 trains heads only")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-tokens", type=int, default=48)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3, help="of the factors (default 1e-3)")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--distill", type=float, default=1.0, help="weight of self-distillation")
    parser.add_argument("--smoothing", type=float, default=0.05, help="of the labels")
    parser.add_argument("--limit", type=int, help="train on this many rows only: a quick check")
    parser.add_argument("--name", default="adapter")
    parser.add_argument("--backbone", default="", help="Maven artifact g:a:v, kept in the metadata")
    parser.add_argument("--out", required=True, help="safetensors file")
    return parser.parse_args()


class Rows:
    """Token ids and class numbers of a TSV's rows."""

    def __init__(self, texts, names, tokenizer, max_tokens):
        self.ids = [tokenizer.encode(text, max_tokens) for text in texts]
        self.names = names

    def select(self, chosen):
        part = object.__new__(Rows)
        part.ids = [self.ids[i] for i in chosen]
        part.names = [self.names[i] for i in chosen]
        return part

    def batch(self, chosen):
        longest = max(len(self.ids[i]) for i in chosen)
        ids = torch.zeros(len(chosen), longest, dtype=torch.long)
        mask = torch.zeros(len(chosen), longest)
        for row, i in enumerate(chosen):
            ids[row, : len(self.ids[i])] = torch.tensor(self.ids[i])
            mask[row, : len(self.ids[i])] = 1
        return ids, mask

    def by_length(self, order, size):
        """Batches of rows of about one length, where order is the order to keep otherwise."""
        chunks = (order[i: i + 20 * size] for i in range(0, len(order), 20 * size))
        near = [i for chunk in chunks for i in sorted(chunk, key=lambda i: len(self.ids[i]))]
        return [near[i: i + size] for i in range(0, len(near), size)]


def read(path, column, tokenizer, max_tokens):
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for name in (column, "text"):
        if not rows or name not in rows[0]:
            sys.exit(f"{path}: no rows with a column '{name}'")
    return Rows([row["text"] for row in rows], [row[column] for row in rows], tokenizer, max_tokens)


def targets(rows, labels):
    unknown = set(rows.names) - set(labels)
    if unknown:
        sys.exit(f"label not among the training labels: {sorted(unknown)[0]}")
    return torch.tensor([labels.index(name) for name in rows.names])


def predict(encoder, rows, exits):
    """Logits (exits, rows, classes)."""
    encoder.training = False
    out = None
    with torch.no_grad():
        for chosen in rows.by_length(range(len(rows.ids)), 64):
            logits = torch.stack(encoder.logits(*rows.batch(chosen)))
            if out is None:
                out = torch.zeros(len(exits), len(rows.ids), logits.shape[2])
            out[:, chosen] = logits
    return out


def loss_of(logits, expected, settings):
    """
    Label loss at every exit, weighted by its place, plus the divergence of each early exit from the
    last one, whose distribution is a fixed target here: it should not learn to be imitable.
    """
    count = len(logits)
    weights = numpy.arange(1, count + 1) / (count * (count + 1) / 2)
    label_loss = sum(weight * cross_entropy(z, expected, label_smoothing=settings.smoothing)
                     for weight, z in zip(weights, logits))
    teacher = logits[-1].detach().softmax(1)
    imitation = sum(kl_div(z.log_softmax(1), teacher, reduction="batchmean") for z in logits[:-1])
    return label_loss + settings.distill * imitation / max(1, count - 1)


def fit_temperatures(logits):
    """Per exit, the temperature under which it predicts the last exit's answer best."""
    answer = logits[-1].argmax(1)
    grid = numpy.exp(numpy.linspace(math.log(0.25), math.log(4), 113))
    return [float(min(grid, key=lambda t: cross_entropy(z / t, answer).item()))
            for z in logits[:-1]] + [1.0]


def summary(probabilities, expected):
    predicted = probabilities.argmax(2)
    accuracy = (predicted == expected.numpy()).mean(1)
    agreement = (predicted == predicted[-1]).mean(1)
    return f"accuracy {numpy.round(accuracy, 3)} agreement {numpy.round(agreement, 3)}"


def certified(calibration, test, expected, exits):
    """One line for each epsilon."""
    lines = []
    for epsilon in (0.01, 0.02, 0.05, 0.1):
        threshold, depth, risk, taken = certify.certify(calibration, test, exits, epsilon)
        right = test.argmax(2)[taken, numpy.arange(len(taken))] == expected.numpy()
        share = numpy.bincount(taken, minlength=len(exits)) / len(taken)
        lines.append(f"  epsilon {epsilon:.2f} delta 0.10: lambda {threshold:.3f} depth {depth:.2f} of "
                     f"{exits[-1]} risk {risk:.4f} accuracy {right.mean():.3f} exits {numpy.round(share, 3)}")
    return "\n".join(lines)


def halves(probabilities):
    middle = probabilities.shape[1] // 2
    return probabilities[:, :middle], probabilities[:, middle:]


def train(encoder, rows, labels, validation, exits, settings):
    """Returns the last epoch's mean loss."""
    expected, validation_expected = targets(rows, labels), targets(validation, labels)
    factors, deltas, heads = encoder.parameters()
    optimizer = torch.optim.AdamW(
        [{"params": factors, "lr": settings.rate, "weight_decay": 0.01},
         {"params": deltas, "lr": settings.rate, "weight_decay": 0.0},
         {"params": heads, "lr": 2e-3, "weight_decay": 0.01}])
    everything = factors + deltas + heads
    steps = settings.epochs * math.ceil(len(rows.ids) / settings.batch)
    warm_up = max(1, steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm_up, max(0.0, 1 - step / steps)))
    began, mean = time.time(), 0.0
    for epoch in range(settings.epochs):
        random = numpy.random.RandomState(settings.seed * 1000 + epoch)
        batches = rows.by_length(random.permutation(len(rows.ids)).tolist(), settings.batch)
        random.shuffle(batches)
        mean = 0.0
        for number, chosen in enumerate(batches):
            encoder.training = True
            loss = loss_of(encoder.logits(*rows.batch(chosen)), expected[chosen], settings)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(everything, 1.0)
            optimizer.step()
            schedule.step()
            mean += loss.item() / len(batches)
            if number % 50 == 0:
                print(f"\r{number}/{len(batches)} loss {loss.item():.3f}", end="", file=sys.stderr)
        logits = predict(encoder, validation, exits)
        scaled = torch.stack([z / t for z, t in zip(logits, fit_temperatures(logits))])
        probabilities = scaled.softmax(2).numpy()
        print(f"epoch {epoch + 1} {time.time() - began:.0f} s loss {mean:.4f} validation",
              summary(probabilities, validation_expected))
        first, second = halves(probabilities)
        print(certified(first, second, validation_expected[first.shape[1]:], exits), flush=True)
    return mean


def measure(encoder, settings, labels, exits, tokenizer):
    """What the saved adapter does on rows that took no part in training."""
    test = read(settings.test, settings.label_column, tokenizer, settings.max_tokens)
    expected = targets(test, labels)
    probabilities = predict(encoder, test, exits).softmax(2).numpy()
    print(f"test {len(test.ids)} rows", summary(probabilities, expected))
    if settings.calibration:
        rows = read(settings.calibration, settings.label_column, tokenizer, settings.max_tokens)
        calibration = predict(encoder, rows, exits).softmax(2).numpy()
    else:
        order = numpy.random.RandomState(settings.seed).permutation(len(test.ids))
        calibration, probabilities = halves(probabilities[:, order])
        expected = expected[order][calibration.shape[1]:]
    print(f"certified on {calibration.shape[1]}, measured on {probabilities.shape[1]} rows")
    print(certified(calibration, probabilities, expected, exits), flush=True)


def main():
    settings = arguments()
    torch.manual_seed(settings.seed)
    print(json.dumps(vars(settings)), flush=True)
    exits = [int(layer) for layer in settings.exits.split(",")]
    tokenizer = WordPiece(os.path.join(settings.model, "tokenizer.json"))
    rows = read(settings.train, settings.label_column, tokenizer, settings.max_tokens)
    order = numpy.random.RandomState(settings.seed).permutation(len(rows.ids)).tolist()
    if settings.validation:
        validation = read(settings.validation, settings.label_column, tokenizer, settings.max_tokens)
    else:
        kept_back = int(len(order) * settings.held_out)
        validation, order = rows.select(order[:kept_back]), order[kept_back:]
    labels = sorted(set(rows.names))
    rows = rows.select(order[: settings.limit])
    print(f"{len(rows.ids)} rows, {len(labels)} labels, {len(validation.ids)} to validate, "
          f"mean tokens {numpy.mean([len(ids) for ids in rows.ids]):.1f}", flush=True)

    encoder = Encoder(settings.model, exits, len(labels), settings.rank, settings.seed,
                      settings.dropout)
    encoder.standardise([rows.batch(range(i, i + 64)) for i in range(0, min(1024, len(rows.ids) - 63), 64)])
    loss = train(encoder, rows, labels, validation, exits, settings)
    temperatures = fit_temperatures(predict(encoder, validation, exits))
    print("temperatures", numpy.round(temperatures, 3))
    tensors = encoder.adapter(temperatures)
    heads = [{"afterLayer": layer, "head": {"type": "linear", "pooling": "mean", "confidence": "top1"}}
             for layer in exits]
    facts = {"exits": json.dumps(heads), "labels": json.dumps(labels), "name": settings.name,
             "backbone": settings.backbone, "maxTokens": str(settings.max_tokens),
             "rank": str(settings.rank), "epochs": str(settings.epochs),
             "seed": str(settings.seed), "loss": f"{loss:.4f}"}
    safetensors.write(settings.out, tensors, facts)
    print(f"{settings.out}: {os.path.getsize(settings.out)} bytes", flush=True)
    encoder.load(safetensors.read(settings.out)[0])
    if settings.test:
        measure(encoder, settings, labels, exits, tokenizer)


if __name__ == "__main__":
    main()
