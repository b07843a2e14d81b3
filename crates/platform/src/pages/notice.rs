//! Pages that say why there is no other: a failure, or a token that is asked for.

use maud::html;

use super::frame::Page;

/// The page of a request that is not answered. `again` is an address to try once more by a click on this page, where
/// that can help.
pub fn failure(status: u16, message: &str, again: Option<&str>) -> Page {
    let title = match status {
        404 => "Not found",
        403 => "Not allowed",
        429 | 503 => "Too much at the moment",
        400..500 => "This cannot be shown",
        _ => "Something went wrong",
    };
    let main = html! {
        p.kind { (status) }
        h1 { (title) }
        p { (message) }
        @if let Some(again) = again { p { a href=(again) { "Open the page from here" } } }
    };
    Page { title: title.to_owned(), place: "", main }
}

/// The page that asks for the token, and leads to the address `to` then.
pub fn login(to: &str, refusal: Option<&str>) -> Page {
    let main = html! {
        h1 { "Log in" }
        p { "This sidecar shows its pages to those who have its token." }
        @if let Some(refusal) = refusal { p.refusal role="alert" { (refusal) } }
        form.login method="post" action="/login" {
            input type="hidden" name="to" value=(to);
            input name="username" autocomplete="username" value="asofdb" hidden;
            label for="token" { "Token" }
            input #token name="token" type="password" autocomplete="current-password" required autofocus;
            button { "Log in" }
        }
    };
    Page { title: "Log in".to_owned(), place: "", main }
}
