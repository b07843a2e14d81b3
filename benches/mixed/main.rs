//! Writes the mixed rows of the benches to a Parquet file, and their definitions beside it:
//! `cargo run --profile dev --workspace --example mixed -- FILE.parquet ROWS`.

#[allow(dead_code, reason = "a file needs the definitions as text only")]
#[path = "../support/mixed.rs"]
mod mixed;
#[path = "../support/random.rs"]
mod random;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().map(PathBuf::from);
    let rows = arguments.next().and_then(|rows| rows.replace('_', "").parse().ok());
    let (Some(file), Some(rows), None) = (file, rows, arguments.next()) else {
        eprintln!("usage: mixed FILE.parquet ROWS");
        return ExitCode::from(2);
    };
    mixed::write_parquet(&file, rows);
    let definitions = file.with_extension("toml");
    std::fs::write(&definitions, mixed::toml()).expect("the definitions are written");
    println!("{} with {rows} rows, and {}", file.display(), definitions.display());
    ExitCode::SUCCESS
}
