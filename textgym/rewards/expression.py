"""Rewards written as text: ``0.5*bleu + 0.5*rougeL``, ``bleu(tokenize='intl') - 0.1*edit_similarity``.

The text is parsed by Python's own grammar and the tree is walked; nothing in it is ever evaluated.
"""

from __future__ import annotations

import ast
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from textgym.core import Reward
from textgym.errors import ConfigError

Build = Callable[[str, Mapping[str, Any]], Reward]
Terms = list[tuple[float, Reward]]
Value = float | Terms
LONGEST = 2_000  # characters
NUMBERS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def parse_expression(text: str, build: Build) -> Terms:
    """Return the (weight, reward) terms of a weighted sum.

    Args:
        text: Names of rewards, with options as in ``bleu(tokenize='intl')``, numbers, ``+ - * /`` and parentheses.
        build: Makes a reward of a name and its options, and raises ConfigError when it cannot.

    Raises:
        ConfigError: The text cannot be read; the message shows where.
    """
    text = " ".join(text.splitlines()).strip()
    if not text or len(text) > LONGEST:
        raise ConfigError(f"A reward is written in 1 to {LONGEST} characters, such as 'bleu', got {len(text)}.")
    return _Reader(text, build).read()


class _Reader:
    """Reads one expression; a value is a number or a list of terms."""

    def __init__(self, text: str, build: Build) -> None:
        self.text = text
        self.build = build

    def read(self) -> Terms:
        try:
            value = self.value(ast.parse(self.text, mode="eval").body)
        except ConfigError:
            raise
        except SyntaxError as error:
            column = len(self.text) if error.offset == 0 else (error.offset or 1) - 1  # 0 stands for the end
            raise self.error(column, f"{error.msg}.") from None
        except (RecursionError, MemoryError):
            raise self.error(0, "it is nested too deeply.") from None
        except ValueError as error:  # a null byte, a lone surrogate
            raise self.error(0, f"{error}.") from None
        if isinstance(value, float):
            raise self.error(0, "it names no reward.")
        return value

    def value(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self.number(node, number)
            case ast.Name(id=name):
                return self.reward(node, name, [])
            case ast.Call(func=ast.Name(id=name), args=[], keywords=keywords):
                return self.reward(node, name, keywords)
            case ast.Call(func=ast.Name(), args=[argument, *_]):
                raise self.error(argument, "an option needs its name, as in bleu(tokenize='intl').")
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                return self.signed(operand, -1.0 if isinstance(sign, ast.USub) else 1.0)
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
                return self.binary(node)
            case _:
                raise self.error(node, "only rewards, numbers, + - * / and parentheses can stand here.")

    def signed(self, operand: ast.expr, sign: float) -> Value:
        value = self.value(operand)
        return value * sign if isinstance(value, float) else _scale(value, sign)

    def binary(self, node: ast.BinOp) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Div) and right == 0.0:
            raise self.error(node.right, "a division by zero.")
        if isinstance(left, float) and isinstance(right, float):
            return self.number(node, NUMBERS[type(node.op)](left, right))
        if isinstance(left, list) and isinstance(right, list):
            return self.sum(node, left, right)
        if isinstance(left, list) and isinstance(right, float):
            if isinstance(node.op, ast.Mult | ast.Div):
                return _scale(left, right if isinstance(node.op, ast.Mult) else 1 / right)
        elif isinstance(left, float) and isinstance(right, list) and isinstance(node.op, ast.Mult):
            return _scale(right, left)
        raise self.error(node, "a number can only multiply or divide a reward.")

    def sum(self, node: ast.BinOp, left: Terms, right: Terms) -> Terms:
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left + _scale(right, -1.0)
        raise self.error(node.right, "a reward can be multiplied and divided by numbers only.")

    def number(self, node: ast.expr, value: float) -> float:
        if not abs(value) <= sys.float_info.max:
            raise self.error(node, "a weight must be a finite number.")
        return float(value)

    def reward(self, node: ast.expr, name: str, keywords: Sequence[ast.keyword]) -> Terms:
        options = {}
        for keyword in keywords:
            if keyword.arg is None:
                raise self.error(keyword.value, "options are written one by one.")
            try:
                options[keyword.arg] = ast.literal_eval(keyword.value)
            except (ValueError, TypeError, SyntaxError):
                problem = f"the option {keyword.arg!r} must be a literal such as 'intl', 2 or True."
                raise self.error(keyword.value, problem) from None
        try:
            return [(1.0, self.build(name, options))]
        except ConfigError as error:
            raise self.error(node, str(error)) from error

    def error(self, where: ast.expr | int, problem: str) -> ConfigError:
        column = where if isinstance(where, int) else self.column(where)
        pointer = " " * column + "^"
        return ConfigError(f"Cannot read the reward at column {column + 1}: {problem}\n    {self.text}\n    {pointer}")

    def column(self, node: ast.expr) -> int:
        """Return where a node begins, in characters; the parser counts bytes."""
        return len(self.text.encode()[: node.col_offset].decode())


def _scale(terms: Terms, factor: float) -> Terms:
    return [(weight * factor, reward) for weight, reward in terms]
