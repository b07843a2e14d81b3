"""Comparing a training set with one that was made again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._mlflow_record import TrainingSetRecord
from .errors import NotFoundError

if TYPE_CHECKING:
    from ._origin import Digest
    from ._store import Client, Store
    from ._training import TrainingSet

__all__ = ["Difference", "changed_definitions", "compared"]


@dataclass(frozen=True)
class Difference:
    """Something that is not as it was: ``kind`` is ``store``, ``spine``, ``definition`` or ``values``, and ``subject``
    the feature or column, if it is one."""

    kind: str
    subject: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind}{' ' + self.subject if self.subject else ''}: {self.message}"


def changed_definitions(record: TrainingSetRecord, store: Store | Client) -> tuple[list[Difference], bool]:
    """What is another store, or defined in another way; and whether a feature is gone."""
    found, is_gone = [], False
    if store.id != record.store_id:
        found.append(Difference("store", "", f"it was made from the store {record.store_id}, and this is {store.id}"))
    for reference, meaning in record.features.items():
        try:
            told = json.loads(store._engine.meanings_json([reference]))
        except NotFoundError as error:
            is_gone = True
            found.append(Difference("definition", reference, str(error)))
            continue
        now = dict(told["features"])[reference]
        if now != meaning:
            found.append(Difference("definition", reference, f"it was: {meaning}; it is: {now}"))
    return found, is_gone


def compared(record: TrainingSetRecord, made: TrainingSet, known: list[Difference]) -> Iterator[Difference]:
    """What is not the same in spine and values; ``known`` are definitions that have changed."""
    spine, result = made.spine_digest, made.digest
    assert spine is not None and result is not None
    if spine != record.spine:
        yield Difference("spine", "", _other_spine(record.spine, spine))
        return
    redefined = {one.subject for one in known if one.kind == "definition"}
    columns = list(zip(made.names, [*record.spine.columns, *_owners(record, made)], strict=False))
    for column, reference in columns[len(record.spine.columns) :]:
        if result.columns[column] != record.result.columns.get(column) and reference not in redefined:
            yield Difference("values", column, _other_values(record, made, reference))


def _owners(record: TrainingSetRecord, made: TrainingSet) -> Iterator[str]:
    """For each column after the spine's the feature that it is of, or the name of the column."""
    rest = made.names[len(record.spine.columns) :]
    each = 2 if record.options["statuses"] else 1
    references = [reference for reference in record.features for _ in range(each)]
    yield from references
    yield from rest[len(references) :]


def _other_spine(then: Digest, now: Digest) -> str:
    if list(then.columns) != list(now.columns):
        return f"it had the columns {', '.join(then.columns)}, and has {', '.join(now.columns)}"
    if then.rows != now.rows:
        return f"it had {then.rows} rows, and has {now.rows}"
    others = [name for name, digest in then.columns.items() if now.columns[name] != digest]
    if not others:
        return "a column has another type"
    return f"values, their type or their order are others in the columns {', '.join(others)}"


def _other_values(record: TrainingSetRecord, made: TrainingSet, reference: str) -> str:
    report = made.report
    assert report is not None
    counts, then = report.features.get(reference), record.counts.get(reference)
    if counts is None or then is None:
        return "values are others"
    if counts.present < then["present"]:
        fewer = then["present"] - counts.present
        return f"{fewer} values fewer are present: they were erased, or retention has reached them"
    if counts.present > then["present"]:
        more = counts.present - then["present"]
        return f"{more} values more are present: they were loaded as known by then"
    return (
        "values are others, as many as there were: versions were written again over the same times, or loaded as known "
        "by then"
    )
