"""What a step of each environment costs beside the translation environment's: ``python -m benchmarks.environments``.

Random actions in 256 lanes of the native vector environment, with the default reward and tokenizer; an ended lane
starts anew in a step of its own, so drawing samples, encoding prompts and judging responses are in the figure. The
translation environment has the same P and T, and truncates the prompts that do not fit. Where drafts are edited, every
step is paid, so that it is compared with translation whose reward is shaped; and random edits do not stop, so that an
episode lasts as long on both sides. Both are timed in turn, and the median of the rounds' ratios is told: a busy
machine changes little.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium as gym

from benchmarks.throughput.timing import interleaved, median, speedups
from textgym.editing.space import REPLACE, STOP, EditSpace
from textgym.errors import TextGymError

BASE = "textgym/Translation-v0"
LANES = 256
ROUNDS_OF_T = 2  # whole responses that a measurement has steps for, so that the longest ones end as well
AIM = 3.0  # of the ratio, at most
NAMES = "Copy Reverse Sort Count Arithmetic Brackets DateRewrite KeywordsToSentence TableToText SmallTranslation"
NAMES += " SlotFilling TaskDialogue ChitChat Edit PostEdit Compression GrammarCorrection"


class Line(NamedTuple):
    """One environment.

    Attributes:
        id: Its id.
        columns: P and T.
        ours: CPU milliseconds of a step of all lanes.
        base: The same of the translation environment.
        ratio: The median over rounds of ours / base.
        worst: The greatest of them.
    """

    id: str
    columns: tuple[int, int]
    ours: float
    base: float
    ratio: float
    worst: float


def measure(id: str, rounds: int) -> Line:
    """Time an environment and the translation environment of the same columns."""
    envs = gym.make_vec(id, num_envs=LANES)
    space: Any = envs.unwrapped.single_observation_space  # a TokenSpace or an EditSpace
    columns = space.max_prompt_tokens, space.max_new_tokens
    options: dict[str, Any] = {"max_prompt_tokens": columns[0], "max_new_tokens": columns[1], "overlong": "truncate"}
    edits = isinstance(space, EditSpace)
    base = gym.make_vec(BASE, num_envs=LANES, **options | ({"shaping": "potential"} if edits else {}))
    steps = ROUNDS_OF_T * (columns[1] + 1)
    seconds = interleaved({"ours": stepper(envs, steps), "base": stepper(base, steps)}, rounds)
    ratios = speedups(seconds["ours"], seconds["base"])
    ours, theirs = (1000 * median(seconds[name]) / steps for name in ("ours", "base"))
    return Line(id, columns, ours, theirs, median(ratios), ratios[-1])


def stepper(envs: gym.vector.VectorEnv[Any, Any, Any], steps: int) -> Callable[[], None]:
    """Return what makes ``steps`` steps with random actions, the same ones each time."""
    envs.reset(seed=0)
    envs.action_space.seed(0)
    actions = [_going_on(envs, envs.action_space.sample()) for _ in range(steps)]

    def play() -> None:
        for row in actions:
            envs.step(row)

    return play


def _going_on(envs: gym.vector.VectorEnv[Any, Any, Any], actions: Any) -> Any:
    """Return actions of which none stops an edit of its own accord: replacements stand where stops did."""
    if isinstance(envs.unwrapped.single_observation_space, EditSpace):
        actions[actions[:, 0] == STOP, 0] = REPLACE
    return actions


def row(line: Line) -> str:
    """Return a line of the table."""
    P, T = line.columns
    return f"| {line.id} | {P} + {T} | {line.ours:.2f} | {line.base:.2f} | {line.ratio:.2f} | {line.worst:.2f} |"


def main() -> None:
    """Print a table; an environment that cannot be made says why."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.environments", description=__doc__)
    parser.add_argument("ids", nargs="*", default=[f"textgym/{name}-v0" for name in NAMES.split()])
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each side, of which the median counts")
    options = parser.parse_args()
    print(f"| environment | P + T | ms a step of {LANES} lanes | {BASE} | ratio (aim {AIM:.0f}) | worst |")
    print("|---|---|---|---|---|---|", flush=True)
    for id in options.ids:
        try:
            print(row(measure(id, options.rounds)), flush=True)
        except TextGymError as error:
            print(f"| {id} | cannot be made: {error} |", flush=True)


if __name__ == "__main__":
    main()
