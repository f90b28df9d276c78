//! The path of a call: which object of Stripe's API it is about. It may come from an event, and so is checked.

use thiserror::Error;

/// Why a text is not the path of a call.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum PathError {
    #[error("it does not begin with /v1/ or /v2/")]
    Beginning,
    #[error("it has an empty part")]
    EmptyPart,
    #[error("it has a part that leads elsewhere, such as `..`")]
    Dots,
    #[error("it has a character that does not belong in a path")]
    Character,
    #[error("it is too long")]
    TooLong,
}

/// The maximum length of a path, in bytes: more than any has.
const LONGEST: usize = 1024;

/// Checks that a path is a relative one of Stripe's API, which leads nowhere else: neither to another host nor to another
/// object than it says.
///
/// # Errors
///
/// Says what is wrong with it.
pub(super) fn check(path: &str) -> Result<(), PathError> {
    let Some(rest) = path.strip_prefix("/v1/").or_else(|| path.strip_prefix("/v2/")) else {
        return Err(PathError::Beginning);
    };
    if path.len() > LONGEST {
        return Err(PathError::TooLong);
    }
    rest.split('/').try_for_each(check_part)
}

fn check_part(part: &str) -> Result<(), PathError> {
    if part.is_empty() {
        return Err(PathError::EmptyPart);
    }
    let mut bytes = part.bytes();
    let mut meaning = Vec::new();
    while let Some(byte) = bytes.next() {
        let means = match byte {
            b'%' => {
                let digits = [bytes.next(), bytes.next()].map(|digit| (digit? as char).to_digit(16));
                let [Some(high), Some(low)] = digits else { return Err(PathError::Character) };
                // An id may contain a space or a `%`, but not a character that divides or ends a path.
                u8::try_from(high * 16 + low)
                    .ok()
                    .filter(|byte| !byte.is_ascii_control() && !b"/\\?#".contains(byte))
                    .ok_or(PathError::Character)?
            }
            _ if byte.is_ascii_alphanumeric() || b"-._~:@!$&'()*+,;=".contains(&byte) => byte,
            _ => return Err(PathError::Character),
        };
        meaning.push(means);
    }
    if meaning.windows(2).any(|pair| pair == b"..") || meaning == b"." {
        return Err(PathError::Dots);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_leads_to_stripe_and_nowhere_else() {
        for (path, checked) in [
            ("/v1/payment_intents/pi_1MadeUp", Ok(())),
            ("/v2/core/events/evt_test_65MadeUp", Ok(())),
            ("/v1/coupons/10%25%20off", Ok(())),
            ("/v1/products/gold.plan", Ok(())),
            ("", Err(PathError::Beginning)),
            ("v1/events", Err(PathError::Beginning)),
            ("//v1/events", Err(PathError::Beginning)),
            ("/v3/events", Err(PathError::Beginning)),
            ("/v1", Err(PathError::Beginning)),
            ("https://api.stripe.com/v1/events", Err(PathError::Beginning)),
            ("@example.com/v1/events", Err(PathError::Beginning)),
            ("\\\\example.com/v1/events", Err(PathError::Beginning)),
            ("/v1/", Err(PathError::EmptyPart)),
            ("/v1//events", Err(PathError::EmptyPart)),
            ("/v1/events/", Err(PathError::EmptyPart)),
            ("/v1/../events", Err(PathError::Dots)),
            ("/v1/events/..", Err(PathError::Dots)),
            ("/v1/events/.", Err(PathError::Dots)),
            ("/v1/events/%2e%2E", Err(PathError::Dots)),
            ("/v1/events/%2e", Err(PathError::Dots)),
            ("/v1/events/a%2Fb", Err(PathError::Character)),
            ("/v1/events/a%5cb", Err(PathError::Character)),
            ("/v1/events/a%0d%0a", Err(PathError::Character)),
            ("/v1/events/%", Err(PathError::Character)),
            ("/v1/events/%2", Err(PathError::Character)),
            ("/v1/events/%zz", Err(PathError::Character)),
            ("/v1/events?limit=1", Err(PathError::Character)),
            ("/v1/events#1", Err(PathError::Character)),
            ("/v1/events/a b", Err(PathError::Character)),
            ("/v1/events/a\r\nHost: example.com", Err(PathError::Character)),
            ("/v1/events/é", Err(PathError::Character)),
            ("/v1/events\\..", Err(PathError::Character)),
        ] {
            assert_eq!(check(path), checked, "{path}");
        }
        assert_eq!(check(&format!("/v1/{}", "a".repeat(LONGEST))), Err(PathError::TooLong));
    }

    proptest! {
        /// What passes is one path of a URL, and the same after a URL's parser has read it.
        #[test]
        fn what_passes_is_read_as_it_is_written(path in "/v[12]/[ -~]{0,24}") {
            if check(&path).is_ok() {
                let url: hyper::Uri = format!("https://api.stripe.com{path}").parse().expect("it is a URL");
                prop_assert_eq!(url.host(), Some("api.stripe.com"));
                prop_assert_eq!(url.path(), path);
                prop_assert_eq!(url.query(), None);
            }
        }
    }
}
