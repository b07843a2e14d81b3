//! Files of rows: every format gives the same rows, and says what is wrong with them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float32Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int64Type, Schema, TimeUnit};
use asofdb::{ErrorKind, InputFormat, Source, TextOptions, timestamp_type};
use tempfile::TempDir;

use crate::common::{batch, files, hours_ago, times};
use crate::ipc;

/// `rows` rows with an integer, a time, a float with holes and a text.
fn rows(rows: usize) -> RecordBatch {
    let ids: Vec<i64> = (0..rows as i64).collect();
    let score = |id: &i64| (id % 7 != 0).then_some(*id as f32 / 2.0);
    batch(vec![
        ("id", Arc::new(Int64Array::from(ids.clone()))),
        ("event_timestamp", times(ids.iter().map(|id| Some(hours_ago(*id))))),
        ("score", Arc::new(ids.iter().map(score).collect::<Float32Array>())),
        ("name", Arc::new(ids.iter().map(|id| Some(format!("n{id}"))).collect::<StringArray>())),
    ])
}

fn hint() -> Schema {
    Schema::new(vec![
        Field::new("score", DataType::Float32, true),
        Field::new("id", DataType::Int64, true),
        Field::new("event_timestamp", timestamp_type(), true),
    ])
}

/// Arrow writes no text of times in named zones.
fn with_offset(rows: &RecordBatch) -> RecordBatch {
    let offset = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
    let column = |(field, array): (&Arc<Field>, &ArrayRef)| match array.data_type() {
        DataType::Timestamp(..) => (field.name().clone(), cast(array, &offset).unwrap(), true),
        _ => (field.name().clone(), array.clone(), true),
    };
    RecordBatch::try_from_iter_with_nullable(rows.schema().fields().iter().zip(rows.columns()).map(column)).unwrap()
}

fn csv(batch: &RecordBatch) -> String {
    let batch = with_offset(batch);
    let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    let cell = |column: &ArrayRef, row| arrow::util::display::array_value_to_string(column, row).unwrap();
    let line = |row| batch.columns().iter().map(|column| cell(column, row)).collect::<Vec<_>>().join(",");
    [names.join(",")].into_iter().chain((0..batch.num_rows()).map(line)).map(|line| format!("{line}\n")).collect()
}

fn ndjson(batch: &RecordBatch) -> String {
    let mut bytes = Vec::new();
    let builder = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, arrow::json::writer::LineDelimited>(&mut bytes);
    writer.write(&with_offset(batch)).unwrap();
    writer.finish().unwrap();
    String::from_utf8(bytes).unwrap()
}

fn read(source: &Source) -> RecordBatch {
    let batches: Vec<_> = source.batches().unwrap().map(Result::unwrap).collect();
    concat_batches(&source.schema(), &batches).unwrap()
}

fn error(path: &Path, hint: Option<&Schema>) -> String {
    let failed = Source::open(path, None, TextOptions { hint, ..TextOptions::default() })
        .and_then(|source| source.batches()?.collect::<Result<Vec<_>, _>>());
    let message = format!("{:#}", failed.unwrap_err());
    assert!(!message.contains('\n'), "{message}");
    message.replace(&path.parent().unwrap().display().to_string(), "")
}

#[test]
fn every_format_gives_the_same_rows() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    let expected = rows(20_000);
    let halves = [expected.slice(0, 9_000), expected.slice(9_000, 11_000)];
    let paths = [
        files::parquet(path("a.parquet"), &expected, 6_000),
        ipc::file(path("a.arrow"), &halves),
        ipc::stream(path("b.arrow"), &halves),
        files::text(path("a.csv"), &csv(&expected)),
        files::text(path("a.ndjson"), &ndjson(&expected)),
    ];
    for path in paths {
        let mut source = Source::open(&path, None, TextOptions::hinted(&hint())).unwrap();
        assert_eq!(read(&source).columns(), expected.columns(), "{path:?}");
        for skip in [0, 1, 5_999, 6_000, 9_001, 19_999, 20_000] {
            source.skip_rows(skip);
            let rest = expected.slice(skip as usize, 20_000 - skip as usize);
            assert_eq!(read(&source).columns(), rest.columns(), "{path:?} from row {skip} on");
        }
        source.skip_rows(0);
        source.project(&["name", "id"]).unwrap();
        assert_eq!(read(&source).columns(), expected.project(&[0, 3]).unwrap().columns(), "{path:?}");
        assert_eq!(source.bytes_total(), fs::metadata(&path).unwrap().len());
        let mut batches = source.batches().unwrap();
        batches.by_ref().for_each(|batch| assert!(batch.unwrap().num_rows() <= 8_192));
        assert!(batches.bytes_done() > source.bytes_total() / 2, "{path:?}");
    }
}

#[test]
fn readers_are_read_like_files() {
    let text = "id,name\n1,a\n2,b\n";
    let source = Source::read(text.as_bytes(), "standard input", InputFormat::Csv, TextOptions::default()).unwrap();
    assert_eq!(read(&source).num_rows(), 2);
    let empty = Source::read(&b""[..], "standard input", InputFormat::Parquet, TextOptions::default()).unwrap_err();
    assert_eq!(empty.to_string(), "file standard input is empty");
}

fn texts(column: &ArrayRef) -> Vec<Option<&str>> {
    column.as_string::<i32>().iter().collect()
}

#[test]
fn columns_of_csv_are_what_the_hint_says_and_stay_as_they_are_written_without_one() {
    let directory = TempDir::new().unwrap();
    let text = "a,b,zip,id,time,f,g\n\
                1,1.10,00501,12345678901234567890,2013-01-01,1,\n\
                ,,12E5,9007199254740993,2013-01-01 10:00:00.5,,\n\
                2,2.5,+1,12345678901234567891, x ,0,\n";
    let path = files::text(directory.path().join("a.csv"), text);
    let hint = Schema::new(vec![
        Field::new("a", DataType::Float32, true),
        Field::new("f", DataType::Boolean, true),
        Field::new("g", timestamp_type(), true),
    ]);
    let source = Source::open(&path, None, TextOptions::hinted(&hint)).unwrap();
    let batch = read(&source);
    assert_eq!(batch.column(0).as_primitive::<Float32Type>().iter().collect::<Vec<_>>(), [Some(1.0), None, Some(2.0)]);
    assert_eq!(texts(batch.column(1)), [Some("1.10"), None, Some("2.5")]);
    assert_eq!(texts(batch.column(2)), [Some("00501"), Some("12E5"), Some("+1")]);
    let ids = [Some("12345678901234567890"), Some("9007199254740993"), Some("12345678901234567891")];
    assert_eq!(texts(batch.column(3)), ids);
    assert_eq!(texts(batch.column(4)), [Some("2013-01-01"), Some("2013-01-01 10:00:00.5"), Some(" x ")]);
    assert_eq!(batch.column(5).as_boolean().iter().collect::<Vec<_>>(), [Some(true), None, Some(false)]);
    assert_eq!((batch.column(6).data_type(), batch.column(6).null_count()), (&timestamp_type(), 3));
}

#[test]
fn columns_of_json_keep_their_kind_only_where_every_row_has_it_and_no_digit_is_lost() {
    let directory = TempDir::new().unwrap();
    let row = "{\"n\": 1, \"x\": 0.1, \"ok\": true, \"s\": \"007\", \"id\": 1, \"late\": 1, \"mixed\": 1}\n";
    // The rows that make the difference lie far down.
    let last = "{\"n\": -2, \"x\": 3, \"ok\": false, \"s\": null, \"id\": 12345678901234567890, \"late\": \"x\", \
                \"mixed\": {\"a\": [1.10]}, \"new\": 9007199254740993}\n";
    let path = files::text(directory.path().join("a.ndjson"), &format!("{}{last}", row.repeat(12_000)));
    let batch = read(&Source::open(&path, None, TextOptions::default()).unwrap());
    assert_eq!(batch.num_rows(), 12_001);
    let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["n", "x", "ok", "s", "id", "late", "mixed", "new"]);
    let ends = batch.slice(11_999, 2);
    assert_eq!(ends.column(0).as_primitive::<Int64Type>().values(), &[1, -2]);
    assert_eq!(ends.column(1).as_primitive::<Float64Type>().values(), &[0.1, 3.0]);
    assert_eq!(ends.column(2).as_boolean().iter().collect::<Vec<_>>(), [Some(true), Some(false)]);
    assert_eq!(texts(ends.column(3)), [Some("007"), None]);
    assert_eq!(texts(ends.column(4)), [Some("1"), Some("12345678901234567890")]);
    assert_eq!(texts(ends.column(5)), [Some("1"), Some("x")]);
    assert_eq!(texts(ends.column(6)), [Some("1"), Some("{\"a\": [1.10]}")]);
    assert_eq!(
        ends.column(7).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
        [None, Some(9_007_199_254_740_993)]
    );
}

#[test]
fn an_empty_text_in_quotes_is_one_and_nothing_at_all_is_null() {
    let directory = TempDir::new().unwrap();
    let path = files::text(directory.path().join("a.csv"), "name,score,bytes\n\"\",\"\",\"\"\n,,\na,1,00\n");
    let hint =
        Schema::new(vec![Field::new("score", DataType::Float32, true), Field::new("bytes", DataType::Binary, true)]);
    let batch = read(&Source::open(&path, None, TextOptions::hinted(&hint)).unwrap());
    assert_eq!(texts(batch.column(0)), [Some(""), None, Some("a")]);
    assert_eq!(batch.column(1).as_primitive::<Float32Type>().iter().collect::<Vec<_>>(), [None, None, Some(1.0)]);
    assert_eq!(batch.column(2).as_binary::<i32>().iter().collect::<Vec<_>>(), [Some(&b""[..]), None, Some(&[0])]);
}

#[test]
fn whole_numbers_are_exact_however_they_are_written() {
    let directory = TempDir::new().unwrap();
    let text = "id\n9007199254740993.0\n9.007199254740993e15\n9223372036854775807.00\n";
    let path = files::text(directory.path().join("a.csv"), text);
    let batch = read(&Source::open(&path, None, TextOptions::hinted(&hint())).unwrap());
    let expected = [9_007_199_254_740_993, 9_007_199_254_740_993, i64::MAX];
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &expected);
    let path = files::text(directory.path().join("b.csv"), "id\n9007199254740993.5\n");
    assert!(error(&path, Some(&hint())).ends_with("column \"id\" is no int64: \"9007199254740993.5\""));
}

#[test]
fn other_delimiters_are_given_or_known_by_the_ending_and_a_wrong_one_is_named() {
    let directory = TempDir::new().unwrap();
    let rows = |delimiter: &str| {
        ["id,score,name", "1,0.5,\"a;b\"", "2,1.5,c"].map(|row| row.replace(',', delimiter)).join("\n")
    };
    let expected = |source: Source| {
        let batch = read(&source);
        assert_eq!(batch.column(1).as_primitive::<Float32Type>().values(), &[0.5, 1.5]);
        assert_eq!(texts(batch.column(2)), [Some("a;b"), Some("c")]);
    };
    for (name, delimiter, shown) in [("a.csv", ";", "\";\""), ("b.csv", "\t", "tab"), ("c.csv", "|", "\"|\"")] {
        let path = files::text(directory.path().join(name), &rows(delimiter));
        let (hint, given) = (hint(), Some(delimiter.parse().unwrap()));
        expected(Source::open(&path, None, TextOptions { delimiter: given, ..TextOptions::hinted(&hint) }).unwrap());
        let message =
            format!("the delimiter of file \"/{name}\" looks like {shown}, and \",\" was expected; say which it is");
        assert_eq!(error(&path, Some(&hint)), message);
    }
    let tsv = files::text(directory.path().join("a.tsv"), &rows("\t"));
    expected(Source::open(&tsv, None, TextOptions::hinted(&hint())).unwrap());
    let quoted = files::text(directory.path().join("q.csv"), "\"id\";\"score\"\n");
    assert!(error(&quoted, Some(&hint())).contains("looks like \";\""));
    let json = files::text(directory.path().join("a.ndjson"), "{\"id\": 1}\n");
    let given = TextOptions { delimiter: Some(";".parse().unwrap()), ..TextOptions::default() };
    let refused = Source::open(&json, None, given).unwrap_err().to_string();
    assert!(refused.starts_with("a delimiter is for CSV, and file "), "{refused}");
}

#[test]
fn an_array_of_objects_is_read_row_by_row() {
    let directory = TempDir::new().unwrap();
    let text = "[{\"id\":1,\"score\":0.5},\n {\"id\":2, \"name\":\"],[\"}]\n";
    let path = files::text(directory.path().join("a.json"), text);
    let mut source = Source::open(&path, None, TextOptions::hinted(&hint())).unwrap();
    let batch = read(&source);
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[1, 2]);
    assert_eq!(batch.column(1).as_primitive::<Float32Type>().iter().collect::<Vec<_>>(), [Some(0.5), None]);
    assert_eq!(texts(batch.column(2)), [None, Some("],[")]);
    source.skip_rows(1);
    assert_eq!(read(&source).columns(), batch.slice(1, 1).columns());
    let bad = files::text(directory.path().join("b.json"), "[{\"id\":1},\n\n{\"id\":\"x\"}]");
    assert_eq!(
        error(&bad, Some(&hint())),
        "file \"/b.json\", line 3 (row 2): column \"id\" is int64, not a string: \"x\""
    );
    let cut = files::text(directory.path().join("c.json"), "[{\"id\":1},\n{\"id\":2}");
    assert_eq!(error(&cut, Some(&hint())), "file \"/c.json\", line 2: the JSON array of rows is broken or cut short");
}

#[test]
fn lists_are_json_arrays_and_csv_has_none() {
    let directory = TempDir::new().unwrap();
    let text = "{\"id\":1,\"v\":[0.5,1]}\n\n{\"id\":2,\"v\":[]}\n{\"id\":3,\"v\":null}\n{\"id\":4}\n";
    let path = files::text(directory.path().join("a.ndjson"), text);
    let item = Arc::new(Field::new_list_field(DataType::Float32, true));
    let hint = Schema::new(vec![Field::new("v", DataType::List(item), true)]);
    let batch = read(&Source::open(&path, None, TextOptions::hinted(&hint)).unwrap());
    let lists = vec![Some(vec![Some(0.5), Some(1.0)]), Some(vec![]), None, None];
    let expected: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(lists));
    assert_eq!(batch.column(1), &expected);

    let path = files::text(directory.path().join("a.csv"), "id,v\n1,2\n");
    let expected = "file \"/a.csv\": CSV has no lists, and column \"v\" is to be one; use NDJSON, Parquet or Arrow";
    assert_eq!(error(&path, Some(&hint)), expected);
}

#[test]
fn a_bad_cell_is_named_with_its_line_column_and_value() {
    let directory = TempDir::new().unwrap();
    let cases = [
        ("a.csv", "id,score\n1,2\n\n\"2\",warm\n", "line 4 (row 2): column \"score\" is no float32: \"warm\""),
        (
            "a.csv",
            "id,score,x\r\n1,2,\"two\r\nlines\"\r\n2,,\r\n3,1e39,\r\n",
            "line 5 (row 3): column \"score\" is no float32: \"1e39\"",
        ),
        ("a.csv", "id,score\n1,2\n3\n", "line 3 (row 2): it has 1 cells where there are 2 columns"),
        ("a.csv", "id,score\n1,\"2\n", "line 2 (row 1): a quote is left open"),
        (
            "a.ndjson",
            "{\"score\":1}\n\n{\"score\":\"1\"}\n",
            "line 3 (row 2): column \"score\" is float32, not a string: \"1\"",
        ),
        ("a.ndjson", "{\"score\":1}\n{\"score\":true}\n", "line 2 (row 2): column \"score\" is no float32: \"true\""),
        ("a.ndjson", "{\"score\":1}\n{\"score\":[1]}\n", "line 2 (row 2): column \"score\" is float32, not a list"),
        ("a.ndjson", "{\"score\":1}\n{\"score\":1,\"score\":2}\n", "line 2 (row 2): column \"score\" is named twice"),
        (
            "a.ndjson",
            "{\"score\":1}\n{\"score\":\n",
            "line 2 (row 2): it is no JSON: EOF while parsing a value (character 0)",
        ),
        (
            "a.ndjson",
            "{\"score\":1}\n{\"id\":1,\"score\":NaN}\n",
            "line 2 (row 2): it is no JSON: expected value (character 17); JSON has no NaN and no Infinity, write them in \
             quotes or null",
        ),
        (
            "a.ndjson",
            "{\"score\":1}\n[1]\n",
            "line 2 (row 2): it is no JSON object: invalid type: sequence, expected an object (character 0)",
        ),
    ];
    for (name, text, expected) in cases {
        let path = files::text(directory.path().join(name), text);
        assert_eq!(error(&path, Some(&hint())), format!("file \"/{name}\", {expected}"));
    }
}

#[test]
fn a_value_further_down_that_is_not_what_the_hint_says_is_an_error() {
    let directory = TempDir::new().unwrap();
    let text = format!("id\n{}x\n", "1\n".repeat(10_000));
    let path = files::text(directory.path().join("a.csv"), &text);
    let expected = "file \"/a.csv\", line 10002 (row 10001): column \"id\" is no int64: \"x\"";
    assert_eq!(error(&path, Some(&hint())), expected);
}

#[test]
fn files_that_are_empty_missing_of_no_format_or_without_columns_are_refused() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    let cases = [
        (files::text(path("a.parquet"), ""), "file \"/a.parquet\" is empty"),
        (files::text(path("a.csv"), "\n\n"), "file \"/a.csv\" has no line of column names"),
        (files::text(path("b.csv"), "a,a\n"), "file \"/b.csv\", line 1: two columns are named \"a\""),
        (files::text(path("a.ndjson"), "1\n"), "file \"/a.ndjson\" has no row that is a JSON object"),
        (path("b.parquet"), "there is no file \"/b.parquet\""),
        (
            files::text(path("a.xlsx"), "x"),
            "the ending of file \"/a.xlsx\" does not tell its format (.parquet, .arrow, .csv, .ndjson, ..); \
             give it with --input-format",
        ),
        (
            files::text(path("a.feather"), "FEA1...."),
            "file \"/a.feather\" is Feather version 1; write it as version 2 (Arrow IPC)",
        ),
    ];
    for (path, expected) in cases {
        assert_eq!(error(&path, None), expected);
    }
    let source = Source::open(directory.path(), Some(InputFormat::Csv), TextOptions::default()).unwrap_err();
    assert!(source.to_string().ends_with("is a directory; name the files in it"), "{source}");
}

#[test]
fn files_cut_short_or_garbled_are_corrupt() {
    let directory = TempDir::new().unwrap();
    let rows = rows(5_000);
    let paths = [
        (files::parquet(directory.path().join("a.parquet"), &rows, 1_000), "Parquet"),
        (ipc::file(directory.path().join("a.arrow"), std::slice::from_ref(&rows)), "Arrow IPC"),
        (ipc::stream(directory.path().join("b.arrow"), &[rows]), "Arrow IPC"),
    ];
    for (path, format) in paths {
        let bytes = fs::read(&path).unwrap();
        for keep in [1, 7, 100, bytes.len() / 2, bytes.len() - 20] {
            fs::write(&path, &bytes[..keep]).unwrap();
            let message = error(&path, None);
            assert!(message.contains(&format!("is cut short or not {format}: ")), "{keep}: {message}");
        }
        fs::write(&path, b"id,score\n1,2\n and so on, which is something else").unwrap();
        let failed = Source::open(&path, None, TextOptions::default()).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Corrupt, "{failed}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_an_error() {
    let directory = TempDir::new().unwrap();
    let path = files::text(directory.path().join("a.csv"), &format!("id\n{}", "1\n".repeat(20_000)));
    let source = Source::open(&path, None, TextOptions::default()).unwrap();
    let mut batches = source.batches().unwrap();
    batches.next().unwrap().unwrap();
    fs::write(&path, "id\n1\n").unwrap();
    let failed = batches.find_map(Result::err).unwrap();
    assert_eq!(failed.kind(), ErrorKind::Unavailable);
    assert!(failed.to_string().ends_with("was changed while it was read; try again"), "{failed}");
}

#[test]
fn a_column_that_is_not_there_comes_with_advice() {
    let directory = TempDir::new().unwrap();
    let path = files::text(directory.path().join("a.csv"), "score,id\n1,2\n");
    let mut source = Source::open(&path, None, TextOptions::default()).unwrap();
    let message = source.project(&["scores"]).unwrap_err().to_string();
    assert!(message.ends_with("has no column \"scores\"; did you mean \"score\"?"), "{message}");
}
