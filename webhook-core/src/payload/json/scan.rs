//! Scanning text in steps of eight bytes.

/// Counts the bytes that are scanned, for the test that their number grows with the text only.
pub(super) fn looked_at(bytes: usize) {
    #[cfg(test)]
    LOOKED_AT.with(|count| count.set(count.get() + bytes));
    let _ = bytes;
}

#[cfg(test)]
thread_local! {
    pub(super) static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The position of the first byte from `at` on that is not white space. Stripe indents what it sends, so most of it is
/// spaces behind a line's end.
#[inline]
pub(super) fn behind_blanks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at)
        && byte <= b' '
    {
        if byte == b' ' || byte == b'\t' {
            at += 1;
        } else if byte == b'\n' || byte == b'\r' {
            at = behind_spaces(bytes, at + 1);
        } else {
            break;
        }
    }
    at
}

/// The position of the first byte from `at` on that is not a space, or of one of the last seven.
#[inline]
pub(super) fn behind_spaces(bytes: &[u8], at: usize) -> usize {
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((eight, behind)) = rest.split_first_chunk() {
        let spaces = (u64::from_le_bytes(*eight) ^ each(b' ')).trailing_zeros() as usize / 8;
        looked_at(spaces);
        if spaces < 8 {
            return bytes.len() - rest.len() + spaces;
        }
        rest = behind;
    }
    bytes.len() - rest.len()
}

/// The end of the text that begins with the quote at `start`, and whether it has no escapes. Looks at quotes and escapes
/// alone.
pub(super) fn end_of_text(bytes: &[u8], start: usize) -> Option<(usize, bool)> {
    let (mut at, mut is_plain) = (start + 1, true);
    loop {
        let rest = bytes.get(at..)?;
        let found = memchr::memchr2(b'"', b'\\', rest)?;
        looked_at(found);
        if rest[found] == b'"' {
            return Some((at + found + 1, is_plain));
        }
        is_plain = false;
        at += found + 2;
    }
}

/// The end of the text that begins with the quote at `start`.
///
/// # Errors
///
/// Returns the position of a control character, of an escape that JSON does not know, or of the end if there is no quote.
#[inline]
pub(super) fn end_of_checked_text(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let mut at = start + 1;
    loop {
        let mut rest = bytes.get(at..).ok_or(at)?;
        while let Some((eight, behind)) = rest.split_first_chunk() {
            looked_at(8);
            let found = ends_of_plain(u64::from_le_bytes(*eight));
            if found != 0 {
                rest = &rest[found.trailing_zeros() as usize / 8..];
                break;
            }
            rest = behind;
        }
        at = bytes.len() - rest.len();
        match rest.first().ok_or(at)? {
            b'"' => return Ok(at + 1),
            b'\\' => at = behind_escape(bytes, at).ok_or(at)?,
            0..b' ' => return Err(at),
            // One of the last seven bytes.
            _ => at += 1,
        }
    }
}

fn behind_escape(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 2),
        b'u' => bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit).then_some(at + 6),
        _ => None,
    }
}

const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Marks quotes, backslashes and control characters: the lowest bit that is set is the highest of the first of them.
fn ends_of_plain(eight: u64) -> u64 {
    let quote = (eight ^ each(b'"')).wrapping_sub(each(1));
    let backslash = (eight ^ each(b'\\')).wrapping_sub(each(1));
    let control = eight.wrapping_sub(each(b' '));
    (quote | backslash | control) & !eight & each(0x80)
}
