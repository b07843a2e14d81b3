//! The writing of Parquet files from record batches, column by column.
//!
//! Numbers, times, truth values, texts and bytes are encoded here, in one pass a page over values that lie side by
//! side. What else a batch may hold (lists, types of a spine) goes through the writer of the `parquet` crate. Either way
//! the file is an ordinary one: data pages of version 1, and encodings that every reader of the last years knows.
//!
//! A column chunk chooses by its first page how it is encoded, and whether compressing it is worth anything.

mod booleans;
mod bounds;
mod codec;
mod column;
mod delta;
mod fixed;
mod levels;
mod numbers;
mod packing;
mod pages;
mod repeats;
mod slots;
mod text;
mod text_dictionary;
mod value_dictionary;
mod writer;

pub(crate) use self::writer::TableWriter;

#[cfg(test)]
mod tests;
