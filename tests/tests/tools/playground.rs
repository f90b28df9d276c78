//! The playground of `dev`: a person makes up an event in a form.

use std::net::SocketAddr;

use product_tests::{Answer, Process, SECRET, Server, Stream, exchange, program, until};

/// `dev` with its admin pages.
struct Dev {
    process: Process,
    admin: SocketAddr,
}

impl Dev {
    fn start(program_path: &str) -> Self {
        let arguments = ["dev", "--no-samples", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        let process = Process::start(program(program_path).args(arguments));
        let admin = process.line(Stream::Stdout, |line| {
            line.strip_prefix("Playground on http://")?.strip_suffix("/playground")?.parse().ok()
        });
        Self { process, admin }
    }

    fn get(&self, path: &str) -> Answer {
        exchange(self.admin, "GET", path, &[], b"")
    }

    /// Sends a form of one of its pages.
    fn post(&self, path: &str, form: &str) -> Answer {
        post(self.admin, path, form)
    }

    fn stop(self) {
        self.process.signal("TERM");
        self.process.wait().with_code(0);
    }
}

fn post(admin: SocketAddr, path: &str, form: &str) -> Answer {
    let origin = format!("http://{admin}");
    let headers = [
        ("Origin", origin.as_bytes()),
        ("Sec-Fetch-Site", b"same-origin"),
        ("Content-Type", b"application/x-www-form-urlencoded"),
    ];
    exchange(admin, "POST", path, &headers, form.as_bytes())
}

/// The page that an answer leads to.
fn next(answer: &Answer) -> &str {
    assert_eq!(answer.status(), 303, "{answer:?}");
    answer.header("location").expect("it says where to go")
}

#[test]
fn a_made_up_event_is_handled_and_shown() {
    let dev = Dev::start(env!("CARGO_BIN_EXE_operated"));
    let page = dev.get("/playground?type=payout.paid&seed=7&at=1790000000").body;
    assert!(page.contains("<code>operated::booked</code>, <code>operated::paid</code>"), "{page}");
    assert!(
        page.contains("name=\"f:amount\" value=\"")
            && page.contains("<option selected>bank_account</option>"),
        "{page}"
    );
    let sent = "type=payout.paid&seed=7&at=1790000000&f:amount=4321";
    let event = next(&dev.post("/playground/send", sent)).to_owned();
    let id = event.strip_prefix("/event?id=").expect("it is the page of an event").to_owned();
    dev.process.line_with(Stream::Stdout, &format!("paid: {id} replay=false"));
    let shown = dev.get(&event).body;
    assert!(shown.contains("<span class=\"number\">4321</span>"), "{shown}");
    let again = next(&dev.post("/playground/send", sent)).to_owned();
    assert_ne!(again, event, "another event has another id");
    // The same again is a duplicate.
    let page = next(&dev.post("/playground/again", &format!("id={id}&cursor=1"))).to_owned();
    let shown = dev.get(&page).body;
    assert!(shown.contains("Sent again, and answered 200") && shown.contains("<dd>2</dd>"), "{shown}");
    dev.stop();
}

#[test]
fn what_is_wrong_stands_beside_its_field() {
    let dev = Dev::start(env!("CARGO_BIN_EXE_operated"));
    let form = "type=payout.paid&seed=7&at=1790000000&f:amount=many&f:currency=eur&f:type=lost";
    let answer = dev.post("/playground/send", form);
    assert_eq!(answer.status(), 422);
    for part in [
        "value=\"many\"",
        "value=\"eur\"",
        "<p class=\"error\" id=\"e:amount\">`amount` cannot be `many`: expected integer</p>",
        "<option selected>lost</option>",
        "id=\"e:type\">`type` cannot be `lost`: expected ",
    ] {
        assert!(answer.body.contains(part), "{part}: {}", answer.body);
    }
    let answer = dev.post("/playground/send", "type=payout.paid&json=%5B1%5D");
    assert!(answer.status() == 422 && answer.body.contains("This is not an object"), "{}", answer.body);
    assert!(dev.get("/events").body.contains("No event has arrived yet."), "nothing was sent");
    let object = "%7B%22object%22%3A%22payout%22%2C%22id%22%3A%22po_hand%22%7D";
    let event = next(&dev.post("/playground/send", &format!("type=payout.paid&json={object}"))).to_owned();
    assert!(dev.get(&event).body.contains("po_hand"));
    dev.stop();
}

#[test]
fn a_refusal_and_a_story_can_be_seen() {
    let dev = Dev::start(env!("CARGO_BIN_EXE_operated"));
    let answer = dev.post("/playground/send", "type=payout.paid&seed=7&signed=wrongly");
    let page = dev.get(next(&answer)).body;
    assert!(page.contains("Refused with 400, as it should be"), "{page}");
    assert!(dev.get("/events").body.contains("No event has arrived yet."));
    assert_eq!(next(&dev.post("/playground/story", "story=subscription")), "/live");
    until("the story is shown", || dev.get("/live").body.contains("customer.subscription.deleted"));
    let nothing = dev.post("/playground/story", "story=of-nothing");
    assert_eq!(nothing.status(), 404, "{}", nothing.body);
    dev.stop();
}

#[test]
fn what_serves_has_no_playground() {
    let mut command = program(env!("CARGO_BIN_EXE_operated"));
    command.env("STRIPE_WEBHOOK_SECRET", SECRET);
    let (server, admin) = Server::with_admin(&mut command, &[]);
    assert_eq!(exchange(admin, "GET", "/playground", &[], b"").status(), 404);
    for path in ["send", "story", "again"] {
        let answer = post(admin, &format!("/playground/{path}"), "type=payout.paid&story=subscription");
        assert_eq!(answer.status(), 404, "{path}");
    }
    let page = exchange(admin, "GET", "/", &[], b"").body;
    assert!(!page.contains("layground"), "{page}");
    server.stop();
}
