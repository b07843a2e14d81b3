//! A sidecar in this process, with some rows.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use asofdb::{
    Clock, FeedFiles, ManualClock, Reading, ServedLogOptions, ServedLogStatus, Store, Timestamp, parse_definitions,
};
use asofdb_sidecar::{HttpListeners, HttpOptions, HttpServer, Limits, Service};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::client::{Target, wait_until};
use crate::common::{NOW, hours_ago};

pub const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]
[[entity]]
name = "shop"
join_keys = [{ name = "shop", type = "string" }]

[[feature_view]]
name = "stats"
entities = ["user"]
ttl = "1d"
tags = { push_source = "user_events" }
feature = [
    { name = "clicks", type = "int64" },
    { name = "level", type = "int32" },
    { name = "score", type = "float32", description = "From 0 to 1" },
    { name = "rate", type = "float64", default = 0.5 },
    { name = "active", type = "bool" },
    { name = "name", type = "string" },
    { name = "photo", type = "bytes" },
    { name = "seen", type = "timestamp" },
    { name = "embedding", type = "list<float32>" },
]

[[feature_view]]
name = "clicks_by_shop"
entities = ["user", "shop"]
event_timestamp = "at"
created_timestamp = "known"
tags = { push_source = "user_events" }
feature = [{ name = "clicks", type = "int64" }]

[[event_view]]
name = "purchases"
entities = ["user"]
event_id = ["order_id"]
columns = [
    { name = "order_id", type = "int64" },
    { name = "shop", type = "string" },
    { name = "price", type = "float64" },
]

[[window_view]]
name = "spending"
from = "purchases"
windows = ["1h", "24h"]
feature = [{ name = "n", aggregate = "count" }, { name = "mean", aggregate = "mean", of = "price" }]

[[derived_view]]
name = "offer"
request = [{ name = "amount", type = "float64" }, { name = "shop", type = "string", required = false }]
feature = [
    { name = "times_mean", type = "float64", expression = "amount / spending:mean_24h" },
    { name = "place", type = "string", expression = "coalesce(shop, 'nowhere')" },
]

[[derived_view]]
name = "calendar"
feature = [{ name = "year", type = "int64", expression = "year(now)" }]

[[feature_service]]
name = "ranker_v1"
features = ["stats:score", "clicks_by_shop:clicks"]
"#;

/// A view beside those, of a feature that is there already.
const COPIED: &str = "[[feature_view]]\nname = \"copied\"\nentities = [\"user\"]\n\
    feature = [{ name = \"click_count\", type = \"float64\" }]\n";

type Hook = Arc<dyn Fn() + Send + Sync>;

/// A clock that stands at [`NOW`], and with which a test gets into the midst of a request.
pub struct TestClock {
    pub clock: Arc<ManualClock>,
    hook: Mutex<Hook>,
}

impl TestClock {
    /// Sets the hook that is called whenever the clock is read.
    pub fn hook(&self, hook: impl Fn() + Send + Sync + 'static) {
        *self.hook.lock().unwrap() = Arc::new(hook);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let hook = self.hook.lock().unwrap().clone();
        hook();
        self.clock.now()
    }

    fn reading(&self) -> Reading {
        self.clock.reading()
    }
}

pub struct Sidecar {
    pub store: Store,
    pub clock: Arc<TestClock>,
    pub service: Arc<Service>,
    pub tcp: Target,
    pub unix: Target,
    server: Option<HttpServer>,
    directory: TempDir,
}

impl Sidecar {
    pub fn start() -> Self {
        Sidecar::with("", HttpOptions::default())
    }

    pub fn with(limits: &str, options: HttpOptions) -> Self {
        Sidecar::over(|store, _| store, limits, options)
    }

    /// A sidecar that logs everything that it serves, below its directory.
    pub fn logging() -> Self {
        Sidecar::logging_with(HttpOptions::default())
    }

    pub fn logging_with(options: HttpOptions) -> Self {
        let log = |store: Store, directory: &Path| {
            let options = ServedLogOptions { share: 1.0, ..ServedLogOptions::default() };
            store.log_served(&directory.join("served"), options).expect("a log")
        };
        Sidecar::over(log, "", options)
    }

    fn over(prepare: impl FnOnce(Store, &Path) -> Store, limits: &str, options: HttpOptions) -> Self {
        let clock = Arc::new(TestClock { clock: ManualClock::new(NOW), hook: Mutex::new(Arc::new(|| ())) });
        let store = Store::in_memory(clock.clone());
        store.confirm_clock().expect("a store in memory");
        store.apply(&parse_definitions(DEFINITIONS, "test.toml").expect("definitions"), false).expect("a catalog");
        let directory = TempDir::new().expect("a directory");
        let store = prepare(store, directory.path());
        let path = directory.path().join("http.sock");
        let unix = UnixListener::bind(&path).expect("a Unix socket");
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a TCP socket");
        let address = tcp.local_addr().expect("an address");
        let service = Service::new(store.clone(), Limits::parse(limits, "limits.toml").expect("limits"));
        let files = FeedFiles { root: directory.path().to_owned(), is_confined: true, rejects: None };
        let service = Arc::new(service.with_feeds(files));
        let listeners = HttpListeners { tcp: vec![tcp], unix: vec![unix] };
        let server = HttpServer::start(service.clone(), listeners, options).expect("a server");
        service.set_ready();
        Sidecar {
            store,
            clock,
            service,
            tcp: Target::Tcp(address),
            unix: Target::Unix(path),
            server: Some(server),
            directory,
        }
    }

    /// Begins an audit as an operator, and waits until it has ended.
    pub fn audit(&self, asked: &Json) -> Json {
        let number = self.unix.post("/v1/audit", asked).ok()["audit"].clone();
        let report = || self.tcp.get(&format!("/v1/audits/{number}")).ok();
        wait_until(|| report()["state"] != json!("running"));
        report()
    }

    /// What was logged of what is served.
    pub fn service_log(&self) -> ServedLogStatus {
        self.store.served_log().expect("a log").status()
    }

    /// Stops serving; whether all was finished in time.
    pub fn drain(&mut self, patience: std::time::Duration) -> bool {
        self.server.take().expect("it serves").drain(patience)
    }

    /// Writes a row of `stats`: `clicks` is given, the rest follows from it.
    pub fn write_stats(&self, user: i64, event: Timestamp, clicks: i64) {
        let row = stats_row(user, event, &json!(clicks));
        self.tcp.post("/v1/write/stats", &json!([row])).ok();
    }

    /// Names a file as the source of `clicks_by_shop`, and writes one row into it.
    pub fn feed_clicks(&self) {
        let text =
            DEFINITIONS.replacen("created_timestamp", "source = { path = \"clicks.csv\" }\ncreated_timestamp", 1);
        self.store.apply(&parse_definitions(&text, "test.toml").expect("definitions"), false).expect("a source");
        let csv = format!("user_id,shop,at,known,clicks\n5,a,{0},{0},55\n", hours_ago(1));
        std::fs::write(self.source(), csv).expect("a file");
    }

    /// The file that is the source of `clicks_by_shop`.
    pub fn source(&self) -> std::path::PathBuf {
        self.directory.path().join("clicks.csv")
    }

    /// Defines the view `copied`, and writes rows of it and of `stats`, in which the clicks are the same but for a
    /// factor.
    pub fn write_copies(&self) {
        let definitions = parse_definitions(&format!("{DEFINITIONS}{COPIED}"), "test.toml").expect("definitions");
        self.store.apply(&definitions, false).expect("one more view");
        let at = hours_ago(1);
        let clicks = |user: i64| user * 7_919 % 1_000;
        let stats: Json = (100..200).map(|user| stats_row(user, at, &json!(clicks(user)))).collect();
        self.tcp.post("/v1/write/stats", &stats).ok();
        let copied = |user: i64| json!({"user_id": user, "event_timestamp": at.to_string(), "click_count": clicks(user) as f64 * 1.5});
        self.tcp.post("/v1/write/copied", &(100..200).map(copied).collect::<Json>()).ok();
    }
}

/// A row of `stats` with something in each column.
pub fn stats_row(user: i64, event: Timestamp, clicks: &Json) -> Json {
    json!({
        "user_id": user, "event_timestamp": event.to_string(), "clicks": clicks, "level": -7, "score": 0.1,
        "rate": 1e300, "active": true, "name": "Zoë \"Z\"", "photo": "AP8=", "seen": "2024-05-01T00:00:00.5Z",
        "embedding": [0.1, "NaN", "-Infinity"],
    })
}
