//! `asof docs`: the catalog as pages.

use std::path::PathBuf;

use asofdb::Session;
use asofdb_platform::write_docs;
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::text::counted;

/// Write the catalog as pages, HTML and Markdown, with a search in the browser
///
/// There is a page a view, a service and an entity. They can be opened as files or served by anything that serves
/// files, and load nothing from elsewhere.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Docs {
    /// The directory to write, which must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof docs --out catalog
  asof --connect ~/.asof/socket docs --out /srv/www/features";

impl Docs {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let files = write_docs(&*context.open()?.catalog()?, &self.out)? as u64;
        let json = json!({"out": self.out.display().to_string(), "files": files});
        let line = format!("wrote {} to {}", counted(files, "file", "files"), self.out.display());
        self.output.print(&Report { json, below: vec![line], ..Report::default() })?;
        Ok(Outcome::Done)
    }
}
