//! The scenarios: what is stored, and what a request asks for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Features of a wide row.
const WIDE: usize = 50;
/// Features of a narrow row.
const NARROW: usize = 10;
/// Views of an entity, where there are many.
const MANY_VIEWS: usize = 25;
/// Versions of an entity, where there is a history.
const VERSIONS: u64 = 10;

/// One measurement, of all that take part in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// One row of 50 floats, in process.
    Latest,
    /// 1,000 random text keys of 10 floats each, in process: the scenario of murr.
    Keyed,
    /// 25 views of 10 floats of one entity, in process: the shape that Feast publishes figures for.
    Views,
    /// 1,000 sorted entities of 50 floats as of a time, in process.
    AsOf,
    /// 1,000 rows of 50 floats a batch, a fifth of them late.
    Writes,
    /// One row of 50 floats through a socket.
    ServedOne,
    /// 100 rows of 50 floats through a socket.
    ServedHundred,
    /// 1,000 rows of 50 floats through a socket.
    ServedThousand,
    /// One row of 50 floats for each of 8 clients at a time.
    ServedClients,
    /// 1,000 random text keys of 10 floats each, through a socket.
    ServedKeyed,
    /// 25 views of 10 floats of one entity, through a socket.
    ServedViews,
}

/// What is stored and asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Views of each entity.
    pub views: usize,
    /// Features of a view.
    pub features: usize,
    /// Versions of each row.
    pub versions: u64,
    /// Whether keys are texts; otherwise they are 64-bit numbers.
    pub text_keys: bool,
    /// Entities of a request.
    pub keys: usize,
    /// Whether the entities of a request are sorted, and read as of the middle of their versions.
    pub as_of: bool,
    /// Clients at a time.
    pub clients: usize,
}

impl Scenario {
    /// Returns what is stored and asked for.
    pub fn shape(self) -> Shape {
        let wide =
            |keys| Shape { views: 1, features: WIDE, versions: 1, text_keys: false, keys, as_of: false, clients: 1 };
        match self {
            Scenario::Latest | Scenario::ServedOne => wide(1),
            Scenario::ServedHundred => wide(100),
            Scenario::Writes | Scenario::ServedThousand => wide(1_000),
            Scenario::ServedClients => Shape { clients: 8, ..wide(1) },
            Scenario::AsOf => Shape { versions: VERSIONS, as_of: true, ..wide(1_000) },
            Scenario::Keyed | Scenario::ServedKeyed => Shape { features: NARROW, text_keys: true, ..wide(1_000) },
            Scenario::Views | Scenario::ServedViews => Shape { features: NARROW, views: MANY_VIEWS, ..wide(1) },
        }
    }

    /// Returns whether it goes through a server.
    pub fn is_served(self) -> bool {
        use Scenario::{ServedClients, ServedHundred, ServedKeyed, ServedOne, ServedThousand, ServedViews};
        matches!(self, ServedOne | ServedHundred | ServedThousand | ServedClients | ServedKeyed | ServedViews)
    }
}

impl Shape {
    /// Rows of an answer: one an entity and view.
    pub fn rows(&self) -> usize {
        self.keys * self.views
    }

    /// Floats of an answer.
    pub fn floats(&self) -> usize {
        self.rows() * self.features
    }

    /// The version that is asked for.
    pub fn version(&self) -> u64 {
        if self.as_of { self.versions / 2 } else { self.versions - 1 }
    }
}

/// A scenario at a size, in a directory.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The scenario.
    pub scenario: Scenario,
    /// Rows stored, of all views and versions together; at least.
    pub rows: u64,
    /// An empty directory for what is stored.
    pub directory: PathBuf,
    /// The command line of asofdb, which serves.
    pub asof: PathBuf,
}

impl Setting {
    /// Entities stored.
    pub fn entities(&self) -> u64 {
        let shape = self.scenario.shape();
        (self.rows / (shape.views as u64 * shape.versions)).max(shape.keys as u64)
    }
}
