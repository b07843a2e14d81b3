//! Settings that change while a sidecar serves: who changed the limits, and which file could not be read again.

use asofdb::Timestamp;
use parking_lot::Mutex;

/// The file of limits, in messages.
pub(crate) const LIMITS: &str = "limits";

/// The file of alerts, in messages.
pub(crate) const ALERTS: &str = "alerts";

/// The history of settings, as far as it matters now.
#[derive(Debug)]
pub(crate) struct Settings(Mutex<State>);

#[derive(Debug, Clone)]
struct State {
    changed: Timestamp,
    by: String,
    /// The settings of which the last file was refused, and why.
    refused: [Option<String>; 2],
}

/// The names of the settings, in the order of their refusals.
pub(crate) const NAMES: [&str; 2] = [LIMITS, ALERTS];

impl Settings {
    pub(crate) fn new(now: Timestamp) -> Self {
        Settings(Mutex::new(State { changed: now, by: "start".to_owned(), refused: [None, None] }))
    }

    /// Notes that the limits were changed.
    pub(crate) fn limits_changed(&self, now: Timestamp, by: &str) {
        let mut state = self.0.lock();
        state.changed = now;
        by.clone_into(&mut state.by);
        state.refused[0] = None;
    }

    /// Notes that a file of settings was refused, or is well again.
    pub(crate) fn note(&self, name: &str, refused: Option<String>) {
        if let Some(place) = NAMES.iter().position(|known| *known == name) {
            self.0.lock().refused[place] = refused;
        }
    }

    /// The time of the last change of limits, and who made it.
    pub(crate) fn last_change(&self) -> (Timestamp, String) {
        let state = self.0.lock();
        (state.changed, state.by.clone())
    }

    /// The reason why the last file of a setting was refused.
    pub(crate) fn refused(&self, name: &str) -> Option<String> {
        let place = NAMES.iter().position(|known| *known == name)?;
        self.0.lock().refused[place].clone()
    }

    /// What was refused, in a sentence for health.
    pub(crate) fn warning(&self) -> Option<String> {
        let refused = NAMES.iter().filter_map(|name| Some((name, self.refused(name)?)));
        let told: Vec<_> = refused.map(|(name, why)| format!("the file of {name} was refused: {why}")).collect();
        if told.is_empty() { None } else { Some(told.join("; ")) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_until_the_setting_is_well_again() {
        let settings = Settings::new(Timestamp::from_micros(1));
        assert_eq!(settings.last_change(), (Timestamp::from_micros(1), "start".to_owned()));
        assert_eq!(settings.warning(), None);
        settings.note(LIMITS, Some("l:1:1: no".to_owned()));
        settings.note(ALERTS, Some("a".to_owned()));
        let both = "the file of limits was refused: l:1:1: no; the file of alerts was refused: a";
        assert_eq!(settings.warning().as_deref(), Some(both));
        settings.limits_changed(Timestamp::from_micros(2), "uid:0");
        settings.note(ALERTS, None);
        assert_eq!((settings.warning(), settings.refused(LIMITS)), (None, None));
        assert_eq!(settings.last_change(), (Timestamp::from_micros(2), "uid:0".to_owned()));
    }
}
