"""The kinds of slips in a formula: each is a function from an expression to the expressions that may have been meant.

It yields the mistake in words, as "Z1 for A1", and the expression without it. `names` are the variables at hand, and
`others` the functions.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

CALLS = {"dot", "matmul"}
SUMS = {"sum", "mean"}
FLIPPED = {ast.Gt: (ast.Lt, ">"), ast.Lt: (ast.Gt, "<"), ast.GtE: (ast.LtE, ">="), ast.LtE: (ast.GtE, "<=")}
COUNT = re.compile(r"m|M|N|n|(m|n|num|N)?_?(samples|examples|train|batch)|batch_size")
RATE = re.compile(r"lamb|reg|decay|alpha", re.I)
SWAPPED = {ast.Add: (ast.Sub, "+ for -"), ast.Sub: (ast.Add, "- for +")}
DERIVATIVES = {  # in terms of the output, and of the input
    "tanh": "1 - {0} ** 2",
    "sigmoid": "{0} * (1 - {0})",
    "relu": "({0} > 0)",
    "tanh by its input": "1 - np.tanh({0}) ** 2",
}


def root(node: ast.AST) -> str:
    """The name that an attribute or an element is of."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def expression(text: str) -> ast.expr:
    """The syntax tree of an expression."""
    return ast.parse(text, mode="eval").body


def is_value(node: ast.AST) -> bool:
    """Return whether a node may be a gradient or a factor of it: no name of a function, no index."""
    return isinstance(node, (ast.BinOp, ast.Call, ast.UnaryOp)) or is_name(node)


def is_name(node: ast.AST) -> bool:
    """Return whether a node is a variable, an attribute or an element that is read."""
    if isinstance(getattr(node, "ctx", None), ast.Store):
        return False
    return isinstance(node, (ast.Name, ast.Subscript)) or (isinstance(node, ast.Attribute) and node.attr != "T")


Made = Iterator[tuple[str, ast.AST]]


def swaps(node: Any, names: list[str], others: list[str]) -> Made:
    """Minus for plus, and the reverse."""
    if type(node) in SWAPPED:
        new, words = SWAPPED[type(node)]
        yield f"sign, {words}", new()


def _signs(node: Any, names: list[str], others: list[str]) -> Made:
    yield from swaps(node, names, others)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign, a minus too much", node.operand
    elif is_value(node):
        yield "sign, a minus missing", ast.UnaryOp(ast.USub(), node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        yield "sign, a difference the other way round", ast.BinOp(node.right, node.op, node.left)
    if type(node) in FLIPPED:
        flipped, words = FLIPPED[type(node)]
        yield f"{words} the other way round", flipped()


def _transposes(node: Any, names: list[str], others: list[str]) -> Made:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        text = ast.unparse(node.value)
        yield f"transposed: {text}.T for {text}", node.value
    elif is_value(node):
        text = ast.unparse(node)
        yield f"transposed: {text} for {text}.T", ast.Attribute(node, "T", ast.Load())
    if (pair := _product(node)) is not None:
        left, right = pair
        yield "the product the other way round", ast.BinOp(right, ast.MatMult(), left)
        yield "the product the other way round, and transposed", ast.Attribute(node, "T", ast.Load())


def sides(node: Any, names: list[str], others: list[str]) -> Made:
    """The length of the other side of an array."""
    if isinstance(node, ast.Subscript) and re.fullmatch(r".+\.shape\[[01]\]", text := ast.unparse(node)):
        other = f"{text[:-2]}{1 - int(text[-2])}]"
        yield f"{text} for {other}, the other side", expression(other)


def _exchanged(node: Any, names: list[str], others: list[str]) -> Made:
    """Two parts of a tuple, such as a result, in each other's place."""
    if isinstance(node, ast.Tuple):
        for i, j in itertools.combinations(range(len(node.elts)), 2):
            parts = list(node.elts)
            parts[i], parts[j] = parts[j], parts[i]
            words = f"{ast.unparse(node.elts[i])} and {ast.unparse(node.elts[j])} in each other's place"
            yield words, ast.Tuple(parts, ast.Load())


def _indices(node: Any, names: list[str], others: list[str]) -> Made:
    """One element of each row in place of whole columns, for labels that are class numbers."""
    if isinstance(node, ast.Slice) and node.lower is node.upper is node.step is None:
        for count in counts_in(names):
            yield f": for np.arange({count}), all rows for one element of each", expression(f"np.arange({count})")


def _product(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """The factors of a product of matrices in any of its spellings."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left, node.right
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
        if len(node.args) == 2:
            return node.args[0], node.args[1]
        if len(node.args) == 1:
            return node.func.value, node.args[0]
    return None


def _axes(node: Any, names: list[str], others: list[str]) -> Made:
    if not isinstance(node, ast.Call):
        return
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called not in SUMS:
        return
    method = isinstance(node.func, ast.Attribute) and root(node.func) not in ("np", "numpy")
    given = {k.arg: k.value for k in node.keywords}
    argument = [] if method else node.args[:1]
    position = node.args[len(argument) : len(argument) + 1]
    axis = given.get("axis", position[0] if position else None)
    keeps = "keepdims" in given
    for new in (0, 1, None):
        for keep in (True, False):
            keywords = [] if new is None else [ast.keyword("axis", ast.Constant(new))]
            keywords += [ast.keyword("keepdims", ast.Constant(True))] if keep else []
            old = "no axis" if axis is None else f"axis={ast.unparse(axis)}"
            words = f"summed over the wrong axis: {old} for {'no axis' if new is None else f'axis={new}'}"
            if axis is not None and ast.unparse(axis) == str(new):
                words = "keepdims missing: an axis is lost" if keep and not keeps else "keepdims too much"
            meant = ast.Call(node.func, argument, keywords)
            if ast.dump(meant) != ast.dump(node):
                yield words, meant
    other = "mean" if called == "sum" else "sum"
    if isinstance(node.func, ast.Attribute):
        func = ast.Attribute(node.func.value, other, ast.Load())
        yield f"1/m: {called} for {other}", ast.Call(func, node.args, node.keywords)


def _products(node: Any, names: list[str], others: list[str]) -> Made:
    if isinstance(node, ast.Mult):
        yield "* for @, the product of matrices", ast.MatMult()
    elif (pair := _product(node)) is not None:
        yield "@ for *, the product of elements", ast.BinOp(pair[0], ast.Mult(), pair[1])


def _factors(node: Any, names: list[str], others: list[str]) -> Made:
    if not isinstance(node, ast.BinOp):
        return
    left, right = ast.unparse(node.left), ast.unparse(node.right)
    if isinstance(node.op, (ast.Mult, ast.Div)):
        divides = "/" if isinstance(node.op, ast.Div) else ""
        mean = "1/m too much: " if divides and COUNT.fullmatch(right) else ""
        yield f"{mean}a factor too much, {'1' * bool(divides)}{divides}{right}", node.left
        if not divides:
            yield f"a factor too much, {left}", node.right
        yield (
            ("multiplied for divided", ast.BinOp(node.left, ast.Div(), node.right))
            if not divides
            else ("divided for multiplied", ast.BinOp(node.left, ast.Mult(), node.right))
        )
    if isinstance(node.op, (ast.Add, ast.Sub)):
        yield f"a term too much, {right}", node.left
        yield (
            f"a term too much, {left}",
            node.right if isinstance(node.op, ast.Add) else ast.UnaryOp(ast.USub(), node.right),
        )
    if isinstance(node.op, ast.Pow):
        yield f"the power {right} too much", node.left
    if isinstance(node.op, ast.Sub) and left in ("1", "1.0") and not isinstance(node.right, ast.BinOp):
        yield (
            f"1 - a for 1 - a², the derivative of tanh ({left} - {right})",
            ast.BinOp(node.left, ast.Sub(), ast.BinOp(node.right, ast.Pow(), ast.Constant(2))),
        )


def _longer_products(node: Any, names: list[str], others: list[str]) -> Made:
    first, *rest = _factors_of(node)
    if len(rest) > 1:
        yield f"factors too much, {' * '.join(map(_in_product, rest))}", first


def _factors_of(node: ast.expr) -> list[ast.expr]:
    """The factors of a product, from the left."""
    rest = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        rest.append(node.right)
        node = node.left
    return [node, *reversed(rest)]


def _in_product(node: ast.expr) -> str:
    return f"({ast.unparse(node)})" if isinstance(node, ast.BinOp) else ast.unparse(node)


def _numbers(node: Any, names: list[str], others: list[str]) -> Made:
    if not isinstance(node, ast.Constant) or isinstance(node.value, (bool, str)) or node.value is None:
        return
    if isinstance(node.value, (int, float)):
        for new in dict.fromkeys((1, 2, 0, node.value + 1, node.value - 1, 2 * node.value, node.value / 2)):
            if new != node.value:
                yield f"{node.value} for {new}", ast.Constant(new)


def _spelled(node: Any, names: list[str], others: list[str]) -> Made:
    """Another name of the function, those of the same letters or number first."""
    if not is_name(node):
        return
    text = ast.unparse(node)
    if text in others or text in ("np", "numpy"):
        return
    stem = re.sub(r"\W|\d|_", "", text).lower()
    for name in sorted(names, key=lambda name: re.sub(r"\W|\d|_", "", name).lower() != stem):
        if name != text:
            yield f"{text} for {name}", expression(name)


def _calls(node: Any, names: list[str], others: list[str]) -> Made:
    """Another function, none, or the same one asked for its derivative."""
    if not isinstance(node, ast.Call):
        return
    text = ast.unparse(node.func)
    if text in others or text.rpartition(".")[2] in ("tanh", "exp", "log", "cos", "sin", "maximum", "minimum"):
        for name in others:
            if name != text:
                yield (
                    f"{text} for {name}, another activation or its derivative",
                    ast.Call(expression(name), node.args, node.keywords),
                )
    if node.args and isinstance(node.args[0], ast.expr):
        whole = ast.unparse(node)
        if len(node.args) == 1 and not node.keywords:
            yield f"{text} too much", node.args[0]
            asked = ast.Call(node.func, [*node.args, ast.Constant(True)], [])
            yield f"{whole} for {ast.unparse(asked)}, the activation for its derivative", asked
        else:
            asked = ast.Call(node.func, node.args[:1], [])
            yield f"{whole} for {ast.unparse(asked)}, the derivative for the activation", asked


def _outputs_of(node: Any, names: list[str], others: list[str]) -> Made:
    """The output of an activation for its input."""
    if is_name(node):
        text = ast.unparse(node)
        for name in ("np.tanh", *others):
            yield f"{text} for {name}({text}), the output of the activation", expression(f"{name}({text})")
        sigmoid = f"1 / (1 + np.exp(-{text}))"
        yield f"{text} for {sigmoid}, the output of the activation", expression(sigmoid)


def counts_in(names: Sequence[str]) -> list[str]:
    """The expressions that may be the number of samples."""
    sides = [f"{name}.shape[{axis}]" for name in names if re.fullmatch(r"[XxYyAad]\w*", name) for axis in (0, 1)]
    return [*(name for name in names if COUNT.fullmatch(name)), *sides]


def _means(node: Any, names: list[str], others: list[str]) -> Made:
    if isinstance(node, (ast.BinOp, ast.Call)):
        for count in counts_in(names):
            yield f"1/m missing: {count}", ast.BinOp(node, ast.Div(), expression(count))


def _missing_means(node: Any, names: list[str], others: list[str]) -> Made:
    if isinstance(node, (ast.BinOp, ast.Call)) or is_name(node):
        for axis in (0, 1, -1):
            mean = ast.parse(f"np.mean(x, axis={axis}, keepdims=True)", mode="eval").body
            assert isinstance(mean, ast.Call)
            mean.args = [node]
            words = f"a term missing: the mean over axis={axis} is to be subtracted"
            yield words, ast.BinOp(node, ast.Sub(), mean)


def _slopes(node: Any, names: list[str], others: list[str]) -> Made:
    """The derivative of another activation, in the place of an expression or of all but the first factor."""
    if isinstance(node, (ast.BinOp, ast.Call)):
        text = ast.unparse(node)
        first = _factors_of(node)[0]
        own = [
            name
            for name in others
            if re.search(r"sigm|logis|squash", name, re.I) and not re.search("prime|deriv|grad|^d_|_d$", name)
        ]
        slopes = DERIVATIVES | {f"{f} by its input": f"{f}({{0}}) * (1 - {f}({{0}}))" for f in own}
        for name in _outputs(names):
            for activation, slope in slopes.items():
                right = slope.format(name)
                if right != text:
                    yield f"the derivative of {activation} is {right}, not {text}", expression(right)
                if first is not node:
                    new = ast.BinOp(first, ast.Mult(), expression(right))
                    yield f"the derivative of {activation} is {right}, in the place of that in {text}", new


def _outputs(names: list[str]) -> list[str]:
    """The variables that may be the input or output of an activation: no gradient, parameter or setting."""
    stems = [re.sub(r"^self\.|^\w+\[['\"]|['\"]\]$", "", name) for name in names]
    other = r"d[A-Za-z_]?\d*|d_\w*|[wWbBm]\d*|weights?|bias(es)?|lamb\w*|reg\w*|cache|param\w*|grad\w*|delta\w*|[yY]"
    return [name for name, stem in zip(names, stems, strict=True) if not re.fullmatch(other, stem)]


def _missing_slopes(node: Any, names: list[str], others: list[str]) -> Made:
    if isinstance(node, (ast.BinOp, ast.Call)):
        for name in _outputs(names):
            texts = {activation: slope.format(name) for activation, slope in DERIVATIVES.items()}
            texts |= {f"{function}()": f"{function}({name})" for function in others}
            for activation, text in texts.items():
                words = f"the derivative of the activation missing ({activation}), {text}"
                yield words, ast.BinOp(node, ast.Mult(), expression(text))


def _missing_factors(node: Any, names: list[str], others: list[str]) -> Made:
    if isinstance(node, (ast.BinOp, ast.Call)) or is_name(node):
        for name in names:
            yield f"a factor missing, {name}", ast.BinOp(node, ast.Mult(), expression(name))
            yield f"a factor missing, 1/{name}", ast.BinOp(node, ast.Div(), expression(name))


def _missing_numbers(node: Any, names: list[str], others: list[str]) -> Made:
    if isinstance(node, (ast.BinOp, ast.Call)) or is_name(node):
        for number in ("2", "0.5"):
            yield f"a factor missing, {number}", ast.BinOp(expression(number), ast.Mult(), node)


def _missing_terms(node: Any, names: list[str], others: list[str]) -> Made:
    """A gradient that is not added, or its mean; `names` that nothing uses come first."""
    if isinstance(node, (ast.BinOp, ast.Call)):
        for name in names:
            yield f"a term missing, {name}", ast.BinOp(node, ast.Add(), expression(name))
            if re.match(r"d|grad|delta", name):
                for count in ("m", "N"):
                    term = ast.BinOp(expression(name), ast.Div(), expression(count))
                    yield f"a term missing, {name} / {count}", ast.BinOp(node, ast.Add(), term)


def _missing_penalties(node: Any, names: list[str], others: list[str]) -> Made:
    rates = [name for name in names if RATE.search(name)]
    if rates and (isinstance(node, (ast.BinOp, ast.Call)) or (is_name(node) and re.match("d|grad", root(node)))):
        weights = [name for name in names if re.search(r"w|theta|coef", name, re.I) and not re.match(r"d[A-Z_]", name)]
        counts = ["", *(f" / {count}" for count in counts_in(names)[:3])]
        for times, rate, count, name in itertools.product(("", "2 * "), rates, counts, weights):
            if name != rate:
                term = f"{times}{rate}{count} * {name}"
                yield f"regularisation missing, {term}", ast.BinOp(node, ast.Add(), expression(term))


LIKELY = (
    sides, _signs, _exchanged, _indices, _transposes, _axes, _products, _factors, _longer_products, _numbers,
    _missing_numbers, _means, _missing_means, _calls, _spelled, _outputs_of, _missing_penalties,
)  # fmt: skip
RARE = (_missing_terms, _missing_slopes, _slopes, _missing_factors)
KINDS = (*LIKELY, *RARE)
OF_PRODUCTS = (_means, _missing_numbers, _missing_slopes, _missing_factors)  # the same at each factor of a product
OF_ARRAYS = (_spelled, _slopes, _missing_slopes, _missing_terms, _missing_factors)  # with names of arrays
OF_SUMS = (_missing_terms, _missing_penalties)  # and at each term of a sum


def repeats(kind: Any, parent: ast.AST) -> bool:
    """Return whether the changes of a kind at an operand are those at the whole operation, its parent."""
    ops = ((ast.Mult, ast.Div) if kind in OF_PRODUCTS else ()) + ((ast.Add, ast.Sub) if kind in OF_SUMS else ())
    return isinstance(parent, ast.BinOp) and isinstance(parent.op, ops)
