"""The published files themselves, where they are at hand: their counts, and one sample that is known."""

import json

import pytest

from textgym import make_task


@pytest.mark.parametrize(
    ("name", "data", "sizes"),
    [
        ("multi30k", "multi30k", {"train": 29_000, "validation": 1_014, "test": 1_000}),
        ("scitldr", "scitldr", {"train": 1_992, "validation": 619, "test": 618}),
        ("e2e", "e2e_nlg", {"validation": 547, "test": 630}),
        ("dailydialog_pp", "dailydialog_pp", {"validation": 1_028, "test": 1_142}),
        ("movie_reviews", "movie_reviews", {"train": 1_600, "validation": 200, "test": 200}),
    ],
)
def test_counts(shared_data, name, data, sizes):
    task = make_task(name, data=str(shared_data / data))
    assert {split: len(task.samples(split)) for split in sizes} == sizes


def test_a_caption_of_multi30k_in_any_direction(shared_data):
    folder = str(shared_data / "multi30k")
    first = make_task("multi30k", data=folder).samples("train")[0]
    assert first.prompt == "Two young, White males are outside near many bushes."
    assert first.references == ("Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche.",)
    back = make_task("multi30k", data=folder, source="fr", target="en").samples("train")[0]
    assert back.references == (first.prompt,)


def test_an_abstract_of_scitldr(shared_data):
    sample = make_task("scitldr", data=str(shared_data / "scitldr")).samples("test")[0]
    assert sample.prompt.startswith("Incremental class learning involves sequentially learning classes in bursts")
    assert sample.prompt.endswith("\nTL;DR:")
    assert sample.references == (
        "FearNet is a memory efficient neural-network, inspired by memory formation in the mammalian brain, that is "
        "capable of incremental class learning without catastrophic forgetting.",
        "This paper presents a novel solution to an incremental classification problem based on a dual memory system.",
    )


def test_texts_of_one_meaning_representation_of_e2e_are_its_references(shared_data):
    samples = make_task("e2e", data=str(shared_data / "e2e_nlg")).samples("validation")
    assert sum(len(sample.references) for sample in samples) == 4_672
    assert samples[0].prompt == "name[Alimentum], area[city centre], familyFriendly[no]"
    assert samples[0].references[0] == "There is a place in the city centre, Alimentum, that is not family-friendly."
    assert samples[0].metadata["required"] == ["Alimentum", "city centre"]
    assert len({sample.prompt for sample in samples}) == 547


def test_a_context_of_dailydialog_has_five_answers(shared_data):
    samples = make_task("dailydialog_pp", data=str(shared_data / "dailydialog_pp")).samples("validation")
    assert samples[0].prompt.startswith("Am I too abrupt? Did I scare you? Or you don't want ... <EOU> No! I have")
    assert samples[0].references[0] == "So nice of you."
    assert {len(sample.references) for sample in samples} == {5}
    assert len(samples[0].metadata["adversarial"]) == 5


def test_reviews_are_split_by_their_published_folds(shared_data):
    task = make_task("movie_reviews", data=str(shared_data / "movie_reviews" / "movie_reviews.zip"))
    train = task.samples("train")
    assert train[0].prompt.startswith("plot : two teen couples go to a church party , drink and then drive .")
    assert [train[0].metadata["label"], train[800].metadata["label"]] == [0, 1]
    assert abs(len(train[0].prompt.split()) - len(train[0].references[0].split())) <= 1
    assert sum(sample.metadata["label"] for sample in task.samples("test")) == 100


def test_turns_of_conversations(shared_data):
    chat = make_task("topical_chat", data=str(shared_data / "topical_chat")).samples("validation")
    assert (chat[0].prompt, chat[0].references) == ("A: Are you a football fan?\nB:", ("yes, I'm. a football fan.",))
    assert chat[0].metadata["rating"] == "Excellent"
    assert chat[1].prompt == "B: Are you a football fan?\nA: yes, I'm. a football fan.\nB:"
    goal = make_task("sgd", data=str(shared_data / "sgd")).samples("train")
    assert goal[0].prompt == (
        "User: I want to make a restaurant reservation for 2 people at half past 11 in the morning.\nSystem:"
    )
    assert goal[0].references == ("What city do you want to dine in? Do you have a preferred restaurant?",)
    assert goal[0].metadata["acts"] == [("REQUEST", "restaurant_name"), ("REQUEST", "location")]


def test_turns_are_as_many_as_in_the_files(shared_data):
    chats = json.loads((shared_data / "topical_chat" / "valid_freq.json").read_bytes()).values()
    samples = make_task("topical_chat", data=str(shared_data / "topical_chat")).samples("validation")
    assert len(samples) == sum(len(chat["content"]) - 1 for chat in chats) == 11_142
    files = [json.loads(path.read_bytes()) for path in sorted((shared_data / "sgd").glob("dialogues_*.json"))]
    turns = [turn for dialogues in files for dialogue in dialogues for turn in dialogue["turns"][1:]]
    samples = make_task("sgd", data=str(shared_data / "sgd")).samples("train")
    said = [turn["utterance"] for turn in turns if turn["speaker"] == "SYSTEM"]
    assert [sample.references[0] for sample in samples] == said


def test_paragraphs_of_wikitext_are_cut_at_words(shared_data):
    samples = make_task("wikitext", data=str(shared_data / "wikitext2")).samples("test")
    lines = (shared_data / "wikitext2" / "test.txt").read_text(encoding="utf-8").split("\n")
    assert len(samples) == sum(len(line.split()) >= 64 for line in lines if not line.startswith(" = "))
    sample = samples[0]
    assert sample.prompt.startswith("Robert <unk> is an English film , television and theatre actor .")
    assert len(sample.prompt.split()) == 32
    assert sample.references[0].startswith("a starring role in the play Herons")
