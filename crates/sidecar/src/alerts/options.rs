//! Options of alerts, from TOML: who is told, and when.
//!
//! ```toml
//! after = "1m"              # the time for which something has to be wrong before it is told
//! recover_after = "5m"      # and to be well before that is told
//! repeat = "4h"             # told again after this, for as long as it lasts; never, if left out
//!
//! [[webhook]]
//! name = "oncall"
//! url = "https://alerts.example.org/asofdb"
//! headers = { Authorization = "Bearer secret" }
//!
//! [[webhook]]
//! name = "chat"
//! url = "https://hooks.slack.com/services/T0/B0/secret"
//! format = "slack"
//!
//! [[command]]
//! name = "pager"
//! argv = ["/usr/local/bin/page", "--team", "features"]
//! ```

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use asofdb::parts::{Field, Table, TomlText, float_setting, read_text};
use asofdb::{Error, Result, Span};
use rustix::system::uname;
use ureq::http::{HeaderName, HeaderValue};

use super::command::Command;
use super::format::Format;
use super::outbox::Retry;
use super::rules::{AnswerRules, LookRules, Period};
use super::target::{Target, Way};
use super::tracker::Times;
use super::webhook::{Webhook, WebhookParts};

/// Longest file in bytes.
const BYTES_MAX: usize = 1 << 20;

/// Most targets: each has a thread.
const TARGETS_MAX: usize = 16;

/// Longest name of a target or of the store in bytes.
const NAME_BYTES_MAX: usize = 64;

const SECOND: Span = Span::from_secs(1);
const DAY: Span = Span::from_secs(86_400);
const YEAR: Span = Span::from_secs(365 * 86_400);
const LEAST: Span = Span::from_micros(10_000);

const DOCUMENT_KEYS: [&str; 13] = [
    "from",
    "look_every",
    "after",
    "recover_after",
    "repeat",
    "hysteresis",
    "answers_over",
    "answers_min",
    "retry_from",
    "retry_max",
    "outbox_max",
    "webhook",
    "command",
];
const WEBHOOK_KEYS: [&str; 7] = ["name", "url", "format", "headers", "timeout", "connect_timeout", "ca_file"];
const COMMAND_KEYS: [&str; 3] = ["name", "argv", "timeout"];

/// The options of alerts.
#[derive(Debug)]
pub struct AlertOptions {
    /// The name of the store in notices.
    pub(super) from: String,
    pub(super) look_every: Duration,
    pub(super) times: Times,
    pub(super) rules: LookRules,
    pub(super) retry: Retry,
    pub(super) outbox_max: usize,
    pub(super) targets: Vec<Target>,
}

impl AlertOptions {
    /// Reads a file of alerts. It names programs that are run and may hold secrets: nobody but its owner may write to
    /// it, and nobody but its owner and group may read it.
    ///
    /// # Errors
    /// `NotFound` when there is no such file, `Unavailable` when it cannot be read, `Invalid` when it is open to
    /// others, otherwise as [`AlertOptions::parse`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let name = path.as_ref().display().to_string();
        let text = read_text(path.as_ref(), "alerts file", BYTES_MAX)?;
        let unreadable = |error: io::Error| Error::unavailable(format!("alerts file cannot be read: {name}: {error}"));
        let mode = fs::metadata(path.as_ref()).map_err(unreadable)?.mode() & 0o777;
        if mode & 0o027 != 0 {
            let message = format!(
                "alerts file can be written by others than its owner, or read by others than its owner and group (mode \
                 {mode:04o}); chmod 640 it: {name}"
            );
            return Err(Error::invalid(message));
        }
        AlertOptions::parse(&text, &name)
    }

    /// Reads options from TOML; `origin` is the name of the text in errors.
    ///
    /// # Errors
    /// `Invalid`, one line, beginning with `origin:line:column:`, when the text is not TOML, has keys or values that
    /// alerts do not have, lists a name twice or nobody who is told; else as what a target needs cannot be read.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        let source = TomlText { origin, text };
        if text.len() > BYTES_MAX {
            return Err(source.invalid(0, format!("an alerts file has at most {BYTES_MAX} bytes")));
        }
        let document = source.parse()?;
        let root = Table::document(source, &document, "an alerts file", &DOCUMENT_KEYS)?;
        Ok(AlertOptions {
            from: from(&root)?,
            look_every: span(&root, "look_every", (LEAST, DAY))?.unwrap_or(Duration::from_secs(10)),
            times: times(&root)?,
            rules: rules(&root)?,
            retry: retry(&root)?,
            outbox_max: root.whole_number("outbox_max", 1..=100_000)?.unwrap_or(1_000) as usize,
            targets: targets(&root)?,
        })
    }
}

/// A duration within a range, if the field is there.
fn span<'a>(table: &Table<'a>, name: &'a str, (least, most): (Span, Span)) -> Result<Option<Duration>> {
    let Some(span) = table.span(name)? else { return Ok(None) };
    match (least..=most).contains(&span) {
        true => Ok(Some(span.to_duration())),
        false => Err(table.required(name)?.invalid(format!("{name} is from {least} to {most}: {span}"))),
    }
}

/// A name that can stand in messages and metrics.
fn name(field: Field<'_>) -> Result<String> {
    let name = field.text()?;
    let is_sound = (1..=NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(|letter| !letter.is_control());
    match is_sound {
        true => Ok(name.to_owned()),
        false => Err(field.invalid(format!("a name has 1 to {NAME_BYTES_MAX} bytes and no control characters"))),
    }
}

fn from(root: &Table<'_>) -> Result<String> {
    match root.field("from") {
        Some(field) => name(field),
        None => Ok(uname().nodename().to_string_lossy().into_owned()),
    }
}

fn times(root: &Table<'_>) -> Result<Times> {
    let lasting = (Span::ZERO, DAY);
    Ok(Times {
        after: span(root, "after", lasting)?.unwrap_or(Duration::from_secs(60)),
        recover_after: span(root, "recover_after", lasting)?.unwrap_or(Duration::from_secs(300)),
        repeat: span(root, "repeat", (SECOND, YEAR))?,
    })
}

fn rules(root: &Table<'_>) -> Result<LookRules> {
    let hysteresis = float_setting(root, "hysteresis")?.unwrap_or(0.2);
    if !(0.0..1.0).contains(&hysteresis) {
        return Err(root.required("hysteresis")?.invalid(format!("hysteresis is from 0 to below 1: {hysteresis}")));
    }
    let period = match root.field("answers_over") {
        None => Period::Minutes,
        Some(field) => match field.text()? {
            "5m" => Period::Minutes,
            "1h" => Period::Hour,
            "1d" => Period::Day,
            other => return Err(field.invalid(format!("answers_over is \"5m\", \"1h\" or \"1d\": {other:?}"))),
        },
    };
    let values_min = root.whole_number("answers_min", 1..=u32::MAX)?.unwrap_or(100).into();
    Ok(LookRules { hysteresis, answers: AnswerRules { period, values_min } })
}

fn retry(root: &Table<'_>) -> Result<Retry> {
    let from = span(root, "retry_from", (LEAST, DAY))?.unwrap_or(Duration::from_secs(1));
    let most = span(root, "retry_max", (LEAST, DAY))?.unwrap_or(Duration::from_secs(300).max(from));
    match from <= most {
        true => Ok(Retry { from, most }),
        false => Err(root.required("retry_max")?.invalid("retry_max is at least retry_from")),
    }
}

fn targets(root: &Table<'_>) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for table in root.tables("webhook", "a webhook", &WEBHOOK_KEYS)? {
        let target = Target { name: unlisted(&table, &targets)?, way: Way::Webhook(webhook(&table)?) };
        targets.push(target);
    }
    for table in root.tables("command", "a command", &COMMAND_KEYS)? {
        let target = Target { name: unlisted(&table, &targets)?, way: Way::Command(command(&table)?) };
        targets.push(target);
    }
    match targets.len() {
        1..=TARGETS_MAX => Ok(targets),
        0 => Err(root.invalid("alerts need somebody who is told: a [[webhook]] or a [[command]]")),
        many => Err(root.invalid(format!("alerts have at most {TARGETS_MAX} webhooks and commands: {many}"))),
    }
}

/// The name of a target, which no earlier one has.
fn unlisted(table: &Table<'_>, known: &[Target]) -> Result<String> {
    let field = table.required("name")?;
    let name = name(field)?;
    match known.iter().any(|target| target.name == name) {
        true => Err(field.invalid(format!("a name is listed once: {name:?}"))),
        false => Ok(name),
    }
}

fn webhook(table: &Table<'_>) -> Result<Webhook> {
    let format = match table.field("format") {
        None => Format::Json,
        Some(field) => {
            let text = field.text()?;
            let known = Format::ALL.into_iter().find(|format| format.as_str() == text);
            known.ok_or_else(|| field.invalid(format!("format is \"json\" or \"slack\": {text:?}")))?
        }
    };
    let url = table.required("url")?;
    let parts = WebhookParts {
        url: url.text()?.to_owned(),
        format: Some(format),
        headers: headers(table)?,
        timeout: timeout(table, 10)?,
        connect_timeout: span(table, "connect_timeout", (LEAST, DAY))?.unwrap_or(Duration::from_secs(5)),
        ca_file: table.field("ca_file").map(|field| field.text().map(str::to_owned)).transpose()?,
    };
    Webhook::new(parts).map_err(|error| url.invalid(error.message()))
}

fn timeout(table: &Table<'_>, seconds: u64) -> Result<Duration> {
    Ok(span(table, "timeout", (LEAST, DAY))?.unwrap_or(Duration::from_secs(seconds)))
}

fn headers(table: &Table<'_>) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let header = |(name, value): (String, String)| {
        let pair = HeaderName::try_from(&name).ok().zip(HeaderValue::try_from(&value).ok());
        // The value is not told: it is a secret, mostly.
        let rule =
            || Ok(table.required("headers")?.invalid(format!("headers has a name or a value that is none: {name:?}")));
        pair.map_or_else(|| Err(rule().unwrap_or_else(|error: Error| error)), Ok)
    };
    table.tags("headers")?.into_iter().map(header).collect()
}

fn command(table: &Table<'_>) -> Result<Command> {
    let field = table.required("argv")?;
    let mut words = field.items()?.map(|word| word.text().map(str::to_owned)).collect::<Result<Vec<_>>>()?.into_iter();
    match words.next() {
        Some(program) if program.starts_with('/') => {
            Ok(Command { program, arguments: words.collect(), timeout: timeout(table, 30)? })
        }
        _ => Err(field.invalid("argv is the absolute path of a program and its arguments")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const HOOK: &str = "[[webhook]]\nname = \"a\"\nurl = \"http://localhost/x\"\n";

    #[test]
    fn options_are_read_and_what_is_left_out_is_as_documented() {
        let options = AlertOptions::parse(HOOK, "a.toml").unwrap();
        let seconds = Duration::from_secs;
        assert_eq!(options.times, Times { after: seconds(60), recover_after: seconds(300), repeat: None });
        assert_eq!(options.retry, Retry { from: seconds(1), most: seconds(300) });
        assert_eq!((options.look_every, options.outbox_max), (seconds(10), 1_000));
        assert_eq!((options.rules.hysteresis, options.rules.answers.values_min), (0.2, 100));
        assert!(!options.from.is_empty());
        let text = format!(
            "from = \"prod\"\nlook_every = \"1s\"\nafter = \"0s\"\nrecover_after = \"2m\"\nrepeat = \"4h\"\n\
             hysteresis = 0.5\nanswers_over = \"1d\"\nanswers_min = 5\nretry_from = \"2s\"\nretry_max = \"1h\"\n\
             outbox_max = 7\n{HOOK}format = \"slack\"\nheaders = {{ Authorization = \"Bearer x\" }}\n\
             [[command]]\nname = \"b\"\nargv = [\"/bin/true\", \"-x\"]\ntimeout = \"3s\"\n"
        );
        let options = AlertOptions::parse(&text, "a.toml").unwrap();
        let times = Times { after: seconds(0), recover_after: seconds(120), repeat: Some(seconds(14_400)) };
        assert_eq!((options.times, options.from.as_str()), (times, "prod"));
        assert_eq!(options.rules.answers.period, Period::Day);
        let named: Vec<_> = options.targets.iter().map(|target| (target.name(), target.kind())).collect();
        assert_eq!(named, [("a", "slack"), ("b", "command")]);
        assert!(!format!("{options:?}").contains("Bearer") && !format!("{options:?}").contains("localhost"));
    }

    #[test]
    fn what_alerts_do_not_have_is_refused_where_it_stands() {
        for (text, expected) in [
            ("", "a:1:1: alerts need somebody who is told: a [[webhook]] or a [[command]]"),
            ("repat = \"4h\"", "a:1:1: an alerts file has no key \"repat\"; did you mean \"repeat\"?"),
            ("after = \"2d\"", "a:1:9: after is from 0s to 1d: 2d"),
            ("hysteresis = 1.0", "a:1:14: hysteresis is from 0 to below 1: 1"),
            ("answers_over = \"2h\"", "a:1:16: answers_over is \"5m\", \"1h\" or \"1d\": \"2h\""),
            ("retry_from = \"1h\"\nretry_max = \"1m\"", "a:2:13: retry_max is at least retry_from"),
            ("[[webhook]]\nurl = \"http://h\"", "a:1:1: a webhook needs the key \"name\""),
            (
                "[[webhook]]\nname = \"a\"\nurl = \"ftp://h\"",
                "a:3:7: url is an address that begins with https:// or http:// and has a host",
            ),
            (
                "[[webhook]]\nname = \"a\"\nurl = \"http://h\"\nformat = \"xml\"",
                "a:4:10: format is \"json\" or \"slack\": \"xml\"",
            ),
            (
                "[[webhook]]\nname = \"a\"\nurl = \"http://h\"\nheaders = { \"a b\" = \"x\" }",
                "a:4:11: headers has a name or a value that is none: \"a b\"",
            ),
            (
                "[[command]]\nname = \"a\"\nargv = [\"page\"]",
                "a:3:8: argv is the absolute path of a program and its arguments",
            ),
            (
                "[[command]]\nname = \"a\"\nargv = [\"/a\"]\n[[command]]\nname = \"a\"\nargv = [\"/a\"]",
                "a:5:8: a name is listed once: \"a\"",
            ),
        ] {
            assert_eq!(AlertOptions::parse(text, "a").unwrap_err().to_string(), expected);
        }
        let many: String =
            (0..=TARGETS_MAX).map(|n| format!("[[command]]\nname = \"{n}\"\nargv = [\"/a\"]\n")).collect();
        assert!(AlertOptions::parse(&many, "a").unwrap_err().message().ends_with("webhooks and commands: 17"));
    }

    #[test]
    fn a_file_that_others_can_write_or_strangers_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("alerts.toml");
        fs::write(&path, HOOK).unwrap();
        for (mode, is_refused) in [(0o600, false), (0o640, false), (0o660, true), (0o644, true), (0o602, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(AlertOptions::read(&path).is_err(), is_refused, "{mode:o}");
        }
    }
}
