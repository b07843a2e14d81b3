//! Freshness over time: how old the newest event of a view was through the last day, and what status that was.

use asofdb::{FreshnessStatus, Span, Timestamp, ViewAges};
use maud::{Markup, html};

use super::figures::about;

/// The time that is shown.
const SHOWN: Span = Span::from_secs(86_400);

/// The time after a look from which on nothing is known, until the next one.
const GAP: Span = Span::from_secs(300);

/// The piece of time of which the worst age is drawn.
const PIECE: Span = Span::from_secs(300);

const WIDTH: f64 = 900.0;
/// The heights of the ages, of the strip of statuses below them, and of the times of the scale.
const AGES: f64 = 120.0;
const STRIP: f64 = 10.0;
const SCALE: f64 = 22.0;
/// Above the ages.
const TOP: f64 = 16.0;
/// The points of the scale that have a text.
const TICKS: i64 = 4;

/// The width and the height of a strip in a table.
const SMALL: [f64; 2] = [96.0, 12.0];

/// The freshness of a view at one look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FreshnessPoint {
    /// The time of the look.
    pub at: Timestamp,
    /// The status.
    pub status: FreshnessStatus,
    /// The age of the newest event.
    pub age: Option<Span>,
    /// The share of entities that were stale.
    pub stale_share: Option<f64>,
}

/// A stretch of time through which a view had one status.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Run {
    from: Timestamp,
    until: Timestamp,
    status: FreshnessStatus,
}

/// A picture of the last day of a view, and the same in words; nothing where there is only the present.
pub(super) fn chart(points: &[FreshnessPoint], ages: &ViewAges) -> Markup {
    let runs = runs(points, ages.now);
    if runs.is_empty() {
        return html! {};
    }
    let oldest = points.iter().filter_map(|point| point.age).max().unwrap_or(Span::ZERO);
    let limits = ages.objective.map_or([None; 2], |promise| [Some(promise.warn), Some(promise.stale)]);
    let greatest = limits.into_iter().flatten().chain([oldest, Span::from_secs(60)]).max().unwrap_or(oldest);
    let y = |age: Span| tenths(TOP + AGES * (1.0 - age.as_micros() as f64 / greatest.as_micros() as f64));
    let label = format!("Age of the newest event through the last day, {} at most", about(oldest));
    html! {
        figure.history {
            svg viewBox={ "0 0 " (WIDTH) " " (TOP + AGES + STRIP + SCALE) } role="img" aria-label=(label) {
                line.rail x1="0" y1=(TOP) x2=(WIDTH) y2=(TOP) {}
                line.rail x1="0" y1=(TOP + AGES) x2=(WIDTH) y2=(TOP + AGES) {}
                text.tick x="0" y=(TOP - 4.0) { (about(greatest)) }
                @for (limit, name) in limits.iter().zip(["warn", "stale"]) {
                    @if let Some(limit) = limit { line class={ "limit " (name) } x1="0" y1=(y(*limit)) x2=(WIDTH) y2=(y(*limit)) {} }
                }
                path.age d=(line(&worst(points), ages.now, y)) {}
                (strip(&runs, ages.now, [WIDTH, STRIP], TOP + AGES))
                (ticks(ages.now))
            }
            figcaption.hint { (in_words(&runs)) }
        }
    }
}

/// The statuses of the last day as one line, for a table.
pub(super) fn small(points: &[FreshnessPoint], now: Timestamp) -> Markup {
    let runs = runs(points, now);
    html! {
        @if !runs.is_empty() {
            svg.bar viewBox={ "0 0 " (SMALL[0]) " " (SMALL[1]) } width=(SMALL[0]) height=(SMALL[1]) role="img"
                aria-label=(in_words(&runs)) { (strip(&runs, now, SMALL, 0.0)) }
        }
    }
}

/// The place of a time in a picture of a width.
fn x(at: Timestamp, now: Timestamp, width: f64) -> f64 {
    let left = 1.0 - now.since(at).as_micros() as f64 / SHOWN.as_micros() as f64;
    tenths(width * left.clamp(0.0, 1.0))
}

fn tenths(place: f64) -> f64 {
    (place * 10.0).round() / 10.0
}

/// The stretches of one status, up to now. Between looks that are far apart nothing is known.
fn runs(points: &[FreshnessPoint], now: Timestamp) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let ends = points.iter().skip(1).map(|next| next.at).chain([now]);
    for (point, next) in points.iter().zip(ends) {
        let until = next.min(point.at.plus(GAP));
        match runs.last_mut().filter(|run| run.until == point.at && run.status == point.status) {
            Some(run) => run.until = until,
            None => runs.push(Run { from: point.at, until, status: point.status }),
        }
    }
    runs.retain(|run| run.from < run.until);
    runs
}

fn strip(runs: &[Run], now: Timestamp, [width, height]: [f64; 2], y: f64) -> Markup {
    html! { @for run in runs {
        @let (from, until) = (x(run.from, now, width), x(run.until, now, width));
        rect class=(run.status.as_str()) x=(from) y=(y) width=(tenths(until - from).max(0.5)) height=(height) {
            title { (run.status.as_str().replace('_', " ")) " from " (run.from) " to " (run.until) }
        }
    } }
}

/// The oldest of each piece of time.
fn worst(points: &[FreshnessPoint]) -> Vec<(Timestamp, Span)> {
    let mut worst: Vec<(Timestamp, Span)> = Vec::new();
    let piece = |at: Timestamp| at.as_micros().div_euclid(PIECE.as_micros());
    for (at, age) in points.iter().filter_map(|point| Some((point.at, point.age?))) {
        match worst.last_mut().filter(|last| piece(last.0) == piece(at)) {
            Some(last) if last.1 >= age => {}
            Some(last) => *last = (at, age),
            None => worst.push((at, age)),
        }
    }
    worst
}

/// The path of ages, which is broken where nothing is known.
fn line(ages: &[(Timestamp, Span)], now: Timestamp, y: impl Fn(Span) -> f64) -> String {
    let mut path = String::new();
    let mut last: Option<Timestamp> = None;
    for (at, age) in ages {
        let is_near = last.is_some_and(|last| at.since(last).as_micros() <= 2 * PIECE.as_micros() + GAP.as_micros());
        path += &format!("{}{} {}", if is_near { "L" } else { "M" }, x(*at, now, WIDTH), y(*age));
        last = Some(*at);
    }
    path
}

fn ticks(now: Timestamp) -> Markup {
    html! { @for number in 0..=TICKS {
        @let micros = now.as_micros().saturating_sub(SHOWN.as_micros() / TICKS * (TICKS - number));
        @let time = Timestamp::from_micros(micros - micros.rem_euclid(60_000_000));
        @let anchor = match number { 0 => "start", TICKS => "end", _ => "middle" };
        text.tick x=(WIDTH / TICKS as f64 * number as f64) y=(TOP + AGES + STRIP + 16.0) text-anchor=(anchor) {
            (time.to_string().get(..16).unwrap_or_default().replace('T', " "))
        }
    } }
}

/// How long it had each status.
fn in_words(runs: &[Run]) -> String {
    let of = |status: FreshnessStatus| {
        let spans = runs.iter().filter(|run| run.status == status).map(|run| run.until.since(run.from).as_micros());
        Span::from_micros(spans.sum())
    };
    let known: i64 = runs.iter().map(|run| run.until.since(run.from).as_micros()).sum();
    let parts = FreshnessStatus::ALL.into_iter().filter(|status| of(*status) > Span::ZERO);
    let parts: Vec<_> =
        parts.map(|status| format!("{} for {}", status.as_str().replace('_', " "), about(of(status)))).collect();
    format!("Of {} in the last day: {}", about(Span::from_micros(known)), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_717_200_000_000_000);

    fn ago(minutes: i64) -> Timestamp {
        NOW.minus(Span::from_secs(60 * minutes))
    }

    fn point(minutes: i64, status: FreshnessStatus, age: i64) -> FreshnessPoint {
        FreshnessPoint { at: ago(minutes), status, age: Some(Span::from_secs(60 * age)), stale_share: None }
    }

    #[test]
    fn looks_of_one_status_are_one_stretch_and_what_was_not_looked_at_is_none() {
        use FreshnessStatus::{Fresh, Stale};
        let points =
            [point(62, Fresh, 1), point(61, Fresh, 2), point(60, Stale, 3), point(2, Stale, 4), point(1, Fresh, 0)];
        let run = |from, until, status| Run { from: ago(from), until: ago(until), status };
        let expected = [run(62, 60, Fresh), run(60, 55, Stale), run(2, 1, Stale), run(1, 0, Fresh)];
        assert_eq!(runs(&points, NOW), expected);
        assert_eq!(in_words(&expected), "Of 9m in the last day: fresh for 3m, stale for 6m");
        assert_eq!(runs(&[point(0, Fresh, 0)], NOW), [], "the present alone is no history");
    }

    #[test]
    fn the_worst_age_of_each_five_minutes_is_drawn_and_the_line_is_broken_where_nothing_is_known() {
        use FreshnessStatus::Fresh;
        let points: Vec<_> = [60, 59, 58, 57, 56, 55, 10].map(|minutes| point(minutes, Fresh, minutes % 7)).into();
        let found = worst(&points);
        assert_eq!(found.iter().map(|(_, age)| age.as_micros() / 60_000_000).collect::<Vec<_>>(), [4, 6, 3]);
        let path = line(&found, NOW, |age| age.as_micros() as f64 / 60_000_000.0);
        assert_eq!(path, "M862.5 4L865.6 6M893.8 3");
    }
}
