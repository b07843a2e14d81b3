//! Tests of what can be written, what cannot, and what is said about it.

use std::collections::BTreeMap;

use asofdb_expression::{
    Error, ErrorKind, Expression, HEIGHT_MAX, NESTING_MAX, Name, Node, Program, TEXT_BYTES_MAX, Type,
};
use asofdb_storage::{ScalarType, ValueType};

fn scope() -> BTreeMap<Name, ValueType> {
    let one = ValueType::Scalar;
    [
        ("v:amount", one(ScalarType::Float64)),
        ("v:count", one(ScalarType::Int32)),
        ("v:city", one(ScalarType::String)),
        ("v:seen", one(ScalarType::Timestamp)),
        ("v:born", one(ScalarType::Date)),
        ("v:raw", one(ScalarType::Bytes)),
        ("v:flag", one(ScalarType::Bool)),
        ("v:tags", ValueType::List(ScalarType::String)),
        ("v:vector", ValueType::List(ScalarType::Float32)),
        ("my-view:a.b", one(ScalarType::Int64)),
        ("amount", one(ScalarType::Float64)),
        ("f", one(ScalarType::Bool)),
        ("c", one(ScalarType::Int64)),
        ("now", one(ScalarType::Int64)),
    ]
    .into_iter()
    .map(|(name, ty)| (Name::new(name), ty))
    .collect()
}

fn compile(text: &str) -> Result<Program, Error> {
    Program::compile(&Expression::parse(text)?, &scope())
}

fn error(text: &str) -> Error {
    match compile(text) {
        Ok(program) => panic!("{text} is {}", program.ty()),
        Err(error) => error,
    }
}

/// The part of the text that an error points to.
fn place<'t>(text: &'t str, error: &Error) -> &'t str {
    &text[error.span().start as usize..error.span().end as usize]
}

#[test]
fn trees_print_with_the_parentheses_that_they_need() {
    for (text, printed) in [
        ("((a + b)) * c", "(a + b) * c"),
        ("a - (b - c)", "a - (b - c)"),
        ("(a - b) - c", "a - b - c"),
        ("not (a and b) or c", "not (a and b) or c"),
        ("not (not a)", "not not a"),
        ("-(5)", "-(5)"),
        ("- 5", "-5"),
        ("--5", "-(-5)"),
        ("-(a * b)", "-(a * b)"),
        ("(a == b) == c", "(a == b) == c"),
        ("(a in [1]) in [true]", "(a in [1]) in [true]"),
        ("a not in [1, -2]", "not a in [1, -2]"),
        ("(not a) == b", "(not a) == b"),
        ("'it''s'", ""),
        ("\"it's\"", "'it\\'s'"),
        ("`my-view:a.b` + `x`", "`my-view:a.b` + x"),
        ("0d + 24h + 90m + 14d", "0s + 1d + 90m + 14d"),
        ("1e300 + .5", "1e300 + 0.5"),
        ("f()", "f()"),
        ("timestamp('2024-01-01')", "timestamp('2024-01-01T00:00:00Z')"),
        ("'\\u{7}\\n'", "'\\u{7}\\n'"),
    ] {
        let parsed = Expression::parse(text);
        if printed.is_empty() {
            assert_eq!(parsed.unwrap_err().kind(), ErrorKind::Syntax, "{text}");
            continue;
        }
        let expression = parsed.unwrap();
        assert_eq!(expression.tree().to_string(), printed);
        assert_eq!(Expression::parse(printed).unwrap().tree(), expression.tree(), "{printed}");
    }
}

#[test]
fn bad_syntax_is_shown_where_it_is() {
    for (text, at, message) in [
        ("", "", "a value is expected, not the end"),
        ("a +", "", "a value is expected, not the end"),
        ("a b", "b", "the expression ends before `b`"),
        ("(a", "", "`)` is expected at the end of what is in parentheses, not the end"),
        ("f(a b)", "b", "`)` is expected or `,` after an argument, not `b`"),
        ("a < b < c", "< b <", "comparisons do not chain"),
        ("a == not b", "not", "`not` needs parentheses here"),
        ("[a]", "a", "a list has plain values: numbers, text, true, false or times"),
        ("a in 1", "1", "`[` is expected after `in`, not a number"),
        ("'abc", "'abc", "the text is not closed by '"),
        ("'\\q'", "\\q", "a backslash begins no escape here"),
        ("`abc", "`abc", "the name is not closed by `"),
        ("``", "``", "a name in backticks is `name` or `view:feature`, of at most 511 bytes"),
        ("a = b", "=", "this character means nothing here: '='"),
        ("a ^ b", "^", "this character means nothing here: '^'"),
        ("v:a.b", "v:a.b", "this name has characters beside letters, digits and _"),
        ("7days", "7days", "a number is followed by no name, except by a unit of time: 7days"),
        ("1.5h", "1.5h", "a number ends where a name begins"),
        ("9223372036854775808", "9223372036854775808", "the number is too large: 9223372036854775808"),
        ("99999999999999999999", "99999999999999999999", "the number is too large: 99999999999999999999"),
        ("1e999", "1e999", "the number is too large: 1e999"),
        ("date('2023-02-29')", "'2023-02-29'", "a date is YYYY-MM-DD, from 0001-01-01 to 9999-12-31: \"2023-02-29\""),
    ] {
        let error = error(text);
        assert_eq!((error.kind(), error.message()), (ErrorKind::Syntax, message), "{text}");
        assert_eq!(place(text, &error), at, "{text}");
    }
    assert_eq!(Expression::parse("-9223372036854775808").unwrap().tree().to_string(), "-9223372036854775808");
}

#[test]
fn words_of_other_languages_get_a_hint() {
    for (text, hint) in [
        ("v:flag AND v:flag", "did you mean `and`?"),
        ("v:amount is null", "`is_null(x)` asks for null"),
        ("v:amount = 1", "`==` compares"),
        ("v:flag && v:flag", "`and` is the word"),
        ("v:amount between 1 and 2", "it is written `x >= 1 and x <= 2`"),
        ("v:amuont", "did you mean `v:amount`?"),
        ("yaer(now)", "did you mean `year`?"),
        ("ifnull(v:amount, 0)", "it is written `coalesce(x, y)`"),
        ("log(v:amount)", "`ln(x)` is the natural logarithm"),
        ("year", "the function is `year(x)`"),
        ("cast(v:amount, 'int')", "did you mean `int32`?"),
        ("clip(v:amount)", "it is called as `clip(x, least, greatest)`"),
        ("v:flag + 1", "`cast(x, 'int64')` makes 0 or 1 of a bool"),
        ("v:seen + 7", "a duration has a unit, such as 7d or x * 1s"),
        ("timestamp(v:city)", "`cast(x, 'timestamp')` reads other text"),
        ("v:amount == null", "`is_null(x)` asks for null, `len(x) == 0` for an empty list"),
    ] {
        assert_eq!(error(text).hint(), Some(hint), "{text}");
    }
}

/// Expressions of wrong types, the place that is wrong and what is said about it.
const WRONG_TYPES: &[(&str, &str, &str)] = &[
    (
        "v:city + 1",
        "v:city + 1",
        "`+` needs two numbers, two durations, or a timestamp and a duration: got string and int64",
    ),
    ("v:amount * 1d", "v:amount * 1d", "`*` needs two numbers, or a duration and an int64: got float64 and duration"),
    (
        "1d + v:seen - 5",
        "1d + v:seen - 5",
        "`-` needs two numbers, two durations, two timestamps, or a timestamp and a duration: got timestamp and int64",
    ),
    ("v:amount and v:flag", "v:amount", "`and` needs bool: got float64"),
    ("not v:city", "v:city", "`not` needs bool: got string"),
    ("-v:city", "v:city", "`-` needs a number or a duration: got string"),
    ("v:city == 1", "v:city == 1", "`==` needs two values of one type: got string and int64"),
    ("v:tags == v:tags", "v:tags == v:tags", "`==` needs two values of one type: got list<string> and list<string>"),
    ("v:count in ['a']", "v:count in ['a']", "the items of the list are not of the type before it: int64 and string"),
    ("if(v:amount, 1, 2)", "v:amount", "a condition of `if` needs bool: got float64"),
    ("1 + if(v:flag, 1, 'a')", "'a'", "`if` needs values of one type: got int64 and string"),
    ("coalesce(v:tags, 1)", "1", "`coalesce` needs values of one type: got list<string> and int64"),
    ("coalesce(v:city, [])", "[]", "`coalesce` needs values of one type: got [] and string"),
    ("null", "null", "the type of `null` is not known here"),
    ("[]", "[]", "the type of the items of `[]` is not known here"),
    ("null + null", "null + null", "`+` needs a value whose type is known"),
    ("year(v:city)", "v:city", "`year` needs a timestamp or a date: got string"),
    ("lower(v:amount)", "v:amount", "`lower` needs string: got float64"),
    ("len(v:amount)", "v:amount", "`len` needs text, bytes or a list: got float64"),
    ("ln(v:city)", "v:city", "`ln` needs float64: got string"),
    ("min(v:city, 'a')", "min(v:city, 'a')", "`min` needs numbers, durations or times: got string"),
    ("bucket(v:amount, v:vector)", "v:vector", "`bucket` needs a list that is written down, such as [18, 25, 35]"),
    ("bucket(v:amount, [3, 2])", "[3, 2]", "the bounds of `bucket` are at least one, and ascend"),
    ("bucket(v:amount, [])", "[]", "the bounds of `bucket` are at least one, and ascend"),
    ("hash(v:amount, 10)", "v:amount", "`hash` needs text, bytes, a whole number, a bool or a time: got float64"),
    ("hash(v:city, 0)", "0", "`hash` needs a whole number above 0 that is written down"),
    ("regex_match(v:city, v:city)", "v:city", "`regex_match` needs a pattern that is written down"),
    ("regex_match(v:city, '(')", "'('", "this is no pattern: unclosed group"),
    ("sum(v:tags)", "v:tags", "`sum` needs a list of numbers: got list<string>"),
    ("contains(v:tags, 1)", "1", "an item of this list in `contains` needs string: got int64"),
    ("get(v:amount, 0)", "v:amount", "`get` needs a list: got float64"),
    ("age(v:amount + 1)", "v:amount + 1", "`age` asks about an input, by its name alone"),
    ("age(now)", "now", "`age` asks about an input, by its name alone"),
    ("cast(v:seen, 'int64')", "cast(v:seen, 'int64')", "`cast` makes no int64 of timestamp"),
    ("cast(v:tags, 'string')", "cast(v:tags, 'string')", "`cast` makes no string of list<string>"),
    ("[1, 'a'] ", "[1, 'a']", "the items of a list are of one type: got int64 and string"),
    ("len([1d])", "[1d]", "a list of durations stands only after `in` and in `bucket`"),
    ("len([1, null])", "[1, null]", "a list has no nulls"),
    ("abs(v:amount, 1)", "abs(v:amount, 1)", "`abs` takes 1 argument: got 2"),
    ("case(v:flag)", "case(v:flag)", "`case` takes 2 arguments or more: got 1"),
    ("substr(v:city)", "substr(v:city)", "`substr` takes 2 or 3 arguments: got 1"),
];

#[test]
fn wrong_types_are_named_with_what_is_needed() {
    for (text, at, message) in WRONG_TYPES {
        let error = error(text);
        assert_eq!((error.kind(), error.message()), (ErrorKind::Type, *message), "{text}");
        assert_eq!(place(text, &error), *at, "{text}");
    }
}

#[test]
fn types_are_inferred() {
    for (text, ty) in [
        ("v:count", "int64"),
        ("v:count / 2", "float64"),
        ("v:count // 2", "int64"),
        ("v:count // 2.0", "float64"),
        ("v:seen - v:born", "duration"),
        ("v:born - v:born", "duration"),
        ("v:born + 1d", "timestamp"),
        ("(v:seen - now) / 1d", "float64"),
        ("(v:seen - now) // 1d", "int64"),
        ("(v:seen - now) % 1d", "duration"),
        ("2 * 1d", "duration"),
        ("if(v:flag, null, v:born)", "date"),
        ("if(v:flag, v:seen, v:born)", "timestamp"),
        ("coalesce(null, 1, 2.5)", "float64"),
        ("coalesce(v:tags, [])", "list<string>"),
        ("v:vector", "list<float64>"),
        ("get(v:vector, 0)", "float64"),
        ("`my-view:a.b`", "int64"),
        ("`now` + 1", "int64"),
        ("v:raw", "bytes"),
        ("null + v:count", "int64"),
        ("cast(null, 'date')", "date"),
    ] {
        assert_eq!(compile(text).unwrap_or_else(|error| panic!("{text}: {error}")).ty().to_string(), ty, "{text}");
    }
}

#[test]
fn inputs_are_known_in_the_order_of_the_text_each_once() {
    let program = compile("case(v:flag, v:amount, v:count > amount, v:amount + age(v:seen) / 1d)").unwrap();
    let names: Vec<String> = program.inputs().iter().map(|input| input.name.reference()).collect();
    assert_eq!(names, ["v:flag", "v:amount", "v:count", "amount", "v:seen"]);
    assert_eq!(program.inputs()[2].ty, ValueType::Scalar(ScalarType::Int32));
    assert_eq!(program.text(), "case(v:flag, v:amount, v:count > amount, v:amount + age(v:seen) / 1d)");
    assert_eq!(program.value_type(), Some(ValueType::Scalar(ScalarType::Float64)));
}

#[test]
fn a_feature_is_declared_with_the_type_of_its_expression_or_a_narrower_number() {
    let declared = |text: &str, ty: &str| {
        Program::compile_as(&Expression::parse(text).unwrap(), &scope(), ty.parse().unwrap())
            .map(|program| program.value_type().unwrap().to_string())
            .map_err(|error| error.to_string())
    };
    for (text, ty) in [
        ("v:count", "int32"),
        ("v:count", "int64"),
        ("v:count", "float32"),
        ("v:amount", "float32"),
        ("v:born", "timestamp"),
        ("v:city", "string"),
        ("v:tags", "list<string>"),
    ] {
        assert_eq!(declared(text, ty).as_deref(), Ok(ty));
    }
    let hint = "the feature is declared as int64, but the expression is float64; `cast(..., 'int64')` converts";
    assert_eq!(declared("v:amount", "int64"), Err(hint.to_owned()));
    assert!(declared("now - v:seen", "int64").unwrap_err().contains("`x / 1h` counts hours"));
    assert!(declared("v:vector", "list<float32>").unwrap_err().contains("declare it as list<float64>"));
    assert_eq!(compile("now - v:seen").unwrap().value_type(), None);
}

#[test]
fn a_program_knows_whether_it_depends_on_the_time_of_the_row() {
    for (text, depends) in [("year(now)", true), ("age(v:city)", true), ("`now` + 1", false), ("v:seen", false)] {
        assert_eq!(compile(text).unwrap().depends_on_now(), depends, "{text}");
    }
}

#[test]
fn a_condition_is_true_or_false() {
    let condition = |text: &str| Program::condition(&Expression::parse(text).unwrap(), &scope());
    assert_eq!(condition("v:amount >= 0").unwrap().ty().to_string(), "bool");
    assert_eq!(
        condition("v:amount").unwrap_err().to_string(),
        "a condition is true or false: got float64; compare with a value, such as x > 0"
    );
}

#[test]
fn limits_are_kept_and_named() {
    let nested = |levels: usize| format!("{}1{}", "(".repeat(levels), ")".repeat(levels));
    assert!(Expression::parse(&nested(NESTING_MAX as usize - 1)).is_ok());
    let error = |text: &str| Expression::parse(text).unwrap_err();
    assert_eq!(error(&nested(NESTING_MAX as usize)).to_string(), "an expression has at most 64 levels");
    assert_eq!(error(&"-(".repeat(1_000)).kind(), ErrorKind::Limit);
    assert_eq!(error(&"not ".repeat(1_000)).kind(), ErrorKind::Limit);
    assert_eq!(error(&"f(".repeat(1_000)).kind(), ErrorKind::Limit);
    assert_eq!(error(&" ".repeat(TEXT_BYTES_MAX + 1)).kind(), ErrorKind::Limit);
    let chain = |terms: usize| vec!["1"; terms].join("+");
    assert!(Expression::parse(&chain(HEIGHT_MAX as usize)).is_ok());
    assert_eq!(
        error(&chain(HEIGHT_MAX as usize + 1)).to_string(),
        "an expression has at most 256 operators one after another"
    );
}

#[test]
fn the_tallest_expressions_fit_a_small_stack() {
    let deepest = || {
        let chain = vec!["v:count"; HEIGHT_MAX as usize].join("+");
        let inner = vec!["v:flag"; 150].join(" or ");
        let nested = format!("{}{inner}{}", "not (".repeat(30), ")".repeat(30));
        let ifs = format!("{}1{}", "if(v:flag,1,".repeat(60), ")".repeat(60));
        for text in [chain, nested, ifs] {
            let program = compile(&text).unwrap_or_else(|error| panic!("{}", error.render(&text)));
            assert!(program.explain().to_string().len() > 100);
        }
    };
    std::thread::Builder::new().stack_size(768 * 1_024).spawn(deepest).unwrap().join().unwrap();
}

#[test]
fn too_many_steps_are_refused() {
    let many = format!("case({})", vec!["f,c"; 700].join(","));
    let error = error(&many);
    assert_eq!((error.kind(), error.message().contains("at most 2048 steps")), (ErrorKind::Limit, true), "{error}");
}

#[test]
fn patterns_are_few() {
    let many = |count: usize| vec!["regex_match(v:city, 'a+')"; count].join(" or ");
    assert!(compile(&many(16)).is_ok());
    assert_eq!(error(&many(17)).to_string(), "an expression has at most 16 patterns");
    let large = error("regex_match(v:city, '(\\\\w{100}){100}')");
    assert!(large.message().contains("exceeds size limit"), "{large}");
}

/// An argument that was checked twice took twice as long at every level, which is for ever at thirty of them.
#[test]
fn deep_expressions_are_compiled_and_explained_in_no_time() {
    let text = (0..30).fold("v:city".to_owned(), |inner, _| format!("if(contains({inner}, 'a'), 'b', 'c')"));
    assert!(compile(&text).unwrap().explain().sql.is_ok());
    let extremes = (0..60).fold("v:amount".to_owned(), |inner, _| format!("min({inner}, 1.0)"));
    assert_eq!(compile(&extremes).unwrap().explain().sql, Err("its length".to_owned()));
}

#[test]
fn an_error_is_rendered_with_a_caret_below_its_place() {
    let text = "year(now) -\n  v:brith_year";
    let error = compile(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unknown);
    assert_eq!(
        error.render(text),
        "no input is named `v:brith_year`\n  --> line 2, column 3\n2 |   v:brith_year\n  |   ^^^^^^^^^^^^"
    );
}

#[test]
fn an_explanation_has_inputs_plan_and_sql() {
    let program = compile("if(v:amount > 0, (amount - v:amount) / v:amount, 0.0)").unwrap();
    let explanation = program.explain();
    let names: Vec<&str> = explanation.inputs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names, explanation.ty), (vec!["v:amount", "amount"], program.ty()));
    let expected = [
        "f0 = load(v:amount)",
        "b0 = greater(f0, 0.0)",
        "b1 = is_true(b0)",
        "f2 = load(amount)",
        "b2 = rows_where(b1)",
        "f3 = subtract(f2, f0) where b2",
        "f4 = divide(f3, f0) where b2",
        "f6 = select(b1, f4, 0.0)",
        "r0 = reads(amount)",
        "r1 = reads()",
        "r2 = select(b1, r0, r1)",
        "r3 = reads(v:amount)",
        "r4 = both(r3, r2)",
    ];
    assert_eq!(explanation.steps, expected);
    let sql = "CASE WHEN (CAST(\"v:amount\" AS DOUBLE) > 0e0) THEN ((CAST(\"amount\" AS DOUBLE) - CAST(\"v:amount\" AS \
               DOUBLE)) / nullif(CAST(\"v:amount\" AS DOUBLE), 0)) ELSE 0e0 END";
    assert_eq!(explanation.sql.as_deref(), Ok(sql));
    assert_eq!(compile("hash(v:city, 10) + 1").unwrap().explain().sql, Err("`hash`".to_owned()));
    assert_eq!(compile("age(v:city)").unwrap().explain().sql, Err("`status`, `age` or `is_missing`".to_owned()));
}

#[test]
fn a_tree_says_what_was_written() {
    let expression: Expression = "v:amount".parse().unwrap();
    assert!(matches!(expression.tree().node(), Node::Name(name) if name.reference() == "v:amount"));
    assert_eq!((expression.tree().height(), expression.to_string().as_str()), (1, "v:amount"));
    assert_eq!(Type::from(ValueType::Scalar(ScalarType::Int32)).to_string(), "int64");
}
