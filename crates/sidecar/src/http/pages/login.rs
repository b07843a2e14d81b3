//! Logging in and out: the token in a cookie, which opens pages alone.

use std::borrow::Cow;
use std::sync::Arc;

use asofdb_platform::pages::login as login_page;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use form_urlencoded::{Serializer, parse};
use serde::Deserialize;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::payload::Payload;
use super::html::small;
use super::paths::is_page;

/// The address of the form.
pub(in super::super) const LOGIN_PATH: &str = "/login";

/// The address to which a visitor's log-out is sent.
pub(in super::super) const LOGOUT_PATH: &str = "/logout";

const COOKIE: &str = "asof_token";

/// Seconds after which a visitor logs in again: a working day.
const COOKIE_SECONDS: u32 = 12 * 3_600;

/// Longest form in bytes: a token of 4,096 and an address, percent-encoded.
const FORM_BYTES_MAX: usize = 64 << 10;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    to: String,
}

/// The form.
pub(super) async fn form(State(door): State<Arc<Door>>, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let to = asked.map(|Query(asked)| asked.to).unwrap_or_default();
    match &door.options.token {
        Some(_) => small(StatusCode::OK, &login_page(page_or_first(&to), None)),
        None => Redirect::to("/").into_response(),
    }
}

/// Takes the token from the form and leads to the page that was asked for.
pub(super) async fn log_in(
    State(door): State<Arc<Door>>,
    headers: HeaderMap,
    payload: Payload,
) -> Result<Response, Failure> {
    if payload.bytes().len() > FORM_BYTES_MAX {
        return Err(Failure::malformed(format!("the form has at most {FORM_BYTES_MAX} bytes")));
    }
    let field = |name| parse(payload.bytes()).find(|(known, _)| known == name).map(|(_, value)| value);
    let (token, to) = (field("token").unwrap_or_default(), field("to").unwrap_or_default());
    let to = page_or_first(&to);
    match &door.options.token {
        Some(known) if !known.is(token.trim().as_bytes()) => {
            Ok(small(StatusCode::UNAUTHORIZED, &login_page(to, Some("This is not the token."))))
        }
        Some(_) => Ok(leading_to(to, cookie(token.trim(), COOKIE_SECONDS, &headers)?)),
        None => Ok(Redirect::to(to).into_response()),
    }
}

/// Forgets the token.
pub(super) async fn log_out(headers: HeaderMap) -> Result<Response, Failure> {
    Ok(leading_to(LOGIN_PATH, cookie("", 0, &headers)?))
}

fn leading_to(address: &str, cookie: HeaderValue) -> Response {
    ([(header::SET_COOKIE, cookie)], Redirect::to(address)).into_response()
}

/// The cookie of a token. Behind TLS, which the page then says that the form comes from, it never goes without.
fn cookie(token: &str, seconds: u32, headers: &HeaderMap) -> Result<HeaderValue, Failure> {
    let pair = Serializer::new(String::new()).append_pair(COOKIE, token).finish();
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes).unwrap_or_default();
    let secure = if origin.starts_with(b"https://") { "; Secure" } else { "" };
    let text = format!("{pair}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).map_err(|_| Failure::invalid("the token cannot stand in a header"))
}

/// An address to lead to: that of a page of this sidecar, or else the first one.
fn page_or_first(to: &str) -> &str {
    let path = to.split_once('?').map_or(to, |(path, _)| path);
    // A browser takes "//host" and "/\host" for another site.
    let is_safe = to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') && !to.starts_with("//");
    if is_safe && is_page(path) && path != LOGIN_PATH && path != LOGOUT_PATH { to } else { "/" }
}

/// The token in the cookie of a request.
pub(in super::super) fn session_token(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let texts = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| parse(pair.trim().as_bytes()).next());
    pairs.into_iter().find(|(name, _)| name == COOKIE).map(|(_, value)| value)
}

/// Returns whether a request comes from a visitor who has logged in.
pub(super) fn is_by_cookie(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::AUTHORIZATION) && session_token(headers).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_leads_to_pages_of_this_sidecar_alone() {
        for page in ["/", "/?q=a%20b", "/views/stats", "/views/stats?x=1"] {
            assert_eq!(page_or_first(page), page);
        }
        let elsewhere =
            ["", "//evil.example", "/\\evil.example", "https://evil.example/", "/v1/views", "/login", "/logout"];
        for other in elsewhere.into_iter().chain(["/views/a\r\nSet-Cookie: x", "views/stats", "/views/\\evil"]) {
            assert_eq!(page_or_first(other), "/", "{other}");
        }
    }

    #[test]
    fn a_cookie_gives_back_the_token_whatever_is_in_it() {
        for token in ["c2VjcmV0IHNlY3JldA==", "a;b,c\"d\\e=%41+&f"] {
            let set = cookie(token, 60, &HeaderMap::new()).unwrap();
            let set = set.to_str().unwrap();
            assert!(set.ends_with("; Path=/; Max-Age=60; HttpOnly; SameSite=Strict"), "{set}");
            let mut headers = HeaderMap::new();
            let sent = format!("theme=dark; {}; other=1", set.split("; ").next().unwrap());
            headers.insert(header::COOKIE, HeaderValue::from_str(&sent).unwrap());
            assert_eq!(session_token(&headers).unwrap(), token);
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static("https://features.example.org"));
        assert!(cookie("x", 60, &headers).unwrap().to_str().unwrap().ends_with("; Secure"));
        assert_eq!(session_token(&HeaderMap::new()), None);
    }
}
