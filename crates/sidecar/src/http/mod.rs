//! HTTP: Feast's dialect, our own routes, metrics, health, and pages for people, over TCP and Unix sockets alike.
//!
//! A request passes the gate (who is it, and may it come in?), its body is read within limits, and its work is done
//! on a thread that may block. Failures know their status and message; what they look like depends on whose route
//! it is.

mod caller;
mod connections;
mod door;
mod failure;
mod feast;
mod gate;
mod health;
mod json_columns;
mod metrics;
mod name;
mod openapi;
mod options;
mod paced;
mod pages;
mod paths;
mod payload;
mod peer;
mod places;
mod reply;
mod router;
mod searched;
mod server;
mod token;
mod v1;

pub use self::options::HttpOptions;
pub use self::server::{HttpListeners, HttpServer};
pub use self::token::HttpToken;
