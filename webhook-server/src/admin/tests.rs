//! Requests, as values, and what they are answered.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{LOCATION, SET_COOKIE, WWW_AUTHENTICATE};
use hyper::{Request, Response, StatusCode};
use webhook_core::{Envelope, Timestamp};

use super::{Admin, AdminBody, Live, Reached, Subject, Token};
use crate::phase::{Phase, Stage};
use crate::receive::tests::with_inbox;
use crate::settings::Settings;
use crate::store::conformance::{arrival, changed, free, serial};
use crate::store::{
    Capacity, Disposition, Filter, NewEvent, NewTask, ParkReason, RecordResult, StartMode, State, Store,
    TaskRow,
};

const TOKEN: &str = "0123456789abcdef0123";

/// The admin pages of an inbox in memory.
pub(super) struct Pages {
    pub(super) admin: Admin,
    store: Arc<dyn Store>,
    phase: Arc<Phase>,
}

impl Pages {
    pub(super) fn new(settings: &Settings, token: Option<&str>) -> Self {
        let server = with_inbox();
        let store = Arc::clone(&server.inbox.as_ref().expect("it has an inbox").worker.store);
        let subject = Subject {
            phase: Arc::default(),
            token: token.map(|token| Arc::new(Token::of(token))),
            url: settings.admin_url.clone(),
            is_read_only: settings.admin_read_only,
            ..server.subject()
        };
        let phase = Arc::clone(&subject.phase);
        Self { admin: Admin::new(subject, Reached::Directly), store, phase }
    }

    async fn answer(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        form: &str,
    ) -> Response<AdminBody> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::from(form.to_owned()));
        let (head, body) = request.body(body).expect("it is a request").into_parts();
        self.admin.answer(head, super::form(body), None).await
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        whole(self.answer("GET", path, &[("host", "localhost:4243")], "").await).await
    }

    async fn post(&self, path: &str, form: &str) -> Response<AdminBody> {
        self.answer("POST", path, &OURS, form).await
    }

    /// Stores an event with a task, which no handler of this program runs.
    async fn store(&self, event: NewEvent) {
        self.store.record(event).await.expect("it is stored");
    }

    async fn tasks(&self) -> Vec<TaskRow> {
        self.store.tasks(Filter { limit: 100, ..Filter::default() }).await.expect("they can be read")
    }
}

/// The headers of a form on one of our pages.
const OURS: [(&str, &str); 3] =
    [("host", "localhost:4243"), ("origin", "http://localhost:4243"), ("sec-fetch-site", "same-origin")];

async fn whole(response: Response<AdminBody>) -> (StatusCode, String) {
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("it is in memory").to_bytes();
    (head.status, String::from_utf8(body.to_vec()).expect("it is text"))
}

#[tokio::test]
async fn an_attack_is_refused() {
    let settings =
        Settings { admin_url: Some("https://ops.example.com/hooks".to_owned()), ..Settings::default() };
    let (open, guarded) = (Pages::new(&settings, None), Pages::new(&settings, Some(TOKEN)));
    let bearer = format!("Bearer {TOKEN}");
    let expired = Token::of(TOKEN).session(SystemTime::now() - Duration::from_secs(13 * 60 * 60));
    let cookie = |session: &str| format!("{}={session}", Token::of(TOKEN).cookie());
    let (valid, expired) = (cookie(&Token::of(TOKEN).session(SystemTime::now())), cookie(&expired));
    let other = cookie(&Token::of("another token of ours").session(SystemTime::now()));
    let local = ("host", "localhost:4243");
    let same = ("sec-fetch-site", "same-origin");
    for (what, pages, method, headers, expected) in [
        ("our page", &open, "GET", vec![local], 200),
        ("by its address", &open, "GET", vec![("host", "127.0.0.1:4243")], 200),
        ("by its IPv6 address", &open, "GET", vec![("host", "[::1]:4243")], 200),
        ("through the proxy", &open, "GET", vec![("host", "ops.example.com")], 200),
        ("a name that points here", &open, "GET", vec![("host", "rebound.example:4243")], 403),
        ("a name that looks like ours", &open, "GET", vec![("host", "localhost.example")], 403),
        ("no host", &open, "GET", vec![], 403),
        ("two hosts", &open, "GET", vec![local, ("host", "rebound.example")], 403),
        (
            "loaded by another site",
            &open,
            "GET",
            vec![local, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
            403,
        ),
        (
            "a link on another site",
            &open,
            "GET",
            vec![local, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
            200,
        ),
        (
            "a form on another site",
            &open,
            "POST",
            vec![local, ("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
            403,
        ),
        (
            "a form on another port",
            &open,
            "POST",
            vec![local, ("sec-fetch-site", "same-site"), ("origin", "http://localhost:9999")],
            403,
        ),
        ("a form without an origin", &open, "POST", vec![local, same], 403),
        ("a form of nobody", &open, "POST", vec![local, same, ("origin", "null")], 403),
        ("a form of an old browser", &open, "POST", vec![local, ("origin", "http://localhost:4243")], 403),
        (
            "a form past TLS, of a browser that says nothing",
            &open,
            "POST",
            vec![("host", "10.0.0.5:4243"), ("origin", "http://10.0.0.5:4243")],
            404,
        ),
        (
            "the same from elsewhere",
            &open,
            "POST",
            vec![("host", "10.0.0.5:4243"), ("origin", "http://10.0.0.6:4243")],
            403,
        ),
        (
            "a form through the proxy",
            &open,
            "POST",
            vec![local, same, ("origin", "https://ops.example.com")],
            404,
        ),
        (
            "an origin that begins like ours",
            &open,
            "POST",
            vec![local, same, ("origin", "http://localhost:4243.evil.example")],
            403,
        ),
        ("another method", &open, "DELETE", vec![local], 405),
        ("no token", &guarded, "GET", vec![local], 401),
        (
            "a wrong token",
            &guarded,
            "GET",
            vec![local, ("authorization", "Bearer 0123456789abcdef0124")],
            401,
        ),
        (
            "the beginning of the token",
            &guarded,
            "GET",
            vec![local, ("authorization", "Bearer 0123456789abcdef")],
            401,
        ),
        ("the token", &guarded, "GET", vec![local, ("authorization", &bearer)], 200),
        (
            "the token under another name",
            &guarded,
            "GET",
            vec![("host", "rebound.example"), ("authorization", &bearer)],
            403,
        ),
        ("a session", &guarded, "GET", vec![local, ("cookie", &valid)], 200),
        ("a session that has ended", &guarded, "GET", vec![local, ("cookie", &expired)], 401),
        ("a session of another token", &guarded, "GET", vec![local, ("cookie", &other)], 401),
        ("a form without the token", &guarded, "POST", OURS.to_vec(), 401),
    ] {
        let response = pages.answer(method, "/hooks/events", &headers, "").await;
        assert_eq!(response.status().as_u16(), expected, "{what}");
    }
}

#[tokio::test]
async fn a_link_with_the_token_starts_a_session() {
    let pages = Pages::new(&Settings::default(), Some(TOKEN));
    let (status, page) = pages.get("/events").await;
    assert!(status == 401 && page.contains("admin-token-file"), "{page}");
    let response =
        pages.answer("GET", &format!("/events?q=parked&token={TOKEN}"), &[("host", "localhost")], "").await;
    assert_eq!(response.status(), 200);
    let cookie = response.headers()[SET_COOKIE].to_str().expect("it is text").to_owned();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/") && !cookie.contains(TOKEN), "{cookie}");
    let (_, page) = whole(response).await;
    assert!(page.contains("url=/events?q=parked\"") && !page.contains(TOKEN), "{page}");
    // A browser keeps a strict cookie to itself on the way from another site, so a page of ours must lead on.
    let cross = [("host", "localhost"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    let (status, page) = whole(pages.answer("GET", "/event?id=evt_1", &cross, "").await).await;
    assert!(status == 200 && page.contains("url=/event?id=evt_1\""), "{page}");
    let session = cookie.split(';').next().expect("it has a value");
    let response = pages.answer("GET", "/events", &[("host", "localhost"), ("cookie", session)], "").await;
    assert_eq!(response.status(), 200);
    let response = pages.answer("POST", "/login", &OURS, "token=wrong").await;
    assert!(response.status() == 401 && response.headers()[WWW_AUTHENTICATE] == "Bearer");
    let response = pages.answer("POST", "/login", &OURS, &format!("token={TOKEN}")).await;
    assert!(response.status() == 303 && response.headers().contains_key(SET_COOKIE));
    let form = OURS.into_iter().chain([("cookie", session)]).collect::<Vec<_>>();
    let response = pages.answer("POST", "/logout", &form, "").await;
    let gone = response.headers()[SET_COOKIE].to_str().expect("it is text");
    assert!(response.status() == 303 && gone.contains("=; ") && gone.ends_with("; Max-Age=0"), "{gone}");
}

#[tokio::test]
async fn health_is_told_without_a_token_and_under_any_name() {
    let pages = Pages::new(&Settings::default(), Some(TOKEN));
    let ask = async |path: &str| whole(pages.answer("GET", path, &[("host", "pod-17:4243")], "").await).await;
    assert_eq!(ask("/healthz").await, (StatusCode::OK, "ok\n".to_owned()));
    assert_eq!(ask("/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    pages.phase.enter(Stage::Working);
    assert_eq!(ask("/readyz").await, (StatusCode::OK, "ready\n".to_owned()));
    pages.phase.enter(Stage::Draining);
    pages.phase.enter(Stage::Working);
    assert_eq!(ask("/readyz").await, (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned()));
}

#[tokio::test]
async fn a_task_is_skipped_by_a_form_and_not_by_a_link() {
    let pages = Pages::new(&Settings::default(), None);
    pages.store(arrival("evt_1", &[free("a")])).await;
    let task = pages.tasks().await[0].task;
    let (status, _) = pages.get(&format!("/skip?task={task}&reason=x")).await;
    assert_eq!((status, pages.tasks().await[0].state), (StatusCode::NOT_FOUND, State::Ready));
    let response = pages.post("/skip", &format!("id=evt_1&task={task}")).await;
    assert_eq!(response.status(), 400, "a reason is missing");
    let response = pages.post("/skip", &format!("id=evt_1&task={task}&reason=known")).await;
    assert_eq!(response.headers()[LOCATION], "/event?id=evt_1&skipped=1");
    assert_eq!(pages.tasks().await[0].state, State::Skipped);
    let (_, page) = pages.get("/event?id=evt_1&skipped=1").await;
    assert!(page.contains("1 task skipped.") && page.contains("<pre>known</pre>"), "{page}");
}

#[tokio::test]
async fn pages_that_change_nothing_have_no_forms() {
    let pages = Pages::new(&Settings { admin_read_only: true, ..Settings::default() }, None);
    pages.store(arrival("evt_1", &[free("a")])).await;
    let (_, page) = pages.get("/event?id=evt_1").await;
    assert!(page.contains("read only") && !page.contains("method=\"post\""), "{page}");
    let task = pages.tasks().await[0].task;
    let response = pages.post("/skip", &format!("task={task}&reason=x")).await;
    assert_eq!((response.status(), pages.tasks().await[0].state), (StatusCode::FORBIDDEN, State::Ready));
}

#[tokio::test]
async fn what_came_from_outside_is_text() {
    let pages = Pages::new(&Settings::default(), None);
    let script = "<script>alert(1)</script>\u{202e}\"'&";
    let plain = NewEvent { object_id: Some(script.to_owned()), ..arrival(script, &[free("a")]) };
    let event = changed(plain, |envelope| {
        envelope.event_type = script.to_owned();
        envelope.account = Some(script.to_owned());
        envelope.body = Bytes::from(format!("{{\"{script}\":\"{script}\"}}"));
    });
    pages.store(event).await;
    let id = super::query::query_text(&[("id", Some(script))]);
    for path in ["/events".to_owned(), format!("/event?{id}"), format!("/events?q={}", &id[3..])] {
        let (status, page) = pages.get(&path).await;
        assert!(status == 200, "{path}: {status}");
        // The value of a field is what a form sends back.
        let shown: String =
            page.split("<input ").map(|part| part.split_once('>').map_or(part, |(_, rest)| rest)).collect();
        assert!(!page.contains("<script>alert") && !shown.contains('\u{202e}'), "{path}: {page}");
        assert!(page.contains("&#60;script&#62;alert(1)"), "{path}: {page}");
    }
}

/// Requests are received on the thread on which the pages are asked for.
#[tokio::test]
async fn much_that_is_parked_holds_up_nothing_else() {
    let pages = Pages::new(&Settings::default(), None);
    let error = "the bank does not answer ".repeat(160);
    let at_once = NewTask { at_once: StartMode::IfFree, ..free("a") };
    for number in 0..200 {
        let recorded =
            pages.store.record(arrival(&format!("evt_{number}"), std::slice::from_ref(&at_once))).await;
        let RecordResult::New { started, .. } = recorded.expect("it is stored") else { panic!("it is new") };
        let parked = Disposition::Parked { why: ParkReason::Exhausted, error: error.clone() };
        let ticket = started.first().expect("it has started").ticket;
        pages.store.finish(ticket, parked).await.expect("it is stored");
    }
    let (_, page) = pages.get("/parked").await;
    let key = page.split("/parked/confirm?").nth(1).and_then(|rest| rest.split('"').next());
    let confirm = format!("/parked/confirm?{}", key.expect("there is a group").replace("&#38;", "&"));
    let (_, overview) = pages.get("/").await;
    assert!(overview.contains("q=handler%3Aa+state%3Aparked+why%3Aexhausted"), "{overview}");
    for path in ["/parked", &confirm] {
        let (mut getting, began, mut polling) = (Box::pin(pages.get(path)), Instant::now(), Duration::ZERO);
        let (status, page) = poll_fn(|context| {
            let began = Instant::now();
            let polled = getting.as_mut().poll(context);
            polling += began.elapsed();
            polled
        })
        .await;
        assert!(status == 200 && page.contains("200"), "{path}: {status} {page}");
        let shown = page.matches("the bank does not answer").count();
        assert!((1..30).contains(&shown), "{path} has the beginning of a message, {shown}: {page}");
        assert!(polling < began.elapsed() / 2, "{path} took {polling:?} of {:?} here", began.elapsed());
    }
}

#[tokio::test]
async fn an_event_of_no_usual_time_is_shown() {
    let pages = Pages::new(&Settings::default(), None);
    // The first second of the year 10000 is the first that has no text in RFC 3339.
    for (created, shown) in [
        (253_402_300_799, "9999-12-31T23:59:59.000Z"),
        (253_402_300_800, "not from 1970 to 9999"),
        (i64::MAX, "not from 1970 to 9999"),
        (-1, "not from 1970 to 9999"),
        (i64::MIN, "not from 1970 to 9999"),
    ] {
        let id = format!("evt_{}", created.unsigned_abs());
        let at = |envelope: &mut Envelope| envelope.created = Some(Timestamp::from_unix_seconds(created));
        pages.store(changed(arrival(&id, &[free("a")]), at)).await;
        let (status, page) = pages.get(&format!("/event?id={id}")).await;
        assert!(status == 200 && page.contains(&format!("<dd>{shown}</dd>")), "{created}: {status} {page}");
        for path in ["/", "/events", "/live"] {
            assert_eq!(pages.get(path).await.0, StatusCode::OK, "{path}");
        }
    }
}

#[tokio::test]
async fn links_begin_with_the_path_of_the_proxy() {
    let settings =
        Settings { admin_url: Some("https://ops.example.com/hooks/".to_owned()), ..Settings::default() };
    let pages = Pages::new(&settings, None);
    for path in ["/hooks", "/hooks/", "/"] {
        let (status, page) = pages.get(path).await;
        assert!(status == 200 && page.contains("href=\"/hooks/events\""), "{path}: {page}");
    }
    assert_eq!(pages.get("/hooksevents").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn numbers_are_shown_to_who_has_the_token() {
    let pages = Pages::new(&Settings::default(), Some(TOKEN));
    assert_eq!(pages.get("/metrics").await.0, StatusCode::UNAUTHORIZED);
    pages.store(arrival("evt_1", &[free("a")])).await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("host", "127.0.0.1:4243"), ("authorization", &*bearer)];
    let (status, page) = whole(pages.answer("GET", "/metrics", &headers, "").await).await;
    assert!(status == 200 && page.contains("stripe_webhook_tasks{state=\"ready\"} 1"), "{page}");
}

#[tokio::test]
async fn every_answer_forbids_what_a_page_does_not_need() {
    let pages = Pages::new(&Settings::default(), Some(TOKEN));
    for path in ["/", "/healthz", "/nothing"] {
        let response = pages.answer("GET", path, &[("host", "localhost")], "").await;
        let header = |name: &str| response.headers()[name].to_str().expect("it is text").to_owned();
        assert!(header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "same-origin");
        assert_eq!(header("x-content-type-options"), "nosniff");
    }
}

/// The next piece of a stream, as text; `None` at its end.
async fn piece(body: &mut AdminBody) -> Option<String> {
    let piece = body.frame().await?.expect("it cannot fail").into_data().expect("it has no trailers");
    Some(String::from_utf8(piece.to_vec()).expect("it is text"))
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops_or_is_asked_to() {
    let pages = Pages::new(&Settings::default(), None);
    let stream = async || {
        let answer = pages.answer("GET", "/live/stream?cursor=0", &[("host", "localhost:4243")], "").await;
        answer.into_body()
    };
    let mut asked = stream().await.until(std::future::ready(()));
    while piece(&mut asked).await.is_some() {}
    let mut body = stream().await;
    assert_eq!(piece(&mut body).await.as_deref(), Some("retry: 500\n\n"));
    pages.store(arrival("evt_1", &[free("a")])).await;
    let seen = piece(&mut body).await.expect("the event is seen");
    assert!(
        seen.starts_with("event: row\ndata: <tr role=\"row\" id=\"event-1\">\n") && seen.contains("evt_1"),
        "{seen}"
    );
    pages.phase.enter(Stage::Draining);
    assert_eq!(piece(&mut body).await, None);
}

#[tokio::test]
async fn a_stream_begins_wherever_it_is_asked_to() {
    let pages = Pages::new(&Settings::default(), None);
    pages.store(arrival("evt_1", &[free("a")])).await;
    for cursor in [i64::MIN, 0, 2, i64::MAX] {
        for (path, shown) in [("/live/stream?", "event: row\n"), ("/event/stream?id=evt_1&", "retry: 500\n")]
        {
            let asked = format!("{path}cursor={cursor}");
            let answer = pages.answer("GET", &asked, &[("host", "localhost:4243")], "").await;
            let piece = piece(&mut answer.into_body()).await;
            assert!(piece.as_ref().is_some_and(|piece| piece.contains(shown)), "{asked}: {piece:?}");
        }
    }
}

#[tokio::test]
async fn a_form_that_is_too_long_is_answered_when_it_has_arrived() {
    let pages = Pages::new(&Settings::default(), None);
    // The last one is not read to its end.
    for (pieces, expected) in [(64, 404), (65, 413), (1_000, 413), (20_000, 413)] {
        let (to, body) = tokio::sync::mpsc::channel(1);
        let sending = async move {
            let mut sent = 0;
            while sent < pieces && to.send(Bytes::from_static(&[b'x'; 1024])).await.is_ok() {
                sent += 1;
            }
            sent
        };
        let request = Request::builder().method("POST").uri("/playground/send");
        let request = OURS.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let (head, body) = request.body(AdminBody::stream(body)).expect("it is a request").into_parts();
        let (answer, sent) = tokio::join!(pages.admin.answer(head, super::form(body), None), sending);
        let (status, page) = whole(answer).await;
        assert_eq!((status.as_u16(), page.contains("a form may have 64 KiB")), (expected, expected == 413));
        assert_eq!(sent == pieces, pieces <= 1_000, "{sent} of {pieces}");
    }
}

#[tokio::test]
async fn a_tile_links_to_exactly_what_it_counts() {
    let pages = Pages::new(&Settings::default(), None);
    for number in 0..3 {
        pages.store(arrival(&format!("evt_{number}"), &[serial("a")])).await;
    }
    // One runs, and has its lane for itself.
    let capacity = Capacity { slots: 10, handlers: [("a", 10)].into() };
    let claimed = pages.store.claim(capacity).await.expect("they can be claimed").claims;
    assert_eq!(claimed.len(), 1);
    for number in 3..6 {
        pages.store(arrival(&format!("evt_{number}"), &[free("b")])).await;
    }
    let (_, overview) = pages.get("/").await;
    for (state, tasks) in [("ready", 3), ("running", 1)] {
        let tile = overview.split(&format!("href=\"/events?q=state:{state}\"")).nth(1).expect("it is linked");
        assert!(tile.contains(&format!("<span class=\"number\">{tasks}</span>")), "{overview}");
        let (_, found) = pages.get(&format!("/events?q=state:{state}")).await;
        assert_eq!(found.matches(&format!("class=\"state {state}\"")).count(), tasks, "{found}");
    }
    assert!(overview.contains("and 2 blocked in their lanes"), "{overview}");
}

#[tokio::test]
async fn a_task_without_its_handler_says_why_it_stays_parked() {
    let pages = Pages::new(&Settings::default(), None);
    pages.store(arrival("evt_1", &[free("gone")])).await;
    pages.store.recover(["a"].into()).await.expect("it can be read");
    for path in ["/live", "/event?id=evt_1", "/parked", "/"] {
        assert!(pages.get(path).await.1.contains("the program has no such handler"), "{path}");
    }
    let answer = pages.post("/retry", "id=evt_1&cursor=1&task=1").await;
    let (_, page) = pages.get(answer.headers()[LOCATION].to_str().expect("it is text")).await;
    assert!(page.contains("one whose handler this program lacks cannot run"), "{page}");
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_does_not_read_keeps_no_place() {
    let server = with_inbox();
    let store = Arc::clone(&server.inbox.as_ref().expect("it has an inbox").worker.store);
    let live = Live::new(Duration::from_millis(1));
    let subject = Subject { live: live.clone(), ..server.subject() };
    let pages =
        Pages { phase: Arc::clone(&subject.phase), store, admin: Admin::new(subject, Reached::Directly) };
    let stream =
        async || pages.answer("GET", "/live/stream?cursor=0", &[("host", "localhost:4243")], "").await;
    let most = live.free.available_permits();
    let mut read = stream().await.into_body();
    let mut unread = Vec::new();
    for _ in 1..most {
        unread.push(stream().await);
    }
    assert_eq!(stream().await.status(), StatusCode::SERVICE_UNAVAILABLE);
    // More than wait for a browser. What the one stream shows, the others have seen, too, or see next.
    for number in 0..40 {
        let id = format!("evt_{number}.");
        pages.store(arrival(&id, &[])).await;
        while !piece(&mut read).await.expect("it goes on").contains(&id) {}
    }
    drop(read);
    let given_back = live.free.acquire_many(u32::try_from(most).expect("they are few"));
    let given_back = tokio::time::timeout(Duration::from_secs(60), given_back).await;
    drop(given_back.expect("no stream lasts for more than half a minute"));
    assert_eq!(stream().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn only_pages_with_a_stream_may_connect() {
    let pages = Pages::new(&Settings::default(), None);
    pages.store(arrival("evt_1", &[free("a")])).await;
    for (path, may) in [("/live", true), ("/event?id=evt_1", true), ("/", false), ("/events", false)] {
        let answer = pages.answer("GET", path, &[("host", "localhost:4243")], "").await;
        let policy = answer.headers()["content-security-policy"].to_str().expect("it is ASCII");
        assert_eq!(policy.ends_with("; connect-src 'self'"), may, "{path}: {policy}");
        assert!(policy.starts_with("default-src 'none'; "), "{path}");
    }
}

#[tokio::test]
async fn what_an_event_contains_cannot_end_a_message_or_become_markup() {
    let pages = Pages::new(&Settings::default(), None);
    let hostile = "<script>x\r\n\r\nevent: end\u{202e}";
    let event = changed(arrival("evt_1", &[free("a")]), |it| it.event_type = hostile.to_owned());
    pages.store(event).await;
    let answer = pages.answer("GET", "/live/stream?cursor=0", &[("host", "localhost:4243")], "").await;
    let text = piece(&mut answer.into_body()).await.expect("it begins");
    assert!(text.contains("&#60;script&#62;x⟨U+000D⟩\ndata: ⟨U+000D⟩\ndata: event: end⟨U+202E⟩"), "{text}");
}
