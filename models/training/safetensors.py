"""The safetensors format: an 8-byte length, a JSON header, the tensors' bytes."""

import json
import os
import struct

import numpy

TYPES = {"F32": numpy.float32, "F16": numpy.float16}


def read(path):
    """Returns (tensors by name, metadata)."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] not in TYPES:
            raise ValueError(f"{path}: {name} is {entry['dtype']}, expected one of {list(TYPES)}")
        begin, end = entry["data_offsets"]
        flat = numpy.frombuffer(data[begin:end], TYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return tensors, metadata


def write(path, tensors, metadata):
    """Writes F16 and F32 arrays; the file appears whole or not at all."""
    names = {numpy.dtype(kind): name for name, kind in TYPES.items()}
    header, offset = {"__metadata__": metadata}, 0
    for name in sorted(tensors):
        array = tensors[name]
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".tmp", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            file.write(numpy.ascontiguousarray(tensors[name]).tobytes())
    os.replace(path + ".tmp", path)
