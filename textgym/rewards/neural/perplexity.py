"""How likely a response is under a pretrained language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from textgym.core import FloatArray, Sample
from textgym.errors import ConfigError
from textgym.registration import register_reward
from textgym.rewards.neural.network import Ids, Network, inference
from textgym.rewards.neural.reward import NeuralReward

GIVEN = ("nothing", "prompt")


class LanguageModel(Network):
    """A causal language model.

    Args:
        model: A folder in Hugging Face format, or a hub name.
        device: "auto" takes a GPU when there is one.
    """

    auto = "AutoModelForCausalLM"
    budget = 2_048  # logits of 2,048 tokens over 150,000 entries take 1.2 GB

    @inference
    def mean_log_probability(self, contexts: Sequence[str], texts: Sequence[str]) -> FloatArray:
        """Return the mean log-probability of each text's tokens after its context, nats, float64 [N].

        The first token of a text without context is scored after the model's mark of a beginning, and not at all
        where the model has none. A text of no scored token gets minus infinity.
        """
        import torch

        rows, scored = self._rows(contexts, texts)
        means = np.full(len(texts), -np.inf, np.float64)
        for numbers, batch in self.batches(rows):
            ids = batch["input_ids"]
            logits = self.model(**batch).logits[:, :-1].float()
            chosen = logits.gather(2, ids[:, 1:, None])[:, :, 0] - logits.logsumexp(2)
            places = torch.arange(1, ids.shape[1], device=ids.device)
            first = torch.tensor([scored[i] for i in numbers], device=ids.device)[:, None]
            mask = (places >= first) & (batch["attention_mask"][:, 1:] == 1)
            sums = chosen.masked_fill(~mask, 0.0).double().sum(1)
            means[numbers] = torch.where(mask.any(1), sums / mask.sum(1).clamp(min=1), -torch.inf).cpu().numpy()
        return means

    def _rows(self, contexts: Sequence[str], texts: Sequence[str]) -> tuple[list[Ids], list[int]]:
        """Return the ids of context and text together, and the place of the first token that is scored."""
        start = self.tokenizer.bos_token_id
        rows, scored = [], []
        befores = self.tokens(contexts, marks=False, cut=False, bare=True)
        pairs = zip(befores, self.tokens(texts, marks=False, bare=True), strict=True)
        for context, text in pairs:
            before = ([] if start is None else [start]) + context["input_ids"]
            room = self.window - len(text["input_ids"])
            before = before[-room:] if room > 0 else []  # of a long context the end is nearer to the text
            ids = (before + text["input_ids"])[: self.window]
            rows.append({"input_ids": ids or [0]})  # a single token is read and not scored
            scored.append(max(1, len(before)))
        return rows, scored


@register_reward("perplexity")
@dataclass(frozen=True)
class Perplexity(NeuralReward):
    """One over the perplexity of the response under a causal language model, on [0, 1].

    That is the geometric mean of its tokens' probabilities. What is common, short or repeated wins it, whatever was
    asked: use it beside a metric of content.

    Args:
        model: A causal language model: a folder or a hub name.
        given: "nothing", or "prompt", after which the response is read.
    """

    model: str = field(default="", repr=False)
    given: str = "nothing"
    kind = LanguageModel
    won_by = ("one word repeated", "common n-grams", "first words", "prompt copied", "very long")

    def __post_init__(self) -> None:
        if self.given not in GIVEN:
            raise ConfigError(f"{self.name} is given 'nothing' or the 'prompt', got {self.given!r}.")
        super().__post_init__()

    def values(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the geometric means."""
        contexts = [sample.prompt if self.given == "prompt" else "" for sample in samples]
        return np.asarray(np.exp(self.network.mean_log_probability(contexts, responses)), np.float64)
