"""A decoding step, compiled or not: whose weights it uses, what it keeps, and how often it waits for the device."""

import gc
import re
import warnings
import weakref

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from agents.models import decoding_step
from agents.models import timeline as timeline_module
from agents.models.engine import Engine
from agents.models.rollout import generate
from tests.agents.models.test_refill import REFILLED, assert_same, network, prompts, written
from textgym.errors import ModelError

WAYS = [{}, {"slots": 5}, {"slots": 7, "responses_per_prompt": 3, "last_values": True}]


@pytest.fixture
def traced(monkeypatch):
    """Compile with a backend that runs what was traced as it is; the translation to C++ takes half a minute."""
    torch._dynamo.reset()
    function = torch.compile(decoding_step.read_column, backend="aot_eager", dynamic=True, fullgraph=True)
    shapes = decoding_step._compiled()[1]
    monkeypatch.setattr(decoding_step, "_compiled", lambda: (function, shapes))


def compiled(one, asked, **options):
    one.engine = Engine(compile=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*is not compiled")  # compilers warn of much else
        found = written(one, asked, **options)
    one.engine = Engine()
    assert one._step._trust is decoding_step.Trust.GIVEN
    return found


@pytest.mark.slow
@pytest.mark.parametrize("model", ["llama", "t5", "bart"])
def test_a_traced_step_writes_what_the_plain_one_does(model, traced):
    one = network(model)
    for options in WAYS:
        assert_same(written(one, prompts(), **options), compiled(one, prompts(), **options), atol=1e-5)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] >= 1


@pytest.mark.slow
@pytest.mark.parametrize("model", REFILLED)
def test_a_compiled_step_writes_what_the_plain_one_does(model):
    torch._dynamo.reset()
    one = network(model)
    for options in WAYS:
        assert_same(written(one, prompts(), **options), compiled(one, prompts(), **options), atol=1e-5)


def test_a_traced_step_follows_what_the_network_learns_without_another_compilation(traced):
    one = network("gpt2")
    names = list(one.state_dict())
    before = compiled(one, prompts())
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    optimizer = torch.optim.Adam(one.parameters(), lr=0.01)
    one.logits(one.states(prompts(), before.responses.clamp(min=0))).square().mean().backward()
    optimizer.step()
    after = compiled(one, prompts(), slots=5)
    assert not torch.equal(before.responses, after.responses)
    assert_same(written(one, prompts()), after, atol=1e-5)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs
    assert list(one.state_dict()) == names


def failing(*_):
    raise RuntimeError("no C++ compiler was found\nand more")


@pytest.mark.parametrize("where", ["first", "later"])
def test_a_step_that_cannot_be_compiled_runs_as_it_is_and_says_so_once(where, monkeypatch):
    one = network("gpt2")
    expected, calls = written(one, prompts(), slots=5), []

    def step(*arguments):
        calls.append(1)
        return failing() if where == "first" or len(calls) > 3 else decoding_step.read_column(*arguments)

    monkeypatch.setattr(decoding_step, "compiled_step", step)
    one.engine = Engine(compile=True)
    message = "GPT2LMHeadModel is not compiled, and runs as it is: RuntimeError: no C.. compiler was found$"
    with pytest.warns(UserWarning, match=message) as told:
        found = [written(one, prompts(), slots=5) for _ in range(2)]
    assert len(told) == 1
    for rollout in found:
        assert_same(expected, rollout, atol=0)


def test_a_compiled_step_that_computes_something_else_is_not_used(monkeypatch):
    one = network("gpt2")
    expected = written(one, prompts())
    monkeypatch.setattr(decoding_step, "compiled_step", lambda *given: decoding_step.read_column(*given) * 1.1)
    one.engine = Engine(compile=True)
    with pytest.warns(UserWarning, match=re.escape("its hidden states differ")):
        assert_same(expected, written(one, prompts()), atol=0)


@pytest.mark.parametrize("model", ["gpt2", "bart"])
def test_configurations_name_the_librarys_own_attention_outside_of_a_step(model):
    one, seen = network(model), []
    read = one._architecture.read_column

    def noted(column, cache):
        seen.append(one.model.get_decoder().config._attn_implementation)
        return read(column, cache)

    one._architecture.read_column = noted
    written(one, prompts())
    assert "textgym_one_query" in seen
    assert "textgym" not in one.model.config.to_json_string()
    assert {module.config._attn_implementation for module in one.model.modules() if hasattr(module, "config")} == {
        "sdpa"
    }


def test_another_attention_that_is_chosen_later_stays():
    one = network("llama")
    expected = written(one, prompts())
    one.model.set_attn_implementation("eager")
    assert_same(expected, written(one, prompts()))
    assert one.model.config._attn_implementation == "eager"


@pytest.mark.parametrize("options", WAYS)
def test_no_cache_outlives_its_rollout(options, monkeypatch):
    kept = []
    zeros = timeline_module._zeros

    def noted(*arguments):
        memory = zeros(*arguments)
        kept.append(weakref.ref(memory))
        return memory

    monkeypatch.setattr(timeline_module, "_zeros", noted)
    one = network("gpt2")
    kept.clear()
    written(one, prompts(), **options)
    gc.collect()
    assert len(kept) == 4
    assert not any(memory() is not None for memory in kept)


def learn(one):
    for weight in one.parameters():
        weight.grad = torch.ones_like(weight)
    torch.optim.SGD(one.parameters(), lr=1e-3).step()


CHANGES = {
    "optimizer step": learn,
    "weights": lambda one: one.load_state_dict(one.state_dict()),
    "other weights": lambda one: one.load_state_dict(
        {name: tensor.clone() for name, tensor in one.state_dict().items()}, assign=True
    ),
    "mode": lambda one: one.train(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_read_before_a_change_is_not_continued(change):
    one, asked = network("gpt2"), prompts()
    with torch.no_grad():
        decoding, _ = one.start(asked)
        one.advance(decoding, asked[:, -1])
    CHANGES[change](one)
    with pytest.raises(ModelError, match="Read the prompts again"), torch.no_grad():
        one.advance(decoding, asked[:, -1])


class Waits(TorchDispatchMode):
    """Notes in which step of decoding the host asked the device for numbers."""

    ASKING = ("aten.item", "_local_scalar_dense", "nonzero")

    def __init__(self, one):
        super().__init__()
        self.steps, self.asked, advance = 0, [], one.advance

        def counted(*arguments):
            self.steps += 1
            return advance(*arguments)

        one.advance = counted

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        if any(name in str(function) for name in self.ASKING):
            self.asked.append(self.steps)
        return function(*arguments, **(named or {}))


@pytest.fixture
def asked_by_copies(monkeypatch):
    """Let a copy to the host, which is none on a CPU, ask as it would elsewhere."""
    copy = torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, "cpu", lambda tensor: (tensor.sum().item(), copy(tensor))[1])


@pytest.mark.parametrize("k", [1, 3, 8])
@pytest.mark.parametrize("options", [*WAYS, {"last_values": True}])
def test_the_host_waits_for_the_device_at_looks_only(k, options, asked_by_copies):
    one = network("gpt2")
    expected = written(one, prompts(), **options)
    one.engine = Engine(look_every=k)
    with Waits(one) as waits:
        found = written(one, prompts(), **options)
    assert_same(expected, found)
    looks = {step for step in waits.asked if step < waits.steps}
    assert 1 < len(looks) <= waits.steps / k + 2
    assert all(step % k == 0 or step == k - 1 or "slots" not in options for step in looks)


def test_rollouts_that_cannot_end_early_ask_nothing(asked_by_copies):
    one = network("gpt2", eos_id=None)
    with Waits(one) as waits:
        written(one, prompts())
    assert {step for step in waits.asked if step < waits.steps} == {0}


@pytest.mark.parametrize(("model", "slots"), [(m, s) for m in ("gpt2", "t5", "bart") for s in (None, 8)])
def test_the_responses_to_one_prompt_share_its_reading_and_its_encoding(model, slots):
    one, read = network(model), []
    part = one.model.get_encoder() if one.start_ids else one.model.base_model

    def note(module, arguments, named):
        ids = named["input_ids"]
        if one.start_ids or ids.shape[1] > 1 or named["position_ids"].max() == 0:
            read.append(len(ids))

    part.register_forward_pre_hook(note, with_kwargs=True)
    asked = prompts()
    generate(one, asked[(asked >= 0).sum(dim=1) > 1], slots=slots, responses_per_prompt=4)
    assert sum(read) == int(((asked >= 0).sum(dim=1) > 1).sum())
