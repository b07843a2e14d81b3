//! HTTP beside the native socket, as arguments.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use asofdb::Error;
use asofdb_sidecar::{HttpListeners, HttpOptions, HttpServer, HttpToken, Service, Socket};
use clap::Args;

use super::arguments::{AccessArguments, at_least_one, positive};
use super::sizes::parse_bytes;
use crate::error::Result;

/// HTTP: the dialect of Feast's feature server, and our own routes below /v1.
#[derive(Debug, Args)]
#[command(next_help_heading = "HTTP")]
pub(super) struct HttpArguments {
    /// Serve HTTP on this address, such as 127.0.0.1:6566; others than loopback need a token; several times for several
    #[arg(long, value_name = "ADDR:PORT")]
    http: Vec<String>,
    /// Serve HTTP on this Unix socket, with the permissions and the access of the other one
    #[arg(long, value_name = "PATH")]
    http_socket: Option<PathBuf>,
    /// The file with the token that callers over TCP must send (Authorization: Bearer ...)
    #[arg(long, value_name = "FILE")]
    http_token_file: Option<PathBuf>,
    /// Longest body of a request
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "16MiB")]
    http_body_bytes_max: usize,
    /// Most bytes of all bodies and answers that are held at a time; a body above 16 KiB counts 16 times
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "512MiB", alias = "http-bodies-bytes-max")]
    http_memory_bytes_max: usize,
    /// Most bytes of one answer
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "64MiB")]
    http_answer_bytes_max: usize,
    /// Most connections
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value = "512")]
    http_connections_max: usize,
    /// Most requests that are worked on at a time
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value = "64")]
    http_requests_in_flight_max: usize,
    /// Most values (entities times features) of one answer
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value = "250000")]
    http_answer_values_max: usize,
    /// The longest time that a client may take to send the head of a request, and how long it may say nothing
    #[arg(long, value_name = "TIME", value_parser = positive, default_value = "30s")]
    http_header_timeout: Duration,
    /// The longest time that a client may take to send a body
    #[arg(long, value_name = "TIME", value_parser = positive, default_value = "20s")]
    http_body_timeout: Duration,
    /// The longest time that a client may not read an answer
    #[arg(long, value_name = "TIME", value_parser = positive, default_value = "10s")]
    http_stall_timeout: Duration,
    /// The longest time that a request may take in all
    #[arg(long, value_name = "TIME", value_parser = positive, default_value = "60s")]
    http_request_timeout: Duration,
}

/// HTTP being served.
pub(super) struct Http {
    server: HttpServer,
    addresses: String,
    /// Its file goes when the server has stopped.
    _socket: Option<Socket>,
}

impl HttpArguments {
    /// Returns the most connections of each kind that may be wanted; 0 when nothing is to be served.
    pub(super) fn connections_max(&self) -> usize {
        let is_served = !self.http.is_empty() || self.http_socket.is_some();
        if is_served { self.http_connections_max } else { 0 }
    }

    /// Begins to serve, if it was asked for, at most so many connections over TCP and as many over the Unix socket.
    pub(super) fn start(
        &self,
        service: &Arc<Service>,
        access: &AccessArguments,
        connections_max: usize,
    ) -> Result<Option<Http>> {
        let mut listeners = HttpListeners::default();
        let mut addresses = Vec::new();
        for address in &self.http {
            let listener = TcpListener::bind(address).map_err(|error| {
                Error::unavailable(format!("cannot listen on {address}; give a free ADDR:PORT")).with_source(error)
            })?;
            // Port 0 is any that is free.
            addresses.push(listener.local_addr().map_or_else(|_| address.clone(), |address| address.to_string()));
            listeners.tcp.push(listener);
        }
        let socket = self.http_socket.as_ref().map(|path| Socket::bind(path, access.mode)).transpose()?;
        if let (Some(socket), Some(path)) = (&socket, &self.http_socket) {
            listeners.unix.push(socket.to_listener()?);
            addresses.push(path.display().to_string());
        }
        if addresses.is_empty() {
            return Ok(None);
        }
        let server = HttpServer::start(service.clone(), listeners, self.options(access, connections_max)?)?;
        Ok(Some(Http { server, addresses: addresses.join(" "), _socket: socket }))
    }

    fn options(&self, access: &AccessArguments, connections_max: usize) -> Result<HttpOptions> {
        Ok(HttpOptions {
            access: access.access(),
            token: self.http_token_file.as_ref().map(HttpToken::read).transpose()?,
            body_bytes_max: self.http_body_bytes_max,
            memory_bytes_max: self.http_memory_bytes_max,
            answer_bytes_max: self.http_answer_bytes_max,
            connections_max,
            requests_in_flight_max: self.http_requests_in_flight_max,
            answer_values_max: self.http_answer_values_max,
            header_timeout: self.http_header_timeout,
            body_timeout: self.http_body_timeout,
            stall_timeout: self.http_stall_timeout,
            request_timeout: self.http_request_timeout,
        })
    }
}

impl Http {
    /// Returns the addresses at which HTTP is served.
    pub(super) fn addresses(&self) -> &str {
        &self.addresses
    }

    /// Takes nothing new and finishes what is in flight. Tells whether all was finished in time.
    pub(super) fn drain(self, patience: Duration) -> bool {
        self.server.drain(patience)
    }
}
