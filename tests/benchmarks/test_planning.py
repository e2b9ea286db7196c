"""What a run is planned to take is what its process grows by, within a quarter."""

import json
import subprocess
import sys

import pytest

from benchmarks.throughput.planning import CASES, TARGET

MEASURED = (
    "GPT-2 23M, vocabulary 50k, GRPO",
    "Llama 7M, grouped heads, vocabulary 8k, PPO",
    "T5 10M, vocabulary 8k, PPO",
)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="the allowance for the allocator is that of glibc")
@pytest.mark.parametrize("case", MEASURED)
def test_the_peak_of_a_process_is_planned_within_a_quarter(case: str) -> None:
    assert case in CASES
    command = [sys.executable, "-m", "benchmarks.throughput.planning", "--case", case]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert abs(json.loads(told.splitlines()[-1])["error"]) < TARGET
