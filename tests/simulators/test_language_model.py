"""A language model as the user: what it reads, that batches answer as rows do, and that chance is in the state."""

import copy
import json

import gymnasium as gym
import numpy as np
import pytest
import torch
import transformers

from tests.rewards.neural.models import llama, save
from textgym import Sample, make_simulator
from textgym.errors import ModelError
from textgym.rewards.neural.speaker import Speaker


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.set_num_threads(1)
    return save(tmp_path_factory.mktemp("speaker"), llama(transformers.LlamaForCausalLM), marks=False)


def simulator(folder, **options):
    return make_simulator({"name": "language_model", "model": folder, "device": "cpu", "max_tokens": 6, **options})


def opened(user, count=1):
    sample = Sample("the cat sat", ("no",), {"goal": {"food": "thai"}})
    return user.start([sample] * count, [np.random.default_rng(i) for i in range(count)])


def test_the_model_reads_the_instruction_the_goal_and_what_was_said(folder):
    user = simulator(folder, instruction="Talk.", user="U:", agent="A:")
    [turn] = opened(user)
    assert (turn.text, turn.references) == ("the cat sat", ("no",))
    assert turn.state["lines"] == ["Talk.", "The user wants food thai.", "U: the cat sat"]
    [answer] = user.answer(["on the\n mat"], [turn.state])
    assert answer.state["lines"] == [*turn.state["lines"], "A: on the mat", f"U: {answer.text}"]
    assert json.loads(json.dumps(answer.state)) == answer.state


def test_the_likeliest_tokens_are_those_of_generate(folder):
    speaker = Speaker(folder, "cpu")
    ids = speaker.tokens(["the cat sat on"], marks=False)[0]["input_ids"]
    prompt = torch.tensor([[speaker.tokenizer.bos_token_id, *ids]])
    wanted = speaker.model.generate(prompt, max_new_tokens=6, do_sample=False, pad_token_id=0)[0, prompt.shape[1] :]
    [line] = speaker.lines(["the cat sat on"], 6)
    assert line == speaker.tokenizer.decode(wanted, skip_special_tokens=True)


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_batches_answer_as_rows_do_and_as_they_did(folder, temperature):
    user = simulator(folder, temperature=temperature)
    states = [turn.state for turn in opened(user, 12)]
    before = copy.deepcopy(states)
    texts = ["the dog ran"] * 4 + ["no"] * 4 + ["stock prices fell fast , yes", "", ".", "a"]
    together = user.answer(texts, states)
    assert states == before
    assert user.answer(texts, states) == together
    for text, state, turn in zip(texts, states, together, strict=True):
        assert user.answer([text], [state]) == [turn]
    assert len({turn.text for turn in together[:4]}) == (1 if temperature == 0 else 4)


def test_sampled_tokens_have_the_models_probabilities(folder):
    speaker = Speaker(folder, "cpu")
    draws = np.random.default_rng(0).random((4000, 1))
    lines = speaker.lines(["the"] * 4000, 1, 0.7, draws)
    ids = torch.tensor([[speaker.tokenizer.bos_token_id, *speaker.tokens(["the"], marks=False)[0]["input_ids"]]])
    probabilities = torch.softmax(speaker.model(ids).logits[0, -1].double() / 0.7, -1).tolist()
    for token in np.argsort(probabilities)[-5:]:
        text = speaker.tokenizer.decode([int(token)], skip_special_tokens=True)
        if text:
            assert np.mean([line == text for line in lines]) == pytest.approx(probabilities[token], abs=0.03)


def test_the_user_leaves_with_a_farewell(folder):
    [turn] = opened(simulator(folder))
    [answer] = simulator(folder).answer(["no"], [turn.state])
    word = answer.text.split()[0]
    assert not answer.over
    assert simulator(folder, farewell=word.upper()).answer(["no"], [turn.state])[0].over
    assert not simulator(folder, farewell="").answer(["no"], [turn.state])[0].over


def test_a_long_conversation_is_read_from_its_end(folder):
    speaker = Speaker(folder, "cpu")
    long = "the cat sat " * 100
    assert speaker.lines([long], 4) == speaker.lines([long[len("the cat sat ") * 40 :]], 4)


def test_it_plays_the_user_of_a_task(folder):
    envs = gym.make_vec(
        "textgym/TaskDialogue-v0",
        num_envs=3,
        simulator={"name": "language_model", "model": folder, "device": "cpu", "max_tokens": 4},
    )
    envs.reset(seed=0)
    eos = envs.unwrapped.episodes.space.eos_id
    *_, infos = envs.step(np.full(3, eos))
    assert all(isinstance(answer, str) for answer in infos["answer"])


def test_a_model_that_is_not_there_is_told():
    user = simulator("./nowhere")
    state = opened(user)[0].state
    with pytest.raises(ModelError, match="there is no such folder"):
        user.answer(["x"], [state])


def test_stories_are_told_by_the_pretrained_model(shared_data):
    user = simulator(str(shared_data / "stories260k"), instruction="Once upon a time,", max_tokens=12)
    [answer] = user.answer(["Lily was happy."], [opened(user)[0].state])
    assert len(answer.text.split()) > 2
