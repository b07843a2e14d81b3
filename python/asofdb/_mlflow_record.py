"""The record of a training set in MLflow."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ._frames import library
from ._origin import Digest
from .errors import CorruptError, InvalidError, NotFoundError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

__all__ = ["SOURCE_TYPE", "TrainingSetRecord", "check_name", "client_of", "record_of", "run_of"]

SOURCE_TYPE = "asofdb"
"""The type that our datasets have in MLflow."""

FORMAT = 1
"""The format of records; one of a later format is refused."""

# What MLflow keeps of the profile of a dataset.
_PROFILE_CHARS_MAX = 16_777_215

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class TrainingSetRecord:
    """What a training set was made of, as a run of MLflow has it.

    ``references`` are as they were asked for, and ``features`` what they named then, each with the meaning of its
    definition. ``known_at`` is a time, or ``"own_time"``; where none was asked for it is the present of the store
    before the training set was made. ``counts`` has the statuses of each feature's values.
    """

    name: str
    store_id: str | None
    catalog_revision: int
    references: list[str]
    features: dict[str, str]
    options: dict[str, Any]
    known_at: str
    made_at: str
    spine: Digest
    result: Digest
    counts: dict[str, dict[str, int]]
    spine_artifact: str | None
    spine_is_file: bool

    def to_json(self) -> str:
        """The record as text.

        Raises ``InvalidError`` where it is longer than MLflow keeps.
        """
        text = json.dumps({"format": FORMAT, **asdict(self)}, separators=(",", ":"))
        if len(text) > _PROFILE_CHARS_MAX:
            raise InvalidError(
                f"the record of a training set has at most {_PROFILE_CHARS_MAX} characters, and this one of "
                f"{len(self.features)} features and {len(self.result.columns)} columns has {len(text)}"
            )
        return text

    @classmethod
    def of_json(cls, text: str) -> TrainingSetRecord:
        """Reads a record.

        Raises ``CorruptError`` for what is none, or was written by a newer asofdb.
        """
        try:
            tree = json.loads(text)
            version = tree.pop("format")
            if version != FORMAT:
                raise CorruptError(f"the record of a training set has format {version}, and this asofdb reads {FORMAT}")
            spine, result = (Digest(**tree.pop(of)) for of in ("spine", "result"))
            return cls(spine=spine, result=result, **tree)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CorruptError(f"the record of a training set cannot be read: {error}") from error

    def digest(self) -> str:
        """The digest of the record, which MLflow tells datasets of one name apart by."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:32]


def check_name(name: str) -> None:
    """Refuses what cannot be the name of a training set in a run: it stands in the keys of tags."""
    if not _NAME.fullmatch(name):
        raise InvalidError(f"a training set of a run has a name of 1 to 64 letters, digits, _ and -: {name!r}")


def client_of(client: MlflowClient | None) -> MlflowClient:
    """The client that was given, or one of the tracking server that MLflow is set up for."""
    mlflow = library("mlflow", "asofdb.mlflow")
    return mlflow.MlflowClient() if client is None else client


def run_of(run: Run | str | None, client: MlflowClient) -> Run:
    """The run of an id, an object, or the one that is active, as the server has it now."""
    if run is None:
        run = library("mlflow", "asofdb.mlflow").active_run()
        if run is None:
            raise InvalidError("no run of MLflow is active: begin one, or name it")
    return client.get_run(run if isinstance(run, str) else run.info.run_id)


def record_of(run: Run, name: str) -> TrainingSetRecord:
    """The training set of this name that a run has.

    Raises ``NotFoundError``, with the names that there are.
    """
    inputs = run.inputs.dataset_inputs if run.inputs else []
    ours = [one.dataset for one in inputs if one.dataset.source_type == SOURCE_TYPE]
    for dataset in ours:
        if dataset.name == name:
            return TrainingSetRecord.of_json(dataset.profile or "")
    names = ", ".join(sorted(dataset.name for dataset in ours)) or "none"
    raise NotFoundError(f"the run {run.info.run_id} has no training set of asofdb named {name!r}; it has: {names}")
