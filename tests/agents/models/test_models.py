"""Three views of one network agree: one step, one cached step, all steps of whole responses in one forward."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from transformers.activations import NewGELUActivation

from agents.models.distribution import chosen_and_entropy, entropy, sample
from agents.models.network import TextNetwork
from agents.models.pretrained import make_network
from agents.models.rollout import Rollout, generate
from agents.models.self_check import check_network
from tests.agents.tiny import MODELS, sharpen
from textgym import TokenSpace
from textgym.errors import ModelError
from textgym.stopping import make_stop_rule
from textgym.tokenizers import CharTokenizer

P, T, V = 9, 12, 13
SPACE = TokenSpace(V, P, T, eos_id=3, min_new_tokens=2, banned_tokens=[5])
DECODER_ONLY = ("gpt2", "gpt_neox", "llama", "qwen2", "qwen3", "mistral", "gemma")


class Holder:
    """Gives a bare network the attribute under which policies hold it."""

    def __init__(self, network: TextNetwork) -> None:
        self.network = network


class Played(NamedTuple):
    """A network and what it wrote."""

    network: TextNetwork
    observations: torch.Tensor
    own: torch.Tensor
    rollout: Rollout


def random_network(name: str, space: TokenSpace = SPACE, temperature: float = 0.7) -> TextNetwork:
    torch.manual_seed(0)
    network = make_network(MODELS[name], space, temperature)
    sharpen(Holder(network), 0.5 if name == "t5" else 4.0)
    return network


def random_prompts(n: int = 32, columns: int = P) -> torch.Tensor:
    rng = np.random.default_rng(0)
    prompts = torch.full((n, columns), -1)
    for i in range(n):
        length = int(rng.integers(1, P + 1))
        prompts[i, columns - length :] = torch.as_tensor(rng.integers(0, V, length))
    return prompts


@cache
def played(name: str) -> Played:
    network, prompts = random_network(name), random_prompts()
    torch.manual_seed(1)
    rollout = generate(network, prompts, last_values=True)
    return Played(network, torch.cat([prompts, rollout.responses], dim=1), rollout.responses >= 0, rollout)


def assert_near(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_three_views_are_equal(name: str) -> None:
    network, observations, own, rollout = played(name)
    assert len(set(rollout.lengths.tolist())) > 1, "the batch should hold short and long responses"
    whole = network.evaluate_sequences(observations, own, rollout.responses[own])
    assert whole.entropies.std() > 0.03, "predictions should depend on what was read"
    assert_near(rollout.log_probs[own], whole.log_probs)
    assert_near(rollout.values[own], whole.values)
    for k in range(int(rollout.lengths.max())):
        rows = own[:, k].nonzero().squeeze(-1)
        seen = observations[rows].clone()
        seen[:, P + k :] = -1
        hidden, lengths = network.current_state(seen)
        single = network.evaluate(hidden, lengths, rollout.responses[rows, k])
        assert_near(rollout.log_probs[rows, k], single.log_probs)
        assert_near(rollout.values[rows, k], single.values)


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_last_values_are_those_after_responses_without_eos(name: str) -> None:
    network, observations, own, rollout = played(name)
    cut = own.all(dim=1) & (rollout.responses[:, -1] != SPACE.eos_id)
    assert cut.any()
    assert not rollout.last_values[~cut].any()
    hidden, _ = network.current_state(observations[cut])
    assert_near(rollout.last_values[cut], network.values(hidden))


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_left_padding_changes_no_number(name: str) -> None:
    network, observations, own, rollout = played(name)
    short = (observations[:, :P] >= 0).sum(dim=1).argsort()[:3]
    assert (observations[short, 0] < 0).all()
    for row in short.tolist():
        alone = network.evaluate_sequences(observations[[row]], own[[row]], rollout.responses[row][own[row]])
        assert_near(rollout.log_probs[row][own[row]], alone.log_probs)


@pytest.mark.parametrize("name", MODELS)
def test_constraints_hold_and_eos_ends(name: str) -> None:
    _, _, own, rollout = played(name)
    responses = rollout.responses
    assert not (responses == 5).any()
    assert not (responses[:, :2] == SPACE.eos_id).any()
    ends = (responses == SPACE.eos_id).nonzero()
    for row, column in ends.tolist():
        assert own[row].sum() == column + 1, "nothing follows the eos"


@pytest.mark.parametrize("name", MODELS)
def test_t2_eos_equal_to_padding_is_learned(name: str) -> None:
    """The eos gets a log-probability and a gradient although the model's own padding id is the same."""
    network = make_network(MODELS[name] | {"pad_token_id": 3}, TokenSpace(V, P, T, eos_id=3))
    sharpen(Holder(network), 0.5 if name == "t5" else 4.0)
    observations = torch.cat([random_prompts(2), torch.full((2, T), -1)], dim=1)
    observations[:, P] = 3
    result = network.evaluate_sequences(observations, observations[:, P:] >= 0, torch.tensor([3, 3]))
    assert result.log_probs.isfinite().all()
    result.log_probs.sum().backward()
    rows = network.model.get_output_embeddings().weight.grad
    assert rows is not None
    assert rows[3].abs().sum() > 0


@pytest.mark.parametrize("name", MODELS)
def test_saved_and_read_networks_are_equal(name: str, tmp_path: Path) -> None:
    network, observations, own, rollout = played(name)
    network.model.save_pretrained(tmp_path)
    again = make_network(tmp_path, SPACE, network.temperature)
    assert again.start_ids == network.start_ids
    with torch.no_grad():
        views = [n.evaluate_sequences(observations, own, rollout.responses[own]).log_probs for n in (network, again)]
    assert torch.equal(*views)


@pytest.mark.parametrize("name", MODELS)
def test_greedy_agrees_with_transformers_generate(name: str) -> None:
    space = TokenSpace(V, P, T, eos_id=3)
    network = random_network(name, space, temperature=1.0)
    prompts = random_prompts(6)
    ours = generate(network, prompts, deterministic=True).responses
    for row in range(6):
        ids = prompts[row][prompts[row] >= 0][None]
        theirs = network.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=T,
            do_sample=False,
            eos_token_id=3,
            pad_token_id=0,
            suppress_tokens=[V],  # the row of the model that is no token of the space
        )[0]
        theirs = theirs[len(network.start_ids) or ids.shape[1] :]
        assert ours[row][ours[row] >= 0].tolist() == theirs.tolist()


def shift_positions(_: Any, arguments: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    cache = kwargs.get("past_key_values")
    if cache is not None and cache.get_seq_length():  # of steps, but not of the prompt
        kwargs["position_ids"] = kwargs["position_ids"] + 1
    return arguments, kwargs


def forget_positions(_: Any, arguments: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    return arguments, kwargs | {"position_ids": None}


def open_mask(_: Any, arguments: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    names = [name for name in ("attention_mask", "encoder_attention_mask") if kwargs.get(name) is not None]
    return arguments, kwargs | {name: torch.ones_like(kwargs[name]) for name in names}


FAULTS = [(name, fault) for name in DECODER_ONLY for fault in (shift_positions, open_mask)]
FAULTS += [("gpt2", forget_positions)]  # with rotary positions only distances count, and those stay what they are
FAULTS += [(name, open_mask) for name in MODELS if name not in DECODER_ONLY]


@pytest.mark.parametrize(("name", "fault"), FAULTS, ids=lambda value: getattr(value, "__name__", value))
def test_a_wrong_position_and_an_open_mask_are_noticed(name: str, fault: Any) -> None:
    """Negative controls of the check that every policy passes when it is made, and so of the tests above."""
    network = make_network(MODELS[name], SPACE)
    before = [weight.clone() for weight in network.model.parameters()]
    both = (network.model.get_encoder(), network.model.get_decoder()) if network.start_ids else ()
    hooks = [part.register_forward_pre_hook(fault, with_kwargs=True) for part in both or (network.model.base_model,)]
    with pytest.raises(ModelError, match="computes other logits"):
        check_network(network, random_weights=True)
    for hook in hooks:
        hook.remove()
    check_network(network, random_weights=True)
    assert all(torch.equal(a, b) for a, b in zip(before, network.model.parameters(), strict=True))


def test_constraints_agree_with_the_space() -> None:
    network = random_network("gpt2")
    lengths = torch.arange(T)
    allowed = ~network.log_distribution(torch.randn(T, 32), lengths).isneginf()
    np.testing.assert_array_equal(allowed.detach().numpy(), SPACE.allowed(lengths.numpy()))


def test_responses_of_one_prompt_share_its_reading() -> None:
    network = random_network("t5")
    prompts = random_prompts(4)
    rollout = generate(network, prompts, responses_per_prompt=3)
    observations = torch.cat([prompts.repeat_interleave(3, dim=0), rollout.responses], dim=1)
    own = rollout.responses >= 0
    with torch.no_grad():
        whole = network.evaluate_sequences(observations, own, rollout.responses[own])
    assert_near(rollout.log_probs[own], whole.log_probs)


@pytest.mark.parametrize("name", ["gpt2", "t5"])
@torch.no_grad()
def test_stop_strings_end_responses_where_the_space_says(name: str) -> None:
    tokenizer = CharTokenizer("abcdefghij")
    rule = make_stop_rule(["ab", "fgh", "d", "ca"], tokenizer)
    space = TokenSpace(tokenizer.vocab_size, P, T, tokenizer.eos_id, min_new_tokens=1, stop=rule)
    assert tokenizer.vocab_size == V
    network, prompts = random_network(name, space), random_prompts()
    torch.manual_seed(2)
    rollout = generate(network, prompts, responses_per_prompt=2, last_values=True)
    own, finishes = rollout.responses >= 0, set()
    for row, cut in zip(rollout.responses.tolist(), rollout.last_values.tolist(), strict=True):
        ids = [token for token in row if token >= 0]
        texts = [tokenizer.decode(ids[: k + 1]) for k in range(len(ids))]
        stops = [any(string in text for string in rule.strings) for text in texts]
        assert not any(stops[:-1]), "nothing follows a stop string"
        finishes.add("stop" if stops[-1] else "eos" if ids[-1] == tokenizer.eos_id else "length")
        assert stops[-1] or ids[-1] == tokenizer.eos_id or (len(ids) == T and cut)
        assert not (cut and stops[-1])
    assert finishes == {"stop", "eos", "length"}
    observations = torch.cat([prompts.repeat_interleave(2, dim=0), rollout.responses], dim=1)
    whole = network.evaluate_sequences(observations, own, rollout.responses[own])
    assert_near(rollout.log_probs[own], whole.log_probs)


def test_samples_follow_the_distribution_by_chi_square() -> None:
    torch.manual_seed(0)
    log_probs = torch.log_softmax(torch.randn(1, 20) * 2, dim=-1)
    log_probs[0, 7] = -torch.inf
    log_probs = torch.log_softmax(log_probs, dim=-1)
    n = 100_000
    counts = torch.bincount(sample(log_probs.expand(n, -1)), minlength=20).double()
    expected = log_probs[0].exp().double() * n
    possible = expected > 0
    chi_square = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    assert counts[7] == 0
    assert chi_square < 42.3, "the 0.999 quantile of chi-square with 18 degrees of freedom"


def test_entropy_agrees_with_torch() -> None:
    log_probs = torch.log_softmax(torch.randn(5, 11), dim=-1)
    torch.testing.assert_close(entropy(log_probs), torch.distributions.Categorical(logits=log_probs).entropy())


@pytest.mark.parametrize("bonus", [0.0, 0.3])
def test_gradients_of_log_probabilities_and_entropy_agree_with_autograd(bonus: float) -> None:
    torch.manual_seed(0)
    logits = torch.randn(6, 11, dtype=torch.float64) * 3
    logits[:, 4] = -torch.inf
    actions, weights = torch.tensor([0, 1, 2, 3, 5, 10]), torch.randn(6, dtype=torch.float64)
    gradients = []
    for composed in (False, True):
        z = logits.clone().requires_grad_()
        if composed:
            log_probs = torch.log_softmax(z, dim=-1)
            chosen, entropies = log_probs.gather(-1, actions[:, None]).squeeze(-1), entropy(log_probs)
        else:
            chosen, entropies = chosen_and_entropy(z, actions)
        ((weights * chosen).sum() + bonus * (weights.square() * entropies).sum()).backward()
        gradients.append(z.grad)
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-12, rtol=0)
    assert not gradients[0][:, 4].any()


def test_the_fused_activation_is_the_same_function() -> None:
    inputs = torch.linspace(-12, 12, 10_001)
    network = make_network(MODELS["gpt2"], SPACE)
    ours = network.model.transformer.h[0].mlp.act
    assert type(ours) is torch.nn.GELU
    torch.testing.assert_close(ours(inputs), NewGELUActivation()(inputs), atol=1e-6, rtol=0)


@pytest.mark.parametrize("hidden", [0, 8])
def test_the_value_starts_at_zero_and_can_learn(hidden: int) -> None:
    network = make_network(MODELS["gpt2"], SPACE, value_hidden=hidden)
    rollout = generate(network, random_prompts())
    assert not rollout.values.any()
    network.values(torch.randn(3, 32)).sum().backward()
    for parameter in network.value_head.parameters():
        assert parameter.grad is not None
        parameter.data -= parameter.grad
    assert (network.values(torch.randn(3, 32)) != 0).all()


def test_a_value_head_of_fewer_than_no_units_is_refused() -> None:
    with pytest.raises(ModelError, match="value_hidden must be at least 0, got -1"):
        make_network(MODELS["gpt2"], SPACE, value_hidden=-1)


def test_stories260k_agrees_with_its_own_forward(shared_data: Path) -> None:
    space = TokenSpace(512, 16, 24, eos_id=2)
    network = make_network(shared_data / "stories260k", space)
    prompts = torch.full((2, 16), -1)
    prompts[0, -3:] = torch.tensor([1, 403, 407])
    prompts[1, -1] = 1
    rollout = generate(network, prompts)
    row = torch.cat([prompts[0][prompts[0] >= 0], rollout.responses[0][rollout.responses[0] >= 0]])
    with torch.no_grad():
        logits = network.model(row[None]).logits[0, 2:-1]
    expected = torch.log_softmax(logits, dim=-1).gather(-1, row[3:, None]).squeeze(-1)
    torch.testing.assert_close(rollout.log_probs[0][: len(expected)], expected, atol=1e-4, rtol=1e-4)
