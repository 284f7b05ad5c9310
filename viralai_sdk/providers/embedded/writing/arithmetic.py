"""Exact arithmetic on rational numbers, bounded: a huge power is refused before it is computed."""

import ast
import re
from fractions import Fraction

from .errors import WritingError

_LONGEST = 200
_MOST_BITS = 4_096
_MOST_DECIMALS = 15
_CHARACTERS = re.compile(r"[\d\s.,()+\-*/%^]+")
_DATE_LIKE = re.compile(r"\s*\d{1,4}([-/.])\d{1,2}\1\d{1,4}\s*")
_OPERATION = re.compile(r"[\d)]\s*(?:\*\*|//|[-+*/%^])\s*[-+(]*\s*[\d(.]")
_PERCENT_OF = re.compile(r"\s*([\d.]+)\s*%\s*of\s*([\d.,]+)\s*", re.IGNORECASE)
_TYPOGRAPHIC = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "\N{FULLWIDTH PLUS SIGN}": "+"})
_SIZE_HINT = "This engine stops at results of about 1200 digits; use Python itself."


def as_expression(text: str) -> str | None:
    """The text as an arithmetic expression, or None when it is not one (a date is not)."""
    stripped = text.strip().rstrip("=?!. ").translate(_TYPOGRAPHIC)
    percent = _PERCENT_OF.fullmatch(stripped)
    if percent and len(stripped) <= _LONGEST:
        stripped = f"{percent.group(1)}/100*{percent.group(2)}"
    if not _CHARACTERS.fullmatch(stripped) or not stripped.isascii() or _DATE_LIKE.fullmatch(stripped):
        return None
    return stripped if _OPERATION.search(stripped) else None


def evaluate(expression: str) -> str:
    """The value, exact when it has an end in decimal notation, otherwise with a leading `≈`.

    Raises WritingError for an expression that is malformed, divides by zero, or has a result beyond 4096 bits.
    """
    if len(expression) > _LONGEST:
        raise WritingError("The expression is too long", hint=f"Give at most {_LONGEST} characters.")
    source = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", expression).replace("^", "**").strip()
    source = re.sub(r"(?<![\d.])0+(?=\d)", "", source)
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise WritingError(
            f"Not an arithmetic expression: {expression!r}", hint="Use + - * / // % ** and ()."
        ) from error
    return _shown(_value(tree.body, source))


def _value(node: ast.expr, source: str) -> Fraction:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return _bounded(Fraction((ast.get_source_segment(source, node) or "0").replace("_", "")))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
        value = _value(node.operand, source)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        return _bounded(_apply(node.op, _value(node.left, source), _value(node.right, source)))
    raise WritingError(f"Not arithmetic: {source!r}", hint="Use numbers with + - * / // % ** and ().")


def _apply(operator: ast.operator, left: Fraction, right: Fraction) -> Fraction:
    if isinstance(operator, ast.Pow):
        return _power(left, right)
    if isinstance(operator, ast.Add):
        return left + right
    if isinstance(operator, ast.Sub):
        return left - right
    if isinstance(operator, ast.Mult):
        return left * right
    if not isinstance(operator, (ast.Div, ast.FloorDiv, ast.Mod)):
        raise WritingError("Unknown operator", hint="Use + - * / // % ** and ().")
    if right == 0:
        raise WritingError("Division by zero", hint="No number is the answer; change the divisor.")
    if isinstance(operator, ast.Div):
        return left / right
    if isinstance(operator, ast.FloorDiv):
        return Fraction(left // right)
    return left % right


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise WritingError("Only whole exponents are computed", hint="A root is not exact; use Python's math module.")
    if base == 0 and exponent < 0:
        raise WritingError("Division by zero", hint="Zero has no negative power.")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) > _MOST_BITS or (bits > 1 and bits * abs(exponent) > _MOST_BITS * 2):
        raise WritingError("The power is too large", hint=_SIZE_HINT)
    return base ** int(exponent)


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MOST_BITS:
        raise WritingError("The result is too large", hint=_SIZE_HINT)
    return value


def _shown(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    scaled = value * 10**_MOST_DECIMALS
    rounded = round(scaled)
    sign, digits = ("-" if rounded < 0 else ""), str(abs(rounded)).rjust(_MOST_DECIMALS + 1, "0")
    plain = f"{sign}{digits[:-_MOST_DECIMALS]}.{digits[-_MOST_DECIMALS:]}".rstrip("0").rstrip(".")
    if scaled == rounded:
        return plain
    return f"≈ {plain}" if rounded else f"≈ {'-' if value < 0 else ''}0.{'0' * _MOST_DECIMALS}"
