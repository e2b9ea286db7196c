"""Responses written in slots are those that each prompt gets alone: tokens, log-probabilities and values."""

import warnings

import pytest
import torch

from agents.models import timeline as timeline_module
from agents.models.pretrained import make_network
from agents.models.random_numbers import in_groups
from agents.models.refill import Queue
from agents.models.rollout import Rollout, generate
from agents.models.timeline import Timeline
from tests.agents.tiny import MODELS
from textgym import TokenSpace

REFILLED = ["gpt2", "gpt_neox", "llama", "qwen2", "opt", "t5", "bart", "marian", "mbart"]
OPT = {
    "model_type": "opt",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "ffn_dim": 64,
    "max_position_embeddings": 64,
    "word_embed_proj_dim": 32,
}
V, P, T, EOS = 23, 9, 11, 1
PROMPTS = 37


def network(model, positions=None, **options):
    torch.manual_seed(0)
    space = TokenSpace(V, P, T, **({"eos_id": EOS} | options))
    config = dict(OPT if model == "opt" else MODELS[model])
    if positions is not None:
        config["n_positions" if model == "gpt2" else "max_position_embeddings"] = positions
    made = make_network(config, space, temperature=1.2)
    with torch.no_grad():  # random networks say nearly the same whatever they read
        for weight in made.model.parameters():
            if weight.dim() > 1 and weight.requires_grad:
                weight.mul_(0.5 if model == "t5" else 4.0)
        torch.nn.init.normal_(made.value_head.weight)
    return made.eval()


def prompts(count=PROMPTS):
    torch.manual_seed(1)
    ids = torch.randint(2, V, (count, P))
    lengths = torch.randint(1, P + 1, (count,))
    return torch.where(torch.arange(P) >= P - lengths[:, None], ids, -1)


def written(network, prompts, **options):
    torch.manual_seed(2)
    return generate(network, prompts, **options)


def assert_same(left, right, atol=1e-5):
    assert torch.equal(left.responses, right.responses)
    for name in ("log_probs", "values", "last_values"):
        torch.testing.assert_close(getattr(left, name), getattr(right, name), atol=atol, rtol=1e-6)


@pytest.mark.parametrize("model", REFILLED)
@pytest.mark.parametrize(("slots", "group"), [(5, 1), (1, 1), (7, 3)])
def test_slots_write_what_all_at_once_do(model, slots, group):
    one = network(model)
    options = {"responses_per_prompt": group, "last_values": True}
    refilled = written(one, prompts(), slots=slots, **options)
    assert len(set(refilled.lengths.tolist())) > 4
    assert_same(written(one, prompts(), **options), refilled)


@pytest.mark.parametrize("model", REFILLED)
def test_log_probabilities_and_values_are_those_of_each_response_alone(model):
    one = network(model, min_new_tokens=2, banned_tokens=[4])
    refilled = written(one, prompts(), slots=6)
    for row, prompt in enumerate(prompts()):
        length = int(refilled.lengths[row])
        response = refilled.responses[row, :length]
        with torch.no_grad():
            hidden = one.states(prompt[None], response[None, : length - 1])[0]
            found = one.evaluate(hidden, torch.arange(length), response)
        torch.testing.assert_close(refilled.log_probs[row, :length], found.log_probs, atol=1e-5, rtol=0.0)
        torch.testing.assert_close(refilled.values[row, :length], found.values, atol=1e-5, rtol=0.0)


def broken(monkeypatch, fault):
    """Let a deliberate fault into what newcomers are given."""
    admit = Timeline.admit

    def wrong(self, slots, staged, rows, filled=None):
        admit(self, slots, staged, rows, filled)
        if filled is None:  # all begin at once: here is nothing to go wrong
            return
        if fault == "position":
            self.positions[slots] += 1
        else:
            self._mask[slots] = 0.0

    monkeypatch.setattr(Timeline, "admit", wrong)


@pytest.mark.parametrize(
    ("model", "fault"),
    [(model, fault) for model in REFILLED for fault in ("position", "mask") if (model, fault) != ("t5", "position")],
)
def test_the_comparison_would_find_a_fault(model, fault, monkeypatch):
    """Negative controls; T5 has no positions but distances."""
    one = network(model)
    expected = written(one, prompts())
    broken(monkeypatch, fault)
    found = written(one, prompts(), slots=5)
    alike = (found.responses == expected.responses) & (found.responses >= 0)
    far = (found.log_probs - expected.log_probs).abs()[alike].max()
    assert far > 1e-3 or not torch.equal(found.responses, expected.responses)


def test_the_axis_of_columns_is_used_again_from_its_front(monkeypatch):
    moved = []
    front = timeline_module.Timeline._move_to_front
    monkeypatch.setattr(timeline_module.Timeline, "_move_to_front", lambda self: (moved.append(1), front(self)))
    one = network("gpt2")
    many = prompts(200)
    refilled = written(one, many, slots=4)
    assert len(moved) >= 4
    assert_same(written(one, many), refilled)


LED = {
    "model_type": "led",
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_encoder_position_embeddings": 64,
    "max_decoder_position_embeddings": 64,
    "attention_window": 8,
}


def test_a_decoder_that_masks_by_itself_is_not_refilled(monkeypatch):
    monkeypatch.setitem(MODELS, "led", LED)  # it reads no mask where it reads one token
    one = network("led")
    assert not one.refillable
    with pytest.warns(UserWarning, match="a slot cannot be refilled"):
        found = written(one, prompts(), slots=5)
    assert_same(found, written(one, prompts()))


@pytest.mark.parametrize("model", REFILLED)
def test_what_can_be_refilled_is_found_when_a_policy_is_made(model):
    assert network(model, {"gpt2": P + T, "opt": P + T, "bart": T + 1}.get(model)).refillable


def test_a_cache_that_forgets_cannot_be_refilled_and_says_so_once():
    one = network("mistral")
    with pytest.warns(UserWarning, match="keeps not all keys and values"):
        first = written(one, prompts(), slots=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second = written(one, prompts(), slots=5)
    assert_same(first, second)
    assert_same(first, written(one, prompts()))


@pytest.mark.parametrize("options", [{"eos_id": None}, {"min_new_tokens": 11}])
def test_without_an_eos_every_response_is_full(options):
    one = network("gpt2", **options)
    refilled = written(one, prompts(), slots=5, last_values=True)
    assert set(refilled.lengths.tolist()) == {T}
    assert_same(written(one, prompts(), last_values=True), refilled)
    assert (refilled.last_values != 0).all()


@pytest.mark.parametrize(
    ("model", "positions"),
    [("gpt2", P + T), ("opt", P + T), ("bart", T + 1), ("marian", T + 1), ("mbart", T + 1)],
)
@pytest.mark.parametrize("slots", [5, 12])
def test_a_model_needs_no_more_positions_than_its_texts_have(model, positions, slots):
    """Slots that are free read on beside the others, and their common axis is longer than any response."""
    one = network(model, positions)
    refilled = written(one, prompts(60), slots=slots, last_values=True)
    assert refilled.lengths.max() == T
    assert_same(written(one, prompts(60), last_values=True), refilled)


@pytest.mark.parametrize("last_values", [False, True])
def test_responses_of_one_token(last_values, monkeypatch):
    """Nothing is read after a response's last token, unless its value is asked for."""
    one = network("gpt2")
    one.space = TokenSpace(V, P, 1, eos_id=EOS)
    read = []
    advance = one.advance
    monkeypatch.setattr(one, "advance", lambda *arguments: (read.append(1), advance(*arguments))[1])
    refilled = written(one, prompts(), slots=5, last_values=last_values)
    assert bool(read) == last_values
    assert_same(written(one, prompts(), last_values=last_values), refilled)


def test_greedy_responses_need_no_random_numbers():
    one, asked = network("llama"), prompts()
    state = torch.get_rng_state()
    refilled = generate(one, asked, slots=5, deterministic=True)
    assert torch.equal(state, torch.get_rng_state())
    assert_same(generate(one, asked, deterministic=True), refilled)


def test_the_responses_to_one_prompt_share_its_reading():
    one = network("gpt2")
    read = []
    start = one.start
    one.start = lambda ids: (read.append(len(ids)), start(ids))[1]
    written(one, prompts(), slots=8, responses_per_prompt=4)
    assert sum(read) == PROMPTS


def test_a_queue_hands_out_every_response_once_in_order():
    queue = Queue(network("gpt2"), prompts(), 3)
    numbers = []
    for most in [1, 2, 50, 7, 100]:
        for new in queue.take(most):
            numbers += new.numbers.tolist()
            assert (new.numbers // 3 == new.stage.first + new.rows).all()
    assert numbers == list(range(3 * PROMPTS))
    assert not len(queue)


@pytest.mark.parametrize("group", [1, 3])
@pytest.mark.parametrize("slots", [None, 1, 3, 16])
def test_a_response_does_not_depend_on_the_others(slots, group):
    """Whether all are asked for at once or in shares, down to a single one, and in whatever order."""
    one, asked, options = network("gpt2"), prompts(), {"key": 9, "responses_per_prompt": group, "last_values": True}
    expected = generate(one, asked, **options)
    numbers = torch.arange(PROMPTS)
    for share in (numbers[:10], numbers[10:], numbers.flip(0), numbers[11:12]):
        found = generate(one, asked[share], slots=slots, numbers=share, **options)
        assert_same(found, rows_of(expected, share, group))


def rows_of(rollout, share, group):
    rows = in_groups(share, group)
    return Rollout(rollout.responses[rows], rollout.log_probs[rows], rollout.values[rows], rollout.last_values[rows])


@pytest.mark.parametrize("slots", [None, 5])
def test_a_response_begins_the_same_if_it_may_be_longer(slots):
    one = network("gpt2")
    expected = generate(one, prompts(), key=9, slots=slots)
    one.space = TokenSpace(V, P, T + 7, eos_id=EOS)
    longer = generate(one, prompts(), key=9, slots=slots)
    assert longer.lengths.max() == T + 7
    assert torch.equal(longer.responses[:, :T], expected.responses)


def test_another_key_or_another_number_gives_another_response():
    """Negative controls."""
    one, asked = network("gpt2"), prompts()
    expected = generate(one, asked, key=9).responses
    assert not torch.equal(generate(one, asked, key=10).responses, expected)
    shifted = generate(one, asked, key=9, numbers=torch.arange(PROMPTS) + 1).responses
    assert (shifted != expected).any(dim=1).float().mean() > 0.9
