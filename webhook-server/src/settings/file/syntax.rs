//! What is wrong with a line that is not TOML, in plain words.
//!
//! The parser says what it expected; a person has mistyped something. So the line is looked at, too, and the parser's words
//! are used only if nothing better is known.

#[cfg(test)]
mod tests;

use super::super::sources::named;
use super::super::value::Kind;
use super::{ENDPOINT, SECRET_FILE};
use crate::report::format::{masked, printable};

/// A mistake in the text of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The byte where it is.
    pub(super) at: usize,
    pub(super) what: String,
}

/// A line of the text that has a mistake.
struct Line<'t> {
    /// The whole text.
    text: &'t str,
    /// Where the line begins in the text.
    begin: usize,
    line: &'t str,
}

/// Finds out what was meant. The parser failed at byte `at` with `message`.
pub(super) fn explain(text: &str, at: usize, message: &str) -> Mistake {
    let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let begin = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = text[begin..].lines().next().unwrap_or_default();
    let line = Line { text, begin, line };
    // The parser says what it expected behind a comma.
    let said = message.split(", expected").next().unwrap_or(message);
    let (at, what) = line.mistake(at, said);
    Mistake { at, what }
}

/// Whether the parser refuses a key or a section because there is one like it.
pub(super) fn is_doubled(message: &str) -> bool {
    message.starts_with("duplicate key")
}

impl Line<'_> {
    fn mistake(&self, at: usize, said: &str) -> (usize, String) {
        let begin = self.begin + self.indent();
        let content = self.content();
        if let Some(what) = self.of_another_kind() {
            return (begin, what);
        }
        let plain = match said {
            "duplicate key" => return (begin, self.doubled()),
            "invalid basic string" | "invalid literal string" => "the closing quote is missing",
            "missing opening quote" => "the opening quote is missing",
            "invalid multi-line basic string" | "invalid multi-line literal string" => {
                "a text that begins with three quotes does not end before the end of the file"
            }
            "missing escaped value" | "too few unicode value digits" => {
                "in double quotes, `\\` has a meaning of its own: use single quotes, or write `\\\\`"
            }
            "carriage return must be followed by newline" => {
                "a carriage return stands alone: save the file with the line ends of Unix or of Windows"
            }
            "invalid comment character" => "the comment contains a control character: remove it",
            "extra `=`" => "there is a second `=`: remove it",
            "unclosed array" => "the closing `]` of a list is missing",
            "unclosed inline table" => "the closing `}` is missing",
            said if said.starts_with("cannot extend value") => {
                "it was given a value above, so it cannot have keys of its own"
            }
            _ if content.starts_with('[') => return (begin, self.section()),
            _ => return self.entry(at, said),
        };
        (at, plain.to_owned())
    }

    /// A line that belongs in a file of another format.
    fn of_another_kind(&self) -> Option<String> {
        let content = self.content();
        Some(match content {
            _ if content.starts_with("//") || content.starts_with([';', '%']) => {
                "a comment begins with `#`".to_owned()
            }
            _ if ["<<<<<<<", ">>>>>>>", "======="].iter().any(|mark| content.starts_with(mark)) => {
                "two versions of this file were merged, and this part was left open: choose one of them"
                    .to_owned()
            }
            _ if content.starts_with("export ") => {
                "this is a line of a shell script: write `name = value`, with the names of the flags"
                    .to_owned()
            }
            _ if content == "---" || content.starts_with('{') => {
                "the file must be TOML, not YAML or JSON: write `name = value` on each line".to_owned()
            }
            _ => {
                let (name, value) = content.split_once(':')?;
                let is_name = is_plain(name.trim_end()) && !value.is_empty();
                let (name, value) = is_name.then(|| (name.trim_end(), without_comment(value)))?;
                // A URL, whose scheme is not a name. It may hold a password.
                if value.starts_with("//") {
                    return None;
                }
                let is_text = named(name).is_some_and(|setting| setting.kind == Kind::Text);
                let value = match is_text && !value.starts_with(['"', '\'']) {
                    true => quoted(value),
                    false => shown(value),
                };
                format!("write `=` in place of `:`, as in `{} = {value}`", shown(name))
            }
        })
    }

    /// A key or a section that there is twice.
    fn doubled(&self) -> String {
        let content = self.content();
        let above = (1..).zip(self.text[..self.begin].lines());
        if content.starts_with('[') {
            let first = above.filter(|(_, line)| line.trim() == content).map(|(number, _)| number).next();
            let place = first.map(|number| format!(", first in line {number}")).unwrap_or_default();
            return format!("there are two sections `{}`{place}: make one of them", shown(content));
        }
        let name = name_of(content);
        let mut first = None;
        for (number, line) in above {
            if line.trim_start().starts_with('[') {
                first = None;
            } else if name_of(line.trim_start()) == name {
                first = first.or(Some(number));
            }
        }
        let place = first.map(|number| format!(", first in line {number}")).unwrap_or_default();
        format!("`{}` is set twice{place}: remove one of these lines", shown(name))
    }

    /// A line that should begin a section.
    fn section(&self) -> String {
        let content = self.content();
        if content.matches('"').count() % 2 == 1 {
            return "a quote is missing in the section's name".to_owned();
        }
        let Some((name, rest)) = content.trim_start_matches('[').split_once(']') else {
            return "the closing `]` of the section is missing".to_owned();
        };
        if !rest.trim_start_matches(']').trim().is_empty() {
            return "something follows the section on its line: write each key on a line of its own"
                .to_owned();
        }
        match name.strip_prefix(ENDPOINT).map(|name| name.trim_start_matches(['.', ' ']).trim_end()) {
            Some("") | None => format!("a section is written as `[{ENDPOINT}.NAME]`"),
            Some(name) if is_plain(name) => format!("write `[{ENDPOINT}.{}]`", shown(name)),
            Some(name) => format!(
                "a name with other characters than letters, digits, `-` and `_` must be in quotes: \
                 `[{ENDPOINT}.\"{}\"]`",
                shown(name.trim_matches('"'))
            ),
        }
    }

    /// A line that should set something.
    fn entry(&self, at: usize, said: &str) -> (usize, String) {
        let content = self.content();
        let begin = self.begin + self.indent();
        let Some((name, value)) = content.split_once('=') else { return (at, self.without_value()) };
        let (name, value) = (name.trim_end(), without_comment(value));
        if name.is_empty() {
            return (begin, "the name before `=` is missing".to_owned());
        }
        if name.contains(char::is_whitespace) {
            let joined = name.split_whitespace().collect::<Vec<_>>().join("-");
            return (begin, format!("a name has no spaces: did you mean `{}`?", shown(&joined)));
        }
        if !is_plain(name) && !name.contains(['"', '\'', '.']) {
            return (begin, format!("`{}` is not a name: names have letters, digits and `-`", shown(name)));
        }
        let at_value = begin + content.find('=').map_or(0, |at| at + 1);
        let blanks = self.text[at_value..].chars().take_while(|char| *char == ' ' || *char == '\t').count();
        (at_value + blanks, of_value(name, value, said))
    }

    /// A line without `=`.
    fn without_value(&self) -> String {
        let content = self.content();
        match content.split_once(char::is_whitespace) {
            _ if content.ends_with(']') => "the opening `[` of the section is missing".to_owned(),
            Some((name, value)) if is_plain(name) && !value.starts_with('#') => {
                format!("`=` is missing behind `{}`", shown(name))
            }
            _ if is_plain(content) => {
                format!("`{0}` has no value: write `{0} = …`", shown(content))
            }
            _ => "this is not a setting: write `name = value`".to_owned(),
        }
    }

    /// The length in bytes of what comes before the content.
    fn indent(&self) -> usize {
        self.line.len() - self.unindented().len()
    }

    /// The line without the white space at its ends, and without a byte order mark.
    fn content(&self) -> &str {
        self.unindented().trim_end()
    }

    fn unindented(&self) -> &str {
        self.line.trim_start_matches(|char: char| char.is_whitespace() || char == '\u{feff}')
    }
}

/// A value that cannot be read, and the setting that it is for.
fn of_value(name: &str, value: &str, said: &str) -> String {
    if value.is_empty() {
        return format!("`{}` has no value", shown(name));
    }
    let typographic = |char: char| "“”„‘’‚«»".contains(char);
    if value.starts_with(typographic) {
        return format!("`{}` is in typographic quotes: use straight ones, as in \"…\"", shown(name));
    }
    if value.contains(" = ") {
        return "two settings are on one line: write each on a line of its own".to_owned();
    }
    let known = named(name);
    let kind = known.map(|setting| setting.kind);
    let subject = format!("`{}` is {}", shown(name), shown(value));
    match (kind, known) {
        (Some(Kind::Switch), Some(setting)) => format!("{subject}: it must be {}", setting.expected),
        (Some(Kind::Number), Some(setting)) => {
            format!("{subject}: it must be {}, in digits alone", setting.expected)
        }
        _ if value.starts_with(['"', '\'']) => {
            format!("something follows the value of `{}`: remove it, or begin it with `#`", shown(name))
        }
        // Lists and tables. No setting takes one.
        _ if value.starts_with(['[', '{']) => {
            format!("the value of `{}` cannot be read: {said}", shown(name))
        }
        (None, _) if name != SECRET_FILE && (value == "True" || value == "False") => {
            format!("{subject}: write it in small letters")
        }
        _ => format!("{subject}: it must be in quotes, as in `{} = {}`", shown(name), quoted(value)),
    }
}

/// A value in the quotes in which it needs no escapes.
fn quoted(value: &str) -> String {
    let quote = if value.contains(['"', '\\']) { '\'' } else { '"' };
    format!("{quote}{}{quote}", shown(value))
}

/// A text that is shown as it is written, if it is not secret.
fn shown(text: &str) -> String {
    printable(&masked(text))
}

/// The name that a line sets.
fn name_of(line: &str) -> &str {
    line.split('=').next().unwrap_or_default().trim()
}

fn without_comment(value: &str) -> &str {
    value.split(" #").next().unwrap_or_default().trim()
}

/// Whether a key can do without quotes.
fn is_plain(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !name.is_empty() && name.bytes().all(fits)
}
