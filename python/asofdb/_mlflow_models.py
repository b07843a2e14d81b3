"""Registered models by the views that they were trained with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._frames import library
from ._mlflow_record import client_of
from .errors import InvalidError

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["ModelVersion", "models_using"]

# The rule for names of views; others cannot stand in a filter.
_VIEW = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")

# Experiments that a search of runs is asked about at once.
_EXPERIMENTS_AT_ONCE = 100


@dataclass(frozen=True)
class ModelVersion:
    """A registered version of a model, and the run that it is of."""

    name: str
    version: str
    run_id: str

    def __str__(self) -> str:
        """As a consumer names it: ``model="fraud/3"``."""
        return f"{self.name}/{self.version}"


def models_using(view: str, *, client: MlflowClient | None = None) -> list[ModelVersion]:
    """Finds the registered versions of models whose runs have a training set with a feature of exactly this view:
    ``stats_v1`` is not ``stats_v10``. They are sorted by name and version.

    Raises ``InvalidError`` for what no view is called.
    """
    if not _VIEW.fullmatch(view):
        raise InvalidError(f"no view has such a name: {view!r}")
    client = client_of(client)
    every = library("mlflow.entities", "asofdb.mlflow").ViewType.ALL
    experiments = [one.experiment_id for one in _pages(client.search_experiments, view_type=every)]
    found: list[ModelVersion] = []
    for start in range(0, len(experiments), _EXPERIMENTS_AT_ONCE):
        some = experiments[start : start + _EXPERIMENTS_AT_ONCE]
        for run in _pages(client.search_runs, some, filter_string=f"tags.`asofdb.view.{view}` = 'read'"):
            run_id = run.info.run_id
            for version in _pages(client.search_model_versions, f"run_id = '{run_id}'"):
                found.append(ModelVersion(version.name, str(version.version), run_id))
    return sorted(found, key=lambda one: (one.name, len(one.version), one.version))


def _pages(search: Callable[..., Any], *arguments: Any, **options: Any) -> Iterator[Any]:
    """All that a search finds, page after page."""
    page = search(*arguments, **options)
    yield from page
    while page.token:
        page = search(*arguments, **options, page_token=page.token)
        yield from page
