"""Results and logs that are kept as files: saved data sets and logged features."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Union

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as fs
import pyarrow.parquet as pq
from feast.errors import SavedDatasetLocationAlreadyExists
from feast.feature_logging import LoggingConfig
from feast.infra.offline_stores.file_source import FileLoggingDestination, FileSource, SavedDatasetFileStorage
from feast.saved_dataset import SavedDatasetStorage


@dataclass(frozen=True)
class SavedFile:
    """A Parquet file, or a directory of them, at some place that pyarrow can write to."""

    uri: str
    path: str
    filesystem: fs.FileSystem

    @staticmethod
    def of(storage: SavedDatasetStorage, repo_path: Path | None) -> SavedFile:
        """The place where a data set is saved.

        Raises :class:`ValueError` for storage other than files.
        """
        if not isinstance(storage, SavedDatasetFileStorage):
            raise ValueError(
                f"asofdb: data sets are saved with SavedDatasetFileStorage, as Parquet files: {type(storage).__name__}"
            )
        return _saved_file(storage.file_options.uri, storage.file_options.s3_endpoint_override, repo_path)

    def check(self, allow_overwrite: bool) -> None:
        """Raises Feast's error when something is there and may not be overwritten."""
        if not allow_overwrite and self._exists():
            raise SavedDatasetLocationAlreadyExists(location=self.uri)

    def write(self, reader: pa.RecordBatchReader) -> None:
        """Writes rows as they come: into one file where the path ends so, else into a directory."""
        if self.path.endswith(".parquet"):
            with pq.ParquetWriter(self.path, reader.schema, filesystem=self.filesystem) as writer:
                for batch in reader:
                    writer.write_batch(batch)
        else:
            ds.write_dataset(
                reader,
                self.path,
                filesystem=self.filesystem,
                format="parquet",
                existing_data_behavior="delete_matching",
            )

    def _exists(self) -> bool:
        return bool(self.filesystem.get_file_info(self.path).type != fs.FileType.NotFound)


def write_logs(data: Union[pa.Table, Path], logging: LoggingConfig, repo_path: Path | None) -> None:
    """Adds logged features to the files of their destination.

    Raises :class:`ValueError` for destinations other than files.
    """
    destination = logging.destination
    if not isinstance(destination, FileLoggingDestination):
        raise ValueError(
            f"asofdb: features are logged to a FileLoggingDestination, as Parquet files: {type(destination).__name__}"
        )
    saved = _saved_file(destination.path, destination.s3_endpoint_override, repo_path)
    rows = ds.dataset(data, format="parquet") if isinstance(data, Path) else data
    ds.write_dataset(
        rows,
        saved.path,
        filesystem=saved.filesystem,
        format="parquet",
        basename_template=f"{uuid.uuid4().hex}-{{i}}.parquet",
        partitioning=destination.partition_by,
        partitioning_flavor="hive" if destination.partition_by else None,
        existing_data_behavior="overwrite_or_ignore",
    )


def _saved_file(uri: str, s3_endpoint_override: str, repo_path: Path | None) -> SavedFile:
    absolute = FileSource.get_uri_for_file_path(repo_path=repo_path, uri=uri)
    filesystem, path = FileSource.create_filesystem_and_path(absolute, s3_endpoint_override)
    return SavedFile(uri, path, filesystem or fs.LocalFileSystem())
