"""Loading feature views into the store without going through Feast row by row."""

from __future__ import annotations

from collections.abc import Sequence

from feast.feature_view import FeatureView

from feast import FeatureStore

from .defining import ensure_defined
from .histories import history
from .loading import load as load_files
from .location import offline_engine


def load(store: FeatureStore, feature_views: Sequence[str] | None = None) -> dict[str, int]:
    """Writes what the files of feature views hold into their histories, and tells how many rows that were for each.

    It needs ``offline_store: {type: asofdb.feast.AsofOfflineStore}``. A retrieval does the same for the views that it
    asks for. Where the online store is the same store, the newest rows are served at once: this is a materialization of
    everything. Files that were loaded before are not loaded again. Views whose rows are the store's own are defined, if
    they are not yet.

    Raises Feast's ``FeatureViewNotFoundException`` for names that it does not know, :class:`asofdb.InvalidError` for
    rows that the store refuses: nothing of their file is written then.
    """
    engine = offline_engine(store.config)
    written = {}
    for view in _chosen(store, feature_views):
        asked = history(store.config, view)
        ensure_defined(store.config, engine, asked)
        written[view.name] = load_files(store.config, engine, asked)
    return written


def _chosen(store: FeatureStore, names: Sequence[str] | None) -> list[FeatureView]:
    if names is None:
        return [*store.list_batch_feature_views(), *store.list_stream_feature_views()]
    views = [store.registry.get_any_feature_view(name, store.project) for name in names]
    chosen = [view for view in views if isinstance(view, FeatureView)]
    if len(chosen) < len(views):
        others = [view.name for view in views if view not in chosen]
        raise ValueError(f"asofdb: only feature views that have a source can be loaded: {others}")
    return chosen
