"""asofdb: an embedded feature store engine.

A :class:`Store` keeps every version of every feature row and answers what a value is now (:meth:`Store.latest`), what
it was at a time (:meth:`Store.as_of`, :meth:`Store.training_set`), and gives all of it (:meth:`Store.export`). Every
value comes with the reason for its presence or absence, a :class:`Status`.

One process has a store open at a time. Others use it through a sidecar (``asof serve``), with a :class:`Client` or an
:class:`AsyncClient`, which have the same methods, results and errors.

Times are aware datetimes, ``numpy.datetime64`` (which is UTC) or RFC 3339 text; naive datetimes are refused. Columns of
times without a zone are UTC. All times are kept in microseconds.
"""

from ._aio import AsyncClient
from ._catalog import Catalog, Change, Plan
from ._native import VERSION as __version__
from ._reports import (
    Alert,
    Alerts,
    AlertTarget,
    AnswerCounts,
    Answers,
    Approval,
    Audit,
    BackedUp,
    Backup,
    CatalogChange,
    Clock,
    ClockRepair,
    Compared,
    Duplicate,
    Erased,
    FeatureCounts,
    Feed,
    FeedRun,
    Freshness,
    IngestedFile,
    IngestReport,
    JoinReport,
    Proposal,
    Restored,
    SearchHit,
    SearchMatch,
    Usage,
    UsageCounts,
    Verified,
    Version,
    ViewAges,
)
from ._request import Request
from ._result import Result, Status
from ._store import Client, Store
from ._training import TrainingSet
from .computed import DerivedFeature, DerivedView, RequestValue, WindowFeature, WindowView
from .definitions import (
    Column,
    Definitions,
    Entity,
    EventView,
    Feature,
    FeatureService,
    FeatureView,
    FeedSource,
    FreshnessObjective,
)
from .errors import (
    ClosedError,
    ConflictError,
    CorruptError,
    DeniedError,
    Error,
    InternalError,
    InvalidError,
    LimitedError,
    NotFoundError,
    UnavailableError,
)

__all__ = [
    "Alert",
    "AlertTarget",
    "Alerts",
    "AnswerCounts",
    "Answers",
    "Approval",
    "AsyncClient",
    "Audit",
    "BackedUp",
    "Backup",
    "Catalog",
    "CatalogChange",
    "Change",
    "Client",
    "Clock",
    "ClockRepair",
    "ClosedError",
    "Column",
    "Compared",
    "ConflictError",
    "CorruptError",
    "Definitions",
    "DeniedError",
    "DerivedFeature",
    "DerivedView",
    "Duplicate",
    "Entity",
    "Erased",
    "Error",
    "EventView",
    "Feature",
    "FeatureCounts",
    "FeatureService",
    "FeatureView",
    "Feed",
    "FeedRun",
    "FeedSource",
    "Freshness",
    "FreshnessObjective",
    "IngestReport",
    "IngestedFile",
    "InternalError",
    "InvalidError",
    "JoinReport",
    "LimitedError",
    "NotFoundError",
    "Plan",
    "Proposal",
    "Request",
    "RequestValue",
    "Restored",
    "Result",
    "SearchHit",
    "SearchMatch",
    "Status",
    "Store",
    "TrainingSet",
    "UnavailableError",
    "Usage",
    "UsageCounts",
    "Verified",
    "Version",
    "ViewAges",
    "WindowFeature",
    "WindowView",
    "__version__",
]
