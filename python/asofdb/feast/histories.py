"""Feature views, and the views of the store that hold their histories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from feast.data_source import DataSource
from feast.feature_view import FeatureView
from feast.infra.offline_stores.file_source import FileSource
from feast.repo_config import RepoConfig
from feast.types import FeastType
from feast.value_type import ValueType

from .location import naming
from .names import column_name
from .source import AsofSource
from .views import features, join_keys


@dataclass(frozen=True)
class KeyColumn:
    """A join key of a feature view."""

    name: str
    """In Feast, before a projection renames it."""

    spine: str
    """The column of the entity rows that holds it."""

    store: str
    """In the store."""

    value_type: ValueType


@dataclass(frozen=True)
class FeatureColumn:
    """A feature that is asked for."""

    name: str
    """In Feast."""

    store: str
    """In the store."""

    dtype: FeastType

    @property
    def value_type(self) -> ValueType:
        """Its type as Feast's protocol has it."""
        return self.dtype.to_value_type()


@dataclass(frozen=True)
class History:
    """The history of one feature view, and what is asked of it."""

    feature_view: FeatureView
    view: str
    """Its view in the store."""

    keys: Sequence[KeyColumn]
    features: Sequence[FeatureColumn]

    @property
    def source(self) -> DataSource | None:
        """Source of rows that may not be in the store yet; ``None`` where the store has them all."""
        source = self.feature_view.batch_source
        return source if isinstance(source, FileSource) else None

    @property
    def ttl(self) -> timedelta | None:
        """Time for which a value is valid; ``None`` for ever."""
        return self.feature_view.ttl or None

    @property
    def keeps_created(self) -> bool:
        """Returns whether its rows say when they became known."""
        source = self.feature_view.batch_source
        return source is not None and bool(source.created_timestamp_column)

    @property
    def references(self) -> list[str]:
        """Returns the references to ask the store for."""
        return [f"{self.view}:{feature.store}" for feature in self.features]

    def result_name(self, feature: FeatureColumn, full_names: bool) -> str:
        """Returns a feature's name in the result."""
        view = self.feature_view.projection.name_to_use()  # type: ignore[no-untyped-call]
        return f"{view}__{feature.name}" if full_names else feature.name


def history(config: RepoConfig, feature_view: FeatureView, asked: Sequence[str] | None = None) -> History:
    """The history of a feature view in the store, for the features ``asked`` or for all.

    Raises :class:`ValueError` when its rows come from a source that this store does not read.
    """
    source = feature_view.batch_source
    if source is not None and not isinstance(source, (AsofSource, FileSource)):
        raise ValueError(
            f"asofdb: feature view {feature_view.name!r} has a {type(source).__name__}; the offline store reads "
            "AsofSource (what is in the store) and FileSource (Parquet files)"
        )
    asof = source if isinstance(source, AsofSource) else None
    return History(
        feature_view=feature_view,
        view=naming(config).view(feature_view) if asof is None else asof.store_view(config),
        keys=[_key(feature_view, asof, name, value_type) for name, value_type in join_keys(feature_view).items()],
        features=[
            _feature(feature_view, asof, name)
            for name in dict.fromkeys(features(feature_view) if asked is None else asked)
        ],
    )


def _key(feature_view: FeatureView, source: AsofSource | None, name: str, value_type: ValueType) -> KeyColumn:
    spine = feature_view.projection.join_key_map.get(name, name)
    return KeyColumn(name, spine, _store_name(source, name), value_type)


def _feature(feature_view: FeatureView, source: AsofSource | None, name: str) -> FeatureColumn:
    dtype = next((field.dtype for field in feature_view.features if field.name == name), None)
    if dtype is None:
        raise ValueError(f"asofdb: feature view {feature_view.name!r} has no feature {name!r}")
    return FeatureColumn(name, _store_name(source, name), dtype)


def _store_name(source: AsofSource | None, name: str) -> str:
    return column_name(name) if source is None else source.store_column(source_name(source, name))


def source_name(source: DataSource, name: str) -> str:
    """The column of a source that its field mapping calls ``name``."""
    return next((column for column, mapped in source.field_mapping.items() if mapped == name), name)
