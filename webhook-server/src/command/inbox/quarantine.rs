//! The quarantine, for people: a list of it, and one body.

use std::io::{IsTerminal, stdout};

use super::json;
use super::tables::{named, size, time};
use crate::command::table::{Cell, Column, Table};
use crate::command::{Failure, Format, Output};
use crate::report::console::{print, print_unchanged, tell};
use crate::report::format::{is_unseen, printable};
use crate::store::{Body, QuarantineRow, Quarantined};

/// One row for each quarantined body.
pub(super) fn table(rows: &[QuarantineRow]) -> Table<5> {
    let mut table = Table::new([
        Column::whole("NUMBER"),
        Column::whole("RECEIVED"),
        Column::whole("DELIVERIES"),
        Column::whole("BYTES"),
        Column::beneath("WHY IT IS HERE", ""),
    ]);
    for row in rows {
        table.add([
            row.id.to_string().into(),
            time(row.received_ms).into(),
            row.deliveries.to_string().into(),
            row.bytes.to_string().into(),
            Cell::quoted(&row.reason),
        ]);
    }
    table
}

/// What is known of a quarantined body.
fn facts(row: &QuarantineRow, width: Option<usize>) -> String {
    named(
        [
            ("number in quarantine", row.id.to_string()),
            ("received", time(row.received_ms)),
            ("deliveries", row.deliveries.to_string()),
            ("why it is here", printable(&row.reason)),
            ("body", size(row.bytes)),
        ],
        width,
    )
}

/// Shows a quarantined body. A terminal gets it without what would steer the terminal.
pub(super) fn show(found: &Quarantined, only_body: bool, output: Output) -> Result<(), Failure> {
    let bytes = match &found.body {
        Body::Text(text) => text.as_bytes(),
        Body::Bytes(bytes) => bytes,
    };
    match (only_body, output.format()) {
        (true, _) if stdout().is_terminal() => match &found.body {
            Body::Text(text) if is_plain(text) => print(&format!("{text}\n")),
            _ => {
                print(&format!("{}\n", escaped(bytes)));
                tell(
                    "what is not text is escaped here; written to a pipe or a file, the body is exactly what was received\n",
                );
            }
        },
        (true, _) => print_unchanged(bytes),
        (false, Format::Json) => print(&json(found)?),
        (false, Format::Table) => print(&facts(&found.row, output.width())),
    }
    Ok(())
}

/// Whether a terminal shows a text as it is.
fn is_plain(text: &str) -> bool {
    text.chars().all(|char| !is_unseen(char) || ['\n', '\t'].contains(&char))
}

/// Bytes of any kind, from which they can be read back: control characters and what is not UTF-8 as `\x1b`, and a backslash
/// as two.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\n' | '\t' => text.push(char),
                '\\' => text.push_str("\\\\"),
                char if is_unseen(char) => {
                    let mut buffer = [0; 4];
                    text.push_str(&hexadecimal(char.encode_utf8(&mut buffer).as_bytes()));
                }
                char => text.push(char),
            }
        }
        text.push_str(&hexadecimal(chunk.invalid()));
    }
    text
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped_and_can_be_read_back() {
        for (bytes, shown) in [
            (&b"{\n\t\"a\": 1\n}"[..], "{\n\t\"a\": 1\n}"),
            (b"a \x1b[2J\r\0\x7f", r"a \x1b[2J\x0d\x00\x7f"),
            (b"\xff{\xc3\xbc}\xf0\x9f", r"\xff{ü}\xf0\x9f"),
            ("\u{202e}ab\u{200b}".as_bytes(), r"\xe2\x80\xaeab\xe2\x80\x8b"),
            ("\u{9b}31m".as_bytes(), r"\xc2\x9b31m"),
            (br"\x1b", r"\\x1b"),
        ] {
            assert_eq!(escaped(bytes), shown);
        }
        assert!(is_plain("{\n\t\"ü\": \"\\\\\"}"));
        assert!(["\u{1b}", "\u{9b}", "\r"].iter().all(|text| !is_plain(text)));
    }
}
