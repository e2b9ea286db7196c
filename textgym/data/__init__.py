"""A user's own data: files, lists of rows and data sets of the hub, checked and turned into a task."""

from textgym.data.fingerprints import fingerprint
from textgym.data.load import load_data
from textgym.data.overlap import Overlap, find_overlap
from textgym.data.readers import READERS
from textgym.data.task import DataTask

__all__ = ["load_data", "DataTask", "READERS", "fingerprint", "find_overlap", "Overlap"]
