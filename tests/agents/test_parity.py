"""The fast path learns exactly what stock Stable-Baselines3 learns, given the same actions and segments."""

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
import stable_baselines3
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples

from agents import A2C, PPO, SequenceRolloutBuffer, TransformerPolicy, make_vec_env
from agents.algorithms.base import TextOnPolicy
from agents.learning.buffer import even_groups
from agents.learning.optimizers import MuonAdam
from agents.models.rollout import generate
from tests.agents.tiny import sharpen

ENV = "test/Letters-v0"
EPISODES = 24
SHARED = {"gamma": 0.97, "gae_lambda": 0.9, "learning_rate": 1e-3, "ent_coef": 0.01, "normalize_advantage": True}


class ScriptedPolicy(TransformerPolicy):
    """Takes the actions of a script, one after the other, and judges them itself."""

    script: list[int]

    def forward(
        self, obs: torch.Tensor, deterministic: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        actions = torch.tensor([self.script.pop(0)])
        values, log_probs, _ = self.evaluate_actions(obs, actions)
        return actions, values, log_probs


class SequenceOrderBuffer(RolloutBuffer):
    """Stock rows of single tokens, in the minibatches of whole sequences that the fast path uses."""

    def get(self, batch_size: int | None = None) -> Generator[RolloutBufferSamples, None, None]:
        starts = np.flatnonzero(self.episode_starts.reshape(-1)) if not self.generator_ready else self._starts
        self._starts = starts
        sizes = np.diff([*starts, self.buffer_size])
        if not self.generator_ready:
            for name in ("observations", "actions", "values", "log_probs", "advantages", "returns"):
                setattr(self, name, self.swap_and_flatten(getattr(self, name)))
            self.generator_ready = True
        for rows in even_groups(torch.randperm(len(starts)).numpy(), sizes, batch_size):
            yield self._get_samples(np.concatenate([np.arange(starts[r], starts[r] + sizes[r]) for r in rows]))


def fast(cls: type[TextOnPolicy], model: dict[str, Any], env: dict[str, Any], **options: Any) -> tuple[Any, list[int]]:
    """Return an algorithm with one rollout of the fast path, and its actions in order."""
    envs = make_vec_env(ENV, num_envs=1, **env)
    kwargs = {"model": model, "temperature": 1.3} | options.pop("policy", {})
    algorithm = cls(
        TransformerPolicy, envs, rollout_responses=EPISODES, policy_kwargs=kwargs, seed=3, **SHARED, **options
    )
    sharpen(algorithm.policy, 0.5 if model["model_type"] == "t5" else 3.0)
    _, callback = algorithm._setup_learn(1)
    algorithm.collect_rollouts(envs, callback, algorithm.rollout_buffer, algorithm.n_steps)
    experience = algorithm.rollout_buffer.experience
    return algorithm, experience.observations[:, envs.observation_space.max_prompt_tokens :][experience.own].tolist()


def slow(
    cls: Any, buffer: type[RolloutBuffer], twin: Any, actions: list[int], env: dict[str, Any], **options: Any
) -> Any:
    """Return the stock algorithm with the twin's weights after it took the same actions, token by token."""
    envs = make_vec_env(ENV, num_envs=1, **env)
    kwargs = twin.policy_kwargs
    algorithm = cls(
        ScriptedPolicy,
        envs,
        n_steps=len(actions),
        rollout_buffer_class=buffer,
        policy_kwargs=kwargs,
        seed=3,
        **SHARED,
        **options,
    )
    algorithm.policy.load_state_dict(twin.policy.state_dict())
    algorithm.policy.script = list(actions)
    _, callback = algorithm._setup_learn(1)
    algorithm.collect_rollouts(envs, callback, algorithm.rollout_buffer, algorithm.n_steps)
    return algorithm


def assert_same_update(one: Any, other: Any, tolerance: float = 1e-5) -> None:
    before = {name: weight.clone() for name, weight in one.policy.state_dict().items()}
    for algorithm in (one, other):
        torch.manual_seed(7)
        algorithm.train()
    moved = max((before[n] - w).abs().max().item() for n, w in one.policy.state_dict().items())
    assert moved > 1e-3, "an update that moves nothing proves nothing"
    for name, weight in one.policy.state_dict().items():
        torch.testing.assert_close(weight, other.policy.state_dict()[name], atol=tolerance, rtol=0, msg=name)


CASES = [
    pytest.param({"on_length": "terminate"}, id="terminates"),
    pytest.param({"on_length": "truncate"}, id="truncates"),
    pytest.param({"on_length": "truncate", "min_new_tokens": 3}, id="minimum-length"),
    pytest.param({"shaping": "potential", "discount": 0.97}, id="shaped"),
    pytest.param({"stop": ["ab", "dd"], "on_length": "truncate"}, id="stop-strings"),
]


@pytest.mark.parametrize("env", CASES)
def test_ppo_agrees_with_stock_ppo_on_a_full_batch(model: dict[str, Any], env: dict[str, Any]) -> None:
    ours, actions = fast(PPO, model, env, batch_size=144, n_epochs=3)
    ours.batch_size = 10_000
    stock = slow(stable_baselines3.PPO, RolloutBuffer, ours, actions, env, batch_size=len(actions), n_epochs=3)
    lengths = ours.rollout_buffer.experience.own.sum(axis=1)
    assert len(set(lengths.tolist())) > 1, "episodes should be of mixed length"
    assert lengths.max() == 6, "one should end by the limit"
    np.testing.assert_allclose(ours.rollout_buffer.values, stock.rollout_buffer.values[:, 0], atol=1e-5)
    own = ours.rollout_buffer.experience.own
    np.testing.assert_allclose(
        ours.rollout_buffer.experience.log_probs[own], stock.rollout_buffer.log_probs[:, 0], atol=1e-5
    )
    np.testing.assert_allclose(
        ours.rollout_buffer.row_advantages[own], stock.rollout_buffer.advantages[:, 0], atol=1e-5
    )
    np.testing.assert_allclose(ours.rollout_buffer.returns, stock.rollout_buffer.returns[:, 0], atol=1e-5)
    assert_same_update(ours, stock)


def test_ppo_agrees_with_stock_ppo_in_sequence_order_on_minibatches(model: dict[str, Any]) -> None:
    ours, actions = fast(PPO, model, {}, batch_size=16, n_epochs=3)
    stock = slow(stable_baselines3.PPO, SequenceOrderBuffer, ours, actions, {}, batch_size=len(actions), n_epochs=3)
    stock.batch_size = 16
    assert_same_update(ours, stock)


def test_ppo_agrees_with_stock_ppo_with_a_hidden_value_layer(model: dict[str, Any]) -> None:
    ours, actions = fast(PPO, model, {}, batch_size=16, policy={"value_hidden": 8, "detach_value": True})
    ours.batch_size = 10_000
    stock = slow(stable_baselines3.PPO, RolloutBuffer, ours, actions, {}, batch_size=len(actions), n_epochs=4)
    assert_same_update(ours, stock)


def test_ppo_hands_muon_the_gradients_of_stock_ppo(model: dict[str, Any]) -> None:
    """Steps are not compared: Muon makes directions that hold nothing but rounding as long as all others."""
    ours, actions = fast(PPO, model, {}, batch_size=16, n_epochs=1, policy={"optimizer_class": MuonAdam})
    ours.batch_size = 10_000
    stock = slow(stable_baselines3.PPO, RolloutBuffer, ours, actions, {}, batch_size=len(actions), n_epochs=1)
    for algorithm in (ours, stock):
        before = [weight.detach().clone() for weight in algorithm.policy.parameters()]
        algorithm.train()  # the gradients stay until the next one
        assert isinstance(algorithm.policy.optimizer, MuonAdam)
        assert any(not torch.equal(a, b) for a, b in zip(before, algorithm.policy.parameters(), strict=True))
    for (name, weight), other in zip(ours.policy.named_parameters(), stock.policy.parameters(), strict=True):
        torch.testing.assert_close(weight.grad, other.grad, atol=1e-5, rtol=0, msg=name)


def test_a2c_agrees_with_stock_a2c(model: dict[str, Any]) -> None:
    ours, actions = fast(A2C, model, {"on_length": "truncate"}, use_rms_prop=True)
    stock = slow(stable_baselines3.A2C, RolloutBuffer, ours, actions, {"on_length": "truncate"})
    assert_same_update(ours, stock)


def test_sequence_buffer_agrees_with_stock_buffer_on_segments_cut_by_the_rollout(model: dict[str, Any]) -> None:
    """Four lanes, eleven steps: episodes begin and end anywhere, and the last ones are bootstrapped."""
    algorithms = []
    for buffer in (RolloutBuffer, SequenceRolloutBuffer):
        algorithm = stable_baselines3.PPO(
            TransformerPolicy,
            make_vec_env(ENV, num_envs=4, on_length="truncate"),
            n_steps=11,
            batch_size=44,
            n_epochs=2,
            rollout_buffer_class=buffer,
            policy_kwargs={"model": model},
            seed=5,
            **SHARED,
        )
        algorithm.set_random_seed(5)
        _, callback = algorithm._setup_learn(1)
        algorithm.collect_rollouts(algorithm.env, callback, algorithm.rollout_buffer, 11)
        algorithms.append(algorithm)
    stock, ours = algorithms
    np.testing.assert_allclose(
        np.sort(ours.rollout_buffer.returns), np.sort(stock.rollout_buffer.returns.flatten()), atol=1e-5
    )
    assert_same_update(ours, stock)


@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize("min_new_tokens", [0, 2])
def test_ratio_is_one_and_kl_zero_before_the_first_update(
    model: dict[str, Any], temperature: float, min_new_tokens: int
) -> None:
    envs = make_vec_env(ENV, num_envs=8, min_new_tokens=min_new_tokens)
    kwargs = {"model": model | {"dropout_rate" if model["model_type"] == "t5" else "resid_pdrop": 0.2}}
    algorithm = PPO(
        TransformerPolicy,
        envs,
        batch_size=48,
        n_epochs=1,
        kl_coef=0.1,
        seed=0,
        policy_kwargs=kwargs | {"temperature": temperature},
    )
    algorithm.batch_size = 10_000
    algorithm.learn(1)
    logged = algorithm.logger.name_to_value
    assert abs(logged["train/approx_kl"]) < 1e-8
    assert "train/clip_fraction" in logged, "the logger gives 0 for what it does not hold"
    assert logged["train/clip_fraction"] == 0
    log_ratio = algorithm.reference.log_ratio(algorithm.rollout_buffer.experience)  # the reference is what played
    assert np.abs(log_ratio).max() < 1e-5


def test_the_penalty_is_the_coefficient_times_the_log_ratio(model: dict[str, Any]) -> None:
    algorithm, _ = fast(PPO, model, {}, batch_size=24, kl_coef=0.5)
    algorithm.train()  # the policy leaves its reference
    plain = algorithm.rollout_buffer.experience
    network, reference = algorithm.policy.network, algorithm.reference.network
    sequences, actions = plain.sequences(np.arange(EPISODES), algorithm.device)
    with torch.no_grad():
        new = network.evaluate_sequences(*sequences, actions).log_probs
        old = reference.evaluate_sequences(*sequences, actions).log_probs
    plain.log_probs[plain.own] = new.numpy()
    before = plain.rewards.copy()
    algorithm._before_returns(plain)
    expected = before[plain.own] - 0.5 * (new - old).numpy()
    assert np.abs((new - old).numpy()).max() > 1e-3
    np.testing.assert_allclose(plain.rewards[plain.own], expected, atol=1e-6)
    assert not any(p.requires_grad for p in reference.parameters())


def test_rollouts_leave_the_lanes_where_stepping_leaves_them(model: dict[str, Any]) -> None:
    """After a fast rollout the next prompts are those that token-by-token stepping would show."""
    fast_envs, slow_envs = (make_vec_env(ENV, num_envs=4) for _ in range(2))
    algorithm = PPO(TransformerPolicy, fast_envs, batch_size=12, seed=1, policy_kwargs={"model": model})
    _, callback = algorithm._setup_learn(1)
    prompts = fast_envs.venv.observations()[:, :7]
    slow_envs.seed(1)
    np.testing.assert_array_equal(slow_envs.reset()[:, :7], prompts)
    algorithm.collect_rollouts(fast_envs, callback, algorithm.rollout_buffer, algorithm.n_steps)
    responses = algorithm.rollout_buffer.experience.observations[:, 7:]
    finished = np.zeros(4, dtype=bool)
    shown = np.zeros((4, 7), dtype=np.int32)
    for k in range(6):
        observations, _, dones, _ = slow_envs.step(np.where(finished, 0, responses[:, k]))
        newly = dones & ~finished
        shown[newly] = observations[newly][:, :7]
        finished |= dones
    assert finished.all()
    np.testing.assert_array_equal(shown, fast_envs.venv.observations()[:, :7])


def test_generation_is_reproducible(model: dict[str, Any]) -> None:
    envs = make_vec_env(ENV, num_envs=8)
    texts = []
    for _ in range(2):
        algorithm = PPO(TransformerPolicy, envs, batch_size=48, seed=4, policy_kwargs={"model": model})
        torch.manual_seed(9)
        prompts = torch.full((3, 7), 1)
        texts.append(generate(algorithm.policy.network, prompts).responses)
    torch.testing.assert_close(*texts, rtol=0, atol=0)
