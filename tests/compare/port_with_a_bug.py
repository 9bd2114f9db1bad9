#!/usr/bin/env python3
"""A port of microgpt with one mistake, which docs/comparing.md finds.

It looks up token embeddings as tensor libraries do: every position gets a copy of its token's row, and
after backward the gradients of the copies are added to the rows. Therefore its graph is not microgpt.py's,
node by node, and it writes a sparse dump. Everything else is as in the reference. PYTHONPATH must contain
the folder `reference`.
"""

import argparse
import random

from microgpt_reference import Adam, Model, Tokenizer, Value, gpt, read_documents, softmax
from recording import DEFAULT_DATA, Settings


class Lookup:
    """The token embeddings: returns copies of rows, and collects their gradients."""

    def __init__(self, rows):
        self.rows = rows
        self.looked_up = []

    def __getitem__(self, token_id):
        row = [Value(p.data) for p in self.rows[token_id]]
        self.looked_up.append((token_id, row))
        return row

    def scatter_grads(self):
        """Add the gradients of the copies to the rows, those of the last position first."""
        for token_id, row in reversed(self.looked_up):
            for p, x in zip(self.rows[token_id], row):
                p.grad = x.grad
        self.looked_up.clear()


def forward(model, tokens):
    """Return the loss, and the values to compare, by name."""
    n = min(model.settings.block_size, len(tokens) - 1)
    cache = model.empty_cache()
    named = {}
    losses = []
    for pos in range(n):
        logits = gpt(model, tokens[pos], pos, cache)
        probs = softmax(logits)
        loss = -probs[tokens[pos + 1]].log()
        losses.append(loss)
        named.update({f"pos{pos}.logit[{i}]": value for i, value in enumerate(logits)})
        named.update({f"pos{pos}.prob[{i}]": value for i, value in enumerate(probs)})
        named[f"pos{pos}.loss"] = loss
    named["loss"] = (1 / n) * sum(losses)
    return named["loss"], named


def print_sparse_dump(params, named):
    """Print `path data grad` for every parameter and every named value."""
    for path, value in {**params, **named}.items():
        print(path, float(value.data).hex(), float(value.grad).hex())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--num-steps", type=int, default=1000)
    parser.add_argument("--dump-step", type=int, help="print this step's values, not the losses")
    options = parser.parse_args()

    settings = Settings(seed=options.seed, num_steps=options.num_steps)
    rng = random.Random(settings.seed)
    documents = read_documents(DEFAULT_DATA)
    rng.shuffle(documents)
    tokenizer = Tokenizer(documents)
    model = Model(settings, tokenizer.vocab_size, rng)
    adam = Adam(model.params, settings)
    params = {f"{name}[{i},{j}]": p for name, matrix in model.state_dict.items()
              for i, row in enumerate(matrix) for j, p in enumerate(row)}
    lookup = model.state_dict["wte"] = Lookup(model.state_dict["wte"])

    if options.dump_step is None:
        print("step\tloss")
    for step in range(settings.num_steps):
        loss, named = forward(model, tokenizer.encode(documents[step]))
        loss.backward()
        lookup.scatter_grads()
        if step + 1 == options.dump_step:
            print_sparse_dump(params, named)
            break
        adam.step(step)
        if options.dump_step is None:
            print(f"{step + 1}\t{loss.data:.17g}")


if __name__ == "__main__":
    main()
