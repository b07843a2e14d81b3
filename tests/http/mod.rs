//! The sidecar over HTTP: Feast's dialect, our own routes, and what keeps both in order.

pub mod alerts;
mod audits;
mod boards;
mod browser;
pub mod client;
mod computed;
mod dialect;
mod explorer;
mod feast_client;
mod gate;
mod governance;
mod limits;
mod openapi;
mod operations;
mod own;
mod pages;
mod plans;
pub mod sidecar;
pub mod venv;
