//! The demo's steps, and their lines on the terminal.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use asofdb::Store;

use crate::context::Context;
use crate::error::{Outcome, Result, Stop, text_of};
use crate::lineage_out::LineageArguments;
use crate::output::print;
use crate::progress::Stopwatch;
use crate::terminal::Terminal;
use crate::text::count;

/// Runs a command line, given word by word, in a context.
pub(crate) type RunLine = fn(Vec<OsString>, &Context) -> Result<Outcome>;

/// The store of the demo, and where its steps are shown.
pub(super) struct Stage {
    context: Context,
    run_line: RunLine,
    terminal: Terminal,
    titles: usize,
    checks: usize,
    failed: usize,
}

impl Stage {
    pub(super) fn new(store: PathBuf, run_line: RunLine) -> Self {
        Stage {
            context: Context { store, connect: None, shared_store: false, lineage: LineageArguments::default() },
            run_line,
            terminal: Terminal::of_stdout(),
            titles: 0,
            checks: 0,
            failed: 0,
        }
    }

    pub(super) fn failed(&self) -> usize {
        self.failed
    }

    pub(super) fn begin(&self, rows: u64) -> Result<()> {
        let title = format!("asofdb on {} flights out of New York, 2013", count(rows));
        print(&format!("{}\n\n", self.terminal.bold(&title)))?;
        self.prompt(&format!("export ASOF_STORE={}", quoted(self.context.store.as_os_str())))
    }

    pub(super) fn title(&mut self, title: &str, text: &str) -> Result<()> {
        self.titles += 1;
        let title = self.terminal.bold(&format!("{}. {title}", self.titles));
        print(&format!("\n{title}\n{text}\n"))
    }

    fn prompt(&self, line: &str) -> Result<()> {
        print(&format!("{} {}\n", self.terminal.faint("$"), self.terminal.bold(line)))
    }

    /// Works through a sidecar from now on, or in this process.
    pub(super) fn connect(&mut self, socket: Option<PathBuf>) {
        self.context.connect = socket;
    }

    /// The directory of the store.
    pub(super) fn store(&self) -> &Path {
        &self.context.store
    }

    /// Prints a command line, runs it, and tells how long it took.
    pub(super) fn command(&self, arguments: Vec<OsString>) -> Result<()> {
        let started = Stopwatch::start();
        self.run(arguments)?;
        print(&format!("{}\n", self.terminal.faint(&format!("({:.2} s)", started.seconds()))))
    }

    /// Prints and runs a command line that has to fail, and returns what it says then, which is nothing if it does not.
    pub(super) fn refused(&self, arguments: Vec<OsString>) -> Result<String> {
        match self.run(arguments) {
            Ok(_) => Ok(String::new()),
            Err(Stop::Failed(error)) => {
                let text = text_of(&error);
                print(&format!("{} {text}\n", self.terminal.red("error:")))?;
                Ok(text)
            }
            Err(stop) => Err(stop),
        }
    }

    fn run(&self, arguments: Vec<OsString>) -> Result<Outcome> {
        let socket = self.context.connect.iter();
        let connect = socket.flat_map(|socket| ["--connect".to_owned(), quoted(socket.as_os_str())]);
        let line = connect.chain(arguments.iter().map(|argument| quoted(argument))).collect::<Vec<_>>();
        self.prompt(&format!("asof {}", line.join(" ")))?;
        let words = [OsString::from("asof")].into_iter().chain(arguments);
        (self.run_line)(words.collect(), &self.context)
    }

    /// Prints a command line of the shell, which the demo does by itself.
    pub(super) fn shell(&self, words: &[OsString]) -> Result<()> {
        let of_shell = |word: &OsString| word == ">" || word == "&";
        let quote = |word: &OsString| if of_shell(word) { word.to_string_lossy().into_owned() } else { quoted(word) };
        self.prompt(&words.iter().map(quote).collect::<Vec<_>>().join(" "))
    }

    /// Prints a line of what happens beside the commands.
    pub(super) fn say(&self, line: &str) -> Result<()> {
        print(&format!("  {line}\n"))
    }

    /// Opens the store, which no command has open meanwhile.
    pub(super) fn with_store<T>(&self, read: impl FnOnce(&Store) -> asofdb::Result<T>) -> Result<T> {
        Ok(read(&self.context.open_store(false)?)?)
    }

    /// Shows whether something holds.
    pub(super) fn check(&mut self, holds: bool, text: &str) -> Result<()> {
        self.checks += 1;
        self.failed += usize::from(!holds);
        let mark = if holds { self.terminal.green("✓") } else { self.terminal.red("✗") };
        print(&format!("  {mark} {text}\n"))
    }

    /// The result, and what to try next.
    pub(super) fn end(&self, started: Stopwatch, training_set: &Path, next: &[String]) -> Result<()> {
        let seconds = started.seconds();
        let result = match self.failed {
            0 => self.terminal.green(&format!("All {} checks hold, in {seconds:.1} s.", self.checks)),
            failed => self.terminal.red(&format!("{failed} of {} checks FAILED.", self.checks)),
        };
        print(&format!("\n{result} The training set is in {}.\n\nNext:\n", training_set.display()))?;
        if let Some(binary) = binary_not_in_path() {
            self.prompt(&format!("alias asof={}", quoted(binary.as_os_str())))?;
        }
        self.prompt(&format!("export ASOF_STORE={}", quoted(self.context.store.as_os_str())))?;
        next.iter().try_for_each(|line| self.prompt(line))
    }
}

/// This program, unless typing `asof` finds one.
fn binary_not_in_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).any(|directory| directory.join("asof").is_file());
    if found { None } else { std::env::current_exe().ok() }
}

/// Quotes an argument as a shell takes it.
fn quoted(argument: &std::ffi::OsStr) -> String {
    let text = argument.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=,:@%+".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_where_a_shell_needs_it() {
        assert_eq!(quoted("airport=JFK,dest=STT".as_ref()), "airport=JFK,dest=STT");
        assert_eq!(quoted("my flights/it's".as_ref()), r"'my flights/it'\''s'");
        assert_eq!(quoted("view:*".as_ref()), "'view:*'");
    }
}
