//! Files that pages load: looks, a script and an icon.

use crate::docs::STYLE;

/// The script of all pages.
const SCRIPT: &str = include_str!("pages.js");

/// A clock whose hand points back.
const ICON: &str = include_str!("icon.svg");

/// A file that pages load, with its content type; `None` where there is none at this address.
pub fn asset(path: &str) -> Option<(&'static str, &'static str)> {
    match path {
        "/style.css" => Some(("text/css; charset=utf-8", STYLE)),
        "/pages.js" => Some(("text/javascript; charset=utf-8", SCRIPT)),
        "/icon.svg" => Some(("image/svg+xml", ICON)),
        _ => None,
    }
}
