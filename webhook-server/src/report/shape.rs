//! What error messages have in common that differ in ids, numbers, times and quoted values.

/// The longest shape, in characters.
const LONGEST: usize = 200;

/// Stands for what is left out.
const GAP: &str = "…";

/// Rust's types with a number in their name.
const TYPES: [&str; 12] =
    ["f32", "f64", "i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128"];

/// A message without what makes it different from others of its kind: each word with a digit or an `@` is left out, and
/// each text in double quotes. So most of what could be a customer's data is left out, too. What is the program's own stays:
/// the place of a panic, and Rust's numeric types.
pub(crate) fn shape(message: &str) -> String {
    let unquoted = without_quoted(message);
    let words = unquoted.split_whitespace().map(|word| if is_own(word) { GAP } else { word });
    let words = words.collect::<Vec<_>>().join(" ");
    words.chars().take(LONGEST).collect::<String>().trim_end().to_owned()
}

/// Whether only this message has the word.
fn is_own(word: &str) -> bool {
    let has_digit = |part: &str| part.contains(char::is_numeric);
    let mut parts = word.split(|char: char| !char.is_alphanumeric() && char != '_');
    word.contains('@') || parts.any(|part| has_digit(part) && !TYPES.contains(&part)) && !is_place(word)
}

/// Whether a word is a place in a program, such as `src/main.rs:10:5`.
fn is_place(word: &str) -> bool {
    let Some((file, place)) = word.split_once(".rs:") else { return false };
    let Some((line, column)) = place.split_once(':') else { return false };
    let is_number =
        |text: &str| (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    // The names of a program's own files have no number that is as long as somebody's.
    let is_named = |char: char| char.is_ascii_alphabetic() || "/\\_-.".contains(char);
    is_number(line) && is_number(column) && !file.is_empty() && file.chars().all(is_named)
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
            ("panicked at src/money_back.rs:10:5 (its text", "panicked at src/money_back.rs:10:5 (its text"),
            ("panicked at C:\\shop\\main.rs:1:2 17", "panicked at … …"),
            ("expected `u64`, found Vec<i128>", "expected `u64`, found Vec<i128>"),
            ("u64_7 u640 anna@u8 4242.rs:1:2 a.rs:4242424242:1 a@b.rs:1:2", "… … … … … …"),
            ("a.rs:1 a.rs:1:2:3 .rs:1:2 a.rs:1:2, a.rs::", "… … … … a.rs::"),
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
