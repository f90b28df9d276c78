//! The header's parser against a model that collects all problems instead of stopping at the first.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use webhook_core::SignatureHeaderError::{
    self, Empty, MalformedSignature, MalformedTimestamp, MissingSignature, MissingTimestamp, NotVisibleAscii,
    RepeatedTimestamp, TooManySignatures,
};
use webhook_core::{SignatureHeader, Tolerance, VerifyError, verify};

use crate::support::{SECRET, at, hex, secret};

/// What the header says: its time, and how many usable signatures there are; or all that is wrong with it.
fn model(value: &[u8]) -> Result<(u64, usize), Vec<SignatureHeaderError>> {
    let mut wrong = Vec::new();
    if value.iter().all(u8::is_ascii_whitespace) {
        wrong.push(Empty);
    }
    let text = String::from_utf8_lossy(value);
    if text.chars().any(|c| c != '\t' && !(' '..='~').contains(&c)) {
        wrong.push(NotVisibleAscii);
    }
    let items: Vec<(&str, &str)> = text
        .split(',')
        .filter_map(|item| item.split_once('='))
        .map(|(scheme, value)| (scheme.trim(), value.trim()))
        .collect();
    let of = |wanted| items.iter().filter(move |(scheme, _)| *scheme == wanted).map(|(_, value)| *value);

    let times: Vec<&str> = of("t").collect();
    let is_time = |text: &str| text.len() <= 19 && text.chars().all(|c| c.is_ascii_digit());
    match times[..] {
        [] => wrong.push(MissingTimestamp),
        [_] => {}
        _ => wrong.push(RepeatedTimestamp),
    }
    if times.iter().any(|time| !is_time(time) || time.is_empty()) {
        wrong.push(MalformedTimestamp);
    }
    let usable = of("v1").filter(|v1| v1.len() == 64 && v1.chars().all(|c| c.is_ascii_hexdigit())).count();
    match (of("v1").count(), usable) {
        (0, _) => wrong.push(MissingSignature),
        (_, 0) => wrong.push(MalformedSignature),
        (17.., _) => wrong.push(TooManySignatures),
        _ => {}
    }
    if of("v1").count() > 16 {
        wrong.push(TooManySignatures);
    }
    if wrong.is_empty() { Ok((times[0].parse().unwrap(), usable)) } else { Err(wrong) }
}

/// How many signatures a parsed header holds, as the refusal of a body tells.
fn count(header: &SignatureHeader<'_>) -> usize {
    match verify(&[secret(SECRET)], header, "", at(0), Tolerance::DISABLED) {
        Err(VerifyError::Mismatch { signatures, .. }) => signatures,
        other => panic!("an invented signature was judged {other:?}"),
    }
}

fn agrees(value: &[u8]) -> Result<(), TestCaseError> {
    match (SignatureHeader::parse(value), model(value)) {
        (Ok(header), Ok(expected)) => prop_assert_eq!((header.timestamp(), count(&header)), expected),
        (Err(error), Err(wrong)) => prop_assert!(wrong.contains(&error), "{error:?} is not among {wrong:?}"),
        (parsed, expected) => prop_assert!(false, "{parsed:?}, and the model says {expected:?}"),
    }
    Ok(())
}

/// Pieces that make headers which are nearly right.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let blank = || prop_oneof![100 => Just(""), 9 => Just(" "), 9 => Just("\t "), 1 => Just("\u{a0}")];
    let time = prop_oneof![
        8 => (0..=9_999_999_999_999_999_999_u64).prop_map(|number| number.to_string()),
        1 => any::<u64>().prop_map(|number| format!("{number:020}")),
        1 => "[0-9+_a-]{0,4}",
    ];
    let hexadecimal = any::<[u8; 32]>().prop_map(|bytes| hex(&bytes));
    // Too short, too long, in capitals, with another letter in it, and nothing of the kind.
    let spoilt = (hexadecimal.clone(), 0..5).prop_map(|(v1, how)| match how {
        0 => v1[1..].to_owned(),
        1 => v1 + "0",
        2 => v1.to_uppercase(),
        3 => v1.replace('a', "g"),
        _ => "=v1".to_owned(),
    });
    let item = prop_oneof![
        4 => hexadecimal.prop_map(|v1| format!("v1={v1}")),
        2 => spoilt.prop_map(|v1| format!("v1={v1}")),
        2 => select(vec!["v0=a", "V1=b", "T=1", "x", "t", "v1", "=", "", "v1="]).prop_map(str::to_owned),
    ];
    let times = prop_oneof![8 => vec(time.clone(), 1), 1 => vec(time, 0..3)];
    let items = (times, vec(item, 0..24)).prop_map(|(times, items)| {
        times.into_iter().map(|time| format!("t={time}")).chain(items).collect::<Vec<_>>()
    });
    (items.prop_shuffle(), vec((blank(), blank()), 26)).prop_map(|(items, blanks)| {
        let spaced = items.iter().zip(blanks).map(|(item, (before, after))| format!("{before}{item}{after}"));
        spaced.collect::<Vec<_>>().join(",").into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_as_the_model_says(value: Vec<u8>) {
        agrees(&value)?;
    }

    #[test]
    fn any_text_of_the_headers_letters_is_read_as_the_model_says(value in "[tv01=, a-]{0,40}") {
        agrees(value.as_bytes())?;
    }

    #[test]
    fn headers_that_are_nearly_right_are_read_as_the_model_says(value in header()) {
        agrees(&value)?;
    }

    #[test]
    fn one_wrong_byte_in_a_header_is_read_as_the_model_says(
        mut value in header(), at: Index, byte: u8,
    ) {
        if !value.is_empty() {
            let at = at.index(value.len());
            value[at] = byte;
        }
        agrees(&value)?;
    }
}
