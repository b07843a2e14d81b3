//! The functions by name.

use std::ops::RangeInclusive;

use crate::check::call::Call;
use crate::check::parts::Parts;
use crate::error::{Error, Result, Span};
use crate::suggest::did_you_mean;
use crate::typed::Typed;

/// A function of the language.
pub(crate) struct Function {
    /// Its name, and how it is called: `clip(x, least, greatest)`.
    usage: &'static str,
    /// The number of arguments that it takes.
    arguments: RangeInclusive<usize>,
    check: fn(&mut (dyn Parts + '_), &Call<'_>) -> Result<Typed>,
}

/// Greatest number of arguments of a function that takes any number.
const MANY: usize = usize::MAX;

macro_rules! functions {
    ($($usage:literal, $arguments:expr, $check:ident;)*) => {
        static FUNCTIONS: &[Function] =
            &[$(Function { usage: $usage, arguments: $arguments, check: |parts, call| parts.$check(call) }),*];
    };
}

functions! {
    "if(condition, then, otherwise)", 3..=3, call_if;
    "case(condition, value, ..., otherwise)", 2..=MANY, call_case;
    "coalesce(x, y, ...)", 1..=MANY, call_coalesce;
    "is_null(x)", 1..=1, call_is_null;
    "status(input)", 1..=1, call_status;
    "age(input)", 1..=1, call_age;
    "is_missing(input)", 1..=1, call_is_missing;
    "min(x, y, ...)", 2..=MANY, call_extreme;
    "max(x, y, ...)", 2..=MANY, call_extreme;
    "clip(x, least, greatest)", 3..=3, call_clip;
    "abs(x)", 1..=1, call_abs;
    "round(x)", 1..=1, call_round;
    "floor(x)", 1..=1, call_round;
    "ceil(x)", 1..=1, call_round;
    "ln(x)", 1..=1, call_float;
    "exp(x)", 1..=1, call_float;
    "sqrt(x)", 1..=1, call_float;
    "sin(x)", 1..=1, call_float;
    "cos(x)", 1..=1, call_float;
    "pow(x, y)", 2..=2, call_pow;
    "haversine(lat1, lon1, lat2, lon2)", 4..=4, call_haversine;
    "bucket(x, [18, 25, 35])", 2..=2, call_bucket;
    "hash(x, buckets)", 2..=2, call_hash;
    "cast(x, 'int64')", 2..=2, call_cast;
    "year(x)", 1..=1, call_part;
    "month(x)", 1..=1, call_part;
    "day(x)", 1..=1, call_part;
    "hour(x)", 1..=1, call_part;
    "minute(x)", 1..=1, call_part;
    "second(x)", 1..=1, call_part;
    "weekday(x)", 1..=1, call_part;
    "days_between(from, to)", 2..=2, call_between;
    "hours_between(from, to)", 2..=2, call_between;
    "minutes_between(from, to)", 2..=2, call_between;
    "seconds_between(from, to)", 2..=2, call_between;
    "timestamp('2024-01-01T00:00:00Z')", 1..=1, call_moment;
    "date('2024-01-01')", 1..=1, call_moment;
    "lower(text)", 1..=1, call_text;
    "upper(text)", 1..=1, call_text;
    "trim(text)", 1..=1, call_text;
    "starts_with(text, part)", 2..=2, call_text_test;
    "ends_with(text, part)", 2..=2, call_text_test;
    "contains(x, part)", 2..=2, call_contains;
    "substr(text, start, length)", 2..=3, call_substr;
    "len(x)", 1..=1, call_len;
    "regex_match(text, 'pattern')", 2..=2, call_regex_match;
    "get(list, index)", 2..=2, call_get;
    "sum(list)", 1..=1, call_sum;
    "mean(list)", 1..=1, call_mean;
    "dot(list, list)", 2..=2, call_vectors;
    "cosine(list, list)", 2..=2, call_vectors;
}

impl Function {
    fn name(&self) -> &'static str {
        self.usage.split_once('(').map_or(self.usage, |(name, _)| name)
    }

    /// Finds what a call of this function means.
    pub(crate) fn check(&self, parts: &mut (dyn Parts + '_), call: &Call<'_>) -> Result<Typed> {
        let count = call.arguments.len();
        if self.arguments.contains(&count) {
            return (self.check)(parts, call);
        }
        let (least, most) = (*self.arguments.start(), *self.arguments.end());
        let wanted = match (least, most) {
            (1, 1) => "1 argument".to_owned(),
            (least, MANY) => format!("{least} arguments or more"),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} or {most} arguments"),
        };
        let hint = format!("it is called as `{}`", self.usage);
        Err(call.error(format!("`{}` takes {wanted}: got {count}", self.name())).with_hint(hint))
    }
}

/// Finds a function by its name.
pub(crate) fn find(name: &str, span: Span) -> Result<&'static Function> {
    let found = FUNCTIONS.iter().find(|function| function.name() == name);
    found.ok_or_else(|| {
        let hint = foreign(name).map(str::to_owned).or_else(|| did_you_mean(name, names()));
        Error::unknown(span, format!("no function is named `{name}`")).with_hint(hint)
    })
}

/// The names of all functions.
pub fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(Function::name)
}

/// The form of a call of a function.
pub(crate) fn usage(name: &str) -> Option<&'static str> {
    FUNCTIONS.iter().find(|function| function.name() == name).map(|function| function.usage)
}

/// The names here of functions of other languages.
fn foreign(name: &str) -> Option<&'static str> {
    match name.to_lowercase().as_str() {
        "log" | "log10" | "log2" => Some("`ln(x)` is the natural logarithm"),
        "iff" | "iif" | "where" => Some("it is written `if(condition, then, otherwise)`"),
        "ifnull" | "nvl" | "fillna" => Some("it is written `coalesce(x, y)`"),
        "isnull" | "isna" => Some("it is written `is_null(x)`"),
        "length" | "size" => Some("it is written `len(x)`"),
        "least" => Some("it is written `min(x, y)`"),
        "greatest" => Some("it is written `max(x, y)`"),
        "substring" => Some("it is written `substr(text, start, length)`"),
        "datediff" | "date_diff" => Some("it is written `days_between(from, to)`"),
        "dayofweek" => Some("it is written `weekday(x)`, Monday is 0"),
        "power" => Some("it is written `pow(x, y)`"),
        "int" | "float" | "str" | "try_cast" => Some("it is written `cast(x, 'int64')`"),
        "today" | "current_timestamp" => Some("the time of the row is `now`"),
        "duration" | "interval" => Some("a duration is written 7d, 12h or 90s"),
        _ => None,
    }
}
