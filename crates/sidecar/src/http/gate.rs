//! Admission of requests, decided before a body is read.

use std::sync::Arc;

use asofdb::ErrorKind;
use asofdb_protocol::Role;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::door::Door;
use super::failure::Failure;
use super::pages::{LOGIN_PATH, LOGOUT_PATH, is_asset, is_page, session_token};
use super::peer::{Peer, Spare};
use crate::gauges::Refusal;

/// Routes that say nothing but whether the sidecar lives: open to whoever can connect.
const OPEN_PATHS: [&str; 3] = ["/health", "/healthz", "/readyz"];

/// The header in which browsers say whether a page of another site asks.
const FETCH_SITE_HEADER: &str = "sec-fetch-site";

/// The names that a loopback address has in a `Host` header.
const LOOPBACK_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Lets a request in with its role, or refuses it.
pub(super) async fn gate(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if OPEN_PATHS.contains(&path) || is_asset(path) {
        return next.run(request).await;
    }
    if request.extensions().get::<Spare>().is_some() {
        door.service.http.refuse(Refusal::Connections);
        let most = door.options.connections_max;
        let message = "as many connections are open as may be, and all of them are busy; try again";
        return Failure::busy(format!("{message}: {most}")).into_response();
    }
    let peer = request.extensions().get::<Peer>().copied().unwrap_or(Peer::Remote);
    match role(&door, peer, &request) {
        Ok(role) => {
            request.extensions_mut().insert(role);
            let answered = tokio::time::timeout(door.options.request_timeout, next.run(request)).await;
            answered.unwrap_or_else(|_| {
                let seconds = door.options.request_timeout.as_secs_f64();
                Failure::busy(format!("the request took longer than it may, {seconds} seconds")).into_response()
            })
        }
        Err(failure) => {
            door.service.http.refuse(Refusal::Access);
            failure.into_response()
        }
    }
}

fn role(door: &Door, peer: Peer, request: &Request) -> Result<Role, Failure> {
    let (path, headers) = (request.uri().path(), request.headers());
    match peer {
        Peer::Local { role: Some(role), .. } => Ok(role),
        Peer::Local { uid, role: None } => {
            Err(Failure::forbidden(format!("this user may not use this sidecar: {uid}")))
        }
        Peer::Remote => {
            if !is_sent_by_own_form(request) {
                check_no_browser(headers)?;
            }
            match &door.options.token {
                Some(token) if bearer(headers).is_some_and(|given| token.is(given)) => {
                    Ok(door.options.access.remote_role())
                }
                // Whoever has only this may look at pages, and do nothing else.
                Some(token)
                    if is_page(path) && session_token(headers).is_some_and(|given| token.is(given.as_bytes())) =>
                {
                    Ok(Role::Reader)
                }
                // What is done there needs no role.
                Some(_) if [LOGIN_PATH, LOGOUT_PATH].contains(&path) => Ok(Role::Reader),
                Some(_) => Err(Failure::new(
                    StatusCode::UNAUTHORIZED,
                    ErrorKind::Invalid,
                    "the token is missing or wrong; send it as `Authorization: Bearer TOKEN`",
                )),
                None => check_host(headers).map(|()| door.options.access.remote_role()),
            }
        }
    }
}

/// Returns whether a form of our own pages sends the request: to log in or out, from the host that it is sent to.
fn is_sent_by_own_form(request: &Request) -> bool {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let from = header(header::ORIGIN).and_then(|origin| Some(origin.split_once("://")?.1));
    let is_own = from.is_some() && from == header(header::HOST);
    let site = request.headers().get(FETCH_SITE_HEADER).map(HeaderValue::as_bytes);
    request.method() == Method::POST
        && [LOGIN_PATH, LOGOUT_PATH].contains(&request.uri().path())
        && is_own
        && matches!(site, None | Some(b"same-origin"))
}

/// Browsers say from which page they come: no page of another site has business here. They set `Origin` where a page
/// could read the answer or send a body, and `Sec-Fetch-Site` with every request, an image's too.
fn check_no_browser(headers: &HeaderMap) -> Result<(), Failure> {
    if headers.contains_key(header::ORIGIN) {
        return Err(Failure::forbidden("requests of web pages are not served: the header Origin is set"));
    }
    match headers.get(FETCH_SITE_HEADER).map(HeaderValue::as_bytes) {
        None | Some(b"none" | b"same-origin") => Ok(()),
        Some(_) => {
            let message =
                "requests of other sites' pages are not served: the header Sec-Fetch-Site says that it is one";
            Err(Failure::forbidden(message))
        }
    }
}

/// A page can make a name of its own lead to a loopback address; the name then stands in `Host`.
fn check_host(headers: &HeaderMap) -> Result<(), Failure> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    match LOOPBACK_HOSTS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        true => Ok(()),
        false => Err(Failure::forbidden(format!("the header Host names another host than this one: {name:?}"))),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}
