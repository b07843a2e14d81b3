"""The place of the offline store."""

from __future__ import annotations

from typing import Literal

from feast.repo_config import FeastConfigBaseModel, RepoConfig
from pydantic import model_validator

from .connect import Engine, check_location, engine
from .views import Naming


class AsofOfflineLocation(FeastConfigBaseModel):
    """The part of the offline store's configuration that is about the store."""

    type: Literal["asofdb.feast.AsofOfflineStore"] = "asofdb.feast.AsofOfflineStore"
    """The name that selects this store."""

    path: str | None = None
    """The directory of a store that this process opens; relative to the feature repository."""

    socket: str | None = None
    """The socket of a running ``asof serve``."""

    prefix: str | None = None
    """Prefix of the names of this project's views in the store; made from the project's name if not given."""

    @model_validator(mode="after")
    def _one_location(self) -> AsofOfflineLocation:
        check_location(self)
        return self


def naming(config: RepoConfig) -> Naming:
    """Returns the names in the store for the things of a configuration's project."""
    return Naming.of(config, getattr(config.offline_store, "prefix", None))


def offline_engine(config: RepoConfig) -> Engine:
    """The engine of the offline store.

    Raises :class:`ValueError` when the offline store of the configuration is another one.
    """
    location = config.offline_store
    if not isinstance(location, AsofOfflineLocation):
        raise ValueError(
            "asofdb: an AsofSource is read through `offline_store: {type: asofdb.feast.AsofOfflineStore, ...}`, not "
            f"through {type(location).__name__}"
        )
    return engine(location, config.repo_path)
