"""What is planned without weights is what exists with them."""

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

import tests.agents.tiny  # noqa: F401  (registers the letters)
from agents import A2C, GRPO, PPO, RLOO, TransformerPolicy
from agents.learning.optimizers import MuonAdam
from agents.models.engine import Engine
from agents.models.lora import make_lora
from agents.models.network import TextNetwork
from agents.models.pretrained import make_network
from agents.models.rollout import generate
from agents.planning.ledger import Ledger
from agents.planning.plan import step_responses
from agents.planning.rehearsal import ACTIVATIONS, CACHE, GRADIENTS, LOGITS, OPTIMIZER, PARAMETERS, REFERENCE, Rehearsal
from agents.planning.workload import Workload
from tests.agents.tiny import MODELS
from textgym import TokenSpace

P, T, V, ROWS = 16, 24, 30, 16
SPACE = TokenSpace(V, P, T, eos_id=None)
NAMES = ("gpt2", "llama", "t5", "bart")
LEARNERS: dict[str, Any] = {"PPO": PPO, "A2C": A2C, "GRPO": GRPO, "RLOO": RLOO}


def workload(model: str = "gpt2", algorithm: str = "GRPO", **changes: Any) -> Workload:
    defaults: dict[str, Any] = {
        "optimizer": "adam",
        "responses": ROWS,
        "group": 4 if algorithm in ("GRPO", "RLOO") else 1,
        "slots": None,
        "step_tokens": None,
        "part_tokens": None,
        "has_reference": False,
        "imitated": None,
        "lora": None,
        "engine": Engine(),
    }
    return Workload(MODELS[model], changes.pop("space", SPACE), algorithm, **defaults | changes)


def size(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of all storages, each once."""
    return sum({tensor.data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}.values())


def state(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [value for held in optimizer.state.values() for value in held.values() if isinstance(value, Tensor)]


def learn(network: TextNetwork, optimizer: torch.optim.Optimizer) -> None:
    observations = torch.zeros(1, P + T, dtype=torch.long)
    own = torch.ones(1, T, dtype=torch.bool)
    found = network.evaluate_sequences(observations, own, observations[:, P:].flatten())
    (found.log_probs.sum() + found.values.sum()).backward()
    optimizer.step()


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
@pytest.mark.parametrize("name", NAMES)
def test_parameters_gradients_and_the_optimizers_state_are_those_of_the_real_ones(name: str, optimizer: str) -> None:
    network = make_network(MODELS[name], SPACE)
    made: torch.optim.Optimizer = torch.optim.Adam(network.parameters())
    if optimizer == "muon":
        made = MuonAdam(network.parameters(), matrices=network.hidden_matrices())
    learn(network, made)
    sizes = Rehearsal(workload(name, "PPO", optimizer=optimizer, has_reference=True)).sizes
    assert sizes[PARAMETERS] == sizes[REFERENCE]
    real = [*network.parameters(), *network.buffers()]
    assert sizes[PARAMETERS] == size(tensor for tensor in real if tensor.numel())
    assert sizes[GRADIENTS] == size(weight.grad for weight in network.parameters() if weight.grad is not None)
    assert sizes[OPTIMIZER] == size(state(made))


def test_adapters_learn_alone_and_need_no_reference() -> None:
    pytest.importorskip("peft")
    lora = make_lora({"rank": 2})
    network = make_network(MODELS["gpt2"], SPACE, lora=lora)
    learn(network, torch.optim.Adam([weight for weight in network.parameters() if weight.requires_grad]))
    sizes = Rehearsal(workload("gpt2", "PPO", lora=lora, has_reference=True)).sizes
    assert sizes[REFERENCE] == 0
    real = [*network.parameters(), *network.buffers()]
    assert sizes[PARAMETERS] == size(tensor for tensor in real if tensor.numel())
    assert sizes[GRADIENTS] == size(weight.grad for weight in network.parameters() if weight.grad is not None)


@pytest.mark.parametrize("slots", [None, 6])
@pytest.mark.parametrize("name", NAMES)
def test_the_cache_of_a_rollout_is_that_of_the_real_one(name: str, slots: int | None) -> None:
    network = make_network(MODELS[name], SPACE)
    states: list[Any] = []
    advance = network.advance

    def watched(decoding: Any, tokens: Tensor) -> Tensor:
        states.append(decoding)
        return advance(decoding, tokens)

    network.advance = watched  # type: ignore[method-assign]
    prompts = torch.arange(ROWS // 4)[:, None].expand(-1, P).clone()
    generate(network, prompts, responses_per_prompt=4, slots=slots)
    held = size([*states[-1]._memory, *states[-1]._encoded_memory])
    rehearsal = Rehearsal(workload(name))
    rehearsal.rollout(slots)
    assert rehearsal.sizes[CACHE] == held


def algorithm_of(planned: Workload) -> Any:
    """Return the algorithm that is planned, where prompts and responses are as long as they may be."""
    from agents.vec_env import TextVecEnv
    from benchmarks.throughput.workload import FreeReward, Words
    from textgym.vector import TextGenerationVectorEnv

    lanes = planned.responses // planned.group
    native = TextGenerationVectorEnv(
        num_envs=lanes, autoreset_mode="SameStep", task=Words(P, T, V), reward=FreeReward(), stop_at_eos=False
    )
    options: dict[str, Any] = {"kl_coef": 0.1 if planned.has_reference else None, "slots": planned.slots}
    if planned.algorithm != "A2C":
        options["batch_size"] = planned.step_tokens
    options["part_size"] = planned.part_tokens
    kwargs = {"model": planned.model, "engine": planned.engine, "lora": planned.lora}
    if planned.algorithm == "A2C":
        kwargs["optimizer_class"] = torch.optim.Adam
    return LEARNERS[planned.algorithm](
        TransformerPolicy, TextVecEnv(native), policy_kwargs=kwargs, seed=0, device="cpu", **options
    )


CASES: list[dict[str, Any]] = [
    {"model": "gpt2", "algorithm": "PPO", "step_tokens": 6 * T, "has_reference": True},
    {"model": "llama", "algorithm": "PPO", "step_tokens": 8 * T, "slots": 4},
    {"model": "t5", "algorithm": "GRPO", "step_tokens": 8 * T, "part_tokens": 3 * T},
    {"model": "bart", "algorithm": "A2C"},
    {"model": "llama", "algorithm": "RLOO", "has_reference": True, "part_tokens": 4 * T},
    {"model": "gpt2", "algorithm": "GRPO", "engine": Engine(checkpoint_activations=True)},
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(str(value) for value in case.values())[:40])
def test_the_peaks_are_those_of_the_arrays_of_a_real_iteration(case: dict[str, Any]) -> None:
    """The same ledger counts the real arrays: within a tenth, where a run may be planned to a quarter."""
    space = TokenSpace(V + 4, P, T, eos_id=None)  # with the special tokens of the environment's tokenizer
    planned = workload(**case, space=space)
    algorithm = algorithm_of(planned)
    space = algorithm.observation_space
    planned = workload(**case, space=space)
    callback = algorithm._setup_learn(10**9)[1]
    rehearsal = Rehearsal(planned)
    update = rehearsal.update(step_responses(planned), planned.part_tokens)
    expected = {"rollout": rehearsal.rollout(planned.slots), "update": update}
    peaks = {}
    for _ in range(2):
        ledger = Ledger()
        ledger.label("before", held(algorithm))
        with ledger:
            ledger.begin()
            algorithm.collect_rollouts(algorithm.env, callback, algorithm.rollout_buffer, algorithm.n_steps)
            peaks["rollout"] = ledger.peak
            ledger.begin()
            algorithm.train()
            peaks["update"] = ledger.peak
    for phase, peak in expected.items():
        assert peak.total == pytest.approx(peaks[phase], rel=0.1), (phase, peak.bytes)


def held(algorithm: Any) -> list[Tensor]:
    """Return what an algorithm holds between two iterations."""
    networks = [algorithm.policy.network, *([algorithm.reference.network] if algorithm.reference else [])]
    tensors = [tensor for network in networks for tensor in (*network.parameters(), *network.buffers())]
    gradients = [weight.grad for weight in networks[0].parameters() if weight.grad is not None]
    return [*tensors, *gradients, *state(algorithm.policy.optimizer)]


def test_checkpointing_and_parts_are_planned_with_less() -> None:
    whole = Rehearsal(workload())
    plain = whole.update(ROWS, None)
    recomputed = Rehearsal(workload(engine=Engine(checkpoint_activations=True))).update(ROWS, None)
    assert recomputed.bytes[ACTIVATIONS] < plain.bytes[ACTIVATIONS] / 4
    assert whole.update(ROWS, 4 * T).bytes[ACTIVATIONS] < plain.bytes[ACTIVATIONS] / 3


def test_what_is_kept_for_a_backward_pass_is_what_autograd_saves() -> None:
    network = make_network(MODELS["gpt2"], SPACE)
    storages: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    observations = torch.zeros(ROWS, P + T, dtype=torch.long)
    own = torch.ones(ROWS, T, dtype=torch.bool)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        found = network.evaluate_sequences(observations, own, observations[:, P:].flatten())
    assert found.log_probs.requires_grad
    saved = sum(storages.values()) - size(network.parameters())
    planned = Rehearsal(workload()).update(ROWS, None).bytes
    assert planned[ACTIVATIONS] + planned.get(LOGITS, 0) == pytest.approx(saved, rel=0.25)


def test_a_large_model_is_planned_without_its_memory() -> None:
    large = {"model_type": "gpt2", "n_layer": 4, "n_embd": 8192, "n_head": 64, "n_positions": 64}
    planned = Workload(large, SPACE, "GRPO", **vars_of(workload()))
    rehearsal = Rehearsal(planned)
    assert rehearsal.sizes[PARAMETERS] > 12e9, "three times what could be made here in a test"
    assert rehearsal.update(ROWS, None).total > rehearsal.sizes[PARAMETERS] * 4


def vars_of(planned: Workload) -> dict[str, Any]:
    return {name: value for name, value in vars(planned).items() if name not in ("model", "space", "algorithm")}
