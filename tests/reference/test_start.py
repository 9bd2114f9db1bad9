#!/usr/bin/env python3
"""The files for authors of ports: the dumps of a release, and the documents with their tokens.

    test_start.py PROGRAM SOURCE_FOLDER BUILD_FOLDER
"""

import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM, SOURCE, BUILD = (str(Path(path).resolve()) for path in sys.argv[1:4])
del sys.argv[1:4]


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=True,
                          **options).stdout


class Start(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="test_start.")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_dumps_of_a_release(self):
        run(sys.executable, Path(SOURCE, "reference", "write_dumps.py"),
            env={**os.environ, "MESON_BUILD_ROOT": BUILD, "MESON_DIST_ROOT": str(self.folder)})
        full, sparse = (self.folder / "reference" / "dumps" / f"step1.{kind}.txt.gz"
                        for kind in ("full", "sparse"))
        self.assertIn("same: data and gradients of 4578 values",
                      run(PROGRAM, "compare", full, sparse))
        text = gzip.decompress(full.read_bytes()).decode()
        self.assertEqual(text.count("\n"), 60476)
        self.assertTrue(text.startswith('# microgpt-nodes 1 {"step": 1, "document": "anaiza", '))

    def check_documents(self, names, seed, *words):
        documents = [name.strip() for name in names if name.strip()]
        random.seed(seed)
        random.shuffle(documents)
        uchars = sorted(set("".join(documents)))
        bos = len(uchars)
        first, *lines = run(PROGRAM, "documents", *words).splitlines()
        about = {"seed": seed if seed < 2**63 else str(seed), "n_documents": len(documents),
                 "vocab_size": bos + 1, "bos": bos}
        self.assertEqual(first, f"# microgpt-documents 1 {json.dumps(about)}")
        self.assertEqual(len(lines), len(documents))
        for i, (line, document) in enumerate(zip(lines, documents)):
            tokens = [bos, *map(uchars.index, document), bos]
            self.assertEqual(line, f"{i + 1}\t{' '.join(map(str, tokens))}\t{json.dumps(document)}")

    def test_documents(self):
        names = Path(SOURCE, "data", "names.txt").read_text().splitlines()
        self.check_documents(names, 42)
        self.check_documents(names, 7, "--seed", "7")

    def test_documents_that_need_quotes(self):
        names = ["Zoë", "李小龍", 'a "b" \\c', "e\tf", "😀😁", "\x7fx"]
        path = self.folder / "names"
        path.write_text("\n".join(names), encoding="utf-8")
        self.check_documents(names, 3, "--seed", "3", "--data", path)
        self.check_documents(names, 2**64 - 1, "--seed", str(2**64 - 1), "--data", path)
        output = self.folder / "order"
        self.assertEqual(run(PROGRAM, "documents", "--data", path, "--output", output), "")
        self.assertEqual(output.read_text(), run(PROGRAM, "documents", "--data", path))


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
