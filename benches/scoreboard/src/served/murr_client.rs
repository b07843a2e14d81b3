//! Clients of murr's servers: HTTP with Arrow both ways, which is the fastest that it offers there, and Flight.

use std::collections::HashMap;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{Ticket, error::FlightError};
use futures::TryStreamExt;
use murr::api::fetch::COLUMNS_METADATA;
use tokio::runtime::Runtime;
use tonic::transport::Channel;

use crate::contender::{Fallible, Reader, Request};
use crate::embedded::murr_memory::{KEY, TABLE, column_names, key_batch, to_matrix};
use crate::scenario::{Setting, Shape};
use crate::served::http::HttpConnection;
use crate::served::murr_server::{MurrStore, Ports};
use crate::served::server::Server;

const ARROW: &str = "application/vnd.apache.arrow.stream";

/// The ways to murr's server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// HTTP.
    Http,
    /// Arrow Flight.
    Flight,
}

/// Starts murr with the data, and connects.
///
/// # Errors
/// What murr says.
pub fn start(setting: &Setting, store: MurrStore, way: Way) -> Fallible<Box<dyn Reader>> {
    let (ports, shape) = (Ports::free()?, setting.scenario.shape());
    let ready = setting.directory.join("ready");
    let name = clap::ValueEnum::to_possible_value(&store).ok_or("a store has a name")?;
    let scenario = clap::ValueEnum::to_possible_value(&setting.scenario).ok_or("a scenario has a name")?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve-murr").arg("--store").arg(name.get_name()).arg("--scenario").arg(scenario.get_name());
    command.arg("--rows").arg(setting.rows.to_string()).arg("--directory").arg(setting.directory.join("murr"));
    command.arg("--http").arg(ports.http.to_string()).arg("--flight").arg(ports.flight.to_string());
    command.arg("--ready").arg(&ready).stdout(Stdio::null());
    let answers = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
    let server = Server::start(&mut command, || ready.exists() && answers(ports.http) && answers(ports.flight))?;
    Ok(match way {
        Way::Http => Box::new(Http::connect(server, ports, shape)?),
        Way::Flight => Box::new(Flight::connect(server, ports, shape)?),
    })
}

struct Http {
    server: Server,
    connection: HttpConnection,
    shape: Shape,
    path: String,
    columns: HashMap<String, String>,
    body: Vec<u8>,
}

impl Http {
    fn connect(server: Server, ports: Ports, shape: Shape) -> Fallible<Self> {
        let connection = HttpConnection::connect(&format!("127.0.0.1:{}", ports.http))?;
        let columns = HashMap::from([(COLUMNS_METADATA.to_owned(), serde_json::to_string(&column_names(&shape))?)]);
        Ok(Http { server, connection, shape, path: format!("/api/v1/table/{TABLE}/fetch"), columns, body: Vec::new() })
    }
}

impl Reader for Http {
    fn answer(&mut self, request: &Request, out: &mut [f32]) -> Fallible<()> {
        let keys = key_batch(request)?;
        let schema = Arc::new(keys.schema().as_ref().clone().with_metadata(self.columns.clone()));
        self.body.clear();
        let mut writer = StreamWriter::try_new(&mut self.body, &schema)?;
        writer.write(&keys.with_schema(schema)?)?;
        writer.finish()?;
        drop(writer);
        let answer = self.connection.post(&self.path, ARROW, &self.body)?;
        let batch = StreamReader::try_new(answer, None)?.next().ok_or("an empty answer")??;
        to_matrix(&batch, &self.shape, out)
    }

    fn server(&self) -> Option<u32> {
        Some(self.server.process())
    }
}

struct Flight {
    server: Server,
    runtime: Runtime,
    client: FlightServiceClient<Channel>,
    shape: Shape,
    columns: Vec<String>,
}

impl Flight {
    fn connect(server: Server, ports: Ports, shape: Shape) -> Fallible<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let channel = Channel::from_shared(format!("http://127.0.0.1:{}", ports.flight))?;
        let client = FlightServiceClient::new(runtime.block_on(channel.connect())?);
        Ok(Flight { server, runtime, client, shape, columns: column_names(&shape) })
    }
}

impl Reader for Flight {
    fn answer(&mut self, request: &Request, out: &mut [f32]) -> Fallible<()> {
        let ticket = serde_json::json!({
            "table": TABLE,
            "keys": { KEY: request.texts },
            "columns": self.columns,
        });
        let (client, ticket) = (&mut self.client, serde_json::to_vec(&ticket)?);
        let batches: Vec<RecordBatch> = self.runtime.block_on(async {
            let stream = client.do_get(Ticket::new(ticket)).await?.into_inner();
            let stream = stream.map_err(|status| FlightError::Tonic(Box::new(status)));
            Fallible::Ok(FlightRecordBatchStream::new_from_flight_data(stream).try_collect().await?)
        })?;
        let [batch] = batches.as_slice() else { return Err(format!("{} batches", batches.len()).into()) };
        to_matrix(batch, &self.shape, out)
    }

    fn server(&self) -> Option<u32> {
        Some(self.server.process())
    }
}
