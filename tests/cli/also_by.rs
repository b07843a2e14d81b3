//! Events that are also found by another entity, on the command line.

use serde_json::json;

use super::Cli;

const PURCHASES: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[entity]]
name = "shop"
join_keys = [{ name = "shop", type = "string" }]

[[event_view]]
name = "purchases"
entities = ["user"]
also_by = ["shop"]
event_id = ["order_id", "shop"]
columns = [
    { name = "order_id", type = "int64" },
    { name = "shop", type = "string" },
    { name = "price", type = "float64" },
]

[[window_view]]
name = "turnover"
from = "purchases"
entities = ["shop"]
windows = ["24h"]
feature = [{ name = "sum", aggregate = "sum", of = "price" }]
"#;

const ROWS: &str = "user_id,event_timestamp,order_id,shop,price\n\
    7,2024-05-01T10:00:00Z,1,a,10\n7,2024-05-01T11:00:00Z,2,b,30\n8,2024-05-01T11:00:00Z,3,a,5\n";

#[test]
fn events_that_are_also_found_by_a_shop_are_listed_described_explained_and_read_by_it() {
    let cli = Cli::new();
    cli.write("features.toml", PURCHASES);
    cli.write("purchases.csv", ROWS);
    cli.write("gone.csv", "user_id,event_timestamp,order_id,shop\n8,2024-05-01T11:00:00Z,3,a\n");
    let applied = cli.succeeds("apply features.toml");
    assert!(applied.contains("3 columns, also by shop"), "{applied}");
    cli.succeeds("ingest purchases purchases.csv");
    let sum = || {
        let shown = cli.json("get turnover:sum_24h --entity shop=a --at 2024-05-01T12:00:00Z");
        shown[0]["features"]["turnover:sum_24h"]["value"].clone()
    };
    assert_eq!(sum(), json!(15.0));
    cli.succeeds("delete-events purchases gone.csv");
    assert_eq!(sum(), json!(10.0));
    let listed = cli.succeeds("views");
    assert!(listed.contains("user_id; also shop"), "{listed}");
    assert_eq!(cli.json("describe purchases")["also_by"], json!([["shop"]]));
    let described = cli.succeeds("describe purchases");
    assert!(described.contains("also by            shop (shop string)"), "{described}");
    let described = cli.succeeds("describe turnover");
    assert!(described.contains("events             purchases, by shop"), "{described}");
    let of_shop = cli.json("describe shop");
    assert_eq!(of_shop["name"], json!("shop"));
    assert_eq!(cli.json("explain turnover")[0]["also_by"], json!(["shop"]));
    let explained = cli.succeeds("explain turnover");
    assert!(explained.contains("  events: purchases\n  found by: shop (also_by)\n"), "{explained}");
}
