//! What the header's parser must find, by collecting all problems instead of stopping at the first. The fuzz target of the
//! header (`tests/fuzz`) uses it, too.

use std::time::UNIX_EPOCH;

use webhook_core::SignatureHeaderError::{
    self, Empty, MalformedSignature, MalformedTimestamp, MissingSignature, MissingTimestamp, NotVisibleAscii,
    RepeatedTimestamp, TooManySignatures,
};
use webhook_core::{Secret, SignatureHeader, Tolerance, VerifyError, verify};

/// What a usable header says.
#[derive(Debug, PartialEq)]
pub(crate) struct Known {
    /// The text of `t`, of which the signature is made.
    pub(crate) time: String,
    /// The usable signatures, in lower case.
    pub(crate) signatures: Vec<String>,
}

/// What the header says, or all that is wrong with it.
fn model(value: &[u8]) -> Result<Known, Vec<SignatureHeaderError>> {
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
    let is_usable = |v1: &&str| v1.len() == 64 && v1.chars().all(|c| c.is_ascii_hexdigit());
    let signatures: Vec<_> = of("v1").filter(is_usable).map(str::to_ascii_lowercase).collect();
    match (of("v1").count(), signatures.len()) {
        (0, _) => wrong.push(MissingSignature),
        (_, 0) => wrong.push(MalformedSignature),
        _ => {}
    }
    if of("v1").count() > 16 {
        wrong.push(TooManySignatures);
    }
    if wrong.is_empty() { Ok(Known { time: times[0].to_owned(), signatures }) } else { Err(wrong) }
}

/// How many signatures a parsed header holds, as the refusal of a body tells.
fn count(header: &SignatureHeader<'_>) -> Result<usize, String> {
    let secret = Secret::new("whsec_that_signs_nothing").map_err(|error| error.to_string())?;
    match verify(&[secret], header, "", UNIX_EPOCH, Tolerance::DISABLED) {
        Err(VerifyError::Mismatch { signatures, .. }) => Ok(signatures),
        other => Err(format!("an invented signature was judged {other:?}")),
    }
}

/// Compares what the parser makes of a header with the model. Returns what both found in a usable one.
///
/// # Errors
///
/// Says how they differ.
pub(crate) fn compare(value: &[u8]) -> Result<Option<Known>, String> {
    match (SignatureHeader::parse(value), model(value)) {
        (Ok(header), Ok(known)) => {
            let parsed = (Ok(header.timestamp()), count(&header)?);
            let expected = (known.time.parse(), known.signatures.len());
            if parsed == expected { Ok(Some(known)) } else { Err(format!("{parsed:?}, not {expected:?}")) }
        }
        (Err(error), Err(wrong)) if wrong.contains(&error) => Ok(None),
        (parsed, expected) => Err(format!("{parsed:?}, and the model says {expected:?}")),
    }
}
