//! Snippets: how a view or a service is read, to copy.

use asofdb::{Catalog, FeatureService, FeatureView, JoinKey, Prepared, ResolvedFeature, ScalarType};
use serde_json::{Value as Json, json};

/// Snippets that read a view; none where it cannot be without values of a request.
pub(crate) fn of_view(catalog: &Catalog, view: &FeatureView) -> Vec<(&'static str, String)> {
    if view.holds_events() {
        let keys = view.join_keys.iter().map(|key| format!(" --entity {}={}", key.name, text(key.ty)));
        return vec![("sh", format!("asof history {}{} --limit 10", view.name, keys.collect::<String>()))];
    }
    let Ok(request) = Prepared::new(catalog, vec![view.name.clone()]) else { return Vec::new() };
    let features: Vec<_> = view.features.iter().map(|feature| format!("{}:{}", view.name, feature.name)).collect();
    match request.request_values().is_empty() {
        true => of_keys(&view.name, &features, &request.join_keys()),
        false => Vec::new(),
    }
}

/// Snippets that read one feature of a view, as those of a view.
pub(crate) fn of_feature(catalog: &Catalog, view: &FeatureView, feature: &str) -> Vec<(&'static str, String)> {
    let name = format!("{}:{feature}", view.name);
    match Prepared::new(catalog, vec![name.clone()]) {
        Ok(request) if request.request_values().is_empty() => {
            of_keys(&name, std::slice::from_ref(&name), &request.join_keys())
        }
        _ => Vec::new(),
    }
}

/// Features that Feast is asked for in a snippet; the others are asked for in the same way.
const FEAST_FEATURES: usize = 2;

fn of_feast(features: &[String], entity: &Json) -> String {
    let features = json!(features[..features.len().min(FEAST_FEATURES)]);
    format!("# Feast\nfeature_store.get_online_features(features={features}, entity_rows=[{entity}]).to_dict()")
}

fn of_keys(name: &str, features: &[String], keys: &[JoinKey]) -> Vec<(&'static str, String)> {
    let arguments: String = keys.iter().map(|key| format!(" --entity {}={}", key.name, text(key.ty))).collect();
    let entity: Json =
        keys.iter().map(|key| (key.name.clone(), value(key.ty))).collect::<serde_json::Map<_, _>>().into();
    let body = json!({"features": [name], "entities": [entity]});
    let columns: Json =
        keys.iter().map(|key| (key.name.clone(), json!([value(key.ty)]))).collect::<serde_json::Map<_, _>>().into();
    vec![
        ("sh", format!("asof get {name}{arguments}")),
        ("python", format!("store.latest(\"{name}\", {columns}).to_pandas()")),
        ("rust", of_rust(name, keys)),
        ("sh", format!("curl http://127.0.0.1:6566/v1/latest -H 'content-type: application/json' -d '{body}'")),
        ("python", of_feast(features, &entity)),
    ]
}

fn of_rust(name: &str, keys: &[JoinKey]) -> String {
    let values: Vec<_> = keys.iter().map(|key| format!("Some({})", rust_value(key.ty))).collect();
    [
        format!("let request = store.prepare(&[\"{name}\"])?;"),
        "let mut rows = request.entity_rows();".to_owned(),
        format!("rows.push(&[{}])?;", values.join(", ")),
        "let answer = store.latest(&request, &rows)?;".to_owned(),
    ]
    .join("\n")
}

/// Snippets that read a service.
pub(crate) fn of_service(catalog: &Catalog, service: &FeatureService) -> Vec<(&'static str, String)> {
    let name = &service.name;
    let mut all = vec![
        ("sh", format!("asof training-set {name} --spine labels.parquet --out training.parquet")),
        ("python", format!("store.training_set(\"labels.parquet\", \"{name}\").to_pandas()")),
    ];
    if let Ok(request) = Prepared::new(catalog, vec![name.clone()])
        && request.request_values().is_empty()
    {
        let features: Vec<_> = request.features().iter().map(ResolvedFeature::reference).collect();
        all.extend(of_keys(name, &features, &request.join_keys()));
    }
    all
}

/// A value of a type, as the command line takes it.
fn text(ty: ScalarType) -> String {
    match value(ty) {
        Json::String(text) => text,
        value => value.to_string(),
    }
}

/// A value of a type in Rust.
fn rust_value(ty: ScalarType) -> &'static str {
    match ty {
        ScalarType::Bool => "Value::Bool(true)",
        ScalarType::Int32 => "Value::Int32(1001)",
        ScalarType::Int64 => "Value::Int64(1001)",
        ScalarType::Float32 => "Value::Float32(1.5)",
        ScalarType::Float64 => "Value::Float64(1.5)",
        ScalarType::String => "Value::String(\"abc\".into())",
        ScalarType::Bytes => "Value::Bytes(b\"abc\".to_vec())",
        ScalarType::Timestamp => "Value::Timestamp(\"2024-06-01T12:00:00Z\".parse()?)",
        ScalarType::Date => "Value::Date(\"2024-06-01\".parse()?)",
    }
}

/// A value of a type in JSON.
fn value(ty: ScalarType) -> Json {
    match ty {
        ScalarType::Bool => json!(true),
        ScalarType::Int32 | ScalarType::Int64 => json!(1001),
        ScalarType::Float32 | ScalarType::Float64 => json!(1.5),
        ScalarType::String => json!("abc"),
        ScalarType::Bytes => json!("YWJj"),
        ScalarType::Timestamp => json!("2024-06-01T12:00:00Z"),
        ScalarType::Date => json!("2024-06-01"),
    }
}
