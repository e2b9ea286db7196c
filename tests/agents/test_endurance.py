"""Memory does not grow with the iterations: whatever a rollout or an update made is gone after it."""

import gc
from typing import Any

import pytest
import torch

import tests.agents.tiny  # noqa: F401  (registers the letters)
from agents import A2C, GRPO, PPO, RLOO, TransformerPolicy, make_vec_env
from tests.agents.tiny import MODELS

CASES: list[tuple[Any, str, dict[str, Any]]] = [
    (PPO, "gpt2", {"batch_size": 24, "n_epochs": 2}),
    (PPO, "t5", {"batch_size": 24, "slots": 4}),
    (A2C, "gpt2", {}),
    (GRPO, "gpt2", {"slots": 4, "part_size": 12, "responses_per_prompt": 2}),
    (RLOO, "bart", {"responses_per_prompt": 2}),
]


def tensors() -> tuple[int, int]:
    """Return how many tensors Python knows, and the bytes of their storages."""
    gc.collect()
    kinds = (torch.Tensor, torch.nn.Parameter)  # those without contents, of plans, are no memory
    found = [item for item in gc.get_objects() if type(item) in kinds]
    sizes = {item.untyped_storage().data_ptr(): item.untyped_storage().nbytes() for item in found}
    return len(found), sum(sizes.values())


@pytest.mark.parametrize(("learner", "model", "options"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_as_many_tensors_are_left_after_ten_iterations_as_after_three(
    learner: Any, model: str, options: dict[str, Any]
) -> None:
    kwargs = {"model": MODELS[model], "engine": {"checkpoint_activations": learner is GRPO}}
    envs = make_vec_env("test/Letters-v0", num_envs=8)
    algorithm = learner(TransformerPolicy, envs, policy_kwargs=kwargs, kl_coef=0.1, seed=0, device="cpu", **options)
    callback = algorithm._setup_learn(10**9)[1]
    found, lengths = {}, set()
    for iteration in range(1, 11):
        algorithm.collect_rollouts(algorithm.env, callback, algorithm.rollout_buffer, algorithm.n_steps)
        lengths |= set(algorithm.rollout_buffer.experience.own.sum(axis=1).tolist())
        algorithm.train()
        if iteration in (3, 10):
            found[iteration] = tensors()
    assert len(lengths) > 2, "responses should be of several lengths"
    assert found[10] == found[3]
