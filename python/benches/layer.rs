//! The reads of `latest.py` without Python: what its figures are over, to see what the layer of Python adds.
//!
//!     layer SOCKET ENTITIES ROWS ROUNDS
//!
//! Prints the median of the calls in microseconds.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Int64Array};
use asofdb::{F32Matrix, Session};
use asofdb_client::Client;

#[allow(clippy::disallowed_methods, reason = "it measures")]
fn main() -> asofdb::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [socket, entities, rows, rounds] = arguments.as_slice() else { panic!("layer SOCKET ENTITIES ROWS ROUNDS") };
    let number = |text: &str| text.parse::<i64>().expect("a number");
    let (entities, rows, rounds) = (number(entities), number(rows), number(rounds));
    let client = Client::connect(socket)?;
    let request = client.prepare(&["bench"])?;
    let mut times = Vec::new();
    for round in 0..rounds {
        let users = (0..rows).map(|row| (round * 7919 + row * 104_729) % entities);
        let users: ArrayRef = Arc::new(Int64Array::from_iter_values(users));
        let start = Instant::now();
        let mut asked = request.entity_rows();
        asked.push_columns(&[users])?;
        let mut values = vec![0.0; asked.len() * request.width()];
        client.latest_f32(&request, &asked, F32Matrix { values: &mut values, statuses: None, fill: f32::NAN })?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    println!("{:.2}", times[times.len() / 2].as_secs_f64() * 1e6);
    Ok(())
}
