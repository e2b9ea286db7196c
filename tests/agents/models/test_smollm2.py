"""A real language model answers in its chat format and learns: SmolLM2-135M-Instruct, where ``make models`` put it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents import evaluate
from benchmarks.smollm2 import NAME, convert, default_folder
from tests.conftest import ROOT
from textgym import Sample
from textgym.errors import MissingExtraError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
GIGABYTE = 10**9

LEARNS = """
import json, resource, sys
import torch
from agents import PPO, TransformerPolicy, make_vec_env

torch.set_num_threads(2)
folder = sys.argv[1]
template = {"chat": "Translate into German: {prompt}"}
sizes = {"max_prompt_tokens": 96, "max_new_tokens": 32}
envs = make_vec_env(
    "textgym/Translation-v0", num_envs=4, tokenizer=f"hf:{folder}", template=template, reward="chrf", **sizes
)
ppo = PPO(
    TransformerPolicy,
    envs,
    batch_size=128,
    n_epochs=1,
    learning_rate=1e-5,
    policy_kwargs={"model": folder, "detach_value": True},
    seed=0,
)
before = [weight.detach().clone() for weight in list(ppo.policy.parameters())[:20]]
while ppo._n_updates < 3:
    ppo.learn(1, reset_num_timesteps=False)
moved = max((a - b).abs().max().item() for a, b in zip(before, ppo.policy.parameters()))
finite = all(weight.isfinite().all().item() for weight in ppo.policy.parameters())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"updates": ppo._n_updates, "moved": moved, "finite": finite, "peak": peak}))
"""


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's folder: the prepared one, or one that is converted now."""
    if default_folder().is_dir():
        return default_folder()
    try:
        return convert(tmp_path_factory.mktemp("models") / NAME)
    except MissingExtraError as error:
        pytest.skip(f"{NAME} is not there: make models ({error})")


def test_it_answers_in_its_chat_format(smollm2: Path) -> None:
    questions = [Sample("What is the capital of France?", "Paris"), Sample("What is the opposite of hot?", "cold")]
    sizes = {"max_prompt_tokens": 64, "max_new_tokens": 16}
    report = evaluate(smollm2, "textgym/Dialogue-v0", split="train", data=questions, template="chat", **sizes)
    assert "Paris" in report.responses[0]
    assert "cold" in report.responses[1].lower()


def test_three_steps_of_ppo_stay_under_four_gigabytes(smollm2: Path) -> None:
    command = [sys.executable, "-c", LEARNS, str(smollm2)]
    run = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["updates"] == 3
    assert told["finite"]
    assert told["moved"] > 0
    print(f"peak {told['peak'] / GIGABYTE:.2f} GB")
    assert told["peak"] < 4 * GIGABYTE
