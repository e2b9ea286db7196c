"""Beam search equals transformers' own and an exhaustive one; best of n is the best; bad options are told."""

import itertools
from typing import Any

import pytest
import torch

from agents.models.beam_search import beam_search
from agents.models.decoding import Beam, BestOf, Greedy, Sampled, make_decoding
from agents.models.network import TextNetwork
from agents.models.pretrained import make_network
from agents.models.rollout import generate
from agents.models.truncation import Truncation
from tests.agents.tiny import MODELS
from textgym import TokenSpace
from textgym.errors import ConfigError, ModelError

ARCHITECTURES = pytest.mark.parametrize("name", MODELS)
PROMPTS = torch.tensor([[-1, -1, 1, 2], [-1, -1, -1, 3], [3, 2, 1, 0], [-1, 0, 0, 1]])
SPACES = {
    "plain": TokenSpace(7, 4, 6, eos_id=4),
    "constrained": TokenSpace(7, 4, 6, eos_id=4, min_new_tokens=3, banned_tokens=[5, 6]),
    "without eos": TokenSpace(7, 4, 6, eos_id=None, banned_tokens=[4]),
}


def network(name: str, space: TokenSpace, temperature: float = 1.0) -> TextNetwork:
    torch.manual_seed(3)
    made = make_network(MODELS[name], space, temperature)
    with torch.no_grad():
        for weight in made.model.parameters():
            if weight.dim() > 1:
                weight.mul_(4.0)  # so that predictions depend on what was read
    return made


def hugging_face(made: TextNetwork, **options: Any) -> torch.Tensor:
    """Return what the model's own ``generate`` writes under transformers' own constraints, one prompt at a time."""
    space, rows = made.space, []
    surplus = range(space.vocab_size, made.model.get_input_embeddings().num_embeddings)
    for prompt in PROMPTS:
        ids = prompt[prompt >= 0][None]
        written = made.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=space.max_new_tokens,
            min_new_tokens=space.min_new_tokens or None,
            suppress_tokens=[*space.banned_tokens, *surplus],
            renormalize_logits=True,
            eos_token_id=space.eos_id,
            pad_token_id=space.vocab_size,
            **options,
        )[0, (1 if made.start_ids else ids.shape[1]) :]
        written = written[written != space.vocab_size]
        rows.append(torch.nn.functional.pad(written, (0, space.max_new_tokens - len(written)), value=-1))
    return torch.stack(rows)


@ARCHITECTURES
@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize("penalty", [0.0, 2.0])
def test_beam_search_agrees_with_transformers(name: str, kind: str, penalty: float) -> None:
    made = network(name, SPACES[kind])
    expected = hugging_face(made, num_beams=3, length_penalty=penalty, early_stopping=False)
    assert beam_search(made, PROMPTS, 3, penalty).tolist() == expected.tolist()


@pytest.mark.parametrize("name", ["gpt2", "t5"])
def test_a_beam_that_holds_everything_finds_the_likeliest_response(name: str) -> None:
    space = TokenSpace(5, 4, 3, eos_id=4, min_new_tokens=2, banned_tokens=[0])
    made = network(name, space, temperature=0.7)
    every = torch.tensor(
        [
            [*ids, *[-1] * (3 - len(ids))]
            for length in (2, 3)
            for ids in itertools.product(range(1, 5), repeat=length)
            if 4 not in ids[:-1] and (ids[-1] == 4 or length == 3)
        ]
    )
    for prompt, found in zip(PROMPTS, beam_search(made, PROMPTS, 40, 0.0), strict=True):
        scores = log_probabilities(made, prompt, every)
        place = (every == found).all(dim=1).nonzero().item()
        assert scores[place] == pytest.approx(float(scores.max()), abs=1e-5)


@torch.no_grad()
def log_probabilities(made: TextNetwork, prompt: torch.Tensor, responses: torch.Tensor) -> torch.Tensor:
    own, sums = responses >= 0, torch.zeros(responses.shape)
    observations = torch.cat([prompt.expand(len(responses), -1), responses], dim=1)
    sums[own] = made.evaluate_sequences(observations, own, responses[own]).log_probs
    return sums.sum(dim=1)


@ARCHITECTURES
@pytest.mark.parametrize("kind", SPACES)
def test_a_beam_of_one_is_greedy_and_a_batch_changes_nothing(name: str, kind: str) -> None:
    made = network(name, SPACES[kind])
    assert beam_search(made, PROMPTS, 1, 1.0).tolist() == Greedy().write(made, PROMPTS).tolist()
    alone = torch.cat([beam_search(made, prompt[None], 4, 1.0) for prompt in PROMPTS])
    assert beam_search(made, PROMPTS, 4, 1.0).tolist() == alone.tolist()


def test_the_length_penalty_makes_responses_longer() -> None:
    made = network("gpt2", SPACES["plain"])
    short, long = (int((beam_search(made, PROMPTS, 4, penalty) >= 0).sum()) for penalty in (-5.0, 5.0))
    assert short < long


def test_what_came_with_a_model_does_not_change_the_search() -> None:
    made = network("bart", SPACES["plain"])
    expected = beam_search(made, PROMPTS, 3, 1.0)
    own = made.model.generation_config
    own.no_repeat_ngram_size, own.forced_bos_token_id, own.repetition_penalty = 1, 2, 9.0
    assert beam_search(made, PROMPTS, 3, 1.0).tolist() == expected.tolist()
    assert made.model.generation_config is own


def test_a_model_that_has_diverged_is_told() -> None:
    made = network("gpt2", SPACES["plain"])
    made.model.lm_head.weight.data.fill_(float("nan"))
    with pytest.raises(ModelError, match="log-probabilities are not finite"):
        beam_search(made, PROMPTS, 2, 1.0)


def test_another_temperature_holds_for_one_sampling_only() -> None:
    made = network("gpt2", SPACES["plain"], temperature=2.0)
    torch.manual_seed(0)
    cold = Sampled(temperature=1e-4).write(made, PROMPTS)
    assert cold.tolist() == Greedy().write(made, PROMPTS).tolist()
    assert made.temperature == 2.0
    assert Sampled().described(made) == "sampled at temperature 2"
    assert Sampled(temperature=0.5).described(made) == "sampled at temperature 0.5"


def test_a_description_tells_the_settings_of_the_distribution() -> None:
    made = network("gpt2", SPACES["plain"], temperature=2.0)
    made.truncation, made.repetition_penalty = Truncation(top_k=50, top_p=0.9), 1.2
    settings = "top_k 50, top_p 0.9, repetition penalty 1.2"
    assert Sampled().described(made) == f"sampled at temperature 2, {settings}"
    assert BestOf(3).described(made) == f"best of 3, sampled at temperature 2, {settings}"
    assert Beam(4).described(made) == f"beam search of 4, length penalty 1, temperature 2, {settings}"
    assert Greedy().described(made) == "greedy, repetition penalty 1.2"


def test_best_of_n_writes_n_samples_of_each_prompt_in_succession() -> None:
    made = network("t5", SPACES["plain"])
    torch.manual_seed(0)
    written = BestOf(n=3).write(made, PROMPTS)
    torch.manual_seed(0)
    assert written.tolist() == generate(made, PROMPTS, responses_per_prompt=3).responses.tolist()
    assert len(written) == 3 * len(PROMPTS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("greedy", Greedy()),
        (" sampled ", Sampled()),
        ("sampled(temperature=0.5)", Sampled(0.5)),
        ("beam", Beam(4, 1.0)),
        ("beam(num_beams=2, length_penalty=-0.5)", Beam(2, -0.5)),
        ("best_of(n=2, reward={'name': 'bleu', 'lowercase': True})", BestOf(2, {"name": "bleu", "lowercase": True})),
    ],
)
def test_text_makes_a_decoding(text: str, expected: Any) -> None:
    assert make_decoding(text) == expected
    assert make_decoding(expected) is expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("beem", r"There is no decoding 'beem'\. Did you mean 'beam'"),
        ("beam(beams=3)", r"The decoding 'beam' has no option 'beams'\. Did you mean 'num_beams'"),
        ("beam(num_beams=0)", "num_beams must be at least 1, got 0"),
        ("beam(num_beams=1.5)", "num_beams must be a whole number, got 1.5"),
        ("beam(length_penalty=1e999)", "length_penalty must be finite"),
        ("best_of(n=0)", "n must be at least 1, got 0"),
        ("sampled(temperature=0)", "temperature must be positive and finite, got 0: .* 'greedy'"),
        ("sampled(temperature='hot')", "temperature must be a number, got 'hot'"),
        ("beam(4)", r"with options as in 'beam\(num_beams=4\)', got 'beam\(4\)'"),
        ("__import__('os').getcwd()", "A decoding is one of greedy, sampled, beam, best_of"),
        ("best_of(n=open)", "A decoding is one of"),
        ("best_of(**{'n': 1})", "A decoding is one of|has no option"),
        ("", "A decoding is one of"),
        (4, r"A decoding is text such as 'beam\(num_beams=4\)', got 4 \(int\)"),
    ],
)
def test_bad_decodings_are_told(spec: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_decoding(spec)
