"""A program for watch_microgpt.py to watch: the algorithm of microgpt.py, as one script.

It reads input.txt, trains and makes up names, and writes only to standard output. The tests change it in
the ways that people change such programs.
"""

import math
import os
import random

random.seed(42)

if not os.path.exists("input.txt"):
    raise SystemExit("the documents belong in input.txt, one on each line")
docs = [text.strip() for text in open("input.txt") if text.strip()]
random.shuffle(docs)

uchars = sorted({letter for document in docs for letter in document})
BOS = len(uchars)
vocab_size = BOS + 1
print(f"{len(docs)} documents, {vocab_size} tokens")


class Value:
    """A number with references to its operands."""

    def __init__(self, data, operands=(), local_grads=()):
        self.data = data
        self.grad = 0.0
        self.operands = operands
        self.local_grads = local_grads

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        slope = exponent * self.data ** (exponent - 1)
        return Value(self.data ** exponent, (self,), (slope,))

    def log(self):
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def exp(self):
        power = math.exp(self.data)
        return Value(power, (self,), (power,))

    def relu(self):
        is_on = self.data > 0
        return Value(self.data if is_on else 0.0, (self,), (1.0 if is_on else 0.0,))

    def __radd__(self, other):
        return self + other

    def __truediv__(self, other):
        return self * other ** -1

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for operand in node.operands:
                    visit(operand)
                order.append(node)

        visit(self)
        self.grad = 1.0
        while order:
            node = order.pop()
            for operand, slope in zip(node.operands, node.local_grads):
                operand.grad += slope * node.grad


n_layer, n_embd, n_head, block_size = 1, 16, 4, 16
head_dim = n_embd // n_head


def matrix(n_out, n_in, std=0.08):
    return [[Value(random.gauss(0, std)) for _ in range(n_in)] for _ in range(n_out)]


state_dict = {"wte": matrix(vocab_size, n_embd), "wpe": matrix(block_size, n_embd)}
state_dict["lm_head"] = matrix(vocab_size, n_embd)
for layer in range(n_layer):
    for letter in "qkvo":
        state_dict[f"attn_w{letter}{layer}"] = matrix(n_embd, n_embd)
    state_dict[f"mlp_up{layer}"] = matrix(4 * n_embd, n_embd)
    state_dict[f"mlp_down{layer}"] = matrix(n_embd, 4 * n_embd)
params = [weight for rows in state_dict.values() for row in rows for weight in row]


def dot(left, right):
    return sum(a * b for a, b in zip(left, right))


def softmax(logits):
    top = max(logit.data for logit in logits)
    powers = [(logit + -top).exp() for logit in logits]
    total = sum(powers)
    return [power / total for power in powers]


def rmsnorm(x):
    scale = (dot(x, x) / len(x) + 1e-5) ** -0.5
    return [element * scale for element in x]


def gpt(token_id, pos_id, cache):
    def linear(name):
        return [dot(row, x) for row in state_dict[name]]

    x = [a + b for a, b in zip(state_dict["wte"][token_id], state_dict["wpe"][pos_id])]
    x = rmsnorm(x)
    for layer in range(n_layer):
        before = x
        x = rmsnorm(x)
        q, k, v = (linear(f"attn_w{letter}{layer}") for letter in "qkv")
        cache[layer].append((k, v))
        mixed = []
        for first in range(0, n_embd, head_dim):
            head = slice(first, first + head_dim)
            fits = [dot(q[head], keys[head]) / head_dim ** 0.5 for keys, _ in cache[layer]]
            shares = softmax(fits)
            for i in range(first, first + head_dim):
                mixed.append(dot(shares, [values[i] for _, values in cache[layer]]))
        x = mixed
        x = [a + b for a, b in zip(linear(f"attn_wo{layer}"), before)]
        before = x
        x = rmsnorm(x)
        x = [element.relu() for element in linear(f"mlp_up{layer}")]
        x = [a + b for a, b in zip(linear(f"mlp_down{layer}"), before)]
    return linear("lm_head")


learning_rate, beta1, beta2, eps_adam = 0.01, 0.85, 0.99, 1e-8
means = [0.0] * len(params)
squares = [0.0] * len(params)

num_steps = 1000
for step in range(num_steps):
    doc = docs[step % len(docs)]
    tokens = [BOS, *(uchars.index(letter) for letter in doc), BOS]
    n = min(block_size, len(tokens) - 1)
    cache = [[] for _ in range(n_layer)]
    losses = []
    for pos_id in range(n):
        probs = softmax(gpt(tokens[pos_id], pos_id, cache))
        losses.append(probs[tokens[pos_id + 1]].log() * -1)
    loss = sum(losses) * (1 / n)
    loss.backward()
    rate = learning_rate * (1 - step / num_steps)
    for i, weight in enumerate(params):
        means[i] = beta1 * means[i] + (1 - beta1) * weight.grad
        squares[i] = beta2 * squares[i] + (1 - beta2) * weight.grad ** 2
        mean = means[i] / (1 - beta1 ** (step + 1))
        square = squares[i] / (1 - beta2 ** (step + 1))
        weight.data -= rate * mean / (square ** 0.5 + eps_adam)
        weight.grad = 0.0
    print(f"{step + 1}: {loss.data}")

temperature = 0.5
for number in range(20):
    cache = [[] for _ in range(n_layer)]
    letters = []
    token_id = BOS
    for pos_id in range(block_size):
        probs = softmax([logit / temperature for logit in gpt(token_id, pos_id, cache)])
        weights = [prob.data for prob in probs]
        token_id = random.choices(range(vocab_size), weights=weights)[0]
        if token_id == BOS:
            break
        letters.append(uchars[token_id])
    print("".join(letters))
