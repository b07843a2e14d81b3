//! Life cycles in definition files.

use asofdb_storage::{Date, Error, LifeCycle, Result};

use super::document::{Field, Table};

/// Reads the stage of a view or a service, and what follows it.
pub(super) fn life_cycle(table: &Table) -> Result<LifeCycle> {
    let located = |field: &Field<'_>, error: Error| field.invalid(error.message());
    let status = table.field("status");
    let status = status.map(|field| field.text()?.parse().map_err(|error| located(&field, error)));
    let date = table.field("drop_after");
    let date = date.map(|field| field.text()?.parse::<Date>().map_err(|error| located(&field, error)));
    Ok(LifeCycle {
        status: status.transpose()?,
        replaced_by: table.optional_text("replaced_by")?,
        drop_after: date.transpose()?,
    })
}
