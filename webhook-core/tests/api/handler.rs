//! What a handler returns, and what follows from it.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use webhook_core::Verdict::{self, Discard, Park, Retry};
use webhook_core::{HandlerError, IntoOutcome, ResultExt};

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

#[test]
fn a_verdict_decides_directly_and_from_inside() {
    let all: [(fn() -> HandlerError, Verdict); 4] = [
        (|| HandlerError::retry("x"), RETRY),
        (|| HandlerError::retry_after(LATER, "x"), RETRY_LATER),
        (|| HandlerError::discard("x"), Discard),
        (|| HandlerError::park("x"), Park),
    ];
    for (make, expected) in all {
        assert_eq!(make().verdict(), expected);
        assert_eq!(failure(Err::<(), _>(make())).verdict(), expected, "directly");
        assert_eq!(failure(Err::<(), BoxError>(make().into())).verdict(), expected, "boxed");
        assert_eq!(failure(Err::<(), _>(around(make()))).verdict(), expected, "one below");
        assert_eq!(failure(Err::<(), _>(around(around(around(make()))))).verdict(), expected, "three below");
        assert_eq!(
            failure(Err::<(), BoxError>(around(make()).into())).verdict(),
            expected,
            "boxed, one below"
        );
    }
}

#[test]
fn a_verdict_in_a_box_of_its_own_decides_as_well() {
    assert_eq!(failure(Err::<(), _>(Box::new(HandlerError::park("x")))).verdict(), Park);
    assert_eq!(failure(Err::<(), _>(around(Box::new(HandlerError::park("x"))))).verdict(), Park);
    assert_eq!(failure(Err::<(), _>(around(Arc::new(HandlerError::discard("x"))))).verdict(), Discard);
}

#[test]
fn the_outermost_verdict_decides() {
    let inner = || HandlerError::park("x");
    assert_eq!(failure(Err::<(), _>(HandlerError::discard(inner()))).verdict(), Discard);
    assert_eq!(failure(Err::<(), _>(HandlerError::retry(around(inner())))).verdict(), RETRY);
    assert_eq!(
        failure(Err::<(), _>(around(HandlerError::retry_after(LATER, inner())))).verdict(),
        RETRY_LATER
    );
}

#[test]
fn display_is_one_level_and_the_cause_is_the_source() {
    for (error, expected) in [
        (HandlerError::retry("cause"), ["failed", "cause"]),
        (HandlerError::retry_after(LATER, "cause"), ["failed", "cause"]),
        (HandlerError::discard("cause"), ["discarded", "cause"]),
        (HandlerError::park("cause"), ["parked", "cause"]),
    ] {
        assert_eq!(chain(&error), expected);
        assert_eq!(error.cause().to_string(), "cause");
    }
    let deep = failure(Err::<(), _>(around(io::Error::other("broken pipe"))));
    assert_eq!(chain(&deep), ["failed", "around", "broken pipe"], "no level is printed twice");
    let nested = failure(Err::<(), _>(around(HandlerError::park("no such order"))));
    assert_eq!(chain(&nested), ["parked", "around", "parked", "no such order"]);
}

#[test]
fn results_take_a_verdict_before_the_question_mark() {
    let number = |text: &str| text.parse::<u8>();
    assert_eq!(number("5").or_discard().unwrap(), 5);
    assert_eq!(number("5").or_park().unwrap(), 5);
    assert_eq!(number("5").or_retry_after(LATER).unwrap(), 5);
    for (result, expected) in [
        (number("x").or_discard(), Discard),
        (number("x").or_park(), Park),
        (number("x").or_retry_after(LATER), RETRY_LATER),
        (Err("text").or_park(), Park),
        (Err(BoxError::from("boxed")).or_discard(), Discard),
        (Err(HandlerError::retry("x")).or_park(), Park),
    ] {
        assert_eq!(result.unwrap_err().verdict(), expected);
    }
    let cause = number("x").or_park().unwrap_err();
    assert!(cause.cause().is::<std::num::ParseIntError>(), "the cause keeps its type");
}

#[test]
fn a_handlers_error_passes_through_question_marks() {
    fn inner() -> Result<(), HandlerError> {
        "x".parse::<u8>().or_discard()?;
        Ok(())
    }
    fn outer() -> Result<(), BoxError> {
        inner()?;
        Ok(())
    }
    assert_eq!(failure(outer()).verdict(), Discard);
}
