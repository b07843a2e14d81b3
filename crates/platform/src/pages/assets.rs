//! Files that pages load: looks, a script and an icon.

use crate::docs::STYLE;

/// The script of all pages.
const SCRIPT: &str = include_str!("pages.js");

/// A clock whose hand points back.
const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.5" fill="#fff" stroke="#0b5cad" stroke-width="2"/><path d="M8 8V4M8 8L4.5 10" stroke="#0b5cad" stroke-width="1.6" stroke-linecap="round"/></svg>"##;

/// A file that pages load, with its content type; `None` where there is none at this address.
pub fn asset(path: &str) -> Option<(&'static str, &'static str)> {
    match path {
        "/style.css" => Some(("text/css; charset=utf-8", STYLE)),
        "/pages.js" => Some(("text/javascript; charset=utf-8", SCRIPT)),
        "/icon.svg" => Some(("image/svg+xml", ICON)),
        _ => None,
    }
}
