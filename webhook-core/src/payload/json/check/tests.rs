use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde::de::IgnoredAny;

use super::*;

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[test]
fn every_sign_of_json_is_checked() {
    for text in [
        "0",
        "-0",
        "-",
        "01",
        "1.",
        "1.5",
        ".5",
        "1e",
        "1e+",
        "1e+5",
        "-1.5E-10",
        "1e999",
        "+1",
        "1_0",
        "0x1",
        "--1",
        "true",
        "tru",
        "truex",
        "True",
        "false",
        "null",
        "nul",
        "nulll",
        "NaN",
        "-Infinity",
        "true false",
        "",
        "\"\"",
        "\"",
        "\"\\\"",
        "\"\\u00e9\"",
        "\"\\ud800\"",
        "\"\\u00g0\"",
        "\"\\u12\"",
        "\"\\x\"",
        "\"\\/\\b\\f\\n\\r\\t\"",
        "\"\u{1f}\"",
        "\"\u{7f}\"",
        "\"\n\"",
        "\"é\u{80}\u{10ffff}\"",
        "\"1234567\"",
        "\"12345678\"",
        "\"1234567\u{1}9\"",
        "[]",
        "[ ]",
        "[,]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,2]",
        "[[[]]]",
        "[[[]]",
        "[[]]]",
        "[}",
        "[1}",
        "]",
        "[1",
        "[",
        "{}",
        "{ }",
        "{,}",
        "{\"a\":1,}",
        "{\"a\" : 1 , \"b\":[]}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1 \"b\":2}",
        "{1:2}",
        "{\"a\":1]",
        "{\"a\",1}",
        "{\"a\":1",
        "{\"a\":",
        "{\"a\"",
        "{",
        "{a:1}",
        "{\"a\"::1}",
        "{\"a\":1,\"a\":2}",
        " \t\r\n1\t\r\n ",
        "\u{c}1",
        "1\u{a0}",
        "\u{feff}1",
        "1\0",
        "1,",
        "1:",
        "/**/1",
        "'a'",
    ] {
        assert_eq!(check(text).is_ok(), is_json(text), "{text:?}");
    }
}

#[test]
fn the_first_byte_that_does_not_fit_is_named() {
    for (text, at) in [
        ("[1,x]", 3),
        ("{\"a\":1 x}", 7),
        ("[1", 2),
        ("\"12345678\n\"", 9),
        ("\"a\\x\"", 2),
        ("01", 1),
        ("nul", 0),
    ] {
        assert_eq!(check(text).err(), Some(at), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_with_changed_bytes_is_checked_as_serde_json_does(
        changes in vec((any::<Index>(), 0..3_usize, select(vec![
            "", "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "e", ".", "-", "0", "true", "\n", "\u{1}", "é", "        ",
        ])), 0..4),
        indented: bool,
    ) {
        let json = serde_json::json!({
            "id": "evt_1", "é\"\\\u{1}": [1, -2.5e-9, [], {}, [[{"a": null}]]], "long": "abcdefghijklmnopqrstuvwxyz\n",
            "b": {"c": [true, false], "d": {"e": "f"}},
        });
        let mut text = if indented { format!("{json:#}") } else { json.to_string() };
        for (at, removed, inserted) in changes {
            let place = |at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let start = place(at.index(text.len() + 1));
            let end = place((start + removed).min(text.len())).max(start);
            text.replace_range(start..end, inserted);
        }
        prop_assert_eq!(check(&text).is_ok(), is_json(&text), "{}", text);
    }
}
