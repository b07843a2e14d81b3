//! `asof docs`: the catalog as pages.

use std::path::PathBuf;

use asofdb::Session;
use asofdb_platform::write_docs_with;
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
    /// With the statistics of values that were taken (asof profile): they show values to whoever sees the pages
    #[arg(long)]
    statistics: bool,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof docs --out catalog
  asof docs --out catalog --statistics
  asof --connect ~/.asof/socket docs --out /srv/www/features";

impl Docs {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let catalog = store.catalog()?;
        let views = catalog.views().filter(|_| self.statistics);
        let statistics = views.map(|view| store.statistics(&view.name)).collect::<asofdb::Result<Vec<_>>>()?;
        let files = write_docs_with(&catalog, &statistics, &self.out)? as u64;
        let json = json!({"out": self.out.display().to_string(), "files": files});
        let line = format!("wrote {} to {}", counted(files, "file", "files"), self.out.display());
        self.output.print(&Report { json, below: vec![line], ..Report::default() })?;
        Ok(Outcome::Done)
    }
}
