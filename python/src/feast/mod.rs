//! The native part of the Feast plug-in: rows from Feast's messages, answers as Feast's messages, without a Python
//! object a value.

mod answer;
mod column;
mod key;
mod object;
mod request;
mod rows;
mod wire;

pub(crate) use answer::FeastAnswer;
pub(crate) use key::FeastKey;
pub(crate) use request::FeastRequest;
pub(crate) use rows::FeastWriter;
