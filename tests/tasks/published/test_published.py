"""What all published tasks keep: they declare where data is, say what to download, and read the published format."""

import copy
import gzip
import inspect
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import pytest

from tests.conftest import ROOT
from tests.tasks.published.fixtures import FIXTURES, fixture
from textgym import Sample, list_rewards, make_task
from textgym.data import find_overlap, fingerprint
from textgym.errors import ConfigError, DataError
from textgym.registration import tasks
from textgym.tasks.published.task import PublishedTask

pytest.importorskip("pyarrow", reason='parquet needs pip install "textgym[hub]"')

KINDS = {name: tasks[name] for name in tasks.names() if inspect.isclass(tasks[name])}
PUBLISHED = sorted(name for name, kind in KINDS.items() if issubclass(kind, PublishedTask))
IDS = {spec.kwargs.get("task"): id for id, spec in gym.registry.items() if id.startswith("textgym/")}
every_task = pytest.mark.parametrize("name", PUBLISHED)


def test_every_published_task_has_a_fixture_and_an_environment():
    assert sorted(FIXTURES) == PUBLISHED
    assert len(PUBLISHED) == 20
    assert set(PUBLISHED) <= set(IDS)


@every_task
def test_its_file_is_short_and_its_card_is_whole(name):
    kind = KINDS[name]
    assert len(Path(inspect.getfile(kind)).read_text().splitlines()) < 60
    assert kind.card.source
    assert kind.card.licence
    assert set(kind.card.metrics) <= set(list_rewards())
    assert kind.card.metrics
    assert all(result.where for result in kind.card.published)
    assert all(f"## {title}" in inspect.getdoc(kind) for title in ("Prompt", "Response", "Reward"))


@every_task
def test_files_are_read_lazily_alike_each_time_and_splits_are_disjoint(name, tmp_path):
    data = fixture(name, tmp_path / name)
    task = make_task(name, data=data)
    found = find_overlap(task)
    assert not found.shared or not any(found.shared.values())
    for split in task.splits:
        samples = task.samples(split)
        assert [samples[i] for i in range(len(samples))] == list(samples)
        assert not isinstance(samples, (list, tuple))
        assert all(isinstance(sample, Sample) and sample.references for sample in samples)
    again = pickle.loads(pickle.dumps(task))
    assert again == task
    assert again.samples("train")[3] == task.samples("train")[3]
    assert copy.deepcopy(task) is task
    assert fingerprint(again, "train") == fingerprint(task, "train")
    assert len(pickle.dumps(task)) < 2_000


@every_task
def test_its_environment_is_made_from_files_by_a_spec_in_json(name, tmp_path):
    env = gym.make(IDS[name], data=fixture(name, tmp_path / name), tokenizer="byte")
    observation, info = env.reset(seed=1)
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert again.reset(seed=1)[1] == info
    assert env.step(ord("a"))[1] == 0
    task = env.unwrapped.episodes.task
    assert observation.shape == (task.max_prompt_tokens + task.max_new_tokens,)


@every_task
def test_without_data_what_to_download_and_where_to_put_it_is_told(name, tmp_path):
    told = _refusal(IDS[name])
    kind = KINDS[name]
    assert told.startswith(f"The task {name!r} has no data here")
    assert f"into {tmp_path / 'cache' / 'data' / name}, or pass data=FOLDER." in told
    assert kind.download in told
    assert (kind.repository is None) or make_task(name).hub_name in told
    assert not make_task(name).found()


def _refusal(id):
    with pytest.raises(DataError) as caught:
        gym.make(id)
    return str(caught.value)


def test_files_in_the_folder_of_the_cache_are_found_by_themselves(tmp_path):
    fixture("gsm8k", tmp_path / "cache" / "data" / "gsm8k")
    env = gym.make(IDS["gsm8k"], split="test")
    assert env.reset(options={"index": 1})[1]["references"][0].endswith("#### 2")
    assert make_task("gsm8k").found()


def test_a_file_holds_the_split_of_its_name_and_a_dict_says_which(tmp_path):
    fixture("scitldr", tmp_path / "a")
    assert len(make_task("scitldr", data=str(tmp_path / "a" / "dev.jsonl")).samples("validation")) == 4
    task = make_task("scitldr", data={"test": tmp_path / "a" / "train.jsonl"})
    assert len(task.samples("test")) == 12
    with pytest.raises(ConfigError, match="split 'train' was asked for, and the data has only 'test'"):
        task.samples("train")
    with pytest.raises(ConfigError, match="pass tokenizer="):
        task.tokenizer()
    with pytest.raises(ConfigError, match=r"unknown split 'dev'. Did you mean|unknown split 'dev'. Known"):
        make_task("scitldr", data={"dev": tmp_path / "a" / "train.jsonl"}).samples("dev")


def test_samples_of_ones_own_are_taken_as_for_any_task(tmp_path):
    (tmp_path / "own.csv").write_text("en,de\na,b\n")
    env = gym.make(IDS["xsum"], data=str(tmp_path / "own.csv"), columns={"prompt": "en", "references": "de"})
    assert env.reset(seed=0)[1]["prompt"] == "a"
    env = gym.make(IDS["xsum"], data=[Sample("p", "r")], tokenizer="byte")
    assert env.reset(seed=0)[1]["prompt"] == "p"
    assert env.unwrapped.episodes.task.reward == "rougeL"


def test_options_are_checked_by_name_and_value(tmp_path):
    data = fixture("xsum", tmp_path / "xsum")
    assert len(make_task("xsum", data=data, words=5).samples("train")[0].prompt.split()) == 6
    with pytest.raises(ConfigError, match=r"no option 'word'\. Did you mean 'words'"):
        gym.make(IDS["xsum"], data=data, word=5)
    with pytest.raises(ConfigError, match="words must be at least 1, got 0"):
        make_task("xsum", words=0)
    with pytest.raises(ConfigError, match="turns must be at least 1, got -1"):
        make_task("sgd", turns=-1)
    with pytest.raises(ConfigError, match="two languages, got 'de' for both"):
        make_task("multi30k", source="de")
    with pytest.raises(ConfigError, match="source must be the code of a language such as 'en', got 'English'"):
        make_task("iwslt17", source="English")
    with pytest.raises(ConfigError, match="testset"):
        make_task("wmt", testset="wmt99")
    with pytest.raises(ConfigError, match="belong to the hub, got data="):
        make_task("xsum", data=data, revision="main")
    with pytest.raises(
        ConfigError, match=r"data= of the task 'xsum' is a folder, a file, or a dict of splits.*got 3\."
    ):
        make_task("xsum", data=3)
    with pytest.raises(ConfigError, match="both name a data set"):
        make_task("xsum", data="hub:a/b", repository="c/d")


@pytest.mark.parametrize(
    ("options", "name", "config", "revision"),
    [
        ({}, "EdinburghNLP/xsum", None, "refs/convert/parquet"),
        ({"data": "hub:a/b"}, "a/b", None, None),
        ({"repository": "a/b", "config": "c"}, "a/b", "c", None),
        ({"revision": "main"}, "EdinburghNLP/xsum", None, "main"),
    ],
)
def test_another_copy_on_the_hub_has_its_own_configuration(options, name, config, revision):
    task = make_task("xsum", **options)
    assert (task.hub_name, task.hub_config, task.hub_revision) == (name, config, revision)


def test_languages_choose_the_configuration_on_the_hub():
    assert make_task("iwslt17", source="fr", target="en").hub_config == "iwslt2017-fr-en"
    task = make_task("wmt", testset="wmt16", source="ro", target="en")
    assert (task.hub_name, task.hub_config) == ("wmt/wmt16", "ro-en")


def test_other_published_names_and_forms_are_read(tmp_path):
    (tmp_path / "wmt14.en-de.src").write_text("Hello .\n")
    (tmp_path / "wmt14.en-de.ref").write_text("Hallo .\n")
    assert make_task("wmt", data=str(tmp_path)).samples("test")[0] == Sample("Hello .", "Hallo .")
    with gzip.open(tmp_path / "train.en.gz", "wt") as english, gzip.open(tmp_path / "train.de.gz", "wt") as german:
        english.write("Thanks .\n")
        german.write("Danke .\n")
    pair = make_task("iwslt17", data=str(tmp_path)).samples("train")[0]
    assert pair == Sample("translate English to German: Thanks .", "Danke .")
    (tmp_path / "dialogues_test.txt").write_text("a __eou__ b __eou__ c __eou__\n")
    samples = make_task("daily_dialog", data=str(tmp_path), turns=1).samples("test")
    assert [(s.prompt, s.references) for s in samples] == [("a <EOU>", ("b",)), ("b <EOU>", ("c",))]
    rows = {"meaning_representation": "name[A]", "human_reference": "A."}
    (tmp_path / "train.jsonl").write_text(json.dumps(rows) + "\n")
    assert make_task("e2e", data=str(tmp_path)).samples("train")[0] == Sample("name[A]", "A.", {"required": ["A"]})


def test_cells_stand_with_the_headers_that_span_them(tmp_path):
    task = make_task("totto", data=fixture("totto", tmp_path / "totto"))
    assert task.samples("train")[3].prompt == (
        "<page_title> Page 3 of train </page_title> <section_title> Section </section_title> <table> <cell> 4 "
        "<col_header> Years </col_header> <row_header> Row </row_header> </cell> </table>"
    )


def test_every_fifth_review_is_held_out_for_validation(tmp_path):
    task = make_task("imdb", data=fixture("imdb", tmp_path / "imdb"))
    train, held = task.samples("train"), task.samples("validation")
    assert (len(train), len(held)) == (10, 2)
    assert [" number 4 " in s.prompt for s in held] == [True, False]
    assert not {s.prompt for s in train} & {s.prompt for s in held}
    assert held.where(0).endswith("row 4")
    assert train.where(4).endswith("row 5")


PROGRAM = """
import sys, gymnasium as gym, textgym
env = gym.make("textgym/IWSLT17-v0", tokenizer="byte")
print(len(env.unwrapped.episodes.samples), env.reset(options={"index": 0})[1]["prompt"])
task = env.unwrapped.episodes.task
print(task.origin, textgym.data.fingerprint(task, "train"), task.found())
env = gym.make("textgym/XSum-v0", repository="user/plain", tokenizer="byte", split="validation")
print(env.reset(options={"index": 0})[1]["references"], env.unwrapped.episodes.task.origin["config"])
try:
    gym.make("textgym/IWSLT17-v0", target="fr")
except textgym.errors.DataError as error:
    print(error)
"""


def test_rows_of_the_hub_are_read_from_parquet_online_and_from_the_cache(tmp_path):
    pytest.importorskip("datasets", reason='the hub needs pip install "textgym[hub]"')
    from tests.data.fake_hub import COMMIT, FILES, serve, table

    pairs = [{"en": "Hi.", "de": "Hallo."}]
    FILES["IWSLT/iwslt2017"] = {
        f"iwslt2017-en-de/{split}/0000.parquet": table(translation=pairs) for split in ("train", "test")
    }
    FILES["user/plain"] = {"validation.parquet": table(document=["a b"], summary=["a"])}
    expected = [
        "1 translate English to German: Hi.",
        f"{ {'hub': 'IWSLT/iwslt2017', 'config': 'iwslt2017-en-de', 'revision': COMMIT} } "
        f"hub:IWSLT/iwslt2017@{COMMIT}:iwslt2017-en-de:train True",
        "['a'] default",
    ]
    address = serve()
    reasons = (
        "there is no configuration 'iwslt2017-en-fr' at refs/",
        "The hub cannot be reached (HF_HUB_OFFLINE is set)",
    )
    for settings, reason in zip(({}, {"HF_HUB_OFFLINE": "1"}), reasons, strict=True):
        *read, refused = _run(PROGRAM, tmp_path, address, settings)
        assert read == expected
        assert refused.startswith("The task 'iwslt17' has no data here: ")
        assert reason in refused
        assert "--include 'iwslt2017-en-fr/*'" in refused


def _run(program, home, address, settings):
    own = {"HF_HOME": str(home), "HF_ENDPOINT": address, "HF_HUB_DISABLE_XET": "1", "PYTHONPATH": str(ROOT)}
    own |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "PATH": "/usr/bin:/bin", "HOME": str(home), "OMP_NUM_THREADS": "1"}
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=own | settings)
    assert out.returncode == 0, out.stderr
    return out.stdout.splitlines()


def test_a_folder_that_is_gone_is_told(tmp_path):
    data = fixture("scitldr", tmp_path / "scitldr")
    task = make_task("scitldr", data=data)
    assert len(task.samples("train")) == 12
    shutil.rmtree(data)
    with pytest.raises(DataError, match="could be opened, and now cannot be read"):
        task.samples("train")[5]
