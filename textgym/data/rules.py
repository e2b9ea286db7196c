"""How rows are read: one value that every reader takes, the same for all files of a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from textgym.arguments import choice, whole_number
from textgym.data.columns import GUESSED, Columns
from textgym.data.skipping import OnBadRow, Skipped
from textgym.errors import ConfigError

if TYPE_CHECKING:
    from textgym.data.shapes import Shape

EncodingErrors = Literal["strict", "replace"]
Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

MAX_CHARS = 100_000
BYTES_PER_CHAR = 100  # escapes take up to 12, the rest is for fields that are neither prompt nor reference


@dataclass(frozen=True, slots=True)
class Rules:
    """What readers are told beside the path; ``load_data`` documents each, under the same names.

    ``shape`` is what rows of a published format mean, where they are not a prompt and its references.

    Raises:
        ConfigError: A value that cannot be.
    """

    columns: Columns = GUESSED
    on_bad_row: OnBadRow = "error"
    encoding_errors: EncodingErrors = "strict"
    max_chars: int = MAX_CHARS
    normalize: Form | None = None
    quotes: bool | None = None
    shape: Shape | None = None

    def __post_init__(self) -> None:
        Skipped(self.on_bad_row)
        choice("encoding_errors", self.encoding_errors, ("strict", "replace"))
        if self.normalize is not None:
            choice("normalize", self.normalize, ("NFC", "NFD", "NFKC", "NFKD"))
        if self.quotes not in (None, True, False):
            raise ConfigError(f"quotes must be True, False, or None for what the suffix says, got {self.quotes!r}.")
        if whole_number("max_chars", self.max_chars) < 1:
            raise ConfigError(f"max_chars must be at least 1, got {self.max_chars}.")

    @property
    def read_all(self) -> bool:
        """Whether all rows are read at opening, to know how many samples there are."""
        return self.on_bad_row == "skip" or (self.shape is not None and self.shape.varies)

    @property
    def max_bytes(self) -> int:
        """The most bytes of a row that are looked at; a longer one is refused without being held in memory."""
        return BYTES_PER_CHAR * self.max_chars


PLAIN = Rules()
