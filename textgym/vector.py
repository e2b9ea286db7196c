"""Many episodes at once, in arrays: equal to single environments step by step, with a path for whole responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from textgym.arguments import choice, lane_mask, lane_seeds, reset_options, token_ids, whole_number
from textgym.core import BoolArray, FloatArray, IntArray, Task
from textgym.episodes import Episodes, PlaysEpisodes, Start
from textgym.errors import ConfigError
from textgym.judging import restore_reward, reward_state
from textgym.lanes import Lanes
from textgym.rendering import MODES, ShowsLanes, View
from textgym.responses import (
    Demonstrations,
    Prompts,
    Scores,
    check_responses,
    demonstrate,
    end_infos,
    judge_responses,
    pack_prompts,
    start_infos,
)

Observations = npt.NDArray[np.int32]
Infos = dict[str, Any]


class TextGenerationVectorEnv(PlaysEpisodes, ShowsLanes, VectorEnv[Observations, IntArray, npt.NDArray[Any]]):
    """``num_envs`` lanes of :class:`textgym.env.TextGenerationEnv`; lane i with seed s is that environment with s + i.

    Observations are int32 [num_envs, P + T], actions whole numbers [num_envs], infos Gymnasium's arrays with masks.
    A learner that writes whole responses uses :meth:`begin` and :meth:`score` in place of :meth:`step`.

    Args:
        task: As for the single environment, like all arguments that are not listed here.
        num_envs: How many lanes.
        autoreset_mode: "NextStep", "SameStep" or "Disabled" (Gymnasium's ``AutoresetMode``).
        render_mode: As for the single environment; ``render`` returns a tuple, one of each lane.
        arguments: As for the single environment.
    """

    whole_responses = True  # whether begin() and score() can play the episodes
    episodes_class: type[Episodes] = Episodes
    lanes_class: type[Lanes] = Lanes
    metadata: dict[str, Any] = {"render_modes": [*MODES], "render_fps": 4}  # noqa: RUF012  (Gymnasium's declaration)

    def __init__(
        self,
        task: str | Task,
        *,
        num_envs: int = 1,
        autoreset_mode: str | AutoresetMode = "NextStep",
        render_mode: str | None = None,
        **arguments: Any,
    ) -> None:
        self.num_envs = whole_number("num_envs", num_envs)
        if self.num_envs < 1:
            raise ConfigError(f"num_envs must be at least 1, got {num_envs}.")
        mode = autoreset_mode.value if isinstance(autoreset_mode, AutoresetMode) else autoreset_mode
        self.autoreset_mode = AutoresetMode(choice("autoreset_mode", mode, [known.value for known in AutoresetMode]))
        self.metadata = self.metadata | {"autoreset_mode": self.autoreset_mode}
        self._open_view(render_mode)
        self.episodes = self.episodes_class(task, **arguments)
        self.single_observation_space = self.episodes.space
        self.single_action_space = spaces.Discrete(self.episodes.space.vocab_size)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._lanes = self.lanes_class(self.episodes, self.num_envs)
        self._begun: tuple[list[Start], int] | None = None  # what begin() handed out and score() has not judged yet

    @property  # type: ignore[misc]  # as SyncVectorEnv does, a tuple that cannot be set
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The generators of the lanes."""
        return tuple(self._lanes.generators)

    @property
    def np_random_seed(self) -> tuple[int | None, ...]:  # type: ignore[override]
        """The seeds of the lanes' generators."""
        return tuple(self._lanes.seeds)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observations, Infos]:
        """Start an episode in every lane, or in those of ``options["reset_mask"]``.

        Args:
            seed: s gives lane i the seed s + i; a sequence gives each lane its own, or None to go on as it is.
            options: ``index``, whole numbers [num_envs], plays these samples; ``reset_mask`` is bool [num_envs].
        """
        chosen = reset_options(options, "index", "reset_mask")
        lanes = np.flatnonzero(lane_mask(chosen.get("reset_mask"), self.num_envs))
        if not self._lanes.starts and len(lanes) < self.num_envs:
            raise ResetNeeded("The first reset() is for all lanes: leave options['reset_mask'] out.")
        seeds = lane_seeds(seed, self.num_envs)
        starts = self._chosen(chosen["index"], lanes) if "index" in chosen else None
        self._lanes.seed(lanes, seeds)
        self._begun = None
        infos = self._start(lanes, starts)
        self._show()
        return self.observations(), infos

    def _chosen(self, index: Any, lanes: IntArray) -> list[Start]:
        numbers = np.asarray(index)
        if numbers.shape != (self.num_envs,):
            raise ConfigError(f"options['index'] must have shape ({self.num_envs},), got {numbers.shape}.")
        return [self.episodes.start(number) for number in numbers[lanes]]

    def _start(self, lanes: IntArray, starts: list[Start] | None = None) -> Infos:
        """Start episodes in ``lanes``, drawn ones unless given; return what there is to tell."""
        starts = self._lanes.draw(lanes) if starts is None else starts
        self._lanes.start(lanes, starts)
        return self._lanes.info(lanes, start_infos(starts))

    def step(self, actions: IntArray) -> tuple[Observations, FloatArray, BoolArray, BoolArray, Infos]:
        """Write a token in each lane that plays, and start new episodes as ``autoreset_mode`` says.

        Returns:
            Observations int32 [num_envs, P + T]; rewards float64, terminated and truncated bool [num_envs]; infos.

        Raises:
            InvalidAction: The action of a lane that plays is not a whole number in [0, V).
            ResetNeeded: There was no reset; or, in mode Disabled, an ended lane was not reset.
        """
        self._refuse_unless_ready()
        waiting = self._waiting()
        lanes = np.flatnonzero(~self._lanes.ended) if len(waiting) else self._lanes.all
        tokens = token_ids(actions, lanes, self.num_envs, self.episodes.space.vocab_size)
        refused = self.episodes.refused(tokens, self._lanes.lengths[lanes])
        ends = self._lanes.write(lanes, tokens)
        rewards, outcome = self._pay(lanes, ends, tokens, refused)
        terminated, truncated = np.zeros((2, self.num_envs), dtype=bool)
        terminated[lanes] = ends & self.episodes.terminates(tokens, self._lanes.matched[lanes])
        truncated[lanes] = ends & ~terminated[lanes]
        self._show(lanes[ends])
        infos: Infos = {}
        if ends.any():
            infos |= self._end(lanes[ends], outcome, lanes[ends & refused])
        if len(waiting):
            infos |= self._start(waiting)
        same_step = self.autoreset_mode is AutoresetMode.SAME_STEP
        infos |= self._invalid(lanes[refused & ~ends] if same_step else lanes[refused])
        return self.observations(), rewards, terminated, truncated, infos

    def _refuse_unless_ready(self) -> None:
        if not self._lanes.starts:
            raise ResetNeeded("No episode is going on: call reset() first.")
        if self._begun is not None:
            raise ResetNeeded("begin() handed out prompts: call score() with their responses, or reset().")

    def _waiting(self) -> IntArray:
        """Return the lanes whose episodes are over, which the next step starts anew."""
        waiting = np.flatnonzero(self._lanes.ended)
        if len(waiting) and self.autoreset_mode is AutoresetMode.DISABLED:
            raise ResetNeeded(
                f"The episodes of lanes {waiting.tolist()} are over: call reset(options={{'reset_mask': ...}})."
            )
        return waiting

    def _pay(
        self, lanes: IntArray, ends: BoolArray, tokens: IntArray, refused: BoolArray
    ) -> tuple[FloatArray, dict[str, npt.NDArray[Any]]]:
        """Return the rewards [num_envs] and what the lanes that ended tell."""
        state, rewards = self._lanes, np.zeros(self.num_envs)
        outcome: dict[str, npt.NDArray[Any]] = {}
        judged = np.ones_like(ends) if self.shaping else ends
        if judged.any():
            rows, over = lanes[judged], ends[judged]
            found = state.follow(rows, tokens, ends) if self.shaping else state.judge(rows)
            rewards[rows] = np.where(over, 1.0, self.discount) * found.scores - state.potential[rows]
            state.potential[rows] = found.scores
            finished, last = state.finished(found, over, lanes[ends]), state.endings(lanes[ends])
            rewards[lanes[ends]] -= self.episodes.unfinished(last.tokens, last.matched)
            self.episodes.observe(finished.parts)
            outcome = end_infos(self.episodes, last, finished)
        if refused.any():
            rewards[lanes] -= self.episodes.invalid_action_penalty * refused
        if state.unpaid is not None:
            rewards[lanes] = state.unpaid.pay(lanes, rewards[lanes], ends)
        state.returns += rewards
        return rewards, outcome

    def _end(self, done: IntArray, outcome: Mapping[str, npt.NDArray[Any]], invalid: IntArray) -> Infos:
        """Return what lanes that ended tell; in mode SameStep, start their next episodes."""
        told = self._lanes.info(done, outcome)
        if self.autoreset_mode is not AutoresetMode.SAME_STEP:
            return told
        last, mask = np.full(self.num_envs, None), np.zeros(self.num_envs, dtype=bool)
        mask[done] = True
        for lane in done:
            last[lane] = self._lanes.observations[lane].copy()
        final = {"final_obs": last, "_final_obs": mask, "final_info": told | self._invalid(invalid)}
        return final | {"_final_info": mask.copy()} | self._start(done)

    def _invalid(self, lanes: IntArray) -> Infos:
        return self._lanes.info(lanes, {"invalid_action": np.ones(len(lanes), dtype=bool)}) if len(lanes) else {}

    def observations(self) -> Observations:
        """Return the present observations, a copy."""
        return self._lanes.observations.copy()

    def start_infos(self) -> Infos:
        """Return what ``reset`` tells of the present episodes."""
        self._refuse_unless_ready()
        return self._lanes.info(self._lanes.all, start_infos(self._lanes.starts))

    def action_masks(self) -> BoolArray:
        """Return which ids are allowed next, bool [num_envs, V]."""
        return self.episodes.space.allowed(self._lanes.lengths)

    def begin(self, n: int, responses_per_prompt: int = 1) -> Prompts:
        """Return ``n`` prompts to answer; row r belongs to lane r % num_envs.

        The first ``num_envs`` are the present ones, the others are drawn by each lane's generator in order, as stepping
        would. :meth:`score` must follow.

        Args:
            n: A multiple of ``num_envs``.
            responses_per_prompt: G, how many responses to each prompt will be scored.

        Raises:
            ResetNeeded: A lane is not at the start of an episode.
        """
        rounds, rest = divmod(whole_number("n", n), self.num_envs)
        if rounds < 1 or rest:
            raise ConfigError(f"n must be a multiple of num_envs={self.num_envs}, and at least that, got {n}.")
        if whole_number("responses_per_prompt", responses_per_prompt) < 1:
            raise ConfigError(f"responses_per_prompt must be at least 1, got {responses_per_prompt}.")
        self._refuse_unless_ready()
        if self._lanes.lengths.any():
            lanes = np.flatnonzero(self._lanes.lengths).tolist()
            raise ResetNeeded(f"begin() needs every lane at the start of its episode, lanes {lanes} are not: reset().")
        starts = [*self._lanes.starts]
        for _ in range(rounds - 1):
            starts += self._lanes.draw(self._lanes.all)
        self._begun = starts, int(responses_per_prompt)
        return pack_prompts(starts, self.episodes.space.max_prompt_tokens)

    def score(self, responses: IntArray, lengths: IntArray) -> Scores:
        """Judge the responses to the prompts of :meth:`begin`, then start a new episode in every lane.

        Args:
            responses: [n * G, T], padded on the right with -1; row r * G + g answers prompt r.
            lengths: [n * G], tokens, the eos included.

        Returns:
            What stepping in mode SameStep would have paid; the generators of the lanes are where it would leave them.
        """
        if self._begun is None:
            raise ResetNeeded("score() judges the responses to the prompts of begin(): call begin() first.")
        starts, group = self._begun
        responses, lengths = np.asarray(responses), np.asarray(lengths)
        check_responses(self.episodes, responses, lengths, len(starts) * group)
        samples = [start.sample for start in starts for _ in range(group)]
        scores = judge_responses(self.episodes, responses, lengths, samples)
        self._begun = None
        self._start(self._lanes.all)
        return scores

    def demonstrations(self, indices: int | Sequence[int] | IntArray, rng: np.random.Generator) -> Demonstrations:
        """Return references as token ids, one of each sample, drawn uniformly.

        Args:
            indices: Which samples, or how many to draw. With ``overlong="drop"``, those that do not fit are left out.
            rng: Draws the references, and the samples.
        """
        if isinstance(indices, (int, np.integer)):
            starts = [self.episodes.draw(rng) for _ in range(indices)]
        else:
            kept = [i for i in indices if self.episodes.overlong != "drop" or self.episodes.fits(i)]
            starts = [self.episodes.start(i) for i in kept]
        return demonstrate(self.episodes, starts, rng)

    def _views(self) -> list[View]:
        return self._lanes.views()

    def snapshot(self) -> dict[str, Any]:
        """Return the state of all lanes, JSON values only, for :meth:`restore`; each is as a single environment's."""
        self._refuse_unless_ready()
        return {"lanes": self._lanes.snapshot(), **reward_state(self.episodes.reward)}

    def restore(self, snapshot: Mapping[str, Any]) -> Observations:
        """Go back to a snapshot of an environment with the same arguments; return the observations."""
        if not isinstance(snapshot, Mapping) or not isinstance(snapshot.get("lanes"), list):
            raise ConfigError("This is no snapshot of a vector environment: it lacks 'lanes'.")
        restore_reward(self.episodes.reward, snapshot)
        self._lanes.restore(snapshot["lanes"])
        self._begun = None
        return self.observations()
