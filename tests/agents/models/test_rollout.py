"""Rollouts at the edges: prompts that hold nothing, other default types of torch, policies made in inference mode."""

import pytest
import torch

from agents.models.decoding import Beam
from agents.models.rollout import generate
from tests.agents.models.test_refill import assert_same, network, prompts, written

EMPTY_ROWS = [0, 5, 6, 20]


def some_empty():
    """Return prompts of which some, among longer ones, hold nothing."""
    asked = prompts()
    asked[EMPTY_ROWS] = -1
    return asked


@pytest.mark.parametrize("model", ["gpt2", "llama", "mistral", "gemma", "t5", "bart"])
def test_an_empty_prompt_is_answered_alike_in_slots_in_one_pass_and_alone(model):
    one, asked = network(model), some_empty()
    together = written(one, asked)
    assert_same(together, written(one, asked, slots=5 if one.refillable else None))
    own = together.responses >= 0
    found = one.evaluate_sequences(torch.cat([asked, together.responses], dim=1), own, together.responses[own])
    torch.testing.assert_close(found.log_probs, together.log_probs[own], atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(found.values, together.values[own], atol=1e-4, rtol=1e-4)
    for row in EMPTY_ROWS:
        alone = generate(one, asked[row : row + 1], deterministic=True).responses
        assert torch.equal(alone, generate(one, asked, deterministic=True).responses[row : row + 1])


@pytest.mark.parametrize("model", ["gpt2", "bart"])
def test_a_beam_of_one_answers_an_empty_prompt_as_greedy_decoding_does(model):
    one, asked = network(model), some_empty()
    greedy = generate(one, asked, deterministic=True).responses
    assert torch.equal(Beam(num_beams=1, length_penalty=0.0).write(one, asked)[EMPTY_ROWS], greedy[EMPTY_ROWS])


@pytest.fixture(params=[torch.float64, torch.bfloat16])
def default_type(request):
    usual = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(usual)


def test_numbers_are_float32_whatever_torch_makes_by_itself(default_type):
    one = network("gpt2")
    found = [written(one, prompts(), last_values=True, slots=slots) for slots in (None, 5)]
    torch.set_default_dtype(torch.float32)
    expected = written(one, prompts(), last_values=True)
    for rollout in found:
        assert {rollout.log_probs.dtype, rollout.values.dtype, rollout.last_values.dtype} == {torch.float32}
        assert_same(expected, rollout)
    assert {weight.dtype for weight in one.parameters()} == {torch.float32}


def test_a_policy_that_was_made_in_inference_mode_writes_too():
    with torch.inference_mode():
        one = network("gpt2")
    assert_same(written(network("gpt2"), prompts()), written(one, prompts(), slots=5))
