"""What rewards cost, beside the libraries that define them: ``python -m benchmarks.rewards --rounds 5``.

One thread, seconds of processor time; each round times ours and the library's one after the other, and the median of
the rounds' ratios is told, so that a busy machine changes little. The texts are docstrings of the standard library,
disturbed by dropping, moving and changing words. The libraries' caches of texts are emptied before each round; ours of
words and of references are warm, as they are in training, where a reward sees its references again and again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textgym import Sample, make_reward
from textgym.data.docstrings import docstring_pairs

RESULTS = Path(__file__).parent / "results" / "rewards.jsonl"
TOKENS = 64  # of a response that is rewarded after every token
LANES = 256
Pairs = Sequence[tuple[str, str]]  # response and reference


class Line(NamedTuple):
    """One comparison.

    Attributes:
        what: What was timed.
        ours: Microseconds of processor time of ours.
        theirs: The same of what it is compared with.
        ratio: The median over rounds of theirs / ours; for the environment of shaped / unshaped.
        target: What the ratio should be at least; for the environment at most; None where none was set.
    """

    what: str
    ours: float
    theirs: float
    ratio: float
    target: float | None


def pairs(words: int, count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Return responses and references of ``words`` words, from the running Python's docstrings."""
    rng = random.Random(seed)
    stream = " ".join(body for body, _ in docstring_pairs()).split()
    starts = [rng.randrange(len(stream) - words) for _ in range(count)]
    references = [stream[start : start + words] for start in starts]
    return [(" ".join(disturbed(text, stream, rng)), " ".join(text)) for text in references]


def disturbed(words: Sequence[str], others: Sequence[str], rng: random.Random) -> list[str]:
    """Return as many words, of which a quarter is changed and a phrase stands elsewhere."""
    changed = [rng.choice(others) if rng.random() < 0.25 else word for word in words]
    start, length = rng.randrange(len(words)), len(words) // 6
    phrase = changed[start : start + length]
    del changed[start : start + length]
    to = rng.randrange(len(changed) + 1)
    return [*changed[:to], *phrase, *changed[to:]]


def seconds(run: Callable[[], Any]) -> float:
    """Return the processor time of one run."""
    start = time.process_time()
    run()
    return time.process_time() - start


def compare(
    what: str,
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    per: int,
    rounds: int,
    target: float | None = None,
    reset: Callable[[], Any] = lambda: None,
) -> Line:
    """Time two functions that do the same thing ``per`` times."""
    ours()  # fills our memory
    times = []
    for _ in range(rounds):
        reset()
        times.append((seconds(ours), seconds(theirs)))
    mine, others = (statistics.median(column) / per * 1e6 for column in zip(*times, strict=True))
    return Line(what, mine, others, statistics.median(b / a for a, b in times), target)


def oracles() -> dict[str, tuple[Callable[[str, str], float], Callable[[], Any]]]:
    """Return the library's score of a response and a reference, and what empties its cache, by our specification."""
    import jiwer
    from nltk.translate.meteor_score import single_meteor_score
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    bleu, chrf, chrf2, ter = BLEU(effective_order=True), CHRF(), CHRF(word_order=2), TER()
    plain, stemmed = (RougeScorer(["rougeL"], use_stemmer=stemmer) for stemmer in (False, True))
    summed = RougeScorer(["rougeLsum"])
    none = type("NoSynonyms", (), {"synsets": staticmethod(lambda word: [])})
    tokenizers: list[Any] = [bleu.tokenizer, getattr(bleu.tokenizer, "_post_tokenizer")]  # noqa: B009
    caches = [getattr(type(tokenizer).__call__, "cache_clear") for tokenizer in tokenizers]  # noqa: B009
    nothing: Callable[[], Any] = lambda: None  # noqa: E731
    return {
        "bleu": (lambda h, r: bleu.sentence_score(h, [r]).score / 100, lambda: [clear() for clear in caches]),
        "rougeL": (lambda h, r: plain.score(r, h)["rougeL"].fmeasure, nothing),
        "rougeL(use_stemmer=True)": (lambda h, r: stemmed.score(r, h)["rougeL"].fmeasure, nothing),
        "rougeLsum": (lambda h, r: summed.score(r, h)["rougeLsum"].fmeasure, nothing),
        "chrf": (lambda h, r: chrf.sentence_score(h, [r]).score / 100, nothing),
        "chrf(word_order=2)": (lambda h, r: chrf2.sentence_score(h, [r]).score / 100, nothing),
        "meteor(synonyms=False)": (lambda h, r: single_meteor_score(r.split(), h.split(), wordnet=none), nothing),
        "wer": (lambda h, r: max(0.0, 1 - jiwer.wer(r, h)), nothing),
        "ter": (lambda h, r: max(0.0, 1 - ter.sentence_score(h, [r]).score / 100), nothing),
    }


TARGETS = {
    ("bleu", 25): 4.5,
    ("bleu", 100): 6,
    ("rougeL", 25): 15,
    ("rougeL", 100): 45,
    ("rougeL(use_stemmer=True)", 25): 30,
    ("rougeL(use_stemmer=True)", 100): 80,
}
DENSE_TARGETS = {"bleu": 30, "rougeL": 100}


def per_pair(spec: str, words: int, rounds: int) -> Line:
    """Time one score."""
    theirs, clear = oracles()[spec]
    count = 64 if spec != "ter" else 64 // (1 + words // 10)
    some, reward = pairs(words, max(count, 4)), make_reward(spec)
    responses, samples = [response for response, _ in some], [Sample("", (reference,)) for _, reference in some]
    if spec != "meteor(synonyms=False)":  # whose library takes tokens
        expected = [theirs(*pair) for pair in some]
        assert np.abs(reward(responses, samples) - expected).max() < 1e-9
    run = partial(_each, theirs, some)
    what = f"{spec}, {words} words"
    return compare(what, lambda: reward(responses, samples), run, len(some), rounds, TARGETS.get((spec, words)), clear)


def _each(score: Callable[[str, str], float], some: Pairs) -> list[float]:
    return [score(*pair) for pair in some]


def dense(spec: str, rounds: int) -> Line:
    """Time the scores after each of 64 tokens, in 32 responses side by side, against the library on every prefix.

    Each round writes other responses to the same references, so no score is remembered from the round before.
    """
    theirs, clear = oracles()[spec]
    reward, references = make_reward(spec), [reference for _, reference in pairs(TOKENS, 32)]
    samples = [Sample("", (reference,)) for reference in references]
    batches = [_written(references, seed) for seed in range(rounds + 2)]
    turn = iter(range(1, rounds + 2))
    written: list[list[str]] = []

    def ours() -> list[Any]:
        written[:] = batches[next(turn)]
        progress = reward.start(samples)
        return [progress.push(step) for step in zip(*written, strict=True)]

    def library() -> list[float]:
        few = zip(written[:4], references[:4], strict=True)
        return [theirs("".join(row[: t + 1]), reference) for row, reference in few for t in range(TOKENS)]

    written[:] = batches[0]
    pushes = reward.start(samples)
    scores = np.array([pushes.push(step) for step in zip(*written, strict=True)])[:, :4].T.ravel()
    assert np.abs(scores - library()).max() < 1e-9
    line = compare(f"{spec}, every of {TOKENS} tokens", ours, library, 1, rounds, None, clear)
    fewer = len(references) / 4  # the library judges 4 of the 32
    per = len(references) * TOKENS
    return Line(line.what, line.ours / per, line.theirs * fewer / per, line.ratio * fewer, DENSE_TARGETS.get(spec))


def _written(references: Sequence[str], seed: int) -> list[list[str]]:
    """Return the tokens of a response to each reference."""
    rng = random.Random(seed)
    others = " ".join(references).split()
    texts = [disturbed(reference.split(), others, rng) for reference in references]
    return [[word if t == 0 else f" {word}" for t, word in enumerate(words)] for words in texts]


def environment(spec: str, rounds: int, **shaping: Any) -> Line:
    """Time a step of 256 lanes with shaping against one without; all episodes have 64 tokens of their references."""
    import gymnasium as gym

    envs = [
        gym.make_vec("textgym/Translation-v0", num_envs=LANES, reward=spec, max_new_tokens=TOKENS, **more)
        for more in ({"shaping": "potential", **shaping}, {})
    ]
    episodes = envs[1].unwrapped.episodes  # type: ignore[attr-defined]
    rng = np.random.default_rng(0)
    ids = np.array([i for s in episodes.samples[:200] for i in episodes.tokenizer.encode(s.references[0])])
    actions = rng.choice(ids, size=(2 * TOKENS, LANES))

    def play(env: Any) -> None:
        env.reset(seed=0)
        for row in actions:
            env.step(row)

    line = compare("", partial(play, envs[0]), partial(play, envs[1]), len(actions), rounds)
    told = "".join(f", {key}={value!r}" for key, value in shaping.items())
    return Line(f"{spec}, a step of {LANES} lanes{told}", line.ours, line.theirs, 1 / line.ratio, 8)


def table(title: str, lines: Sequence[Line], other: str) -> str:
    """Return the lines as a Markdown table."""
    rows = [
        f"| {line.what} | {line.ours:.1f} | {line.theirs:.1f} | {line.ratio:.1f} | {line.target or ''} |"
        for line in lines
    ]
    return "\n".join([title, "", f"| | ours, µs | {other}, µs | ratio | target |", "|---|---|---|---|---|", *rows, ""])


def measure(rounds: int, only: Sequence[str]) -> dict[str, list[Line]]:
    """Return the lines of each part."""
    chosen = [spec for spec in oracles() if not only or spec in only]
    dense_specs = [spec for spec in chosen if make_reward(spec).incremental]
    shaped = [spec for spec in ("bleu", "rougeL") if spec in chosen]
    return {
        "pair": [per_pair(spec, words, rounds) for spec in chosen for words in (25, 100)],
        "dense": [dense(spec, rounds) for spec in dense_specs],
        "environment": [environment(spec, rounds, **at) for spec in shaped for at in ({}, {"potential_at": "word"})],
    }


def main() -> None:
    """Measure, print the tables and keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=(), help="rewards, as they are written in the table")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    parts = measure(arguments.rounds, arguments.only)
    print(table("One response", parts["pair"], "library"))
    print(table("A score after every token", parts["dense"], "library on the prefix"))
    print(table("A step of the vector environment; the ratio is shaped / unshaped", parts["environment"], "unshaped"))
    if not arguments.only:
        RESULTS.parent.mkdir(exist_ok=True)
        signatures = {spec: make_reward(spec).signature for spec in oracles()}
        values = {part: [line._asdict() for line in lines] for part, lines in parts.items()}
        RESULTS.write_text(json.dumps({"rounds": arguments.rounds, "signatures": signatures, **values}) + "\n")


if __name__ == "__main__":
    main()
