//! What a proxy before PostgreSQL loses of a connection, as the connection's own statements ask.

use std::time::Duration;

use test_postgres::{Direction, Fate};

/// What happens to a connection's next `COMMIT`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Loss {
    /// The server gets it, and the connection is closed before its answer.
    Cut,
    /// The server gets it, and its answer never arrives.
    Hang,
    /// The server never gets it. After 15 seconds, the connection is closed.
    Stall,
}

/// The rule of one connection.
pub fn losses() -> impl FnMut(Direction, &[u8]) -> Fate + Send + 'static {
    let (mut loss, mut has_committed) = (None, false);
    move |direction, message| {
        if direction == Direction::ToServer {
            for (word, what) in
                [("/* cut */", Loss::Cut), ("/* hang */", Loss::Hang), ("/* stall */", Loss::Stall)]
            {
                if contains(message, word.as_bytes()) {
                    loss = Some(what);
                }
            }
            has_committed |= loss.is_some() && contains(message, b"COMMIT\0");
        }
        match (has_committed.then_some(loss).flatten(), direction) {
            (Some(Loss::Stall), _) => {
                std::thread::sleep(Duration::from_secs(15));
                Fate::Cut
            }
            (Some(Loss::Cut), Direction::ToClient) => Fate::Cut,
            (Some(Loss::Hang), Direction::ToClient) => Fate::Lose,
            _ => Fate::Pass,
        }
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
