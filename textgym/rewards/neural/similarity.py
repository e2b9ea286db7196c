"""How near a response is in meaning: the cosine of sentence embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textgym.core import FloatArray, Sample
from textgym.errors import ConfigError
from textgym.registration import register_reward
from textgym.rewards.neural.encoder import Encoder
from textgym.rewards.neural.references import filled_references
from textgym.rewards.neural.reward import NeuralReward, flat


@register_reward("embedding_similarity")
@dataclass(frozen=True)
class EmbeddingSimilarity(NeuralReward):
    """The cosine of the response's embedding with the best reference's, on [0, 1]; negative ones count as 0.

    Sentence-BERT's similarity (Reimers and Gurevych, 2019). It knows what a text is about and not whether it is right:
    a negation, another number or words in disorder cost little.

    Args:
        model: An encoder: a folder, a hub name, or "minilm", which knows English.
        against: "references", or "prompt", for summaries and answers to one's own questions.
        pooling: "mean" or "first", as the encoder was trained.
    """

    against: str = "references"
    pooling: str = "mean"
    kind = Encoder

    def __post_init__(self) -> None:
        if self.against not in ("references", "prompt"):
            raise ConfigError(f"{self.name} compares against 'references' or 'prompt', got {self.against!r}.")
        super().__post_init__()
        self.network.embed([], self.pooling)

    @property
    def needs_references(self) -> bool:  # type: ignore[override]
        """Whether a sample without references cannot be judged."""
        return self.against == "references"

    def values(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the greatest cosine of each response."""
        texts = filled_references(self.name, samples) if self.needs_references else [(s.prompt,) for s in samples]
        others, starts = flat(texts)
        vectors = self.network.embed_kept(others, self.pooling)
        rows = self.network.embed(responses, self.pooling)
        cosines = np.einsum("nd,nd->n", np.repeat(rows, np.diff(starts), axis=0), vectors, dtype=np.float64)
        return np.maximum.reduceat(cosines, starts[:-1])
