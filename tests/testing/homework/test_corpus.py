import ast
import json

import pytest

from .corpus import CAUSES, parse, read_cases
from .measure import Outcome, Rates, failures, rates

CASES = list(read_cases())
MAGICS = ("%", "!", "?")  # lines of a notebook that are not Python


def python(name, text):
    """The Python of a file, cells without magics."""
    if not name.endswith(".ipynb"):
        return text
    cells = [cell["source"] for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    return "\n".join(line for source in cells for line in source if not line.startswith(MAGICS))


def variants(case):
    return [None, *case.mistakes]


@pytest.mark.every_value
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.part}-{case.name}")
def test_every_file_is_python_as_it_is_and_with_each_mistake(case, tmp_path):
    texts = set()
    for i, mistake in enumerate(variants(case)):
        case.write(tmp_path / str(i), mistake)
        for name in case.files:
            text = (tmp_path / str(i) / name).read_text(encoding="utf-8-sig")
            if not case.syntax:
                ast.parse(python(name, text))
        texts.add("".join((tmp_path / str(i) / name).read_text(encoding="utf-8-sig") for name in case.files))
    assert len(texts) == len(variants(case))


def test_names_of_cases_are_unique_and_what_has_no_backward_pass_has_no_mistakes():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert all(bool(case.mistakes) == (case.verdict == "right") for case in CASES)


TEXT = """\
family: a
checked: f
==== file f.ipynb
# %% [markdown]
Hello
# %%
def f(x):
    return 2 * x
==== mistake factor f
2 * x
=>
4 * x
"""


def test_a_mistake_whose_text_is_not_there_once_is_refused():
    with pytest.raises(ValueError, match=r"expected the text of 'factor f' once, found it 0 times"):
        parse("f", "dev", TEXT.replace("return 2", "return 3"))
    with pytest.raises(ValueError, match=r"expected a cause among .*, got 'fctor f'"):
        parse("f", "dev", TEXT.replace("factor", "fctor"))


def finding(verdict, causes=(), names=("f",)):
    quantities = [{"name": "dW", "verdict": verdict, "causes": causes}]
    return {"title": "f", "verdict": verdict, "names": names, "problem": "", "quantities": quantities}


def test_rates_count_a_file_as_right_only_if_all_names_are_covered():
    case = parse("f", "dev", TEXT)
    covered = Outcome(case, None, "right", (finding("right"),))
    other = Outcome(case, None, "right", ({**finding("right", names=("g",)), "title": "g"},))
    assert rates([covered]) == Rates(files=1, whole=1)
    assert rates([other]) == Rates(files=1)
    assert list(failures([covered])) == []
    assert list(failures([other])) == ["dev/f: expected right, got right. not covered: f"]


def test_rates_count_causes_in_files_that_were_recognised_without_a_mistake():
    case = parse("f", "dev", TEXT)
    (mistake,) = case.mistakes
    found = Outcome(case, mistake, "wrong", (finding("wrong", ("2 times too large",)),))
    unnamed = Outcome(case, mistake, "wrong", (finding("wrong", ("sign",)),))
    missed = Outcome(case, mistake, "right", (finding("right"),))
    right = Outcome(case, None, "right", (finding("right"),))
    assert rates([found, unnamed, missed]) == Rates(mistakes=3, found=2, called_right=1)
    assert rates([right, found, unnamed]) == Rates(1, 1, mistakes=2, found=2, recognised=2, named=1)
    assert rates([Outcome(case, None, "wrong", (finding("wrong"),))]).false_alarms == 1


def test_every_kind_of_cause_is_in_the_corpus():
    assert {mistake.cause for case in CASES for mistake in case.mistakes} == set(CAUSES)
