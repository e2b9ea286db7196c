"""The pointing policy: its probabilities are those of the legal edits, exactly, and stock algorithms teach it."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import stable_baselines3
import torch
from gymnasium import spaces
from stable_baselines3.common.env_util import make_vec_env as stock_make_vec_env

from agents import TransformerPolicy, make_vec_env
from agents.checkpoints.folders import write_folder
from agents.pointer_policy import PointerPolicy
from tests.editing.tiny import TinyEdits, tiny
from textgym import Sample, TokenSpace
from textgym.editing import STOP, EditActions, EditSpace
from textgym.editing.vector import EditVectorEnv
from textgym.errors import CheckpointError, ConfigError, ModelError

BERT = {
    "model_type": "bert",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
MANY = [("insert", "replace", "delete"), ("delete",), ("replace",), ("insert", "delete")]


def policy_of(space: EditSpace, seed: int = 0, **options: Any) -> PointerPolicy:
    """A policy whose probabilities depend on what it reads."""
    torch.manual_seed(seed)
    policy = PointerPolicy(space, EditActions(space).space, lambda _: 1e-3, model=BERT, **options)
    with torch.no_grad():
        for weight in policy.parameters():
            if weight.dim() > 1:
                weight.normal_(std=0.3)
    return policy


def observations_of(space: EditSpace, count: int = 12, seed: int = 0) -> torch.Tensor:
    space.seed(seed)
    rows = np.array([space.sample() for _ in range(count)])
    rows[0, space.max_prompt_tokens : -1] = -1  # an empty draft
    rows[1, space.max_prompt_tokens : -1] = 1  # a full one
    return torch.as_tensor(rows)


def every_action(space: EditSpace) -> tuple[np.ndarray, torch.Tensor]:
    """Return all edits by their flat numbers, and as actions of three numbers."""
    flat = EditActions(space, flat=True)
    numbers = np.arange(flat.space.n)
    return numbers, torch.as_tensor(EditActions(space).write(flat.read(numbers, numbers, len(numbers))))


@pytest.mark.parametrize("kinds", MANY)
@pytest.mark.parametrize("banned", [(), (0, 3), (0, 1, 2, 3)])
def test_the_probabilities_of_the_legal_edits_sum_to_one_and_those_of_others_are_zero(kinds: Any, banned: Any) -> None:
    space = EditSpace(5, 4, 3, 6, banned, kinds)
    policy, observations = policy_of(space), observations_of(space)
    legal = EditActions(space, flat=True).masks(observations.numpy())
    _, actions = every_action(space)
    for row, allowed in zip(observations, legal, strict=True):
        _, log_probs, _ = policy.evaluate_actions(row.expand(len(actions), -1), actions)
        probabilities = log_probs.exp().detach().numpy()
        assert (probabilities[~allowed] == 0).all()
        assert (probabilities[allowed] > 0).all()
        assert probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_drawn_actions_have_the_log_probabilities_that_an_update_gives_them_and_are_legal() -> None:
    space = EditSpace(5, 4, 3, 6, (0,))
    policy, observations = policy_of(space), observations_of(space, 400)
    for deterministic in (False, True):
        actions, values, log_probs = policy.forward(observations, deterministic)
        assert actions.shape == (400, 3)
        again, evaluated, entropies = policy.evaluate_actions(observations, actions.float())
        torch.testing.assert_close(evaluated, log_probs)
        torch.testing.assert_close(again, values)
        torch.testing.assert_close(policy.predict_values(observations), values)
        assert (entropies >= 0).all()
        drafts, lengths = space.drafts(observations.numpy())
        edits = EditActions(space).read(actions.numpy(), np.arange(400), 400)
        assert space.is_legal(drafts, lengths, edits).all()
        np.testing.assert_array_equal(EditActions(space).write(edits), actions, "meaningless numbers are 0")


def test_draws_follow_the_probabilities() -> None:
    space = EditSpace(4, 2, 2, 6)
    policy, row = policy_of(space), observations_of(space)[5]
    _, actions = every_action(space)
    expected = policy.evaluate_actions(row.expand(len(actions), -1), actions)[1].exp().detach().numpy()
    torch.manual_seed(0)
    drawn = policy.forward(row.expand(20_000, -1))[0].numpy()
    found = (drawn[:, None] == actions.numpy()[None]).all(axis=2).mean(axis=0)
    np.testing.assert_allclose(found, expected, atol=0.015)


def test_the_mean_of_the_estimated_entropy_is_the_entropy() -> None:
    space = EditSpace(5, 4, 3, 6)
    policy, observations = policy_of(space), observations_of(space)
    numbers, actions = every_action(space)
    legal = EditActions(space, flat=True).masks(observations.numpy())
    for row, allowed in zip(observations, legal, strict=True):
        possible = actions[numbers[allowed]]
        _, log_probs, estimates = policy.evaluate_actions(row.expand(len(possible), -1), possible)
        exact = -(log_probs.exp() * log_probs).sum()
        assert (log_probs.exp() * estimates).sum().item() == pytest.approx(exact.item(), abs=1e-4)


def test_an_action_whose_meaningless_numbers_are_not_zero_counts_as_the_edit_that_it_means() -> None:
    space = EditSpace(5, 4, 3, 6)
    policy, observations = policy_of(space), observations_of(space, 2)
    plain = torch.tensor([[STOP, 0, 0], [3, 1, 0]])
    odd = torch.tensor([[STOP, 2, 4], [3, 1, 3]])
    torch.testing.assert_close(
        policy.evaluate_actions(observations, plain)[1], policy.evaluate_actions(observations, odd)[1]
    )


def test_padding_and_the_other_rows_of_a_batch_change_nothing() -> None:
    small, large = EditSpace(5, 4, 3, 6), EditSpace(5, 9, 3, 6)
    policy = policy_of(small)
    wide = PointerPolicy(large, EditActions(large).space, lambda _: 1e-3, model=BERT | {"max_position_embeddings": 9})
    policy_weights = {k: v for k, v in policy.state_dict().items() if "position_embeddings" not in k}
    missing = wide.load_state_dict(policy_weights, strict=False).missing_keys
    table = "network.encoder.embeddings.position_embeddings.weight"
    assert missing == [table]
    wide.state_dict()[table][:5] = policy.state_dict()[table]
    observations = observations_of(small)
    actions, values, log_probs = policy.forward(observations, deterministic=True)
    padded = torch.nn.functional.pad(observations, (5, 0), value=-1)
    for other, seen in ((wide, padded), (policy, observations)):
        for order in (torch.arange(12), torch.randperm(12, generator=torch.Generator().manual_seed(0))):
            again, worth, evaluated = other.forward(seen[order], deterministic=True)
            torch.testing.assert_close(again, actions[order])
            torch.testing.assert_close(worth, values[order], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(evaluated, log_probs[order], atol=1e-5, rtol=1e-4)
        for i in range(12):
            torch.testing.assert_close(
                other.forward(seen[i : i + 1], True)[2], log_probs[i : i + 1], atol=1e-5, rtol=1e-4
            )


def test_gradients_are_finite_whatever_is_illegal() -> None:
    for kinds in MANY:
        space = EditSpace(5, 4, 3, 6, (0, 1), kinds)
        policy, observations = policy_of(space), observations_of(space, 40)
        actions, values, log_probs = policy.forward(observations)
        values, log_probs, entropies = policy.evaluate_actions(observations, actions)
        (values.sum() + log_probs.sum() + entropies.sum()).backward()
        gradients = [p.grad for p in policy.parameters() if p.grad is not None]
        assert len(gradients) > 20
        assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("banned", [(), (0, 3), (0, 1, 2, 3)])
def test_the_network_and_the_space_agree_on_what_is_legal(banned: Any) -> None:
    space = EditSpace(5, 4, 3, 6, banned)
    observations = observations_of(space, 60)
    drafts, lengths = space.drafts(observations.numpy())
    legal = policy_of(space).network.legal_positions(observations[:, 4:-1].long())
    np.testing.assert_array_equal(legal, space.legal_positions(drafts, lengths))


def test_stock_algorithms_train_and_save_it(tmp_path: Any) -> None:
    envs = stock_make_vec_env(tiny, n_envs=4, seed=0)
    for algorithm in (
        stable_baselines3.PPO(PointerPolicy, envs, n_steps=8, batch_size=16, policy_kwargs={"model": BERT}, seed=0),
        stable_baselines3.A2C(PointerPolicy, envs, policy_kwargs={"model": BERT}, seed=0),
    ):
        before = [p.clone() for p in algorithm.policy.parameters()]
        algorithm.learn(64)
        assert any((a - b).abs().max() > 0 for a, b in zip(before, algorithm.policy.parameters(), strict=True))
        algorithm.save(tmp_path / "algorithm")
        again = type(algorithm).load(tmp_path / "algorithm")
        observation, _ = tiny().reset(seed=0)
        np.testing.assert_array_equal(
            again.predict(observation, deterministic=True)[0], algorithm.predict(observation, deterministic=True)[0]
        )
        assert algorithm.predict(observation)[0].shape == (3,)


def test_a_saved_policy_is_read_again_without_a_pickle(tmp_path: Any) -> None:
    space = EditSpace(5, 4, 3, 6, (0,), ("insert", "delete"))
    policy, observations = policy_of(space), observations_of(space)
    policy.save(tmp_path / "policy")
    again = PointerPolicy.load(tmp_path / "policy")
    for ours, theirs in zip(policy.forward(observations, True), again.forward(observations, True), strict=True):
        torch.testing.assert_close(ours, theirs, atol=0, rtol=0)
    assert again.observation_space == space
    assert {file.suffix for file in (tmp_path / "policy").iterdir()} == {".json", ".safetensors"}
    (tmp_path / "policy" / "policy.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"policy\.json has changed since it was written"):
        PointerPolicy.load(tmp_path / "policy")
    write_folder(tmp_path / "other", "agents.TransformerPolicy", lambda folder: None)
    with pytest.raises(CheckpointError, match=r"holds agents\.TransformerPolicy, not agents\.PointerPolicy"):
        PointerPolicy.load(tmp_path / "other")


def test_a_policy_that_writes_does_not_take_the_weights_of_one_that_points(tmp_path: Any) -> None:
    policy_of(EditSpace(5, 4, 3, 6)).save(tmp_path / "policy")
    with pytest.raises(CheckpointError, match=r"holds agents\.PointerPolicy, not a policy that writes"):
        TransformerPolicy.load(tmp_path / "policy")


SPACE = EditSpace(9, 4, 4, 3)
ACTIONS = EditActions(SPACE).space


@pytest.mark.parametrize(
    ("observation_space", "action_space", "options", "message"),
    [
        (TokenSpace(9, 4, 4, 0), ACTIONS, {}, "needs an environment in which a draft is edited"),
        (SPACE, EditActions(SPACE, flat=True).space, {}, "make the environment without flat=True"),
        (SPACE, spaces.Discrete(9), {}, r"Actions must be MultiDiscrete\(\[4 4 9\]\)"),
        (SPACE, ACTIONS, {"use_sde": True}, "use_sde is for continuous actions"),
        (SPACE, ACTIONS, {"model": {"hidden_size": 3}}, "needs 'model_type', such as 'bert'"),
        (SPACE, ACTIONS, {"model": {"model_type": "brt"}}, "Unknown model_type 'brt'. Did you mean 'bert'"),
        (SPACE, ACTIONS, {"model": {"model_type": "bert", "hiden_size": 8}}, "Did you mean 'hidden_size'"),
        (
            SPACE,
            ACTIONS,
            {"model": {"model_type": "t5", "d_model": 8, "num_layers": 1}},
            "needs an encoder that reads input_ids",
        ),
        (SPACE, ACTIONS, {"model": {"model_type": "gpt2", "n_embd": 8, "n_head": 2}}, "reads one way"),
    ],
)
def test_arguments_that_cannot_work_are_refused(
    observation_space: Any, action_space: Any, options: Any, message: str
) -> None:
    with pytest.raises((ConfigError, ModelError), match=message):
        PointerPolicy(observation_space, action_space, lambda _: 1e-3, **options)


def test_the_policy_that_writes_token_by_token_refers_to_this_one() -> None:
    with pytest.raises(ConfigError, match=r"where drafts are edited, use agents\.PointerPolicy"):
        TransformerPolicy(SPACE, ACTIONS, lambda _: 1e-3, model={"model_type": "gpt2"})


def test_observations_that_are_no_ids_any_more_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"Observations are token ids, got torch.float32"):
        policy_of(SPACE).forward(observations_of(SPACE).float())


class Doubled(TinyEdits):
    """Drafts in which one letter is doubled."""

    name = "doubled"

    def samples(self, split: str) -> Any:
        texts = ["abcd", "bade", "cafe", "dabe", "hade", "gabe"]
        return [Sample(text, (text,), {"draft": text[: i + 1] + text[i:]}) for text in texts for i in range(len(text))]


def mean_return(policy: PointerPolicy, envs: EditVectorEnv) -> float:
    """Return what the likeliest edits gain, one episode in each lane."""
    total, playing = 0.0, np.ones(envs.num_envs, dtype=bool)
    observations, _ = envs.reset(options={"index": np.arange(envs.num_envs)})
    while playing.any():
        actions, _ = policy.predict(observations, deterministic=True)
        observations, rewards, terminated, truncated, _ = envs.step(actions)
        total += rewards[playing].sum()
        playing &= ~(terminated | truncated)
    return float(total / envs.num_envs)


def test_it_learns_by_imitation_of_the_fewest_edits() -> None:
    envs = EditVectorEnv(Doubled(), num_envs=24, tokenizer="char:abcdefgh", edit_cost=0.02, max_edits=3)
    shown = envs.demonstrations(range(24), np.random.default_rng(0))
    torch.manual_seed(0)
    spaces_ = envs.single_observation_space, envs.single_action_space
    policy = PointerPolicy(*spaces_, lambda _: 3e-3, model=BERT)
    observations, actions = torch.as_tensor(shown.observations), torch.as_tensor(shown.actions)
    for _ in range(60):
        loss = -policy.evaluate_actions(observations, actions)[1].mean()
        policy.optimizer.zero_grad()
        loss.backward()
        policy.optimizer.step()
    assert mean_return(policy, envs) > 0.17, "a perfect editor gets 0.2 - 0.02"


@pytest.mark.slow
def test_stock_ppo_teaches_it_to_find_what_is_wrong() -> None:
    make: Any = partial(EditVectorEnv, Doubled(), tokenizer="char:abcdefgh", edit_cost=0.02, max_edits=3)
    algorithm = stable_baselines3.PPO(
        PointerPolicy,
        make_vec_env(make(num_envs=64, autoreset_mode="SameStep")),
        learning_rate=5e-4,
        n_steps=8,
        batch_size=128,
        n_epochs=4,
        gamma=1.0,
        ent_coef=0.003,
        target_kl=0.05,
        policy_kwargs={"model": BERT},
        seed=0,
    )

    before = mean_return(algorithm.policy, make(num_envs=24))
    algorithm.learn(22_000)
    assert before < 0.05
    assert mean_return(algorithm.policy, make(num_envs=24)) > 0.14, "a perfect editor gets 0.2 - 0.02"
