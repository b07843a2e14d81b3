//! Reads for asyncio: they wait in a runtime of their own, and their answers wake the event loop.

use std::sync::Arc;

use asofdb::{Error, Question, Result};
use asofdb_client::AsyncClient;
use parking_lot::Mutex;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;

use crate::answer::Answer;
use crate::engine::Engine;
use crate::entities::{Entities, entity_rows};
use crate::errors::exception;
use crate::fork::generation;
use crate::request::{Request, Resolved, question};

/// The runtime of this process. One thread: it only hands bytes on.
fn runtime(py: Python<'_>) -> PyResult<&'static Runtime> {
    static RUNTIME: Mutex<Option<(u64, &'static Runtime)>> = Mutex::new(None);
    let mut runtime = RUNTIME.lock();
    match *runtime {
        Some((known, made)) if known == generation() => Ok(made),
        // None yet in this process. That of the parent has no threads here: it is left as it is.
        _ => {
            let made = Builder::new_multi_thread().worker_threads(1).thread_name("asofdb-asyncio").enable_all().build();
            let made = made.map_err(|error| {
                exception(py, &Error::unavailable("cannot start the thread for asyncio").with_source(error))
            })?;
            let made: &'static Runtime = Box::leak(Box::new(made));
            *runtime = Some((generation(), made));
            Ok(made)
        }
    }
}

type Connection = Arc<OnceCell<AsyncClient>>;

/// A connection to a sidecar for asyncio.
#[pyclass(frozen, module = "asofdb._native")]
pub(crate) struct AsyncEngine {
    engine: Py<Engine>,
    /// Locked for moments only, and only with the GIL.
    connection: Mutex<(u64, Connection)>,
}

impl AsyncEngine {
    fn connection(&self) -> Connection {
        let mut connection = self.connection.lock();
        if connection.0 != generation() {
            *connection = (generation(), Connection::default());
        }
        connection.1.clone()
    }
}

/// The parts of a read, without Python.
struct Read {
    resolved: Arc<Resolved>,
    entities: Entities,
    question: Question,
}

impl Read {
    async fn run(&self, client: &AsyncClient) -> Result<asofdb::Answer> {
        client.read(&self.resolved.shape.prepared, &self.entities.rows, self.question).await
    }
}

#[pymethods]
impl AsyncEngine {
    /// Over the sidecar that `engine` is connected to.
    #[new]
    fn new(engine: Py<Engine>) -> Self {
        AsyncEngine { engine, connection: Mutex::new((generation(), Connection::default())) }
    }

    /// Starts a read. `wake` is called in the event loop, as `loop.call_soon_threadsafe` does, with what `settle`
    /// needs: the future, the answer or None, the error or None.
    #[pyo3(signature = (request, entities, at, known_at, values, wake, settle, future))]
    #[allow(clippy::too_many_arguments, reason = "one call a read")]
    fn read(
        &self,
        py: Python<'_>,
        request: &Request,
        entities: &Bound<'_, PyAny>,
        at: Option<&Bound<'_, PyAny>>,
        known_at: Option<&Bound<'_, PyAny>>,
        values: Option<&Bound<'_, PyAny>>,
        wake: Py<PyAny>,
        settle: Py<PyAny>,
        future: Py<PyAny>,
    ) -> PyResult<()> {
        let engine = self.engine.get();
        // Says so if it was closed.
        engine.get(py)?;
        let Some((socket, options)) = engine.sidecar() else {
            return Err(exception(py, &Error::internal("asyncio is for sidecars")));
        };
        let question = question(at, known_at)?;
        let resolved = request.resolved(py)?;
        let entities = entity_rows(entities, values, &resolved.shape)?;
        let read = Read { resolved, entities, question };
        let connection = self.connection();
        runtime(py)?.spawn(async move {
            let connect = || AsyncClient::connect_with(&socket, options);
            let done = match connection.get_or_try_init(connect).await {
                Ok(client) => read.run(client).await,
                Err(error) => Err(error),
            };
            settled(done, read, &wake, &settle, &future);
        });
        Ok(())
    }
}

/// Hands the answer to the event loop, if it still runs.
fn settled(done: Result<asofdb::Answer>, read: Read, wake: &Py<PyAny>, settle: &Py<PyAny>, future: &Py<PyAny>) {
    let hand_over = |py: Python<'_>| -> PyResult<()> {
        let (answer, error) = match done {
            Ok(answer) => (Some(Bound::new(py, Answer::new(answer, read.entities.keys))?), None),
            Err(error) => (None, Some(exception(py, &error).into_value(py))),
        };
        wake.call1(py, (settle, future, answer, error)).map(drop)
    };
    // A loop that was closed meanwhile, or an interpreter that ends, has nobody who waits.
    let _ = Python::try_attach(hand_over);
}
