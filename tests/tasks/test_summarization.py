"""The summarization task: experts' summaries of papers, and docstrings of the standard library."""

import ast
import inspect
import subprocess
import sys
import textwrap
import warnings
from types import SimpleNamespace

import gymnasium as gym
import pytest

from textgym import make_task
from textgym.data import docstrings
from textgym.data.docstrings import docstring_pairs
from textgym.errors import ConfigError, DataError, MissingExtraError
from textgym.tasks import summarization
from textgym.tasks.summarization import Summarization

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def papers():
    pytest.importorskip("aclsum", reason='the papers need pip install "textgym[data]" and Python 3.11')
    return Summarization()


def test_samples_agree_with_the_loader_of_aclsum(papers):
    from aclsum import ACLSum

    for split, name in zip(SPLITS, ("train", "val", "test"), strict=True):
        documents = list(ACLSum(name))
        samples = papers.samples(split)
        assert len(samples) == 3 * len(documents)
        expected = [(d.id, aspect, d.summaries[aspect]) for d in documents for aspect in d.summaries]
        assert [(s.metadata["paper"], s.metadata["aspect"], s.references[0]) for s in samples] == expected


def test_prompt_holds_the_paper_from_its_beginning_and_ends_with_the_aspect(papers):
    from aclsum import ACLSum

    for document, sample in zip(ACLSum("val"), papers.samples("validation")[::3], strict=True):
        text, question = sample.prompt.split("\n")
        assert question == f"Summary of the {sample.metadata['aspect']}:"
        whole = " ".join(s for s in document.get_all_sentences() if len(s.split()) > 2)
        assert whole.replace(" ", "").startswith(text.replace(" ", ""))
        assert 100 < len(text.split()) <= 220


@pytest.mark.parametrize("source", ["aclsum", "docstrings"])
def test_no_prompt_and_no_paper_is_in_two_splits(papers, source):
    task = Summarization(source)
    prompts = [s.prompt for split in SPLITS for s in task.samples(split)]
    assert len(set(prompts)) == len(prompts)
    if source == "aclsum":
        train, validation, test = ({s.metadata["paper"] for s in task.samples(split)} for split in SPLITS)
        assert not train & validation
        assert not train & test
        assert not validation & test


def test_most_samples_fit_the_default_lengths(papers):
    tokenizer = papers.tokenizer()
    samples = papers.samples("test")
    fitting = sum(len(tokenizer.encode_prompt(s.prompt)) <= papers.max_prompt_tokens for s in samples)
    assert fitting / len(samples) > 0.85
    assert all(len(tokenizer.encode(s.references[0])) < papers.max_new_tokens for s in samples)


def test_docstrings_agree_with_those_of_imported_modules():
    import heapq
    import statistics

    pairs = dict(docstring_pairs())
    found = 0
    for thing in (statistics.fmean, statistics.median_grouped, statistics.NormalDist.cdf, heapq.merge, heapq.nlargest):
        first, _, body = inspect.getdoc(thing).partition("\n\n")
        body = " ".join(body.split())
        if 8 <= len(body.split()) <= 200 and "\n" not in first:
            assert pairs[body] == first
            found += 1
    assert found >= 2


def test_docstrings_are_split_80_10_10():
    sizes = [len(Summarization("docstrings").samples(split)) for split in SPLITS]
    assert sum(sizes) > 1000
    assert sizes[0] / sum(sizes) == pytest.approx(0.8, abs=0.04)
    assert sizes[1] / sum(sizes) == pytest.approx(0.1, abs=0.03)
    assert all(s.prompt.endswith("\nSummary:") for s in Summarization("docstrings").samples("test"))


SCRIPT = """
import hashlib, sys
from textgym.data.docstrings import docstring_pairs
print(hashlib.sha256(repr(docstring_pairs()).encode("utf-8", "surrogatepass")).hexdigest(), "turtle" in sys.modules)
"""


def test_docstrings_are_the_same_in_every_process_and_nothing_is_imported():
    run = [subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True) for _ in "ab"]
    assert run[0].stdout == run[1].stdout
    assert "False" in run[0].stdout


def test_docstrings_of_nested_definitions_and_odd_files_are_read(tmp_path):
    (tmp_path / "a.py").write_text(
        textwrap.dedent('''
            """Tell what the module is.

            Some longer body of the module here, with more than eight words in it.
            """
            class A:
                def f(self):
                    """Do a thing well.

                    Another body, which also has rather more than eight words.
                    """
                    return "\\d"
        ''')
    )
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "b.py").write_text('"""Never read.\n\nBody."""')
    sources = list(docstrings._sources(tmp_path))
    assert [path.name for path in sources] == ["a.py", "broken.py"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse((tmp_path / "a.py").read_text())
    expected = [ast.get_docstring(tree), ast.get_docstring(tree.body[1].body[0])]
    assert [text for path in sources for text in docstrings._docstrings(path)] == expected


def test_python_without_sources_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(docstrings.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(DataError, match="has no docstrings to read: use a Python that has its sources"):
        docstring_pairs.__wrapped__()


def test_mistakes_are_told(papers):
    with pytest.raises(ConfigError, match=r"no source 'docstring'. Did you mean 'docstrings'"):
        Summarization("docstring")
    with pytest.raises(ConfigError, match=r"no split 'val'. Known: test, train, validation"):
        papers.samples("val")


def test_missing_package_is_told_with_the_version_and_the_pip_line(monkeypatch):
    monkeypatch.setattr(summarization, "find_spec", lambda name: None)
    monkeypatch.setattr(summarization, "sys", SimpleNamespace(version_info=(3, 10, 4)))
    with pytest.raises(
        MissingExtraError,
        match=r"from Python 3.11 on, this is 3.10; source='docstrings'.* needs the package aclsum.*textgym\[data\]",
    ):
        summarization._papers.__wrapped__("train")


def test_environment_is_registered():
    assert gym.spec("textgym/Summarization-v0").kwargs["task"] == "summarization"
    assert make_task("summarization", source="docstrings").source == "docstrings"
