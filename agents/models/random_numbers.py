"""The random number of every token, a function of a key, the number of its response and its position alone.

So what a response says depends neither on who else is in its batch or process, nor on when it is written, nor on how
many tokens it may have. The generator is Philox 4x32 with 10 rounds (Salmon et al., "Parallel random numbers: as easy
as 1, 2, 3", 2011), in integer operations of whole tensors on their device.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)  # what each round adds to the key: fractions of the golden ratio and of sqrt(3)
WORDS = 4  # of 32 bits, which one counter gives
BITS = 24  # of a float32 in [0.5, 1)
COUNTERS = 2**13  # at a time, so that what is computed on the way stays small beside the result
_LOW = 0xFFFFFFFF


def new_key() -> int:
    """Draw the key of a rollout, in [0, 2 ** 63), from torch's generator."""
    return int(torch.randint(2**63 - 1, ()))


def in_groups(numbers: Tensor, group: int) -> Tensor:
    """Return the numbers of the G responses to each prompt, int64 [B * G], from those of the prompts, int64 [B]."""
    return (numbers[:, None] * group + torch.arange(group, device=numbers.device)).flatten()


def uniform_numbers(key: int, numbers: Tensor, columns: int) -> Tensor:
    """Return random numbers in [0, 1), multiples of 2 ** -24, float32 [N, ``columns``].

    Args:
        key: In [0, 2 ** 64), see :func:`new_key`.
        numbers: int64 [N], of the responses, at least 0; equal ones have equal rows.
        columns: How many positions, from the first on; more of them do not change the others.
    """
    blocks = -(-columns // WORDS)
    result = torch.empty(len(numbers), columns, dtype=torch.float32, device=numbers.device)
    rows = max(1, COUNTERS // max(1, blocks))
    block = torch.arange(blocks, device=numbers.device)
    for first in range(0, len(numbers), rows):
        part = numbers[first : first + rows, None]
        counter = torch.broadcast_tensors(part & _LOW, part >> 32, block, block.new_zeros(()))
        words = torch.stack(philox(counter, (key & _LOW, key >> 32)), dim=-1)
        result[first : first + rows] = (words >> (32 - BITS)).flatten(1)[:, :columns].float() * 2.0**-BITS
    return result


def philox(counter: Sequence[Tensor], key: tuple[int, int]) -> tuple[Tensor, ...]:
    """Return four random words in [0, 2 ** 32) for each counter, int64.

    Args:
        counter: Four words in [0, 2 ** 32), int64 of one shape.
        key: Two words in [0, 2 ** 32).
    """
    a, b, c, d = counter
    left, right = key
    for _ in range(ROUNDS):
        (high_a, low_a), (high_c, low_c) = _product(a, MULTIPLIERS[0]), _product(c, MULTIPLIERS[1])
        a, b, c, d = high_c ^ b ^ left, low_c, high_a ^ d ^ right, low_a
        left, right = (left + WEYL[0]) & _LOW, (right + WEYL[1]) & _LOW
    return a, b, c, d


def _product(words: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """Return the high and the low word of products that may take all 64 bits, the sign's included."""
    product = words * factor
    return (product >> 32) & _LOW, product & _LOW
