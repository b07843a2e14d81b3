//! Every route.

use std::sync::Arc;

use asofdb::ErrorKind;
use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post, put};

use super::door::Door;
use super::failure::{Failure, render};
use super::gate::gate;
use super::{feast, health, metrics, openapi, pages, v1};

/// A route: its address, its method, and what answers.
type Route = (&'static str, Method, MethodRouter<Arc<Door>>);

/// All that programs are served. The OpenAPI document describes each of them.
fn routes() -> Vec<Route> {
    let mut routes = vec![
        ("/get-online-features", Method::POST, post(feast::get_online_features)),
        ("/push", Method::POST, post(feast::push)),
        ("/write-to-online-store", Method::POST, post(feast::write_to_online_store)),
        ("/health", Method::GET, get(health::health)),
        ("/v1/latest", Method::POST, post(v1::latest)),
        ("/v1/as_of", Method::POST, post(v1::as_of)),
        ("/v1/history/{view}", Method::GET, get(v1::history)),
        ("/v1/write/{view}", Method::POST, post(v1::write)),
        ("/v1/delete", Method::POST, post(v1::delete)),
        ("/v1/delete_events/{view}", Method::POST, post(v1::delete_events)),
        ("/v1/erase", Method::POST, post(v1::erase)),
        ("/v1/store", Method::GET, get(v1::store)),
        ("/v1/catalog", Method::GET, get(v1::catalog)),
        ("/v1/views", Method::GET, get(v1::views)),
        ("/v1/views/{name}", Method::GET, get(v1::view)),
        ("/v1/services", Method::GET, get(v1::services)),
        ("/v1/services/{name}", Method::GET, get(v1::service)),
        ("/v1/entities", Method::GET, get(v1::entities)),
        ("/v1/lineage/{name}", Method::GET, get(v1::lineage)),
        ("/v1/search", Method::GET, get(v1::search)),
        ("/v1/duplicates", Method::GET, get(v1::duplicates)),
        ("/v1/freshness", Method::GET, get(v1::all_freshness)),
        ("/v1/freshness/{view}", Method::GET, get(v1::freshness)),
        ("/v1/answers", Method::GET, get(v1::answers)),
        ("/v1/feeds", Method::GET, get(v1::feeds)),
        ("/v1/materialize", Method::POST, post(v1::materialize)),
        ("/v1/statistics/{view}", Method::GET, get(v1::statistics)),
        ("/v1/profile", Method::POST, post(v1::profile)),
        ("/metrics", Method::GET, get(metrics::metrics)),
        ("/healthz", Method::GET, get(health::healthz)),
        ("/readyz", Method::GET, get(health::readyz)),
        ("/openapi.json", Method::GET, get(openapi::openapi)),
    ];
    routes.extend(reviews());
    routes
}

/// Routes of those who look after what is defined and served: what changed, what is to change, and what was wrong.
fn reviews() -> Vec<Route> {
    vec![
        ("/v1/alerts", Method::GET, get(v1::alerts)),
        ("/v1/policy", Method::GET, get(v1::policy)),
        ("/v1/log", Method::GET, get(v1::log)),
        ("/v1/consumers", Method::GET, get(v1::consumers)),
        ("/v1/limits", Method::GET, get(v1::limits)),
        ("/v1/limits", Method::PUT, put(v1::set_limits)),
        ("/v1/usage", Method::GET, get(v1::usage)),
        ("/v1/models", Method::GET, get(v1::models)),
        ("/v1/freshness/{view}/history", Method::GET, get(v1::freshness_history)),
        ("/v1/audit", Method::POST, post(v1::audit)),
        ("/v1/audits", Method::GET, get(v1::audits)),
        ("/v1/audits/{number}", Method::GET, get(v1::audited)),
        ("/v1/plan", Method::POST, post(v1::plan)),
        ("/v1/apply", Method::POST, post(v1::apply)),
        ("/v1/propose", Method::POST, post(v1::propose)),
        ("/v1/approve", Method::POST, post(v1::approve)),
        ("/v1/plans", Method::GET, get(v1::plans)),
        ("/v1/diff", Method::GET, get(v1::diff)),
    ]
}

/// Makes the router that answers every request.
pub(super) fn router(door: Arc<Door>) -> Router {
    let mut router = Router::new();
    for (path, _, handler) in routes() {
        router = router.route(path, handler);
    }
    for (path, handler) in pages::routes() {
        router = router.route(path, handler);
    }
    router
        .fallback(unknown_route)
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn_with_state(door.clone(), gate))
        .layer(from_fn(render))
        .with_state(door)
}

async fn unknown_route(request: Request) -> Failure {
    let route = (request.method(), request.uri().path());
    let message = format!("there is no route {} {}; GET /openapi.json has all", route.0, shortened(route.1));
    Failure::new(StatusCode::NOT_FOUND, ErrorKind::NotFound, message)
}

async fn unknown_method(request: Request) -> Failure {
    let message = format!("the route does not take the method {}; GET /openapi.json has all", request.method());
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, ErrorKind::Invalid, message)
}

/// An address that is somebody's choice, for a message.
fn shortened(path: &str) -> String {
    path.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_in_the_openapi_document_and_nothing_else() {
        let document: serde_json::Value = serde_json::from_str(include_str!("../../../../docs/openapi.json")).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let methods = |(path, item): (&String, &serde_json::Value)| {
            let names = item.as_object().unwrap().keys().filter(|name| *name != "parameters");
            names.map(|name| format!("{} {path}", name.to_uppercase())).collect::<Vec<_>>()
        };
        let mut described: Vec<String> = paths.iter().flat_map(methods).collect();
        let mut served: Vec<String> = routes().iter().map(|(path, method, _)| format!("{method} {path}")).collect();
        described.sort();
        served.sort();
        assert_eq!(described, served);
    }
}
