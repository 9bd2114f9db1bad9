#!/usr/bin/env python3
"""Checks the commands that documents show outside of ```console blocks, which test_docs.py runs.

    test_shown.py SOURCE_FOLDER BUILD_FOLDER PROGRAM

Indented blocks that begin with a command are run, one line after the other, in an empty folder with links
to the project's folders, including `build` and `build-release`; each must end with status 0. A command that
cannot be run here is looked up instead, for the reason in NOT_RUN. Commands in the text, such as `microgpt
inspect`, are also looked up: the command, its options, the files, the targets, suites and tests of a build.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True  # not into the source folder

import markdown_text as md
from test_markdown import find_documents

TIMEOUT = 300  # seconds, for one command
PROJECT_FOLDERS = (".ci", "data", "docs", "include", "reference", "src", "tests")

# The first words of shown commands; a command may also begin with a relative path, such as ./ or .ci/.
PROGRAMS = re.compile(r"^(\S*/)?microgpt$")
PATHS = re.compile(r"^\.\w*/")
FIRST_WORDS = {"meson", "python3", "gdb", "export"}
# Other commands that may be used with them, and are harmless.
SHELL_WORDS = {"cat", "cmp", "cut", "diff", "echo", "grep", "head", "ls", "mkdir", "sed", "sort", "tail", "wc"}

# The commands that are not run here, and why; they are looked up instead.
NOT_RUN = [
    (r"^(sudo )?(\w+=\S+ )*meson\b", "sets up, builds or tests a whole build, which takes minutes"),
    (r"^(sudo )?\.ci/", "installs packages, or builds three times"),
    (r"^gdb\b", "waits for input; the lines below it are passed to gdb -batch instead"),
    (r"^export\b", "the PATH is set already"),
    (r"^cc\b", "the library is not installed; test_installed.py runs these lines in an installed tree"),
    (r"^parallel\b", "trains a hundred times; the test many_runs does it eight times"),
    (r"\bbench_python\.py\b", "needs Karpathy's file, and a minute"),
    (r"\bgraph --dump (before|after)\.txt", "reads what a script of the page writes; test_drawings.py runs it"),
    (r"\bbench --sizes$", "takes five minutes in a debug build; test_drawings.py runs it with one document"),
]

# The command that needs Karpathy's file, which is not part of the project, and the one that runs in its
# place: the reference, which writes the same files.
STAND_IN = (r"\bwatch_microgpt\.py --source \S+", "microgpt_reference.py")

# Meson's own options that may be given to `meson setup` without being among a build's options.
SETUP_FLAGS = {"--werror", "--wipe", "--reconfigure"}


class Wrong(Exception):
    """The reason why a command is wrong."""


class Build:
    """What Meson knows about the build: targets, tests, suites, options."""

    def __init__(self, source, folder):
        info = folder / "meson-info"
        tests, benchmarks, targets, options = (
            json.loads((info / f"intro-{name}.json").read_text(encoding="utf-8"))
            for name in ("tests", "benchmarks", "targets", "buildoptions"))
        self.tests = {test["name"] for test in tests}
        self.benchmarks = {test["name"] for test in benchmarks}
        self.suites = {suite.partition(":")[2] for test in tests for suite in test["suite"]}
        self.targets = {target["name"] for target in targets}
        self.options = {option["name"]: option for option in options}
        text = (source / "meson.build").read_text(encoding="utf-8")
        self.setups = set(re.findall(r"^add_test_setup\('(\w+)'", text, re.MULTILINE))
        fuzzers = (source / "tests" / "fuzz" / "meson.build").read_text(encoding="utf-8")
        self.suites |= set(re.findall(r"suite: '(\w+)'", fuzzers))  # only with -Dfuzz=true

    def is_debug(self):
        return self.options["buildtype"]["value"] == "debug"


class Checker:
    def __init__(self, source, build_folder, program):
        self.source = source
        self.program = program
        self.build = Build(source, build_folder)
        self.helps = {}
        self.mistakes = []
        self.has_run = set()  # commands that leave no files behind, so that one run is enough
        self.n_run = 0
        self.n_looked_up = 0

    # ---- looking up ----

    def look_up(self, words):
        """Raise Wrong unless the command with these words could be run."""
        while words and re.match(r"^\w+=", words[0]):
            words = words[1:]
        name = words[0]
        if PROGRAMS.match(name):
            self.look_up_microgpt(words[1:])
        elif name == "meson":
            self.look_up_meson(words[1:])
        elif name == "python3":
            self.look_up_python(words[1:])
        elif name == "gdb":
            self.look_up_files(words[1:])
        elif name == "sudo":
            self.look_up(words[1:])
            return
        elif name == "cc":
            self.look_up_files(word for word in words if word.endswith(".c"))
        elif name == "parallel":
            self.look_up_jobs(words[1:])
        elif PATHS.match(name):
            self.look_up_script(name)
        elif name != "export" and name not in SHELL_WORDS:
            raise Wrong(f"{name} is not known to tests/docs/test_shown.py, which has to say what to do")
        self.n_looked_up += 1

    def look_up_jobs(self, words):
        """The command that GNU parallel runs for each job is the word with blanks in it."""
        for word in words:
            for job in word.split(";") if " " in word else ():
                self.look_up(shlex.split(job.partition(">")[0]))

    def help_of(self, command):
        key = " ".join(command)
        if key not in self.helps:
            done = subprocess.run([*command, "--help"], stdout=subprocess.PIPE, timeout=TIMEOUT,
                                  stderr=subprocess.STDOUT, cwd=self.source,
                                  env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
            text = done.stdout.decode(errors="replace")
            if done.returncode != 0:
                raise Wrong(text.strip())
            self.helps[key] = set(re.findall(r"(?<!\S)--[a-z0-9-]+", text))
        return self.helps[key]

    def look_up_options(self, command, words):
        for word in words:
            option = word.partition("=")[0]
            if option.startswith("--") and option not in self.help_of(command):
                raise Wrong(f"{' '.join(command[1:]) or 'microgpt'} has no {option}")

    def look_up_microgpt(self, words):
        has_name = words and not words[0].startswith("-")
        command = [str(self.program), words[0] if has_name else "run"]
        self.look_up_options(command, ["--help", *words])

    def look_up_python(self, words):
        script = words[0]
        if script == "-c":
            return
        if not (self.source / script).is_file():
            raise Wrong(f"there is no {script}")
        text = (self.source / script).read_text(encoding="utf-8")
        if "argparse" in text or "recording" in text:
            self.look_up_options([sys.executable, script], words[1:])
        else:
            compile(text, script, "exec")

    def look_up_files(self, words):
        for word in words:
            if "/" in word and not word.startswith("build") and not any(self.source.glob(word)):
                raise Wrong(f"there is no {word}")

    def look_up_script(self, name):
        if not os.access(self.source / name, os.X_OK):
            raise Wrong(f"{name} is not there, or not executable")
        first_line = (self.source / name).read_text(encoding="utf-8").splitlines()[0]
        shell = "bash" if "bash" in first_line else "sh"
        if subprocess.run([shell, "-n", name], cwd=self.source).returncode != 0:
            raise Wrong(f"{name} is no script of {shell}")

    def look_up_meson(self, words):
        command, *words = words
        if command == "setup":
            self.look_up_setup(words)
        elif command == "compile":
            known = {"-C": None, "-j": None}
            for target in self.arguments(words, known):
                if target not in self.build.targets:
                    raise Wrong(f"meson compile: there is no target {target}")
        elif command == "test":
            self.look_up_test(words)
        elif command != "install":
            raise Wrong(f"meson {command}: not known to this test")

    def arguments(self, words, known, flags=()):
        """Return the plain arguments. known[option] has the values that it can have, or None."""
        plain = []
        words = list(words)
        while words:
            word = words.pop(0)
            option, has_value, value = word.partition("=")
            if option in flags:
                continue
            if option in known:
                value = value if has_value else words.pop(0)
                if known[option] is not None and value not in known[option] and value != "NAME":
                    raise Wrong(f"{option} {value}: there is no such name")
            elif word.startswith("-"):
                raise Wrong(f"{word}: not known to this test")
            else:
                plain.append(word)
        return plain

    def look_up_test(self, words):
        flags = {"--benchmark", "--print-errorlogs", "--list"}
        known = {"-C": None, "--suite": self.build.suites, "--setup": self.build.setups}
        all_names = self.build.benchmarks if "--benchmark" in words else self.build.tests
        for name in self.arguments(words, known, flags):
            if name not in all_names and name != "NAME":
                raise Wrong(f"meson test: there is no test {name}")

    def look_up_setup(self, words):
        for word in words:
            name, has_value, value = re.sub(r"^(-D|--(?!werror))", "", word).partition("=")
            if not word.startswith("-") or word in SETUP_FLAGS:
                continue
            option = self.build.options.get(name)
            if not has_value or option is None:
                raise Wrong(f"meson setup: there is no option {word}")
            if option["type"] == "combo" and value not in option["choices"]:
                raise Wrong(f"meson setup: {name} cannot be {value}")
            if option["type"] == "boolean" and value not in ("true", "false"):
                raise Wrong(f"meson setup: {name} is true or false")

    # ---- running ----

    def check_document(self, path):
        blocks = md.read_blocks(path.read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory(prefix="test_shown.") as folder:
            self.make_links(Path(folder))
            for block in blocks:
                if block.kind == "code" and self.shows_commands(block):
                    self.check_block(path, block, folder)
                elif block.kind in ("text", "table"):
                    self.check_text(path, block)

    def make_links(self, folder):
        for name in PROJECT_FOLDERS:
            os.symlink(self.source / name, folder / name)
        for name in ("build", "build-release"):
            os.symlink(self.program.parent, folder / name)
        os.mkdir(folder / "bin")
        os.symlink(self.program, folder / "bin" / "microgpt")

    @staticmethod
    def is_command(line):
        """Whether a line begins with a command, after VARIABLE=value."""
        words = line.split()
        while words and re.match(r"^[A-Z_]+=", words[0]):
            words = words[1:]
        return bool(words) and (words[0] in FIRST_WORDS or
                                bool(PROGRAMS.match(words[0]) or PATHS.match(words[0])))

    def shows_commands(self, block):
        if block.info in ("sh", "bash", "shell"):
            return True
        if block.info or not block.lines:
            return False
        words = block.lines[0].split()
        return self.is_command(block.lines[0]) or bool(words and shutil.which(words[0]))

    def check_block(self, path, block, folder):
        text = re.sub(r"\\\n\s*", "", "\n".join(block.lines))
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        i = 0
        while i < len(lines):
            is_stopped = i + 1 < len(lines) and lines[i + 1] == "^C"
            typed = lines[i + 1:] if lines[i].startswith("gdb ") else []
            try:
                for command in lines[i].split(" && "):
                    self.check_command(command.strip(), folder, is_stopped, typed)
            except Wrong as wrong:
                self.mistakes.append(f"{path.relative_to(self.source)}:{block.line}: "
                                     f"{lines[i]}: {wrong}")
            i += 1 + len(typed) + is_stopped

    def check_command(self, command, folder, is_stopped, typed):
        self.look_up(shlex.split(command, comments=True))
        if typed:
            self.run_gdb(command, typed, folder)
        if any(re.search(pattern, command) for pattern, _ in NOT_RUN):
            return
        if re.search(r"--format (svg|png)", command) and shutil.which("dot") is None:
            print(f"not run, there is no graphviz: {command}")
            return
        if command in self.has_run:
            return
        self.run(re.sub(*STAND_IN, command), folder, is_stopped)
        if re.search(r" (bench|crosscheck)\b", command):
            self.has_run.add(command)

    def run(self, command, folder, is_stopped):
        """Run the command as shown; if it is to be stopped, send the signal of Ctrl-C."""
        environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "LC_ALL": "C",
                       "PYTHONPATH": "reference", "PYTHONDONTWRITEBYTECODE": "1"}
        prefix = "exec " if is_stopped else ""
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(["sh", "-c", prefix + command], cwd=folder, stdout=output,
                                       stderr=subprocess.STDOUT, env=environment)
            try:
                if is_stopped:
                    self.wait_for_steps(process, output)
                    process.send_signal(signal.SIGINT)
                status = process.wait(timeout=TIMEOUT)
            finally:
                process.kill()
            output.seek(0)
            printed = output.read().decode(errors="replace")
        self.n_run += 1
        if status != 0 and not (is_stopped and status == 130):
            raise Wrong(f"ends with {status}:\n{printed[-2000:]}")

    @staticmethod
    def wait_for_steps(process, output):
        """Send Ctrl-C only after the training has begun."""
        while process.poll() is None and b"step" not in os.pread(output.fileno(), 4096, 0):
            time.sleep(0.01)

    def run_gdb(self, command, typed, folder):
        """gdb must accept the lines that are to be typed, and stop where they say."""
        if shutil.which("gdb") is None or not self.build.is_debug():
            print("not run, this is no debug build or there is no gdb:", *typed)
            return
        words = shlex.split(command)[1:]
        arguments = ["gdb", "-batch", "-nx", "-iex", "set debuginfod enabled off"]
        arguments += [word for line in typed for word in ("-ex", line)]
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
        done = subprocess.run(arguments + words, cwd=folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT,
                              env=environment)
        printed = done.stdout.decode(errors="replace")
        self.n_run += 1
        n_asked = sum(line.startswith("print ") for line in typed)
        n_answers = len(re.findall(r"^\$\d+ = ", printed, re.MULTILINE))
        for line in typed:
            place = line.partition("break ")[2]
            if place and f", {place} (" not in printed:
                raise Wrong(f"gdb does not stop at {place}:\n{printed[-2000:]}")
        if n_answers != n_asked or "Undefined command" in printed:
            raise Wrong(f"gdb answers {n_answers} of {n_asked} times:\n{printed[-2000:]}")

    def check_text(self, path, block):
        for span in md.code_spans(md.prose(block)):
            if self.is_command(span) and " " in span and "..." not in span:
                try:
                    for command in span.split(" && "):
                        self.look_up(shlex.split(command, comments=True))
                except Wrong as wrong:
                    self.mistakes.append(f"{path.relative_to(self.source)}:{block.line}: "
                                         f"`{span}`: {wrong}")


def main():
    source, build_folder, program = (Path(argument).resolve() for argument in sys.argv[1:])
    checker = Checker(source, build_folder, program)
    documents = find_documents(source)
    for path in documents:
        checker.check_document(path)
    print(*checker.mistakes, sep="\n")
    print(f"{len(documents)} documents, {checker.n_looked_up} commands looked up, "
          f"{checker.n_run} run, {len(checker.mistakes)} mistakes")
    return 1 if checker.mistakes or checker.n_run == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
