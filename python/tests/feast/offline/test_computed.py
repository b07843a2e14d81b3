"""Feature views that the store computes, in training sets and beside a materialization."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from computed import DEFINITIONS, HOUR, MICROSECOND, T, fill
from feast.types import Array, Float64, Int64, String

import asofdb
from asofdb.feast import AsofSource, ComputedSource, connect, load
from feast import Entity, FeatureView, Field, ValueType

from .repository import Repository, at

USER = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)


def computed(repository: Repository) -> FeatureView:
    """The window view `spending`, with purchases around the time T, as a feature view."""
    engine = connect.engine(repository.store.config.offline_store)
    engine.apply(DEFINITIONS)
    fill(engine)
    types: dict[str, Any] = {"user_id": Int64, "n_24h": Int64, "spent_24h": Float64, "shops_24h": Array(String)}
    view = FeatureView(
        name="spending",
        entities=[USER],
        schema=[Field(name=name, dtype=dtype) for name, dtype in types.items()],
        source=ComputedSource(name="spending"),
    )
    repository.store.apply([USER, view])
    return view


def test_each_row_has_the_windows_of_its_own_time(repository: Repository) -> None:
    computed(repository)
    times = [T, T + MICROSECOND, T - HOUR * 2 - MICROSECOND, T]
    spine = pd.DataFrame({"user_id": [1, 1, 1, 2], "event_timestamp": times, "label": [1, 2, 3, 4]})
    features = ["spending:n_24h", "spending:spent_24h", "spending:shops_24h"]
    for options in ({}, {"full_feature_names": True}):
        rows = repository.retrieve(spine, features, **options)
        prefix = "spending__" if options else ""
        counts = [None if pd.isna(value) else value for value in rows[f"{prefix}n_24h"]]
        sums = [None if pd.isna(value) else value for value in rows[f"{prefix}spent_24h"]]
        assert (counts, sums) == ([2, 3, 2, None], [40.0, 47.0, 530.0, None])
        assert [None if shops is None else list(shops) for shops in rows[f"{prefix}shops_24h"]] == [
            ["a", "b"],
            ["a", "b"],
            ["b", "c"],
            None,
        ]
        assert list(rows["label"]) == [1, 2, 3, 4]


def test_columns_are_those_of_the_store_where_the_view_declares_none(repository: Repository) -> None:
    computed(repository)
    columns = dict(ComputedSource(name="spending").get_table_column_names_and_types(repository.store.config))
    assert (columns["user_id"], columns["n_24h"], columns["shops_24h"]) == ("int64", "int64", "list<string>")
    ComputedSource(name="spending").validate(repository.store.config)
    with pytest.raises(asofdb.NotFoundError, match="no window view and no derived view 'elsewhere'"):
        ComputedSource(name="elsewhere").validate(repository.store.config)


def test_a_computed_view_is_no_history(repository: Repository) -> None:
    computed(repository)
    source = AsofSource(name="spent", view="spending")
    with pytest.raises(ValueError, match=r"computes view 'spending' when it is read.*its source is a ComputedSource"):
        source.validate(repository.store.config)
    user_id = Field(name="user_id", dtype=Int64)
    schema = [user_id, Field(name="n_24h", dtype=Int64)]
    repository.store.apply([FeatureView(name="spent", entities=[USER], schema=schema, source=source)])
    with pytest.raises(ValueError, match=r"view 'spending' of the store, .* is computed: its source is a Comp"):
        repository.retrieve(pd.DataFrame({"user_id": [1], "event_timestamp": [T]}), ["spent:n_24h"])


def test_a_materialization_of_everything_passes_it_over(repository: Repository) -> None:
    view = computed(repository)
    repository.trips([(1, at(), at(), 7.0)])
    repository.store.materialize(at(days=-1000), at(days=1))
    read = repository.store.get_online_features
    assert read(["trips:value"], [{"driver_id": 1}]).to_dict()["value"] == [7.0]
    assert read(["spending:n_24h"], [{"user_id": 1}]).to_dict()["n_24h"] == [0], "the purchases are long ago"
    assert load(repository.store)["spending"] == 0
    engine: Any = connect.engine(repository.store.config.offline_store)
    assert len(engine.history("purchases", {"user_id": 1})) == 4
    assert [view.name for view in repository.store.list_feature_views()] == ["spending", "trips"]
    assert view.name == "spending"


def test_it_has_no_rows_of_its_own(repository: Repository) -> None:
    view = computed(repository)
    with pytest.raises(ValueError, match=r"\['spending'\] are computed and have no times of their own"):
        repository.store.get_historical_features(
            features=["spending:n_24h"], entity_df=None, start_date=T - timedelta(days=1), end_date=T
        ).to_df()
    profile = pd.DataFrame({"user_id": [1, 2], "event_timestamp": [T, T + HOUR], "size": [5, 6]})
    user_id = Field(name="user_id", dtype=Int64)
    sizes = FeatureView(
        name="sizes",
        entities=[USER],
        schema=[user_id, Field(name="size", dtype=Int64)],
        source=repository.file_source("sizes", profile),
    )
    repository.store.apply([sizes])
    beside = repository.store.get_historical_features(
        features=["spending:n_24h", "sizes:size"], entity_df=None, start_date=T, end_date=T
    )
    assert beside.to_df()[["user_id", "n_24h", "size"]].to_numpy().tolist() == [[1, 2, 5]], "at the times of the others"
    rows = pd.DataFrame(
        {"user_id": [1], "event_timestamp": [T], "created_timestamp": [T], "n_24h": [1], "spent_24h": [1.0]}
    )
    rows["shops_24h"] = [["x"]]
    provider: Any = repository.store._get_provider()
    with pytest.raises(asofdb.InvalidError, match="no rows are written to it"):
        provider.offline_store.offline_write_batch(repository.store.config, view, pa.Table.from_pandas(rows), None)
    names = ["user_id"], ["n_24h"], "event_timestamp", "created_timestamp"
    start, end = T - timedelta(days=1), T
    for pull in ("pull_all_from_table_or_query", "pull_latest_from_table_or_query"):
        read = getattr(provider.offline_store, pull)
        rows = read(repository.store.config, view.batch_source, *names, start, end).to_arrow()
        assert (rows.num_rows, rows.column_names) == (0, ["user_id", "n_24h", *names[2:]])
