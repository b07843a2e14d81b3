//! Our own routes: what the engine can do, in the JSON that the command line prints.

mod alerts;
mod answers;
mod audits;
mod catalog;
mod delete;
mod delete_events;
mod duplicates;
mod entity;
mod feeds;
mod freshness;
mod governance;
mod history;
mod plans;
mod read;
mod request;
mod rows;
mod search;
mod time;
mod usage;
mod write;

pub(super) use self::alerts::alerts;
pub(super) use self::answers::answers;
pub(super) use self::audits::{audit, audited, audits, find_audit};
pub(super) use self::catalog::{catalog, entities, lineage, service, services, view, views};
pub(super) use self::delete::{delete, erase};
pub(super) use self::delete_events::delete_events;
pub(super) use self::duplicates::duplicates;
pub(super) use self::feeds::{feeds, materialize};
pub(super) use self::freshness::{all_freshness, freshness, freshness_history};
pub(super) use self::governance::{diff, log, policy};
pub(super) use self::history::history;
pub(super) use self::plans::{apply, approve, plan, plans, propose};
pub(super) use self::read::{as_of, latest};
pub(super) use self::search::search;
pub(super) use self::usage::usage;
pub(super) use self::write::write;
