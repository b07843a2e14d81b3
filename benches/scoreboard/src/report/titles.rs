//! What scenarios are called, in the order in which they are shown. Those of peers.py are among them.

/// A scenario in words.
pub struct Title {
    /// As results have it.
    pub scenario: &'static str,
    /// In words.
    pub title: &'static str,
    /// What is counted, for so many of them a second.
    pub counted: &'static str,
    /// Whether it is in the plot, which has room for the ones that most people ask for.
    pub is_plotted: bool,
}

const fn title(scenario: &'static str, title: &'static str, counted: &'static str) -> Title {
    Title { scenario, title, counted, is_plotted: false }
}

const fn plotted(scenario: &'static str, title: &'static str, counted: &'static str) -> Title {
    Title { scenario, title, counted, is_plotted: true }
}

/// All scenarios.
pub const TITLES: &[Title] = &[
    plotted("latest", "One row of 50 floats, in process", "rows"),
    plotted("keyed", "1,000 random text keys × 10 floats, in process", "keys"),
    title("views", "25 views × 10 floats of one entity, in process", "rows"),
    plotted("as-of", "1,000 sorted entities × 50 floats as of a time, in process", "rows"),
    title("writes", "Writes: 1,000 rows × 50 floats a batch, a fifth of them late", "rows"),
    plotted("served-one", "One row of 50 floats through a socket, both ends on one core", "rows"),
    title("served-hundred", "100 rows of 50 floats through a socket, both ends on one core", "rows"),
    plotted("served-thousand", "1,000 rows of 50 floats through a socket, both ends on one core", "rows"),
    title("served-clients", "One row of 50 floats, 8 clients at a time", "rows"),
    plotted("served-keyed", "1,000 random text keys × 10 floats through a socket, both ends on one core", "keys"),
    title("served-views", "25 views × 10 floats of one entity through a socket, both ends on one core", "rows"),
    plotted("data-frame", "Python: 1,000 keys × 10 floats to a data frame", "keys"),
    plotted("feast-1", "Feast: 25 views × 10 features, 1 entity", "entities"),
    title("feast-10", "Feast: 25 views × 10 features, 10 entities", "entities"),
    title("feast-100", "Feast: 25 views × 10 features, 100 entities", "entities"),
    plotted("join", "Point-in-time join, Parquet to Parquet", "rows"),
    plotted("ingest", "Ingest of Parquet, 50 mixed columns", "rows"),
    plotted("export", "Export of the latest rows to Parquet, 50 mixed columns", "rows"),
];
