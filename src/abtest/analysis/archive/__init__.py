"""The archive: what all experiments of a folder say together, and where each one stands."""

from abtest.analysis.archive.build import archive_folder, archive_of
from abtest.analysis.archive.model import Archive

__all__ = ["Archive", "archive_folder", "archive_of"]
