"""Embeddings in plain NumPy: words of a toy grammar with the same use become neighbours.

A word w has a column E[:, w]. From it, softmax(U E[:, w]) predicts the other words of a sentence: the skip-gram model
(course 5, week 2). The kinds of the words are not given: words with alike neighbours get alike columns.
"""

import numpy as np

import tinygrad_dl as tg
from tinygrad_dl import testing

KINDS = {
    "people": ["Ada", "Ben", "Eve", "Max"],
    "food": ["bread", "soup", "cheese", "rice"],
    "drinks": ["tea", "milk", "juice", "water"],
    "of food": ["eats", "cooks", "chews"],
    "of drinks": ["drinks", "pours", "sips"],
}
GRAMMAR = [("people", "of food", "food"), ("people", "of drinks", "drinks")]
WORDS = [word for words in KINDS.values() for word in words]
WIDTH = 4


def sentences(m, rng):
    """Random sentences of the grammar, such as "Ada sips tea"."""
    rules = (GRAMMAR[i] for i in rng.integers(0, len(GRAMMAR), m))
    return [[str(rng.choice(KINDS[kind])) for kind in rule] for rule in rules]


def pairs(texts):
    """The numbers of each word and of each other word of its sentence: two arrays."""
    found = [(a, b) for text in texts for i, a in enumerate(text) for j, b in enumerate(text) if i != j]
    return np.array([[WORDS.index(word) for word in pair] for pair in found]).T


def cost(p, words, others):
    """The cross-entropy of softmax(U E[:, words]) and the other words."""
    Z = p["U"] @ p["E"][:, words]
    return np.mean(np.log(np.sum(np.exp(Z), axis=0)) - Z[others, np.arange(len(others))])


def train(p, words, others, steps=200, rate=0.05, beta=0.9):
    """RMSProp."""
    value_and_grad, s = tg.value_and_grad(cost), {name: 0.0 for name in p}
    for step in range(steps + 1):
        value, gradient = value_and_grad(p, words, others)
        for name, d in gradient.items():
            s[name] = beta * s[name] + (1 - beta) * d**2
            p[name] = p[name] - rate * (1 - step / steps) * d / (np.sqrt(s[name]) + 1e-8)
        if step % 50 == 0:
            print(f"step {step:3d}  cost {value:.4f}")


def main():
    rng = np.random.default_rng(0)
    p = {"E": rng.normal(0, 0.1, (WIDTH, len(WORDS))), "U": rng.normal(0, 0.1, (len(WORDS), WIDTH))}
    texts = sentences(500, rng)
    print(*(f"{' '.join(text)}." for text in texts[:4]), "...")
    words, others = pairs(texts)
    assert testing.check_gradients(cost, p, words[:20], others[:20], argnums=0, progress=False).passed
    train(p, words, others)

    directions = p["E"] / np.linalg.norm(p["E"], axis=0)
    cosines = directions.T @ directions - 2 * np.eye(len(WORDS))  # no word is its own neighbour
    print("\nword: the nearest words, with the cosine of the angle between")
    for kind, members in KINDS.items():
        for word in members:
            row = cosines[WORDS.index(word)]
            nearest = [WORDS[i] for i in np.argsort(-row)[: len(members) - 1]]
            print(f"{word:6}: {', '.join(f'{other} {row[WORDS.index(other)]:.2f}' for other in nearest)}")
            assert {word, *nearest} == {*members}, f"{word} is among {kind}"


if __name__ == "__main__":
    main()
