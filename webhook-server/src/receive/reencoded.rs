//! Recognises a body that was changed on its way from Stripe, so that no signature matches.
//!
//! Stripe prints an event with two spaces per level, `"id"` first and `"object"` second
//! (<https://docs.stripe.com/api/events/object>). The bytes are unverified, so nothing is parsed.
//!
//! The answer is a hint in the log and changes nothing about the refusal.

/// Says what a body that did not verify looks like, if it is not printed the way Stripe prints it. Quotes nothing of it.
pub(crate) fn looks(body: &[u8]) -> Option<&'static str> {
    let starts = |start: &str| body.starts_with(start.as_bytes());
    let holds = |part: &str| memchr::memmem::find(body, part.as_bytes()).is_some();
    Some(match body {
        [] => "it is empty",
        [0xef, 0xbb, 0xbf, ..] => "it begins with a byte order mark",
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] | [b'{', 0, ..] => "it is UTF-16",
        [0x1f, 0x8b, ..] => "it is compressed",
        _ if std::str::from_utf8(body).is_err() => "it is not UTF-8",
        [b'"', ..] => "it is JSON in a JSON text",
        _ if starts("{\\") => "its quotes are escaped",
        _ if starts("%7B") || starts("%7b") => "it is URL-encoded",
        _ if starts("ewog") || starts("eyJ") || starts("eyAi") => "it is base64",
        [b'[', ..] => "it is a JSON list",
        [first, ..] if first.is_ascii_whitespace() => "something stands before the JSON object",
        [first, ..] if *first != b'{' => match memchr::memchr(b'{', body) {
            Some(_) => "something stands before the JSON object",
            None => "it is not JSON",
        },
        [.., last] if *last != b'}' => match body.trim_ascii_end().last() {
            Some(b'}') => "white space, such as a line break, was added at its end",
            _ => "it does not end where the JSON object ends",
        },
        _ if holds("\r\n") => "its line breaks are CR LF",
        _ if !body.contains(&b'\n') => "it is JSON without line breaks, as most libraries write it",
        _ if holds(r"\/") => r"its slashes are escaped (`\/`), as PHP writes them",
        _ if starts("{\n  \"id\": \"") && holds("\n  \"object\": \"") => return None,
        _ if starts("{\n  \"") => "its keys are not in Stripe's order",
        _ => "it is JSON with another indentation than two spaces",
    })
}

#[cfg(test)]
mod tests {
    use webhook_core::Sample;

    use super::*;

    #[test]
    fn a_body_as_stripe_prints_it_looks_like_nothing_else() {
        let sample = Sample::new("invoice.paid", 1).expect("there is such a type").body(1_700_000_000);
        assert_eq!(looks(&sample), None);
    }

    #[test]
    fn a_body_that_was_changed_is_recognised() {
        let sample = Sample::new("charge.succeeded", 1).expect("there is such a type").body(1_700_000_000);
        let sample = String::from_utf8(sample).expect("JSON is UTF-8");
        let value: serde_json::Value = serde_json::from_str(&sample).expect("it is JSON");
        let compact = value.to_string();
        let quoted = serde_json::to_string(&compact).expect("text is JSON");
        for (body, expected) in [
            (b"", "empty"),
            (format!("\u{feff}{sample}").as_bytes(), "byte order mark"),
            (b"\xff\xfe{\0\n\0", "UTF-16"),
            (b"{\0\n\0 \0", "UTF-16"),
            (b"\x1f\x8b\x08\0", "compressed"),
            (b"{\n  \"id\": \"\xe9\"\n}", "not UTF-8"),
            (quoted.as_bytes(), "JSON in a JSON text"),
            (&quoted.as_bytes()[1..quoted.len() - 1], "escaped"),
            (b"%7B%0A%20%20%22id%22", "URL-encoded"),
            (b"ewogICJpZCI6ICJldnRfMSIKfQ==", "base64"),
            (b"eyJpZCI6ImV2dF8xIn0=", "base64"),
            (format!("[{compact}]").as_bytes(), "list"),
            (format!("\n{sample}").as_bytes(), "before"),
            (format!("payload={compact}").as_bytes(), "before"),
            (b"id=evt_1&object=event", "not JSON"),
            (format!("{sample}\n").as_bytes(), "at its end"),
            (&sample.as_bytes()[..sample.len() / 2], "does not end"),
            (sample.replace('\n', "\r\n").as_bytes(), "CR LF"),
            (compact.as_bytes(), "without line breaks"),
            (sample.replace('/', r"\/").replace("\"id\"", "\"x\": \"\\/\", \"id\"").as_bytes(), "PHP"),
            (sample.replace("  ", "    ").as_bytes(), "indentation"),
            (sample.replace("  ", "\t").as_bytes(), "indentation"),
            (sample.replacen("\"id\"", "\"account\"", 1).as_bytes(), "order"),
        ] as [(&[u8], &str); 23]
        {
            let looks = looks(body);
            assert!(looks.is_some_and(|looks| looks.contains(expected)), "{expected}: {looks:?}");
        }
    }
}
