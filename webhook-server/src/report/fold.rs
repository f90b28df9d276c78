//! Messages that fit the terminal.
//!
//! A message is broken between words only. What a person copies stays whole: a word, such as a path, and what is in
//! backticks or in double quotes, such as a command or a value.

use unicode_width::UnicodeWidthStr;

/// How far the continuation of a line without an indent is indented.
const INDENT: usize = 2;

/// Breaks the lines that are wider than the terminal. What follows is indented like the text of its line, behind the
/// number or the dash that the line may begin with. `None` means no limit.
pub(crate) fn folded(text: &str, terminal: Option<usize>) -> String {
    let Some(terminal) = terminal else { return text.to_owned() };
    let lines: Vec<String> = text.split('\n').map(|line| fold(line, terminal)).collect();
    lines.join("\n")
}

fn fold(line: &str, terminal: usize) -> String {
    if line.width() <= terminal {
        return line.to_owned();
    }
    let indent = match line.len() - text_of(line).len() {
        0 => INDENT,
        indent => indent,
    };
    let (begin, text) = line.split_at(line.len() - text_of(line).len());
    let mut folded = begin.to_owned();
    let mut column = begin.width();
    for (number, piece) in pieces(text).into_iter().enumerate() {
        let begins = number == 0;
        if !begins && column + 1 + piece.width() > terminal {
            folded.push('\n');
            folded.push_str(&" ".repeat(indent));
            column = indent;
        } else if !begins {
            folded.push(' ');
            column += 1;
        }
        folded.push_str(piece);
        column += piece.width();
    }
    folded
}

/// A line without its indent, and without the number or the dash of an item.
fn text_of(line: &str) -> &str {
    let text = line.trim_start();
    let digits = text.trim_start_matches(|char: char| char.is_ascii_digit());
    let numbered = digits.strip_prefix(". ").filter(|_| digits.len() < text.len());
    numbered.or_else(|| text.strip_prefix("- ")).unwrap_or(text)
}

/// The parts of a text between which a line may end.
fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut begin, mut from) = (Vec::new(), 0, 0);
    while let Some(at) = text[from..].find([' ', '`', '"']).map(|at| from + at) {
        from = at + 1;
        match &text[at..from] {
            " " => {
                pieces.push(&text[begin..at]);
                begin = from;
            }
            // What was opened and is never closed is an ordinary character.
            quote => from = text[from..].find(quote).map_or(from, |end| from + end + 1),
        }
    }
    pieces.push(&text[begin..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words_and_what_can_be_copied_stays_whole() {
        for (text, width, expected) in [
            ("it fits", 7, "it fits"),
            ("error: one two three", 12, "error: one\n  two three"),
            ("  1. one two three", 12, "  1. one two\n     three"),
            ("     one two three", 12, "     one two\n     three"),
            ("     - one two three", 14, "     - one two\n       three"),
            ("a /path/of/a/file/that/is/wide b", 10, "a\n  /path/of/a/file/that/is/wide\n  b"),
            ("run `cargo run -- dev` now", 12, "run\n  `cargo run -- dev`\n  now"),
            ("it is \"a b c d e f\" here", 10, "it is\n  \"a b c d e f\"\n  here"),
            ("five ` or \" and more", 12, "five ` or \"\n  and more"),
            ("ein Gruß über alles", 10, "ein Gruß\n  über\n  alles"),
            ("one two\n\n  2. three four", 11, "one two\n\n  2. three\n     four"),
        ] {
            assert_eq!(folded(text, Some(width)), expected, "{text}");
            assert_eq!(folded(text, None), text);
        }
    }
}
