"""What stands around an environment, or around a task, and changes one thing about it.

Around an environment made by ``gym.make`` (and, where the table says so, around the native vector environment):

====================  ======  ============================================================================
wrapper               vector  what it does
====================  ======  ============================================================================
RepeatPrompts         yes     each prompt is played G times, for baselines that compare its responses
StartFromPrefix       no      episodes start after a part of a reference; BackwardCurriculum takes it away
TopKVocabulary        yes     only k tokens can be written, as ``Discrete(k)``
TimePenalty           yes     every token costs something
WholeResponse         yes     one action is a complete response: a contextual bandit
DifficultyCurriculum  no      tasks from easy to hard, the next one when the present one succeeds
====================  ======  ============================================================================

Around tasks, so that everything else, whole-response rollouts included, works as with any task:
:class:`Mixture` (prompts of several tasks), :class:`GoalConditioned` (the prompt names a goal, the reward weighs it in)
and :class:`Levels` (one task in several difficulties).
"""

from textgym.wrappers.curriculum import DifficultyCurriculum, Levels
from textgym.wrappers.goals import GoalConditioned
from textgym.wrappers.mixture import Mixture
from textgym.wrappers.prefix import BackwardCurriculum, StartFromPrefix
from textgym.wrappers.repeat import RepeatPrompts, RepeatPromptsVector
from textgym.wrappers.time_penalty import TimePenalty, TimePenaltyVector
from textgym.wrappers.vocabulary import TopKVocabulary, TopKVocabularyVector, frequent_tokens
from textgym.wrappers.whole_response import ResponseSpace, WholeResponse, WholeResponseVector

__all__ = [
    "RepeatPrompts",
    "RepeatPromptsVector",
    "StartFromPrefix",
    "BackwardCurriculum",
    "TopKVocabulary",
    "TopKVocabularyVector",
    "frequent_tokens",
    "TimePenalty",
    "TimePenaltyVector",
    "WholeResponse",
    "WholeResponseVector",
    "ResponseSpace",
    "DifficultyCurriculum",
    "Levels",
    "Mixture",
    "GoalConditioned",
]
