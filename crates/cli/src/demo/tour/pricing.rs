//! The other team's service, which reads through the sidecar under a name of its own.

use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use asofdb::{Error, Result, Session, Timestamp, Value};
use asofdb_client::{Client, ConnectOptions};

use crate::demo::columns::column;
use crate::demo::parquet::{self, unreadable};

/// The name that it gives itself.
pub(super) const CONSUMER: &str = "pricing:v1";

/// The feature service that it asks for.
pub(super) const SERVICE: &str = "fare_v1";

/// The airport whose flights it prices.
pub(super) const AIRPORT: &str = "JFK";

/// The day of these flights.
pub(super) const DAY: [&str; 2] = ["2013-12-23", "2013-12-24"];

/// A flight that was priced.
pub(super) struct Priced {
    pub(super) departure: Timestamp,
    dest: String,
}

/// Reads the features of a day's flights from an airport, each as of its departure.
///
/// # Errors
/// Those of reading the file and of the sidecar.
pub(super) fn price(socket: &Path, flights: &Path) -> Result<Vec<Priced>> {
    let options = ConnectOptions { consumer: Some(CONSUMER.to_owned()), ..ConnectOptions::default() };
    let store = Client::connect_with(socket, options)?;
    let request = store.prepare(&[SERVICE])?;
    let flights = of_the_day(flights)?;
    let mut rows = request.entity_rows();
    for flight in &flights {
        let text = |text: &str| Value::String(text.into());
        let keys = [("airport", text(AIRPORT)), ("origin", text(AIRPORT)), ("dest", text(&flight.dest))];
        rows.clear();
        rows.push_named(&keys)?;
        store.as_of(&request, &rows, flight.departure, None)?;
    }
    Ok(flights)
}

fn of_the_day(file: &Path) -> Result<Vec<Priced>> {
    let [from, to] = [DAY[0].parse::<Timestamp>()?, DAY[1].parse()?];
    let mut flights = Vec::new();
    for batch in parquet::open(file)? {
        let batch = batch.map_err(|error| unreadable(file, error))?;
        let times = column(&batch, "event_timestamp")?.as_primitive::<TimestampMicrosecondType>();
        let text = |name| {
            let texts = column(&batch, name)?.as_string_opt::<i32>();
            texts.ok_or_else(|| Error::corrupt(format!("column {name:?} of {} is no text", file.display())))
        };
        let (origins, dests) = (text("origin")?, text("dest")?);
        for row in 0..batch.num_rows() {
            let departure = Timestamp::from_micros(times.value(row));
            if (from..to).contains(&departure) && origins.value(row) == AIRPORT {
                flights.push(Priced { departure, dest: dests.value(row).to_owned() });
            }
        }
    }
    Ok(flights)
}
