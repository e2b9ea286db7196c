"""The repetition penalty is transformers' own, in sampling, in learning and in a beam search."""

import pytest
import torch
from transformers.generation.logits_process import RepetitionPenaltyLogitsProcessor

from agents import PPO, TransformerPolicy, make_vec_env
from agents.models import chunked_head
from agents.models.beam_search import beam_search
from agents.models.chunked_head import chunked_chosen_and_entropy
from agents.models.distribution import chosen_and_entropy
from agents.models.pretrained import make_network
from agents.models.repetition import Seen, penalised
from agents.models.rollout import generate
from agents.models.truncation import Truncation
from tests.agents.models.test_decoding import PROMPTS, hugging_face, log_probabilities
from tests.agents.tiny import MODELS
from textgym import TokenSpace
from textgym.errors import ConfigError

V, P, T, EOS = 11, 4, 8, 4
SOME = ["gpt2", "llama", "t5", "bart"]


def network(name="gpt2", penalty=1.7, space=None, **options):
    torch.manual_seed(3)
    made = make_network(MODELS[name], space or TokenSpace(V, P, T, eos_id=EOS), repetition_penalty=penalty, **options)
    with torch.no_grad():
        for weight in made.model.parameters():
            if weight.dim() > 1 and weight.requires_grad:
                weight.mul_(1.5 if name == "bart" else 3.0)  # so that predictions depend on what was read
    return made.eval()


def seen_before(count=60, columns=9):
    ids = torch.randint(-1, V, (12, columns))
    rows, ends = torch.randint(12, (count,)), torch.randint(0, columns + 1, (count,))
    return Seen(torch.zeros(count, dtype=torch.long), ids, rows, ends)


@pytest.mark.parametrize("penalty", [1.3, 0.6, 4.0])
def test_logits_are_penalised_as_by_transformers(penalty):
    torch.manual_seed(0)
    logits, before = torch.randn(60, V) * 3, seen_before()
    found = penalised(logits, before, penalty)
    processor = RepetitionPenaltyLogitsProcessor(penalty)
    for n, (row, end) in enumerate(zip(before.rows, before.ends, strict=True)):
        ids = before.ids[row, :end]
        expected = processor(ids[ids >= 0][None], logits[n][None].clone())
        assert torch.equal(found[n][None], expected)
    assert not torch.equal(found, logits)


@pytest.mark.parametrize("name", SOME)
def test_greedy_responses_are_those_of_transformers(name):
    made = network(name, 6.0, TokenSpace(7, 4, 6, eos_id=4, min_new_tokens=2, banned_tokens=[5, 6]))
    found = generate(made, PROMPTS, deterministic=True).responses
    assert torch.equal(found, hugging_face(made, repetition_penalty=6.0))
    made.repetition_penalty = 1.0
    assert not torch.equal(generate(made, PROMPTS, deterministic=True).responses, found), "the penalty says something"


@pytest.mark.parametrize("name", ["gpt2", "t5"])
def test_the_order_of_all_settings_is_that_of_transformers(name):
    """The scores from which ``generate`` samples are the log-probabilities of what it has sampled."""
    space = TokenSpace(V, P, T, eos_id=EOS, min_new_tokens=3, banned_tokens=[7])
    made = network(name, 1.4, space, temperature=0.8, truncation=Truncation(top_k=6, top_p=0.9, min_p=0.02))
    surplus = range(V, made.model.get_input_embeddings().num_embeddings)
    prompt = torch.tensor([[3, 2, 1, 0]])
    torch.manual_seed(1)
    written = made.model.generate(
        input_ids=prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=True,
        max_new_tokens=T,
        min_new_tokens=3,
        suppress_tokens=[7, *surplus],
        temperature=0.8,
        top_k=6,
        top_p=0.9,
        min_p=0.02,
        repetition_penalty=1.4,
        eos_token_id=EOS,
        pad_token_id=V,
        num_return_sequences=20,
        output_scores=True,
        return_dict_in_generate=True,
    )
    responses = written.sequences[:, -len(written.scores) :]
    responses = responses.masked_fill(responses == V, -1)
    for k, scores in enumerate(written.scores):
        running = responses[:, k] >= 0
        blank = torch.full((int(running.sum()), T - k), -1)
        texts = torch.cat([prompt.expand(len(blank), -1), responses[running, :k], blank], dim=1)
        with torch.no_grad():
            found = made.log_distribution(*made.current_state(texts))
        torch.testing.assert_close(found, scores[running, :V].log_softmax(dim=-1), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize(("slots", "group"), [(None, 1), (3, 1), (4, 3)])
def test_responses_are_scored_as_they_were_sampled(name, slots, group):
    made = network(name)
    prompts = PROMPTS.repeat(4, 1)
    rollout = generate(made, prompts, responses_per_prompt=group, slots=slots, key=5)
    own = rollout.responses >= 0
    observations = torch.cat([prompts.repeat_interleave(group, dim=0), rollout.responses], dim=1)
    with torch.no_grad():
        found = made.evaluate_sequences(observations, own, rollout.responses[own]).log_probs
    torch.testing.assert_close(found, rollout.log_probs[own], atol=2e-5, rtol=1e-4)
    alone = generate(made, prompts, responses_per_prompt=group, key=5)
    assert torch.equal(alone.responses, rollout.responses)


@pytest.mark.parametrize("name", ["gpt2", "t5"])
def test_a_beam_that_holds_everything_finds_the_likeliest_response(name):
    space = TokenSpace(4, 4, 3, eos_id=3)
    made = network(name, space=space, temperature=0.7)
    every = torch.cartesian_prod(*[torch.arange(4)] * 3)
    ended = (every == 3).long().cumsum(dim=1) - (every == 3).long() > 0
    every = every.masked_fill(ended, -1).unique(dim=0)
    for prompt, found in zip(PROMPTS, beam_search(made, PROMPTS, 40, 0.0), strict=True):
        scores = log_probabilities(made, prompt, every)
        place = (every == found).all(dim=1).nonzero().item()
        assert scores[place] == pytest.approx(float(scores.max()), abs=1e-5)


def test_a_beam_of_one_is_greedy():
    made = network()
    assert torch.equal(beam_search(made, PROMPTS, 1, 1.0), generate(made, PROMPTS, deterministic=True).responses)


@pytest.mark.parametrize("rows", [1, 5, 50])
def test_gradients_pass_through_penalised_logits(rows):
    torch.manual_seed(0)
    head = torch.nn.Linear(6, V).double()
    hidden = torch.randn(20, 6, dtype=torch.float64, requires_grad=True)
    before, actions = seen_before(20), torch.randint(V, (20,))

    def function(hidden, *parameters):
        def logits(states, before, actions):
            return penalised(torch.nn.functional.linear(states, *parameters), before, 1.4)

        return chunked_chosen_and_entropy(logits, parameters, hidden, before, actions, rows)

    assert torch.autograd.gradcheck(function, (hidden, *head.parameters()))
    whole = chosen_and_entropy(penalised(head(hidden), before, 1.4), actions)
    for one, other in zip(function(hidden, *head.parameters()), whole, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("columns", [P + T, 400])
def test_what_is_looked_up_grows_with_the_chunk(columns, monkeypatch):
    """No table for all tokens of an update, however many there are, and none for long texts of many tokens."""
    sizes = []
    table = Seen.table
    monkeypatch.setattr(chunked_head, "LOGITS", 64 * V)
    monkeypatch.setattr(
        Seen, "table", lambda self, V: (sizes.append(len(self.rows) * self.ids.shape[1]), table(self, V))[1]
    )
    space = TokenSpace(V, P, columns - P, eos_id=EOS)
    made = network("t5", space=space)
    responses = torch.randint(5, V, (6, columns - P))
    own = torch.ones_like(responses, dtype=torch.bool)
    observations = torch.cat([torch.full((6, P), 2), responses], dim=1)
    made.evaluate_sequences(observations, own, responses[own]).log_probs.sum().backward()
    assert len(sizes) >= 6
    assert max(sizes) <= 64 * V


def test_without_a_penalty_nothing_is_looked_up(monkeypatch):
    monkeypatch.setattr(Seen, "__init__", lambda *_: pytest.fail("looked up"))
    made = network(penalty=1.0)
    assert not made.looks_back
    rollout = generate(made, PROMPTS)
    own = rollout.responses >= 0
    made.evaluate_sequences(torch.cat([PROMPTS, rollout.responses], dim=1), own, rollout.responses[own])


def test_lengths_alone_do_not_make_the_distribution():
    made = network()
    with pytest.raises(AssertionError, match="lengths alone"):
        made.log_distribution(torch.zeros(1, 32), torch.zeros(1, dtype=torch.long))


def test_a_checkpoint_knows_the_penalty(tmp_path):
    envs = make_vec_env("test/Letters-v0", num_envs=4)
    kwargs = {"model": MODELS["gpt2"], "repetition_penalty": 1.2}
    model = PPO(TransformerPolicy, envs, policy_kwargs=kwargs, batch_size=8, seed=0)
    model.save(tmp_path / "model")
    assert TransformerPolicy.load(tmp_path / "model").network.repetition_penalty == 1.2
    assert PPO.load(tmp_path / "model", env=envs).policy.network.repetition_penalty == 1.2


@pytest.mark.parametrize("penalty", [0.0, -1, float("inf"), float("nan"), "1.2", True])
def test_penalties_that_cannot_be(penalty):
    envs = make_vec_env("test/Letters-v0", num_envs=4)
    with pytest.raises(ConfigError, match="repetition_penalty"):
        PPO(
            TransformerPolicy,
            envs,
            batch_size=8,
            policy_kwargs={"model": MODELS["gpt2"], "repetition_penalty": penalty},
        )
