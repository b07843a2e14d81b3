//! The connections of a client, who may cancel their calls, and when to try again.

use std::path::PathBuf;

use asofdb::Result;
use asofdb_protocol::Welcome;
use parking_lot::Mutex;

use crate::cancel::Cancel;
use crate::connection::Connection;
use crate::failure::{Failure, unknown_outcome};
use crate::options::ConnectOptions;

/// Connections that are kept open while nobody uses them.
const IDLE_MAX: usize = 16;

/// Connections to one sidecar. Each request has one to itself while it is answered.
#[derive(Debug)]
pub(crate) struct Pool {
    path: PathBuf,
    options: ConnectOptions,
    idle: Mutex<Vec<Connection>>,
    /// The process that the idle connections belong to: after a fork the child must not share them.
    owner: u32,
}

impl Pool {
    /// Connects once, so that a wrong path is an error now.
    pub(crate) fn new(path: PathBuf, options: ConnectOptions) -> Result<Self> {
        let first = Connection::open(&path, &options)?;
        Ok(Pool { path, options, idle: Mutex::new(vec![first]), owner: std::process::id() })
    }

    /// The pool for a client whose calls end when `cancel` says so.
    pub(crate) fn lender<'p>(&'p self, cancel: Option<&'p Cancel>) -> Lender<'p> {
        Lender { pool: self, cancel }
    }

    fn is_own(&self) -> bool {
        self.owner == std::process::id()
    }

    fn take_idle(&self) -> Option<Connection> {
        if self.is_own() { self.idle.lock().pop() } else { None }
    }

    /// A new connection.
    fn open(&self) -> Result<Connection> {
        Connection::open(&self.path, &self.options)
    }

    fn put_back(&self, connection: Connection) {
        if !self.is_own() {
            return;
        }
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
    }
}

/// A pool, and who may cancel the calls that take connections from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lender<'p> {
    pool: &'p Pool,
    cancel: Option<&'p Cancel>,
}

impl Lender<'_> {
    /// Looks at what the sidecar has said about itself.
    pub(crate) fn welcome<T>(&self, look: impl FnOnce(&Welcome) -> T) -> Result<T> {
        let connection = self.take_open()?;
        let seen = look(&connection.welcome);
        self.put_back(connection);
        Ok(seen)
    }

    /// A connection that is open, as far as one can know.
    pub(crate) fn take_open(&self) -> Result<Connection> {
        while let Some(connection) = self.pool.take_idle() {
            if connection.is_open() {
                return self.watched(connection);
            }
        }
        self.open()
    }

    fn open(&self) -> Result<Connection> {
        self.cancel.map_or(Ok(()), Cancel::check)?;
        self.watched(self.pool.open()?)
    }

    fn watched(&self, connection: Connection) -> Result<Connection> {
        self.cancel.map_or(Ok(()), |cancel| cancel.watch(connection.socket()))?;
        Ok(connection)
    }

    /// Takes a connection back, unless it was closed because its call was cancelled.
    pub(crate) fn put_back(&self, connection: Connection) {
        if self.cancel.is_none_or(|cancel| cancel.release(connection.socket())) {
            self.pool.put_back(connection);
        }
    }

    /// Does what may be done twice. A connection that breaks is replaced once: the sidecar was restarted, or has
    /// closed a connection that said nothing for long.
    pub(crate) fn read<T>(&self, mut work: impl FnMut(&mut Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut connection = match self.pool.take_idle() {
            Some(connection) => self.watched(connection)?,
            None => self.open()?,
        };
        let mut done = work(&mut connection);
        if let Err(Failure::Broken { .. }) = done {
            self.cancel.map_or(Ok(()), Cancel::check)?;
            // The others are likely to be as old.
            self.pool.idle.lock().clear();
            connection = self.open()?;
            done = work(&mut connection);
        }
        if !matches!(done, Err(Failure::Broken { .. })) {
            self.put_back(connection);
        }
        done
    }

    /// Does what must not be done twice. Only a connection that is seen to be closed before is replaced.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T, Failure>) -> Result<T> {
        let mut connection = self.take_open()?;
        match work(&mut connection) {
            Err(Failure::Broken { error, .. }) => Err(unknown_outcome(&error)),
            done => {
                self.put_back(connection);
                done.map_err(Failure::into_error)
            }
        }
    }
}
