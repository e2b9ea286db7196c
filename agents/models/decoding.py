"""How a policy answers: its likeliest tokens, a sample, a beam search, or the best of several samples."""

from __future__ import annotations

import ast
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from agents.models.beam_search import beam_search
from agents.models.network import TextNetwork
from agents.models.rollout import generate
from textgym.arguments import real_number, whole_number
from textgym.errors import ConfigError, did_you_mean
from textgym.registration import refuse_unknown


class Decoding(ABC):
    """A way to get a response from a policy's distribution; minimum length and banned tokens always hold."""

    @property
    def responses_per_prompt(self) -> int:
        """G, how many responses :meth:`write` gives to each prompt."""
        return 1

    @property
    def rows_per_prompt(self) -> int:
        """How many rows of a batch a prompt takes."""
        return self.responses_per_prompt

    @abstractmethod
    def write(
        self, network: TextNetwork, prompts: Tensor, numbers: Tensor | None = None, key: int | None = None
    ) -> Tensor:
        """Return responses int64 [B * G, T], padded on the right with -1, to prompts [B, P].

        Args:
            network: The policy's network.
            prompts: int [B, P], padded on the left with -1.
            numbers: int64 [B], of the prompts, and ``key``: where samples take their random numbers from, see
                :func:`agents.models.rollout.generate`.
            key: As said.
        """

    @abstractmethod
    def described(self, network: TextNetwork) -> str:
        """Return what a report says of it."""


@dataclass(frozen=True)
class Greedy(Decoding):
    """The likeliest token at each step."""

    def write(
        self, network: TextNetwork, prompts: Tensor, numbers: Tensor | None = None, key: int | None = None
    ) -> Tensor:
        """Return responses int64 [B, T]."""
        return generate(network, prompts, deterministic=True).responses

    def described(self, network: TextNetwork) -> str:
        """Return what a report says of it."""
        return _told("greedy", network, probabilities=False)


@dataclass(frozen=True)
class Sampled(Decoding):
    """One sample of the policy's distribution.

    Args:
        temperature: Divides the logits; None is the policy's own.
    """

    temperature: float | None = None

    def __post_init__(self) -> None:
        _check_temperature(self.temperature)

    def write(
        self, network: TextNetwork, prompts: Tensor, numbers: Tensor | None = None, key: int | None = None
    ) -> Tensor:
        """Return responses int64 [B, T]."""
        with _temperature(network, self.temperature):
            return generate(network, prompts, numbers=numbers, key=key).responses

    def described(self, network: TextNetwork) -> str:
        """Return what a report says of it."""
        return _told(f"sampled at temperature {self.temperature or network.temperature:g}", network)


@dataclass(frozen=True)
class Beam(Decoding):
    """A beam search by transformers' ``generate`` in the policy's distribution; see :func:`beam_search`.

    Args:
        num_beams: Hypotheses that are kept at each step.
        length_penalty: A response's log-probability is divided by its number of tokens, eos included, to the power of
            this: 0 looks for the likeliest response, 1 for the one with the likeliest tokens on average.
    """

    num_beams: int = 4
    length_penalty: float = 1.0

    def __post_init__(self) -> None:
        _check_count("num_beams", self.num_beams)
        if not math.isfinite(real_number("length_penalty", self.length_penalty)):
            raise ConfigError(f"length_penalty must be finite, got {self.length_penalty}.")

    @property
    def rows_per_prompt(self) -> int:
        """How many rows of a batch a prompt takes."""
        return self.num_beams

    def write(
        self, network: TextNetwork, prompts: Tensor, numbers: Tensor | None = None, key: int | None = None
    ) -> Tensor:
        """Return responses int64 [B, T]."""
        return beam_search(network, prompts, self.num_beams, self.length_penalty)

    def described(self, network: TextNetwork) -> str:
        """Return what a report says of it."""
        search = f"beam search of {self.num_beams}, length penalty {self.length_penalty:g}"
        warm = "" if network.temperature == 1 else f", temperature {network.temperature:g}"
        return _told(f"{search}{warm}", network)


@dataclass(frozen=True)
class BestOf(Decoding):
    """The best of n samples by a reward.

    A reward that reads the references, such as BLEU, makes it an upper bound: nobody who asks for a translation has
    them.

    Args:
        n: Samples per prompt.
        reward: Who chooses, as ``textgym.make_reward`` takes it; None is the environment's own reward.
        temperature: Divides the logits; None is the policy's own.
    """

    n: int = 8
    reward: Any = None
    temperature: float | None = None

    def __post_init__(self) -> None:
        _check_count("n", self.n)
        _check_temperature(self.temperature)

    @property
    def responses_per_prompt(self) -> int:
        """G, how many responses :meth:`write` gives to each prompt."""
        return self.n

    def write(
        self, network: TextNetwork, prompts: Tensor, numbers: Tensor | None = None, key: int | None = None
    ) -> Tensor:
        """Return responses int64 [B * n, T]; row b * n + g is sample g for prompt b."""
        with _temperature(network, self.temperature):
            return generate(network, prompts, responses_per_prompt=self.n, numbers=numbers, key=key).responses

    def described(self, network: TextNetwork) -> str:
        """Return what a report says of it; who has chosen is for the caller to add."""
        return f"best of {self.n}, {Sampled(self.temperature).described(network)}"


DECODINGS: dict[str, type[Decoding]] = {"greedy": Greedy, "sampled": Sampled, "beam": Beam, "best_of": BestOf}


def make_decoding(spec: Any) -> Decoding:
    """Return the decoding that ``spec`` stands for.

    Args:
        spec: A Decoding; or text, a name with options where wanted: ``"greedy"``, ``"sampled(temperature=0.7)"``,
            ``"beam(num_beams=4)"``, ``"best_of(n=8, reward='chrf')"``.

    Raises:
        ConfigError: An unknown name or option (the nearest one is told), or an option out of range.
    """
    if isinstance(spec, Decoding):
        return spec
    if not isinstance(spec, str):
        raise ConfigError(f"A decoding is text such as 'beam(num_beams=4)', got {spec!r:.60} ({type(spec).__name__}).")
    name, options = _parse(spec)
    if name not in DECODINGS:
        raise ConfigError(f"There is no decoding {name!r}. {did_you_mean(name, DECODINGS)}")
    refuse_unknown(f"The decoding {name!r}", options, DECODINGS[name])
    return DECODINGS[name](**options)


def _parse(text: str) -> tuple[str, Mapping[str, Any]]:
    """Read ``name`` or ``name(option=literal, ...)``; nothing in it is evaluated."""
    try:
        match ast.parse(text.strip(), mode="eval").body:
            case ast.Name(id=name):
                return name, {}
            case ast.Call(func=ast.Name(id=name), args=[], keywords=keywords):
                return name, {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in keywords}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        pass
    known = ", ".join(DECODINGS)
    raise ConfigError(f"A decoding is one of {known}, with options as in 'beam(num_beams=4)', got {text!r:.60}.")


def _told(how: str, network: TextNetwork, *, probabilities: bool = True) -> str:
    """Return how a policy answers with the settings of its distribution that matter beside what is told already.

    Args:
        how: What is told already.
        network: The policy's network.
        probabilities: Whether more than the likeliest token matters, which no truncation leaves out.
    """
    truncation = [str(network.truncation)] if probabilities and network.truncation else []
    penalty = [f"repetition penalty {network.repetition_penalty:g}"] if network.looks_back else []
    return ", ".join([how, *truncation, *penalty])


@contextmanager
def _temperature(network: TextNetwork, temperature: float | None) -> Iterator[None]:
    own = network.temperature
    network.temperature = own if temperature is None else temperature
    try:
        yield
    finally:
        network.temperature = own


def _check_temperature(value: float | None) -> None:
    if value is not None and not 0 < real_number("temperature", value) < math.inf:
        raise ConfigError(f"temperature must be positive and finite, got {value}: for none at all there is 'greedy'.")


def _check_count(name: str, value: int) -> None:
    if whole_number(name, value) < 1:
        raise ConfigError(f"{name} must be at least 1, got {value}.")
