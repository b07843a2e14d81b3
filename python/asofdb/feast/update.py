"""Feast's changes of its definitions, carried out on the store's catalog.

The catalog has the views of every project, so that each change reads it, changes what is the project's, and applies it
again. Where another process has changed it meanwhile, that is done once more.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from asofdb import ConflictError, Definitions, Entity, Feature, FeatureView

from .computing import check_computed
from .connect import Engine
from .views import (
    PROJECT_TAG,
    REMOVED_TAG,
    SAID_TAGS,
    STAGE_TAGS,
    VIEW_TAG,
    Naming,
    computed_view,
    entities_of,
    view_of,
)

_ATTEMPTS: Final = 50
_PAUSE_SECONDS_MAX: Final = 0.2
_applying = threading.Lock()

_KEPT: Final = ("retention", "keep_newest", "check", "freshness", "source", "same_as", "not_same_as")
"""What Feast has no word for: it stays as it is in the store."""


def apply_views(engine: Engine, naming: Naming, keep: Iterable[Any], drop: Iterable[Any]) -> None:
    """Defines the views ``keep`` and drops the views ``drop``, each with its versions and its history.

    Views that are computed are the store's own: they are compared with what Feast says of them, and stay as they are.

    Raises ``ConflictError`` where stored rows cannot follow a change; ``NotFoundError`` or ``InvalidError`` where the
    store computes something else than Feast says.
    """
    kept = list(keep)
    for table in kept:
        if computed_view(table) is not None:
            check_computed(engine, table)
    kept = [table for table in kept if computed_view(table) is None]
    dropped = {table.name for table in drop} - {table.name for table in kept}

    def is_dropped(view: FeatureView) -> bool:
        return _is_of(view, naming) and view.tags.get(VIEW_TAG) in dropped

    _change(engine, lambda definitions: _merged(definitions, naming, kept, is_dropped))


def drop_project(engine: Engine, naming: Naming) -> None:
    """Drops every view of a project with its history."""
    _change(engine, lambda definitions: _merged(definitions, naming, [], lambda view: _is_of(view, naming)))


def _change(engine: Engine, change: Callable[[Definitions], Definitions]) -> None:
    """Applies ``change`` of the definitions, and again where another process was quicker."""
    with _applying:
        for attempt in range(_ATTEMPTS):
            catalog = engine.catalog()
            before = catalog.definitions()
            wanted = change(before)
            try:
                engine.apply(wanted, allow_drop=_drops(before, wanted), revision=catalog.revision)
                return
            except ConflictError:
                # Either another process has changed the catalog since it was read, or the change itself is refused.
                if attempt + 1 == _ATTEMPTS or engine.catalog().definitions() == before:
                    raise
                time.sleep(random.uniform(0, min(0.01 * attempt, _PAUSE_SECONDS_MAX)))


def _drops(before: Definitions, wanted: Definitions) -> list[str] | bool:
    """The names of what is dropped, which Feast has named: also what consumers read may go then."""
    views = {view.name for view in wanted.feature_views}
    entities = {entity.name for entity in wanted.entities}
    dropped = [view.name for view in before.feature_views if view.name not in views]
    dropped += [entity.name for entity in before.entities if entity.name not in entities]
    return dropped or False


def _merged(
    before: Definitions, naming: Naming, keep: list[Any], is_dropped: Callable[[FeatureView], bool]
) -> Definitions:
    views = {view.name: view for view in before.feature_views if not is_dropped(view)}
    entities = {entity.name: entity for entity in before.entities}
    for table in keep:
        wanted = view_of(table, naming)
        known = views.get(wanted.name)
        if known is not None:
            _check_owner(known, naming)
            _check_change(known, wanted, table.name)
            wanted = _continued(known, wanted)
        views[wanted.name] = _without_empty(wanted)
        entities.update({entity.name: entity for entity in entities_of(table, naming)})
    used = {name for view in views.values() for name in view.entities} | _used_elsewhere(before)
    kept = [entity for entity in entities.values() if entity.name in used or not _is_of(entity, naming)]
    return replace(before, entities=kept, feature_views=list(views.values()))


def _used_elsewhere(definitions: Definitions) -> set[str]:
    """The entities of views that Feast knows nothing of."""
    events = {name for view in definitions.event_views for name in view.entities}
    return events | {name for view in definitions.window_views for name in view.entities}


def _is_of(thing: Entity | FeatureView, naming: Naming) -> bool:
    return thing.tags.get(PROJECT_TAG) == naming.project


def _check_owner(known: FeatureView, naming: Naming) -> None:
    if not _is_of(known, naming):
        owner = known.tags.get(PROJECT_TAG)
        whose = "no project of Feast" if owner is None else f"the project {owner!r}"
        raise ConflictError(
            f"feature view {known.name!r} is in the store already and belongs to {whose}: configure another `prefix`"
        )


def _check_change(known: FeatureView, wanted: FeatureView, name: str) -> None:
    """Refuses what stored rows cannot follow; the alternative would be to lose the history without a word."""
    advice = (
        f"rename the feature view (`{name}_v2`), set `enable_online_feature_view_versioning`, or delete it "
        "(`feast feature-views delete`, which drops its history) and apply again"
    )
    if list(known.entities) != list(wanted.entities):
        raise ConflictError(
            f"feature view {name!r} has other join keys in the store ({', '.join(known.entities)}) than now "
            f"({', '.join(wanted.entities)}): {advice}"
        )
    stored = {feature.name: feature for feature in known.features}
    for feature in wanted.features:
        before = stored.get(feature.name)
        if before is not None and _kind(before) != _kind(feature):
            raise ConflictError(
                f"feature {name}:{feature.name} is {_kind(before)} in the store and now {_kind(feature)}, "
                f"and types never change: rename the feature, or {advice}"
            )


def _kind(feature: Feature) -> str:
    return str(feature.tags.get("feast_type", feature.type))


def _continued(known: FeatureView, wanted: FeatureView) -> FeatureView:
    """A view as it is wanted, with what Feast knows nothing of as it was.

    That is its retention, check, freshness and source, verdicts on its features, their defaults, and features that were
    taken out in Feast; and its stage and its place in memory, where no tags say them.
    """
    stored = {feature.name: feature for feature in known.features}
    features = [
        replace(feature, default=stored[feature.name].default) if feature.name in stored else feature
        for feature in wanted.features
    ]
    present = {feature.name for feature in features}
    removed = [_removed(feature) for feature in known.features if feature.name not in present]
    kept = {name: getattr(known, name) for name in _KEPT}
    said = {name: getattr(wanted, name) for name in SAID_TAGS}
    said = {name: getattr(known, name) if value is None else value for name, value in said.items()}
    return replace(wanted, features=features + removed, **kept, **said)


def _without_empty(view: FeatureView) -> FeatureView:
    """A view whose stage is none where tags take it back, and its place in memory what it is where nobody says."""
    stage: dict[str, Any] = {name: getattr(view, name) or None for name in STAGE_TAGS}
    return replace(view, hot=view.hot or "auto", **stage)


def _removed(feature: Feature) -> Feature:
    tags: Mapping[str, str] = {**feature.tags, REMOVED_TAG: "true"}
    return replace(feature, tags=tags)
