from textgym.memo import Memo


def test_values_are_computed_once():
    asked = []
    memo = Memo(lambda key: asked.append(key) or key.upper(), limit=100)
    assert [memo["a"], memo["a"], memo["b"]] == ["A", "A", "B"]
    assert asked == ["a", "b"]


def test_memory_is_bounded_by_the_weight_of_the_keys():
    memo = Memo(str.upper, limit=50)
    for i in range(1000):
        assert memo[f"key{i}"] == f"KEY{i}"
        assert sum(len(key) + 1 for key in memo) <= 50
    assert len(memo) > 3


def test_a_key_beyond_the_limit_is_not_kept():
    memo = Memo(str.upper, limit=10)
    assert memo["x" * 20] == "X" * 20
    assert not memo
