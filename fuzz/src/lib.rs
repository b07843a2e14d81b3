//! The bodies of the fuzz targets: plain functions of bytes that panic where a promise is broken.
//!
//! The tests of this crate run them over `corpus/` and some seconds of random input; `targets/` hands them to
//! libFuzzer.

mod definitions;
mod expression;
mod http;
mod key;
mod operations;
mod panics;
mod partial;
mod row;
mod sidecar;
mod source;
mod values;
mod windows;

pub use definitions::fuzz_definitions;
pub use expression::fuzz_expression;
pub use http::fuzz_http;
pub use key::fuzz_key;
pub use operations::fuzz_operations;
pub use panics::allow_guarded_panics;
pub use partial::fuzz_partial;
pub use row::fuzz_row;
pub use sidecar::{fuzz_client, fuzz_server};
pub use source::{fuzz_ipc, fuzz_source};
pub use windows::fuzz_windows;
