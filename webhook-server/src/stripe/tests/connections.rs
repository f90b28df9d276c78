//! Connections are kept, and those that have ended are not used.

use fake_stripe::{Fault, What};

use super::*;

async fn ask(client: &Client) {
    client.call(&Call::get("/v1/events")).await.expect("it is answered");
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_while_it_is_of_use() {
    let fake = Fake::new();
    let client = client(&fake);
    for _ in 0..5 {
        ask(&client).await;
    }
    assert_eq!(fake.connections(), 1, "one after another");
    sleep(Duration::from_secs(29)).await;
    ask(&client).await;
    assert_eq!(fake.connections(), 1, "after a pause");
    sleep(Duration::from_secs(31)).await;
    ask(&client).await;
    assert_eq!(fake.connections(), 2, "after a long pause");
    fake.fail(Fault::next(What::slow(Duration::from_secs(1))).times(3));
    tokio::join!(ask(&client), ask(&client), ask(&client));
    assert_eq!(fake.connections(), 4, "one for each call at once");
    tokio::join!(ask(&client), ask(&client), ask(&client));
    assert_eq!(fake.connections(), 4);
}

/// If the server has closed the connection, or announced that it will, the next call does not fail.
#[tokio::test(start_paused = true)]
async fn one_that_has_ended_is_not_used_again() {
    let closing =
        What::Answer { status: 200, headers: vec![("connection".into(), "close".into())], body: "{}".into() };
    for (fault, connections) in [(closing, 2), (What::CutAfter, 2), (What::CutWithin, 2), (What::NotFound, 1)]
    {
        let fake = Fake::new();
        let client = client(&fake);
        let shown = format!("{fault:?}");
        fake.fail(Fault::next(fault));
        let _ = client.call(&Call::get("/v1/customers/cus_1")).await;
        let before = fake.requests().len();
        ask(&client).await;
        assert_eq!(fake.requests().len(), before + 1, "{shown}: nothing is repeated");
        assert_eq!(fake.connections(), connections, "{shown}");
    }
    // What is left of an answer that is too long is not read.
    let fake = Fake::new();
    let client = client(&fake);
    fake.fail(Fault::next(What::Endless));
    client.call(&Call::get("/v1/events")).await.expect_err("it is too long");
    ask(&client).await;
    assert_eq!(fake.connections(), 2);
}

#[tokio::test]
async fn it_connects_to_a_server_of_this_machine() {
    let fake = Fake::new();
    let listening = fake.listen();
    let settings = Settings { stripe_api_url: Some(listening.url()), ..Settings::default() };
    let client = Client::new(key(), &settings);
    ask(&client).await;
    ask(&client).await;
    assert_eq!(fake.connections(), 1);
    assert_eq!(fake.requests()[0].header("host"), listening.url().strip_prefix("http://"));
    drop(listening);
    let error = client.call(&Call::get("/v1/events")).await.expect_err("nothing listens");
    assert!(
        error.is_passing() && error.to_string().contains("cannot connect to http://127.0.0.1"),
        "{error}"
    );
}
