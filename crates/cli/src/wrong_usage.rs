//! Wrong usage, told in one line like every other error.

use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::error;

/// Answers a command line that is not a command: help and version as they are, an error as one line.
pub(crate) fn exit(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Help that nobody reads to the end is no failure.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(2)
        }
        _ => {
            error::report(&one_line(&error.render().to_string()));
            ExitCode::from(2)
        }
    }
}

/// Returns what is wrong and the tips, without the usage, which `--help` has.
fn one_line(rendered: &str) -> String {
    let paragraphs = rendered.split("\n\n").map(str::trim);
    let said = paragraphs.filter(|paragraph| !paragraph.starts_with("Usage:") && !paragraph.starts_with("For more"));
    let parts: Vec<String> = said
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| paragraph.trim_start_matches("error: ").replace("tip: ", ""))
        .collect();
    format!("{}; see --help", parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usage_is_left_out_and_tips_are_kept() {
        let rendered = "error: unexpected argument '--formt' found\n\n  tip: a similar argument exists: '--format'\n\n\
                        Usage: asof views --format <FORMAT>\n\nFor more information, try '--help'.\n";
        let line = "unexpected argument '--formt' found; a similar argument exists: '--format'; see --help";
        assert_eq!(one_line(rendered), line);
    }
}
