//! Statistics of values as HTML and Markdown: a table of all features, and of each a histogram with its numbers beside.

mod histogram;
mod html;
mod markdown;
mod words;

pub(crate) use self::html::section;
pub(crate) use self::markdown::section as markdown_section;
