//! `asof search`: definitions by words.

use std::num::NonZeroUsize;

use asofdb::Error;
use asofdb_platform::{Closeness, Discovery, HITS_DEFAULT, Hit, Matched};
use clap::Args;

use super::catalog::filled;
use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet, Tone};

/// Find entities, views, features and services by what their definitions say
///
/// Every word must be found in the name, the description, the owner, the team, the tags, the entities, the type or, of
/// what is computed, in the way it is computed: as it is, as a word that means the same (cnt for count), or with a slip
/// of the keyboard; of the last word the beginning will do. What has the words as they are comes first, a name before a
/// description.
///
/// Filters: team:NAME, owner:NAME, tag:NAME or tag:NAME=VALUE, entity:NAME, type:TYPE, view:NAME, kind:KIND (entity,
/// view, feature, service, event_view, ...), status:STATUS (experimental, production, deprecated; or, by the freshness
/// of the views that it comes from, fresh, warn, stale, no_data), unused:30d (nobody has read it in 30 days). A star at
/// the end of a value stands for any more letters.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Search {
    /// Words and filters
    #[arg(required = true, value_name = "TEXT")]
    words: Vec<String>,
    /// Most results
    #[arg(long, value_name = "COUNT", default_value_t = NonZeroUsize::new(HITS_DEFAULT).unwrap_or(NonZeroUsize::MIN))]
    limit: NonZeroUsize,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof search wind
  asof search mean delay --format json
  asof search purch entity:user type:float64
  asof search kind:service owner:growth*
  asof search status:stale unused:30d";

impl Search {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let hits = context.open()?.search(&self.words.join(" "), self.limit.get())?;
        self.output.print(&report(&hits)?)?;
        Ok(Outcome::Done)
    }
}

fn report(hits: &[Hit]) -> Result<Report> {
    let mut sheet = Sheet::new(["kind", "name", "description", "computed_from", "matched"].map(Column::new));
    for hit in hits {
        sheet.push(vec![
            Cell::new(hit.kind).tone(Tone::Faint),
            Cell::new(&hit.name).tone(Tone::Strong),
            filled(&hit.description),
            filled(&hit.computed_from.join(", ")),
            filled(&hit.matched.iter().map(matched).collect::<Vec<_>>().join(", ")).tone(Tone::Faint),
        ]);
    }
    let below = if hits.is_empty() { vec!["nothing matches".to_owned()] } else { Vec::new() };
    let unwritten = |error| Error::internal("hits cannot be written as JSON").with_source(error);
    Ok(Report { json: serde_json::to_value(hits).map_err(unwritten)?, sheet, below, ..Report::default() })
}

/// The field in which a word was found, and the word as which it was, if that is another.
fn matched(matched: &Matched) -> String {
    match matched.how {
        Closeness::Exact => matched.field.as_str().to_owned(),
        _ => format!("{} ({})", matched.field.as_str(), matched.found),
    }
}
