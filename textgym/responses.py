"""Whole responses: how a batch of them is checked, judged and demonstrated, without stepping token by token."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textgym.core import BoolArray, FloatArray, IntArray, Sample
from textgym.delays import delayed
from textgym.drafts import potentials
from textgym.episodes import Episodes, Start
from textgym.errors import ConfigError, DataError
from textgym.judging import PART, Judged
from textgym.spaces import EMPTY
from textgym.stopping import special_stops


class Prompts(NamedTuple):
    """Prompts to answer.

    Attributes:
        ids: int32 [N, P], padded on the left with -1.
        index: int64 [N], the sample of each row.
    """

    ids: npt.NDArray[np.int32]
    index: npt.NDArray[np.int64]  # type: ignore[assignment]  # hides tuple.index


class Endings(NamedTuple):
    """How N responses end, int [N] each.

    Attributes:
        tokens: Their last ids.
        matched: The states of the space's stop rule after them.
        lengths: Tokens, the last one included.
    """

    tokens: IntArray
    matched: IntArray
    lengths: IntArray


class Scores(NamedTuple):
    """What an environment pays for N responses of at most T tokens.

    Attributes:
        rewards: float64 [N, T], the reward of each token, 0 after the last.
        terminated: bool [N].
        truncated: bool [N].
        infos: Arrays [N] by key: ``response`` and ``finish`` (str), ``score`` (float64), ``length`` (int64); with a
            reward made of others, ``reward/<name>`` (float64) for each of these.
    """

    rewards: FloatArray
    terminated: BoolArray
    truncated: BoolArray
    infos: dict[str, npt.NDArray[Any]]


class Demonstrations(NamedTuple):
    """References as token ids, to learn from.

    Attributes:
        prompts: int32 [N, P], padded on the left with -1.
        responses: int32 [N, T], padded on the right with -1; they end with eos unless ``cut``.
        lengths: int64 [N].
        index: int64 [N], the sample of each row.
        cut: bool [N], whether the reference and its eos are longer than T, so that its end is missing.
        own: bool [N, T], in dialogues, which of ``responses`` are the agent's own tokens; None for all.
    """

    prompts: npt.NDArray[np.int32]
    responses: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int64]
    index: npt.NDArray[np.int64]  # type: ignore[assignment]  # hides tuple.index
    cut: BoolArray
    own: BoolArray | None = None


def pack_prompts(starts: Sequence[Start], max_prompt_tokens: int) -> Prompts:
    """Return the prompts of episodes as arrays, pushed to the right end of P columns."""
    ids = np.full((len(starts), max_prompt_tokens), EMPTY, dtype=np.int32)
    lengths = np.array([len(start.ids) for start in starts], dtype=np.int64)
    filled = np.arange(max_prompt_tokens) >= max_prompt_tokens - lengths[:, None]
    ids[filled] = np.fromiter(chain.from_iterable([start.ids for start in starts]), np.int32, lengths.sum())
    return Prompts(ids, np.array([start.index for start in starts], dtype=np.int64))


def check_responses(episodes: Episodes, responses: IntArray, lengths: IntArray, rows: int) -> None:
    """Refuse arrays that no sequence of steps could have produced.

    Raises:
        ConfigError: A shape, dtype, length or id is wrong, or a row ends too early or too late.
    """
    T, V = episodes.space.max_new_tokens, episodes.space.vocab_size
    for name, array, shape in (("responses", responses, (rows, T)), ("lengths", lengths, (rows,))):
        if array.shape != shape or not np.issubdtype(array.dtype, np.integer):
            raise ConfigError(f"{name} must be whole numbers of shape {shape}, got {array.dtype} {array.shape}.")
    _refuse((lengths < 1) | (lengths > T), f"has a length outside [1, {T}]", lengths)
    written = np.arange(T) < lengths[:, None]
    outside = np.where(written, (responses < 0) | (responses >= V), responses != EMPTY).any(axis=1)
    _refuse(outside, f"must hold ids in [0, {V}) up to its length and {EMPTY} after it", responses)
    ends = episodes.ends(responses, episodes.space.stop.along(responses), np.arange(1, T + 1)) & written
    where = f"at its first eos or stop string, or at {T} tokens"
    _refuse(ends.sum(axis=1) != 1, f"must end {where}, and nowhere else", responses)
    _refuse(~ends[np.arange(rows), lengths - 1], f"must end {where}", responses)


def _refuse(wrong: BoolArray | np.bool_, what: str, values: IntArray) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ConfigError(f"Response row {row} {what}, got {values[row].tolist()}.")


def judge_responses(episodes: Episodes, responses: IntArray, lengths: IntArray, samples: Sequence[Sample]) -> Scores:
    """Return what stepping through ``responses`` would have paid, with one call of the reward.

    Args:
        episodes: The environment's arguments.
        responses: [N, T], padded on the right with -1.
        lengths: [N], each in [1, T].
        samples: N samples, each the one that its row answers.
    """
    N, T = responses.shape
    ids = [row[:length] for row, length in zip(responses.tolist(), lengths.tolist(), strict=True)]
    final = (np.arange(N), lengths - 1)
    if episodes.shaping is None:
        rewards = np.zeros((N, T))
        judged = episodes.judge(ids, samples)
        rewards[final] = judged.scores
    else:
        texts, potential = potentials(episodes, ids, samples)  # [N, T + 1]
        judged = Judged(texts, potential[np.arange(N), lengths], episodes.parts(texts, samples))
        # the end of an episode has no potential, but it pays the score: what remains of it, undiscounted
        discount = np.full((N, T), episodes.discount)
        discount[final] = 1.0
        rewards = np.where(responses != EMPTY, discount * potential[:, 1:] - potential[:, :-1], 0.0)
    refused = episodes.refused(responses, np.arange(T)) & (responses != EMPTY)
    rewards -= episodes.invalid_action_penalty * refused
    last = Endings(responses[final], episodes.space.stop.along(responses)[final], lengths)
    rewards[final] -= episodes.unfinished(last.tokens, last.matched)
    if episodes.reward_delay:
        rewards = delayed(rewards, lengths, episodes.reward_delay)
    episodes.observe(judged.parts)
    terminated = episodes.terminates(last.tokens, last.matched)
    return Scores(rewards, terminated, ~terminated, end_infos(episodes, last, judged))


def start_infos(starts: Sequence[Start]) -> dict[str, npt.NDArray[Any]]:
    """Return what ``reset`` tells of N episodes, arrays [N]."""
    infos = [start.info() for start in starts]
    return {
        "index": np.array([info["index"] for info in infos], dtype=np.int64),
        "prompt": np.array([info["prompt"] for info in infos], dtype=object),
        "references": np.fromiter((info["references"] for info in infos), dtype=object, count=len(infos)),
    }


def end_infos(episodes: Episodes, last: Endings, judged: Judged) -> dict[str, npt.NDArray[Any]]:
    """Return what the last step of N episodes tells, arrays [N], from how they end, their texts and scores."""
    pairs = zip(last.tokens.tolist(), last.matched.tolist(), strict=True)
    return {
        "response": np.array(judged.texts, dtype=object),
        "finish": np.array([episodes.finish(token, matched) for token, matched in pairs], dtype=object),
        "score": np.asarray(judged.scores, dtype=np.float64),
        "length": np.asarray(last.lengths, dtype=np.int64),
        **{f"{PART}{name}": values for name, values in judged.parts.items()},
    }


def demonstrate(episodes: Episodes, starts: Sequence[Start], rng: np.random.Generator) -> Demonstrations:
    """Return one reference of each sample, drawn uniformly, as the response that would have written it.

    It ends with the eos, without one with the first stop string; a stop string within the reference ends it before.

    Raises:
        DataError: A sample has no reference.
    """
    T = episodes.space.max_new_tokens
    responses = np.full((len(starts), T), EMPTY, dtype=np.int32)
    lengths, cut = np.zeros(len(starts), dtype=np.int64), np.zeros(len(starts), dtype=bool)
    for row, start in enumerate(starts):
        references = start.sample.references
        if not references:
            raise DataError(f"Sample {start.index} has no reference to learn from: {start.sample.prompt!r}.")
        ids = _demonstration(episodes, references[int(rng.integers(len(references)))])
        lengths[row], cut[row] = min(len(ids), T), len(ids) > T
        responses[row, : lengths[row]] = ids[:T]
    prompts = pack_prompts(starts, episodes.space.max_prompt_tokens)
    return Demonstrations(prompts.ids, responses, lengths, prompts.index, cut)


def _demonstration(episodes: Episodes, reference: str) -> list[int]:
    encode, space = episodes.tokenizer.encode, episodes.space
    if space.eos_id is not None:
        ids = [*encode(reference), space.eos_id]
    elif special := special_stops(space.stop.strings[:1], episodes.tokenizer):
        ids = [*encode(reference), *special]
    else:
        ids = encode(reference + "".join(space.stop.strings[:1]))  # together, as a model would write them
    stops = np.flatnonzero(space.stop.has_stopped(space.stop.along(np.array([ids], dtype=np.int64))[0]))
    return ids[: stops[0] + 1] if len(stops) else ids
