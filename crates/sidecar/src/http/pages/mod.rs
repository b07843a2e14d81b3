//! Pages for people, under `/`: what the platform crate makes of what the API's operations read, for whoever may read.
//!
//! A visitor over TCP whose sidecar has a token logs in once; the browser then sends the token in a cookie, which opens
//! pages alone and only to read. A look at a page is no read of a consumer: it is in the metrics, and not in the usage
//! of views.

mod alerts;
mod audits;
mod boards;
mod catalog;
mod changes;
mod explore;
mod html;
mod login;
mod paths;
mod plans;
mod thing;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::door::Door;

pub(super) use self::html::failure;
pub(super) use self::login::{LOGIN_PATH, LOGOUT_PATH, session_token};
pub(super) use self::paths::{is_asset, is_page};

/// Pages and what they load. They are for people, and not in the OpenAPI document.
pub(super) fn routes() -> Vec<(&'static str, MethodRouter<Arc<Door>>)> {
    vec![
        ("/", get(catalog::catalog)),
        ("/explore", get(explore::explore)),
        ("/freshness", get(boards::freshness)),
        ("/feeds", get(boards::feeds)),
        ("/consumers", get(boards::consumers)),
        ("/consumers/usage", get(boards::consumers_usage)),
        ("/answers", get(boards::answers)),
        ("/alerts", get(alerts::alerts)),
        ("/audits", get(audits::audits)),
        ("/audits/{name}", get(audits::audit)),
        ("/changes", get(changes::changes)),
        ("/plans", get(plans::plans)),
        ("/views/{name}", get(thing::view)),
        ("/views/{name}/usage", get(thing::view_usage)),
        ("/views/{name}/duplicates", get(thing::duplicates)),
        ("/services/{name}", get(thing::service)),
        ("/services/{name}/usage", get(thing::service_usage)),
        ("/entities/{name}", get(thing::entity)),
        (LOGIN_PATH, get(login::form).post(login::log_in)),
        (LOGOUT_PATH, post(login::log_out)),
        ("/style.css", get(asset)),
        ("/pages.js", get(asset)),
        ("/icon.svg", get(asset)),
    ]
}

/// A file that pages load. It says nothing about the store.
async fn asset(request: Request) -> Response {
    match asofdb_platform::pages::asset(request.uri().path()) {
        Some((content_type, text)) => {
            let headers = [
                (header::CONTENT_TYPE, content_type),
                (header::CACHE_CONTROL, "no-cache"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, text).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_a_page_is_known_as_one_or_as_a_file_that_pages_load() {
        for (path, _) in routes() {
            let path = path.replace("{name}", "x");
            assert!(is_page(&path) != is_asset(&path), "{path}");
        }
        for path in ["/v1/views", "/metrics", "/push", "/healthz", "/openapi.json", "/viewsx", "/nothing"] {
            assert!(!is_page(path) && !is_asset(path), "{path}");
        }
    }
}
