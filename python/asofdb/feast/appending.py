"""Rows that are added to the source of a feature view."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as fs
import pyarrow.parquet as pq
from feast.feature_view import FeatureView
from feast.infra.offline_stores.file_source import FileSource
from feast.repo_config import RepoConfig

from .computing import refuse_rows
from .defining import ensure_defined
from .files import open_files
from .histories import history
from .location import offline_engine
from .rows import RowTranslation

_WRITE_ROWS_MAX: Final = 100_000
"""Rows that are written at once; more are loaded, by way of a file."""


def append(config: RepoConfig, feature_view: FeatureView, table: pa.Table) -> None:
    """Adds rows to a feature view's file, or to its history in the store.

    Raises :class:`ValueError` when the rows do not have the columns of the source, or no rows are written to it.
    """
    refuse_rows(feature_view)
    if isinstance(feature_view.batch_source, FileSource):
        _append_to_files(config, feature_view.batch_source, table)
    else:
        _write(config, feature_view, table)


def _write(config: RepoConfig, feature_view: FeatureView, table: pa.Table) -> None:
    engine = offline_engine(config)
    everything = history(config, feature_view)
    ensure_defined(config, engine, everything)
    translation = RowTranslation.of(engine, everything, table.schema)
    with_nulls = [column for column in translation.texts_of_numbers if table[column].null_count]
    batches = [translation.translate(batch, with_nulls) for batch in table.combine_chunks().to_batches()]
    rows = pa.Table.from_batches(batches, translation.schema)
    if rows.num_rows <= _WRITE_ROWS_MAX:
        engine.write(translation.view, rows)
    else:
        engine.ingest(translation.view, rows)


def _append_to_files(config: RepoConfig, source: FileSource, table: pa.Table) -> None:
    dataset = open_files(source, config.repo_path)
    back = {mapped: column for column, mapped in source.field_mapping.items()}
    table = table.rename_columns([back.get(column, column) for column in table.column_names])
    if sorted(table.column_names) != sorted(dataset.schema.names):
        raise ValueError(
            f"asofdb: the rows for data source {source.name!r} must have its columns "
            f"{dataset.schema.names}: {table.column_names}"
        )
    rows = table.select(dataset.schema.names).cast(dataset.schema)
    path = FileSource.get_uri_for_file_path(repo_path=config.repo_path, uri=source.path)
    filesystem, path = FileSource.create_filesystem_and_path(
        path, source.s3_endpoint_override or "", resolved_credentials=source.resolve_credentials()
    )
    filesystem = filesystem or fs.LocalFileSystem()
    if filesystem.get_file_info(path).type == fs.FileType.Directory:
        pq.write_table(rows, f"{path.rstrip('/')}/{uuid.uuid4().hex}.parquet", filesystem=filesystem)
    else:
        _rewrite(dataset, rows, path, filesystem)


def _rewrite(dataset: ds.Dataset, rows: pa.Table, path: str, filesystem: fs.FileSystem) -> None:
    """The file with more rows takes its place when it is complete."""
    beside = f"{path}.{uuid.uuid4().hex}"

    def all_batches() -> Iterator[pa.RecordBatch]:
        yield from dataset.to_batches()
        yield from rows.to_batches()

    with pq.ParquetWriter(beside, dataset.schema, filesystem=filesystem) as writer:
        for batch in all_batches():
            writer.write_batch(batch)
    filesystem.move(beside, path)
