//! The promises of the command line, the sidecar and its clients. One binary beside `asof`, whose path Cargo tells
//! only to tests of its own package.

mod common;

mod cli;
mod http;
mod packaging;
mod sessions;
mod sidecar;
