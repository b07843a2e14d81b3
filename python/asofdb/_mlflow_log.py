"""Logging training sets in MLflow."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._frames import as_stream, library
from ._mlflow_record import SOURCE_TYPE, TrainingSetRecord, check_name, client_of, record_of, run_of
from ._origin import Digest, FileOrigin, Origin
from ._reports import JoinReport
from ._training import TrainingSet
from .errors import ConflictError, InvalidError, NotFoundError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

__all__ = ["SPINE_BYTES_MAX", "log_training_set"]

SPINE_BYTES_MAX = 64 << 20
"""Bytes of a spine that is logged as an artifact, unless another bound is given."""

# What every version of MLflow keeps of a tag, and takes at once.
_TAG_CHARS = 5_000
_TAGS_AT_ONCE = 100


def log_training_set(
    run: Run | str | None,
    training_set: TrainingSet | JoinReport,
    *,
    name: str = "training",
    log_spine: bool = True,
    spine_bytes_max: int = SPINE_BYTES_MAX,
    client: MlflowClient | None = None,
) -> TrainingSetRecord:
    """Records in a run of MLflow what a training set was made of, so that it can be made again.

    ``run`` is a run or its id; None: the active one. ``training_set`` is what ``store.training_set`` gave: a stream
    that was read to its end, or the report of a file. A run may have several, by ``name``: ``"validation"``.

    The spine is logged as an artifact, where ``log_spine`` says so, it can still be read as it was, and has at most
    ``spine_bytes_max`` bytes (a file as it is, a table in memory as Parquet); otherwise a warning says that it must be
    given to :func:`training_set_of`.

    Raises ``InvalidError`` for a stream that was not read; ``ConflictError`` when the run has another training set of
    this name, or definitions or files have changed since it was made.
    """
    check_name(name)
    client = client_of(client)
    kept = run_of(run, client)
    made = _made(training_set)
    features = _features(made[0])
    with tempfile.TemporaryDirectory() as directory:
        file = _spine_file(made[0], made[1], Path(directory), spine_bytes_max) if log_spine else None
        folder = f"asofdb/{name}"
        record = _record(name, made, features, None if file is None else f"{folder}/{file.name}")
        _check_new(kept, record)
        if file is not None:
            client.log_artifact(kept.info.run_id, str(file), folder)
    _log(client, kept, record)
    return record


def _made(training_set: TrainingSet | JoinReport) -> tuple[Origin, Digest, Digest, JoinReport]:
    """What it was made of, the digests of spine and result, and the counts."""
    origin = training_set._origin
    if origin is None:
        raise InvalidError("only what training_set() of a store has made can be logged, not what a log of it says")
    if isinstance(training_set, JoinReport):
        assert isinstance(origin, FileOrigin)
        return (origin, *origin.digests(), training_set)
    spine, result, report = training_set.spine_digest, training_set.digest, training_set.report
    if spine is None or result is None or report is None:
        raise InvalidError("read all of the training set before it is logged: its digest is known then")
    return origin, spine, result, report


def _features(origin: Origin) -> dict[str, str]:
    """The features, each with its meaning."""
    told = json.loads(origin.store._engine.meanings_json(origin.references))
    if told["catalog_revision"] != origin.catalog_revision:
        raise ConflictError(
            f"the definitions have changed since the training set was made: revision {told['catalog_revision']}, not "
            f"{origin.catalog_revision}; make it again"
        )
    return dict(told["features"])


def _record(
    name: str,
    made: tuple[Origin, Digest, Digest, JoinReport],
    features: dict[str, str],
    spine_artifact: str | None,
) -> TrainingSetRecord:
    origin, spine, result, report = made
    known_at, began = origin.options["known_at"], origin.began.isoformat()
    names = ("present", "null", "missing", "expired")
    return TrainingSetRecord(
        name=name,
        store_id=origin.store.id,
        catalog_revision=origin.catalog_revision,
        references=list(origin.references),
        features=features,
        options={key: value for key, value in origin.options.items() if key not in ("known_at", "memory_bytes")},
        known_at=began if known_at is None else known_at if isinstance(known_at, str) else _text(known_at),
        made_at=began,
        spine=spine,
        result=result,
        counts={of: {key: getattr(counts, key) for key in names} for of, counts in report.features.items()},
        spine_artifact=spine_artifact,
        spine_is_file=origin.spine_path is not None,
    )


def _text(time: Any) -> str:
    """A time as text; of a datetime64, which is UTC, with its zone."""
    return str(time.isoformat()) if hasattr(time, "isoformat") else f"{time}Z"


class _Unlogged(Exception):
    """The reason why a spine is not logged."""


def _spine_file(origin: Origin, digest: Digest, directory: Path, bytes_max: int) -> Path | None:
    """A file with the spine, to be logged; None, with a warning, where there can be none."""
    try:
        path = origin.spine_path
        return (
            _written(origin.spine, digest, directory, bytes_max)
            if path is None
            else _copied(origin, Path(path), digest, directory, bytes_max)
        )
    except _Unlogged as why:
        message = f"the spine of the training set is not logged, and must be given to make it again (spine=): {why}"
        warnings.warn(message, stacklevel=3)
        return None


def _copied(origin: Origin, source: Path, digest: Digest, directory: Path, bytes_max: int) -> Path:
    """A copy of a spine that is a file: the original may change while it is logged."""
    _check_size(source.stat().st_size, bytes_max)
    copy = directory / f"spine{source.suffix}"
    shutil.copyfile(source, copy)
    if origin.digest_of_spine_file(str(copy)) != digest:
        raise _Unlogged("the file has changed since")
    return copy


def _written(spine: Any, digest: Digest, directory: Path, bytes_max: int) -> Path:
    """A spine that is a table, as Parquet."""
    table = library("pyarrow", "logging a spine").table(as_stream(spine))
    _check_size(table.nbytes, bytes_max)
    if Digest.of_rows(table) != digest:
        raise _Unlogged("it cannot be read again as it was, for it was a stream, or has changed since")
    copy = directory / "spine.parquet"
    library("pyarrow.parquet", "logging a spine").write_table(table, copy)
    return copy


def _check_size(size: int, bytes_max: int) -> None:
    if size > bytes_max:
        raise _Unlogged(f"it has {size} bytes, and may have {bytes_max}")


def _check_new(run: Run, record: TrainingSetRecord) -> None:
    """Refuses a second training set of one name."""
    try:
        known = record_of(run, record.name)
    except NotFoundError:
        return
    if known != record:
        raise ConflictError(
            f"the run {run.info.run_id} has another training set named {record.name!r} already: give this one another "
            "name (name=)"
        )


def _log(client: MlflowClient, run: Run, record: TrainingSetRecord) -> None:
    entities = library("mlflow.entities", "asofdb.mlflow")
    source = {"store_id": record.store_id, "catalog_revision": record.catalog_revision, "known_at": record.known_at}
    dataset = entities.Dataset(
        name=record.name,
        digest=record.digest(),
        source_type=SOURCE_TYPE,
        source=json.dumps(source),
        profile=record.to_json(),
    )
    context = entities.InputTag(key="mlflow.data.context", value=record.name)
    run_id = run.info.run_id
    client.log_inputs(run_id, [entities.DatasetInput(dataset=dataset, tags=[context])])
    tags = [entities.RunTag(key, value) for key, value in _tags(record)]
    for start in range(0, len(tags), _TAGS_AT_ONCE):
        client.log_batch(run_id, tags=tags[start : start + _TAGS_AT_ONCE])


def _tags(record: TrainingSetRecord) -> Iterator[tuple[str, str]]:
    """Tags for people and for searches; the record itself is in the dataset."""
    of = f"asofdb.{record.name}"
    yield f"{of}.store_id", record.store_id or ""
    yield f"{of}.catalog_revision", str(record.catalog_revision)
    yield f"{of}.known_at", record.known_at
    yield f"{of}.spine_digest", record.spine.digest
    yield f"{of}.digest", record.result.digest
    references = " ".join(record.references)
    for number, start in enumerate(range(0, len(references), _TAG_CHARS)):
        yield f"{of}.references" + (f".{number + 1}" if number else ""), references[start : start + _TAG_CHARS]
    for view in dict.fromkeys(reference.partition(":")[0] for reference in record.features):
        yield f"asofdb.view.{view}", "read"
