"""Feast's stores on asofdb."""

from .offline import AsofOfflineStore, AsofOfflineStoreConfig
from .source import AsofSource

__all__ = ["AsofOfflineStore", "AsofOfflineStoreConfig", "AsofSource"]
