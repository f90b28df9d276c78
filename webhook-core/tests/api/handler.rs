//! What a handler returns, and its verdict.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use webhook_core::Verdict::{self, Park, Retry, Skip};
use webhook_core::{DecodeError, HandlerError, IntoOutcome, ResultExt};

type BoxError = Box<dyn Error + Send + Sync>;

const LATER: Duration = Duration::from_secs(90);
const RETRY: Verdict = Retry { after: None };
const RETRY_LATER: Verdict = Retry { after: Some(LATER) };

/// An application's error around another one.
#[derive(Debug)]
struct Around(BoxError);

impl fmt::Display for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("around")
    }
}

impl Error for Around {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

fn around(error: impl Into<BoxError>) -> Around {
    Around(error.into())
}

fn failure<R: IntoOutcome>(returned: R) -> HandlerError {
    returned.into_outcome().unwrap_err()
}

/// The texts of an error and of its sources.
fn chain(error: &dyn Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    texts.extend(error.source().into_iter().flat_map(chain));
    texts
}

#[test]
fn success_is_success_in_every_form() {
    assert!(().into_outcome().is_ok());
    assert!(Ok::<(), io::Error>(()).into_outcome().is_ok());
    assert!(Ok::<(), BoxError>(()).into_outcome().is_ok());
    assert!(Ok::<(), HandlerError>(()).into_outcome().is_ok());
    assert!(Ok::<(), String>(()).into_outcome().is_ok());
}

#[test]
fn any_error_means_try_again_and_is_kept() {
    let number = "x".parse::<u8>().unwrap_err();
    let failed = failure(Err::<(), _>(number.clone()));
    assert_eq!(failed.verdict(), RETRY);
    assert_eq!(failed.cause().downcast_ref(), Some(&number), "the cause keeps its type");

    let boxed: BoxError = number.clone().into();
    let failed = failure(Err::<(), _>(boxed));
    assert_eq!((failed.verdict(), failed.cause().downcast_ref()), (RETRY, Some(&number)));

    for failed in [failure(Err::<(), _>("out of stock")), failure(Err::<(), _>("out of stock".to_owned()))] {
        assert_eq!((failed.verdict(), failed.cause().to_string().as_str()), (RETRY, "out of stock"));
    }
    assert_eq!(failure(Err::<(), _>(around(number))).verdict(), RETRY);
}

/// Every way in which an error of the application's may have a verdict inside.
#[test]
fn a_verdict_decides_directly_and_from_inside() {
    let all: [(fn() -> HandlerError, Verdict); 4] = [
        (|| HandlerError::retry("x"), RETRY),
        (|| HandlerError::retry_after(LATER, "x"), RETRY_LATER),
        (|| HandlerError::skip("x"), Skip),
        (|| HandlerError::park("x"), Park),
    ];
    for (make, expected) in all {
        assert_eq!(make().verdict(), expected);
        for (name, failed) in [
            ("directly", failure(Err::<(), _>(make()))),
            ("boxed", failure(Err::<(), BoxError>(make().into()))),
            ("one below", failure(Err::<(), _>(around(make())))),
            ("three below", failure(Err::<(), _>(around(around(around(make())))))),
            ("boxed, one below", failure(Err::<(), BoxError>(around(make()).into()))),
            ("as an error type", failure(Err::<(), _>(make().into_error()))),
            ("as an error type, one below", failure(Err::<(), _>(around(make().into_error())))),
            ("in a box of its own", failure(Err::<(), _>(Box::new(make().into_error())))),
            ("in a box of its own, one below", failure(Err::<(), _>(around(Box::new(make().into_error()))))),
            ("behind an `Arc`, one below", failure(Err::<(), _>(around(Arc::new(make().into_error()))))),
            ("the source of an own error", failure(Err::<(), _>(Own::Handling(make())))),
        ] {
            assert_eq!(failed.verdict(), expected, "{name}");
        }
        for (name, converted) in [
            ("`?` on an error around it", HandlerError::from(around(make()))),
            ("`?` on an own error", HandlerError::from(Own::Handling(make()))),
            ("`?` on it as an error type", HandlerError::from(make().into_error())),
        ] {
            assert_eq!(converted.verdict(), expected, "{name}");
        }
    }
}

/// An application's error that is made of others by `?`.
#[derive(Debug)]
enum Own {
    Handling(HandlerError),
    Parsing(std::num::ParseIntError),
}

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("own")
    }
}

impl Error for Own {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Handling(error) => Some(&**error),
            Self::Parsing(error) => Some(error),
        }
    }
}

impl From<HandlerError> for Own {
    fn from(error: HandlerError) -> Self {
        Self::Handling(error)
    }
}

impl From<std::num::ParseIntError> for Own {
    fn from(error: std::num::ParseIntError) -> Self {
        Self::Parsing(error)
    }
}

/// `?` on errors of several types beside a branch with a verdict, whatever the function returns.
#[test]
fn question_marks_and_verdicts_mix_in_one_function() {
    macro_rules! function {
        ($returned:ty, $($as_error:tt)*) => {
            |text: &str, stock: u32| -> $returned {
                let number: u8 = text.parse()?;
                if stock == 0 {
                    Err("nothing in stock").park()$($as_error)*?;
                }
                if stock == 1 {
                    Err("busy").retry_after(LATER)$($as_error)*?;
                }
                std::str::from_utf8(&[number]).skip()$($as_error)*?;
                Ok(())
            }
        };
    }
    let handler_error = function!(Result<(), HandlerError>,);
    let boxed = function!(Result<(), BoxError>,);
    let own = function!(Result<(), Own>,);
    let anyhow = function!(Result<(), Anyhow>, .map_err(HandlerError::into_error));
    for (text, stock, expected) in [
        ("x", 2, Some(RETRY)),
        ("1", 0, Some(Park)),
        ("1", 1, Some(RETRY_LATER)),
        ("200", 2, Some(Skip)),
        ("1", 2, None),
    ] {
        for (name, returned) in [
            ("HandlerError", handler_error(text, stock).into_outcome()),
            ("a boxed error", boxed(text, stock).into_outcome()),
            ("an own error", own(text, stock).into_outcome()),
            ("what anyhow does", anyhow(text, stock).into_outcome()),
        ] {
            assert_eq!(returned.err().map(|error| error.verdict()), expected, "{name}: {text}, {stock}");
        }
    }
}

/// What `anyhow::Error` is: no error itself, made of any, and convertible into a boxed one.
#[derive(Debug)]
struct Anyhow(BoxError);

impl<E: Error + Send + Sync + 'static> From<E> for Anyhow {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl From<Anyhow> for BoxError {
    fn from(error: Anyhow) -> Self {
        error.0
    }
}

impl From<Anyhow> for Box<dyn Error> {
    fn from(error: Anyhow) -> Self {
        error.0
    }
}

/// `?` needs no other method for what a handler most often has at hand.
#[test]
fn a_question_mark_converts_errors_and_texts() {
    fn text(order: Option<&str>) -> Result<&str, HandlerError> {
        Ok(order.ok_or("the payment has no order")?)
    }

    fn owned(order: &str) -> Result<(), HandlerError> {
        Err(format!("order {order} is unknown"))?;
        Ok(())
    }

    fn cow() -> Result<(), HandlerError> {
        Err(std::borrow::Cow::Borrowed("closed"))?;
        Ok(())
    }

    fn anyhow(error: Anyhow) -> Result<(), HandlerError> {
        Err(error)?;
        Ok(())
    }

    fn number(text: &str) -> Result<u8, HandlerError> {
        Ok(text.parse::<u8>()?)
    }

    fn itself(error: HandlerError) -> Result<(), HandlerError> {
        Err(error)?;
        Ok(())
    }

    assert_eq!(text(Some("o_1")).unwrap(), "o_1");
    for (failed, verdict, cause) in [
        (text(None).unwrap_err(), RETRY, "the payment has no order"),
        (owned("o_1").unwrap_err(), RETRY, "order o_1 is unknown"),
        (cow().unwrap_err(), RETRY, "closed"),
        (anyhow(Anyhow("torn".into())).unwrap_err(), RETRY, "torn"),
        (anyhow(around(HandlerError::park("x")).into()).unwrap_err(), Park, "around"),
        (number("x").unwrap_err(), RETRY, "invalid digit found in string"),
        (itself(HandlerError::skip("sold")).unwrap_err(), Skip, "sold"),
    ] {
        assert_eq!((failed.verdict(), failed.cause().to_string().as_str()), (verdict, cause));
    }
}

#[test]
fn what_does_not_decode_is_parked_however_it_is_returned() {
    let error = || DecodeError::expected("an integer");
    let asked: Result<(), HandlerError> = Err(error().into());
    for failed in [failure(Err::<(), _>(error())), failure(asked), failure(Err::<(), _>(around(error())))] {
        assert_eq!(failed.verdict(), Park);
    }
    assert!(failure(Err::<(), _>(error())).cause().is::<DecodeError>(), "the cause keeps its type");
    assert_eq!(
        failure(Err::<(), _>(HandlerError::retry(error()))).verdict(),
        RETRY,
        "unless it is said otherwise"
    );
}

#[test]
fn the_outermost_verdict_decides() {
    let inner = || HandlerError::park("x");
    assert_eq!(failure(Err::<(), _>(HandlerError::skip(inner()))).verdict(), Skip);
    assert_eq!(failure(Err::<(), _>(HandlerError::retry(around(inner())))).verdict(), RETRY);
    assert_eq!(
        failure(Err::<(), _>(around(HandlerError::retry_after(LATER, inner())))).verdict(),
        RETRY_LATER
    );
}

#[test]
fn display_says_the_verdict_and_the_cause() {
    let broken = || around(io::Error::other("broken pipe"));
    for (error, short, long) in [
        (HandlerError::retry("cause"), "failed: cause", "failed: cause"),
        (HandlerError::retry_after(LATER, "cause"), "failed: cause", "failed: cause"),
        (HandlerError::skip("cause"), "skipped: cause", "skipped: cause"),
        (HandlerError::park("cause"), "parked: cause", "parked: cause"),
        (HandlerError::park(broken()), "parked: around", "parked: around: broken pipe"),
        (failure(Err::<(), _>(broken())), "failed: around", "failed: around: broken pipe"),
    ] {
        assert_eq!((format!("{error}"), format!("{error:#}")), (short.to_owned(), long.to_owned()));
    }
    let shown = format!("{:?}", HandlerError::park(broken()));
    assert!(shown.starts_with("HandlerError { verdict: Park, cause: Around("), "{shown}");
}

#[test]
fn in_a_chain_of_sources_each_level_stands_once() {
    let parked = HandlerError::park(around(io::Error::other("broken pipe")));
    assert_eq!(chain(&*parked), ["parked", "around", "broken pipe"]);
    let nested = failure(Err::<(), _>(around(HandlerError::park("no such order"))));
    assert_eq!(chain(&*nested), ["parked", "around", "parked", "no such order"]);
    assert_eq!(nested.cause().to_string(), "around");
}

#[test]
fn results_take_a_verdict_before_the_question_mark() {
    let number = |text: &str| text.parse::<u8>();
    assert_eq!(number("5").skip().unwrap(), 5);
    assert_eq!(number("5").park().unwrap(), 5);
    assert_eq!(number("5").retry().unwrap(), 5);
    assert_eq!(number("5").retry_after(LATER).unwrap(), 5);
    for (result, expected) in [
        (number("x").skip(), Skip),
        (number("x").park(), Park),
        (number("x").retry(), RETRY),
        (number("x").retry_after(LATER), RETRY_LATER),
        (Err("text").park(), Park),
        (Err("text".to_owned()).retry(), RETRY),
        (Err(BoxError::from("boxed")).skip(), Skip),
        (Err(Anyhow("anyhow".into())).park(), Park),
        (Err(HandlerError::retry("x")).park(), Park),
    ] {
        assert_eq!(result.unwrap_err().verdict(), expected);
    }
    let cause = number("x").park().unwrap_err();
    assert!(cause.cause().is::<std::num::ParseIntError>(), "the cause keeps its type");
}
