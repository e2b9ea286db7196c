"""The paired bootstrap of two reports is sacrebleu's, on texts that people wrote."""

import csv
from collections import defaultdict
from pathlib import Path

import pytest
import sacrebleu
from sacrebleu.significance import PairedTest

from agents import Report, compare
from agents.evaluation.scoring import score_responses
from textgym import Sample, make_reward
from textgym.errors import ConfigError

SEED = 12345  # with which sacrebleu draws
SAMPLES = [Sample(f"p{i}", (f"the cat number {i} sat on the mat", "a cat sat")) for i in range(12)]


def report(responses, samples=SAMPLES, rewards=("bleu", "chrf"), split="test"):
    judges = [make_reward(spec) for spec in rewards]
    scores = tuple(score_responses(j, responses, samples, spec=s) for j, s in zip(judges, rewards, strict=True))
    count = len(samples)
    every = {"indices": tuple(range(count)), "lengths": (3,) * count, "finishes": ("eos",) * count}
    return Report(
        "my/Env-v0",
        split,
        "greedy",
        scores,
        tuple(samples),
        tuple(responses),
        3.0,
        1.0,
        0,
        judges=tuple(judges),
        **every,
    )


@pytest.fixture
def restaurants(shared_data: Path):
    """Descriptions of restaurants: two by people for each, and all others as references (E2E NLG)."""
    texts = defaultdict(list)
    with (shared_data / "e2e_nlg" / "testset_w_refs.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            texts[row["mr"]].append(row["ref"])
    return {meaning: written for meaning, written in list(texts.items())[:200] if 2 < len(written) < 20}


@pytest.mark.parametrize(("metric", "every"), [("bleu", 40), ("bleu", 1), ("chrf", 40)])
def test_comparisons_agree_with_sacrebleu(restaurants, metric, every):
    samples = [Sample(meaning, tuple(written[2:])) for meaning, written in restaurants.items()]
    one = [written[0] for written in restaurants.values()]
    other = [written[i % every == 0] for i, written in enumerate(restaurants.values())]
    most = max(len(sample.references) for sample in samples)
    streams = [
        [sample.references[k] if k < len(sample.references) else None for sample in samples] for k in range(most)
    ]
    oracle = sacrebleu.metrics.BLEU() if metric == "bleu" else sacrebleu.metrics.CHRF()
    _, table = PairedTest([("a", one), ("b", other)], {metric: oracle}, streams, test_type="bs", n_samples=300)()
    theirs, baseline = next(scores for name, scores in table.items() if name != "System")[::-1]

    found = compare(report(one, samples, [metric]), report(other, samples, [metric]), resamples=300, seed=SEED)[metric]
    assert found.first == pytest.approx(baseline.score, abs=1e-9)
    assert found.second == pytest.approx(theirs.score, abs=1e-9)
    assert found.p_value == pytest.approx(theirs.p_value, abs=1e-9)
    assert found.interval[0] < found.difference < found.interval[1]
    assert (found.p_value < 0.05) == (every == 1)  # the others differ in some texts only


def test_a_report_equals_itself_and_the_sign_is_first_less_second():
    good = report([sample.references[0] for sample in SAMPLES])
    bad = report([sample.references[0][8:] for sample in SAMPLES])
    same, better, worse = compare(good, good)["bleu"], compare(good, bad)["bleu"], compare(bad, good)["bleu"]
    assert (same.difference, same.interval, same.p_value) == (0, (0, 0), 1)
    assert better.difference > 0 > worse.difference == -better.difference
    assert (better.first, better.second) == (good["bleu"].corpus, bad["bleu"].corpus)


def test_reports_that_were_read_again_compare_alike(tmp_path):
    one, other = report([s.prompt for s in SAMPLES]), report(["the cat sat"] * 12)
    for name, each in (("a", one), ("b", other)):
        each.save(tmp_path / name)
    assert compare(*(Report.load(tmp_path / name) for name in "ab")) == compare(one, other)


def test_other_metrics_may_be_asked_for():
    found = compare(report(["x"] * 12), report(["a cat sat"] * 12), ["exact_match", "0.5*bleu + 0.5*chrf"])
    assert [one.name for one in found.differences] == ["exact_match", "0.5*bleu + 0.5*chrf"]
    assert found["exact_match"].difference == -1
    with pytest.raises(KeyError, match=r"no 'bleu', but exact_match, 0\.5\*bleu \+ 0\.5\*chrf"):
        found["bleu"]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (report(["x"] * 11, SAMPLES[:11]), "The reports answer 12 and 11 samples: both must answer the same ones"),
        (
            report(["x"] * 12, [*SAMPLES[:5], Sample("q", ("a",)), *SAMPLES[6:]], split="train"),
            r"row 5 first: 'p5' with 2 references and 'q' with 1 \(splits 'test' and 'train'\)",
        ),
        (report(["x"] * 12, [Sample(s.prompt, s.references[:1]) for s in SAMPLES]), "row 0 first"),
        (Report("e", "test", "greedy", (), (), (), 0.0, 0.0, 0), "needs the responses, and a report without them"),
    ],
)
def test_reports_of_other_samples_are_refused(other, message):
    with pytest.raises(ConfigError, match=message):
        compare(report(["x"] * 12), other)


def test_a_metric_that_was_an_object_must_be_given_again(tmp_path):
    def length(response, sample):
        return len(response)

    made = report(["x"] * 12, rewards=[length])
    assert compare(made, made)["length"].first == 1
    made.save(tmp_path / "r.json")
    again = Report.load(tmp_path / "r.json")
    with pytest.raises(ConfigError, match=r"how to make its metric 'length', which was an object: pass rewards="):
        compare(again, again)
    assert compare(again, again, [length])["length"].first == 1


@pytest.mark.parametrize("options", [{"resamples": 0}, {"level": 2.0}, {"seed": -1}])
def test_bad_options_are_told(options):
    made = report(["x"] * 12)
    with pytest.raises(ConfigError, match="must be at least"):
        compare(made, made, **options)
