"""What is to be computed, from a text: one of + - * /, or a whole expression such as "a * b + sqrt(a)"."""

import ast
import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from ._inputs import one_of

OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
_SPELLINGS = {"−": "-", "×": "*", "÷": "/", "add": "+", "sub": "-", "mul": "*", "div": "/"}


def known_operation(operation: str) -> str:
    """`operation` as one of + - * /. Raises ValueError, listing them, for any other."""
    return one_of(_SPELLINGS.get(operation, operation) if isinstance(operation, str) else operation, OPERATIONS, "operation")


def as_function(operation: Any) -> Callable:
    """`operation` as a function of two columns: what + - * / stand for, an expression such as "a * b + 1", or a function itself."""
    if callable(operation):
        return operation
    words = operation.strip() if isinstance(operation, str) else operation
    if isinstance(words, str) and (alone := re.fullmatch(r"a\s*([-+*/−×÷])\s*b", words)):
        words = alone[1]  # "a / b" is "/", and is refused where that is
    if not isinstance(words, str) or words in OPERATIONS or (words.isidentifier() and words not in ("a", "b")) or words in _SPELLINGS:
        return OPERATIONS[known_operation(words)]
    return parse(words)


def parse(text: str) -> Callable:
    """`text` such as "a * b + sqrt(a)" as a function of two columns, for `fit_many`.

    It may name a, b, numbers, + − * / ** ( ) and sqrt, abs, log, exp, nothing else; it is parsed, never run as Python. Raises
    TypeError when it is no text, ValueError, saying what is allowed, for anything else, for more than 200 characters, and when its
    answer is no finite number whatever a and b are.
    """
    if not isinstance(text, str):
        raise TypeError(f"the expression is {text!r}, expected text such as 'a * b + 1'")
    text = text.strip()
    if not 1 <= len(text) <= 200:
        raise ValueError(f"the expression has {len(text)} characters, expected 1 to 200, such as 'a * b + 1'")
    try:
        tree = ast.parse(text.replace("−", "-").replace("×", "*").replace("÷", "/"), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(f"{text!r} is not a complete expression: write for example 'a * b + 1'") from None
    compute = np.errstate(all="ignore")(_compiled(tree))
    if not any(np.isfinite(compute(np.float64(a), np.float64(b))) for a, b in ((2, 3), (0.3, -7), (-5, 0.9), (1000, 2000))):
        raise ValueError(f"{text!r} divides by 0 or is too large whatever a and b are: write for example 'a * b + 1'")
    return compute


_BINARY = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow}
_FUNCTIONS = ("sqrt", "abs", "log", "exp")  # by these names NumPy has them, for numbers, and Keras, for columns


def _compiled(node: ast.AST) -> Callable:
    """The function of (a, b) that a part of a parsed expression stands for."""
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        join, left, right = _BINARY[type(node.op)], _compiled(node.left), _compiled(node.right)
        return lambda a, b: join(left(a, b), right(a, b))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        sign, inner = (-1.0 if isinstance(node.op, ast.USub) else 1.0), _compiled(node.operand)
        return lambda a, b: sign * inner(a, b)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        if len(node.args) == 1 and not node.keywords:
            name, inner = node.func.id, _compiled(node.args[0])
            return lambda a, b: _applied(name, inner(a, b))
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, (int, float))
        and not isinstance(node.value, bool)
        and abs(node.value) < 1e30
    ):
        value = np.float64(node.value)  # 1/0 is infinite and (-1)**0.5 is NaN, as in a column
        return lambda a, b: value
    if isinstance(node, ast.Name) and node.id in ("a", "b"):
        return (lambda a, b: a) if node.id == "a" else (lambda a, b: b)
    numbers = "numbers below 1e30" if isinstance(node, ast.Constant) and type(node.value) in (int, float) else "numbers"
    raise ValueError(f"{ast.unparse(node)!r} is not allowed here: use a, b, {numbers}, + - * / ** ( ) and sqrt, abs, log, exp")


def _applied(name: str, value: Any) -> Any:
    """A function of a number, in double precision, or of a column, in the precision that it has."""
    return getattr(np if isinstance(value, float) else ops, name)(value)
