"""Muon for matrices and Adam for the rest agree with torch's own optimizers, and checkpoints keep both."""

from pathlib import Path
from typing import Any

import pytest
import torch

from agents import PPO, TransformerPolicy, make_vec_env
from agents.learning.optimizers import MuonAdam
from agents.models.pretrained import make_network
from tests.agents.tiny import MODELS
from textgym import TokenSpace

ENV = "test/Letters-v0"


def weights() -> list[torch.nn.Parameter]:
    torch.manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape)) for shape in ((6, 4), (4, 6), (9, 4), (4,))]


def set_gradients(parameters: list[torch.nn.Parameter], seed: int) -> None:
    torch.manual_seed(seed)
    for weight in parameters:
        weight.grad = torch.randn_like(weight)


def test_muon_adam_agrees_with_torch_muon_and_torch_adam() -> None:
    ours, theirs = weights(), weights()
    optimizer = MuonAdam(ours, ours[:2], lr=0.1)
    muon = torch.optim.Muon(theirs[:2], momentum=0.95, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    adam = torch.optim.Adam(theirs[2:], eps=1e-5)
    for step in range(5):
        for group in [*optimizer.param_groups, *muon.param_groups, *adam.param_groups]:
            group["lr"] = 0.1 / (step + 1)  # as Stable-Baselines3 sets it
        for parameters in (ours, theirs):
            set_gradients(parameters, step)
        for one in (optimizer, muon, adam):
            one.step()
    for weight, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(weight, expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("name", "count"),
    [("gpt2", 2 * 4), ("llama", 2 * 7), ("t5", 2 * 6 + 2 * 10), ("bart", 2 * 6 + 2 * 10)],
)
def test_muon_moves_the_matrices_of_the_hidden_layers(name: str, count: int) -> None:
    network = make_network(MODELS[name], TokenSpace(13, 6, 5, eos_id=3), value_hidden=8)
    chosen = network.hidden_matrices()
    kept = [network.model.get_input_embeddings().weight, network.model.get_output_embeddings().weight]
    kept += list(network.value_head.parameters())
    assert len(chosen) == count
    assert all(matrix.ndim == 2 for matrix in chosen)
    assert not {id(weight) for weight in kept} & {id(matrix) for matrix in chosen}


def test_a_loaded_algorithm_goes_on_as_the_saved_one(tmp_path: Path, model: dict[str, Any]) -> None:
    kwargs = {"model": model, "optimizer_class": MuonAdam, "value_hidden": 8}
    saved = PPO(TransformerPolicy, make_vec_env(ENV, num_envs=4), batch_size=16, policy_kwargs=kwargs, seed=0)
    saved.learn(50)
    saved.save(tmp_path / "c")
    loaded = PPO.load(tmp_path / "c", env=make_vec_env(ENV, num_envs=4))
    for algorithm in (saved, loaded):
        set_gradients(list(algorithm.policy.parameters()), 1)
        algorithm.policy.optimizer.step()
    for one, other in zip(saved.policy.parameters(), loaded.policy.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
