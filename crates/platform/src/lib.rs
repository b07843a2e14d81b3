//! Tools of a platform team over the catalog of a store, for what needs no serving.
//!
//! [`Discovery`] adds it to every [`Session`](asofdb::Session), a store in this process or behind a sidecar: searching
//! what is defined, and finding features that are there twice. [`write_docs`] writes the catalog as pages. [`Searcher`]
//! keeps the index for whoever searches often.
//!
//! ```
//! # fn main() -> asofdb::Result<()> {
//! use asofdb::{ManualClock, Store, Timestamp, parse_definitions};
//! use asofdb_platform::Discovery;
//!
//! let store = Store::in_memory(ManualClock::new(Timestamp::from_micros(0)));
//! let definitions = r#"
//!     [[entity]]
//!     name = "user"
//!     join_keys = [{ name = "user_id", type = "int64" }]
//!     [[feature_view]]
//!     name = "user_stats"
//!     entities = ["user"]
//!     feature = [{ name = "purchases_30d", type = "int64", description = "Orders that were paid" }]
//! "#;
//! store.apply(&parse_definitions(definitions, "definitions.toml")?, false)?;
//! let hits = store.search("purch type:int64", 10)?;
//! assert_eq!(hits[0].name, "user_stats:purchases_30d");
//! # Ok(())
//! # }
//! ```

mod audit;
mod discovery;
mod docs;
mod duplicates;
mod lineage;
mod lineage_teller;
pub mod pages;
mod plan;
mod planned;
mod planned_policy;
mod relatives;
mod run_event;
mod search;
mod statistics;
mod synonyms;
mod words;

pub use self::audit::against::{AGAINST_CELLS_MAX, Against, ComparedFeature, compare_served};
pub use self::audit::difference::{Difference, Side};
pub use self::audit::drift::{Bin, Drift};
pub use self::audit::html::audit_html;
pub use self::audit::reason::Reason;
pub use self::audit::record::AuditRecord;
pub use self::audit::{AUDIT_EXAMPLES_DEFAULT, Audit, AuditAgainst, AuditOptions, AuditedFeature, audit};
pub use self::discovery::{Discovery, Searcher};
pub use self::docs::{DocFile, doc_files, doc_files_with, write_docs, write_docs_with};
pub use self::duplicates::duplicate::{Compared, Duplicate, Relation};
pub use self::duplicates::{Check, find_duplicates, find_named_alike};
pub use self::lineage::{LineageText, all_of};
pub use self::lineage_teller::LineageTeller;
pub use self::plan::plan_markdown;
pub use self::planned::{Planned, WantedApproval, approval_json};
pub use self::planned_policy::PlannedPolicy;
pub use self::relatives::{
    Snippet, feature_snippets, service_snippets, services_with, versions_of, view_snippets, views_computed_from,
};
pub use self::run_event::{Dataset, LineageRun, RunState};
pub use self::search::facets::Facet;
pub use self::search::field::Field;
pub use self::search::hit::{Closeness, Hit, Matched};
pub use self::search::index::{Found, SearchIndex};
pub use self::search::query::{QUERY_BYTES_MAX, QUERY_PARTS_MAX};
pub use self::search::standing::SearchNeeds;

/// Most hits of a search where nobody says.
pub const HITS_DEFAULT: usize = 20;
