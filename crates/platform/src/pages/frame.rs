//! The frame of all pages: head, navigation and what they load.

use maud::{DOCTYPE, Markup, html};

/// The policy of pages, for the header `Content-Security-Policy`: everything comes from the server itself, and nothing
/// stands in a page that runs.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                          form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The pages of the navigation, by address.
const PLACES: [(&str, &str); 10] = [
    ("/", "Features"),
    ("/explore", "Explore"),
    ("/freshness", "Freshness"),
    ("/feeds", "Feeds"),
    ("/consumers", "Consumers"),
    ("/answers", "Answers"),
    ("/alerts", "Alerts"),
    ("/audits", "Audits"),
    ("/changes", "Changes"),
    ("/plans", "Plans"),
];

/// A page, which has no frame yet.
#[derive(Debug)]
pub struct Page {
    pub(super) title: String,
    /// The address of the page in the navigation under which it is.
    pub(super) place: &'static str,
    pub(super) main: Markup,
}

/// The things of a frame that depend on who looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Frame {
    /// Whether the visitor has logged in here, and could log out.
    pub has_session: bool,
}

impl Page {
    /// The whole of it as HTML.
    pub fn render(&self, frame: Frame) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) " · asofdb" }
                    link rel="icon" href="/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/style.css";
                    script src="/pages.js" defer {}
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header { (self.navigation(frame)) }
                    main #main { (self.main) }
                }
            }
        };
        page.into_string()
    }

    fn navigation(&self, frame: Frame) -> Markup {
        html! {
            nav aria-label="Pages" {
                @for (address, name) in PLACES {
                    a href=(address) aria-current=[(address == self.place).then_some("page")] { (name) }
                }
            }
            @if frame.has_session {
                form.logout method="post" action="/logout" { button { "Log out" } }
            }
        }
    }
}
