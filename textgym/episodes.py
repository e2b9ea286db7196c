"""What the single and the vector environment share: samples of a split, their token ids, how responses are judged.

Nothing here changes while episodes are played, but for one counter and the state of a reward that has one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from gymnasium.envs.registration import EnvSpec

from textgym.arguments import choice, paths_as_strings, real_number, whole_number, whole_numbers
from textgym.core import FloatArray, Sample, Task
from textgym.ends import Ends
from textgym.errors import ConfigError, DataError
from textgym.judging import Judged, reward_state
from textgym.registration import make_reward, option_names
from textgym.rewards.composite import Composite, judge_parts
from textgym.sources import is_source, remembered, resolve_task, split_samples
from textgym.spaces import TokenSpace
from textgym.stopping import make_stop_rule, special_stops
from textgym.templates import make_template
from textgym.tokenizers import Tokenizer, make_tokenizer

MAX_DRAWS = 1000  # with overlong="drop": so many overlong prompts in a row mean that hardly any fits


@dataclass(frozen=True, slots=True)
class Start:
    """An episode before its first token: its sample, and the ids of its prompt, at most P."""

    index: int
    sample: Sample
    ids: list[int]

    def info(self) -> dict[str, Any]:
        """Return what ``reset`` tells; the list of references is the reader's own."""
        return {"index": self.index, "prompt": self.sample.prompt, "references": list(self.sample.references)}


class Episodes(Ends):
    """The arguments of an environment, resolved; :class:`textgym.env.TextGenerationEnv` says what each means.

    Attributes:
        task: The task; with ``data=``, the one made of that data.
        samples: The samples of the split.
        tokenizer: Between text and token ids.
        reward: The judge of responses.
        overlong_count: How often a prompt longer than P was met, and truncated or dropped.
    """

    def __init__(
        self,
        task: str | Task,
        *,
        split: str = "train",
        reward: Any = None,
        tokenizer: Any = None,
        data: Any = None,
        template: str | Mapping[str, Any] = "{prompt}",
        max_prompt_tokens: int | None = None,
        max_new_tokens: int | None = None,
        min_new_tokens: int = 0,
        banned_tokens: Iterable[int] = (),
        stop_at_eos: bool = True,
        stop: str | Iterable[str] = (),
        on_length: Literal["terminate", "truncate"] = "terminate",
        shaping: Literal["potential"] | None = None,
        potential_at: Literal["token", "word"] = "token",
        discount: float = 1.0,
        reward_delay: int = 0,
        invalid_action_penalty: float = 1.0,
        missing_eos_penalty: float = 0.0,
        overlong: Literal["error", "truncate", "drop"] | None = None,
        **options: Any,
    ) -> None:
        self.task = resolve_task(task, data, options, known=self.argument_names())
        by_name = isinstance(task, str) and (data is None or is_source(task, data))
        self._recipe = (task, data, options) if by_name else None
        self.split = split
        self.samples = split_samples(self.task, split)
        self.reward = make_reward(self.task.reward if reward is None else reward)
        self.tokenizer: Tokenizer = remembered(self.task.tokenizer) if tokenizer is None else make_tokenizer(tokenizer)
        rule = make_stop_rule(stop, self.tokenizer)
        stop_ids = special_stops(rule.strings, self.tokenizer)
        space = TokenSpace(
            self.tokenizer.vocab_size,
            self._length("max_prompt_tokens", max_prompt_tokens),
            self._length("max_new_tokens", max_new_tokens),
            _eos_id(self.tokenizer, needed=not rule) if stop_at_eos else None,
            whole_number("min_new_tokens", min_new_tokens),
            _banned(self.tokenizer, banned_tokens, stop_at_eos, stop_ids),
            rule,
        )
        super().__init__(space, on_length, missing_eos_penalty)
        self.template = make_template(template, self.tokenizer)
        overlong = getattr(self.task, "overlong", "error") if overlong is None else overlong
        self.overlong = choice("overlong", overlong, ("error", "truncate", "drop"))
        self.shaping = None if shaping is None else choice("shaping", shaping, ["potential"])
        self.discount = real_number("discount", discount)
        self.reward_delay = min(whole_number("reward_delay", reward_delay), space.max_new_tokens)
        self.invalid_action_penalty = real_number("invalid_action_penalty", invalid_action_penalty)
        self.has_state = bool(reward_state(self.reward))
        self.overlong_count = 0
        self.potential_at = choice("potential_at", potential_at, ["token", "word"])
        self._check_values()

    def _length(self, name: str, given: int | None) -> int:
        return whole_number(name, getattr(self.task, name) if given is None else given)

    def _check_values(self) -> None:
        if not 0.0 <= self.invalid_action_penalty < np.inf:
            raise ConfigError(f"invalid_action_penalty is a cost, so at least 0, got {self.invalid_action_penalty}.")
        if not 0.0 <= self.discount <= 1.0:
            raise ConfigError(f"discount must lie in [0, 1], got {self.discount}.")
        if self.reward_delay < 0:
            raise ConfigError(f"reward_delay is in steps, so at least 0, got {self.reward_delay}.")
        if self.shaping is None and self.reward_delay:
            raise ConfigError(
                f"reward_delay={self.reward_delay} is for rewards on every step: pass shaping='potential' too, or drop "
                "it (without shaping the score comes at the end anyway)."
            )
        if self.shaping is None and self.potential_at != "token":
            raise ConfigError(f"potential_at={self.potential_at!r} is for shaping: pass shaping='potential' too.")
        if self.shaping is None and self.discount != 1.0:
            raise ConfigError(
                f"discount={self.discount} is the discount of the shaping: pass shaping='potential' too, or drop it."
            )

    def __deepcopy__(self, memo: dict[int, Any]) -> Episodes:
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(self.__dict__)  # the counter and the space's generator are its own; the rest never changes
        twin.space = copy.deepcopy(self.space, memo)
        if self.has_state:
            twin.reward = copy.deepcopy(self.reward, memo)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Leave the samples behind, and a task that can be built by its name; data of files is opened again."""
        left = {"samples"} if self._recipe is None else {"samples", "task"}
        return {name: value for name, value in self.__dict__.items() if name not in left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._recipe is not None:
            self.task = resolve_task(*self._recipe, known=self.argument_names())
        self.samples = split_samples(self.task, self.split)

    def start(self, index: int) -> Start:
        """Return the start of the episode that plays sample ``index``.

        Raises:
            ConfigError: There is no such sample.
            DataError: Its prompt has no tokens, or more than P and ``overlong`` is not "truncate".
        """
        number = self._checked(index)
        start = self._start(number)
        if start is None:
            raise self._overlong_error(number)
        return start

    def draw(self, rng: np.random.Generator) -> Start:
        """Return the start of an episode whose sample is drawn uniformly, with replacement."""
        for _ in range(MAX_DRAWS):
            index = int(rng.integers(len(self.samples)))
            start = self._start(index)
            if start is not None:
                return start
            if self.overlong == "error":
                raise self._overlong_error(index)
        raise DataError(f"{MAX_DRAWS} prompts in a row, drawn from {self._where}, {self._overlong_told()}.")

    def _overlong_told(self) -> str:
        P = self.space.max_prompt_tokens
        return f"had more than max_prompt_tokens={P} tokens: raise it, or pass overlong='truncate'"

    def fits(self, index: int) -> bool:
        """Whether :meth:`start` can play sample ``index``; with ``overlong="drop"`` an evaluation skips the others."""
        sample = self.samples[self._checked(index)]
        return self.overlong == "truncate" or len(self.template.ids(sample.prompt)) <= self.space.max_prompt_tokens

    def _start(self, index: int) -> Start | None:
        """Return None when the prompt does not fit."""
        sample, P = self.samples[index], self.space.max_prompt_tokens
        ids = self.template.ids(sample.prompt)
        if not ids:
            raise DataError(f"The prompt of {self._told(index)} has no tokens: {sample.prompt!r}.")
        if len(ids) <= P:
            return Start(index, sample, ids)
        self.overlong_count += self.overlong != "error"
        cut = self.overlong == "truncate"
        return Start(index, sample, self.template.shortened(sample.prompt, P)) if cut else None

    def _checked(self, index: int) -> int:
        number = whole_number("A sample's index", index)
        if not 0 <= number < len(self.samples):
            raise ConfigError(f"A sample's index in {self._where} lies in [0, {len(self.samples)}), got {number}.")
        return number

    @property
    def _where(self) -> str:
        return f"the split {self.split!r} of the task {self.task.name!r}"

    def _told(self, index: int) -> str:
        """Name a sample, with its file and line where it has them."""
        place = getattr(self.samples, "where", None)
        return f"sample {index} in {self._where}" + (f" ({place(index)})" if place else "")

    def _overlong_error(self, index: int) -> DataError:
        tokens = len(self.template.ids(self.samples[index].prompt))
        remedy = "choose another index" if self.overlong == "drop" else "pass overlong='truncate' or overlong='drop'"
        return DataError(
            f"The prompt of {self._told(index)} has {tokens} tokens, more than "
            f"max_prompt_tokens={self.space.max_prompt_tokens}: raise it, or {remedy}."
        )

    def decode(self, responses: Sequence[list[int]]) -> list[str]:
        """Return responses as text; a last eos is no part of it, nor is what stands from a stop string on."""
        contents = [ids[:-1] if ids and ids[-1] == self.eos else ids for ids in responses]
        texts = self.tokenizer.decode_batch(contents)
        return [self.space.stop.cut(text) for text in texts] if self.space.stop else texts

    def judge(self, responses: Sequence[list[int]], samples: Sequence[Sample]) -> Judged:
        """Return the responses as text, their scores and those of the reward's parts."""
        texts = self.decode(responses)
        return Judged(texts, *judge_parts(self.reward, texts, samples))

    def parts(self, texts: Sequence[str], samples: Sequence[Sample]) -> dict[str, FloatArray]:
        """Return the scores of the parts of a reward that is made of others, float64 [N] each; else nothing."""
        return self.reward.parts(texts, samples) if isinstance(self.reward, Composite) else {}

    def observe(self, parts: dict[str, FloatArray]) -> None:
        """Let a reward with a state learn from finished responses, on the split "train" only."""
        if self.has_state and self.split == "train" and isinstance(self.reward, Composite):
            self.reward.observe(parts)

    @classmethod
    def argument_names(cls) -> list[str]:
        """Return the names that a misspelt argument may have meant."""
        return [
            *(name for kind in cls.__mro__ if issubclass(kind, Episodes) for name in option_names(kind)),
            "render_mode",
        ]


class PlaysEpisodes:
    """What both environments tell about the episodes that they play."""

    episodes: Episodes
    _spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """What ``gym.make`` was told, with paths as strings, so that it can be written as JSON."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        if spec is not None:
            spec.kwargs = {name: paths_as_strings(value) for name, value in spec.kwargs.items()}
        self._spec = spec

    @property
    def shaping(self) -> str | None:
        """How the reward is spread over the steps: None or "potential"."""
        return self.episodes.shaping

    @property
    def discount(self) -> float:
        """The discount of the shaping, which must be the algorithm's."""
        return self.episodes.discount

    @property
    def num_samples(self) -> int:
        """How many samples the split has."""
        return len(self.episodes.samples)


def _eos_id(tokenizer: Tokenizer, needed: bool) -> int | None:
    if tokenizer.eos_id is None and needed:
        raise ConfigError(
            f"The tokenizer {tokenizer.signature} has no end-of-text token, so no response could end by itself: pass "
            "stop=... (a string that ends a response), a tokenizer that has one, or stop_at_eos=False to let only the "
            "length end a response."
        )
    return tokenizer.eos_id


def _banned(
    tokenizer: Tokenizer, banned_tokens: Iterable[int], stop_at_eos: bool, stop_ids: Iterable[int]
) -> list[int]:
    eos = [] if stop_at_eos or tokenizer.eos_id is None else [tokenizer.eos_id]
    unwritten = {*tokenizer.special_ids, *eos} - {*stop_ids}
    return [*whole_numbers("banned_tokens", banned_tokens), *unwritten]
