"""Sources of a feature view's rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from feast.data_format import DeltaFormat
from feast.data_source import DataSource
from feast.types import Float32, Float64, Int32, Int64, String

from asofdb import InvalidError, Store
from asofdb.feast import AsofSource, connect
from asofdb.feast.histories import history
from feast import BigQuerySource, FeatureView, Field, FileSource

from .repository import DRIVER, Repository, at


def _rows(*values: float, hour: int = 0) -> Any:
    """Drivers 1, 2, ... with a value each."""
    return pd.DataFrame(
        {
            "driver_id": range(1, len(values) + 1),
            "event_timestamp": pd.to_datetime([at(hours=hour)] * len(values), utc=True),
            "value": list(values),
        }
    )


def _history(repository: Repository, view: str, driver: int) -> list[tuple[object, object]]:
    engine = connect.engine(repository.store.config.offline_store)
    return [(v.event_timestamp, v.values["value"]) for v in engine.history(view, {"driver_id": driver})]


def test_field_mappings_rename_features_and_times(repository: Repository) -> None:
    rows = pd.DataFrame({"driver_id": [1], "ts_1": [at()], "made": [at()], "raw value": [7.0]})
    source = repository.file_source(
        "mapped",
        rows,
        timestamp_field="ts",
        created_timestamp_column="created_at",
        field_mapping={"ts_1": "ts", "made": "created_at", "raw value": "value"},
    )
    repository.view("trips", source, {"value": Float64})
    assert repository.values([(1, at(hours=1))]) == [7]


def test_a_file_is_written_into_the_history_once(repository: Repository) -> None:
    source = repository.file_source("trips", _rows(1, 2))
    repository.view("trips", source, {"value": Float64})
    for _ in range(2):
        assert repository.values([(1, at(hours=1)), (2, at(hours=1))]) == [1, 2]
    assert _history(repository, "rides__trips", 1) == [(at(), 1.0)]


def test_a_file_is_known_by_its_content_in_another_process_too(repository: Repository) -> None:
    source = repository.file_source("trips", _rows(1))
    repository.view("trips", source, {"value": Float64})
    assert repository.values([(1, at(hours=1))]) == [1]
    connect.close_all()
    Path(source.path).touch()
    assert repository.values([(1, at(hours=1))]) == [1]
    assert len(_history(repository, "rides__trips", 1)) == 1


def test_a_file_that_changed_is_read_again_and_what_it_had_is_kept(repository: Repository) -> None:
    source = repository.file_source("trips", _rows(1))
    repository.view("trips", source, {"value": Float64})
    assert repository.values([(1, at(hours=9))]) == [1]
    repository.file("trips", _rows(5, hour=2))
    assert repository.values([(1, at(hours=9)), (1, at(hours=1))]) == [5, 1]


def test_a_directory_of_files_is_one_source(repository: Repository) -> None:
    (repository.directory / "parts").mkdir()
    for number in range(3):
        repository.file(f"parts/{number}", _rows(number, hour=number))
    source = FileSource(name="parts", path=str(repository.directory / "parts"), timestamp_field="event_timestamp")
    repository.view("trips", source, {"value": Float64})
    assert repository.values([(1, at(hours=hour)) for hour in range(3)]) == [0, 1, 2]


def test_a_path_is_relative_to_the_repository(repository: Repository) -> None:
    repository.file("trips", _rows(3))
    repository.view(
        "trips", FileSource(name="trips", path="trips.parquet", timestamp_field="event_timestamp"), {"value": Float64}
    )
    assert repository.values([(1, at())]) == [3]


def test_rows_without_a_key_or_a_time_are_left_out(repository: Repository) -> None:
    rows = pd.DataFrame(
        {
            "driver_id": [1, None, 2],
            "event_timestamp": pd.to_datetime(pd.Series([at(), at(), None]), utc=True),
            "value": [1.0, 2.0, 3.0],
        }
    )
    repository.view("trips", repository.file_source("trips", rows), {"value": Float64})
    assert repository.values([(1, at()), (None, at()), (2, at())]) == [1, None, None]


def test_values_are_read_as_the_declared_types(repository: Repository) -> None:
    rows = _rows(0).assign(small=[3.0], short=[0.1], text=pd.Categorical(["a"]))
    source = repository.file_source("trips", rows)
    repository.view("trips", source, {"small": Int32, "short": Float32, "text": String})
    spine = pd.DataFrame({"driver_id": [1], "event_timestamp": [at()]})
    job = repository.store.get_historical_features(spine, ["trips:small", "trips:short", "trips:text"])
    table = job.to_arrow()
    assert [table.schema.field(name).type for name in ("small", "short", "text")] == [
        pa.int32(),
        pa.float32(),
        pa.string(),
    ]
    assert table.to_pylist()[0]["small"] == 3 and table.to_pylist()[0]["text"] == "a"


def test_a_fraction_for_an_integer_is_refused(repository: Repository) -> None:
    repository.view("trips", repository.file_source("trips", _rows(1.5)), {"value": Int64})
    with pytest.raises(ValueError, match=r"column 'value'.*INT64"):
        repository.values([(1, at())])


def test_a_feature_that_the_files_lack_is_named(repository: Repository) -> None:
    repository.view("trips", repository.file_source("trips", _rows(1)), {"value": Float64, "speed": Float64})
    assert repository.values([(1, at())]) == [1]
    spine = pd.DataFrame({"driver_id": [1], "event_timestamp": [at()]})
    with pytest.raises(ValueError, match=r"feature view 'trips' has no columns \['speed'\]"):
        repository.retrieve(spine, ["trips:speed"])


def test_a_bad_row_refuses_the_file_and_says_which(repository: Repository) -> None:
    rows = _rows(1, 2)
    rows["event_timestamp"] = pd.to_datetime([at(), pd.Timestamp("1970-01-01", tz="UTC")], utc=True)
    repository.view("trips", repository.file_source("trips", rows), {"value": Float64})
    with pytest.raises(InvalidError, match="event timestamp"):
        repository.values([(1, at())])


def test_delta_and_other_stores_are_refused_with_what_is_read(repository: Repository) -> None:
    source = repository.file_source("trips", _rows(1), file_format=DeltaFormat())
    view = FeatureView(
        name="trips",
        source=source,
        entities=[DRIVER],
        schema=[Field(name="driver_id", dtype=Int64), Field(name="value", dtype=Float64)],
    )
    repository.store.apply([DRIVER, view])
    with pytest.raises(ValueError, match="reads Parquet"):
        repository.values([(1, at())])


def test_the_history_of_the_store_is_a_source(repository: Repository) -> None:
    repository.view("trips", AsofSource(name="trips"), {"value": Float64})
    engine = connect.engine(repository.store.config.offline_store)
    engine.write("rides__trips", {"driver_id": [1, 1], "event_timestamp": [at(), at(hours=1)], "value": [1.0, 2.0]})
    assert repository.values([(1, at()), (1, at(hours=5)), (2, at())]) == [1, 2, None]


def test_a_view_defined_without_feast_is_a_source(tmp_path: Path) -> None:
    definitions = """
        [[entity]]
        name = "driver"
        join_keys = [{ name = "driver_id", type = "int64" }]
        [[feature_view]]
        name = "elsewhere.trips"
        entities = ["driver"]
        event_timestamp = "at"
        [[feature_view.feature]]
        name = "kilometres"
        type = "float64"
    """
    with Store.open(tmp_path / "store") as engine:
        engine.apply(definitions)
        engine.write("elsewhere.trips", {"driver_id": [1], "at": [at()], "kilometres": [12.5]})
    repository = Repository(tmp_path)
    source = AsofSource(name="far", view="elsewhere.trips", field_mapping={"kilometres": "value"})
    repository.view("trips", source, {"value": Float64}, ttl=pd.Timedelta(hours=1).to_pytimedelta())
    assert repository.values([(1, at()), (1, at(hours=1)), (1, at(hours=1, microseconds=1))]) == [12.5, 12.5, None]
    connect.close_all()


def test_a_schema_is_inferred_from_the_store(repository: Repository) -> None:
    repository.view("trips", AsofSource(name="trips"), {"value": Float64, "name": String})
    inferred = FeatureView(name="again", source=AsofSource(name="trips2", view="rides__trips"), entities=[DRIVER])
    repository.store.apply([inferred])
    found = repository.store.get_feature_view("again")
    assert {field.name: field.dtype for field in found.features} == {"value": Float64, "name": String}
    assert {field.name: field.dtype for field in found.entity_columns} == {"driver_id": Int64}


def test_a_source_comes_back_from_the_registry_as_it_was() -> None:
    source = AsofSource(
        name="s",
        view="v",
        timestamp_field="t",
        created_timestamp_column="c",
        field_mapping={"a": "b"},
        description="d",
        tags={"x": "y"},
        owner="o",
    )
    assert DataSource.from_proto(source.to_proto()) == source
    assert DataSource.from_proto(AsofSource(name="s").to_proto()) == AsofSource(name="s") != source


def test_a_source_of_another_store_is_refused_with_what_is_read(repository: Repository) -> None:
    view = FeatureView(
        name="v", source=BigQuerySource(name="b", table="t", timestamp_field="ts"), entities=[DRIVER], schema=[]
    )
    with pytest.raises(ValueError, match="has a BigQuerySource; the offline store reads AsofSource"):
        history(repository.store.config, view)
