//! The counts and findings of a part.

/// The counts and findings of a part.
#[derive(Debug, Clone, Default)]
pub struct Report {
    counts: Vec<(String, u64)>,
    figures: Vec<(String, String)>,
    faults: Vec<String>,
}

impl Report {
    /// Adds to a count, which starts at 0; adding 0 shows it.
    pub fn count(&mut self, name: &str, more: u64) {
        match self.counts.iter_mut().find(|(found, _)| found == name) {
            Some((_, count)) => *count += more,
            None => self.counts.push((name.to_owned(), more)),
        }
    }

    /// Returns a count.
    pub fn counted(&self, name: &str) -> u64 {
        self.counts.iter().find(|(found, _)| found == name).map_or(0, |(_, count)| *count)
    }

    /// Sets a figure with its unit, as text.
    pub fn figure(&mut self, name: &str, value: impl Into<String>) {
        self.figures.retain(|(found, _)| found != name);
        self.figures.push((name.to_owned(), value.into()));
    }

    /// Adds what another report has.
    pub fn add(&mut self, other: Report) {
        other.counts.iter().for_each(|(name, count)| self.count(name, *count));
        other.figures.into_iter().for_each(|(name, value)| self.figure(&name, value));
        self.faults.extend(other.faults);
    }

    /// Reports what is wrong, with all that is needed to see it again.
    pub fn fault(&mut self, message: impl Into<String>) {
        self.faults.push(message.into());
    }

    /// Takes over what was counted and found elsewhere, in a thread of the same part.
    pub(crate) fn absorb(&mut self, other: Report) {
        other.counts.iter().for_each(|(name, count)| self.count(name, *count));
        other.figures.into_iter().for_each(|(name, value)| self.figure(&name, value));
        self.faults.extend(other.faults);
    }

    /// The faults.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// The counts and the figures, a line each.
    pub fn lines(&self) -> Vec<String> {
        let counts = self.counts.iter().map(|(name, count)| format!("{count} {name}"));
        counts.chain(self.figures.iter().map(|(name, value)| format!("{name}: {value}"))).collect()
    }
}
