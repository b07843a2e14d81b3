//! The kinds of partial results.

use asofdb_storage::{ScalarType, ValueType};

use crate::count::Count;
use crate::distinct::Distinct;
use crate::edge::Edge;
use crate::extreme::Extreme;
use crate::float_total::FloatTotal;
use crate::frequencies::Frequencies;
use crate::int_total::IntTotal;
use crate::matches::Matches;
use crate::moments::Moments;
use crate::quantiles::Quantiles;
use crate::registers::Registers;
use crate::shape::Kind;
use crate::text_extreme::TextExtreme;
use crate::value_list::ValueList;

/// A partial result of any kind. The large ones are boxed, so that the small ones lie close together.
#[derive(Debug, Clone)]
pub(crate) enum State {
    Count(Count),
    Matches(Matches),
    IntTotal(IntTotal),
    FloatTotal(FloatTotal),
    Moments(Moments),
    Extreme(Extreme),
    TextExtreme(Box<TextExtreme>),
    Edge(Box<Edge>),
    ValueList(Box<ValueList>),
    Distinct(Box<Distinct>),
    Frequencies(Box<Frequencies>),
    Registers(Box<Registers>),
    Quantiles(Box<Quantiles>),
}

/// Runs an expression with whichever kind it is: `with_state!(&state, one => one.is_empty())`; or with two of one
/// kind: `with_state!((&mut state, &other), (one, other) => one.merge(other))`, which end the caller otherwise.
macro_rules! with_state {
    ($state:expr, $one:ident => $run:expr) => {
        $crate::state::with_state!(
            @one $state, $one => $run;
            Count Matches IntTotal FloatTotal Moments Extreme TextExtreme Edge ValueList Distinct Frequencies Registers
            Quantiles
        )
    };
    ($states:expr, ($one:ident, $other:ident) => $run:expr) => {
        $crate::state::with_state!(
            @two $states, $one, $other => $run;
            Count Matches IntTotal FloatTotal Moments Extreme TextExtreme Edge ValueList Distinct Frequencies Registers
            Quantiles
        )
    };
    (@one $state:expr, $one:ident => $run:expr; $($name:ident)*) => {
        match $state {
            $($crate::state::State::$name($one) => $run,)*
        }
    };
    (@two $states:expr, $one:ident, $other:ident => $run:expr; $($name:ident)*) => {
        match $states {
            $(($crate::state::State::$name($one), $crate::state::State::$name($other)) => $run,)*
            _ => $crate::state::other_shape(),
        }
    };
}

pub(crate) use with_state;

/// The end of a caller that mixes partial results of different shapes: any answer would be wrong.
#[cold]
#[inline(never)]
pub(crate) fn other_shape() -> ! {
    panic!("partial results that are put together are of one shape");
}

impl State {
    /// An empty one. `of` is a type that the aggregates of the kind take; `None` counts events.
    pub(crate) fn new(kind: &Kind, of: Option<ValueType>) -> Self {
        let of = match (kind, of) {
            (Kind::Count, _) => return State::Count(Count::default()),
            (Kind::Edge { oldest }, Some(of)) => return State::Edge(Box::new(Edge::new(of, *oldest))),
            (_, Some(ValueType::Scalar(of))) => of,
            _ => other_shape(),
        };
        match kind {
            Kind::Count | Kind::Edge { .. } => other_shape(),
            Kind::Matches(wanted) => State::Matches(Matches::new(of, wanted)),
            Kind::Total if is_float(of) => State::FloatTotal(FloatTotal::default()),
            Kind::Total => State::IntTotal(IntTotal::default()),
            Kind::Moments => State::Moments(Moments::default()),
            Kind::Extreme { greatest } if of.fixed_bytes().is_some() => State::Extreme(Extreme::new(of, *greatest)),
            Kind::Extreme { greatest } => State::TextExtreme(Box::new(TextExtreme::new(of, *greatest))),
            Kind::ValueList { k, distinct, oldest } => {
                State::ValueList(Box::new(ValueList::new(of, *k, *distinct, *oldest)))
            }
            Kind::Distinct { cap } => State::Distinct(Box::new(Distinct::new(of, *cap))),
            Kind::Frequencies => State::Frequencies(Box::new(Frequencies::new(of))),
            Kind::Registers { precision } => State::Registers(Box::new(Registers::new(*precision))),
            Kind::Quantiles { error_bits } => State::Quantiles(Box::new(Quantiles::new(f64::from_bits(*error_bits)))),
        }
    }

    /// Returns the bytes of what is boxed.
    pub(crate) fn boxed_bytes(&self) -> usize {
        match self {
            State::Count(_)
            | State::Matches(_)
            | State::IntTotal(_)
            | State::FloatTotal(_)
            | State::Moments(_)
            | State::Extreme(_) => 0,
            State::TextExtreme(one) => size_of_val(&**one),
            State::Edge(one) => size_of_val(&**one),
            State::ValueList(one) => size_of_val(&**one),
            State::Distinct(one) => size_of_val(&**one),
            State::Frequencies(one) => size_of_val(&**one),
            State::Registers(one) => size_of_val(&**one),
            State::Quantiles(one) => size_of_val(&**one),
        }
    }
}

fn is_float(ty: ScalarType) -> bool {
    matches!(ty, ScalarType::Float32 | ScalarType::Float64)
}
