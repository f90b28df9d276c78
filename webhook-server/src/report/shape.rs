//! What error messages have in common that differ in ids, numbers, times and quoted values.

/// The longest shape, in characters.
const LONGEST: usize = 200;

/// Stands for what is left out.
const GAP: &str = "…";

/// A message without what makes it different from others of its kind: each word with a digit or an `@` is left out, and
/// each text in double quotes. So most of what could be a customer's data is left out, too.
pub(crate) fn shape(message: &str) -> String {
    let unquoted = without_quoted(message);
    let is_own = |char: char| char.is_numeric() || char == '@';
    let words = unquoted.split_whitespace().map(|word| if word.contains(is_own) { GAP } else { word });
    let words = words.collect::<Vec<_>>().join(" ");
    words.chars().take(LONGEST).collect::<String>().trim_end().to_owned()
}

/// Leaves out what is in double quotes, as `Debug` writes them. A quote that is never closed reaches to the end.
fn without_quoted(message: &str) -> String {
    let mut kept = String::with_capacity(message.len());
    let mut chars = message.chars();
    while let Some(char) = chars.next() {
        kept.push(char);
        if char == '"' {
            kept.push_str(GAP);
            skip_quoted(&mut chars);
            kept.push('"');
        }
    }
    kept
}

/// Goes on behind the closing quote.
fn skip_quoted(chars: &mut std::str::Chars<'_>) {
    while let Some(char) = chars.next() {
        match char {
            '"' => return,
            '\\' => drop(chars.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_one_shape_differ_in_numbers_ids_and_quoted_values() {
        for (message, expected) in [
            ("order 17 not found", "order … not found"),
            ("order 18 not found", "order … not found"),
            ("no row for pi_3Nq8", "no row for …"),
            ("", ""),
            ("the   bank\nis closed", "the bank is closed"),
            ("no account of anna@example.com", "no account of …"),
            ("٣ are missing", "… are missing"),
            (r#"no customer "Anna Smith" here"#, r#"no customer "…" here"#),
            (r#"unknown "a \" b" and "c""#, r#"unknown "…" and "…""#),
            (r#"cut off: "Anna"#, r#"cut off: "…""#),
            (r#"it ends with "a\"#, r#"it ends with "…""#),
            (&*format!("{} end", "a".repeat(199)), &*"a".repeat(199)),
        ] {
            assert_eq!(shape(message), expected);
        }
    }
}
