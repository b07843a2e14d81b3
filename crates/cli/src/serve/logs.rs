//! Structured logs, on stderr. They name views, consumers and users, never values of features or keys of entities.

use std::io::{self, IsTerminal};

use asofdb::Error;
use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::error::Result;

/// Arguments about the log.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logs")]
pub(super) struct LogArguments {
    /// Log level: error, warn, info, debug, or by module (info,asofdb=debug)
    #[arg(long, value_name = "FILTER", env = "ASOF_LOG", default_value = "info")]
    log: String,
    /// Format of the log
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// One object a line
    Json,
}

impl LogArguments {
    /// Logs from now on. Panics are logged too, in one line.
    pub(super) fn start(&self) -> Result<()> {
        let filter = EnvFilter::try_new(&self.log).map_err(|error| {
            Error::invalid(format!("a log filter is a level, or MODULE=LEVEL,... : {:?}", self.log)).with_source(error)
        })?;
        let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
        match self.log_format {
            LogFormat::Text => logs.with_ansi(io::stderr().is_terminal()).init(),
            LogFormat::Json => logs.json().flatten_event(true).init(),
        }
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string);
            // The message of a panic may hold a value; where it happened says enough.
            tracing::error!(place, thread = std::thread::current().name(), "a thread has panicked, which is a bug");
        }));
        Ok(())
    }
}
