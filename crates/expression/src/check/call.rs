//! The call of a function.

use crate::error::{Error, Result, Span};
use crate::tree::Tree;

/// A call, with its arguments.
pub(crate) struct Call<'t> {
    pub function: &'t str,
    pub arguments: &'t [Tree],
    pub span: Span,
}

impl<'t> Call<'t> {
    pub(crate) fn new(function: &'t str, arguments: &'t [Tree], span: Span) -> Self {
        Call { function, arguments, span }
    }

    /// The arguments of a function that takes `N`. Their number was checked when the function was found.
    pub(crate) fn take<const N: usize>(&self) -> Result<&'t [Tree; N]> {
        self.arguments.try_into().map_err(|_| self.error(format!("`{}` takes {N} arguments", self.function)))
    }

    /// The name of the function as errors have it.
    pub(crate) fn what(&self) -> String {
        format!("`{}`", self.function)
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> Error {
        Error::ty(self.span, message)
    }
}
