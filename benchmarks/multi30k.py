"""Write Multi30k as JSON lines that any environment reads: ``python -m benchmarks.multi30k SOURCE TARGET [LANGUAGE]``.

SOURCE holds ``{train,val,test}.{en,LANGUAGE}.gz`` (Elliott et al., 2016), line i of each language the same caption.
TARGET becomes a folder with ``train.jsonl``, ``validation.jsonl`` and ``test.jsonl``.
"""

import gzip
import json
import sys
from pathlib import Path

SPLITS = {"train": "train", "val": "validation", "test": "test"}


def convert(source: Path, target: Path, language: str = "de") -> dict[str, int]:
    """Write the three files and return their numbers of pairs."""
    target.mkdir(parents=True, exist_ok=True)
    counts = {}
    for stem, split in SPLITS.items():
        english, foreign = (_lines(source / f"{stem}.{name}.gz") for name in ("en", language))
        with (target / f"{split}.jsonl").open("w", encoding="utf-8") as file:
            for prompt, reference in zip(english, foreign, strict=True):
                file.write(json.dumps({"prompt": prompt, "reference": reference}, ensure_ascii=False) + "\n")
        counts[split] = len(english)
    return counts


def _lines(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [line.strip() for line in file]


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    print(convert(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
