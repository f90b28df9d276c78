//! What handlers read.

use std::time::Instant;

use bytes::Bytes;
use fake_stripe::{Fault, What};
use serde_json::json;
use webhook_core::{Envelope, StripeRead, StripeReader, Verdict};

use super::*;

const PATH: &str = "/v1/charges/ch_1";

/// A read for a thin event with these fields more.
fn read(path: &str, fields: &str) -> StripeRead {
    let event = format!(
        r#"{{"id":"evt_1","object":"v2.core.event","type":"v1.charge.succeeded","livemode":false{fields}}}"#
    );
    let envelope = Envelope::parse_stored(&Bytes::from(event)).expect("it is an event");
    StripeRead::new(path, Arc::new(envelope), None)
}

fn with_charge(account: &str) -> Fake {
    let fake = Fake::new();
    fake.put_object(account, PATH, json!({ "id": "ch_1", "object": "charge" }));
    fake
}

#[tokio::test(start_paused = true)]
async fn an_object_is_read_in_the_name_of_its_account() {
    for (fields, account, header) in [
        ("", "", None),
        (r#","account":"acct_1""#, "acct_1", Some(("stripe-account", "acct_1"))),
        (r#","context":"acct_1""#, "acct_1", Some(("stripe-context", "acct_1"))),
        (r#","context":"acct_1","account":"acct_2""#, "acct_1", Some(("stripe-context", "acct_1"))),
    ] {
        let fake = with_charge(account);
        let found = client(&fake).read(&read(PATH, fields)).await.expect("it is there");
        assert!(found.is_some_and(|body| body.starts_with(b"{")), "{fields}");
        let [request] = &fake.requests()[..] else { panic!("it is read once") };
        assert_eq!(request.header("stripe-request-trigger"), Some("event=evt_1"));
        for name in ["stripe-account", "stripe-context"] {
            let expected = header.filter(|(of, _)| *of == name).map(|(_, value)| value);
            assert_eq!(request.header(name), expected, "{fields}: {name}");
        }
    }
    // Stripe may write a query into the URL of a related object.
    let fake = with_charge("");
    let _ = client(&fake).read(&read("/v1/charges/ch_1?expand[0]=customer", "")).await;
    assert_eq!(fake.requests()[0].query, "expand[0]=customer");
}

#[tokio::test(start_paused = true)]
async fn what_stripe_answers_decides_what_becomes_of_the_run() {
    let (fake, gone) = (with_charge(""), read("/v1/charges/ch_2", ""));
    assert_eq!(client(&fake).read(&gone).await.expect("an object that is gone is not a failure"), None);
    for (what, expected) in [
        (What::RateLimited(Some("endpoint-rate".to_owned())), "too many calls (endpoint-rate)"),
        (What::ServerError, "Stripe failed with 500"),
        (What::CutBefore, "closed the connection"),
        (What::MissingPermission("rak_charge_read".to_owned()), "rak_charge_read"),
        (What::UnknownKey, "does not know the API key"),
    ] {
        let fake = with_charge("");
        fake.fail(Fault::next(what).times(9));
        let error = client(&fake).read(&read(PATH, "")).await.expect_err("it fails");
        assert_eq!(error.verdict(), Verdict::Retry { after: None }, "{error}");
        assert!(format!("{error:#}").contains(expected), "{error:#}");
    }
    let fake = with_charge("");
    fake.fail(Fault::next(What::ServerError));
    assert!(client(&fake).read(&read(PATH, "")).await.is_ok_and(|found| found.is_some()), "it is repeated");

    let error = client(&fake).read(&read("/v1/../x", "")).await.expect_err("it leads elsewhere");
    assert_eq!(error.verdict(), Verdict::Park);
    assert_eq!(fake.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_read_takes_no_longer_than_the_run() {
    let fake = with_charge("");
    fake.fail(Fault::next(What::Slow(60_000)));
    let mut read = read(PATH, "");
    read.deadline = Instant::now().checked_add(Duration::from_secs(3));
    let began = tokio::time::Instant::now();
    let error = client(&fake).read(&read).await.expect_err("it takes too long");
    assert_eq!(error.verdict(), Verdict::Retry { after: None });
    assert!(began.elapsed() <= Duration::from_secs(3), "{:?}", began.elapsed());
}
