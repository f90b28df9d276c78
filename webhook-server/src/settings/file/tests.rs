//! Files with many mistakes, and any text as a file.

use proptest::prelude::*;

use super::*;

/// The problems of a text.
fn problems(text: &str) -> Vec<String> {
    let mut problems = Problems::default();
    Reader::new(Path::new("x.toml"), text, &mut problems).read();
    problems.list().to_vec()
}

#[test]
fn a_file_with_many_mistakes_has_few_problems() {
    for (line, first, found) in [
        ("2026-01-02 INFO started\n", "x.toml:1:", 100),
        ("strict = true\n", "x.toml:2:1: `strict` is set twice", 99),
        ("[endpoint.x]\n", "x.toml:2:1: there are two sections", 99),
        ("listen = whsec_abcdefghijklmnopqrstuvwxyz\n", "x.toml:1: this line holds a signing secret", 100),
    ] {
        let problems = problems(&line.repeat(100));
        assert!(problems[0].starts_with(first), "{}", problems[0]);
        assert_eq!(problems.len(), MOST + 1, "{line}");
        assert_eq!(problems[MOST], format!("x.toml: and {} more mistakes", found - MOST), "{line}");
    }
    let unknown: String = (0..=MOST).map(|number| format!("zzz{number} = 1\n")).collect();
    assert_eq!(problems(&unknown).last().unwrap(), "x.toml: and 1 more mistake");
    let unknown: String = (0..MOST).map(|number| format!("zzz{number} = 1\n")).collect();
    assert_eq!(problems(&unknown).len(), MOST);
}

/// Parts of a text in which mistakes are likely.
fn part() -> impl Strategy<Value = String> {
    let parts = [
        "é", " ", "  ", "\t", "\u{a0}", "\u{feff}", "\n", "\r", "=", " = ", "[", "]", "{", "}", "\"", "'",
        "\\", ":", "//", ";", "%", "#", ",", ".", "1", "true", "path", "strict", "endpoint", "export ",
        "---", "“",
    ];
    prop_oneof![8 => prop::sample::select(parts.to_vec()).prop_map(str::to_owned), 1 => ".{0,3}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_has_problems(parts in prop::collection::vec(part(), 0..24)) {
        let text = parts.concat();
        let is_toml = DeTable::parse(&text).is_ok();
        prop_assert!(is_toml || !problems(&text).is_empty(), "{:?}", text);
    }

    #[test]
    fn a_mistake_is_explained_at_any_byte(parts in prop::collection::vec(part(), 0..12)) {
        let text = parts.concat();
        let lines = Lines::of(&text);
        for at in 0..=text.len() + 1 {
            for message in ["duplicate key", "string values must be quoted, expected literal string"] {
                let Mistake { at: found, what } = syntax::explain(&text, at, message);
                prop_assert!(text.is_char_boundary(found) && !what.is_empty(), "{:?} at {}", text, at);
                prop_assert_eq!(lines.number(found), lines.number(at.min(text.len())), "{:?} at {}", text, at);
            }
        }
    }
}
