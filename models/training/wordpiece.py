"""BERT's uncased WordPiece, read from a Hugging Face tokenizer.json."""

import json
import unicodedata

CJK = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
       (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))
LONGEST_WORD = 100


def is_punctuation(char):
    # BERT counts all of ASCII's symbols as punctuation, such as $ and ^, and Unicode's P* beyond.
    code = ord(char)
    ascii_symbol = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return ascii_symbol or unicodedata.category(char).startswith("P")


def words(text):
    """Lower case, no accents or control characters, split at spaces, punctuation and CJK signs."""
    clean = []
    for char in text:
        if char in "\t\n\r" or char.isspace():
            clean.append(" ")
        elif char in "\0\ufffd" or unicodedata.category(char).startswith("C"):
            continue
        elif any(low <= ord(char) <= high for low, high in CJK):
            clean.append(f" {char} ")
        else:
            clean.append(char)
    bare = (c for c in unicodedata.normalize("NFD", "".join(clean))
            if unicodedata.category(c) != "Mn")
    # Character by character: str.lower() on a whole word treats a final sigma differently.
    lower = "".join(c.lower() for c in bare)
    return "".join(f" {c} " if is_punctuation(c) else c for c in lower).split()


class WordPiece:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.vocabulary = json.load(file)["model"]["vocab"]
        self.unknown, self.start, self.end = (self.vocabulary[t] for t in ("[UNK]", "[CLS]", "[SEP]"))

    def pieces(self, word):
        """Longest known prefix first; the whole word is unknown when a part of it is."""
        ids, begin = [], 0
        while begin < len(word):
            prefix = "##" if begin else ""
            for stop in range(len(word), begin, -1):
                piece = self.vocabulary.get(prefix + word[begin:stop])
                if piece is not None:
                    break
            else:
                return [self.unknown]
            ids.append(piece)
            begin = stop
        return ids

    def encode(self, text, max_tokens):
        ids = []
        for word in words(text):
            ids += self.pieces(word) if len(word) <= LONGEST_WORD else [self.unknown]
            if len(ids) >= max_tokens:
                break
        return [self.start, *ids[: max_tokens - 2], self.end]
