"""Several processes learn what one process learns."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from agents.parallel.shared_pass import even_bounds
from tests.agents.parallel.launch import NEEDS_DEEPSPEED, largest_difference, launch
from tests.agents.parallel.learned import CASES, FAULTS, IN_PARTS, held, learn, weights

pytest.importorskip("accelerate", reason="several processes need the extra 'parallel'")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, torch.Tensor]]:
    """What two processes have learned in every case and with every fault: the weights in each of them."""
    file = tmp_path_factory.mktemp("two") / "weights"
    ended = launch("tests.agents.parallel.learned", file)
    assert ended.returncode == 0, ended.stderr
    return [load_file(f"{file}.{rank}") for rank in (0, 1)]


def of_case(found: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(f"{name}/"): value for key, value in found.items() if key.startswith(f"{name}/")}


@pytest.mark.parametrize("name", CASES)
def test_two_processes_learn_what_one_does(two, name):
    alone = weights(learn(name))
    assert largest_difference(of_case(two[0], name), alone) < 1e-5
    assert largest_difference(alone, weights(learn(name, iterations=1))) > 1e-3  # it did learn


@pytest.fixture(scope="module")
def in_parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """What two processes have learned whose weights lie in parts."""
    file = tmp_path_factory.mktemp("parts") / "weights"
    ended = launch("tests.agents.parallel.learned", file, *IN_PARTS, preset="fsdp")
    assert ended.returncode == 0, ended.stderr
    return load_file(f"{file}.0")


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_PARTS)
def test_weights_in_parts_learn_what_whole_ones_do(in_parts, name):
    assert largest_difference(of_case(in_parts, name), weights(learn(name))) < 1e-5


@pytest.fixture(scope="module")
def zero2(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, torch.Tensor]]:
    """What two processes have learned whose gradients and optimizer state lie in parts: the weights in each of them."""
    file = tmp_path_factory.mktemp("zero2") / "weights"
    ended = launch("tests.agents.parallel.learned", file, *CASES, preset="deepspeed_zero2")
    assert ended.returncode == 0, ended.stderr
    return [load_file(f"{file}.{rank}") for rank in (0, 1)]


@NEEDS_DEEPSPEED
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_gradients_in_parts_learn_what_whole_ones_do(zero2, name):
    assert largest_difference(of_case(zero2[0], name), weights(learn(name))) < 1e-5


@NEEDS_DEEPSPEED
@pytest.mark.slow
def test_each_process_holds_half_of_the_state_and_all_weights(zero2):
    assert all(torch.equal(weight, zero2[1][name]) for name, weight in zero2[0].items())
    alone = int(held(learn("ppo-adam-parts")))
    assert alone / 2 <= int(zero2[0]["held/ppo-adam-parts"]) <= alone / 2 + 8  # parts are filled up to whole words


def test_both_processes_have_the_same_weights_to_the_last_bit(two):
    assert all(torch.equal(weight, two[1][name]) for name, weight in two[0].items())


@pytest.mark.parametrize("fault", FAULTS)
def test_gradients_averaged_in_a_wrong_way_are_found(two, fault):
    assert largest_difference(of_case(two[0], fault), weights(learn("grpo"))) > 1e-3


def test_the_case_with_a_limit_to_the_divergence_ends_epochs_early():
    assert learn("ppo-target-kl")._n_updates < 3 * CASES["ppo-target-kl"][1]["n_epochs"]


def test_parts_of_rows_hold_about_as_many_tokens_each():
    lengths = np.random.default_rng(0).integers(1, 20, size=50).tolist()
    bounds = even_bounds(lengths, 4)
    assert (bounds[0], bounds[-1]) == (0, 50)
    assert max(abs(sum(lengths[first:end]) - sum(lengths) / 4) for first, end in pairwise(bounds)) <= 20
    assert sum(end > first for first, end in pairwise(even_bounds([7], 3))) == 1
