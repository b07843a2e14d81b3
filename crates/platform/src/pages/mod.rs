//! Pages of a sidecar: what a store has and what is known of it, as HTML for people.
//!
//! A page is made from values that the caller has read: nothing here reads a store, knows who asks or decides what they
//! may see. Every text is escaped by its template; no script and no style stands in a page, and [`POLICY`] forbids what
//! does not come from the server of the page itself.

mod alerts;
mod answers;
mod assets;
mod audits;
mod catalog;
mod changes;
mod consumers;
mod explore;
mod feeds;
mod figures;
mod frame;
mod freshness;
mod freshness_history;
mod models;
mod notice;
mod plans;
mod thing;
mod versions;

pub use self::alerts::{AlertTarget, OpenAlert, alerts};
pub use self::answers::{Over, answers};
pub use self::assets::asset;
pub use self::audits::{AuditLine, audit, audits};
pub use self::catalog::{HITS_MAX, catalog};
pub use self::changes::{CHANGES_MAX, Compared, changes};
pub use self::consumers::{Activity, Allowance, consumers, consumers_usage};
pub use self::explore::{Asked, Explored, KeySet, Moment, explore};
pub use self::feeds::feeds;
pub use self::frame::{Frame, POLICY, Page};
pub use self::freshness::freshness;
pub use self::freshness_history::FreshnessPoint;
pub use self::notice::{failure, login};
pub use self::plans::plans;
pub use self::thing::{ViewFigures, duplicates, entity, service, usage, view};
