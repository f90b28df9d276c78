//! Breaking texts into lines.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::INDENT;

/// Breaks a text into lines of a width: at white space; a word longer than half of it also after `.`, `_`, `:`, `/`, `,` or
/// `-`, else anywhere.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let is_short = |word: &str| word.trim_end().width() <= width / 2;
    let words = text.split_inclusive(' ');
    for piece in words.flat_map(|word| if is_short(word) { vec![word] } else { pieces(word) }) {
        if line.width() + piece.trim_end().width() > width && !line.is_empty() {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
        }
        for char in piece.chars() {
            if line.width() + char.width().unwrap_or(0) > width && !char.is_whitespace() && !line.is_empty() {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
            }
            line.push(char);
        }
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// Breaks the lines that are wider than the terminal. Continuation lines are indented further.
pub(crate) fn hanging(text: &str, terminal: Option<usize>) -> String {
    let Some(terminal) = terminal else { return text.to_owned() };
    let mut fitted = String::with_capacity(text.len());
    for line in text.lines() {
        let words = line.trim_start();
        let indent = line.len() - words.len();
        let room = terminal.saturating_sub(indent + 2 * INDENT).max(1);
        let pieces = if line.width() > terminal { wrapped(words, room) } else { vec![words.to_owned()] };
        for (number, piece) in pieces.iter().enumerate() {
            let indent = if number == 0 { indent } else { indent + 2 * INDENT };
            fitted.push_str(&format!("{:indent$}{piece}\n", ""));
        }
    }
    fitted
}

/// The parts of a text between which a line may end.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        let ends = char == ' ' || "._:/,-".contains(char);
        let goes_on = chars.peek().is_some_and(|(_, next)| *next == ' ' || *next == char);
        if ends && !goes_on {
            pieces.push(&text[begin..at + char.len_utf8()]);
            begin = at + char.len_utf8();
        }
    }
    pieces.push(&text[begin..]);
    pieces
}
