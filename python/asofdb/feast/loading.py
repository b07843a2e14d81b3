"""Loading of file sources into the store: each file once, whatever asks for it."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.ipc
from feast.infra.offline_stores.file_source import FileSource
from feast.repo_config import RepoConfig

from asofdb import _native

from .connect import Engine
from .files import open_files
from .histories import History, history
from .rows import RowTranslation

_BATCH_ROWS: Final = 1 << 16

_lock = threading.Lock()
_loaded: WeakKeyDictionary[Engine, set[tuple[Any, ...]]] = WeakKeyDictionary()


def load(config: RepoConfig, engine: Engine, asked: History) -> int:
    """Writes the rows of a feature view's files into its history, unless they are there; returns how many those were.

    The store knows a file by its content. Within one process, a file whose size and time have not changed is not
    even read again.

    Raises :class:`ValueError` when the files lack what is asked for, :class:`asofdb.InvalidError` naming the row and
    the rule for rows that the store refuses.
    """
    source = asked.source
    if not isinstance(source, FileSource):
        return 0
    everything = history(config, asked.feature_view)
    dataset = open_files(source, config.repo_path)
    RowTranslation.of(engine, asked, dataset.schema)
    translation = RowTranslation.of(engine, everything, dataset.schema, missing_as_null=True)
    with _lock:
        return sum(_load_file(engine, translation, fragment) for fragment in dataset.get_fragments())


def _load_file(engine: Engine, translation: RowTranslation, fragment: ds.FileFragment) -> int:
    """Hands one file to the store, batch by batch."""
    known = _loaded.setdefault(engine, set())
    identity = _identity(translation, fragment)
    if identity is not None and identity in known:
        return 0
    with_nulls = _with_nulls(translation, fragment)
    batches = fragment.to_batches(
        schema=translation.source_schema, columns=translation.source_columns, batch_size=_BATCH_ROWS
    )
    with tempfile.TemporaryDirectory(prefix="asofdb-") as directory:
        # A file, not a stream: the store knows a file by its content, and the same rows make the same file.
        translated = Path(directory) / "rows.arrow"
        with pa.ipc.new_file(translated, translation.schema) as out:
            for batch in batches:
                out.write_batch(translation.translate(batch, with_nulls))
        written = _native.ingest_named(engine._engine, translation.view, fragment.path, translated)
    if identity is not None:
        known.add(identity)
    return written


def _with_nulls(translation: RowTranslation, fragment: ds.FileFragment) -> list[str]:
    """The columns of whole numbers for texts that are null somewhere in a file."""
    schema = translation.source_schema
    return [
        column
        for column in translation.texts_of_numbers
        if fragment.scanner(schema=schema, columns=[], filter=ds.field(column).is_null()).count_rows()
    ]


def _identity(translation: RowTranslation, fragment: ds.FileFragment) -> tuple[Any, ...] | None:
    """Returns the key by which a file is known within this process; ``None`` for files elsewhere."""
    try:
        status = Path(fragment.path).stat()
    except OSError:
        return None
    columns = (translation.view, tuple(translation.schema.names), tuple(translation.source_columns))
    return (*columns, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
