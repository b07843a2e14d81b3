"""A retrieval, as Feast gets it: it runs when its result is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.saved_dataset import SavedDatasetStorage, ValidationReference

from .saved import SavedFile


class AsofRetrievalJob(RetrievalJob):
    """A retrieval that runs each time its result is asked for."""

    def __init__(
        self,
        run: Callable[[], pa.RecordBatchReader],
        *,
        repo_path: Path | None,
        full_feature_names: bool = False,
        on_demand_feature_views: list[OnDemandFeatureView] | None = None,
        metadata: RetrievalMetadata | None = None,
    ) -> None:
        self._run = run
        self._repo_path = repo_path
        self._full_feature_names = full_feature_names
        self._on_demand_feature_views = on_demand_feature_views or []
        self._metadata = metadata

    @property
    def full_feature_names(self) -> bool:
        """True if features are named ``view__feature``."""
        return self._full_feature_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        """The views that Feast computes from the result."""
        return self._on_demand_feature_views

    @property
    def metadata(self) -> RetrievalMetadata | None:
        """The request's description."""
        return self._metadata

    def to_reader(self) -> pa.RecordBatchReader:
        """The rows as a stream, for results larger than memory; on-demand feature views are not computed."""
        return self._run()

    def to_df(
        self, validation_reference: ValidationReference | None = None, timeout: int | None = None
    ) -> pd.DataFrame:
        """The rows as a data frame, with maps as dictionaries; on-demand feature views are computed."""
        table = self.to_arrow(validation_reference=validation_reference, timeout=timeout)
        rows: pd.DataFrame = table.to_pandas(maps_as_pydicts="strict")
        return rows

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        return self._run().read_all()

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        rows: pd.DataFrame = self._to_arrow_internal(timeout).to_pandas(maps_as_pydicts="strict")
        return rows

    def persist(self, storage: SavedDatasetStorage, allow_overwrite: bool = False, timeout: int | None = None) -> None:
        """Writes the result as Parquet where ``storage`` says; batch by batch, unless Feast computes something from it.

        Raises Feast's ``SavedDatasetLocationAlreadyExists`` when something is there and may not be overwritten.
        """
        saved = SavedFile.of(storage, self._repo_path)
        saved.check(allow_overwrite)
        computed = bool(self._on_demand_feature_views)
        saved.write(self.to_arrow(timeout=timeout).to_reader() if computed else self.to_reader())
