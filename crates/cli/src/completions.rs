//! `asof completions` and `asof man`: what shells and `man` want to know about the command line.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::error::{Outcome, Result};

/// Print what a shell needs to complete commands and options
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asof completions bash > ~/.local/share/bash-completion/completions/asof")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// `command` is the whole command line.
    pub(crate) fn run(&self, mut command: Command) -> Result<Outcome> {
        // Made in memory, because the generator panics where a write fails.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "asof", &mut script);
        io::stdout().write_all(&script)?;
        Ok(Outcome::Done)
    }
}

/// Write the man pages, one for each command, into a directory
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asof man ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// The directory; it is made if it is not there
    dir: PathBuf,
}

impl Man {
    /// `command` is the whole command line.
    pub(crate) fn run(&self, command: Command) -> Result<Outcome> {
        let written = std::fs::create_dir_all(&self.dir).and_then(|()| clap_mangen::generate_to(command, &self.dir));
        written.map_err(|error| {
            let message = format!("cannot write man pages into {}", self.dir.display());
            asofdb::Error::unavailable(message).with_source(error)
        })?;
        Ok(Outcome::Done)
    }
}
