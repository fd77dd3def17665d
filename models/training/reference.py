"""Prints token ids and every exit's logits of some texts as JSON: what the Java side is checked against.

python3 reference.py BACKBONE ADAPTER < texts, one a line
"""

import json
import os
import sys

import torch

import safetensors
from encoder import Encoder
from wordpiece import WordPiece


def main():
    backbone, adapter = sys.argv[1:]
    tensors, facts = safetensors.read(adapter)
    exits = [head["afterLayer"] for head in json.loads(facts["exits"])]
    encoder = Encoder(backbone, exits, len(json.loads(facts["labels"])), int(facts["rank"]), 0, 0)
    encoder.load(tensors)
    tokenizer = WordPiece(os.path.join(backbone, "tokenizer.json"))
    rows = []
    for line in sys.stdin:
        text = line.rstrip("\n")
        ids = tokenizer.encode(text, int(facts["maxTokens"]))
        with torch.no_grad():
            logits = encoder.logits(torch.tensor([ids]), torch.ones(1, len(ids)))
        rows.append({"text": text, "ids": ids,
                     "logits": [[round(x, 5) for x in z[0].tolist()] for z in logits]})
    json.dump(rows, sys.stdout, ensure_ascii=False, indent=1)
    print()


if __name__ == "__main__":
    main()
