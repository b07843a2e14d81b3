//! Arguments for access and for the bounds of clients.

use std::time::Duration;

use asofdb_sidecar::{Access, Bounds, BulkBounds};
use clap::Args;

use super::sizes::{parse_bytes, parse_mode};

/// Arguments that say who may connect.
#[derive(Debug, Args)]
#[command(next_help_heading = "Access")]
pub(super) struct AccessArguments {
    /// Permissions of the socket; clients need to be able to write to it
    #[arg(long, value_name = "MODE", value_parser = parse_mode, default_value = "0600")]
    pub(super) mode: u32,
    /// A user who may read and write, beside the one who runs the sidecar and root; several times for several
    #[arg(long = "allow-uid", value_name = "UID")]
    allow_uids: Vec<u32>,
    /// A group whose processes may read and write
    #[arg(long = "allow-gid", value_name = "GID")]
    allow_gids: Vec<u32>,
    /// A user who may read
    #[arg(long = "read-only-uid", value_name = "UID")]
    read_only_uids: Vec<u32>,
    /// A group whose processes may read
    #[arg(long = "read-only-gid", value_name = "GID")]
    read_only_gids: Vec<u32>,
    /// Nobody may do more than read
    #[arg(long)]
    read_only: bool,
}

impl AccessArguments {
    pub(super) fn access(&self) -> Access {
        Access {
            allow_uids: self.allow_uids.clone(),
            allow_gids: self.allow_gids.clone(),
            read_only_uids: self.read_only_uids.clone(),
            read_only_gids: self.read_only_gids.clone(),
            read_only: self.read_only,
        }
    }
}

/// Arguments that bound one client, and all of them together.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct BoundArguments {
    /// Longest request
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "32MiB")]
    frame_bytes_max: usize,
    /// Most entity rows of one read
    #[arg(long, value_name = "N", default_value = "100000")]
    rows_max: usize,
    /// Longest answer to a read
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "64MiB")]
    answer_bytes_max: usize,
    /// Most memory for large requests, and for answers that wait for slow readers, of all clients together
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "512MiB")]
    memory_bytes_max: usize,
    /// Most connections, an eighth of them (at most 16) for operators; another eighth may wait for their first request
    #[arg(long, value_name = "N", default_value = "1024", value_parser = at_least_one)]
    connections_max: usize,
    /// Most requests that are taken from one connection at a time; the others wait in the socket
    #[arg(long, value_name = "N", default_value = "1024", value_parser = at_least_one)]
    requests_taken_max: usize,
    /// Most requests that are worked on at a time, of all clients together
    #[arg(long, value_name = "N", default_value = "512", value_parser = at_least_one)]
    requests_in_flight_max: usize,
    /// Most bulk requests (joins, exports, ingests) at a time; the next ones wait in line for half a minute
    #[arg(long, value_name = "N", default_value = "2", value_parser = at_least_one)]
    bulk_max: usize,
    /// Most bulk requests that wait in line; the next ones are refused at once
    #[arg(long, value_name = "N", default_value = "64")]
    bulk_waiting_max: usize,
    /// The least share of its time that a thread of bulk work gets while point requests come; it pauses for the rest
    #[arg(long, value_name = "PERCENT", default_value = "50", value_parser = clap::value_parser!(u8).range(1..=100))]
    bulk_share: u8,
    /// Most memory of a join for a part of its spine with the answers; texts and lists spill to TMPDIR
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "256MiB")]
    join_bytes_max: usize,
    /// Most bytes of keys and rows of one step of an ingest, at most half of --memory-bytes-max
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "192MiB")]
    load_bytes_max: usize,
    /// Most disk for rows of ingests that are gathered before they are loaded, of all clients together. An ingest gets a
    /// quarter at a time, and is loaded chunk by chunk where nothing is left, which costs more
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "16GiB")]
    gather_bytes_max: usize,
    /// The longest time that a client may take to say hello
    #[arg(long, value_name = "TIME", value_parser = positive, default_value = "5s")]
    handshake_timeout: Duration,
    /// The longest time that a connection may say nothing
    #[arg(long, value_name = "TIME", value_parser = positive, default_value = "10m")]
    idle_timeout: Duration,
    /// The longest time that a client may pause within a request, or not read its answers
    #[arg(long, value_name = "TIME", value_parser = positive, default_value = "10s")]
    stall_timeout: Duration,
    /// The longest time that a bulk request may take, its client's pauses included
    #[arg(long, value_name = "TIME", value_parser = positive, default_value = "4h")]
    bulk_timeout: Duration,
}

impl BoundArguments {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            body_bytes_max: self.frame_bytes_max,
            rows_max: self.rows_max,
            answer_bytes_max: self.answer_bytes_max,
            memory_bytes_max: self.memory_bytes_max,
            connections_max: self.connections_max,
            requests_taken_max: self.requests_taken_max,
            requests_in_flight_max: self.requests_in_flight_max,
            join_bytes_max: self.join_bytes_max,
            load_bytes_max: self.load_bytes_max,
            gather_bytes_max: self.gather_bytes_max as u64,
            handshake_timeout: self.handshake_timeout,
            idle_timeout: self.idle_timeout,
            stall_timeout: self.stall_timeout,
            bulk_timeout: self.bulk_timeout,
        }
    }

    pub(super) fn bulk_bounds(&self) -> BulkBounds {
        BulkBounds {
            working_max: self.bulk_max,
            waiting_max: self.bulk_waiting_max,
            share_percent: self.bulk_share,
            ..BulkBounds::default()
        }
    }
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

pub(super) fn positive(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration >= Duration::from_millis(1) => Ok(duration),
        Ok(_) => Err("at least 1ms".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
