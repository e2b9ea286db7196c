from agents.evaluation.report import Report, Score
from agents.evaluation.summary import example_episodes, report_table, signatures
from agents.runs.curve import draw_curve
from textgym import Sample


def test_a_curve_without_validation_still_has_the_training(tmp_path):
    lines = [{"phase": "warm start", "seconds": s, "train/loss": 3 - s} for s in (0, 1, 2)]
    draw_curve(lines, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 5000


def report(texts, mode="greedy"):
    score = Score("bleu", 10.0, (9.0, 11.0), "corpus signature", 12.5, (11.5, 13.5), "sentence signature")
    samples = tuple(Sample(f"p{i}", (f"r{i}",)) for i in range(len(texts)))
    return Report("my/Env-v0", "test", mode, (score,), samples, tuple(texts), 3.25, 0.5, 0)


def test_the_table_is_aligned():
    table = report_table({"a": report(["x"]), "longer name": report(["x"])}).splitlines()
    assert table[0] == "greedy               bleu corpus         bleu sentence  length  ended"
    assert table[3] == "longer name  10.00 [9.00, 11.00]  12.50 [11.50, 13.50]     3.2    50%"
    assert len({len(line) for line in table}) == 1
    assert signatures(report(["x"]).scores).splitlines() == [
        "bleu corpus: corpus signature",
        "bleu sentence: sentence signature",
    ]


def test_example_episodes_show_what_differs_and_no_terminal_codes():
    text = example_episodes(("old", report(["same", "a", "b"])), ("new", report(["same", "\x1b[2J", "c"])), 1)
    assert text.splitlines() == [
        "2 of 3 greedy responses differ between old and new; the first:",
        "",
        "  prompt     p1",
        "  reference  r1",
        "  old        a",
        "  new        \\x1b[2J",
    ]
