//! Rules that definitions break, and where.

use crate::error::{Error, ErrorKind};

/// One step on the way to a part of the definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A field, by its name in definition files.
    Field(&'static str),
    /// A member of a list, from zero.
    Item(usize),
}

/// A rule that definitions break, and where.
#[derive(Debug)]
pub struct Problem {
    /// The way to the place, from the outside in: `feature_view`, 2, `feature`, 0, `default`.
    pub path: Vec<Step>,
    /// The thing and the rule.
    pub error: Error,
    /// Set when a name is not known.
    pub unknown: Option<Unknown>,
}

/// A name that is not known, with those that are: for "did you mean".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The name.
    pub name: String,
    /// The names that could stand in its place.
    pub known: Vec<String>,
}

pub(crate) type Checked = Result<(), Box<Problem>>;

/// The way to what is being checked; it becomes part of a [`Problem`] only when a rule is broken.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    outer: Option<&'a At<'a>>,
    step: Step,
}

impl<'a> At<'a> {
    pub(crate) fn top(field: &'static str) -> Self {
        At { outer: None, step: Step::Field(field) }
    }

    pub(crate) fn field(&'a self, name: &'static str) -> At<'a> {
        At { outer: Some(self), step: Step::Field(name) }
    }

    pub(crate) fn item(&'a self, index: usize) -> At<'a> {
        At { outer: Some(self), step: Step::Item(index) }
    }

    pub(crate) fn problem(&self, kind: ErrorKind, message: String) -> Box<Problem> {
        let mut path = vec![self.step];
        let mut outer = self.outer;
        while let Some(at) = outer {
            path.push(at.step);
            outer = at.outer;
        }
        path.reverse();
        Box::new(Problem { path, error: Error::new(kind, message), unknown: None })
    }

    pub(crate) fn invalid(&self, message: String) -> Checked {
        Err(self.problem(ErrorKind::Invalid, message))
    }

    pub(crate) fn unknown<'n>(
        &self,
        message: String,
        name: &str,
        known: impl Iterator<Item = &'n str>,
    ) -> Box<Problem> {
        let mut problem = self.problem(ErrorKind::NotFound, message);
        problem.unknown = Some(Unknown { name: name.to_owned(), known: known.map(str::to_owned).collect() });
        problem
    }
}
