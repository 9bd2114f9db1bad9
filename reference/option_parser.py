"""Reads the command line as the C program does, and refuses what it refuses, with the same sentences."""

import argparse
import math
import re
import sys

MAX_COUNT = 10 ** 15
MAX_SIZE = 2 ** 20  # of the model: MODEL_MAX_SIZE

# What no message shows, as it would control the terminal: see printable.c. The last range stands for bytes
# that are not UTF-8.
_UNPRINTABLE = re.compile(
    "[\0-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]")

# What strtod() takes as a number.
_NUMBER = re.compile(r"[+-]?(0x(?=\.?[0-9a-f])[0-9a-f]*\.?[0-9a-f]*(p[+-]?\d+)?"
                     r"|(?=\.?\d)\d*\.?\d*(e[+-]?\d+)?|inf|infinity|nan)", re.ASCII | re.IGNORECASE)


def printable(message):
    """Return the message without characters that control a terminal."""
    return _UNPRINTABLE.sub("?", message)


def named(text):
    """Return a word of the command line as a message shows it."""
    return text or "''"


# --- the words ----------------------------------------------------------------------------------


class OptionParser(argparse.ArgumentParser):
    """An argparse parser that reads the words as getopt_long() does. A message has one line."""

    def error(self, message):
        # argparse adds all names of the option.
        about_value = re.fullmatch("argument (--[^/:]*)[^:]*(: .*)", message, re.DOTALL)
        line = "".join(about_value.groups()) if about_value else message
        self.exit(2, f"{self.prog}: {printable(line)}\n")

    def parse_args(self, args=None, namespace=None):
        return super().parse_args(self._joined(sys.argv[1:] if args is None else args), namespace)

    def _joined(self, words):
        """Return the options, each with its value in one word."""
        joined = []
        words = iter(words)
        for word in words:
            if word == "--":
                word = next(words, None)
                if word is not None:
                    self._refuse(word, "is not an option")
            elif word.startswith("--"):
                joined.append(self._take(word, words))
            elif word == "-h":
                joined.append(word)
            elif word.startswith("-") and len(word) > 1:
                self._refuse(word[:2], "no such option")
            else:
                self._refuse(word, "is not an option")
        return joined

    def _take(self, word, words):
        """Return an option and its value as one word; the value may be the next of the words."""
        actions = {name[2:]: action for action in self._actions for name in action.option_strings
                   if name.startswith("--")}
        name, equals, value = word[2:].partition("=")
        meant = [name] if name in actions else [x for x in actions if x.startswith(name)]
        if not meant:
            nearest = nearest_name(name, actions)
            self._refuse(word, "no such option", f"did you mean --{nearest}?" if nearest else None)
        if len({id(actions[x]) for x in meant}) > 1:
            self._refuse(word, "is ambiguous")
        if actions[meant[0]].nargs == 0:
            if equals:
                self._refuse(word, "takes no value")
            return f"--{meant[0]}"
        if not equals:
            value = next(words, None)
            if value is None:
                self._refuse(word, "needs a value")
        return f"--{meant[0]}={value}"

    def _refuse(self, word, what, advice=None):
        self.error(f"{named(word)}: {what}; {advice or f'see {self.prog} --help'}")


def nearest_name(text, names):
    """Return the name with the fewest letters that differ from the text, or None if none is near."""
    distances = {name: _distance(text, name) for name in names}
    nearest = min(names, key=distances.get)
    return nearest if distances[nearest] < 1 + len(text.encode(errors="replace")) // 3 else None


def _distance(a, b):
    """Return how many letters are missing, added, different or exchanged with their neighbour."""
    cost = {}
    for i in range(len(a) + 1):
        for j in range(len(b) + 1):
            if i == 0 or j == 0:
                cost[i, j] = i + j
                continue
            cost[i, j] = min(cost[i - 1, j - 1] + (a[i - 1] != b[j - 1]), cost[i - 1, j] + 1,
                             cost[i, j - 1] + 1)
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                cost[i, j] = min(cost[i, j], cost[i - 2, j - 2] + 1)
    return cost[len(a), len(b)]


# --- the values: types for argparse -------------------------------------------------------------


def text_of(what):
    """A text that is not empty."""

    def parse(text):
        if text == "":
            raise argparse.ArgumentTypeError(f"needs a {what}, not an empty text")
        return text

    return parse


def whole(minimum, maximum=MAX_COUNT):
    """A whole number within limits."""

    def parse(text):
        if text.startswith("-") and re.search("[1-9]", text):
            raise argparse.ArgumentTypeError(f"'{text}' must be at least {minimum}")
        if not re.fullmatch("[0-9]+", text):
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number")
        number = _up_to_64_bits(text)
        if not minimum <= number <= maximum:
            raise argparse.ArgumentTypeError(f"'{text}' must be from {minimum} to {maximum}")
        return number

    return parse


def seed(text):
    """A whole number of up to 64 bits; random.seed() ignores its sign."""
    if not re.fullmatch("[+-]?[0-9]+", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number")
    return _up_to_64_bits(text)


def _up_to_64_bits(text):
    digits = text.lstrip("+-0")
    if len(digits) > 20 or int(digits or 0) >= 1 << 64:
        raise argparse.ArgumentTypeError(f"'{text}' is too large")
    return int(digits or 0)


def real(accepts, wanted):
    """A finite number for which `accepts` is true; `wanted` says which these are."""

    def parse(text):
        if not _NUMBER.fullmatch(text):
            raise argparse.ArgumentTypeError(f"'{text}' is not a number")
        number = _number(text)
        if not math.isfinite(number):
            raise argparse.ArgumentTypeError(f"'{text}' is not a finite number")
        if not accepts(number):
            raise argparse.ArgumentTypeError(f"'{text}' must be {wanted}")
        return number

    return parse


def _number(text):
    try:
        return float.fromhex(text) if "x" in text.lower() else float(text)
    except OverflowError:
        return math.inf


ABOVE_0 = real(lambda x: x > 0, "greater than 0")
FROM_0_BELOW_1 = real(lambda x: 0 <= x < 1, "from 0 to less than 1")
