"""A language model that goes on with a text to the end of a line: the voice of a simulated user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textgym.core import FloatArray
from textgym.rewards.neural.network import Ids, inference
from textgym.rewards.neural.perplexity import LanguageModel

if TYPE_CHECKING:
    import torch


class Speaker(LanguageModel):
    """A causal language model that writes.

    Args:
        model: A folder in Hugging Face format, or a hub name.
        device: "auto" takes a GPU when there is one.
    """

    @inference
    def lines(
        self, texts: Sequence[str], max_tokens: int, temperature: float = 0.0, draws: FloatArray | None = None
    ) -> list[str]:
        """Return what the model writes after each text, up to the end of a line, of the text, or ``max_tokens``.

        Only texts of equally many tokens are read together, so that nothing is padded.

        Args:
            texts: Any texts.
            max_tokens: At least 1.
            temperature: Divides the logits; 0 takes the likeliest token.
            draws: Uniform numbers in [0, 1), float64 [N, max_tokens], where the temperature is above 0.
        """
        rows = self._prompts(texts, max_tokens)
        lines = [""] * len(rows)
        for numbers, batch in self.batches(rows, equal=True):
            drawn = None if draws is None else draws[numbers]
            written = self._write(batch["input_ids"], max_tokens, temperature, drawn)
            for number, ids in zip(numbers, written, strict=True):
                lines[number] = self._line(ids)
        return lines

    def _prompts(self, texts: Sequence[str], max_tokens: int) -> list[Ids]:
        """Return the ids of each text; of one that the window cannot hold, the end."""
        chat = getattr(self.tokenizer, "chat_template", None)
        if chat:
            texts = [self._as_chat(text) for text in texts]
        start = [] if chat or self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
        room = max(1, self.window - max_tokens - len(start))
        read = self.tokens(texts, marks=False, cut=False, spelled=bool(chat))
        return [{"input_ids": start + row["input_ids"][-room:]} for row in read]

    def _as_chat(self, text: str) -> str:
        message = {"role": "user", "content": f"Write the next line of this conversation, and nothing else.\n{text}"}
        told: str = self.tokenizer.apply_chat_template([message], tokenize=False, add_generation_prompt=True)
        return told

    def _write(
        self, ids: torch.Tensor, max_tokens: int, temperature: float, draws: FloatArray | None
    ) -> list[list[int]]:
        """Return the ids that follow each row of ids [N, L]; rows that have ended go on until all have."""
        import torch

        uniform = None if draws is None else torch.as_tensor(draws, device=ids.device)
        past, step, written = None, ids, []
        ended = torch.zeros(len(ids), dtype=torch.bool)
        for k in range(max_tokens):
            out = self.model(input_ids=step, past_key_values=past, use_cache=True)
            past, logits = out.past_key_values, out.logits[:, -1].float()
            chosen = logits.argmax(dim=-1) if uniform is None else _drawn(logits / temperature, uniform[:, k])
            written.append(chosen.tolist())
            ended |= torch.tensor([self._ends(token) for token in written[-1]])
            if ended.all():
                break
            step = chosen[:, None]
        return [list(row) for row in zip(*written, strict=True)]

    def _ends(self, token: int) -> bool:
        return token == self.tokenizer.eos_token_id or "\n" in self.tokenizer.decode([token])

    def _line(self, ids: list[int]) -> str:
        eos = self.tokenizer.eos_token_id
        ids = ids[: ids.index(eos)] if eos in ids else ids
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text.lstrip(" ").split("\n")[0].strip()


def _drawn(logits: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Return one token a row, int64 [N], by inverting the cumulative distribution of logits [N, V] at uniform [N]."""
    import torch

    cumulative = torch.softmax(logits.double(), dim=-1).cumsum(dim=-1)
    threshold = (uniform * cumulative[:, -1])[:, None]
    return torch.searchsorted(cumulative, threshold, right=True).clamp(max=logits.shape[-1] - 1).squeeze(-1)
