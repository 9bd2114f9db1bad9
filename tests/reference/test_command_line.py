"""The program and the reference treat options and files alike, and refuse them with the same message.

    test_command_line.py PROGRAM REFERENCE_FOLDER
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM, REFERENCE = (os.path.abspath(path) for path in sys.argv[1:])
BAD_COUNTS = ["", "x", "+1", "-0", "-1", "-0x", "1_0", " 1", "1.5", str(10**15 + 1), "9" * 50, "\u0663"]
BAD_REALS = ["", "x", "1_0", " 1", "1 ", "1e", "0x", "0x1p", ".", "nan", "inf", "-Infinity", "1e999",
             "0x1p9999", "\u0663", "1,5"]
GOOD_REALS = ["1", ".5", "5.", "+1e-3", "0x1p-3", "0X.8", "1e-400"]
WORDS = [
    ["--bogus"], ["--bogus=5"], ["--num_steps", "5"], ["--temperatur1"], ["--tempreature", "5"], ["-x"],
    ["--seed"], ["--n", "5"], ["--help=5"], ["word"], [""], ["-"], ["--", "word"], ["--seed", "5", "word"],
    ["--see", "x"], ["--step", "x"], ["--samples", "x"], ["--temperature", "-x"], ["--n-embd", "15"],
    ["--n-embd", "6", "--n-head", "4"], ["--n-embd", "0"], ["--n-embd", str(2**20 + 1)], ["--data", ""],
    ["--data", "missing"], ["--data", "folder"], ["--data", "bytes"], ["--data", "blank"],
    ["--data", "zero"], ["--data", "\x1b[31m\u202e\x9b"], ["--seed", "\x1b[31m\u200b\x9b"],
    ["\x1b]0;x\x07"],
]


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "folder").mkdir()
        for name, data in (("names", b"ab\nba\n"), ("bytes", b"ab\n\xff"), ("blank", b"\n \n"),
                           ("zero", b"")):
            (self.folder / name).write_bytes(data)

    def run_words(self, command, words, **options):
        done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=60,
                              cwd=self.folder, stdin=subprocess.DEVNULL, **options)
        return done.returncode, done.stdout, done.stderr

    def run_reference(self, *words, **options):
        return self.run_words([sys.executable, "-B", str(Path(REFERENCE, "microgpt_reference.py"))],
                              words, **options)

    def run_both(self, words, short=("--num-steps", "0", "--num-samples", "0")):
        """Return what both print; the reference gives itself another name."""
        words = [*short, *words]
        theirs = [text.replace("microgpt_reference.py", "microgpt") if isinstance(text, str) else text
                  for text in self.run_reference(*words)]
        return self.run_words([PROGRAM], words), tuple(theirs)

    def assert_alike(self, words, statuses):
        ours, theirs = self.run_both(words)
        self.assertIn(ours[0], statuses, words)
        self.assertEqual(ours, theirs, words)

    def test_numbers(self):
        for count in BAD_COUNTS:
            self.assert_alike(["--num-steps", count], [2])
            self.assert_alike(["--n-layer", count], [2])
        for real in BAD_REALS:
            self.assert_alike(["--temperature", real], [2])
            self.assert_alike(["--beta1", real], [2])
        for real in GOOD_REALS[:-1]:
            self.assert_alike(["--temperature", real], [0])
        self.assert_alike(["--beta1", GOOD_REALS[-1]], [0])
        for name in ("temperature", "learning-rate", "init-std", "eps-adam"):
            for real in ("0", "-1", "-0"):
                self.assert_alike([f"--{name}", real], [2])
        for real in ("1", "-0.1", "2"):
            self.assert_alike(["--beta2", real], [2])

    def test_words(self):
        for words in WORDS:
            self.assert_alike(words, [1, 2])

    def test_their_own_options(self):
        for words, what in (
                (["--stop-after", "9", "--num-steps", "3"],
                 "--stop-after: 9 comes after the last of 3 steps; see --num-steps"),
                (["--nodes-step", "2"], "--nodes-step: needs --nodes FILE as well"),
                (["--nodes", "new", "--nodes-step", "4", "--num-steps", "3"],
                 "--nodes-step: 4 comes after the last of 3 steps; see --num-steps"),
                (["--nodes", "new", "--nodes-step", "2", "--stop-after", "1"],
                 "--nodes-step: 2 comes after the last of 1 steps; see --stop-after")):
            self.assertEqual(self.run_reference(*words), (2, "", f"microgpt_reference.py: {what}\n"))
        watch = [sys.executable, "-B", str(Path(REFERENCE, "watch_microgpt.py"))]
        for words, what in (([], "--source: name your copy of microgpt.py"),
                            (["--source", ""], "--source: needs a PATH, not an empty text"),
                            (["--source", "names", "--losses", "names"],
                             "--losses: names is the program; name another one with --losses")):
            self.assertEqual(self.run_words(watch, words), (2, "", f"watch_microgpt.py: {what}\n"))
        self.assertFalse((self.folder / "new").exists())

    def test_older_names(self):
        self.assert_alike(["--steps", "1", "--samples", "1", "--data", "names"], [0])

    def test_no_output_is_another_file(self):
        data = (self.folder / "names").read_bytes()
        os.link(self.folder / "names", self.folder / "hard")
        os.symlink("hard", self.folder / "soft")
        for name in ("names", "./names", "folder/../names", "hard", "soft"):
            for option in ("--losses", "--digests", "--params", "--nodes"):
                status, _, err = self.run_reference("--data", "names", option, name)
                self.assertEqual((status, err), (2, f"microgpt_reference.py: {option}: {name} is the data "
                                                    f"file; name another one with {option}\n"))
        self.assertEqual((self.folder / "names").read_bytes(), data)
        status, _, err = self.run_reference("--losses", "new", "--digests", "./folder/../new")
        self.assertEqual(status, 2)
        self.assertIn("is the losses", err)
        status, _, err = self.run_reference("--losses", "-", "--digests", "-")
        self.assertEqual(status, 2)
        self.assertFalse((self.folder / "new").exists())
        with open(self.folder / "out", "w") as out:
            done = subprocess.run([sys.executable, "-B", str(Path(REFERENCE, "microgpt_reference.py")),
                                   "--losses", "out"], cwd=self.folder, stdout=out,
                                  stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("is the destination of standard output", done.stderr)

    def test_a_dash_is_a_standard_stream(self):
        words = ["--num-steps", "1", "--num-samples", "1"]
        expected = self.run_reference("--data", "names", "--losses", "losses", *words)
        done = subprocess.run([sys.executable, "-B", str(Path(REFERENCE, "microgpt_reference.py")),
                               "--data", "-", "--losses", "-", *words], cwd=self.folder, timeout=60,
                              input="ab\nba\n", capture_output=True, text=True)
        self.assertEqual(done.stdout, (self.folder / "losses").read_text())
        self.assertEqual(done.stderr, expected[1])
        self.assertFalse((self.folder / "-").exists())

    def test_a_closed_pipe_ends_in_silence(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        done = subprocess.run([sys.executable, "-B", str(Path(REFERENCE, "microgpt_reference.py")),
                               "--num-steps", "0", "--num-samples", "0"], stdout=write_end,
                              stderr=subprocess.PIPE, text=True, timeout=60)
        os.close(write_end)
        self.assertEqual((done.returncode, done.stderr), (141, ""))

    def test_a_full_disk_is_named(self):
        with open("/dev/full", "w") as full:
            done = [subprocess.run([*command, "--num-steps", "0", "--num-samples", "0"], stdout=full,
                                   stderr=subprocess.PIPE, text=True, timeout=60)
                    for command in ([PROGRAM],
                                    [sys.executable, "-B", str(Path(REFERENCE, "microgpt_reference.py"))])]
        self.assertEqual(done[0].stderr, done[1].stderr.replace("microgpt_reference.py", "microgpt"))
        self.assertEqual([x.returncode for x in done], [1, 1])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
