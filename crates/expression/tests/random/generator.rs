//! Random expressions of a given type.

use asofdb_expression::{Arithmetic, Binary, Comparison, Literal, Node, Span, Tree};
use asofdb_storage::{Date, Timestamp};

use crate::columns::{every_name, float, int, names, text};
use crate::random::Random;
use crate::value::Ty;

pub struct Generator<'r> {
    pub random: &'r mut Random,
}

fn tree(node: Node) -> Tree {
    Tree::new(node, Span::default())
}

fn call(function: &str, arguments: Vec<Tree>) -> Tree {
    tree(Node::Call(function.to_owned(), arguments))
}

fn literal(literal: Literal) -> Tree {
    tree(Node::Literal(literal))
}

impl Generator<'_> {
    pub fn tree(&mut self, ty: Ty, depth: u32) -> Tree {
        if depth == 0 || self.random.one_in(8) {
            return self.leaf(ty);
        }
        if self.random.one_in(4) {
            return self.branch(ty, depth - 1);
        }
        match ty {
            Ty::Bool => self.bool(depth - 1),
            Ty::Int => self.int(depth - 1),
            Ty::Float => self.float(depth - 1),
            Ty::Text => self.text(depth - 1),
            Ty::Time => self.time(depth - 1),
            Ty::Date => self.date(depth - 1),
            Ty::Duration => self.duration(depth - 1),
            Ty::Ints | Ty::Floats | Ty::Texts => self.branch(ty, depth - 1),
        }
    }

    fn leaf(&mut self, ty: Ty) -> Tree {
        let inputs = names(ty);
        if !inputs.is_empty() && !self.random.one_in(4) {
            return tree(Node::Name(self.random.of(&inputs)));
        }
        if ty == Ty::Time && self.random.one_in(2) {
            return tree(Node::Now);
        }
        match ty {
            Ty::Ints | Ty::Floats | Ty::Texts => tree(Node::List(self.items(ty))),
            _ => literal(self.literal(ty)),
        }
    }

    fn literal(&mut self, ty: Ty) -> Literal {
        match ty {
            Ty::Bool => Literal::Bool(self.random.one_in(2)),
            Ty::Int => Literal::Int(int(self.random)),
            Ty::Float => Literal::Float(Some(float(self.random)).filter(|value| value.is_finite()).unwrap_or(0.5)),
            Ty::Text => Literal::Text(text(self.random)),
            Ty::Duration => {
                Literal::Duration(self.random.of(&[0, 1, -1, 86_400_000_000, 5_400_000_000, -37, i64::MAX]))
            }
            Ty::Time => Literal::Timestamp(self.random.of(&[
                Timestamp::FIRST,
                Timestamp::LAST,
                Timestamp::from_micros(1_709_210_096_000_001),
            ])),
            _ => Literal::Date(self.random.of(&[Date::MIN, Date::MAX, Date::from_days(19_782).expect("a date")])),
        }
    }

    /// At least one item of the type of the list, so that its type is known.
    fn items(&mut self, ty: Ty) -> Vec<Literal> {
        let item = match ty {
            Ty::Ints => Ty::Int,
            Ty::Floats => Ty::Float,
            Ty::Texts => Ty::Text,
            scalar => scalar,
        };
        let count = self.random.of(&[1, 2, 3, 3, 20]);
        (0..count).map(|_| self.literal(item)).collect()
    }

    /// An expression that chooses between values.
    fn branch(&mut self, ty: Ty, depth: u32) -> Tree {
        match self.random.below(4) {
            0 => {
                let condition = self.tree(Ty::Bool, depth);
                call("if", vec![condition, self.typed(ty, depth), self.nullable(ty, depth)])
            }
            1 => {
                let pairs = 1 + self.random.below(3);
                let mut arguments = vec![self.tree(Ty::Bool, depth), self.typed(ty, depth)];
                for _ in 1..pairs {
                    arguments.push(self.tree(Ty::Bool, depth));
                    arguments.push(self.nullable(ty, depth));
                }
                if self.random.one_in(2) {
                    arguments.push(self.nullable(ty, depth));
                }
                call("case", arguments)
            }
            2 => {
                let count = self.random.below(3);
                let mut arguments = vec![self.typed(ty, depth)];
                (0..count).for_each(|_| arguments.push(self.nullable(ty, depth)));
                call("coalesce", arguments)
            }
            _ => self.list_item(ty, depth),
        }
    }

    /// The item of a list, where lists of the type exist.
    fn list_item(&mut self, ty: Ty, depth: u32) -> Tree {
        let list = match ty {
            Ty::Int => Ty::Ints,
            Ty::Float => Ty::Floats,
            Ty::Text => Ty::Texts,
            other => return self.leaf(other),
        };
        let index = if self.random.one_in(2) { self.tree(Ty::Int, depth) } else { self.index() };
        call("get", vec![self.tree(list, depth), index])
    }

    fn index(&mut self) -> Tree {
        literal(Literal::Int(self.random.below(9) as i64 - 4))
    }

    /// A value of the type, or of one that is widened to it.
    fn nullable(&mut self, ty: Ty, depth: u32) -> Tree {
        match (ty, self.random.below(6)) {
            (_, 0) => literal(Literal::Null),
            (Ty::Float, 1) => self.tree(Ty::Int, depth),
            (Ty::Time, 1) => self.tree(Ty::Date, depth),
            _ => self.tree(ty, depth),
        }
    }

    /// A value that alone decides the type.
    fn typed(&mut self, ty: Ty, depth: u32) -> Tree {
        self.tree(ty, depth)
    }

    fn binary(&mut self, operator: Binary, left: Tree, right: Tree) -> Tree {
        tree(Node::Binary(operator, Box::new(left), Box::new(right)))
    }

    fn arithmetic(&mut self, operators: &[Arithmetic], left: Tree, right: Tree) -> Tree {
        let operator = self.random.of(operators);
        self.binary(Binary::Arithmetic(operator), left, right)
    }

    fn bool(&mut self, depth: u32) -> Tree {
        match self.random.below(12) {
            0..=2 => {
                let operator = self.random.of(&[Binary::And, Binary::Or]);
                let (left, right) = (self.tree(Ty::Bool, depth), self.tree(Ty::Bool, depth));
                self.binary(operator, left, right)
            }
            3 => tree(Node::Not(Box::new(self.tree(Ty::Bool, depth)))),
            4..=6 => {
                let ty = self.random.of(&[Ty::Bool, Ty::Int, Ty::Float, Ty::Text, Ty::Time, Ty::Date, Ty::Duration]);
                let operator = Binary::Compare(self.random.of(&Comparison::ALL));
                let right = if ty == Ty::Float && self.random.one_in(3) { Ty::Int } else { ty };
                let right = if ty == Ty::Time && self.random.one_in(3) { Ty::Date } else { right };
                let (left, right) = (self.tree(ty, depth), self.tree(right, depth));
                self.binary(operator, left, right)
            }
            7 => {
                let ty = self.random.of(&[Ty::Bool, Ty::Int, Ty::Float, Ty::Text, Ty::Time, Ty::Date, Ty::Duration]);
                let items = if self.random.one_in(9) { Vec::new() } else { self.items(ty) };
                tree(Node::In(Box::new(self.tree(ty, depth)), items))
            }
            8 => {
                let ty = self.random.of(&Ty::ALL);
                call("is_null", vec![self.tree(ty, depth)])
            }
            9 => call("is_missing", vec![tree(Node::Name(self.random.of(&every_name())))]),
            10 => self.text_question(depth),
            _ => {
                let (list, item) =
                    self.random.of(&[(Ty::Ints, Ty::Int), (Ty::Floats, Ty::Float), (Ty::Texts, Ty::Text)]);
                call("contains", vec![self.tree(list, depth), self.tree(item, depth)])
            }
        }
    }

    fn text_question(&mut self, depth: u32) -> Tree {
        let text = self.tree(Ty::Text, depth);
        match self.random.below(3) {
            0 => call(
                "regex_match",
                vec![text, literal(Literal::Text(self.random.of(&["^[0-9]+$", "a|ß", "."]).into()))],
            ),
            1 => call("cast", vec![text, literal(Literal::Text("bool".into()))]),
            _ => {
                let function = self.random.of(&["starts_with", "ends_with", "contains"]);
                call(function, vec![text, self.tree(Ty::Text, depth)])
            }
        }
    }

    fn int(&mut self, depth: u32) -> Tree {
        use Arithmetic::{Add, FloorDivide, Modulo, Multiply, Subtract};
        match self.random.below(14) {
            0..=3 => {
                let (left, right) = (self.tree(Ty::Int, depth), self.tree(Ty::Int, depth));
                self.arithmetic(&[Add, Subtract, Multiply, FloorDivide, Modulo], left, right)
            }
            4 => tree(Node::Negate(Box::new(self.tree(Ty::Int, depth)))),
            5 => self.extreme(Ty::Int, depth),
            6 | 7 => {
                let part = ["year", "month", "day", "hour", "minute", "second", "weekday"];
                let ty = self.random.of(&[Ty::Time, Ty::Time, Ty::Date]);
                call(self.random.of(&part), vec![self.tree(ty, depth)])
            }
            8 => {
                let function = ["days_between", "hours_between", "minutes_between", "seconds_between"];
                let (from, to) = (self.random.of(&[Ty::Time, Ty::Date]), self.random.of(&[Ty::Time, Ty::Date]));
                call(self.random.of(&function), vec![self.tree(from, depth), self.tree(to, depth)])
            }
            9..=11 => self.counted(depth),
            12 => call("sum", vec![self.tree(Ty::Ints, depth)]),
            _ => {
                let ty = self.random.of(&[Ty::Bool, Ty::Float, Ty::Text, Ty::Int]);
                let target = self.random.of(&["int64", "int32"]);
                call("cast", vec![self.tree(ty, depth), literal(Literal::Text(target.into()))])
            }
        }
    }

    /// A bucket, a hash or a length.
    fn counted(&mut self, depth: u32) -> Tree {
        match self.random.below(3) {
            0 => {
                let (ty, bounds) = self.random.of(&[
                    (Ty::Int, vec![Literal::Int(-3), Literal::Int(0), Literal::Int(18)]),
                    (Ty::Float, vec![Literal::Float(-3.5), Literal::Int(0), Literal::Float(1e9)]),
                    (Ty::Duration, vec![Literal::Duration(0), Literal::Duration(86_400_000_000)]),
                ]);
                call("bucket", vec![self.tree(ty, depth), tree(Node::List(bounds))])
            }
            1 => {
                let ty = self.random.of(&[Ty::Text, Ty::Int, Ty::Bool, Ty::Time, Ty::Date]);
                call(
                    "hash",
                    vec![self.tree(ty, depth), literal(Literal::Int(self.random.of(&[1, 7, 1_000, i64::MAX])))],
                )
            }
            _ => {
                let ty = self.random.of(&[Ty::Text, Ty::Ints, Ty::Floats, Ty::Texts]);
                call("len", vec![self.tree(ty, depth)])
            }
        }
    }

    fn extreme(&mut self, ty: Ty, depth: u32) -> Tree {
        if self.random.one_in(3) {
            let arguments = (0..3).map(|_| self.tree(ty, depth)).collect();
            return call("clip", arguments);
        }
        if ty != Ty::Time && ty != Ty::Date && self.random.one_in(3) {
            return call("abs", vec![self.tree(ty, depth)]);
        }
        let count = 2 + self.random.below(2);
        let arguments = (0..count).map(|_| self.tree(ty, depth)).collect();
        call(self.random.of(&["min", "max"]), arguments)
    }

    fn float(&mut self, depth: u32) -> Tree {
        match self.random.below(12) {
            0..=3 => {
                let (left, right) =
                    self.random.of(&[(Ty::Float, Ty::Float), (Ty::Float, Ty::Int), (Ty::Int, Ty::Float)]);
                let (left, right) = (self.tree(left, depth), self.tree(right, depth));
                self.arithmetic(&Arithmetic::ALL, left, right)
            }
            4 => {
                let ty = self.random.of(&[Ty::Int, Ty::Duration]);
                let (left, right) = (self.tree(ty, depth), self.tree(ty, depth));
                self.arithmetic(&[Arithmetic::Divide], left, right)
            }
            5 => tree(Node::Negate(Box::new(self.tree(Ty::Float, depth)))),
            6 => self.extreme(Ty::Float, depth),
            7 => {
                let function = self.random.of(&["round", "floor", "ceil", "ln", "exp", "sqrt", "sin", "cos"]);
                call(function, vec![self.tree(Ty::Float, depth)])
            }
            8 => call("pow", vec![self.tree(Ty::Float, depth), self.tree(Ty::Float, depth)]),
            9 => call("haversine", (0..4).map(|_| self.tree(Ty::Float, depth)).collect()),
            10 => match self.random.below(4) {
                0 => call("sum", vec![self.tree(Ty::Floats, depth)]),
                1 => call("mean", vec![self.tree(Ty::Floats, depth)]),
                2 => call("mean", vec![self.tree(Ty::Ints, depth)]),
                _ => {
                    let other = self.random.of(&[Ty::Floats, Ty::Ints]);
                    let function = self.random.of(&["dot", "cosine"]);
                    call(function, vec![self.tree(Ty::Floats, depth), self.tree(other, depth)])
                }
            },
            _ => {
                let ty = self.random.of(&[Ty::Bool, Ty::Float, Ty::Text, Ty::Int]);
                let target = self.random.of(&["float64", "float32"]);
                call("cast", vec![self.tree(ty, depth), literal(Literal::Text(target.into()))])
            }
        }
    }

    fn text(&mut self, depth: u32) -> Tree {
        match self.random.below(4) {
            0 => call(self.random.of(&["lower", "upper", "trim"]), vec![self.tree(Ty::Text, depth)]),
            1 => {
                let mut arguments = vec![self.tree(Ty::Text, depth), self.index()];
                if self.random.one_in(2) {
                    arguments.push(self.index());
                }
                call("substr", arguments)
            }
            2 => call("status", vec![tree(Node::Name(self.random.of(&every_name())))]),
            _ => {
                let ty = self.random.of(&[Ty::Bool, Ty::Int, Ty::Float, Ty::Text, Ty::Time, Ty::Date, Ty::Duration]);
                call("cast", vec![self.tree(ty, depth), literal(Literal::Text("string".into()))])
            }
        }
    }

    fn time(&mut self, depth: u32) -> Tree {
        match self.random.below(4) {
            0 | 1 => {
                let ty = self.random.of(&[Ty::Time, Ty::Date]);
                let (time, duration) = (self.tree(ty, depth), self.tree(Ty::Duration, depth));
                match self.random.below(3) {
                    0 => self.arithmetic(&[Arithmetic::Add], duration, time),
                    _ => self.arithmetic(&[Arithmetic::Add, Arithmetic::Subtract], time, duration),
                }
            }
            2 => self.extreme(Ty::Time, depth),
            _ => {
                let ty = self.random.of(&[Ty::Date, Ty::Text, Ty::Time]);
                call("cast", vec![self.tree(ty, depth), literal(Literal::Text("timestamp".into()))])
            }
        }
    }

    fn date(&mut self, depth: u32) -> Tree {
        match self.random.below(3) {
            0 => self.extreme(Ty::Date, depth),
            _ => {
                let ty = self.random.of(&[Ty::Date, Ty::Text, Ty::Time]);
                call("cast", vec![self.tree(ty, depth), literal(Literal::Text("date".into()))])
            }
        }
    }

    fn duration(&mut self, depth: u32) -> Tree {
        use Arithmetic::{Add, FloorDivide, Modulo, Multiply, Subtract};
        match self.random.below(8) {
            0 | 1 => {
                let (left, right) = (self.random.of(&[Ty::Time, Ty::Date]), self.random.of(&[Ty::Time, Ty::Date]));
                let (left, right) = (self.tree(left, depth), self.tree(right, depth));
                self.arithmetic(&[Subtract], left, right)
            }
            2 => {
                let (left, right) = (self.tree(Ty::Duration, depth), self.tree(Ty::Duration, depth));
                self.arithmetic(&[Add, Subtract, Modulo], left, right)
            }
            3 => {
                let (left, right) = (self.tree(Ty::Duration, depth), self.tree(Ty::Int, depth));
                self.arithmetic(&[Multiply, FloorDivide], left, right)
            }
            4 => {
                let (left, right) = (self.tree(Ty::Int, depth), self.tree(Ty::Duration, depth));
                self.arithmetic(&[Multiply], left, right)
            }
            5 => tree(Node::Negate(Box::new(self.tree(Ty::Duration, depth)))),
            6 => self.extreme(Ty::Duration, depth),
            _ => call("age", vec![tree(Node::Name(self.random.of(&every_name())))]),
        }
    }
}
