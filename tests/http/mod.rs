//! The sidecar over HTTP: Feast's dialect, our own routes, and what keeps both in order.

pub mod alerts;
mod boards;
mod browser;
pub mod client;
mod computed;
mod dialect;
mod explorer;
mod feast_client;
mod gate;
mod limits;
mod openapi;
mod operations;
mod own;
mod pages;
pub mod sidecar;
pub mod venv;
