"""The fault counts of a reward that is asked outside are logged, and so stand in the metrics of a run."""

import sys
from typing import Any

import pytest
from stable_baselines3.common.logger import KVWriter, Logger

from agents import PPO, TransformerPolicy, make_vec_env
from textgym.rewards import outside
from textgym.rewards.command import CommandReward

PROGRAM = """
import json, sys
for n, line in enumerate(sys.stdin):
    if n: sys.exit(1)
    print(json.dumps({"scores": [0.5] * len(json.loads(line)["responses"])}), flush=True)
"""


class Written(KVWriter):
    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, Any], step: int = 0) -> None:
        self.rows.append(dict(key_values))

    def close(self) -> None:
        pass


@pytest.mark.parametrize("outside_too", [True, False])
def test_fault_counts_are_logged(outside_too: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "FIRST_PAUSE", 0.01)
    reward = CommandReward([sys.executable, "-c", PROGRAM]) if outside_too else "length"
    options = {"tokenizer": "byte", "max_prompt_tokens": 16, "max_new_tokens": 3, "overlong": "truncate"}
    envs = make_vec_env("textgym/Translation-v0", num_envs=2, reward=reward, **options)
    model = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 1, "n_positions": 32}
    sizes = {"rollout_responses": 4, "batch_size": 4, "n_epochs": 1, "seed": 0}
    ppo = PPO(TransformerPolicy, envs, policy_kwargs={"model": model}, **sizes)
    written = Written()
    ppo.set_logger(Logger(None, [written]))
    ppo.learn(30)
    told = [{name: value for name, value in row.items() if name.startswith("faults/")} for row in written.rows]
    assert len(told) > 1
    if not outside_too:
        assert not any(told)
        return
    assert isinstance(reward, CommandReward)
    reward.close()
    questions = len(told)  # one for each rollout: every second one kills a program
    assert told[-1] == {f"faults/{name}": count for name, count in reward.fault_counts.items()}
    assert told[-1]["faults/retries"] == told[-1]["faults/respawns"] == questions - 1
    assert told[-1]["faults/timeouts"] == told[-1]["faults/substituted"] == 0
