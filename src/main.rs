//! The command line of asofdb.

fn main() {}
