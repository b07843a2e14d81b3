"""Feast's response, made of the store's answer when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from feast.online_response import TIMESTAMP_POSTFIX, OnlineResponse
from feast.protos.feast.serving.ServingService_pb2 import GetOnlineFeaturesResponse
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import NULL_TIMESTAMP_INT_VALUE, feast_value_type_to_python_type
from feast.value_type import ValueType

from asofdb import _native


class AsofOnlineResponse(OnlineResponse):
    """An ``OnlineResponse`` whose values go straight from the store's answer into Python's.

    The protobuf message is made when ``proto`` is asked for.
    """

    def __init__(
        self,
        answer: _native.FeastAnswer,
        feature_types: dict[str, ValueType],
        view_versions: Iterable[tuple[str, int]] = (),
    ) -> None:
        # Not that of the base class: it takes the message, and goes through it.
        self._answer = answer
        self._feature_types = feature_types
        self._view_versions = view_versions
        self._proto: GetOnlineFeaturesResponse | None = None

    @property
    def proto(self) -> GetOnlineFeaturesResponse:  # type: ignore[override]
        """The response as a protobuf message."""
        if self._proto is None:
            self._proto = GetOnlineFeaturesResponse.FromString(self._answer.message())
            add_view_versions(self._proto, self._view_versions)
        return self._proto

    def to_dict(self, include_event_timestamps: bool = False) -> dict[str, Any]:
        """The values of each feature by its name, and of each entity column."""
        columns, timestamps, opaque = self._answer.columns()
        for name in timestamps:
            columns[name] = [_time(value) for value in columns[name]]
        for name in opaque:
            hint = self._feature_types.get(name)
            columns[name] = [None if value is None else _opaque(value, hint) for value in columns[name]]
        return _with_event_seconds(columns, self._answer) if include_event_timestamps else columns


def add_view_versions(response: GetOnlineFeaturesResponse, versions: Iterable[tuple[str, int]]) -> None:
    """Adds to the metadata which version of each feature view answered."""
    known = {view.name for view in response.metadata.feature_view_metadata}
    for name, version in versions:
        if name not in known:
            known.add(name)
            response.metadata.feature_view_metadata.add(name=name, version=version)


def view_version(table: Any) -> tuple[str, int]:
    """The name of a view in the metadata of a response, and its version."""
    name = table.projection.name_alias or table.projection.name
    return name, getattr(table, "current_version_number", 0) or 0


def _with_event_seconds(columns: dict[str, Any], answer: _native.FeastAnswer) -> dict[str, Any]:
    both: dict[str, Any] = {}
    for name, seconds in answer.event_seconds():
        both[name] = columns[name]
        both[name + TIMESTAMP_POSTFIX] = seconds
    return both


def _time(value: Any) -> Any:
    if isinstance(value, list):
        return [_time(item) for item in value]
    if value is None or value == NULL_TIMESTAMP_INT_VALUE:
        return None
    return datetime.fromtimestamp(value, tz=timezone.utc)


def _opaque(value: bytes, hint: ValueType | None) -> Any:
    return feast_value_type_to_python_type(Value.FromString(value), hint)
