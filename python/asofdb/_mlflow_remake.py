"""Making a training set of MLflow again."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._frames import library
from ._mlflow_compare import Difference, changed_definitions, compared
from ._mlflow_record import TrainingSetRecord, client_of, record_of, run_of
from .errors import InvalidError

if TYPE_CHECKING:
    import pyarrow
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from ._store import Client, Store

__all__ = ["Remade", "training_set_of"]


@dataclass(frozen=True)
class Remade:
    """A training set that was made again. ``table`` is None where a feature is gone, so that it cannot be.

    ``differences`` says what is not as it was; ``is_same`` that nothing is: same columns, rows and bits.
    """

    record: TrainingSetRecord
    table: pyarrow.Table | None
    differences: list[Difference]

    @property
    def is_same(self) -> bool:
        """True if it is the very same: every bit of every value."""
        return not self.differences


def training_set_of(
    run: Run | str | None,
    store: Store | Client,
    *,
    name: str = "training",
    spine: Any = None,
    client: MlflowClient | None = None,
) -> Remade:
    """Makes the training set again that a run of MLflow was logged with, and says what is not the same.

    ``spine`` is what it was made from, a table or the path of a file; None: the artifact of the run. It is made from
    the features that were read then, as of what was known then, whatever was defined or has arrived since, and is read
    into memory.

    Raises ``NotFoundError`` when the run has no such training set; ``InvalidError`` when its spine was not logged and
    is not given.
    """
    client = client_of(client)
    kept = run_of(run, client)
    record = record_of(kept, name)
    differences, gone = changed_definitions(record, store)
    if gone:
        return Remade(record, None, differences)
    with tempfile.TemporaryDirectory() as directory:
        rows = _logged_spine(client, kept, record, Path(directory)) if spine is None else spine
        made = store.training_set(rows, list(record.features), known_at=record.known_at, **_options(record, rows))
        table = made.to_arrow()
    return Remade(record, table, [*differences, *compared(record, made, differences)])


def _options(record: TrainingSetRecord, spine: Any) -> Any:
    """The options, without the delimiter where the spine is no file any more."""
    is_file = isinstance(spine, (str, Path))
    return {key: value for key, value in record.options.items() if key != "delimiter" or is_file}


def _logged_spine(client: MlflowClient, run: Run, record: TrainingSetRecord, directory: Path) -> Any:
    """The spine that was logged: the file as it was, or the table."""
    if record.spine_artifact is None:
        raise InvalidError(
            f"the spine of the training set {record.name!r} of run {run.info.run_id} was not logged: give it (spine=)"
        )
    path = client.download_artifacts(run.info.run_id, record.spine_artifact, str(directory))
    if record.spine_is_file:
        return path
    return library("pyarrow.parquet", "a logged spine").read_table(path)
