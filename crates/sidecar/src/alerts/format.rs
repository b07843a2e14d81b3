//! Formats of what is sent: our JSON, and what Slack takes.

use serde_json::json;

use super::notice::{Event, Notice};
use super::sighting::Severity;

/// The version of the JSON.
const VERSION: u32 = 1;

/// The format of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// All that is known, for programs.
    Json,
    /// A line of text each, as Slack's incoming webhooks and those that imitate them take it.
    Slack,
}

impl Format {
    pub(super) const ALL: [Format; 2] = [Format::Json, Format::Slack];

    /// The stable name.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Slack => "slack",
        }
    }

    /// Writes notices that come from the store of this name.
    pub(super) fn write(self, from: &str, notices: &[Notice]) -> Vec<u8> {
        let tree = match self {
            Format::Json => json!({"version": VERSION, "from": from, "notices": notices}),
            Format::Slack => {
                let lines: Vec<String> = notices.iter().map(|notice| slack_line(from, notice)).collect();
                json!({"text": lines.join("\n")})
            }
        };
        tree.to_string().into_bytes()
    }
}

fn slack_line(from: &str, notice: &Notice) -> String {
    let (sign, again) = match (notice.event, notice.severity) {
        (Event::Recovered, _) => (":large_green_circle:", ""),
        (Event::Repeated, Severity::Critical) => (":red_circle:", " (still)"),
        (Event::Repeated, Severity::Warning) => (":large_yellow_circle:", " (still)"),
        (_, Severity::Critical) => (":red_circle:", ""),
        (_, Severity::Warning) => (":large_yellow_circle:", ""),
    };
    format!("{sign} *{}*{again}: {}", escaped(from), escaped(&notice.message))
}

/// Slack takes three characters for the beginning of something else.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::super::outbox::tests::notice;
    use super::*;

    fn written(format: Format, notices: &[Notice]) -> Json {
        serde_json::from_slice(&format.write("prod", notices)).unwrap()
    }

    #[test]
    fn json_has_every_field_and_names_the_store() {
        let expected = json!({
            "version": 1,
            "from": "prod",
            "notices": [{
                "id": "1", "event": "opened", "kind": "freshness", "subject": "v", "state": "stale",
                "severity": "critical", "message": "it <is> stale & old", "since": "1970-01-01T00:00:00Z",
                "at": "1970-01-01T00:00:00Z",
            }],
        });
        assert_eq!(written(Format::Json, &[notice(1)]), expected);
    }

    #[test]
    fn slack_gets_a_line_a_notice_in_which_nothing_means_something_else() {
        let again = Notice { event: Event::Repeated, severity: Severity::Warning, ..notice(2) };
        let over = Notice { event: Event::Recovered, message: "it is well".into(), ..notice(3) };
        let text = ":red_circle: *prod*: it &lt;is&gt; stale &amp; old\n\
                    :large_yellow_circle: *prod* (still): it &lt;is&gt; stale &amp; old\n\
                    :large_green_circle: *prod*: it is well";
        assert_eq!(written(Format::Slack, &[notice(1), again, over]), json!({"text": text}));
    }
}
