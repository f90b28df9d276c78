//! The order of tasks, and what becomes of them when they are dropped.

use std::future::{pending, ready};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// Sends its text when it is dropped.
struct Dropped(&'static str, Sender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.1.send(self.0);
    }
}

/// A thread that is in a computation until a value is sent.
fn busy() -> (Handshakes, Sender<()>, Handshake<()>) {
    let handshakes = Handshakes::start().expect("there can be another thread");
    let (go_on, computing) = occupy(&handshakes);
    (handshakes, go_on, computing)
}

/// Brings the thread into a computation until a value is sent.
fn occupy(handshakes: &Handshakes) -> (Sender<()>, Handshake<()>) {
    let ((begin, begun), (go_on, told)) = (channel(), channel());
    let computing = handshakes.begin(false, async move {
        begin.send(()).expect("the test waits for it");
        let _ = told.recv();
    });
    begun.recv().expect("the thread computes it");
    (go_on, computing)
}

/// What arrived so far, and until all senders are gone.
fn all(texts: Receiver<&'static str>) -> Vec<&'static str> {
    texts.iter().collect()
}

#[test]
fn known_networks_come_first_and_then_the_newest() {
    let (handshakes, go_on, _computing) = busy();
    let (done, texts) = channel();
    let begin = |name, is_known| {
        let done = done.clone();
        handshakes.begin(is_known, async move { done.send(name) })
    };
    let _queued = [
        begin("stranger", false),
        begin("known", true),
        begin("newer stranger", false),
        begin("newer known", true),
        begin("newest stranger", false),
    ];
    drop(done);
    go_on.send(()).expect("the thread waits for it");
    assert_eq!(all(texts), ["newer known", "known", "newest stranger", "newer stranger", "stranger"]);
}

#[test]
fn handshakes_that_were_answered_come_before_new_ones_of_their_class() {
    let handshakes = Handshakes::start().expect("there can be another thread");
    let (done, texts) = channel();
    let begin = |name, is_known, is_answered| {
        let (done, (peer, message)) = (done.clone(), oneshot::channel::<()>());
        let handshake = handshakes.begin(is_known, async move {
            if is_answered {
                note_answer();
            }
            let _ = message.await;
            done.send(name)
        });
        (peer, handshake)
    };
    let (peers, mut waiting): (Vec<_>, Vec<_>) = [
        begin("answered stranger", false, true),
        begin("connected stranger", false, false),
        begin("answered known", true, true),
        begin("connected known", true, false),
        begin("dropped", true, true),
    ]
    .into_iter()
    .unzip();
    // The last one was taken from the queue, so all of them wait for their peers when the next one is computed.
    while handshakes.queued() > 0 {
        thread::yield_now();
    }
    let (go_on, _computing) = occupy(&handshakes);
    let _new =
        [begin("new stranger", false, false), begin("new known", true, false)].map(|(peer, handshake)| {
            drop(peer);
            handshake
        });
    // Their peers send: each is queued.
    drop(peers);
    assert_eq!(handshakes.queued(), 7);
    drop(waiting.pop());
    assert_eq!(handshakes.queued(), 6);
    drop(done);
    go_on.send(()).expect("the thread waits for it");
    let expected = [
        "answered known",
        "new known",
        "connected known",
        "answered stranger",
        "new stranger",
        "connected stranger",
    ];
    assert_eq!(all(texts), expected);
}

#[test]
fn a_handshake_that_is_dropped_ends_at_once_wherever_it_is() {
    let (handshakes, go_on, computing) = busy();
    let (sender, texts) = channel();
    let held = |name| Dropped(name, sender.clone());

    // It waits in the queue.
    let (was_computed, queued) = (Arc::new(Mutex::new(false)), held("queued"));
    let note = Arc::clone(&was_computed);
    let queued = handshakes.begin(true, async move {
        let _held = queued;
        *note.lock().expect("no panic") = true;
    });
    drop(queued);
    assert_eq!(texts.recv(), Ok("queued"));

    // It is being computed: the thread drops it when it is done with that.
    drop(computing);
    go_on.send(()).expect("the thread waits for it");

    // It waits for its peer.
    let (begin, begun) = channel();
    let waiting = held("waiting");
    let waiting = handshakes.begin(false, async move {
        let _held = waiting;
        begin.send(()).expect("the test waits for it");
        pending::<()>().await;
    });
    begun.recv().expect("the thread computes it");
    drop(waiting);
    assert_eq!(texts.recv(), Ok("waiting"));
    assert!(!*was_computed.lock().expect("no panic"));
}

#[tokio::test]
async fn a_handshake_that_panics_harms_no_other() {
    let handshakes = Handshakes::start().expect("there can be another thread");
    let panicked = handshakes.begin(true, async { panic!("on purpose") });
    let error = panicked.await.map(|(): ()| ()).expect_err("it panicked");
    assert_eq!(error.to_string(), "the handshake was dropped before its end");
    assert_eq!(handshakes.begin(false, ready(1)).await.expect("the thread goes on"), 1);
}

#[test]
fn the_thread_ends_with_its_owner_and_leaves_what_is_queued() {
    let (handshakes, go_on, _computing) = busy();
    let queue = Arc::downgrade(&handshakes.0);
    let (sender, texts) = channel();
    let held = Dropped("never computed", sender);
    let queued = handshakes.begin(true, async move {
        let _held = held;
        unreachable!("the thread ends before that");
    });
    drop(handshakes);
    go_on.send(()).expect("the thread waits for it");
    drop((queued, _computing));
    assert_eq!(all(texts), ["never computed"]);
    // The thread holds it until its end.
    while queue.strong_count() > 0 {
        thread::yield_now();
    }
}
