"""Tasks for other tools: what is written is what the task holds, and the rewards are those of the environment."""

import json

import gymnasium as gym
import pytest

from tests.tiny import SAMPLES, Tiny
from textgym import Sample, Task, make_reward, make_task
from textgym.cli import main
from textgym.env import TextGenerationEnv
from textgym.errors import ConfigError, DataError
from textgym.export import to_dataset, trl_dataset, trl_reward, write_jsonl


class Odd(Task):
    """Texts that are hard to write."""

    splits = ("train",)

    def __init__(self, *samples):
        self.all = samples

    def samples(self, split):
        return list(self.all)


def told(sample):
    return [sample.prompt, sample.references, json.loads(json.dumps(sample.metadata))]


def test_what_is_written_is_read_again(tmp_path):
    file = tmp_path / "train.jsonl"
    task = make_task("translation")
    assert write_jsonl(task, file, "validation", 5) == 5
    env = gym.make("textgym/Translation-v0", data=str(file), tokenizer="byte")
    read = env.unwrapped.episodes.samples
    expected = [task.samples("validation")[i] for i in range(5)]
    assert [told(read[i]) for i in range(len(read))] == [told(sample) for sample in expected]


def test_any_text_survives(tmp_path):
    odd = Sample("a\u2028b\x1b[31m\ud800 \U0001f468\u200d\U0001f469", ("\x00é",), {"score": 0.5, "tags": ["x"]})
    file = tmp_path / "odd.jsonl"
    write_jsonl(Odd(odd), file)
    row = json.loads(file.read_text("ascii"))
    assert row == {"prompt": odd.prompt, "references": list(odd.references), "score": 0.5, "tags": ["x"]}
    data = to_dataset(Odd(odd))
    assert data[0]["prompt"] == odd.prompt.replace("\ud800", "\ufffd")
    assert json.loads(data[0]["metadata"]) == odd.metadata


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"x": {1, 2}}, "cannot be written as JSON"),
        ({"x": float("nan")}, "cannot be"),
        ({"prompt": 1}, "name of a col"),
    ],
)
def test_a_failed_export_leaves_no_file_and_keeps_the_old_one(tmp_path, metadata, message):
    file = tmp_path / "data.jsonl"
    file.write_text("old")
    with pytest.raises(DataError, match=message):
        write_jsonl(Odd(Sample("a", ("b",)), Sample("c", ("d",), metadata)), file)
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]
    assert file.read_text() == "old"


def test_the_command_says_how_many(tmp_path, capsys):
    assert main(["export", "tiny", str(tmp_path / "x.jsonl"), "--num-samples", "3"]) == 0
    assert "3 samples of the split 'train'" in capsys.readouterr().out
    assert main(["export", "tiny", str(tmp_path / "no" / "x.jsonl")]) == 2
    assert "Cannot write" in capsys.readouterr().err
    assert main(["export", "tinny", str(tmp_path / "x.jsonl")]) == 2
    assert "Did you mean 'tiny'" in capsys.readouterr().err


def test_a_data_set_has_every_sample():
    data = to_dataset("tiny")
    assert data.column_names == ["prompt", "references", "metadata"]
    rows = zip(data["prompt"], data["references"], strict=True)
    assert [Sample(prompt, references) for prompt, references in rows] == SAMPLES
    assert len(to_dataset("tiny", count=2)) == 2
    with pytest.raises(ConfigError, match="count must be at least 1"):
        to_dataset("tiny", count=0)


def test_the_exported_reward_pays_what_the_environment_does():
    env = TextGenerationEnv("tiny")
    data = trl_dataset("tiny")
    rows = {name: list(data[name]) for name in data.column_names}
    prompts, responses = rows.pop("prompt"), ["cab", "", "gg", "abc", "h"]
    paid = []
    for index, response in enumerate(responses):
        env.reset(options={"index": index})
        for token in [*env.episodes.tokenizer.encode(response), env.episodes.eos]:
            *_, info = env.step(token)
        paid.append(info["score"])
    reward = trl_reward(Tiny.reward)
    assert reward(prompts=prompts, completions=responses, completion_ids=None, **rows) == paid
    assert reward.__name__ == "tiny-overlap"


def test_messages_are_judged_by_their_text():
    data = trl_dataset("tiny", count=1, chat=True)
    assert data[0]["prompt"] == [{"role": "user", "content": "abc"}]
    told = trl_reward("tiny-overlap")(
        prompts=data["prompt"], completions=[[{"role": "assistant", "content": "cab"}]], references=data["references"]
    )
    assert told == make_reward("tiny-overlap")(["cab"], [SAMPLES[0]]).tolist()


def test_a_missing_column_is_told():
    with pytest.raises(DataError, match=r"needs the column 'references'.*got other"):
        trl_reward("bleu")(prompts=["a"], completions=["b"], other=[1])


def test_a_reward_without_references_needs_no_column():
    assert trl_reward("distinct")(prompts=["a"], completions=["b c"]) == [1.0]


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([], ""),
        ([{"role": "assistant", "content": None, "tool_calls": []}], ""),
        ([{"role": "assistant", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": "ab"}]}], "cab"),
    ],
)
def test_messages_of_parts_and_without_content_are_judged_by_their_text(messages, text):
    told = trl_reward("tiny-overlap")(prompts=["abc"], completions=[messages], references=[["abc"]])
    assert told == make_reward("tiny-overlap")([text], [Sample("abc", ("abc",))]).tolist()


def test_a_path_names_a_file():
    with pytest.raises(ConfigError, match="written to a file, got the path ''"):
        write_jsonl("tiny", "")


@pytest.mark.parametrize("told", ["{", "[1]", 3, {"a": 1}])
def test_metadata_that_are_no_json_object_are_told(told):
    with pytest.raises(DataError, match="'metadata' must hold JSON objects"):
        trl_reward("exact_match")(["a"], ["a"], references=[["a"]], metadata=[told])


def test_a_row_without_metadata_has_none():
    assert trl_reward("exact_match")(["a"], ["b"], references=[["b"]], metadata=[None]) == [1.0]
