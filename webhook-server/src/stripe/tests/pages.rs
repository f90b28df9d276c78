//! Lists are read page by page, in either direction, and lead nowhere else.

use fake_stripe::{Fault, What};
use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Debug, Deserialize)]
struct Item {
    id: String,
}

async fn all(mut pages: Pages) -> Result<Vec<String>, ApiError> {
    let mut ids = Vec::new();
    while let Some(page) = pages.next::<Item>().await? {
        ids.extend(page.into_iter().map(|item| item.id));
    }
    Ok(ids)
}

fn with_events(count: u32) -> Fake {
    let fake = Fake::new();
    for number in 0..count {
        let event = json!({ "id": format!("evt_{number}"), "type": "payout.paid", "created": 1_790_000_000 + number / 3 });
        fake.add_event("", event, number % 2 == 0);
        fake.add_thin_event("", json!({ "id": format!("evt_{number}"), "type": "v1.payout.paid" }));
    }
    fake
}

fn ids(numbers: impl Iterator<Item = u32>) -> Vec<String> {
    numbers.map(|number| format!("evt_{number}")).collect()
}

#[tokio::test(start_paused = true)]
async fn each_object_comes_once_and_in_order() {
    for (count, limit, requests) in [(0, 3, 1), (3, 3, 1), (7, 3, 3), (25, 10, 3)] {
        let fake = with_events(count);
        let list = |path: &str| Call::get(path).query(&json!({ "limit": limit }));
        let newest_first = ids((0..count).rev());
        let down = client(&fake).list(list("/v1/events"), Direction::Down { from: None });
        assert_eq!(all(down).await.expect("they are there"), newest_first);
        assert_eq!(fake.requests().len(), requests, "{count} by {limit}");
        let v2 = client(&fake).list(list("/v2/core/events"), Direction::Down { from: None });
        assert_eq!(all(v2).await.expect("they are there"), newest_first);
        if count > 4 {
            let down = Direction::Down { from: Some("evt_4".to_owned()) };
            assert_eq!(
                all(client(&fake).list(list("/v1/events"), down)).await.expect("they are there"),
                ids((0..4).rev())
            );
            let up = Direction::Up { from: "evt_2".to_owned() };
            let filtered =
                Call::get("/v1/events").query(&json!({ "limit": limit, "types": ["payout.paid"] }));
            assert_eq!(
                all(client(&fake).list(filtered, up)).await.expect("they are there"),
                ids(3..count),
                "oldest first"
            );
        }
    }
}

/// A page that fails is asked for again, and nothing is lost.
#[tokio::test(start_paused = true)]
async fn a_list_goes_on_after_a_failure() {
    let fake = with_events(7);
    let list = Call::get("/v1/events").query(&json!({ "limit": 3 }));
    let mut pages = client(&fake).list(list, Direction::Up { from: "evt_0".to_owned() });
    fake.fail(Fault::next(What::UnknownKey).after(1));
    let (mut read, mut failures) = (Vec::new(), 0);
    loop {
        match pages.next::<Item>().await {
            Ok(Some(page)) => read.extend(page.into_iter().map(|item| item.id)),
            Ok(None) => break,
            Err(_) => failures += 1,
        }
    }
    assert_eq!((read, failures), (ids(1..7), 1));
}

#[tokio::test(start_paused = true)]
async fn a_list_ends_and_leads_nowhere_else() {
    let page = |next: &str| json!({ "data": [], "next_page_url": next }).to_string();
    let own = "https://api.stripe.com/v2/core/events?page=2";
    for (path, body, reads) in [
        ("/v1/events", json!({ "data": [], "has_more": true }).to_string(), false),
        ("/v1/events", json!({ "data": [{ "object": "event" }], "has_more": true }).to_string(), false),
        ("/v2/core/events", page("/v2/core/events?page=2"), true),
        ("/v2/core/events", page(own), true),
        ("/v2/core/events", page(&own.replace("api.", "apj.")), false),
        ("/v2/core/events", page(&own.replace("https", "http")), false),
        ("/v2/core/events", page(&own.replace("api.stripe.com", "api.stripe.com@elsewhere.example")), false),
        ("/v2/core/events", page("//elsewhere.example/v2/core/events?page=2"), false),
        ("/v2/core/events", page("/v2/core/accounts?page=2"), false),
        ("/v2/core/events", page("/v2/core/events/../accounts?page=2"), false),
        ("/v2/core/events", page("/v2/core/events"), false),
        ("/v2/core/events", page("/v2/core/events?limit=1"), false),
        ("/v2/core/events", page("/v2/core/events?page=2#x"), false),
        ("/v2/core/events", page("/v2/core/events?page=2 x"), false),
        ("/v2/core/events", page("core/events?page=2"), false),
    ] {
        let fake = Fake::new();
        fake.fail(Fault::next(What::Answer { status: 200, headers: vec![], body: body.clone() }));
        let list = Call::get(path).query(&json!({ "limit": 1 }));
        let mut pages = client(&fake).list(list, Direction::Down { from: None });
        let first = pages.next::<Item>().await;
        assert_eq!(first.is_ok(), reads, "{body}: {first:?}");
        if let Err(error) = first {
            assert!(matches!(error.reason(), Reason::EndlessList), "{body}: {error}");
        }
    }
    // The same page again and again.
    let fake = Fake::new();
    let again = json!({ "data": [{ "id": "evt_1" }], "has_more": true }).to_string();
    fake.fail(Fault::next(What::Answer { status: 200, headers: vec![], body: again }).times(9));
    let error = all(client(&fake).list(Call::get("/v1/events"), Direction::Down { from: None })).await;
    assert!(matches!(error.expect_err("it does not end").reason(), Reason::EndlessList));
    assert_eq!(fake.requests().len(), 2);
}
