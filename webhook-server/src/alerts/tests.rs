//! When alerts are told, and what they say. The time is tokio's, which stands still but for what waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::{sleep, sleep_until};
use webhook_core::{Envelope, VerifyError};

use super::message::Sender;
use super::*;
use crate::app::App;
use crate::receive::Via;
use crate::receive::outcome::{Outcome, Receipt, Refusal};
use crate::report::{AttemptEnded, Fact, Report, Sink};
use crate::store::StoreError;
use crate::store::{Backlog, Disposition, HandlerStats, InboxLocation, ParkReason, Recovered, State};

/// What a hook was told: how many seconds after the start, and what.
type Told = Arc<Mutex<Vec<(u64, Alert)>>>;

/// Alerts for a hook that notes them, on a clock that follows tokio's.
fn noting(settings: Settings) -> (Arc<Alerts>, Told) {
    let (told, began) = (Told::default(), Instant::now());
    let noted = Arc::clone(&told);
    let app = App::new().on_alert(move |alert| {
        noted.lock().expect("no panic").push((began.elapsed().as_secs(), alert));
        async {}
    });
    (alerts(app, &settings, began), told)
}

fn alerts(app: App, settings: &Settings, began: Instant) -> Arc<Alerts> {
    let now = Arc::new(move || UNIX_EPOCH + Duration::from_secs(1_790_000_000) + began.elapsed());
    Alerts::of((app.alert_hook, None), settings, true, now).expect("there is a hook")
}

/// A task that was parked without a run.
fn parked<'f>(handler: &'f str, error: &'f str) -> Fact<'f> {
    Fact::TaskParked { task: 1, envelope: None, handler, attempt: 1, reason: ParkReason::Asked, error }
}

fn event(id: &str) -> Envelope {
    let text = format!(
        r#"{{"id":"{id}","object":"event","type":"invoice.paid","created":1790000000,"livemode":true,
        "api_version":"2026-10-28.endive","data":{{"object":{{"object":"invoice","id":"in_1","customer":"cus_1"}}}}}}"#
    );
    Envelope::parse_stored(&text.into()).expect("it is an event")
}

fn counts(told: &Told) -> Vec<(u64, u64)> {
    told.lock().expect("no panic").iter().map(|(at, alert)| (*at, alert.count)).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_of_a_kind_is_told_at_once_and_the_others_at_growing_distances() {
    /// When something happens, in seconds, and how often.
    type Happens<'h> = &'h [(u64, u64)];
    let steady: Vec<_> = (0..2_400).map(|second| (second, 1)).collect();
    for (name, happens, expected) in [
        ("one", &[(3, 1)][..], &[(3, 1)][..]),
        ("a burst", &[(3, 1), (4, 9_999)], &[(3, 1), (63, 9_999)]),
        ("quiet for a minute", &[(0, 1), (61, 1), (300, 1)], &[(0, 1), (61, 1), (300, 1)]),
        ("quiet after a digest", &[(0, 1), (1, 5), (200, 1)], &[(0, 1), (60, 5), (200, 1)]),
        ("twice in a minute", &[(0, 1), (1, 5), (100, 1)], &[(0, 1), (60, 5), (180, 1)]),
        (
            "each second",
            &steady,
            &[(0, 1), (60, 59), (180, 120), (420, 240), (900, 480), (1_500, 600), (2_100, 600), (2_400, 300)],
        ),
    ] as [(&str, Happens<'_>, Happens<'_>); 6]
    {
        let (alerts, told) = noting(Settings::default());
        let began = Instant::now();
        let alerting = Alerting::start(Arc::clone(&alerts), Report::nowhere());
        for (at, times) in happens {
            // In the middle of a second, a digest that is due in it was told.
            sleep_until(began + Duration::from_secs(*at) + Duration::from_millis(u64::from(*at > 0) * 500))
                .await;
            (0..*times)
                .for_each(|number| alerts.note(&parked("shop::paid", &format!("order {number} is gone"))));
        }
        let last = happens.last().map_or(0, |(at, _)| *at);
        sleep_until(began + Duration::from_secs(if last > 2_000 { 2_400 } else { last + 1_000 })).await;
        alerting.finish().await;
        assert_eq!(counts(&told), expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_kind_is_told_at_once_with_what_waits() {
    let (alerts, told) = noting(Settings::default());
    let alerting = Alerting::start(Arc::clone(&alerts), Report::nowhere());
    alerts.note(&parked("shop::paid", "gone"));
    sleep(Duration::from_secs(10)).await;
    alerts.note(&parked("shop::refunded", "gone"));
    sleep(Duration::from_secs(10)).await;
    assert_eq!(counts(&told), [(0, 1)], "another handler's parked tasks wait for the digest");
    alerts.note(&Fact::NotReloaded { what: "certificate and key", endpoint: None, reason: "no such file" });
    sleep(Duration::from_secs(10)).await;
    assert_eq!(counts(&told), [(0, 1), (20, 1), (20, 1)]);
    alerting.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_tells_what_waits_and_waits_for_two_seconds_at_most() {
    for (name, hangs, limit) in [("in time", false, 0), ("hangs", true, 1_500)] {
        let told = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&told);
        let app = App::new().on_alert(move |alert: Alert| {
            counted.fetch_add(alert.count, Ordering::Relaxed);
            async move {
                if hangs {
                    std::future::pending().await
                }
            }
        });
        let alerts = alerts(app, &Settings::default(), Instant::now());
        let alerting = Alerting::start(Arc::clone(&alerts), Report::nowhere());
        alerts.note(&parked("shop::paid", "gone"));
        sleep(Duration::from_secs(1)).await;
        (0..7).for_each(|_| alerts.note(&parked("shop::paid", "gone")));
        let began = Instant::now();
        assert!(alerting.finish().await, "{name}: the call is cancelled, and ends");
        assert!(began.elapsed().as_millis().abs_diff(limit) < 10, "{name}: {:?}", began.elapsed());
        assert_eq!(told.load(Ordering::Relaxed), if hangs { 1 } else { 8 }, "{name}");
    }
}

/// Counts what became of alerts.
#[derive(Debug, Default)]
struct Outcomes(Mutex<Vec<(&'static str, usize, Option<String>)>>);

impl Sink for Outcomes {
    fn note(&self, fact: &Fact<'_>) {
        if let Fact::Alerted { to, alerts, error } = *fact {
            self.0.lock().expect("no panic").push((to, alerts, error.map(str::to_owned)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_or_hangs_does_no_harm() {
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let app = App::new().on_alert(move |_| {
        let call = counted.fetch_add(1, Ordering::Relaxed);
        assert_ne!(call, 0, "the first call fails before it waits");
        async move {
            match call {
                1 => panic!("the second call fails later"),
                2 => std::future::pending().await,
                _ => {}
            }
        }
    });
    let (alerts, outcomes) = (alerts(app, &Settings::default(), Instant::now()), Arc::<Outcomes>::default());
    let alerting = Alerting::start(Arc::clone(&alerts), Report::to(Arc::clone(&outcomes)));
    for _ in 0..4 {
        alerts.note(&parked("shop::paid", "gone"));
        sleep(Duration::from_secs(700)).await;
    }
    alerting.finish().await;
    let outcomes = outcomes.0.lock().expect("no panic").clone();
    let problems: Vec<_> =
        outcomes.iter().map(|(to, alerts, error)| (*to, *alerts, error.as_deref())).collect();
    let [("hook", 1, Some(first)), ("hook", 1, Some(second)), ("hook", 1, Some(third)), ("hook", 1, None)] =
        problems[..]
    else {
        panic!("{problems:?}")
    };
    assert!(
        first.starts_with("the hook panicked") && second.starts_with("the hook panicked"),
        "{problems:?}"
    );
    assert_eq!(third, "the hook did not return within 10 s");
}

/// A hook for which ever more is told, though it takes long: what it cannot take is given up.
#[tokio::test(start_paused = true)]
async fn what_waits_for_an_outlet_is_bounded() {
    let app = App::new().on_alert(|_| std::future::pending());
    let (alerts, outcomes) = (alerts(app, &Settings::default(), Instant::now()), Arc::<Outcomes>::default());
    let alerting = Alerting::start(Arc::clone(&alerts), Report::to(Arc::clone(&outcomes)));
    for round in 0..20 {
        // Twenty groups of one kind, for each of which the hook hangs.
        (0..100).for_each(|handler| alerts.note(&parked(&format!("shop::h{handler}"), "gone")));
        sleep(Duration::from_secs(if round == 0 { 60 } else { 600 })).await;
    }
    alerting.finish().await;
    let outcomes = outcomes.0.lock().expect("no panic").clone();
    assert!(outcomes.iter().all(|(_, alerts, error)| *alerts == 21 && error.is_some()), "{outcomes:?}");
}

#[test]
fn what_is_too_much_is_counted_together() {
    let mut groups = Groups::default();
    for number in 0..1_000_u64 {
        let mut alert = Alert::new(AlertKind::Parked, 2, UNIX_EPOCH + Duration::from_secs(number));
        alert.handler = Some(format!("shop::h{}", number % 50));
        alert.event_ids = vec![format!("evt_{number}")];
        groups.add(alert);
    }
    groups.add(Alert::new(AlertKind::Quarantined, 1, UNIX_EPOCH));
    let alerts = groups.take();
    assert_eq!(alerts.len(), 22);
    assert_eq!(alerts.iter().map(|alert| alert.count).sum::<u64>(), 2_001);
    assert!(alerts.iter().all(|alert| alert.event_ids.len() <= 10));
    let rest = alerts.iter().find(|alert| alert.is_rest).expect("there are more groups than are told apart");
    assert_eq!((rest.count, &rest.handler), (2 * 30 * 20, &None));
    assert_eq!(rest.to_string(), "1200 more tasks were parked");
    assert!(groups.take().is_empty());
}

#[test]
fn a_secret_of_another_endpoint_is_found_out() {
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(1_790_000_000 + seconds);
    for (name, requests, expected) in [
        // Whether a signature is right, at what second, and how many wrong ones there is an alert for.
        (
            "never right",
            &[(false, 0), (false, 900), (false, 2_000), (false, 4_000), (false, 9_000)][..],
            &[5][..],
        ),
        ("too few", &[(false, 0), (false, 1), (false, 2), (false, 3)], &[]),
        ("and more", &[(false, 0), (false, 1), (false, 2), (false, 3), (false, 4), (false, 5)], &[5, 1]),
        ("right just now", &[(true, 0), (false, 1), (false, 2), (false, 3), (false, 4), (false, 5)], &[]),
        (
            "right long ago",
            &[(true, 0), (false, 301), (false, 302), (false, 303), (false, 304), (false, 305)],
            &[5],
        ),
        ("slowly", &[(true, 0), (false, 400), (false, 500), (false, 600), (false, 700), (false, 800)], &[]),
        (
            "between",
            &[(false, 0), (false, 1), (false, 2), (true, 3), (false, 4), (false, 5), (false, 6)],
            &[],
        ),
    ] as [(&str, &[(bool, u64)], &[u64]); 7]
    {
        let (mut signatures, endpoint) = (Signatures::default(), Arc::from("/webhook"));
        let told = requests.iter().filter_map(|(is_right, seconds)| match is_right {
            true => {
                signatures.accepted(&endpoint, at(*seconds));
                None
            }
            false => signatures.refused(&endpoint, at(*seconds)),
        });
        assert_eq!(told.map(|(_, count)| count).collect::<Vec<_>>(), expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_lasts_is_told_once_and_once_more_when_it_is_over() {
    let (alerts, told) = noting(Settings::default());
    let alerting = Alerting::start(Arc::clone(&alerts), Report::nowhere());
    // For how long the oldest task has been due, in seconds; nothing if the inbox cannot be read.
    let looks = [Some(0), Some(299), Some(301), Some(400), Some(250), Some(302), Some(149), Some(10)];
    let looks = looks.into_iter().chain([None; 14]).chain([Some(0)]);
    for late in looks {
        let backlog =
            late.map(|late: i64| Backlog { oldest_due_ms: Some(late * 1_000), ..Backlog::default() });
        alerts.note_backlog(backlog.as_ref());
        sleep(Duration::from_secs(30)).await;
    }
    alerting.finish().await;
    let told = told.lock().expect("no panic").clone();
    let told: Vec<_> = told.iter().map(|(at, alert)| (*at, alert.to_string())).collect();
    let expected = [
        (60, "tasks are late: the oldest has been due for 5m 1s"),
        (180, "tasks run on time again"),
        (570, "the inbox could not be read for 5m 30s"),
        (660, "the inbox can be read again"),
    ];
    assert_eq!(told, expected.map(|(at, text)| (at, text.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn what_the_inbox_cannot_store_is_told_unless_it_passes() {
    let (alerts, _) = noting(Settings::default());
    let via = via(Some("2026"));
    let refused = |error: StoreError| -> Outcome { Err(Refusal::Inbox(error)) };
    let slow = || refused(StoreError::Slow(Duration::from_secs(5)));
    let duplicate =
        Receipt::Duplicate { envelope: event("evt_1").into(), same_body: true, tasks: 0, reply: None };
    for (after, outcome, expected) in [
        (0, refused(StoreError::DiskFull), Some(1)),
        (0, refused(StoreError::DiskLow { free: 7 }), Some(1)),
        (0, slow(), None),
        (301, slow(), Some(2)),
        (0, slow(), Some(1)),
        (0, Ok(duplicate), None),
        (301, slow(), None),
        (299, refused(StoreError::Busy), None),
        (2, refused(StoreError::broken("a table is missing")), Some(3)),
    ] {
        sleep(Duration::from_secs(after)).await;
        alerts.note(&answered(&outcome, &via));
        let told = alerts.take_all();
        assert_eq!(told.first().map(|alert| alert.count), expected, "{outcome:?}");
        assert!(told.iter().all(|alert| alert.kind == AlertKind::NotStored), "{told:?}");
    }
}

/// What each fact becomes: as a sentence, and as JSON.
#[tokio::test(start_paused = true)]
async fn a_fact_becomes_an_alert() {
    let settings =
        Settings { admin_url: Some("https://ops.example.com/webhooks".to_owned()), ..Settings::default() };
    let (alerts, _) = noting(settings);
    let (via, unsigned) = (via(Some("2026")), via(None));
    let quarantined: Outcome = Ok(Receipt::Quarantined {
        reason: "the body is not JSON: expected value at line 3".to_owned(),
        is_new: true,
    });
    let quarantined_again: Outcome =
        Ok(Receipt::Quarantined { reason: "the same".to_owned(), is_new: false });
    let mismatch: Outcome =
        Err(Refusal::Verify { source: VerifyError::Mismatch { secrets: 1, signatures: 1 }, looks: None });
    let (one, two) = (event("evt_1"), event("evt_2"));
    let full: Outcome = Err(Refusal::Inbox(StoreError::DiskFull));
    let asked = Disposition::Parked {
        why: ParkReason::Asked,
        error: "no order \"Anna's\" of anna@example.com for <!channel> pi_3Nq8".to_owned(),
    };
    let undecodable =
        Disposition::Parked { why: ParkReason::Undecodable, error: "`amount` is null".to_owned() };
    let ended = |envelope, disposition| {
        Fact::AttemptEnded(AttemptEnded {
            envelope,
            handler: "shop::paid",
            attempt: 1,
            waited: None,
            report: None,
            disposition,
            was_ours: true,
        })
    };
    let missing = [HandlerStats {
        handler: "shop::old".to_owned(),
        state: State::Parked,
        why: Some(ParkReason::NoHandler),
        tasks: 12,
    }];
    let recovered = Recovered { poisoned: 2, without_handler: 3, ..Recovered::default() };
    let facts = [
        ended(&one, &asked),
        ended(&two, &asked),
        ended(&two, &undecodable),
        answered(&quarantined, &via),
        answered(&quarantined_again, &via),
        answered(&full, &via),
        Fact::AttemptBlocks {
            envelope: &one,
            handler: "shop::paid",
            limit: Duration::from_secs(10),
            has_started: true,
        },
        Fact::Recovered { location: &InboxLocation::Memory, recovered: &recovered, missing: &missing },
        Fact::TakenOver { recovered: &Recovered { without_handler: 1, ..Recovered::default() } },
        Fact::NotReloaded {
            what: "certificate and key",
            endpoint: None,
            reason: "the certificate file /etc/tls/cert.pem cannot be read: no such file",
        },
    ];
    facts.iter().for_each(|fact| alerts.note(fact));
    // A right signature is forgotten after five minutes.
    sleep(Duration::from_secs(301)).await;
    (0..5).for_each(|_| alerts.note(&answered(&mismatch, &unsigned)));
    let told = alerts.take_all();
    let sentences: String = told.iter().map(|alert| format!("{alert}\n")).collect();
    assert_eq!(sentences, include_str!("tests/sentences.txt"), "{sentences}");
    let body = Sender::of_a_test().body(&told);
    assert!(body.starts_with(br#"{"text":"shop on web-1:"#), "what chats show is in front: {body:?}");
    let body: serde_json::Value = serde_json::from_slice(&body).expect("it is JSON");
    let body = format!("{body:#}\n");
    assert_eq!(body, include_str!("tests/message.json"), "{body}");
}

/// The way of a request that was signed with the secret of this label, or with another one.
fn via(secret: Option<&str>) -> Via {
    Via { endpoint: Some("/webhook".into()), secret: secret.map(Arc::from), ..Via::default() }
}

fn answered<'f>(outcome: &'f Outcome, via: &'f Via) -> Fact<'f> {
    let status = crate::receive::reply::to(outcome).status();
    Fact::Answered { outcome, via, status, took: Duration::ZERO, peer: None }
}

/// The documentation has the same keys and kinds.
#[test]
fn every_key_and_every_kind_is_documented() {
    let guide = include_str!("../../../docs/alerts.md");
    let all: serde_json::Value =
        serde_json::from_str(include_str!("tests/message.json")).expect("it is JSON");
    let alerts = all["alerts"].as_array().expect("they are a list").iter();
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().expect("it has keys").keys().cloned().collect()
    };
    let names = alerts.flat_map(keys).chain(keys(&all)).chain(["lasting_seconds".to_owned()]);
    for name in names.chain(kinds().map(|kind| kind.name().to_owned())) {
        assert!(guide.contains(&format!("| `{name}` |")), "docs/alerts.md has no row for `{name}`");
    }
}

fn kinds() -> impl Iterator<Item = AlertKind> {
    use AlertKind::{
        Behind, Blocked, InboxAway, NotReloaded, NotStored, Parked, Quarantined, Undecodable, WrongSignatures,
    };
    [Parked, Undecodable, Quarantined, NotStored, Blocked, Behind, InboxAway, WrongSignatures, NotReloaded]
        .into_iter()
}

#[test]
fn an_application_without_hook_and_url_has_no_alerts() {
    let now: WallClock = Arc::new(SystemTime::now);
    let url = Some(AlertUrl::from("http://127.0.0.1:9/"));
    for (url, is_posted_to, expected) in [(None, true, false), (url.clone(), false, false), (url, true, true)]
    {
        let settings = Settings { alert_url: url, ..Settings::default() };
        assert_eq!(Alerts::of((None, None), &settings, is_posted_to, Arc::clone(&now)).is_some(), expected);
    }
}
