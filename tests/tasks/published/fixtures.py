"""Small files in the format in which each benchmark is published: enough to play every published task."""

import csv
import gzip
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

SIZES = {"train": 12, "validation": 4, "test": 4}
NOUNS = ["cat", "dog", "bird", "fish", "horse", "mouse", "river", "garden", "window", "table", "lamp", "bridge"]
VERBS = ["sees", "likes", "finds", "paints", "follows", "draws", "hears", "meets"]


def fixture(task_name: str, folder: Path) -> Any:
    """Write the files of a task into a folder, which is made, and return what ``data=`` takes.

    Args:
        task_name: A published task, as ``@benchmark`` registers it.
        folder: Where; the same call writes the same files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return FIXTURES[task_name](folder) or str(folder)


def alone(folder: Path, monkeypatch: Any) -> None:
    """Leave a test without the network and the caches of whoever runs it."""
    monkeypatch.setenv("TEXTGYM_CACHE", str(folder / "cache"))
    with suppress(ImportError):
        import datasets
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "hub"))
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "datasets")


def sentence(split: str, i: int, words: int = 6) -> str:
    """Return words that are the same each time and differ between rows and splits."""
    start = i + {"train": 0, "validation": 100, "test": 200}[split]
    text = [f"The {NOUNS[(start + k) % 12]} {VERBS[(start * 7 + k) % 8]} number {start} ." for k in range(words)]
    return " ".join(" ".join(text).split()[:words])


def rows_of(make: Callable[[str, int], dict[str, Any]], split: str) -> list[dict[str, Any]]:
    return [make(split, i) for i in range(SIZES[split])]


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def write_jsonl(path: Path, rows: Iterable[Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def parquet(make: Callable[[str, int], dict[str, Any]], splits: Iterable[str] = SIZES) -> Callable[[Path], None]:
    """Return what writes files as the hub names them."""

    def write(folder: Path) -> None:
        for split in splits:
            write_parquet(folder / f"{split}-00000-of-00001.parquet", rows_of(make, split))

    return write


def jsonl(make: Callable[[str, int], dict[str, Any]], names: Mapping[str, str]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for split, name in names.items():
            write_jsonl(folder / name, rows_of(make, split))

    return write


def table_of_totto(split: str, i: int) -> dict[str, Any]:
    def cell(value: str, header: bool = False, span: int = 1) -> dict[str, Any]:
        return {"column_span": span, "is_header": header, "row_span": 1, "value": value}

    return {
        "table": [[cell("Name", True), cell("Years", True, 2)], [cell("Row", True), cell(f"{i}"), cell(f"{i + 1}")]],
        "highlighted_cells": [[1, 2]],
        "table_page_title": f"Page {i} of {split}",
        "table_section_title": "Section",
        "sentence_annotations": [{"final_sentence": sentence(split, i), "original_sentence": "x"}],
    }


def multi30k(folder: Path) -> None:
    for split, stem in (("train", "train"), ("validation", "val"), ("test", "test")):
        for language in ("en", "de"):
            with gzip.open(folder / f"{stem}.{language}.gz", "wt", encoding="utf-8") as file:
                file.writelines(f"{sentence(split, i)} {language}\n" for i in range(SIZES[split]))


def e2e(folder: Path) -> None:
    for split, name in (("train", "trainset"), ("validation", "devset"), ("test", "testset_w_refs")):
        rows = [
            {"mr": f"name[The {NOUNS[i]}], area[{split}], familyFriendly[yes]", "ref": f"{sentence(split, i)} {k}"}
            for i in range(SIZES[split])
            for k in range(2)
        ]
        write_csv(folder / f"{name}.csv", rows)


def samsum(folder: Path) -> None:
    def chat(split: str, i: int) -> dict[str, Any]:
        text = sentence(split, i)
        return {"id": f"{split}{i}", "dialogue": f"Ann: {text}\r\nBob: yes", "summary": text}

    for split in SIZES:
        write_csv(folder / f"{split}.csv", rows_of(chat, split))


def sgd(folder: Path) -> None:
    for split, name in (("train", "train"), ("validation", "dev"), ("test", "test")):
        (folder / name).mkdir(exist_ok=True)
        frames = [{"actions": [{"act": "REQUEST", "slot": "city", "values": []}]}]
        dialogues = [
            {
                "dialogue_id": f"1_{i:05}",
                "turns": [
                    {"speaker": speaker, "utterance": f"{sentence(split, i)} {k}", "frames": frames}
                    for k, speaker in enumerate(("USER", "SYSTEM", "USER", "SYSTEM"))
                ],
            }
            for i in range(SIZES[split])
        ]
        (folder / name / "dialogues_001.json").write_text(json.dumps(dialogues), encoding="utf-8")


def topical_chat(folder: Path) -> None:
    for split, name in (("train", "train"), ("validation", "valid_freq"), ("test", "test_freq")):
        chats = {
            f"t_{i}": {"content": [{"message": f"{sentence(split, i)} {k}", "turn_rating": "Good"} for k in range(4)]}
            for i in range(SIZES[split])
        }
        (folder / f"{name}.json").write_text(json.dumps(chats), encoding="utf-8")


def movie_reviews(folder: Path) -> str:
    with zipfile.ZipFile(folder / "movie_reviews.zip", "w") as archive:
        archive.writestr("movie_reviews/README", "not a review")
        for label in ("neg", "pos"):
            for fold in range(10):
                archive.writestr(f"movie_reviews/{label}/cv{fold}00_1.txt", f"{label} {sentence('train', fold, 30)}\n")
    return str(folder / "movie_reviews.zip")


def wikitext(folder: Path) -> None:
    for split, name in (("train", "train"), ("validation", "valid"), ("test", "test")):
        lines = [f" = {split} = \n \n {sentence(split, i, 100)} \n a short one\n" for i in range(SIZES[split])]
        (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")


def narrative(split: str, i: int) -> dict[str, Any]:
    return {
        "document": {"id": str(i), "summary": {"text": sentence(split, i, 40)}, "text": "the whole book"},
        "question": {"text": f"Who {sentence(split, i)}?"},
        "answers": [{"text": "The Cat"}, {"text": f"a {NOUNS[i]}"}],
    }


def pair(split: str, i: int) -> dict[str, Any]:
    return {"translation": {"en": sentence(split, i), "de": f"{sentence(split, i)} auf Deutsch"}}


def problem(split: str, i: int) -> dict[str, Any]:
    return {
        "question": f"{sentence(split, i)} How many?",
        "answer": f"{i} + 1 = <<{i}+1={i + 1}>>{i + 1}\n#### {i + 1}",
    }


def concepts(split: str, i: int) -> dict[str, Any]:
    return {"concept_set_idx": i // 2, "concepts": [NOUNS[i // 2], split, "go"], "target": sentence(split, i)}


def post(split: str, i: int) -> dict[str, Any]:
    text = {"title": f"Title {i}", "post": sentence(split, i, 30), "summary": f" {sentence(split, i)}"}
    return {"id": f"{split}{i}", "subreddit": "cats", **text}


FIXTURES: dict[str, Callable[[Path], Any]] = {
    "imdb": parquet(lambda s, i: {"text": sentence(s, i, 40), "label": i % 2}, ("train", "test")),
    "movie_reviews": movie_reviews,
    "common_gen": parquet(concepts, ("train", "validation")),
    "cnn_dailymail": parquet(lambda s, i: {"article": sentence(s, i, 60), "highlights": f"{sentence(s, i)}\nsecond"}),
    "totto": jsonl(table_of_totto, {"train": "totto_train_data.jsonl", "validation": "totto_dev_data.jsonl"}),
    "iwslt17": parquet(pair),
    "narrative_qa": parquet(narrative),
    "daily_dialog": parquet(lambda s, i: {"dialog": [f" {sentence(s, i)} {k} " for k in range(8)], "act": [1] * 8}),
    "dailydialog_pp": jsonl(
        lambda s, i: {"id": i, "context": ["Hello .", sentence(s, i)], "positive_responses": ["Yes .", f"No {i} ."]},
        {"train": "train.json", "validation": "dev.json", "test": "test.json"},
    ),
    "xsum": parquet(lambda s, i: {"document": sentence(s, i, 60), "summary": sentence(s, i), "id": str(i)}),
    "samsum": samsum,
    "tldr": jsonl(post, {"train": "train.jsonl", "validation": "valid.jsonl", "test": "test.jsonl"}),
    "multi30k": multi30k,
    "wmt": parquet(pair),
    "e2e": e2e,
    "scitldr": jsonl(
        lambda s, i: {"source": [sentence(s, i, 20), "Second ."], "target": [sentence(s, i)], "paper_id": f"{s}{i}"},
        {"train": "train.jsonl", "validation": "dev.jsonl", "test": "test.jsonl"},
    ),
    "wikitext": wikitext,
    "gsm8k": jsonl(problem, {"train": "train.jsonl", "test": "test.jsonl"}),
    "topical_chat": topical_chat,
    "sgd": sgd,
}
