"""The environment in which a draft is edited: an action changes a token, the reward is the change of a metric."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.error import ResetNeeded

from textgym.arguments import reset_options, seed_number, set_generator_state
from textgym.core import BoolArray, Task
from textgym.editing.episodes import EditEpisodes, EditStart
from textgym.editing.oracle import demonstration
from textgym.editing.snapshots import EditState, read_state
from textgym.editing.space import DELETE, INSERT, REPLACE, STOP, EditSpace
from textgym.episodes import PlaysEpisodes
from textgym.judging import PART, restore_reward, reward_state
from textgym.rendering import MODES, ShowsEpisode, View, view_of
from textgym.spaces import EMPTY

Observation = npt.NDArray[np.int32]


class EditEnv(PlaysEpisodes, ShowsEpisode, gym.Env[Observation, Any]):
    """The agent improves a draft by inserting, replacing and deleting tokens, until it stops.

    ## Action Space
    ``MultiDiscrete([4, N, V])``: a kind (0 stop, 1 insert, 2 replace, 3 delete), a position and a token. An insertion
    makes its token the one at the position; a stop ignores the position, and like a deletion the token. With
    ``flat=True`` it is ``Discrete``, one number for each edit (:class:`textgym.editing.actions.EditActions`), which
    suits short drafts over small vocabularies. Illegal are: a position beyond the draft (an insertion may append),
    an insertion into a full draft, a replacement by the same token, special ids and ``banned_tokens``, and kinds that
    ``kinds`` leaves out. An illegal edit changes nothing, costs ``invalid_action_penalty`` and is marked in the
    information; it counts as a step. ``action_masks()`` serves MaskablePPO: flat it is exact; otherwise it masks each
    of the three numbers apart, so that an edit may pass it and still be illegal.

    ## Observation Space
    ``EditSpace``, a ``Box`` of int32 [P + N + 1]. Columns ``[0, P)`` hold the prompt, pushed to the right end; columns
    ``[P, P + N)`` hold the draft, from the left; -1 is empty. The last one tells how many steps are left.

    ## Rewards
    The score of the draft after the edit less that before it, less ``edit_cost`` for an edit that was made. So, costs
    and penalties apart, the rewards of an episode sum to the final score less the initial one.

    ## Starting State
    A sample of the split, drawn uniformly with replacement; ``reset(options={"index": i})`` plays sample i. Its draft
    is always the same.

    ## Episode End
    - Termination: the agent stops; or ``max_edits`` steps were made, when ``on_length="terminate"``.
    - Truncation: ``max_edits`` steps were made, when ``on_length="truncate"``.

    ## Information
    - From ``reset``: ``index`` (int), ``prompt`` (str), ``references`` (list of str), ``draft`` (str).
    - From the last step: ``response`` (str, the draft as it is now), ``finish`` ("stop" or "length"), ``score`` and
      ``initial_score`` (float), ``length`` (int, tokens of the draft), ``edits`` (int, those that changed it). With a
      reward made of others, the score of each of these as ``reward/<name>`` (float).
    - From a step with an illegal edit: ``invalid_action`` (True).

    ## Arguments
    - ``task``, ``split``, ``reward``, ``tokenizer``, ``data``, ``template``, ``max_prompt_tokens``,
      ``banned_tokens``, ``on_length``, ``render_mode``: as for ``TextGenerationEnv``.
    - ``draft=None``: "given" is the text ``draft`` of a sample's metadata (in a file, a column of that name), such as a
      system's output; "corrupted" the first reference with errors; "prompt" the prompt itself; "empty" nothing. None is
      the task's own, else "corrupted".
    - ``corruption=None``: a dict of the arguments of :class:`textgym.corruption.Corruption`; None is the task's own,
      else its defaults.
    - ``kinds=None``: which of "insert", "replace" and "delete" are legal; None is the task's own, else all.
    - ``max_draft_tokens=None``: N; None is the task's own, else half as much again as its ``max_new_tokens``.
    - ``max_edits=None``: the most steps; None is the task's own, else N.
    - ``edit_cost=0.0``: subtracted for each edit that was made.
    - ``invalid_action_penalty=0.1``: subtracted for an illegal edit. (It is less than where tokens are written: an
      agent that learns without masks makes many, and would learn to stop at once.)
    - ``flat=False``: see Action Space.
    - ``overlong=None``: also for a draft of more than N tokens, which "truncate" cuts at its end.
    - Anything else goes to the task's constructor, or with ``data=`` to the reader of the data.

    ## Version History
    - v0: Initial version.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": [*MODES], "render_fps": 4}  # type: ignore[misc]
    episodes: EditEpisodes

    def __init__(self, task: str | Task, *, render_mode: str | None = None, **arguments: Any) -> None:
        self.episodes = EditEpisodes(task, **arguments)
        self.observation_space: EditSpace = self.episodes.space  # type: ignore[assignment]
        self.action_space = self.episodes.actions.space
        self._open_view(render_mode)
        self._start: EditStart | None = None
        self._draft: list[int] = []
        self._text = ""
        self._steps = self._edits = 0
        self._ended = False
        self._score = self._initial_score = self._return = 0.0

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
        self._start, self._draft = None, list(start.draft)
        texts, scores, _ = self.episodes.judge([self._draft], [start.sample])
        self._text, self._score, self._initial_score = texts[0], float(scores[0]), float(scores[0])
        self._start, self._steps, self._edits, self._ended, self._return = start, 0, 0, False, 0.0
        self._show()
        return self._observation(), {**start.info(), "draft": self._text}

    def _observation(self) -> Observation:
        space, row = self.observation_space, np.full(self.observation_space.shape, EMPTY, dtype=np.int32)
        P, ids = space.max_prompt_tokens, [] if self._start is None else self._start.ids
        row[P - len(ids) : P] = ids
        row[P : P + len(self._draft)] = self._draft
        row[-1] = space.max_edits - self._steps
        return row

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Make an edit; return (observation int32 [P + N + 1], reward, terminated, truncated, info).

        Raises:
            InvalidAction: The action is not in the action space.
            ResetNeeded: No episode is going on.
        """
        if self._start is None or self._ended:
            raise ResetNeeded("No episode is going on: call reset() before step(), also after the end of an episode.")
        kind, position, token = self.episodes.actions.read_one(action)
        legal = self._is_legal(kind, position, token)
        self._steps += 1
        self._ended = (legal and kind == STOP) or self._steps == self.observation_space.max_edits
        terminated = self._ended and ((legal and kind == STOP) or self.episodes.on_length == "terminate")
        reward = self._edit(kind, position, token) if legal and kind != STOP else 0.0
        info = self._outcome(legal and kind == STOP) if self._ended else {}
        if not legal:
            reward -= self.episodes.invalid_action_penalty
            info["invalid_action"] = True
        self._return += reward
        self._show()
        return self._observation(), reward, terminated, self._ended and not terminated, info

    def _is_legal(self, kind: int, position: int, token: int) -> bool:
        space, length = self.observation_space, len(self._draft)
        if kind == STOP or not space.is_kind[kind]:
            return kind == STOP
        if kind == DELETE:
            return position < length
        if not space.is_written[token]:
            return False
        if kind == INSERT:
            return position <= length < space.max_draft_tokens
        return position < length and self._draft[position] != token

    def _edit(self, kind: int, position: int, token: int) -> float:
        """Change the draft; return the change of its score, less the cost."""
        assert self._start is not None
        if kind == INSERT:
            self._draft.insert(position, token)
        elif kind == REPLACE:
            self._draft[position] = token
        else:
            del self._draft[position]
        start, before = self._start, self._score
        self._start = None  # if the reward fails, only a reset leads on
        texts, scores, _ = self.episodes.judge([self._draft], [start.sample])
        self._start, self._text, self._score = start, texts[0], float(scores[0])
        self._edits += 1
        return self._score - before - self.episodes.edit_cost

    def _outcome(self, stopped: bool) -> dict[str, Any]:
        """Return what the last step tells."""
        assert self._start is not None
        parts = self.episodes.parts([self._text], [self._start.sample])
        self.episodes.observe(parts)
        told = {"response": self._text, "finish": "stop" if stopped else "length", "score": self._score}
        told |= {"initial_score": self._initial_score, "length": len(self._draft), "edits": self._edits}
        return told | {f"{PART}{name}": float(values[0]) for name, values in parts.items()}

    def action_masks(self) -> BoolArray:
        """Return which actions are legal, bool [4 + N + V] for each number apart, or flat, bool [n]."""
        mask: BoolArray = self.episodes.actions.masks(self._observation()[None])[0]
        return mask

    def demonstration(self) -> npt.NDArray[np.int64]:
        """Return the fewest actions that lead from here to the nearest reference, int64 [K, 3] or flat [K].

        A stop comes last; where more edits are needed than are left, their first ones are returned.

        Raises:
            DataError: There is no reference that the legal edits can reach.
        """
        if self._start is None or self._ended:
            raise ResetNeeded("No episode is going on: call reset() before demonstration().")
        left = self.observation_space.max_edits - self._steps
        return demonstration(self.episodes, self._start, self._draft)[:left]

    def _view(self) -> View | None:
        if self._start is None:
            return None
        return view_of(self._start.sample, self._text, self._return, self._ended, "draft")

    def snapshot(self) -> dict[str, Any]:
        """Return the state of the episode and of the generator, JSON values only, for :meth:`restore`."""
        if self._start is None:
            raise ResetNeeded("There is no episode to take a snapshot of: call reset() first.")
        scores = (self._score, self._return, self.np_random.bit_generator.state, self._initial_score)
        state = EditState(self._start, list(self._draft), *scores, self._steps, self._edits, self._ended)
        return state.to_json() | reward_state(self.episodes.reward)

    def restore(self, snapshot: dict[str, Any]) -> Observation:
        """Go back to a snapshot of an environment with the same arguments; return the observation."""
        state = read_state(self.episodes, snapshot)
        restore_reward(self.episodes.reward, snapshot)
        set_generator_state(self.np_random, state.generator)
        self._start, self._draft, self._score, self._return = state.start, state.tokens, state.score, state.total
        self._initial_score, self._steps, self._edits, self._ended = state[5:]
        self._text = self.episodes.decode([self._draft])[0]
        return self._observation()
