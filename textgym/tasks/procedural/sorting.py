"""Sort: the letters of the prompt in the order of the alphabet."""

from textgym.registration import register_env, register_task
from textgym.tasks.procedural.letters import LetterTask


@register_task("sort_letters")
class Sort(LetterTask):
    """Put a string of letters in the order of the alphabet.

    ## Prompt
    ``difficulty + 2`` different letters of a to p, a token each, drawn uniformly: ``kfa``.

    ## Response
    The same letters, sorted: ``afk``. P = T = difficulty + 3, the separator and the eos included; of 19 ids 17 are
    allowed.

    ## Reward
    Edit similarity over letters. The best policy gets 1, a random one 0.083 at difficulty 1 and more as it rises, but
    never 0.2; exact up to difficulty 7.

    Args:
        difficulty: From 1 to 14, two less than the letters of a prompt.
        seed, train_size, validation_size, test_size: As for every ``ProceduralTask``.

    Raises:
        ConfigError: An argument is out of its range.

    Version history: v0, initial version.
    """

    def answer(self, letters: str) -> str:
        """Return the letters, sorted."""
        return "".join(sorted(letters))


register_env("textgym/Sort-v0", task="sort_letters")
