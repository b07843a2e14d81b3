//! Changes of what is defined: the lines of plans and of the log.

use std::fmt;

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The thing is new.
    Create,
    /// The thing stays, with other properties.
    Change,
    /// The thing goes, with its data.
    Drop,
    /// The feature stays, and is computed in another way: answers about the past change.
    Redefine,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [ChangeKind; 4] = [ChangeKind::Create, ChangeKind::Change, ChangeKind::Drop, ChangeKind::Redefine];

    /// The word for it: `create`, `change`, `drop` or `redefine`.
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Create => "create",
            ChangeKind::Change => "change",
            ChangeKind::Drop => "drop",
            ChangeKind::Redefine => "redefine",
        }
    }

    /// The sign of it in plans.
    pub fn sign(self) -> char {
        match self {
            ChangeKind::Create => '+',
            ChangeKind::Change => '~',
            ChangeKind::Drop => '-',
            ChangeKind::Redefine => '!',
        }
    }
}

/// The kind of thing that a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// An entity.
    Entity,
    /// A feature view.
    FeatureView,
    /// An event view.
    EventView,
    /// A window view.
    WindowView,
    /// A derived view.
    DerivedView,
    /// A feature service.
    FeatureService,
    /// A feature of a view that was there before, or a column of events.
    Feature,
    /// The policy that definitions keep.
    Policy,
}

impl ObjectKind {
    /// Every kind.
    pub const ALL: [ObjectKind; 8] = [
        ObjectKind::Entity,
        ObjectKind::FeatureView,
        ObjectKind::EventView,
        ObjectKind::WindowView,
        ObjectKind::DerivedView,
        ObjectKind::FeatureService,
        ObjectKind::Feature,
        ObjectKind::Policy,
    ];

    /// The word for it in definition files.
    pub fn as_str(self) -> &'static str {
        match self {
            ObjectKind::Entity => "entity",
            ObjectKind::FeatureView => "feature_view",
            ObjectKind::EventView => "event_view",
            ObjectKind::WindowView => "window_view",
            ObjectKind::DerivedView => "derived_view",
            ObjectKind::FeatureService => "feature_service",
            ObjectKind::Feature => "feature",
            ObjectKind::Policy => "policy",
        }
    }
}

/// One line of a plan; prints as `+ feature_view airport_weather_v1 (4 features, ttl 2h)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The kind of the change.
    pub kind: ChangeKind,
    /// The kind of thing that changes.
    pub what: ObjectKind,
    /// Its name; of a feature, its reference `view:feature`.
    pub name: String,
    /// The details: of something new what it is like, of a change each property.
    pub details: Vec<String>,
}

impl Change {
    /// Leaves of details that are longer than so many bytes the beginning.
    pub(crate) fn shorten(&mut self, details_bytes_max: usize) {
        if self.details.iter().map(String::len).sum::<usize>() > details_bytes_max {
            let text = self.details.join(", ");
            self.details = vec![format!("{}…", &text[..text.floor_char_boundary(details_bytes_max)])];
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind.sign(), self.what.as_str(), self.name)?;
        match self.kind {
            _ if self.details.is_empty() => Ok(()),
            ChangeKind::Change | ChangeKind::Redefine => write!(f, ": {}", self.details.join(", ")),
            _ => write!(f, " ({})", self.details.join(", ")),
        }
    }
}
