"""Each setting changes one distribution: what is sampled is what is scored, in stepping, rollouts and learning."""

import numpy as np
import pytest
import torch

import tests.talks  # noqa: F401  (registers the environments)
from agents import A2C, GRPO, PPO, RLOO, TransformerPolicy, make_vec_env
from agents.models.pretrained import make_network
from agents.models.rollout import generate
from agents.models.truncation import make_truncation
from tests.agents.chi_square import P_VALUE, chi_square_p_value
from tests.agents.tiny import MODELS, sharpen
from textgym import TokenSpace

V, EOS, SAMPLES = 13, 1, 10_000
POLICY = {
    "temperature": {"temperature": 0.6},
    "top-k": {"truncation": {"top_k": 4}},
    "top-p": {"truncation": {"top_p": 0.7}},
    "min-p": {"truncation": {"min_p": 0.2}},
    "repetition penalty": {"repetition_penalty": 1.8},
    "reward for repetition": {"repetition_penalty": 0.7},
    "top-k, top-p, min-p": {"truncation": {"top_k": 8, "top_p": 0.9, "min_p": 0.1}},
    "penalty, temperature, top-p": {"repetition_penalty": 1.5, "temperature": 0.8, "truncation": {"top_p": 0.8}},
}
SPACE = {"minimum length": {"min_new_tokens": 2}, "banned tokens": {"banned_tokens": [3, 4]}}
SETTINGS = {name: (options, {}) for name, options in POLICY.items()} | {
    name: ({}, options) for name, options in SPACE.items()
}
SETTINGS["all"] = POLICY["penalty, temperature, top-p"], {"min_new_tokens": 2, "banned_tokens": [3, 4]}
PROMPT = torch.tensor([[5, 6, 7, 8]])


def network(name="gpt2", policy=None, space=None):
    torch.manual_seed(3)
    options = dict(policy or {})
    options["truncation"] = make_truncation(options.get("truncation"))
    made = make_network(MODELS[name], TokenSpace(V, 4, 2, eos_id=EOS, **(space or {})), **options)
    with torch.no_grad():
        made.model.get_output_embeddings().weight.mul_(4.0 if name == "gpt2" else 0.7)  # neither certain nor even
    return made.eval()


@torch.no_grad()
def probabilities(one):
    """Return the probability of every pair of tokens, [V, V]; of the eos alone, which ends a text, in its first column.

    From single states, one text at a time, as in stepping.
    """
    texts = torch.cat([PROMPT.expand(V + 1, -1), torch.arange(-1, V)[:, None], torch.full((V + 1, 1), -1)], dim=1)
    log_probs = one.log_distribution(*one.current_state(texts))
    second = log_probs[1:].exp()
    second[EOS] = torch.eye(V)[0]
    return log_probs[0].exp()[:, None] * second


def counted(rollout):
    first, second = rollout.responses.clamp(min=0).T
    return torch.bincount(first * V + second, minlength=V * V)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", ["gpt2", "t5"])
def test_samples_have_the_probabilities_that_are_scored(name, setting):
    """A chi-square test of whole responses, which the distribution without the setting fails."""
    one = network(name, *SETTINGS[setting])
    rollout = generate(one, PROMPT, responses_per_prompt=SAMPLES, key=11)
    expected = probabilities(one)
    assert chi_square_p_value(counted(rollout), expected * SAMPLES) > P_VALUE
    assert chi_square_p_value(counted(rollout), probabilities(network(name)) * SAMPLES) < P_VALUE
    scored = rollout.log_probs.sum(dim=1).exp()
    first, second = rollout.responses.clamp(min=0).T
    torch.testing.assert_close(scored, expected[first, second], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("setting", SPACE)
def test_what_action_masks_forbid_cannot_come(setting):
    """An environment's masks are the minimum length and the banned tokens: those that the policy has anyway."""
    one = network(space=SPACE[setting])
    texts = torch.full((2, 6), -1)
    texts[:, :4], texts[1, 4] = PROMPT, 9
    with torch.no_grad():
        possible = ~one.log_distribution(*one.current_state(texts)).isneginf()
    np.testing.assert_array_equal(possible.numpy(), one.space.allowed(np.array([0, 1])))
    assert not possible.all()


ALGORITHMS = {
    PPO: {"batch_size": 16},
    A2C: {},
    GRPO: {"responses_per_prompt": 2},
    RLOO: {"responses_per_prompt": 2, "slots": 3},
}


@pytest.mark.parametrize("env", ["test/Letters-v0", "tests/Talk-v0"])
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("cls", ALGORITHMS)
def test_the_ratio_before_the_first_update_is_one(cls, setting, env):
    policy, space = SETTINGS[setting]
    told = {name: value for name, value in space.items() if name != "banned_tokens"}  # specials are banned anyway
    envs = make_vec_env(env, num_envs=4, **(told if env == "test/Letters-v0" else {}))
    made = cls(TransformerPolicy, envs, policy_kwargs={"model": MODELS["gpt2"], **policy}, seed=0, **ALGORITHMS[cls])
    sharpen(made.policy, 3.0)
    _, callback = made._setup_learn(1)
    made.collect_rollouts(made.env, callback, made.rollout_buffer, made.n_steps)
    experience = made.rollout_buffer.experience
    sequences, actions = experience.sequences(np.arange(len(experience.own)), made.device)
    with torch.no_grad():
        _, log_probs, _ = made.policy.evaluate_actions(sequences, actions)
    assert np.abs(log_probs.numpy() - experience.log_probs[experience.own]).max() < 1e-5
