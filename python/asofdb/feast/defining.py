"""The views that a retrieval needs, in the store's catalog."""

from __future__ import annotations

from feast.repo_config import RepoConfig

from .computing import check_computed
from .connect import Engine
from .histories import History
from .location import naming
from .source import AsofSource
from .update import apply_views
from .views import computed_view


def ensure_defined(config: RepoConfig, engine: Engine, history: History) -> None:
    """Sees to it that the store has the view of a history, with the features that are asked for.

    Where the online store is another one, ``feast apply`` tells this store nothing: a feature view is defined when its
    history is first asked for. Views that belong to somebody else are left as they are.

    Raises :class:`ValueError` when such a view does not exist or lacks a feature; what
    :func:`~asofdb.feast.computing.check_computed` raises for a view that is computed.
    """
    if computed_view(history.feature_view) is not None:
        check_computed(engine, history.feature_view)
        return
    catalog = engine.catalog()
    view = catalog.feature_views.get(history.view)
    present = set() if view is None else {feature.name for feature in view.features}
    missing = [feature.name for feature in history.features if feature.store not in present]
    if view is not None and not missing:
        return
    if _is_own(config, history):
        apply_views(engine, naming(config), [history.feature_view], [])
        return
    is_computed = history.view in catalog.window_views or history.view in catalog.derived_views
    absent = "is computed: its source is a ComputedSource" if is_computed else "does not exist"
    what = absent if view is None else f"has no features {missing}"
    raise ValueError(
        f"asofdb: view {history.view!r} of the store, the source of feature view {history.feature_view.name!r}, {what}"
    )


def _is_own(config: RepoConfig, history: History) -> bool:
    """Returns whether the view is the feature view's own."""
    source = history.feature_view.batch_source
    return not isinstance(source, AsofSource) or history.view == naming(config).view(history.feature_view)
