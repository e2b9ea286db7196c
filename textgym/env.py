"""The environment of one episode at a time: an action is a token, the reward is a metric of the response."""

from __future__ import annotations

from typing import Any, ClassVar, SupportsIndex

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.error import ResetNeeded

from textgym.arguments import SNAPSHOT, reset_options, seed_number, set_generator_state, snapshot_values, token_id
from textgym.core import BoolArray, Sample, Task
from textgym.delays import UNPAID, Unpaid, owed_in
from textgym.drafts import Drafts
from textgym.episodes import Episodes, PlaysEpisodes, Start
from textgym.judging import PART, Judged, restore_reward, reward_state
from textgym.rendering import MODES, ShowsEpisode, View, view_of
from textgym.spaces import EMPTY, TokenSpace

Observation = npt.NDArray[np.int32]
LANE = np.array([0])  # the only one


class TextGenerationEnv(PlaysEpisodes, ShowsEpisode, gym.Env[Observation, SupportsIndex]):
    """The agent answers a prompt, token by token, and a metric judges the response.

    ## Action Space
    ``Discrete(V)``: the next token, V being the size of the tokenizer's vocabulary. The end-of-text token (eos) is an
    action like any other. ``action_masks()`` tells what is allowed: not the tokenizer's special ids, not
    ``banned_tokens``, and no eos before ``min_new_tokens``. An id in the space that is not allowed is carried out all
    the same, costs ``invalid_action_penalty`` and is marked in the information.

    ## Observation Space
    ``TokenSpace``, a ``Box(-1, V - 1, (P + T,), int32)``. Columns ``[0, P)`` hold the prompt, pushed to the right end;
    columns ``[P, P + T)`` hold the response, from the left; -1 is empty. So ``observation >= 0`` is the mask.

    ## Rewards
    0 until the end, then the score of the response. With ``shaping="potential"`` each step pays
    ``discount * Phi(s') - Phi(s)``, where Phi is the score of the text so far and 0 before the first token; the last
    step pays ``score - Phi(s)``. With a discount of 1 they sum to the score, and for any discount, if the algorithm
    uses the same one, the best policies stay the best ones (Ng, Harada and Russell, 1999, theorem 1). With
    ``potential_at="word"`` Phi is the score of the words that white space follows, 0 before the first: it changes only
    when a word is complete, and for scripts without spaces at the end only. With ``reward_delay=k`` a step pays what
    the one k steps before earned, penalties included, and the last step all that is left: the sum is the same, and with
    k = T everything comes at the end. (:mod:`textgym.delays` says what that does to the best policies.)

    ## Starting State
    A sample of the split, drawn uniformly with replacement; ``reset(options={"index": i})`` plays sample i.

    ## Episode End
    - Termination: the eos is written, or a token that completes a stop string; or T tokens are, when
      ``on_length="terminate"``.
    - Truncation: T tokens are written without either, when ``on_length="truncate"``.

    ## Information
    - From ``reset``: ``index`` (int), ``prompt`` (str), ``references`` (list of str).
    - From the last step: ``response`` (str), ``finish`` ("eos", "stop" or "length"), ``score`` (float), ``length``
      (int, all tokens). The response is the text before the eos or the first stop string. With a reward made of others,
      the score of each of these as ``reward/<name>`` (float).
    - From a step with an id that is not allowed: ``invalid_action`` (True).

    ## Arguments
    - ``task``: a registered name (``textgym.list_tasks()``) or a ``Task``.
    - ``split="train"``: which samples are played.
    - ``reward=None``: as ``textgym.make_reward`` takes it; None is the task's own.
    - ``tokenizer=None``: as ``textgym.tokenizers.make_tokenizer`` takes it; None is the task's own.
    - ``data=None``: the name of another source of the task, or the user's own samples (``textgym.data.load`` lists what
      it may be).
    - ``template="{prompt}"``: the text that is encoded as the prompt; for the tokenizer of an instruct model "chat" or
      ``{"chat": "Translate: {prompt}", "system": "You ..."}``: its chat template, up to where the response begins.
    - ``max_prompt_tokens=None``, ``max_new_tokens=None``: P and T, tokens; None is the task's own.
    - ``min_new_tokens=0``, ``banned_tokens=()``: what is not allowed.
    - ``stop_at_eos=True``: False lets only the length end a response, as it must with a tokenizer that has no eos.
    - ``stop=()``: a string or several, at the first of which a response ends; also special tokens of the tokenizer
      (``"<end_of_turn>"``), which may then be written. ``min_new_tokens`` holds back the eos only.
    - ``on_length="terminate"``: or "truncate", when T is no part of the task but a limit of the training.
    - ``shaping=None``, ``potential_at="token"``, ``discount=1.0``, ``reward_delay=0``: see Rewards.
    - ``invalid_action_penalty=1.0``: subtracted from the reward of a step whose id is not allowed.
    - ``missing_eos_penalty=0.0``: subtracted from the last reward of a response that ends without eos; ``score`` is not
      touched.
    - ``overlong=None``: a prompt of more than P tokens is an "error", or keeps its end ("truncate"), or is passed over
      for another draw ("drop"); None is the task's own, else "error". ``env.unwrapped.episodes.overlong_count`` counts.
    - ``render_mode=None``: or "ansi" (lines of text), "human" (in the terminal, while it is played), "html" (a page),
      "rgb_array" (uint8 [480, 720, 3], needs Pillow). No mode lets a control character of a text through.
    - Anything else goes to the task's constructor, or with ``data=`` to the reader of the data.

    ## Version History
    - v0: Initial version.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": [*MODES], "render_fps": 4}  # type: ignore[misc]

    def __init__(self, task: str | Task, *, render_mode: str | None = None, **arguments: Any) -> None:
        self.episodes = Episodes(task, **arguments)
        self.observation_space: TokenSpace = self.episodes.space  # type: ignore[assignment]
        self.action_space = spaces.Discrete(self.episodes.space.vocab_size)
        self._open_view(render_mode)
        self._start: Start | None = None
        self._observation = np.full(self.episodes.space.shape, EMPTY, dtype=np.int32)
        self._tokens: list[int] = []
        self._matched = 0  # how far the end of the response matches a stop string
        self._ended = False
        self._potential = 0.0
        self._return = 0.0
        self._drafts: Drafts | None = None  # with shaping; made anew from the tokens where it is missing
        delay = self.episodes.reward_delay
        self._unpaid = Unpaid(1, delay) if delay else None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_drafts": None}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode.

        Args:
            seed: A new generator is made from it; None goes on with the present one.
            options: ``{"index": i}`` plays sample i instead of a drawn one.
        """
        chosen = reset_options(options, "index")
        super().reset(seed=seed_number(seed))
        start = self.episodes.start(chosen["index"]) if chosen else self.episodes.draw(self.np_random)
        self._play(start, [])
        self._show()
        return self._observation.copy(), start.info()

    def _play(self, start: Start, tokens: list[int]) -> None:
        """Stand after ``tokens`` of the response."""
        P = self.episodes.space.max_prompt_tokens
        self._start, self._tokens = start, tokens
        self._matched = self.episodes.space.stop.follow(tokens)
        self._ended = bool(tokens) and bool(self.episodes.ends(tokens[-1], self._matched, len(tokens)))
        self._potential = self._return = 0.0
        self._drafts = None
        if self._unpaid is not None:
            self._unpaid.clear(LANE)
        self._observation[:] = EMPTY
        self._observation[P - len(start.ids) : P] = start.ids
        self._observation[P : P + len(tokens)] = tokens

    def step(self, action: SupportsIndex) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Write a token; return (observation int32 [P + T], reward, terminated, truncated, info).

        Raises:
            InvalidAction: The action is not a whole number in [0, V).
            ResetNeeded: No episode is going on.
        """
        if self._start is None or self._ended:
            raise ResetNeeded("No episode is going on: call reset() before step(), also after the end of an episode.")
        token, written = token_id(action, self.episodes.space.vocab_size), len(self._tokens)
        refused = self.episodes.refused(token, written)
        self._observation[self.episodes.space.max_prompt_tokens + written] = token
        self._tokens.append(token)
        self._matched = self.episodes.space.stop.follow([token], self._matched)
        self._ended = bool(self.episodes.ends(token, self._matched, written + 1))
        terminated = self._ended and bool(self.episodes.terminates(token, self._matched))
        reward, info = self._judged()
        if self._ended:
            reward -= float(self.episodes.unfinished(token, self._matched))
        if refused:
            reward -= self.episodes.invalid_action_penalty
            info["invalid_action"] = True
        if self._unpaid is not None:
            reward = float(self._unpaid.pay(LANE, np.array([reward]), np.array([self._ended]))[0])
        self._return += reward
        self._show()
        return self._observation.copy(), reward, terminated, self._ended and not terminated, info

    def _judged(self) -> tuple[float, dict[str, Any]]:
        """Return the reward of the step just made, penalties apart, and what its end tells."""
        if self._start is None or not (self._ended or self.shaping):
            return 0.0, {}
        texts, scores, parts = self._scored(self._start.sample)
        score, before = float(scores[0]), self._potential
        self._potential = score
        if not self._ended:
            return self.discount * score - before, {}
        self.episodes.observe(parts)
        finish = self.episodes.finish(self._tokens[-1], self._matched)
        told = {"response": texts[0], "finish": finish, "score": score, "length": len(self._tokens)}
        return score - before, told | {f"{PART}{name}": float(values[0]) for name, values in parts.items()}

    def _scored(self, sample: Sample) -> Judged:
        """Return the response as text and its score or, before its end, its potential, one of each."""
        if not self.shaping:
            return self.episodes.judge([self._tokens], [sample])
        *before, token = self._tokens
        self._drafts = self._drafts or Drafts(self.episodes, [sample], [before])
        texts, scores = self._drafts.write([0], [token], [self._ended])
        return Judged(texts, scores, self.episodes.parts(texts, [sample]) if self._ended else {})

    def action_masks(self) -> BoolArray:
        """Return which ids are allowed next, bool [V]."""
        mask: BoolArray = self.episodes.space.allowed(np.array([len(self._tokens)]))[0]
        return mask

    def _view(self) -> View | None:
        if self._start is None:
            return None
        return view_of(self._start.sample, self.episodes.decode([self._tokens])[0], self._return, self._ended)

    def snapshot(self) -> dict[str, Any]:
        """Return the state of the episode and of the generator, JSON values only, for :meth:`restore`."""
        if self._start is None:
            raise ResetNeeded("There is no episode to take a snapshot of: call reset() first.")
        state = self.np_random.bit_generator.state
        values = (self._start.index, list(self._tokens), self._potential, self._return, state)
        owed = {} if self._unpaid is None else {UNPAID: self._unpaid.owed(0)}
        return dict(zip(SNAPSHOT, values, strict=True)) | owed | reward_state(self.episodes.reward)

    def restore(self, snapshot: dict[str, Any]) -> Observation:
        """Go back to a snapshot of an environment with the same arguments; return the observation."""
        index, tokens, potential, total, generator = snapshot_values(snapshot)
        start, tokens = self.episodes.start(index), self.episodes.checked_tokens(tokens)
        owed = owed_in(snapshot, self.episodes.reward_delay)
        restore_reward(self.episodes.reward, snapshot)
        set_generator_state(self.np_random, generator)
        self._play(start, tokens)
        self._potential, self._return = float(potential), float(total)
        if self._unpaid is not None:
            self._unpaid.load(0, owed)
        return self._observation.copy()
