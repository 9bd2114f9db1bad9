"""Reads a checkpoint with the Python code of docs/checkpoint.md, and compares it with what Python computes
for such a training run.

    check_checkpoint.py PROGRAM docs/checkpoint.md
"""
import binascii
import itertools
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

NAMES = ["anna", "bob", "cleo", "dora", "José"]


def check(what, condition):
    if not condition:
        sys.exit(f"{what}: differs")
    print(f"{what}: as it should be")


def train(program):
    with open("names", "w", encoding="utf-8") as file:
        file.write("\n".join(NAMES))
    subprocess.run([program, "train", "--data", "names", "--num-steps", "7", "--n-embd", "8",
                    "--n-layer", "2", "--save", "checkpoint", "--log", "log"],
                   check=True, stdout=subprocess.DEVNULL)


def numbers_of(tensors):
    return list(itertools.chain.from_iterable(itertools.chain.from_iterable(tensors)))


def main():
    program = os.path.abspath(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        code = re.search(r"```python\n(.*?)```", file.read(), re.DOTALL).group(1)
    documented = {}
    exec(code, documented)
    os.chdir(tempfile.mkdtemp())
    train(program)
    metadata, tensors = documented["read_checkpoint"]("checkpoint")

    # The same draws, in the order of microgpt.py.
    random.seed(42)
    docs = list(NAMES)
    random.shuffle(docs)
    uchars = sorted(set("".join(docs)))
    check("vocabulary", metadata["vocabulary"] == "".join(uchars))
    text = b"".join(doc.encode() + b"\n" for doc in docs)
    check("data", (metadata["data_crc32"], metadata["data_bytes"], metadata["data_docs"])
          == (f"{binascii.crc32(text):08x}", str(len(text)), str(len(docs))))

    matrices = [name for name in tensors if not name.startswith("adam.")]
    shapes = {"wte": (len(uchars) + 1, 8), "wpe": (16, 8), "lm_head": (len(uchars) + 1, 8)}
    for i in range(2):
        shapes.update({f"layer{i}.attn_w{kind}": (8, 8) for kind in "qkvo"})
        shapes.update({f"layer{i}.mlp_fc1": (32, 8), f"layer{i}.mlp_fc2": (8, 32)})
    check("names and order", list(tensors) == [prefix + name for prefix in
                                               ("", "adam.m.", "adam.v.") for name in shapes])
    check("shapes", all((len(tensors[n]), len(tensors[n][0])) == shapes[n] for n in matrices))

    parameters = numbers_of(tensors[name] for name in matrices)
    crc = binascii.crc32(struct.pack(f"<{len(parameters)}d", *parameters))
    with open("log", encoding="utf-8") as file:
        check("parameters", file.read().split()[-1] == f"{crc:08x}")
    check("moments", min(numbers_of(tensors["adam.v." + name] for name in matrices)) >= 0)

    for _ in parameters:
        random.gauss(0, 0.08)
    words = metadata["rng_state"]
    gauss = metadata["rng_gauss"]
    state = (3, tuple(int(words[i:i + 8], 16) for i in range(0, len(words), 8))
             + (int(metadata["rng_index"]),), float.fromhex(gauss) if gauss else None)
    check("generator", state == random.getstate())

    settings = {"n_layer": "2", "n_embd": "8", "n_head": "4", "block_size": "16", "seed": "42",
                "vocab_size": str(len(uchars) + 1), "step": "7", "num_steps": "7",
                "learning_rate": (0.01).hex(), "beta1": (0.85).hex(), "beta2": (0.99).hex(),
                "eps_adam": (1e-8).hex(), "init_std": (0.08).hex(), "version": "1",
                "format": "microgpt-checkpoint"}
    check("settings", all(metadata[key] == value for key, value in settings.items()))

    with open("checkpoint", "rb") as file:
        content = file.read()
    check("place of the CRC", content[34:42] == metadata["crc32"].encode())
    crc = binascii.crc32(content[:34] + b"00000000" + content[42:])
    check("CRC", metadata["crc32"] == f"{crc:08x}")
    check("size", len(content) == 8 + struct.unpack("<Q", content[:8])[0]
          + 24 * len(parameters))


main()
