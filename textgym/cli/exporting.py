"""``textgym export``: the samples of a task as JSON lines."""

from __future__ import annotations

from textgym.cli.parser import Parser
from textgym.export import write_jsonl
from textgym.sources import resolve_task


def export(argv: list[str]) -> int:
    """Run ``textgym export``."""
    parser = Parser("export", "Write samples as JSON lines: prompt, references, and what else is known.")
    parser.add_argument("task", help="whose samples, such as translation")
    parser.add_argument("file", help="where to, such as train.jsonl; a file that stands there is replaced")
    parser.add_argument("--data", help="another source of the task, or a file or folder of samples, as data=")
    parser.add_argument("--split", default="train", help="which split (default: train)")
    parser.add_argument("--num-samples", type=int, help="the first so many (default: all)")
    arguments = parser.parse_args(argv)
    task = resolve_task(arguments.task, arguments.data, {}, known=())
    count = write_jsonl(task, arguments.file, arguments.split, arguments.num_samples)
    print(f"{count:,} samples of the split {arguments.split!r} in {arguments.file}")
    return 0
