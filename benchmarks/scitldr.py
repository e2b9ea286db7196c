"""SciTLDR by a small instruct model that has not learned the task: ``python -m benchmarks.scitldr SCITLDR MODEL``.

SCITLDR is a folder with the data's ``test.jsonl`` (Cachola et al., 2020: abstracts as lists of sentences, with one or
several one-sentence summaries by people). MODEL is a folder in Hugging Face format whose tokenizer has a chat template,
such as ``python -m benchmarks.smollm2`` makes. The first 100 test samples are answered, greedily, in 40 tokens at most.
The first sentence of each abstract is scored too: a summary that takes no model. One JSON line each goes to
``results/scitldr.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from agents.evaluation.evaluate import evaluate
from agents.evaluation.scoring import score_responses
from textgym import Sample, make_reward

RESULTS = Path(__file__).parent / "results" / "scitldr.jsonl"
INSTRUCTION = "Summarize this abstract of a scientific paper in one short sentence.\n\n{prompt}"
METRICS = ("rouge1", "rouge2", "rougeL")
MAX_PROMPT_TOKENS, MAX_NEW_TOKENS = 384, 40
Line = dict[str, Any]


def read_samples(path: Path) -> list[Sample]:
    """Return abstracts as one line of text with their summaries, and the first sentence among the metadata."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Sample(" ".join(" ".join(row["source"]).split()), tuple(row["target"]), {"first": row["source"][0].strip()})
        for row in rows
    ]


def first_sentences(samples: Sequence[Sample]) -> Line:
    """Return the line of the first sentences."""
    responses = [str(sample.metadata["first"]) for sample in samples]
    scores = [score_responses(make_reward(name), responses, samples, spec=name).to_json() for name in METRICS]
    return {"row": "first sentence of the abstract", "count": len(samples), "scores": scores}


def zero_shot(samples: Sequence[Sample], model: Path) -> Line:
    """Return the line of a model that is only told what to do."""
    torch.set_num_threads(1)
    began = time.monotonic()
    report = evaluate(
        str(model),
        "textgym/Summarization-v0",
        METRICS,
        split="test",
        batch_size=20,
        data={"train": samples[:1], "test": list(samples)},
        template={"chat": INSTRUCTION},
        max_prompt_tokens=MAX_PROMPT_TOKENS,
        max_new_tokens=MAX_NEW_TOKENS,
        overlong="truncate",
    )
    lengths = {"max_prompt_tokens": MAX_PROMPT_TOKENS, "max_new_tokens": MAX_NEW_TOKENS}
    told = {"model": model.name, "instruction": INSTRUCTION, "seconds": round(time.monotonic() - began), **lengths}
    return {"row": f"{model.name}, zero-shot", **told, **report.to_json(), "responses": report.responses}


def table(lines: Sequence[Line]) -> str:
    """Return the lines as Markdown: each metric times 100, with its 95% interval."""
    head = "| | ROUGE-1 | ROUGE-2 | ROUGE-L | tokens |\n|---|---|---|---|---|"
    return "\n".join([head, *(f"| {line['row']} | {_cells(line)} |" for line in lines)])


def _cells(line: Line) -> str:
    cells = [
        f"{100 * score['corpus']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
        for score in line["scores"]
        for low, high in [score["corpus_interval"]]
    ]
    return " | ".join([*cells, f"{line['mean_length']:.1f}" if "mean_length" in line else "-"])


def main() -> None:
    """Score both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of SciTLDR")
    parser.add_argument("model", type=Path, help="a folder in Hugging Face format")
    parser.add_argument("--samples", type=int, default=100, help="the first so many of test (default: 100)")
    arguments = parser.parse_args()
    samples = read_samples(arguments.data / "test.jsonl")[: arguments.samples]
    lines = [first_sentences(samples), zero_shot(samples, arguments.model)]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    print(table(lines))
    print("\n".join(score["corpus_signature"] for score in lines[0]["scores"]))


if __name__ == "__main__":
    main()
