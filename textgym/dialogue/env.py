"""The environment of one dialogue at a time: several turns, and a simulated user who answers."""

from __future__ import annotations

from typing import Any, ClassVar, SupportsIndex

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded

from textgym.arguments import reset_options, seed_number, token_id
from textgym.core import BoolArray, Task
from textgym.dialogue.episodes import DialogueEpisodes
from textgym.dialogue.lanes import DialogueLanes
from textgym.env import LANE, Observation
from textgym.episodes import PlaysEpisodes
from textgym.judging import restore_reward, reward_state
from textgym.rendering import MODES, ShowsEpisode, View
from textgym.simulators.base import fresh_seed
from textgym.spaces import TokenSpace


class DialogueEnv(PlaysEpisodes, ShowsEpisode, gym.Env[Observation, SupportsIndex]):
    """The agent and a simulated user talk in turn, until the goal is reached or the talk ends.

    ## Action Space
    ``Discrete(V)``: the next token of the agent. Its turn ends with the end-of-text token (eos), a stop string, or
    ``max_turn_tokens`` tokens; then the user answers, within the same step. ``action_masks()`` tells what is allowed,
    as in ``TextGenerationEnv``; ``min_new_tokens`` counts anew in each turn.

    ## Observation Space
    ``TokenSpace``, a ``Box(-1, V - 1, (P + T,), int32)``. Columns ``[0, P)`` hold what the user said first, pushed to
    the right end; columns ``[P, P + T)`` hold everything after it, from the left: the agent's tokens, the user's, the
    agent's, and so on; -1 is empty. What the user says ends with the tokenizer's separator, or its eos where it has no
    separator. Only the agent's own tokens are actions: ``info["own"]`` says which columns hold them.

    ## Rewards
    The score of the dialogue is ``(1 - w) * reward + w * sum(turn scores) / max_turns``, w being ``turn_weight``. The
    first part is paid at the end and judges all that the agent said (its turns, a line each; the task's default,
    ``outcome``, judges success, slots and turns). The second is paid with each turn: ``turn_reward`` compares it with
    the references that the simulator gives, if any, for that place.

    ## Starting State
    A sample of the split, drawn uniformly with replacement (``reset(options={"index": i})`` plays sample i), and what
    the simulator says about it, by a chance that is drawn first: with the same seed, a sample that is asked for opens
    as it does when it is drawn.

    ## Episode End
    ``info["finish"]`` is, the first that applies:

    - "goal": the goal is reached (termination). Nobody answers any more.
    - "turns": the agent has had ``max_turns`` turns; termination, or truncation with ``on_length="truncate"``.
    - "user": the user leaves (termination).
    - "length": all T columns are full, after the agent's tokens or after the user's, of which the rest is lost;
      termination or truncation, as with "turns".

    ## Information
    - From ``reset``: ``index`` (int), ``prompt`` (what the user says, str), ``references`` (list of str).
    - From a step that ends a turn: ``turn`` and ``answer`` (str, "" where nobody answers), ``own`` (bool [T]), and
      where it was judged ``turn_score`` (float).
    - From the last step: ``response`` (all that the agent said, str), ``finish``, ``score`` (float), ``length`` (int,
      the agent's tokens), ``turns`` (int), ``success`` (bool), ``slots`` (float, the share of the goal that is right),
      ``transcript`` (list of str, the user first); for a reward made of others ``reward/<name>`` (float).
    - From a step with an id that is not allowed: ``invalid_action`` (True).

    ## Arguments
    - ``task``: a registered name or a ``textgym.dialogue.task.DialogueTask``.
    - ``simulator=None``: who answers, as ``textgym.simulators.make_simulator`` takes it (``"rule(noise=0.2)"``); None
      is the task's own.
    - ``turn_reward=None``, ``turn_weight=None``: the judge of turns and its share; None is the task's own, or one half
      for a judge of yours.
    - ``max_turns=None``, ``max_turn_tokens=None``, ``max_answer_tokens=None``: limits of the agent's turns, of the
      tokens of one of them, and of those of an answer; None is the task's own.
    - ``max_prompt_tokens=None``, ``max_new_tokens=None``: P and T, tokens; None is the task's own.
    - ``missing_eos_penalty=0.0``: subtracted from the reward of each turn that ends without eos or stop string.
    - ``split``, ``reward``, ``tokenizer``, ``data``, ``template``, ``min_new_tokens``, ``banned_tokens``,
      ``stop_at_eos``, ``stop``, ``on_length``, ``invalid_action_penalty``, ``overlong``, ``render_mode``: as for
      ``TextGenerationEnv``. There is no shaping.

    ## Version History
    - v0: Initial version.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": [*MODES], "render_fps": 4}  # type: ignore[misc]

    episodes: DialogueEpisodes

    def __init__(self, task: str | Task, *, render_mode: str | None = None, **arguments: Any) -> None:
        self.episodes = DialogueEpisodes(task, **arguments)
        self.observation_space: TokenSpace = self.episodes.space  # type: ignore[assignment]
        self.action_space = spaces.Discrete(self.episodes.space.vocab_size)
        self._open_view(render_mode)
        self._lane = DialogueLanes(self.episodes, 1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start a dialogue.

        Args:
            seed: A new generator is made from it; None goes on with the present one.
            options: ``{"index": i}`` plays sample i instead of a drawn one.
        """
        chosen = reset_options(options, "index")
        super().reset(seed=seed_number(seed))
        opening = fresh_seed(self.np_random)
        start = self.episodes.start(chosen["index"]) if chosen else self.episodes.draw(self.np_random)
        [opened] = self.episodes.open([start], [opening])
        self._lane.start(LANE, [opened])
        self._show()
        return self._observation(), opened.info()

    def _observation(self) -> Observation:
        observation: Observation = self._lane.observations[0].copy()
        return observation

    def step(self, action: SupportsIndex) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Write a token; return (observation int32 [P + T], reward, terminated, truncated, info).

        Raises:
            InvalidAction: The action is not a whole number in [0, V).
            ResetNeeded: No dialogue is going on.
        """
        if not self._lane.starts or self._lane.ended[0]:
            raise ResetNeeded("No episode is going on: call reset() before step(), also after the end of an episode.")
        token = token_id(action, self.episodes.space.vocab_size)
        played = self._lane.play(LANE, np.array([token]))
        self._show()
        info = {name: _plain(values) for _, columns in played.told for name, values in columns.items()}
        if played.refused[0]:
            info["invalid_action"] = True
        ends = bool(played.terminated[0]), bool(played.truncated[0])
        return self._observation(), float(played.rewards[0]), *ends, info

    def own(self) -> BoolArray:
        """Return which columns after the prompt hold the agent's own tokens, bool [T]."""
        own: BoolArray = self._lane.own[0].copy()
        return own

    def action_masks(self) -> BoolArray:
        """Return which ids are allowed next, bool [V]."""
        mask: BoolArray = self.episodes.space.allowed(self._lane.turn_lengths)[0]
        return mask

    def _view(self) -> View | None:
        return self._lane.views()[0] if self._lane.starts else None

    def snapshot(self) -> dict[str, Any]:
        """Return the state of the dialogue and of the generator, JSON values only, for :meth:`restore`."""
        if not self._lane.starts:
            raise ResetNeeded("There is no episode to take a snapshot of: call reset() first.")
        self._lane.adopt([self.np_random])
        return self._lane.snapshot()[0] | reward_state(self.episodes.reward)

    def restore(self, snapshot: dict[str, Any]) -> Observation:
        """Go back to a snapshot of an environment with the same arguments; return the observation."""
        self._lane.adopt([self.np_random])
        self._lane.restore([snapshot])
        restore_reward(self.episodes.reward, snapshot)
        return self._observation()


def _plain(values: Any) -> Any:
    """Return the one value of an array as Python has it; a row stays an array."""
    value = values[0]
    return value.item() if isinstance(value, np.generic) else value
