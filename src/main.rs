//! The command line `asof`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
