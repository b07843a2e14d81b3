//! A time line of versions: when each happened, and when it became known.

use asofdb::{HistoryRow, Timestamp};
use maud::{Markup, html};

use super::{Explored, Moment};

const WIDTH: f64 = 900.0;
/// Left and right of the times.
const MARGIN: f64 = 12.0;
/// Above the lanes, for the moments.
const TOP: f64 = 34.0;
const LANE: f64 = 74.0;
/// The rails of a lane, from its top: of event times, and of created times.
const RAILS: [f64; 2] = [30.0, 56.0];
/// Below the lanes, for the times of the scale.
const BOTTOM: f64 = 28.0;
/// The points of the scale that have a text.
const TICKS: u32 = 4;
/// The names of moments.
const NAMES: [&str; 2] = ["A", "B"];

/// A picture with a lane a view: an event time above, the created time of the same version below, and a line from the
/// one to the other. What stands in it is in the tables, too.
pub(super) fn timeline(explored: &Explored) -> Markup {
    let lanes: Vec<_> = explored.histories.iter().filter(|(_, rows)| !rows.is_empty()).collect();
    let scale = Scale::of(explored);
    let height = TOP + LANE * lanes.len() as f64 + BOTTOM;
    let count: usize = lanes.iter().map(|(_, rows)| rows.len()).sum();
    let label = format!("Time line of {count} versions from {} to {}", scale.from, scale.until);
    html! {
        div.timeline tabindex="0" role="group" aria-label="Time line" {
            svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label=(label) {
                @for (number, (view, rows)) in lanes.iter().enumerate() {
                    (lane(&scale, TOP + LANE * number as f64, &view.name, rows, &explored.moments))
                }
                @for (moment, name) in explored.moments.iter().zip(NAMES) { (line(&scale, height, moment, name)) }
                (ticks(&scale, height))
            }
        }
        p.hint {
            "Of each view: event times above, created times below, and a line from one to the other. A slanted line is a "
            "version that came late. "
            @if explored.moments.len() > 1 { "A and B are the two moments. " } @else { "A is the moment asked about. " }
            "A ring is the version that A sees, a cross a deletion."
        }
    }
}

/// From times to places.
struct Scale {
    from: Timestamp,
    until: Timestamp,
}

impl Scale {
    /// The times of all versions and moments.
    fn of(explored: &Explored) -> Self {
        let versions = explored.histories.iter().flat_map(|(_, rows)| rows).map(|row| row.version);
        let moments = explored.moments.iter().flat_map(|moment| [Some(moment.at), moment.known_at]).flatten();
        let times: Vec<_> = versions.flat_map(|version| [version.event, version.created]).chain(moments).collect();
        let from = times.iter().min().copied().unwrap_or(explored.now);
        Scale { from, until: times.iter().max().copied().unwrap_or(explored.now) }
    }

    /// The place of a time, to a tenth of a unit.
    fn x(&self, time: Timestamp) -> f64 {
        let share = match self.until.since(self.from).as_micros() {
            0 => 0.5,
            all => time.since(self.from).as_micros() as f64 / all as f64,
        };
        ((MARGIN + share * (WIDTH - 2.0 * MARGIN)) * 10.0).round() / 10.0
    }
}

fn lane(scale: &Scale, top: f64, name: &str, rows: &[HistoryRow], moments: &[Moment]) -> Markup {
    let seen = moments.first().and_then(|moment| rows.iter().find(|row| moment.sees(row)));
    let [events, created] = RAILS.map(|rail| top + rail);
    html! {
        text.lane x=(MARGIN) y=(top + 14.0) { (name) }
        line.rail x1="0" y1=(events) x2=(WIDTH) y2=(events) {}
        line.rail x1="0" y1=(created) x2=(WIDTH) y2=(created) {}
        @for row in rows.iter().rev() {
            @let [from, to] = [scale.x(row.version.event), scale.x(row.version.created)];
            g.version.deleted[row.deleted] {
                title { "event " (row.version.event) ", created " (row.version.created) @if row.deleted { ", deleted" } }
                line x1=(from) y1=(events) x2=(to) y2=(created) {}
                @if row.deleted { (cross(from, events)) } @else { circle cx=(from) cy=(events) r="4" {} }
                circle cx=(to) cy=(created) r="3" {}
                @if seen.is_some_and(|seen| std::ptr::eq(seen, row)) { circle.seen cx=(from) cy=(events) r="8" {} }
            }
        }
    }
}

fn cross(x: f64, y: f64) -> Markup {
    html! { path d={ "M" (x - 5.0) " " (y - 5.0) "l10 10M" (x + 5.0) " " (y - 5.0) "l-10 10" } {} }
}

/// The moment as a line over the event times; up to where something is known, a broken one.
fn line(scale: &Scale, height: f64, moment: &Moment, name: &str) -> Markup {
    let at = scale.x(moment.at);
    html! {
        line.moment x1=(at) y1="18" x2=(at) y2=(height - BOTTOM) {}
        text.moment x=(at) y="14" text-anchor="middle" { (name) }
        @if let Some(known_at) = moment.known_at {
            @let known_at = scale.x(known_at);
            line.known x1=(known_at) y1="18" x2=(known_at) y2=(height - BOTTOM) {}
        }
    }
}

fn ticks(scale: &Scale, height: f64) -> Markup {
    let all = scale.until.since(scale.from).as_micros();
    let numbers = if all == 0 { 0..=0 } else { 0..=TICKS };
    html! {
        @for number in numbers {
            // Whole seconds are exact enough for a scale.
            @let micros = scale.from.as_micros() + (i128::from(all) * i128::from(number) / i128::from(TICKS)) as i64;
            @let time = Timestamp::from_micros(micros - micros.rem_euclid(1_000_000));
            @let anchor = match number { 0 if all > 0 => "start", TICKS => "end", _ => "middle" };
            text.tick x=(scale.x(Timestamp::from_micros(micros))) y=(height - 8.0) text-anchor=(anchor) { (time) }
        }
    }
}
