//! SQLite with a history and a table of what is latest, which an upsert keeps right when rows are late.

use rusqlite::{Connection, OptionalExtension, params_from_iter, types::Value};

use crate::contender::{Fallible, Writer, Written};
use crate::data::row;
use crate::embedded::sqlite::{columns, open};
use crate::scenario::Setting;

/// SQLite, written to.
pub struct SqliteWriter {
    connection: Connection,
    features: usize,
    insert: String,
    upsert: String,
    ready: Vec<Vec<Value>>,
}

impl SqliteWriter {
    /// Begins with empty tables.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn open(setting: &Setting) -> Fallible<Self> {
        let features = setting.scenario.shape().features;
        let connection = open(&setting.directory)?;
        let types = (0..features).map(|n| format!("f{n} REAL")).collect::<Vec<_>>().join(", ");
        connection.execute_batch(&format!(
            "CREATE TABLE history (key INTEGER, at INTEGER, {types}, PRIMARY KEY (key, at)) WITHOUT ROWID;
             CREATE TABLE latest (key INTEGER PRIMARY KEY, at INTEGER, {types});"
        ))?;
        let places = vec!["?"; features + 2].join(", ");
        let set = (0..features).map(|n| format!("f{n} = excluded.f{n}")).collect::<Vec<_>>().join(", ");
        let insert = format!("INSERT OR REPLACE INTO history VALUES ({places})");
        let upsert = format!(
            "INSERT INTO latest VALUES ({places}) ON CONFLICT (key) DO UPDATE SET at = excluded.at, {set}
             WHERE excluded.at > latest.at"
        );
        Ok(SqliteWriter { connection, features, insert, upsert, ready: Vec::new() })
    }
}

impl Writer for SqliteWriter {
    fn prepare(&mut self, rows: &[Written]) -> Fallible<()> {
        let values = |written: &Written| {
            let head = [Value::Integer(written.entity as i64), Value::Integer(written.event())];
            let features = row(written.entity, written.version, 0, self.features);
            head.into_iter().chain(features.map(|value| Value::Real(f64::from(value)))).collect()
        };
        self.ready = rows.iter().map(values).collect();
        Ok(())
    }

    fn write(&mut self) -> Fallible<()> {
        let transaction = self.connection.transaction()?;
        for sql in [&self.insert, &self.upsert] {
            let mut statement = transaction.prepare_cached(sql)?;
            for row in &self.ready {
                statement.execute(params_from_iter(row))?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn latest(&mut self, entity: u64, out: &mut [f32]) -> Fallible<bool> {
        let sql = format!("SELECT {} FROM latest WHERE key = ?", columns(self.features));
        let mut statement = self.connection.prepare_cached(&sql)?;
        let read = |row: &rusqlite::Row<'_>| {
            out.iter_mut().enumerate().try_for_each(|(n, out)| row.get::<_, f64>(n).map(|value| *out = value as f32))
        };
        Ok(statement.query_row([entity as i64], read).optional()?.is_some())
    }
}
