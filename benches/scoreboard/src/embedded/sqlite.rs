//! SQLite, as one would keep features in it: a table a view, a column a feature, read by prepared statements.

use std::path::Path;

use rusqlite::{Connection, Statement, params_from_iter, types::Value};

use crate::contender::{Fallible, Reader, Request};
use crate::data::{event, row};
use crate::embedded::kv::CACHE_BYTES;
use crate::scenario::{Setting, Shape};

/// Opens an empty database. Nothing waits for the disk: what is committed survives a crash of the process.
///
/// # Errors
/// What SQLite says.
pub fn open(directory: &Path) -> Fallible<Connection> {
    std::fs::create_dir_all(directory)?;
    let connection = Connection::open(directory.join("features.db"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "cache_size", -((CACHE_BYTES >> 10) as i64))?;
    connection.pragma_update(None, "mmap_size", 16_i64 << 30)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The columns of features, with commas between them.
pub fn columns(features: usize) -> String {
    (0..features).map(|n| format!("f{n}")).collect::<Vec<_>>().join(", ")
}

/// SQLite.
pub struct Sqlite {
    connection: Connection,
    shape: Shape,
    queries: Vec<String>,
}

impl Sqlite {
    /// Loads the data.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn load(setting: &Setting) -> Fallible<Self> {
        let shape = setting.scenario.shape();
        let mut connection = open(&setting.directory)?;
        let transaction = connection.transaction()?;
        for view in 0..shape.views {
            transaction.execute_batch(&table(&shape, view))?;
            fill(&mut transaction.prepare(&insert(&shape, view))?, setting, view)?;
        }
        transaction.commit()?;
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); ANALYZE;")?;
        let queries = (0..shape.views).map(|view| query(&shape, view)).collect();
        Ok(Sqlite { connection, shape, queries })
    }
}

fn table(shape: &Shape, view: usize) -> String {
    let columns = (0..shape.features).map(|n| format!("f{n} REAL")).collect::<Vec<_>>().join(", ");
    match (shape.as_of, shape.text_keys) {
        (true, _) => {
            format!("CREATE TABLE v{view} (key INTEGER, at INTEGER, {columns}, PRIMARY KEY (key, at)) WITHOUT ROWID")
        }
        (_, true) => format!("CREATE TABLE v{view} (key TEXT PRIMARY KEY, at INTEGER, {columns}) WITHOUT ROWID"),
        _ => format!("CREATE TABLE v{view} (key INTEGER PRIMARY KEY, at INTEGER, {columns})"),
    }
}

fn insert(shape: &Shape, view: usize) -> String {
    let places = vec!["?"; shape.features + 2].join(", ");
    format!("INSERT INTO v{view} VALUES ({places})")
}

fn query(shape: &Shape, view: usize) -> String {
    let columns = columns(shape.features);
    match shape.as_of {
        true => format!("SELECT {columns} FROM v{view} WHERE key = ? AND at <= ? ORDER BY at DESC LIMIT 1"),
        false => format!("SELECT {columns} FROM v{view} WHERE key = ?"),
    }
}

fn fill(statement: &mut Statement<'_>, setting: &Setting, view: usize) -> Fallible<()> {
    let shape = setting.scenario.shape();
    for entity in 0..setting.entities() {
        let key = if shape.text_keys { Value::Text(entity.to_string()) } else { Value::Integer(entity as i64) };
        for version in 0..shape.versions {
            let head = [key.clone(), Value::Integer(event(version))];
            let values = row(entity, version, view, shape.features).map(|value| Value::Real(f64::from(value)));
            statement.execute(params_from_iter(head.into_iter().chain(values)))?;
        }
    }
    Ok(())
}

impl Reader for Sqlite {
    fn answer(&mut self, request: &Request, out: &mut [f32]) -> Fallible<()> {
        let shape = self.shape;
        // One transaction for all rows of a request, as one snapshot of them.
        let transaction = self.connection.unchecked_transaction()?;
        for (view, query) in self.queries.iter().enumerate() {
            let mut statement = transaction.prepare_cached(query)?;
            for (n, entity) in request.entities.iter().enumerate() {
                match request.texts.get(n) {
                    Some(text) => statement.raw_bind_parameter(1, text)?,
                    None => statement.raw_bind_parameter(1, *entity as i64)?,
                }
                if shape.as_of {
                    statement.raw_bind_parameter(2, event(shape.version()))?;
                }
                let mut rows = statement.raw_query();
                let row = rows.next()?.ok_or("an entity is not there")?;
                let place = &mut out[(n * shape.views + view) * shape.features..][..shape.features];
                for (feature, out) in place.iter_mut().enumerate() {
                    *out = row.get_ref(feature)?.as_f64()? as f32;
                }
            }
        }
        Ok(transaction.commit()?)
    }
}
