"""ROUGE-Lsum: ROUGE-L of texts of several sentences (Lin, 2004, section 3.2), equal to rouge_score's F-measure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from textgym.registration import register_reward
from textgym.rewards.positions import Positions
from textgym.rewards.rouge import TokenRouge, f_measure

Sentences = list[list[str]]


@register_reward("rougeLsum")
@dataclass(frozen=True)
class RougeLsum(TokenRouge[list[tuple[Sentences, list[Positions]]]]):
    r"""ROUGE-Lsum on [0, 1]: each sentence of the reference against all sentences of the response.

    A sentence is a line: put a ``"\n"`` after each, as rouge_score expects. A single line is judged as one sentence.

    Args:
        use_stemmer: Whether words are compared by their Porter stems.
        tokenize: "ascii", as rouge_score does, or "unicode", which knows every script.
    """

    use_stemmer: bool = False
    tokenize: str = "ascii"

    def prepare(self, references: tuple[str, ...]) -> list[tuple[Sentences, list[Positions]]]:
        """Return the tokens of each reference's sentences, and their positions."""
        texts = [self._sentences(text) for text in references]
        return [(sentences, [Positions(tokens) for tokens in sentences]) for sentences in texts]

    def compare(self, response: str, prepared: list[tuple[Sentences, list[Positions]]]) -> float:
        """Return the best F-measure."""
        sentences = self._sentences(response)
        return max(_score(sentences, *reference) for reference in prepared)

    def _sentences(self, text: str) -> Sentences:
        return [self.tokens(line) for line in text.split("\n") if line]


def _score(response: Sentences, reference: Sentences, positions: list[Positions]) -> float:
    responded, expected = sum(map(len, response)), sum(map(len, reference))
    mine = Counter(token for sentence in response for token in sentence)
    theirs = Counter(token for sentence in reference for token in sentence)
    hits = 0
    for tokens, where in zip(reference, positions, strict=True):
        union = 0
        for sentence in response:
            union |= common_places(sentence, tokens, where)
        for token in (tokens[i] for i in range(len(tokens)) if union >> i & 1):
            if mine[token] > 0 and theirs[token] > 0:  # a word counts as often as both texts have it
                hits += 1
                mine[token] -= 1
                theirs[token] -= 1
    return f_measure(hits, responded, expected)


def common_places(tokens: Sequence[str], reference: Sequence[str], where: Positions) -> int:
    """Return, as bits, the places of the reference in one longest common subsequence with ``tokens``.

    Of several, it is the one that rouge_score's walk back through the table finds. The table's rows are bit vectors, as
    in :func:`textgym.rewards.rouge.common_length`: a zero bit is where the row grows by one.
    """
    row = (1 << len(reference)) - 1
    full, rows = row, []
    for token in tokens:
        bits = where.where.get(token, 0)
        hit = row & bits
        row = (row + hit | row - hit) & full
        rows.append(row)
    places, i, j = 0, len(reference) - 1, len(tokens) - 1
    while i >= 0 and j >= 0:
        if reference[i] == tokens[j]:
            places |= 1 << i
            i, j = i - 1, j - 1
        elif rows[j] >> i & 1:
            i -= 1
        else:  # the row grows here, so the length comes from the row before
            j -= 1
    return places
