//! Those that are compared: readers and writers.

use crate::data::{event, mix, value};
use crate::scenario::{Setting, Shape};

/// What can go wrong here comes from a dozen libraries.
pub type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Entities whose values are checked.
const CHECKED: u64 = 2_000;

/// A request: which entities.
#[derive(Debug)]
pub struct Request {
    /// Entities, by number.
    pub entities: Vec<u64>,
    /// The same as texts, where keys are texts. Callers have them as such: making them is not part of a request.
    pub texts: Vec<String>,
}

impl Request {
    /// Returns the request for these entities.
    pub fn new(entities: Vec<u64>, shape: &Shape) -> Self {
        let texts = if shape.text_keys { entities.iter().map(u64::to_string).collect() } else { Vec::new() };
        Request { entities, texts }
    }

    /// Returns the request with this number: random entities, sorted where the scenario has it so.
    pub fn numbered(number: u64, shape: &Shape, entities: u64) -> Self {
        let first = number * shape.keys as u64;
        let mut picked: Vec<u64> = (first..first + shape.keys as u64).map(|n| mix(n) % entities).collect();
        if shape.as_of {
            picked.sort_unstable();
        }
        Request::new(picked, shape)
    }
}

/// Something that answers with features.
pub trait Reader: Send {
    /// Answers a request into entities × views × features.
    ///
    /// # Errors
    /// When an entity is not there, or what the library says.
    fn answer(&mut self, request: &Request, out: &mut [f32]) -> Fallible<()>;

    /// Returns the process that answers, where it is another one.
    fn server(&self) -> Option<u32> {
        None
    }

    /// Returns another client of the same server.
    ///
    /// # Errors
    /// When there is no server, or it refuses.
    fn another(&self) -> Fallible<Box<dyn Reader>> {
        Err("this has no clients".into())
    }
}

/// A row to be written: entity and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The entity.
    pub entity: u64,
    /// Its version, which says when it happened.
    pub version: u64,
}

impl Written {
    /// Returns the rows of a batch: every fifth is older than all that is there, the others newer.
    pub fn batch(number: u64, rows: usize, entities: u64) -> Vec<Written> {
        let first = number * rows as u64;
        let row = |n: u64| {
            let version = if n.is_multiple_of(5) { 0 } else { 1 + number };
            Written { entity: mix(n) % entities, version }
        };
        (first..first + rows as u64).map(row).collect()
    }

    /// Returns the event, in microseconds since 1970.
    pub fn event(self) -> i64 {
        event(self.version)
    }
}

/// Something that takes rows.
pub trait Writer: Send {
    /// Makes a batch ready as a caller would have it. This is not measured.
    ///
    /// # Errors
    /// What the library says.
    fn prepare(&mut self, rows: &[Written]) -> Fallible<()>;

    /// Writes the batch that is ready.
    ///
    /// # Errors
    /// What the library says.
    fn write(&mut self) -> Fallible<()>;

    /// Reads the latest row of an entity; `false`: it has none.
    ///
    /// # Errors
    /// What the library says.
    fn latest(&mut self, entity: u64, out: &mut [f32]) -> Fallible<bool>;

    /// Returns whether a late row leaves what is latest alone. Blind writes do not.
    fn is_right_when_late(&self) -> bool {
        true
    }
}

/// Either of them.
pub enum Opened {
    /// A reader.
    Reader(Box<dyn Reader>),
    /// A writer.
    Writer(Box<dyn Writer>),
}

/// Compares a reader's answers with the data.
///
/// # Errors
/// The first value that is not what was stored.
pub fn check(reader: &mut dyn Reader, setting: &Setting) -> Fallible<()> {
    let shape = setting.scenario.shape();
    let mut out = vec![f32::NAN; shape.floats()];
    for number in 0..CHECKED.div_ceil(shape.keys as u64) {
        let request = Request::numbered(number + (1 << 40), &shape, setting.entities());
        out.fill(f32::NAN);
        reader.answer(&request, &mut out)?;
        for (n, found) in out.iter().enumerate() {
            let (entity, feature) =
                (request.entities[n / (shape.views * shape.features)], n % (shape.views * shape.features));
            let expected = value(entity, shape.version(), feature);
            if *found != expected {
                return Err(format!("entity {entity}, feature {feature}: {found} instead of {expected}").into());
            }
        }
    }
    Ok(())
}
