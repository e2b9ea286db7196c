"""A user's own data: files and lists of rows, checked and turned into a task."""

from textgym.data.load import load_data
from textgym.data.readers import READERS
from textgym.data.task import DataTask

__all__ = ["load_data", "DataTask", "READERS"]
