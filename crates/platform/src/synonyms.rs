//! Words that mean the same in names of features, most of them abbreviations.

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

/// All words that mean the same as a word, itself among them; none where it has no synonyms.
pub(crate) fn synonyms(word: &str) -> &'static [&'static str] {
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
        assert!(synonyms("cnt").contains(&"number") && synonyms("colour").is_empty());
    }
}
