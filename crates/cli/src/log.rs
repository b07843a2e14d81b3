//! `asof log` and `asof diff`: the changes of the catalog.

use asofdb::{AsJson, CatalogChange, Change, ChangeKind, Session};
use clap::Args;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::counted;
use super::when::When;

/// Show the changes of what is defined, newest first: who made each, when, what and why
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asof log\n  asof log user_stats_v1 --limit 100 --format json")]
pub(crate) struct Log {
    /// Only changes of this view with its features, feature (view:feature), service or entity, or of the policy
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Most changes
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    output: Output,
}

impl Log {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let changes = context.open()?.catalog_log(self.name.as_deref(), self.limit)?;
        let mut sheet = Sheet::new(["revision", "at", "who", "changes", "approved_by", "message"].map(Column::new));
        for change in &changes {
            sheet.push(line(change));
        }
        let json = AsJson(changes.as_slice()).to_tree()?;
        self.output.print(&Report { json, sheet, ..Report::default() })?;
        Ok(Outcome::Done)
    }
}

fn line(change: &CatalogChange) -> Vec<Cell> {
    let cause = &change.cause;
    let filled = |text: String| Cell::optional((!text.is_empty()).then_some(text));
    let all: Vec<_> = cause.changes.iter().map(Change::to_string).collect();
    let shown = match all.as_slice() {
        [] => "-".to_owned(),
        [one] => one.clone(),
        [first, more @ ..] => format!("{first}, and {}", counted(more.len() as u64 + cause.left_out, "more", "more")),
    };
    let approved: Vec<_> = cause.approved_by.iter().map(|approval| approval.who.as_str()).collect();
    vec![
        Cell::new(change.revision),
        Cell::new(change.at),
        filled(cause.who.clone()),
        Cell::new(all.join("; ")).shown(shown),
        filled(approved.join(", ")),
        filled(cause.message.clone()),
    ]
}

/// Show what changed in what is defined between two times
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asof diff 2026-11-01 now\n  asof diff 2026-11-01T12:00:00Z 2026-11-02")]
pub(crate) struct Diff {
    /// The earlier time
    #[arg(value_name = "T1")]
    from: When,
    /// The later time
    #[arg(value_name = "T2", default_value = "now")]
    to: When,
    #[command(flatten)]
    output: Output,
}

impl Diff {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let now = store.now()?;
        let (from, to) = (store.catalog_at(self.from.resolve(now))?, store.catalog_at(self.to.resolve(now))?);
        let changes = from.changes_to(&to);
        let mut sheet = Sheet::new(["change", "what", "name", "details"].map(Column::new));
        for change in &changes {
            let tone = match change.kind {
                ChangeKind::Create => Tone::Good,
                ChangeKind::Change => Tone::Warning,
                ChangeKind::Drop | ChangeKind::Redefine => Tone::Bad,
            };
            let name = Cell::new(&change.name).tone(tone);
            let details = Cell::new(change.details.join(", "));
            sheet.push(vec![Cell::new(change.kind.as_str()), Cell::new(change.what.as_str()), name, details]);
        }
        let below = vec![counted(changes.len() as u64, "change", "changes")];
        let json = AsJson(changes.as_slice()).to_tree()?;
        self.output.print(&Report { json, sheet, below, ..Report::default() })?;
        Ok(Outcome::Done)
    }
}
