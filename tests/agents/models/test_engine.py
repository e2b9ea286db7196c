"""How a policy computes is checked, and a checkpoint knows it."""

import pytest

import tests.tiny  # noqa: F401
from agents import PPO, TransformerPolicy, make_vec_env
from agents.models.engine import Engine, make_engine
from tests.agents.tiny import MODELS
from textgym.errors import ConfigError


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"precision": "float16"}, r"engine\.precision must be one of float32, bfloat16, got 'float16'"),
        ({"compile": "yes"}, r"engine\.compile must be true or false, got 'yes'"),
        ({"checkpoint_activations": 1}, r"engine\.checkpoint_activations must be true or false, got 1"),
        ({"look_every": 0}, r"engine\.look_every must be at least 1, or None, got 0"),
        ({"look_every": 1.5}, r"engine\.look_every"),
        ({"precison": "bfloat16"}, "Did you mean 'precision'"),
        ("fast", "engine must be a dict"),
    ],
)
def test_engines_that_cannot_be(spec, message):
    with pytest.raises(ConfigError, match=message):
        make_engine(spec)


@pytest.mark.parametrize("engine", [{"look_every": 3}, Engine(look_every=3)])
def test_a_checkpoint_knows_the_engine(engine, tmp_path):
    envs = make_vec_env("test/Letters-v0", num_envs=4)
    kwargs = {"model": MODELS["gpt2"], "engine": engine}
    model = PPO(TransformerPolicy, envs, policy_kwargs=kwargs, batch_size=8, seed=0)
    assert model.reference is None or model.reference.network.engine == Engine(look_every=3)
    model.save(tmp_path / "model")
    assert TransformerPolicy.load(tmp_path / "model").network.engine == Engine(look_every=3)
    assert PPO.load(tmp_path / "model", env=envs).policy.network.engine == Engine(look_every=3)
