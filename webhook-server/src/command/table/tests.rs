use anstyle::AnsiColor;

use super::*;

const ID: &str = "evt_1PabcdefghijklmnopqrstUV";

fn inbox() -> Table<6> {
    let mut table = Table::new([
        Column::beneath("RECEIVED", "received"),
        Column::whole("EVENT"),
        Column::wraps("TYPE"),
        Column::wraps("HANDLER"),
        Column::whole("STATE"),
        Column::beneath("ERROR", ""),
    ]);
    table.add([
        "2026-11-23T07:30:00Z".into(),
        ID.into(),
        "billing_portal.configuration.updated".into(),
        "shop::subscriptions::tell_the_warehouse".into(),
        Cell::styled("parked", AnsiColor::Red.on_default()),
        Cell::quoted(&"the ledger at 10.0.0.1 did not answer\n".repeat(12)),
    ]);
    table.add(["2026-11-23T07:30:01Z", "evt_2", "payout.paid", "shop::paid", "done", "-"].map(Cell::from));
    table
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn a_table_is_never_wider_than_the_terminal() {
    // Four columns of one character and the gaps between them need ten.
    for terminal in 10..250 {
        let text = plain(&inbox().text(Some(terminal)));
        for line in text.lines() {
            assert!(line.width() <= terminal, "{terminal}: {line:?}\n{text}");
        }
    }
}

#[test]
fn an_id_stays_in_one_piece_on_eighty_columns() {
    for terminal in [60, 80, 100, 120, 160] {
        let text = plain(&inbox().text(Some(terminal)));
        assert!(text.contains(ID), "{terminal}: {text}");
    }
}

#[test]
fn names_are_broken_where_they_have_parts() {
    let expected = "\
EVENT                         TYPE                   HANDLER                STATE
evt_1PabcdefghijklmnopqrstUV  billing_portal.        shop::subscriptions::  parked
                              configuration.updated  tell_the_warehouse
  received 2026-11-23T07:30:00Z
";
    let text = plain(&inbox().text(Some(82)));
    assert!(text.starts_with(expected), "{text}");
    for (text, width, expected) in [
        ("customer.subscription.updated", 22, &["customer.subscription.", "updated"][..]),
        ("shop::orders::fulfil", 14, &["shop::orders::", "fulfil"]),
        ("src/a_long_file_name.rs:12", 12, &["src/a_long_", "file_name.", "rs:12"]),
        ("it ended 2026-11-28T15:36:33Z", 28, &["it ended 2026-11-28T15:36:", "33Z"]),
        (
            "of all of them, this task ended at 2026-11-28T15:36:33Z",
            50,
            &["of all of them, this task ended at", "2026-11-28T15:36:33Z"],
        ),
        ("no room for this", 8, &["no room", "for this"]),
        ("averylongwordindeed", 6, &["averyl", "ongwor", "dindee", "d"]),
        ("日本語の誤り", 4, &["日本", "語の", "誤り"]),
        ("", 5, &[""]),
        ("short", 0, &["s", "h", "o", "r", "t"]),
    ] {
        assert_eq!(wrapped(text, width), expected, "{text:?} in {width}");
    }
}

#[test]
fn without_a_terminal_nothing_is_cut_or_broken() {
    let text = plain(&inbox().text(None));
    assert_eq!(text.lines().count(), 3, "{text}");
    assert_eq!(text.matches("did not answer").count(), 12, "{text}");
    assert!(text.lines().all(|line| line.trim_end() == line), "{text:?}");
}

#[test]
fn a_long_error_is_cut_beneath_its_row() {
    let text = plain(&inbox().text(Some(80)));
    assert!(text.contains("\n  received 2026-11-23T07:30:00Z\n  the ledger"), "{text}");
    assert!(text.contains('…') && text.lines().count() < 12, "{text}");
    // What the row has not is not written.
    assert!(text.ends_with("\n  received 2026-11-23T07:30:01Z\n"), "{text}");
}

#[test]
fn nothing_in_a_cell_steers_the_terminal() {
    let mut table = Table::new([Column::whole("A"), Column::beneath("B", "")]);
    table.add([Cell::from("a\u{1b}[2J"), Cell::quoted("b\r\n\u{9b}31m")]);
    for terminal in [None, Some(6)] {
        let text = table.text_without_header(terminal);
        assert!(text.chars().all(|char| !char.is_control() || char == '\n'), "{text:?}");
        assert!(!text.contains("\n\n"), "{text:?}");
    }
}

#[test]
fn a_long_line_goes_on_further_in() {
    let tree = "invoice\n  status: one of draft, open, paid\n  id: text\n\nend\n";
    let expected = "invoice\n  status: one of\n      draft, open,\n      paid\n  id: text\n\nend\n";
    assert_eq!(hanging(tree, Some(20)), expected);
    assert_eq!((hanging(tree, None), hanging(tree, Some(80))), (tree.to_owned(), tree.to_owned()));
}
