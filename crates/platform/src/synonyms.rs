//! Words that mean the same in names of features, most of them abbreviations.

use asofdb::{Catalog, Policy};

/// Groups of words that mean the same. The first of a group stands for it; a word is in one group.
const GROUPS: &[&[&str]] = &[
    &["account", "accounts", "acct", "acc"],
    &["address", "addr"],
    &["amount", "amounts", "amt"],
    &["average", "avg", "mean"],
    &["balance", "bal"],
    &["category", "categories", "cat"],
    &["count", "counts", "cnt", "num", "number", "nr"],
    &["country", "ctry"],
    &["current", "curr", "cur"],
    &["customer", "customers", "cust"],
    &["date", "dt"],
    &["day", "days", "d"],
    &["distance", "dist"],
    &["duration", "dur"],
    &["frequency", "freq"],
    &["hour", "hours", "hr", "hrs", "h"],
    &["identifier", "id"],
    &["latitude", "lat"],
    &["longitude", "lon", "lng"],
    &["maximum", "max", "largest", "highest"],
    &["message", "messages", "msg", "msgs"],
    &["minimum", "min", "smallest", "lowest"],
    &["minute", "minutes", "mins"],
    &["month", "months", "mo"],
    &["order", "orders", "ord"],
    &["percent", "percentage", "pct"],
    &["previous", "prev"],
    &["price", "prices", "prc"],
    &["probability", "prob"],
    &["product", "products", "prod"],
    &["purchase", "purchases", "purch"],
    &["quantity", "qty"],
    &["revenue", "rev"],
    &["second", "seconds", "sec", "secs"],
    &["session", "sessions", "sess"],
    &["share", "ratio", "fraction"],
    &["spend", "spent", "spending"],
    &["sum", "total", "tot"],
    &["telephone", "phone", "tel"],
    &["temperature", "temp"],
    &["timestamp", "ts"],
    &["transaction", "transactions", "txn", "txns", "trx", "tx"],
    &["user", "users", "usr", "usrs"],
    &["value", "values", "val", "vals"],
    &["week", "weeks", "wk"],
    &["year", "years", "yr", "yrs"],
];

/// Words that mean the same: those that are known, and those that the policy of a catalog adds.
#[derive(Debug, Default)]
pub(crate) struct Synonyms {
    /// Groups of the policy, each with what is known of its words.
    added: Vec<Vec<String>>,
}

impl Synonyms {
    /// The synonyms of a catalog. A policy that cannot be read adds none.
    pub(crate) fn of(catalog: &Catalog) -> Self {
        let policy = Policy::of(catalog).ok().flatten().unwrap_or_default();
        let mut synonyms = Synonyms::default();
        policy.synonyms().iter().for_each(|group| synonyms.add(group));
        synonyms
    }

    /// Adds a group, which is one with all groups that have a word of it.
    fn add(&mut self, words: &[String]) {
        let known = words.iter().flat_map(|word| known(word)).map(|word| (*word).to_owned());
        let mut group: Vec<String> = words.iter().cloned().chain(known).collect();
        let (same, other) = std::mem::take(&mut self.added)
            .into_iter()
            .partition(|added| added.iter().any(|word| group.contains(word)));
        let same: Vec<Vec<String>> = same;
        group.extend(same.into_iter().flatten());
        group.sort_unstable();
        group.dedup();
        self.added = other;
        self.added.push(group);
    }

    /// Returns whether two words mean the same by a group.
    pub(crate) fn are(&self, one: &str, other: &str) -> bool {
        let added = |word: &str| self.added.iter().position(|group| group.iter().any(|known| known == word));
        match added(one) {
            Some(group) => added(other) == Some(group),
            None => known(one).contains(&other),
        }
    }

    /// The word that stands for all that mean the same; `None` where there are no others.
    pub(crate) fn common<'s>(&'s self, word: &str) -> Option<&'s str> {
        let added = self.added.iter().find(|group| group.iter().any(|known| known == word));
        added.and_then(|group| group.first()).map(String::as_str).or_else(|| known(word).first().copied())
    }
}

/// All words that are known to mean the same as a word, itself among them; none where it has no synonyms.
fn known(word: &str) -> &'static [&'static str] {
    GROUPS.iter().find(|group| group.contains(&word)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_word_is_in_one_group() {
        let all: Vec<_> = GROUPS.iter().flat_map(|group| group.iter()).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(known("cnt").contains(&"number") && known("colour").is_empty());
    }

    #[test]
    fn groups_of_a_policy_are_one_with_what_is_known_of_their_words() {
        let mut synonyms = Synonyms::default();
        for group in [["gmv", "revenue"], ["turnover", "sales"], ["sales", "gmv"], ["cart", "basket"]] {
            synonyms.add(&group.map(str::to_owned));
        }
        assert!(synonyms.are("turnover", "rev") && synonyms.are("rev", "gmv") && synonyms.are("cart", "basket"));
        assert!(synonyms.are("cnt", "number") && !synonyms.are("cart", "gmv") && !synonyms.are("cnt", "rev"));
        assert_eq!(synonyms.common("turnover"), synonyms.common("rev"));
        assert_eq!((synonyms.common("cnt"), synonyms.common("colour")), (Some("count"), None));
    }
}
