from importlib.metadata import version

import textgym
from textgym.rewards.signature import package_version, signature


def test_options_come_first_and_versions_last():
    text = signature("name", "corpus", "sacrebleu", eff=False, tok="13a", n=4)
    assert text == f"name|corpus|eff:no|tok:13a|n:4|textgym:{textgym.__version__}|sacrebleu:{version('sacrebleu')}"


def test_a_package_that_is_not_installed_has_an_unknown_version():
    assert package_version("no-such-package-as-this") == "unknown"
