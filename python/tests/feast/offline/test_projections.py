"""Names and keys that a retrieval gives to feature views."""

import pandas as pd
import pytest
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64, Int64, String

from feast import Entity, FeatureService, FeatureView, Field, OnDemandFeatureView, RequestSource

from .repository import DRIVER, Repository, at

PLACE = Entity(name="place", join_keys=["place_id"])


def _temperatures(repository: Repository) -> FeatureView:
    rows = pd.DataFrame(
        {"place_id": ["a", "b"], "event_timestamp": pd.to_datetime([at(), at()], utc=True), "temperature": [10.0, 20.0]}
    )
    view = FeatureView(
        name="weather",
        entities=[PLACE],
        schema=[Field(name="place_id", dtype=String), Field(name="temperature", dtype=Float64)],
        source=repository.file_source("weather", rows),
    )
    repository.store.apply([PLACE, view])
    return view


def test_one_view_serves_two_places_of_a_row(repository: Repository) -> None:
    view = _temperatures(repository)
    origin = view.with_name("origin").with_join_key_map({"place_id": "from"})
    destination = view.with_name("destination").with_join_key_map({"place_id": "to"})
    service = FeatureService(name="journey", features=[origin, destination])
    repository.store.apply([service])
    spine = pd.DataFrame({"from": ["a", "b"], "to": ["b", "x"], "event_timestamp": [at(hours=1)] * 2})
    result = repository.store.get_historical_features(spine, service, full_feature_names=True).to_df()
    assert result["origin__temperature"].tolist() == [10, 20]
    assert result["destination__temperature"].tolist()[0] == 20
    assert pd.isna(result["destination__temperature"][1])


def test_two_names_of_one_view_with_the_same_keys(repository: Repository) -> None:
    view = _temperatures(repository)
    service = FeatureService(name="twice", features=[view.with_name("one"), view.with_name("two")])
    repository.store.apply([service])
    spine = pd.DataFrame({"place_id": ["b"], "event_timestamp": [at(hours=1)]})
    result = repository.store.get_historical_features(spine, service, full_feature_names=True).to_df()
    assert result[["one__temperature", "two__temperature"]].values.tolist() == [[20, 20]]


def test_views_of_different_entities_meet_in_one_row(repository: Repository) -> None:
    _temperatures(repository)
    repository.trips([(1, at(), at(), 10)])
    rows = pd.DataFrame({"event_timestamp": [at()], "surge": [1.5]})
    repository.view("city", repository.file_source("city", rows), {"surge": Float64}, entities=[])
    spine = pd.DataFrame({"place_id": ["a"], "driver_id": [1], "event_timestamp": [at(hours=1)]})
    result = repository.retrieve(spine, ["trips:value", "weather:temperature", "city:surge"])
    assert list(result.columns) == ["place_id", "driver_id", "event_timestamp", "value", "temperature", "surge"]
    assert result[["value", "temperature", "surge"]].values.tolist() == [[10, 10, 1.5]]


def test_composite_keys(repository: Repository) -> None:
    rows = pd.DataFrame(
        {"driver_id": [1, 1], "place_id": ["a", "b"], "event_timestamp": [at(), at()], "visits": [3, 4]}
    )
    view = FeatureView(
        name="visits",
        entities=[PLACE, DRIVER],
        schema=[
            Field(name="driver_id", dtype=Int64),
            Field(name="place_id", dtype=String),
            Field(name="visits", dtype=Int64),
        ],
        source=repository.file_source("visits", rows),
    )
    repository.store.apply([PLACE, DRIVER, view])
    spine = pd.DataFrame({"place_id": ["b", "a", "b"], "driver_id": [1, 1, 2], "event_timestamp": [at()] * 3})
    result = repository.retrieve(spine, ["visits:visits"])["visits"]
    assert result.isna().tolist() == [False, False, True] and result[:2].tolist() == [4, 3]


def test_a_feature_named_as_a_column_of_the_spine_is_refused_unless_full(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)])
    spine = pd.DataFrame({"driver_id": [1], "event_timestamp": [at()], "value": ["mine"]})
    with pytest.raises(ValueError, match="two columns of the result would be named 'value'"):
        repository.retrieve(spine, ["trips:value"])
    result = repository.retrieve(spine, ["trips:value"], full_feature_names=True)
    assert result[["value", "trips__value"]].values.tolist() == [["mine", 10]]


def test_on_demand_views_are_computed_from_what_was_true(repository: Repository) -> None:
    trips = repository.trips([(1, at(), at(), 10), (1, at(hours=2), at(hours=2), 20)])
    asked = RequestSource(name="asked", schema=[Field(name="add", dtype=Int64)])

    @on_demand_feature_view(sources=[trips, asked], schema=[Field(name="more", dtype=Float64)])  # type: ignore
    def added(inputs: pd.DataFrame) -> pd.DataFrame:
        more: pd.DataFrame = inputs.assign(more=inputs["value"] + inputs["add"])[["more"]]
        return more

    repository.store.apply([added])
    spine = pd.DataFrame({"driver_id": [1, 1], "event_timestamp": [at(hours=1), at(hours=3)], "add": [1, 2]})
    assert repository.retrieve(spine, ["added:more"])["more"].tolist() == [11, 22]
    both = repository.retrieve(spine, ["added:more", "trips:value"], full_feature_names=True)
    assert both[["added__more", "trips__value"]].values.tolist() == [[11, 10], [22, 20]]


def test_on_demand_views_of_request_data_alone(repository: Repository) -> None:
    asked = RequestSource(name="asked", schema=[Field(name="add", dtype=Int64)])

    def twice(inputs: pd.DataFrame) -> pd.DataFrame:
        result: pd.DataFrame = inputs.assign(twice=inputs["add"] * 2)[["twice"]]
        return result

    double = OnDemandFeatureView(
        name="double",
        sources=[asked],
        schema=[Field(name="twice", dtype=Int64)],
        mode="pandas",
        udf=twice,  # type: ignore[arg-type]
        udf_string="twice",
    )
    repository.store.apply([double])
    spine = pd.DataFrame({"event_timestamp": [at()], "add": [4]})
    assert repository.retrieve(spine, ["double:twice"])["twice"].tolist() == [8]


def test_metadata_tells_what_was_asked(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)])
    spine = pd.DataFrame({"driver_id": [1, 2], "event_timestamp": [at(hours=2), at(hours=1)]})
    metadata = repository.store.get_historical_features(spine, ["trips:value"]).metadata
    assert metadata is not None
    assert metadata.features == ["trips:value"] and metadata.keys == ["driver_id"]
    assert (metadata.min_event_timestamp, metadata.max_event_timestamp) == (at(hours=1), at(hours=2))
