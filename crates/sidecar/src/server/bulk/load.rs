//! Rows of a view, encoded by the client, written in one step.

use asofdb::parts::{EventIdCheck, LOAD_ROWS_MAX, RowCheck, check_note, find_stored_view};
use asofdb::storage::{RowLayout, WriteBatch, key, row};
use asofdb::{Error, FeatureView, Result, ScalarType, Timestamp};
use asofdb_protocol::{CommittedMessage, LoadRequest, decode_message, encoded_message, read_row};

use super::gather::Gathered;
use super::inflow::Inflow;
use super::outflow::Outflow;
use super::work::Work;
use crate::admission::Admission;
use crate::budget::Held;

/// Memory of a row in a batch besides its bytes, and of sorting it, in bytes.
const ROW_MEMORY_BYTES: usize = 96;

/// Bytes of the key of a copy of an event, about.
const COPY_KEY_BYTES: usize = 64;

pub(super) fn answer(
    work: &Work<'_>,
    admission: &mut Admission<'_>,
    body: &[u8],
    inflow: &mut Inflow<'_, '_>,
    gathered: Option<Gathered<'_>>,
    outflow: &Outflow,
) -> Result<Vec<u8>> {
    let request: LoadRequest = decode_message(body)?;
    admission.admit([request.view.as_str()], 0)?;
    admission.charge_written(usize::try_from(request.bytes).unwrap_or(usize::MAX));
    let store = &work.shared.service.store;
    let catalog = store.catalog();
    let view = find_stored_view(&catalog, &request.view)?;
    let committed = receive(work, view, &request, inflow, |batch| match gathered {
        Some(gathered) => gathered.load(work, &request, batch, outflow),
        None => store.load(batch),
    })?;
    admission.count(request.rows);
    encoded_message(&CommittedMessage::from(committed))
}

/// Takes the rows of a request, whose memory is held until `take` is done with them.
pub(super) fn receive<T>(
    work: &Work<'_>,
    view: &FeatureView,
    request: &LoadRequest,
    inflow: &mut Inflow<'_, '_>,
    take: impl FnOnce(WriteBatch) -> Result<T>,
) -> Result<T> {
    let (rows_max, bytes_max) = (LOAD_ROWS_MAX as u64, work.shared.bounds.load_bytes_max() as u64);
    if request.rows > rows_max || request.bytes > bytes_max {
        let (rows, bytes) = (request.rows, request.bytes);
        let message = format!("a load has at most {rows_max} rows and {bytes_max} bytes; load less at a time");
        return Err(Error::invalid(format!("{message}: {rows} and {bytes}")));
    }
    let mut held = Held::new(&work.shared.budget);
    held.resize(request.bytes as usize + request.rows as usize * row_memory_bytes(view))?;
    let mut loading = Loading::new(view, request, work.shared.service.store.now())?;
    while let Some(chunk) = inflow.next()? {
        loading.add(chunk)?;
        work.stop.check()?;
    }
    take(loading.finish()?)
}

/// The memory of a row of a view in a batch besides its bytes, with the keys of its copies, which may be as long as its
/// own.
fn row_memory_bytes(view: &FeatureView) -> usize {
    ROW_MEMORY_BYTES + view.also_by.len() * (ROW_MEMORY_BYTES + COPY_KEY_BYTES)
}

/// A load whose rows are arriving.
struct Loading<'r> {
    request: &'r LoadRequest,
    view: &'r FeatureView,
    layout: RowLayout,
    key_types: Vec<ScalarType>,
    now: Timestamp,
    batch: WriteBatch,
    check: Option<RowCheck>,
    id_check: Option<EventIdCheck>,
}

impl<'r> Loading<'r> {
    /// # Errors
    /// `Conflict` when the rows are encoded for another view, or an earlier schema of it; `Invalid` for notes about
    /// something else.
    fn new(view: &'r FeatureView, request: &'r LoadRequest, now: Timestamp) -> Result<Self> {
        let layout = view.current_layout();
        if request.view_id != view.id || request.schema_version != layout.version() {
            let name = &view.name;
            return Err(Error::conflict(format!("the view was changed meanwhile; run the ingest again: {name:?}")));
        }
        let mut batch = WriteBatch::bulk();
        for note in &request.notes {
            check_note(view.id, layout.version(), &note.name, &note.value)?;
            batch.note(note.name.clone(), Some(note.value.clone()));
        }
        let (check, id_check) = (RowCheck::of(view)?, EventIdCheck::of(view)?);
        Ok(Loading { request, view, layout, key_types: view.key_types(), now, batch, check, id_check })
    }

    /// Adds the rows of a chunk, each of which is checked.
    fn add(&mut self, mut chunk: &[u8]) -> Result<()> {
        let first = self.batch.len();
        while let Some(next) = read_row(&mut chunk)? {
            let is_more = self.batch.len() as u64 == self.request.rows
                || (self.batch.bytes() + next.key.len() + next.row.len()) as u64 > self.request.bytes;
            if is_more {
                return Err(self.another_size());
            }
            key::check_entity(self.key_types.iter().copied(), key::entity_of(self.view.id, next.key))
                .and_then(|()| self.check_row(next.key, next.row))
                .and_then(|()| self.batch.put(self.view, next.key, next.event, next.created, next.row, self.now))
                .map_err(|error| self.bad_row(self.batch.len(), &error))?;
        }
        self.try_check(first)
    }

    /// Refuses bytes that are no row of the view, or those of another event than the key is of.
    fn check_row(&mut self, row_key: &[u8], row: &[u8]) -> Result<()> {
        if !self.view.holds_events() {
            return row::check(&self.layout, row);
        }
        row::check_event(&self.layout, row)?;
        match &mut self.id_check {
            // Without values, which event it deletes could not be known; putting it says so.
            Some(check) if row != row::TOMBSTONE_ROW => check.check(row_key, row),
            _ => Ok(()),
        }
    }

    /// Refuses rows from `first` on that break the view's check.
    fn try_check(&mut self, first: usize) -> Result<()> {
        let Some(check) = &mut self.check else { return Ok(()) };
        for number in first..self.batch.len() {
            let row = self.batch.row(number);
            check.push(number, row.key, row.event, row.row)?;
        }
        let (broken, rule) = (check.finish()?, check.rule());
        match broken.first() {
            None => Ok(()),
            Some(row) => Err(self.bad_row(*row, &Error::invalid(rule))),
        }
    }

    #[cold]
    fn bad_row(&self, row: usize, error: &Error) -> Error {
        let view = &self.view.name;
        Error::invalid(format!("view {view:?}, row {row} of a load: {error:#}"))
    }

    #[cold]
    fn another_size(&self) -> Error {
        let (rows, bytes) = (self.request.rows, self.request.bytes);
        Error::invalid(format!("a load has other rows than it says: {rows} of {bytes} bytes"))
    }

    /// All of it.
    fn finish(self) -> Result<WriteBatch> {
        match self.batch.len() as u64 == self.request.rows && self.batch.bytes() as u64 == self.request.bytes {
            true => Ok(self.batch),
            false => Err(self.another_size()),
        }
    }
}

#[cfg(test)]
mod tests {
    use asofdb::{
        Catalog, Definitions, EntityDefinition, ErrorKind, FeatureDefinition, JoinKey, Span, Value, ViewDefinition,
    };
    use asofdb_protocol::{NoteMessage, write_row};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_717_200_000_000_000);

    /// Users by number, with one number and one text.
    fn view() -> FeatureView {
        let feature = |name, ty: &str| FeatureDefinition::new(name, ty.parse().unwrap());
        let definitions = Definitions {
            entities: vec![EntityDefinition {
                name: "user".into(),
                join_keys: vec![JoinKey { name: "user_id".into(), ty: ScalarType::Int64 }],
                ..EntityDefinition::default()
            }],
            views: vec![ViewDefinition {
                name: "profile".into(),
                entities: vec!["user".into()],
                features: vec![feature("visits", "int64"), feature("name", "string")],
                ..ViewDefinition::default()
            }],
            services: vec![],
        };
        let catalog = Catalog::default().plan(&definitions, NOW).unwrap().into_catalog();
        catalog.view("profile").unwrap().as_ref().clone()
    }

    fn request(view: &FeatureView, rows: u64, bytes: u64) -> LoadRequest {
        LoadRequest {
            view: view.name.clone(),
            view_id: view.id,
            schema_version: view.current_layout().version(),
            rows,
            bytes,
            notes: Vec::new(),
        }
    }

    fn key(id: i64) -> Vec<u8> {
        let mut key = Vec::new();
        key::encode_i64(id, &mut key);
        key
    }

    fn row_of(view: &FeatureView, name: &str) -> Vec<u8> {
        let mut row = Vec::new();
        let values = [Some(Value::Int64(7)), Some(Value::String(name.into()))];
        row::encode(&view.current_layout(), &values, &mut row);
        row
    }

    fn wire(view: &FeatureView, key: &[u8], event: Timestamp, row: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let row =
            asofdb::storage::BatchRow { view: view.id, key_space: view.key_space, key, event, created: Some(NOW), row };
        write_row(&row, &mut out);
        out
    }

    #[test]
    fn good_rows_and_deletions_become_a_batch() {
        let view = view();
        let (a, b) = (row_of(&view, "a"), row::TOMBSTONE_ROW);
        let request = request(&view, 2, (16 + a.len() + b.len()) as u64);
        let mut loading = Loading::new(&view, &request, NOW).unwrap();
        loading.add(&wire(&view, &key(1), NOW, &a)).unwrap();
        loading.add(&[]).unwrap();
        loading.add(&wire(&view, &key(2), NOW, &b)).unwrap();
        let batch = loading.finish().unwrap();
        let rows: Vec<_> = batch.rows().map(|row| (row.key.to_vec(), row.created, row.row.to_vec())).collect();
        assert_eq!(rows, [(key(1), Some(NOW), a), (key(2), Some(NOW), b.to_vec())]);
    }

    #[test]
    fn rows_that_the_view_cannot_have_are_refused() {
        let view = view();
        let good = row_of(&view, "a");
        let mut not_utf8 = good.clone();
        *not_utf8.last_mut().unwrap() = 0xff;
        let mut other_schema = good.clone();
        other_schema[2] = 9;
        let late = NOW.plus(Span::from_secs(86_400));
        for (key, event, row, rule) in [
            (&key(1)[..7], NOW, &good, "an entity key is cut short"),
            (&[key(1), key(1)].concat(), NOW, &good, "an entity key has 8 bytes too many"),
            (&[], NOW, &good, "an entity key is cut short"),
            (&key(1), late, &good, "event timestamp is more than max_future_skew (3600s) in the future"),
            (&key(1), NOW, &good[..good.len() - 1].to_vec(), "bytes where its schema says"),
            (&key(1), NOW, &not_utf8, "UTF-8"),
            (&key(1), NOW, &other_schema, "a row has schema version 9, not 0"),
            (&key(1), NOW, &Vec::new(), "a row is cut short"),
        ] {
            let request = request(&view, 1, 1_000);
            let error = Loading::new(&view, &request, NOW).unwrap().add(&wire(&view, key, event, row)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.message().starts_with("view \"profile\", row 0 of a load: "), "{error}");
            assert!(error.message().contains(rule), "{error}");
        }
    }

    /// Purchases of users, also found by shop, with their order and shop as event id.
    fn purchases() -> FeatureView {
        let entity = |name: &str, key: &str, ty| EntityDefinition {
            name: name.into(),
            join_keys: vec![JoinKey { name: key.into(), ty }],
            ..EntityDefinition::default()
        };
        let column = |name, ty: &str| FeatureDefinition::new(name, ty.parse().unwrap());
        let definitions = Definitions {
            entities: vec![entity("user", "user_id", ScalarType::Int64), entity("shop", "shop_id", ScalarType::Int64)],
            views: vec![ViewDefinition {
                name: "purchases".into(),
                entities: vec!["user".into()],
                also_by: vec![vec!["shop".into()]],
                event_id: Some(vec!["shop_id".into()]),
                keep_newest: false,
                features: vec![column("shop_id", "int64"), column("amount", "int64")],
                ..ViewDefinition::default()
            }],
            services: vec![],
        };
        let catalog = Catalog::default().plan(&definitions, NOW).unwrap().into_catalog();
        catalog.view("purchases").unwrap().as_ref().clone()
    }

    #[test]
    fn events_of_an_indexed_view_are_under_the_ids_that_their_columns_give() {
        let view = purchases();
        let event_key = |shop: i64| {
            let (mut row_key, id) = (Vec::new(), key::short_event_id(&key(shop)).unwrap());
            key::event_key(&key(1), NOW, &id, &mut row_key);
            row_key
        };
        let values = [Some(Value::Int64(7)), Some(Value::Int64(5))];
        let (mut row, mut deletion) = (Vec::new(), Vec::new());
        row::encode(&view.current_layout(), &values, &mut row);
        row::encode_deletion(&view.current_layout(), &[values[0].clone(), None], &mut deletion);
        let add = |row_key: &[u8], row: &[u8]| {
            let request = request(&view, 1, (row_key.len() + row.len()) as u64);
            let mut loading = Loading::new(&view, &request, NOW)?;
            loading.add(&wire(&view, row_key, NOW, row))?;
            loading.finish().map(|batch| batch.written_len())
        };
        assert_eq!((add(&event_key(7), &row).unwrap(), add(&event_key(7), &deletion).unwrap()), (2, 2));
        for (row, rule) in [
            (&row, "the key of an event has another id than its columns give"),
            (&deletion, "the key of an event has another id than its columns give"),
            (&row::TOMBSTONE_ROW.to_vec(), "a deletion of an event names it by the columns of its event id"),
        ] {
            let error = add(&event_key(8), row).unwrap_err();
            assert!(error.message().starts_with("view \"purchases\", row 0 of a load: "), "{error}");
            assert!(error.message().contains(rule), "{error}");
        }
    }

    #[test]
    fn rows_that_break_the_check_of_the_view_are_refused_whoever_encoded_them() {
        let mut view = view();
        view.check = Some("visits < 5 or name == 'many'".to_owned());
        let rows = [row_of(&view, "many"), row_of(&view, "few")];
        let request = request(&view, 2, 1_000);
        let mut loading = Loading::new(&view, &request, NOW).unwrap();
        loading.add(&wire(&view, &key(1), NOW, &rows[0])).unwrap();
        let error = loading.add(&wire(&view, &key(2), NOW, &rows[1])).unwrap_err();
        let rule = "view \"profile\", row 1 of a load: the check of the view is false: visits < 5 or name == 'many'";
        assert_eq!(error.message(), rule);
    }

    #[test]
    fn more_or_fewer_rows_than_were_announced_are_refused() {
        let view = view();
        let row = row_of(&view, "a");
        let (one, bytes) = (wire(&view, &key(1), NOW, &row), (8 + row.len()) as u64);
        for (rows, bytes, sent) in [(1, bytes, 2), (2, bytes, 2), (2, 2 * bytes, 1), (1, bytes + 1, 1)] {
            let request = request(&view, rows, bytes);
            let mut loading = Loading::new(&view, &request, NOW).unwrap();
            let added = (0..sent).try_for_each(|_| loading.add(&one));
            let error = added.and_then(|()| loading.finish().map(drop)).unwrap_err();
            assert_eq!(error.message(), format!("a load has other rows than it says: {rows} of {bytes} bytes"));
        }
    }

    #[test]
    fn another_schema_is_a_conflict_and_notes_about_something_else_are_refused() {
        let view = view();
        let good = request(&view, 0, 0);
        let kind = |request: &LoadRequest| Loading::new(&view, request, NOW).map(drop).map_err(|error| error.kind());
        assert_eq!(kind(&good), Ok(()));
        assert_eq!(kind(&LoadRequest { schema_version: 1, ..good.clone() }), Err(ErrorKind::Conflict));
        assert_eq!(kind(&LoadRequest { view_id: 9, ..good.clone() }), Err(ErrorKind::Conflict));
        let notes = vec![NoteMessage { name: b"something".to_vec(), value: vec![1] }];
        assert_eq!(kind(&LoadRequest { notes, ..good }), Err(ErrorKind::Invalid));
    }
}
