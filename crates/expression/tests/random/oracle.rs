//! A walk of the tree: one row, one value at a time, written to be obviously right. It shares no code with the crate.

use asofdb_expression::{Arithmetic, Binary, Comparison, Literal, Name, Node, Nulls, Tree};
use asofdb_storage::{Date, Status, Timestamp};

use crate::columns::{Columns, ty_of};
use crate::value::{Ty, V};

const DAY: i64 = 86_400_000_000;

pub struct Walk<'c> {
    columns: &'c Columns,
    row: usize,
    pub nulls: Nulls,
    read: Vec<(Status, Option<i64>)>,
}

impl<'c> Walk<'c> {
    pub fn new(columns: &'c Columns, row: usize) -> Self {
        Walk { columns, row, nulls: Nulls::default(), read: Vec::new() }
    }

    /// The status of a value, given what was read for it.
    pub fn status(&self, has_value: bool) -> Status {
        let has = |status| self.read.iter().any(|(read, _)| *read == status);
        match () {
            () if has_value => Status::Present,
            () if has(Status::Missing) => Status::Missing,
            () if has(Status::Expired) => Status::Expired,
            () => Status::Null,
        }
    }

    pub fn event(&self) -> i64 {
        self.read.iter().filter_map(|(_, event)| *event).min().unwrap_or(self.now())
    }

    fn now(&self) -> i64 {
        self.columns.now[self.row]
    }

    fn overflow(&mut self) -> Option<V> {
        self.nulls.overflow += 1;
        None
    }

    fn division(&mut self) -> Option<V> {
        self.nulls.division += 1;
        None
    }

    fn domain(&mut self) -> Option<V> {
        self.nulls.domain += 1;
        None
    }

    pub fn value(&mut self, tree: &Tree) -> Option<V> {
        match tree.node() {
            Node::Literal(literal) => self.literal(literal),
            Node::List(items) => {
                let items: Vec<V> = items.iter().filter_map(|item| self.literal(item)).collect();
                let widen = items.iter().any(|item| matches!(item, V::Float(_)));
                Some(V::List(if widen {
                    items.into_iter().map(|item| item.widened(Ty::Float)).collect()
                } else {
                    items
                }))
            }
            Node::Name(name) => self.read(name).value.clone(),
            Node::Now => Some(V::Time(self.now())),
            Node::Negate(operand) => self.negative(operand),
            Node::Not(operand) => match self.value(operand)? {
                V::Bool(value) => Some(V::Bool(!value)),
                other => panic!("no negation of {other:?}"),
            },
            Node::Binary(Binary::And, left, right) => self.logic(left, right, false),
            Node::Binary(Binary::Or, left, right) => self.logic(left, right, true),
            Node::Binary(Binary::Compare(comparison), left, right) => {
                let (left, right) = (self.value(left), self.value(right));
                Some(V::Bool(compare(*comparison, &left?, &right?)))
            }
            Node::Binary(Binary::Arithmetic(operator), left, right) => {
                let (left, right) = (self.value(left), self.value(right));
                self.arithmetic(*operator, left?, right?)
            }
            Node::In(operand, items) => {
                let items: Vec<V> = items.iter().filter_map(|item| self.literal(item)).collect();
                let value = self.value(operand)?;
                Some(V::Bool(items.iter().any(|item| compare(Comparison::Equal, &value, item))))
            }
            Node::Call(function, arguments) => self.call(function, arguments),
        }
    }

    fn negative(&mut self, operand: &Tree) -> Option<V> {
        match self.value(operand)? {
            V::Float(value) => self.float(-value, value.is_nan()),
            V::Int(value) => self.int(-i128::from(value)),
            V::Duration(value) => self.duration(-i128::from(value)),
            other => panic!("no negative of {other:?}"),
        }
    }

    fn literal(&self, literal: &Literal) -> Option<V> {
        match literal {
            Literal::Null => None,
            Literal::Bool(value) => Some(V::Bool(*value)),
            Literal::Int(value) => Some(V::Int(*value)),
            Literal::Float(value) => Some(V::Float(*value)),
            Literal::Text(text) => Some(V::Text(text.clone().into_bytes())),
            Literal::Duration(value) => Some(V::Duration(*value)),
            Literal::Timestamp(time) => Some(V::Time(time.as_micros())),
            Literal::Date(date) => Some(V::Date(i64::from(date.as_days()))),
        }
    }

    fn read(&mut self, name: &Name) -> &'c crate::columns::Cell {
        let cell = self.columns.cell(name, self.row);
        self.read.push((cell.status, cell.event));
        cell
    }

    fn logic(&mut self, left: &Tree, right: &Tree, deciding: bool) -> Option<V> {
        let left = self.value(left);
        if left == Some(V::Bool(deciding)) {
            return left;
        }
        let right = self.value(right);
        if right == Some(V::Bool(deciding)) {
            return right;
        }
        left.and(right).map(|_| V::Bool(!deciding))
    }

    fn int(&mut self, value: i128) -> Option<V> {
        i64::try_from(value).ok().map(V::Int).or_else(|| self.overflow())
    }

    fn duration(&mut self, value: i128) -> Option<V> {
        i64::try_from(value).ok().map(V::Duration).or_else(|| self.overflow())
    }

    fn time(&mut self, value: i128) -> Option<V> {
        let time = i64::try_from(value).ok().filter(|micros| Timestamp::from_micros(*micros).is_in_range());
        time.map(V::Time).or_else(|| self.overflow())
    }

    fn float(&mut self, value: f64, from_nan: bool) -> Option<V> {
        match (value.is_nan(), from_nan) {
            (false, _) => Some(V::Float(value)),
            (true, true) => Some(V::Float(f64::NAN)),
            (true, false) => self.domain(),
        }
    }

    fn arithmetic(&mut self, operator: Arithmetic, left: V, right: V) -> Option<V> {
        use Arithmetic::{Add, Divide, FloorDivide, Modulo, Multiply, Subtract};
        match (left, operator, right) {
            (left @ (V::Time(_) | V::Date(_)), Subtract, right @ (V::Time(_) | V::Date(_))) => {
                self.duration(i128::from(left.micros()) - i128::from(right.micros()))
            }
            (left @ (V::Float(_) | V::Int(_)), operator, right @ (V::Float(_) | V::Int(_))) => match (&left, &right) {
                (V::Int(left), V::Int(right)) if operator != Divide => self.ints(operator, *left, *right),
                _ => self.floats(operator, left.float(), right.float()),
            },
            (V::Duration(left), Divide, V::Duration(right)) => self.floats(Divide, left as f64, right as f64),
            (V::Duration(left), FloorDivide, V::Duration(right)) => self.ints(FloorDivide, left, right),
            (V::Duration(left), Add | Subtract | Modulo, V::Duration(right))
            | (V::Duration(left), Multiply | FloorDivide, V::Int(right))
            | (V::Int(left), Multiply, V::Duration(right)) => {
                self.ints(operator, left, right).map(|value| V::Duration(value.number()))
            }
            (time @ (V::Time(_) | V::Date(_)), Add, V::Duration(duration))
            | (V::Duration(duration), Add, time @ (V::Time(_) | V::Date(_))) => {
                self.time(i128::from(time.micros()) + i128::from(duration))
            }
            (time @ (V::Time(_) | V::Date(_)), Subtract, V::Duration(duration)) => {
                self.time(i128::from(time.micros()) - i128::from(duration))
            }
            other => panic!("no arithmetic of {other:?}"),
        }
    }

    fn ints(&mut self, operator: Arithmetic, left: i64, right: i64) -> Option<V> {
        let (a, b) = (i128::from(left), i128::from(right));
        let floor = |a: i128, b: i128| if (a % b != 0) && ((a < 0) != (b < 0)) { a / b - 1 } else { a / b };
        match operator {
            Arithmetic::Add => self.int(a + b),
            Arithmetic::Subtract => self.int(a - b),
            Arithmetic::Multiply => self.int(a * b),
            _ if b == 0 => self.division(),
            Arithmetic::FloorDivide => self.int(floor(a, b)),
            Arithmetic::Modulo => self.int(a - b * floor(a, b)),
            Arithmetic::Divide => panic!("a division is one of floats"),
        }
    }

    fn floats(&mut self, operator: Arithmetic, a: f64, b: f64) -> Option<V> {
        let from_nan = a.is_nan() || b.is_nan();
        let divides = matches!(operator, Arithmetic::Divide | Arithmetic::FloorDivide | Arithmetic::Modulo);
        if divides && b == 0.0 {
            return self.division();
        }
        let value = match operator {
            Arithmetic::Add => a + b,
            Arithmetic::Subtract => a - b,
            Arithmetic::Multiply => a * b,
            Arithmetic::Divide => a / b,
            Arithmetic::FloorDivide => python_divmod(a, b).0,
            Arithmetic::Modulo => python_divmod(a, b).1,
        };
        self.float(value, from_nan)
    }

    fn call(&mut self, function: &str, arguments: &[Tree]) -> Option<V> {
        match function {
            "if" | "case" => return self.case(arguments),
            "coalesce" => {
                let ty = common(arguments);
                return arguments.iter().find_map(|argument| self.value(argument)).map(|value| value.widened(ty));
            }
            "is_null" => return Some(V::Bool(self.value(&arguments[0]).is_none())),
            "status" | "age" | "is_missing" => return self.about(function, &arguments[0]),
            _ => {}
        }
        let values: Vec<Option<V>> = arguments.iter().map(|argument| self.value(argument)).collect();
        let values: Vec<V> = values.into_iter().collect::<Option<_>>()?;
        match function {
            "cast" => self.cast(&values[0], &arguments[1]),
            "get" | "contains" | "sum" | "mean" | "dot" | "cosine" if matches!(values[0], V::List(_)) => {
                self.list(function, &values, ty(&arguments[0]) == Some(Ty::Ints))
            }
            "min" | "max" | "clip" => {
                let ty = common(arguments);
                Some(extreme(function, values.into_iter().map(|value| value.widened(ty)).collect()))
            }
            "lower" | "upper" | "trim" | "substr" | "starts_with" | "ends_with" | "contains" | "regex_match" => {
                Some(text(function, &values))
            }
            _ => self.whole(function, &values),
        }
    }

    /// Functions that give whole numbers, and then those of numbers.
    fn whole(&mut self, function: &str, values: &[V]) -> Option<V> {
        match function {
            "year" | "month" | "day" | "hour" | "minute" | "second" | "weekday" => {
                Some(V::Int(part(function, values[0].micros())))
            }
            "days_between" | "hours_between" | "minutes_between" | "seconds_between" => {
                let unit = match function {
                    "days_between" => DAY,
                    "hours_between" => DAY / 24,
                    "minutes_between" => 60_000_000,
                    _ => 1_000_000,
                };
                let micros = i128::from(values[1].micros()) - i128::from(values[0].micros());
                self.int(micros.div_euclid(i128::from(unit)))
            }
            "len" => Some(V::Int(match &values[0] {
                V::Text(text) => String::from_utf8(text.clone()).unwrap().chars().count() as i64,
                V::List(items) => items.len() as i64,
                other => panic!("no length of {other:?}"),
            })),
            "hash" => {
                let bytes = match &values[0] {
                    V::Text(text) => text.clone(),
                    value => value.number().to_le_bytes().to_vec(),
                };
                Some(V::Int((twox_hash::XxHash3_64::oneshot(&bytes) % values[1].number() as u64) as i64))
            }
            "bucket" => self.bucket(values),
            _ => self.number(function, values),
        }
    }

    fn case(&mut self, arguments: &[Tree]) -> Option<V> {
        let pairs = arguments.chunks_exact(2);
        let otherwise = pairs.remainder();
        let values: Vec<&Tree> = pairs.clone().map(|pair| &pair[1]).chain(otherwise).collect();
        let ty = common_of(&values);
        for pair in pairs {
            if self.value(&pair[0]) == Some(V::Bool(true)) {
                return self.value(&pair[1]).map(|value| value.widened(ty));
            }
        }
        otherwise.first().and_then(|otherwise| self.value(otherwise)).map(|value| value.widened(ty))
    }

    fn about(&mut self, function: &str, argument: &Tree) -> Option<V> {
        let Node::Name(name) = argument.node() else { panic!("an input") };
        let cell = self.read(name);
        match function {
            "status" => Some(V::Text(cell.status.as_str().into())),
            "is_missing" => Some(V::Bool(cell.status == Status::Missing)),
            _ => {
                let age = i128::from(self.now()) - i128::from(cell.event?);
                self.duration(age)
            }
        }
    }

    fn bucket(&mut self, values: &[V]) -> Option<V> {
        let V::List(bounds) = &values[1] else { panic!("bounds") };
        if matches!(values[0], V::Float(value) if value.is_nan()) {
            return self.domain();
        }
        Some(V::Int(bounds.iter().filter(|bound| compare(Comparison::LessOrEqual, bound, &values[0])).count() as i64))
    }

    fn number(&mut self, function: &str, values: &[V]) -> Option<V> {
        let a = match (&values[0], function) {
            (V::Int(value), "abs") => return self.int(i128::from(*value).abs()),
            (V::Duration(value), "abs") => return self.duration(i128::from(*value).abs()),
            (V::Int(value), "round" | "floor" | "ceil") => return Some(V::Int(*value)),
            (value, _) => value.float(),
        };
        let value = match function {
            "abs" => a.abs(),
            "round" if (a - a.trunc()).abs() >= 0.5 => a.trunc() + 1.0_f64.copysign(a),
            "round" => a.trunc(),
            "floor" => a.floor(),
            "ceil" => a.ceil(),
            "ln" if a <= 0.0 => return self.domain(),
            "ln" => libm::log(a),
            "exp" => libm::exp(a),
            "sqrt" => libm::sqrt(a),
            "sin" => libm::sin(a),
            "cos" => libm::cos(a),
            "pow" => libm::pow(a, values[1].float()),
            "haversine" => haversine(&values.iter().map(V::float).collect::<Vec<_>>()),
            other => panic!("no function {other}"),
        };
        self.float(value, values.iter().any(|value| value.float().is_nan()))
    }

    fn cast(&mut self, value: &V, target: &Tree) -> Option<V> {
        let Node::Literal(Literal::Text(target)) = target.node() else { panic!("a type") };
        let text = if let V::Text(text) = value { Some(String::from_utf8(text.clone()).unwrap()) } else { None };
        match (target.as_str(), value) {
            ("string", value) => Some(V::Text(show(value).into_bytes())),
            ("bool", _) => match text.unwrap().trim() {
                "true" => Some(V::Bool(true)),
                "false" => Some(V::Bool(false)),
                _ => self.domain(),
            },
            ("int64" | "int32", value) => self.int_of(value, text, target == "int32"),
            ("float64" | "float32", value) => self.float_of(value, text, target == "float32"),
            ("timestamp", _) => match text {
                Some(text) => {
                    text.parse::<Timestamp>().ok().map(|time| V::Time(time.as_micros())).or_else(|| self.domain())
                }
                None => Some(V::Time(value.micros())),
            },
            (_, V::Time(micros)) => {
                let days = micros.div_euclid(DAY);
                let date = i32::try_from(days).ok().and_then(Date::from_days);
                date.map(|_| V::Date(days)).or_else(|| self.overflow())
            }
            (_, V::Date(days)) => Some(V::Date(*days)),
            _ => match text.unwrap().parse::<Date>() {
                Ok(date) => Some(V::Date(i64::from(date.as_days()))),
                Err(_) => self.domain(),
            },
        }
    }

    fn int_of(&mut self, value: &V, text: Option<String>, narrow: bool) -> Option<V> {
        let number = match (value, text) {
            (_, Some(text)) => match text.trim().parse::<i64>() {
                Ok(number) => i128::from(number),
                Err(_) => return self.domain(),
            },
            (V::Float(value), _) if value.is_nan() => return self.domain(),
            (V::Float(value), _) if value.abs() > 1e30 => return self.overflow(),
            (V::Float(value), _) => value.trunc() as i128,
            (value, _) => i128::from(value.number()),
        };
        if narrow && i64::try_from(number).is_ok() && i32::try_from(number).is_err() {
            return self.overflow();
        }
        self.int(number)
    }

    fn float_of(&mut self, value: &V, text: Option<String>, narrow: bool) -> Option<V> {
        let number = match (value, text) {
            (_, Some(text)) => match text.trim().parse::<f64>() {
                Ok(number) => number,
                Err(_) => return self.domain(),
            },
            (V::Bool(value), _) => f64::from(u8::from(*value)),
            (value, _) => value.float(),
        };
        if !narrow {
            return Some(V::Float(number));
        }
        let single = f64::from(number as f32);
        if single.is_infinite() && number.is_finite() { self.overflow() } else { self.float(single, true) }
    }

    fn list(&mut self, function: &str, values: &[V], of_ints: bool) -> Option<V> {
        let V::List(items) = &values[0] else { panic!("a list") };
        match function {
            "get" => {
                let index = i128::from(values[1].number());
                let index = if index < 0 { index + items.len() as i128 } else { index };
                usize::try_from(index).ok().and_then(|index| items.get(index)).cloned()
            }
            "contains" => Some(V::Bool(items.iter().any(|item| compare(Comparison::Equal, item, &values[1])))),
            "sum" if of_ints => self.int(items.iter().map(|item| i128::from(item.number())).sum()),
            "sum" | "mean" => self.sum(function, values),
            _ => self.vectors(function, items, &values[1]),
        }
    }

    fn sum(&mut self, function: &str, values: &[V]) -> Option<V> {
        let V::List(items) = &values[0] else { panic!("a list") };
        let floats: Vec<f64> = items.iter().map(V::float).collect();
        let sum = self.float(total(&floats), floats.iter().any(|item| item.is_nan()))?.float();
        match function {
            "sum" => Some(V::Float(sum)),
            _ if items.is_empty() => self.division(),
            _ => self.float(sum / items.len() as f64, true),
        }
    }

    fn vectors(&mut self, function: &str, items: &[V], other: &V) -> Option<V> {
        let V::List(other) = other else { panic!("a list") };
        if items.len() != other.len() {
            return self.domain();
        }
        let (a, b): (Vec<f64>, Vec<f64>) = (items.iter().map(V::float).collect(), other.iter().map(V::float).collect());
        let dot = self.product(&a, &b)?;
        if function == "dot" {
            return Some(V::Float(dot));
        }
        let (a, b) = (self.product(&a, &a)?, self.product(&b, &b)?);
        let length = self.float(a.sqrt() * b.sqrt(), a.is_nan() || b.is_nan())?.float();
        if length == 0.0 {
            return self.division();
        }
        self.float(dot / length, dot.is_nan() || length.is_nan())
    }

    fn product(&mut self, a: &[f64], b: &[f64]) -> Option<f64> {
        let products: Vec<f64> = a.iter().zip(b).map(|(a, b)| a * b).collect();
        let from_nan = a.iter().chain(b).any(|item| item.is_nan());
        self.float(total(&products), from_nan).map(|value| value.float())
    }
}

/// The sum in the documented order.
fn total(items: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    items.iter().enumerate().for_each(|(at, item)| sums[at % 8] += item);
    sums.iter().fold(0.0, |total, sum| total + sum)
}

fn python_divmod(a: f64, b: f64) -> (f64, f64) {
    let mut rest = a % b;
    let mut div = (a - rest) / b;
    if rest != 0.0 {
        if (b < 0.0) != (rest < 0.0) {
            rest += b;
            div -= 1.0;
        }
    } else {
        rest = 0.0_f64.copysign(b);
    }
    let mut floor = 0.0_f64.copysign(a / b);
    if div != 0.0 {
        floor = div.floor();
        if div - floor > 0.5 {
            floor += 1.0;
        }
    }
    (floor, rest)
}

fn haversine(d: &[f64]) -> f64 {
    let sin2 = |degrees: f64| {
        let sin = libm::sin(degrees.to_radians() / 2.0);
        sin * sin
    };
    let cos = |degrees: f64| libm::cos(degrees.to_radians());
    let lon = libm::sin((d[3] - d[1]).to_radians() / 2.0);
    let chord = sin2(d[2] - d[0]) + cos(d[0]) * cos(d[2]) * lon * lon;
    2.0 * 6_371.008_8 * libm::asin(if chord > 1.0 { 1.0 } else { chord }.sqrt())
}

fn compare(comparison: Comparison, left: &V, right: &V) -> bool {
    fn holds<T: PartialOrd>(comparison: Comparison, a: T, b: T) -> bool {
        match comparison {
            Comparison::Equal => a == b,
            Comparison::NotEqual => a != b,
            Comparison::Less => a < b,
            Comparison::LessOrEqual => a <= b,
            Comparison::Greater => a > b,
            Comparison::GreaterOrEqual => a >= b,
        }
    }
    match (left, right) {
        (V::Text(a), V::Text(b)) => holds(comparison, a, b),
        (V::Float(_), _) | (_, V::Float(_)) => holds(comparison, left.float(), right.float()),
        (V::Time(_), _) | (_, V::Time(_)) => holds(comparison, left.micros(), right.micros()),
        _ => holds(comparison, left.number(), right.number()),
    }
}

fn extreme(function: &str, values: Vec<V>) -> V {
    if function == "clip" {
        let raised = extreme("max", vec![values[0].clone(), values[1].clone()]);
        return extreme("min", vec![raised, values[2].clone()]);
    }
    let pick = |a: V, b: V| match (&a, &b) {
        (V::Float(x), V::Float(y)) if x.is_nan() || y.is_nan() => V::Float(f64::NAN),
        (V::Float(x), V::Float(y)) => {
            let least = x.total_cmp(y).is_le() == (function == "min");
            if least { a } else { b }
        }
        _ => {
            let least = (a.number() <= b.number()) == (function == "min");
            if least { a } else { b }
        }
    };
    values.into_iter().reduce(pick).expect("values")
}

fn part(function: &str, micros: i64) -> i64 {
    let days = micros.div_euclid(DAY);
    let (year, month, day) = Date::from_days(i32::try_from(days).unwrap()).expect("times are in range").ymd();
    match function {
        "year" => i64::from(year),
        "month" => i64::from(month),
        "day" => i64::from(day),
        "hour" => micros.rem_euclid(DAY) / (DAY / 24),
        "minute" => micros.rem_euclid(DAY) / 60_000_000 % 60,
        "second" => micros.rem_euclid(DAY) / 1_000_000 % 60,
        _ => (days + 3).rem_euclid(7),
    }
}

fn text(function: &str, values: &[V]) -> V {
    let of = |value: &V| if let V::Text(text) = value { String::from_utf8(text.clone()).unwrap() } else { panic!() };
    let text = of(&values[0]);
    match function {
        "lower" => V::Text(text.chars().flat_map(char::to_lowercase).collect::<String>().into()),
        "upper" => V::Text(text.chars().flat_map(char::to_uppercase).collect::<String>().into()),
        "trim" => V::Text(text.trim().into()),
        "starts_with" => V::Bool(text.starts_with(&of(&values[1]))),
        "ends_with" => V::Bool(text.ends_with(&of(&values[1]))),
        "contains" => V::Bool(text.contains(&of(&values[1]))),
        "regex_match" => V::Bool(regex::Regex::new(&of(&values[1])).unwrap().is_match(&text)),
        _ => {
            let characters: Vec<char> = text.chars().collect();
            let start = values[1].number();
            let start = if start < 0 { start + characters.len() as i64 } else { start };
            let end = values.get(2).map_or(i64::MAX, |length| start.saturating_add(length.number().max(0)));
            let inside = |at: &(usize, &char)| start <= at.0 as i64 && (at.0 as i64) < end;
            V::Text(characters.iter().enumerate().filter(inside).map(|(_, c)| *c).collect::<String>().into())
        }
    }
}

fn show(value: &V) -> String {
    match value {
        V::Bool(value) => value.to_string(),
        V::Int(value) => value.to_string(),
        V::Float(value) => format!("{value:?}"),
        V::Text(text) => String::from_utf8(text.clone()).unwrap(),
        V::Time(micros) => Timestamp::from_micros(*micros).to_string(),
        V::Date(days) => Date::from_days(*days as i32).unwrap().to_string(),
        V::Duration(0) => "0s".to_owned(),
        V::Duration(micros) => {
            let units = [(DAY, "d"), (DAY / 24, "h"), (60_000_000, "m"), (1_000_000, "s"), (1_000, "ms"), (1, "us")];
            let (unit, name) = units.into_iter().find(|(unit, _)| micros % unit == 0).unwrap();
            format!("{}{name}", micros / unit)
        }
        V::List(_) => panic!("no text of a list"),
    }
}

/// The type that trees have in common.
fn common(trees: &[Tree]) -> Ty {
    common_of(&trees.iter().collect::<Vec<_>>())
}

fn common_of(trees: &[&Tree]) -> Ty {
    let types: Vec<Ty> = trees.iter().filter_map(|tree| ty(tree)).collect();
    let first = types[0];
    match () {
        () if types.contains(&Ty::Float) => Ty::Float,
        () if types.contains(&Ty::Time) => Ty::Time,
        () => first,
    }
}

/// The type of a tree; `None` for null.
fn ty(tree: &Tree) -> Option<Ty> {
    use Arithmetic::{Add, Divide, FloorDivide, Subtract};
    Some(match tree.node() {
        Node::Literal(Literal::Null) => return None,
        Node::Literal(Literal::Bool(_)) | Node::Not(_) | Node::In(..) => Ty::Bool,
        Node::Literal(Literal::Int(_)) => Ty::Int,
        Node::Literal(Literal::Float(_)) => Ty::Float,
        Node::Literal(Literal::Text(_)) => Ty::Text,
        Node::Literal(Literal::Duration(_)) => Ty::Duration,
        Node::Literal(Literal::Timestamp(_)) | Node::Now => Ty::Time,
        Node::Literal(Literal::Date(_)) => Ty::Date,
        Node::List(items) => match &items[0] {
            Literal::Int(_) if items.iter().any(|item| matches!(item, Literal::Float(_))) => Ty::Floats,
            Literal::Int(_) => Ty::Ints,
            Literal::Float(_) => Ty::Floats,
            _ => Ty::Texts,
        },
        Node::Name(name) => ty_of(name),
        Node::Negate(operand) => ty(operand)?,
        Node::Binary(Binary::And | Binary::Or | Binary::Compare(_), ..) => Ty::Bool,
        Node::Binary(Binary::Arithmetic(operator), left, right) => match (ty(left)?, operator, ty(right)?) {
            (Ty::Int, Divide, Ty::Int) | (Ty::Duration, Divide, Ty::Duration) => Ty::Float,
            (Ty::Int, _, Ty::Int) => Ty::Int,
            (Ty::Float, ..) | (.., Ty::Float) => Ty::Float,
            (Ty::Time | Ty::Date, Subtract, Ty::Time | Ty::Date) => Ty::Duration,
            (Ty::Time | Ty::Date, ..) | (_, Add, Ty::Time | Ty::Date) => Ty::Time,
            (Ty::Duration, FloorDivide, Ty::Duration) => Ty::Int,
            _ => Ty::Duration,
        },
        Node::Call(function, arguments) => return call_ty(function, arguments),
    })
}

fn call_ty(function: &str, arguments: &[Tree]) -> Option<Ty> {
    Some(match function {
        "if" | "case" => {
            let pairs = arguments.chunks_exact(2);
            let values: Vec<&Tree> = pairs.clone().map(|pair| &pair[1]).chain(pairs.remainder()).collect();
            common_of(&values)
        }
        "coalesce" | "min" | "max" | "clip" => common(arguments),
        "abs" | "round" | "floor" | "ceil" => ty(&arguments[0])?,
        "is_null" | "is_missing" | "starts_with" | "ends_with" | "contains" | "regex_match" => Ty::Bool,
        "status" | "lower" | "upper" | "trim" | "substr" => Ty::Text,
        "age" => Ty::Duration,
        "get" => match ty(&arguments[0])? {
            Ty::Ints => Ty::Int,
            Ty::Floats => Ty::Float,
            _ => Ty::Text,
        },
        "sum" if ty(&arguments[0])? == Ty::Ints => Ty::Int,
        "sum" | "mean" | "dot" | "cosine" | "ln" | "exp" | "sqrt" | "sin" | "cos" | "pow" | "haversine" => Ty::Float,
        "cast" => {
            let Node::Literal(Literal::Text(target)) = arguments[1].node() else { panic!("a type") };
            match target.as_str() {
                "bool" => Ty::Bool,
                "int64" | "int32" => Ty::Int,
                "float64" | "float32" => Ty::Float,
                "string" => Ty::Text,
                "timestamp" => Ty::Time,
                _ => Ty::Date,
            }
        }
        _ => Ty::Int,
    })
}
