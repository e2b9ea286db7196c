"""Sequence-classification models: one row of numbers for a text or for a pair of texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textgym.core import FloatArray, Sample
from textgym.errors import ConfigError, ModelError, did_you_mean
from textgym.rewards.neural.network import Network, Text, inference

READS = ("response", "pair", "chat")


class Classifier(Network):
    """A sequence-classification model, its head in float32.

    Args:
        model: A folder in Hugging Face format, or a hub name.
        device: "auto" takes a GPU when there is one.
    """

    auto = "AutoModelForSequenceClassification"

    def __init__(self, model: str, device: str = "auto") -> None:
        super().__init__(model, device)
        # decoder-only models read off the last token, which they look for by the pad id: nothing is padded for them
        self.last_token = hasattr(self.model, "score")
        if self.last_token:
            self.model.config.get_text_config().pad_token_id = self.model.config.pad_token_id = -1
        self.labels = [str(self.model.config.id2label[i]) for i in range(self.model.config.num_labels)]

    @inference
    def logits(self, texts: Sequence[Text], templated: bool = False) -> FloatArray:
        """Return the model's numbers, float64 [N, labels], of texts or of what a chat template has made of them."""
        found = np.zeros((len(texts), len(self.labels)), np.float64)
        for rows, batch in self.batches(
            self.tokens(texts, marks=not templated, spelled=templated), equal=self.last_token
        ):
            found[rows] = self.model(**batch).logits.double().cpu().numpy()
        return found

    def judge(self, responses: Sequence[str], samples: Sequence[Sample], reads: str) -> FloatArray:
        """Return the model's numbers for responses, float64 [N, labels].

        Args:
            responses: Any texts.
            samples: Their samples.
            reads: "response"; "pair" of prompt and response; or "chat", a conversation in the model's own template.
        """
        if reads == "response":
            return np.asarray(self.logits(responses))
        prompts = [sample.prompt for sample in samples]
        if reads == "pair":
            return np.asarray(self.logits(list(zip(prompts, responses, strict=True))))
        return np.asarray(
            self.logits([self._chat(*turn) for turn in zip(prompts, responses, strict=True)], marks=False)
        )

    def _chat(self, prompt: str, response: str) -> str:
        messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False))

    def check_reads(self, name: str, reads: str) -> None:
        """Raise ConfigError unless the model can read in this way for the reward ``name``."""
        if reads not in READS:
            raise ConfigError(f"What {name} reads is one of {', '.join(READS)}, got {reads!r}.")
        if reads == "chat" and not getattr(self.tokenizer, "chat_template", None):
            raise ConfigError(f"The tokenizer of the model of {name} has no chat template: use reads='pair'.")

    def label_index(self, name: str, label: str | int) -> int:
        """Return the number of a label for the reward ``name``, given by name or number."""
        if isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(self.labels):
            return label
        if label not in self.labels:
            raise ConfigError(f"The model of {name} has no label {label!r}. {did_you_mean(str(label), self.labels)}")
        return self.labels.index(str(label))

    def check_scalar(self, name: str, model: str) -> None:
        """Raise ModelError unless the model gives one number for a text."""
        if len(self.labels) != 1:
            raise ModelError(
                f"The reward {name!r} needs a model that gives one number, got {len(self.labels)} labels from "
                f"{model!r} ({', '.join(self.labels[:5])}): use the reward 'classifier' with one of them."
            )
