"""Responses while they are written: their text, and their potential after each token."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from textgym.core import FloatArray, Sample
from textgym.rewards.judge import enforce, judge
from textgym.tokenizers.writer import start_writer

if TYPE_CHECKING:
    from textgym.episodes import Episodes


class Drafts:
    """One response to each of some samples.

    Everything here follows from the samples and the tokens, so a copy of an environment leaves it behind.

    Args:
        episodes: The environment's arguments.
        samples: The sample of each row.
        written: The tokens of each row that were written before; none by default.
    """

    def __init__(
        self, episodes: Episodes, samples: Sequence[Sample], written: Iterable[Sequence[int]] | None = None
    ) -> None:
        self.episodes = episodes
        self._eos, self._stop = episodes.eos, episodes.space.stop or None
        self._progress = episodes.reward.start(samples)
        self._writers = [start_writer(episodes.tokenizer) for _ in samples]
        self._texts = [""] * len(samples)
        for row, tokens in enumerate(written or ()):
            for token in tokens:
                self._append(row, token)

    def restart(self, rows: Sequence[int], samples: Sequence[Sample]) -> None:
        """Begin anew in ``rows``, each with its place in ``samples``."""
        self._progress.restart(rows, samples)
        for row in rows:
            self._writers[row], self._texts[row] = start_writer(self.episodes.tokenizer), ""

    def write(self, rows: Sequence[int], tokens: Sequence[int], ended: Sequence[bool]) -> tuple[list[str], FloatArray]:
        """Append a token in each of ``rows``.

        Args:
            rows: Which responses.
            tokens: The token of each.
            ended: Whether that was the last one of the response.

        Returns:
            The texts of ``rows``, and their potentials, float64 [len(rows)]: at the end the score of the text.
        """
        texts = [self._append(row, token) for row, token in zip(rows, tokens, strict=True)]
        if self.episodes.potential_at == "token":
            return texts, self._show(texts, rows)
        shown = [text if end else completed(text) for text, end in zip(texts, ended, strict=True)]
        some = [i for i, (text, end) in enumerate(zip(shown, ended, strict=True)) if text or end]
        potential = np.zeros(len(rows))
        potential[some] = self._show([shown[i] for i in some], [rows[i] for i in some])
        return texts, potential

    def _append(self, row: int, token: int) -> str:
        if token != self._eos:
            self._texts[row] = self._writers[row].write(token)
        return self._texts[row] if self._stop is None else self._stop.cut(self._texts[row])

    def _show(self, texts: Sequence[str], rows: Sequence[int]) -> FloatArray:
        samples = self._progress.samples
        return enforce(self.episodes.reward, lambda: self._progress.show(texts, rows), [samples[row] for row in rows])


def potentials(
    episodes: Episodes, responses: Sequence[Sequence[int]], samples: Sequence[Sample]
) -> tuple[list[str], FloatArray]:
    """Return the whole texts, and the potential of each prefix, [N, T + 1] by its length; that of no token is 0.

    A reward that is not incremental is called once, for all prefixes together.

    Args:
        episodes: The environment's arguments.
        responses: The tokens of N responses, each of 1 to T.
        samples: The sample of each.
    """
    lengths = np.array([len(tokens) for tokens in responses], np.int64)
    potential = np.zeros((len(responses), episodes.space.max_new_tokens + 1))
    if not episodes.reward.incremental:
        texts, scores = _judge_prefixes(episodes, responses, samples)
        potential[:, 1:][np.arange(episodes.space.max_new_tokens) < lengths[:, None]] = scores
        return [texts[i] for i in lengths.cumsum() - 1], potential
    drafts, texts = Drafts(episodes, samples), [""] * len(responses)
    for t in range(max(lengths.tolist(), default=0)):
        rows = np.flatnonzero(lengths > t).tolist()
        tokens = [responses[row][t] for row in rows]
        shown, potential[rows, t + 1] = drafts.write(rows, tokens, (lengths[rows] == t + 1).tolist())
        for row, text in zip(rows, shown, strict=True):
            texts[row] = text
    return texts, potential


def _judge_prefixes(
    episodes: Episodes, responses: Sequence[Sequence[int]], samples: Sequence[Sample]
) -> tuple[list[str], FloatArray]:
    """Return text and potential of each prefix, row by row, in order of its length."""
    prefixes = [list(tokens[:t]) for tokens in responses for t in range(1, len(tokens) + 1)]
    owners = [sample for sample, tokens in zip(samples, responses, strict=True) for _ in tokens]
    if episodes.potential_at == "token":
        judged = episodes.judge(prefixes, owners)
        return judged.texts, judged.scores
    texts, scores = episodes.decode(prefixes), np.zeros(len(prefixes))
    ends = set(np.cumsum([len(tokens) for tokens in responses]) - 1)
    shown = [text if i in ends else completed(text) for i, text in enumerate(texts)]
    some = [i for i, text in enumerate(shown) if text or i in ends]
    scores[some] = judge(episodes.reward, [shown[i] for i in some], [owners[i] for i in some])
    return texts, scores


def completed(text: str) -> str:
    """Return the words of a text that white space follows, without that which follows the last."""
    if not text or text[-1].isspace():
        return text.rstrip()
    words = text.rsplit(maxsplit=1)
    return words[0] if len(words) == 2 else ""
