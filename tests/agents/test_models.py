"""Three views of one network agree: one step, one cached step, all steps of whole responses in one forward."""

import numpy as np
import pytest
import torch

from agents.models import TextNetwork, entropy, sample
from agents.pretrained import make_network
from agents.rollout import Rollout, generate
from tests.agents.tiny import MODELS, sharpen
from textgym import TokenSpace
from textgym.errors import ModelError

P, T, V = 9, 12, 13
SPACE = TokenSpace(V, P, T, eos_id=3, min_new_tokens=2, banned_tokens=[5])


class Holder:
    """Gives a bare network the attribute under which policies hold it."""

    def __init__(self, network: TextNetwork) -> None:
        self.network = network


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


def played(network: TextNetwork) -> tuple[torch.Tensor, torch.Tensor, Rollout]:
    prompts = random_prompts()
    torch.manual_seed(1)
    rollout = generate(network, prompts, last_values=True)
    return torch.cat([prompts, rollout.responses], dim=1), rollout.responses >= 0, rollout


@pytest.mark.parametrize("name", MODELS)
def test_rollout_agrees_with_whole_sequences(name: str) -> None:
    network = random_network(name)
    observations, own, rollout = played(network)
    assert len(set(rollout.lengths.tolist())) > 1, "the batch should hold short and long responses"
    with torch.no_grad():
        whole = network.evaluate_sequences(observations, own, rollout.responses[own])
    torch.testing.assert_close(rollout.log_probs[own], whole.log_probs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(rollout.values[own], whole.values, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_rollout_agrees_with_single_states(name: str) -> None:
    network = random_network(name)
    observations, own, rollout = played(network)
    for k in range(T):
        rows = own[:, k].nonzero().squeeze(-1)
        if not len(rows):
            break
        seen = observations[rows].clone()
        seen[:, P + k :] = -1
        with torch.no_grad():
            hidden, lengths = network.current_state(seen)
            single = network.evaluate(hidden, lengths, rollout.responses[rows, k])
        torch.testing.assert_close(rollout.log_probs[rows, k], single.log_probs, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(rollout.values[rows, k], single.values, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_last_values_are_those_after_responses_without_eos(name: str) -> None:
    network = random_network(name)
    observations, own, rollout = played(network)
    cut = own.all(dim=1) & (rollout.responses[:, -1] != SPACE.eos_id)
    assert cut.any()
    assert not rollout.last_values[~cut].any()
    with torch.no_grad():
        hidden, _ = network.current_state(observations[cut])
        torch.testing.assert_close(rollout.last_values[cut], network.values(hidden), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_left_padding_changes_no_number(name: str) -> None:
    network = random_network(name)
    observations, own, rollout = played(network)
    for row in range(4):
        with torch.no_grad():
            alone = network.evaluate_sequences(
                observations[row : row + 1], own[row : row + 1], rollout.responses[row][own[row]]
            )
        torch.testing.assert_close(rollout.log_probs[row][own[row]], alone.log_probs, atol=1e-5, rtol=1e-5)


def test_a_wrong_position_is_noticed() -> None:
    """A negative control: without position ids, left padding does change the numbers of these networks."""
    network = random_network("gpt2")
    prompts = random_prompts()
    with torch.no_grad():
        right = network.states(prompts, prompts[:, :0])[:, -1]
        mask = (prompts >= 0).long()
        wrong = network.model.base_model(input_ids=prompts.clamp(min=0), attention_mask=mask).last_hidden_state[:, -1]
    assert (right - wrong).abs().max() > 0.1


@pytest.mark.parametrize("name", MODELS)
def test_constraints_hold_and_eos_ends(name: str) -> None:
    _, own, rollout = played(random_network(name))
    responses = rollout.responses
    assert not (responses == 5).any()
    assert not (responses[:, :2] == SPACE.eos_id).any()
    ends = (responses == SPACE.eos_id).nonzero()
    for row, column in ends.tolist():
        assert own[row].sum() == column + 1, "nothing follows the eos"


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
    torch.testing.assert_close(rollout.log_probs[own], whole.log_probs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_greedy_agrees_with_transformers_generate(name: str) -> None:
    space = TokenSpace(V, P, T, eos_id=3)
    network = random_network(name, space, temperature=1.0)
    prompts = random_prompts(6)
    ours = generate(network, prompts, deterministic=True).responses
    for row in range(6):
        ids = prompts[row][prompts[row] >= 0][None]
        banned = {"suppress_tokens": [V]} if network.model.get_output_embeddings().weight.shape[0] > V else {}
        theirs = network.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=T,
            do_sample=False,
            eos_token_id=3,
            pad_token_id=0,
            **banned,
        )[0]
        theirs = theirs[len(network.start_ids) or ids.shape[1] :]
        assert ours[row][ours[row] >= 0].tolist() == theirs.tolist()


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


def test_the_value_starts_at_zero() -> None:
    network = make_network(MODELS["gpt2"], SPACE)
    rollout = generate(network, random_prompts())
    assert not rollout.values.any()


def test_eos_equal_to_padding_is_learned() -> None:
    """The eos gets a gradient although the model's own padding id is the same."""
    network = make_network(MODELS["gpt2"] | {"pad_token_id": 3}, TokenSpace(V, P, T, eos_id=3))
    observations = torch.cat([random_prompts(2), torch.full((2, T), -1)], dim=1)
    observations[:, P] = 3
    own = observations[:, P:] >= 0
    result = network.evaluate_sequences(observations, own, torch.tensor([3, 3]))
    result.log_probs.sum().backward()
    bias = network.model.get_output_embeddings().weight.grad
    assert bias is not None
    assert bias[3].abs().sum() > 0


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"n_embd": 8}, "needs 'model_type'"),
        ({"model_type": "gpt3"}, "Unknown model_type 'gpt3'"),
        ({"model_type": "gpt2", "n_heads": 2}, "no option 'n_heads'. Did you mean 'n_head'"),
        (MODELS["gpt2"] | {"vocab_size": 10}, "knows 10 tokens, the environment's tokenizer 13"),
        (MODELS["gpt2"] | {"n_positions": 20}, "20 positions, the environment needs 21"),
        ("/nowhere/at/all", "No language model can be loaded from '/nowhere/at/all'"),
    ],
)
def test_models_that_cannot_serve_are_refused(source: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make_network(source, SPACE)  # type: ignore[arg-type]


def test_a_folder_without_safetensors_is_refused(tmp_path) -> None:
    make_network(MODELS["gpt2"], SPACE).model.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"no weights as \*.safetensors"):
        make_network(tmp_path, SPACE)


def test_weights_that_are_not_finite_are_named(tmp_path) -> None:
    model = make_network(MODELS["gpt2"], SPACE).model
    with torch.no_grad():
        model.transformer.ln_f.bias[0] = torch.nan
    model.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"not finite: transformer.ln_f.bias"):
        make_network(tmp_path, SPACE)


def test_an_unknown_kind_of_head_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    original = TextNetwork.logits
    monkeypatch.setattr(TextNetwork, "logits", lambda self, hidden: 2 * original(self, hidden))
    with pytest.raises(ModelError, match="GPT2LMHeadModel computes its logits in a way"):
        make_network(MODELS["gpt2"], SPACE)


def test_stories260k_agrees_with_its_own_forward(shared_data) -> None:
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


def test_a_t5_folder_without_bos_token_id_starts(tmp_path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    sizes = {key: value for key, value in MODELS["t5"].items() if key != "model_type"}
    T5ForConditionalGeneration(T5Config(vocab_size=V, decoder_start_token_id=0, **sizes)).save_pretrained(tmp_path)
    assert make_network(tmp_path, SPACE).start_ids == (0,)


def test_a_model_that_counts_positions_in_its_own_way_is_refused() -> None:
    config = MODELS["bart"] | {"model_type": "m2m_100"}  # its positions depend on which ids are padding
    with pytest.raises(ModelError, match="computes other hidden states step by step than at once"):
        make_network(config, SPACE)


def test_a_cache_whose_rows_cannot_be_selected_is_refused() -> None:
    with pytest.raises(ModelError, match="MambaForCausalLM has no cache whose rows can be selected"):
        make_network({"model_type": "mamba", "hidden_size": 32, "num_hidden_layers": 1}, SPACE)


def test_options_that_transformers_refuses_are_told() -> None:
    with pytest.raises(ModelError, match=r"No gpt2 can be made with .*must be divisible by num_heads"):
        make_network(MODELS["gpt2"] | {"n_head": 3}, SPACE)


def test_a_decoder_needs_a_position_for_its_start_token() -> None:
    with pytest.raises(ModelError, match=f"has {T} positions, the environment needs {T + 1}"):
        make_network(MODELS["bart"] | {"max_position_embeddings": T}, SPACE)
    make_network(MODELS["bart"] | {"max_position_embeddings": T + 1}, SPACE)


def test_a_forced_first_token_is_read_as_transformers_generate_does(tmp_path) -> None:
    from transformers import BartConfig, BartForConditionalGeneration

    sizes = {key: value for key, value in MODELS["bart"].items() if key != "model_type"}
    config = BartConfig(vocab_size=V, forced_eos_token_id=None, eos_token_id=3, **sizes)
    torch.manual_seed(0)
    model = BartForConditionalGeneration(config)
    model.generation_config.forced_bos_token_id = 7
    model.save_pretrained(tmp_path)
    network = make_network(tmp_path, TokenSpace(V, P, T, eos_id=3))
    sharpen(Holder(network))
    assert network.start_ids == (2, 7)
    prompts = random_prompts(4)
    ours = generate(network, prompts, deterministic=True).responses
    for row in range(4):
        ids = prompts[row][prompts[row] >= 0][None]
        theirs = network.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=T + 1, do_sample=False, eos_token_id=3
        )[0, 2:]
        assert ours[row][ours[row] >= 0].tolist() == theirs.tolist()
