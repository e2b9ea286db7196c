"""Rewards written as text: ``0.7*rougeL + 0.3*bleu - 0.01*length``, ``min(bleu, chrf) * (repetition < 0.2)``.

The text is parsed by Python's own grammar and the tree is walked; nothing in it is ever evaluated.
"""

from __future__ import annotations

import ast
import operator
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from textgym.core import Reward
from textgym.errors import ConfigError, TextGymError, did_you_mean
from textgym.rewards.composite import Operand
from textgym.rewards.formula import Formula
from textgym.rewards.weighted_sum import WeightedSum
from textgym.rewards.wrappers import FUNCTIONS

Build = Callable[[str, Mapping[str, Any]], Reward]
LONGEST = 2_000  # characters
NUMBERS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
COMPARISONS: dict[type[ast.cmpop], str] = {ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<="}
LANGUAGE = f"rewards, numbers, + - * /, > >= < <=, parentheses and {', '.join(sorted(FUNCTIONS))}"


def parse_expression(text: str, build: Build) -> Reward:
    """Return the reward that an expression stands for.

    Args:
        text: Names of rewards, with options as in ``bleu(tokenize='intl')``; numbers; ``+ - * /`` and parentheses;
            comparisons, which are worth 1 or 0; the functions of :mod:`textgym.rewards.wrappers`.
        build: Makes a reward of a name and its options, and raises ConfigError when it cannot.

    Raises:
        ConfigError: The text cannot be read; the message shows where.
    """
    text = " ".join(text.splitlines()).strip()
    if not text or len(text) > LONGEST:
        raise ConfigError(f"A reward is written in 1 to {LONGEST} characters, such as 'bleu', got {len(text)}.")
    return _Reader(text, build).read()


class _Reader:
    """Reads one expression; a value is a number or a reward, and equal rewards are one object."""

    def __init__(self, text: str, build: Build) -> None:
        self.text = text
        self.build = build
        self.built: dict[tuple[str, str], Reward] = {}

    def read(self) -> Reward:
        try:
            value = self.value(ast.parse(self.text, mode="eval").body)
        except TextGymError:
            raise
        except SyntaxError as error:
            column = len(self.text) if error.offset == 0 else (error.offset or 1) - 1  # 0 stands for the end
            raise self.error(column, f"{error.msg}.") from None
        except (RecursionError, MemoryError):
            raise self.error(0, "it is nested too deeply.") from None
        except ValueError as error:  # a null byte, a lone surrogate
            raise self.error(0, f"{error}.") from None
        if not isinstance(value, Reward):
            raise self.error(0, "it names no reward.")
        return value

    def value(self, node: ast.expr) -> Operand:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self.number(node, number)
            case ast.Name(id=name):
                return self.reward(node, name, [])
            case ast.Call(func=ast.Name(id=name), args=[], keywords=keywords):
                return self.reward(node, name, keywords)
            case ast.Call(func=ast.Name(id=name)):
                return self.function(node, name)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                return _scaled(self.value(operand), -1.0 if isinstance(sign, ast.USub) else 1.0)
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
                return self.binary(node)
            case ast.Compare(ops=[comparison], comparators=[right]) if type(comparison) in COMPARISONS:
                return self.comparison(node, COMPARISONS[type(comparison)], right)
            case _:
                raise self.error(node, f"only {LANGUAGE} can stand here.")

    def binary(self, node: ast.BinOp) -> Operand:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Div) and right == 0.0:
            raise self.error(node.right, "a division by zero.")
        if not isinstance(left, Reward) and not isinstance(right, Reward):
            return self.number(node, NUMBERS[type(node.op)](left, right))
        if isinstance(node.op, ast.Add | ast.Sub):
            return _sum(left, _scaled(right, 1.0 if isinstance(node.op, ast.Add) else -1.0))
        if isinstance(right, Reward):
            if isinstance(node.op, ast.Div):
                raise self.error(node.right, "a reward can be divided by numbers only, as it may be 0.")
            return Formula("*", left, right) if isinstance(left, Reward) else _scaled(right, left)
        return _scaled(left, self.number(node.right, 1 / right) if isinstance(node.op, ast.Div) else right)

    def comparison(self, node: ast.Compare, sign: str, right: ast.expr) -> Reward:
        operands = self.value(node.left), self.value(right)
        if not any(isinstance(operand, Reward) for operand in operands):
            raise self.error(node, "a comparison needs a reward.")
        return Formula(sign, *operands)

    def function(self, node: ast.Call, name: str) -> Reward:
        if name not in FUNCTIONS:
            problem = "an option needs its name, as in bleu(tokenize='intl')."
            raise self.error(node.args[0], f"{problem} Functions: {did_you_mean(name, FUNCTIONS)}")
        operands = [self.value(argument) for argument in node.args]
        options = self.options(node.keywords)
        try:
            return FUNCTIONS[name].call(*operands, **options)
        except TypeError:
            raise self.error(node, f"{name} is written as in {FUNCTIONS[name].usage}.") from None
        except ConfigError as error:
            raise self.error(node, f"{name}: {error}") from error

    def number(self, node: ast.expr, value: float) -> float:
        if not abs(value) <= sys.float_info.max:
            raise self.error(node, "a weight must be a finite number.")
        return float(value)

    def reward(self, node: ast.expr, name: str, keywords: Sequence[ast.keyword]) -> Reward:
        options = self.options(keywords)
        key = name, repr(sorted(options.items()))
        if key not in self.built:
            try:
                self.built[key] = self.build(name, options)
            except ConfigError as error:
                raise self.error(node, str(error)) from error
        return self.built[key]

    def options(self, keywords: Iterable[ast.keyword]) -> dict[str, Any]:
        options = {}
        for keyword in keywords:
            if keyword.arg is None:
                raise self.error(keyword.value, "options are written one by one.")
            try:
                options[keyword.arg] = ast.literal_eval(keyword.value)
            except (ValueError, TypeError, SyntaxError):
                problem = f"the option {keyword.arg!r} must be a literal such as 'intl', 2 or True."
                raise self.error(keyword.value, problem) from None
        return options

    def error(self, where: ast.expr | int, problem: str) -> ConfigError:
        column = where if isinstance(where, int) else self.column(where)
        pointer = " " * column + "^"
        return ConfigError(f"Cannot read the reward at column {column + 1}: {problem}\n    {self.text}\n    {pointer}")

    def column(self, node: ast.expr) -> int:
        """Return where a node begins, in characters; the parser counts bytes."""
        return len(self.text.encode()[: node.col_offset].decode())


def _scaled(value: Operand, factor: float) -> Operand:
    if not isinstance(value, Reward):
        return value * factor
    if factor == 1.0:
        return value
    components, constant = _terms(value)
    return WeightedSum([(weight * factor, reward) for weight, reward in components], constant * factor)


def _sum(left: Operand, right: Operand) -> Reward:
    """Return a sum, at least one of whose sides is a reward, with one term for each different reward."""
    (first, a), (second, b) = _terms(left), _terms(right)
    components: list[tuple[float, Reward]] = list(first)
    for weight, reward in second:
        places = [i for i, (_, other) in enumerate(components) if other is reward]
        if places:
            components[places[0]] = components[places[0]][0] + weight, reward
        else:
            components.append((weight, reward))
    return WeightedSum(components, a + b)


def _terms(value: Operand) -> tuple[list[tuple[float, Reward]], float]:
    """Return a value as weighted rewards and a constant; the sums in it are opened."""
    if isinstance(value, WeightedSum):
        return value.components, value.constant
    return ([(1.0, value)], 0.0) if isinstance(value, Reward) else ([], value)
