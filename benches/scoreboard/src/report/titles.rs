//! What scenarios are called, in the order in which they are shown. Those of peers.py are among them.

/// A scenario in words.
pub struct Title {
    /// As results have it.
    pub scenario: &'static str,
    /// In words.
    pub title: &'static str,
    /// What a row is, for rows a second.
    pub row: &'static str,
}

const fn title(scenario: &'static str, title: &'static str, row: &'static str) -> Title {
    Title { scenario, title, row }
}

/// All scenarios.
pub const TITLES: &[Title] = &[
    title("latest", "One row of 50 floats, in process", "row"),
    title("keyed", "1,000 random text keys × 10 floats, in process", "key"),
    title("views", "25 views × 10 floats of one entity, in process", "row"),
    title("as-of", "1,000 sorted entities × 50 floats as of a time, in process", "row"),
    title("writes", "Writes: 1,000 rows × 50 floats a batch, a fifth of them late", "row"),
    title("served-one", "One row of 50 floats through a socket, both ends on one core", "row"),
    title("served-hundred", "100 rows of 50 floats through a socket, both ends on one core", "row"),
    title("served-thousand", "1,000 rows of 50 floats through a socket, both ends on one core", "row"),
    title("served-clients", "One row of 50 floats, 8 clients at a time", "row"),
    title("served-keyed", "1,000 random text keys × 10 floats through a socket, both ends on one core", "key"),
    title("served-views", "25 views × 10 floats of one entity through a socket, both ends on one core", "row"),
    title("data-frame", "Python: 1,000 keys × 10 floats to a data frame", "key"),
    title("feast-1", "Feast: 25 views × 10 features, 1 entity", "entity"),
    title("feast-10", "Feast: 25 views × 10 features, 10 entities", "entity"),
    title("feast-100", "Feast: 25 views × 10 features, 100 entities", "entity"),
    title("join", "Point-in-time join, Parquet to Parquet", "row"),
    title("ingest", "Ingest of Parquet, 50 mixed columns", "row"),
    title("export", "Export of the latest rows to Parquet, 50 mixed columns", "row"),
];
