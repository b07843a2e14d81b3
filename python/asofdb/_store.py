"""Stores: embedded, and behind a sidecar."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypedDict, cast, overload

from . import _native
from ._catalog import Catalog, Plan
from ._frames import as_stream, collected
from ._lineage import Lineage, LineageRun, tell_plan, told
from ._made import SpineJoin, served_set
from ._reports import (
    Alerts,
    Answers,
    Audit,
    BackedUp,
    Backup,
    CatalogChange,
    Clock,
    ClockRepair,
    ConsumerFigures,
    Duplicate,
    Erased,
    Feed,
    FeedRun,
    Freshness,
    IngestReport,
    JoinReport,
    Limits,
    ModelUsage,
    Proposal,
    Restored,
    SearchHit,
    Statistics,
    Usage,
    Verified,
    Version,
    ViewAges,
)
from ._request import Request, Time, references_of, warn
from ._result import Result
from ._training import TrainingSet
from .definitions import Definition, Definitions
from .errors import InvalidError, UnavailableError

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

__all__ = ["Client", "Store"]

Path = str | os.PathLike[str]
Progress = Callable[[int, int, int | None], object]
"""Told how far long work has come: rows, work done, all of the work if that is known."""

Wanted = Path | Definitions | Iterable[Definition]


class JoinOptions(TypedDict, total=False):
    """Options of a training set, wherever it goes."""

    event_timestamp: str
    known_at: Time | Literal["own_time"] | None
    statuses: bool
    event_timestamps: bool
    full_names: bool
    memory_bytes: int | None
    delimiter: str | None


IngestArguments = tuple[str | None, str | None, Path | None, bool, Progress | None, int | None]
"""Format, delimiter, rejects, from scratch, progress."""


class ExportQuestion(NamedTuple):
    """The rows to export, and options of the export."""

    start: Time | None
    end: Time | None
    as_of: Time | None
    latest: bool
    partition_by: str | None
    compression: str


# Between two attempts to connect to a sidecar that is starting.
_PAUSE_SECONDS = 0.02

# Requests that a store remembers for callers that do not prepare theirs; more are forgotten, all at once.
_REQUESTS_KEPT_MAX = 1024

os.register_at_fork(after_in_child=_native.after_fork_in_child)


class _Engine:
    """The methods that stores have, wherever they are."""

    _feeds_itself: ClassVar[bool] = True
    """False where a sidecar loads feeds from files of its own."""

    __slots__ = ("__weakref__", "_engine", "_lineage", "_requests")

    def __init__(self, engine: _native.Engine, lineage: Lineage | None = None) -> None:
        self._engine = engine
        self._lineage = lineage
        self._requests: dict[tuple[str, ...], Request] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the store or the connections. What is still running finishes; later calls raise
        ``ClosedError``."""
        self._engine.close()

    # Definitions

    def apply(
        self,
        definitions: Wanted,
        *,
        allow_drop: bool | Sequence[str] = False,
        allow_redefine: bool | Sequence[str] = False,
        revision: int | None = None,
        message: str = "",
    ) -> Plan:
        """Makes the definitions the catalog, in one step, and tells what changed.

        ``definitions`` is the path of a TOML file, the text of one, :class:`Definitions`, or a list of the objects that
        those have: entities, views of every kind and feature services. They are the whole wanted state: what they do
        not name is dropped, which ``allow_drop`` must permit; a feature that would be computed in another way needs
        ``allow_redefine``. What consumers have read in the last 30 days must be named there, as
        ``allow_drop=["user_stats_v1"]``. With ``revision``, that of the catalog which they were made from, they are
        applied only if nothing was changed since. ``message`` is the reason, for :meth:`log`.

        Raises ``InvalidError``, ``NotFoundError`` or ``ConflictError`` when they break a rule, naming the thing and the
        rule, or ``ConflictError`` for another revision; nothing is changed then.
        """
        plan = Plan._of(
            self._engine.apply_json(*_wanted(definitions), _permitted(allow_drop, allow_redefine), (revision, message))
        )
        tell_plan(self._lineage, self._engine, plan)
        return plan

    def _begin(
        self, job: str, *, reads: tuple[Sequence[str], Sequence[str]], writes: tuple[Sequence[str], Sequence[str]]
    ) -> LineageRun | None:
        return LineageRun.begin(self._lineage, self._engine, job, reads=reads, writes=writes)

    def plan(self, definitions: Wanted) -> Plan:
        """Returns the plan of what :meth:`apply` would do."""
        return Plan._of(self._engine.plan_json(*_wanted(definitions)))

    def plan_hash(self, definitions: Wanted) -> str:
        """Returns the hash by which a plan is approved, where the policy has ``approvals_min``."""
        return self._engine.plan_hash(*_wanted(definitions))

    def propose(self, definitions: Wanted, *, message: str = "") -> str:
        """Makes a plan known to those who may approve it, with the reason; returns the hash by which it is approved.

        Nothing is changed. It waits until the next change of what is defined, at most eight of one person at a time.
        """
        return self._engine.propose(*_wanted(definitions), message)

    def propose_policy(self, policy: str, *, message: str = "") -> str:
        """Makes a change of the policy (TOML) known to those who may approve it, with the reason; returns the hash by
        which it is approved. Nothing is changed; it waits as other plans do.

        Raises ``InvalidError`` for what is no policy, with the place, and for the policy that there is.
        """
        return self._engine.propose_policy(policy, message)

    def policy_plan_hash(self, policy: str) -> str:
        """Returns the hash by which a change of the policy is approved, where there is one with ``approvals_min``."""
        return self._engine.policy_plan_hash(policy)

    def plans(self) -> list[Proposal]:
        """Returns the plans that wait, the oldest first, with who has approved them."""
        return Proposal._all(self._engine.plans_json())

    def approve(self, plan: str) -> None:
        """Approves a plan by its hash, for somebody else to apply, until the catalog is changed."""
        self._engine.approve(plan)

    def policy(self) -> str | None:
        """Returns the policy that definitions keep, in TOML; ``None`` where there is none."""
        return self._engine.policy()

    def apply_policy(self, policy: str, *, message: str = "") -> None:
        """Makes a text (TOML) the policy that definitions keep from now on. What is defined already may break it.

        Raises ``InvalidError`` for what is no policy, with the place.
        """
        self._engine.apply_policy(policy, message)

    def log(self, name: str | None = None, *, limit: int = 20) -> list[CatalogChange]:
        """Returns the newest changes of what is defined, newest first: of all, or of a view with its features, a
        feature (``view:feature``), a service, an entity or the ``policy``."""
        return CatalogChange._all(self._engine.log_json(name, limit))

    def catalog(self) -> Catalog:
        """Returns what is defined, as of now."""
        return Catalog._of(self._engine.catalog_json())

    def search(self, query: str, *, limit: int = 20) -> list[SearchHit]:
        """Finds entities, views, features and services by what their definitions say, the best first.

        Every word of ``query`` must be found: as it is, as one that means the same (``cnt`` for ``count``), or with a
        slip of the keyboard; of the last word the beginning will do. Filters are ``team:``, ``owner:``, ``tag:`` (a
        name, or ``name=value``), ``entity:``, ``type:``, ``view:``, ``kind:``, ``status:`` (a stage such as
        ``deprecated``, or a freshness such as ``stale``) and ``unused:30d`` (nobody has read it in 30 days).

        Raises ``InvalidError`` for an empty query and for a filter that does not exist, naming the nearest.
        """
        return SearchHit._of(self._engine.search_json(query, limit))

    def duplicates(self, views: str | Sequence[str] = (), *, at: Time | None = None) -> list[Duplicate]:
        """Finds features that are likely the same thing under another name or definition, the surest first; with
        ``views`` only pairs with a feature in one of these.

        Features of the same join keys are compared by how they are computed and by their values for some hundred
        entities, as of ``at`` or of now; by name alone where there are no values. Of data of the past, values of now
        may have expired: give a time.
        """
        names = [views] if isinstance(views, str) else list(views)
        return Duplicate._of(self._engine.duplicates_json(names, at))

    # Reads

    def prepare(self, references: str | Sequence[str]) -> Request:
        """Resolves references (``view:feature``, ``view:*``, a view or a service) once, to be read many times.

        Raises ``NotFoundError`` for unknown names, ``InvalidError`` when a feature is named twice.
        """
        return Request(_native.Request(self._engine, list(references_of(references))))

    def _known(self, references: str | Sequence[str] | Request) -> Request | None:
        if isinstance(references, Request):
            return references
        return self._requests.get(references_of(references))

    def _request(self, references: str | Sequence[str] | Request) -> Request:
        request = self._known(references)
        if request is None:
            assert not isinstance(references, Request)
            request = self.prepare(references)
            if len(self._requests) >= _REQUESTS_KEPT_MAX:
                self._requests.clear()
            self._requests[references_of(references)] = request
        return request

    def latest(self, references: str | Sequence[str] | Request, entities: Any, *, request: Any | None = None) -> Result:
        """The newest values of each entity's features, as of now.

        ``entities`` is a dict of columns (``{"user_id": [1, 2]}``: lists, numpy arrays or columns of a data frame), a
        dict of single values (one row), a list of dicts, or a table. A null key is a row that nothing is known of.

        Features that are computed from values of the request take them from columns of ``entities``, or from
        ``request``, which has the same forms: a row an entity, or a dict of single values that go for all entities.

        Raises ``NotFoundError`` for unknown names, ``InvalidError`` for entities or values that are none of the
        request's, ``UnavailableError`` when a sidecar does not answer.
        """
        return self._request(references).latest(entities, request=request)

    def as_of(
        self,
        references: str | Sequence[str] | Request,
        entities: Any,
        *,
        at: Time,
        known_at: Time | None = None,
        request: Any | None = None,
    ) -> Result:
        """The values that were true at ``at`` (inclusive) and, with ``known_at``, known by then. ``request`` is as in
        :meth:`latest`.

        Raises what :meth:`latest` raises; ``InvalidError`` also for a naive datetime.
        """
        return self._request(references).as_of(entities, at=at, known_at=known_at, request=request)

    def history(self, view: str, entity: Mapping[str, Any], *, limit: int | None = None) -> list[Version]:
        """Every version of one entity in a view, newest first; at most ``limit``."""
        return [Version(*row) for row in self._engine.history(view, dict(entity), limit)]

    # Writes

    def write(self, view: str, table: Any, *, durability: str | None = None) -> datetime:
        """Writes rows of one view, in one atomic step, and gives the created timestamp of those that name none.

        ``table`` has columns named as the view's join keys, timestamps and features, in any form that speaks Arrow
        (pyarrow, polars, lazy too, pandas with pyarrow), or is a dict of columns or a list of dicts. Columns that the
        view does not know are ignored. ``durability`` is ``"os"`` or ``"sync"``; None: the store's own.

        Raises ``InvalidError``, naming view, row, column and rule; nothing is written then. For more rows than a batch
        may have use :meth:`ingest`.
        """
        return self._engine.write([(view, collected(table))], durability)

    def write_all(self, tables: Mapping[str, Any], *, durability: str | None = None) -> datetime:
        """Writes rows of several views, by name, in one atomic step. See :meth:`write`."""
        return self._engine.write([(view, collected(table)) for view, table in tables.items()], durability)

    def ingest(
        self,
        view: str,
        *sources: Any,
        format: str | None = None,
        delimiter: str | None = None,
        rejects: Path | None = None,
        from_scratch: bool = False,
        progress: Progress | None = None,
        step_bytes: int | None = None,
    ) -> IngestReport:
        """Loads files, or one table or stream of any size, into a view: whole or not at all.

        Files are Parquet, Arrow IPC, CSV or NDJSON, by their ending or ``format``; ``delimiter`` stands between the
        fields of CSV (a character, or ``"tab"``; None: a comma, a tab in ``.tsv``). A file that was loaded before is
        known by its content and not loaded twice, and an ingest that was interrupted goes on where it was;
        ``from_scratch`` loads everything again. Bad rows refuse everything, unless ``rejects`` names a file for them.

        ``step_bytes`` of keys and rows become part of the store at once (None: 32 GiB, and through a sidecar no more
        than 4 GiB); more of them than fit into memory are gathered on disk until then. Smaller steps cost more, and
        keep more of what was done when they are interrupted. ``progress`` counts the bytes of the sources thrice: to
        check, to encode and to write them.

        Raises ``InvalidError`` or ``CorruptError``, naming file, row, column and rule; nothing is written then.
        """
        paths = [os.fspath(source) for source in sources if isinstance(source, (str, os.PathLike))]
        files = [os.path.abspath(path) for path in paths]
        with told(lambda: self._begin(f"ingest.{view}", reads=((), files), writes=((view,), ()))):
            return self._ingest(view, sources, paths, (format, delimiter, rejects, from_scratch, progress, step_bytes))

    def _ingest(self, view: str, sources: Sequence[Any], paths: list[str], options: IngestArguments) -> IngestReport:
        format, delimiter, rejects, from_scratch, progress, step_bytes = options
        rejects = None if rejects is None else os.fspath(rejects)
        if step_bytes is not None and not 0 < step_bytes < 2**64:
            raise InvalidError(f"step_bytes is a number of bytes from 1 to 2**64 - 1: {step_bytes}")
        if paths and len(paths) == len(sources):
            text = _native.ingest_files(
                self._engine,
                view,
                paths,
                format,
                rejects,
                from_scratch,
                progress,
                delimiter,
                step_bytes,
            )
        elif len(sources) == 1 and format is None and delimiter is None:
            text = _native.ingest_rows(self._engine, view, as_stream(sources[0]), rejects, progress, step_bytes)
        else:
            raise InvalidError("an ingest is of one or several files, or of one table without a format or delimiter")
        return IngestReport._of(text)

    def delete(self, views: str | Sequence[str], entity: Mapping[str, Any], *, at: Time | None = None) -> datetime:
        """Deletes an entity from views as of ``at``, or now: earlier reads still see it, later ones find it missing."""
        return self._engine.delete(list(references_of(views)), dict(entity), at)

    def delete_events(self, view: str, events: Any) -> datetime:
        """Deletes events of an event view, and gives the created timestamp of the deletions.

        ``events`` has the columns that identify each, in any form that :meth:`write` takes: join keys, event timestamp
        and those of the event id; all columns where the view names none for it.
        """
        return self._engine.delete_events(view, collected(events))

    def erase(self, views: str | Sequence[str], entity: Mapping[str, Any]) -> list[Erased]:
        """Removes every version of an entity from views, physically and for ever, and gives receipts."""
        return [Erased(*receipt) for receipt in self._engine.erase(list(references_of(views)), dict(entity))]

    # Bulk

    @overload
    def training_set(
        self, spine: Any, references: str | Sequence[str], *, out: None = None, **options: Unpack[JoinOptions]
    ) -> TrainingSet: ...

    @overload
    def training_set(
        self,
        spine: Any,
        references: str | Sequence[str],
        *,
        out: Path,
        progress: Progress | None = None,
        **options: Unpack[JoinOptions],
    ) -> JoinReport: ...

    @overload
    def training_set(
        self,
        *,
        from_log: Path,
        out: Path,
        references: str | Sequence[str] = (),
        statuses: bool = False,
        event_timestamps: bool = False,
        full_names: bool = False,
        progress: Progress | None = None,
    ) -> JoinReport: ...

    def training_set(
        self,
        spine: Any = None,
        references: str | Sequence[str] = (),
        *,
        from_log: Path | None = None,
        event_timestamp: str = "event_timestamp",
        known_at: Time | Literal["own_time"] | None = None,
        statuses: bool = False,
        event_timestamps: bool = False,
        full_names: bool = False,
        memory_bytes: int | None = None,
        delimiter: str | None = None,
        out: Path | None = None,
        progress: Progress | None = None,
    ) -> TrainingSet | JoinReport:
        """Joins to each row of a spine the features as of its time: a point-in-time join.

        ``spine`` has the join keys, a column ``event_timestamp`` of times to ask about, and a column for each request
        value that features are computed from, by its name; it is a pandas, polars or pyarrow table, any Arrow stream, a
        dict of columns, or the path of a file (Parquet, Arrow IPC, CSV, NDJSON; ``delimiter`` stands between the fields
        of CSV, and columns of text that are only carried along stay text). The result keeps its rows, order and
        columns, and adds a column a feature, null (or the feature's default) where the value is null, missing or
        expired. With ``known_at`` only what was known by then is used, so that the same training set can be made again
        after late data has arrived; with ``known_at="own_time"`` each row uses only what was known at its own time, as
        a reader at that time did, and none of the corrections made since.

        With ``statuses`` a column ``feature__status`` follows each feature, with ``event_timestamps`` a column
        ``view__event_timestamp`` a view comes last. With ``out``, the path of a Parquet file that does not exist yet,
        the result is written there and counts are returned; otherwise it is a stream.

        With ``from_log``, in place of a spine, it is exactly what was served by a log of served features, of
        ``Store.open(log_served=...)`` or ``asof serve --log-served``: the join keys, ``event_timestamp`` (the time
        asked about), the values of the request, ``answer_id`` and ``answer_row`` (``Result.id``), and the features that
        are named, or all. It needs ``out``; nothing is asked of the store.
        """
        options: JoinOptions = {
            "event_timestamp": event_timestamp,
            "known_at": known_at,
            "statuses": statuses,
            "event_timestamps": event_timestamps,
            "full_names": full_names,
            "memory_bytes": memory_bytes,
            "delimiter": delimiter,
        }
        join = SpineJoin(self, list(references_of(references)), options, spine)
        if from_log is not None:
            return served_set(os.fspath(from_log), out, join, progress)
        if spine is not None:
            warn(_native.Request(self._engine, join.references), stacklevel=3)
        return join.to_stream() if out is None else join.to_file(os.fspath(out), progress)

    def export(
        self,
        view: str,
        out: Path,
        *,
        start: Time | None = None,
        end: Time | None = None,
        as_of: Time | None = None,
        latest: bool = False,
        partition_by: str | None = None,
        compression: str = "zstd",
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Exports a view as Parquet files into the new directory ``out``, and gives the manifest.

        All versions, those with an event from ``start`` (inclusive) to ``end`` (exclusive), or of each entity the one
        that a read finds ``as_of`` a time or as of now (``latest``). ``partition_by`` is ``"day"`` or ``"month"``,
        ``compression`` ``"zstd"``, ``"snappy"`` or ``"none"``.
        """
        question = ExportQuestion(start, end, as_of, latest, partition_by, compression)
        with told(lambda: self._begin(f"export.{view}", reads=((view,), ()), writes=((), [os.fspath(out)]))):
            manifest = _native.export(self._engine, view, os.fspath(out), question, progress)
        return cast("dict[str, Any]", json.loads(manifest))

    # Operations

    @property
    def id(self) -> str | None:
        """The id of the store, a UUID: made with it, and the same over restarts and in copies. A store that was made
        before there were ids has none until it is opened for writing."""
        return self._engine.store_id()

    def now(self) -> datetime:
        """The present by the store's clock."""
        return self._engine.now()

    def freshness(self, view: str) -> Freshness:
        """Returns how fresh a view is. Reads the keys of every version of the view once."""
        return Freshness._of(self._engine.freshness_json(view))

    def ages(self, *views: str) -> list[ViewAges]:
        """Returns how fresh views are over all of their entities, every stored view where none is named.

        Reads no rows: it is known from the writes.
        """
        return ViewAges._all(self._engine.ages_json(list(views)))

    def answers(self) -> list[Answers]:
        """Returns what consumers got in the last day, by view, feature and consumer: how many values were present,
        and why the others were not. Kept in memory since the store was opened."""
        return Answers._all(self._engine.answers_json())

    def feeds(self, *views: str) -> list[Feed]:
        """Returns how views are fed, all that have a source where none is named: the last runs of their feeds, and
        whether they are late."""
        return Feed._all(self._engine.feeds_json(list(views)))

    def materialize(self, *views: str, sources: Path | None = None, rejects: Path | None = None) -> list[FeedRun]:
        """Loads what is new in the sources of views, all that have one where none is named, and returns the runs.

        A view that fails keeps no other from being loaded: its run has the ``error``. ``sources`` is the directory to
        which relative paths belong; None: the working directory, and of a sidecar its own, which cannot be another.
        ``rejects`` is a directory for files of bad rows; None: a bad row refuses all files of its view.
        """
        runs = FeedRun._all(self._engine.materialize_json(list(views), sources, rejects))
        if self._lineage is not None:
            root = "" if sources is None else os.fspath(sources)
            feeds = self.feeds() if self._feeds_itself else []
            paths = {feed.view: os.path.join(root, feed.path) for feed in feeds}
            for run in runs:
                reads = ((), [paths[run.view]] if run.view in paths else [])
                begun = self._begin(f"materialize.{run.view}", reads=reads, writes=((run.view,), ()))
                if begun is not None:
                    begun.end(run.error)
        return runs

    def statistics(self, view: str) -> Statistics:
        """Returns the statistics of a view's values that were taken last: ``taken`` is None where none were. Of
        features that this consumer may not read there are none: ``withheld`` names them."""
        return Statistics._of(self._engine.statistics_json(view))

    def profile(self, view: str, entities: int | None = 10_000) -> Statistics:
        """Takes the statistics of a view's values as of now, keeps them and returns them.

        They are of the newest value of each of so many ``entities``, chosen by a hash of their keys; None: of all.
        Features that need values of the request are left out.
        """
        return Statistics._of(self._engine.profile_json(view, entities))

    def audit(self, log: Path, *, known: Literal["now", "then"] = "now", examples: int = 5) -> Audit:
        """Asks again what a log of served features says was served, compares bit for bit, and explains each difference.

        ``log`` is its directory, of ``Store.open(log_served=...)`` or ``asof serve --log-served``, or one of its
        files. It is compared with what is known of that time ``"now"``, as a training set has it, or with what was
        known ``"then"``, where nothing should differ. ``examples`` of each feature and reason are told in full.
        """
        return Audit._of(self._engine.audit_json(os.fspath(log), known, examples))

    def usage(self, last_days: int = 30, *, by_day: bool = False) -> list[Usage]:
        """Returns what consumers have read in the last days, today's among them: by thing and consumer, if asked
        by day before that. ``day`` of a sum is its last one."""
        return Usage._all(self._engine.usage_json(last_days, by_day))

    def models(self) -> list[ModelUsage]:
        """Returns which versions of models have read which views and services in the last 400 days, by model."""
        return ModelUsage._all(self._engine.models_json())

    def stats(self) -> dict[str, Any]:
        """Figures about the store."""
        return cast("dict[str, Any]", json.loads(self._engine.stats_json()))

    def verify(self) -> Verified:
        """Reads everything and checks that it can be read and that the answers agree."""
        return Verified(*self._engine.verify())

    def flush(self) -> None:
        """Writes what is in memory to disk; a sidecar sees to that itself."""
        self._engine.flush()

    def compact(self) -> None:
        """Compacts everything, reclaiming what retention, drops and erasures left."""
        self._engine.compact()

    def checkpoint(self, to: Path, *, copy: bool = False) -> None:
        """Writes a consistent copy of the store into the new directory ``to``, for ``asof restore``.

        On one file system the copy shares its data files with the store, unless ``copy`` is true: what damages one of
        them damages both.
        """
        self._engine.checkpoint(os.fspath(to), copy)

    def backup(
        self,
        directory: Path,
        *,
        key_file: Path | None = None,
        keep: int | None = None,
        keep_for: timedelta | None = None,
        checkpoint: Path | None = None,
    ) -> BackedUp:
        """Adds a backup of the open store to a directory of backups, which is made where there is none.

        Contents that an earlier backup has are not copied again; what is written is read back and compared. With
        ``key_file`` (64 hexadecimal digits), from the first backup of a directory on, all of them are encrypted.
        ``keep`` keeps so many of the newest and ``keep_for`` those taken in that time before the newest; what either
        keeps stays, others are removed, and without both every backup is kept. ``checkpoint`` is a directory for the
        checkpoint that is copied, which must not exist; best on the store's own disk. A sidecar writes that.

        Raises ``InvalidError`` when the directory's backups are encrypted with no key or the other way round;
        ``UnavailableError`` when another run works with them or they cannot be written; ``ConflictError`` when the
        directory has something else.
        """
        micros = None if keep_for is None else keep_for // timedelta(microseconds=1)
        staging = None if checkpoint is None else os.fspath(checkpoint)
        key = None if key_file is None else os.fspath(key_file)
        return BackedUp._of(_native.backup(self._engine, os.fspath(directory), key, keep, micros, staging))

    def clock(self) -> Clock:
        """Returns what the system's clock shows, and what the store believes of it."""
        return Clock._of(self._engine.clock_json())

    def confirm_clock(self) -> None:
        """Believes what the system's clock shows, although it has jumped ahead."""
        self._engine.confirm_clock()

    def repair_clock(self) -> ClockRepair:
        """Repairs what a wrong clock has left, once the system's clock is right. Reads every version once.

        Raises ``ConflictError`` while the clock is an hour or more ahead of what is believed.
        """
        return ClockRepair._of(self._engine.repair_clock_json())


def _wanted(definitions: Wanted) -> tuple[str | None, str | None, str]:
    """Text, path and the name of the text in errors."""
    if isinstance(definitions, str) and ("\n" in definitions or "[[" in definitions):
        return definitions, None, "definitions"
    if isinstance(definitions, (str, os.PathLike)):
        return None, os.fspath(definitions), ""
    whole = definitions if isinstance(definitions, Definitions) else Definitions.of(definitions)
    return whole.to_toml(), None, "definitions"


def _permitted(allow_drop: bool | Sequence[str], allow_redefine: bool | Sequence[str]) -> tuple[bool, bool, list[str]]:
    """Whether there may be drops and redefinitions, and the names of what may go although it is read."""
    for names in (allow_drop, allow_redefine):
        if isinstance(names, str):
            raise InvalidError(f"names are a list: [{names!r}]")
    named = [name for names in (allow_drop, allow_redefine) if not isinstance(names, bool) for name in names]
    return allow_drop is not False, allow_redefine is not False, named


class Store(_Engine):
    """A feature store in this process. Any number of threads may use it; one process has a store open at a time.

    >>> with asofdb.Store.open("asof-data") as store:
    ...     store.latest("activity:clicks", {"user_id": [1001, 1002]}).to_numpy()

    After a fork the child cannot use it (``ClosedError``): open it in the process that uses it, or use a sidecar.
    """

    __slots__ = ()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        durability: str = "os",
        memory_bytes: int | None = None,
        hot_bytes: int | None = None,
        bulk_share: int | None = None,
        create: bool = True,
        shared: bool = False,
        consumer: str | None = None,
        model: str | None = None,
        log_served: Path | None = None,
        log_share: float = 1.0,
        lineage: Path | None = None,
        lineage_namespace: str = "asofdb",
    ) -> Store:
        """Opens the store in the directory ``path``, creating it where there is none unless ``create`` is false.

        ``durability`` of writes that do not say theirs: ``"os"`` (survives a crash of the process, not a power cut) or
        ``"sync"`` (on disk when a write returns). ``memory_bytes`` is for block cache, write buffers and
        hot table together, and ``hot_bytes`` the hot table's part of that, at most half of it: reads of the latest
        values are answered from there. 0: there is none; None: an eighth. With ``bulk_share``, from 1 to 100 percent,
        exports, training sets, feeds and statistics pause between their steps while reads come, and get at least this
        share of their time; None: they never pause. ``stats()`` says for how long they have.
        The directory becomes the user's own (0700, its files 0600) unless ``shared`` leaves its permissions as they
        are; it is refused when it is another user's and open to others. What is read is counted as that of
        ``consumer``, if there is one: see :meth:`usage`; and as that of the version of a model, ``model="fraud/3"``, if
        the consumer is one: see :meth:`models`. What reads answer, or the share ``log_share`` of them, is
        logged to Parquet files in the directory ``log_served``: see :meth:`audit`, and ``Result.id``. What is read and
        written is told to ``lineage``, a file or an address, as run events of OpenLineage, in which the store has the
        name ``lineage_namespace``.

        Raises ``UnavailableError`` when another process has it open, it is read-only or the disk is full;
        ``InvalidError`` when the directory is something else; ``ConflictError`` when a newer asofdb wrote it.
        """
        log = None if log_served is None else (os.fspath(log_served), log_share)
        told_to = None if lineage is None else Lineage(lineage, lineage_namespace)
        memory, modes, reader = (memory_bytes, hot_bytes), (create, shared, bulk_share), (consumer, model)
        return cls(_native.Engine.open(os.fspath(path), durability, memory, modes, reader, log), told_to)

    def notices(self) -> list[str]:
        """Returns what opening the store found that its operator should hear, a line each; nothing of it is wrong. A
        sidecar writes it to its log."""
        return self._engine.notices()

    @staticmethod
    def backups(directory: Path, *, key_file: Path | None = None) -> list[Backup]:
        """Lists the backups in a directory, in the order in which they were taken.

        Raises ``NotFoundError`` when there are none, ``CorruptError`` when one cannot be read.
        """
        key = None if key_file is None else os.fspath(key_file)
        return [Backup(**backup) for backup in json.loads(_native.backups(os.fspath(directory), key))]

    @staticmethod
    def restore(source: Path, to: Path, *, at: Time | str | None = None, key_file: Path | None = None) -> Restored:
        """Makes the store ``to``, which must not exist, from a checkpoint, or from a directory of backups.

        ``at`` is the name of a backup, or any other time: then the store has exactly the commits with a created
        timestamp up to it, from the backup before and the logs that the store kept (:meth:`keep_logs`). Without it, the
        newest backup is restored. Every file is checked against its checksum.

        Raises ``NotFoundError`` when there is nothing of that time, with what there is; ``ConflictError`` when ``to``
        exists; ``CorruptError``, with the name of the file, when something is not what it was.
        """
        time = at.isoformat() if isinstance(at, datetime) else None if at is None else str(at)
        key = None if key_file is None else os.fspath(key_file)
        return Restored(*_native.restore(os.fspath(source), os.fspath(to), time, key))

    @staticmethod
    def keep_logs(path: Path, bytes_max: int | None) -> None:
        """Keeps the logs of the store at ``path`` from now on, so many bytes of them at most, or none (``None``).

        Nobody may have it open. Backups then lead to any commit between them: see :meth:`restore`.
        """
        _native.keep_logs(os.fspath(path), bytes_max)

    def __repr__(self) -> str:
        return "<asofdb.Store, closed>" if self._engine.is_closed else "<asofdb.Store>"


def _connected(
    socket: str, reader: tuple[str | None, str | None], timeout: float, wait: float, shared_memory: bool
) -> _native.Engine:
    until = time.monotonic() + wait
    while True:
        try:
            return _native.Engine.connect(socket, reader, timeout, shared_memory)
        except UnavailableError:
            if time.monotonic() >= until:
                raise
        time.sleep(_PAUSE_SECONDS)


class Client(_Engine):
    """A store behind a sidecar (``asof serve``), with the methods, results and errors of a :class:`Store`.

    Any number of threads may use it, each with a connection of its own from a pool; children of a fork connect anew by
    themselves. A read whose connection broke is tried once more; a write never is: its error says that the outcome is
    unknown.
    """

    __slots__ = ("_socket",)

    _feeds_itself = False

    def __init__(
        self,
        socket: Path,
        *,
        consumer: str | None = None,
        model: str | None = None,
        timeout: float = 30.0,
        wait: float = 0.0,
        shared_memory: bool = False,
        lineage: Path | None = None,
        lineage_namespace: str = "asofdb",
    ) -> None:
        """Connects to the sidecar that listens on the Unix socket ``socket``.

        ``consumer`` is what the client calls itself, for limits and metrics, and ``model`` the version of a model that
        it reads for, ``"fraud/3"``: see :meth:`models`. ``timeout`` is in seconds, for one answer.
        ``wait`` is how many seconds a sidecar that does not answer yet has to start. With ``shared_memory`` reads of
        the newest values are answered in this process where the rows lie in memory that the sidecar shares (``asof
        serve --share-memory``): see :attr:`shared_reads`. ``lineage`` and
        ``lineage_namespace`` are as in :meth:`Store.open`.

        Raises ``UnavailableError`` when none listens, ``InvalidError`` when this user may not connect.
        """
        told_to = None if lineage is None else Lineage(lineage, lineage_namespace)
        super().__init__(_connected(os.fspath(socket), (consumer, model), timeout, wait, shared_memory), told_to)
        self._socket = os.fspath(socket)

    def __repr__(self) -> str:
        return f"<asofdb.Client of {self._socket}{', closed' if self._engine.is_closed else ''}>"

    @property
    def shared_reads(self) -> dict[str, Any]:
        """Figures about reads out of memory that the sidecar shares: whether it does (``is_shared``), why not
        (``refused``), and the reads that were ``answered`` here and ``passed_on`` to the sidecar."""
        return self._engine.shared_reads()

    def begin_audit(
        self,
        *,
        known: Literal["now", "then"] = "now",
        consumer: str | None = None,
        service: str | None = None,
        examples: int = 5,
    ) -> int:
        """Begins an audit of what the sidecar has served, from its own log, and returns its number. It runs there, one
        at a time; its reads are neither logged nor counted. ``consumer`` and ``service`` choose what is audited."""
        return self._engine.begin_audit(known, consumer, service, examples)

    def audits(self) -> list[dict[str, Any]]:
        """Returns the audits that the sidecar keeps, the newest first, as ``GET /v1/audits`` tells them."""
        return cast("list[dict[str, Any]]", json.loads(self._engine.audits_json(None)))

    def audited(self, number: int) -> dict[str, Any]:
        """Returns an audit of the sidecar, with what it has ``found`` once its ``state`` is ``"done"``."""
        return cast("dict[str, Any]", json.loads(self._engine.audits_json(number)))

    def alerts(self) -> Alerts:
        """Returns what is wrong with the store and its views by the sidecar's alerts, and who was told."""
        return Alerts._of(self._engine.alerts_json())

    def consumers(self) -> list[ConsumerFigures]:
        """Returns what each consumer did with each view since the sidecar began, and how fast."""
        return ConsumerFigures._list_of(self._engine.consumers_json())

    def limits(self) -> Limits:
        """Returns the limits of consumers and views that are in force."""
        return Limits._of(self._engine.limits_json())

    def set_limits(self, limits: str) -> Limits:
        """Makes a text (TOML) the limits of consumers and views at once, until the sidecar reads its file again or is
        restarted. For operators. Returns what is in force then.

        Raises ``InvalidError`` for what are no limits, with the place, so that the others go on; ``DeniedError`` for
        all but operators.
        """
        return Limits._of(self._engine.set_limits_json(limits))

    def _cancellable(self) -> Client:
        """This client again, over the same connections, whose calls end when its engine's ``cancel`` is called. It is
        for one call: requests that it prepared would end with it."""
        again = copy(self)
        again._engine = self._engine.cancellable()
        return again
