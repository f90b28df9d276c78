//! The fake as a process of its own: prints its URL, and runs until it is killed. `fake-stripe [PORT]`

use std::io::Write;

use fake_stripe::Fake;

fn main() {
    let port = std::env::args().nth(1).map_or(0, |port| port.parse().expect("PORT is a number"));
    let listening = Fake::new().listen_on(port);
    let mut out = std::io::stdout();
    writeln!(out, "{}", listening.url()).and_then(|()| out.flush()).expect("the URL is read");
    listening.wait();
}
