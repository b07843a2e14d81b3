"""Reports of operations."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ._catalog import Change

if TYPE_CHECKING:
    from ._origin import FileOrigin

__all__ = [
    "Alert",
    "AlertTarget",
    "Alerts",
    "AnswerCounts",
    "Answers",
    "Approval",
    "Audit",
    "BackedUp",
    "Backup",
    "CatalogChange",
    "Clock",
    "ClockRepair",
    "Compared",
    "Duplicate",
    "Erased",
    "FeatureCounts",
    "Freshness",
    "IngestReport",
    "IngestedFile",
    "JoinReport",
    "ModelUsage",
    "Restored",
    "SearchHit",
    "SearchMatch",
    "Usage",
    "UsageCounts",
    "Verified",
    "Version",
    "ViewAges",
    "time_of",
]


@dataclass(frozen=True)
class Version:
    """One version of an entity's row. ``values`` is by feature, and empty for a deletion."""

    event_timestamp: datetime
    created_timestamp: datetime
    deleted: bool
    values: dict[str, Any]


@dataclass(frozen=True)
class Erased:
    """The receipt of an erasure in one view: how many versions were removed, and the bytes of their keys and rows."""

    view: str
    versions: int
    bytes: int


@dataclass(frozen=True)
class Freshness:
    """A view's freshness: its newest event against its ttl, which tells whether it is fed. Ages are in seconds."""

    view: str
    stale: bool
    newest_event_timestamp: datetime | None
    age_seconds: float | None
    ttl_seconds: float | None
    entities: int
    expired_entities: int
    now: datetime

    @classmethod
    def _of(cls, text: str) -> Freshness:
        tree = json.loads(text)
        for name in ("newest_event_timestamp", "now"):
            tree[name] = time_of(tree[name])
        return cls(**tree)


@dataclass(frozen=True)
class ViewAges:
    """How fresh a view is over all of its entities: the time since the newest event of each. Ages are in seconds.

    ``status`` is ``"fresh"``, ``"warn"``, ``"stale"``, ``"no_data"`` or, while it is being counted after a crash,
    ``"rebuilding"``. ``stale`` says that it breaks its promise: it is stale, or promises something and has no data.
    ``objective`` is what the view promises, or else its ttl. Entities whose newest event lies in the future are in
    ``entities_ahead`` alone. Of an event view there is the newest event only. An age is never too small, and too great
    by less than a minute up to two days before the newest event, than an hour up to forty, and so on.
    """

    view: str
    status: str
    stale: bool
    objective: dict[str, Any] | None
    newest_event_timestamp: datetime | None
    age_seconds: float | None
    entities: int | None
    entities_ahead: int | None
    age_p50_seconds: float | None
    age_p95_seconds: float | None
    age_max_seconds: float | None
    share_over_warn: float | None
    share_over_stale: float | None
    now: datetime

    @classmethod
    def _all(cls, text: str) -> list[ViewAges]:
        trees = json.loads(text)
        for tree in trees:
            for name in ("newest_event_timestamp", "now"):
                tree[name] = time_of(tree[name])
        return [cls(**tree) for tree in trees]


@dataclass(frozen=True)
class Approval:
    """The approval of a change."""

    who: str
    at: datetime


@dataclass(frozen=True)
class CatalogChange:
    """A change of what is defined, which led to ``revision``: who made it, when, why and what. ``left_out`` is the
    number of lines that are not in ``changes``, of more than 4,096."""

    revision: int
    at: datetime
    who: str
    message: str
    approved_by: list[Approval]
    changes: list[Change]
    left_out: int

    @classmethod
    def _all(cls, text: str) -> list[CatalogChange]:
        rows = json.loads(text)
        for row in rows:
            row["at"] = time_of(row["at"])
            row["approved_by"] = [Approval(one["who"], time_of(one["at"])) for one in row["approved_by"]]
            row["changes"] = [Change(**change) for change in row["changes"]]
        return [cls(**row) for row in rows]


@dataclass(frozen=True)
class Proposal:
    """A plan that waits: the hash by which it is approved, who wants it, when and why, what it changes, and who has
    approved it. ``left_out`` is the number of lines that are not in ``changes``, of more than 128."""

    plan: str
    who: str
    at: datetime
    message: str
    changes: list[Change]
    left_out: int
    approved_by: list[Approval]

    @classmethod
    def _all(cls, text: str) -> list[Proposal]:
        rows = json.loads(text)
        for row in rows:
            row["at"] = time_of(row["at"])
            row["approved_by"] = [Approval(one["who"], time_of(one["at"])) for one in row["approved_by"]]
            row["changes"] = [Change(**change) for change in row["changes"]]
        return [cls(**row) for row in rows]


@dataclass(frozen=True)
class UsageCounts:
    """Calls, and the rows that they asked for."""

    calls: int
    rows: int


@dataclass(frozen=True)
class Usage:
    """The reads of one view or service (``of``) by one consumer on one day of UTC, or on all days up to it.

    ``values`` is by feature.
    """

    day: date
    of: str
    name: str
    consumer: str
    serving: UsageCounts
    training: UsageCounts
    exports: UsageCounts
    last_read: datetime
    values: dict[str, int]

    @classmethod
    def _all(cls, text: str) -> list[Usage]:
        rows = json.loads(text)
        for row in rows:
            row["day"] = date.fromisoformat(row["day"])
            row["last_read"] = time_of(row["last_read"])
            for counts in ("serving", "training", "exports"):
                row[counts] = UsageCounts(**row[counts])
        return [cls(**row) for row in rows]


@dataclass(frozen=True)
class ModelUsage:
    """The reads of one view or service (``of``) by one version of a model, ``name/version``, through one consumer."""

    model: str
    of: str
    name: str
    consumer: str
    serving: UsageCounts
    training: UsageCounts
    exports: UsageCounts
    last_read: datetime

    @classmethod
    def _all(cls, text: str) -> list[ModelUsage]:
        rows = json.loads(text)
        for row in rows:
            row["last_read"] = time_of(row["last_read"])
            for counts in ("serving", "training", "exports"):
                row[counts] = UsageCounts(**row[counts])
        return [cls(**row) for row in rows]


@dataclass(frozen=True)
class AnswerCounts:
    """Values that a consumer got, by status. ``defaulted`` are those that were not present and have a default."""

    values: int
    present: int
    null: int
    missing: int
    expired: int
    defaulted: int


@dataclass(frozen=True)
class Answers:
    """The values of one feature that one consumer got of late."""

    view: str
    feature: str
    consumer: str
    last_5m: AnswerCounts
    last_1h: AnswerCounts
    last_1d: AnswerCounts

    @classmethod
    def _all(cls, text: str) -> list[Answers]:
        rows = json.loads(text)
        for row in rows:
            for counts in ("last_5m", "last_1h", "last_1d"):
                row[counts] = AnswerCounts(**row[counts])
        return [cls(**row) for row in rows]


@dataclass(frozen=True)
class FeedRun:
    """One run of the feed of a view. ``files`` are those that were new or had changed; ``error`` says why it failed."""

    view: str
    began: datetime
    ended: datetime
    files: int
    rows_read: int
    rows_written: int
    rows_rejected: int
    error: str | None

    @classmethod
    def _of(cls, run: dict[str, Any]) -> FeedRun:
        times = {name: time_of(run[name]) for name in ("began", "ended")}
        return cls(**{**run, **times})

    @classmethod
    def _all(cls, text: str) -> list[FeedRun]:
        return [cls._of(run) for run in json.loads(text)]


@dataclass(frozen=True)
class TopValue:
    """A frequent value as JSON has it, of a long one the beginning, and its share of the values that there are."""

    value: str
    shortened: bool
    count: int
    share: float


@dataclass(frozen=True)
class Bucket:
    """A bucket of a histogram: numbers from ``start`` on and less than ``end``, which the last bucket has, too."""

    start: Any
    end: Any
    count: int


@dataclass(frozen=True)
class NumberStatistics:
    """Statistics of finite numbers; times and dates are texts. ``quantiles`` are ``p1`` to ``p99``; they and the
    histogram are made from ``ranked`` numbers. ``stddev`` of timestamps is in seconds, of dates in days."""

    count: int
    min: Any
    max: Any
    mean: Any
    stddev: float | None
    ranked: int
    quantiles: dict[str, Any]
    histogram: list[Bucket]

    @classmethod
    def _of(cls, tree: dict[str, Any] | None) -> NumberStatistics | None:
        if tree is None:
            return None
        histogram = [Bucket(one["from"], one["to"], one["count"]) for one in tree["histogram"]]
        return cls(**{**tree, "histogram": histogram})


@dataclass(frozen=True)
class FeatureStatistics:
    """Statistics of a feature: entities by status, values that are no finite number, different values (an estimate
    where ``distinct_is_exact`` is False), the most frequent ones, and of numbers or lengths more."""

    feature: str
    type: str
    present: int
    null: int
    missing: int
    expired: int
    null_share: float
    missing_share: float
    expired_share: float
    nan: int
    negative_infinity: int
    positive_infinity: int
    distinct: int
    distinct_is_exact: bool
    top: list[TopValue]
    top_is_exact: bool
    numbers: NumberStatistics | None
    lengths: NumberStatistics | None

    @classmethod
    def _of(cls, tree: dict[str, Any]) -> FeatureStatistics:
        top = [TopValue(**one) for one in tree["top"]]
        numbers = {name: NumberStatistics._of(tree[name]) for name in ("numbers", "lengths")}
        return cls(**{**tree, **numbers, "top": top})


@dataclass(frozen=True)
class Statistics:
    """Statistics of a view's values as of the time ``taken``, of ``entities`` of ``of_entities``. Those of ``outdated``
    features are of an older definition. Of an event view ``features`` are the columns of ``events`` events, at most the
    newest ``events_of_entity_max`` of each entity."""

    view: str
    taken: datetime | None
    catalog_revision: int | None
    entities: int | None
    of_entities: int | None
    events: int | None
    events_of_entity_max: int | None
    versions: int | None
    bytes: int | None
    size_is_exact: bool | None
    outdated: list[str]
    withheld: list[str]
    features: dict[str, FeatureStatistics]

    @classmethod
    def _of(cls, text: str) -> Statistics:
        tree = json.loads(text)
        tree["taken"] = time_of(tree["taken"])
        tree["features"] = {one["feature"]: FeatureStatistics._of(one) for one in tree["features"]}
        return cls(**tree)


@dataclass(frozen=True)
class Feed:
    """The feed of a view. ``status`` is ok, late, failing or never_ran: it is late when no run has succeeded within
    twice the time of its schedule. ``runs`` are the last ones, the oldest first."""

    view: str
    path: str
    schedule: str | None
    status: str
    succeeded: datetime | None
    failures: int
    runs: list[FeedRun]

    @classmethod
    def _all(cls, text: str) -> list[Feed]:
        feeds = json.loads(text)
        for feed in feeds:
            feed["succeeded"] = feed["succeeded"] and time_of(feed["succeeded"])
            feed["runs"] = [FeedRun._of({"view": feed["view"], **run}) for run in feed["runs"]]
        return [cls(**feed) for feed in feeds]


@dataclass(frozen=True)
class Alert:
    """An alert that is open. ``subject`` is the view, and empty for what is about the whole store; ``told`` is the time
    of the last notice about it."""

    kind: str
    subject: str
    state: str
    severity: str
    message: str
    since: datetime
    told: datetime
    notices: int
    is_recovering: bool


@dataclass(frozen=True)
class AlertTarget:
    """A webhook or command that is told, and how delivery to it goes since the sidecar began. ``kind`` is ``"json"``,
    ``"slack"`` or ``"command"``."""

    target: str
    kind: str
    waiting: int
    delivered: int
    failures: int
    dropped: int
    last_delivered: datetime | None
    last_failed: datetime | None
    last_error: str | None


@dataclass(frozen=True)
class Alerts:
    """What is wrong with a store and its views, and who is told; nobody where the sidecar has no alerts."""

    alerts: list[Alert]
    targets: list[AlertTarget]

    @classmethod
    def _of(cls, text: str) -> Alerts:
        tree = json.loads(text)
        for alert in tree["alerts"]:
            for name in ("since", "told"):
                alert[name] = time_of(alert[name])
        for target in tree["targets"]:
            for name in ("last_delivered", "last_failed"):
                target[name] = time_of(target[name])
        return cls([Alert(**alert) for alert in tree["alerts"]], [AlertTarget(**target) for target in tree["targets"]])


@dataclass(frozen=True)
class ConsumerFigures:
    """What one consumer did with one view by one operation since the sidecar began, and how fast, in seconds; a request
    over several views counts in each. ``view`` is empty for what is about no view, ``errors`` are by kind. The last
    four are reads that took longer than the ``latency_p99`` of the consumer and of the view, and bytes."""

    consumer: str
    operation: str
    view: str
    requests: int
    rows: int
    errors: dict[str, int]
    p50_seconds: float
    p99_seconds: float
    p999_seconds: float
    over_consumer_objective: int
    over_view_objective: int
    answered_bytes: int
    written_bytes: int

    @classmethod
    def _list_of(cls, text: str) -> list[ConsumerFigures]:
        return [cls(**row) for row in json.loads(text)]


@dataclass(frozen=True)
class Limits:
    """The limits of consumers and views that are in force: ``limits`` in TOML, empty where there are none; since when,
    and by whom (``"start"``, ``"SIGHUP"``, or a user such as ``"uid:1000"``). ``error`` is why the sidecar's file of
    limits was refused when it was last read, since which these went on."""

    limits: str
    changed: datetime
    by: str
    error: str | None

    @classmethod
    def _of(cls, text: str) -> Limits:
        tree = json.loads(text)
        return cls(tree["limits"], time_of(tree["changed"]), tree["by"], tree["error"])


@dataclass(frozen=True)
class Audit:
    """The findings of an audit of what was served: of each feature how many ``differences`` there are by reason, and
    some of them in full, as ``asof audit --format json`` tells them."""

    rows: int
    answers: int
    values: int
    differing: int
    differences: dict[str, dict[str, int]]
    examples: list[dict[str, Any]]

    @classmethod
    def _of(cls, text: str) -> Audit:
        tree = json.loads(text)
        differences = {name: feature["differences"] for name, feature in tree["features"].items()}
        counts = {name: tree[name] for name in ("rows", "answers", "values", "differing")}
        return cls(**counts, differences=differences, examples=tree["examples"])


@dataclass(frozen=True)
class Verified:
    """The counts of a check of everything, and the problems that it found: none, if all is well."""

    versions: int
    entities: int
    problems: list[str]


@dataclass(frozen=True)
class IngestedFile:
    """Report of one input of an ingest. Rows that an earlier run had read are in ``rows_resumed`` only."""

    name: str
    rows_read: int
    rows_written: int
    rows_rejected: int
    rows_resumed: int


@dataclass(frozen=True)
class IngestReport:
    """Report of an ingest. ``rejects`` is the file of bad rows, if there is one."""

    rows_read: int
    rows_written: int
    rows_rejected: int
    rows_resumed: int
    rejects: str | None
    seconds: float
    files: list[IngestedFile]

    @classmethod
    def _of(cls, text: str) -> IngestReport:
        tree = json.loads(text)
        tree["files"] = [IngestedFile(**file) for file in tree["files"]]
        return cls(**tree)


@dataclass(frozen=True)
class FeatureCounts:
    """Counts of each status of a feature."""

    present: int
    null: int
    missing: int
    expired: int


@dataclass(frozen=True)
class JoinReport:
    """Report of a training set: ``null_rows`` are rows whose time or a join key was null; ``features`` by reference."""

    rows: int
    null_rows: int
    features: dict[str, FeatureCounts]
    _origin: FileOrigin | None = field(default=None, repr=False, compare=False)

    @classmethod
    def _of(cls, text: str, origin: FileOrigin | None = None) -> JoinReport:
        tree = json.loads(text)
        features = {name: FeatureCounts(**counts) for name, counts in tree["features"].items()}
        return cls(tree["rows"], tree["null_rows"], features, origin)


@dataclass(frozen=True)
class BackedUp:
    """A backup that was taken. ``new_files`` and ``new_bytes`` are those whose contents no earlier backup had;
    ``expired`` are the names of backups that were removed by the policy."""

    name: str
    files: int
    bytes: int
    new_files: int
    new_bytes: int
    expired: list[str]

    @classmethod
    def _of(cls, text: str) -> BackedUp:
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Backup:
    """A backup in a directory. Its name is the time at which it was taken. ``kept_logs`` says whether it has the logs
    of the time before it, which lead to any commit there."""

    name: str
    files: int
    bytes: int
    kept_logs: bool


@dataclass(frozen=True)
class Restored:
    """Files and bytes of a store that was made. ``versions_read`` is the number of versions that were read to check it,
    where a checkpoint of an earlier version has no checksums."""

    files: int
    bytes: int
    versions_read: int | None


@dataclass(frozen=True)
class Clock:
    """The system's clock, the store's present, and what the store believes: none in its first hour.

    ``ahead_seconds`` is how far the clock claims to be ahead of that. ``stamped_ahead`` are ranges of created
    timestamps that are ahead of a clock which has come back; ``warning`` says what is wrong, if anything is.
    """

    system: datetime
    store: datetime
    believed: datetime | None
    ahead_seconds: float | None
    stamped_ahead: list[tuple[datetime, datetime]]
    warning: str | None

    @classmethod
    def _of(cls, text: str) -> Clock:
        tree = json.loads(text)
        for name in ("system", "store", "believed"):
            tree[name] = time_of(tree[name])
        tree["stamped_ahead"] = [(time_of(first), time_of(last)) for first, last in tree["stamped_ahead"]]
        return cls(**tree)


@dataclass(frozen=True)
class ClockRepair:
    """What a repair of a store's time has done: the time it went back from, if it did; the views of which compaction
    may have removed versions by that time; and the number of versions that have another created timestamp now."""

    back_from: datetime | None
    reclaimed: list[str]
    restamped: int

    @classmethod
    def _of(cls, text: str) -> ClockRepair:
        tree = json.loads(text)
        return cls(time_of(tree["back_from"]), tree["reclaimed"], tree["restamped"])


@dataclass(frozen=True)
class SearchMatch:
    """A word of a query and the word that it was found as. ``how`` is ``"exact"``, ``"prefix"``, ``"synonym"`` or
    ``"typo"``; ``field`` is where the word counts most, such as ``"name"``."""

    word: str
    found: str
    field: str
    how: str


@dataclass(frozen=True)
class SearchHit:
    """Something that is defined and that a search has found. ``kind`` is such as ``"feature"`` or ``"window_view"``;
    ``computed_from`` has the names of what it is computed from. Scores of one search can be compared."""

    kind: str
    name: str
    description: str
    score: float
    matched: list[SearchMatch]
    computed_from: list[str]

    @classmethod
    def _of(cls, text: str) -> list[SearchHit]:
        return [cls._one(tree) for tree in json.loads(text)]

    @classmethod
    def _one(cls, tree: dict[str, Any]) -> SearchHit:
        matched = [SearchMatch(one["word"], one["found"], one["in"], one["how"]) for one in tree["matched"]]
        same = ("kind", "name", "description", "score")
        return cls(matched=matched, computed_from=tree.get("computed_from", []), **{name: tree[name] for name in same})


@dataclass(frozen=True)
class Compared:
    """What the values of two features have in common: ``share`` of the entities for which the relation holds, and the
    share for which it would by chance. The second feature is ``factor`` times the first plus ``offset``, where that is
    the relation."""

    entities: int
    equal: float
    share: float
    by_chance: float
    rank_correlation: float | None
    factor: float | None
    offset: float | None


@dataclass(frozen=True)
class Duplicate:
    """Two features that are likely the same thing. ``relation`` is such as ``"equal"`` or ``"stale_copy"``, ``reason``
    the evidence in one line; ``names`` and ``descriptions`` say from 0 to 1 how much alike those are. ``values`` is
    None where there were none to compare."""

    features: tuple[str, str]
    owners: tuple[str, str]
    types: tuple[str, str]
    entities: list[str]
    relation: str
    score: float
    reason: str
    names: float
    descriptions: float | None
    values: Compared | None

    @classmethod
    def _of(cls, text: str) -> list[Duplicate]:
        return [cls._one(tree) for tree in json.loads(text)]

    @classmethod
    def _one(cls, tree: dict[str, Any]) -> Duplicate:
        for name in ("features", "owners", "types"):
            tree[name] = tuple(tree[name])
        tree["values"] = tree["values"] and Compared(**tree["values"])
        return cls(**tree)


def time_of(text: str | None) -> Any:
    """A time from RFC 3339 text, as the native part writes it."""
    if not text:
        return None
    # Python 3.10 reads six digits of a fraction, and no fewer.
    second, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{second}.{fraction:0<6}+00:00")
