"""What a lane plays does not depend on how many processes share the lanes."""

import numpy as np
import pytest
import torch

import tests.talks  # noqa: F401  (registers the environments)
from agents import PPO, TransformerPolicy, make_vec_env
from agents.learning.playing import play
from agents.models.record import Record
from tests.agents.tiny import MODELS, sharpen
from textgym.errors import ConfigError

LANES, ROUNDS, GROUP = 6, 3, 2


def network_for(env):
    envs = make_vec_env(env, num_envs=2)
    made = PPO(TransformerPolicy, envs, batch_size=4, policy_kwargs={"model": MODELS["gpt2"]}, seed=0)
    sharpen(made.policy, 2.0)
    return made.policy.network


def share(network, env, first, lanes, **options):
    """Play the lanes from ``first`` on; return the episodes as [rounds, lanes, G, ...]."""
    envs = make_vec_env(env, num_envs=lanes)
    envs.seed(5 + first)
    envs.reset()
    options = {"key": 3, "first_lane": first, "lanes_in_all": LANES, **options}
    played = play(network, envs, ROUNDS * lanes * GROUP, GROUP, **options)
    told = played.experience
    return [
        array.reshape(ROUNDS, lanes, GROUP, -1)
        for array in (told.observations, told.own, told.rewards, told.log_probs, told.values)
    ]


@pytest.mark.parametrize(
    ("env", "options"), [("test/Letters-v0", {}), ("test/Letters-v0", {"slots": 4}), ("tests/Talk-v0", {})]
)
def test_lanes_shared_by_processes_play_what_they_would_in_one(env, options):
    network = network_for(env)
    whole = share(network, env, 0, LANES, **options)
    parts = [share(network, env, first, lanes, **options) for first, lanes in ((0, 2), (2, 3), (5, 1))]
    for name, one, shared in zip(range(5), whole, zip(*parts, strict=True), strict=True):
        found = np.concatenate(shared, axis=1)
        if name < 2:
            np.testing.assert_array_equal(found, one)
        else:
            np.testing.assert_allclose(found, one, atol=1e-5)
    columns = slice(network.space.max_prompt_tokens, None)
    first, second = whole[0][:, :, 0, columns], whole[0][:, :, 1, columns]
    assert (first != second).any(axis=-1).mean() > 0.5, "the responses to one prompt differ"
    moved = share(network, env, 2, 3, first_lane=1, **options)
    assert not np.array_equal(moved[0], parts[1][0]), "the comparison would find a fault"


def test_without_a_key_torch_generator_gives_it():
    network = network_for("test/Letters-v0")
    torch.manual_seed(4)
    one = share(network, "test/Letters-v0", 0, LANES, key=None)
    torch.manual_seed(4)
    same = share(network, "test/Letters-v0", 0, LANES, key=None)
    other = share(network, "test/Letters-v0", 0, LANES, key=None)
    np.testing.assert_array_equal(one[0], same[0])
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize(("first", "in_all"), [(-1, 6), (3, 6), (1, None), (0, 3)])
def test_lanes_that_are_not_among_all_are_refused(first, in_all):
    with pytest.raises(ConfigError, match="must be among lanes_in_all"):
        share(network_for("test/Letters-v0"), "test/Letters-v0", first, 4, first_lane=first, lanes_in_all=in_all)


@pytest.mark.parametrize("env", ["test/Letters-v0", "tests/Talk-v0"])
def test_learning_goes_on_after_an_interrupted_rollout(env, monkeypatch):
    made = PPO(TransformerPolicy, make_vec_env(env, num_envs=2), batch_size=4, policy_kwargs={"model": MODELS["gpt2"]})
    made.learn(2)
    write, written = Record.write, []

    def interrupted(*arguments):
        written.append(1)
        if len(written) == 2:
            raise KeyboardInterrupt
        return write(*arguments)

    monkeypatch.setattr(Record, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made.learn(2, reset_num_timesteps=False)
    steps = made.num_timesteps
    made.learn(2, reset_num_timesteps=False)
    assert made.num_timesteps > steps
