//! Streams of Valkey and Redis.

use std::ops::ControlFlow;
use std::time::Duration;

use asofdb::{Error, Result};
use redis::{Client, Cmd, Connection, RedisError, RedisResult, Value, cmd};
use url::Url;

use crate::options::Begin;
use crate::position::Position;
use crate::source::{Content, Record, Source, Take, Waited};

/// Entries that are read at once.
const ENTRIES_MAX: u64 = 1_000;

/// The longest wait for the server.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time between two looks for new entries.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The variable of the environment with the password, as the command line of the server has it, where the address has none.
const PASSWORD: &str = "REDISCLI_AUTH";

/// The addresses that are of such a server.
const SCHEMES: [&str; 6] = ["redis", "rediss", "redis+unix", "valkey", "valkeys", "valkey+unix"];

/// One stream of Valkey or Redis 7 or later, whose one partition has its name. An entry is a row: of one field its value is an
/// object of JSON, of several each is a value of the column of its name.
pub struct RedisStream {
    address: String,
    client: Client,
    key: String,
    connection: Option<Connection>,
    /// True when the last read has found all that was there.
    is_at_end: bool,
}

impl RedisStream {
    /// Returns whether an address is one of such a stream.
    pub(crate) fn is_address(address: &str) -> bool {
        address.split_once(':').is_some_and(|(scheme, _)| SCHEMES.contains(&scheme))
    }

    /// The stream of an address: that of the server, `#`, and the key of the stream. Nothing is connected yet.
    ///
    /// # Errors
    /// `Invalid` for an address that is none.
    pub fn new(address: &str) -> Result<Self> {
        // Not the address itself: it may have a password.
        let refuse = |rule: &str| Error::invalid(format!("an address of a stream of Valkey or Redis {rule}"));
        let mut url = Url::parse(address).map_err(|error| refuse("is a URL").with_source(error))?;
        let named = url.fragment().filter(|key| !key.is_empty()).map(decoded);
        let key =
            named.ok_or_else(|| refuse("ends with # and the key of the stream, as redis://host:6379/0#clicks"))?;
        let shown = without_password(&url);
        url.set_fragment(None);
        if let (None, Ok(password)) = (url.password(), std::env::var(PASSWORD)) {
            let set = url.set_password(Some(&password));
            set.map_err(|()| refuse("of a Unix socket has its password as ?pass="))?;
        }
        let client = Client::open(url.as_str());
        let client = client.map_err(|error| refuse(&format!("is not as the server's: {shown}")).with_source(error))?;
        Ok(RedisStream { address: shown, client, key, connection: None, is_at_end: false })
    }

    /// Asks the server, which is connected to where it is not. After a failure it is connected to anew.
    fn ask<T>(&mut self, ask: impl FnOnce(&mut Connection) -> RedisResult<T>) -> Result<T> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.client).map_err(|error| self.failed(error))?,
        };
        let answer = ask(&mut connection).map_err(|error| self.failed(error))?;
        self.connection = Some(connection);
        Ok(answer)
    }

    fn failed(&self, error: RedisError) -> Error {
        Error::unavailable(format!("cannot read {}", self.address)).with_source(error)
    }

    /// What the server says about the stream; `None` where there is no such key.
    fn info(&mut self) -> Result<Option<Info>> {
        let key = self.key.clone();
        let exists = self.ask(|connection| cmd("EXISTS").arg(&key).query::<bool>(connection))?;
        if !exists {
            return Ok(None);
        }
        let answer = self.ask(|connection| info(&key).query::<Value>(connection))?;
        Info::of(&answer).map(Some).ok_or_else(|| self.unknown())
    }

    fn unknown(&self) -> Error {
        let message = "answers as no Valkey and no Redis of version 7 or later does";
        Error::unavailable(format!("the server of {} {message}", self.address))
    }

    /// Refuses to go on where the stream has lost what was not read.
    fn check(&self, info: Option<&Info>, from: &Position) -> Result<()> {
        let (shown, known) = (self.show(from.offset), Counted::of(from));
        let lost = match info {
            None if known.entries == 0 => return Ok(()),
            None => "it is gone".to_owned(),
            Some(info) if info.last < from.offset || info.added < known.entries => {
                format!("it was made anew: its last entry is {}", self.show(info.last))
            }
            // It is cut at its beginning, where what was read goes first.
            Some(info) if info.removed() > known.entries => missed(info.removed() - known.entries),
            // All is read, and it is not all that there ever was.
            Some(info) if info.last == from.offset && info.added > known.entries => missed(info.added - known.entries),
            Some(_) => return Ok(()),
        };
        Err(Error::conflict(format!(
            "{} was read up to {shown}, and {lost}; begin anew with what is there (--anew) or with what comes from now on \
             (--anew --begin latest)",
            self.address
        )))
    }
}

fn missed(entries: u64) -> String {
    format!("{entries} of its entries were deleted before they were read")
}

fn connect(client: &Client) -> RedisResult<Connection> {
    let connection = client.get_connection_with_timeout(PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    Ok(connection)
}

fn info(key: &str) -> Cmd {
    let mut info = cmd("XINFO");
    info.arg("STREAM").arg(key);
    info
}

/// The address as it is shown and as the stream is named: without password.
fn without_password(url: &Url) -> String {
    let mut shown = url.clone();
    // Of a Unix socket it is in the query.
    shown.set_query(None);
    let _ = shown.set_password(None);
    shown.to_string()
}

/// The text of a fragment, in which what URLs do not have is `%` and two digits.
fn decoded(fragment: &str) -> String {
    let pair = format!("k={}", fragment.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map_or_else(String::new, |(_, key)| key.into_owned())
}

/// Figures of the server about a stream, with ids as offsets.
#[derive(Debug)]
struct Info {
    last: u128,
    /// Entries that there ever were, and those that there are.
    added: u64,
    length: u64,
}

impl Info {
    fn of(answer: &Value) -> Option<Self> {
        let fields = pairs(answer)?;
        let value = |name: &str| fields.iter().find(|(key, _)| *key == name.as_bytes()).map(|(_, value)| *value);
        let id = |name: &str| value(name).and_then(bytes).and_then(id_of);
        let count = |name: &str| match value(name) {
            Some(Value::Int(count)) => u64::try_from(*count).ok(),
            _ => None,
        };
        Some(Info { last: id("last-generated-id")?, added: count("entries-added")?, length: count("length")? })
    }

    /// Entries that are gone.
    fn removed(&self) -> u64 {
        self.added.saturating_sub(self.length)
    }
}

/// The identity of a stream at a position: how many of the entries that there ever were lie before it.
struct Counted {
    entries: u64,
}

impl Counted {
    fn of(position: &Position) -> Self {
        Counted { entries: position.identity.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes)) }
    }

    fn position(offset: u128, entries: u64) -> Position {
        Position { offset, identity: entries.to_le_bytes().to_vec() }
    }
}

/// The pairs of a map, or of a list of alternating keys and values.
fn pairs(value: &Value) -> Option<Vec<(&[u8], &Value)>> {
    match value {
        Value::Array(items) => items.chunks_exact(2).map(|pair| Some((bytes(&pair[0])?, &pair[1]))).collect(),
        Value::Map(pairs) => pairs.iter().map(|(key, value)| Some((bytes(key)?, value))).collect(),
        _ => None,
    }
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.as_bytes()),
        _ => None,
    }
}

/// The offset of an id, `milliseconds-number`.
fn id_of(id: &[u8]) -> Option<u128> {
    let (time, number) = std::str::from_utf8(id).ok()?.split_once('-')?;
    Some(u128::from(time.parse::<u64>().ok()?) << 64 | u128::from(number.parse::<u64>().ok()?))
}

/// The entries of an answer to XREAD, with their offsets.
fn entries(answer: &Value) -> Option<Vec<(u128, &Value)>> {
    let of_key = match answer {
        Value::Nil => return Some(Vec::new()),
        Value::Array(keys) if matches!(keys.first(), Some(Value::Array(_))) => match keys.first()? {
            Value::Array(key_and_entries) => key_and_entries.get(1)?,
            _ => return None,
        },
        other => pairs(other)?.first()?.1,
    };
    let Value::Array(entries) = of_key else { return None };
    entries.iter().map(entry_of).collect()
}

/// The offset of an entry, and its fields.
fn entry_of(entry: &Value) -> Option<(u128, &Value)> {
    let Value::Array(parts) = entry else { return None };
    Some((id_of(bytes(parts.first()?)?)?, parts.get(1)?))
}

impl Source for RedisStream {
    fn address(&self) -> &str {
        &self.address
    }

    fn partitions(&mut self) -> Result<Vec<String>> {
        Ok(vec![self.key.clone()])
    }

    fn begin(&mut self, _partition: &str, begin: Begin) -> Result<Option<Position>> {
        let info = self.info()?;
        Ok(info.map(|info| match begin {
            Begin::Earliest => Counted::position(0, info.removed()),
            Begin::Latest => Counted::position(info.last, info.added),
        }))
    }

    fn read(&mut self, _partition: &str, from: &Position, take: &mut Take<'_>) -> Result<Position> {
        let (key, shown) = (self.key.clone(), self.show(from.offset));
        // Both of one moment: what was deleted since was either in the answer or is found now.
        let answer = self.ask(|connection| {
            let mut read = cmd("XREAD");
            read.arg("COUNT").arg(ENTRIES_MAX).arg("STREAMS").arg(&key).arg(shown);
            let mut both = redis::pipe();
            both.atomic().add_command(read).add_command(info(&key)).query::<Vec<Value>>(connection)
        });
        let answer = match answer {
            // A key that is gone has no information, which fails all of the transaction.
            Err(error) => match self.info()? {
                None => return self.check(None, from).map(|()| from.clone()),
                Some(_) => return Err(error),
            },
            Ok(answer) => answer,
        };
        let [read, about] = &answer[..] else { return Err(self.unknown()) };
        let (Some(entries), Some(info)) = (entries(read), Info::of(about)) else { return Err(self.unknown()) };
        self.check(Some(&info), from)?;
        self.is_at_end = (entries.len() as u64) < ENTRIES_MAX;
        let (mut offset, mut count) = (from.offset, Counted::of(from).entries);
        for (id, fields) in entries {
            (offset, count) = (id, count + 1);
            if take_entry(id, fields, take) == ControlFlow::Break(()) {
                self.is_at_end = offset == info.last;
                break;
            }
        }
        let behind = if offset == from.offset { from.clone() } else { Counted::position(offset, count) };
        // Entries that were deleted by themselves are missed at the end.
        self.check(Some(&info), &behind).map(|()| behind)
    }

    fn wait(&mut self, patience: Duration) -> Waited {
        std::thread::sleep(patience.min(LOOK_EVERY));
        Waited::Maybe
    }

    fn behind(&mut self, _partition: &str, _at: &Position) -> Result<Option<u64>> {
        Ok(self.is_at_end.then_some(0))
    }

    fn show(&self, offset: u128) -> String {
        format!("{}-{}", (offset >> 64) as u64, offset as u64)
    }
}

/// Hands an entry on.
fn take_entry(id: u128, fields: &Value, take: &mut Take<'_>) -> ControlFlow<()> {
    let fields: Vec<_> =
        pairs(fields).into_iter().flatten().filter_map(|(name, value)| Some((name, bytes(value)?))).collect();
    let content = match &fields[..] {
        [] => Content::Bad("an entry has fields"),
        [(_, object)] => Content::Value(object),
        several => Content::Fields(several),
    };
    take(Record { offset: id, content })
}
