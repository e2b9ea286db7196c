"""Learned scorers against people: ``python -m benchmarks.scorers DATA_ROOT --vectors FOLDER``.

The corpora are MLQE-PE (English-German translations with human scores), DailyDialog++ (good, adversarial and random
responses) and the sentence polarity data (film reviews). Frozen vectors of MiniLM are kept in the folder, so that a
second run takes no more than the heads do. One thread.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.runs.provenance import versions
from benchmarks.learned.dialogue import dialogue
from benchmarks.learned.sentiment import sentiment
from benchmarks.learned.translation import translation
from benchmarks.learned.vectors import VectorFiles

RESULTS = Path(__file__).parent / "results" / "scorers.jsonl"
PARTS: dict[str, Callable[..., list[dict[str, Any]]]] = {
    "sentiment": sentiment,
    "dialogue": dialogue,
    "translation": translation,
}


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows as a Markdown table, a column for each number, each with its interval."""
    names = list(dict.fromkeys(name for row in rows for name in row["found"]))
    lines = [f"| scorer | {' | '.join(name.replace('_', ' ') for name in names)} |", "|---" * (len(names) + 1) + "|"]
    for row in rows:
        cells = [_cell(row["found"].get(name)) for name in names]
        lines.append(f"| {row['scorer']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(found: dict[str, float] | None) -> str:
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]" if found else ""


def main() -> None:
    """Measure, print the tables and keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_root", type=Path, help="the folder of mlqe_pe, dailydialog_pp and movie_reviews")
    parser.add_argument("--vectors", type=Path, default=Path("vectors"), help="where vectors of texts are kept")
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--translations", type=int, default=7000, help="training translations (default: all)")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    encoder = VectorFiles("minilm", arguments.vectors)
    sizes = {"translation": arguments.translations}
    kept = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.is_file() else []
    results = {row["part"]: row for row in map(json.loads, kept)}
    for part in arguments.only:
        size = {"size": sizes[part]} if part in sizes else {}
        rows = PARTS[part](arguments.data_root, encoder, **size)
        print(f"{part}\n\n{table(rows)}\n", flush=True)
        results[part] = {"part": part, **size, "encoder": encoder.fingerprint, "versions": versions(), "rows": rows}
        lines = [json.dumps(results[name], sort_keys=True) + "\n" for name in PARTS if name in results]
        RESULTS.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
