//! Typical mistakes, and what is said of each.

use toml::de::DeTable;

use super::*;

/// What is said of the first mistake in a text, with its column.
fn said(text: &str) -> String {
    let (_, errors) = DeTable::parse_recoverable(text);
    let error = errors.first().unwrap_or_else(|| panic!("{text}: it is TOML"));
    let Mistake { at, what } = explain(text, error.span().map_or(0, |span| span.start), error.message());
    let column = at - text[..at].rfind('\n').map_or(0, |end| end + 1) + 1;
    format!("{column}: {what}")
}

#[test]
fn usual_mistakes_are_told_in_plain_words() {
    for (text, expected) in [
        ("path = /webhook", "8: `path` is /webhook: it must be in quotes, as in `path = \"/webhook\"`"),
        (
            "listen = 127.0.0.1:80",
            "10: `listen` is 127.0.0.1:80: it must be in quotes, as in `listen = \"127.0.0.1:80\"`",
        ),
        ("tolerance = 10s # x", "13: `tolerance` is 10s: it must be in quotes, as in `tolerance = \"10s\"`"),
        ("inbox = C:\\data", "9: `inbox` is C:\\data: it must be in quotes, as in `inbox = 'C:\\data'`"),
        (
            "secret-file = ./x",
            "15: `secret-file` is ./x: it must be in quotes, as in `secret-file = \"./x\"`",
        ),
        ("body-limit = 1 MiB", "14: `body-limit` is 1 MiB: it must be a number of bytes, in digits alone"),
        ("body-limit = 1,000", "14: `body-limit` is 1,000: it must be a number of bytes, in digits alone"),
        ("body-limit = 010", "14: `body-limit` is 010: it must be a number of bytes, in digits alone"),
        ("concurrency = ${N}", "15: `concurrency` is ${N}: it must be a number, in digits alone"),
        ("strict = yes", "10: `strict` is yes: it must be true or false"),
        ("strict = True", "10: `strict` is True: it must be true or false"),
        ("listen =", "9: `listen` has no value"),
        ("listen = \nstrict = true", "10: `listen` has no value"),
        ("listen", "7: `listen` has no value: write `listen = …`"),
        ("listen \"a\"", "8: `=` is missing behind `listen`"),
        ("listen: \"a\"", "1: write `=` in place of `:`, as in `listen = \"a\"`"),
        ("tolerance: 5m # x", "1: write `=` in place of `:`, as in `tolerance = \"5m\"`"),
        ("listen == \"a\"", "9: there is a second `=`: remove it"),
        ("= 5", "1: the name before `=` is missing"),
        ("body limit = 5", "1: a name has no spaces: did you mean `body-limit`?"),
        ("listen = \"abc", "14: the closing quote is missing"),
        ("listen = 'abc", "14: the closing quote is missing"),
        ("listen = abc\"", "10: the opening quote is missing"),
        (
            "inbox = \"\"\"\nabc\n",
            "1: a text that begins with three quotes does not end before the end of the file",
        ),
        ("listen = “a”", "10: `listen` is in typographic quotes: use straight ones, as in \"…\""),
        (
            "listen = \"a\" \"b\"",
            "10: something follows the value of `listen`: remove it, or begin it with `#`",
        ),
        ("strict = true, path = \"/x\"", "10: two settings are on one line: write each on a line of its own"),
        (
            "inbox = \"C:\\data\"",
            "13: in double quotes, `\\` has a meaning of its own: use single quotes, or write `\\\\`",
        ),
        (
            "strict = true\nstrict = false",
            "1: `strict` is set twice, first in line 1: remove one of these lines",
        ),
        (
            "strict = true\n[endpoint.x]\nmode = \"any\"\nmode = \"any\"",
            "1: `mode` is set twice, first in line 3: remove one of these lines",
        ),
        (
            "[endpoint.x]\n[endpoint.y]\n[endpoint.x]",
            "1: there are two sections `[endpoint.x]`, first in line 1: make one of them",
        ),
        ("[endpoint.x", "1: the closing `]` of the section is missing"),
        ("endpoint.x]", "11: the opening `[` of the section is missing"),
        ("[endpoint x]", "1: write `[endpoint.x]`"),
        ("[endpoint.]", "1: a section is written as `[endpoint.NAME]`"),
        (
            "[endpoint./stripe]",
            "1: a name with other characters than letters, digits, `-` and `_` must be in quotes: \
             `[endpoint.\"/stripe\"]`",
        ),
        ("[endpoint.\"/x]", "1: a quote is missing in the section's name"),
        (
            "[endpoint.x] mode = \"any\"",
            "1: something follows the section on its line: write each key on a line of its own",
        ),
        (
            "strict = true\rconcurrency = 4",
            "15: a carriage return stands alone: save the file with the line ends of Unix or of Windows",
        ),
        ("// a comment", "1: a comment begins with `#`"),
        ("; a comment", "1: a comment begins with `#`"),
        (
            "<<<<<<< ours",
            "1: two versions of this file were merged, and this part was left open: choose one of them",
        ),
        (
            "export LISTEN=5",
            "1: this is a line of a shell script: write `name = value`, with the names of the flags",
        ),
        (
            "{ \"listen\": \"a\" }",
            "1: the file must be TOML, not YAML or JSON: write `name = value` on each line",
        ),
        ("listen = [\"a\",", "15: the closing `]` of a list is missing"),
        (
            "endpoint = \"a\"\nendpoint.x = 4",
            "1: it was given a value above, so it cannot have keys of its own",
        ),
        ("\u{a0}= true", "3: the name before `=` is missing"),
        ("path = /webhook   ", "8: `path` is /webhook: it must be in quotes, as in `path = \"/webhook\"`"),
        ("  path = /webhook \t", "10: `path` is /webhook: it must be in quotes, as in `path = \"/webhook\"`"),
        ("inbox = é  ", "9: `inbox` is é: it must be in quotes, as in `inbox = \"é\"`"),
        ("inbox = é\u{a0}", "9: `inbox` is é: it must be in quotes, as in `inbox = \"é\"`"),
        (";é  ", "1: a comment begins with `#`"),
        ("é = 1 ", "1: `é` is not a name: names have letters, digits and `-`"),
        (" é  ", "6: this is not a setting: write `name = value`"),
        ("listen =  ", "11: `listen` has no value"),
        // A URL may hold a password.
        ("postgres://u:hunter2@h/db", "26: this is not a setting: write `name = value`"),
        ("postgres: //u:hunter2@h/db", "11: this is not a setting: write `name = value`"),
        (
            "postgres://u:hunter2@h/db?a=b",
            "1: `postgres://u:…@h/db?…` is not a name: names have letters, digits and `-`",
        ),
        ("prix€ = true", "1: `prix€` is not a name: names have letters, digits and `-`"),
    ] {
        assert_eq!(said(text), expected, "{text}");
        assert!(!said(text).contains("hunter2"), "{text}");
    }
    // These are not mistakes.
    for text in ["\u{feff}strict = true", "\tstrict\t=\ttrue", "strict = true\r\nconcurrency = 4\r\n"] {
        assert!(DeTable::parse_recoverable(text).1.is_empty(), "{text}");
    }
}

/// A text that is broken anywhere is explained; nothing panics.
#[test]
fn every_broken_text_is_explained() {
    let text = "listen = \"ä:1\" # x\n[endpoint.\"/é\"]\r\nmode = 'any'\nbody-limit = 1_0\n";
    for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
        for broken in
            [text[..at].to_owned(), text[at..].to_owned(), format!("{}={}", &text[..at], &text[at..])]
        {
            for error in DeTable::parse_recoverable(&broken).1 {
                let at = error.span().map_or(0, |span| span.start);
                assert!(!explain(&broken, at, error.message()).what.is_empty(), "{broken}");
            }
        }
    }
}
