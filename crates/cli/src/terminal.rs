//! Properties of the terminal or file that the output goes to.

use comfy_table::Table;

/// Terminals that claim to be narrower than this do not know their width.
const WIDTH_MIN: usize = 20;

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// The width in characters; `None` when it is not a terminal.
    pub(crate) width: Option<usize>,
    pub(crate) colours: bool,
}

impl Terminal {
    /// Colours only on a terminal, and not where the environment says NO_COLOR.
    pub(crate) fn of_stdout() -> Self {
        let table = Table::new();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = table.width().map(usize::from).filter(|width| *width >= WIDTH_MIN);
        Terminal { width, colours: table.is_tty() && !plain }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.styled("1", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.styled("32", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.styled("31", text)
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.styled("2", text)
    }

    fn styled(self, code: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
