#!/usr/bin/env python3
"""Safetensors files of other programs: their contents, and how this program loads them.

    test_other_programs.py PROGRAM
"""

import json
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = str(Path(sys.argv.pop(1)).resolve())
SIZES = ["--n-embd", "4", "--n-head", "2", "--block-size", "5"]
FORMATS = {"F64": "d", "F32": "f", "BF16": None}


def read(path):
    """Return metadata, and name to (dtype, shape, bytes), of a safetensors file."""
    content = path.read_bytes()
    (n_header,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + n_header])
    metadata = header.pop("__metadata__", {})
    data = content[8 + n_header:]
    return metadata, {name: (x["dtype"], x["shape"], data[slice(*x["data_offsets"])])
                      for name, x in header.items()}


def write(path, metadata, tensors):
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def numbers_of(content):
    return struct.unpack(f"<{len(content) // 8}d", content)


def converted(tensor, dtype):
    """Return a tensor of doubles with its numbers in another type."""
    _, shape, content = tensor
    numbers = numbers_of(content)
    if dtype == "BF16":
        floats = struct.pack(f"<{len(numbers)}f", *numbers)
        return dtype, shape, b"".join(floats[i + 2:i + 4] for i in range(0, len(floats), 4))
    return dtype, shape, struct.pack(f"<{len(numbers)}{FORMATS[dtype]}", *numbers)


def rounded(number, dtype):
    if dtype == "BF16":
        return struct.unpack("<f", b"\0\0" + struct.pack("<f", number)[2:])[0]
    return struct.unpack(f"<{FORMATS[dtype]}", struct.pack(f"<{FORMATS[dtype]}", number))[0]


class OtherPrograms(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="test_other_programs.")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        Path(self.folder, "names").write_text("emma\nada\nbob\n")
        self.run_program("train", "--data", "names", "--num-steps", "9", "--save", "ours",
                         "--log", "log", *SIZES)
        self.metadata, self.tensors = read(self.folder / "ours")
        self.matrices = {name: tensor for name, tensor in self.tensors.items()
                         if not name.startswith("adam.")}

    def run_program(self, *words, status=0):
        done = subprocess.run([PROGRAM, *words], cwd=self.folder, capture_output=True, text=True,
                              timeout=100)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def dump(self, *words):
        """Return the parameters that nodes writes, and the first line."""
        first, *lines = self.run_program("nodes", *words).splitlines()
        n_params = sum(shape[0] * shape[1] for _, shape, _ in self.matrices.values())
        return [float.fromhex(line.split()[1]) for line in lines[:n_params]], first

    def test_types_of_numbers(self):
        for dtype in FORMATS:
            with self.subTest(dtype):
                metadata = {"vocabulary": self.metadata["vocabulary"]}
                write(self.folder / "theirs", metadata,
                      {name: converted(x, dtype) for name, x in reversed(self.matrices.items())})
                expected = [rounded(number, dtype) for _, _, content in self.matrices.values()
                            for number in numbers_of(content)]
                found, first = self.dump("--load", "theirs", "--n-head", "2", "--text", "emma")
                self.assertEqual(found, expected)
                self.assertEqual(first, '# microgpt-nodes 1 {"document": "emma", "n_layer": 1, '
                                 '"n_embd": 4, "n_head": 2, "block_size": 5, "vocab_size": 7}')
                self.run_program("sample", "--load", "theirs", "--n-head", "2")
                self.run_program("train", "--resume", "theirs", status=1)

    def test_types_may_be_mixed(self):
        mixed = {name: converted(x, ("F64", "F32", "BF16")[i % 3])
                 for i, (name, x) in enumerate(self.matrices.items())}
        write(self.folder / "theirs", {"vocabulary": self.metadata["vocabulary"]}, mixed)
        expected = [rounded(number, mixed[name][0]) for name, (_, _, content)
                    in self.matrices.items() for number in numbers_of(content)]
        self.assertEqual(self.dump("--load", "theirs", "--n-head", "2", "--text", "a")[0], expected)

    def test_types_that_are_not_read(self):
        self.matrices["wpe"] = ("F16", *self.matrices["wpe"][1:])
        write(self.folder / "theirs", {"vocabulary": self.metadata["vocabulary"]}, self.matrices)
        self.assertIn("theirs: its tensor wpe is not of dtype F64, F32 or BF16",
                      self.run_program("nodes", "--load", "theirs", "--n-head", "2", "--text", "a",
                                       status=1))

    def test_a_file_that_was_cut_off(self):
        write(self.folder / "theirs", {"vocabulary": self.metadata["vocabulary"]},
              {name: converted(x, "F32") for name, x in self.matrices.items()})
        path = self.folder / "theirs"
        path.write_bytes(path.read_bytes()[:-4])
        self.assertIn("is truncated", self.run_program("sample", "--load", "theirs", "--n-head", "2",
                                                      status=1))

    def test_our_model_in_a_dump(self):
        self.run_program("train", "--data", "names", "--num-steps", "0", "--save", "start", *SIZES)
        loaded = self.run_program("nodes", "--load", "start", "--data", "names", "--step", "2")
        expected = self.run_program("nodes", "--data", "names", "--text", "emma", *SIZES)
        self.assertTrue(self.run_program("nodes", "--load", "start", "--text", "emma") == expected)
        self.assertIn('{"step": 2, "document": "emma", "seed": 42, "n_documents": 3, ',
                      loaded.splitlines()[0])
        expected = self.run_program("nodes", "--data", "names", "--step", "1", *SIZES)
        loaded = self.run_program("nodes", "--load", "start", "--data", "names", "--step", "1")
        self.assertTrue(loaded.splitlines()[1:] == expected.splitlines()[1:])

    def test_a_checkpoint_that_was_saved_again(self):
        ours = self.run_program("sample", "--load", "ours")
        in_alphabet = dict(sorted(self.tensors.items()))
        for metadata in (self.metadata, dict(sorted(self.metadata.items(), reverse=True))):
            write(self.folder / "again", metadata, in_alphabet)
            self.assertEqual(self.run_program("sample", "--load", "again"), ours)
            self.run_program("train", "--resume", "again", "--data", "names", "--save", "once_more")
            self.assertEqual((self.folder / "once_more").read_bytes(),
                             (self.folder / "ours").read_bytes())

    def test_damage_is_not_taken_for_another_program(self):
        write(self.folder / "again", dict(sorted(self.metadata.items(), reverse=True)), self.tensors)
        self.assertIn("its metadata must begin with crc32",
                      self.run_program("sample", "--load", "again", status=1))
        write(self.folder / "again", self.metadata, self.tensors)
        self.run_program("sample", "--load", "again")
        content = bytearray((self.folder / "again").read_bytes())
        content[-1] ^= 1
        (self.folder / "again").write_bytes(content)
        self.assertIn("is damaged", self.run_program("sample", "--load", "again", status=1))
        incomplete = dict(sorted(self.tensors.items()))
        del incomplete["adam.v.wte"]
        write(self.folder / "again", self.metadata, incomplete)
        self.assertIn("has 26 tensors; a model of its sizes has 27",
                      self.run_program("sample", "--load", "again", status=1))


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
