//! Statistics as a part of a page in Markdown: the table, without the histograms.

use asofdb::{FeatureProfile, ViewStatistics};

use super::html::percent;
use super::words::{distinct, number, sample, size, value};
use crate::docs::escaped;

/// The part of a view's page about its values; nothing where no statistics were taken.
pub(crate) fn section(statistics: &ViewStatistics) -> String {
    let Some(profile) = &statistics.profile else { return String::new() };
    let mut text = format!("\n## Values\n\nOf {}, as of {}.", sample(profile), profile.taken);
    if let Some(size) = size(profile) {
        text += &format!(" The view had {size}.");
    }
    let name = if profile.events.is_some() { "column" } else { "feature" };
    text += &format!(
        "\n\n| {name} | values | null | missing | expired | different | least | median | greatest | mean | most \
             frequent |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
    );
    profile.features.iter().for_each(|feature| text += &row(feature));
    if !statistics.outdated.is_empty() {
        text += &format!("\nOf an older definition: {}.\n", escaped(&statistics.outdated.join(", ")));
    }
    text
}

fn row(feature: &FeatureProfile) -> String {
    let (counts, numbers) = (feature.counts, feature.numbers.as_ref());
    let share = |count| percent(counts.share(count));
    let cell = |at: Option<f64>| at.map(|at| number(Some(feature.ty), at)).unwrap_or_default();
    let top = feature.top.first().filter(|top| top.count > 1);
    let top = top.map(|top| format!("{} ({})", value(top), percent(feature.share_of_present(top.count))));
    let cells = [
        feature.name.clone(),
        counts.present.to_string(),
        share(counts.null),
        share(counts.missing),
        share(counts.expired),
        distinct(feature),
        cell(numbers.map(|numbers| numbers.min)),
        cell(numbers.map(|numbers| numbers.quantiles[3])),
        cell(numbers.map(|numbers| numbers.max)),
        cell(numbers.and_then(|numbers| numbers.mean)),
        top.unwrap_or_default(),
    ];
    format!("| {} |\n", cells.map(|cell| escaped(&cell)).join(" | "))
}
