"""User simulators: found by name, without state of their own, and doing what their documentation says."""

import copy
import json
import pickle
import re

import numpy as np
import pytest

import textgym
from textgym import Sample, list_simulators, make_simulator
from textgym.errors import ConfigError, DataError, MissingExtraError
from textgym.simulators import Simulator, Turn
from textgym.simulators.domain import SLOTS, domain_of
from textgym.simulators.retrieval import Places, RetrievalSimulator
from textgym.simulators.rule import RuleSimulator

GOAL = {"price": "cheap", "food": "thai", "area": "north", "day": "friday", "people": "4"}


def goal_of(domain, i=0):
    """Return a goal that the i-th restaurant meets, and its name."""
    name, kind = list(domain.restaurants.items())[i]
    return {**kind, "day": "friday", "people": "4"}, name


def opened(simulator, sample, seed=0):
    [turn] = simulator.start([sample], [np.random.default_rng(seed)])
    return turn


def answered(simulator, text, state):
    [turn] = simulator.answer([text], [state])
    return turn


def conversation(folder, *conversations):
    data = {f"t{i}": {"content": [{"message": text} for text in texts]} for i, texts in enumerate(conversations)}
    path = folder / "talk.json"
    path.write_text(json.dumps(data))
    return path


# --- names ---------------------------------------------------------------------------------------------------------


def test_simulators_are_registered_and_found_by_name():
    assert {"rule", "retrieval", "language_model"} <= set(list_simulators())
    assert make_simulator("rule") == RuleSimulator()
    assert make_simulator("rule(noise=0.25, patience=2)") == RuleSimulator(2, 0.25)
    assert make_simulator({"name": "rule", "noise": 0.5}) == RuleSimulator(noise=0.5)
    own = RuleSimulator()
    assert make_simulator(own) is own
    assert copy.deepcopy(own) is own
    assert RuleSimulator.name == "rule"
    assert textgym.Simulator is Simulator
    assert make_simulator("rule(noise=0.25)").signature == "rule(patience=3, noise=0.25)"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rull", "Unknown simulator 'rull'. Did you mean 'rule'?"),
        ("rule(nois=1)", "The simulator 'rule' has no option 'nois'. Did you mean 'noise'?"),
        ("rule(noise=2)", "noise is a probability, in [0, 1], got 2."),
        ("rule(noise='a')", "noise must be a number, got 'a'"),
        ("rule(patience=0)", "patience must be at least 1, got 0."),
        ("rule(open('x'))", "A simulator is written as a name or as in 'rule(noise=0.2)'"),
        ("rule(noise=open('x'))", "A simulator is written as a name or as in 'rule(noise=0.2)'"),
        ("retrieval(size=0)", "size must be at least 1, got 0."),
        ("retrieval(corpus=3)", "corpus must be 'chitchat' or the path of a file, got 3."),
        ("language_model", "needs a model: {'name': 'language_model', 'model': <folder or name>}."),
        ("language_model(model='x', max_tokens=0)", "max_tokens must be at least 1, got 0."),
        ("language_model(model='x', temperature=-1)", "temperature must be a number of at least 0, got -1."),
        ({"nam": "rule"}, "A simulator is a name, a dict"),
        (None, "A simulator is a name, a dict"),
    ],
)
def test_what_is_no_simulator_is_refused(spec, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        make_simulator(spec)


def test_entry_points_are_adopted():
    from textgym.simulators.factory import _adopt

    own = RuleSimulator()
    assert _adopt("x", own)() is own
    assert _adopt("x", RuleSimulator) is RuleSimulator
    with pytest.raises(ConfigError, match="a simulator is a Simulator class, or a function"):
        _adopt("x", int)


def test_what_is_registered_must_make_a_simulator():
    @textgym.register_simulator("tests-no-simulator")
    def function():
        return "a text"

    with pytest.raises(ConfigError, match="registered as the simulator 'tests-no-simulator' must be a class derived"):
        make_simulator("tests-no-simulator")


# --- the domain ----------------------------------------------------------------------------------------------------


def test_the_database_depends_on_its_seed_alone_and_no_two_restaurants_are_alike():
    domain = domain_of(0, 30)
    assert len(domain.restaurants) == 30
    assert len({tuple(kind.values()) for kind in domain.restaurants.values()}) == 30
    assert type(domain)(0, 30).restaurants == domain.restaurants
    assert domain_of(1, 30).restaurants != domain.restaurants
    assert pickle.loads(pickle.dumps(domain)) is domain
    for size in (0, 61):
        with pytest.raises(ConfigError, match=rf"database_size must lie in \[1, 60\], got {size}"):
            domain_of(0, size)
    with pytest.raises(ConfigError, match="database_seed must be at least 0, got -1"):
        domain_of(-1)


def test_every_wish_is_met_by_a_restaurant():
    domain = domain_of(3, 20)
    assert all(domain.matching(wish) for wish in domain.wishes)
    assert len({tuple(wish.items()) for wish in domain.wishes}) == len(domain.wishes)
    assert {len(wish) for wish in domain.wishes} == {2, 3}


def test_what_a_text_says():
    domain = domain_of()
    goal, name = goal_of(domain)
    other = list(domain.restaurants)[1]
    assert domain.hear(f"Book {name.upper()}, friday, 4 people.")[:2] == (name, {"day": "friday", "people": "4"})
    assert domain.hear(f"{name} or {other}").name is None
    assert domain.hear("thai or greek, cheap").values == {"price": "cheap"}
    assert domain.hear("what day and people").asked == ("day", "people")
    assert domain.hear("people , area ?").asked == ("area", "people")
    assert domain.hear("area").asked == ()
    assert domain.hear("") == (None, {}, (), False)
    assert domain.wrong(goal, domain.hear(f"{name} friday 4")) == []
    assert domain.wrong(goal, domain.hear(f"{name} friday 4 5")) == ["people"]
    assert domain.wrong(goal, domain.hear("friday 4")) == list(SLOTS)
    assert domain.look_up(domain.hear("find")) == f"found {name} ."


# --- rules ---------------------------------------------------------------------------------------------------------


def test_the_user_answers_questions_offers_and_confirmations():
    domain = domain_of()
    goal, name = goal_of(domain)
    others = [other for other, kind in domain.restaurants.items() if kind["price"] != goal["price"]]
    other = list(domain.restaurants)[1]
    simulator, sample = RuleSimulator(), Sample("x", (), {"goal": goal, "database": [0, 30]})
    state = opened(simulator, sample).state

    def says(text):
        turn = answered(simulator, text, state)
        return turn.text, turn.state["patience"]

    assert says("what day , people ?") == ("friday , 4 people .", 3)
    assert says("what price ?")[0] == f"{goal['price']} ."
    assert says(f"book {name} , friday , 4 people") == ("thanks .", 3)
    assert says(f"book {name}") == ("yes , friday .", 3)
    assert says(f"book {name} , monday , 4 people") == ("no , friday .", 2)
    assert says(f"book {others[0]} , friday , 4 people") == (f"no , {goal['price']} .", 2)
    assert says(goal["food"]) == ("yes .", 3)
    assert says("monday") == ("no , friday .", 3)
    assert says("") == ("pardon ?", 2)
    assert says(f"{name} {other}") == ("pardon ?", 2)


def test_what_does_not_matter_is_any_and_what_was_told_is_not_gladly_told_again():
    goal = {"price": "cheap", "food": "thai", "day": "friday", "people": "4"}
    simulator = RuleSimulator()
    state = opened(simulator, Sample("x", (), {"goal": goal, "database": [0, 30]})).state
    turn = answered(simulator, "what area , day ?", state)
    assert (turn.text, turn.state["patience"]) == ("any area , friday .", 3)
    turn = answered(simulator, "what area ?", turn.state)
    assert (turn.text, turn.state["patience"]) == ("any area .", 2)


def test_patience_runs_out():
    simulator = RuleSimulator(patience=2)
    turn = opened(simulator, Sample("x", (), {"goal": GOAL, "database": [0, 30]}))
    turn = answered(simulator, "er", turn.state)
    assert (turn.text, turn.over) == ("pardon ?", False)
    turn = answered(simulator, "er", turn.state)
    assert (turn.text, turn.over, turn.references) == ("bye .", True, ())


def test_openings_tell_constraints_at_random_at_least_one():
    simulator, sample = RuleSimulator(), Sample("x", (), {"goal": GOAL, "database": [0, 30]})
    turns = simulator.start([sample] * 400, [np.random.default_rng(i) for i in range(400)])
    told = [set(turn.state["known"]) for turn in turns]
    assert all(told)
    shares = {slot: np.mean([slot in one for one in told]) for slot in SLOTS}
    # at least one of three: one half and a third of the eighth with none
    np.testing.assert_allclose([shares[slot] for slot in SLOTS], [1 / 2 + 1 / 24] * 3 + [0, 0], atol=0.08)
    assert {"i want a cheap thai place in the north .", "i want a thai place ."} <= {turn.text for turn in turns}


def test_noise_hides_values_and_is_the_same_when_a_state_is_answered_again():
    simulator, sample = RuleSimulator(noise=0.3), Sample("x", (), {"goal": GOAL, "database": [0, 30]})
    states = [opened(simulator, sample, seed).state for seed in range(500)]
    turns = simulator.answer(["what day , people ?"] * 500, states)
    hidden = [turn.text.split().count("um") for turn in turns]
    np.testing.assert_allclose(np.mean(hidden), 0.6, atol=0.08)
    assert simulator.answer(["what day , people ?"] * 500, states) == turns
    for turn, count in zip(turns, hidden, strict=True):
        assert len({"day", "people"} & set(turn.state["known"])) == 2 - count
        if count:  # to ask again costs nothing
            assert answered(simulator, "what day , people ?", turn.state).state["patience"] == 3
    assert RuleSimulator(noise=1.0).answer(["what day ?"], [states[0]])[0].text == "um ."


def test_states_are_json_and_stay_as_they_are():
    simulator = RuleSimulator(noise=0.5)
    state = opened(simulator, Sample("x", (), {"goal": GOAL, "database": [0, 30]})).state
    before = copy.deepcopy(state)
    for text in ("what day ?", "", "cheap", "lotus friday"):
        again = json.loads(json.dumps(state))
        assert answered(simulator, text, again) == answered(simulator, text, state)
    assert state == before


def test_a_user_by_rules_needs_a_goal():
    with pytest.raises(ConfigError, match=r"its samples need metadata {'goal': {slot: value}, 'database': \[seed"):
        opened(RuleSimulator(), Sample("hello"))


# --- retrieval -----------------------------------------------------------------------------------------------------


def cosines(texts, query):
    """Cosines by the definition, word by word."""
    words = [text.lower().split() for text in texts]
    rarity = lambda w: np.log1p(len(texts) / sum(w in one for one in words))  # noqa: E731

    def vector(one):
        return {w: one.count(w) * rarity(w) for w in set(one) if any(w in other for other in words)}

    q = vector(query.lower().split())
    dots = [sum(q.get(w, 0) * v for w, v in vector(one).items()) for one in words]
    norms = [np.sqrt(sum(v**2 for v in vector(one).values())) for one in words]
    return np.array(dots) / norms / (np.sqrt(sum(v**2 for v in q.values())) or 1)


def test_similarities_are_cosines_of_tf_idf_and_rows_do_not_touch_each_other(tmp_path):
    texts = ["do you like football", "football is great fun", "cats and cats and dogs", "I read a book", "last"]
    places = Places(str(conversation(tmp_path, texts)), 100)
    assert places.answers == texts[1:]
    assert places.following == [*texts[2:], None]
    queries = ["football is cats fun fun", "you read cats", "zebra", ""]
    got = places.similarities(queries)
    for row, query in zip(got, queries, strict=True):
        want = cosines(texts[:4], query)
        scale = np.linalg.norm(row) / (np.linalg.norm(want) or 1)
        np.testing.assert_allclose(row, want * scale, rtol=1e-12)
        np.testing.assert_array_equal(places.similarities([query])[0], row)


def test_answers_follow_the_nearest_place_and_no_place_serves_twice(tmp_path):
    path = conversation(
        tmp_path, ["do you like cats ?", "I love cats", "me too"], ["do you like dogs ?", "no dogs", "oh"]
    )
    simulator = RetrievalSimulator(str(path))
    state = opened(simulator, Sample("hi", ("hello",))).state
    turn = answered(simulator, "Do you like DOGS", state)
    assert (turn.text, turn.references) == ("no dogs", ("oh",))
    turn = answered(simulator, "do you like dogs ?", turn.state)
    assert (turn.text, turn.references, turn.state["used"]) == ("I love cats", ("me too",), [2, 0])
    first = answered(simulator, "zzz", turn.state)
    assert first == answered(simulator, "zzz", json.loads(json.dumps(turn.state)))
    last = answered(simulator, "zzz", first.state)
    assert {first.text, last.text} == {"me too", "oh"}
    assert last.references == ()
    assert answered(simulator, "zzz", last.state).over
    assert answered(simulator, "Do you like DOGS", state).text == "no dogs"
    assert opened(simulator, Sample("hi", ("hello",)))[:1] == ("hi",)


def test_batches_answer_as_rows_do(tmp_path, monkeypatch):
    lines = [f"word{i} word{i // 2} word{i // 3}" for i in range(40)]
    simulator = RetrievalSimulator(str(conversation(tmp_path, lines[:20], lines[20:])))
    states = [opened(simulator, Sample("hi"), seed).state for seed in range(30)]
    texts = [f"word{i} word{i + 1}" for i in range(30)]
    together = simulator.answer(texts, states)
    assert together == [answered(simulator, text, state) for text, state in zip(texts, states, strict=True)]
    monkeypatch.setattr("textgym.simulators.retrieval.MOST_SCORES", 100)
    assert simulator.answer(texts, states) == together


def test_the_size_limits_the_places(tmp_path):
    path = str(conversation(tmp_path, [f"line {i}" for i in range(10)]))
    assert len(Places(path, 4)) == 4
    assert len(Places(path, 100)) == 9


def test_topical_chat_is_read_from_its_file(shared_data):
    simulator = RetrievalSimulator(shared_data / "topical_chat" / "valid_freq.json", size=2000)
    state = opened(simulator, Sample("hi")).state
    turn = answered(simulator, "Are you a football fan?", state)
    assert turn.text == "yes, I'm. a football fan."
    assert turn.references[0].startswith("Did you now that the university of Iowa")
    assert pickle.loads(pickle.dumps(simulator)) == simulator


def test_chitchat_answers_from_its_training_split():
    pytest.importorskip("chitchat_dataset", reason='the conversations need pip install "textgym[data]"')
    from textgym.data.chitchat import conversations, split_of
    from textgym.simulators.corpora import read_corpus

    train = [tuple(filter(None, texts)) for name, texts in conversations("tests") if split_of(name) == "train"]
    assert list(read_corpus("chitchat")) == train


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No conversations can be read from"),
        ("{", "is no JSON file"),
        ("[1]", "must hold an object of conversations, as Topical-Chat's do, got list."),
        ('{"a": {"content": [{"text": "x"}]}}', "conversation 'a': its 'content' must be a list of objects with a 'me"),
        ('{"a": 3}', "conversation 'a': its 'content' must be a list"),
        ('{"a": {"content": [{"message": 3}]}}', "conversation 'a': its 'content' must be a list"),
        ('{"a": {"content": [{"message": "x"}]}}', "has no conversation of two turns"),
        ("{}", "has no conversation of two turns"),
    ],
)
def test_files_that_are_no_corpus_are_refused(tmp_path, content, message):
    path = tmp_path / "corpus.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=re.escape(message)):
        opened(RetrievalSimulator(str(path)), Sample("hi"))


def test_a_missing_package_is_named(monkeypatch):
    from textgym.data import chitchat

    monkeypatch.setattr(chitchat, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"The corpus 'chitchat' needs the package chitchat-dataset"):
        chitchat.conversations("The corpus 'chitchat'")


def test_turns_are_tuples_of_text_state_references_and_over():
    assert Turn("a", {}) == ("a", {}, (), False)
