use super::*;

/// A value that contains another one of its type, and so on.
struct Nested(Option<Box<Nested>>);

impl Nested {
    fn read(json: Json<'_>) -> Result<Self, DecodeError> {
        let mut found = [None];
        json.find(&["inner"], &mut found)?;
        found[0].map(|inner| Self::read(inner).map(Box::new)).transpose().map(Self)
    }

    fn levels(&self) -> usize {
        1 + self.0.as_ref().map_or(0, |inner| inner.levels())
    }
}

/// A value with this many levels, each with something to skip before and after the next.
fn text(levels: usize) -> String {
    const BEFORE: &str = r#"{"before": {"a": [1, "\"]", {}]}, "inner": "#;
    let inner = r#"{"last": [true]}"#;
    BEFORE.repeat(levels - 1) + inner + &r#", "behind": [[{"b": "c"}]]}"#.repeat(levels - 1)
}

/// Reads a text as an event's object is read, and counts the bytes that were scanned.
fn read(text: &str) -> (Result<usize, DecodeError>, usize) {
    scan::LOOKED_AT.set(0);
    let raw = RawJson::checked(text, text.to_owned().into()).expect("it is JSON");
    let read = Nested::read(raw.json()).map(|nested| nested.levels());
    (read, scan::LOOKED_AT.get())
}

#[test]
fn each_byte_is_looked_at_a_few_times_however_deep_it_lies() {
    for levels in [1, 2, 8, 32, 126, 127] {
        let text = text(levels);
        let (read, looked_at) = read(&text);
        assert_eq!(read, Ok(levels));
        assert!(looked_at <= 5 * text.len(), "{levels} levels: {looked_at} of {} bytes", text.len());
    }
    for levels in [128, 6_000, 20_000] {
        let text = text(levels);
        let (read, looked_at) = read(&text);
        assert_eq!(read.unwrap_err().to_string().split(", at ").next(), Some(TOO_DEEP), "{levels} levels");
        assert!(looked_at <= 5 * text.len(), "{levels} levels: {looked_at} of {} bytes", text.len());
    }
}

const TOO_DEEP: &str = "the object is nested too deeply for the types that read it";

#[test]
fn without_the_ends_a_value_reads_the_same() {
    for levels in [1, 2, 126, 127, 128] {
        let text = text(levels);
        let plain = Nested::read(Json::new(&text)).map(|nested| nested.levels());
        assert_eq!(read(&text).0, plain, "{levels} levels");
    }
}

#[test]
fn malformed_text_has_no_ends_that_mislead() {
    for text in
        ["", "{", "}", "[}", "{]", "{\"a", "[[[", "]]]", "{\"inner\": {", "{\"inner\": {}", "{\"inner\": [}}"]
    {
        assert!(check(text).is_err(), "{text}");
    }
}
