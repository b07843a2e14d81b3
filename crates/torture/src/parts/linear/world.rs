//! The world of a history: entities with a few views, and clients that write, read and erase them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use asofdb::{
    Answer, Definitions, Durability, Error, Prepared, Question, Result, Session, Timestamp, Value, parse_definitions,
};

/// The views of an entity. One is looked up by its key, two by their keys at once, and four in one pass.
pub(super) const VIEWS: [&str; 4] = ["first", "second", "third", "fourth"];

/// The numbers of views that a read asks for.
pub(super) const WIDTHS: [usize; 3] = [1, 2, 4];

/// A version to be written to all views of an entity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version {
    pub(super) event: Timestamp,
    /// The created timestamp; the store stamps the version where there is none.
    pub(super) created: Option<Timestamp>,
    pub(super) value: i64,
}

/// The definitions of the world.
pub(super) fn definitions() -> Definitions {
    let entity = "[[entity]]\nname = \"account\"\njoin_keys = [{ name = \"account\", type = \"int64\" }]\n".to_owned();
    let view = |name: &&str| {
        format!(
            "[[feature_view]]\nname = \"{name}\"\nentities = [\"account\"]\ncreated_timestamp = \"created\"\n\
             [[feature_view.feature]]\nname = \"value\"\ntype = \"int64\"\n"
        )
    };
    let text: String = std::iter::once(entity).chain(VIEWS.iter().map(view)).collect();
    parse_definitions(&text, "linear.toml").expect("definitions of ours")
}

/// A client of a store: what the clients of a history do to its registers.
///
/// Values that were read or erased are one a view that was asked for.
pub(super) trait Door: Send + Sync {
    /// Writes a version to every view of an entity.
    ///
    /// # Errors
    /// Those of the store.
    fn put(&self, entity: i64, version: Version) -> Result<()>;

    /// Deletes an entity from every view as of `event`.
    ///
    /// # Errors
    /// Those of the store.
    fn delete(&self, entity: i64, event: Timestamp) -> Result<()>;

    /// Reads the newest values, or those as of a time, of the first views.
    ///
    /// # Errors
    /// Those of the store.
    fn read(&self, entity: i64, at: Option<Timestamp>, views: usize) -> Result<Vec<Option<i64>>>;

    /// Erases an entity from every view; returns the number of its versions in each.
    ///
    /// # Errors
    /// Those of the store.
    fn erase(&self, entity: i64) -> Result<Vec<u64>>;

    /// The present of the store.
    ///
    /// # Errors
    /// Those of the store.
    fn now(&self) -> Result<Timestamp>;
}

/// A session as a door.
pub(super) struct SessionDoor {
    session: Arc<dyn Session>,
    /// The requests of each of [`WIDTHS`].
    requests: Vec<Prepared>,
}

impl SessionDoor {
    /// A door to a store with the [`definitions`].
    ///
    /// # Errors
    /// Those of the session.
    pub(super) fn new(session: Arc<dyn Session>) -> Result<Self> {
        let catalog = session.catalog()?;
        let request = |width: &usize| {
            Prepared::new(&catalog, VIEWS[..*width].iter().map(|view| format!("{view}:value")).collect())
        };
        let requests = WIDTHS.iter().map(request).collect::<Result<_>>()?;
        Ok(SessionDoor { session, requests })
    }
}

impl Door for SessionDoor {
    fn put(&self, entity: i64, version: Version) -> Result<()> {
        let rows = rows(entity, version)?;
        let rows: Vec<_> = VIEWS.iter().map(|view| (*view, &rows)).collect();
        self.session.commit(&rows, Some(Durability::Os)).map(drop)
    }

    fn delete(&self, entity: i64, event: Timestamp) -> Result<()> {
        self.session.delete(&VIEWS, &[("account", Value::Int64(entity))], event).map(drop)
    }

    fn read(&self, entity: i64, at: Option<Timestamp>, views: usize) -> Result<Vec<Option<i64>>> {
        let request = self.requests.iter().find(|request| request.width() == views);
        let request = request.ok_or_else(|| Error::invalid(format!("no read is of {views} views")))?;
        let mut entities = request.entity_rows();
        entities.push(&[Some(Value::Int64(entity))])?;
        let question = at.map_or(Question::Latest, |at| Question::AsOf { at, known_at: None });
        values(&self.session.read(request, &entities, question)?)
    }

    fn erase(&self, entity: i64) -> Result<Vec<u64>> {
        let erased = self.session.erase(&VIEWS, &[("account", Value::Int64(entity))])?;
        Ok(erased.into_iter().map(|erased| erased.versions).collect())
    }

    fn now(&self) -> Result<Timestamp> {
        self.session.now()
    }
}

fn values(answer: &Answer) -> Result<Vec<Option<i64>>> {
    let value = |feature| match answer.value(0, feature)? {
        None => Ok(None),
        Some(Value::Int64(value)) => Ok(Some(value)),
        Some(other) => Err(Error::corrupt(format!("a value of another type: {other:?}"))),
    };
    (0..answer.features()).map(value).collect()
}

/// The row of one version.
pub(super) fn rows(entity: i64, version: Version) -> Result<RecordBatch> {
    let time = |time: Timestamp| Arc::new(TimestampMicrosecondArray::from(vec![time.as_micros()]).with_timezone("UTC"));
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("account", Arc::new(Int64Array::from(vec![entity]))),
        ("event_timestamp", time(version.event)),
        ("value", Arc::new(Int64Array::from(vec![version.value]))),
    ];
    if let Some(created) = version.created {
        columns.push(("created", time(created)));
    }
    RecordBatch::try_from_iter(columns).map_err(|error| Error::internal("a row of one version").with_source(error))
}
