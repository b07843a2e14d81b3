//! The answers of a backend, read in every way there is.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::ControlFlow;

use asofdb_storage::{
    AsOfLookup, Backend, Cursor, FeatureView, Found, KeyRange, Lookup, Result, RowPlan, Scan, Snapshot, Timestamp,
    Version,
};

use crate::questions::{Point, Questions, Window};

/// A version, with its row.
pub type Seen = (Version, Vec<u8>);

/// The version found, if there is one.
pub type Answer = Option<Seen>;

/// One version of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Encoded entity key.
    pub key: Vec<u8>,
    /// The version.
    pub version: Version,
    /// The encoded row.
    pub row: Vec<u8>,
}

/// The answers to [`Questions`], in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The latest versions.
    pub latest: Vec<Answer>,
    /// The versions as of each point.
    pub as_of: Vec<Answer>,
    /// The versions in each window.
    pub windows: Vec<Vec<Seen>>,
    /// The rows of each range.
    pub scans: Vec<Vec<Row>>,
}

/// The answers of a snapshot to [`Questions`], in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotAnswers {
    /// The versions that cursors find at each point.
    pub found: Vec<Answer>,
    /// The versions in each window.
    pub windows: Vec<Vec<Seen>>,
    /// The rows of each range.
    pub scans: Vec<Vec<Row>>,
}

impl Answers {
    /// Asks a backend.
    ///
    /// # Errors
    /// Those of the backend.
    ///
    /// # Panics
    /// When two ways to read the same thing disagree.
    pub fn of(backend: &dyn Backend, questions: &Questions) -> Result<Self> {
        let latest = latest(backend, questions)?;
        let as_of = as_of(backend, questions.points())?;
        let SnapshotAnswers { found, windows, scans } = SnapshotAnswers::of(&*backend.snapshot(), questions)?;
        assert_eq!(found, as_of, "a cursor and as_of disagree");
        Ok(Answers { latest, as_of, windows, scans })
    }
}

impl SnapshotAnswers {
    /// Asks a snapshot: what cursors find at each point and in each window, and the rows of each range.
    ///
    /// # Errors
    /// Those of the snapshot.
    ///
    /// # Panics
    /// When two ways to read the same thing disagree, or a row cannot be read with the view's schemas.
    pub fn of(snapshot: &dyn Snapshot, questions: &Questions) -> Result<Self> {
        let points = questions.points();
        let found = find(snapshot, points, &sorted(points))?;
        assert_eq!(found, find(snapshot, points, &shuffled(points.len()))?, "a cursor depends on the order");
        let mut scans = Vec::new();
        for (view, range) in questions.scans() {
            let rows = collect(&mut *snapshot.scan(view, range)?)?;
            if *range == KeyRange::default() {
                check_split(snapshot, view, &rows)?;
                check_readable(view, &rows)?;
            }
            scans.push(rows);
        }
        Ok(SnapshotAnswers { found, windows: windows(snapshot, questions.windows())?, scans })
    }
}

impl Answers {
    /// The first question that `other` answers differently, in words.
    pub fn difference(&self, other: &Answers, questions: &Questions) -> Option<String> {
        let told = |question: String, expected: &dyn Debug, found: &dyn Debug| {
            format!("{question}: expected {expected:?}, found {found:?}")
        };
        if let Some(index) = first_difference(&self.latest, &other.latest) {
            let (view, key) = &questions.lookups()[index];
            let question = format!("latest of {:?} {}", view.name, key.escape_ascii());
            return Some(told(question, &self.latest.get(index), &other.latest.get(index)));
        }
        if let Some(index) = first_difference(&self.as_of, &other.as_of) {
            let Point { view, key, at, known_at } = &questions.points()[index];
            let question = format!("{:?} {} as of {at}, known at {known_at:?}", view.name, key.escape_ascii());
            return Some(told(question, &self.as_of.get(index), &other.as_of.get(index)));
        }
        if let Some(index) = first_difference(&self.windows, &other.windows) {
            let Window { view, key, events, known_at } = &questions.windows()[index];
            let question = format!("{:?} {} within {events:?}, known at {known_at:?}", view.name, key.escape_ascii());
            return Some(told(question, &self.windows.get(index), &other.windows.get(index)));
        }
        let index = first_difference(&self.scans, &other.scans)?;
        let (view, range) = &questions.scans()[index];
        let question = format!("scan of {:?} over {range:?}", view.name);
        Some(told(question, &self.scans.get(index), &other.scans.get(index)))
    }
}

fn first_difference<T: PartialEq>(a: &[T], b: &[T]) -> Option<usize> {
    (0..a.len().max(b.len())).find(|&index| a.get(index) != b.get(index))
}

/// Receives each answer exactly once.
struct Collected(Vec<Option<Answer>>);

impl Collected {
    fn new(len: usize) -> Self {
        Collected(vec![None; len])
    }

    fn put(&mut self, index: usize, found: Option<Found<'_>>) {
        let before = self.0[index].replace(owned(found));
        assert!(before.is_none(), "lookup {index} was answered twice");
    }

    fn finish(self) -> Vec<Answer> {
        self.0.into_iter().map(|answer| answer.expect("every lookup is answered")).collect()
    }
}

pub(crate) fn owned(found: Option<Found<'_>>) -> Answer {
    found.map(|found| (found.version, found.row.to_vec()))
}

fn latest(backend: &dyn Backend, questions: &Questions) -> Result<Vec<Answer>> {
    let now = backend.now();
    let lookups: Vec<Lookup<'_>> = questions.lookups().iter().map(|(view, key)| Lookup { view, key }).collect();
    let mut many = Collected::new(lookups.len());
    backend.latest(&lookups, now, &mut |index, found| {
        many.put(index, found);
        Ok(())
    })?;
    let many = many.finish();
    check_entities(backend, &lookups, now, &many)?;
    for (lookup, expected) in lookups.iter().zip(&many) {
        let mut one = Collected::new(1);
        backend.latest(std::slice::from_ref(lookup), now, &mut |index, found| {
            one.put(index, found);
            Ok(())
        })?;
        assert_eq!(&one.finish()[0], expected, "one lookup and many disagree: view {}", lookup.view.name);
    }
    Ok(many)
}

/// Asks about each entity by itself, and about each of its rows twice: rows that lie together are read together.
fn check_entities(backend: &dyn Backend, lookups: &[Lookup<'_>], now: Timestamp, expected: &[Answer]) -> Result<()> {
    let mut entities: BTreeMap<(u32, &[u8]), Vec<usize>> = BTreeMap::new();
    for (index, lookup) in lookups.iter().enumerate() {
        entities.entry((lookup.view.key_space, lookup.key)).or_default().push(index);
    }
    for indexes in entities.into_values() {
        let twice: Vec<usize> = indexes.iter().chain(indexes.iter().rev()).copied().collect();
        let rows: Vec<Lookup<'_>> = twice.iter().map(|&index| lookups[index]).collect();
        let mut answers = Collected::new(rows.len());
        backend.latest(&rows, now, &mut |index, found| {
            answers.put(index, found);
            Ok(())
        })?;
        let wanted: Vec<Answer> = twice.iter().map(|&index| expected[index].clone()).collect();
        assert_eq!(answers.finish(), wanted, "an entity and all entities disagree");
    }
    Ok(())
}

/// Asks all points of one `known_at` together, in a shuffled order.
fn as_of(backend: &dyn Backend, points: &[Point]) -> Result<Vec<Answer>> {
    let mut by_known: BTreeMap<Option<Timestamp>, Vec<usize>> = BTreeMap::new();
    for index in shuffled(points.len()) {
        by_known.entry(points[index].known_at).or_default().push(index);
    }
    let mut answers = Collected::new(points.len());
    for (known_at, indexes) in by_known {
        let lookup = |&index: &usize| {
            let Point { view, key, at, .. } = &points[index];
            AsOfLookup { view, key, at: *at }
        };
        let lookups: Vec<AsOfLookup<'_>> = indexes.iter().map(lookup).collect();
        backend.as_of(&lookups, known_at, &mut |index, found| {
            answers.put(indexes[index], found);
            Ok(())
        })?;
    }
    Ok(answers.finish())
}

fn find(snapshot: &dyn Snapshot, points: &[Point], order: &[usize]) -> Result<Vec<Answer>> {
    let mut answers = Collected::new(points.len());
    let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for &index in order {
        groups.entry(points[index].view.id).or_default().push(index);
    }
    for indexes in groups.into_values() {
        let mut cursor = snapshot.cursor(&points[indexes[0]].view)?;
        for index in indexes {
            let Point { key, at, known_at, .. } = &points[index];
            answers.put(index, cursor.find(key, *at, *known_at)?);
        }
    }
    Ok(answers.finish())
}

/// Visits every window of a view with one cursor, in a shuffled order.
fn windows(snapshot: &dyn Snapshot, windows: &[Window]) -> Result<Vec<Vec<Seen>>> {
    let mut answers = vec![Vec::new(); windows.len()];
    let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for index in shuffled(windows.len()) {
        groups.entry(windows[index].view.id).or_default().push(index);
    }
    for indexes in groups.into_values() {
        let mut cursor = snapshot.cursor(&windows[indexes[0]].view)?;
        for index in indexes {
            answers[index] = within(&mut *cursor, &windows[index])?;
        }
    }
    Ok(answers)
}

fn within(cursor: &mut dyn Cursor, window: &Window) -> Result<Vec<Seen>> {
    let all = visited(cursor, window, usize::MAX)?;
    let half = all.len().div_ceil(2);
    assert_eq!(visited(cursor, window, half)?, all[..half], "a visit that breaks off sees the newest");
    if window.view.holds_events() {
        return Ok(all);
    }
    let found = owned(cursor.find(&window.key, *window.events.end(), window.known_at)?);
    let newest = found.filter(|(version, _)| version.event >= *window.events.start());
    assert_eq!(newest.as_ref(), all.first(), "a window begins with what is found at its end: {window:?}");
    Ok(all)
}

/// The first versions of a window, at most `limit` of them.
fn visited(cursor: &mut dyn Cursor, window: &Window, limit: usize) -> Result<Vec<Seen>> {
    let mut versions = Vec::new();
    let mut visit = |found: Found<'_>| {
        versions.push((found.version, found.row.to_vec()));
        Ok(if versions.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    let Window { view, key, events, known_at } = window;
    match view.holds_events() {
        true => cursor.each_event(key, events.clone(), *known_at, &mut visit)?,
        false => cursor.each(key, events.clone(), *known_at, &mut visit)?,
    }
    Ok(versions)
}

/// Sorts by key, then by time descending: the order in which cursors are fast.
fn sorted(points: &[Point]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| points[a].key.cmp(&points[b].key).then(points[b].at.cmp(&points[a].at)));
    order
}

/// A fixed order that visits all of `len` far from sorted.
fn shuffled(len: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    order.sort_by_key(|&index| (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    order
}

fn collect(scan: &mut dyn Scan) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    while let Some(row) = scan.next()? {
        rows.push(Row { key: row.key.to_vec(), version: row.version, row: row.row.to_vec() });
    }
    assert!(scan.next()?.is_none(), "a scan that has ended stays at its end");
    Ok(rows)
}

/// The parts of a split lie side by side and hold every row once.
fn check_split(snapshot: &dyn Snapshot, view: &FeatureView, all: &[Row]) -> Result<()> {
    for parts in [1, 3] {
        let ranges = snapshot.split(view, parts)?;
        assert!((1..=parts).contains(&ranges.len()), "asked for {parts} parts: {ranges:?}");
        assert_eq!((&ranges[0].start, &ranges[ranges.len() - 1].end), (&None, &None), "the ends are open");
        assert!(ranges.windows(2).all(|pair| pair[0].end.is_some() && pair[0].end == pair[1].start), "{ranges:?}");
        let mut rows = Vec::new();
        for range in &ranges {
            rows.extend(collect(&mut *snapshot.scan(view, range)?)?);
        }
        assert_eq!(rows, all, "the parts of view {} do not make the whole", view.name);
    }
    Ok(())
}

/// Rows of every schema version can be read with the newest.
fn check_readable(view: &FeatureView, rows: &[Row]) -> Result<()> {
    let features: Vec<_> = view.features.iter().map(|feature| feature.id).collect();
    let plan = RowPlan::new(view, &features)?;
    for row in rows {
        if let Some(values) = plan.open(&row.row)? {
            assert!(values.get(0)?.is_some(), "the first feature is never null in these histories");
        }
    }
    Ok(())
}
