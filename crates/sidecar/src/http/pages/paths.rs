//! Addresses of pages.

use asofdb_platform::pages::asset;

use super::login::{LOGIN_PATH, LOGOUT_PATH};

/// Addresses of pages that are about no one thing.
const PAGES: [&str; 13] = [
    "/",
    "/explore",
    "/freshness",
    "/feeds",
    "/consumers",
    "/consumers/usage",
    "/answers",
    "/alerts",
    "/audits",
    "/changes",
    "/plans",
    LOGIN_PATH,
    LOGOUT_PATH,
];

/// The beginnings of the addresses of all others.
const FOLDERS: [&str; 4] = ["/views/", "/services/", "/entities/", "/audits/"];

/// Returns whether an address is that of a page, whose failures are pages.
pub(in super::super) fn is_page(path: &str) -> bool {
    PAGES.contains(&path) || FOLDERS.iter().any(|folder| path.starts_with(folder))
}

/// Returns whether an address is that of a file that pages load.
pub(in super::super) fn is_asset(path: &str) -> bool {
    asset(path).is_some()
}
