//! HTTP as bytes on a socket: what no HTTP library would send can be sent here, and every byte of an answer is seen.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::PATIENCE;

/// One connection to a server.
pub struct Connection(TcpStream);

impl Connection {
    #[track_caller]
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("the timeout is not zero");
        Self(stream)
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Sends bytes to a server that may have closed the connection.
    ///
    /// # Errors
    ///
    /// Fails if it has.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.0.write_all(bytes.as_ref())
    }

    /// Tells the server that nothing more comes.
    pub fn half_close(&mut self) {
        // The server may have closed the connection.
        let _ = self.0.shutdown(Shutdown::Write);
    }

    /// The same connection, for another thread.
    #[must_use]
    pub fn second(&self) -> Self {
        Self(self.0.try_clone().expect("the system has descriptors"))
    }

    /// Reads one answer; `None` if the connection is closed before it begins.
    #[track_caller]
    pub fn try_answer(&mut self) -> Option<Answer> {
        match self.0.peek(&mut [0]) {
            Ok(0) => None,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            _ => Some(self.answer()),
        }
    }

    /// Reads an answer without a body: a 100, or the answer to a HEAD request.
    #[track_caller]
    pub fn answer_without_body(&mut self) -> Answer {
        self.answer_with_body(false)
    }

    /// Reads one answer: the head, then as much of a body as it announces.
    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        self.answer_with_body(true)
    }

    fn answer_with_body(&mut self, has_body: bool) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            let length = match self.0.read(&mut byte) {
                // With a time limit, a pause of the whole process interrupts it.
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read.expect("the server answers in time"),
            };
            let so_far = String::from_utf8_lossy(&head).into_owned();
            assert_eq!(length, 1, "the server closed the connection; the answer so far: {so_far:?}");
            head.push(byte[0]);
        }
        let mut answer =
            Answer { head: String::from_utf8(head).expect("a head is ASCII"), body: String::new() };
        if has_body {
            let length = answer.header("content-length").and_then(|text| text.parse().ok());
            let mut body = vec![0; length.expect("an answer has a length")];
            self.0.read_exact(&mut body).expect("the body is as long as announced");
            answer.body = String::from_utf8(body).expect("our answers are text");
        }
        answer
    }

    /// Reads until a text has come, and returns everything up to its end.
    #[track_caller]
    pub fn read_until(&mut self, text: &str) -> String {
        let mut seen = Vec::new();
        while !seen.ends_with(text.as_bytes()) {
            let mut byte = [0];
            let length = self.0.read(&mut byte).expect("more comes in time");
            assert_eq!(length, 1, "it ended before {text:?}: {}", String::from_utf8_lossy(&seen));
            seen.push(byte[0]);
        }
        String::from_utf8(seen).expect("it is text")
    }

    /// Reads until the server closes the connection.
    ///
    /// # Errors
    ///
    /// Fails if it resets it.
    pub fn read_rest(&mut self, into: &mut Vec<u8>) -> Result<usize> {
        self.0.read_to_end(into)
    }

    /// Tells whether the server has closed its side: nothing more comes.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0))
    }
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status line and headers.
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn status(&self) -> u16 {
        let code = self.head.split(' ').nth(1).and_then(|code| code.parse().ok());
        code.unwrap_or_else(|| panic!("no status: {}", self.head))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(key, value)| key.trim().eq_ignore_ascii_case(name).then_some(value.trim()))
    }

    /// All of it but the clock: what two answers must have in common so that a sender cannot tell them apart.
    pub fn timeless(&self) -> String {
        let lines = self.head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("date:"));
        lines.chain([&*self.body]).collect::<Vec<_>>().join("\n")
    }
}

/// Sends one request on a connection of its own. The body's length is added unless the headers frame it.
#[track_caller]
pub fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &[u8])],
    body: &[u8],
) -> Answer {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n").into_bytes();
    let framed = |name: &str| ["content-length", "transfer-encoding"].contains(&&*name.to_ascii_lowercase());
    for (name, value) in headers {
        request.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    if !headers.iter().any(|(name, _)| framed(name)) {
        request.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(body);
    let mut connection = Connection::open(address);
    connection.send(request);
    if method == "HEAD" { connection.answer_without_body() } else { connection.answer() }
}
