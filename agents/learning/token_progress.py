"""Stable-Baselines3's progress bar, for algorithms whose steps are not one action of every lane."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, ConvertCallback, ProgressBarCallback


class TokenProgressBar(ProgressBarCallback):
    """Moves by the tokens that were counted; the original moves by the number of lanes."""

    def _on_training_start(self) -> None:
        self._first_step = self.num_timesteps
        super()._on_training_start()

    def _on_step(self) -> bool:
        self.pbar.update(self.num_timesteps - self._first_step - self.pbar.n)
        return True


class CountsTokens(BaseAlgorithm):
    """Mixes into algorithms whose ``num_timesteps`` counts tokens."""

    def _init_callback(self, callback: Any, progress_bar: bool = False) -> BaseCallback:
        if not progress_bar:
            return super()._init_callback(callback)
        given = callback if isinstance(callback, list) else [callback]
        known = [one if isinstance(one, BaseCallback) else ConvertCallback(one) for one in given]
        return super()._init_callback([*known, TokenProgressBar()])
