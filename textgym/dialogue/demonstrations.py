"""Dialogues in which the agent says the references, to learn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textgym.dialogue.episodes import DialogueEpisodes, Opened
from textgym.dialogue.lanes import DialogueLanes
from textgym.errors import DataError
from textgym.responses import Demonstrations


def demonstrate_dialogues(
    episodes: DialogueEpisodes, opened: Sequence[Opened], rng: np.random.Generator
) -> Demonstrations:
    """Return dialogues in which each turn of the agent is one of its references, drawn uniformly.

    A dialogue ends before its time where the simulator has no reference for a turn.

    Raises:
        DataError: There is no reference for the first turn.
    """
    lanes = DialogueLanes(episodes, len(opened))
    lanes.start(lanes.all, opened)
    ahead = [_turn(episodes, lanes, lane, rng) for lane in range(len(opened))]
    for start, tokens in zip(opened, ahead, strict=True):
        if not tokens:
            raise DataError(
                f"The simulator {episodes.simulator.name!r} gives no reference to learn from for what it says first "
                f"about sample {start.index}, {start.sample.prompt!r}: learn with another one."
            )
    cut = np.zeros(len(opened), dtype=bool)
    while playing := [lane for lane, tokens in enumerate(ahead) if tokens and not lanes.ended[lane]]:
        turns = lanes.turns[playing].tolist()
        lanes.play(np.array(playing), np.array([ahead[lane].pop(0) for lane in playing]))
        for lane, turn in zip(playing, turns, strict=True):
            if lanes.turns[lane] > turn:
                cut[lane] |= bool(ahead[lane])  # the limit of a turn came before its end
                ahead[lane] = [] if lanes.ended[lane] else _turn(episodes, lanes, lane, rng)
    P = episodes.space.max_prompt_tokens
    index = np.array([start.index for start in opened], dtype=np.int64)
    prompts, responses = lanes.observations[:, :P], lanes.observations[:, P:]
    return Demonstrations(prompts, responses, lanes.lengths, index, cut | ~lanes.ended, lanes.own)


def _turn(episodes: DialogueEpisodes, lanes: DialogueLanes, lane: int, rng: np.random.Generator) -> list[int]:
    """Return the ids of a reference for the present turn with its eos; none where there is no reference."""
    references = [reference for reference in lanes.heard[lane].references if reference.strip()]
    if not references:
        return []
    ids = episodes.tokenizer.encode(references[int(rng.integers(len(references)))])
    return ids if episodes.space.eos_id is None else [*ids, episodes.space.eos_id]
