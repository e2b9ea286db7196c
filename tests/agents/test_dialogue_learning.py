"""Learning in dialogues: only the agent's own tokens are actions, and the numbers are those of single steps."""

import logging
from typing import Any

import numpy as np
import pytest
import stable_baselines3
import torch
from gymnasium.error import ResetNeeded
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnvWrapper

import tests.talks  # noqa: F401  (registers the environments)
from agents import A2C, GRPO, PPO, RLOO, SFT, TransformerPolicy, make_vec_env
from agents.algorithms.sft import token_losses
from agents.models.conversation import converse
from tests.agents.tiny import MODELS, sharpen
from textgym.dialogue.lanes import DialogueLanes
from textgym.errors import ConfigError

ENV = "tests/TalkStrict-v0"  # at least two tokens a turn
LANES = 4


class Stepped(VecEnvWrapper):
    """Might change or record steps, for all that an algorithm knows: so dialogues are played step by step."""

    def reset(self) -> Any:
        return self.venv.reset()

    def step_wait(self) -> Any:
        return self.venv.step_wait()


def learner(cls: Any = PPO, model: str = "gpt2", env: str = ENV, stepped: bool = False, **options: Any) -> Any:
    envs = make_vec_env(env, num_envs=LANES)
    envs = Stepped(envs) if stepped else envs
    kwargs = {"model": MODELS[model], "temperature": 1.3}
    options = {"rollout_responses": 2 * LANES, **({"batch_size": 64} if cls is PPO else {}), **options}
    made = cls(TransformerPolicy, envs, policy_kwargs=kwargs, seed=3, learning_rate=1e-3, **options)
    sharpen(made.policy, 0.5 if model == "t5" else 3.0)
    return made


def collect(algorithm: Any) -> list[dict[str, Any]]:
    """Collect one rollout; return what each step saw and did."""
    steps: list[dict[str, Any]] = []
    _, callback = algorithm._setup_learn(1)
    envs = algorithm.env

    def recorded(actions: np.ndarray) -> None:
        steps.append({"obs": algorithm._last_obs.copy(), "actions": actions.copy()})
        original(actions)

    original, envs.step_async = envs.step_async, recorded
    algorithm.collect_rollouts(envs, callback, algorithm.rollout_buffer, algorithm.n_steps)
    envs.step_async = original
    return steps


@pytest.mark.parametrize(("cls", "model"), [(PPO, "gpt2"), (A2C, "t5")])
def test_log_probabilities_of_steps_are_those_of_single_observations(cls: Any, model: str) -> None:
    algorithm = learner(cls, model, stepped=True)
    steps = collect(algorithm)
    experience = algorithm.rollout_buffer.experience
    single = []
    for step in steps:
        actions = torch.as_tensor(step["actions"]).flatten()
        with torch.no_grad():
            values, log_probs, _ = algorithm.policy.evaluate_actions(torch.as_tensor(step["obs"]), actions)
        single.append((actions.numpy(), log_probs.numpy(), values[:, 0].numpy()))
    by_lane = [np.stack(part, axis=1).reshape(-1) for part in zip(*single, strict=True)]  # lane by lane, step by step
    own = experience.own
    P = algorithm.observation_space.max_prompt_tokens
    np.testing.assert_array_equal(experience.observations[:, P:][own], by_lane[0])
    np.testing.assert_allclose(experience.log_probs[own], by_lane[1], atol=1e-5)
    np.testing.assert_allclose(experience.values[own], by_lane[2], atol=1e-5)
    context = (experience.observations[:, P:] >= 0) & ~own
    assert context.sum() > 20  # the user spoke
    for array in (experience.log_probs, experience.values, experience.rewards, algorithm.rollout_buffer.row_advantages):
        assert (array[~own] == 0).all()


@pytest.mark.parametrize(
    ("model", "group"), [("gpt2", 1), ("gpt2", 2), ("t5", 2), ("llama", 1), ("mistral", 1), ("bart", 1)]
)
def test_log_probabilities_of_whole_dialogues_are_those_of_single_observations(model: str, group: int) -> None:
    algorithm = learner(model=model)
    algorithm.responses_per_prompt = group
    collect(algorithm)
    experience = algorithm.rollout_buffer.experience
    P = algorithm.observation_space.max_prompt_tokens
    rows, columns = np.nonzero(experience.own)
    observations = experience.observations[rows]
    actions = observations[np.arange(len(rows)), P + columns]
    observations[np.arange(observations.shape[1]) >= P + columns[:, None]] = -1
    with torch.no_grad():
        values, log_probs, _ = algorithm.policy.evaluate_actions(
            torch.as_tensor(observations), torch.as_tensor(actions)
        )
    np.testing.assert_allclose(experience.log_probs[experience.own], log_probs.numpy(), atol=1e-5)
    np.testing.assert_allclose(experience.values[experience.own], values[:, 0].numpy(), atol=1e-5)
    context = (experience.observations[:, P:] >= 0) & ~experience.own
    assert context.sum() > 20  # the user spoke
    for array in (experience.log_probs, experience.values, experience.rewards, algorithm.rollout_buffer.row_advantages):
        assert (array[~experience.own] == 0).all()
    openings = experience.observations[:, :P]
    np.testing.assert_array_equal(openings[::group], openings[group - 1 :: group])


@pytest.mark.parametrize("env", ["tests/Talk-v0", "tests/TalkTurns-v0", ENV])
def test_whole_dialogues_are_what_steps_would_have_been(env: str) -> None:
    """The likeliest tokens, so that both paths say the same: texts, pay, ends, last values and generators agree."""
    algorithm = learner(env=env)
    network = algorithm.policy.network
    fast, slow = (make_vec_env(env, num_envs=3) for _ in range(2))
    for envs in (fast, slow):
        envs.seed(5)
        envs.reset()
    rounds = 3
    dialogues = fast.venv.begin_dialogues(3 * rounds)
    record, scores = converse(network, dialogues, deterministic=True, last_values=True)
    fast.venv.end_dialogues()
    ended: list[list[dict[str, Any]]] = [[] for _ in range(3)]
    states: list[Any] = [None] * 3
    observations = slow.venv.observations()
    while any(state is None for state in states):
        actions, _ = algorithm.policy.predict(observations, deterministic=True)
        observations, _, dones, infos = slow.step(actions)
        for lane in np.flatnonzero(dones):
            ended[lane].append(infos[lane])
            if len(ended[lane]) == rounds:
                states[lane] = slow.venv.snapshot()["lanes"][lane]
    assert [fast.venv.snapshot()["lanes"][lane] for lane in range(3)] == states
    returns = scores.rewards.sum(axis=1)
    for row in range(3 * rounds):
        one = ended[row % 3][row // 3]
        assert scores.infos["transcript"][row] == one["transcript"]
        assert scores.infos["finish"][row] == one["finish"]
        assert returns[row] == pytest.approx(one["episode"]["r"], abs=1e-6)
        assert bool(scores.truncated[row]) == one["TimeLimit.truncated"]
        last = torch.as_tensor(one["terminal_observation"])[None]
        with torch.no_grad():
            value = float(algorithm.policy.predict_values(last)) if scores.truncated[row] else 0.0
        assert float(record.last_values[row]) == pytest.approx(value, abs=1e-5)
        P = algorithm.observation_space.max_prompt_tokens
        np.testing.assert_array_equal(one["terminal_observation"][P:], record.responses[row].numpy())


def test_what_the_environment_makes_in_a_rollout_may_be_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    made, play = [], DialogueLanes.play

    def noted(lanes: DialogueLanes, *arguments: Any) -> Any:
        made.append(torch.nn.Linear(2, 1))  # as a reward does that makes its model when it is first asked
        return play(lanes, *arguments)

    monkeypatch.setattr(DialogueLanes, "play", noted)
    collect(learner())
    assert made
    made[0](torch.ones(1, 2)).sum().backward()
    torch.optim.SGD(made[0].parameters(), lr=0.1).step()


def test_dialogues_that_were_handed_out_must_be_ended() -> None:
    venv = make_vec_env(ENV, num_envs=2).venv
    with pytest.raises(ResetNeeded, match="call reset"):
        venv.begin_dialogues(2)
    venv.reset(seed=0)
    for n, message in ((3, "n must be a multiple of num_envs=2"), (0, "n must be a multiple of num_envs=2")):
        with pytest.raises(ConfigError, match=message):
            venv.begin_dialogues(n)
    with pytest.raises(ConfigError, match="responses_per_prompt must be at least 1, got 0"):
        venv.begin_dialogues(2, 0)
    with pytest.raises(ResetNeeded, match=r"begin_dialogues\(\): call that first"):
        venv.end_dialogues()
    venv.begin_dialogues(2)
    for call in (lambda: venv.step(np.array([3, 3])), lambda: venv.begin_dialogues(2), venv.snapshot):
        with pytest.raises(ResetNeeded, match=r"call end_dialogues\(\), or reset\(\)"):
            call()
    venv.end_dialogues()
    venv.step(np.array([3, 3]))
    with pytest.raises(ResetNeeded, match=r"lanes \[0, 1\] are not"):
        venv.begin_dialogues(2)


@pytest.mark.parametrize("model", ["gpt2", "t5"])
def test_own_columns_of_stepped_dialogues_are_those_that_the_environment_tells(model: str) -> None:
    algorithm = learner(model=model, stepped=True)
    told: list[np.ndarray] = []
    step_wait = algorithm.env.step_wait

    def listening() -> Any:
        result = step_wait()
        told.extend(info["own"] for info in result[3] if "finish" in info)
        return result

    algorithm.env.step_wait = listening
    collect(algorithm)
    experience = algorithm.rollout_buffer.experience
    whole = {row.tobytes() for row in told}
    assert len(told) > LANES
    assert sum(row.tobytes() in whole for row in experience.own) >= len(told)


@pytest.mark.parametrize(("cls", "model", "stepped"), [(PPO, "gpt2", False), (A2C, "t5", False), (PPO, "t5", True)])
def test_the_ratio_before_the_first_update_is_one(cls: Any, model: str, stepped: bool) -> None:
    algorithm = learner(cls, model, stepped=stepped)
    collect(algorithm)
    for batch in algorithm.rollout_buffer.get(64):
        with torch.no_grad():
            values, log_probs, _ = algorithm.policy.evaluate_actions(batch.observations, batch.actions)
        ratio = (log_probs - batch.old_log_prob).exp().numpy()
        np.testing.assert_allclose(ratio, 1.0, atol=1e-5)
        np.testing.assert_allclose(values[:, 0].numpy(), batch.old_values.numpy(), atol=1e-5)


def gradient(algorithm: Any) -> torch.Tensor:
    """Return the gradient of a surrogate and a value loss over the whole rollout."""
    algorithm.policy.optimizer.zero_grad()
    for batch in algorithm.rollout_buffer.get(None):
        values, log_probs, entropies = algorithm.policy.evaluate_actions(batch.observations, batch.actions)
        ratio = (log_probs - batch.old_log_prob).exp()
        loss = -(ratio * batch.advantages).mean() - 0.01 * entropies.mean()
        (loss + ((values[:, 0] - batch.returns) ** 2).mean()).backward()
    return torch.cat([p.grad.flatten() for p in algorithm.policy.parameters() if p.grad is not None])


@pytest.mark.parametrize("stepped", [False, True])
def test_the_gradient_does_not_depend_on_what_stands_at_the_users_columns_but_as_context(stepped: bool) -> None:
    algorithm = learner(stepped=stepped)
    collect(algorithm)
    experience = algorithm.rollout_buffer.experience
    torch.manual_seed(0)
    before = gradient(algorithm)
    assert before.abs().max() > 0
    for array in (experience.log_probs, experience.values, experience.rewards):
        array[~experience.own] = 7.0
    algorithm.rollout_buffer.add_experience(experience)
    torch.manual_seed(0)
    torch.testing.assert_close(gradient(algorithm), before)
    P = algorithm.observation_space.max_prompt_tokens
    context = (experience.observations[:, P:] >= 0) & ~experience.own
    experience.observations[:, P:][context] = 2  # as context they do count
    torch.manual_seed(0)
    assert not torch.allclose(gradient(algorithm), before)


@pytest.mark.parametrize("stepped", [False, True])
@pytest.mark.parametrize("cls", [PPO, A2C])
@pytest.mark.parametrize("env", ["tests/TalkTurns-v0"])
def test_the_algorithms_learn_and_tell_once_where_they_step(cls: Any, env: str, stepped: bool) -> None:
    algorithm = learner(cls, env=env, kl_coef=0.1, stepped=stepped)
    said: list[str] = []
    algorithm.set_logger(_Listening(said))
    before = [p.clone() for p in algorithm.policy.parameters()]
    algorithm.learn(LANES * algorithm.n_steps + 1)
    assert any(not torch.equal(p, q) for p, q in zip(before, algorithm.policy.parameters(), strict=True))
    assert all(p.isfinite().all() for p in algorithm.policy.parameters())
    notices = [line for line in said if "token by token" in line]
    assert len(notices) == stepped
    assert all(line.startswith(f"{cls.__name__} steps Stepped token by token, which is slow") for line in notices)


class _Listening(Logger):
    def __init__(self, said: list[str]) -> None:
        super().__init__(None, [])
        self.said = said

    def log(self, *args: Any, level: int = logging.INFO) -> None:
        self.said.append(" ".join(map(str, args)))


def test_groups_of_dialogues_with_the_same_opening_are_compared() -> None:
    envs = make_vec_env("tests/Talk-v0", num_envs=LANES)
    for cls in (RLOO, GRPO):
        algorithm = cls(TransformerPolicy, envs, policy_kwargs={"model": MODELS["gpt2"]}, seed=0, batch_size=16)
        sharpen(algorithm.policy)
        before = [p.clone() for p in algorithm.policy.parameters()]
        algorithm.learn(100)
        assert any(not torch.equal(p, q) for p, q in zip(before, algorithm.policy.parameters(), strict=True))


@pytest.mark.parametrize("env", ["tests/Talk-v0", "textgym/TaskDialogue-v0"])
def test_stock_stable_baselines3_learns(env: str) -> None:
    envs = make_vec_env(env, num_envs=LANES, max_new_tokens=20, max_turn_tokens=4, max_prompt_tokens=16)
    kwargs = {"model": MODELS["gpt2"]}
    algorithm = stable_baselines3.PPO(
        TransformerPolicy, envs, n_steps=16, batch_size=16, n_epochs=1, policy_kwargs=kwargs, seed=0, device="cpu"
    )
    before = [p.clone() for p in algorithm.policy.parameters()]
    algorithm.learn(2 * 16 * LANES)
    assert any(not torch.equal(p, q) for p, q in zip(before, algorithm.policy.parameters(), strict=True))


def test_maskable_ppo_gets_the_masks_of_the_present_turns() -> None:
    sb3_contrib = pytest.importorskip("sb3_contrib")
    from sb3_contrib.common.maskable.utils import get_action_masks

    envs = make_vec_env(ENV, num_envs=2)
    envs.reset()
    masks = get_action_masks(envs)
    eos = envs.observation_space.eos_id
    assert masks.shape == (2, envs.action_space.n)
    assert not masks[:, eos].any()
    assert sb3_contrib.__version__


@pytest.mark.slow
def test_learning_improves_a_policy() -> None:
    """One-letter words: the policy learns to say h, the goal of half of the test split's dialogues, and to stop."""
    envs = make_vec_env("tests/Talk-v0", num_envs=16, split="test", max_turn_tokens=3, max_new_tokens=16)
    algorithm = A2C(
        TransformerPolicy, envs, policy_kwargs={"model": MODELS["gpt2"]}, seed=0, learning_rate=3e-3, ent_coef=0.01
    )
    algorithm.learn(1500)
    first = algorithm.merit()
    algorithm.learn(14_000, reset_num_timesteps=False)
    assert first is not None
    assert algorithm.merit() > first + 0.2


def test_supervised_learning_imitates_the_references_and_not_the_user() -> None:
    envs = make_vec_env("textgym/TaskDialogue-v0", num_envs=2)
    sft = SFT(TransformerPolicy, envs, policy_kwargs={"model": MODELS["llama"]}, batch_size=4, learning_rate=1e-2)
    shown = envs.venv.demonstrations([0, 1, 2], np.random.default_rng(0))
    network = sft.policy.network
    losses = token_losses(network, shown, torch.device("cpu"))
    assert len(losses) == shown.own.sum() < (shown.responses >= 0).sum()
    rows, columns = np.nonzero(shown.own)
    observations = np.concatenate([shown.prompts, shown.responses], axis=1)[rows]
    actions = shown.responses[rows, columns]
    P = envs.observation_space.max_prompt_tokens
    observations[np.arange(observations.shape[1]) >= P + columns[:, None]] = -1
    with torch.no_grad():
        _, expected, _ = sft.policy.evaluate_actions(torch.as_tensor(observations), torch.as_tensor(actions))
    np.testing.assert_allclose(losses.detach().numpy(), -expected.numpy(), atol=1e-5)
    sft.learn(1500, log_interval=0)
    assert token_losses(network, shown, torch.device("cpu")).mean() < losses.mean() - 1


def test_a_checkpoint_goes_on_identically(tmp_path: Any) -> None:
    def weights(algorithm: Any) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in algorithm.policy.parameters()])

    straight = learner()
    steps = straight.n_steps * LANES
    straight.learn(2 * steps)
    resumed = learner()
    resumed.learn(steps)
    resumed.save(tmp_path / "a")
    again = PPO.load(tmp_path / "a", env=make_vec_env(ENV, num_envs=LANES))
    again.learn(2 * steps - again.num_timesteps, reset_num_timesteps=False)  # learn() passes what it is asked for
    assert again.num_timesteps == straight.num_timesteps
    torch.testing.assert_close(weights(again), weights(straight), rtol=0, atol=0)


def test_with_the_limit_as_mean_each_own_token_counts_alike_and_the_users_not_at_all() -> None:
    algorithm = learner(GRPO, responses_per_prompt=2, mean="limit")
    _, callback = algorithm._setup_learn(1)
    algorithm.collect_rollouts(algorithm.env, callback, algorithm.rollout_buffer, algorithm.n_steps)
    experience = algorithm.rollout_buffer.experience
    judged, T = algorithm.judged(experience), algorithm.observation_space.max_new_tokens
    assert len(set(experience.own.sum(axis=1).tolist())) > 1
    written = experience.observations[:, -T:] >= 0
    assert (written.sum(axis=1) > experience.own.sum(axis=1)).any(), "a user should have spoken"
    rows = np.arange(len(experience.own))
    (batch,) = judged.parts(rows, None, algorithm.device)
    log_probs = batch.old_log_probs.clone().requires_grad_()
    algorithm.loss(batch, log_probs).loss.backward()
    expected = -judged.advantages[:, None].repeat(T, axis=1)[experience.own] / (len(rows) * T)
    np.testing.assert_allclose(log_probs.grad.numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize(("cls", "asked"), [(PPO, True), (GRPO, False), (RLOO, False)])
def test_values_after_truncated_dialogues_are_computed_for_critics_alone(cls: Any, asked: bool) -> None:
    envs = make_vec_env(ENV, num_envs=LANES, on_length="truncate")
    options = {"batch_size": 64} if cls is PPO else {}
    algorithm = cls(
        TransformerPolicy, envs, policy_kwargs={"model": MODELS["gpt2"]}, seed=3, rollout_responses=16, **options
    )
    torch.nn.init.normal_(algorithm.policy.network.value_head.weight)
    _, callback = algorithm._setup_learn(1)
    algorithm.collect_rollouts(algorithm.env, callback, algorithm.rollout_buffer, algorithm.n_steps)
    assert algorithm.rollout_buffer.experience.last_values.any() == asked
